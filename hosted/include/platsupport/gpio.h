/* SPDX-License-Identifier: BSD-2-Clause */
/* What clients of plat/vgpio.h name pins with. */
#pragma once

typedef int gpio_id_t;

#define GPIOID(port, pin) ((port)*32 + (pin))
#define GPIOID_PORT(gpio) ((gpio) / 32)
#define GPIOID_PIN(gpio)  ((gpio) % 32)
