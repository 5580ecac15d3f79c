/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted engine on ARM: exceptions, and where the pc is. */
#include <sel4vm/arch/processor.h>

#include "script/script.h"

#define EC_HVC_32 0x12
#define EC_SMC_32 0x13
#define EC_HVC_64 0x16
#define EC_SMC_64 0x17

#ifdef CONFIG_ARCH_AARCH64
#define EC_HVC               EC_HVC_64
#define EC_SMC               EC_SMC_64
#define ARGUMENT(context, n) (&(context)->x##n)
#else
#define EC_HVC               EC_HVC_32
#define EC_SMC               EC_SMC_32
#define ARGUMENT(context, n) (&(context)->r##n)
#endif

const int script_arch_private_irqs = SCRIPT_PRIVATE_IRQS;
const bool script_arch_has_gic = true;

uint64_t script_arch_pc(const struct script_vcpu *vcpu)
{
    return vcpu->context.pc;
}

void script_arch_set_pc(struct script_vcpu *vcpu, uint64_t pc)
{
    vcpu->context.pc = (seL4_Word)pc;
}

bool script_arch_field_get(const struct script_vcpu *vcpu, uint32_t number, uint64_t *value)
{
    (void)vcpu;
    (void)number;
    (void)value;
    return false;
}

bool script_arch_field_set(struct script_vcpu *vcpu, uint32_t number, uint64_t value)
{
    (void)vcpu;
    (void)number;
    (void)value;
    return false;
}

enum script_result script_exception(vm_vcpu_t *vcpu, uint32_t hsr)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    struct hosted_exception exception = { .hsr = hsr };
    unsigned class = HSR_EXCEPTION_CLASS(hsr);
    if (!script_ready(vcpu)) {
        return SCRIPT_FAILED;
    }
    /* The preferred return address of HVC is the next instruction, of all others this one
     * (Arm ARM, D1.3.2: "Exception entry"). */
    if (class == EC_HVC_32 || class == EC_HVC_64) {
        pthread_mutex_lock(&state->script->lock);
        script_arch_set_pc(state, script_arch_pc(state) + (HSR_IL(hsr) ? 4 : 2));
        pthread_mutex_unlock(&state->script->lock);
    }
    /* No access: what script_finish() gives has no value. */
    state->access = (struct hosted_mmio){ .size = 0 };
    enum hosted_outcome outcome = hosted_vcpu_exception_begin(hosted_vcpu_of(vcpu), &exception);
    state->pending = outcome == HOSTED_PENDING;
    return script_result_of(outcome, false);
}

enum script_result script_undecoded(vm_vcpu_t *vcpu, uint64_t gpa, bool is_write)
{
    const uint32_t iss_wnr = UINT32_C(1) << 6;
    if (!script_ready(vcpu)) {
        return SCRIPT_FAILED;
    }
    return script_result_of(
        hosted_vcpu_undecoded(hosted_vcpu_of(vcpu), gpa, is_write ? iss_wnr : 0), false);
}

uint64_t *script_vector(vm_vcpu_t *vcpu, unsigned number)
{
    return script_vcpu_of(vcpu)->vectors[number & 31];
}

/** Points at registers 0 to 3. */
static void arguments(hosted_context_t *context, seL4_Word *registers[4])
{
    registers[0] = ARGUMENT(context, 0);
    registers[1] = ARGUMENT(context, 1);
    registers[2] = ARGUMENT(context, 2);
    registers[3] = ARGUMENT(context, 3);
}

static enum script_result call(vm_vcpu_t *vcpu, unsigned class, const uint64_t args[4],
                               uint64_t results[4])
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    seL4_Word *registers[4];
    arguments(&state->context, registers);
    if (!script_ready(vcpu)) {
        return SCRIPT_FAILED;
    }
    pthread_mutex_lock(&state->script->lock);
    for (unsigned i = 0; i < 4; i++) {
        *registers[i] = (seL4_Word)args[i];
    }
    pthread_mutex_unlock(&state->script->lock);

    enum script_result result =
        script_exception(vcpu, class << HSR_EXCEPTION_CLASS_SHIFT | (uint32_t)HSR_IL_MASK);

    pthread_mutex_lock(&state->script->lock);
    for (unsigned i = 0; results && i < 4; i++) {
        results[i] = *registers[i];
    }
    pthread_mutex_unlock(&state->script->lock);
    return result;
}

enum script_result script_smc(vm_vcpu_t *vcpu, const uint64_t args[4], uint64_t results[4])
{
    return call(vcpu, EC_SMC, args, results);
}

enum script_result script_hvc(vm_vcpu_t *vcpu, const uint64_t args[4], uint64_t results[4])
{
    return call(vcpu, EC_HVC, args, results);
}
