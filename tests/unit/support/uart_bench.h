/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A UART model with a host, an interrupt line and a backend that the test watches. Before it is
 * included: BENCH_UART, the model's type; BENCH_NAME, how its messages begin; BENCH_FIFO, the most
 * input it asks for at once. For one whose registers are words, BENCH_DATA as well: that of a byte
 * to send.
 */
#pragma once

#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/uart.h>
#include <sel4vmmplatsupport/vmmp/window.h>

/* A UART and everything around it. */
struct bench {
    BENCH_UART model;
    struct vmmp_irq_line line;
    struct vmmp_log log;
    struct vmmp_host host;
    bool can_defer;
    struct vmmp_work *deferred;
    unsigned defers;
    unsigned depth; /* How often the device's context is entered. */
    bool level;
    unsigned changes;
    unsigned logs;
    uint8_t out[4096];
    size_t out_count;
    size_t out_room; /* What the backend still takes. */
    unsigned writes;
    uint8_t in[1024];
    size_t in_at;
    size_t in_end;
    unsigned reads;
};

static void set_level(void *cookie, bool high)
{
    struct bench *b = cookie;
    b->level = high;
    b->changes++;
}

static const struct vmmp_irq_line_ops line_ops = { .level = set_level };

static void enter(void *cookie)
{
    ((struct bench *)cookie)->depth++;
}

static void leave(void *cookie)
{
    ((struct bench *)cookie)->depth--;
}

static int make_context(void *cookie, struct vmmp_context *context)
{
    context->enter = enter;
    context->leave = leave;
    context->cookie = cookie;
    return 0;
}

static void end_context(void *cookie, struct vmmp_context *context)
{
    (void)cookie;
    context->enter = NULL;
}

static void defer(void *cookie, struct vmmp_work *work)
{
    struct bench *b = cookie;
    b->deferred = work;
    b->defers++;
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    struct bench *b = cookie;
    assert_true(!b->deferred || b->deferred == work);
    b->deferred = NULL;
}

static const struct vmmp_host_ops with_defer = {
    .defer = defer, .cancel = cancel, .context_init = make_context, .context_fini = end_context
};
static const struct vmmp_host_ops without_defer = { .context_init = make_context,
                                                    .context_fini = end_context };

static void run_deferred(struct bench *b)
{
    struct vmmp_work *work = b->deferred;
    b->deferred = NULL;
    if (work) {
        vmmp_context_enter(work->context);
        work->run(work->cookie);
        vmmp_context_leave(work->context);
    }
}

static size_t backend_write(void *cookie, const uint8_t *bytes, size_t size)
{
    struct bench *b = cookie;
    size_t taken = size < b->out_room ? size : b->out_room;

    b->writes++;
    memcpy(b->out + b->out_count, bytes, taken);
    b->out_count += taken;
    b->out_room -= taken;
    return taken;
}

static size_t backend_read(void *cookie, uint8_t *bytes, size_t size)
{
    struct bench *b = cookie;
    size_t left = b->in_end - b->in_at;
    size_t given = size < left ? size : left;

    assert_int_equal(b->depth, 1);
    assert_true(size >= 1 && size <= BENCH_FIFO);
    b->reads++;
    memcpy(bytes, b->in + b->in_at, given);
    b->in_at += given;
    return given;
}

static const struct vmmp_serial_backend backend = { backend_write, backend_read };

static void count_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    struct bench *b = cookie;
    (void)level;
    assert_int_equal(origin, VMMP_LOG_GUEST);
    assert_true(strncmp(message, BENCH_NAME ": ", sizeof(BENCH_NAME ": ") - 1) == 0);
    b->logs++;
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->model.uart.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->model.uart.window, offset, 4, value);
}

static void type(struct bench *b, const char *text)
{
    size_t length = strlen(text);
    assert_true(length <= sizeof(b->in) - b->in_end);
    memcpy(b->in + b->in_end, text, length);
    b->in_end += length;
    vmmp_uart_notify(&b->model.uart);
}

static void expect_out(const struct bench *b, const char *text)
{
    assert_int_equal(b->out_count, strlen(text));
    assert_memory_equal(b->out, text, strlen(text));
}

/* Everything but the UART itself. */
static void bench_init(struct bench *b, bool can_defer)
{
    memset(b, 0, sizeof(*b));
    b->out_room = sizeof(b->out);
    b->log = (struct vmmp_log){ count_log, b, VMMP_LOG_DEBUG };
    b->host.ops = can_defer ? &with_defer : &without_defer;
    b->host.cookie = b;
    assert_int_equal(vmmp_irq_line_init(&b->line, &line_ops, b, &(struct vmmp_host){ NULL, NULL }),
                     0);
}

/* After the UART's own end: nothing is left behind. */
static void bench_fini(struct bench *b)
{
    assert_int_equal(b->depth, 0);
    assert_null(b->deferred);
    assert_false(b->level);
    assert_int_equal(b->line.sources, 0);
    vmmp_irq_line_fini(&b->line);
}

#ifdef BENCH_DATA

static void print(struct bench *b, const char *text)
{
    for (; *text; text++) {
        put(b, BENCH_DATA, (uint8_t)*text);
    }
}

/* It has not been set up: as after firmware that has. */
static void expect_output(struct bench *b)
{
    print(b, "Booting Linux\n");
    assert_int_equal(b->writes, 1);
    expect_out(b, "Booting Linux\n");
    vmmp_window_write(&b->model.uart.window, BENCH_DATA, 1, 'x');
    vmmp_window_write(&b->model.uart.window, BENCH_DATA + 1, 1, 'y'); /* Not the data's byte. */
    run_deferred(b);
    expect_out(b, "Booting Linux\nx");
}

/* Two bytes of "abcd\n" have gone. The guest fills what it can, and loses a byte. */
static void expect_held_up(struct bench *b, uint32_t status, uint32_t full)
{
    while (!(get(b, status) & full)) {
        put(b, BENCH_DATA, 'x');
    }
    assert_false(b->level); /* Not before all has gone. */
    assert_int_equal(b->logs, 0);
    put(b, BENCH_DATA, '!');
    assert_int_equal(b->logs, 1);
}

/* Then all of it goes. */
static void expect_let_go(struct bench *b)
{
    b->out_room = sizeof(b->out);
    vmmp_uart_notify(&b->model.uart);
    assert_true(b->level);
    assert_int_equal(b->out_count, 2 + VMMP_SERIAL_OUTPUT_SIZE);
    assert_memory_equal(b->out, "abcd\nx", 6);
}

#endif
