/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/arm/sysreg.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <sel4vm/arch/guest_arm_context.h>

/* ISS of exception class 0x18 (Arm ARM, ESR_EL2). */
#define ISS_OP0(iss)  ((iss) >> 20 & 3)
#define ISS_OP2(iss)  ((iss) >> 17 & 7)
#define ISS_OP1(iss)  ((iss) >> 14 & 7)
#define ISS_CRN(iss)  ((iss) >> 10 & 15)
#define ISS_RT(iss)   ((iss) >> 5 & 31)
#define ISS_CRM(iss)  ((iss) >> 1 & 15)
#define ISS_READ(iss) ((iss)&1)

#define OP0_DEBUG 2

static bool is_known(uint32_t iss)
{
    if (ISS_OP0(iss) == OP0_DEBUG) {
        return true;
    }
#if defined(CONFIG_ARM_CORTEX_A57)
    /* L2 control of the Cortex-A57, S3_1_C15_C2_0. */
    if (ISS_OP0(iss) == 3 && ISS_OP1(iss) == 1 && ISS_CRN(iss) == 15 && ISS_CRM(iss) == 2 &&
        ISS_OP2(iss) == 0) {
        return true;
    }
#endif
    return false;
}

/* x0 to x30; NULL for the zero register. */
static seL4_Word *general_register(seL4_UserContext *context, unsigned number)
{
#define X(n) offsetof(seL4_UserContext, x##n)
    static const size_t offsets[] = {
        X(0),  X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),  X(8),  X(9),  X(10),
        X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19), X(20), X(21),
        X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30),
    };
#undef X
    return number < sizeof(offsets) / sizeof(offsets[0])
               ? (seL4_Word *)(void *)((char *)context + offsets[number])
               : NULL;
}

int vmmp_sysreg_emulate(vm_vcpu_t *vcpu, uint32_t iss)
{
    seL4_UserContext context;

    if (!is_known(iss)) {
        return -ENOENT;
    }
    if (!ISS_READ(iss)) {
        return 0;
    }
    if (vm_get_thread_context(vcpu, &context)) {
        return -EIO;
    }
    seL4_Word *destination = general_register(&context, ISS_RT(iss));
    if (!destination) {
        return 0;
    }
    *destination = 0;
    return vm_set_thread_context(vcpu, context) ? -EIO : 0;
}
