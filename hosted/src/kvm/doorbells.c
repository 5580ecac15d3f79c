/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes of the guest that the kernel itself answers by an eventfd. */
#include "kvm.h"

#include <errno.h>

static int ioeventfd(const struct kvm_vm *vm, const struct hosted_kvm_doorbell *doorbell, bool add)
{
    struct kvm_ioeventfd request = {
        .datamatch = doorbell->value,
        .addr = doorbell->gpa,
        .len = doorbell->size,
        .fd = doorbell->fd,
        .flags = (add ? 0u : KVM_IOEVENTFD_FLAG_DEASSIGN) |
                 (doorbell->port ? KVM_IOEVENTFD_FLAG_PIO : 0u) |
                 (doorbell->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0u),
    };
#ifndef __x86_64__
    if (doorbell->port) {
        return -EOPNOTSUPP; /* This architecture has no ports. */
    }
#endif
    return kvm_call(vm->fd, KVM_IOEVENTFD, (unsigned long)&request);
}

int kvm_doorbell(struct hosted_vm *hosted, const struct vmmp_doorbell *doorbell, int fd, bool add)
{
    const struct hosted_kvm_doorbell request = {
        .gpa = doorbell->address,
        .port = doorbell->port,
        .size = doorbell->size,
        .match = doorbell->match,
        .value = doorbell->value,
        .fd = fd,
    };
    return ioeventfd(hosted_vm_engine_state(hosted), &request, add);
}

int hosted_kvm_ioeventfd(vm_t *vm, const struct hosted_kvm_doorbell *doorbell)
{
    return ioeventfd(kvm_vm_of(vm), doorbell, true);
}

int hosted_kvm_ioeventfd_remove(vm_t *vm, const struct hosted_kvm_doorbell *doorbell)
{
    return ioeventfd(kvm_vm_of(vm), doorbell, false);
}
