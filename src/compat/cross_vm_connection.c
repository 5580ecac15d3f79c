/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/cross_vm_connection.h> onto vmmp/crossvm.h. */
#include <sel4vmmplatsupport/drivers/cross_vm_connection.h>

#include <errno.h>
#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/crossvm.h>

#include "bus/pci_regs.h"
#include "compat/compat_pci.h"
#include "compat/compat_vm.h"

#define NO_EVENTS   ((seL4_Word)-1)
#define BARS        2
#define BUS_DEVICES 32

/* An interrupt that connections share. libsel4vm takes no registration back. */
struct line {
    struct vmmp_irq_line line;
    int irq;
    struct line *next;
};

/* A BAR at its place: what answers or is mapped, and what is left up to the BAR's end. */
struct place {
    uint64_t address;
    bool due; /* The guest wants it there, though somebody else may have the address. */
    struct vmmp_window rest;
};

struct connection {
    struct vmmp_crossvm model;
    struct vmmp_vm *vmmp;
    struct crossvms *all;
    struct vmmp_window dataport; /* Never answers, for memory is mapped in its place. */
    struct place places[BARS];
    struct line *line;
    void (*emit)(void);
    seL4_Word consume_id;
    struct vmmp_log_limit limit;
    struct connection *next;
    unsigned frame_bits;
    unsigned frame_count;
    seL4_CPtr frames[];
};

/* Of one VM. */
struct crossvms {
    struct connection *first;
    struct connection **end;
    struct line *lines;
};

/* ---- BARs ---------------------------------------------------------------------------------- */

static uint64_t read_nothing(void *device, uint64_t offset, unsigned size)
{
    (void)device, (void)offset;
    return vmmp_all_ones(size);
}

static void drop_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device, (void)offset, (void)size, (void)value;
}

static const struct vmmp_window_ops nothing_ops = { read_nothing, drop_write };

/* What a frame's memory is mapped with; `addr` is anywhere in it. */
static vm_frame_t frame_at(uintptr_t addr, void *cookie)
{
    const struct connection *connection = cookie;
    uintptr_t index = (addr - (uintptr_t)connection->dataport.base) >> connection->frame_bits;
    vm_frame_t frame = { .cptr = seL4_CapNull };
    if (index < connection->frame_count) {
        frame.cptr = connection->frames[index];
        frame.rights = seL4_ReadWrite;
        frame.vaddr = (uintptr_t)connection->dataport.base + (index << connection->frame_bits);
        frame.size_bits = connection->frame_bits;
    }
    return frame;
}

static struct vmmp_window *window_of(struct connection *connection, unsigned bar)
{
    return bar == VMMP_CROSSVM_BAR_EVENT ? &connection->model.window : &connection->dataport;
}

static void take_away(struct connection *connection, unsigned bar)
{
    vmmp_vm_detach_window(window_of(connection, bar));
    vmmp_vm_detach_window(&connection->places[bar].rest);
}

/* False if somebody else has the addresses, or frames cannot be mapped; then nothing is there. */
static bool put_there(struct connection *connection, unsigned bar)
{
    struct place *place = &connection->places[bar];
    struct vmmp_window *window = window_of(connection, bar);
    struct vmmp_vm *vmmp = connection->vmmp;

    if (vmmp_vm_attach_window(vmmp, window, vmmp_gpa(place->address))) {
        return false;
    }
    if ((place->rest.size &&
         vmmp_vm_attach_window(vmmp, &place->rest, vmmp_gpa(place->address + window->size))) ||
        (bar == VMMP_CROSSVM_BAR_DATAPORT &&
         vm_map_reservation(vmmp->vm, window->reservation, frame_at, connection))) {
        take_away(connection, bar);
        return false;
    }
    return true;
}

/* BARs that were in each other's way: a guest that exchanges two has them overlap in between. */
static void put_what_is_due(struct crossvms *all)
{
    for (struct connection *connection = all->first; connection; connection = connection->next) {
        for (unsigned bar = 0; bar < BARS; bar++) {
            if (connection->places[bar].due && !window_of(connection, bar)->vm) {
                put_there(connection, bar);
            }
        }
    }
}

static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    struct connection *connection = cookie;
    struct place *place = &connection->places[bar];

    place->address = address;
    place->due = mapped;
    if (!mapped) {
        take_away(connection, bar);
        put_what_is_due(connection->all);
    } else if (!put_there(connection, bar)) {
        vmmp_log_guest(&connection->vmmp->log, &connection->limit,
                       "crossvm %s: BAR %u cannot be at 0x%llx, where something else is",
                       connection->model.name, bar, (unsigned long long)address);
    }
}

/* ---- Making connections -------------------------------------------------------------------- */

static void emit(void *cookie, uint64_t count)
{
    const struct connection *connection = cookie;
    for (; count > 0; count--) {
        connection->emit();
    }
}

static int said(struct vmmp_vm *vmmp, const struct connection *connection, const char *what)
{
    vmmp_log(&vmmp->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "crossvm %s: %s",
             connection ? connection->model.name : "connections", what);
    return -1;
}

static struct connection *make(struct vmmp_vm *vmmp, struct crossvms *all,
                               const crossvm_handle_t *handle)
{
    const crossvm_dataport_handle_t *dataport = handle->dataport;
    if (!dataport || !dataport->frames || !dataport->num_frames ||
        dataport->frame_size_bits < seL4_PageBits || dataport->frame_size_bits > 30 ||
        dataport->num_frames > (UINT32_C(1) << 30) >> dataport->frame_size_bits) {
        said(vmmp, NULL, "a dataport has no frames, or they are not 4 KiB to 1 GiB in all");
        return NULL;
    }
    size_t frames = dataport->num_frames * sizeof(seL4_CPtr);
    struct connection *connection = vmmp_compat_calloc(vmmp->vm, sizeof(*connection) + frames);
    if (!connection) {
        said(vmmp, NULL, "no memory");
        return NULL;
    }
    connection->vmmp = vmmp;
    connection->all = all;
    connection->emit = handle->emit_fn;
    connection->consume_id = handle->consume_id;
    connection->frame_bits = (unsigned)dataport->frame_size_bits;
    connection->frame_count = dataport->num_frames;
    memcpy(connection->frames, dataport->frames, frames);
    const struct vmmp_crossvm_config config = {
        .name = handle->connection_name,
        .size = (uint64_t)dataport->num_frames << dataport->frame_size_bits,
        .emit = handle->emit_fn ? emit : NULL,
        .bar_mapped = bar_mapped,
        .cookie = connection,
        .host = vmmp->host,
        .log = &vmmp->log,
    };
    if (vmmp_crossvm_init(&connection->model, &config)) {
        vmmp_compat_free(vmmp->vm, connection);
        return NULL;
    }
    connection->dataport = (struct vmmp_window){ .name = "crossvm dataport",
                                                 .ops = &nothing_ops,
                                                 .size = config.size };
    for (unsigned bar = 0; bar < BARS; bar++) {
        connection->places[bar].rest = (struct vmmp_window){
            .name = "crossvm",
            .ops = &nothing_ops,
            .size = connection->model.pci.bars[bar].size - window_of(connection, bar)->size,
        };
    }
    return connection;
}

static void unmake(vmm_pci_space_t *pci, struct connection *connection)
{
    if (connection->model.pci.bus_ops) {
        vmmp_compat_pci_remove(pci, &connection->model.pci);
    }
    vmmp_crossvm_fini(&connection->model);
    vmmp_compat_free(connection->vmmp->vm, connection);
}

static struct line *line_of(struct vmmp_vm *vmmp, struct crossvms *all, int irq)
{
    for (struct line *line = all->lines; line; line = line->next) {
        if (line->irq == irq) {
            return line;
        }
    }
    struct line *line = vmmp_compat_calloc(vmmp->vm, sizeof(*line));
    if (!line) {
        return NULL;
    }
    line->irq = irq;
    if (vmmp_vm_irq_line_init(vmmp, &line->line, irq)) {
        vmmp_compat_free(vmmp->vm, line);
        return NULL;
    }
    line->next = all->lines;
    all->lines = line;
    return line;
}

/* A line for each connection, as long as there are. */
static int give_lines(struct vmmp_vm *vmmp, struct crossvms *all, struct connection *made,
                      alloc_free_interrupt_fn alloc_irq)
{
    struct line *line = all->lines; /* Of an earlier call. */
    bool more = true;

    for (struct connection *connection = made; connection; connection = connection->next) {
        int irq = more ? alloc_irq() : -1;
        if (irq >= 0 && (!line || irq != line->irq)) {
            struct line *own = line_of(vmmp, all, irq);
            line = own ? own : line;
            more = own != NULL;
        } else {
            more = false;
        }
        if (!line) {
            return said(vmmp, connection,
                        irq < 0 ? "alloc_irq has no interrupt"
                                : "the interrupt of alloc_irq cannot be registered; it comes "
                                  "after the interrupt controller and the boot vCPU");
        }
        connection->line = line;
        vmmp_pci_define(&connection->model.pci, PCICFG_INTERRUPT_LINE, 1, (uint8_t)line->irq, 0xff,
                        0);
    }
    return 0;
}

static int place_all(struct vmmp_vm *vmmp, struct connection *made, uint64_t base)
{
    struct vmmp_crossvm_area area = { .next = base };
    uint64_t window;

    vmmp_compat_pci_memory(&window, &area.end);
    if (base < window || base >= area.end) {
        vmmp_log(&vmmp->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "crossvm: the base 0x%llx is not in the PCI memory window, 0x%llx to 0x%llx",
                 (unsigned long long)base, (unsigned long long)window,
                 (unsigned long long)(area.end - 1));
        return -1;
    }
    for (struct connection *connection = made; connection; connection = connection->next) {
        if (vmmp_crossvm_place(&connection->model, &area)) {
            return -1;
        }
    }
    return 0;
}

static int plug_all(struct vmmp_vm *vmmp, struct connection *made, vmm_pci_space_t *pci)
{
    for (struct connection *connection = made; connection; connection = connection->next) {
        struct vmmp_pci_function *function = &connection->model.pci;
        /* Both BARs answer before anybody has enabled them, as clients' guests may expect. */
        vmmp_pci_set_command(function, PCICFG_COMMAND_MEMORY);
        if (vmmp_compat_pci_add(pci, function, NULL)) {
            return said(vmmp, connection, "the PCI bus has no free device");
        }
        if (!connection->dataport.vm || !connection->model.window.vm) {
            return said(vmmp, connection,
                        "its addresses are taken, or its frames cannot be mapped there");
        }
    }
    return 0;
}

static unsigned free_devices(const vmm_pci_space_t *pci)
{
    unsigned count = 0;
    for (unsigned device = 0; device < BUS_DEVICES; device++) {
        count += pci->bus0[device][0] == NULL;
    }
    return count;
}

/* The VM's book of connections, made when it is first needed. */
static struct crossvms *crossvms_of(vm_t *vm, bool make_it)
{
    struct crossvms **all = (struct crossvms **)vmmp_compat_crossvm(vm);
    if (all && !*all && make_it) {
        *all = vmmp_compat_calloc(vm, sizeof(**all));
        if (*all) {
            (*all)->end = &(*all)->first;
        }
    }
    return all ? *all : NULL;
}

int cross_vm_connections_init_common(vm_t *vm, uintptr_t connection_base_addr,
                                     crossvm_handle_t *connections, int num_connections,
                                     vmm_pci_space_t *pci, alloc_free_interrupt_fn alloc_irq)
{
    struct vmmp_vm *vmmp = vmmp_compat_vm(vm);
    struct crossvms *all = vmmp ? crossvms_of(vm, true) : NULL;

    if (!all || !pci || !alloc_irq || num_connections < 0 || (num_connections && !connections)) {
        vmmp_log(vmmp ? &vmmp->log : &vmmp_compat_default_log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "crossvm: give a VM, connections, a PCI bus and a source of interrupts");
        return -1;
    }
    if ((unsigned)num_connections > free_devices(pci)) {
        vmmp_log(&vmmp->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "crossvm: %d connections for %u free devices on the PCI bus; make fewer",
                 num_connections, free_devices(pci));
        return -1;
    }
    struct connection **before = all->end;
    int error = 0;
    for (int i = 0; i < num_connections && !error; i++) {
        struct connection *connection = make(vmmp, all, &connections[i]);
        if (!connection) {
            error = -1;
            break;
        }
        *all->end = connection;
        all->end = &connection->next;
    }
    if (!error) {
        error = place_all(vmmp, *before, connection_base_addr);
    }
    if (!error) {
        error = give_lines(vmmp, all, *before, alloc_irq);
    }
    if (!error) {
        error = plug_all(vmmp, *before, pci);
    }
    if (error) {
        struct connection *connection = *before;
        *before = NULL;
        all->end = before;
        while (connection) {
            struct connection *next = connection->next;
            unmake(pci, connection);
            connection = next;
        }
    }
    return error;
}

/* ---- Events -------------------------------------------------------------------------------- */

void consume_connection_event(vm_t *vm, seL4_Word event_id, bool inject_irq)
{
    const struct crossvms *all = crossvms_of(vm, false);

    if (!all || event_id == NO_EVENTS) {
        return;
    }
    for (struct connection *connection = all->first; connection; connection = connection->next) {
        if (connection->consume_id != event_id) {
            continue;
        }
        /* Without a line the status register and the count say all there is to say. */
        struct vmmp_irq_source *source = &connection->model.pci.irq;
        if (inject_irq && !source->line) {
            vmmp_irq_source_init(source, &connection->line->line);
        }
        vmmp_crossvm_consume(&connection->model, 1);
        return;
    }
}
