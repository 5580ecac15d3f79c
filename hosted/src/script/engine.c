/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted engine: a VM with memory and no CPU (hosted/script.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

static int script_vm_open(struct hosted_vm *hosted, void *config)
{
    struct script_vm *script = calloc(1, sizeof(*script));
    if (!script) {
        return -ENOMEM;
    }
    script->hosted = hosted;
    if (config) {
        script->config = *(const struct script_config *)config;
    }
    memcpy(script->fail_at, script->config.fail, sizeof(script->fail_at));
    pthread_mutex_init(&script->lock, NULL);
    pthread_cond_init(&script->changed, NULL);
    script->now = UINT64_C(1000000000);
    script->queue_end = &script->queue;
    script_inputs_init(script->inputs, SCRIPT_IRQS);
    hosted_vm_set_engine_state(hosted, script);
    if (script->config.inject_binding) {
        hosted_vm_set_inject_binding(hosted);
    }
    hosted_vm_set_irq_inputs(hosted, script->config.irq_inputs);
    return 0;
}

static void script_vm_close(struct hosted_vm *hosted)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    script_memory_free(script);
    pthread_cond_destroy(&script->changed);
    pthread_mutex_destroy(&script->lock);
    free(script);
}

/* Accesses look memory up in the common part's table: nothing to map. */
static int script_memory_map(struct hosted_vm *hosted, uint64_t gpa, uint64_t size, void *host,
                             bool writable)
{
    (void)hosted;
    (void)gpa;
    (void)size;
    (void)host;
    (void)writable;
    return 0;
}

static int script_memory_unmap(struct hosted_vm *hosted, uint64_t gpa, uint64_t size)
{
    (void)hosted;
    (void)gpa;
    (void)size;
    return 0;
}

static int script_irq_controller_create(struct hosted_vm *hosted)
{
    (void)hosted;
    return 0;
}

static int script_vcpu_open(struct hosted_vcpu *vcpu)
{
    struct script_vcpu *state = calloc(1, sizeof(*state));
    if (!state) {
        return -ENOMEM;
    }
    state->script = hosted_vm_engine_state(hosted_vcpu_vm(vcpu));
    script_inputs_init(state->inputs, SCRIPT_PRIVATE_IRQS);
    script_arch_set_pc(state, SCRIPT_PC_START);
    hosted_vcpu_set_engine_state(vcpu, state);
    return 0;
}

static void script_vcpu_close(struct hosted_vcpu *vcpu)
{
    free(hosted_vcpu_engine_state(vcpu));
}

static int script_vcpu_start(struct hosted_vcpu *vcpu)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    pthread_mutex_lock(&state->script->lock);
    state->started = true;
    pthread_mutex_unlock(&state->script->lock);
    return 0;
}

static int script_vcpu_restart(struct hosted_vcpu *vcpu, const hosted_context_t *context)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    pthread_mutex_lock(&state->script->lock);
    state->started = true;
    state->resets++;
    state->context = *context;
    pthread_mutex_unlock(&state->script->lock);
    return 0;
}

static int script_vcpu_stop(struct hosted_vcpu *vcpu)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    pthread_mutex_lock(&state->script->lock);
    state->started = false;
    pthread_mutex_unlock(&state->script->lock);
    return 0;
}

static int script_vcpu_suspend(struct hosted_vcpu *vcpu, bool reset,
                               const struct hosted_resumed *resumed)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    pthread_mutex_lock(&state->script->lock);
    state->suspended = true;
    state->resets += reset;
    state->resumed = *resumed;
    pthread_mutex_unlock(&state->script->lock);
    return 0;
}

struct script_power script_power(vm_vcpu_t *vcpu)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    pthread_mutex_lock(&state->script->lock);
    struct script_power power = { state->started, state->suspended, state->resets };
    pthread_mutex_unlock(&state->script->lock);
    return power;
}

bool script_wake(vm_vcpu_t *vcpu)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    pthread_mutex_lock(&state->script->lock);
    bool suspended = state->suspended;
    struct hosted_resumed resumed = state->resumed;
    state->suspended = false;
    pthread_mutex_unlock(&state->script->lock);
    if (suspended && resumed.call) {
        resumed.call(resumed.cookie, vcpu);
    }
    return suspended;
}

static int script_run(struct hosted_vm *hosted)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    pthread_mutex_lock(&script->lock);
    while (!hosted_vm_stopping(hosted)) {
        pthread_cond_wait(&script->changed, &script->lock);
    }
    pthread_mutex_unlock(&script->lock);
    return 0;
}

static void script_stop(struct hosted_vm *hosted)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    pthread_mutex_lock(&script->lock);
    pthread_cond_broadcast(&script->changed);
    pthread_mutex_unlock(&script->lock);
}

static int script_registers_get(struct hosted_vcpu *vcpu, hosted_context_t *context)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    pthread_mutex_lock(&state->script->lock);
    *context = state->context;
    pthread_mutex_unlock(&state->script->lock);
    return 0;
}

static int script_registers_set(struct hosted_vcpu *vcpu, const hosted_context_t *context)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    pthread_mutex_lock(&state->script->lock);
    state->context = *context;
    pthread_mutex_unlock(&state->script->lock);
    return 0;
}

/** Under the lock: the place of a field, which is made (0) if there is none yet. */
static uint64_t *field_find(struct script_vcpu *state, uint32_t number)
{
    for (unsigned i = 0; i < state->field_count; i++) {
        if (state->fields[i].number == number) {
            return &state->fields[i].value;
        }
    }
    if (state->field_count == SCRIPT_FIELDS) {
        return NULL;
    }
    state->fields[state->field_count].number = number;
    return &state->fields[state->field_count++].value;
}

static int script_register_get(struct hosted_vcpu *vcpu, uint32_t number, uint64_t *value)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    int error = 0;
    pthread_mutex_lock(&state->script->lock);
    if (!script_arch_field_get(state, number, value)) {
        const uint64_t *field = field_find(state, number);
        error = field ? 0 : -ENOSPC;
        *value = field ? *field : 0;
    }
    pthread_mutex_unlock(&state->script->lock);
    return error;
}

static int script_register_set(struct hosted_vcpu *vcpu, uint32_t number, uint64_t value)
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    int error = 0;
    pthread_mutex_lock(&state->script->lock);
    if (!script_arch_field_set(state, number, value)) {
        uint64_t *field = field_find(state, number);
        error = field ? 0 : -ENOSPC;
        if (field) {
            *field = value;
        }
    }
    pthread_mutex_unlock(&state->script->lock);
    return error;
}

static int script_vector_get(struct hosted_vcpu *vcpu, unsigned number, uint64_t value[2])
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    if (number >= 32) {
        return -EINVAL;
    }
    memcpy(value, state->vectors[number], sizeof(state->vectors[number]));
    return 0;
}

static int script_vector_set(struct hosted_vcpu *vcpu, unsigned number, const uint64_t value[2])
{
    struct script_vcpu *state = hosted_vcpu_engine_state(vcpu);
    if (number >= 32) {
        return -EINVAL;
    }
    memcpy(state->vectors[number], value, sizeof(state->vectors[number]));
    return 0;
}

static int script_ioport_passthrough(struct hosted_vcpu *vcpu, uint16_t first, uint16_t last)
{
    (void)vcpu;
    (void)first;
    (void)last;
    return script_permit(hosted_vcpu_vm(vcpu), HOSTED_CALL_PHYSICAL);
}

static const struct hosted_engine script_engine = {
    .name = "script",
    .memory_is_file = true,
    .vm_open = script_vm_open,
    .vm_close = script_vm_close,
    .memory_map = script_memory_map,
    .memory_unmap = script_memory_unmap,
    .memory_physical = script_memory_physical,
    .memory_mapped = script_memory_mapped,
    .alias_begin = script_alias_begin,
    .alias_end = script_alias_end,
    .irq_controller_create = script_irq_controller_create,
    .irq_register = script_irq_register,
    .irq_level = script_irq_level,
    .irq_inject = script_irq_inject,
    .doorbell = script_doorbell,
    .vcpu_open = script_vcpu_open,
    .vcpu_close = script_vcpu_close,
    .vcpu_start = script_vcpu_start,
    .vcpu_restart = script_vcpu_restart,
    .vcpu_stop = script_vcpu_stop,
    .vcpu_suspend = script_vcpu_suspend,
    .run = script_run,
    .stop = script_stop,
    .registers_get = script_registers_get,
    .registers_set = script_registers_set,
    .register_get = script_register_get,
    .register_set = script_register_set,
    .vector_get = script_vector_get,
    .vector_set = script_vector_set,
    .ioport_passthrough = script_ioport_passthrough,
    .permit = script_permit,
    .misused = script_misused,
};

void hosted_simple_script(simple_t *simple, struct script_config *config,
                          const struct vmmp_log *log)
{
    hosted_simple_init(simple, &script_engine, config, log);
}
