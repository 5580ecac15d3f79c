/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/vgpio.h>

int client_vgpio(vm_t *vm, gpio_id_t pin)
{
    struct gpio_device *gpio = vm_install_ac_gpio(vm, VACDEV_DEFAULT_DENY, VACDEV_REPORT_AND_MASK);

    return gpio ? vm_gpio_provide(gpio, pin) || vm_gpio_restrict(gpio, pin) : -1;
}
