/* SPDX-License-Identifier: BSD-2-Clause */
/* KVM's VFIO device (Linux Documentation/virt/kvm/devices/vfio.rst). */
#include "kvm_x86.h"

#include <unistd.h>

static int make(struct kvm_vm *vm)
{
    struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };
    if (vm->arch.has_groups) {
        return 0;
    }
    int err = kvm_call(vm->fd, KVM_CREATE_DEVICE, (unsigned long)&device);
    if (err < 0) {
        return err;
    }
    vm->arch.groups = (int)device.fd;
    vm->arch.has_groups = true;
    return 0;
}

int kvm_device_group(struct hosted_vm *hosted, int fd, bool add)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    const int32_t group = fd;
    struct kvm_device_attr attribute = {
        .group = KVM_DEV_VFIO_GROUP,
        .attr = add ? KVM_DEV_VFIO_GROUP_ADD : KVM_DEV_VFIO_GROUP_DEL,
        .addr = (uintptr_t)&group,
    };
    int err = make(vm);
    if (!err) {
        err = kvm_call(vm->arch.groups, KVM_SET_DEVICE_ATTR, (unsigned long)&attribute);
    }
    return err < 0 ? err : 0;
}

void kvm_device_groups_close(const struct kvm_vm *vm)
{
    if (vm->arch.has_groups) {
        close(vm->arch.groups);
    }
}
