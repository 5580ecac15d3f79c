/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the kernel can do for an ARM vCPU: nothing, on Linux, whose KVM does it all. */
#pragma once

#include <sel4vm/guest_vm.h>

/** The guest has finished a PPI that the kernel masked when it came (the virtual timer's). */
void vmmp_sys_ack_ppi(vm_vcpu_t *vcpu, int irq);

#if defined(CONFIG_ARCH_AARCH64)
/**
 * Makes the secure monitor call in `regs`, x0 to x7, with the right that `smc` is, and puts the
 * results there. 0; -1 if the kernel refuses, or there is none.
 */
int vmmp_sys_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs, seL4_CPtr smc);
#endif
