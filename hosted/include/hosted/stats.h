/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the vCPUs of a VM did: exits counted by kind, and the last sixteen of each vCPU.
 *
 * Written by the vCPU's own thread, readable by any thread at any time: counters are exact, a copy
 * of the last exits taken while the vCPU runs may have its newest entries mixed. Never allocates;
 * recording costs a few stores.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Why a vCPU stopped running guest code. */
enum hosted_exit_kind {
    HOSTED_EXIT_MMIO_READ,
    HOSTED_EXIT_MMIO_WRITE,
    HOSTED_EXIT_PORT_READ,
    HOSTED_EXIT_PORT_WRITE,
    HOSTED_EXIT_HYPERCALL,    /**< HVC, SMC, VMCALL handed to the VMM. */
    HOSTED_EXIT_SYSTEM_EVENT, /**< Power off, reset, crash, as the kernel reports them. */
    HOSTED_EXIT_DEBUG,        /**< Breakpoint, watchpoint, step. */
    HOSTED_EXIT_INTERRUPTED,  /**< Kicked by another thread. */
    HOSTED_EXIT_HALT,         /**< Waits for an interrupt. */
    HOSTED_EXIT_EOI,          /**< A local APIC finished an interrupt of an IOAPIC of ours. */
    HOSTED_EXIT_WINDOW,       /**< It can take an interrupt of an 8259 of ours. */
    HOSTED_EXIT_UNDECODED,    /**< An access the hardware does not decode. */
    HOSTED_EXIT_FAILURE,      /**< The vCPU cannot run (failed entry, internal error). */
    HOSTED_EXIT_OTHER,
    HOSTED_EXIT_KINDS
};

/** Aligned so that a 32-bit host, too, reads and writes it in one piece. */
#define HOSTED_STATS_ALIGNED __attribute__((aligned(8)))

struct hosted_exit {
    uint8_t kind; /**< enum hosted_exit_kind */
    uint8_t size; /**< Bytes accessed; 0 if it is no access. */
    bool has_pc;
    /** Guest-physical address, port, function number, event type … */
    HOSTED_STATS_ALIGNED uint64_t address;
    HOSTED_STATS_ALIGNED uint64_t
        value; /**< What was written, or what the guest got; syndrome where there is one. */
    HOSTED_STATS_ALIGNED uint64_t pc; /**< Only fetched while tracing. */
};

#define HOSTED_LAST_EXITS 16

/** Zeroed at first. */
struct hosted_vcpu_stats {
    HOSTED_STATS_ALIGNED uint64_t exits[HOSTED_EXIT_KINDS];
    uint64_t recorded; /**< Entries ever put into `last`. */
    struct hosted_exit last[HOSTED_LAST_EXITS];
};

/** Counts and keeps `exit`; only from the vCPU's thread. */
void hosted_stats_exit(struct hosted_vcpu_stats *stats, const struct hosted_exit *exit);
/** Completes the newest entry with what a read returned; only from the vCPU's thread. */
void hosted_stats_exit_value(struct hosted_vcpu_stats *stats, uint64_t value);
/** Counts only, for exits that carry nothing worth keeping; only from the vCPU's thread. */
void hosted_stats_count(struct hosted_vcpu_stats *stats, enum hosted_exit_kind kind);

uint64_t hosted_stats_exits(const struct hosted_vcpu_stats *stats, enum hosted_exit_kind kind);
uint64_t hosted_stats_exits_total(const struct hosted_vcpu_stats *stats);
/** Copies the last exits, oldest first; returns how many there are (0 to HOSTED_LAST_EXITS). */
unsigned hosted_stats_last_exits(const struct hosted_vcpu_stats *stats,
                                 struct hosted_exit last[HOSTED_LAST_EXITS]);

/** "mmio-read", "system-event", …; "unknown" out of range. */
const char *hosted_exit_kind_name(enum hosted_exit_kind kind);

/** Longest text of hosted_exit_format(), with its terminating zero. */
#define HOSTED_EXIT_TEXT 96
/** One exit as text without newline, e.g. "mmio-write 0x9000000 size 4 value 0x41". */
void hosted_exit_format(const struct hosted_exit *exit, char text[HOSTED_EXIT_TEXT]);
/** One line per kind that occurred ("vcpu0 exits mmio-read 12"), then a total. */
void hosted_stats_print(const struct hosted_vcpu_stats *stats, unsigned vcpu, FILE *out);
/** The last exits, oldest first, a line each ("vcpu0 -16 mmio-read …"). */
void hosted_stats_print_last(const struct hosted_vcpu_stats *stats, unsigned vcpu, FILE *out);

#ifdef __cplusplus
}
#endif
