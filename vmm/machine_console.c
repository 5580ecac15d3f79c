/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_console.h"

int machine_console_add(struct machine *machine)
{
    const struct machine_config *config = machine->config;
    machine->console_pump.outside = config->console;
    machine->console_pump.console = &machine->console;
    struct vmmp_virtio_console_backend backend = console_pump_backend(&machine->console_pump);
    struct vmmp_virtio_console_options options = {
        .cols = config->console_columns,
        .rows = config->console_rows,
    };
    int error = vmmp_virtio_console_init(&machine->console, &backend, &options,
                                         &machine->vmmp.memory, &config->log, &config->host);
    if (!error) {
        machine->console_made = true;
        error = machine_virtio_plug(machine, &machine->console_place, &machine->console.virtio);
    }
    if (error) {
        vmmp_log(&config->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "making the virtio console failed (error %d)", -error);
    }
    return error;
}

void machine_console_remove(struct machine *machine)
{
    machine_virtio_unplug(machine, &machine->console_place);
    if (machine->console_made) {
        vmmp_virtio_console_fini(&machine->console);
    }
}

void machine_console_notify(struct machine *machine)
{
    if (machine->console_made) {
        console_pump_notify(&machine->console_pump);
    }
}

void machine_console_resize(struct machine *machine, uint16_t columns, uint16_t rows)
{
    if (!machine->console_made) {
        return;
    }
    const struct vmmp_context *context = &machine->console.virtio.context;
    vmmp_context_enter(context);
    vmmp_virtio_console_resize(&machine->console, columns, rows);
    vmmp_context_leave(context);
}

size_t machine_uart_write(void *cookie, const uint8_t *bytes, size_t size)
{
    const struct machine *machine = cookie;
    const struct machine_port *port = machine->config->serial;
    return port->write(port->cookie, bytes, size);
}

size_t machine_uart_read(void *cookie, uint8_t *bytes, size_t size)
{
    const struct machine *machine = cookie;
    const struct machine_port *port = machine->config->serial;
    return port->read(port->cookie, bytes, size);
}

void machine_serial_notify(struct machine *machine)
{
    if (machine->board_state) {
        machine_board_of(machine->config)->serial_notify(machine);
    }
}
