/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an interrupt line reaches the guest's interrupt controller on this host:
 * vm_set_irq_level() on Linux and on x86, vm_inject_irq() plus acknowledgement on seL4 for ARM,
 * where libsel4vm declares the former but does not define it.
 */
#pragma once

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

/** Registers `irq` with libsel4vm and initialises `line` with the host's binding. 0 or -errno. */
int vmmp_sys_irq_line_init(struct vmmp_vm *vmmp, struct vmmp_irq_line *line, int irq);
