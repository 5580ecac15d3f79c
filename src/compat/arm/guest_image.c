/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/guest_image.h>: ARM kernels. */
#include <errno.h>

#include "compat/guest_image_load.h"
#include "guest/image_internal.h"

/* A zImage that does not say where it belongs (arch/arm/booting.rst, 5). */
#define ZIMAGE_LOAD_OFFSET 0x8000u

static int load_kernel(struct compat_load *load, uintptr_t load_address, guest_image_t *image)
{
    struct vmmp_kernel kernel;
    struct vmmp_kernel_options options = { .machines = VMMP_MACHINE_ARM32, .allow_raw = true };
    uint64_t address = load->vm->entry;

    if (sizeof(seL4_Word) == 8) {
        options.machines |= VMMP_MACHINE_ARM64;
    }
    int err = vmmp_kernel_probe(&load->file.file, &options, &kernel, &load->error);
    if (err) {
        return err;
    }
    if (kernel.format == VMMP_KERNEL_ELF) {
        return vmmp_image_fail(&load->error, -ENOTSUP, load->file.file.name,
                               "is an ELF, which this interface does not load; give a raw image "
                               "(objcopy -O binary) or see vmmp/image.h");
    }
    if (kernel.format == VMMP_KERNEL_ZIMAGE) {
        address = kernel.fixed ? kernel.fixed_address : (uint64_t)load_address + ZIMAGE_LOAD_OFFSET;
    }
    if (!kernel.size_known) {
        /* A guess is no reason to refuse what always worked. */
        kernel.memory_size = kernel.payload_size;
    }
    err = vmmp_compat_load_place(load, &kernel, address, kernel.memory_size);
    if (!err) {
        image->load_paddr = (uintptr_t)address;
        image->size = (size_t)load->file.file.size;
    }
    return err;
}

int vm_load_guest_kernel(vm_t *vm, const char *kernel_name, uintptr_t load_address,
                         size_t alignment, guest_kernel_image_t *guest_kernel_image)
{
    struct compat_load load;

    (void)alignment;
    if (!vm || !kernel_name || !guest_kernel_image ||
        vmmp_compat_load_begin(&load, vm, kernel_name)) {
        return -1;
    }
    return vmmp_compat_load_end(
        &load, load_kernel(&load, load_address, &guest_kernel_image->kernel_image));
}
