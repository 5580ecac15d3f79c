/* SPDX-License-Identifier: BSD-2-Clause */
#include "sel4/ports_x86.h"

void vmmp_sys_ports_unserialised(vm_t *vm)
{
    /* A VMM here has one thread. */
    (void)vm;
}
