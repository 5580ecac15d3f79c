/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console (OASIS virtio 1.2, 5.3), one port: /dev/hvc0 of a Linux guest.
 *
 * Queues 0 (receive: towards the guest) and 1 (transmit: from the guest). Features: F_SIZE,
 * F_EMERG_WRITE. The port's state is a structure of its own, one per pair of queues, for
 * F_MULTIPORT to add more of them; that bit is not offered yet.
 *
 * Nothing is lost either way: output the backend does not take stays in the guest's buffers until
 * vmmp_virtio_console_writable(); input the guest has no buffers for stays with the client until
 * `input_ready`. The console itself buffers nothing.
 *
 * Hostile guest: all bytes and buffer lengths are its own; a call of `write` gets at most
 * VMMP_VIRTIO_CONSOLE_SLICE bytes. Threads: as vmmp/virtio.h: inside the device's context, where
 * the backend's functions are called too.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Entries of each queue: what guests of the legacy interface have always been given. */
#define VMMP_VIRTIO_CONSOLE_QUEUE_SIZE 128
/** Most bytes in one call of `write`. */
#define VMMP_VIRTIO_CONSOLE_SLICE 65536

/** The outside of the console. */
struct vmmp_virtio_console_backend {
    /**
     * Output of the guest, in order, `count` pieces of guest memory. Returns how many bytes were
     * taken; if not all, no more come until vmmp_virtio_console_writable(). NULL: all output is
     * dropped.
     */
    size_t (*write)(void *cookie, const struct vmmp_iovec *iov, unsigned count);
    /** There is room again for input that vmmp_virtio_console_receive() refused. May be NULL. */
    void (*input_ready)(void *cookie);
    void *cookie;
};

struct vmmp_virtio_console_options {
    uint16_t cols; /**< Both 0: the size is unknown and F_SIZE is not offered. */
    uint16_t rows;
    uint64_t features_off; /**< Feature bits not to offer, for tests and old guests. */
};

/** One port and the transmit chain it is in the middle of. The console's own. */
struct vmmp_virtio_console_port {
    uint16_t rx_queue;
    uint16_t tx_queue;
    bool starved; /**< Input was refused. */
    bool blocked; /**< The backend did not take everything. */
    bool busy;    /**< A chain is held in `iov`. */
    bool woken;   /**< The backend was writable again while it wrote. */
    unsigned at;  /**< First element of `iov` that is not written yet; it has lost what is. */
    struct vmmp_virtqueue_chain chain;
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_CONSOLE_QUEUE_SIZE)];
    struct vmmp_iovec rx_iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_CONSOLE_QUEUE_SIZE)];
    uint64_t received;    /**< Bytes into the guest. */
    uint64_t transmitted; /**< Bytes out of the guest. */
};

struct vmmp_virtio_console {
    struct vmmp_virtio_device virtio; /**< What a transport is connected to. */
    struct vmmp_virtio_queue queues[2];
    struct vmmp_virtio_console_port port;
    struct vmmp_virtio_console_backend backend;
    uint16_t cols;
    uint16_t rows;
    bool has_size;
};

/**
 * Prepares a console. `backend` is copied; `options` may be NULL; the others as
 * vmmp_virtio_init(). 0, -EINVAL or -ENOMEM.
 */
int vmmp_virtio_console_init(struct vmmp_virtio_console *console,
                             const struct vmmp_virtio_console_backend *backend,
                             const struct vmmp_virtio_console_options *options,
                             const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                             const struct vmmp_host *host);
/** After the transport's fini. */
void vmmp_virtio_console_fini(struct vmmp_virtio_console *console);

/**
 * Gives the guest input, at most one interrupt per call. Returns how many of the `len` bytes were
 * taken; fewer than `len` when the guest has no buffers (left): `input_ready` is called once when
 * it has again, or when a new driver has started.
 */
size_t vmmp_virtio_console_receive(struct vmmp_virtio_console *console, const void *data,
                                   size_t len);

/** The backend can take output again. Harmless at other times. */
void vmmp_virtio_console_writable(struct vmmp_virtio_console *console);

/**
 * The terminal has a new size: a configuration change for the guest. Without effect if the console
 * was made without a size.
 */
void vmmp_virtio_console_resize(struct vmmp_virtio_console *console, uint16_t cols, uint16_t rows);

#ifdef __cplusplus
}
#endif
