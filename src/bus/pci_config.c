/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to a host's configuration space: CAM, ECAM and the ports of mechanism #1. */
#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include <errno.h>

#include "bus/pci_internal.h"
#include "bus/pci_regs.h"

#define CAM_BUS_SHIFT  16
#define CAM_BDF_SHIFT  8
#define ECAM_BUS_SHIFT 20
#define ECAM_BDF_SHIFT 12

static struct vmmp_pci_function *function_at(struct vmmp_pci_host *pci, unsigned bdf)
{
    return bdf < VMMP_PCI_DEVICES * VMMP_PCI_FUNCTIONS ? pci->functions[bdf >> 3][bdf & 7] : NULL;
}

/* `reach`: how much of a function's space this way of access can address. */
static uint64_t config_read(struct vmmp_pci_host *pci, unsigned bdf, unsigned reach,
                            unsigned offset, unsigned size)
{
    struct vmmp_pci_function *function = function_at(pci, bdf);
    if (!function) {
        return vmmp_all_ones(size);
    }
    unsigned limit = vmmp_pci_config_limit(function);
    return vmmp_pci_function_read_within(function, limit < reach ? limit : reach, offset, size);
}

static void config_write(struct vmmp_pci_host *pci, unsigned bdf, unsigned reach, unsigned offset,
                         unsigned size, uint64_t value)
{
    struct vmmp_pci_function *function = function_at(pci, bdf);
    if (function) {
        unsigned limit = vmmp_pci_config_limit(function);
        vmmp_pci_function_write_within(function, limit < reach ? limit : reach, offset, size,
                                       value);
    }
}

uint64_t vmmp_pci_config_read(struct vmmp_pci_host *pci, unsigned bdf, unsigned offset,
                              unsigned size)
{
    vmmp_context_enter(&pci->context);
    uint64_t value = config_read(pci, bdf, VMMP_PCI_EXTENDED_SIZE, offset, size);
    vmmp_context_leave(&pci->context);
    return value;
}

void vmmp_pci_config_write(struct vmmp_pci_host *pci, unsigned bdf, unsigned offset, unsigned size,
                           uint64_t value)
{
    vmmp_context_enter(&pci->context);
    config_write(pci, bdf, VMMP_PCI_EXTENDED_SIZE, offset, size, value);
    vmmp_context_leave(&pci->context);
}

/* ---- CAM and ECAM windows (entered by vmmp_window_read() in the host's context) ------------- */

static uint64_t cam_read(void *device, uint64_t offset, unsigned size)
{
    return config_read(device, (unsigned)(offset >> CAM_BDF_SHIFT), VMMP_PCI_CONFIG_SIZE,
                       (unsigned)offset & (VMMP_PCI_CONFIG_SIZE - 1), size);
}

static void cam_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    config_write(device, (unsigned)(offset >> CAM_BDF_SHIFT), VMMP_PCI_CONFIG_SIZE,
                 (unsigned)offset & (VMMP_PCI_CONFIG_SIZE - 1), size, value);
}

static uint64_t ecam_read(void *device, uint64_t offset, unsigned size)
{
    return config_read(device, (unsigned)(offset >> ECAM_BDF_SHIFT), VMMP_PCI_EXTENDED_SIZE,
                       (unsigned)offset & (VMMP_PCI_EXTENDED_SIZE - 1), size);
}

static void ecam_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    config_write(device, (unsigned)(offset >> ECAM_BDF_SHIFT), VMMP_PCI_EXTENDED_SIZE,
                 (unsigned)offset & (VMMP_PCI_EXTENDED_SIZE - 1), size, value);
}

static const struct vmmp_window_ops cam_ops = { cam_read, cam_write };
static const struct vmmp_window_ops ecam_ops = { ecam_read, ecam_write };

/* ---- mechanism #1 -------------------------------------------------------------------------- */

#define DATA_OFFSET (PCICFG_PORT_DATA - PCICFG_PORT_ADDRESS)

static uint64_t data_read(struct vmmp_pci_host *pci, unsigned offset, unsigned size)
{
    uint32_t address = pci->config_address;
    if (!(address & PCICFG_ADDRESS_ENABLE)) {
        return vmmp_all_ones(size);
    }
    return config_read(pci, (address & ~PCICFG_ADDRESS_ENABLE) >> CAM_BDF_SHIFT,
                       VMMP_PCI_CONFIG_SIZE, (address & 0xfc) + offset, size);
}

static void data_write(struct vmmp_pci_host *pci, unsigned offset, unsigned size, uint64_t value)
{
    uint32_t address = pci->config_address;
    if (address & PCICFG_ADDRESS_ENABLE) {
        config_write(pci, (address & ~PCICFG_ADDRESS_ENABLE) >> CAM_BDF_SHIFT, VMMP_PCI_CONFIG_SIZE,
                     (address & 0xfc) + offset, size, value);
    }
}

/*
 * Only a whole doubleword at 0xCF8 is CONFIG_ADDRESS; smaller accesses there belong to ordinary
 * ports (3.2.2.3.2).
 */
static uint64_t port_read(struct vmmp_pci_host *pci, unsigned offset)
{
    if (offset >= DATA_OFFSET) {
        return data_read(pci, offset - DATA_OFFSET, 1);
    }
    struct vmmp_window *window = pci->address_ports[offset];
    return window ? vmmp_window_read(window, 0, 1) : UINT8_MAX;
}

static void port_write(struct vmmp_pci_host *pci, unsigned offset, uint64_t value)
{
    if (offset >= DATA_OFFSET) {
        data_write(pci, offset - DATA_OFFSET, 1, value);
    } else if (pci->address_ports[offset]) {
        vmmp_window_write(pci->address_ports[offset], 0, 1, value);
    }
}

int vmmp_pci_host_set_port(struct vmmp_pci_host *pci, unsigned port, struct vmmp_window *window)
{
    if (port < PCICFG_PORT_ADDRESS || port >= PCICFG_PORT_DATA || (window && window->size != 1)) {
        return -EINVAL;
    }
    pci->address_ports[port - PCICFG_PORT_ADDRESS] = window;
    return 0;
}

static uint64_t ports_read(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_pci_host *pci = device;
    if (offset == 0 && size == 4) {
        return pci->config_address;
    }
    if (offset >= DATA_OFFSET) {
        return data_read(pci, (unsigned)offset - DATA_OFFSET, size);
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= port_read(pci, (unsigned)offset + i) << (8 * i);
    }
    return value;
}

static void ports_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pci_host *pci = device;
    if (offset == 0 && size == 4) {
        pci->config_address = (uint32_t)value & PCICFG_ADDRESS_LATCHED;
        return;
    }
    if (offset >= DATA_OFFSET) {
        data_write(pci, (unsigned)offset - DATA_OFFSET, size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        port_write(pci, (unsigned)offset + i, (value >> (8 * i)) & 0xff);
    }
}

static const struct vmmp_window_ops ports_ops = { ports_read, ports_write };

void vmmp_pci_config_windows_init(struct vmmp_pci_host *pci)
{
    bool ecam = pci->settings.config_kind == VMMP_PCI_CONFIG_ECAM;
    pci->config.name = "pci config";
    pci->config.ops = ecam ? &ecam_ops : &cam_ops;
    pci->config.device = pci;
    pci->config.size = (uint64_t)pci->settings.buses << (ecam ? ECAM_BUS_SHIFT : CAM_BUS_SHIFT);
    pci->config.context = &pci->context;
    pci->config_ports.name = "pci config ports";
    pci->config_ports.ops = &ports_ops;
    pci->config_ports.device = pci;
    pci->config_ports.size = PCICFG_PORTS;
    pci->config_ports.context = &pci->context;
}
