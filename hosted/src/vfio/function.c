/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's function: header, command register, beginning and end. */
#include "vfio/vfio_internal.h"

#include <errno.h>
#include <string.h>

#include "bus/pci_regs.h"

#define INTERRUPT_PINS 4u

uint32_t vfio_config_get(const struct vfio_function *function, unsigned offset, unsigned size)
{
    uint8_t bytes[4];
    uint32_t value = 0;
    const struct vfio_function_config *config = &function->config;
    if (config->physical->read(config->physical_cookie, VFIO_CONFIG_REGION, offset, bytes, size)) {
        return (uint32_t)vmmp_all_ones(size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)bytes[i] << (8 * i);
    }
    return value;
}

/*
 * The device always decodes: what the guest does not map, it does not reach either. (A mapping of
 * this process that no device answers to would be a SIGBUS.)
 */
static int set_command(const struct vfio_function *function, bool master)
{
    const struct vfio_function_config *config = &function->config;
    const uint16_t command =
        PCICFG_COMMAND_IO | PCICFG_COMMAND_MEMORY | (master ? PCICFG_COMMAND_MASTER : 0);
    const uint8_t bytes[2] = { (uint8_t)command, (uint8_t)(command >> 8) };
    return config->physical->write(config->physical_cookie, VFIO_CONFIG_REGION, PCICFG_COMMAND,
                                   bytes, sizeof(bytes));
}

/* In the host's context. */
static void command_changed(void *cookie, uint16_t before, uint16_t after)
{
    struct vfio_function *function = cookie;
    vmmp_context_enter(&function->context);
    if (!function->gone) {
        if ((before ^ after) & PCICFG_COMMAND_MASTER &&
            set_command(function, after & PCICFG_COMMAND_MASTER)) {
            vmmp_log_guest(function->config.log, &function->limit,
                           "%s: the device does not take its command register's value",
                           function->config.name);
        }
        vfio_interrupts_update(function);
    }
    vmmp_context_leave(&function->context);
}

static int check_header(const struct vfio_function *function)
{
    unsigned type = vfio_config_get(function, PCICFG_HEADER_TYPE, 1) & PCICFG_HEADER_TYPE_MASK;
    if (vfio_config_get(function, PCICFG_VENDOR_ID, 2) == UINT16_MAX) {
        vmmp_log(function->config.log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "%s: the device does not answer: unplug it and plug it in again",
                 function->config.name);
        return -ENODEV;
    }
    if (type != 0) {
        vmmp_log(function->config.log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "%s: a bridge cannot be given to a guest: name a device behind it",
                 function->config.name);
        return -EINVAL;
    }
    return 0;
}

static void make_header(struct vfio_function *function)
{
    static const struct vmmp_pci_function_ops ops = { command_changed, vfio_bar_mapped };
    uint32_t pin = vfio_config_get(function, PCICFG_INTERRUPT_PIN, 1);
    const struct vfio_function_config *config = &function->config;
    bool has_intx = pin >= 1 && pin <= INTERRUPT_PINS &&
                    config->physical->interrupt_count(config->physical_cookie, VFIO_INTX) > 0;
    const struct vmmp_pci_identity identity = {
        .vendor = (uint16_t)vfio_config_get(function, PCICFG_VENDOR_ID, 2),
        .device = (uint16_t)vfio_config_get(function, PCICFG_DEVICE_ID, 2),
        .class_code = vfio_config_get(function, PCICFG_REVISION_ID, 4) >> 8,
        .revision = (uint8_t)vfio_config_get(function, PCICFG_REVISION_ID, 1),
        .subsystem_vendor = (uint16_t)vfio_config_get(function, PCICFG_SUBSYSTEM_VENDOR_ID, 2),
        .subsystem = (uint16_t)vfio_config_get(function, PCICFG_SUBSYSTEM_ID, 2),
        .interrupt_pin = has_intx ? (uint8_t)pin : 0,
    };
    vmmp_pci_function_init(&function->pci, function->config.name, &identity, &ops, function);
}

int vfio_function_init(struct vfio_function *function, const struct vfio_function_config *config)
{
    memset(function, 0, sizeof(*function));
    function->config = *config;
    function->irq = -1;
    function->kind = VFIO_NO_INTERRUPTS;
    function->resample = -1;
    for (unsigned i = 0; i < VFIO_VECTORS; i++) {
        function->events[i] = -1;
    }
    int error = check_header(function);
    if (!error) {
        error = vmmp_host_context_init(&function->config.host, &function->context);
        function->context_made = !error;
    }
    if (!error) {
        make_header(function);
        vfio_msix_find(function);
        error = vfio_bars_add(function);
    }
    if (!error) {
        error = vfio_capabilities_add(function);
    }
    if (error) {
        vfio_function_fini(function);
    }
    return error;
}

int vfio_function_start(struct vfio_function *function, int irq)
{
    int error = set_command(function, false);
    vmmp_context_enter(&function->context);
    function->irq = irq;
    vfio_interrupts_update(function);
    vmmp_context_leave(&function->context);
    return error;
}

static void reset(const struct vfio_function *function)
{
    const struct vfio_function_config *config = &function->config;
    (void)set_command(function, false);
    /* Some devices have no reset of their own; then this is all that stops them. */
    (void)config->physical->reset(config->physical_cookie);
}

void vfio_function_fini(struct vfio_function *function)
{
    if (!function->context_made) {
        return;
    }
    vmmp_context_enter(&function->context);
    vfio_interrupts_stop(function);
    if (!function->gone) {
        reset(function);
    }
    vmmp_context_leave(&function->context);
    vfio_bars_remove(function);
    vfio_interrupts_close(function);
    vmmp_host_context_fini(&function->config.host, &function->context);
    function->context_made = false;
}

void vfio_function_gone(struct vfio_function *function)
{
    vmmp_context_enter(&function->context);
    if (!function->gone) {
        vfio_interrupts_stop(function);
        reset(function);
        function->gone = true;
    }
    vmmp_context_leave(&function->context);
    vfio_bars_remove(function);
}
