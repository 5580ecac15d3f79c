/* SPDX-License-Identifier: BSD-2-Clause */
/* Where kernel, device tree and initrd go. */
#include <sel4vmmplatsupport/vmmp/image.h>

#include <errno.h>
#include <string.h>

#include "guest/image_internal.h"

/* Largest page of an arm64 kernel: what it frees after use does not share a page. */
#define INITRD_ALIGNMENT (64 * IMAGE_KIB)
/* Where 32-bit kernels are sure not to unpack themselves (arch/arm/booting.rst, 4b). */
#define ARM32_CLEAR_OF_KERNEL (128 * IMAGE_MIB)
/* Lowest end of the memory that a 32-bit kernel maps all the time. */
#define ARM32_LOW_MEMORY (760 * IMAGE_MIB)
#define ARM32_END        (4 * IMAGE_GIB)
/* Initrd and kernel lie in one such window (arm64/booting.rst). */
#define ARM64_INITRD_WINDOW (32 * IMAGE_GIB)

/* A piece of address space that shrinks from below. Addresses never wrap: `at` <= `end`. */
struct room {
    uint64_t at;
    uint64_t end;
};

static bool take(struct room *room, uint64_t alignment, uint64_t size, uint64_t *address)
{
    uint64_t rest = room->at % alignment;
    uint64_t skip = rest ? alignment - rest : 0;

    if (skip > room->end - room->at || size > room->end - room->at - skip) {
        return false;
    }
    *address = room->at + skip;
    room->at = *address + size;
    return true;
}

static int no_room(const struct vmmp_layout_request *request, const char *name, const char *what,
                   uint64_t size, struct vmmp_image_error *error)
{
    return vmmp_image_fail(
        error, -ENOSPC, name,
        "%s of %llu KiB does not fit into the %llu MiB of RAM at 0x%llx%s; give "
        "the guest more memory",
        what, (unsigned long long)((size + IMAGE_KIB - 1) / IMAGE_KIB),
        (unsigned long long)(request->ram_size / IMAGE_MIB), (unsigned long long)request->ram_start,
        request->kernel->machine == VMMP_MACHINE_ARM32 ? " that a 32-bit kernel can use" : "");
}

static int place_kernel(const struct vmmp_layout_request *request, struct room *room,
                        struct vmmp_layout *layout, struct vmmp_image_error *error)
{
    const struct vmmp_kernel *kernel = request->kernel;
    const char *name = kernel->file.name;

    if (kernel->memory_size > UINT64_MAX - kernel->scratch_size) {
        return no_room(request, name, "a kernel", kernel->memory_size, error);
    }
    layout->kernel_size = kernel->memory_size + kernel->scratch_size;
    if (kernel->fixed) {
        uint64_t at = kernel->fixed_address;
        if (at < room->at || at > room->end || layout->kernel_size > room->end - at) {
            return vmmp_image_fail(error, -ENOSPC, name,
                                   "is linked to run at 0x%llx with 0x%llx bytes; the guest's RAM "
                                   "is 0x%llx bytes at 0x%llx",
                                   (unsigned long long)at, (unsigned long long)layout->kernel_size,
                                   (unsigned long long)request->ram_size,
                                   (unsigned long long)request->ram_start);
        }
        layout->kernel = at;
    } else {
        uint64_t base = 0;
        if (kernel->offset > UINT64_MAX - layout->kernel_size ||
            !take(room, kernel->alignment, kernel->offset + layout->kernel_size, &base)) {
            return no_room(request, name, "a kernel", layout->kernel_size, error);
        }
        layout->kernel = base + kernel->offset;
    }
    room->at = layout->kernel + layout->kernel_size;
    layout->entry = layout->kernel + kernel->entry_offset;
    return 0;
}

/* The lower end of what a 32-bit kernel of unknown size leaves alone. */
static void keep_clear_of_kernel(const struct vmmp_layout_request *request, struct room *room)
{
    uint64_t clear = request->ram_size / 2;
    if (clear > ARM32_CLEAR_OF_KERNEL) {
        clear = ARM32_CLEAR_OF_KERNEL;
    }
    if (room->at < request->ram_start + clear) {
        room->at = request->ram_start + clear;
    }
}

static void lower_end(struct room *room, uint64_t end)
{
    if (room->end > end) {
        room->end = end < room->at ? room->at : end;
    }
}

int vmmp_layout_plan(const struct vmmp_layout_request *request, struct vmmp_layout *layout,
                     struct vmmp_image_error *error)
{
    const struct vmmp_kernel *kernel = request->kernel;
    const char *initrd_name = request->initrd_name ? request->initrd_name : "initrd";

    if (error) {
        error->message[0] = '\0';
    }
    memset(layout, 0, sizeof(*layout));
    if (!kernel || request->ram_size == 0 || request->ram_size > UINT64_MAX - request->ram_start ||
        kernel->alignment == 0) {
        return vmmp_image_fail(error, -EINVAL, "RAM", "an empty range or no kernel");
    }
    if (request->dtb_size > VMMP_DTB_MAX_SIZE) {
        return vmmp_image_fail(error, -EFBIG, "device tree",
                               "%llu bytes are more than the 2 MiB that a kernel takes",
                               (unsigned long long)request->dtb_size);
    }
    struct room room = { request->ram_start, request->ram_start + request->ram_size };
    if (kernel->machine == VMMP_MACHINE_ARM32) {
        lower_end(&room, ARM32_END);
    }
    int err = place_kernel(request, &room, layout, error);
    if (err) {
        return err;
    }
    if (kernel->machine == VMMP_MACHINE_ARM32) {
        if (kernel->format == VMMP_KERNEL_ZIMAGE && !kernel->size_known) {
            keep_clear_of_kernel(request, &room);
        }
        if (request->ram_size > ARM32_LOW_MEMORY) {
            lower_end(&room, request->ram_start + ARM32_LOW_MEMORY);
        }
    } else {
        /* The window begins at a multiple of 1 GiB, so less than that below the kernel. */
        uint64_t window = layout->kernel - layout->kernel % IMAGE_GIB;
        if (window <= UINT64_MAX - ARM64_INITRD_WINDOW) {
            lower_end(&room, window + ARM64_INITRD_WINDOW);
        }
    }
    /* A block of its own: the kernel maps 2 MiB with one set of attributes. */
    layout->dtb_size = request->dtb_size;
    if (layout->dtb_size && !take(&room, 2 * IMAGE_MIB, layout->dtb_size, &layout->dtb)) {
        return no_room(request, kernel->file.name, "the device tree beside a kernel",
                       layout->dtb_size, error);
    }
    layout->initrd_size = request->initrd_size;
    if (layout->initrd_size &&
        !take(&room, INITRD_ALIGNMENT, layout->initrd_size, &layout->initrd)) {
        return no_room(request, initrd_name, "an initrd beside the kernel", layout->initrd_size,
                       error);
    }
    return 0;
}
