/* SPDX-License-Identifier: BSD-2-Clause */
/* The real device: what linux/vfio.h offers for one, as struct vfio_physical_ops. */
#include "vfio/device.h"

#include <assert.h>
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static_assert(VFIO_PCI_CONFIG_REGION_INDEX == VFIO_CONFIG_REGION, "regions are numbered otherwise");

static const unsigned indices[] = {
    [VFIO_INTX] = VFIO_PCI_INTX_IRQ_INDEX,
    [VFIO_MSI] = VFIO_PCI_MSI_IRQ_INDEX,
    [VFIO_MSIX] = VFIO_PCI_MSIX_IRQ_INDEX,
};

static int call(const struct vfio_device *device, unsigned long request, void *argument)
{
    return ioctl(device->fd, request, argument) < 0 ? -errno : 0;
}

/* ---- regions ---- */

/* What may be mapped of a region, from the capability that lists it. */
static void read_ranges(const struct vfio_region_info *info, struct vfio_region *region)
{
    uint32_t at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;
    const uint8_t *bytes = (const uint8_t *)info;
    region->range_count = 1;
    region->ranges[0] = (struct vfio_range){ 0, info->size };
    while (at) {
        struct vfio_info_cap_header header;
        memcpy(&header, bytes + at, sizeof(header));
        if (header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
            const struct vfio_region_info_cap_sparse_mmap *sparse = (const void *)(bytes + at);
            region->range_count =
                sparse->nr_areas < VFIO_PIECES ? sparse->nr_areas : (unsigned)VFIO_PIECES;
            for (unsigned i = 0; i < region->range_count; i++) {
                region->ranges[i] =
                    (struct vfio_range){ sparse->areas[i].offset, sparse->areas[i].size };
            }
        }
        at = header.next;
    }
}

/* A region's description with its capabilities, to be freed. NULL: there is none. */
static struct vfio_region_info *get_info(const struct vfio_device *device, unsigned index)
{
    uint32_t size = sizeof(struct vfio_region_info);
    for (unsigned tries = 0; tries < 2; tries++) {
        struct vfio_region_info *info = calloc(1, size);
        if (!info) {
            return NULL;
        }
        info->argsz = size;
        info->index = index;
        if (call(device, VFIO_DEVICE_GET_REGION_INFO, info) == 0 && info->argsz <= size) {
            return info;
        }
        size = info->argsz > size ? info->argsz : size;
        free(info);
    }
    return NULL;
}

static int region(void *cookie, unsigned index, struct vfio_region *region)
{
    const struct vfio_device *device = cookie;
    memset(region, 0, sizeof(*region));
    if (index >= VFIO_CONFIG_REGION) {
        return -EINVAL;
    }
    struct vfio_region_info *info = get_info(device, index);
    if (info && info->flags & VFIO_REGION_INFO_FLAG_READ) {
        region->size = info->size;
        if (info->flags & VFIO_REGION_INFO_FLAG_MMAP) {
            read_ranges(info, region);
        }
    }
    free(info);
    return 0;
}

static int find_offsets(struct vfio_device *device)
{
    for (unsigned i = 0; i <= VFIO_CONFIG_REGION; i++) {
        struct vfio_region_info *info = get_info(device, i);
        device->offsets[i] = info ? info->offset : 0;
        device->sizes[i] = info ? info->size : 0;
        free(info);
    }
    return device->sizes[VFIO_CONFIG_REGION] ? 0 : -EIO;
}

static bool holds(const struct vfio_device *device, unsigned index, uint64_t offset, uint64_t size)
{
    return device->fd >= 0 && index <= VFIO_CONFIG_REGION && size <= device->sizes[index] &&
           offset <= device->sizes[index] - size;
}

static int device_read(void *cookie, unsigned index, uint64_t offset, void *to, size_t size)
{
    const struct vfio_device *device = cookie;
    return holds(device, index, offset, size) &&
                   pread(device->fd, to, size, (off_t)(device->offsets[index] + offset)) ==
                       (ssize_t)size
               ? 0
               : -EIO;
}

static int device_write(void *cookie, unsigned index, uint64_t offset, const void *from,
                        size_t size)
{
    const struct vfio_device *device = cookie;
    return holds(device, index, offset, size) &&
                   pwrite(device->fd, from, size, (off_t)(device->offsets[index] + offset)) ==
                       (ssize_t)size
               ? 0
               : -EIO;
}

static void *map(void *cookie, unsigned index, const struct vfio_range *range)
{
    const struct vfio_device *device = cookie;
    if (!holds(device, index, range->offset, range->size)) {
        return NULL;
    }
    void *memory = mmap(NULL, (size_t)range->size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
                        (off_t)(device->offsets[index] + range->offset));
    return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *cookie, void *memory, uint64_t size)
{
    (void)cookie;
    munmap(memory, (size_t)size);
}

/* ---- interrupts ---- */

static unsigned count_of(const struct vfio_device *device, unsigned index)
{
    struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
    return call(device, VFIO_DEVICE_GET_IRQ_INFO, &info) == 0 && info.flags & VFIO_IRQ_INFO_EVENTFD
               ? info.count
               : 0;
}

static unsigned interrupt_count(void *cookie, enum vfio_interrupts kind)
{
    return count_of(cookie, indices[kind]);
}

/*
 * `count` descriptors, or none (then the interrupts are switched off). A positive result says that
 * the kernel could allocate this many only, and has done nothing.
 */
static int set_irqs(const struct vfio_device *device, unsigned index, uint32_t action,
                    const int *fds, unsigned count)
{
    union {
        struct vfio_irq_set set;
        uint8_t room[sizeof(struct vfio_irq_set) + VFIO_VECTORS * sizeof(int32_t)];
    } request = { .set = { .argsz = (uint32_t)(sizeof(struct vfio_irq_set) + count * sizeof(int)),
                           .flags = action |
                                    (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
                           .index = index,
                           .count = count } };
    if (count > VFIO_VECTORS) {
        return -EINVAL;
    }
    memcpy(request.set.data, fds ? fds : (const int[1]){ 0 }, count * sizeof(int));
    int result = ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &request.set);
    return result < 0 ? -errno : result;
}

static int interrupts(void *cookie, enum vfio_interrupts kind, const int *fds, unsigned count)
{
    return set_irqs(cookie, indices[kind], VFIO_IRQ_SET_ACTION_TRIGGER, fds, count);
}

static int unmask_by(void *cookie, int fd)
{
    return set_irqs(cookie, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK, &fd, 1);
}

static int reset(void *cookie)
{
    const struct vfio_device *device = cookie;
    return device->can_reset ? call(device, VFIO_DEVICE_RESET, NULL) : -ENOTSUP;
}

const struct vfio_physical_ops vfio_device_ops = {
    .region = region,
    .read = device_read,
    .write = device_write,
    .map = map,
    .unmap = unmap,
    .interrupt_count = interrupt_count,
    .interrupts = interrupts,
    .unmask_by = unmask_by,
    .reset = reset,
};

int vfio_device_events(const struct vfio_device *device, int fd)
{
    int error = -ENOTSUP;
    static const unsigned wanted[] = { VFIO_PCI_REQ_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX };
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (count_of(device, wanted[i]) > 0) {
            error = set_irqs(device, wanted[i], VFIO_IRQ_SET_ACTION_TRIGGER, &fd, 1);
        }
    }
    return error;
}

int vfio_device_init(struct vfio_device *device, int fd)
{
    struct vfio_device_info info = { .argsz = sizeof(info) };
    memset(device, 0, sizeof(*device));
    device->fd = fd;
    int error = call(device, VFIO_DEVICE_GET_INFO, &info);
    if (!error && !(info.flags & VFIO_DEVICE_FLAGS_PCI)) {
        error = -ENODEV;
    }
    device->can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
    return error ? error : find_offsets(device);
}

void vfio_device_close(struct vfio_device *device)
{
    if (device->fd >= 0) {
        close(device->fd);
        device->fd = -1;
    }
}
