/* SPDX-License-Identifier: BSD-2-Clause */
/* x86: registers and VMCS fields of a vCPU as libsel4vm's functions show them. */
#include <sel4vm/arch/guest_x86_context.h>

#include "hosted.h"

int vm_get_thread_context(vm_vcpu_t *vcpu, seL4_VCPUContext *context)
{
    return hosted_context_get(vcpu, context);
}

int vm_set_thread_context(vm_vcpu_t *vcpu, seL4_VCPUContext context)
{
    return hosted_context_set(vcpu, &context);
}

int vm_get_thread_context_reg(vm_vcpu_t *vcpu, vcpu_context_reg_t reg, seL4_Word *value)
{
    return hosted_context_get_word(vcpu, reg, value);
}

int vm_set_thread_context_reg(vm_vcpu_t *vcpu, vcpu_context_reg_t reg, seL4_Word value)
{
    return hosted_context_set_word(vcpu, reg, value);
}

int vm_get_vmcs_field(vm_vcpu_t *vcpu, seL4_Word field, seL4_Word *value)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    const struct hosted_engine *engine = hosted_vcpu->hosted->engine;
    uint64_t full = 0;
    if (!engine->register_get || engine->register_get(hosted_vcpu, (uint32_t)field, &full)) {
        return -1;
    }
    *value = (seL4_Word)full;
    return 0;
}

int vm_set_vmcs_field(vm_vcpu_t *vcpu, seL4_Word field, seL4_Word value)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    const struct hosted_engine *engine = hosted_vcpu->hosted->engine;
    return engine->register_set && !engine->register_set(hosted_vcpu, (uint32_t)field, value) ? 0
                                                                                              : -1;
}
