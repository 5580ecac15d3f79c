/* SPDX-License-Identifier: BSD-2-Clause */
/* ARM: registers of a vCPU as libsel4vm's functions show them. */
#include <errno.h>

#include <sel4vm/arch/guest_arm_context.h>

#include "hosted.h"

int vm_get_thread_context(vm_vcpu_t *vcpu, seL4_UserContext *context)
{
    return hosted_context_get(vcpu, context);
}

int vm_set_thread_context(vm_vcpu_t *vcpu, seL4_UserContext context)
{
    return hosted_context_set(vcpu, &context);
}

int vm_get_thread_context_reg(vm_vcpu_t *vcpu, unsigned int reg, uintptr_t *value)
{
    seL4_Word word;
    if (hosted_context_get_word(vcpu, reg, &word)) {
        return -1;
    }
    *value = word;
    return 0;
}

int vm_set_thread_context_reg(vm_vcpu_t *vcpu, unsigned int reg, uintptr_t value)
{
    return hosted_context_set_word(vcpu, reg, value);
}

int vm_get_arm_vcpu_reg(vm_vcpu_t *vcpu, seL4_Word reg, uintptr_t *value)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    const struct hosted_engine *engine = hosted_vcpu->hosted->engine;
    uint64_t full = 0;
    if (!engine->register_get || engine->register_get(hosted_vcpu, (uint32_t)reg, &full)) {
        return -1;
    }
    *value = (uintptr_t)full;
    return 0;
}

int vm_set_arm_vcpu_reg(vm_vcpu_t *vcpu, seL4_Word reg, uintptr_t value)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    const struct hosted_engine *engine = hosted_vcpu->hosted->engine;
    return engine->register_set && !engine->register_set(hosted_vcpu, (uint32_t)reg, value) ? 0
                                                                                            : -1;
}
