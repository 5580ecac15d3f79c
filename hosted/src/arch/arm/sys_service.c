/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's capabilities (src/sel4/service.h): Linux has none. */
#include "hosted.h"
#include "sel4/service.h"

int vmmp_sys_install_service(vm_t *vm, seL4_CPtr service, seL4_Word index, seL4_Word badge)
{
    (void)service;
    (void)index;
    (void)badge;
    hosted_say(vm->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
               "a guest of a program on Linux has no capabilities to call services by");
    return seL4_IllegalOperation;
}
