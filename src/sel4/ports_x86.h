/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O ports of x86, for the rooms above: src/sel4/x86/ports.c, hosted/src/arch/x86/ioports.c. */
#pragma once

#include <sel4vm/guest_vm.h>

/**
 * Lets the VM's callback for unhandled ports be called by several vCPU threads at once. Without it
 * a host with threads serialises it with everything else in the VM, as clients of libsel4vm expect.
 */
void vmmp_sys_ports_unserialised(vm_t *vm);
