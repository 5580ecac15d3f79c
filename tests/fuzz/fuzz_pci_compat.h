/* SPDX-License-Identifier: BSD-2-Clause */
/* The compatible bus, for fuzz_pci_config.c: native functions with ports, a passed-through device.
 */
#pragma once

#include <sel4vmmplatsupport/drivers/pci_helper.h>
#include <sel4vmmplatsupport/ioports.h>
#include <sel4vmmplatsupport/vmmp/pci.h>

#include "compat/compat_pci.h"
#include "fuzz_input.h"

#define COMPAT_PORTS 2u /* Native functions with ports: devices 1 and 2; 3 is passed through. */

/* What is made in the compatible interface lives for ever, so it is made once. */
static vmm_pci_space_t *space;
static vmm_io_port_list_t *ports;
static struct vmmp_pci_function compat_functions[COMPAT_PORTS];
static struct vmmp_window compat_windows[COMPAT_PORTS];
static uint8_t passed[256]; /* Configuration space of the device behind. */

static uint64_t compat_port_read(void *cookie, uint64_t offset, unsigned size)
{
    FUZZ_CHECK(offset < 64 && size <= 64 - offset);
    return (uint64_t)((struct vmmp_pci_function *)cookie - compat_functions);
}

static void compat_port_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    compat_port_read(cookie, offset, size);
    FUZZ_CHECK((value & ~vmmp_all_ones(size)) == 0);
}

static const struct vmmp_window_ops compat_port_ops = { compat_port_read, compat_port_write };

static uint32_t passed_read(unsigned offset, unsigned size)
{
    uint32_t value = 0;
    FUZZ_CHECK(offset % size == 0 && offset < sizeof(passed));
    memcpy(&value, passed + offset, size);
    return value;
}

static void passed_write(unsigned offset, unsigned size, uint32_t value)
{
    FUZZ_CHECK(offset % size == 0 && offset < sizeof(passed));
    /* The guest must not reach identity, BARs, ROM, nor the capability list's MSI. */
    FUZZ_CHECK(offset >= 4 && (offset < 0x10 || offset >= 0x34) &&
               (offset >= 0x70 || offset + size <= 0x60));
    memcpy(passed + offset, &value, size);
}

#define PASSED_ACCESS(bits)                                                                        \
    static uint##bits##_t passed_read##bits(void *cookie, vmm_pci_address_t addr, unsigned offset) \
    {                                                                                              \
        (void)cookie, (void)addr;                                                                  \
        return (uint##bits##_t)passed_read(offset, bits / 8);                                      \
    }                                                                                              \
    static void passed_write##bits(void *cookie, vmm_pci_address_t addr, unsigned offset,          \
                                   uint##bits##_t value)                                           \
    {                                                                                              \
        (void)cookie, (void)addr;                                                                  \
        passed_write(offset, bits / 8, value);                                                     \
    }
PASSED_ACCESS(8)
PASSED_ACCESS(16)
PASSED_ACCESS(32)

/* A device with power management at 0x40, MSI at 0x60 and PCI Express at 0x70. */
static inline void passed_reset(void)
{
    static const uint8_t header[] = { 0x86, 0x80, 0x34, 0x12, 0, 0, 0x10, 0 };
    memset(passed, 0, sizeof(passed));
    memcpy(passed, header, sizeof(header));
    passed[0x34] = 0x40;
    memcpy(passed + 0x40, "\x01\x60\x03", 3);
    memcpy(passed + 0x60, "\x05\x70\x80", 3);
    memcpy(passed + 0x70, "\x10\x00\x02", 3);
}

static inline void compat_make(void)
{
    static const vmm_pci_config_t access = { NULL,          passed_read8,  passed_read16,
                                             passed_read32, passed_write8, passed_write16,
                                             passed_write32 };
    static vmm_pci_bar_t bars[] = { { NON_PREFETCH_MEM, 0xe0000000u, 16 }, { NON_MEM, 0xc000, 5 } };
    static const struct vmmp_pci_identity identity = { .vendor = 0x1af4, .device = 0x1000 };
    FUZZ_CHECK(!vmm_pci_init(&space) && !vmm_io_port_init(&ports, 0x1000));
    for (unsigned i = 0; i < COMPAT_PORTS; i++) {
        compat_windows[i] = (struct vmmp_window){
            .name = "ports", .ops = &compat_port_ops, .device = &compat_functions[i], .size = 64
        };
        vmmp_pci_function_init(&compat_functions[i], "compat", &identity, NULL, NULL);
        FUZZ_CHECK(vmmp_compat_pci_add_ports(space, &compat_functions[i], 0, ports,
                                             (ioport_range_t){ .size = 64 }, IOPORT_FREE,
                                             &compat_windows[i]) >= 0);
    }
    vmm_pci_entry_t entry = vmm_pci_create_passthrough((vmm_pci_address_t){ 0, 3, 0 }, access);
    entry = vmm_pci_no_msi_cap_emulation(entry);
    entry = vmm_pci_create_irq_emulation(vmm_pci_create_bar_emulation(entry, 2, bars), 11);
    FUZZ_CHECK(!vmm_pci_add_entry(space, entry, NULL));
}

static inline void fuzz_compat_write(unsigned dev, unsigned offset, unsigned size, uint64_t value)
{
    bool failed = false;
    vmmp_compat_pci_write(space, (vmm_pci_address_t){ 0, (uint8_t)dev, 0 }, offset, size, value,
                          &failed);
    FUZZ_CHECK(!failed);
}

/* As after power-on, for results that do not depend on earlier inputs. */
static inline void fuzz_compat_start(void)
{
    passed_reset();
    if (!space) {
        compat_make();
    }
    for (unsigned i = 0; i < COMPAT_PORTS; i++) {
        fuzz_compat_write(i + 1, 4, 2, 0);
        fuzz_compat_write(i + 1, 0x10, 4, 0x1000 + 64 * i);
    }
    for (unsigned bar = 0; bar < 6; bar++) {
        fuzz_compat_write(3, 0x10 + 4 * bar, 4, 0);
    }
    passed_reset();
}

static inline void fuzz_compat_step(struct fuzz_input *in, uint8_t what)
{
    unsigned dev = what >> 4 & 3;
    unsigned width = 1u << (what & 3);
    unsigned offset = fuzz_u8(in);
    unsigned value = fuzz_u32(in);
    bool failed = false;

    if (what & 4) {
        fuzz_compat_write(dev, what & 8 ? offset & 0x1f : offset, width,
                          value | (uint64_t)value << 32);
    } else if (what & 8) {
        emulate_io_handler(ports, value & 0xffff, offset & 1, width, &value);
    } else {
        vmmp_compat_pci_read(space, (vmm_pci_address_t){ 0, (uint8_t)dev, 0 }, offset, width,
                             &failed);
    }
    /* The first of the functions whose BAR lies at a port answers there, if it decodes. */
    for (unsigned i = 0; i < COMPAT_PORTS; i++) {
        unsigned at = (unsigned)vmmp_pci_bar_address(&compat_functions[i], 0);
        unsigned first = (unsigned)vmmp_pci_bar_address(&compat_functions[0], 0);
        bool shadowed = i > 0 && first == at && (vmmp_pci_command(&compat_functions[0]) & 1);
        bool on = (vmmp_pci_command(&compat_functions[i]) & 1) && at <= 0xffc0;
        unsigned seen = 0;
        int result = emulate_io_handler(ports, at, true, 1, &seen);
        FUZZ_CHECK(at % 64 == 0 && (!on || (result == 0 && seen == (shadowed ? 0 : i))));
    }
    FUZZ_CHECK(ports->num_ioports <= (int)COMPAT_PORTS && !failed);
}
