/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions that a VMM makes its guest take, as the hardware would: the guest's status and return
 * address are saved, and its vector is entered.
 *
 * To be called while the vCPU is stopped at an instruction, from the handler of its fault, which
 * then ends with restart_vcpu_fault(). The exception's return address is that instruction.
 *
 * Functions return 0; -ENOTSUP where the host does not give the registers it takes; -EIO if
 * libsel4vm refuses. Nothing has changed then.
 *
 * AArch32 on seL4: the kernel does not show VBAR. A guest with low vectors has them at 0.
 *
 * Sources: Arm ARM DDI 0487, D1.3 "Exceptions" and G1.12; DDI 0406, B1.8.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Undefined instruction. */
int vmmp_arm_inject_undefined(vm_vcpu_t *vcpu);

/** Fault status codes (Arm ARM, ISS of aborts, DFSC). */
#define VMMP_ARM_FSC_EXTERNAL  0x10u
#define VMMP_ARM_FSC_ALIGNMENT 0x21u
#define VMMP_ARM_FSC_EXCLUSIVE 0x35u /**< Unsupported exclusive or atomic access. */

struct vmmp_arm_abort {
    bool fetch;         /**< Instruction, else data. */
    bool write;         /**< Data. */
    uint8_t fsc;        /**< VMMP_ARM_FSC_EXTERNAL and its like. */
    bool address_valid; /**< `address` is known. */
    uint64_t address;   /**< Virtual, of the access. */
};

/** Instruction or data abort. */
int vmmp_arm_inject_abort(vm_vcpu_t *vcpu, const struct vmmp_arm_abort *abort);

/**
 * AArch64: a synchronous exception with this class and ISS; for aborts and the like the class of a
 * lower level, which becomes that of the same level if it is. AArch32 has no syndromes: an
 * undefined instruction.
 */
int vmmp_arm_inject_syndrome(vm_vcpu_t *vcpu, uint32_t syndrome);

#ifdef __cplusplus
}
#endif
