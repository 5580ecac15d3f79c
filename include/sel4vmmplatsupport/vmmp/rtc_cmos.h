/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PC's real-time clock and CMOS memory: MC146818, at ports 0x70 and 0x71.
 *
 * Date and time in BCD or binary, 12 or 24 hours, with the century in byte 0x32; alarm, periodic
 * and update-ended interrupts; 114 bytes of memory, of which those that tell the size of RAM are
 * filled in. Time is the host's monotonic clock from a second of the client's on. Without the
 * host's clock it stands still; without its timers interrupts are noticed when the guest looks.
 *
 * Hostile guest: any access does what the data sheet says or nothing, dates that do not exist
 * included. One timer at a time, and never before the guest has seen the last interrupt.
 *
 * Threads: registers and the timer run inside the device's context.
 * Ownership: the caller's memory, which must stay in place; nothing is allocated except the host's
 * context. Sources: Motorola MC146818 data sheet; Intel ICH9 data sheet 13.6; ACPI 6.4, 4.8.2.4.
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

#define VMMP_RTC_CMOS_PORT 0x70
#define VMMP_RTC_CMOS_SIZE 2
#define VMMP_RTC_CMOS_IRQ  8

struct vmmp_rtc_cmos_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq; /**< A level, high until register C is read. NULL: none. */
    int64_t seconds;           /**< What it shows at first, since 1970; years 1970 to 9999. */
    uint64_t ram_below_4g;     /**< Bytes from address 0 on. */
    uint64_t ram_above_4g;
};

struct vmmp_rtc_cmos {
    struct vmmp_window window; /**< To be put at its ports by the caller. */

    /* All below belongs to the model. */
    struct vmmp_rtc_cmos_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_timer timer;
    uint8_t index;
    uint8_t bytes[128]; /**< Alarm, A to D and memory; date and time while they are set. */
    int64_t base;       /**< Seconds since 1970 at `base_ns`. */
    uint64_t base_ns;
    uint64_t looked_ns; /**< Until when flags are up to date. */
    bool stopped;       /**< SET, or the divider held in reset: the clock shows `base`. */
    bool irq_high;
};

/** 0, -EINVAL for `seconds` out of range, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_rtc_cmos_init(struct vmmp_rtc_cmos *rtc, const struct vmmp_rtc_cmos_config *config);
/** The window is detached by then. */
void vmmp_rtc_cmos_fini(struct vmmp_rtc_cmos *rtc);
/** A machine's reset: interrupts off. The clock and its memory have a battery. */
void vmmp_rtc_cmos_reset(struct vmmp_rtc_cmos *rtc);

#ifdef __cplusplus
}
#endif
