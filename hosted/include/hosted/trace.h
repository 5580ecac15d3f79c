/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of text for every exit of every vCPU, for people and for grep:
 *
 *     1.234567890 vcpu0 mmio-write 0x9000000 size 4 value 0x41 pc 0xffff800010123456
 *
 * Seconds are since hosted_trace_init(). A read's line is written when its value is known.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include <hosted/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hosted_trace {
    FILE *file; /**< NULL: nothing is traced. */
    uint64_t start_ns;
};

/** Traces to `file` (NULL: not at all), which stays the caller's and must outlive the VM. */
void hosted_trace_init(struct hosted_trace *trace, FILE *file);

static inline bool hosted_trace_enabled(const struct hosted_trace *trace)
{
    return trace && trace->file;
}

/** Writes one line, whole, from any thread. Nothing if tracing is off (`trace` may be NULL). */
void hosted_trace_exit(const struct hosted_trace *trace, unsigned vcpu,
                       const struct hosted_exit *exit);

#ifdef __cplusplus
}
#endif
