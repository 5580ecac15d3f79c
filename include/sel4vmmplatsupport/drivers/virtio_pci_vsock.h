/* SPDX-License-Identifier: BSD-2-Clause */
/* Between a socket device of the compatible interface and its client: drivers/virtio_vsock.h. */
#pragma once

#include <platsupport/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Once: before C11 a type has one definition. */
#ifndef VMMP_VIRTIO_EMUL_T
#define VMMP_VIRTIO_EMUL_T
typedef struct virtio_emul virtio_emul_t;
#endif

/**
 * Takes a packet of the guest's for the guest `cid`: a header of 44 bytes and its payload, `len` up
 * to VIRTIO_VSOCK_CAMKES_MTU bytes in all, good until it returns. Longer data come as several
 * packets.
 */
typedef void (*vsock_tx_forward_fn_t)(int cid, void *buffer, unsigned int len);

typedef struct virtio_vsock_callbacks {
    /**
     * A packet for the guest, `len` bytes with its header, up to VIRTIO_VSOCK_CAMKES_MTU; `buf` is
     * the client's again on return. What the guest has no buffer for is kept and given to it later,
     * up to 32 packets; more is lost, with a message. Data too long for a buffer of the guest's are
     * divided. Dropped without a driver. May be called from inside `forward`.
     */
    void (*rx_complete)(virtio_emul_t *emul, char *buf, unsigned int len);
} virtio_vsock_callbacks_t;

typedef struct virtio_vsock_passthrough {
    int guest_cid;
    /** Injects the device's interrupt; called with `vsock_data`, once for a batch. */
    void (*injectIRQ)(void *cookie);
    vsock_tx_forward_fn_t forward; /**< NULL: packets are dropped. */
    void *vsock_data;
} virtio_vsock_passthrough_t;

struct virtio_vsock_driver {
    virtio_vsock_passthrough_t backend_fn;
    virtio_vsock_callbacks_t emul_cb;
};

typedef int (*vsock_driver_init)(struct virtio_vsock_driver *driver, ps_io_ops_t io_ops,
                                 void *config);

#ifdef __cplusplus
}
#endif
