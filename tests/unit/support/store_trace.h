/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What memory looks like after each single store into it: where a program that is killed may leave
 * it. The memory is write-protected; a store faults, is let through one instruction long, and what
 * then is there is copied. Only on x86-64, whose programs can trace themselves.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_TRACE_MOST 64u

struct store_trace {
    uint8_t *memory; /* `size` bytes, whole pages. */
    size_t size;
    uint8_t *copies; /* STORE_TRACE_MOST of them. */
    unsigned count;
};

/** False where it cannot be done. */
bool store_trace_init(struct store_trace *trace, void *memory, size_t size);
void store_trace_fini(struct store_trace *trace);
/** Of one trace at a time; the earlier copies are gone. */
void store_trace_begin(struct store_trace *trace);
void store_trace_end(struct store_trace *trace);
/** After `index` + 1 stores since store_trace_begin(). */
const uint8_t *store_trace_copy(const struct store_trace *trace, unsigned index);
