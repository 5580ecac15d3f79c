/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board `jetson-tk1`: a Jetson TK1 as far as docs/boards/tk1.md says, for 32-bit kernels with
 * their own device tree of it. Private to vmm/arm and tests.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/as3722.h>
#include <sel4vmmplatsupport/vmmp/tegra_car.h>
#include <sel4vmmplatsupport/vmmp/tegra_flow.h>
#include <sel4vmmplatsupport/vmmp/tegra_gpio.h>
#include <sel4vmmplatsupport/vmmp/tegra_i2c.h>
#include <sel4vmmplatsupport/vmmp/tegra_ictlr.h>
#include <sel4vmmplatsupport/vmmp/tegra_pmc.h>
#include <sel4vmmplatsupport/vmmp/uart16550.h>
#include <sel4vmmplatsupport/vmmp/word_store.h>

#include "board_arm.h"
#include "board_jetson_tk1_map.h"

/* Registers that only store, or only identify. */
enum { TK1_STORE_SB, TK1_STORE_EVP, TK1_STORE_MISC, TK1_STORE_STRAPS, TK1_STORE_FUSE, TK1_STORES };

struct tk1 {
    struct machine *machine;

    struct vmmp_irq_line uart_lines[TK1_UARTS];
    struct vmmp_irq_line i2c_lines[TK1_I2CS];
    struct vmmp_irq_line gpio_lines[VMMP_TEGRA_GPIO_CONTROLLERS];
    struct vmmp_tegra_ictlr ictlr;
    struct vmmp_tegra_car car;
    struct vmmp_tegra_flow flow;
    struct vmmp_tegra_pmc pmc;
    struct vmmp_tegra_gpio gpio;
    struct vmmp_uart16550 uarts[TK1_UARTS];
    struct vmmp_tegra_i2c i2cs[TK1_I2CS];
    struct vmmp_as3722 pmic;
    struct vmmp_word_store stores[TK1_STORES];
    uint32_t sb_words[TK1_SB_SIZE / 4];
    uint32_t evp_words[TK1_EVP_SIZE / 4];
    uint32_t misc_words[TK1_MISC_SIZE / 4];
    uint32_t straps_words[TK1_STRAPS_SIZE / 4];
    uint32_t fuse_words[TK1_FUSE_SIZE / 4];

    /* What is to be undone: the models come in this order. */
    unsigned stores_made;
    bool ictlr_made, car_made, flow_made, pmc_made;
    unsigned uart_lines_made, uarts_made;
    unsigned i2c_lines_made, i2cs_made;
    unsigned gpio_lines_made;
    bool gpio_made;
};
