/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a vCPU. During a fault they are the handler's copy, which goes back to the vCPU when
 * the fault is completed; else the engine's.
 */
#include <string.h>

#include "hosted.h"

int hosted_context_get(vm_vcpu_t *vcpu, hosted_context_t *context)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct fault *fault = &hosted_vcpu->fault;
    pthread_mutex_lock(&fault->lock);
    int error;
    if (fault->phase == FAULT_ACTIVE) {
        error = hosted_fault_context(hosted_vcpu);
        if (!error) {
            *context = fault->context;
        }
    } else {
        error = hosted_vcpu->hosted->engine->registers_get(hosted_vcpu, context);
    }
    pthread_mutex_unlock(&fault->lock);
    return error ? -1 : 0;
}

int hosted_context_set(vm_vcpu_t *vcpu, const hosted_context_t *context)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct fault *fault = &hosted_vcpu->fault;
    int error = 0;
    pthread_mutex_lock(&fault->lock);
    if (fault->phase == FAULT_ACTIVE) {
        fault->context = *context;
        fault->context_valid = true;
        fault->context_dirty = true;
    } else {
        error = hosted_vcpu->hosted->engine->registers_set(hosted_vcpu, context);
    }
    pthread_mutex_unlock(&fault->lock);
    return error ? -1 : 0;
}

int hosted_context_get_word(vm_vcpu_t *vcpu, unsigned index, seL4_Word *value)
{
    hosted_context_t context;
    if (index >= sizeof(context) / sizeof(seL4_Word) || hosted_context_get(vcpu, &context)) {
        return -1;
    }
    memcpy(value, (const char *)&context + index * sizeof(seL4_Word), sizeof(seL4_Word));
    return 0;
}

int hosted_context_set_word(vm_vcpu_t *vcpu, unsigned index, seL4_Word value)
{
    hosted_context_t context;
    if (index >= sizeof(context) / sizeof(seL4_Word) || hosted_context_get(vcpu, &context)) {
        return -1;
    }
    memcpy((char *)&context + index * sizeof(seL4_Word), &value, sizeof(seL4_Word));
    return hosted_context_set(vcpu, &context);
}
