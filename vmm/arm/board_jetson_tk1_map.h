/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the devices of a Tegra K1 are and which interrupts they have, as the device tree of Linux's
 * tegra124-jetson-tk1 says (Tegra K1 Technical Reference Manual, chapters Address Map and Interrupt
 * Controller).
 */
#pragma once

#define TK1_RAM_BASE  0x80000000
#define TK1_RAM_SIZE  0x80000000
#define TK1_IRAM_BASE 0x40000000
#define TK1_IRAM_SIZE 0x40000

#define TK1_GIC_DIST    0x50041000
#define TK1_GIC_CPU     0x50042000
#define TK1_ICTLR       0x60004000
#define TK1_CAR         0x60006000
#define TK1_FLOW        0x60007000
#define TK1_GPIO        0x6000d000
#define TK1_SB          0x6000c200 /* Secure boot, */
#define TK1_SB_SIZE     0x100
#define TK1_EVP         0x6000f000 /* exception vectors, */
#define TK1_EVP_SIZE    0x1000
#define TK1_MISC        0x70000000 /* identification, strapping, pads, pin multiplexers, */
#define TK1_MISC_SIZE   0x4000
#define TK1_STRAPS      0x7000e800 /* where firmware leaves how the chip was strapped, */
#define TK1_STRAPS_SIZE 0x100
#define TK1_FUSE        0x7000f800 /* fuses. */
#define TK1_FUSE_SIZE   0x400
#define TK1_PMC         0x7000e400

/* SPIs. */
#define TK1_SPIS 192

#define TK1_UARTS   4
#define TK1_CONSOLE 3 /* UART D, which a Jetson has a connector for: ttyS0. */
#define TK1_I2CS    6
#define TK1_PMIC    4 /* The I2C controller with the PMIC. */
#define TK1_CPUS    4
