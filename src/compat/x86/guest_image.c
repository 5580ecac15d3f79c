/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/guest_image.h>: kernels of a PC, ELF with a file of relocations. */
#include <errno.h>

#include "compat/guest_image_load.h"
#include "guest/image_internal.h"

/* libsel4vm enters its guests in the mode that the kernel is configured for. */
#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
#define GUEST_MACHINE VMMP_MACHINE_X86_64
#else
#define GUEST_MACHINE VMMP_MACHINE_X86_32
#endif

static int find_base(struct compat_load *load, uintptr_t load_address, size_t alignment,
                     uint64_t *base)
{
    uint64_t unit = alignment ? alignment : 1;
    uint64_t rest = load_address % unit;

    *base = rest ? load_address + (unit - rest) : load_address;
    if (*base < load_address || *base > UINTPTR_MAX) {
        return vmmp_image_fail(&load->error, -EINVAL, load->file.file.name,
                               "0x%llx cannot be rounded up to a multiple of 0x%llx",
                               (unsigned long long)load_address, (unsigned long long)alignment);
    }
    return 0;
}

/* Loads it, moved by as much as it takes, with the relocations that the client names. */
static int move_kernel(struct compat_load *load, const struct vmmp_kernel *kernel, uint64_t base,
                       const guest_kernel_image_arch_t *arch)
{
    const struct vmmp_guest_memory *memory = &load->native->memory;
    struct compat_file relocations;
    bool relocate = arch->is_reloc_enabled && base != kernel->fixed_address;

    if (relocate && !arch->relocs_file) {
        return vmmp_image_fail(&load->error, -EINVAL, load->file.file.name,
                               "is to be relocated: name its file of relocations");
    }
    int err = vmmp_compat_load_check(load, base, kernel->memory_size);
    if (!err && relocate) {
        err = vmmp_compat_file_open(&relocations, arch->relocs_file, &load->error);
    }
    if (err) {
        return err;
    }
    err = vmmp_kernel_load_moved(memory, kernel, base, relocate ? &relocations.file : NULL,
                                 &load->error);
    if (relocate) {
        vmmp_compat_file_close(&relocations);
    }
    if (!err) {
        vmmp_compat_load_claim(load, base, kernel->memory_size);
    }
    return err;
}

static int load_kernel(struct compat_load *load, uintptr_t load_address, size_t alignment,
                       guest_kernel_image_t *image)
{
    struct vmmp_kernel kernel;
    struct vmmp_kernel_options options = { .machines = GUEST_MACHINE,
                                           .keep_packed = true,
                                           .ignore_pvh = true };
    guest_kernel_image_arch_t *arch = &image->kernel_image_arch;
    uint64_t base = 0;

    int err = vmmp_kernel_probe(&load->file.file, &options, &kernel, &load->error);
    if (err) {
        return err;
    }
    if (kernel.format != VMMP_KERNEL_ELF) {
        return vmmp_image_fail(&load->error, -ENOTSUP, load->file.file.name,
                               "is a bzImage, which this interface does not load; give the ELF "
                               "(vmlinux) or see vmmp/load_x86.h");
    }
    err = find_base(load, load_address, alignment, &base);
    if (!err) {
        err = move_kernel(load, &kernel, base, arch);
    }
    if (err) {
        return err;
    }
    arch->entry = (uintptr_t)(base + kernel.entry_offset);
    arch->relocation_offset = (int)(base - kernel.fixed_address);
    arch->link_paddr = (uintptr_t)kernel.fixed_address;
    arch->link_vaddr = (uintptr_t)kernel.x86.link_virtual;
    image->kernel_image.load_paddr = (uintptr_t)base;
    image->kernel_image.alignment = alignment;
    image->kernel_image.size = (size_t)kernel.memory_size;
    return 0;
}

int vm_load_guest_kernel(vm_t *vm, const char *kernel_name, uintptr_t load_address,
                         size_t alignment, guest_kernel_image_t *guest_kernel_image)
{
    struct compat_load load;

    if (!vm || !kernel_name || !guest_kernel_image ||
        vmmp_compat_load_begin(&load, vm, kernel_name)) {
        return -1;
    }
    return vmmp_compat_load_end(&load,
                                load_kernel(&load, load_address, alignment, guest_kernel_image));
}
