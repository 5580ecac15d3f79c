/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/acpi.h>

#include <errno.h>
#include <string.h>

#include "arch/x86/acpi_dsdt.h"

#define LAPIC_BASE  0xfee00000u
#define IOAPIC_BASE 0xfec00000u
#define SCI_IRQ     9
#define BUS_SIZE    UINT64_C(0x100000) /* Of configuration space. */
#define BELOW_4G    UINT64_C(0x100000000)

#define TABLE_ALIGN   64 /* What the FACS needs (ACPI 5.2.10). */
#define LENGTH_AT     4
#define CHECKSUM_AT   9
#define RSDP_V1_SIZE  20
#define RSDP_SIZE     36
#define FACS_SIZE     64
#define FADT_REVISION 5
#define TABLES_MAX    8 /* That RSDT and XSDT name. */

/* FADT (5.2.9), flags in 5.2.9.3 and 5.2.9.4. */
#define FADT_WBINVD          (1u << 0)
#define FADT_PROC_C1         (1u << 2)
#define FADT_SLP_BUTTON      (1u << 5) /* The button is not a fixed one: there is none. */
#define FADT_FIX_RTC         (1u << 6)
#define FADT_TMR_VAL_EXT     (1u << 8)
#define FADT_RESET_REG_SUP   (1u << 10)
#define BOOT_LEGACY_DEVICES  (1u << 0)
#define BOOT_8042            (1u << 1)
#define BOOT_VGA_NOT_PRESENT (1u << 2)
#define BOOT_RTC_NOT_PRESENT (1u << 5)
#define NO_C2_LATENCY        0x0fff
#define NO_C3_LATENCY        0x0fff
#define CENTURY_AT           0x32

/* Generic addresses (5.2.3.2). */
#define SPACE_MEMORY 0
#define SPACE_IO     1
#define ACCESS_ANY   0
#define ACCESS_BYTE  1
#define ACCESS_WORD  2
#define ACCESS_DWORD 3

/* MADT (5.2.12). */
#define MADT_PCAT_COMPAT    1
#define MADT_LAPIC          0
#define MADT_IOAPIC         1
#define MADT_OVERRIDE       2
#define MADT_LAPIC_NMI      4
#define MADT_LAPIC_ENABLED  1
#define MPS_ISA             0 /* As the bus has it: edge-triggered, active high. */
#define MPS_LEVEL_HIGH      0x0d
#define MADT_ALL_PROCESSORS 0xff
#define LINT_NMI            1

#define HPET_BLOCK_ID 0x8086a201u

/* SPCR (revision 2). */
#define SPCR_16550       0
#define SPCR_8259_IOAPIC 3
#define SPCR_BAUD_115200 7
#define SPCR_ANSI        3

struct writer {
    uint8_t *buffer;
    size_t size;
    size_t used;
    uint64_t address;
    int error;
    size_t table; /* Where the table that is being written begins. */
    uint64_t tables[TABLES_MAX];
    unsigned table_count;
};

static void put(struct writer *w, uint64_t value, size_t bytes)
{
    if (!w->error && bytes > w->size - w->used) {
        w->error = -ENOSPC;
    }
    for (size_t i = 0; !w->error && i < bytes; i++) {
        w->buffer[w->used++] = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
    }
}

static void put_text(struct writer *w, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        put(w, (uint8_t)text[i], 1);
    }
}

static void set32(struct writer *w, size_t at, uint32_t value)
{
    for (size_t i = 0; !w->error && i < 4; i++) {
        w->buffer[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static uint8_t checksum(const uint8_t *bytes, size_t count)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return (uint8_t)-sum;
}

static uint64_t align(struct writer *w)
{
    put(w, 0, (TABLE_ALIGN - w->used % TABLE_ALIGN) % TABLE_ALIGN);
    w->table = w->used;
    return w->address + w->used;
}

/* The header of all tables (5.2.6); returns the table's address. */
static uint64_t begin(struct writer *w, const char *signature, uint8_t revision)
{
    uint64_t address = align(w);

    put_text(w, signature, 4);
    put(w, 0, 4);
    put(w, revision, 1);
    put(w, 0, 1);
    put_text(w, "VMMP  ", 6);
    put_text(w, "VMMPLAT ", 8);
    put(w, 1, 4);
    put_text(w, "VMMP", 4);
    put(w, 1, 4);
    return address;
}

static void end(struct writer *w)
{
    set32(w, w->table + LENGTH_AT, (uint32_t)(w->used - w->table));
    if (!w->error) {
        uint8_t *table = w->buffer + w->table;
        table[CHECKSUM_AT] = checksum(table, w->used - w->table);
    }
}

/* Begins a table that RSDT and XSDT name. */
static void begin_listed(struct writer *w, const char *signature, uint8_t revision)
{
    w->tables[w->table_count++] = begin(w, signature, revision);
}

static void put_address(struct writer *w, uint8_t space, uint8_t bits, uint8_t access,
                        uint64_t address)
{
    put(w, address ? space : 0, 1);
    put(w, address ? bits : 0, 1);
    put(w, 0, 1);
    put(w, address ? access : 0, 1);
    put(w, address, 8);
}

static uint64_t write_facs(struct writer *w)
{
    uint64_t address = align(w);

    put_text(w, "FACS", 4);
    put(w, FACS_SIZE, 4);
    put(w, 0, 24); /* Hardware signature, waking vectors, lock, flags. */
    put(w, 2, 1);
    put(w, 0, 31);
    return address;
}

static uint64_t write_dsdt(struct writer *w, const struct vmmp_acpi_config *config)
{
    uint64_t address = begin(w, "DSDT", 2);
    struct vmmp_aml aml;

    if (!w->error) {
        vmmp_aml_init(&aml, w->buffer + w->used, w->size - w->used);
        vmmp_acpi_write_dsdt(&aml, config);
        w->error = aml.error;
        w->used += aml.used;
    }
    end(w);
    return address;
}

static uint32_t fadt_flags(const struct vmmp_acpi_config *config)
{
    return FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC | FADT_TMR_VAL_EXT |
           (config->reset_port ? FADT_RESET_REG_SUP : 0);
}

static uint32_t boot_flags(const struct vmmp_acpi_config *config)
{
    return BOOT_LEGACY_DEVICES | (config->i8042 ? BOOT_8042 : 0) |
           (config->vga ? 0 : BOOT_VGA_NOT_PRESENT) | (config->cmos_rtc ? 0 : BOOT_RTC_NOT_PRESENT);
}

static void write_fadt(struct writer *w, const struct vmmp_acpi_config *config, uint64_t facs,
                       uint64_t dsdt)
{
    uint16_t event = config->pm1a_base;
    uint16_t control = (uint16_t)(config->pm1a_base + 4);

    begin_listed(w, "FACP", FADT_REVISION);
    put(w, facs, 4);
    put(w, dsdt, 4);
    put(w, 0, 2); /* Reserved, and no preferred profile. */
    put(w, config->sci_irq, 2);
    put(w, 0, 8); /* No SMI command: always in ACPI mode. */
    put(w, event, 4);
    put(w, 0, 4);
    put(w, control, 4);
    put(w, 0, 8);
    put(w, config->pm_timer, 4);
    put(w, 0, 8); /* No general-purpose events. */
    put(w, 4, 1);
    put(w, 2, 1);
    put(w, 0, 1);
    put(w, config->pm_timer ? 4 : 0, 1);
    put(w, 0, 4);
    put(w, NO_C2_LATENCY, 2);
    put(w, NO_C3_LATENCY, 2);
    put(w, 0, 8); /* Flush size and stride, duty cycle, alarms. */
    put(w, config->cmos_rtc ? CENTURY_AT : 0, 1);
    put(w, boot_flags(config), 2);
    put(w, 0, 1);
    put(w, fadt_flags(config), 4);
    put_address(w, SPACE_IO, 8, ACCESS_BYTE, config->reset_port);
    put(w, config->reset_value, 1);
    put(w, 0, 3);
    put(w, 0, 8); /* X_FIRMWARE_CTRL: the 32-bit field has it, and one of the two has to be zero. */
    put(w, dsdt, 8);
    put_address(w, SPACE_IO, 32, ACCESS_WORD, event);
    put_address(w, SPACE_IO, 0, ACCESS_ANY, 0);
    put_address(w, SPACE_IO, 16, ACCESS_WORD, control);
    put_address(w, SPACE_IO, 0, ACCESS_ANY, 0);
    put_address(w, SPACE_IO, 0, ACCESS_ANY, 0);
    put_address(w, SPACE_IO, 32, ACCESS_DWORD, config->pm_timer);
    for (unsigned i = 0; i < 4; i++) {
        put_address(w, SPACE_IO, 0, ACCESS_ANY, 0); /* GPE0, GPE1, sleep control and status. */
    }
    end(w);
}

static void put_override(struct writer *w, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    put(w, MADT_OVERRIDE, 1);
    put(w, 10, 1);
    put(w, 0, 1);
    put(w, irq, 1);
    put(w, gsi, 4);
    put(w, flags, 2);
}

static void write_ioapic(struct writer *w, const struct vmmp_acpi_config *config)
{
    put(w, MADT_IOAPIC, 1);
    put(w, 12, 1);
    put(w, config->ioapic_id, 1);
    put(w, 0, 1);
    put(w, config->ioapic_base, 4);
    put(w, 0, 4);
    if (config->timer_on_gsi2) {
        put_override(w, 0, 2, MPS_ISA);
    }
    put_override(w, config->sci_irq, config->sci_irq, MPS_LEVEL_HIGH);
}

static void write_madt(struct writer *w, const struct vmmp_acpi_config *config)
{
    begin_listed(w, "APIC", 3);
    put(w, config->lapic_base, 4);
    put(w, config->dual_8259 ? MADT_PCAT_COMPAT : 0, 4);
    for (unsigned i = 0; i < config->cpus; i++) {
        put(w, MADT_LAPIC, 1);
        put(w, 8, 1);
        put(w, i, 1);
        put(w, i, 1);
        put(w, MADT_LAPIC_ENABLED, 4);
    }
    if (!config->no_ioapic) {
        write_ioapic(w, config);
    }
    put(w, MADT_LAPIC_NMI, 1);
    put(w, 6, 1);
    put(w, MADT_ALL_PROCESSORS, 1);
    put(w, 0, 2);
    put(w, LINT_NMI, 1);
    end(w);
}

static void write_mcfg(struct writer *w, const struct vmmp_acpi_pci *pci)
{
    begin_listed(w, "MCFG", 1);
    put(w, 0, 8);
    put(w, pci->ecam.base, 8);
    put(w, 0, 2);
    put(w, 0, 1);
    put(w, pci->last_bus, 1);
    put(w, 0, 4);
    end(w);
}

static void write_hpet(struct writer *w, const struct vmmp_acpi_config *config)
{
    begin_listed(w, "HPET", 1);
    put(w, HPET_BLOCK_ID, 4);
    put_address(w, SPACE_MEMORY, 64, ACCESS_ANY, config->hpet_base);
    put(w, 0, 4); /* Number, minimum tick and page protection. */
    end(w);
}

static void write_spcr(struct writer *w, const struct vmmp_acpi_uart *uart)
{
    begin_listed(w, "SPCR", 2);
    put(w, SPCR_16550, 1);
    put(w, 0, 3);
    put_address(w, SPACE_IO, 8, ACCESS_BYTE, uart->port);
    put(w, SPCR_8259_IOAPIC, 1);
    put(w, uart->irq, 1);
    put(w, uart->irq, 4);
    put(w, SPCR_BAUD_115200, 1);
    put(w, 0, 1); /* No parity, */
    put(w, 1, 1); /* one stop bit, */
    put(w, 0, 1); /* no flow control. */
    put(w, SPCR_ANSI, 1);
    put(w, 0, 1);
    put(w, 0xffffffff, 4); /* Not a PCI device. */
    put(w, 0, 12);
    end(w);
}

static uint64_t write_directory(struct writer *w, const char *signature, size_t entry_size)
{
    uint64_t address = begin(w, signature, 1);

    for (unsigned i = 0; i < w->table_count; i++) {
        put(w, w->tables[i], entry_size);
    }
    end(w);
    return address;
}

/* 5.2.5.3; its room was left at the start. */
static void write_rsdp(struct writer *w, uint64_t rsdt, uint64_t xsdt)
{
    struct writer rsdp = { .buffer = w->buffer, .size = RSDP_SIZE };

    if (w->error) {
        return;
    }
    put_text(&rsdp, "RSD PTR ", 8);
    put(&rsdp, 0, 1);
    put_text(&rsdp, "VMMP  ", 6);
    put(&rsdp, 2, 1);
    put(&rsdp, rsdt, 4);
    put(&rsdp, RSDP_SIZE, 4);
    put(&rsdp, xsdt, 8);
    put(&rsdp, 0, 4);
    w->buffer[8] = checksum(w->buffer, RSDP_V1_SIZE);
    w->buffer[32] = checksum(w->buffer, RSDP_SIZE);
}

static bool below_4g(const struct vmmp_acpi_window *window)
{
    return window->base < BELOW_4G && window->size <= BELOW_4G - window->base;
}

static bool pci_valid(const struct vmmp_acpi_pci *pci)
{
    return below_4g(&pci->ecam) && below_4g(&pci->mem32) &&
           (!pci->ecam.size || pci->ecam.size == (pci->last_bus + UINT64_C(1)) * BUS_SIZE) &&
           (!pci->mem64.size || pci->mem64.size - 1 <= UINT64_MAX - pci->mem64.base);
}

static bool valid(const struct vmmp_acpi_config *config)
{
    if (config->cpus < 1 || config->cpus > VMMP_ACPI_CPUS || !config->pm1a_base ||
        config->pm1a_base > UINT16_MAX - 5 || config->pm_timer > UINT16_MAX - 3 ||
        config->sci_irq > 15 || config->uart_count > VMMP_ACPI_UARTS ||
        config->virtio_mmio_count > VMMP_ACPI_VIRTIO_MMIO ||
        config->spcr_uart >= (int)config->uart_count ||
        (config->no_ioapic && (config->pci.present || config->virtio_mmio_count))) {
        return false;
    }
    for (unsigned i = 0; i < config->uart_count; i++) {
        const struct vmmp_acpi_uart *uart = &config->uarts[i];
        if (!uart->port || uart->port > UINT16_MAX - 7 || uart->irq < 1 || uart->irq > 15) {
            return false;
        }
    }
    for (unsigned i = 0; i < config->virtio_mmio_count; i++) {
        const struct vmmp_acpi_window *window = &config->virtio_mmio[i].window;
        if (!window->size || !below_4g(window)) {
            return false;
        }
    }
    return !config->pci.present || pci_valid(&config->pci);
}

static void write_all(struct writer *w, const struct vmmp_acpi_config *config)
{
    put(w, 0, RSDP_SIZE);
    uint64_t facs = write_facs(w);
    uint64_t dsdt = write_dsdt(w, config);
    write_fadt(w, config, facs, dsdt);
    write_madt(w, config);
    if (config->pci.present && config->pci.ecam.size) {
        write_mcfg(w, &config->pci);
    }
    if (config->hpet_base) {
        write_hpet(w, config);
    }
    if (config->spcr_uart >= 0) {
        write_spcr(w, &config->uarts[config->spcr_uart]);
    }
    uint64_t rsdt = write_directory(w, "RSDT", 4);
    uint64_t xsdt = write_directory(w, "XSDT", 8);
    write_rsdp(w, rsdt, xsdt);
}

int vmmp_acpi_build(const struct vmmp_acpi_config *config, uint64_t address, void *buffer,
                    size_t buffer_size, size_t *used)
{
    struct vmmp_acpi_config full;
    struct writer w = { .buffer = buffer, .size = buffer_size, .address = address };

    if (!config || !buffer || !used || address % TABLE_ALIGN || address >= BELOW_4G ||
        buffer_size > BELOW_4G - address) {
        return -EINVAL;
    }
    full = *config;
    full.lapic_base = full.lapic_base ? full.lapic_base : LAPIC_BASE;
    full.ioapic_base = full.ioapic_base ? full.ioapic_base : IOAPIC_BASE;
    full.sci_irq = full.sci_irq ? full.sci_irq : SCI_IRQ;
    if (!valid(&full)) {
        return -EINVAL;
    }
    write_all(&w, &full);
    if (!w.error) {
        *used = w.used;
    }
    return w.error;
}
