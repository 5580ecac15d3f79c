/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI's fixed power management hardware (ACPI 6.4, 4.8.3): the PM1a event and control blocks with
 * a power button, and the 32-bit PM timer. What vmmp/acpi.h describes to the guest.
 *
 * The machine is always in ACPI mode: SCI_EN reads 1. Without the host's clock the timer stands
 * still; without its timers TMR_STS is noticed when the guest looks.
 *
 * Hostile guest: puts its own machine to sleep, any access does what the specification says or
 * nothing; one timer at a time. `sleep` may come more than once.
 *
 * Threads: registers, the timer and vmmp_acpi_pm_power_button() run inside the device's context;
 * `sleep` too: it only takes note, and does not call back.
 * Ownership: the caller's memory, which stays in place; nothing is allocated except the host's
 * context.
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

#define VMMP_ACPI_PM_BLOCK_SIZE 6 /**< Status, enable, control: 16 bits each. */
#define VMMP_ACPI_PM_TIMER_SIZE 4

struct vmmp_acpi_pm_config {
    struct vmmp_host host;
    struct vmmp_irq_line *sci; /**< Level-triggered; NULL: none. */
    /** The guest set SLP_EN with this SLP_TYP (0 to 7; soft-off is VMMP_ACPI_S5_TYPE). Not NULL. */
    void (*sleep)(void *cookie, unsigned type);
    void *cookie;
};

struct vmmp_acpi_pm {
    /** To be put at their ports by the caller. */
    struct vmmp_window block;
    struct vmmp_window timer;

    /* All below belongs to the model. */
    struct vmmp_acpi_pm_config config;
    struct vmmp_context context;
    struct vmmp_irq_source sci;
    struct vmmp_timer carry_timer;
    uint64_t halves; /**< How often the timer's highest bit has changed, when last looked. */
    uint16_t status;
    uint16_t enabled;
    uint16_t control;
    bool sci_high;
};

/** 0, -EINVAL (no `sleep`), -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_acpi_pm_init(struct vmmp_acpi_pm *pm, const struct vmmp_acpi_pm_config *config);
/** The windows are detached by then. */
void vmmp_acpi_pm_fini(struct vmmp_acpi_pm *pm);
/** Registers as after init; the timer runs on. */
void vmmp_acpi_pm_reset(struct vmmp_acpi_pm *pm);
/** Somebody pressed the button: the guest is asked to power off. Whether it has asked to be told,
 * by PWRBTN_EN. Any thread. */
bool vmmp_acpi_pm_power_button(struct vmmp_acpi_pm *pm);

#ifdef __cplusplus
}
#endif
