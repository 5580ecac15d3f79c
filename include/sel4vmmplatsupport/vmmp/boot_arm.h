/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state in which an ARM guest's vCPU is entered, and vCPUs that are ready to be.
 *
 * Threads: before the vCPU runs, or from a handler of the same vCPU's VM while it is stopped.
 * Hostile guest: `pc` and `context` come from PSCI CPU_ON; any value is fine.
 * Sources: Linux Documentation/arch/arm64/booting.rst and arch/arm/booting.rst; PSCI (DEN0022) 6.4.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct seL4_UserContext_; /* seL4_UserContext, where there is one. */

enum vmmp_arm_mode {
    VMMP_ARM_MODE_AARCH64, /**< EL1 with its own stack pointer. */
    VMMP_ARM_MODE_AARCH32, /**< Supervisor mode, ARM or Thumb by bit 0 of `pc`. */
};

struct vmmp_arm_entry {
    enum vmmp_arm_mode mode;
    bool interrupts_masked; /**< As both boot protocols and PSCI want it. */
    uint64_t pc;
    /**
     * x0 to x3, r0 to r3. Linux: AArch64 { dtb, 0, 0, 0 }; AArch32 { 0, machine or ~0, dtb, 0 };
     * CPU_ON { context, 0, 0, 0 }.
     */
    uint64_t registers[4];
};

/**
 * Gives `vcpu` that state, all its other general registers zero. 0; -EINVAL for a NULL argument, or
 * for AArch64 on a 32-bit host or values that its registers cannot hold; -EIO if libsel4vm refuses.
 */
int vmmp_arm_enter(vm_vcpu_t *vcpu, const struct vmmp_arm_entry *entry);

/**
 * Starts `vcpu`, or has it begin anew, with its system registers as after a reset: for boards whose
 * CPUs are turned on by other means than PSCI. It gets the affinity `target` if it has none. Also
 * while the VM runs, from any thread, with a device's context entered. 0; -EINVAL as above; -EIO if
 * libsel4vm refuses; -ENOTSUP.
 */
int vmmp_arm_start(vm_vcpu_t *vcpu, unsigned target, const struct vmmp_arm_entry *entry);

/** The registers of that state. 0 or -EINVAL, as above. */
int vmmp_arm_entry_context(const struct vmmp_arm_entry *entry, struct seL4_UserContext_ *context);

#ifdef __cplusplus
}
#endif
