/* SPDX-License-Identifier: BSD-2-Clause */
/* By the names that older clients use. */
#include <sel4vm/guest_vm.h>
#include <sel4vm/devices/generic_forward.h>
#include <sel4vmmplatsupport/arch/generic_forward_device.h>

static void forward_write(uint32_t addr, uint32_t value)
{
    (void)addr, (void)value;
}

static uint32_t forward_read(uint32_t addr)
{
    return addr;
}

static struct generic_forward_cfg forward = { .read_fn = forward_read, .write_fn = forward_write };
static struct generic_forward_cfg in_order = { forward_write, forward_read };

int client_generic_forward_device(vm_t *vm, const struct device *device)
{
    return vm_install_generic_forward_device(vm, device, forward) ||
           vm_install_generic_forward_device(vm, device, in_order);
}
