/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/plat/vgpio.h>

#include <string.h>

#include <platsupport/plat/gpio.h>
#include <sel4vmmplatsupport/plat/devices.h>

#include "compat/compat_vm.h"
#include "compat/plat/exynos5/guarded.h"

#define BANKS 2 /* GPIO_LEFT_BANK and GPIO_RIGHT_BANK. */

/* Ports of eight pins; what lies between and behind them is about external interrupts. */
#define PORT_SIZE     0x20
#define PORT_PINS     8
#define INTERRUPTS    0x700
#define WAKEUP_PORTS  0xc00
#define WAKEUP_EVENTS 0xe00

/* Bits that a pin has in each register of its port: CON, DAT, PUD, DRV, CONPDN, PUDPDN. */
static const uint8_t pin_bits[] = { 4, 1, 2, 2, 2, 2 };

struct gpio_device {
    struct page_mask masks[BANKS];
};

static bool is_port(uint32_t offset)
{
    return offset < INTERRUPTS || (offset >= WAKEUP_PORTS && offset < WAKEUP_EVENTS);
}

static void set_pin(struct page_mask *mask, uint32_t port, unsigned pin, bool allow)
{
    for (unsigned i = 0; i < sizeof(pin_bits); i++) {
        uint32_t bits = (1u << pin_bits[i]) - 1;
        page_mask_set(mask, port + 4 * i, bits << (pin * pin_bits[i]), allow);
    }
}

static void set_defaults(struct page_mask *mask, enum vacdev_default default_ac)
{
    memset(mask, 0xff, sizeof(*mask));
    for (uint32_t port = 0; port < PAGE_BYTES; port += PORT_SIZE) {
        if (is_port(port)) {
            memset(&mask->bytes[port], 0, PORT_SIZE);
        }
        for (unsigned pin = 0; is_port(port) && pin < PORT_PINS; pin++) {
            set_pin(mask, port, pin, default_ac == VACDEV_DEFAULT_ALLOW);
        }
    }
}

static int set(struct gpio_device *gpio_device, gpio_id_t gpio_id, bool allow)
{
    if (!gpio_device || gpio_id < 0) {
        return -1;
    }
    int bank = GPIOPORT_GET_BANK(GPIOID_PORT(gpio_id));
    uint32_t port = (uint32_t)GPIOPORT_GET_PORT(GPIOID_PORT(gpio_id)) * PORT_SIZE;
    int pin = GPIOID_PIN(gpio_id);
    if (bank < 0 || bank >= BANKS || pin >= PORT_PINS || !is_port(port)) {
        return -1;
    }
    set_pin(&gpio_device->masks[bank], port, (unsigned)pin, allow);
    return 0;
}

int vm_gpio_provide(struct gpio_device *gpio_device, gpio_id_t gpio_id)
{
    return set(gpio_device, gpio_id, true);
}

int vm_gpio_restrict(struct gpio_device *gpio_device, gpio_id_t gpio_id)
{
    return set(gpio_device, gpio_id, false);
}

static struct gpio_device *install(vm_t *vm, unsigned banks, enum vacdev_default default_ac,
                                   enum vacdev_action action)
{
    static const struct device *const devices[BANKS] = {
        [GPIO_LEFT_BANK] = &dev_gpio_left,
        [GPIO_RIGHT_BANK] = &dev_gpio_right,
    };
    struct gpio_device *gpio_device = vmmp_compat_calloc(vm, sizeof(*gpio_device));

    for (unsigned i = 0; gpio_device && i < BANKS; i++) {
        set_defaults(&gpio_device->masks[i], default_ac);
        if (banks >> i & 1 && vm_install_generic_ac_device(vm, devices[i], &gpio_device->masks[i],
                                                           PAGE_BYTES, action)) {
            return NULL; /* The first refers to its mask, which stays until the VM goes. */
        }
    }
    return gpio_device;
}

struct gpio_device *vm_install_ac_gpio(vm_t *vm, enum vacdev_default default_ac,
                                       enum vacdev_action action)
{
    return install(vm, (1u << BANKS) - 1, default_ac, action);
}

int vm_install_vgpio_left(vm_t *vm)
{
    return install(vm, 1u << GPIO_LEFT_BANK, VACDEV_DEFAULT_DENY, VACDEV_REPORT_AND_MASK) ? 0 : -1;
}

int vm_install_vgpio_right(vm_t *vm)
{
    return install(vm, 1u << GPIO_RIGHT_BANK, VACDEV_DEFAULT_DENY, VACDEV_REPORT_AND_MASK) ? 0 : -1;
}
