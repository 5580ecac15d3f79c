/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of any content, and what every function that reads one owes its caller. */
#pragma once

#include "fuzz_input.h"

#include <sel4vmmplatsupport/vmmp/image.h>

static struct vmmp_image_error error;

struct content {
    const uint8_t *bytes;
    size_t size;
    size_t chunk; /* Most bytes a read returns. */
    unsigned reads;
};

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    struct content *content = cookie;
    FUZZ_CHECK(size > 0);
    /* Reading one file takes a number of reads that its size and the chunks explain. */
    FUZZ_CHECK(++content->reads < 10000);
    if (offset >= content->size) {
        return 0;
    }
    size_t left = content->size - (size_t)offset;
    size = size < left ? size : left;
    size = size < content->chunk ? size : content->chunk;
    memcpy(to, content->bytes + offset, size);
    return (int64_t)size;
}

/* A result and its message: one line, and only if something is wrong. */
static bool done(int result)
{
    FUZZ_CHECK(result <= 0 && result > -4096);
    FUZZ_CHECK(result == 0 || error.message[0] != '\0');
    FUZZ_CHECK(memchr(error.message, '\0', sizeof(error.message)) && !strchr(error.message, '\n'));
    return result == 0;
}
