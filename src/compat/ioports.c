/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/ioports.h> over vmmp/io_port.h: handlers become register windows. */
#include <sel4vmmplatsupport/ioports.h>

#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/io_port.h>

#include "compat/compat_pci.h"

struct compat_list {
    vmm_io_port_list_t list; /* First: clients hold a pointer to it. */
    struct vmmp_io_port_space space;
    bool failed; /* A handler reported an error during the current access. */
};

struct compat_port {
    ioport_entry_t entry; /* First: so do they of this. */
    struct vmmp_window window;
    struct compat_list *owner;
};

static struct compat_list *compat_list(vmm_io_port_list_t *list)
{
    return (struct compat_list *)(void *)list;
}

static uint64_t port_read(void *device, uint64_t offset, unsigned size)
{
    struct compat_port *port = device;
    unsigned int value = 0;
    if (port->entry.interface.port_in(port->entry.interface.cookie,
                                      port->entry.range.start + (unsigned)offset, size, &value)) {
        port->owner->failed = true;
        return vmmp_all_ones(size);
    }
    return value;
}

static void port_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct compat_port *port = device;
    if (port->entry.interface.port_out(port->entry.interface.cookie,
                                       port->entry.range.start + (unsigned)offset, size,
                                       (unsigned)value)) {
        port->owner->failed = true;
    }
}

static const struct vmmp_window_ops port_ops = { port_read, port_write };

int vmm_io_port_init(vmm_io_port_list_t **io_list, uint16_t ioport_alloc_addr)
{
    if (!io_list) {
        return -1;
    }
    struct compat_list *list = calloc(1, sizeof(*list));
    if (!list) {
        return -1;
    }
    list->list.alloc_addr = ioport_alloc_addr;
    vmmp_io_port_space_init(&list->space, NULL, 0, ioport_alloc_addr, NULL);
    *io_list = &list->list;
    return 0;
}

/* Room for one more handler, so that adding it cannot fail for want of memory. */
static bool reserve_room(struct compat_list *list)
{
    unsigned capacity = list->space.count + 1;
    if (capacity <= list->space.capacity) {
        return true;
    }
    void *ranges = realloc(list->space.ranges, capacity * sizeof(list->space.ranges[0]));
    if (!ranges) {
        return false;
    }
    list->space.ranges = ranges;
    void *entries = realloc(list->list.ioports, capacity * sizeof(list->list.ioports[0]));
    if (!entries) {
        return false;
    }
    list->list.ioports = entries;
    list->space.capacity = capacity;
    return true;
}

/* What clients can see of the list follows the space. */
static void publish(struct compat_list *list)
{
    for (unsigned i = 0; i < list->space.count; i++) {
        struct compat_port *port = list->space.ranges[i].window->device;
        list->list.ioports[i] = &port->entry;
    }
    list->list.num_ioports = (int)list->space.count;
    list->list.alloc_addr = (uint16_t)list->space.next;
}

static struct compat_port *new_port(struct compat_list *list, uint32_t size,
                                    const ioport_interface_t *interface)
{
    if (!interface->port_in || !interface->port_out || !reserve_room(list)) {
        return NULL;
    }
    struct compat_port *port = calloc(1, sizeof(*port));
    if (port) {
        port->entry.interface = *interface;
        port->window.name = interface->desc ? interface->desc : "ports";
        port->window.ops = &port_ops;
        port->window.device = port;
        port->window.size = size;
        port->owner = list;
    }
    return port;
}

static ioport_entry_t *add_at(struct compat_list *list, const ioport_range_t *range,
                              const ioport_interface_t *interface)
{
    if (range->end < range->start) {
        return NULL;
    }
    struct compat_port *port = new_port(list, (uint32_t)(range->end - range->start) + 1, interface);
    if (!port) {
        return NULL;
    }
    port->entry.range = *range;
    if (vmmp_io_port_add(&list->space, &port->window, range->start)) {
        free(port);
        return NULL;
    }
    publish(list);
    return &port->entry;
}

ioport_entry_t *vmmp_compat_io_port_allocate(vmm_io_port_list_t *io_list, uint32_t size,
                                             uint32_t align, ioport_interface_t interface)
{
    struct compat_list *list = compat_list(io_list);
    struct compat_port *port = list && size ? new_port(list, size, &interface) : NULL;
    if (!port) {
        return NULL;
    }
    int first = vmmp_io_port_allocate(&list->space, &port->window, align);
    if (first < 0) {
        free(port);
        return NULL;
    }
    port->entry.range.start = (uint16_t)first;
    port->entry.range.end = (uint16_t)((uint32_t)first + size - 1);
    port->entry.range.size = (uint16_t)size;
    publish(list);
    return &port->entry;
}

ioport_entry_t *vmm_io_port_add_handler(vmm_io_port_list_t *io_list, ioport_range_t ioport_range,
                                        ioport_interface_t ioport_interface,
                                        ioport_type_t port_type)
{
    if (!io_list) {
        return NULL;
    }
    switch (port_type) {
    case IOPORT_FREE:
        return vmmp_compat_io_port_allocate(io_list, ioport_range.size, 1, ioport_interface);
    case IOPORT_ADDR:
        return add_at(compat_list(io_list), &ioport_range, &ioport_interface);
    }
    return NULL;
}

int vmmp_compat_io_port_move(vmm_io_port_list_t *io_list, ioport_entry_t *entry, uint32_t first,
                             bool enable)
{
    struct compat_list *list = compat_list(io_list);
    struct compat_port *port = (struct compat_port *)(void *)entry;
    int err = 0;
    vmmp_io_port_remove(&list->space, &port->window);
    if (enable) {
        err = reserve_room(list) ? vmmp_io_port_add(&list->space, &port->window, first) : -1;
    }
    if (enable && !err) {
        entry->range.start = (uint16_t)first;
        entry->range.end = (uint16_t)(first + (uint32_t)port->window.size - 1);
    }
    publish(list);
    return err ? -1 : 0;
}

void vmmp_compat_io_port_drop(vmm_io_port_list_t *io_list, ioport_entry_t *entry)
{
    struct compat_list *list = compat_list(io_list);
    struct compat_port *port = (struct compat_port *)(void *)entry;
    vmmp_io_port_remove(&list->space, &port->window);
    publish(list);
    free(port);
}

int emulate_io_handler(vmm_io_port_list_t *io_port, unsigned int port_no, bool is_in, size_t size,
                       unsigned int *data)
{
    struct compat_list *list = compat_list(io_port);
    if (!list || !data) {
        return -1;
    }
    if (size != 1 && size != 2 && size != 4) {
        if (is_in) {
            *data = UINT32_MAX;
        }
        return 1;
    }
    bool claimed;
    list->failed = false;
    if (is_in) {
        *data = (unsigned)vmmp_io_port_read(&list->space, port_no, (unsigned)size, &claimed);
    } else {
        vmmp_io_port_write(&list->space, port_no, (unsigned)size,
                           *data & vmmp_all_ones((unsigned)size), &claimed);
    }
    if (list->failed) {
        return -1;
    }
    return claimed ? 0 : 1;
}
