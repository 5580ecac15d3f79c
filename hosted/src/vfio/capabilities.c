/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capabilities that a guest gets: power management, MSI, MSI-X and PCI Express, each where the
 * device has it, with only those registers writable that are emulated. Others do not exist, and
 * neither does extended configuration space.
 */
#include "vfio/vfio_internal.h"

#include <errno.h>

#include "bus/pci_regs.h"

/* PCI Power Management 1.2, 3.2 */
#define PM_SIZE          8u
#define PM_CAPABILITIES  2u
#define PM_CONTROL       4u
#define PM_VERSION       0x0007u
#define PM_NO_SOFT_RESET 0x0008u
#define PM_STATE         0x0003u

/* PCI Local Bus 3.0, 6.8.1 */
#define MSI_CONTROL    2u
#define MSI_WIDE       0x0080u
#define MSI_SIZE_WIDE  14u
#define MSI_SIZE_SHORT 10u

/* PCI Express Base 3.0, 7.8 */
#define PCIE_SIZE             60u
#define PCIE_SIZE_1           20u
#define PCIE_FLAGS            2u
#define PCIE_VERSION          0x000fu
#define PCIE_TYPE_SHIFT       4u
#define PCIE_TYPE_INTEGRATED  9u
#define PCIE_DEVICE           4u
#define PCIE_DEVICE_FLR       0x10000000u
#define PCIE_CONTROL          8u
#define PCIE_CONTROL_WRITABLE 0x7fffu
#define PCIE_BODY(offset)     ((offset)-2u)

static void put(uint8_t *at, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* ---- which there are ---- */

struct found {
    uint8_t offset;
    uint8_t id;
};

/* The device's list, by offset. A list that has no end, or that leaves its room, is cut off. */
static unsigned list(const struct vfio_function *function, struct found found[PCICFG_CAPS_MAX])
{
    unsigned count = 0;
    if (!(vfio_config_get(function, PCICFG_STATUS, 2) & PCICFG_STATUS_CAPABILITIES)) {
        return 0;
    }
    unsigned at = vfio_config_get(function, PCICFG_CAPABILITIES, 1) & PCICFG_CAP_POINTER_MASK;
    while (at >= PCICFG_HEADER_END && count < PCICFG_CAPS_MAX) {
        const struct found next = { (uint8_t)at, (uint8_t)vfio_config_get(function, at, 1) };
        unsigned i = count++;
        while (i > 0 && found[i - 1].offset > next.offset) {
            found[i] = found[i - 1];
            i--;
        }
        found[i] = next;
        at = vfio_config_get(function, at + PCICFG_CAP_NEXT, 1) & PCICFG_CAP_POINTER_MASK;
    }
    return count;
}

/* Adds the next capability where the device has it, if those before leave the place free. */
static bool place_at(struct vfio_function *function, unsigned offset, unsigned size)
{
    if (offset < function->pci.capability_end || offset + size > VMMP_PCI_CONFIG_SIZE) {
        return false;
    }
    function->pci.capability_end = (uint16_t)offset;
    return true;
}

static int add(struct vfio_function *function, uint8_t id, const uint8_t *body, size_t length,
               const uint8_t *writable)
{
    int at = vmmp_pci_add_capability(&function->pci, id, body, length, writable);
    return at < 0 ? at : 0;
}

/* ---- power management ---- */

/* The state can be set and read, and that is all: the device stays in D0 as long as it has a guest,
 * loses nothing, and wakes nobody. */
static int add_pm(struct vfio_function *function, unsigned offset)
{
    uint8_t body[PM_SIZE - 2] = { 0 };
    static const uint8_t writable[PM_SIZE - 2] = { [PM_CONTROL - 2] = PM_STATE };
    if (!place_at(function, offset, PM_SIZE)) {
        return 0;
    }
    uint32_t version = vfio_config_get(function, offset + PM_CAPABILITIES, 2) & PM_VERSION;
    put(&body[PM_CAPABILITIES - 2], version, 2);
    put(&body[PM_CONTROL - 2], PM_NO_SOFT_RESET, 2);
    return add(function, PCICFG_CAP_ID_PM, body, sizeof(body), writable);
}

/* ---- PCI Express ---- */

/*
 * The guest finds it on its root complex, without a link: what belongs to a link or a port is the
 * host's. Device control can be written, and concerns nobody but the guest. Function-level reset is
 * the VMM's to do.
 */
static int add_pcie(struct vfio_function *function, unsigned offset)
{
    uint8_t body[PCIE_SIZE - 2] = { 0 };
    uint8_t writable[PCIE_SIZE - 2] = { 0 };
    uint32_t version = vfio_config_get(function, offset + PCIE_FLAGS, 2) & PCIE_VERSION;
    unsigned size = version >= 2 ? PCIE_SIZE : PCIE_SIZE_1;
    if (!place_at(function, offset, size)) {
        return 0;
    }
    put(&body[PCIE_BODY(PCIE_FLAGS)], version | PCIE_TYPE_INTEGRATED << PCIE_TYPE_SHIFT, 2);
    put(&body[PCIE_BODY(PCIE_DEVICE)],
        vfio_config_get(function, offset + PCIE_DEVICE, 4) & ~PCIE_DEVICE_FLR, 4);
    put(&body[PCIE_BODY(PCIE_CONTROL)],
        vfio_config_get(function, offset + PCIE_CONTROL, 2) & PCIE_CONTROL_WRITABLE, 2);
    put(&writable[PCIE_BODY(PCIE_CONTROL)], PCIE_CONTROL_WRITABLE, 2);
    return add(function, PCICFG_CAP_ID_PCIE, body, size - 2, writable);
}

/* ---- interrupts ---- */

/* One message, without masks: both are the function's to offer or not. */
static int add_msi(struct vfio_function *function, unsigned offset)
{
    const struct vfio_function_config *config = &function->config;
    bool wide = vfio_config_get(function, offset + MSI_CONTROL, 2) & MSI_WIDE;
    unsigned size = wide ? MSI_SIZE_WIDE : MSI_SIZE_SHORT;
    if (config->physical->interrupt_count(config->physical_cookie, VFIO_MSI) == 0 ||
        !place_at(function, offset, size)) {
        return 0;
    }
    return vfio_interrupts_add_msi(function, offset, wide);
}

static bool fits(const struct vfio_function *function, unsigned bar, uint64_t offset, uint64_t size)
{
    const struct vfio_function_config *config = &function->config;
    struct vfio_region region = { 0 };
    return bar < VMMP_PCI_BARS &&
           !config->physical->region(config->physical_cookie, bar, &region) &&
           size <= region.size && offset <= region.size - size &&
           !(vfio_config_get(function, PCICFG_BAR0 + 4 * bar, 4) & PCICFG_BAR_IO);
}

#define MSIX_COUNT 0x07ffu
#define MSIX_BAR   0x7u
#define MSIX_ENTRY 16u

static void read_msix(struct vfio_function *function, unsigned at)
{
    const struct vfio_function_config *config = &function->config;
    uint32_t table = vfio_config_get(function, at + PCICFG_MSIX_TABLE, 4);
    uint32_t pending = vfio_config_get(function, at + PCICFG_MSIX_PENDING, 4);
    unsigned count = (vfio_config_get(function, at + PCICFG_MSIX_CONTROL, 2) & MSIX_COUNT) + 1;
    unsigned usable = config->physical->interrupt_count(config->physical_cookie, VFIO_MSIX);
    struct vfio_msix_place place = {
        .table_bar = table & MSIX_BAR,
        .pending_bar = pending & MSIX_BAR,
        .table = table & ~MSIX_BAR,
        .pending = pending & ~MSIX_BAR,
        .table_size = count * MSIX_ENTRY,
        .pending_size = (count + 63) / 64 * 8,
    };
    bool apart = place.table_bar != place.pending_bar ||
                 (uint64_t)place.table + place.table_size <= place.pending ||
                 (uint64_t)place.pending + place.pending_size <= place.table;
    if (apart && fits(function, place.table_bar, place.table, place.table_size) &&
        fits(function, place.pending_bar, place.pending, place.pending_size)) {
        place.count = count < usable ? count : usable;
        place.count = place.count < VFIO_VECTORS ? place.count : VFIO_VECTORS;
        function->msix_place = place;
    }
}

void vfio_msix_find(struct vfio_function *function)
{
    struct found found[PCICFG_CAPS_MAX];
    unsigned count = list(function, found);
    for (unsigned i = 0; i < count && !function->msix_place.count; i++) {
        if (found[i].id == PCICFG_CAP_ID_MSIX &&
            found[i].offset + PCICFG_MSIX_SIZE <= VMMP_PCI_CONFIG_SIZE) {
            read_msix(function, found[i].offset);
        }
    }
}

static int add_msix(struct vfio_function *function, unsigned offset)
{
    if (!function->msix_place.count || function->msix.count ||
        !place_at(function, offset, PCICFG_MSIX_SIZE)) {
        return 0;
    }
    return vfio_interrupts_add_msix(function);
}

int vfio_capabilities_add(struct vfio_function *function)
{
    static int (*const adders[])(struct vfio_function *, unsigned) = {
        [PCICFG_CAP_ID_PM] = add_pm,
        [PCICFG_CAP_ID_MSI] = add_msi,
        [PCICFG_CAP_ID_PCIE] = add_pcie,
        [PCICFG_CAP_ID_MSIX] = add_msix,
    };
    struct found found[PCICFG_CAPS_MAX];
    unsigned count = list(function, found);
    uint32_t had = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned id = found[i].id;
        if (id >= sizeof(adders) / sizeof(adders[0]) || !adders[id] || had & (1u << id)) {
            continue;
        }
        had |= 1u << id;
        int error = adders[id](function, found[i].offset);
        if (error) {
            return error;
        }
    }
    return 0;
}
