/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an engine's access to a client's callback and back.
 *
 * What a callback's result means (libsel4vm):
 *   FAULT_HANDLED    it advanced or restarted the fault, or will do so later, from any thread
 *   FAULT_RESTART    execute the instruction again; x86's libsel4vm takes it for a failure
 *   FAULT_IGNORE     skip the instruction, write no register
 *   FAULT_UNHANDLED  try the VM's unhandled-fault callback, whose result means the same (upstream's
 *                    vm_run() on x86 returns when it is FAULT_HANDLED; here the guest goes on)
 *   FAULT_ERROR      the VM fails
 */
#include <sched.h>
#include <string.h>

#include "hosted.h"

/** Restarts of one instruction after which a handler is taken for broken. */
#define RESTART_LIMIT 1000

static void fault_begin(struct hosted_vcpu *vcpu, struct hosted_mmio *access)
{
    struct fault *fault = &vcpu->fault;
    pthread_mutex_lock(&fault->lock);
    fault->phase = FAULT_ACTIVE;
    fault->kind = FAULT_KIND_MEMORY;
    fault->access = access;
    fault->gpa = access->gpa;
    fault->size = access->size;
    fault->is_write = access->is_write;
    fault->reg = (seL4_Word)access->reg;
    fault->data = 0;
    fault->context_valid = false;
    fault->context_dirty = false;
    access->skipped = false;
    pthread_mutex_unlock(&fault->lock);
}

static memory_fault_result_t call_reservation(struct hosted_vm *hosted, struct hosted_vcpu *vcpu,
                                              vm_memory_reservation_t *reservation,
                                              const struct hosted_mmio *access)
{
    bool serialised = !atomic_load(&reservation->unserialised);
    if (serialised) {
        hosted_vm_lock(hosted->vm);
    }
    memory_fault_result_t result = reservation->callback(
        hosted->vm, &vcpu->base, (uintptr_t)access->gpa, access->size, reservation->cookie);
    if (serialised) {
        hosted_vm_unlock(hosted->vm);
    }
    return result;
}

static memory_fault_result_t call_unhandled(struct hosted_vm *hosted, struct hosted_vcpu *vcpu,
                                            const struct hosted_mmio *access)
{
    const struct vm_mem *mem = &hosted->vm->mem;
    memory_fault_result_t result = FAULT_UNHANDLED;
    if (access->gpa > UINTPTR_MAX) {
        /* No client can be told of an address that its words do not hold. */
        return result;
    }
    hosted_vm_lock(hosted->vm);
    if (mem->unhandled_mem_fault_handler) {
        result = mem->unhandled_mem_fault_handler(hosted->vm, &vcpu->base, (uintptr_t)access->gpa,
                                                  access->size, mem->unhandled_mem_fault_cookie);
    }
    hosted_vm_unlock(hosted->vm);
    return result;
}

static enum hosted_outcome access_failed(struct hosted_vcpu *vcpu, const struct hosted_mmio *access,
                                         const char *why)
{
    (void)hosted_fault_drop(vcpu);
    hosted_say(vcpu->hosted, VMMP_LOG_ERROR, VMMP_LOG_GUEST,
               "%s: vCPU %u: %s of %u bytes at %#jx: %s", vcpu->hosted->vm->vm_name,
               vcpu->base.vcpu_id, access->is_write ? "write" : "read", access->size,
               (uintmax_t)access->gpa, why);
    return HOSTED_FAILED;
}

/** IGNORE and RESTART complete the fault themselves: the handler must not have done it, too. */
static void expect_active(struct hosted_vcpu *vcpu, const char *result)
{
    if (hosted_fault_phase(vcpu) != FAULT_ACTIVE) {
        hosted_misuse(vcpu, HOSTED_MISUSE_RESULT, result);
    }
}

static enum hosted_outcome apply_result(struct hosted_vcpu *vcpu, struct hosted_mmio *access,
                                        memory_fault_result_t result)
{
    switch (result) {
    case FAULT_HANDLED:
        return hosted_fault_collect(vcpu, false);
    case FAULT_IGNORE:
        expect_active(vcpu, "FAULT_IGNORE");
        access->skipped = true;
        return hosted_fault_drop(vcpu) ? HOSTED_FAILED : HOSTED_DONE;
    case FAULT_RESTART:
        if (!hosted_arch_can_restart) {
            return access_failed(vcpu, access, "libsel4vm takes no FAULT_RESTART on x86");
        }
        expect_active(vcpu, "FAULT_RESTART");
        return hosted_fault_drop(vcpu) ? HOSTED_FAILED : HOSTED_RESTART;
    case FAULT_UNHANDLED:
        return access_failed(vcpu, access, "nothing answers there");
    case FAULT_ERROR:
        break;
    }
    return access_failed(vcpu, access, "the handler failed");
}

enum hosted_outcome hosted_vcpu_mmio_begin(struct hosted_vcpu *vcpu, struct hosted_mmio *access)
{
    struct hosted_vm *hosted = vcpu->hosted;
    if (hosted_vm_stopping(hosted)) {
        return HOSTED_STOPPED;
    }
    fault_begin(vcpu, access);
    memory_fault_result_t result = FAULT_UNHANDLED;
    vm_memory_reservation_t *reservation =
        hosted_reservation_find(hosted, access->gpa, access->size);
    if (reservation) {
        result = call_reservation(hosted, vcpu, reservation, access);
        hosted_reservation_put(reservation);
    }
    if (result == FAULT_UNHANDLED) {
        if (reservation) {
            expect_active(vcpu, "FAULT_UNHANDLED");
        }
        result = call_unhandled(hosted, vcpu, access);
    }
    return apply_result(vcpu, access, result);
}

enum hosted_outcome hosted_vcpu_fault_finish(struct hosted_vcpu *vcpu, bool block)
{
    return hosted_fault_collect(vcpu, block);
}

/** Carries the access out on memory, if there is memory by now. */
static bool access_memory(struct hosted_vcpu *vcpu, struct hosted_mmio *access)
{
    uint8_t bytes[8] = { 0 };
    for (unsigned i = 0; i < access->size; i++) {
        bytes[i] = (uint8_t)(access->reg >> (8 * i));
    }
    if (hosted_memory_access(vcpu->hosted, access->gpa, bytes, access->size, access->is_write)) {
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

enum hosted_outcome hosted_vcpu_mmio(struct hosted_vcpu *vcpu, struct hosted_mmio *access)
{
    for (unsigned restarts = 0; restarts < RESTART_LIMIT; restarts++) {
        enum hosted_outcome outcome = hosted_vcpu_mmio_begin(vcpu, access);
        if (outcome == HOSTED_PENDING) {
            outcome = hosted_vcpu_fault_finish(vcpu, true);
        }
        if (outcome != HOSTED_RESTART) {
            return outcome;
        }
        if (access_memory(vcpu, access)) {
            return HOSTED_DONE;
        }
        sched_yield();
    }
    return access_failed(vcpu, access, "the handler restarts it for ever");
}
