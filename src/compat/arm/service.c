/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/service.h>

#include "sel4/service.h"

int vmm_install_service(vm_t *vm, seL4_CPtr service, int index, uint32_t badge)
{
    if (!vm || index < 0 || index >= 1 << VM_CSPACE_SIZE_BITS) {
        return seL4_InvalidArgument;
    }
    return vmmp_sys_install_service(vm, service, (seL4_Word)index, badge);
}
