/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scripted engine remembers: offences, and calls that shall fail. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "script.h"

static void record(struct script_vm *script, const char *format, va_list arguments)
{
    char text[SCRIPT_ERROR_LENGTH];
    vsnprintf(text, sizeof(text), format, arguments);
    pthread_mutex_lock(&script->lock);
    if (script->error_count < SCRIPT_ERRORS_KEPT) {
        memcpy(script->errors[script->error_count], text, sizeof(text));
    }
    script->error_count++;
    pthread_mutex_unlock(&script->lock);
}

void script_record_text(struct script_vm *script, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    record(script, format, arguments);
    va_end(arguments);
}

void script_record(vm_t *vm, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    record(script_vm_of(vm), format, arguments);
    va_end(arguments);
}

unsigned script_errors(vm_t *vm)
{
    struct script_vm *script = script_vm_of(vm);
    pthread_mutex_lock(&script->lock);
    unsigned count = script->error_count;
    pthread_mutex_unlock(&script->lock);
    return count;
}

const char *script_error(vm_t *vm, unsigned i)
{
    return i < SCRIPT_ERRORS_KEPT && i < script_errors(vm) ? script_vm_of(vm)->errors[i] : NULL;
}

void script_clear_errors(vm_t *vm)
{
    struct script_vm *script = script_vm_of(vm);
    pthread_mutex_lock(&script->lock);
    script->error_count = 0;
    pthread_mutex_unlock(&script->lock);
}

bool script_check(vm_t *vm)
{
    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        const struct script_vcpu *vcpu = script_vcpu_of(vm->vcpus[i]);
        if (vcpu->pending) {
            script_record(vm, "vCPU %u: an instruction at address %#jx was never completed", i,
                          (uintmax_t)vcpu->access.gpa);
        }
    }
    unsigned count = script_errors(vm);
    const char *error;
    for (unsigned i = 0; (error = script_error(vm, i)) != NULL; i++) {
        vmmp_log(hosted_vm_log(hosted_vm_of(vm)), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "offence %u of %u: %s", i + 1, count, error);
    }
    return count == 0;
}

void script_misused(struct hosted_vcpu *vcpu, enum hosted_misuse misuse)
{
    static const char *const texts[HOSTED_MISUSE_COUNT] = {
        [HOSTED_MISUSE_COMPLETED_TWICE] = "a fault was completed twice",
        [HOSTED_MISUSE_NO_FAULT] = "a fault was used that is not in progress",
        [HOSTED_MISUSE_DIRECTION] = "a fault was used as one of another kind",
        [HOSTED_MISUSE_RESULT] = "a handler's result contradicts what it did to the fault",
        [HOSTED_MISUSE_NEVER_COMPLETED] = "a fault was never completed",
    };
    script_record_text(hosted_vm_engine_state(hosted_vcpu_vm(vcpu)), "vCPU %u: %s",
                       hosted_vcpu_public(vcpu)->vcpu_id, texts[misuse]);
}

int script_permit(struct hosted_vm *hosted, enum hosted_call call)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    pthread_mutex_lock(&script->lock);
    script->calls[call]++;
    bool fails = script->fail_at[call] == script->calls[call];
    pthread_mutex_unlock(&script->lock);
    return fails ? -ENOMEM : 0;
}

void script_fail(vm_t *vm, enum hosted_call call, unsigned nth)
{
    struct script_vm *script = script_vm_of(vm);
    pthread_mutex_lock(&script->lock);
    script->fail_at[call] = nth ? script->calls[call] + nth : 0;
    pthread_mutex_unlock(&script->lock);
}

unsigned script_calls(vm_t *vm, enum hosted_call call)
{
    struct script_vm *script = script_vm_of(vm);
    pthread_mutex_lock(&script->lock);
    unsigned count = script->calls[call];
    pthread_mutex_unlock(&script->lock);
    return count;
}
