/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/access_control.h>

#include <errno.h>

static bool fits(uint64_t offset, unsigned size)
{
    return (offset & (size - 1)) == 0;
}

static uint64_t control_read(void *device, uint64_t offset, unsigned size)
{
    const struct vmmp_access_control *control = device;

    return fits(offset, size) ? control->registers->read(control->device, offset, size)
                              : vmmp_all_ones(size);
}

/* The bits of an access that the mask has, and those that lie beyond it. */
static uint64_t allowed_bits(const struct vmmp_access_control *control, uint64_t offset,
                             unsigned size, uint64_t *beyond)
{
    uint64_t allowed = 0;

    *beyond = 0;
    for (unsigned i = 0; i < size; i++) {
        if (offset + i < control->mask_size) {
            allowed |= (uint64_t)control->mask[offset + i] << (8 * i);
        } else {
            *beyond |= UINT64_C(0xff) << (8 * i);
        }
    }
    return allowed;
}

static void control_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_access_control *control = device;
    uint64_t all = vmmp_all_ones(size);
    uint64_t beyond;
    uint64_t allowed = allowed_bits(control, offset, size, &beyond);

    if (!fits(offset, size) || beyond == all) {
        return;
    }
    if (allowed != all) {
        uint64_t old = control->registers->read(control->device, offset, size);
        uint64_t denied = (old ^ value) & all & ~allowed & ~beyond;
        uint64_t keep = beyond | (control->mask_denied ? ~allowed : 0);
        if (denied && control->report) {
            struct vmmp_access_report report = { &control->window,    offset, size, value, denied,
                                                 control->mask_denied };
            control->report(control->cookie, &report);
        }
        if (control->mask_denied && !allowed) {
            return; /* Nothing of it is the guest's. */
        }
        value = (value & ~keep) | (old & keep);
    }
    control->registers->write(control->device, offset, size, value & all);
}

static const struct vmmp_window_ops control_ops = { control_read, control_write };

int vmmp_access_control_init(struct vmmp_access_control *control)
{
    if (!control || !control->window.name || !control->window.size || !control->registers ||
        (control->mask_size && !control->mask)) {
        return -EINVAL;
    }
    control->window.ops = &control_ops;
    control->window.device = control;
    return 0;
}

static uint64_t mapped_read(void *device, uint64_t offset, unsigned size)
{
    const volatile uint8_t *at = (const volatile uint8_t *)device + offset;

    switch (size) {
    case 1:
        return *at;
    case 2:
        return *(const volatile uint16_t *)(const volatile void *)at;
    case 4:
        return *(const volatile uint32_t *)(const volatile void *)at;
    default:
        return *(const volatile uint64_t *)(const volatile void *)at;
    }
}

static void mapped_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    volatile uint8_t *at = (volatile uint8_t *)device + offset;

    switch (size) {
    case 1:
        *at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)(volatile void *)at = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)(volatile void *)at = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)(volatile void *)at = value;
        break;
    }
}

const struct vmmp_window_ops vmmp_mapped_registers = { mapped_read, mapped_write };
