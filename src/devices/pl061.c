/* SPDX-License-Identifier: BSD-2-Clause */
/* PrimeCell General Purpose Input/Output (PL061) Technical Reference Manual, DDI 0190, chapter 3.
 */
#include <sel4vmmplatsupport/vmmp/pl061.h>

#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

/* GPIODATA is all words below: address bits 9:2 say which pins an access is about (3.3.1). */
#define GPIODATA_END 0x400
#define GPIODIR      0x400
#define GPIOIS       0x404
#define GPIOIBE      0x408
#define GPIOIEV      0x40c
#define GPIOIE       0x410
#define GPIORIS      0x414
#define GPIOMIS      0x418
#define GPIOIC       0x41c
#define GPIOAFSEL    0x420
#define GPIOID       0xfe0 /* GPIOPeriphID0 to 3, GPIOPCellID0 to 3 */

/* Part number 0x061, designer 0x41 (Arm); PrimeCell. */
static const uint8_t identity[] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

/* ---- Pins and interrupts ---- */

static uint8_t levels(const struct vmmp_pl061 *gpio)
{
    return (uint8_t)((gpio->driven & gpio->direction) | (gpio->outside & ~gpio->direction));
}

/* GPIORIS: levels as long as they are there, edges until they are cleared. */
static uint8_t raw(const struct vmmp_pl061 *gpio)
{
    uint8_t high = levels(gpio);
    uint8_t due = (uint8_t)((high & gpio->event) | (~high & ~gpio->event));

    return (uint8_t)((due & gpio->sense) | (gpio->edges & ~gpio->sense));
}

static void update_irq(struct vmmp_pl061 *gpio)
{
    bool high = (raw(gpio) & gpio->enabled) != 0;

    if (high != gpio->irq_high) {
        gpio->irq_high = high;
        vmmp_irq_source_set(&gpio->irq, high);
    }
}

/* After anything that may have moved pins: `was` is how they were. */
static void moved(struct vmmp_pl061 *gpio, uint8_t was)
{
    uint8_t is = levels(gpio);
    uint8_t changes = was ^ is;
    uint8_t wanted = (uint8_t)(gpio->both | (is & gpio->event) | (~is & ~gpio->event));

    gpio->edges |= changes & wanted & (uint8_t)~gpio->sense;
    update_irq(gpio);
}

static void tell(const struct vmmp_pl061 *gpio, uint8_t pins)
{
    for (unsigned pin = 0; gpio->config.changed && pin < VMMP_PL061_PINS; pin++) {
        if (pins >> pin & 1) {
            gpio->config.changed(gpio->config.cookie, pin, gpio->driven >> pin & 1);
        }
    }
}

static void write_pins(struct vmmp_pl061 *gpio, uint8_t driven, uint8_t direction)
{
    uint8_t was = levels(gpio);
    uint8_t news = (uint8_t)((gpio->driven ^ driven) & direction);

    news |= direction & (uint8_t)~gpio->direction;
    gpio->driven = driven;
    gpio->direction = direction;
    moved(gpio, was);
    tell(gpio, news);
}

/* ---- Registers ---- */

static void unknown(struct vmmp_pl061 *gpio, const char *what, uint32_t offset)
{
    vmmp_log_guest(gpio->config.log, &gpio->unknown, "pl061: %s no register at 0x%03x", what,
                   (unsigned)offset);
}

static uint32_t read_register(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_pl061 *gpio = device;

    (void)lanes;
    if (offset < GPIODATA_END) {
        return levels(gpio) & offset >> 2;
    }
    if (offset >= GPIOID) {
        return identity[(offset - GPIOID) / 4];
    }
    switch (offset) {
    case GPIODIR:
        return gpio->direction;
    case GPIOIS:
        return gpio->sense;
    case GPIOIBE:
        return gpio->both;
    case GPIOIEV:
        return gpio->event;
    case GPIOIE:
        return gpio->enabled;
    case GPIORIS:
        return raw(gpio);
    case GPIOMIS:
        return raw(gpio) & gpio->enabled;
    case GPIOIC:
        return 0;
    case GPIOAFSEL:
        return gpio->function;
    default:
        unknown(gpio, "read of", offset);
        return 0;
    }
}

static void store(uint8_t *byte, uint32_t value, uint32_t lanes)
{
    *byte = (uint8_t)words_merge(*byte, value, lanes, 0xff);
}

static void write_register(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_pl061 *gpio = device;
    uint8_t driven = gpio->driven;
    uint8_t direction = gpio->direction;

    if (offset < GPIODATA_END) {
        driven = (uint8_t)words_merge(driven, value, lanes, offset >> 2);
        write_pins(gpio, driven, direction);
        return;
    }
    switch (offset) {
    case GPIODIR:
        store(&direction, value, lanes);
        write_pins(gpio, driven, direction);
        return;
    case GPIOIS:
        store(&gpio->sense, value, lanes);
        break;
    case GPIOIBE:
        store(&gpio->both, value, lanes);
        break;
    case GPIOIEV:
        store(&gpio->event, value, lanes);
        break;
    case GPIOIE:
        store(&gpio->enabled, value, lanes);
        break;
    case GPIOIC:
        gpio->edges &= (uint8_t)~value;
        break;
    case GPIOAFSEL:
        store(&gpio->function, value, lanes);
        break;
    case GPIORIS:
    case GPIOMIS:
        break;
    default:
        if (offset < GPIOID) {
            unknown(gpio, "write to", offset);
        }
        break;
    }
    update_irq(gpio);
}

static const struct vmmp_word_ops word_ops = { read_register, write_register };

/* ---- Life ---- */

static void reset(struct vmmp_pl061 *gpio)
{
    gpio->driven = 0;
    gpio->direction = 0;
    gpio->sense = 0;
    gpio->both = 0;
    gpio->event = 0;
    gpio->enabled = 0;
    gpio->edges = 0;
    gpio->function = 0;
    update_irq(gpio);
}

int vmmp_pl061_init(struct vmmp_pl061 *gpio, const struct vmmp_pl061_config *config)
{
    memset(gpio, 0, sizeof(*gpio));
    gpio->config = *config;
    int err = device_life_begin(&config->host, &gpio->context, &gpio->irq, config->irq);
    if (err) {
        return err;
    }
    gpio->window = (struct vmmp_window){
        .name = "pl061",
        .words = &word_ops,
        .device = gpio,
        .size = VMMP_PL061_WINDOW_SIZE,
        .context = &gpio->context,
    };
    reset(gpio);
    return 0;
}

void vmmp_pl061_fini(struct vmmp_pl061 *gpio)
{
    device_life_end(&gpio->config.host, &gpio->context, &gpio->irq);
}

void vmmp_pl061_reset(struct vmmp_pl061 *gpio)
{
    vmmp_context_enter(&gpio->context);
    reset(gpio);
    vmmp_context_leave(&gpio->context);
}

void vmmp_pl061_drive(struct vmmp_pl061 *gpio, unsigned pin, bool high)
{
    if (pin >= VMMP_PL061_PINS) {
        return;
    }
    uint8_t bit = (uint8_t)(1u << pin);
    vmmp_context_enter(&gpio->context);
    uint8_t was = levels(gpio);
    gpio->outside = (uint8_t)(high ? gpio->outside | bit : gpio->outside & ~bit);
    moved(gpio, was);
    vmmp_context_leave(&gpio->context);
}

bool vmmp_pl061_interrupts(const struct vmmp_pl061 *gpio, unsigned pin)
{
    if (pin >= VMMP_PL061_PINS) {
        return false;
    }
    vmmp_context_enter(&gpio->context);
    bool enabled = gpio->enabled >> pin & 1;
    vmmp_context_leave(&gpio->context);
    return enabled;
}
