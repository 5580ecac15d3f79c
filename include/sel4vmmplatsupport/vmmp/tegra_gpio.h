/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GPIO controller of a Tegra K1 (Technical Reference Manual, chapter GPIO Controller; Linux:
 * "nvidia,tegra30-gpio"): ports of eight pins, A to Z and AA to FF, four to a controller with one
 * interrupt.
 *
 * What is wired to the pins is the client's: it sets the level of inputs and is told the level of
 * outputs. A pin that nothing drives is low unless it is among `pulled_up`: pull resistors are the
 * pin multiplexers' business. Interrupts come from pins that are GPIOs (CNF) and enabled.
 *
 * Hostile guest: any access does what the manual says or nothing; it sets its own outputs as often
 * as it likes. Threads: registers run inside the device's context, which the functions below enter.
 * Ownership: the caller's memory, which must stay in place.
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

#define VMMP_TEGRA_GPIO_WINDOW_SIZE 0x1000
#define VMMP_TEGRA_GPIO_CONTROLLERS 8
#define VMMP_TEGRA_GPIO_PORTS       32 /**< Port n is of controller n / 4. */
#define VMMP_TEGRA_GPIO_PINS        8  /**< Of a port. */

struct vmmp_tegra_gpio_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irqs[VMMP_TEGRA_GPIO_CONTROLLERS]; /**< NULL: none. */
    uint8_t pulled_up[VMMP_TEGRA_GPIO_PORTS];                /**< A bit for each pin. */
    /**
     * An output pin changed, or a pin became an output. Inside the context; it must not call back.
     * NULL: nobody looks.
     */
    void (*output)(void *cookie, unsigned port, unsigned pin, bool high);
    void *cookie;
};

struct vmmp_tegra_gpio_port {
    uint8_t gpio;      /**< CNF: pins that are GPIOs and nothing else. */
    uint8_t enabled;   /**< OE: of those, outputs. */
    uint8_t out;       /**< What they put out. */
    uint8_t interrupt; /**< INT_ENB */
    uint32_t trigger;  /**< INT_LVL */
    uint8_t driven;    /**< Pins that the client drives, */
    uint8_t input;     /**< and how. */
    uint8_t level;     /**< Of all pins, as last seen. */
    uint8_t latched;   /**< Edges that were not cleared. */
};

struct vmmp_tegra_gpio {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_tegra_gpio_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irqs[VMMP_TEGRA_GPIO_CONTROLLERS];
    struct vmmp_tegra_gpio_port ports[VMMP_TEGRA_GPIO_PORTS];
};

/** Resets the registers and prepares the window. 0; -ENOMEM (context) or -ENOSPC (a line). */
int vmmp_tegra_gpio_init(struct vmmp_tegra_gpio *gpio, const struct vmmp_tegra_gpio_config *config);

/** The window is detached by then. */
void vmmp_tegra_gpio_fini(struct vmmp_tegra_gpio *gpio);

/** As the chip's reset: no pin is a GPIO. What drives them from outside stays. */
void vmmp_tegra_gpio_reset(struct vmmp_tegra_gpio *gpio);

/** The port of a name, "a" to "z" and "aa" to "ff", or -1. */
int vmmp_tegra_gpio_find_port(const char *name);

/** Drives a pin from outside. A pin that does not exist is left alone. Any thread. */
void vmmp_tegra_gpio_drive(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin, bool high);

/** Lets go of it. */
void vmmp_tegra_gpio_release(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin);

/** The level of a pin, whoever drives it. */
bool vmmp_tegra_gpio_level(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin);

/** Whether the guest wants interrupts of a pin. */
bool vmmp_tegra_gpio_interrupts(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin);

#ifdef __cplusplus
}
#endif
