/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/ioports.h>

static int in(void *cookie, unsigned int port_no, unsigned int size, unsigned int *result)
{
    *result = port_no + size;
    return cookie ? 0 : -1;
}

static int out(void *cookie, unsigned int port_no, unsigned int size, unsigned int value)
{
    return cookie && port_no && size && value ? 0 : -1;
}

static vmm_io_port_list_t *list;
static const ioport_range_t whatever = { 0, 0, 0x400 };
static const ioport_range_t there = { 0x8000, 0x8000 + 0x40, 0x40 };
static const ioport_interface_t interface = { &list, in, out, "a device" };

unsigned int client_ioports(void)
{
    unsigned int data = 0;

    if (vmm_io_port_init(&list, 0x9000) ||
        !vmm_io_port_add_handler(list, there, interface, IOPORT_ADDR)) {
        return 0;
    }
    ioport_entry_t *entry = vmm_io_port_add_handler(list, whatever, interface, IOPORT_FREE);
    switch (emulate_io_handler(list, entry->range.start, true, 4, &data)) {
    case 0:
        return data + entry->range.end + entry->range.size;
    case 1:
        return (unsigned)list->num_ioports + list->alloc_addr;
    default:
        return list->ioports[0]->interface.desc != NULL;
    }
}
