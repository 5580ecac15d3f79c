/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/pci_helper.h>: rewritten capability lists. */
#include <sel4vmmplatsupport/drivers/pci_helper.h>

#include <stdlib.h>
#include <string.h>

#include "bus/pci_regs.h"
#include "compat/pci_layer.h"

static bool cap_ignored(const pci_cap_emulation_t *caps, unsigned offset)
{
    for (int i = 0; i < caps->num_ignore; i++) {
        unsigned start = caps->ignore_start[i];
        unsigned end = caps->ignore_end[i];
        if (end == 0 && start >= PCICFG_HEADER_END) {
            end = 0x100; /* Which does not fit in the array's type. */
        }
        if (offset >= start && offset < end) {
            return true;
        }
    }
    return false;
}

/* Which byte of the rewritten list `offset` is: the pointer (0), a next pointer (i + 1), or -1. */
static int cap_link(const pci_cap_emulation_t *caps, unsigned offset)
{
    if (offset == PCICFG_CAPABILITIES) {
        return 0;
    }
    for (int i = 0; i < caps->num_caps; i++) {
        if (offset == (unsigned)caps->caps[i] + PCICFG_CAP_NEXT) {
            return i + 1;
        }
    }
    return -1;
}

static bool cap_owns(void *self, unsigned offset, bool write)
{
    (void)write;
    return offset == PCICFG_STATUS || cap_link(self, offset) >= 0 || cap_ignored(self, offset);
}

static int cap_read(void *self, unsigned offset, uint8_t *value)
{
    const pci_cap_emulation_t *caps = self;
    if (offset == PCICFG_STATUS) {
        int err = vmmp_pci_entry_read8(&caps->passthrough, offset, value);
        *value = (uint8_t)((*value & ~PCICFG_STATUS_CAPABILITIES) |
                           (caps->num_caps > 0 ? PCICFG_STATUS_CAPABILITIES : 0));
        return err;
    }
    int link = cap_link(caps, offset);
    *value = link >= 0 && link < caps->num_caps ? caps->caps[link] : (uint8_t)0;
    return 0;
}

static int cap_write(void *self, unsigned offset, uint8_t value)
{
    const pci_cap_emulation_t *caps = self;
    if (offset == PCICFG_STATUS) {
        return caps->passthrough.iowrite(caps->passthrough.cookie, (int)offset, 1, value);
    }
    return 0;
}

static int cap_entry_read(void *cookie, int offset, int size, uint32_t *result)
{
    pci_cap_emulation_t *self = cookie;
    struct vmmp_pci_layer layer = { &self->passthrough, self, cap_owns, cap_read, cap_write };
    return vmmp_pci_layer_read(&layer, offset, size, result);
}

static int cap_entry_write(void *cookie, int offset, int size, uint32_t value)
{
    pci_cap_emulation_t *self = cookie;
    struct vmmp_pci_layer layer = { &self->passthrough, self, cap_owns, cap_read, cap_write };
    return vmmp_pci_layer_write(&layer, offset, size, value);
}

static void copy_bytes(uint8_t *to, const uint8_t *from, size_t count)
{
    if (count) {
        memcpy(to, from, count);
    }
}

vmm_pci_entry_t vmm_pci_create_cap_emulation(vmm_pci_entry_t existing, int num_caps, uint8_t *caps,
                                             int num_ranges, uint8_t *range_starts,
                                             uint8_t *range_ends)
{
    size_t cap_count = num_caps > 0 ? (size_t)num_caps : 0;
    size_t range_count = num_ranges > 0 ? (size_t)num_ranges : 0;
    pci_cap_emulation_t *self = malloc(sizeof(*self) + cap_count + 2 * range_count);
    if (!self) {
        return vmmp_pci_entry_inert;
    }
    uint8_t *arrays = (uint8_t *)(self + 1);
    *self = (pci_cap_emulation_t){
        .passthrough = existing,
        .num_caps = (int)cap_count,
        .caps = arrays,
        .num_ignore = (int)range_count,
        .ignore_start = arrays + cap_count,
        .ignore_end = arrays + cap_count + range_count,
    };
    copy_bytes(self->caps, caps, cap_count);
    copy_bytes(self->ignore_start, range_starts, range_count);
    copy_bytes(self->ignore_end, range_ends, range_count);
    return (vmm_pci_entry_t){
        .cookie = self,
        .ioread = cap_entry_read,
        .iowrite = cap_entry_write,
    };
}

/* Bytes to hide of a capability: MSI with all its forms, MSI-X up to its table's place. */
static unsigned hidden_size(uint8_t id)
{
    switch (id) {
    case PCICFG_CAP_ID_MSI:
        return 20;
    case PCICFG_CAP_ID_MSIX:
        return 8;
    default:
        return 0;
    }
}

struct capability {
    uint8_t at;
    uint8_t id;
};

static int scan_capabilities(const vmm_pci_entry_t *entry, struct capability *found)
{
    int count = 0;
    uint8_t at = 0;
    while (count < PCICFG_CAPS_MAX && (at = vmmp_pci_entry_next_capability(entry, at)) != 0) {
        found[count].at = at;
        if (vmmp_pci_entry_read8(entry, at, &found[count].id)) {
            break;
        }
        count++;
    }
    return count;
}

/* Short forms of MSI leave room that the next capability may have taken. */
static unsigned hidden_end(const struct capability *found, int count, const struct capability *cap)
{
    unsigned end = cap->at + hidden_size(cap->id);
    for (int i = 0; i < count; i++) {
        if (found[i].at > cap->at && found[i].at < end) {
            end = found[i].at;
        }
    }
    return end < 0x100 ? end : 0x100;
}

vmm_pci_entry_t vmm_pci_no_msi_cap_emulation(vmm_pci_entry_t existing)
{
    struct capability found[PCICFG_CAPS_MAX];
    uint8_t caps[PCICFG_CAPS_MAX];
    uint8_t starts[PCICFG_CAPS_MAX];
    uint8_t ends[PCICFG_CAPS_MAX];
    int num_caps = 0;
    int num_hidden = 0;
    int count =
        vmmp_pci_entry_has_capabilities(&existing) ? scan_capabilities(&existing, found) : 0;
    for (int i = 0; i < count; i++) {
        if (hidden_size(found[i].id)) {
            starts[num_hidden] = found[i].at;
            ends[num_hidden] = (uint8_t)hidden_end(found, count, &found[i]);
            num_hidden++;
        } else {
            caps[num_caps++] = found[i].at;
        }
    }
    if (num_hidden == 0) {
        return existing;
    }
    return vmm_pci_create_cap_emulation(existing, num_caps, caps, num_hidden, starts, ends);
}
