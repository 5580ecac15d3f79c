/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI host bridges (Linux pci/host-generic-pci.yaml; IEEE Std 1275 PCI binding). */
#include "fdt/fdt_internal.h"

/* Space codes in the first cell of a PCI address. */
#define PCI_SPACE_IO       0x01000000u
#define PCI_SPACE_MEMORY   0x02000000u
#define PCI_SPACE_MEMORY64 0x03000000u

#define PCI_DEVICE_SHIFT 11
#define PCI_PINS_MAX     128
#define PCI_BUSES_MAX    256

#define ECAM_BUS_SHIFT 20
#define CAM_BUS_SHIFT  16

static uint8_t *put_range(uint8_t *at, uint32_t space, uint64_t bus_address,
                          const struct vmmp_fdt_range *range)
{
    if (range->size == 0) {
        return at;
    }
    at = vmmp_fdt_put64(vmmp_fdt_put32(at, space), bus_address);
    return vmmp_fdt_put64(vmmp_fdt_put64(at, range->start), range->size);
}

static void put_ranges(struct vmmp_fdt *fdt, const struct vmmp_fdt_pci *pci)
{
    const size_t entry = 7 * sizeof(uint32_t);
    size_t count =
        (pci->io.size ? 1u : 0) + (pci->memory.size ? 1u : 0) + (pci->memory64.size ? 1u : 0);

    uint8_t *at = vmmp_fdt_space(fdt, "ranges", count * entry);
    if (at) {
        at = put_range(at, PCI_SPACE_IO, 0, &pci->io);
        at = put_range(at, PCI_SPACE_MEMORY, pci->memory.start, &pci->memory);
        put_range(at, PCI_SPACE_MEMORY64, pci->memory64.start, &pci->memory64);
    }
}

static void put_pins(struct vmmp_fdt *fdt, const struct vmmp_fdt_pci *pci)
{
    static const uint32_t mask[] = { 0x1fu << PCI_DEVICE_SHIFT, 0, 0, 7 };
    size_t entry = (3 + 1 + 1 + pci->gic_address_cells + 3) * sizeof(uint32_t);

    if (pci->pin_count == 0) {
        return;
    }
    if (pci->pin_count > PCI_PINS_MAX || pci->gic_address_cells > 2) {
        vmmp_fdt_fail(fdt);
        return;
    }
    vmmp_fdt_u32(fdt, "#interrupt-cells", 1);
    vmmp_fdt_cells(fdt, "interrupt-map-mask", mask, 4);
    uint8_t *at = vmmp_fdt_space(fdt, "interrupt-map", pci->pin_count * entry);
    for (size_t i = 0; at && i < pci->pin_count; i++) {
        const struct vmmp_fdt_pci_pin *pin = &pci->pins[i];
        at = vmmp_fdt_put64(vmmp_fdt_put32(at, (uint32_t)pin->device << PCI_DEVICE_SHIFT), 0);
        at = vmmp_fdt_put32(at, pin->pin);
        at = vmmp_fdt_put32(at, pci->gic_phandle);
        for (uint32_t cell = 0; cell < pci->gic_address_cells; cell++) {
            at = vmmp_fdt_put32(at, 0);
        }
        at = vmmp_fdt_put32(vmmp_fdt_put32(at, GIC_SPI), pin->spi);
        at = vmmp_fdt_put32(at, IRQ_LEVEL_HIGH);
    }
}

void vmmp_fdt_pci(struct vmmp_fdt *fdt, const struct vmmp_fdt_pci *pci)
{
    uint64_t buses = pci->config.size >> (pci->ecam ? ECAM_BUS_SHIFT : CAM_BUS_SHIFT);

    vmmp_fdt_begin_at(fdt, pci->ecam ? "pcie" : "pci", pci->config.start);
    if (buses == 0) {
        vmmp_fdt_fail(fdt);
        buses = 1;
    }
    uint32_t bus_range[] = { 0, (uint32_t)(buses < PCI_BUSES_MAX ? buses : PCI_BUSES_MAX) - 1 };

    vmmp_fdt_string(fdt, "compatible",
                    pci->ecam ? "pci-host-ecam-generic" : "pci-host-cam-generic");
    vmmp_fdt_string(fdt, "device_type", "pci");
    vmmp_fdt_u32(fdt, "#address-cells", 3);
    vmmp_fdt_u32(fdt, "#size-cells", 2);
    vmmp_fdt_reg(fdt, pci->config.start, pci->config.size);
    vmmp_fdt_cells(fdt, "bus-range", bus_range, 2);
    vmmp_fdt_u32(fdt, "linux,pci-domain", 0);
    vmmp_fdt_empty(fdt, "dma-coherent");
    put_ranges(fdt, pci);
    put_pins(fdt, pci);
    if (pci->msi_phandle) {
        /* Every requester ID is its own device ID. */
        uint32_t map[] = { 0, pci->msi_phandle, 0, 0x10000 };
        vmmp_fdt_cells(fdt, "msi-map", map, 4);
    }
    vmmp_fdt_end(fdt);
}
