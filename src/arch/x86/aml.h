/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing ACPI machine language, as much of it as descriptions of devices need.
 *
 * A named object is vmmp_aml_name() and then one value. Whatever begins ends with vmmp_aml_end().
 * Errors stick: after one, nothing is written, and `error` is -ENOSPC or -EINVAL. Names have one to
 * four characters and are padded. Source: ACPI 6.4, 20.2 (encoding) and 6.4 (resources).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMMP_AML_DEPTH 8

struct vmmp_aml {
    uint8_t *buffer;
    size_t size;
    size_t used;
    int error;
    unsigned depth;
    struct {
        size_t length_at; /**< Where the package length of what is open has its room. */
        bool resources;   /**< A resource template: ends with an end tag and has a size. */
    } open[VMMP_AML_DEPTH];
};

void vmmp_aml_init(struct vmmp_aml *aml, void *buffer, size_t size);

/** A scope below the root: "_SB". */
void vmmp_aml_scope(struct vmmp_aml *aml, const char *name);
void vmmp_aml_device(struct vmmp_aml *aml, const char *name);
void vmmp_aml_package(struct vmmp_aml *aml, uint8_t elements);
void vmmp_aml_resources(struct vmmp_aml *aml);
void vmmp_aml_end(struct vmmp_aml *aml);

void vmmp_aml_name(struct vmmp_aml *aml, const char *name);
void vmmp_aml_integer(struct vmmp_aml *aml, uint64_t value);
void vmmp_aml_string(struct vmmp_aml *aml, const char *text);
/** A compressed identifier such as "PNP0A08". */
void vmmp_aml_eisa_id(struct vmmp_aml *aml, const char *id);

/* Methods: an operation is its code and then its operands in the specification's order. */
enum vmmp_aml_operation {
    VMMP_AML_STORE = 0x70,
    VMMP_AML_AND = 0x7b,
    VMMP_AML_OR = 0x7d,
    VMMP_AML_DWORD_FIELD = 0x8a, /**< CreateDWordField: buffer, index, and a reference. */
    VMMP_AML_NOT = 0x92,
    VMMP_AML_EQUAL = 0x93,
    VMMP_AML_RETURN = 0xa4,
};

/** Serialized, as one that makes fields has to be. */
void vmmp_aml_method(struct vmmp_aml *aml, const char *name, uint8_t arguments);
/** Begins what is done where the operation that follows, the condition, is true. */
void vmmp_aml_if(struct vmmp_aml *aml);
void vmmp_aml_operation(struct vmmp_aml *aml, enum vmmp_aml_operation operation);
void vmmp_aml_argument(struct vmmp_aml *aml, unsigned number);
void vmmp_aml_local(struct vmmp_aml *aml, unsigned number);
void vmmp_aml_reference(struct vmmp_aml *aml, const char *name);
/** Bytes, as an operand or a value. */
void vmmp_aml_buffer(struct vmmp_aml *aml, const uint8_t *bytes, uint8_t count);

/* Resources, inside vmmp_aml_resources(). */
void vmmp_aml_io(struct vmmp_aml *aml, uint16_t port, uint8_t count);
void vmmp_aml_isa_irq(struct vmmp_aml *aml, uint8_t irq);
void vmmp_aml_memory32(struct vmmp_aml *aml, uint32_t base, uint32_t size);
/** Level-triggered, active high, exclusive. */
void vmmp_aml_interrupt(struct vmmp_aml *aml, uint32_t gsi);
/* What a bridge hands on, both ends included. */
void vmmp_aml_bus_range(struct vmmp_aml *aml, uint16_t first, uint16_t last);
void vmmp_aml_io_range(struct vmmp_aml *aml, uint16_t first, uint16_t last);
void vmmp_aml_memory_range(struct vmmp_aml *aml, uint64_t first, uint64_t last);
