/* SPDX-License-Identifier: BSD-2-Clause */
#include "console_pump.h"

#include <string.h>

static size_t write_out(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    const struct console_pump *pump = cookie;
    size_t done = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t taken = pump->outside->write(pump->outside->cookie, iov[i].base, iov[i].len);
        done += taken;
        if (taken < iov[i].len) {
            break;
        }
    }
    return done;
}

/* Moves input until there is no more or the guest takes no more. Inside the device's context. */
static void move_input(void *cookie)
{
    struct console_pump *pump = cookie;
    for (;;) {
        if (!pump->pending_size) {
            pump->pending_size =
                pump->outside->read(pump->outside->cookie, pump->pending, sizeof(pump->pending));
            if (!pump->pending_size) {
                return;
            }
        }
        size_t taken = vmmp_virtio_console_port_receive(pump->console, pump->port, pump->pending,
                                                        pump->pending_size);
        pump->pending_size -= taken;
        if (pump->pending_size) {
            memmove(pump->pending, pump->pending + taken, pump->pending_size);
            return;
        }
    }
}

struct vmmp_virtio_console_backend console_pump_backend(struct console_pump *pump)
{
    return (struct vmmp_virtio_console_backend){
        .write = write_out,
        .input_ready = move_input,
        .cookie = pump,
    };
}

void console_pump_notify(struct console_pump *pump)
{
    const struct vmmp_context *context = &pump->console->virtio.context;
    vmmp_context_enter(context);
    move_input(pump);
    vmmp_virtio_console_port_writable(pump->console, pump->port);
    vmmp_context_leave(context);
}
