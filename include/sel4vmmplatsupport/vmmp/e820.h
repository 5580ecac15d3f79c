/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory map that a PC's firmware hands to its guest.
 *
 * Only what is really RAM is called so: everything else is either left out, which means "nothing
 * here, devices may be placed", or added as what it is.
 *
 *     vmmp_e820_init(&map);
 *     vmmp_e820_add(&map, 0, ram_size, VMMP_E820_RAM);            for each region of RAM
 *     vmmp_e820_add(&map, VMMP_ACPI_AREA, used, VMMP_E820_ACPI);  what comes later prevails
 *
 * Threads, ownership: the structure is the caller's, nothing is allocated. Hostile guest: none of
 * this is read after it has been handed over. Source: ACPI 6.4, 15.1.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_E820_ENTRIES 128 /**< As many as fit into Linux's boot parameters. */

enum vmmp_e820_type {
    VMMP_E820_RAM = 1,
    VMMP_E820_RESERVED = 2,
    VMMP_E820_ACPI = 3, /**< Tables; RAM again once the guest has read them. */
    VMMP_E820_NVS = 4,
    VMMP_E820_UNUSABLE = 5,
};

struct vmmp_e820_entry {
    uint64_t start; /**< Guest-physical. */
    uint64_t size;  /**< Never 0. */
    enum vmmp_e820_type type;
};

/** Ascending, disjoint; neighbours that touch differ in type. */
struct vmmp_e820 {
    unsigned count;
    struct vmmp_e820_entry entries[VMMP_E820_ENTRIES];
};

void vmmp_e820_init(struct vmmp_e820 *map);

/**
 * Says what the `size` bytes at `start` are, whatever was said of them before. 0; -EINVAL if the
 * range is empty or goes beyond 2^64 - 1; -ENOSPC if the map is full. On an error it is as it was.
 */
int vmmp_e820_add(struct vmmp_e820 *map, uint64_t start, uint64_t size, enum vmmp_e820_type type);

#ifdef __cplusplus
}
#endif
