/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the host can do for an ARM vCPU. */
#pragma once

#include <stdbool.h>

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/vmmp/boot_arm.h>

/** The guest has finished or enabled a PPI that the kernel masks when it comes (the virtual
 * timer's).
 */
void vmmp_sys_ack_ppi(vm_vcpu_t *vcpu, int irq);

#if defined(CONFIG_ARCH_AARCH64)
/**
 * Makes the secure monitor call in `regs`, x0 to x7, with the right that `smc` is, and puts the
 * results there. 0; -1 if the kernel refuses, or there is none.
 */
int vmmp_sys_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs, seL4_CPtr smc);
#endif

/**
 * `vcpu`, which is off (never started, or stopped by vmmp_sys_vcpu_off()) and has its target, runs
 * from `entry`, its system registers as after a reset. On seL4: vcpu_start() the first time, then
 * TCB resume. 0 or -errno.
 */
int vmmp_sys_vcpu_on(vm_vcpu_t *vcpu, const struct vmmp_arm_entry *entry);

/**
 * `vcpu`, whose fault is being handled, executes nothing more once that is completed. On seL4: TCB
 * suspend; never vm_assign_vcpu_target(-1), which fails while another vCPU has no target.
 * 0 or -errno.
 */
int vmmp_sys_vcpu_off(vm_vcpu_t *vcpu);

/** Whether vmmp_sys_vcpu_suspend() works on this host. */
bool vmmp_sys_vcpu_can_suspend(const vm_t *vm);

/**
 * `vcpu`, whose fault is being handled, waits for an interrupt once that is completed, then
 * `resumed` (may be NULL) is called in its thread, outside all contexts. `reset`: its system
 * registers are as after a reset; the others are the caller's to set. 0 or -errno.
 */
int vmmp_sys_vcpu_suspend(vm_vcpu_t *vcpu, bool reset,
                          void (*resumed)(void *cookie, vm_vcpu_t *vcpu), void *cookie);

/** None of the VM's vCPUs executes anything more once the fault in progress is completed. */
void vmmp_sys_vm_end(vm_t *vm);
