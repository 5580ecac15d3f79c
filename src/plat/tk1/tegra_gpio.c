/* SPDX-License-Identifier: BSD-2-Clause */
/* Tegra K1 Technical Reference Manual, chapter GPIO Controller. */
#include <sel4vmmplatsupport/vmmp/tegra_gpio.h>

#include <string.h>

#include "bus/words.h"

/* A controller; of each register one word for each of its four ports. */
#define CONTROLLER_SIZE 0x100u
#define REGISTER_SIZE   0x10u
#define PORTS           4u /* Of a controller. */

#define CNF     0x00
#define OE      0x10
#define OUT     0x20
#define IN      0x30
#define INT_STA 0x40
#define INT_ENB 0x50
#define INT_LVL 0x60
#define INT_CLR 0x70
/* The same, of which only the pins in bits 8 to 15 are written. */
#define MASKED       0x80
#define MASKED_SHIFT 8

/* INT_LVL: three bits for each pin. */
#define LVL_HIGH(pin)  (1u << (pin)) /* High or rising; else low or falling. */
#define LVL_EDGE(pin)  (1u << ((pin) + 8))
#define LVL_DELTA(pin) (1u << ((pin) + 16)) /* Both edges. */
#define LVL_BITS       0xffffffu

typedef struct vmmp_tegra_gpio_port port_t;

/* ---- Pins ---- */

static uint8_t outputs(const port_t *port)
{
    return port->gpio & port->enabled;
}

/* Levels of pins that trigger, of those that may. */
static uint8_t active(const port_t *port)
{
    uint8_t level_triggered = (uint8_t) ~(port->trigger >> 8);
    uint8_t wanted = (uint8_t)port->trigger;
    return level_triggered & (uint8_t) ~(port->level ^ wanted) & port->gpio & port->interrupt;
}

static uint8_t pending(const port_t *port)
{
    return port->latched | active(port);
}

static bool edge_counts(uint32_t trigger, unsigned pin, bool now)
{
    bool rising = trigger & LVL_HIGH(pin);
    return (trigger & LVL_EDGE(pin)) && (trigger & LVL_DELTA(pin) || rising == now);
}

static void update_irq(struct vmmp_tegra_gpio *gpio, unsigned controller)
{
    uint8_t bits = 0;
    for (unsigned i = 0; i < PORTS; i++) {
        const port_t *port = &gpio->ports[controller * PORTS + i];
        bits |= pending(port) & port->interrupt;
    }
    vmmp_irq_source_set(&gpio->irqs[controller], bits != 0);
}

static void tell(struct vmmp_tegra_gpio *gpio, unsigned number, uint8_t pins)
{
    for (unsigned pin = 0; gpio->config.output && pin < VMMP_TEGRA_GPIO_PINS; pin++) {
        if (pins >> pin & 1) {
            gpio->config.output(gpio->config.cookie, number, pin,
                                gpio->ports[number].level >> pin & 1);
        }
    }
}

/* After anything that pins depend on has changed; `were` were outputs before. */
static void update(struct vmmp_tegra_gpio *gpio, unsigned number, uint8_t were)
{
    port_t *port = &gpio->ports[number];
    uint8_t out = outputs(port);
    uint8_t outside =
        (uint8_t)((port->driven & port->input) | (~port->driven & gpio->config.pulled_up[number]));
    uint8_t level = (uint8_t)((out & port->out) | (~out & outside));
    uint8_t changed = level ^ port->level;

    port->level = level;
    for (unsigned pin = 0; pin < VMMP_TEGRA_GPIO_PINS; pin++) {
        if ((changed & port->gpio & port->interrupt) >> pin & 1 &&
            edge_counts(port->trigger, pin, level >> pin & 1)) {
            port->latched |= (uint8_t)(1u << pin);
        }
    }
    tell(gpio, number, out & (uint8_t)(changed | ~were));
    update_irq(gpio, number / PORTS);
}

/* ---- Registers ---- */

static uint32_t register_of(const port_t *port, uint32_t reg)
{
    switch (reg) {
    case CNF:
        return port->gpio;
    case OE:
        return port->enabled;
    case OUT:
        return port->out;
    case IN:
        return port->level;
    case INT_STA:
        return pending(port);
    case INT_ENB:
        return port->interrupt;
    case INT_LVL:
        return port->trigger;
    default: /* INT_CLR */
        return 0;
    }
}

static port_t *port_at(struct vmmp_tegra_gpio *gpio, uint32_t offset, unsigned *number)
{
    uint32_t controller = offset / CONTROLLER_SIZE;
    *number = controller * PORTS + offset % REGISTER_SIZE / 4;
    return controller < VMMP_TEGRA_GPIO_CONTROLLERS ? &gpio->ports[*number] : NULL;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    uint32_t reg = offset % CONTROLLER_SIZE / REGISTER_SIZE * REGISTER_SIZE;
    unsigned number;
    const port_t *port = port_at(device, offset, &number);
    (void)lanes;
    if (!port) {
        return 0;
    }
    return reg < MASKED ? register_of(port, reg) : register_of(port, reg - MASKED) & UINT8_MAX;
}

/* `value` goes where `lanes` are. */
static void set_register(port_t *port, uint32_t reg, uint32_t value, uint32_t lanes)
{
    uint32_t merged = words_merge(register_of(port, reg), value, lanes, LVL_BITS);
    switch (reg) {
    case CNF:
        port->gpio = (uint8_t)merged;
        break;
    case OE:
        port->enabled = (uint8_t)merged;
        break;
    case OUT:
        port->out = (uint8_t)merged;
        break;
    case INT_ENB:
        port->interrupt = (uint8_t)merged;
        break;
    case INT_LVL:
        port->trigger = merged;
        break;
    case INT_CLR:
        port->latched &= (uint8_t) ~(value & lanes);
        break;
    default: /* IN, INT_STA */
        break;
    }
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_tegra_gpio *gpio = device;
    uint32_t reg = offset % CONTROLLER_SIZE / REGISTER_SIZE * REGISTER_SIZE;
    unsigned number;
    port_t *port = port_at(gpio, offset, &number);

    if (!port) {
        return;
    }
    uint8_t were = outputs(port);
    if (reg >= MASKED) {
        set_register(port, reg - MASKED, value & UINT8_MAX, value >> MASKED_SHIFT & UINT8_MAX);
    } else {
        set_register(port, reg, value, lanes);
    }
    update(gpio, number, were);
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- The outside ---- */

int vmmp_tegra_gpio_find_port(const char *name)
{
    bool letter = name[0] >= 'a' && name[0] <= 'z';
    if (letter && !name[1]) {
        return name[0] - 'a';
    }
    if (letter && name[0] <= 'f' && name[1] == name[0] && !name[2]) {
        return 'z' - 'a' + 1 + name[0] - 'a';
    }
    return -1;
}

static bool exists(unsigned port, unsigned pin)
{
    return port < VMMP_TEGRA_GPIO_PORTS && pin < VMMP_TEGRA_GPIO_PINS;
}

static void drive(struct vmmp_tegra_gpio *gpio, unsigned number, unsigned pin, bool driven,
                  bool high)
{
    if (!exists(number, pin)) {
        return;
    }
    uint8_t bit = (uint8_t)(1u << pin);
    vmmp_context_enter(&gpio->context);
    port_t *port = &gpio->ports[number];
    port->driven = (uint8_t)(driven ? port->driven | bit : port->driven & ~bit);
    port->input = (uint8_t)(high ? port->input | bit : port->input & ~bit);
    update(gpio, number, outputs(port));
    vmmp_context_leave(&gpio->context);
}

void vmmp_tegra_gpio_drive(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin, bool high)
{
    drive(gpio, port, pin, true, high);
}

void vmmp_tegra_gpio_release(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin)
{
    drive(gpio, port, pin, false, false);
}

bool vmmp_tegra_gpio_level(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin)
{
    if (!exists(port, pin)) {
        return false;
    }
    vmmp_context_enter(&gpio->context);
    bool high = gpio->ports[port].level >> pin & 1;
    vmmp_context_leave(&gpio->context);
    return high;
}

bool vmmp_tegra_gpio_interrupts(struct vmmp_tegra_gpio *gpio, unsigned port, unsigned pin)
{
    if (!exists(port, pin)) {
        return false;
    }
    vmmp_context_enter(&gpio->context);
    bool wanted = (gpio->ports[port].gpio & gpio->ports[port].interrupt) >> pin & 1;
    vmmp_context_leave(&gpio->context);
    return wanted;
}

/* ---- Life ---- */

static void reset(struct vmmp_tegra_gpio *gpio)
{
    for (unsigned i = 0; i < VMMP_TEGRA_GPIO_PORTS; i++) {
        port_t *port = &gpio->ports[i];
        *port = (port_t){ .driven = port->driven, .input = port->input };
        update(gpio, i, 0);
    }
}

static void fini(struct vmmp_tegra_gpio *gpio)
{
    for (unsigned i = 0; i < VMMP_TEGRA_GPIO_CONTROLLERS; i++) {
        vmmp_irq_source_fini(&gpio->irqs[i]);
    }
    vmmp_host_context_fini(&gpio->config.host, &gpio->context);
}

int vmmp_tegra_gpio_init(struct vmmp_tegra_gpio *gpio, const struct vmmp_tegra_gpio_config *config)
{
    memset(gpio, 0, sizeof(*gpio));
    gpio->config = *config;
    int err = vmmp_host_context_init(&config->host, &gpio->context);
    if (err) {
        return err;
    }
    for (unsigned i = 0; !err && i < VMMP_TEGRA_GPIO_CONTROLLERS; i++) {
        err = vmmp_irq_source_init(&gpio->irqs[i], config->irqs[i]);
    }
    if (err) {
        fini(gpio);
        return err;
    }
    gpio->window = (struct vmmp_window){
        .name = "tegra-gpio",
        .words = &word_ops,
        .device = gpio,
        .size = VMMP_TEGRA_GPIO_WINDOW_SIZE,
        .context = &gpio->context,
    };
    reset(gpio);
    return 0;
}

void vmmp_tegra_gpio_fini(struct vmmp_tegra_gpio *gpio)
{
    fini(gpio);
}

void vmmp_tegra_gpio_reset(struct vmmp_tegra_gpio *gpio)
{
    vmmp_context_enter(&gpio->context);
    reset(gpio);
    vmmp_context_leave(&gpio->context);
}
