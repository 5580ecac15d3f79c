/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's fault and the functions a handler uses on it (sel4vm/guest_vcpu_fault.h).
 *
 * Data conventions of libsel4vm, with lane = address & 3 and s = 8 * lane:
 *   mask               the access's width, shifted left by s, cut to a word
 *   data of a write    the source register as it is: neither shifted nor cut
 *   emulate, write     the lane's word with the written bytes replaced
 *   read, ARM          at completion the destination becomes
 *                      (old & ~(mask >> s)) | ((data & mask) >> s)     (arch/arm/conventions.c)
 *   read, x86          setting the data writes the whole destination register, at once
 *                                                                      (arch/x86/conventions.c)
 * A handler completes each fault exactly once, by advancing or restarting; from then on the fault
 * is none of its business. Offences are said in the log and told to the engine.
 */
#include <errno.h>
#include <string.h>

#include <sel4vm/guest_vcpu_fault.h>

#include "hosted.h"

int hosted_fault_init(struct fault *fault)
{
    int error = pthread_mutex_init(&fault->lock, NULL);
    if (!error) {
        error = pthread_cond_init(&fault->changed, NULL);
        if (error) {
            pthread_mutex_destroy(&fault->lock);
        }
    }
    return -error;
}

void hosted_fault_fini(struct fault *fault)
{
    pthread_cond_destroy(&fault->changed);
    pthread_mutex_destroy(&fault->lock);
}

void hosted_misuse(struct hosted_vcpu *vcpu, enum hosted_misuse misuse, const char *what)
{
    static const char *const texts[HOSTED_MISUSE_COUNT] = {
        [HOSTED_MISUSE_COMPLETED_TWICE] = "a fault was completed twice",
        [HOSTED_MISUSE_NO_FAULT] = "no fault is in progress",
        [HOSTED_MISUSE_DIRECTION] = "the fault is not of that kind",
        [HOSTED_MISUSE_RESULT] = "the handler's result contradicts what it did",
        [HOSTED_MISUSE_NEVER_COMPLETED] = "a fault was never completed",
    };
    hosted_say(vcpu->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "vCPU %u, address %#jx: %s: %s",
               vcpu->base.vcpu_id, (uintmax_t)vcpu->fault.gpa, what, texts[misuse]);
    if (vcpu->hosted->engine->misused) {
        vcpu->hosted->engine->misused(vcpu, misuse);
    }
}

/** Locks the fault for an accessor; says so if there is none. Unlock in any case. */
static struct fault *fault_enter(vm_vcpu_t *vcpu, const char *what)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct fault *fault = &hosted_vcpu->fault;
    pthread_mutex_lock(&fault->lock);
    if (fault->phase != FAULT_ACTIVE && fault->phase != FAULT_ABANDONED) {
        hosted_misuse(hosted_vcpu, HOSTED_MISUSE_NO_FAULT, what);
    }
    return fault;
}

/** The same for what only a memory fault has. */
static struct fault *memory_fault_enter(vm_vcpu_t *vcpu, const char *what)
{
    struct fault *fault = fault_enter(vcpu, what);
    if (fault->kind != FAULT_KIND_MEMORY) {
        hosted_misuse(hosted_vcpu_of(vcpu), HOSTED_MISUSE_DIRECTION, what);
    }
    return fault;
}

static void fault_leave(struct fault *fault)
{
    pthread_mutex_unlock(&fault->lock);
}

seL4_Word get_vcpu_fault_address(vm_vcpu_t *vcpu)
{
    struct fault *fault = memory_fault_enter(vcpu, "get_vcpu_fault_address");
    seL4_Word address = (seL4_Word)fault->gpa;
    fault_leave(fault);
    return address;
}

seL4_Word get_vcpu_fault_ip(vm_vcpu_t *vcpu)
{
    struct fault *fault = fault_enter(vcpu, "get_vcpu_fault_ip");
    seL4_Word ip = hosted_arch_ip(hosted_vcpu_of(vcpu));
    fault_leave(fault);
    return ip;
}

seL4_Word get_vcpu_fault_data(vm_vcpu_t *vcpu)
{
    struct fault *fault = memory_fault_enter(vcpu, "get_vcpu_fault_data");
    seL4_Word data = hosted_arch_get_data(fault);
    fault_leave(fault);
    return data;
}

seL4_Word get_vcpu_fault_data_mask(vm_vcpu_t *vcpu)
{
    struct fault *fault = memory_fault_enter(vcpu, "get_vcpu_fault_data_mask");
    seL4_Word mask = hosted_fault_mask(fault);
    fault_leave(fault);
    return mask;
}

size_t get_vcpu_fault_size(vm_vcpu_t *vcpu)
{
    struct fault *fault = memory_fault_enter(vcpu, "get_vcpu_fault_size");
    size_t size = fault->size;
    fault_leave(fault);
    return size;
}

bool is_vcpu_read_fault(vm_vcpu_t *vcpu)
{
    struct fault *fault = memory_fault_enter(vcpu, "is_vcpu_read_fault");
    bool is_read = !fault->is_write;
    fault_leave(fault);
    return is_read;
}

int set_vcpu_fault_data(vm_vcpu_t *vcpu, seL4_Word data)
{
    struct fault *fault = memory_fault_enter(vcpu, "set_vcpu_fault_data");
    int result = -1;
    if (fault->phase == FAULT_ACTIVE && fault->kind == FAULT_KIND_MEMORY) {
        if (fault->is_write) {
            hosted_misuse(hosted_vcpu_of(vcpu), HOSTED_MISUSE_DIRECTION, "set_vcpu_fault_data");
        } else {
            hosted_arch_set_data(fault, data);
            result = 0;
        }
    }
    fault_leave(fault);
    return result;
}

seL4_Word emulate_vcpu_fault(vm_vcpu_t *vcpu, seL4_Word data)
{
    struct fault *fault = memory_fault_enter(vcpu, "emulate_vcpu_fault");
    seL4_Word mask = hosted_fault_mask(fault);
    unsigned shift = hosted_fault_shift(fault);
    seL4_Word new = hosted_arch_get_data(fault);
    seL4_Word result;
    if (fault->is_write) {
        result = (data & ~mask) | ((new << shift) & mask);
    } else {
        result = (data & ~(mask >> shift)) | ((new &mask) >> shift);
    }
    fault_leave(fault);
    return result;
}

static void fault_complete(vm_vcpu_t *vcpu, enum fault_phase phase, const char *what)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct fault *fault = &hosted_vcpu->fault;
    pthread_mutex_lock(&fault->lock);
    switch (fault->phase) {
    case FAULT_ACTIVE:
        if (fault->kind == FAULT_KIND_EXCEPTION) {
            hosted_arch_complete_exception(fault, phase == FAULT_ADVANCED);
        }
        fault->phase = phase;
        pthread_cond_broadcast(&fault->changed);
        break;
    case FAULT_ADVANCED:
    case FAULT_RESTARTED:
        hosted_misuse(hosted_vcpu, HOSTED_MISUSE_COMPLETED_TWICE, what);
        break;
    case FAULT_ABANDONED:
        fault->phase = FAULT_IDLE;
        break;
    case FAULT_IDLE:
        hosted_misuse(hosted_vcpu, HOSTED_MISUSE_NO_FAULT, what);
        break;
    }
    pthread_mutex_unlock(&fault->lock);
}

void advance_vcpu_fault(vm_vcpu_t *vcpu)
{
    fault_complete(vcpu, FAULT_ADVANCED, "advance_vcpu_fault");
}

void restart_vcpu_fault(vm_vcpu_t *vcpu)
{
    fault_complete(vcpu, FAULT_RESTARTED, "restart_vcpu_fault");
}

enum fault_phase hosted_fault_phase(struct hosted_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->fault.lock);
    enum fault_phase phase = vcpu->fault.phase;
    pthread_mutex_unlock(&vcpu->fault.lock);
    return phase;
}

static int registers_write_back(struct hosted_vcpu *vcpu)
{
    struct fault *fault = &vcpu->fault;
    int error = 0;
    if (fault->context_dirty) {
        error = vcpu->hosted->engine->registers_set(vcpu, &fault->context);
        fault->context_dirty = false;
    }
    if (error) {
        hosted_say(vcpu->hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                   "cannot set the registers of vCPU %u: %s", vcpu->base.vcpu_id, strerror(-error));
    }
    return error;
}

int hosted_fault_drop(struct hosted_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->fault.lock);
    int error = registers_write_back(vcpu);
    vcpu->fault.phase = FAULT_IDLE;
    vcpu->fault.access = NULL;
    pthread_mutex_unlock(&vcpu->fault.lock);
    return error;
}

void hosted_fault_wake(struct hosted_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->fault.lock);
    pthread_cond_broadcast(&vcpu->fault.changed);
    pthread_mutex_unlock(&vcpu->fault.lock);
}

int hosted_fault_context(struct hosted_vcpu *vcpu)
{
    struct fault *fault = &vcpu->fault;
    if (!fault->context_valid) {
        int error = vcpu->hosted->engine->registers_get(vcpu, &fault->context);
        if (error) {
            return error;
        }
        fault->context_valid = true;
        fault->context_dirty = false;
    }
    return 0;
}

/** Under the lock, the fault being over: hands the results to the engine. */
static enum hosted_outcome fault_results(struct hosted_vcpu *vcpu)
{
    struct fault *fault = &vcpu->fault;
    bool advanced = fault->phase == FAULT_ADVANCED;
    if (advanced && fault->kind == FAULT_KIND_MEMORY && !fault->is_write) {
        fault->access->reg = hosted_arch_read_result(fault);
    }
    int error = registers_write_back(vcpu);
    fault->phase = FAULT_IDLE;
    fault->access = NULL;
    if (error) {
        return HOSTED_FAILED;
    }
    return advanced ? HOSTED_DONE : HOSTED_RESTART;
}

enum hosted_outcome hosted_fault_collect(struct hosted_vcpu *vcpu, bool block)
{
    struct fault *fault = &vcpu->fault;
    enum hosted_outcome outcome = HOSTED_PENDING;
    pthread_mutex_lock(&fault->lock);
    while (block && fault->phase == FAULT_ACTIVE && !hosted_vm_stopping(vcpu->hosted)) {
        pthread_cond_wait(&fault->changed, &fault->lock);
    }
    if (fault->phase == FAULT_ADVANCED || fault->phase == FAULT_RESTARTED) {
        outcome = fault_results(vcpu);
    } else if (hosted_vm_stopping(vcpu->hosted)) {
        fault->phase = FAULT_ABANDONED;
        fault->access = NULL;
        outcome = HOSTED_STOPPED;
    }
    pthread_mutex_unlock(&fault->lock);
    return outcome;
}
