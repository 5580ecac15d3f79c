/* SPDX-License-Identifier: BSD-2-Clause */
/* What a PC's firmware would leave behind: memory map, ACPI tables, the kernel ready to run. */
#include "board_pc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vmmplatsupport/vmmp/acpi.h>

#include "../machine_screen.h"

#define RESET_VALUE 0x06 /* SYS_RST and RST_CPU (ICH9 data sheet, 13.7.5). */

int pc_memory_map(const struct machine_config *config, struct vmmp_e820 *map)
{
    struct machine_range ram[2];
    unsigned count = machine_ram_ranges(machine_board_of(config), config->memory, ram);
    int error = count ? 0 : -EINVAL;
    vmmp_e820_init(map);
    for (unsigned i = 0; i < count && !error; i++) {
        error = vmmp_e820_add(map, ram[i].base, ram[i].size, VMMP_E820_RAM);
    }
    if (!error) {
        error = vmmp_e820_add(map, PC_ADAPTERS_BASE, PC_ADAPTERS_END - PC_ADAPTERS_BASE,
                              VMMP_E820_RESERVED);
    }
    if (!error) {
        error = vmmp_e820_add(map, VMMP_ACPI_AREA, VMMP_ACPI_AREA_SIZE, VMMP_E820_ACPI);
    }
    if (!error) {
        error = vmmp_e820_add(map, PC_PCI_ECAM_BASE, PC_PCI_ECAM_SIZE, VMMP_E820_RESERVED);
    }
    if (!error) {
        error = vmmp_e820_add(map, PC_HYPERVISOR_BASE, PC_HYPERVISOR_SIZE, VMMP_E820_RESERVED);
    }
    return error;
}

void pc_describe(const struct machine_config *config, struct vmmp_acpi_config *acpi)
{
    *acpi = (struct vmmp_acpi_config){
        .cpus = config->cpus,
        .lapic_base = PC_LOCAL_APIC_BASE,
        .ioapic_base = PC_IOAPIC_BASE,
        .timer_on_gsi2 = true,
        .dual_8259 = true,
        .sci_irq = PC_SCI_IRQ,
        .pm1a_base = PC_PM_PORT,
        .pm_timer = PC_PM_TIMER_PORT,
        .reset_port = VMMP_PC_RESET_CONTROL,
        .reset_value = RESET_VALUE,
        .cmos_rtc = true,
        .pci = {
            .present = true,
            .ecam = { PC_PCI_ECAM_BASE, PC_PCI_ECAM_SIZE },
            .mem32 = { PC_PCI_MEM_BASE, PC_PCI_MEM_SIZE },
        },
        .uart_count = config->serial ? 1 : 0,
        .uarts = { { PC_UART_PORT, PC_UART_IRQ } },
        .spcr_uart = config->serial && !config->console ? 0 : -1,
        .virtio_mmio_count = config->mmio_on_command_line ? 0 : machine_mmio_slots(config),
    };
    for (unsigned i = 0; i < 4; i++) {
        acpi->pci.intx_gsi[i] = (uint8_t)(PC_PCI_INTX_GSI + i);
    }
    for (unsigned i = 0; i < acpi->virtio_mmio_count && i < PC_VIRTIO_MMIO_SLOTS; i++) {
        acpi->virtio_mmio[i].window.base = machine_mmio_base(config, i);
        acpi->virtio_mmio[i].window.size = PC_VIRTIO_MMIO_SLOT;
        acpi->virtio_mmio[i].gsi = pc_virtio_mmio_gsis[i];
    }
}

/* What the request refers to. */
struct told {
    struct vmmp_e820 map;
    struct vmmp_x86_framebuffer framebuffer;
};

static void describe_screen(const struct machine_config *config, const struct machine_range *place,
                            struct vmmp_x86_framebuffer *framebuffer)
{
    *framebuffer = (struct vmmp_x86_framebuffer){
        .base = (uint32_t)place->base,
        .size = (uint32_t)place->size,
        .width = config->screen_width,
        .height = config->screen_height,
        .stride = (uint16_t)(config->screen_width * MACHINE_SCREEN_PIXEL),
        .depth = 8 * MACHINE_SCREEN_PIXEL,
        .red = { 8, 16 },
        .green = { 8, 8 },
        .blue = { 8, 0 },
        .reserved = { 8, 24 },
    };
}

static int make_request(const struct machine_config *config, const struct machine_plan *plan,
                        struct told *told, struct vmmp_x86_load_request *request,
                        struct vmmp_image_error *error)
{
    struct machine_range screen = machine_screen_memory(config);
    int result = pc_memory_map(config, &told->map);
    if (result) {
        snprintf(error->message, sizeof(error->message), "the guest's memory map cannot be made");
        return result;
    }
    *request = (struct vmmp_x86_load_request){
        .kernel = &plan->kernel,
        .e820 = &told->map,
        .cmdline = plan->bootargs,
        .initrd = config->initrd,
        .rsdp = VMMP_ACPI_AREA,
        .seed = config->seed,
        .seed_size = config->seed_size < VMMP_X86_SEED_MAX ? config->seed_size : VMMP_X86_SEED_MAX,
    };
    if (screen.size) {
        describe_screen(config, &screen, &told->framebuffer);
        request->framebuffer = &told->framebuffer;
    }
    return 0;
}

int pc_plan(struct machine_plan *plan, const struct machine_config *config, size_t fdt_size,
            struct vmmp_image_error *error)
{
    struct told told;
    struct vmmp_x86_load_request request;
    struct machine_range ram[2];
    (void)fdt_size;
    machine_ram_ranges(machine_board_of(config), config->memory, ram);
    const struct vmmp_kernel_options options = {
        .machines = VMMP_MACHINE_X86_64 | VMMP_MACHINE_X86_32,
        .max_size = ram[0].size,
        .decoders = config->decoders,
        .decoder_count = config->decoder_count,
        .ignore_pvh = machine_screen_memory(config).size != 0,
    };
    int result = vmmp_kernel_probe(config->kernel, &options, &plan->kernel, error);
    if (!result) {
        result = make_request(config, plan, &told, &request, error);
    }
    /* The seed comes with the guest; room for it is planned as if it were here. */
    if (!result && !request.seed) {
        static const uint8_t seed[VMMP_X86_SEED_MAX];
        request.seed = seed;
        request.seed_size = sizeof(seed);
    }
    return result ? result : vmmp_x86_plan(&request, &plan->x86, error);
}

static int write_tables(struct machine *machine, struct vmmp_image_error *error)
{
    struct vmmp_acpi_config acpi;
    size_t used = 0;
    uint8_t *tables = malloc(VMMP_ACPI_AREA_SIZE);
    int result = tables ? 0 : -ENOMEM;
    if (!result) {
        pc_describe(machine->config, &acpi);
        result = vmmp_acpi_build(&acpi, VMMP_ACPI_AREA, tables, VMMP_ACPI_AREA_SIZE, &used);
    }
    if (!result &&
        !vmmp_guest_memory_write(&machine->vmmp.memory, vmmp_gpa(VMMP_ACPI_AREA), tables, used)) {
        result = -EFAULT;
    }
    free(tables);
    if (result) {
        snprintf(error->message, sizeof(error->message), "the ACPI tables cannot be made (%s)",
                 strerror(-result));
    }
    return result;
}

static int write_smbios(struct machine *machine, struct vmmp_image_error *error)
{
    struct machine_range ram[2];
    unsigned pieces = machine_ram_ranges(&machine_board_pc, machine->config->memory, ram);
    uint8_t tables[VMMP_SMBIOS_AREA_SIZE];
    size_t used = 0;
    const struct vmmp_smbios_config config = {
        .manufacturer = "libsel4vmmplatsupport",
        .product = "pc",
        .cpus = machine->config->cpus,
        .ram_below_4g = ram[0].size,
        .ram_above_4g = pieces > 1 ? ram[1].size : 0,
    };
    int result = vmmp_smbios_build(&config, VMMP_SMBIOS_AREA, tables, sizeof(tables), &used);
    if (!result &&
        !vmmp_guest_memory_write(&machine->vmmp.memory, vmmp_gpa(VMMP_SMBIOS_AREA), tables, used)) {
        result = -EFAULT;
    }
    if (result) {
        snprintf(error->message, sizeof(error->message), "the SMBIOS tables cannot be made (%s)",
                 strerror(-result));
    }
    return result;
}

static int enter_guest(struct machine *machine, const struct vmmp_x86_entry *entry)
{
    vm_vcpu_t *vcpu = machine->vmmp.vm->vcpus[BOOT_VCPU];
    int (*enter)(vm_vcpu_t *, const struct vmmp_x86_entry *) = machine->config->made_by.enter;
    int result = enter ? enter(vcpu, entry) : -ENOTSUP;
    return result ? result : vcpu_start(vcpu) ? -EIO : 0;
}

int pc_load(struct machine *machine, const struct machine_plan *plan, const void *fdt,
            size_t fdt_size, struct vmmp_image_error *error)
{
    struct told told;
    struct vmmp_x86_load_request request;
    struct vmmp_x86_entry entry;
    (void)fdt;
    (void)fdt_size;
    struct vmmp_x86_plan places = plan->x86;
    int result = make_request(machine->config, plan, &told, &request, error);
    if (!result && !request.seed) {
        /* There are no random bytes after all. */
        result = vmmp_x86_plan(&request, &places, error);
    }
    if (!result) {
        result = write_tables(machine, error);
    }
    if (!result) {
        result = write_smbios(machine, error);
    }
    if (!result) {
        result = vmmp_x86_load(&machine->vmmp.memory, &request, &places, &entry, error);
    }
    if (result) {
        return result;
    }
    result = enter_guest(machine, &entry);
    if (result) {
        snprintf(error->message, sizeof(error->message), "the boot vCPU cannot be started");
    }
    return result;
}
