/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts and messages that the kernel itself makes of eventfds: KVM_IRQFD. */
#include "kvm_x86.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_GSI  HOSTED_KVM_X86_IRQS /* The first one of a message. */
#define KVM_MESSAGES 1024u               /* Eight devices with 128 vectors. */

/* What an eventfd tells; `fd` -1: the place is free. Its GSI is MESSAGE_GSI + its place. */
struct kvm_message {
    int fd;
    uint64_t address;
    uint32_t data;
};

/* With all the room there will be, as guests make and change messages. By irq_lock. */
struct kvm_routes {
    struct kvm_message messages[KVM_MESSAGES];
    uint32_t count;
    union {
        struct kvm_irq_routing table;
        uint8_t room[sizeof(struct kvm_irq_routing) +
                     (KVM_IRQCHIP_ROUTES + KVM_MESSAGES) * sizeof(struct kvm_irq_routing_entry)];
    };
};

/* Gives the kernel all routes, those of inputs and of messages. */
static int set_routes(const struct kvm_vm *vm)
{
    struct kvm_routes *routes = vm->arch.routes;
    struct kvm_irq_routing *table = &routes->table;
    table->nr = 0;
    kvm_irqchip_routes(table);
    for (uint32_t i = 0; i < routes->count; i++) {
        const struct kvm_message *message = &routes->messages[i];
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
    return err < 0 ? err : 0;
}

int kvm_routes_make(struct kvm_vm *vm)
{
    vm->arch.routes = calloc(1, sizeof(*vm->arch.routes));
    return vm->arch.routes ? set_routes(vm) : -ENOMEM;
}

/* The place of what `fd` tells; `fd` -1: a free one. NULL if there is none. */
static struct kvm_message *find(const struct kvm_vm *vm, int fd)
{
    struct kvm_routes *routes = vm->arch.routes;
    for (uint32_t i = 0; i < routes->count; i++) {
        if (routes->messages[i].fd == fd) {
            return &routes->messages[i];
        }
    }
    return NULL;
}

static struct kvm_message *make(const struct kvm_vm *vm)
{
    struct kvm_routes *routes = vm->arch.routes;
    struct kvm_message *free_one = find(vm, -1);
    if (free_one || routes->count == KVM_MESSAGES) {
        return free_one;
    }
    routes->messages[routes->count].fd = -1;
    return &routes->messages[routes->count++];
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
    return MESSAGE_GSI + (uint32_t)(message - vm->arch.routes->messages);
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
        return -ENOSPC;
    }
    struct kvm_message before = *message;
    *message = (struct kvm_message){ fd, address, data };
    int err = set_routes(vm);
    if (!err && is_new) {
        err = irqfd(vm, gsi_of(vm, message), fd, -1, true);
    }
    if (err) {
        *message = before;
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
