/* SPDX-License-Identifier: BSD-2-Clause */
/* The files named on the command line: kernel, initrd, device tree in; device tree out. */
#pragma once

#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/image.h>

struct input_file {
    struct vmmp_file file; /**< For the library. */
    int fd;
};

/**
 * Opens a regular file that is not empty. `option` is for messages. 0, or -1 after saying what is
 * wrong.
 */
int input_file_open(struct input_file *input, const char *option, const char *path);
/** A zeroed one is left alone. */
void input_file_close(struct input_file *input);

/**
 * Writes a whole file, or leaves what was there as it was. A path that is no regular file (a
 * terminal, /dev/stdout) is written to directly. 0 or -errno.
 */
int output_file_replace(const char *path, const void *bytes, size_t size);
/** The same for an option: 0, or -1 after saying what is wrong. */
int output_file_write(const char *option, const char *path, const void *bytes, size_t size);
