/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86/acpi_dsdt.h"

#define HPET_SIZE   0x400
#define IOAPIC_SIZE 0x1000

/* PCI configuration mechanism #1 belongs to the root bridge itself (PCI Firmware 3.3, 4.6.1). */
#define PCI_CONFIG_FIRST 0xcf8
#define PCI_CONFIG_COUNT 8

#define RTC_FIRST 0x70
#define RTC_IRQ   8

/* _OSC of a PCI root (ACPI 6.4, 6.2.11; PCI Firmware 3.3, 4.5). */
#define OSC_UNKNOWN_UUID     (1u << 2)
#define OSC_UNKNOWN_REVISION (1u << 3)
#define OSC_MASKED           (1u << 4)
#define OSC_REVISION         1
/* Hot plug of PCIe and SHPC, PME, AER, the PCIe capability: there is no firmware that has them. */
#define OSC_CONTROL_GRANTED 0x1fu

#define PM1A_PORTS     6
#define PM_TIMER_PORTS 4

static void name_integer(struct vmmp_aml *aml, const char *name, uint64_t value)
{
    vmmp_aml_name(aml, name);
    vmmp_aml_integer(aml, value);
}

static void name_string(struct vmmp_aml *aml, const char *name, const char *text)
{
    vmmp_aml_name(aml, name);
    vmmp_aml_string(aml, text);
}

static void name_eisa_id(struct vmmp_aml *aml, const char *name, const char *id)
{
    vmmp_aml_name(aml, name);
    vmmp_aml_eisa_id(aml, id);
}

static void begin_resources(struct vmmp_aml *aml)
{
    vmmp_aml_name(aml, "_CRS");
    vmmp_aml_resources(aml);
}

/* "C00F" and so on: unlike in all devices of a kind. */
static void begin_numbered(struct vmmp_aml *aml, char kind, unsigned number)
{
    static const char digits[] = "0123456789ABCDEF";
    char name[5] = { kind, '0', digits[number >> 4 & 0xf], digits[number & 0xf], 0 };

    vmmp_aml_device(aml, name);
}

static void write_cpus(struct vmmp_aml *aml, const struct vmmp_acpi_config *config)
{
    for (unsigned i = 0; i < config->cpus; i++) {
        begin_numbered(aml, 'C', i);
        name_string(aml, "_HID", "ACPI0007");
        name_integer(aml, "_UID", i);
        vmmp_aml_end(aml);
    }
}

static void write_range(struct vmmp_aml *aml, const struct vmmp_acpi_window *window)
{
    if (window->size) {
        vmmp_aml_memory_range(aml, window->base, window->base + window->size - 1);
    }
}

static void write_routing(struct vmmp_aml *aml, const struct vmmp_acpi_pci *pci)
{
    vmmp_aml_name(aml, "_PRT");
    vmmp_aml_package(aml, VMMP_ACPI_PCI_SLOTS * 4);
    for (unsigned slot = 0; slot < VMMP_ACPI_PCI_SLOTS; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            vmmp_aml_package(aml, 4);
            vmmp_aml_integer(aml, slot << 16 | 0xffff);
            vmmp_aml_integer(aml, pin);
            vmmp_aml_integer(aml, 0); /* No link device: the next is a GSI. */
            vmmp_aml_integer(aml, pci->intx_gsi[(slot + pin) % 4]);
            vmmp_aml_end(aml);
        }
    }
    vmmp_aml_end(aml);
}

/* CreateDWordField(Arg3, offset, name) */
static void osc_field(struct vmmp_aml *aml, uint64_t offset, const char *name)
{
    vmmp_aml_operation(aml, VMMP_AML_DWORD_FIELD);
    vmmp_aml_argument(aml, 3);
    vmmp_aml_integer(aml, offset);
    vmmp_aml_reference(aml, name);
}

/* CDW1 |= bits */
static void osc_answer(struct vmmp_aml *aml, unsigned bits)
{
    vmmp_aml_operation(aml, VMMP_AML_OR);
    vmmp_aml_reference(aml, "CDW1");
    vmmp_aml_integer(aml, bits);
    vmmp_aml_reference(aml, "CDW1");
}

static void osc_return(struct vmmp_aml *aml)
{
    vmmp_aml_operation(aml, VMMP_AML_RETURN);
    vmmp_aml_argument(aml, 3);
}

/* What the guest may control: Local0 = CDW3 & granted, and whether that is all it asked for. */
static void osc_control(struct vmmp_aml *aml)
{
    vmmp_aml_operation(aml, VMMP_AML_AND);
    vmmp_aml_reference(aml, "CDW3");
    vmmp_aml_integer(aml, OSC_CONTROL_GRANTED);
    vmmp_aml_local(aml, 0);

    vmmp_aml_if(aml);
    vmmp_aml_operation(aml, VMMP_AML_NOT);
    vmmp_aml_operation(aml, VMMP_AML_EQUAL);
    vmmp_aml_local(aml, 0);
    vmmp_aml_reference(aml, "CDW3");
    osc_answer(aml, OSC_MASKED);
    vmmp_aml_end(aml);

    vmmp_aml_operation(aml, VMMP_AML_STORE);
    vmmp_aml_local(aml, 0);
    vmmp_aml_reference(aml, "CDW3");
}

static void write_osc(struct vmmp_aml *aml)
{
    /* 33db4d5b-1ff7-401c-9657-7441c03dd766, its first three parts little-endian (19.6.142). */
    static const uint8_t host_bridge[16] = { 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
                                             0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66 };
    vmmp_aml_method(aml, "_OSC", 4);
    osc_field(aml, 0, "CDW1");

    vmmp_aml_if(aml);
    vmmp_aml_operation(aml, VMMP_AML_NOT);
    vmmp_aml_operation(aml, VMMP_AML_EQUAL);
    vmmp_aml_argument(aml, 0);
    vmmp_aml_buffer(aml, host_bridge, sizeof(host_bridge));
    osc_answer(aml, OSC_UNKNOWN_UUID);
    osc_return(aml);
    vmmp_aml_end(aml);

    vmmp_aml_if(aml);
    vmmp_aml_operation(aml, VMMP_AML_NOT);
    vmmp_aml_operation(aml, VMMP_AML_EQUAL);
    vmmp_aml_argument(aml, 1);
    vmmp_aml_integer(aml, OSC_REVISION);
    osc_answer(aml, OSC_UNKNOWN_REVISION);
    osc_return(aml);
    vmmp_aml_end(aml);

    osc_field(aml, 8, "CDW3");
    osc_control(aml);
    osc_return(aml);
    vmmp_aml_end(aml);
}

static void write_pci(struct vmmp_aml *aml, const struct vmmp_acpi_pci *pci)
{
    vmmp_aml_device(aml, "PCI0");
    name_eisa_id(aml, "_HID", "PNP0A08");
    name_eisa_id(aml, "_CID", "PNP0A03");
    name_integer(aml, "_UID", 0);
    name_integer(aml, "_SEG", 0);
    name_integer(aml, "_BBN", 0);
    begin_resources(aml);
    vmmp_aml_bus_range(aml, 0, pci->last_bus);
    vmmp_aml_io(aml, PCI_CONFIG_FIRST, PCI_CONFIG_COUNT);
    vmmp_aml_io_range(aml, 0, PCI_CONFIG_FIRST - 1);
    vmmp_aml_io_range(aml, PCI_CONFIG_FIRST + PCI_CONFIG_COUNT, 0xffff);
    write_range(aml, &pci->mem32);
    write_range(aml, &pci->mem64);
    vmmp_aml_end(aml);
    write_routing(aml, pci);
    write_osc(aml);
    vmmp_aml_end(aml);
}

/* What no driver may have: Linux wants the configuration window (MCFG) reserved, or ignores it. */
static void write_motherboard(struct vmmp_aml *aml, const struct vmmp_acpi_config *config)
{
    const struct vmmp_acpi_window *ecam = &config->pci.ecam;

    vmmp_aml_device(aml, "MBRD");
    name_eisa_id(aml, "_HID", "PNP0C02");
    name_integer(aml, "_UID", 0);
    begin_resources(aml);
    vmmp_aml_io(aml, config->pm1a_base, PM1A_PORTS);
    if (config->pm_timer) {
        vmmp_aml_io(aml, config->pm_timer, PM_TIMER_PORTS);
    }
    if (!config->no_ioapic) {
        vmmp_aml_memory32(aml, config->ioapic_base, IOAPIC_SIZE);
    }
    if (config->pci.present && ecam->size) {
        vmmp_aml_memory32(aml, (uint32_t)ecam->base, (uint32_t)ecam->size);
    }
    vmmp_aml_end(aml);
    vmmp_aml_end(aml);
}

static void write_legacy(struct vmmp_aml *aml, const struct vmmp_acpi_config *config)
{
    if (config->cmos_rtc) {
        vmmp_aml_device(aml, "RTC");
        name_eisa_id(aml, "_HID", "PNP0B00");
        begin_resources(aml);
        vmmp_aml_io(aml, RTC_FIRST, 2);
        vmmp_aml_isa_irq(aml, RTC_IRQ);
        vmmp_aml_end(aml);
        vmmp_aml_end(aml);
    }
    if (config->hpet_base) {
        vmmp_aml_device(aml, "HPET");
        name_eisa_id(aml, "_HID", "PNP0103");
        name_integer(aml, "_UID", 0);
        begin_resources(aml);
        vmmp_aml_memory32(aml, config->hpet_base, HPET_SIZE);
        vmmp_aml_end(aml);
        vmmp_aml_end(aml);
    }
    for (unsigned i = 0; i < config->uart_count; i++) {
        begin_numbered(aml, 'S', i);
        name_eisa_id(aml, "_HID", "PNP0501");
        name_integer(aml, "_UID", i + 1);
        begin_resources(aml);
        vmmp_aml_io(aml, config->uarts[i].port, 8);
        vmmp_aml_isa_irq(aml, config->uarts[i].irq);
        vmmp_aml_end(aml);
        vmmp_aml_end(aml);
    }
}

static void write_virtio_mmio(struct vmmp_aml *aml, const struct vmmp_acpi_config *config)
{
    for (unsigned i = 0; i < config->virtio_mmio_count; i++) {
        const struct vmmp_acpi_virtio_mmio *device = &config->virtio_mmio[i];

        begin_numbered(aml, 'V', i);
        name_string(aml, "_HID", "LNRO0005");
        name_integer(aml, "_UID", i);
        begin_resources(aml);
        vmmp_aml_memory32(aml, (uint32_t)device->window.base, (uint32_t)device->window.size);
        vmmp_aml_interrupt(aml, device->gsi);
        vmmp_aml_end(aml);
        vmmp_aml_end(aml);
    }
}

static void write_soft_off(struct vmmp_aml *aml)
{
    vmmp_aml_name(aml, "_S5");
    vmmp_aml_package(aml, 4);
    vmmp_aml_integer(aml, VMMP_ACPI_S5_TYPE);
    for (unsigned i = 0; i < 3; i++) {
        vmmp_aml_integer(aml, 0);
    }
    vmmp_aml_end(aml);
}

void vmmp_acpi_write_dsdt(struct vmmp_aml *aml, const struct vmmp_acpi_config *config)
{
    if (!config->no_soft_off) {
        write_soft_off(aml);
    }
    vmmp_aml_scope(aml, "_SB");
    write_cpus(aml, config);
    if (config->pci.present) {
        write_pci(aml, &config->pci);
    }
    write_motherboard(aml, config);
    write_legacy(aml, config);
    write_virtio_mmio(aml, config);
    vmmp_aml_end(aml);
}
