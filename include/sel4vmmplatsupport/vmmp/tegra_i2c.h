/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An I2C controller of a Tegra K1 (Technical Reference Manual, chapter I2C Controller; Linux:
 * "nvidia,tegra124-i2c") as a master in packet mode, with FIFOs of eight words and no DMA. The bus
 * takes no time: a packet is over as soon as its bytes are there, and the transmit FIFO is empty
 * always. Registers without behaviour hold what is written.
 *
 * Hostile guest: any access does what the manual says or nothing; a packet moves 4096 bytes at
 * most, 32 in one access. Threads: registers run inside the controller's context, and the calls to
 * the bus's devices too. Ownership: the caller's memory, which must stay in place.
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

#define VMMP_TEGRA_I2C_WINDOW_SIZE 0x100
#define VMMP_TEGRA_I2C_FIFO_WORDS  8

/** What a device on an I2C bus does. */
struct vmmp_i2c_ops {
    /** A transfer begins, by a start or a repeated one. */
    void (*start)(void *device, bool read);
    void (*write)(void *device, uint8_t byte);
    uint8_t (*read)(void *device);
};

struct vmmp_i2c_device {
    uint8_t address; /**< Of seven bits. */
    const struct vmmp_i2c_ops *ops;
    void *device;
};

struct vmmp_tegra_i2c_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq;             /**< NULL: no interrupt. */
    const struct vmmp_i2c_device *devices; /**< On its bus; must outlive the controller. */
    unsigned device_count;
};

struct vmmp_tegra_i2c {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_tegra_i2c_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    uint32_t words[VMMP_TEGRA_I2C_WINDOW_SIZE / 4];
    uint32_t status; /**< INTERRUPT_STATUS, what is latched of it. */
    uint32_t headers[3];
    unsigned header_count;                /**< Headers of the packet that are there; 3: data. */
    const struct vmmp_i2c_device *target; /**< NULL: nobody has acknowledged. */
    uint32_t left;                        /**< Bytes of the packet that are to come. */
    bool failed;                          /**< What comes is dropped until the FIFO is flushed. */
    uint32_t input[VMMP_TEGRA_I2C_FIFO_WORDS];
    unsigned input_head, input_count;
};

/** Resets the registers and prepares the window. 0, -ENOMEM (context) or -ENOSPC (line full). */
int vmmp_tegra_i2c_init(struct vmmp_tegra_i2c *i2c, const struct vmmp_tegra_i2c_config *config);
/** The window is detached by then. */
void vmmp_tegra_i2c_fini(struct vmmp_tegra_i2c *i2c);
/** As the controller's reset. */
void vmmp_tegra_i2c_reset(struct vmmp_tegra_i2c *i2c);

#ifdef __cplusplus
}
#endif
