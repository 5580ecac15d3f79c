/* SPDX-License-Identifier: BSD-2-Clause */
/* The quick gear (virtqueue_walk.h), one descriptor at a time, for split and packed rings alike. */
#pragma once

/*
 * One descriptor of the quick gear; `n` of them came before. READABLE ones as long as there are
 * some, then WRITABLE ones; the first that is neither is handed over. Taking one off the length and
 * off the write flag leaves the bits of `unusual` clear only if the length is 1 to QUICK_LEN and
 * the flag is as expected.
 *
 * Macros, so that each `n` is a constant: this is where the library spends its time. Who includes
 * this defines HAND_OVER(n), which goes on without the quick gear; NEXT_DESCRIPTOR(n), which loads
 * `gpa` and `rest`; and UNUSUAL_HERE, the bits of `rest` that no simple descriptor has. Used are
 * `vq`, `chain`, `iov`, `gpa`, `rest`, `bytes`, `taken`, `writing` and the labels all_readable and
 * some_writable of the function that they are in.
 */
#define READABLE(n)                                                 \
    if ((rest - 1) & UNUSUAL_HERE) {                                \
        START_WRITING(n)                                            \
        goto writable_##n;                                          \
    }                                                               \
    bytes += (uint32_t)rest;                                        \
    if (UNLIKELY(!near_piece(vq, &gpa, (uint32_t)rest, &iov[n]))) { \
        bytes -= (uint32_t)rest;                                    \
        START_WRITING(n)                                            \
        return HAND_OVER(n);                                        \
    }                                                               \
    if (!(rest & FLAG(VIRTQ_DESC_F_NEXT))) {                        \
        taken = (n) + 1;                                            \
        goto all_readable;                                          \
    }                                                               \
    NEXT_DESCRIPTOR(n)

#define WRITABLE(n)                                                 \
    writable_##n : if (UNLIKELY((rest + writing) & UNUSUAL_HERE))   \
    {                                                               \
        return HAND_OVER(n);                                        \
    }                                                               \
    bytes += (uint32_t)rest;                                        \
    if (UNLIKELY(!near_piece(vq, &gpa, (uint32_t)rest, &iov[n]))) { \
        bytes -= (uint32_t)rest;                                    \
        return HAND_OVER(n);                                        \
    }                                                               \
    if (!(rest & FLAG(VIRTQ_DESC_F_NEXT))) {                        \
        taken = (n) + 1;                                            \
        goto some_writable;                                         \
    }                                                               \
    NEXT_DESCRIPTOR(n)

#define START_WRITING(n)           \
    KEEP_IN_MEMORY();              \
    OPAQUE(gpa);                   \
    OPAQUE(rest);                  \
    chain->readable = (n);         \
    chain->readable_bytes = bytes; \
    bytes = 0;
