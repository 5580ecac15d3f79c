/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual USB, compatible interface: a guest's paravirtual USB host (vmmp/usb_host.h has its
 * registers) in front of a controller that a driver of libusbdrivers runs. Declared where that
 * library is part of the build (CONFIG_LIB_USB); clients include this header in any case.
 */
#pragma once

#include <autoconf.h>
#include <sel4vm/gen_config.h>
#ifdef __has_include
#if __has_include(<usbdrivers/gen_config.h>)
#include <usbdrivers/gen_config.h>
#endif
#endif

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#ifdef CONFIG_LIB_USB
#include <usb/usb_host.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vusb_device vusb_device_t;

/**
 * Gives the guest a virtual USB host: its request table at guest-physical `pbase`, page aligned,
 * its registers in the page behind, its interrupt `virq`, which vm_create_default_irq_controller()
 * precedes. Addresses in the table have the VMM's own word size.
 *
 * `hcd` is a controller that its driver has initialised, with a DMA allocator, from which this call
 * takes 192 KiB (8 transfers of up to 16 KiB): the controller never sees an address of the guest's.
 * It belongs to this VM from now on; the client goes on calling usb_hcd_handle_irq(), and lets the
 * transfers end before it destroys the VM.
 *
 * The guest's notification: the capability `vmm_ncap` is copied, with `badge`, into slot `vm_ncap`
 * of the guest's CNode (arch/service.h); when it is signalled call vm_vusb_notify(). With a
 * `vmm_ncap` of 0, as on Linux, the guest has its `notify` register alone.
 *
 * NULL with a message if the range or the interrupt is taken, there is no memory, or the capability
 * cannot be copied.
 */
vusb_device_t *vm_install_vusb(vm_t *vm, usb_host_t *hcd, uintptr_t pbase, int virq,
                               seL4_CPtr vmm_ncap, seL4_CPtr vm_ncap, int badge);

/** Begins what the guest has left in its table. NULL is ignored. */
void vm_vusb_notify(vusb_device_t *vusb);

#ifdef __cplusplus
}
#endif

#endif
