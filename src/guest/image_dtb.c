/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees from files (Devicetree Specification v0.4, chapter 5). */
#include <sel4vmmplatsupport/vmmp/image.h>

#include <errno.h>
#include <string.h>

#include <libfdt.h>

#include "guest/image_internal.h"

/* The first version of the format has a header of seven words, all later ones more. */
#define DTB_MIN_SIZE 40u

int vmmp_dtb_read(const struct vmmp_file *file, void *buffer, size_t buffer_size, size_t *size,
                  struct vmmp_image_error *error)
{
    uint8_t header[8];

    if (error) {
        error->message[0] = '\0';
    }
    if (file->size < DTB_MIN_SIZE) {
        return vmmp_image_fail(error, -ENODATA, file->name, "is %s; give a device tree blob (.dtb)",
                               file->size ? "too short for a device tree" : "empty");
    }
    int err = vmmp_image_read(file, 0, header, sizeof(header), error);
    if (err) {
        return err;
    }
    if (fdt32_ld((const fdt32_t *)(const void *)header) != FDT_MAGIC) {
        return vmmp_image_fail(error, -EBADMSG, file->name,
                               "is not a device tree blob (.dtb); dtc makes one of a source file");
    }
    uint32_t total = fdt32_ld((const fdt32_t *)(const void *)(header + 4));
    if (total > file->size) {
        return vmmp_image_fail(error, -ENODATA, file->name,
                               "is truncated: a device tree with %llu of %u bytes",
                               (unsigned long long)file->size, total);
    }
    if (total < DTB_MIN_SIZE) {
        return vmmp_image_fail(error, -EBADMSG, file->name,
                               "is a damaged device tree: it says that it has %u bytes", total);
    }
    if (total > buffer_size) {
        return vmmp_image_fail(error, -EFBIG, file->name,
                               "is a device tree of %u bytes; at most %llu can be loaded", total,
                               (unsigned long long)buffer_size);
    }
    err = vmmp_image_read(file, 0, buffer, total, error);
    if (err) {
        return err;
    }
    int fdt_error = fdt_check_full(buffer, total);
    if (fdt_error) {
        return vmmp_image_fail(error, -EBADMSG, file->name, "is a damaged device tree: %s",
                               fdt_strerror(fdt_error));
    }
    *size = total;
    return 0;
}
