/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include <sel4vmmplatsupport/drivers/pci.h>

static uint8_t read8(void *cookie, vmm_pci_address_t addr, unsigned int offset)
{
    return (uint8_t)(cookie ? addr.bus + addr.dev + addr.fun + offset : 0);
}

static uint16_t read16(void *cookie, vmm_pci_address_t addr, unsigned int offset)
{
    return read8(cookie, addr, offset);
}

static uint32_t read32(void *cookie, vmm_pci_address_t addr, unsigned int offset)
{
    return read8(cookie, addr, offset);
}

static void write8(void *cookie, vmm_pci_address_t addr, unsigned int offset, uint8_t val)
{
    (void)cookie, (void)addr, (void)offset, (void)val;
}

static void write16(void *cookie, vmm_pci_address_t addr, unsigned int offset, uint16_t val)
{
    (void)cookie, (void)addr, (void)offset, (void)val;
}

static void write32(void *cookie, vmm_pci_address_t addr, unsigned int offset, uint32_t val)
{
    (void)cookie, (void)addr, (void)offset, (void)val;
}

vmm_pci_config_t client_pci_config = {
    .cookie = NULL,
    .ioread8 = read8,
    .ioread16 = read16,
    .ioread32 = read32,
    .iowrite8 = write8,
    .iowrite16 = write16,
    .iowrite32 = write32,
};

static int entry_read(void *cookie, int offset, int size, uint32_t *result)
{
    *result = (uint32_t)(offset + size);
    return cookie ? 0 : -1;
}

static int entry_write(void *cookie, int offset, int size, uint32_t value)
{
    return cookie && offset && size && value ? 0 : -1;
}

int client_pci(void)
{
    static vmm_pci_space_t *space;
    vmm_pci_entry_t entry = { &space, entry_read, entry_write };
    vmm_pci_address_t bdf = { 0, 3, 1 };
    uint8_t reg;

    bdf.fun = 0;
    if (vmm_pci_init(&space) || vmm_pci_add_entry(space, entry, NULL) ||
        vmm_pci_add_entry(
            space,
            (vmm_pci_entry_t){ .cookie = &space, .ioread = entry_read, .iowrite = entry_write },
            &bdf)) {
        return -1;
    }
    make_addr_reg_from_config(space->conf_port_addr, &bdf, &reg);
    return find_device(space, bdf) == space->bus0[1][0] ? reg : -1;
}
