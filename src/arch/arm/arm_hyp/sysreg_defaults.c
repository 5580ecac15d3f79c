/* SPDX-License-Identifier: BSD-2-Clause */
/* What trapped registers do under a VMM that supports none of these features (DDI 0406, B4). */
#include "arch/arm/sysreg.h"

#define CP15(opc1, crn, crm, opc2) .id = VMMP_ARM_CP32(15, opc1, crn, crm, opc2)

#define CARE_CP  (VMMP_ARM_CP_FLAG | VMMP_ARM_64_FLAG | UINT32_C(15) << 18)
#define CARE_CRN (CARE_CP | VMMP_ARM_SYSREG(0, 7, 15, 0, 0))
#define CARE_CRM (CARE_CP | VMMP_ARM_SYSREG(0, 7, 15, 15, 0))

const struct vmmp_arm_sysreg vmmp_arm_default_sysregs[] = {
    /* Debug, trace, Jazelle and ThumbEE: without effect. */
    { .id = VMMP_ARM_CP32(14, 0, 0, 0, 0), .care = CARE_CP },
    { .id = VMMP_ARM_CP64(14, 0, 0), .care = CARE_CP },
    /* Floating-point feature registers: none. */
    { .id = VMMP_ARM_CP32(10, 0, 0, 0, 0), .care = CARE_CP },
    /* Feature registers: read-only, without the feature. */
    { CP15(0, 0, 0, 0), .care = CARE_CRN, .write_undefined = true },
    { CP15(1, 0, 0, 0), .care = CARE_CRN, .write_undefined = true },
    { CP15(2, 0, 0, 0) }, /* CSSELR: there are no caches to select. */
    { CP15(0, 1, 0, 1) }, /* ACTLR */
    /* Maintenance by set and way: the caches are coherent with the VMM's. */
    { CP15(0, 7, 6, 2), .read_undefined = true },
    { CP15(0, 7, 10, 2), .read_undefined = true },
    { CP15(0, 7, 14, 2), .read_undefined = true },
    /* A performance monitor without counters; L2 control of Cortex-A15. */
    { CP15(0, 9, 12, 0), .care = CARE_CRM },
    { CP15(0, 9, 13, 0), .care = CARE_CRM },
    { CP15(0, 9, 14, 0), .care = CARE_CRM },
    { .id = VMMP_ARM_CP64(15, 0, 9) },
    { CP15(1, 9, 0, 0), .care = CARE_CRM },
};
const unsigned vmmp_arm_default_sysreg_count =
    sizeof(vmmp_arm_default_sysregs) / sizeof(vmmp_arm_default_sysregs[0]);
