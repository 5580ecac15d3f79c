/* SPDX-License-Identifier: BSD-2-Clause */
/* What a UART is connected to: a host that defers, interrupt lines, and a backend by the input. */
#pragma once

#include <sel4vmmplatsupport/vmmp/uart.h>

#include "fuzz_input.h"

static struct fuzz_input *input;
static struct vmmp_work *queued;
static size_t most_input = VMMP_UART_FIFO_MAX; /* That the model asks for at once. */

static void defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    FUZZ_CHECK(!queued || queued == work); /* Only the UART defers. */
    queued = work;
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = queued == work ? NULL : queued;
}

static void run_queued(void)
{
    struct vmmp_work *work = queued;
    queued = NULL;
    if (work) {
        work->run(work->cookie);
    }
}

/* Of an interrupt line whose cookie is its level. */
static void set_level(void *cookie, bool high)
{
    bool *level = cookie;
    FUZZ_CHECK(*level != high);
    *level = high;
}

static const struct vmmp_irq_line_ops line_ops = { .level = set_level };

static size_t take(void *cookie, const uint8_t *bytes, size_t size)
{
    (void)cookie, (void)bytes;
    size_t taken = fuzz_u8(input);
    return taken & 1 ? size : taken; /* Which may be more than there are. */
}

static size_t give(void *cookie, uint8_t *bytes, size_t size)
{
    (void)cookie;
    FUZZ_CHECK(size >= 1 && size <= most_input);
    size_t given = fuzz_u8(input);
    given = given < size ? given : size;
    memset(bytes, 'i', given);
    return given;
}

static const struct vmmp_serial_backend backend = { take, give };
