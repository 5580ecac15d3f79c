/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's files: an archive (cpio, "newc") that is linked into the program. Members:
 *   kernel    an arm64 Image
 *   initrd    optional
 *   cmdline   optional: the kernel's command line, without a newline
 *   disk      optional: the first contents of the disk
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/image.h>

struct guest_file {
    const uint8_t *bytes;
    struct vmmp_file file;
};

/** False if the archive has no such member. `file` must not move afterwards. */
bool guest_file_open(struct guest_file *file, const char *name);
