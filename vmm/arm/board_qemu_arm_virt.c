/* SPDX-License-Identifier: BSD-2-Clause */
#include "board_qemu_arm_virt.h"

#include "../machine_console.h"

static int add_firmware(struct machine *machine)
{
    struct virt *virt = machine->board_state;
    return arm_firmware_add(&virt->firmware, machine);
}

static int add_cpu(struct machine *machine, vm_vcpu_t *vcpu)
{
    struct virt *virt = machine->board_state;
    return arm_firmware_add_cpu(&virt->firmware, machine, vcpu);
}

static int add_controllers(struct machine *machine)
{
    struct virt *virt = machine->board_state;
    int error = virt_msi_add(&virt->msi, &machine->vmmp);
    machine->msi = &virt->msi.destination;
    return error ? machine_said(machine, error, "making the MSI frame") : 0;
}

static int attach_pci(struct machine *machine)
{
    struct vmmp_vm *vmmp = &machine->vmmp;
    int error = vmmp_vm_attach_window(vmmp, &machine->pci.config, vmmp_gpa(VIRT_PCI_CFG_BASE));
    if (!error) {
        error = vmmp_vm_attach_window(vmmp, &machine->pci.memory, vmmp_gpa(VIRT_PCI_MEM_BASE));
    }
    if (!error) {
        error = vmmp_vm_attach_window(vmmp, &machine->pci.ports, vmmp_gpa(VIRT_PCI_IO_BASE));
    }
    return error;
}

static int add_uart(struct machine *machine)
{
    struct virt *virt = machine->board_state;
    static const struct vmmp_serial_backend backend = {
        .write = machine_uart_write,
        .read = machine_uart_read,
    };
    int error =
        vmmp_vm_irq_line_init(&machine->vmmp, &virt->uart_line, VIRT_SPI_INTID(VIRT_PL011_SPI));
    if (error) {
        return machine_said(machine, error, "registering the UART's interrupt");
    }
    virt->uart_line_made = true;
    struct vmmp_uart_config config = {
        .host = machine->config->host,
        .irq = &virt->uart_line,
        .backend = &backend,
        .backend_cookie = machine,
        .log = &machine->config->log,
    };
    error = vmmp_pl011_init(&virt->pl011, &config);
    if (error) {
        return machine_said(machine, error, "making the UART");
    }
    virt->uart_made = true;
    error =
        vmmp_vm_attach_window(&machine->vmmp, &virt->pl011.uart.window, vmmp_gpa(VIRT_PL011_BASE));
    return error ? machine_said(machine, error, "attaching the UART") : 0;
}

static int add_rtc(struct machine *machine)
{
    struct virt *virt = machine->board_state;
    int error =
        vmmp_vm_irq_line_init(&machine->vmmp, &virt->rtc_line, VIRT_SPI_INTID(VIRT_PL031_SPI));
    if (error) {
        return machine_said(machine, error, "registering the clock's interrupt");
    }
    virt->rtc_line_made = true;
    struct vmmp_pl031_config config = {
        .host = machine->config->host,
        .irq = &virt->rtc_line,
        .seconds = machine->config->rtc_seconds,
        .log = &machine->config->log,
    };
    error = vmmp_pl031_init(&virt->rtc, &config);
    if (error) {
        return machine_said(machine, error, "making the clock");
    }
    virt->rtc_made = true;
    error = vmmp_vm_attach_window(&machine->vmmp, &virt->rtc.window, vmmp_gpa(VIRT_PL031_BASE));
    return error ? machine_said(machine, error, "attaching the clock") : 0;
}

/* For the power key: the guest drives no pin that is connected to anything. */
static int add_gpio(struct machine *machine)
{
    struct virt *virt = machine->board_state;
    int error =
        vmmp_vm_irq_line_init(&machine->vmmp, &virt->gpio_line, VIRT_SPI_INTID(VIRT_PL061_SPI));
    if (error) {
        return machine_said(machine, error, "registering the GPIO controller's interrupt");
    }
    virt->gpio_line_made = true;
    struct vmmp_pl061_config config = {
        .host = machine->config->host,
        .irq = &virt->gpio_line,
        .log = &machine->config->log,
    };
    error = vmmp_pl061_init(&virt->gpio, &config);
    if (error) {
        return machine_said(machine, error, "making the GPIO controller");
    }
    virt->gpio_made = true;
    error = vmmp_vm_attach_window(&machine->vmmp, &virt->gpio.window, vmmp_gpa(VIRT_PL061_BASE));
    return error ? machine_said(machine, error, "attaching the GPIO controller") : 0;
}

static int add_devices(struct machine *machine)
{
    int error = machine->config->serial ? add_uart(machine) : 0;
    if (!error) {
        error = add_rtc(machine);
    }
    return error ? error : add_gpio(machine);
}

static void remove_all(struct machine *machine)
{
    struct virt *virt = machine->board_state;
    if (virt->uart_made) {
        vmmp_uart_fini(&virt->pl011.uart);
    }
    if (virt->rtc_made) {
        vmmp_pl031_fini(&virt->rtc);
    }
    if (virt->gpio_made) {
        vmmp_pl061_fini(&virt->gpio);
    }
    arm_firmware_remove(&virt->firmware);
    virt_msi_remove(&virt->msi);
    if (virt->uart_line_made) {
        vmmp_irq_line_fini(&virt->uart_line);
    }
    if (virt->rtc_line_made) {
        vmmp_irq_line_fini(&virt->rtc_line);
    }
    if (virt->gpio_line_made) {
        vmmp_irq_line_fini(&virt->gpio_line);
    }
}

static int plan(struct machine_plan *made, const struct machine_config *config, size_t fdt_size,
                struct vmmp_image_error *error)
{
    unsigned machines = VMMP_MACHINE_ARM64 | (config->aarch32 ? VMMP_MACHINE_ARM32 : 0u);
    return arm_plan(made, config, machines, fdt_size, error);
}

static int load(struct machine *machine, const struct machine_plan *made, const void *fdt,
                size_t fdt_size, struct vmmp_image_error *error)
{
    int result = arm_load_files(machine, made, fdt, fdt_size, error);
    return result ? result : arm_enter(machine, made, error);
}

static void serial_notify(struct machine *machine)
{
    struct virt *virt = machine->board_state;
    if (virt->uart_made) {
        vmmp_uart_notify(&virt->pl011.uart);
    }
}

static bool power_key(struct machine *machine, bool pressed)
{
    struct virt *virt = machine->board_state;
    if (!virt->gpio_made) {
        return false;
    }
    vmmp_pl061_drive(&virt->gpio, VIRT_POWER_KEY_PIN, pressed);
    return vmmp_pl061_interrupts(&virt->gpio, VIRT_POWER_KEY_PIN);
}

static unsigned count(const struct machine *machine,
                      struct machine_counter counters[MACHINE_COUNTERS])
{
    const struct virt *virt = machine->board_state;
    unsigned kinds = 0;
    counters[kinds++] = (struct machine_counter){ "msi", __atomic_load_n(&virt->msi.frame.messages,
                                                                         __ATOMIC_RELAXED) };
    if (virt->uart_line_made) {
        counters[kinds++] =
            (struct machine_counter){ "pl011",
                                      __atomic_load_n(&virt->uart_line.raised, __ATOMIC_RELAXED) };
    }
    return kinds;
}

/* One bus is all there is; a window for 256 would only be more to describe. */
static const struct machine_pci_place pci = {
    .config = {
        .config_kind = VMMP_PCI_CONFIG_CAM,
        .buses = 1,
        .memory_base = VIRT_PCI_MEM_BASE,
        .memory_size = VIRT_PCI_MEM_SIZE,
        .port_size = VIRT_PCI_IO_SIZE,
        /* Linux leaves the first 4 KiB to what a PC has there. */
        .port_allocation_base = 0x1000,
    },
    .intx = {
        VIRT_SPI_INTID(VIRT_PCI_INTX_SPI),
        VIRT_SPI_INTID(VIRT_PCI_INTX_SPI + 1),
        VIRT_SPI_INTID(VIRT_PCI_INTX_SPI + 2),
        VIRT_SPI_INTID(VIRT_PCI_INTX_SPI + 3),
    },
};

static const struct machine_gic gic = {
    .distributor = VIRT_GIC_DIST_BASE,
    .cpu_interface = VIRT_GICV2_CPU_BASE,
    .redistributors = VIRT_GICV3_REDIST_BASE,
    .redistributors_size = VIRT_GICV3_REDIST_SIZE,
    .interrupts = VIRT_SPI_INTID(VIRT_SPIS + 16) / 32 * 32,
};

const struct machine_board machine_board_qemu_arm_virt = {
    .name = "qemu-arm-virt",
    .serial_console = "ttyAMA0",
    .early_console = "earlycon",
    .cpus = VIRT_CPUS,
    .memory_minimum = VIRT_MEMORY_MINIMUM,
    .memory_maximum = VIRT_MEMORY_MAXIMUM,
    .state_size = sizeof(struct virt),
    .pci = &pci,
    .mmio = { .base = VIRT_VIRTIO_MMIO_BASE,
              .stride = VIRT_VIRTIO_MMIO_SLOT,
              .slots = VIRT_VIRTIO_MMIO_SLOTS,
              .irq = VIRT_SPI_INTID(VIRT_VIRTIO_MMIO_SPI) },
    .gic = &gic,
    .ram_ranges = virt_ram_ranges,
    .add_firmware = add_firmware,
    .add_cpu = add_cpu,
    .add_controllers = add_controllers,
    .attach_pci = attach_pci,
    .add_devices = add_devices,
    .remove = remove_all,
    .plan = plan,
    .build_fdt = virt_build_fdt,
    .load = load,
    .serial_notify = serial_notify,
    .power_key = power_key,
    .count = count,
};
