/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's device tree. */
#include "machine.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#define PHANDLE_GIC   1
#define PHANDLE_CLOCK 2
#define PHANDLE_MSI   3
#define UART_CLOCK_HZ 24000000

#define KASLR_SEED_SIZE 8

static void fill_chosen(const struct machine_config *config, const struct machine_plan *plan,
                        struct vmmp_fdt_chosen *chosen)
{
    memset(chosen, 0, sizeof(*chosen));
    if (plan) {
        chosen->bootargs = plan->bootargs[0] ? plan->bootargs : NULL;
        chosen->initrd_start = plan->layout.initrd;
        chosen->initrd_size = plan->layout.initrd_size;
    }
    if (config->serial) {
        chosen->stdout_path = "serial0:115200n8";
    }
    if (config->seed_size > KASLR_SEED_SIZE) {
        memcpy(&chosen->kaslr_seed, config->seed, KASLR_SEED_SIZE);
        chosen->rng_seed = config->seed + KASLR_SEED_SIZE;
        chosen->rng_seed_size = config->seed_size - KASLR_SEED_SIZE;
    }
}

static void put_memory(struct vmmp_fdt *fdt, const struct machine_config *config)
{
    struct machine_range ram[2];
    struct vmmp_fdt_range regions[2];
    unsigned count = machine_ram_ranges(config->memory, ram);
    for (unsigned i = 0; i < count; i++) {
        regions[i].start = ram[i].base;
        regions[i].size = ram[i].size;
    }
    vmmp_fdt_memory(fdt, regions, count);
}

static void put_cpus(struct vmmp_fdt *fdt, const struct machine_config *config)
{
    uint64_t mpidr[MACHINE_CPUS];
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
        .distributor = { MACHINE_GIC_DIST_BASE, MACHINE_GIC_DIST_SIZE },
        .cpu_interface = { MACHINE_GICV2_CPU_BASE, MACHINE_GICV2_CPU_SIZE },
        .redistributors = { MACHINE_GICV3_REDIST_BASE,
                            (uint64_t)config->cpus * MACHINE_GICV3_REDIST_CPU },
        .msi_phandle = PHANDLE_MSI,
        .msi = { MACHINE_GICV2M_BASE, MACHINE_GICV2M_SIZE },
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
        pins[i].spi = MACHINE_PCI_INTX_SPI + i % MACHINE_PCI_INTX_PINS;
    }
    struct vmmp_fdt_pci pci = {
        .ecam = false,
        .config = { MACHINE_PCI_CFG_BASE, 0x10000 },
        .io = { MACHINE_PCI_IO_BASE, MACHINE_PCI_IO_SIZE },
        .memory = { MACHINE_PCI_MEM_BASE, MACHINE_PCI_MEM_SIZE },
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
        vmmp_fdt_virtio_mmio(fdt, MACHINE_VIRTIO_MMIO_BASE + (uint64_t)i * MACHINE_VIRTIO_MMIO_SLOT,
                             MACHINE_VIRTIO_MMIO_SPI + i);
    }
}

int machine_build_fdt(const struct machine_config *config, const struct machine_plan *plan,
                      void *buffer, size_t buffer_size, size_t *size)
{
    struct vmmp_fdt fdt;
    struct vmmp_fdt_chosen chosen;
    char uart[32];
    snprintf(uart, sizeof(uart), "/pl011@%llx", (unsigned long long)MACHINE_PL011_BASE);
    struct vmmp_fdt_alias serial = { "serial0", uart };

    vmmp_fdt_init(&fdt, buffer, buffer_size);
    vmmp_fdt_begin_root(&fdt, "linux,dummy-virt", "libsel4vmmplatsupport,qemu-arm-virt",
                        PHANDLE_GIC);
    if (config->serial) {
        vmmp_fdt_aliases(&fdt, &serial, 1);
    }
    fill_chosen(config, plan, &chosen);
    vmmp_fdt_chosen(&fdt, &chosen);
    put_memory(&fdt, config);
    put_cpus(&fdt, config);
    put_gic(&fdt, config);
    vmmp_fdt_fixed_clock(&fdt, "apb-pclk", PHANDLE_CLOCK, UART_CLOCK_HZ);
    vmmp_fdt_pl031(&fdt, MACHINE_PL031_BASE, MACHINE_PL031_SPI, PHANDLE_CLOCK);
    if (config->serial) {
        vmmp_fdt_pl011(&fdt, MACHINE_PL011_BASE, MACHINE_PL011_SPI, PHANDLE_CLOCK);
    }
    put_virtio_mmio(&fdt, config);
    put_pci(&fdt);
    vmmp_fdt_end(&fdt);
    return vmmp_fdt_finish(&fdt, size, &config->log);
}

/* Appends a number of `cells` 32-bit cells; false if it does not fit in them. */
static bool append_cells(void *fdt, int node, const char *name, uint64_t value, int cells)
{
    if (cells == 1) {
        return value <= UINT32_MAX && fdt_appendprop_u32(fdt, node, name, (uint32_t)value) == 0;
    }
    return cells == 2 && fdt_appendprop_u64(fdt, node, name, value) == 0;
}

static int remove_memory_nodes(void *fdt)
{
    for (;;) {
        int node =
            fdt_node_offset_by_prop_value(fdt, -1, "device_type", "memory", (int)sizeof("memory"));
        if (node < 0) {
            return node == -FDT_ERR_NOTFOUND ? 0 : node;
        }
        int error = fdt_del_node(fdt, node);
        if (error) {
            return error;
        }
    }
}

static int adopt_memory(void *fdt, const struct machine_config *config)
{
    struct machine_range ram[2];
    unsigned count = machine_ram_ranges(config->memory, ram);
    char name[32];
    int error = remove_memory_nodes(fdt);
    if (error) {
        return error;
    }
    snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)ram[0].base);
    int address_cells = fdt_address_cells(fdt, 0);
    int size_cells = fdt_size_cells(fdt, 0);
    int node = fdt_add_subnode(fdt, 0, name);
    if (node < 0) {
        return node;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!append_cells(fdt, node, "reg", ram[i].base, address_cells) ||
            !append_cells(fdt, node, "reg", ram[i].size, size_cells)) {
            return -FDT_ERR_BADNCELLS;
        }
    }
    return fdt_setprop_string(fdt, node, "device_type", "memory");
}

static int adopt_chosen(void *fdt, const struct vmmp_fdt_chosen *chosen)
{
    int node = fdt_path_offset(fdt, "/chosen");
    if (node == -FDT_ERR_NOTFOUND) {
        node = fdt_add_subnode(fdt, 0, "chosen");
    }
    if (node < 0) {
        return node;
    }
    int error = 0;
    if (chosen->bootargs) {
        error =
            fdt_setprop(fdt, node, "bootargs", chosen->bootargs, (int)strlen(chosen->bootargs) + 1);
    }
    if (!error && chosen->initrd_size) {
        error = fdt_setprop_u64(fdt, node, "linux,initrd-start", chosen->initrd_start);
    }
    if (!error && chosen->initrd_size) {
        error = fdt_setprop_u64(fdt, node, "linux,initrd-end",
                                chosen->initrd_start + chosen->initrd_size);
    }
    if (!error && chosen->kaslr_seed) {
        error = fdt_setprop_u64(fdt, node, "kaslr-seed", chosen->kaslr_seed);
    }
    if (!error && chosen->rng_seed_size) {
        error = fdt_setprop(fdt, node, "rng-seed", chosen->rng_seed, (int)chosen->rng_seed_size);
    }
    return error;
}

int machine_adopt_fdt(const struct machine_config *config, const struct machine_plan *plan,
                      void *buffer, size_t buffer_size, size_t *size,
                      struct vmmp_image_error *error)
{
    struct vmmp_fdt_chosen chosen;
    fill_chosen(config, plan, &chosen);
    int result = fdt_open_into(buffer, buffer, (int)buffer_size);
    if (!result) {
        result = adopt_memory(buffer, config);
    }
    if (!result) {
        result = adopt_chosen(buffer, &chosen);
    }
    if (!result) {
        result = fdt_pack(buffer);
    }
    if (result) {
        snprintf(error->message, sizeof(error->message),
                 "its memory and /chosen nodes cannot be set (%s): give a device tree with at most "
                 "two address and size cells and less than 2 MiB",
                 fdt_strerror(result));
        return result == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
    }
    *size = fdt_totalsize(buffer);
    return 0;
}
