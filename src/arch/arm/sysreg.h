/* SPDX-License-Identifier: BSD-2-Clause */
/* System registers of guests that trap. */
#pragma once

#include <sel4vmmplatsupport/vmmp/arm_exceptions.h>

/** Registers that behave so unless a VM's own table has them, first match first. */
extern const struct vmmp_arm_sysreg vmmp_arm_default_sysregs[];
extern const unsigned vmmp_arm_default_sysreg_count;

/**
 * Does what a trapped MRS, MSR, MRC, MCR, MRRC or MCRR would; the caller completes the instruction.
 * VMMP_ARM_ADVANCE, VMMP_ARM_UNDEFINED, or VMMP_ARM_FAILED if libsel4vm refuses its registers.
 */
enum vmmp_arm_verdict vmmp_arm_sysreg_access(const struct vmmp_arm_exceptions *exceptions,
                                             vm_vcpu_t *vcpu,
                                             const struct vmmp_arm_exception *exception);
