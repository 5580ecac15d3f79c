/* SPDX-License-Identifier: BSD-2-Clause */
/* A board's ports, from which pins' names are made. */
#pragma once

#include <platsupport/gpio.h>

#ifdef CONFIG_PLAT_EXYNOS5
#define GPIOPORT_GET_BANK(port) ((port) >> 8)
#define GPIOPORT_GET_PORT(port) ((port)&0xff)

enum gpio_bank { GPIO_LEFT_BANK, GPIO_RIGHT_BANK, GPIO_C2C_BANK, GPIO_AUDIO_BANK, GPIO_NBANKS };
#endif
