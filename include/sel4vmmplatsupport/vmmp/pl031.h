/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL031 real-time clock (Arm PrimeCell RTC, DDI 0224): seconds since 1970, and an alarm.
 *
 * Time is the host's monotonic clock from a second of the client's on. Without the host's clock it
 * stands still; without its timers the alarm is noticed when the guest looks.
 *
 * Hostile guest: any access does what the manual says or nothing; one timer at a time.
 *
 * Threads: registers and the timer run inside the device's context.
 * Ownership: the caller's memory, which must stay in place; nothing is allocated except the host's
 * context.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_PL031_WINDOW_SIZE 0x1000

struct vmmp_pl031_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;  /**< NULL: no interrupt. */
    uint32_t seconds;           /**< What it shows at first. */
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_pl031 {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_pl031_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_timer timer;
    struct vmmp_log_limit unknown;

    uint64_t base_ns;   /**< The host's time when the clock showed `base`. */
    uint32_t base;      /**< Seconds. */
    uint32_t match;     /**< RTCMR */
    uint32_t load;      /**< RTCLR */
    uint32_t mask;      /**< RTCIMSC */
    uint32_t status;    /**< RTCRIS */
    uint64_t alarm_ns;  /**< When the clock will show `match`. */
    bool alarm_pending; /**< It has not yet. */
    bool irq_high;
};

/** Shows config->seconds, alarm off. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_pl031_init(struct vmmp_pl031 *rtc, const struct vmmp_pl031_config *config);
/** The window is detached by then. */
void vmmp_pl031_fini(struct vmmp_pl031 *rtc);

#ifdef __cplusplus
}
#endif
