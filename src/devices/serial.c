/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/serial.h>

#include <string.h>

void vmmp_serial_flush(struct vmmp_serial *serial)
{
    const struct vmmp_serial_backend *backend = serial->backend;
    size_t taken = serial->output_count;

    if (taken == 0) {
        return;
    }
    if (backend && backend->write) {
        taken = backend->write(serial->cookie, serial->output, serial->output_count);
        if (taken > serial->output_count) {
            taken = serial->output_count;
        }
    }
    serial->output_count -= taken;
    memmove(serial->output, serial->output + taken, serial->output_count);
    bool was_stalled = serial->stalled;
    serial->stalled = serial->output_count != 0;
    if (was_stalled && !serial->stalled && serial->drained) {
        serial->drained(serial->uart);
    }
}

static void run_deferred(void *cookie)
{
    vmmp_serial_flush(cookie);
}

void vmmp_serial_init(struct vmmp_serial *serial, const struct vmmp_serial_backend *backend,
                      void *cookie, const struct vmmp_host *host,
                      const struct vmmp_context *context, void (*drained)(void *uart), void *uart)
{
    memset(serial, 0, sizeof(*serial));
    serial->backend = backend;
    serial->cookie = cookie;
    serial->host = host;
    serial->work.run = run_deferred;
    serial->work.cookie = serial;
    serial->work.context = context;
    serial->drained = drained;
    serial->uart = uart;
}

void vmmp_serial_fini(struct vmmp_serial *serial)
{
    vmmp_host_cancel(serial->host, &serial->work);
    vmmp_serial_flush(serial);
}

bool vmmp_serial_put(struct vmmp_serial *serial, uint8_t byte)
{
    if (vmmp_serial_full(serial)) {
        return false;
    }
    serial->output[serial->output_count++] = byte;
    if (byte == '\n' || serial->output_count == VMMP_SERIAL_OUTPUT_SIZE) {
        vmmp_serial_flush(serial);
    } else if (!serial->stalled && !vmmp_host_defer(serial->host, &serial->work)) {
        vmmp_serial_flush(serial);
    }
    return true;
}

bool vmmp_serial_full(struct vmmp_serial *serial)
{
    if (serial->output_count == VMMP_SERIAL_OUTPUT_SIZE) {
        vmmp_serial_flush(serial);
    }
    return serial->output_count == VMMP_SERIAL_OUTPUT_SIZE;
}

size_t vmmp_serial_get(struct vmmp_serial *serial, uint8_t *bytes, size_t room)
{
    const struct vmmp_serial_backend *backend = serial->backend;

    if (!backend || !backend->read || room == 0) {
        return 0;
    }
    size_t got = backend->read(serial->cookie, bytes, room);
    return got < room ? got : room;
}
