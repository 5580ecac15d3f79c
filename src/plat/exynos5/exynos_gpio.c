/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter GPIO. */
#include <sel4vmmplatsupport/vmmp/exynos_gpio.h>

#include <errno.h>
#include <string.h>

#include "bus/words.h"

/* A bank: pin functions, levels, pulls, strengths, and the same in power-down. */
#define BANK_SIZE   0x20
#define BANK_CON    0x00
#define BANK_DAT    0x04
#define BANK_PUD    0x08
#define BANK_DRV    0x0c
#define BANK_CONPDN 0x10
#define BANK_PUDPDN 0x14

#define CON_INPUT  0x0
#define CON_OUTPUT 0x1
#define CON_EINT   0xf
#define PUD_UP     0x3
#define PUD_RESET  0x5555u /* Down. */

/* External interrupts: arrays with a word for each bank, except for the filters' two. */
struct eint_arrays {
    uint16_t con;
    uint16_t filter;
    uint16_t mask;
    uint16_t pend;
};

static const struct eint_arrays arrays[] = {
    [VMMP_EXYNOS_EINT_GPIO] = { 0x700, 0x800, 0x900, 0xa00 },
    [VMMP_EXYNOS_EINT_WAKEUP] = { 0xe00, 0xe80, 0xf00, 0xf40 },
};
#define ARRAY_SIZE 0x40 /* Of an array with a word for each bank. */

#define SVC             0xb08 /* Which ordinary pin interrupts: a bank counted from 1, and a pin. */
#define SVC_GROUP_SHIFT 3

enum trigger {
    TRIGGER_LOW,
    TRIGGER_HIGH,
    TRIGGER_FALLING,
    TRIGGER_RISING,
    TRIGGER_BOTH,
};

typedef const struct vmmp_exynos_gpio_bank bank_t;

static bank_t *bank_at(const struct vmmp_exynos_gpio *gpio, unsigned bank)
{
    return &gpio->config.layout->banks[bank];
}

static uint32_t *word(struct vmmp_exynos_gpio *gpio, uint32_t offset)
{
    return &gpio->words[offset / 4];
}

static uint32_t field(uint32_t value, unsigned pin, unsigned bits)
{
    return value >> (pin * bits) & ((1u << bits) - 1);
}

/* Ones in `bits` bits for each pin of the bank, from `first` on. */
static uint32_t pin_bits(bank_t *bank, unsigned bits, unsigned first)
{
    unsigned all = bank->pins > first ? (bank->pins - first) * bits : 0;
    return all >= 32 ? UINT32_MAX : (1u << all) - 1;
}

/* ---- Pins ---- */

static bool level_of(struct vmmp_exynos_gpio *gpio, unsigned n, unsigned pin)
{
    uint32_t base = bank_at(gpio, n)->offset;

    if (gpio->outputs[n] >> pin & 1) {
        return *word(gpio, base + BANK_DAT) >> pin & 1;
    }
    if (gpio->driven[n] >> pin & 1) {
        return gpio->inputs[n] >> pin & 1;
    }
    return field(*word(gpio, base + BANK_PUD), pin, 2) == PUD_UP;
}

static bool triggers(uint32_t trigger, bool before, bool now)
{
    switch (trigger) {
    case TRIGGER_FALLING:
        return before && !now;
    case TRIGGER_RISING:
        return !before && now;
    case TRIGGER_BOTH:
        return before != now;
    default:
        return false;
    }
}

static uint32_t trigger_of(struct vmmp_exynos_gpio *gpio, bank_t *bank, unsigned pin)
{
    return field(*word(gpio, arrays[bank->eint].con + bank->eint_offset), pin, 4) & 7;
}

static bool is_eint(struct vmmp_exynos_gpio *gpio, bank_t *bank, unsigned pin)
{
    return field(*word(gpio, bank->offset + BANK_CON), pin, 4) == CON_EINT;
}

/* Edges that were seen, and levels as long as they last. */
static uint8_t pending(struct vmmp_exynos_gpio *gpio, unsigned n)
{
    bank_t *bank = bank_at(gpio, n);
    uint8_t bits = gpio->latched[n];

    for (unsigned pin = 0; pin < bank->pins; pin++) {
        uint32_t trigger = trigger_of(gpio, bank, pin);
        bool high = gpio->levels[n] >> pin & 1;
        if (is_eint(gpio, bank, pin) && (high ? trigger == TRIGGER_HIGH : trigger == TRIGGER_LOW)) {
            bits |= (uint8_t)(1u << pin);
        }
    }
    return bits;
}

static uint8_t unmasked(struct vmmp_exynos_gpio *gpio, unsigned n)
{
    bank_t *bank = bank_at(gpio, n);
    return pending(gpio, n) & (uint8_t) ~*word(gpio, arrays[bank->eint].mask + bank->eint_offset);
}

static void update_wakeup_irqs(struct vmmp_exynos_gpio *gpio, unsigned first, uint8_t bits)
{
    for (unsigned pin = 0; pin < VMMP_EXYNOS_GPIO_PINS; pin++) {
        uint32_t bit = 1u << (first + pin);
        bool high = bits >> pin & 1;
        if (high != ((gpio->raised & bit) != 0)) {
            gpio->raised ^= bit;
            vmmp_irq_source_set(&gpio->wakeup_irqs[first + pin], high);
        }
    }
}

static uint32_t service(struct vmmp_exynos_gpio *gpio)
{
    for (unsigned n = 0; n < gpio->config.layout->count; n++) {
        if (bank_at(gpio, n)->eint != VMMP_EXYNOS_EINT_GPIO) {
            continue;
        }
        uint8_t bits = unmasked(gpio, n);
        for (unsigned pin = 0; bits && pin < VMMP_EXYNOS_GPIO_PINS; pin++) {
            if (bits >> pin & 1) {
                return (n + 1) << SVC_GROUP_SHIFT | pin;
            }
        }
    }
    return 0;
}

static void update_irqs(struct vmmp_exynos_gpio *gpio)
{
    unsigned wakeup = 0;

    for (unsigned n = 0; n < gpio->config.layout->count; n++) {
        if (bank_at(gpio, n)->eint == VMMP_EXYNOS_EINT_WAKEUP) {
            update_wakeup_irqs(gpio, wakeup, unmasked(gpio, n));
            wakeup += VMMP_EXYNOS_GPIO_PINS;
        }
    }
    bool high = service(gpio) != 0;
    if (high != gpio->irq_high) {
        gpio->irq_high = high;
        vmmp_irq_source_set(&gpio->irq, high);
    }
}

static void tell(struct vmmp_exynos_gpio *gpio, unsigned n, uint8_t pins)
{
    for (unsigned pin = 0; gpio->config.output && pin < VMMP_EXYNOS_GPIO_PINS; pin++) {
        if (pins >> pin & 1) {
            gpio->config.output(gpio->config.cookie, n, pin, gpio->levels[n] >> pin & 1);
        }
    }
}

/* After anything that pins depend on has changed. */
static void update_bank(struct vmmp_exynos_gpio *gpio, unsigned n)
{
    bank_t *bank = bank_at(gpio, n);
    uint32_t con = *word(gpio, bank->offset + BANK_CON);
    uint8_t were_outputs = gpio->outputs[n];
    uint8_t outputs = 0;
    uint8_t levels = 0;

    for (unsigned pin = 0; pin < bank->pins; pin++) {
        outputs |= (uint8_t)((field(con, pin, 4) == CON_OUTPUT) << pin);
    }
    gpio->outputs[n] = outputs;
    for (unsigned pin = 0; pin < bank->pins; pin++) {
        bool before = gpio->levels[n] >> pin & 1;
        bool now = level_of(gpio, n, pin);
        levels |= (uint8_t)(now << pin);
        if (bank->eint != VMMP_EXYNOS_EINT_NONE && is_eint(gpio, bank, pin) &&
            triggers(trigger_of(gpio, bank, pin), before, now)) {
            gpio->latched[n] |= (uint8_t)(1u << pin);
        }
    }
    uint8_t changed = (uint8_t)(levels ^ gpio->levels[n]);
    gpio->levels[n] = levels;
    tell(gpio, n, outputs & (uint8_t)(changed | ~were_outputs));
    update_irqs(gpio);
}

/* ---- Registers ---- */

/* What an offset belongs to: a bank and the bits of each pin in the register. */
struct place {
    unsigned bank;
    unsigned bits; /* 0: there is no register. */
    uint8_t kind;
    uint8_t first; /* The pin that the lowest bits are of. */
};

enum kind { KIND_BANK, KIND_DAT, KIND_STORED, KIND_EINT, KIND_PEND };

static struct place place_in_bank(const struct vmmp_exynos_gpio *gpio, uint32_t offset)
{
    static const struct {
        uint8_t bits;
        uint8_t kind;
    } registers[BANK_SIZE / 4] = {
        [BANK_CON / 4] = { 4, KIND_BANK },      [BANK_DAT / 4] = { 1, KIND_DAT },
        [BANK_PUD / 4] = { 2, KIND_BANK },      [BANK_DRV / 4] = { 2, KIND_STORED },
        [BANK_CONPDN / 4] = { 2, KIND_STORED }, [BANK_PUDPDN / 4] = { 2, KIND_STORED },
    };
    unsigned reg = offset % BANK_SIZE / 4;

    for (unsigned n = 0; n < gpio->config.layout->count; n++) {
        if (bank_at(gpio, n)->offset == offset - offset % BANK_SIZE) {
            return (struct place){ n, registers[reg].bits, registers[reg].kind, 0 };
        }
    }
    return (struct place){ 0, 0, 0, 0 };
}

static struct place place_in_arrays(const struct vmmp_exynos_gpio *gpio, uint32_t offset)
{
    for (unsigned n = 0; n < gpio->config.layout->count; n++) {
        bank_t *bank = bank_at(gpio, n);
        const struct eint_arrays *array = &arrays[bank->eint];
        uint32_t at = bank->eint_offset;
        if (bank->eint == VMMP_EXYNOS_EINT_NONE) {
            continue;
        }
        if (offset == array->con + at) {
            return (struct place){ n, 4, KIND_EINT, 0 };
        }
        if (offset == array->mask + at) {
            return (struct place){ n, 1, KIND_EINT, 0 };
        }
        if (offset == array->pend + at) {
            return (struct place){ n, 1, KIND_PEND, 0 };
        }
        /* Four pins to a word, a byte each. */
        if (offset == array->filter + 2 * at || offset == array->filter + 2 * at + 4) {
            return (struct place){ n, 8, KIND_STORED, offset == array->filter + 2 * at ? 0 : 4 };
        }
    }
    return (struct place){ 0, 0, 0, 0 };
}

static struct place place_of(struct vmmp_exynos_gpio *gpio, uint32_t offset)
{
    struct place place = place_in_bank(gpio, offset);
    if (place.bits == 0) {
        place = place_in_arrays(gpio, offset);
    }
    if (place.bits == 0) {
        vmmp_log_guest(gpio->config.log, &gpio->unknown,
                       "exynos-gpio: %s has no register at 0x%03x", gpio->config.layout->name,
                       (unsigned)offset);
    }
    return place;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_exynos_gpio *gpio = device;
    (void)lanes;
    if (offset == SVC) {
        return service(gpio);
    }
    struct place place = place_of(gpio, offset);
    if (place.bits == 0) {
        return 0;
    }
    switch ((enum kind)place.kind) {
    case KIND_DAT:
        return gpio->levels[place.bank];
    case KIND_PEND:
        return pending(gpio, place.bank);
    default:
        return *word(gpio, offset);
    }
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_gpio *gpio = device;
    if (offset == SVC) {
        return;
    }
    struct place place = place_of(gpio, offset);
    if (place.bits == 0) {
        return;
    }
    if (place.kind == KIND_PEND) {
        gpio->latched[place.bank] &= (uint8_t)~value;
        update_irqs(gpio);
        return;
    }
    uint32_t writable = pin_bits(bank_at(gpio, place.bank), place.bits, place.first);
    *word(gpio, offset) = words_merge(*word(gpio, offset), value, lanes, writable);
    if (place.kind == KIND_BANK || place.kind == KIND_DAT) {
        update_bank(gpio, place.bank);
    } else if (place.kind == KIND_EINT) {
        update_irqs(gpio);
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- The outside ---- */

int vmmp_exynos_gpio_find_bank(const struct vmmp_exynos_gpio_layout *layout, const char *name)
{
    for (unsigned n = 0; n < layout->count; n++) {
        if (strcmp(layout->banks[n].name, name) == 0) {
            return (int)n;
        }
    }
    return -1;
}

static bool exists(const struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin)
{
    return bank < gpio->config.layout->count && pin < bank_at(gpio, bank)->pins;
}

static void drive(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin, bool driven,
                  bool high)
{
    if (!exists(gpio, bank, pin)) {
        return;
    }
    uint8_t bit = (uint8_t)(1u << pin);
    vmmp_context_enter(&gpio->context);
    gpio->driven[bank] = (uint8_t)(driven ? gpio->driven[bank] | bit : gpio->driven[bank] & ~bit);
    gpio->inputs[bank] = (uint8_t)(high ? gpio->inputs[bank] | bit : gpio->inputs[bank] & ~bit);
    update_bank(gpio, bank);
    vmmp_context_leave(&gpio->context);
}

void vmmp_exynos_gpio_drive(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin, bool high)
{
    drive(gpio, bank, pin, true, high);
}

void vmmp_exynos_gpio_release(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin)
{
    drive(gpio, bank, pin, false, false);
}

bool vmmp_exynos_gpio_level(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin)
{
    if (!exists(gpio, bank, pin)) {
        return false;
    }
    vmmp_context_enter(&gpio->context);
    bool high = gpio->levels[bank] >> pin & 1;
    vmmp_context_leave(&gpio->context);
    return high;
}

bool vmmp_exynos_gpio_interrupts(struct vmmp_exynos_gpio *gpio, unsigned bank, unsigned pin)
{
    if (!exists(gpio, bank, pin) || bank_at(gpio, bank)->eint == VMMP_EXYNOS_EINT_NONE) {
        return false;
    }
    bank_t *at = bank_at(gpio, bank);
    vmmp_context_enter(&gpio->context);
    bool wanted = is_eint(gpio, at, pin) &&
                  !(*word(gpio, arrays[at->eint].mask + at->eint_offset) >> pin & 1);
    vmmp_context_leave(&gpio->context);
    return wanted;
}

/* ---- Life ---- */

static void reset(struct vmmp_exynos_gpio *gpio)
{
    memset(gpio->words, 0, sizeof(gpio->words));
    for (unsigned n = 0; n < gpio->config.layout->count; n++) {
        bank_t *bank = bank_at(gpio, n);
        *word(gpio, bank->offset + BANK_PUD) = PUD_RESET & pin_bits(bank, 2, 0);
        if (bank->eint != VMMP_EXYNOS_EINT_NONE) {
            *word(gpio, arrays[bank->eint].mask + bank->eint_offset) = pin_bits(bank, 1, 0);
        }
        gpio->outputs[n] = 0;
        gpio->latched[n] = 0;
        update_bank(gpio, n);
    }
}

static bool can_be(const struct vmmp_exynos_gpio_layout *layout)
{
    unsigned wakeup = 0;

    for (unsigned n = 0; n < layout->count && n < VMMP_EXYNOS_GPIO_BANKS; n++) {
        bank_t *bank = &layout->banks[n];
        if (bank->offset % BANK_SIZE != 0 || bank->offset >= VMMP_EXYNOS_GPIO_WINDOW_SIZE ||
            bank->pins < 1 || bank->pins > VMMP_EXYNOS_GPIO_PINS ||
            bank->eint > VMMP_EXYNOS_EINT_WAKEUP || bank->eint_offset % 4 != 0 ||
            bank->eint_offset >= ARRAY_SIZE) {
            return false;
        }
        wakeup += bank->eint == VMMP_EXYNOS_EINT_WAKEUP ? VMMP_EXYNOS_GPIO_PINS : 0;
    }
    return layout->count >= 1 && layout->count <= VMMP_EXYNOS_GPIO_BANKS &&
           wakeup <= VMMP_EXYNOS_GPIO_WAKEUP_PINS;
}

static void fini(struct vmmp_exynos_gpio *gpio)
{
    vmmp_irq_source_fini(&gpio->irq);
    for (unsigned i = 0; i < VMMP_EXYNOS_GPIO_WAKEUP_PINS; i++) {
        vmmp_irq_source_fini(&gpio->wakeup_irqs[i]);
    }
    vmmp_host_context_fini(&gpio->config.host, &gpio->context);
}

int vmmp_exynos_gpio_init(struct vmmp_exynos_gpio *gpio,
                          const struct vmmp_exynos_gpio_config *config)
{
    memset(gpio, 0, sizeof(*gpio));
    if (!config->layout || !can_be(config->layout)) {
        return -EINVAL;
    }
    gpio->config = *config;
    int err = vmmp_host_context_init(&config->host, &gpio->context);
    if (err) {
        return err;
    }
    err = vmmp_irq_source_init(&gpio->irq, config->irq);
    for (unsigned i = 0; !err && i < VMMP_EXYNOS_GPIO_WAKEUP_PINS; i++) {
        err = vmmp_irq_source_init(&gpio->wakeup_irqs[i], config->wakeup_irqs[i]);
    }
    if (err) {
        fini(gpio);
        return err;
    }
    gpio->window = (struct vmmp_window){
        .name = "exynos-gpio",
        .words = &word_ops,
        .device = gpio,
        .size = VMMP_EXYNOS_GPIO_WINDOW_SIZE,
        .context = &gpio->context,
    };
    reset(gpio);
    return 0;
}

void vmmp_exynos_gpio_fini(struct vmmp_exynos_gpio *gpio)
{
    fini(gpio);
}

void vmmp_exynos_gpio_reset(struct vmmp_exynos_gpio *gpio)
{
    vmmp_context_enter(&gpio->context);
    reset(gpio);
    vmmp_context_leave(&gpio->context);
}
