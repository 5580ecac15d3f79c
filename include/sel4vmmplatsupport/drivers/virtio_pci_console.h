/* SPDX-License-Identifier: BSD-2-Clause */
/* Between a console of the compatible interface and its client: drivers/virtio_con.h. */
#pragma once

#include <stdint.h>

#include <platsupport/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Once: before C11 a type has one definition. */
#ifndef VMMP_VIRTIO_EMUL_T
#define VMMP_VIRTIO_EMUL_T
typedef struct virtio_emul virtio_emul_t;
#endif

/** Takes a character that the guest has written to `port`. */
typedef void (*console_putchar_fn_t)(int port, char c);

/** What the client calls. */
typedef struct virtio_console_callbacks {
    /**
     * Input for `port` of the guest: what lies in [head, tail) of `buffer`, a ring of 4088 bytes.
     * What the guest does not take at once is kept and given to it later, up to 4096 bytes for each
     * port; more is lost, with a message. May be called from inside `backend_putchar`.
     */
    void (*emul_putchar)(int port, virtio_emul_t *con, char *buffer, uint32_t head, uint32_t tail);
} virtio_console_callbacks_t;

/** What the client gives. */
typedef struct virtio_console_passthrough {
    /** Injects the device's interrupt; called with `console_data`, once for a batch. */
    void (*handleIRQ)(void *cookie);
    console_putchar_fn_t backend_putchar; /**< NULL: output is dropped. */
    void *console_data;
} virtio_console_passthrough_t;

struct virtio_console_driver {
    virtio_console_passthrough_t backend_fn;
    virtio_console_callbacks_t emul_cb;
};

typedef int (*console_driver_init)(struct virtio_console_driver *driver, ps_io_ops_t io_ops,
                                   void *config);

#ifdef __cplusplus
}
#endif
