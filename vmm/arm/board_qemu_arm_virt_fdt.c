/* SPDX-License-Identifier: BSD-2-Clause */
/* The board's device tree. */
#include "board_qemu_arm_virt.h"

#include <stdio.h>

#include "../machine_fdt.h"

#define PHANDLE_GIC   1
#define PHANDLE_CLOCK 2
#define PHANDLE_MSI   3
#define PHANDLE_GPIO  4
#define UART_CLOCK_HZ 24000000
#define KEY_POWER     116 /* Linux' input-event-codes.h. */

static void put_memory(struct vmmp_fdt *fdt, const struct machine_config *config)
{
    struct machine_range ram[2];
    struct vmmp_fdt_range regions[2];
    unsigned count = virt_ram_ranges(config->memory, ram);
    for (unsigned i = 0; i < count; i++) {
        regions[i].start = ram[i].base;
        regions[i].size = ram[i].size;
    }
    vmmp_fdt_memory(fdt, regions, count);
}

static void put_cpus(struct vmmp_fdt *fdt, const struct machine_config *config)
{
    uint64_t mpidr[VIRT_CPUS];
    for (unsigned i = 0; i < config->cpus; i++) {
        mpidr[i] = i;
    }
    struct vmmp_fdt_cpus cpus = {
        .compatible = "arm,armv8",
        .mpidr = mpidr,
        .count = config->cpus,
        .psci = true,
    };
    vmmp_fdt_cpus(fdt, &cpus);
    vmmp_fdt_psci(fdt, config->psci_hvc);
    vmmp_fdt_timer(fdt, true, config->gic == 2 ? config->cpus : 0);
}

static void put_gic(struct vmmp_fdt *fdt, const struct machine_config *config)
{
    struct vmmp_fdt_gic gic = {
        .phandle = PHANDLE_GIC,
        .distributor = { VIRT_GIC_DIST_BASE, VIRT_GIC_DIST_SIZE },
        .cpu_interface = { VIRT_GICV2_CPU_BASE, VIRT_GICV2_CPU_SIZE },
        .redistributors = { VIRT_GICV3_REDIST_BASE,
                            (uint64_t)config->cpus * VIRT_GICV3_REDIST_CPU },
        .msi_phandle = PHANDLE_MSI,
        .msi = { VIRT_GICV2M_BASE, VIRT_GICV2M_SIZE },
        .msi_v2m = true,
    };
    if (config->gic == 2) {
        vmmp_fdt_gic_v2(fdt, &gic);
    } else {
        vmmp_fdt_gic_v3(fdt, &gic);
    }
}

static void put_pci(struct vmmp_fdt *fdt)
{
    struct vmmp_fdt_pci_pin pins[VMMP_PCI_DEVICES];
    /* What may ever be plugged in is described, so that the tree does not depend on what is. */
    for (unsigned i = 0; i < VMMP_PCI_DEVICES; i++) {
        pins[i].device = (uint8_t)i;
        pins[i].pin = 1;
        pins[i].spi = VIRT_PCI_INTX_SPI + i % MACHINE_PCI_INTX_PINS;
    }
    struct vmmp_fdt_pci pci = {
        .ecam = false,
        .config = { VIRT_PCI_CFG_BASE, 0x10000 },
        .io = { VIRT_PCI_IO_BASE, VIRT_PCI_IO_SIZE },
        .memory = { VIRT_PCI_MEM_BASE, VIRT_PCI_MEM_SIZE },
        .gic_phandle = PHANDLE_GIC,
        .gic_address_cells = 2,
        .msi_phandle = PHANDLE_MSI,
        .pins = pins,
        .pin_count = VMMP_PCI_DEVICES,
    };
    vmmp_fdt_pci(fdt, &pci);
}

/* The console's slot is the first, as its name in the guest is to be hvc0. */
static void put_virtio_mmio(struct vmmp_fdt *fdt, const struct machine_config *config)
{
    for (unsigned i = 0; i < machine_mmio_slots(config); i++) {
        vmmp_fdt_virtio_mmio(fdt, VIRT_VIRTIO_MMIO_BASE + (uint64_t)i * VIRT_VIRTIO_MMIO_SLOT,
                             VIRT_VIRTIO_MMIO_SPI + i);
    }
}

int virt_build_fdt(const struct machine_config *config, const struct machine_plan *plan,
                   void *buffer, size_t buffer_size, size_t *size)
{
    struct vmmp_fdt fdt;
    struct vmmp_fdt_chosen chosen;
    char uart[32];
    snprintf(uart, sizeof(uart), "/pl011@%llx", (unsigned long long)VIRT_PL011_BASE);
    struct vmmp_fdt_alias serial = { "serial0", uart };

    vmmp_fdt_init(&fdt, buffer, buffer_size);
    vmmp_fdt_begin_root(&fdt, "linux,dummy-virt", "libsel4vmmplatsupport,qemu-arm-virt",
                        PHANDLE_GIC);
    if (config->serial) {
        vmmp_fdt_aliases(&fdt, &serial, 1);
    }
    machine_fill_chosen(config, plan, &chosen);
    if (config->serial) {
        chosen.stdout_path = "serial0:115200n8";
    }
    vmmp_fdt_chosen(&fdt, &chosen);
    put_memory(&fdt, config);
    put_cpus(&fdt, config);
    put_gic(&fdt, config);
    vmmp_fdt_fixed_clock(&fdt, "apb-pclk", PHANDLE_CLOCK, UART_CLOCK_HZ);
    vmmp_fdt_pl031(&fdt, VIRT_PL031_BASE, VIRT_PL031_SPI, PHANDLE_CLOCK);
    vmmp_fdt_pl061(&fdt, VIRT_PL061_BASE, VIRT_PL061_SPI, PHANDLE_CLOCK, PHANDLE_GPIO);
    vmmp_fdt_gpio_key(&fdt, "power", PHANDLE_GPIO, VIRT_POWER_KEY_PIN, KEY_POWER);
    if (config->serial) {
        vmmp_fdt_pl011(&fdt, VIRT_PL011_BASE, VIRT_PL011_SPI, PHANDLE_CLOCK);
    }
    put_virtio_mmio(&fdt, config);
    put_pci(&fdt);
    vmmp_fdt_end(&fdt);
    return vmmp_fdt_finish(&fdt, size, &config->log);
}
