/* SPDX-License-Identifier: BSD-2-Clause */
/* DMTF DSP0134 3.3.0; numbers of sections in comments. */
#include <sel4vmmplatsupport/vmmp/smbios.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ENTRY_SIZE   24 /* 5.2.2 */
#define ENTRY_LENGTH 6
#define ENTRY_SUM    5
#define ENTRY_MAX    12
#define TABLES       32 /* Behind the entry point, where tools that dump them put them too. */

#define FIRMWARE         0
#define SYSTEM           1
#define CHASSIS          3
#define PROCESSOR        4
#define MEMORY_ARRAY     16
#define MEMORY_DEVICE    17
#define MEMORY_MAPPED    19
#define BOOT_INFORMATION 32
#define END_OF_TABLE     127

/* Handles are the types, and a mapped range's its number on top. */
#define HANDLE_NONE       0xffff
#define HANDLE_NO_ERRORS  0xfffe
#define HANDLE_MAPPED(i)  (0x1300u + (i))
#define STRINGS_MAX       8
#define KIB               UINT64_C(1024)
#define MIB               (KIB * 1024)
#define GIB4              (KIB * MIB * 4)
#define TWO_TIB           (UINT64_C(2) << 40)
#define SIZE_IS_EXTENDED  0x7fff
#define CORES_ARE_COUNTED 255

struct builder {
    uint8_t *buffer;
    size_t size;
    size_t used;
    size_t start; /* Of the structure that is being written. */
    const char *strings[STRINGS_MAX];
    unsigned string_count;
    int error;
};

static void put(struct builder *b, uint64_t value, unsigned bytes)
{
    if (bytes > b->size - b->used) {
        b->error = b->error ? b->error : -ENOSPC;
        return;
    }
    for (unsigned i = 0; i < bytes; i++) {
        b->buffer[b->used++] = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
    }
}

static void begin(struct builder *b, uint8_t type, unsigned handle)
{
    b->start = b->used;
    b->string_count = 0;
    put(b, type, 1);
    put(b, 0, 1);
    put(b, handle, 2);
}

/* A byte that says which of the structure's strings it is; 0: none (6.1.3). */
static void put_string(struct builder *b, const char *text)
{
    size_t length = text ? strlen(text) : 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            b->error = -EINVAL;
        }
    }
    if (length > VMMP_SMBIOS_STRING_MAX) {
        b->error = -EINVAL;
    }
    if (length == 0 || b->string_count == STRINGS_MAX) {
        put(b, 0, 1);
        return;
    }
    b->strings[b->string_count++] = text;
    put(b, b->string_count, 1);
}

static void put_string_or(struct builder *b, const char *text, const char *otherwise)
{
    put_string(b, text ? text : otherwise);
}

/* Its length so far, then its strings, then an empty one. */
static void end(struct builder *b)
{
    if (!b->error) {
        b->buffer[b->start + 1] = (uint8_t)(b->used - b->start);
    }
    for (unsigned i = 0; i < b->string_count; i++) {
        for (const char *c = b->strings[i]; *c; c++) {
            put(b, (uint8_t)*c, 1);
        }
        put(b, 0, 1);
    }
    put(b, 0, b->string_count ? 1 : 2);
}

/* 7.1 */
static void write_firmware(struct builder *b, const struct vmmp_smbios_config *config)
{
    begin(b, FIRMWARE, FIRMWARE);
    put_string_or(b, config->firmware_vendor, "libsel4vmmplatsupport");
    put_string_or(b, config->firmware_version, "1");
    put(b, 0xe800, 2); /* Segment where it begins. */
    put_string_or(b, config->firmware_date, "01/01/2024");
    put(b, 0, 1);      /* 64 KiB of ROM. */
    put(b, 1 << 3, 8); /* Its characteristics are not told, */
    put(b, 0, 1);
    put(b, 1 << 4, 1); /* but that this is a virtual machine. */
    put(b, 0xffffffff, 4);
    put(b, 0, 2);
    end(b);
}

/* 7.2: the first three fields of a UUID are little-endian here. */
static void put_uuid(struct builder *b, const uint8_t uuid[16])
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < 16; i++) {
        put(b, uuid[order[i]], 1);
    }
}

static void write_system(struct builder *b, const struct vmmp_smbios_config *config)
{
    begin(b, SYSTEM, SYSTEM);
    put_string_or(b, config->manufacturer, "libsel4vmmplatsupport");
    put_string_or(b, config->product, "PC guest");
    put_string(b, config->version);
    put_string(b, config->serial);
    put_uuid(b, config->uuid);
    put(b, 6, 1); /* Woken by the power switch. */
    put_string(b, config->sku);
    put_string(b, config->family);
    end(b);
}

/* 7.4 */
static void write_chassis(struct builder *b, const struct vmmp_smbios_config *config)
{
    begin(b, CHASSIS, CHASSIS);
    put_string_or(b, config->manufacturer, "libsel4vmmplatsupport");
    put(b, 1, 1); /* Of another kind. */
    put_string(b, config->version);
    put_string(b, config->serial);
    put_string(b, config->asset_tag);
    put(b, 0x030303, 3); /* Boot-up, power supply and temperature: safe. */
    put(b, 2, 1);        /* Security: unknown. */
    put(b, 0, 4);
    put(b, 0, 4); /* Height, power cords, contained elements and their size. */
    put_string(b, config->sku);
    end(b);
}

/* 7.5 */
static void write_processor(struct builder *b, const struct vmmp_smbios_config *config)
{
    unsigned few = config->cpus < CORES_ARE_COUNTED ? config->cpus : CORES_ARE_COUNTED;

    begin(b, PROCESSOR, PROCESSOR);
    put_string(b, "CPU 0");
    put(b, 3, 1); /* A central processor */
    put(b, 1, 1); /* of another family. */
    put_string_or(b, config->cpu_manufacturer, "unknown");
    put(b, 0, 8);
    put_string_or(b, config->cpu_version, "unknown");
    put(b, 0, 1);    /* Voltage, */
    put(b, 0, 6);    /* clock and speeds: unknown. */
    put(b, 0x41, 1); /* Populated and enabled. */
    put(b, 1, 1);
    put(b, HANDLE_NONE, 2);
    put(b, HANDLE_NONE, 2);
    put(b, HANDLE_NONE, 2);
    put(b, 0, 3); /* Serial number, asset tag, part number. */
    put(b, few, 1);
    put(b, few, 1);
    put(b, few, 1);
    put(b, 1 << 2 | (config->cpus > 1 ? 1 << 3 : 0), 2); /* 64 bits; several cores. */
    put(b, 1, 2);
    put(b, config->cpus, 2);
    put(b, config->cpus, 2);
    put(b, config->cpus, 2);
    end(b);
}

/* 7.17 */
static void write_memory_array(struct builder *b, uint64_t total)
{
    bool extended = total >= TWO_TIB;

    begin(b, MEMORY_ARRAY, MEMORY_ARRAY);
    put(b, 1, 1); /* Somewhere else, */
    put(b, 3, 1); /* system memory, */
    put(b, 3, 1); /* without error correction. */
    put(b, extended ? 0x80000000u : total / KIB, 4);
    put(b, HANDLE_NO_ERRORS, 2);
    put(b, 1, 2);
    put(b, extended ? total : 0, 8);
    end(b);
}

/* 7.18 */
static void write_memory_device(struct builder *b, uint64_t total)
{
    uint64_t mib = total / MIB;
    bool extended = mib >= SIZE_IS_EXTENDED;

    begin(b, MEMORY_DEVICE, MEMORY_DEVICE);
    put(b, MEMORY_ARRAY, 2);
    put(b, HANDLE_NO_ERRORS, 2);
    put(b, 0xffffffff, 4); /* Widths: unknown. */
    put(b, extended ? SIZE_IS_EXTENDED : mib, 2);
    put(b, 9, 1); /* DIMM */
    put(b, 0, 1);
    put_string(b, "DIMM 0");
    put(b, 0, 1);
    put(b, 7, 1); /* RAM */
    put(b, 2, 2);
    put(b, 0, 2); /* Speed: unknown. */
    put(b, 0, 4); /* Manufacturer, serial number, asset tag, part number. */
    put(b, 0, 1);
    put(b, extended ? mib : 0, 4);
    put(b, 0, 8); /* Configured speed and voltages. */
    end(b);
}

/* 7.20: in KiB, unless the last one of them is beyond 4 TiB. */
static void write_mapped(struct builder *b, unsigned index, uint64_t start, uint64_t size)
{
    uint64_t last = start + size - 1;
    bool extended = last / KIB >= 0xffffffff;

    if (size == 0) {
        return;
    }
    begin(b, MEMORY_MAPPED, HANDLE_MAPPED(index));
    put(b, extended ? 0xffffffff : start / KIB, 4);
    put(b, extended ? 0xffffffff : last / KIB, 4);
    put(b, MEMORY_ARRAY, 2);
    put(b, 1, 1);
    put(b, extended ? start : 0, 8);
    put(b, extended ? last : 0, 8);
    end(b);
}

/* 7.33 */
static void write_boot_information(struct builder *b)
{
    begin(b, BOOT_INFORMATION, BOOT_INFORMATION);
    put(b, 0, 6);
    put(b, 0, 1); /* No errors. */
    end(b);
}

static void write_entry_point(uint8_t *entry, uint64_t address, size_t size)
{
    static const uint8_t anchor[5] = { '_', 'S', 'M', '3', '_' };
    uint8_t sum = 0;

    memset(entry, 0, TABLES);
    memcpy(entry, anchor, sizeof(anchor));
    entry[ENTRY_LENGTH] = ENTRY_SIZE;
    entry[7] = 3; /* Version 3.3. */
    entry[8] = 3;
    entry[10] = 1;
    for (unsigned i = 0; i < 4; i++) {
        entry[ENTRY_MAX + i] = (uint8_t)(size >> (8 * i));
    }
    for (unsigned i = 0; i < 8; i++) {
        entry[16 + i] = (uint8_t)((address + TABLES) >> (8 * i));
    }
    for (unsigned i = 0; i < ENTRY_SIZE; i++) {
        sum = (uint8_t)(sum + entry[i]);
    }
    entry[ENTRY_SUM] = (uint8_t)-sum;
}

int vmmp_smbios_build(const struct vmmp_smbios_config *config, uint64_t address, void *buffer,
                      size_t buffer_size, size_t *used)
{
    if (!config || !buffer || !used || address % 16 || address > UINT64_MAX - TABLES ||
        config->cpus < 1 || config->cpus > 65534 || config->ram_below_4g < MIB ||
        config->ram_below_4g > GIB4 || config->ram_above_4g > (UINT64_C(1) << 50)) {
        return -EINVAL;
    }
    if (buffer_size < TABLES) {
        return -ENOSPC;
    }
    struct builder b = { .buffer = buffer, .size = buffer_size, .used = TABLES };
    uint64_t total = config->ram_below_4g + config->ram_above_4g;
    write_firmware(&b, config);
    write_system(&b, config);
    write_chassis(&b, config);
    write_processor(&b, config);
    write_memory_array(&b, total);
    write_memory_device(&b, total);
    write_mapped(&b, 0, 0, config->ram_below_4g);
    write_mapped(&b, 1, GIB4, config->ram_above_4g);
    write_boot_information(&b);
    begin(&b, END_OF_TABLE, END_OF_TABLE);
    end(&b);
    if (b.error) {
        return b.error;
    }
    write_entry_point(buffer, address, b.used - TABLES);
    *used = b.used;
    return 0;
}
