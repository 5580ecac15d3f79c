/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/arm/registers.h"

#include <errno.h>
#include <stddef.h>

#define X(n) offsetof(seL4_UserContext, x##n)
static const size_t offsets[] = {
    X(0),  X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),  X(8),  X(9),  X(10),
    X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19), X(20), X(21),
    X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30),
};
#undef X

/* AArch32 at EL0 has its registers in x0 to x14 (Arm ARM, D1.7). */
int vmmp_arm_register_get(vm_vcpu_t *vcpu, const seL4_UserContext *context, unsigned number,
                          uint64_t *value)
{
    (void)vcpu;
    if (number > VMMP_ZERO_REGISTER) {
        return -EINVAL;
    }
    *value = number == VMMP_ZERO_REGISTER
                 ? 0
                 : *(const seL4_Word *)(const void *)((const char *)context + offsets[number]);
    return 0;
}

int vmmp_arm_register_set(vm_vcpu_t *vcpu, seL4_UserContext *context, unsigned number,
                          uint64_t value)
{
    (void)vcpu;
    if (number > VMMP_ZERO_REGISTER) {
        return -EINVAL;
    }
    if (number < VMMP_ZERO_REGISTER) {
        *(seL4_Word *)(void *)((char *)context + offsets[number]) = value;
    }
    return 0;
}
