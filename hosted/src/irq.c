/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: who is registered for which, and who is told when the guest is done with one.
 *
 * As libsel4vm has it. ARM: interrupts below 32 belong to one vCPU and are registered once per
 * vCPU; of the others there are 200 at most, a second registration is accepted and the first one
 * stays. x86: 16 inputs, the last registration counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_irq_controller.h>

#include "hosted.h"

#define SHARED_IRQS_MAX 200

int vm_create_default_irq_controller(vm_t *vm)
{
    struct hosted_vm *hosted = vm->hosted;
    if (hosted->irq_controller) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "the VM has an interrupt controller already");
        return -1;
    }
    int error = hosted->engine->irq_controller_create(hosted);
    if (error) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST, "cannot make an interrupt controller: %s",
                   strerror(-error));
        return -1;
    }
    hosted->irq_controller = true;
    return 0;
}

/** Under the tables' lock. `*shared` counts those that no vCPU has for itself. */
static struct hosted_irq *irq_find(const struct hosted_vm *hosted, const vm_vcpu_t *vcpu, int irq,
                                   unsigned *shared)
{
    const vm_vcpu_t *owner = hosted_arch_irq_private(irq) ? vcpu : NULL;
    struct hosted_irq *found = NULL;
    *shared = 0;
    for (size_t i = 0; i < hosted->irq_count; i++) {
        struct hosted_irq *entry = &hosted->irqs[i];
        *shared += !entry->vcpu;
        if (entry->irq == irq && entry->vcpu == owner) {
            found = entry;
        }
    }
    return found;
}

/** Under the tables' lock. */
static int irq_add(struct hosted_vm *hosted, const struct hosted_irq *irq)
{
    struct hosted_irq *table =
        hosted_array_grow(hosted->irqs, hosted->irq_count, 1, sizeof(*table));
    if (!table) {
        return -ENOMEM;
    }
    hosted->irqs = table;
    table[hosted->irq_count++] = *irq;
    return 0;
}

int vm_register_irq(vm_vcpu_t *vcpu, int irq, irq_ack_fn_t ack_fn, void *cookie)
{
    struct hosted_vm *hosted = hosted_vcpu_of(vcpu)->hosted;
    if (!hosted->irq_controller || !hosted_arch_irq_valid(hosted, irq)) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "cannot register interrupt %d: %s", irq,
                   hosted->irq_controller ? "there is no such input"
                                          : "the interrupt controller comes first");
        return -1;
    }
    const struct hosted_engine *engine = hosted->engine;
    if (!hosted_permit(hosted, HOSTED_CALL_IRQ_REGISTER) ||
        (engine->irq_register && engine->irq_register(hosted, hosted_vcpu_of(vcpu), irq) < 0)) {
        return -1;
    }
    bool is_private = hosted_arch_irq_private(irq);
    struct hosted_irq entry = {
        .irq = irq, .vcpu = is_private ? vcpu : NULL, .ack = ack_fn, .cookie = cookie
    };
    int error = 0;
    unsigned shared;
    pthread_rwlock_wrlock(&hosted->tables);
    struct hosted_irq *found = irq_find(hosted, vcpu, irq, &shared);
    if (found && is_private) {
        error = -EBUSY;
    } else if (found) {
        *found = hosted_arch_irq_last_wins ? entry : *found;
    } else if (!is_private && shared >= SHARED_IRQS_MAX) {
        error = -ENOSPC;
    } else {
        error = irq_add(hosted, &entry);
    }
    pthread_rwlock_unlock(&hosted->tables);
    return error ? -1 : 0;
}

static bool irq_lookup(struct hosted_vm *hosted, const vm_vcpu_t *vcpu, int irq,
                       struct hosted_irq *entry)
{
    unsigned shared;
    pthread_rwlock_rdlock(&hosted->tables);
    const struct hosted_irq *found = irq_find(hosted, vcpu, irq, &shared);
    if (found) {
        *entry = *found;
    }
    pthread_rwlock_unlock(&hosted->tables);
    return found != NULL;
}

int vm_inject_irq(vm_vcpu_t *vcpu, int irq)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct hosted_vm *hosted = hosted_vcpu->hosted;
    struct hosted_irq entry;
    if (!hosted->irq_controller || !hosted_arch_irq_valid(hosted, irq)) {
        return -1;
    }
    if (!irq_lookup(hosted, vcpu, irq, &entry) && !hosted_arch_irq_last_wins) {
        return -1;
    }
    hosted_arch_wake(hosted_vcpu);
    int error = hosted->engine->irq_inject(hosted, hosted_vcpu, irq);
    return error < 0 ? -1 : 0;
}

int vm_set_irq_level(vm_vcpu_t *vcpu, int irq, int irq_level)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct hosted_vm *hosted = hosted_vcpu->hosted;
    if (!hosted->irq_controller || !hosted_arch_irq_valid(hosted, irq)) {
        return -1;
    }
    if (irq_level) {
        hosted_arch_wake(hosted_vcpu);
    }
    return hosted->engine->irq_level(hosted, hosted_vcpu, irq, irq_level != 0) < 0 ? -1 : 0;
}

void hosted_irq_edge(vm_vcpu_t *vcpu, int irq)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct hosted_vm *hosted = hosted_vcpu->hosted;
    const struct hosted_engine *engine = hosted->engine;
    hosted_arch_wake(hosted_vcpu);
    if (engine->irq_edge) {
        (void)engine->irq_edge(hosted, hosted_vcpu, irq);
    } else {
        (void)engine->irq_level(hosted, hosted_vcpu, irq, true);
        (void)engine->irq_level(hosted, hosted_vcpu, irq, false);
    }
}

void hosted_vcpu_irq_acknowledged(struct hosted_vcpu *vcpu, int irq)
{
    struct hosted_vm *hosted = vcpu->hosted;
    struct hosted_irq entry;
    if (!irq_lookup(hosted, &vcpu->base, irq, &entry) || !entry.ack) {
        return;
    }
    hosted_vm_lock(hosted->vm);
    entry.ack(&vcpu->base, irq, entry.cookie);
    hosted_vm_unlock(hosted->vm);
}
