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

/* Where a mode's r13 and r14 are (Arm ARM, D1.21.1); FIQ mode has r8 to r12 of its own, too. */
#define FIRST_BANKED     13u
#define FIRST_BANKED_FIQ 8u
#define MODE_FIQ         0x11u
#define FIQ_R8           24u

static const struct {
    uint8_t sp, lr;
} banks[VMMP_PSR_MODE + 1] = {
    [MODE_FIQ] = { 29, 30 },
    [0x12] = { 17, 16 } /* IRQ */,
    [0x13] = { 19, 18 } /* Supervisor */,
    [0x17] = { 21, 20 } /* Abort */,
    [0x1b] = { 23, 22 } /* Undefined */,
};

unsigned vmmp_arm_banked_register(uint32_t status, unsigned number)
{
    unsigned mode = status & VMMP_PSR_MODE;
    if (mode == MODE_FIQ && number >= FIRST_BANKED_FIQ) {
        return number - FIRST_BANKED_FIQ + FIQ_R8;
    }
    if (number < FIRST_BANKED || !banks[mode].sp) {
        return number;
    }
    return number == FIRST_BANKED ? banks[mode].sp : banks[mode].lr;
}

/* Of an instruction's register, where the context has it. */
static unsigned place(const seL4_UserContext *context, unsigned number)
{
    return vmmp_arm_is_aarch32(context) && number < 15
               ? vmmp_arm_banked_register(vmmp_arm_status(context), number)
               : number;
}

int vmmp_arm_register_get(vm_vcpu_t *vcpu, const seL4_UserContext *context, unsigned number,
                          uint64_t *value)
{
    (void)vcpu;
    if (number > VMMP_ZERO_REGISTER) {
        return -EINVAL;
    }
    *value = 0;
    if (number < VMMP_ZERO_REGISTER) {
        size_t at = offsets[place(context, number)];
        *value = *(const seL4_Word *)(const void *)((const char *)context + at);
    }
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
        size_t at = offsets[place(context, number)];
        *(seL4_Word *)(void *)((char *)context + at) = value;
    }
    return 0;
}
