/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A GPIO controller of an Exynos chip (Exynos 5422 User's Manual, chapter GPIO; Linux: pinctrl,
 * "samsung,exynos5420-pinctrl"): banks of up to eight pins, with external interrupts.
 *
 * What is wired to the pins is the client's: it sets the level of inputs and is told the level of
 * outputs. A pin that nothing drives follows its pull resistor.
 *
 * Interrupts: the pins of ordinary banks share one line, and SVC names the pin; pins of wake-up
 * banks have a line each or share another (`wakeup_irqs`).
 *
 * Hostile guest: any access does what the manual says or nothing; it sets its own outputs as often
 * as it likes. Threads: registers and the functions below run inside the device's context.
 * Ownership: the caller's memory, which must stay in place.
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

#define VMMP_EXYNOS_GPIO_WINDOW_SIZE 0x1000
#define VMMP_EXYNOS_GPIO_BANKS       16 /**< The most of a controller. */
#define VMMP_EXYNOS_GPIO_PINS        8  /**< The most of a bank. */
#define VMMP_EXYNOS_GPIO_WAKEUP_PINS 32 /**< The most with wake-up interrupts. */

enum vmmp_exynos_eint { VMMP_EXYNOS_EINT_NONE, VMMP_EXYNOS_EINT_GPIO, VMMP_EXYNOS_EINT_WAKEUP };

struct vmmp_exynos_gpio_bank {
    const char *name; /**< "gpa0" */
    uint16_t offset;  /**< Of its registers. */
    uint8_t pins;
    uint8_t eint;        /**< enum vmmp_exynos_eint */
    uint8_t eint_offset; /**< Of its word in each array of interrupt registers. */
};

/** What a controller looks like. */
struct vmmp_exynos_gpio_layout {
    const char *name; /**< For messages. */
    uint64_t base;    /**< Guest-physical address on the chip. */
    const struct vmmp_exynos_gpio_bank *banks;
    unsigned count;
};

/** The controllers of an Exynos 5422 (and 5420): 0 to 4, as in its device tree; else NULL. */
const struct vmmp_exynos_gpio_layout *vmmp_exynos5422_gpio(unsigned controller);

struct vmmp_exynos_gpio_config {
    struct vmmp_host host;
    const struct vmmp_exynos_gpio_layout *layout; /**< Stays with the caller. */
    struct vmmp_irq_line *irq;                    /**< Of ordinary banks; NULL: none. */
    /** Of the pins of wake-up banks in their order; a line may stand in several places. */
    struct vmmp_irq_line *wakeup_irqs[VMMP_EXYNOS_GPIO_WAKEUP_PINS];
    /**
     * An output pin changed, or a pin became an output. Inside the context; it must not call back.
     * NULL: nobody looks.
     */
    void (*output)(void *cookie, unsigned bank, unsigned pin, bool high);
    void *cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_exynos_gpio {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_exynos_gpio_config config;
    struct vmmp_context context;
    struct vmmp_log_limit unknown;
    struct vmmp_irq_source irq;
    struct vmmp_irq_source wakeup_irqs[VMMP_EXYNOS_GPIO_WAKEUP_PINS];
    uint32_t words[VMMP_EXYNOS_GPIO_WINDOW_SIZE / 4]; /**< What is stored. */
    uint8_t driven[VMMP_EXYNOS_GPIO_BANKS];           /**< Pins that the client drives, */
    uint8_t inputs[VMMP_EXYNOS_GPIO_BANKS];           /**< and how. */
    uint8_t levels[VMMP_EXYNOS_GPIO_BANKS];           /**< Of all pins, as last seen. */
    uint8_t outputs[VMMP_EXYNOS_GPIO_BANKS];          /**< Pins that are outputs. */
    uint8_t latched[VMMP_EXYNOS_GPIO_BANKS];          /**< Edges that were not acknowledged. */
    uint32_t raised;                                  /**< Of `wakeup_irqs`. */
    bool irq_high;                                    /**< Of `irq`. */
};

/**
 * Resets the registers and prepares the window. 0; -EINVAL for a layout that cannot be; -ENOMEM
 * (context) or -ENOSPC (a line is full).
 */
int vmmp_exynos_gpio_init(struct vmmp_exynos_gpio *gpio,
                          const struct vmmp_exynos_gpio_config *config);

/** The window is detached by then. */
void vmmp_exynos_gpio_fini(struct vmmp_exynos_gpio *gpio);

/** As a reset line would: pins are inputs, interrupts masked. What drives them stays. */
void vmmp_exynos_gpio_reset(struct vmmp_exynos_gpio *gpio);

/** The bank of that name, or -1. */
int vmmp_exynos_gpio_find_bank(const struct vmmp_exynos_gpio_layout *layout, const char *name);

/** Drives a pin from outside. A pin that does not exist is left alone. Any thread. */
void vmmp_exynos_gpio_drive(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin, bool high);

/** Lets go of it. */
void vmmp_exynos_gpio_release(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin);

/** The level of a pin, whoever drives it. */
bool vmmp_exynos_gpio_level(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin);

/** Whether the guest wants interrupts of a pin. */
bool vmmp_exynos_gpio_interrupts(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin);

#ifdef __cplusplus
}
#endif
