/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sel4vmmplatsupport/drivers/pci_helper.h>: headers in memory, passed-through devices, BARs and
 * interrupt lines; capability lists are in pci_cap.c.
 */
#include <sel4vmmplatsupport/drivers/pci_helper.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bus/pci_regs.h"
#include "compat/pci_layer.h"

/* ---- a header in memory -------------------------------------------------------------------- */

int vmm_pci_entry_ignore_write(void *cookie, int offset, int size, uint32_t value)
{
    (void)cookie;
    (void)offset;
    (void)size;
    (void)value;
    return 0;
}

int vmm_pci_mem_device_read(void *cookie, int offset, int size, uint32_t *result)
{
    if (!vmmp_pci_layer_legal(offset, size)) {
        return -1;
    }
    *result = 0;
    for (int i = 0; offset <= PCICFG_HEADER_END - size && i < size; i++) {
        *result |= (uint32_t)((const uint8_t *)cookie)[offset + i] << (8 * i);
    }
    return 0;
}

/* Bits of a type 0 header that a guest may set. */
static uint8_t header_writable(unsigned offset)
{
    switch (offset) {
    case PCICFG_COMMAND:
        return PCICFG_COMMAND_IO | PCICFG_COMMAND_MEMORY | PCICFG_COMMAND_MASTER;
    case PCICFG_COMMAND + 1:
        return PCICFG_COMMAND_INTX_DISABLE >> 8;
    case PCICFG_CACHE_LINE_SIZE:
    case PCICFG_LATENCY_TIMER:
    case PCICFG_INTERRUPT_LINE:
        return 0xff;
    default:
        return 0;
    }
}

int vmm_pci_mem_device_write(void *cookie, int offset, int size, uint32_t value)
{
    if (!vmmp_pci_layer_legal(offset, size)) {
        return -1;
    }
    for (int i = 0; offset <= PCICFG_HEADER_END - size && i < size; i++) {
        uint8_t *byte = (uint8_t *)cookie + offset + i;
        uint8_t mask = header_writable((unsigned)(offset + i));
        *byte = (uint8_t)((*byte & ~mask) | ((value >> (8 * i)) & mask));
    }
    return 0;
}

void define_pci_host_bridge(vmm_pci_device_def_t *bridge)
{
    memset(bridge, 0, sizeof(*bridge));
    bridge->vendor_id = 0x5e14;
    bridge->device_id = 0x0042;
    bridge->revision_id = 1;
    bridge->class_code = 0x06;
}

/* ---- passthrough --------------------------------------------------------------------------- */

static int passthrough_read(void *cookie, int offset, int size, uint32_t *result)
{
    const pci_passthrough_device_t *device = cookie;
    const vmm_pci_config_t *config = &device->config;
    switch (size) {
    case 1:
        *result = config->ioread8(config->cookie, device->addr, (unsigned)offset);
        return 0;
    case 2:
        *result = config->ioread16(config->cookie, device->addr, (unsigned)offset);
        return 0;
    case 4:
        *result = config->ioread32(config->cookie, device->addr, (unsigned)offset);
        return 0;
    default:
        return -1;
    }
}

static int passthrough_write(void *cookie, int offset, int size, uint32_t value)
{
    const pci_passthrough_device_t *device = cookie;
    const vmm_pci_config_t *config = &device->config;
    switch (size) {
    case 1:
        config->iowrite8(config->cookie, device->addr, (unsigned)offset, (uint8_t)value);
        return 0;
    case 2:
        config->iowrite16(config->cookie, device->addr, (unsigned)offset, (uint16_t)value);
        return 0;
    case 4:
        config->iowrite32(config->cookie, device->addr, (unsigned)offset, value);
        return 0;
    default:
        return -1;
    }
}

vmm_pci_entry_t vmm_pci_create_passthrough(vmm_pci_address_t addr, vmm_pci_config_t config)
{
    pci_passthrough_device_t *device = malloc(sizeof(*device));
    if (!device) {
        return vmmp_pci_entry_inert;
    }
    *device = (pci_passthrough_device_t){ .addr = addr, .config = config };
    return (vmm_pci_entry_t){
        .cookie = device,
        .ioread = passthrough_read,
        .iowrite = passthrough_write,
    };
}

/* ---- BARs and containment ------------------------------------------------------------------ */

static bool is_bar_byte(unsigned offset)
{
    return offset >= PCICFG_BAR0 && offset < PCICFG_BARS_END;
}

static bool is_rom_byte(unsigned offset)
{
    return offset >= PCICFG_EXPANSION_ROM && offset < PCICFG_EXPANSION_ROM + 4;
}

static uint32_t bar_value(const pci_bar_emulation_t *bars, unsigned index)
{
    if ((int)index >= bars->num_bars) {
        return 0;
    }
    const vmm_pci_bar_t *bar = &bars->bars[index];
    if (bar->size_bits == 0) {
        return 0;
    }
    uint32_t flags = 0;
    uint32_t flag_mask = PCICFG_BAR_MEM_FLAGS;
    if (bar->mem_type == NON_MEM) {
        flags = PCICFG_BAR_IO;
        flag_mask = PCICFG_BAR_IO_FLAGS;
    } else if (bar->mem_type == PREFETCH_MEM) {
        flags = PCICFG_BAR_PREFETCH;
    }
    uint32_t size_mask =
        bar->size_bits < 32 ? ~((UINT32_C(1) << bar->size_bits) - 1) & ~flag_mask : 0;
    /* All-ones asks for the size; the address is not for the guest to change. */
    bool sizing = size_mask && (bars->bar_writes[index] & size_mask) == size_mask;
    uint32_t address = (uint32_t)bar->address & ~flag_mask;
    return (sizing ? address | size_mask : address) | flags;
}

/*
 * Bits of a capability's register that would reset the function or power it down: its BARs would be
 * lost, and only the host knows them. (PCI Express 7.5.3.4: Initiate FLR; AF ECN: Initiate FLR; PM
 * 1.2, 3.2.4: PowerState.)
 */
static uint8_t reset_bits(uint8_t id, unsigned offset)
{
    switch (id) {
    case PCICFG_CAP_ID_PCIE:
        return offset == 9 ? 0x80 : 0;
    case PCICFG_CAP_ID_AF:
        return offset == 4 ? 0x01 : 0;
    case PCICFG_CAP_ID_PM:
        return offset == 4 ? 0x03 : 0;
    default:
        return 0;
    }
}

/* Bits of a byte behind the header that stay what they are. The list is the device's own. */
static uint8_t withheld_bits(const vmm_pci_entry_t *below, unsigned offset)
{
    uint8_t bits = 0;
    uint8_t at = 0;
    if (offset >= 0x100 || !vmmp_pci_entry_has_capabilities(below)) {
        return 0;
    }
    for (unsigned i = 0; i < PCICFG_CAPS_MAX; i++) {
        at = vmmp_pci_entry_next_capability(below, at);
        uint8_t id;
        if (!at || vmmp_pci_entry_read8(below, at, &id)) {
            break;
        }
        if (offset > at) {
            bits |= reset_bits(id, offset - at);
        }
    }
    return bits;
}

/* Bits that a guest may set in a byte of a passed-through device. */
static uint8_t bits_passed(const vmm_pci_entry_t *below, unsigned offset)
{
    if (offset >= PCICFG_HEADER_END) {
        return (uint8_t)~withheld_bits(below, offset);
    }
    uint8_t mask = header_writable(offset);
    if (offset == PCICFG_COMMAND) {
        mask |= PCICFG_COMMAND_MWI;
    }
    /* Status: write-1-to-clear bits, harmless and the driver's business. */
    return offset == PCICFG_STATUS || offset == PCICFG_STATUS + 1 ? (uint8_t)0xff : mask;
}

static bool bar_owns(void *self, unsigned offset, bool write)
{
    const pci_bar_emulation_t *bars = self;
    if (is_bar_byte(offset) || is_rom_byte(offset)) {
        return true;
    }
    return write && bits_passed(&bars->passthrough, offset) != 0xff;
}

static int bar_read(void *self, unsigned offset, uint8_t *value)
{
    const pci_bar_emulation_t *bars = self;
    *value = 0;
    if (is_bar_byte(offset)) {
        unsigned index = (offset - PCICFG_BAR0) / 4;
        *value = (uint8_t)(bar_value(bars, index) >> (8 * (offset % 4)));
    }
    return 0;
}

static int bar_write(void *self, unsigned offset, uint8_t value)
{
    pci_bar_emulation_t *bars = self;
    if (is_bar_byte(offset)) {
        unsigned index = (offset - PCICFG_BAR0) / 4;
        unsigned shift = 8 * (offset % 4);
        bars->bar_writes[index] =
            (bars->bar_writes[index] & ~(UINT32_C(0xff) << shift)) | (uint32_t)value << shift;
        return 0;
    }
    uint8_t mask = is_rom_byte(offset) ? (uint8_t)0 : bits_passed(&bars->passthrough, offset);
    return mask ? vmmp_pci_entry_update8(&bars->passthrough, offset, mask, value) : 0;
}

static struct vmmp_pci_layer bar_layer(pci_bar_emulation_t *bars)
{
    return (struct vmmp_pci_layer){ &bars->passthrough, bars, bar_owns, bar_read, bar_write };
}

static int bar_entry_read(void *cookie, int offset, int size, uint32_t *result)
{
    struct vmmp_pci_layer layer = bar_layer(cookie);
    return vmmp_pci_layer_read(&layer, offset, size, result);
}

static int bar_entry_write(void *cookie, int offset, int size, uint32_t value)
{
    struct vmmp_pci_layer layer = bar_layer(cookie);
    return vmmp_pci_layer_write(&layer, offset, size, value);
}

vmm_pci_entry_t vmm_pci_create_bar_emulation(vmm_pci_entry_t existing, int num_bars,
                                             vmm_pci_bar_t *bars)
{
    pci_bar_emulation_t *self = calloc(1, sizeof(*self));
    if (!self) {
        return vmmp_pci_entry_inert;
    }
    self->passthrough = existing;
    self->num_bars = num_bars < 0 ? 0 : num_bars > 6 ? 6 : num_bars;
    if (self->num_bars) {
        memcpy(self->bars, bars, (size_t)self->num_bars * sizeof(*bars));
    }
    return (vmm_pci_entry_t){
        .cookie = self,
        .ioread = bar_entry_read,
        .iowrite = bar_entry_write,
    };
}

/* ---- interrupt line ------------------------------------------------------------------------ */

static bool irq_owns(void *self, unsigned offset, bool write)
{
    (void)self;
    (void)write;
    return offset == PCICFG_INTERRUPT_LINE;
}

static int irq_read(void *self, unsigned offset, uint8_t *value)
{
    (void)offset;
    *value = (uint8_t)((const pci_irq_emulation_t *)self)->irq;
    return 0;
}

static int irq_entry_read(void *cookie, int offset, int size, uint32_t *result)
{
    pci_irq_emulation_t *self = cookie;
    struct vmmp_pci_layer layer = { &self->passthrough, self, irq_owns, irq_read,
                                    vmmp_pci_layer_ignore };
    return vmmp_pci_layer_read(&layer, offset, size, result);
}

static int irq_entry_write(void *cookie, int offset, int size, uint32_t value)
{
    pci_irq_emulation_t *self = cookie;
    struct vmmp_pci_layer layer = { &self->passthrough, self, irq_owns, irq_read,
                                    vmmp_pci_layer_ignore };
    return vmmp_pci_layer_write(&layer, offset, size, value);
}

vmm_pci_entry_t vmm_pci_create_irq_emulation(vmm_pci_entry_t existing, int irq)
{
    pci_irq_emulation_t *self = malloc(sizeof(*self));
    if (!self) {
        return vmmp_pci_entry_inert;
    }
    *self = (pci_irq_emulation_t){ .passthrough = existing, .irq = irq };
    return (vmm_pci_entry_t){
        .cookie = self,
        .ioread = irq_entry_read,
        .iowrite = irq_entry_write,
    };
}
