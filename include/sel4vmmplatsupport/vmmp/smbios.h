/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMBIOS 3 tables: what a PC guest's machine is called, and how much of what it has.
 *
 *     uint8_t tables[VMMP_SMBIOS_AREA_SIZE];
 *     err = vmmp_smbios_build(&config, VMMP_SMBIOS_AREA, tables, sizeof(tables), &used);
 *     vmmp_guest_memory_write(memory, vmmp_gpa(VMMP_SMBIOS_AREA), tables, used);
 *
 * A 64-bit entry point and structures of types 0, 1, 3, 4, 16, 17, 19, 32 and 127. Guests look for
 * the entry point at multiples of 16 from 0xf0000 to 0xfffff.
 *
 * Threads, ownership: no state is kept and nothing allocated; the buffer is the caller's.
 * Hostile guest: tables are written before it runs and are never read back.
 * Source: DMTF DSP0134 (SMBIOS) 3.3.0, chapters 5 to 7.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_SMBIOS_AREA      0xf0000
#define VMMP_SMBIOS_AREA_SIZE 0x1000

/** Longest string, without its NUL. */
#define VMMP_SMBIOS_STRING_MAX 64

/** Strings are of printable ASCII; NULL: a default, or where there is none "not specified". */
struct vmmp_smbios_config {
    const char *firmware_vendor;
    const char *firmware_version;
    const char *firmware_date; /**< MM/DD/YYYY */
    const char *manufacturer;  /**< Of the machine. */
    const char *product;
    const char *version;
    const char *serial;
    const char *sku;
    const char *family;
    const char *asset_tag;
    uint8_t uuid[16]; /**< As RFC 4122 writes it; all zero: none. */
    const char *cpu_manufacturer;
    const char *cpu_version;
    unsigned cpus;         /**< 1 to 65534, described as cores of one socket. */
    uint64_t ram_below_4g; /**< Bytes from address 0 on, at least 1 MiB. */
    uint64_t ram_above_4g; /**< Bytes from 4 GiB on. */
};

/**
 * Writes entry point and structures to `buffer`, as they have to lie at guest-physical `address`, a
 * multiple of 16; `*used` is the number of bytes. 0; -EINVAL for a configuration outside the limits
 * above; -ENOSPC if the buffer is too small.
 */
int vmmp_smbios_build(const struct vmmp_smbios_config *config, uint64_t address, void *buffer,
                      size_t buffer_size, size_t *used);

#ifdef __cplusplus
}
#endif
