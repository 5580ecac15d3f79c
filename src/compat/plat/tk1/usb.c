/* SPDX-License-Identifier: BSD-2-Clause */
/* The USB2 controller, an EHCI host (Tegra K1 Technical Reference Manual, chapter USB). */
#include <sel4vmmplatsupport/plat/usb.h>

#include <stdint.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vmmplatsupport/guest_memory_util.h>

#include "compat/compat_vm.h"

#define USB2_PADDR 0x7d004000

#define USBCMD     0x130
#define USBCMD_RST (UINT32_C(1) << 1)

static const struct device usb2 = { .name = "usb2", .pstart = USB2_PADDR, .size = 0x1000 };

static int reset_controller(vm_t *vm, void *token)
{
    volatile uint32_t *registers = token;

    (void)vm;
    registers[USBCMD / 4] |= USBCMD_RST;
    return 0;
}

int vm_install_tk1_usb_passthrough_device(vm_t *vm, reboot_hooks_list_t *reboot_hooks)
{
    if (!vm || !reboot_hooks) {
        return -1;
    }
    void *registers = create_device_reservation_frame(vm, USB2_PADDR, seL4_AllRights,
                                                      default_error_fault_callback, NULL);
    if (!registers) {
        return vmmp_compat_device_error(vm, &usb2,
                                        "its page is taken in the guest, or not available (does "
                                        "the kernel or another component own the device?)");
    }
    if (vmm_register_reboot_callback(reboot_hooks, reset_controller, registers)) {
        return vmmp_compat_device_error(vm, &usb2, "out of memory for its reboot hook");
    }
    return 0;
}
