/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/vusb.h>

#ifdef CONFIG_LIB_USB
vusb_device_t *client_vusb(vm_t *vm, usb_host_t *hcd, seL4_CPtr vmm, seL4_CPtr guest)
{
    vusb_device_t *vusb = vm_install_vusb(vm, hcd, 0x10000000, 90, vmm, guest, 1);

    if (vusb) {
        vm_vusb_notify(vusb);
    }
    return vusb;
}
#endif
