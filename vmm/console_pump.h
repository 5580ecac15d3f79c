/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between a port of a virtio console and the port's outer end (struct machine_port), which has the
 * buffers: moves bytes when one side has some and the other takes them. What the guest did not take
 * waits here; the outer end's own buffer tells the host when to stop reading.
 *
 * Threads: console_pump_notify() from any, in no device's context; the backend's functions are
 * called by the console, inside its context.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

/** The outer end of a console or UART. Called inside the device's context; must not block. */
struct machine_port {
    size_t (*write)(void *cookie, const uint8_t *bytes, size_t size); /**< Returns how many. */
    size_t (*read)(void *cookie, uint8_t *bytes, size_t size);        /**< Returns how many. */
    void *cookie;
};

/** Zero it and set the first part. */
struct console_pump {
    const struct machine_port *outside;
    struct vmmp_virtio_console *console;
    unsigned port;

    uint8_t pending[1024]; /**< Input taken from the outside, not by the guest. */
    size_t pending_size;
};

/** What the console's port is made with. */
struct vmmp_virtio_console_backend console_pump_backend(struct console_pump *pump);
/** The outside has input, or takes output again. The console exists. */
void console_pump_notify(struct console_pump *pump);
