/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BARs. Whole pages of the device's registers are memory of the guest's, wherever it puts its BAR;
 * the pages in which MSI-X' table or pending bits are, and what the host does not map (ports, small
 * BARs), are accesses, one system call each.
 */
#include "vfio/vfio_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bus/pci_regs.h"

/* ---- accesses ---- */

static bool within(uint64_t offset, unsigned size, uint64_t start, uint64_t length)
{
    return offset >= start && offset - start <= length && size <= length - (offset - start);
}

/* The window of MSI-X' that an access to the BAR is for. NULL: the device's own registers. */
static struct vmmp_window *msix_window(struct vfio_bar *bar, uint64_t offset, unsigned size,
                                       uint64_t *inside)
{
    struct vfio_function *function = bar->function;
    const struct vfio_msix_place *place = &function->msix_place;
    if (place->count && bar->index == place->table_bar &&
        within(offset, size, place->table, function->msix.window.size)) {
        *inside = offset - place->table;
        return &function->msix.window;
    }
    if (place->count && bar->index == place->pending_bar &&
        within(offset, size, place->pending, function->msix.pending_window.size)) {
        *inside = offset - place->pending;
        return &function->msix.pending_window;
    }
    return NULL;
}

static bool overlaps(uint64_t offset, uint64_t size, uint64_t start, uint64_t length)
{
    return offset < start + length && start < offset + size;
}

static bool touches_msix(const struct vfio_bar *bar, uint64_t offset, uint64_t size)
{
    const struct vfio_function *function = bar->function;
    const struct vfio_msix_place *place = &function->msix_place;
    return place->count && ((bar->index == place->table_bar &&
                             overlaps(offset, size, place->table, place->table_size)) ||
                            (bar->index == place->pending_bar &&
                             overlaps(offset, size, place->pending, place->pending_size)));
}

static uint64_t device_read(const struct vfio_bar *bar, uint64_t offset, unsigned size)
{
    const struct vfio_function *function = bar->function;
    uint8_t bytes[8];
    uint64_t value = 0;
    if (function->gone || function->config.physical->read(function->config.physical_cookie,
                                                          bar->index, offset, bytes, size)) {
        return vmmp_all_ones(size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static void device_write(const struct vfio_bar *bar, uint64_t offset, unsigned size, uint64_t value)
{
    const struct vfio_function *function = bar->function;
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    if (!function->gone) {
        (void)function->config.physical->write(function->config.physical_cookie, bar->index, offset,
                                               bytes, size);
    }
}

static uint64_t piece_read(struct vfio_bar *bar, uint64_t offset, unsigned size)
{
    uint64_t inside;
    const struct vmmp_window *window = msix_window(bar, offset, size, &inside);
    if (window) {
        return window->ops->read(window->device, inside, size);
    }
    /* What the device's table has more than the guest's. */
    return touches_msix(bar, offset, size) ? 0 : device_read(bar, offset, size);
}

static void piece_write(struct vfio_bar *bar, uint64_t offset, unsigned size, uint64_t value)
{
    uint64_t inside;
    const struct vmmp_window *window = msix_window(bar, offset, size, &inside);
    if (window) {
        window->ops->write(window->device, inside, size, value);
    } else if (!touches_msix(bar, offset, size)) {
        device_write(bar, offset, size, value);
    }
}

/* An access that is for more than one of them; drivers make none. */
static bool straddles(struct vfio_bar *bar, uint64_t offset, unsigned size)
{
    uint64_t inside;
    return touches_msix(bar, offset, size) && !msix_window(bar, offset, size, &inside);
}

static uint64_t bar_read(void *device, uint64_t offset, unsigned size)
{
    struct vfio_bar *bar = device;
    if (!straddles(bar, offset, size)) {
        return piece_read(bar, offset, size);
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (piece_read(bar, offset + i, 1) & UINT8_MAX) << (8 * i);
    }
    return value;
}

static void bar_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vfio_bar *bar = device;
    if (!straddles(bar, offset, size)) {
        piece_write(bar, offset, size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        piece_write(bar, offset + i, 1, (value >> (8 * i)) & UINT8_MAX);
    }
}

static const struct vmmp_window_ops window_ops = { bar_read, bar_write };

/* ---- pieces ---- */

static void add_piece(struct vfio_bar *bar, uint64_t start, uint64_t end)
{
    const struct vfio_function_config *config = &bar->function->config;
    if (start >= end || bar->piece_count == VFIO_PIECES) {
        return; /* Without a piece it is accesses, as right and slower. */
    }
    struct vfio_piece *piece = &bar->pieces[bar->piece_count];
    piece->range = (struct vfio_range){ start, end - start };
    piece->memory = config->physical->map(config->physical_cookie, bar->index, &piece->range);
    bar->piece_count += piece->memory != NULL;
}

/* Maps a range but for the pages with something of MSI-X in them. */
static void add_range(struct vfio_bar *bar, const struct vfio_range *range)
{
    uint64_t start = range->offset;
    uint64_t end = range->offset + range->size;
    if ((start | end) % VFIO_PAGE) {
        return;
    }
    uint64_t at = start;
    while (at < end) {
        if (!touches_msix(bar, at, VFIO_PAGE)) {
            at += VFIO_PAGE;
            continue;
        }
        add_piece(bar, start, at);
        at += VFIO_PAGE;
        start = at;
    }
    add_piece(bar, start, end);
}

static enum vmmp_pci_bar_type type_of(uint32_t low)
{
    if (low & PCICFG_BAR_IO) {
        return VMMP_PCI_BAR_IO;
    }
    if (low & PCICFG_BAR_64) {
        return low & PCICFG_BAR_PREFETCH ? VMMP_PCI_BAR_MEM64_PREFETCH : VMMP_PCI_BAR_MEM64;
    }
    return low & PCICFG_BAR_PREFETCH ? VMMP_PCI_BAR_MEM32_PREFETCH : VMMP_PCI_BAR_MEM32;
}

static int add_bar(struct vfio_function *function, unsigned index, enum vmmp_pci_bar_type type)
{
    struct vfio_bar *bar = &function->bars[index];
    struct vfio_region region = { 0 };
    int error = function->config.physical->region(function->config.physical_cookie, index, &region);
    if (error || !region.size) {
        return error;
    }
    bar->window = (struct vmmp_window){
        .name = function->config.name,
        .ops = &window_ops,
        .device = bar,
        .size = region.size,
        .context = &function->context,
    };
    error = vmmp_pci_add_bar(&function->pci, index, type, region.size, &bar->window);
    if (error) {
        vmmp_log(function->config.log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "%s: BAR %u of 0x%" PRIx64 " bytes cannot be given to a guest",
                 function->config.name, index, region.size);
        return error;
    }
    for (unsigned i = 0; i < region.range_count && !vmmp_pci_bar_is_io(type); i++) {
        add_range(bar, &region.ranges[i]);
    }
    return 0;
}

int vfio_bars_add(struct vfio_function *function)
{
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        enum vmmp_pci_bar_type type = type_of(vfio_config_get(function, PCICFG_BAR0 + 4 * i, 4));
        function->bars[i].function = function;
        function->bars[i].index = i;
        int error = add_bar(function, i, type);
        if (error) {
            return error;
        }
        if (function->pci.bars[i].type != VMMP_PCI_BAR_NONE && vmmp_pci_bar_is_64(type)) {
            i++;
        }
    }
    return 0;
}

/* ---- the guest's place for them ---- */

static void take_piece(struct vfio_function *function, struct vfio_piece *piece)
{
    if (piece->mapped) {
        function->config.guest->unmap(function->config.guest_cookie, piece->gpa);
        piece->mapped = false;
    }
}

static void give_piece(struct vfio_function *function, struct vfio_piece *piece, uint64_t gpa)
{
    int error = function->config.guest->map(function->config.guest_cookie, gpa, piece->memory,
                                            piece->range.size);
    piece->gpa = gpa;
    piece->mapped = !error;
    if (error) {
        /* Where a guest has put BARs on top of each other; the window answers. */
        vmmp_log_guest(function->config.log, &function->limit,
                       "%s: a BAR's registers cannot be memory at 0x%" PRIx64 " (%s)",
                       function->config.name, gpa, strerror(-error));
    }
}

/* In the host's context. */
void vfio_bar_mapped(void *cookie, unsigned index, uint64_t address, bool mapped)
{
    struct vfio_function *function = cookie;
    struct vfio_bar *bar = &function->bars[index];
    vmmp_context_enter(&function->context);
    for (unsigned i = 0; i < bar->piece_count; i++) {
        struct vfio_piece *piece = &bar->pieces[i];
        take_piece(function, piece);
        if (mapped && !function->gone) {
            give_piece(function, piece, address + piece->range.offset);
        }
    }
    vmmp_context_leave(&function->context);
}

void vfio_bars_remove(struct vfio_function *function)
{
    const struct vfio_function_config *config = &function->config;
    vmmp_context_enter(&function->context);
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        struct vfio_bar *bar = &function->bars[i];
        for (unsigned n = 0; n < bar->piece_count; n++) {
            struct vfio_piece *piece = &bar->pieces[n];
            take_piece(function, piece);
            config->physical->unmap(config->physical_cookie, piece->memory, piece->range.size);
        }
        bar->piece_count = 0;
    }
    vmmp_context_leave(&function->context);
}
