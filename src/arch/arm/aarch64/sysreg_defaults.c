/* SPDX-License-Identifier: BSD-2-Clause */
/* What trapped registers do under a VMM that supports none of these features (Arm ARM, D17). */
#include "arch/arm/sysreg.h"

#define REG(op0, op1, crn, crm, op2) .id = VMMP_ARM_SYSREG(op0, op1, crn, crm, op2)

#define CARE_OP0      VMMP_ARM_SYSREG(3, 0, 0, 0, 0)
#define CARE_CRN      VMMP_ARM_SYSREG(3, 7, 15, 0, 0)
#define CARE_CRM      VMMP_ARM_SYSREG(3, 7, 15, 15, 0)
#define CARE_CRM_8_UP VMMP_ARM_SYSREG(3, 7, 15, 8, 0)
#define CARE_KIND     (VMMP_ARM_CP_FLAG | VMMP_ARM_64_FLAG)
#define CARE_CP       (CARE_KIND | UINT32_C(15) << 18)
#define CARE_CP_CRM   (CARE_CP | VMMP_ARM_SYSREG(0, 7, 15, 15, 0))

const struct vmmp_arm_sysreg vmmp_arm_default_sysregs[] = {
    /* Debug and trace: without effect. */
    { REG(2, 0, 0, 0, 0), .care = CARE_KIND | CARE_OP0 },
#if defined(CONFIG_ARM_CORTEX_A57)
    { REG(3, 1, 15, 2, 0) }, /* L2 control of the Cortex-A57. */
#endif
    /* Feature registers, those not yet assigned included: read-only, without the feature. */
    { REG(3, 0, 0, 0, 0), .care = CARE_KIND | CARE_CRN, .write_undefined = true },
    { REG(3, 1, 0, 0, 0), .care = CARE_KIND | CARE_CRN, .write_undefined = true },
    { REG(3, 2, 0, 0, 0) }, /* CSSELR_EL1: there are no caches to select. */
    { REG(3, 0, 1, 0, 1) }, /* ACTLR_EL1 */
    /* A performance monitor without counters. */
    { REG(3, 3, 9, 12, 0), .care = CARE_KIND | CARE_CRM },
    { REG(3, 3, 9, 13, 0), .care = CARE_KIND | CARE_CRM },
    { REG(3, 3, 9, 14, 0), .care = CARE_KIND | CARE_CRM },
    { REG(3, 0, 9, 14, 0), .care = CARE_KIND | CARE_CRM },
    { REG(3, 3, 14, 8, 0), .care = CARE_KIND | CARE_CRM_8_UP },
    /* Error records: there are none. */
    { REG(3, 0, 5, 3, 0), .care = CARE_KIND | CARE_CRM },
    /* Limited ordering regions: there are none. */
    { REG(3, 0, 10, 4, 0), .care = CARE_KIND | CARE_CRM },
    /* Maintenance by set and way: the caches are coherent with the VMM's. */
    { REG(1, 0, 7, 6, 2), .read_undefined = true },
    { REG(1, 0, 7, 10, 2), .read_undefined = true },
    { REG(1, 0, 7, 14, 2), .read_undefined = true },
    /* AArch32 at EL0: debug registers, and the performance monitor. */
    { .id = VMMP_ARM_CP32(14, 0, 0, 0, 0), .care = CARE_CP },
    { .id = VMMP_ARM_CP64(14, 0, 0), .care = CARE_CP },
    { .id = VMMP_ARM_CP32(15, 0, 9, 12, 0), .care = CARE_CP_CRM },
    { .id = VMMP_ARM_CP32(15, 0, 9, 13, 0), .care = CARE_CP_CRM },
    { .id = VMMP_ARM_CP32(15, 0, 9, 14, 0), .care = CARE_CP_CRM },
};
const unsigned vmmp_arm_default_sysreg_count =
    sizeof(vmmp_arm_default_sysregs) / sizeof(vmmp_arm_default_sysregs[0]);
