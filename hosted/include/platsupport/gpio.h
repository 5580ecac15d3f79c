/* SPDX-License-Identifier: BSD-2-Clause */
/* What clients of plat/vgpio.h name pins with. */
#pragma once

typedef int gpio_id_t;

#define GPIOID(port, pin) ((port)*32 + (pin))
#define GPIOID_PORT(gpio) ((gpio) / 32)
#define GPIOID_PIN(gpio)  ((gpio) % 32)

#ifdef CONFIG_PLAT_EXYNOS5
#define GPIOPORT_GET_BANK(port) ((port) >> 8)
#define GPIOPORT_GET_PORT(port) ((port)&0xff)

enum gpio_bank { GPIO_LEFT_BANK, GPIO_RIGHT_BANK, GPIO_C2C_BANK, GPIO_AUDIO_BANK, GPIO_NBANKS };
#endif
