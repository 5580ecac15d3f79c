/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86/aml.h"

#include <errno.h>
#include <string.h>

/* ACPI 6.4, 20.2. */
#define ZERO_OP      0x00
#define ONE_OP       0x01
#define NAME_OP      0x08
#define BYTE_PREFIX  0x0a
#define WORD_PREFIX  0x0b
#define DWORD_PREFIX 0x0c
#define STRING       0x0d
#define QWORD_PREFIX 0x0e
#define SCOPE_OP     0x10
#define BUFFER_OP    0x11
#define PACKAGE_OP   0x12
#define METHOD_OP    0x14
#define EXT_OP       0x5b
#define LOCAL0_OP    0x60
#define ARG0_OP      0x68
#define IF_OP        0xa0
#define DEVICE_OP    0x82
#define ROOT_CHAR    0x5c

/* A package length of three bytes, 20 bits, is as good for short objects (20.2.4). */
#define LENGTH_BYTES 3
#define LENGTH_MAX   0xfffffu
/* A resource template's length is followed by its size as a word. */
#define SIZE_BYTES 3

#define METHOD_ARGUMENTS  7u
#define METHOD_LOCALS     8u
#define METHOD_SERIALIZED (1u << 3)

/* ACPI 6.4, 6.4.2 and 6.4.3. */
#define SMALL_IRQ         0x22
#define SMALL_IO          0x47
#define SMALL_END         0x79
#define LARGE_MEMORY32    0x86
#define LARGE_DWORD       0x87
#define LARGE_WORD        0x88
#define LARGE_INTERRUPT   0x89
#define LARGE_QWORD       0x8a
#define RANGE_MEMORY      0
#define RANGE_IO          1
#define RANGE_BUS         2
#define RANGE_FIXED       0x0c /* _MIF and _MAF; positive decoding, a producer. */
#define MEMORY_READ_WRITE 0x01
#define IO_ENTIRE         0x03

void vmmp_aml_init(struct vmmp_aml *aml, void *buffer, size_t size)
{
    memset(aml, 0, sizeof(*aml));
    aml->buffer = buffer;
    aml->size = size;
}

static void put(struct vmmp_aml *aml, const void *bytes, size_t count)
{
    if (!aml->error && count > aml->size - aml->used) {
        aml->error = -ENOSPC;
    }
    if (!aml->error) {
        memcpy(aml->buffer + aml->used, bytes, count);
        aml->used += count;
    }
}

/* Little-endian, as everything in AML. */
static void put_number(struct vmmp_aml *aml, uint64_t value, size_t bytes)
{
    uint8_t raw[8];

    for (size_t i = 0; i < bytes; i++) {
        raw[i] = (uint8_t)(value >> (8 * i));
    }
    put(aml, raw, bytes);
}

static void put_byte(struct vmmp_aml *aml, uint8_t value)
{
    put(aml, &value, 1);
}

static void put_segment(struct vmmp_aml *aml, const char *name)
{
    char segment[4] = { '_', '_', '_', '_' };
    size_t length = strlen(name);

    if (length < 1 || length > sizeof(segment)) {
        aml->error = aml->error ? aml->error : -EINVAL;
        return;
    }
    for (size_t i = 0; i < length; i++) {
        segment[i] = name[i];
    }
    put(aml, segment, sizeof(segment));
}

static void begin(struct vmmp_aml *aml, bool resources)
{
    if (aml->depth == VMMP_AML_DEPTH) {
        aml->error = aml->error ? aml->error : -EINVAL;
        return;
    }
    aml->open[aml->depth].length_at = aml->used;
    aml->open[aml->depth].resources = resources;
    aml->depth++;
    put_number(aml, 0, LENGTH_BYTES);
}

void vmmp_aml_scope(struct vmmp_aml *aml, const char *name)
{
    put_byte(aml, SCOPE_OP);
    begin(aml, false);
    put_byte(aml, ROOT_CHAR);
    put_segment(aml, name);
}

void vmmp_aml_device(struct vmmp_aml *aml, const char *name)
{
    put_byte(aml, EXT_OP);
    put_byte(aml, DEVICE_OP);
    begin(aml, false);
    put_segment(aml, name);
}

void vmmp_aml_package(struct vmmp_aml *aml, uint8_t elements)
{
    put_byte(aml, PACKAGE_OP);
    begin(aml, false);
    put_byte(aml, elements);
}

void vmmp_aml_resources(struct vmmp_aml *aml)
{
    put_byte(aml, BUFFER_OP);
    begin(aml, true);
    put_byte(aml, WORD_PREFIX);
    put_number(aml, 0, SIZE_BYTES - 1);
}

void vmmp_aml_end(struct vmmp_aml *aml)
{
    if (aml->depth == 0) {
        aml->error = aml->error ? aml->error : -EINVAL;
        return;
    }
    aml->depth--;
    size_t at = aml->open[aml->depth].length_at;
    if (aml->open[aml->depth].resources) {
        put_byte(aml, SMALL_END);
        put_byte(aml, 0); /* A checksum of 0 is taken for right (6.4.2.9). */
    }
    if (aml->error) {
        return;
    }
    size_t length = aml->used - at;
    if (length > LENGTH_MAX) {
        aml->error = -EINVAL;
        return;
    }
    aml->buffer[at] = (uint8_t)((LENGTH_BYTES - 1) << 6 | (length & 0xf));
    aml->buffer[at + 1] = (uint8_t)(length >> 4);
    aml->buffer[at + 2] = (uint8_t)(length >> 12);
    if (aml->open[aml->depth].resources) {
        size_t size = length - LENGTH_BYTES - SIZE_BYTES;
        if (size > UINT16_MAX) {
            aml->error = -EINVAL;
            return;
        }
        aml->buffer[at + LENGTH_BYTES + 1] = (uint8_t)size;
        aml->buffer[at + LENGTH_BYTES + 2] = (uint8_t)(size >> 8);
    }
}

void vmmp_aml_name(struct vmmp_aml *aml, const char *name)
{
    put_byte(aml, NAME_OP);
    put_segment(aml, name);
}

void vmmp_aml_integer(struct vmmp_aml *aml, uint64_t value)
{
    if (value <= 1) {
        put_byte(aml, value ? ONE_OP : ZERO_OP);
    } else if (value <= UINT8_MAX) {
        put_byte(aml, BYTE_PREFIX);
        put_number(aml, value, 1);
    } else if (value <= UINT16_MAX) {
        put_byte(aml, WORD_PREFIX);
        put_number(aml, value, 2);
    } else if (value <= UINT32_MAX) {
        put_byte(aml, DWORD_PREFIX);
        put_number(aml, value, 4);
    } else {
        put_byte(aml, QWORD_PREFIX);
        put_number(aml, value, 8);
    }
}

void vmmp_aml_string(struct vmmp_aml *aml, const char *text)
{
    put_byte(aml, STRING);
    put(aml, text, strlen(text) + 1);
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10) & 0xf;
}

void vmmp_aml_eisa_id(struct vmmp_aml *aml, const char *id)
{
    if (strlen(id) != 7) {
        aml->error = aml->error ? aml->error : -EINVAL;
        return;
    }
    /* Three letters of five bits, then four hexadecimal digits, all of it big-endian (19.6.36). */
    uint32_t value = (uint32_t)(id[0] & 0x1f) << 26 | (uint32_t)(id[1] & 0x1f) << 21 |
                     (uint32_t)(id[2] & 0x1f) << 16;
    for (unsigned i = 0; i < 4; i++) {
        value |= hex_digit(id[3 + i]) << (12 - 4 * i);
    }
    put_byte(aml, DWORD_PREFIX);
    put_number(aml, __builtin_bswap32(value), 4);
}

void vmmp_aml_method(struct vmmp_aml *aml, const char *name, uint8_t arguments)
{
    if (arguments > METHOD_ARGUMENTS) {
        aml->error = aml->error ? aml->error : -EINVAL;
        return;
    }
    put_byte(aml, METHOD_OP);
    begin(aml, false);
    put_segment(aml, name);
    put_byte(aml, (uint8_t)(arguments | METHOD_SERIALIZED));
}

void vmmp_aml_if(struct vmmp_aml *aml)
{
    put_byte(aml, IF_OP);
    begin(aml, false);
}

void vmmp_aml_operation(struct vmmp_aml *aml, enum vmmp_aml_operation operation)
{
    put_byte(aml, (uint8_t)operation);
}

static void put_numbered(struct vmmp_aml *aml, uint8_t first, unsigned number, unsigned count)
{
    if (number >= count) {
        aml->error = aml->error ? aml->error : -EINVAL;
        return;
    }
    put_byte(aml, (uint8_t)(first + number));
}

void vmmp_aml_argument(struct vmmp_aml *aml, unsigned number)
{
    put_numbered(aml, ARG0_OP, number, METHOD_ARGUMENTS);
}

void vmmp_aml_local(struct vmmp_aml *aml, unsigned number)
{
    put_numbered(aml, LOCAL0_OP, number, METHOD_LOCALS);
}

void vmmp_aml_reference(struct vmmp_aml *aml, const char *name)
{
    put_segment(aml, name);
}

void vmmp_aml_buffer(struct vmmp_aml *aml, const uint8_t *bytes, uint8_t count)
{
    put_byte(aml, BUFFER_OP);
    begin(aml, false);
    vmmp_aml_integer(aml, count);
    put(aml, bytes, count);
    vmmp_aml_end(aml);
}

void vmmp_aml_io(struct vmmp_aml *aml, uint16_t port, uint8_t count)
{
    put_byte(aml, SMALL_IO);
    put_byte(aml, 1); /* 16 address lines. */
    put_number(aml, port, 2);
    put_number(aml, port, 2);
    put_byte(aml, 1);
    put_byte(aml, count);
}

void vmmp_aml_isa_irq(struct vmmp_aml *aml, uint8_t irq)
{
    put_byte(aml, SMALL_IRQ); /* Without flags: edge-triggered, active high. */
    put_number(aml, irq < 16 ? 1u << irq : 0, 2);
}

void vmmp_aml_memory32(struct vmmp_aml *aml, uint32_t base, uint32_t size)
{
    put_byte(aml, LARGE_MEMORY32);
    put_number(aml, 9, 2);
    put_byte(aml, MEMORY_READ_WRITE);
    put_number(aml, base, 4);
    put_number(aml, size, 4);
}

void vmmp_aml_interrupt(struct vmmp_aml *aml, uint32_t gsi)
{
    put_byte(aml, LARGE_INTERRUPT);
    put_number(aml, 6, 2);
    put_byte(aml, 1); /* A consumer, level-triggered, active high, exclusive. */
    put_byte(aml, 1);
    put_number(aml, gsi, 4);
}

/* Address space descriptors (6.4.3.5): granularity, minimum, maximum, translation, length. */
static void put_range(struct vmmp_aml *aml, uint8_t tag, uint8_t type, uint8_t flags,
                      uint64_t first, uint64_t last)
{
    size_t bytes = tag == LARGE_WORD ? 2 : tag == LARGE_DWORD ? 4 : 8;

    put_byte(aml, tag);
    put_number(aml, 3 + 5 * bytes, 2);
    put_byte(aml, type);
    put_byte(aml, RANGE_FIXED);
    put_byte(aml, flags);
    put_number(aml, 0, bytes);
    put_number(aml, first, bytes);
    put_number(aml, last, bytes);
    put_number(aml, 0, bytes);
    put_number(aml, last - first + 1, bytes);
}

void vmmp_aml_bus_range(struct vmmp_aml *aml, uint16_t first, uint16_t last)
{
    put_range(aml, LARGE_WORD, RANGE_BUS, 0, first, last);
}

void vmmp_aml_io_range(struct vmmp_aml *aml, uint16_t first, uint16_t last)
{
    put_range(aml, LARGE_WORD, RANGE_IO, IO_ENTIRE, first, last);
}

void vmmp_aml_memory_range(struct vmmp_aml *aml, uint64_t first, uint64_t last)
{
    put_range(aml, last <= UINT32_MAX ? LARGE_DWORD : LARGE_QWORD, RANGE_MEMORY, MEMORY_READ_WRITE,
              first, last);
}
