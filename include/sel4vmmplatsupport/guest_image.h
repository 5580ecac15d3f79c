/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading guest images: the compatible interface. See vmmp/image.h for the native one, which knows
 * more formats and plans their placement.
 *
 * Files are opened by name through the C library; on seL4 the client has installed a file server
 * first. Guest RAM is registered before. Errors are -1 with one line in the log that names the
 * file, what is wrong and what would be right. Call from the VMM's thread, before the guest runs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

typedef struct guest_kernel_image_arch guest_kernel_image_arch_t;

#include <sel4vmmplatsupport/arch/guest_image_arch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct guest_image {
    uintptr_t load_paddr;
    size_t alignment;
    size_t size;
} guest_image_t;

typedef struct guest_kernel_image {
    guest_image_t kernel_image;
    guest_kernel_image_arch_t kernel_image_arch;
} guest_kernel_image_t;

/**
 * ARM: a raw binary, an arm64 Image included, goes to `vm->entry`; a zImage to the address in its
 * header, else to `load_address` + 0x8000; an ELF or U-Boot image is refused. `alignment` is not
 * used. Sets `kernel_image.load_paddr`, where the kernel is entered, and `.size`, the file's. What
 * the kernel's header asks for beyond the file is zeroed. The memory is marked allocated in whole
 * pages; memory that is allocated already is refused.
 *
 * x86: an ELF of the VMM's word size is moved so that its lowest segment lies at `load_address`
 * rounded up to `alignment`; see guest_image_arch.h.
 *
 * 0 or -1.
 */
int vm_load_guest_kernel(vm_t *vm, const char *kernel_name, uintptr_t load_address,
                         size_t alignment, guest_kernel_image_t *guest_kernel_image);

/**
 * An initrd in any format, or a device tree, at `load_address`. Sets `load_paddr` and `size`; the
 * memory is marked allocated as above. A device tree is checked first. 0 or -1.
 */
int vm_load_guest_module(vm_t *vm, const char *module_name, uintptr_t load_address,
                         size_t alignment, guest_image_t *guest_image);

#ifdef __cplusplus
}
#endif
