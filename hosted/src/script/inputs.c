/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inputs of an interrupt controller, without priorities and routing: an input is pending while it
 * was injected and not taken, or while its level is high and it is not active.
 */
#include <errno.h>
#include <string.h>

#include "script.h"

void script_inputs_init(struct script_input *inputs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        inputs[i].shown.enabled = true;
    }
}

static bool input_exists(int irq)
{
    return irq >= 0 && irq < SCRIPT_IRQS;
}

static struct script_input *input_of(struct script_vcpu *vcpu, int irq)
{
    return irq < script_arch_private_irqs ? &vcpu->inputs[irq] : &vcpu->script->inputs[irq];
}

/** NULL (recorded) if there is no such input; else leave it again. */
static struct script_input *input_enter(struct script_vcpu *vcpu, int irq)
{
    if (!input_exists(irq)) {
        script_record_text(vcpu->script, "there is no interrupt %d", irq);
        return NULL;
    }
    pthread_mutex_lock(&vcpu->script->lock);
    return input_of(vcpu, irq);
}

static void input_leave(struct script_vcpu *vcpu, struct script_input *input)
{
    input->shown.pending = input->latched || (input->shown.level && !input->shown.active);
    pthread_mutex_unlock(&vcpu->script->lock);
}

int script_irq_register(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    (void)hosted;
    if (!input_exists(irq)) {
        return -EINVAL;
    }
    struct script_input *input = input_of(state, irq);
    pthread_mutex_lock(&state->script->lock);
    input->shown.registered = true;
    input_leave(state, input);
    return 0;
}

int script_irq_level(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    (void)hosted;
    if (!input_exists(irq)) {
        return -EINVAL;
    }
    struct script_input *input = input_of(state, irq);
    pthread_mutex_lock(&state->script->lock);
    if (high != input->shown.level) {
        input->shown.rises += high;
        input->shown.falls += !high;
    }
    input->shown.level = high;
    input_leave(state, input);
    return 0;
}

int script_irq_inject(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    (void)hosted;
    if (!input_exists(irq)) {
        return -EINVAL;
    }
    struct script_input *input = input_of(state, irq);
    pthread_mutex_lock(&state->script->lock);
    bool refused = script_arch_has_gic && !input->shown.enabled;
    input->shown.rejections += refused;
    input->shown.injections += !refused;
    input->latched = input->latched || !refused;
    input_leave(state, input);
    return refused ? -EAGAIN : 0;
}

struct script_irq script_irq(vm_vcpu_t *vcpu, int irq)
{
    struct script_irq shown = { 0 };
    struct script_vcpu *state = script_vcpu_of(vcpu);
    struct script_input *input = input_enter(state, irq);
    if (input) {
        shown = input->shown;
        input_leave(state, input);
    }
    return shown;
}

bool script_irq_take(vm_vcpu_t *vcpu, int irq)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    struct script_input *input = input_enter(state, irq);
    if (!input) {
        return false;
    }
    bool taken = input->shown.pending && input->shown.enabled && !input->shown.active;
    if (taken) {
        input->shown.active = true;
        input->latched = false;
    }
    input_leave(state, input);
    return taken;
}

void script_irq_eoi(vm_vcpu_t *vcpu, int irq)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    struct script_input *input = input_enter(state, irq);
    if (!input) {
        return;
    }
    input->shown.active = false;
    input->shown.acks += input->shown.registered;
    input_leave(state, input);
    hosted_vcpu_irq_acknowledged(hosted_vcpu_of(vcpu), irq);
}

void script_irq_enable(vm_vcpu_t *vcpu, int irq, bool enable)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    struct script_input *input = input_enter(state, irq);
    if (!input) {
        return;
    }
    bool acknowledge = script_arch_has_gic && enable && !input->shown.pending;
    input->shown.enabled = enable;
    input->shown.acks += acknowledge && input->shown.registered;
    input_leave(state, input);
    if (acknowledge) {
        hosted_vcpu_irq_acknowledged(hosted_vcpu_of(vcpu), irq);
    }
}
