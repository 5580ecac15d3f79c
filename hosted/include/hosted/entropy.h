/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bytes for guests from the kernel or from a file: a backend of vmmp/entropy.h.
 *
 * The kernel's bytes come from getrandom(2). It has some at all times but for the first moments
 * after the host has booted; the backend then waits for them in the event loop. A file is read
 * without blocking: a character device such as /dev/hwrng, a FIFO, a regular file of a test.
 *
 * Threads: `fill` inside the device's context, the ready function too. Opening and closing outside.
 */
#pragma once

#include <stdbool.h>

#include <hosted/event_loop.h>
#include <sel4vmmplatsupport/vmmp/entropy.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Its own, all of it. */
struct hosted_entropy {
    struct hosted_event_loop *loop;
    const struct vmmp_log *log;
    bool from_file;
    bool ended; /**< The file has no more; said in the log. */
    int fd;     /**< The file, or what becomes readable when the kernel has bytes; or -1. */
    struct hosted_event_source source;
    bool waiting; /**< `source` is in the loop. */
    void (*ready)(void *cookie);
    void *ready_cookie;
};

/**
 * `path` NULL: the kernel's. `loop` and `log` (may be NULL) must outlive the backend, which stays
 * where it is until it is closed. 0; -errno of open(2).
 */
int hosted_entropy_open(struct hosted_entropy *entropy, const char *path,
                        struct hosted_event_loop *loop, const struct vmmp_log *log);
void hosted_entropy_close(struct hosted_entropy *entropy);

/** What a device is given. */
struct vmmp_entropy hosted_entropy_backend(struct hosted_entropy *entropy);

/**
 * After `fill` returned 0 and there are bytes again, the loop calls `ready` once, inside `context`.
 * NULL takes that back: on return it is not running.
 */
void hosted_entropy_on_ready(struct hosted_entropy *entropy, void (*ready)(void *cookie),
                             void *cookie, const struct vmmp_context *context);

#ifdef __cplusplus
}
#endif
