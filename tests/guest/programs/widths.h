/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses of 1, 2, 4 or 8 bytes to registers that are mapped. */
#pragma once

#include <stdint.h>

static inline uint64_t load_width(const volatile void *at, unsigned width)
{
    switch (width) {
    case 1:
        return *(const volatile uint8_t *)at;
    case 2:
        return *(const volatile uint16_t *)at;
    case 4:
        return *(const volatile uint32_t *)at;
    default:
        return *(const volatile uint64_t *)at;
    }
}

static inline void store_width(volatile void *at, unsigned width, uint64_t value)
{
    switch (width) {
    case 1:
        *(volatile uint8_t *)at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)at = value;
        break;
    }
}
