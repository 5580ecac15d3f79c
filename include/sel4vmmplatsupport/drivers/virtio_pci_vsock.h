/* SPDX-License-Identifier: BSD-2-Clause */
/* Between a socket device of the compatible interface and its client: drivers/virtio_vsock.h. */
#pragma once

#include <platsupport/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct virtio_emul virtio_emul_t;

/** Takes a packet of the guest's, header and payload, for the guest `cid`. */
typedef void (*vsock_tx_forward_fn_t)(int cid, void *buffer, unsigned int len);

typedef struct virtio_vsock_callbacks {
    /** A packet for the guest; dropped if it has no buffer. */
    void (*rx_complete)(virtio_emul_t *emul, char *buf, unsigned int len);
} virtio_vsock_callbacks_t;

typedef struct virtio_vsock_passthrough {
    int guest_cid;
    void (*injectIRQ)(void *cookie); /**< Injects the device's interrupt; with `vsock_data`. */
    vsock_tx_forward_fn_t forward;
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
