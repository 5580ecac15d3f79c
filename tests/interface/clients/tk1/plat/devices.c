/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device_utils.h>
#include <sel4vmmplatsupport/plat/devices.h>

static const struct device *linux_pt_devices[] = {
    &dev_usb1,
    &dev_usb3,
    &dev_sdmmc,
    &dev_rtc_kbc_pmc,
    &dev_data_memory,
    &dev_exception_vectors,
    &dev_system_registers,
    &dev_ictlr,
    &dev_apb_misc,
    &dev_fuse,
    &dev_gpios,
};

int client_tk1_devices(vm_t *vm)
{
    for (unsigned i = 0; i < sizeof(linux_pt_devices) / sizeof(linux_pt_devices[0]); i++) {
        if (vm_install_passthrough_device(vm, linux_pt_devices[i])) {
            return -1;
        }
    }
    return vm_install_ram_only_device(vm, &dev_gpios);
}
