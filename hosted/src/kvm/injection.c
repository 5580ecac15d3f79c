/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts that are injected, and acknowledged by the guest's EOI. */
#include "kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * libsel4vm's injection is "pending until the guest has finished it, then acknowledge". A pulse of
 * a level-triggered line would be lost if no vCPU takes it in time; a resampled irqfd is exactly
 * that: the kernel raises the line, lowers it at the guest's EOI, and tells us.
 */
static int set_up(struct kvm_vm *vm, unsigned gsi, int irq)
{
    struct injection *injection = &vm->injections[gsi];
    int trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct kvm_irqfd irqfd = {
        .fd = (uint32_t)trigger,
        .gsi = gsi,
        .flags = KVM_IRQFD_FLAG_RESAMPLE,
        .resamplefd = (uint32_t)resample,
    };
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = KVM_EVENT_GSI + gsi };
    int err = trigger < 0 || resample < 0 ? -EMFILE : 0;
    /* Before the event loop can hear of it. */
    injection->irq = irq;
    injection->resample = resample;
    if (!err) {
        err = kvm_call(vm->fd, KVM_IRQFD, (unsigned long)&irqfd);
    }
    if (!err && epoll_ctl(vm->events, EPOLL_CTL_ADD, resample, &event) != 0) {
        err = -errno;
    }
    if (err) {
        vmmp_log(hosted_vm_log(vm->hosted), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "cannot inject interrupt %d: %s", irq, strerror(-err));
        close(trigger);
        close(resample);
        injection->resample = -1;
        return err;
    }
    __atomic_store_n(&injection->trigger, trigger, __ATOMIC_RELEASE);
    return 0;
}

int kvm_inject(struct kvm_vm *vm, unsigned gsi, int irq)
{
    const uint64_t one = 1;
    struct injection *injection = &vm->injections[gsi];
    int trigger = __atomic_load_n(&injection->trigger, __ATOMIC_ACQUIRE);
    if (trigger < 0) {
        int err = 0;
        pthread_mutex_lock(&vm->irq_lock);
        if (injection->trigger < 0) {
            err = set_up(vm, gsi, irq);
        }
        trigger = injection->trigger;
        pthread_mutex_unlock(&vm->irq_lock);
        if (err) {
            return err;
        }
    }
    return write(trigger, &one, sizeof one) == sizeof one ? 0 : -errno;
}

void kvm_injection_resampled(struct kvm_vm *vm, unsigned gsi)
{
    uint64_t count;
    const struct injection *injection = &vm->injections[gsi];
    if (read(injection->resample, &count, sizeof count) == sizeof count) {
        vm_t *public = hosted_vm_public(vm->hosted);
        hosted_vcpu_irq_acknowledged(hosted_vcpu_of(public->vcpus[0]), injection->irq);
    }
}
