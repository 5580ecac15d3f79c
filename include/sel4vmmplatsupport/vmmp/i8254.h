/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PC's 8254 interval timer at ports 0x40 to 0x43, and port 0x61: the gate of channel 2, the
 * speaker's bit and what can be read of both. For hosts that have none of their own.
 *
 * Channel 0 interrupts with an edge when its output rises. Periods that pass while the host is busy
 * are one interrupt and not many, and the phase stays. The guest is interrupted at most every
 * VMMP_I8254_LEAST_NS, however short its period. Channel 1's output goes nowhere, channel 2's to
 * bit 5 of port 0x61; nothing is heard. Without the host's clock the counters stand still.
 *
 * Hostile guest: any access does what the data sheet says; one timer at a time, that often.
 *
 * Threads: registers and the timer run inside the device's context. Ownership: the caller's memory,
 * which stays in place; nothing is allocated except the host's context.
 * Sources: Intel 8254 data sheet (231164); Intel 82371AB (290562), 4.2.2 and 4.2.6 (port 0x61).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_I8254_PORTS    0x40 /**< Four. */
#define VMMP_I8254_SPEAKER  0x61
#define VMMP_I8254_IRQ      0
#define VMMP_I8254_HZ       1193182
#define VMMP_I8254_LEAST_NS 200000
#define VMMP_I8254_CHANNELS 3

struct vmmp_i8254_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq; /**< Of channel 0, edge-triggered; NULL: none. */
};

/** The model's own. Times are ticks of VMMP_I8254_HZ since the host's clock began. */
struct vmmp_i8254_channel {
    uint64_t start; /**< When the count was what `count` says. */
    uint64_t held;  /**< Ticks that had passed when the gate fell, while it is low. */
    uint64_t next_start;
    uint64_t rises_before; /**< Of the output, before `start`. */
    uint32_t count;        /**< 1 to 65536. */
    uint32_t next_count;   /**< From `next_start` on; 0: the same. */
    uint16_t latch;
    uint8_t mode;   /**< 0 to 5. */
    uint8_t access; /**< RW of the control word: low byte 1, high byte 2, both 3. */
    uint8_t low;    /**< Written, and waits for the high byte. */
    uint8_t status_latch;
    bool bcd;
    bool gate;
    bool loaded;    /**< A count has been written since the control word. */
    bool triggered; /**< Modes 1 and 5: the gate has risen since then. */
    bool half_written;
    bool half_read;
    bool latched;
    bool status_latched;
};

struct vmmp_i8254 {
    /** To be put at their ports by the caller. */
    struct vmmp_window ports;
    struct vmmp_window speaker;

    /* All below belongs to the model. */
    struct vmmp_i8254_config config;
    struct vmmp_context context;
    struct vmmp_timer timer;
    struct vmmp_i8254_channel channels[VMMP_I8254_CHANNELS];
    uint64_t interrupted_ns; /**< When the timer last interrupted. */
    uint64_t rises;          /**< Of channel 0's output, that the guest was told of. */
    uint8_t speaker_bits;
};

/** 0 or -ENOMEM (context). */
int vmmp_i8254_init(struct vmmp_i8254 *pit, const struct vmmp_i8254_config *config);
/** The windows are detached by then. */
void vmmp_i8254_fini(struct vmmp_i8254 *pit);

#ifdef __cplusplus
}
#endif
