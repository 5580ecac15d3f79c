/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>: configuration mechanism #1 (PCI 3.0,
 * 3.2.2.3.2) onto a client's bus, byte-addressable as clients know it.
 */
#include <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>

#include "bus/pci_regs.h"
#include "compat/compat_pci.h"

#define RESET_PORT 0xcf9

/* From here on an x86 machine has its interrupt controllers and firmware. */
#define MEMORY_END UINT64_C(0xfec00000)

void vmmp_compat_pci_memory(uint64_t *base, uint64_t *end)
{
    *base = 0;
    *end = MEMORY_END;
}

/* The bytes of an access to [port, port + size) that are in [first, first + 4). */
struct part {
    unsigned from; /* Counted in the access. */
    unsigned at;   /* Counted in the register. */
    unsigned size;
};

static bool part_of(unsigned port, unsigned size, unsigned first, struct part *part)
{
    unsigned start = port > first ? port : first;
    unsigned end = port + size < first + 4 ? port + size : first + 4;
    *part = (struct part){ start - port, start - first, start < end ? end - start : 0 };
    return part->size > 0;
}

static bool legal(unsigned port, unsigned size)
{
    return (size == 1 || size == 2 || size == 4) && port < 0x10000;
}

static vmm_pci_address_t latched_address(const vmm_pci_space_t *pci, unsigned *reg)
{
    vmm_pci_address_t addr;
    uint8_t low;
    make_addr_reg_from_config(pci->conf_port_addr, &addr, &low);
    *reg = low;
    return addr;
}

/* Puts `bytes` where they belong in the value of an access. */
static uint32_t merge(uint32_t value, const struct part *part, uint64_t bytes)
{
    uint64_t mask = vmmp_all_ones(part->size) << (8 * part->from);
    return (uint32_t)((value & ~mask) | ((bytes << (8 * part->from)) & mask));
}

ioport_fault_result_t vmm_pci_io_port_in(vm_vcpu_t *vcpu, void *cookie, unsigned int port_no,
                                         unsigned int size, unsigned int *result)
{
    vmm_pci_space_t *pci = cookie;
    struct part part;
    bool answered = false;
    bool failed = false;
    (void)vcpu;
    *result = UINT32_MAX;
    if (!legal(port_no, size)) {
        return IO_FAULT_HANDLED;
    }
    if (part_of(port_no, size, PCICFG_PORT_ADDRESS, &part)) {
        *result = merge(*result, &part, pci->conf_port_addr >> (8 * part.at));
        answered = true;
    }
    unsigned reg;
    vmm_pci_address_t addr = latched_address(pci, &reg);
    if (part_of(port_no, size, PCICFG_PORT_DATA, &part) && find_device(pci, addr)) {
        *result = merge(*result, &part,
                        vmmp_compat_pci_read(pci, addr, reg + part.at, part.size, &failed));
        answered = true;
    }
    if (answered) {
        *result &= (unsigned)vmmp_all_ones(size);
    }
    return failed ? IO_FAULT_ERROR : IO_FAULT_HANDLED;
}

ioport_fault_result_t vmm_pci_io_port_out(vm_vcpu_t *vcpu, void *cookie, unsigned int port_no,
                                          unsigned int size, unsigned int value)
{
    vmm_pci_space_t *pci = cookie;
    struct part part;
    bool failed = false;
    (void)vcpu;
    if (!legal(port_no, size) || (port_no == RESET_PORT && size == 1)) {
        return IO_FAULT_HANDLED;
    }
    if (part_of(port_no, size, PCICFG_PORT_ADDRESS, &part)) {
        uint32_t mask = (uint32_t)vmmp_all_ones(part.size) << (8 * part.at);
        uint32_t bytes = ((value >> (8 * part.from)) & ~3u) << (8 * part.at);
        pci->conf_port_addr = (pci->conf_port_addr & ~mask) | (bytes & mask);
    }
    if (part_of(port_no, size, PCICFG_PORT_DATA, &part)) {
        unsigned reg;
        vmm_pci_address_t addr = latched_address(pci, &reg);
        vmmp_compat_pci_write(pci, addr, reg + part.at, part.size, value >> (8 * part.from),
                              &failed);
    }
    return failed ? IO_FAULT_ERROR : IO_FAULT_HANDLED;
}
