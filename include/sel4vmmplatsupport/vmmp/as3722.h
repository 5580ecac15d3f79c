/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The power management chip AS3722 (ams, data sheet AS3722; Linux: "ams,as3722"), on an I2C bus:
 * identification, power off by RESET_CONTROL, and the clock. Regulators, pins, alarms, watchdog and
 * interrupts are registers that hold what is written; voltages and enables begin as on a Jetson TK1
 * that runs. The clock goes whether or not RTC_CONTROL has it on; a transfer sees one moment of it.
 *
 * Hostile guest: any transfer does what the data sheet says or nothing; it can end its own machine.
 * Threads: inside the context of the controller of its bus. Ownership: the caller's memory, which
 * must stay in place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/tegra_i2c.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_AS3722_ADDRESS 0x40

struct vmmp_as3722_config {
    struct vmmp_host host; /**< Its clock; without one the chip's stands still. */
    uint32_t seconds;      /**< What the clock shows at first: since 1970, from 2000 to 2099. */
    /** The guest switches off, or (`reset`) resets by force. NULL: only a message. */
    void (*ended)(void *cookie, bool reset);
    void *cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_as3722 {
    struct vmmp_i2c_device bus; /**< To be put on a bus by the caller. */

    /* All below belongs to the model. */
    struct vmmp_as3722_config config;
    struct vmmp_log_limit ignored;
    int64_t set;     /**< What the clock showed */
    uint64_t set_ns; /**< at this time. */
    uint8_t registers[256];
    uint8_t at;       /**< The register of the next byte. */
    bool has_address; /**< Of a transfer that writes: its first byte has come. */
};

/** Resets the registers. */
void vmmp_as3722_init(struct vmmp_as3722 *chip, const struct vmmp_as3722_config *config);

#ifdef __cplusplus
}
#endif
