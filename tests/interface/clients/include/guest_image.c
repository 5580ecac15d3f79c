/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef CONFIG_ARCH_ARM /* A PC's is with arch/guest_boot_init.h. */
#include <string.h>

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/guest_image.h>

uintptr_t client_guest_image(vm_t *vm)
{
    guest_kernel_image_t kernel;
    guest_image_t initrd;

    memset(&kernel, 0, sizeof(kernel));
    if (vm_load_guest_kernel(vm, "kernel", 0x40000000, 0, &kernel) == -1 ||
        vm_load_guest_module(vm, "initrd", 0x4f000000, 0, &initrd)) {
        return 0;
    }
    return kernel.kernel_image.load_paddr + kernel.kernel_image.size + initrd.load_paddr +
           initrd.size + initrd.alignment;
}
#endif
