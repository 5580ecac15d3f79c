/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts and messages that the kernel itself makes of eventfds: KVM_IRQFD. */
#include "kvm_x86.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_GSI HOSTED_KVM_X86_IRQS /* The first one of a message. */

int kvm_routes_set(const struct kvm_vm *vm)
{
    size_t room = KVM_IRQCHIP_ROUTES + vm->arch.route_count;
    struct kvm_irq_routing *table =
        calloc(1, sizeof(*table) + room * sizeof(struct kvm_irq_routing_entry));
    if (!table) {
        return -ENOMEM;
    }
    kvm_irqchip_routes(table);
    for (uint32_t i = 0; i < vm->arch.route_count; i++) {
        const struct kvm_message *message = &vm->arch.routes[i];
        if (message->fd >= 0) {
            table->entries[table->nr++] = (struct kvm_irq_routing_entry){
                .gsi = MESSAGE_GSI + i,
                .type = KVM_IRQ_ROUTING_MSI,
                .u.msi = { .address_lo = (uint32_t)message->address,
                           .address_hi = (uint32_t)(message->address >> 32),
                           .data = message->data },
            };
        }
    }
    int err = kvm_call(vm->fd, KVM_SET_GSI_ROUTING, (unsigned long)table);
    free(table);
    return err < 0 ? err : 0;
}

/* The place of what `fd` tells; `fd` -1: a free one. NULL if there is none. */
static struct kvm_message *find(struct kvm_vm *vm, int fd)
{
    for (uint32_t i = 0; i < vm->arch.route_count; i++) {
        if (vm->arch.routes[i].fd == fd) {
            return &vm->arch.routes[i];
        }
    }
    return NULL;
}

static struct kvm_message *make(struct kvm_vm *vm)
{
    struct kvm_message *free_one = find(vm, -1);
    if (free_one) {
        return free_one;
    }
    if (vm->arch.route_count == vm->arch.route_room) {
        uint32_t room = vm->arch.route_room ? 2 * vm->arch.route_room : 32;
        struct kvm_message *routes = realloc(vm->arch.routes, room * sizeof(*routes));
        if (!routes) {
            return NULL;
        }
        vm->arch.routes = routes;
        vm->arch.route_room = room;
    }
    vm->arch.routes[vm->arch.route_count].fd = -1;
    return &vm->arch.routes[vm->arch.route_count++];
}

static int irqfd(const struct kvm_vm *vm, uint32_t gsi, int fd, int resample, bool add)
{
    struct kvm_irqfd request = {
        .fd = (uint32_t)fd,
        .gsi = gsi,
        .flags = (add ? 0u : KVM_IRQFD_FLAG_DEASSIGN) |
                 (add && resample >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0u),
        .resamplefd = resample >= 0 ? (uint32_t)resample : 0u,
    };
    int err = kvm_call(vm->fd, KVM_IRQFD, (unsigned long)&request);
    return err < 0 ? err : 0;
}

static uint32_t gsi_of(const struct kvm_vm *vm, const struct kvm_message *message)
{
    return MESSAGE_GSI + (uint32_t)(message - vm->arch.routes);
}

/* The route comes first: what the eventfd has already counts at once. */
static int add_message(struct kvm_vm *vm, int fd, uint64_t address, uint32_t data)
{
    struct kvm_message *message = find(vm, fd);
    bool is_new = !message;
    if (is_new) {
        message = make(vm);
    } else if (message->address == address && message->data == data) {
        return 0;
    }
    if (!message) {
        return -ENOMEM;
    }
    *message = (struct kvm_message){ fd, address, data };
    int err = kvm_routes_set(vm);
    if (!err && is_new) {
        err = irqfd(vm, gsi_of(vm, message), fd, -1, true);
    }
    if (err && is_new) {
        message->fd = -1;
    }
    return err;
}

/* A route that nobody uses any more goes with the next change. */
static int remove_message(struct kvm_vm *vm, int fd)
{
    struct kvm_message *message = find(vm, fd);
    if (!message) {
        return -ENOENT;
    }
    int err = irqfd(vm, gsi_of(vm, message), fd, -1, false);
    message->fd = -1;
    return err;
}

int kvm_message_fd(struct hosted_vm *hosted, int fd, uint64_t address, uint32_t data, bool add)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    if (vm->arch.split) {
        return -EOPNOTSUPP; /* Whose routes are split.c's alone. */
    }
    pthread_mutex_lock(&vm->irq_lock);
    int err = add ? add_message(vm, fd, address, data) : remove_message(vm, fd);
    pthread_mutex_unlock(&vm->irq_lock);
    return err;
}

int kvm_irq_fd(struct hosted_vm *hosted, int irq, int fd, int resample, bool add)
{
    const struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    if (vm->arch.split) {
        return -EOPNOTSUPP;
    }
    return kvm_irqchip_has(irq) ? irqfd(vm, (uint32_t)irq, fd, resample, add) : -EINVAL;
}
