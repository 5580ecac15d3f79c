/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/arch/vpci.h>: the platform's CAM and port windows onto a client's bus. */
#include <sel4vmmplatsupport/arch/vpci.h>

#include <string.h>

#include <libfdt.h>

#include "bus/pci_regs.h"
#include "compat/compat_pci.h"
#include "compat/compat_vm.h"

struct vpci {
    struct vmmp_window config;
    struct vmmp_window ports;
    vmm_io_port_list_t *list;
    vmm_pci_space_t *pci;
    const struct vmmp_log *log;
    struct vmmp_log_limit errors;
};

/*
 * The interface has no place for its state. A slot is free when its configuration window is not
 * attached, as after vmmp_compat_release() or in zeroed .bss.
 */
static struct vpci instances[VMMP_COMPAT_VMS];

/* ---- windows ------------------------------------------------------------------------------- */

static vmm_pci_address_t cam_address(uint64_t offset, unsigned *reg)
{
    vmm_pci_address_t addr;
    uint8_t low;
    make_addr_reg_from_config((uint32_t)offset, &addr, &low);
    *reg = low;
    return addr;
}

static void say_failed(struct vpci *vpci, vmm_pci_address_t addr, unsigned reg)
{
    vmmp_log_guest(vpci->log, &vpci->errors,
                   "pci: the device at %02x:%02x.%x failed an access to register 0x%x", addr.bus,
                   addr.dev, addr.fun, reg);
}

static uint64_t config_read(void *device, uint64_t offset, unsigned size)
{
    struct vpci *vpci = device;
    unsigned reg;
    bool failed = false;
    vmm_pci_address_t addr = cam_address(offset, &reg);
    uint64_t value = vmmp_compat_pci_read(vpci->pci, addr, reg, size, &failed);
    if (failed) {
        say_failed(vpci, addr, reg);
    }
    return value;
}

static void config_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vpci *vpci = device;
    unsigned reg;
    bool failed = false;
    vmm_pci_address_t addr = cam_address(offset, &reg);
    vmmp_compat_pci_write(vpci->pci, addr, reg, size, value, &failed);
    if (failed) {
        say_failed(vpci, addr, reg);
    }
}

/* Ports are 4 bytes wide at most: a doubleword access is two of them. */
static uint64_t ports_read(void *device, uint64_t offset, unsigned size)
{
    struct vpci *vpci = device;
    uint64_t value = 0;
    for (unsigned done = 0; done < size && done < 8; done += 4) {
        unsigned part = size - done < 4 ? size - done : 4;
        unsigned data = 0;
        if (emulate_io_handler(vpci->list, (unsigned)offset + done, true, part, &data) < 0) {
            data = (unsigned)vmmp_all_ones(part);
        }
        value |= (uint64_t)data << (8 * done);
    }
    return value;
}

static void ports_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vpci *vpci = device;
    for (unsigned done = 0; done < size && done < 8; done += 4) {
        unsigned part = size - done < 4 ? size - done : 4;
        unsigned data = (unsigned)((value >> (8 * done)) & vmmp_all_ones(part));
        emulate_io_handler(vpci->list, (unsigned)offset + done, false, part, &data);
    }
}

static const struct vmmp_window_ops config_ops = { config_read, config_write };
static const struct vmmp_window_ops ports_ops = { ports_read, ports_write };

void vmmp_compat_pci_memory(uint64_t *base, uint64_t *end)
{
    *base = PCI_MEM_REGION_ADDR;
    *end = PCI_MEM_REGION_ADDR + PCI_MEM_REGION_SIZE;
}

static struct vpci *free_instance(void)
{
    for (unsigned i = 0; i < VMMP_COMPAT_VMS; i++) {
        if (!instances[i].config.vm) {
            return &instances[i];
        }
    }
    return NULL;
}

int vm_install_vpci(vm_t *vm, vmm_io_port_list_t *io_port, vmm_pci_space_t *pci)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    struct vpci *vpci = native && io_port && pci ? free_instance() : NULL;
    if (!vpci) {
        vmmp_log(native ? &native->log : &vmmp_compat_default_log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "vm_install_vpci: needs a VM, a list of ports and a PCI bus (at most %d at once)",
                 VMMP_COMPAT_VMS);
        return -1;
    }
    *vpci = (struct vpci){
        .config = { .name = "vpci config",
                    .ops = &config_ops,
                    .device = vpci,
                    .size = PCI_CFG_REGION_SIZE },
        .ports = { .name = "vpci ports",
                   .ops = &ports_ops,
                   .device = vpci,
                   .size = PCI_IO_REGION_SIZE },
        .list = io_port,
        .pci = pci,
        .log = &native->log,
    };
    if (vmmp_vm_attach_window(native, &vpci->config, vmmp_gpa(PCI_CFG_REGION_ADDR))) {
        vmmp_log(&native->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "vm_install_vpci: the configuration window at 0x%llx is taken",
                 (unsigned long long)PCI_CFG_REGION_ADDR);
        return -1;
    }
    if (vmmp_vm_attach_window(native, &vpci->ports, vmmp_gpa(PCI_IO_REGION_ADDR))) {
        vmmp_log(&native->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "vm_install_vpci: the port window at 0x%llx is taken",
                 (unsigned long long)PCI_IO_REGION_ADDR);
        vmmp_vm_detach_window(&vpci->config);
        return -1;
    }
    return 0;
}

/* ---- device tree: behaviour of upstream's node, pci/host-generic-pci.yaml ------------------- */

#define SPI_BASE            32
#define GIC_SPI             0
#define IRQ_TYPE_LEVEL_HIGH 4
#define RANGE_IO            0x01000000
#define RANGE_MEMORY        0x02000000

/* Writes until something goes wrong, and remembers what. */
struct writer {
    void *fdt;
    int node;
    int err;
    int address_cells;
    int size_cells;
    int gic_phandle;
    const struct vmmp_log *log;
};

static void keep_first_error(struct writer *writer, int err)
{
    if (!writer->err) {
        writer->err = err;
    }
}

static void append(struct writer *writer, const char *name, uint32_t cell)
{
    if (!writer->err) {
        writer->err = fdt_appendprop_u32(writer->fdt, writer->node, name, cell);
    }
}

/* A number of the parent's bus, in as many cells as it has there. */
static void append_wide(struct writer *writer, const char *name, uint64_t value, int cells)
{
    if (cells < 1 || cells > 2 || (cells == 1 && value > UINT32_MAX)) {
        keep_first_error(writer, -FDT_ERR_BADNCELLS);
        return;
    }
    if (cells == 2) {
        append(writer, name, (uint32_t)(value >> 32));
    }
    append(writer, name, (uint32_t)value);
}

static void set(struct writer *writer, const char *name, const void *value, size_t size)
{
    if (!writer->err) {
        writer->err = fdt_setprop(writer->fdt, writer->node, name, value, (int)size);
    }
}

/* A window: its address on the PCI bus, on the parent's, and its size. */
static void append_range(struct writer *writer, uint32_t space, uint64_t pci_address,
                         uint64_t address, uint64_t size)
{
    append(writer, "ranges", space);
    append_wide(writer, "ranges", pci_address, 2);
    append_wide(writer, "ranges", address, writer->address_cells);
    append_wide(writer, "ranges", size, 2);
}

static void write_windows(struct writer *writer)
{
    append(writer, "#address-cells", 3);
    append(writer, "#size-cells", 2);
    append(writer, "#interrupt-cells", 1);
    set(writer, "compatible", "pci-host-cam-generic", sizeof("pci-host-cam-generic"));
    set(writer, "device_type", "pci", sizeof("pci"));
    set(writer, "dma-coherent", NULL, 0);
    append(writer, "bus-range", 0);
    append(writer, "bus-range", 1);
    append_wide(writer, "reg", PCI_CFG_REGION_ADDR, writer->address_cells);
    append_wide(writer, "reg", PCI_CFG_REGION_SIZE, writer->size_cells);
    append_range(writer, RANGE_IO, 0, PCI_IO_REGION_ADDR, PCI_IO_REGION_SIZE);
    append_range(writer, RANGE_MEMORY, PCI_MEM_REGION_ADDR, PCI_MEM_REGION_ADDR,
                 PCI_MEM_REGION_SIZE);
}

/* A byte of a device's configuration space, 0 if it fails. */
static unsigned config_byte(vmm_pci_space_t *pci, unsigned dev, unsigned reg)
{
    bool failed = false;
    vmm_pci_address_t addr = { .bus = 0, .dev = (uint8_t)dev, .fun = 0 };
    unsigned value = (unsigned)vmmp_compat_pci_read(pci, addr, reg, 1, &failed);
    return failed ? 0 : value;
}

/* One row: the device and pin, the GIC and, if it has them, its unit address, then the SPI. */
static void write_interrupt(struct writer *writer, unsigned dev, unsigned pin, unsigned line)
{
    if (line < SPI_BASE) {
        vmmp_log(writer->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "fdt_generate_vpci_node: the interrupt line of device %u is %u, which is no SPI "
                 "(32 or more)",
                 dev, line);
        keep_first_error(writer, -FDT_ERR_BADVALUE);
        return;
    }
    append(writer, "interrupt-map", dev << 11);
    append_wide(writer, "interrupt-map", 0, 2);
    append(writer, "interrupt-map", pin);
    append(writer, "interrupt-map", (uint32_t)writer->gic_phandle);
    if (GIC_ADDRESS_CELLS == 2) {
        append_wide(writer, "interrupt-map", 0, 2);
    }
    append(writer, "interrupt-map", GIC_SPI);
    append(writer, "interrupt-map", line - SPI_BASE);
    append(writer, "interrupt-map", IRQ_TYPE_LEVEL_HIGH);
}

static void write_interrupts(struct writer *writer, vmm_pci_space_t *pci)
{
    bool any = false;
    for (unsigned dev = 1; dev < 32 && !writer->err; dev++) {
        unsigned pin = pci->bus0[dev][0] ? config_byte(pci, dev, PCICFG_INTERRUPT_PIN) : 0;
        if (pin) {
            write_interrupt(writer, dev, pin, config_byte(pci, dev, PCICFG_INTERRUPT_LINE));
            any = true;
        }
    }
    if (any) {
        append(writer, "interrupt-map-mask", 0xf800);
        append_wide(writer, "interrupt-map-mask", 0, 2);
        append(writer, "interrupt-map-mask", 7);
    }
}

int fdt_generate_vpci_node(vm_t *vm, vmm_pci_space_t *pci, void *fdt, int gic_phandle)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    if (!native || !pci || !fdt) {
        return -1;
    }
    int root = fdt_path_offset(fdt, "/");
    if (root < 0) {
        return root;
    }
    struct writer writer = {
        .fdt = fdt,
        .address_cells = fdt_address_cells(fdt, root),
        .size_cells = fdt_size_cells(fdt, root),
        .gic_phandle = gic_phandle,
        .log = &native->log,
    };
    writer.node = fdt_add_subnode(fdt, root, "pci");
    if (writer.node < 0) {
        return writer.node;
    }
    write_windows(&writer);
    write_interrupts(&writer, pci);
    if (writer.err) {
        fdt_del_node(fdt, writer.node);
    }
    return writer.err;
}
