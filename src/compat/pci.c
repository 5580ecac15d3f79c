/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/pci.h>, and how native functions join such a bus. */
#include <sel4vmmplatsupport/drivers/pci.h>

#include <stdlib.h>

#include <sel4vmmplatsupport/drivers/pci_helper.h>

#include "bus/pci_access.h"
#include "bus/pci_internal.h"
#include "bus/pci_regs.h"
#include "compat/compat_pci.h"
#include "compat/compat_vm.h"

int vmm_pci_init(vmm_pci_space_t **space)
{
    if (!space) {
        return -1;
    }
    vmm_pci_space_t *self = calloc(1, sizeof(*self));
    vmm_pci_device_def_t *bridge = calloc(1, sizeof(*bridge));
    if (self && bridge) {
        define_pci_host_bridge(bridge);
        vmm_pci_entry_t entry = {
            .cookie = bridge,
            .ioread = vmm_pci_mem_device_read,
            .iowrite = vmm_pci_entry_ignore_write,
        };
        if (vmm_pci_add_entry(self, entry, NULL) == 0) {
            *space = self;
            return 0;
        }
    }
    free(bridge);
    free(self);
    return -1;
}

int vmm_pci_add_entry(vmm_pci_space_t *space, vmm_pci_entry_t entry, vmm_pci_address_t *addr)
{
    if (!space) {
        return -1;
    }
    for (unsigned dev = 0; dev < 32; dev++) {
        if (space->bus0[dev][0]) {
            continue;
        }
        vmm_pci_entry_t *copy = malloc(sizeof(*copy));
        if (!copy) {
            return -1;
        }
        *copy = entry;
        space->bus0[dev][0] = copy;
        if (addr) {
            *addr = (vmm_pci_address_t){ .bus = 0, .dev = (uint8_t)dev, .fun = 0 };
        }
        return 0;
    }
    vmmp_log(&vmmp_compat_default_log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
             "pci: the bus has 32 devices already, no room for another");
    return -1;
}

void make_addr_reg_from_config(uint32_t conf, vmm_pci_address_t *addr, uint8_t *reg)
{
    addr->bus = (uint8_t)(conf >> 16);
    addr->dev = (conf >> 11) & 0x1f;
    addr->fun = (conf >> 8) & 0x7;
    *reg = (uint8_t)conf;
}

vmm_pci_entry_t *find_device(vmm_pci_space_t *self, vmm_pci_address_t addr)
{
    return addr.bus == 0 && addr.dev < 32 && addr.fun < 8 ? self->bus0[addr.dev][addr.fun] : NULL;
}

/* ---- a guest's accesses -------------------------------------------------------------------- */

struct access {
    const vmm_pci_entry_t *entry;
    bool single_function; /* Whatever a passed-through device says of its siblings. */
    bool failed;
};

static uint32_t entry_read(void *cookie, unsigned offset, unsigned size)
{
    struct access *access = cookie;
    uint32_t value = 0;
    if (access->entry->ioread(access->entry->cookie, (int)offset, (int)size, &value)) {
        access->failed = true;
        return UINT32_MAX;
    }
    if (access->single_function && offset <= PCICFG_HEADER_TYPE &&
        offset + size > PCICFG_HEADER_TYPE) {
        value &= ~((uint32_t)PCICFG_HEADER_MULTIFUNCTION << (8 * (PCICFG_HEADER_TYPE - offset)));
    }
    return value;
}

static void entry_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    struct access *access = cookie;
    if (access->entry->iowrite(access->entry->cookie, (int)offset, (int)size, value)) {
        access->failed = true;
    }
}

static bool has_single_function(const vmm_pci_space_t *space, unsigned dev)
{
    for (unsigned fun = 1; fun < 8; fun++) {
        if (space->bus0[dev][fun]) {
            return false;
        }
    }
    return true;
}

uint64_t vmmp_compat_pci_read(vmm_pci_space_t *space, vmm_pci_address_t addr, unsigned offset,
                              unsigned size, bool *failed)
{
    struct access access = { .entry = find_device(space, addr) };
    if (!access.entry) {
        return vmmp_all_ones(size);
    }
    access.single_function = has_single_function(space, addr.dev);
    uint64_t value = vmmp_pci_split_read(VMMP_PCI_CONFIG_SIZE, offset, size, entry_read, &access);
    *failed = *failed || access.failed;
    return value;
}

void vmmp_compat_pci_write(vmm_pci_space_t *space, vmm_pci_address_t addr, unsigned offset,
                           unsigned size, uint64_t value, bool *failed)
{
    struct access access = { .entry = find_device(space, addr) };
    if (access.entry) {
        vmmp_pci_split_write(VMMP_PCI_CONFIG_SIZE, offset, size, value, entry_write, &access);
        *failed = *failed || access.failed;
    }
}

/* ---- native functions ---------------------------------------------------------------------- */

static int native_read(void *cookie, int offset, int size, uint32_t *result)
{
    if (offset < 0 || (size != 1 && size != 2 && size != 4)) {
        return -1;
    }
    *result = (uint32_t)vmmp_pci_function_read(cookie, (unsigned)offset, (unsigned)size);
    return 0;
}

static int native_write(void *cookie, int offset, int size, uint32_t value)
{
    if (offset < 0 || (size != 1 && size != 2 && size != 4)) {
        return -1;
    }
    vmmp_pci_function_write(cookie, (unsigned)offset, (unsigned)size, value);
    return 0;
}

/* Where a native function is plugged in: its port BAR, if any, moves in the client's list. */
struct compat_slot {
    vmm_pci_space_t *space;
    vmm_io_port_list_t *list;
    ioport_entry_t *entry; /* NULL: no port BAR. */
    unsigned bar;
    struct vmmp_window *window;
};

static bool slot_reachable(void *bus, const struct vmmp_pci_bar *bar, uint64_t address)
{
    uint64_t base;
    uint64_t end;
    (void)bus;
    if (vmmp_pci_bar_is_io(bar->type)) {
        return address <= 0x10000 - bar->size;
    }
    vmmp_compat_pci_memory(&base, &end);
    return address >= base && address < end && bar->size <= end - address;
}

/* The native function of a device whose ports are in `list`, or NULL. */
static struct vmmp_pci_function *function_with_ports(const vmm_pci_space_t *space, unsigned dev,
                                                     const vmm_io_port_list_t *list)
{
    const vmm_pci_entry_t *entry = space->bus0[dev][0];
    if (!entry || entry->ioread != native_read) {
        return NULL;
    }
    struct vmmp_pci_function *function = entry->cookie;
    const struct compat_slot *slot = function->bus;
    return slot->entry && slot->list == list ? function : NULL;
}

/*
 * Places the port BARs of all devices anew, the lower device number first: a guest that exchanges
 * two BARs puts them on top of each other in between.
 */
static void place_ports(struct compat_slot *moved)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned dev = 0; dev < 32; dev++) {
            struct vmmp_pci_function *function =
                function_with_ports(moved->space, dev, moved->list);
            if (function) {
                struct compat_slot *slot = function->bus;
                const struct vmmp_pci_bar *bar = &function->bars[slot->bar];
                vmmp_compat_io_port_move(slot->list, slot->entry, (uint32_t)bar->address,
                                         pass == 1 && bar->mapped);
            }
        }
    }
}

static void slot_decode_changed(void *bus, struct vmmp_pci_function *function)
{
    struct compat_slot *slot = bus;
    (void)function;
    if (slot->entry) {
        place_ports(slot);
    }
}

static const struct vmmp_pci_bus_ops slot_ops = {
    .reachable = slot_reachable,
    .decode_changed = slot_decode_changed,
};

static int slot_port_in(void *cookie, unsigned int port_no, unsigned int size, unsigned int *result)
{
    struct compat_slot *slot = cookie;
    *result = (unsigned)vmmp_window_read(slot->window, port_no - slot->entry->range.start, size);
    return 0;
}

static int slot_port_out(void *cookie, unsigned int port_no, unsigned int size, unsigned int value)
{
    struct compat_slot *slot = cookie;
    vmmp_window_write(slot->window, port_no - slot->entry->range.start, size, value);
    return 0;
}

static int plug(vmm_pci_space_t *space, struct vmmp_pci_function *function,
                struct compat_slot *slot, vmm_pci_address_t *addr)
{
    vmm_pci_address_t place;
    vmm_pci_entry_t entry = {
        .cookie = function,
        .ioread = native_read,
        .iowrite = native_write,
    };
    slot->space = space;
    function->bus = slot;
    if (vmm_pci_add_entry(space, entry, &place)) {
        function->bus = NULL;
        return -1;
    }
    function->device_number = place.dev;
    function->function_number = place.fun;
    function->bus_ops = &slot_ops;
    if (addr) {
        *addr = place;
    }
    vmmp_pci_update_decode(function);
    if (slot->entry) {
        place_ports(slot);
    }
    return 0;
}

int vmmp_compat_pci_add(vmm_pci_space_t *space, struct vmmp_pci_function *function,
                        vmm_pci_address_t *addr)
{
    struct compat_slot *slot = calloc(1, sizeof(*slot));
    if (!slot || plug(space, function, slot, addr)) {
        free(slot);
        return -1;
    }
    return 0;
}

void vmmp_compat_pci_remove(vmm_pci_space_t *space, struct vmmp_pci_function *function)
{
    vmm_pci_entry_t **entry = &space->bus0[function->device_number][function->function_number];
    struct compat_slot *slot = function->bus;
    vmmp_pci_unplug(function);
    free(*entry);
    *entry = NULL;
    free(slot);
}

static uint32_t power_of_two_at_least(uint32_t size)
{
    uint32_t power = PCICFG_BAR_IO_MINIMUM;
    while (power < size) {
        power *= 2;
    }
    return power;
}

static ioport_entry_t *take_ports(vmm_io_port_list_t *list, ioport_range_t range,
                                  ioport_type_t type, struct compat_slot *slot)
{
    ioport_interface_t interface = {
        .cookie = slot,
        .port_in = slot_port_in,
        .port_out = slot_port_out,
        .desc = slot->window->name,
    };
    uint32_t size = power_of_two_at_least(range.size);
    if (type == IOPORT_FREE) {
        return vmmp_compat_io_port_allocate(list, range.size, size, interface);
    }
    /* Clients give an `end` one beyond; a BAR has `size` ports, at a multiple of its size. */
    if (range.size == 0 || range.start % size || range.start > 0x10000 - range.size) {
        return NULL;
    }
    range.end = (uint16_t)(range.start + range.size - 1);
    return vmm_io_port_add_handler(list, range, interface, type);
}

static void remove_bar(struct vmmp_pci_function *function, unsigned bar)
{
    function->bars[bar] = (struct vmmp_pci_bar){ .type = VMMP_PCI_BAR_NONE };
    vmmp_pci_define(function, PCICFG_BAR0 + 4 * bar, 4, 0, 0, 0);
}

int vmmp_compat_pci_add_ports(vmm_pci_space_t *space, struct vmmp_pci_function *function,
                              unsigned bar, vmm_io_port_list_t *list, ioport_range_t range,
                              ioport_type_t type, struct vmmp_window *window)
{
    struct compat_slot *slot = calloc(1, sizeof(*slot));
    if (!slot) {
        return -1;
    }
    slot->list = list;
    slot->bar = bar;
    slot->window = window;
    slot->entry = take_ports(list, range, type, slot);
    if (!slot->entry) {
        free(slot);
        return -1;
    }
    uint16_t first = slot->entry->range.start;
    bool made = bar >= VMMP_PCI_BARS || function->bars[bar].type == VMMP_PCI_BAR_NONE;
    if (!made || vmmp_pci_add_bar(function, bar, VMMP_PCI_BAR_IO, power_of_two_at_least(range.size),
                                  window) == 0) {
        if (vmmp_pci_set_bar_address(function, bar, first) == 0 &&
            plug(space, function, slot, NULL) == 0) {
            return first;
        }
        if (made) {
            remove_bar(function, bar);
        }
    }
    vmmp_compat_io_port_drop(list, slot->entry);
    free(slot);
    return -1;
}
