/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's loads and stores. */
#include <string.h>

#include "script.h"

/** What a destination register holds before, and a source register above the stored bytes. */
#define JUNK UINT64_C(0xa55aa55aa55aa55a)
/** Restarts after which a handler is taken for broken. */
#define RESTART_LIMIT 16

static uint64_t size_mask(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

enum script_result script_result_of(enum hosted_outcome outcome, bool skipped)
{
    switch (outcome) {
    case HOSTED_DONE:
        return skipped ? SCRIPT_SKIPPED : SCRIPT_DONE;
    case HOSTED_RESTART:
        return SCRIPT_DONE;
    case HOSTED_PENDING:
        return SCRIPT_PENDING;
    case HOSTED_STOPPED:
        return SCRIPT_STOPPED;
    case HOSTED_FAILED:
        break;
    }
    return SCRIPT_FAILED;
}

bool script_ready(vm_vcpu_t *vcpu)
{
    const struct script_vcpu *state = script_vcpu_of(vcpu);
    if (state->pending) {
        script_record_text(state->script,
                           "vCPU %u: the instruction at address %#jx is not complete",
                           vcpu->vcpu_id, (uintmax_t)state->access.gpa);
    }
    return !state->pending;
}

uint64_t script_pc(vm_vcpu_t *vcpu)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    pthread_mutex_lock(&state->script->lock);
    uint64_t pc = script_arch_pc(state);
    pthread_mutex_unlock(&state->script->lock);
    return pc;
}

static void pc_step(struct script_vcpu *state)
{
    pthread_mutex_lock(&state->script->lock);
    script_arch_set_pc(state, script_arch_pc(state) + SCRIPT_INSTRUCTION);
    pthread_mutex_unlock(&state->script->lock);
}

/** True if there is memory, and the access is carried out on it. */
static bool access_memory(struct hosted_vm *hosted, struct hosted_mmio *access)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < access->size; i++) {
        bytes[i] = (uint8_t)(access->reg >> (8 * i));
    }
    if (hosted_memory_access(hosted, access->gpa, bytes, access->size, access->is_write)) {
        return false;
    }
    if (!access->is_write) {
        access->reg = 0;
        for (unsigned i = 0; i < access->size; i++) {
            access->reg |= (uint64_t)bytes[i] << (8 * i);
        }
    }
    return true;
}

/** From the start of the instruction, or again after a restart. */
static enum script_result access_execute(vm_vcpu_t *vcpu)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    enum hosted_outcome outcome = HOSTED_RESTART;
    for (unsigned i = 0; outcome == HOSTED_RESTART && i < RESTART_LIMIT; i++) {
        if (access_memory(hosted_vm_of(vcpu->vm), &state->access) ||
            script_doorbell_takes(state->script, &state->access)) {
            outcome = HOSTED_DONE;
        } else {
            outcome = hosted_vcpu_mmio_begin(hosted_vcpu_of(vcpu), &state->access);
        }
    }
    if (outcome == HOSTED_RESTART) {
        script_record_text(state->script, "vCPU %u: the access to %#jx is restarted for ever",
                           vcpu->vcpu_id, (uintmax_t)state->access.gpa);
        outcome = HOSTED_FAILED;
    }
    state->pending = outcome == HOSTED_PENDING;
    if (outcome == HOSTED_DONE) {
        pc_step(state);
    }
    return script_result_of(outcome, state->access.skipped);
}

static enum script_result access_begin(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, bool is_write,
                                       uint64_t reg, bool raw)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    if ((size != 1 && size != 2 && size != 4 && size != 8) || size > sizeof(seL4_Word)) {
        script_record_text(state->script, "no instruction accesses %u bytes", size);
        return SCRIPT_FAILED;
    }
    if (!script_ready(vcpu)) {
        return SCRIPT_FAILED;
    }
    state->raw = raw;
    state->access = (struct hosted_mmio){
        .gpa = gpa, .size = size, .is_write = is_write, .reg = (seL4_Word)reg
    };
    return access_execute(vcpu);
}

/** What a load gives to the test. */
static void access_value(const struct script_vcpu *state, enum script_result result,
                         uint64_t *value)
{
    if (result == SCRIPT_DONE && !state->access.is_write && value) {
        uint64_t mask = state->raw ? UINT64_MAX : size_mask(state->access.size);
        *value = state->access.reg & mask;
    }
}

/** Registers of 4 bytes: 8 are two accesses, as of LDRD. */
static bool is_double(unsigned size)
{
    return size == 8 && sizeof(seL4_Word) == 4;
}

enum script_result script_read(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t *value)
{
    if (is_double(size)) {
        uint64_t low = 0;
        uint64_t high = 0;
        enum script_result result = script_read(vcpu, gpa, 4, &low);
        if (result == SCRIPT_DONE) {
            result = script_read(vcpu, gpa + 4, 4, &high);
        }
        if (result == SCRIPT_DONE) {
            *value = high << 32 | low;
        }
        return result;
    }
    enum script_result result = access_begin(vcpu, gpa, size, false, JUNK, false);
    access_value(script_vcpu_of(vcpu), result, value);
    return result;
}

enum script_result script_write(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t value)
{
    if (is_double(size)) {
        enum script_result result = script_write(vcpu, gpa, 4, value & UINT32_MAX);
        return result == SCRIPT_DONE ? script_write(vcpu, gpa + 4, 4, value >> 32) : result;
    }
    uint64_t mask = size_mask(size);
    return access_begin(vcpu, gpa, size, true, (value & mask) | (JUNK & ~mask), false);
}

enum script_result script_load(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t *reg)
{
    enum script_result result = access_begin(vcpu, gpa, size, false, *reg, true);
    access_value(script_vcpu_of(vcpu), result, reg);
    return result;
}

enum script_result script_store(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t reg)
{
    return access_begin(vcpu, gpa, size, true, reg, true);
}

uint64_t script_get(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size)
{
    uint64_t value = 0;
    enum script_result result = script_read(vcpu, gpa, size, &value);
    if (result != SCRIPT_DONE) {
        script_record(vcpu->vm, "a read of %u bytes at %#jx ended as %d instead of SCRIPT_DONE",
                      size, (uintmax_t)gpa, result);
    }
    return value;
}

void script_put(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t value)
{
    enum script_result result = script_write(vcpu, gpa, size, value);
    if (result != SCRIPT_DONE) {
        script_record(vcpu->vm, "a write of %u bytes at %#jx ended as %d instead of SCRIPT_DONE",
                      size, (uintmax_t)gpa, result);
    }
}

static uint64_t window_read(void *device, uint64_t offset, unsigned size)
{
    const struct script_window *view = device;
    return script_get(view->vcpu, view->gpa + offset, size);
}

static void window_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    const struct script_window *view = device;
    script_put(view->vcpu, view->gpa + offset, size, value);
}

void script_window_init(struct script_window *view, vm_vcpu_t *vcpu, uint64_t gpa, uint64_t size)
{
    static const struct vmmp_window_ops ops = { window_read, window_write };

    memset(view, 0, sizeof(*view));
    view->window =
        (struct vmmp_window){ .name = "script", .ops = &ops, .device = view, .size = size };
    view->vcpu = vcpu;
    view->gpa = gpa;
}

static enum script_result access_finish(vm_vcpu_t *vcpu, bool block, uint64_t *value)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    if (!state->pending) {
        script_record_text(state->script, "vCPU %u: no instruction is pending", vcpu->vcpu_id);
        return SCRIPT_FAILED;
    }
    enum script_result result;
    enum hosted_outcome outcome = hosted_vcpu_fault_finish(hosted_vcpu_of(vcpu), block);
    if (outcome == HOSTED_RESTART && state->access.size) {
        result = access_execute(vcpu);
    } else {
        state->pending = outcome == HOSTED_PENDING;
        /* An exception's pc is the handler's business. */
        if (outcome == HOSTED_DONE && state->access.size) {
            pc_step(state);
        }
        result = script_result_of(outcome, false);
    }
    if (state->access.size) {
        access_value(state, result, value);
    }
    return result;
}

enum script_result script_finish(vm_vcpu_t *vcpu, uint64_t *value)
{
    return access_finish(vcpu, false, value);
}

enum script_result script_wait(vm_vcpu_t *vcpu, uint64_t *value)
{
    return access_finish(vcpu, true, value);
}
