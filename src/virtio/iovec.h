/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting lists of `struct vmmp_iovec`, which are the device's own copies, from both ends. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtqueue.h>

/* Takes `bytes` off the front of iov[at .. count), in place; returns the new `at`. */
static inline unsigned vmmp_iovec_skip(struct vmmp_iovec *iov, unsigned at, unsigned count,
                                       size_t bytes)
{
    while (at < count && bytes >= iov[at].len) {
        bytes -= iov[at].len;
        at++;
    }
    if (at < count) {
        iov[at].base = (uint8_t *)iov[at].base + bytes;
        iov[at].len -= bytes;
    }
    return at;
}

/* Makes iov[at .. count) end after `bytes`, in place; returns the new `count`. */
static inline unsigned vmmp_iovec_trim(struct vmmp_iovec *iov, unsigned at, unsigned count,
                                       size_t bytes)
{
    for (; at < count && bytes > 0; at++) {
        if (bytes < iov[at].len) {
            iov[at].len = bytes;
        }
        bytes -= iov[at].len;
    }
    return at;
}
