/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where random bytes for guests come from: the backend of virtio-rng and of every other interface
 * that gives guests randomness. On Linux: hosted/entropy.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A source of randomness that is fit for keys. Copied by whoever takes it. */
struct vmmp_entropy {
    /**
     * Puts up to `len` random bytes (never 0 asked for) at `buffer` and returns how many, without
     * waiting. What it did not fill it did not write to. 0: none for now; who asked is told when
     * there are some again (vmmp_virtio_rng_ready() and the like) or asks again by itself.
     * `buffer` is often guest memory: it is not to be read, nor to be kept.
     */
    size_t (*fill)(void *cookie, void *buffer, size_t len);
    void *cookie;
};

#ifdef __cplusplus
}
#endif
