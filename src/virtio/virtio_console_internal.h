/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of virtio-console (device, data, control) share. Virtio 1.2, 5.3. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

/* 5.3.3 */
#define VIRTIO_CONSOLE_F_SIZE        0
#define VIRTIO_CONSOLE_F_MULTIPORT   1
#define VIRTIO_CONSOLE_F_EMERG_WRITE 2

/* 5.3.2 */
#define CONTROL_RX 2u
#define CONTROL_TX 3u

/* Whether the driver speaks of ports. */
static inline bool vmmp_virtio_console_multiport(const struct vmmp_virtio_console *console)
{
    return console->multiport &&
           vmmp_virtio_has_feature(&console->virtio, VIRTIO_CONSOLE_F_MULTIPORT);
}

/* Port `id`, or NULL if it is not there. */
static inline struct vmmp_virtio_console_port *
vmmp_virtio_console_find(const struct vmmp_virtio_console *console, unsigned id)
{
    return id < console->max_ports && console->ports[id].present ? &console->ports[id] : NULL;
}

/* A buffer of the driver's. After a miss kicks are on, so it tells when there is one again. */
bool vmmp_virtio_console_next_buffer(struct vmmp_virtio_console *console, unsigned queue,
                                     struct vmmp_virtqueue_chain *chain);

/* ---- virtio_console_data.c ---- */

enum vmmp_virtio_progress vmmp_virtio_console_transmit(struct vmmp_virtio_console *console,
                                                       struct vmmp_virtio_console_port *port);
/* The guest has made input buffers available, or opened the port. */
enum vmmp_virtio_progress vmmp_virtio_console_input_room(struct vmmp_virtio_console_port *port);
/* Forgets the chain under way and what it waited for. */
void vmmp_virtio_console_forget_output(struct vmmp_virtio_console_port *port);

/* ---- virtio_console_control.c ---- */

/* The messages that wait are sent as far as there are buffers for them. */
void vmmp_virtio_console_send_control(struct vmmp_virtio_console *console);
/* Reads what the driver says. */
enum vmmp_virtio_progress vmmp_virtio_console_hear_control(struct vmmp_virtio_console *console);
/* The driver is gone: nothing is announced and nothing waits. */
void vmmp_virtio_console_forget_control(struct vmmp_virtio_console *console);
/* The guest's end opens or closes. */
void vmmp_virtio_console_set_guest_open(struct vmmp_virtio_console_port *port, bool open);

/* What the client has changed, told to the driver as far as it concerns it. */
void vmmp_virtio_console_tell_added(struct vmmp_virtio_console *console,
                                    struct vmmp_virtio_console_port *port);
void vmmp_virtio_console_tell_removed(struct vmmp_virtio_console *console,
                                      struct vmmp_virtio_console_port *port);
void vmmp_virtio_console_tell_size(struct vmmp_virtio_console *console,
                                   struct vmmp_virtio_console_port *port);
