/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL061 GPIO controller (Arm PrimeCell GPIO, DDI 0190): eight pins, driven by the guest or from
 * outside, with interrupts on levels and edges. The power key of the machine `virt`.
 *
 * A pin that is an output shows what the guest drives; an input what vmmp_pl061_drive() drove last,
 * low at first. Both can raise interrupts, as in the hardware. There is no hardware behind
 * GPIOAFSEL: it is stored, and the pins stay software's.
 *
 * Hostile guest: any access does what the manual says or nothing. It can move its own pins as often
 * as it likes.
 *
 * Threads: registers and vmmp_pl061_drive() run inside the device's context, and so does the
 * backend.
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

#define VMMP_PL061_WINDOW_SIZE 0x1000
#define VMMP_PL061_PINS        8

struct vmmp_pl061_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq; /**< GPIOINTR, of all pins; NULL: no interrupt. */
    /**
     * A pin that the guest drives has changed, or has become an output. Must not call into the
     * device. NULL: nobody looks.
     */
    void (*changed)(void *cookie, unsigned pin, bool high);
    void *cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_pl061 {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_pl061_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_log_limit unknown;
    uint8_t driven;    /**< What the guest has written to GPIODATA. */
    uint8_t outside;   /**< What vmmp_pl061_drive() has. */
    uint8_t direction; /**< GPIODIR: 1 is output. */
    uint8_t sense;     /**< GPIOIS: 1 is level. */
    uint8_t both;      /**< GPIOIBE */
    uint8_t event;     /**< GPIOIEV: 1 is rising or high. */
    uint8_t enabled;   /**< GPIOIE */
    uint8_t edges;     /**< Of GPIORIS, until they are cleared. */
    uint8_t function;  /**< GPIOAFSEL */
    bool irq_high;     /**< What the line was last told. */
};

/** Resets the registers and prepares the window. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_pl061_init(struct vmmp_pl061 *gpio, const struct vmmp_pl061_config *config);

/** The window is detached by then. */
void vmmp_pl061_fini(struct vmmp_pl061 *gpio);

/** As a reset line would: registers at their reset values; what is driven from outside stays. */
void vmmp_pl061_reset(struct vmmp_pl061 *gpio);

/** Drives `pin` (0 to 7; others are ignored) from outside. Any thread. */
void vmmp_pl061_drive(struct vmmp_pl061 *gpio, unsigned pin, bool high);

/** Whether the guest wants interrupts of `pin` (GPIOIE). Any thread. */
bool vmmp_pl061_interrupts(const struct vmmp_pl061 *gpio, unsigned pin);

#ifdef __cplusplus
}
#endif
