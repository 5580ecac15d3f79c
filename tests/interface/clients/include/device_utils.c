/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device_utils.h>

static const struct device device = { .name = "uart", .pstart = 0x10000000, .size = 0x1000 };
static int (*const installers[])(vm_t *, const struct device *) = {
    vm_install_passthrough_device,
    vm_install_ram_only_device,
    vm_install_listening_device,
};

int client_device_utils(vm_t *vm)
{
    for (unsigned i = 0; i < 3; i++) {
        if (installers[i](vm, &device)) {
            return -1;
        }
    }
    return 0;
}
