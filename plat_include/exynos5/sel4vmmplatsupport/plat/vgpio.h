/* SPDX-License-Identifier: BSD-2-Clause */
/* The real GPIO controllers LEFT and RIGHT, of which a guest may change the pins it was given. */
#pragma once

#include <platsupport/gpio.h>
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/ac_device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gpio_device;

/**
 * All pins are the guest's, or none. External interrupts' registers are shared and are not
 * guarded. Lives as long as the VM. NULL with a message on failure.
 */
struct gpio_device *vm_install_ac_gpio(vm_t *vm, enum vacdev_default default_ac,
                                       enum vacdev_action action);

/** Gives the guest a pin, or takes it. At any time. 0; -1 for NULL and pins of other controllers.
 */
int vm_gpio_provide(struct gpio_device *gpio_device, gpio_id_t gpio_id);
int vm_gpio_restrict(struct gpio_device *gpio_device, gpio_id_t gpio_id);

#ifdef __cplusplus
}
#endif
