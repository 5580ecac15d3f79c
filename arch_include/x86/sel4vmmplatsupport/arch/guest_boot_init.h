/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Linux on a PC is told when it starts, and the first vCPU's state: the compatible interface.
 * See vmmp/boot_x86.h and vmmp/load_x86.h for the native one.
 */
#pragma once

#include <stdint.h>

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/guest_image.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Writes command line, boot parameters and ACPI tables (arch/acpi.h) to guest memory; where the
 * boot parameters are goes to `*guest_boot_info_addr`. Kernel and initrd are loaded before, and all
 * RAM is registered: the memory map is made of it, reserved where there is none, on 32-bit hosts up
 * to 4 GiB. The host's VESA framebuffer, if its kernel knows one and this library was built with
 * CONFIG_VMM_PLATSUPPORT_VESA_FRAMEBUFFER, is mapped into anonymous memory and described; without
 * room for it (logged) the guest has none. `guest_ramdisk_image.load_paddr` of 0 means that there
 * is no initrd. 0 or -1 (logged).
 */
int vmm_plat_init_guest_boot_structure(vm_t *vm, const char *cmdline,
                                       guest_kernel_image_t guest_kernel_image,
                                       guest_image_t guest_ramdisk_image,
                                       uintptr_t *guest_boot_info_addr);

/**
 * Lets `vcpu` start at `guest_entry_addr` with the boot parameters' address in esi, and eax, ebx,
 * ecx and edx 0; its other registers stay as libsel4vm made them. To be called last, before
 * vcpu_start(). 0 or -1.
 */
int vmm_plat_init_guest_thread_state(vm_vcpu_t *vcpu, uintptr_t guest_entry_addr,
                                     uintptr_t guest_boot_info_addr);

#ifdef __cplusplus
}
#endif
