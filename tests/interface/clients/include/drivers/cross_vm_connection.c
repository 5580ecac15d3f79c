/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/drivers/cross_vm_connection.h>

/* What a component is told of a connection, and what it makes of it. */
struct connection {
    crossvm_dataport_handle_t *handle;
    emit_fn emit;
    seL4_Word badge;
    const char *name;
};

static int next_interrupt(void)
{
    return 82;
}

static int register_consumer(event_callback_fn callback, void *arg)
{
    callback(arg);
    return 0;
}

consume_callback_fn client_register_consumer = register_consumer;
alloc_free_interrupt_fn client_alloc_irq = next_interrupt;

int client_cross_vm_connection(vm_t *vm, vmm_pci_space_t *pci, const struct connection *made,
                               seL4_CPtr *frames)
{
    crossvm_handle_t *connections = calloc(1, sizeof(crossvm_handle_t));
    crossvm_dataport_handle_t *dataport = calloc(1, sizeof(*dataport));

    if (!connections || !dataport) {
        return -1;
    }
    dataport->frame_size_bits = 12;
    dataport->num_frames = 2;
    dataport->frames = frames;
    connections[0] = (crossvm_handle_t){ made->handle ? made->handle : dataport, made->emit,
                                         made->badge, made->name };
    connections[0].dataport = dataport;
    connections[0].emit_fn = made->emit;
    connections[0].consume_id = (seL4_Word)-1;
    connections[0].connection_name = "connector";
    int err = cross_vm_connections_init_common(vm, 0xdf000000, connections, 1, pci, next_interrupt);
    free(connections);
    consume_connection_event(vm, made->badge, false);
    return err + PCI_COMMAND + VIRTIO_ID_NET; /* From headers that this one brings. */
}
