/* SPDX-License-Identifier: BSD-2-Clause */
/* Image files of the compatible interface: by name, through the C library. */
#pragma once

#include <sel4vmmplatsupport/vmmp/image.h>

struct compat_file {
    struct vmmp_file file;
    int fd;
    uint64_t position; /* Of `fd`. */
};

/** Opens `name`, which must live as long. 0, or -errno with a message. */
int vmmp_compat_file_open(struct compat_file *file, const char *name,
                          struct vmmp_image_error *error);
void vmmp_compat_file_close(struct compat_file *file);
