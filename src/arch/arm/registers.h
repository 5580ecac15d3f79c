/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a guest's vCPU as its instructions name them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/guest_vm.h>

/* Saved program status, AArch32 (Arm ARM, CPSR); the same bits of SPSR_EL2 after AArch32. */
#define VMMP_PSR_MODE    UINT32_C(0x1f)
#define VMMP_PSR_AARCH32 UINT32_C(0x10)
#define VMMP_PSR_THUMB   UINT32_C(0x20)
#define VMMP_PSR_IT_LOW  UINT32_C(0x06000000) /* IT[1:0] */
#define VMMP_PSR_IT_HIGH UINT32_C(0x0000fc00) /* IT[7:2] */
#define VMMP_PSR_NZCV    UINT32_C(0xf0000000)

#define VMMP_ZERO_REGISTER 31u

/** The processor status of a context: SPSR of AArch64, CPSR of AArch32. */
static inline uint32_t vmmp_arm_status(const seL4_UserContext *context)
{
#if defined(CONFIG_ARCH_AARCH64)
    return (uint32_t)context->spsr;
#else
    return (uint32_t)context->cpsr;
#endif
}

/** Whether the instruction was an AArch32 one. */
static inline bool vmmp_arm_is_aarch32(const seL4_UserContext *context)
{
    return vmmp_arm_status(context) & VMMP_PSR_AARCH32;
}

#if defined(CONFIG_ARCH_AARCH64)
/** The AArch64 register that holds register `number` (0 to 14) of AArch32's mode in `status`. */
unsigned vmmp_arm_banked_register(uint32_t status, unsigned number);
#endif

/**
 * Register `number` (0 to 30, or 0 to 14 of the present mode in AArch32). AArch64's 31 is the zero
 * register. 0; -EIO if libsel4vm does not give it; -EINVAL for other numbers.
 */
int vmmp_arm_register_get(vm_vcpu_t *vcpu, const seL4_UserContext *context, unsigned number,
                          uint64_t *value);
/** Changes `context`, or, for banked registers, the vCPU. `value` is cut to a register. */
int vmmp_arm_register_set(vm_vcpu_t *vcpu, seL4_UserContext *context, unsigned number,
                          uint64_t value);

/** Whether an AArch32 condition (0 to 15) holds with these flags. */
bool vmmp_arm_condition_holds(uint32_t status, unsigned condition);
/** The status after one instruction of an IT block; outside of one, unchanged. */
uint32_t vmmp_arm_status_after(uint32_t status);
