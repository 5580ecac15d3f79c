/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register tables of transports: a row per register, and one place that cuts accesses of any width
 * and alignment into them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum virtio_access {
    VIRTIO_RO,    /* Writes are dropped. */
    VIRTIO_RW,    /* A partial write changes those bytes. */
    VIRTIO_WHOLE, /* Writing has an effect: writes that do not cover the register are dropped. */
};

struct virtio_register {
    uint16_t offset;
    uint8_t size; /* 1, 2 or 4 */
    enum virtio_access access;
    uint32_t reset;                              /* What it reads without a `read` hook. */
    uint32_t (*read)(void *cookie);              /* May have a side effect; called once. */
    void (*write)(void *cookie, uint32_t value); /* Needed unless VIRTIO_RO. */
};

/*
 * Rows ascend and are disjoint. Bytes between and behind them read all-ones. Registers that an
 * access covers take effect in ascending order.
 */
uint64_t vmmp_virtio_registers_read(const struct virtio_register *rows, size_t count, void *cookie,
                                    uint32_t offset, unsigned size);
void vmmp_virtio_registers_write(const struct virtio_register *rows, size_t count, void *cookie,
                                 uint32_t offset, unsigned size, uint64_t value);
