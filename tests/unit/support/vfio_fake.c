/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vfio_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

static void put(struct vfio_fake *fake, unsigned offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        fake->config[offset + i] = (uint8_t)(value >> (8 * i));
    }
}

static void breaks(struct vfio_fake *fake, const char *what)
{
    fake->broken = fake->broken ? fake->broken : what;
}

/* ---- the device ---- */

static bool overlaps(uint64_t offset, uint64_t size, uint64_t start, uint64_t length)
{
    return length && offset < start + length && start < offset + size;
}

/* A guest that reached the real table could have the device write anywhere. */
static void keep_from_msix(struct vfio_fake *fake, unsigned bar, uint64_t offset, uint64_t size)
{
    if ((bar == fake->table_bar && overlaps(offset, size, fake->table, fake->table_size)) ||
        (bar == fake->pending_bar && overlaps(offset, size, fake->pending, fake->pending_size))) {
        breaks(fake, "the device's own MSI-X table or pending bits are reached");
    }
}

static int region(void *cookie, unsigned index, struct vfio_region *region)
{
    const struct vfio_fake *fake = cookie;
    memset(region, 0, sizeof(*region));
    region->size = fake->sizes[index];
    if (region->size >= PAGE) {
        region->range_count = 1;
        region->ranges[0].size = region->size;
    }
    return 0;
}

static int check(struct vfio_fake *fake, unsigned index, uint64_t offset, size_t size)
{
    if (fake->dead) {
        breaks(fake, "a device that is gone is asked for something");
    }
    if (index == VFIO_CONFIG_REGION) {
        return offset + size <= sizeof(fake->config) ? 0 : -EIO;
    }
    if (index > 5 || offset + size > fake->sizes[index]) {
        breaks(fake, "an access outside of a region");
        return -EIO;
    }
    fake->accesses++;
    keep_from_msix(fake, index, offset, size);
    return 0;
}

static int fake_read(void *cookie, unsigned index, uint64_t offset, void *to, size_t size)
{
    struct vfio_fake *fake = cookie;
    int error = check(fake, index, offset, size);
    if (!error) {
        memcpy(to, (index == VFIO_CONFIG_REGION ? fake->config : fake->memory[index]) + offset,
               size);
    }
    return error;
}

static int fake_write(void *cookie, unsigned index, uint64_t offset, const void *from, size_t size)
{
    struct vfio_fake *fake = cookie;
    int error = check(fake, index, offset, size);
    if (error) {
        return error;
    }
    if (index != VFIO_CONFIG_REGION) {
        memcpy(fake->memory[index] + offset, from, size);
        return 0;
    }
    memcpy(&fake->command, from, 2);
    if (offset != 4 || size != 2 || (fake->command & ~4u) != 3) {
        breaks(fake, "more than bus mastering of the real configuration space is written to");
    }
    return 0;
}

static void *fake_map(void *cookie, unsigned index, const struct vfio_range *range)
{
    struct vfio_fake *fake = cookie;
    if (range->offset % PAGE || range->size % PAGE || !range->size ||
        range->offset + range->size > fake->sizes[index]) {
        breaks(fake, "a piece that is no piece of a region");
        return NULL;
    }
    keep_from_msix(fake, index, range->offset, range->size);
    return fake->memory[index] + range->offset;
}

static void fake_unmap(void *cookie, void *memory, uint64_t size)
{
    struct vfio_fake *fake = cookie;
    for (unsigned i = 0; i < FAKE_MAPPINGS; i++) {
        const struct fake_mapping *mapping = &fake->mappings[i];
        if (mapping->size && mapping->memory < (uint8_t *)memory + size &&
            (uint8_t *)memory < mapping->memory + mapping->size) {
            breaks(fake, "memory is given up that the guest has still mapped");
        }
    }
}

static unsigned interrupt_count(void *cookie, enum vfio_interrupts kind)
{
    const struct vfio_fake *fake = cookie;
    return kind == VFIO_MSIX ? fake->table_size / 16 : 1;
}

static int interrupts(void *cookie, enum vfio_interrupts kind, const int *fds, unsigned count)
{
    struct vfio_fake *fake = cookie;
    if (fake->dead) {
        breaks(fake, "interrupts of a device that is gone");
    }
    if (count && fake->kind != VFIO_NO_INTERRUPTS) {
        breaks(fake, "two kinds of interrupts at a time");
    }
    if (!count && fake->kind != kind) {
        breaks(fake, "interrupts are switched off that were not on");
    }
    if (count > VFIO_VECTORS || count > interrupt_count(fake, kind)) {
        breaks(fake, "more interrupts than there are");
        return -EINVAL;
    }
    if (fake->most && count > fake->most) {
        return (int)fake->most;
    }
    memset(fake->fds, 0, sizeof(fake->fds));
    for (unsigned i = 0; i < count; i++) {
        fake->fds[i] = fds[i];
    }
    fake->count = count;
    fake->kind = count ? kind : VFIO_NO_INTERRUPTS;
    return 0;
}

static int unmask_by(void *cookie, int fd)
{
    struct vfio_fake *fake = cookie;
    fake->unmask = fd;
    return 0;
}

static int reset(void *cookie)
{
    struct vfio_fake *fake = cookie;
    fake->resets++;
    return 0;
}

static const struct vfio_physical_ops physical = {
    region,          fake_read,  fake_write, fake_map, fake_unmap,
    interrupt_count, interrupts, unmask_by,  reset,
};

/* ---- the VM ---- */

static int guest_map(void *cookie, uint64_t gpa, void *memory, uint64_t size)
{
    struct vfio_fake *fake = cookie;
    struct fake_mapping *place = NULL;
    if (gpa < FAKE_MEMORY_BASE || size > FAKE_MEMORY_SIZE ||
        gpa - FAKE_MEMORY_BASE > FAKE_MEMORY_SIZE - size) {
        breaks(fake, "registers are mapped outside of the PCI window");
    }
    for (unsigned i = 0; i < FAKE_MAPPINGS; i++) {
        struct fake_mapping *mapping = &fake->mappings[i];
        if (mapping->size && overlaps(gpa, size, mapping->gpa, mapping->size)) {
            return -EEXIST;
        }
        place = mapping->size ? place : mapping;
    }
    *place = (struct fake_mapping){ gpa, size, memory };
    return 0;
}

static void guest_unmap(void *cookie, uint64_t gpa)
{
    struct vfio_fake *fake = cookie;
    for (unsigned i = 0; i < FAKE_MAPPINGS; i++) {
        if (fake->mappings[i].size && fake->mappings[i].gpa == gpa) {
            fake->mappings[i].size = 0;
            return;
        }
    }
    breaks(fake, "something is unmapped that was not mapped");
}

static int message(void *cookie, int fd, uint64_t address, uint32_t data)
{
    struct vfio_fake *fake = cookie;
    struct fake_message *place = NULL;
    for (unsigned i = 0; i < VFIO_VECTORS; i++) {
        if (fake->messages[i].fd == fd || (!fake->messages[i].fd && !place)) {
            place = &fake->messages[i];
        }
        if (fake->messages[i].fd == fd) {
            break;
        }
    }
    *place = (struct fake_message){ fd, address, data };
    return 0;
}

static void message_off(void *cookie, int fd)
{
    struct vfio_fake *fake = cookie;
    for (unsigned i = 0; i < VFIO_VECTORS; i++) {
        if (fake->messages[i].fd == fd) {
            fake->messages[i].fd = 0;
            return;
        }
    }
    breaks(fake, "a message is switched off that was not on");
}

static int line(void *cookie, int irq, int fd, int resample)
{
    struct vfio_fake *fake = cookie;
    (void)resample;
    if (irq != FAKE_IRQ || fake->line_fd) {
        breaks(fake, "INTx arrives where it should not, or twice");
    }
    fake->line_fd = fd;
    return 0;
}

static void line_off(void *cookie, int irq, int fd, int resample)
{
    struct vfio_fake *fake = cookie;
    (void)irq;
    (void)resample;
    if (fake->line_fd != fd) {
        breaks(fake, "INTx is switched off that was not on");
    }
    fake->line_fd = 0;
}

static const struct vfio_guest_ops guest = {
    guest_map, guest_unmap, message, message_off, line, line_off,
};

const struct fake_message *vfio_fake_message(const struct vfio_fake *fake, unsigned vector)
{
    for (unsigned i = 0; i < VFIO_VECTORS; i++) {
        if (fake->messages[i].fd && fake->messages[i].fd == fake->fds[vector]) {
            return &fake->messages[i];
        }
    }
    return NULL;
}

const uint8_t *vfio_fake_mapped(const struct vfio_fake *fake, uint64_t gpa)
{
    for (unsigned i = 0; i < FAKE_MAPPINGS; i++) {
        const struct fake_mapping *mapping = &fake->mappings[i];
        if (mapping->size && gpa - mapping->gpa < mapping->size) {
            return mapping->memory + (gpa - mapping->gpa);
        }
    }
    return NULL;
}

/* ---- what devices there are ---- */

static void capability(struct vfio_fake *fake, unsigned offset, uint8_t id, unsigned next)
{
    put(fake, offset, 1, id);
    put(fake, offset + 1, 1, next);
}

static void header(struct vfio_fake *fake, uint32_t identity, uint32_t class_revision)
{
    put(fake, 0x00, 4, identity);
    put(fake, 0x06, 2, 0x10); /* It has capabilities. */
    put(fake, 0x08, 4, class_revision);
    put(fake, 0x2c, 4, 0x11001af4);
    put(fake, 0x30, 4, 0xfeb00001); /* An option ROM, */
    put(fake, 0x34, 1, FAKE_VENDOR);
    put(fake, 0x3d, 1, 2); /* and INTB#. */
    /* The list is not in the order of the places. */
    capability(fake, FAKE_VENDOR, 0x09, FAKE_PM);
    put(fake, FAKE_VENDOR + 2, 4, 0x12345610);
    capability(fake, FAKE_PM, 0x01, FAKE_MSI);
    put(fake, FAKE_PM + 2, 4, 0xc823 | 0x2100u << 16);
    capability(fake, FAKE_MSI, 0x05, FAKE_PCIE);
    put(fake, FAKE_MSI + 2, 2, 0x0186); /* Eight messages, 64 bits, masks. */
    capability(fake, FAKE_PCIE, 0x10, FAKE_MSIX);
    put(fake, FAKE_PCIE + 2, 2, 0x0001);
    put(fake, FAKE_PCIE + 4, 4, 0x10008001); /* It can be reset by the guest. */
    put(fake, FAKE_PCIE + 8, 2, 0x2810);
    put(fake, FAKE_PCIE + 10, 2, 0x0020);
    put(fake, FAKE_PCIE + 12, 4, 0x00031c11); /* A link. */
    capability(fake, FAKE_MSIX, 0x11, 0);
    fake->kind = VFIO_NO_INTERRUPTS;
}

static void place_msix(struct vfio_fake *fake, unsigned count, unsigned bar, uint32_t table,
                       uint32_t pending)
{
    fake->table_size = count * 16;
    fake->pending_size = (count + 63) / 64 * 8;
    fake->table_bar = fake->pending_bar = bar;
    fake->table = table;
    fake->pending = pending;
    put(fake, FAKE_MSIX + 2, 2, count - 1);
    put(fake, FAKE_MSIX + 4, 4, table | bar);
    put(fake, FAKE_MSIX + 8, 4, pending | bar);
}

static void region_memory(struct vfio_fake *fake, unsigned bar, size_t size, uint32_t low)
{
    fake->sizes[bar] = size;
    fake->memory[bar] = aligned_alloc(PAGE, size < PAGE ? PAGE : size);
    if (!fake->memory[bar]) {
        abort();
    }
    memset(fake->memory[bar], 0x50 + (int)bar, size);
    put(fake, 0x10 + 4 * bar, 4, low);
}

void vfio_fake_card(struct vfio_fake *fake)
{
    memset(fake, 0, sizeof(*fake));
    header(fake, 0x10d38086, 0x02000003);
    region_memory(fake, 0, 0x20000, 0xfeb80000);
    region_memory(fake, 1, 0x20000, 0xfeba0000);
    region_memory(fake, 2, 0x20, 0xe001);
    region_memory(fake, 3, 0x4000, 0xfebc0000);
    place_msix(fake, 5, 3, 0, 0x2000);
}

void vfio_fake_disk(struct vfio_fake *fake, unsigned count)
{
    memset(fake, 0, sizeof(*fake));
    header(fake, 0x00101b36, 0x01080202);
    region_memory(fake, 0, 0x20000, 0xfebc0004);
    put(fake, 0x14, 4, 1); /* Above 4 GiB. */
    place_msix(fake, count, 0, 0x2000, 0x2000 + (count * 16 + 15) / 8 * 8);
}

int vfio_fake_start(struct vfio_fake *fake)
{
    struct vfio_function_config config = {
        .name = "fake",
        .physical = &physical,
        .physical_cookie = fake,
        .guest = &guest,
        .guest_cookie = fake,
    };
    struct vmmp_pci_host_config host = {
        .config_kind = VMMP_PCI_CONFIG_ECAM,
        .buses = 1,
        .memory_base = FAKE_MEMORY_BASE,
        .memory_size = FAKE_MEMORY_SIZE,
        .port_size = 0x10000,
    };
    int error = vmmp_pci_host_init(&fake->host, &host, NULL, NULL);
    if (!error) {
        error = vfio_function_init(&fake->function, &config);
    }
    if (!error) {
        int at = vmmp_pci_host_add(&fake->host, &fake->function.pci, 3, 0);
        error = at < 0 ? at : vfio_function_start(&fake->function, FAKE_IRQ);
    }
    return error;
}

void vfio_fake_stop(struct vfio_fake *fake)
{
    vmmp_pci_host_remove(&fake->host, &fake->function.pci);
    vfio_function_fini(&fake->function);
    vmmp_pci_host_fini(&fake->host);
    for (unsigned i = 0; i < FAKE_MAPPINGS; i++) {
        if (fake->mappings[i].size) {
            breaks(fake, "a mapping is left");
        }
    }
    for (unsigned i = 0; i < VFIO_VECTORS; i++) {
        if (fake->messages[i].fd) {
            breaks(fake, "a message is left");
        }
    }
    if (fake->line_fd || (fake->kind != VFIO_NO_INTERRUPTS && !fake->dead)) {
        breaks(fake, "interrupts are left on");
    }
    if (fake->command & 4 && !fake->dead) {
        breaks(fake, "the device is left a bus master");
    }
}

void vfio_fake_free(struct vfio_fake *fake)
{
    for (unsigned i = 0; i < 6; i++) {
        free(fake->memory[i]);
    }
}
