/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

static int fault(vm_t *vm, vm_vcpu_t *vcpu, struct device *dev, uintptr_t addr, size_t len)
{
    return dev->priv && vm && vcpu && addr && len ? 0 : -1;
}

static const struct device board = {
    .name = "board",
    .pstart = 0x10000000,
    .size = 0x1000,
    .handle_device_fault = fault,
    .priv = NULL,
};
static const struct device other = { "other", 0x10001000, 0x2000, NULL, NULL };
static const struct device *const passthrough[] = { &board, &other };

int client_device(vm_t *vm, vm_vcpu_t *vcpu)
{
    device_list_t list;
    int err = device_list_init(&list);

    for (unsigned i = 0; i < 2 && !err; i++) {
        err = add_device(&list, passthrough[i]);
    }
    struct device *found = find_device_by_pa(&list, 0x10000008);
    if (found && found->handle_device_fault && list.num_devices == 2) {
        err = found->handle_device_fault(vm, vcpu, &list.devices[0], found->pstart, found->size);
    }
    return err;
}
