/* SPDX-License-Identifier: BSD-2-Clause */
/* Constants of virtio-vsock (virtio 1.2, 5.10), and what they say of types. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

/* 5.10.2 */
#define VIRTIO_VSOCK_RX    0
#define VIRTIO_VSOCK_TX    1
#define VIRTIO_VSOCK_EVENT 2

/* 5.10.3 */
#define VIRTIO_VSOCK_F_STREAM    0
#define VIRTIO_VSOCK_F_SEQPACKET 1

/* 5.10.4: 0, 1, 2, 2^32-1 and 2^64-1 are nobody's or somebody else's. */
#define VIRTIO_VSOCK_CID_ANY32 UINT64_C(0xffffffff)

/* 5.10.6.2 */
#define VIRTIO_VSOCK_TYPE_STREAM    1u
#define VIRTIO_VSOCK_TYPE_SEQPACKET 2u

/* 5.10.6 */
#define VIRTIO_VSOCK_OP_INVALID        0u
#define VIRTIO_VSOCK_OP_REQUEST        1u
#define VIRTIO_VSOCK_OP_RESPONSE       2u
#define VIRTIO_VSOCK_OP_RST            3u
#define VIRTIO_VSOCK_OP_SHUTDOWN       4u
#define VIRTIO_VSOCK_OP_RW             5u
#define VIRTIO_VSOCK_OP_CREDIT_UPDATE  6u
#define VIRTIO_VSOCK_OP_CREDIT_REQUEST 7u

/* 5.10.6.5: flags of OP_SHUTDOWN */
#define VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE 1u
#define VIRTIO_VSOCK_SHUTDOWN_F_SEND    2u

/* 5.10.6.7: flags of OP_RW on seqpacket sockets */
#define VIRTIO_VSOCK_SEQ_EOM 1u
#define VIRTIO_VSOCK_SEQ_EOR 2u

/* 5.10.6.6 */
#define VIRTIO_VSOCK_EVENT_TRANSPORT_RESET 0u
#define VIRTIO_VSOCK_EVENT_SIZE            4u

/* 5.10.6: whether the guest's driver and this device have agreed to sockets of that type. */
static inline bool virtio_vsock_knows_type(const struct vmmp_virtio_vsock *vsock, uint16_t type)
{
    return type == VIRTIO_VSOCK_TYPE_STREAM ||
           (type == VIRTIO_VSOCK_TYPE_SEQPACKET &&
            vmmp_virtio_has_feature(&vsock->virtio, VIRTIO_VSOCK_F_SEQPACKET));
}
