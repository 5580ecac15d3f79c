/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/guest_boot_init.h>
#include <sel4vmmplatsupport/gen_config.h>
#include <sel4vmmplatsupport/guest_image.h>
#include <utils/util.h>

int client_guest_boot_init(vm_t *vm)
{
    guest_kernel_image_t kernel;
    guest_image_t initrd;
    uintptr_t boot_info;

    memset(&kernel, 0, sizeof(kernel));
    kernel.kernel_image_arch.is_reloc_enabled = true;
    kernel.kernel_image_arch.relocs_file = "vmlinux.relocs";
    if (vm_load_guest_kernel(vm, "vmlinux", 0x1000000, BIT(PAGE_BITS_4M), &kernel) ||
        vm_load_guest_module(vm, "initrd", 0x8000000, 0, &initrd)) {
        return -1;
    }
#ifdef CONFIG_VMM_USE_HPET
    initrd.alignment = 0;
#endif
    const struct guest_kernel_image_arch *arch = &kernel.kernel_image_arch;
    if (arch->link_paddr + (uintptr_t)arch->relocation_offset != kernel.kernel_image.load_paddr ||
        arch->link_vaddr == 0 || kernel.kernel_image.alignment == 0 ||
        vmm_plat_init_guest_boot_structure(vm, "console=ttyS0", kernel, initrd, &boot_info)) {
        return -1;
    }
    return vmm_plat_init_guest_thread_state(vm->vcpus[0], arch->entry, boot_info);
}
