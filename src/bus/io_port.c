/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/io_port.h>

#include <errno.h>
#include <string.h>

void vmmp_io_port_space_init(struct vmmp_io_port_space *space, struct vmmp_io_port_range *ranges,
                             unsigned capacity, uint16_t allocation_base,
                             const struct vmmp_log *log)
{
    memset(space, 0, sizeof(*space));
    space->ranges = ranges;
    space->capacity = capacity;
    space->next = allocation_base;
    space->log = log;
}

/* Index of the first range that ends at or after `port`. */
static unsigned lower_bound(const struct vmmp_io_port_space *space, uint32_t port)
{
    unsigned low = 0;
    unsigned high = space->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (space->ranges[middle].last < port) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int vmmp_io_port_add(struct vmmp_io_port_space *space, struct vmmp_window *window, uint32_t first)
{
    if (window->size == 0 || window->size > VMMP_IO_PORTS || first > VMMP_IO_PORTS - window->size) {
        return -EINVAL;
    }
    uint32_t last = first + (uint32_t)window->size - 1;
    unsigned at = lower_bound(space, first);
    if (at < space->count && space->ranges[at].first <= last) {
        return -EBUSY;
    }
    if (space->count == space->capacity) {
        return -ENOSPC;
    }
    memmove(&space->ranges[at + 1], &space->ranges[at],
            (space->count - at) * sizeof(space->ranges[0]));
    space->ranges[at] = (struct vmmp_io_port_range){ first, last, window };
    space->count++;
    return 0;
}

int vmmp_io_port_allocate(struct vmmp_io_port_space *space, struct vmmp_window *window,
                          uint32_t align)
{
    uint32_t first = (space->next + align - 1) & ~(align - 1);
    int err = vmmp_io_port_add(space, window, first);
    if (err) {
        return err;
    }
    space->next = first + (uint32_t)window->size;
    return (int)first;
}

void vmmp_io_port_remove(struct vmmp_io_port_space *space, const struct vmmp_window *window)
{
    for (unsigned i = 0; i < space->count; i++) {
        if (space->ranges[i].window == window) {
            space->count--;
            memmove(&space->ranges[i], &space->ranges[i + 1],
                    (space->count - i) * sizeof(space->ranges[0]));
            return;
        }
    }
}

const struct vmmp_io_port_range *vmmp_io_port_find(const struct vmmp_io_port_space *space,
                                                   uint32_t port)
{
    unsigned at = lower_bound(space, port);
    return at < space->count && space->ranges[at].first <= port ? &space->ranges[at] : NULL;
}

static bool legal_size(unsigned size)
{
    return size == 1 || size == 2 || size == 4 || size == 8;
}

/* Whether one range has all of an access, as it should be. */
static bool whole(const struct vmmp_io_port_range *range, uint32_t port, unsigned size)
{
    return range && size - 1 <= range->last - port;
}

static uint64_t read_bytes(struct vmmp_io_port_space *space, uint32_t port, unsigned size,
                           bool *any)
{
    uint64_t value = vmmp_all_ones(size);
    for (unsigned i = 0; i < size && port + i < VMMP_IO_PORTS; i++) {
        const struct vmmp_io_port_range *range = vmmp_io_port_find(space, port + i);
        if (range) {
            uint64_t byte = vmmp_window_read(range->window, port + i - range->first, 1);
            value = (value & ~(UINT64_C(0xff) << (8 * i))) | byte << (8 * i);
            *any = true;
        }
    }
    return value;
}

static void write_bytes(struct vmmp_io_port_space *space, uint32_t port, unsigned size,
                        uint64_t value, bool *any)
{
    for (unsigned i = 0; i < size && port + i < VMMP_IO_PORTS; i++) {
        const struct vmmp_io_port_range *range = vmmp_io_port_find(space, port + i);
        if (range) {
            vmmp_window_write(range->window, port + i - range->first, 1, (value >> (8 * i)) & 0xff);
            *any = true;
        }
    }
}

static void say_unclaimed(struct vmmp_io_port_space *space, const char *what, uint32_t port,
                          unsigned size)
{
    vmmp_log_guest(space->log, &space->unclaimed, "no device at port 0x%x (%u-byte %s)",
                   (unsigned)port, size, what);
}

uint64_t vmmp_io_port_read(struct vmmp_io_port_space *space, uint32_t port, unsigned size,
                           bool *claimed)
{
    bool any = false;
    uint64_t value = vmmp_all_ones(size);
    if (legal_size(size) && port < VMMP_IO_PORTS) {
        const struct vmmp_io_port_range *range = vmmp_io_port_find(space, port);
        if (whole(range, port, size)) {
            any = true;
            value = vmmp_window_read(range->window, port - range->first, size);
        } else {
            value = read_bytes(space, port, size, &any);
        }
    }
    if (!any) {
        say_unclaimed(space, "read", port, size);
    }
    if (claimed) {
        *claimed = any;
    }
    return value;
}

void vmmp_io_port_write(struct vmmp_io_port_space *space, uint32_t port, unsigned size,
                        uint64_t value, bool *claimed)
{
    bool any = false;
    if (legal_size(size) && port < VMMP_IO_PORTS) {
        const struct vmmp_io_port_range *range = vmmp_io_port_find(space, port);
        if (whole(range, port, size)) {
            any = true;
            vmmp_window_write(range->window, port - range->first, size, value);
        } else {
            write_bytes(space, port, size, value, &any);
        }
    }
    if (!any) {
        say_unclaimed(space, "write", port, size);
    }
    if (claimed) {
        *claimed = any;
    }
}
