/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the UART models have in common: where their bytes go to and come from, and the buffer in
 * front of it.
 *
 * Output is gathered and given to the backend at a newline, when the buffer is full and soon after
 * the last byte (deferred; without a host that can defer, at every byte). What the backend does not
 * take stays in the buffer; when that is full the UART tells its guest, which waits as with flow
 * control. Input is pulled from the backend as the guest makes room for it.
 *
 * Hostile guest: loses its own bytes, and makes the backend take as many as it likes.
 * Threads: inside the UART's context. Nothing is allocated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_SERIAL_OUTPUT_SIZE 256

/**
 * Both functions are called inside the UART's context and must not block, nor call into the UART.
 * Each may be NULL: output is dropped, no input comes. When a call handled fewer bytes than it was
 * given, the UART's notify function is to be called once more is possible.
 */
struct vmmp_serial_backend {
    /** Takes up to `size` bytes and returns how many. */
    size_t (*write)(void *cookie, const uint8_t *bytes, size_t size);
    /** Gives up to `size` bytes and returns how many. */
    size_t (*read)(void *cookie, uint8_t *bytes, size_t size);
};

/** A UART's buffer; a member of the UART. */
struct vmmp_serial {
    const struct vmmp_serial_backend *backend; /**< NULL: as one with neither function. */
    void *cookie;
    const struct vmmp_host *host;
    struct vmmp_work work;
    /** A stall has ended: all output has gone. NULL: nobody asks. Called inside the context. */
    void (*drained)(void *uart);
    void *uart;
    uint8_t output[VMMP_SERIAL_OUTPUT_SIZE];
    size_t output_count;
    bool stalled; /**< The backend took less than it was given. */
};

/** `host`, `context` and `uart` are the UART's own and stay where they are; `drained` may be NULL.
 */
void vmmp_serial_init(struct vmmp_serial *serial, const struct vmmp_serial_backend *backend,
                      void *cookie, const struct vmmp_host *host,
                      const struct vmmp_context *context, void (*drained)(void *uart), void *uart);
/** Gives what is left to the backend and cancels what is deferred. Outside the context. */
void vmmp_serial_fini(struct vmmp_serial *serial);

/** Sends a byte; false if it was lost because the buffer is full. */
bool vmmp_serial_put(struct vmmp_serial *serial, uint8_t byte);
/** Offers the backend what is in the buffer. */
void vmmp_serial_flush(struct vmmp_serial *serial);
/** Whether another byte would be lost; asks the backend first. */
bool vmmp_serial_full(struct vmmp_serial *serial);
/** Up to `room` bytes of input; returns how many, 0 if there are none. */
size_t vmmp_serial_get(struct vmmp_serial *serial, uint8_t *bytes, size_t room);

#ifdef __cplusplus
}
#endif
