/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the connection layer share: vsock_mux.c (the backend's functions, time, life),
 * vsock_mux_table.c (table and lists), vsock_mux_guest.c (packets of the guest), vsock_mux_fill.c
 * (packets for the guest), vsock_mux_buffer.c (the guest's data on its way to the backend).
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/vsock_mux.h>

#include "virtio/virtio_vsock_spec.h"

/* Bits of `pending`; each packet is sent at most once however often it was asked for. */
#define VSOCK_PENDING_REQUEST  0x01u
#define VSOCK_PENDING_RESPONSE 0x02u
#define VSOCK_PENDING_RESET    0x04u
#define VSOCK_PENDING_SHUTDOWN 0x08u
#define VSOCK_PENDING_CREDIT   0x10u
#define VSOCK_PENDING_ASK      0x20u

#define VSOCK_SHUT_BOTH (VMMP_VSOCK_RECEIVE | VMMP_VSOCK_SEND)

/* ---- vsock_mux_table.c ---- */

struct vmmp_vsock_connection *vmmp_vsock_mux_find(const struct vmmp_vsock_mux *mux,
                                                  uint32_t guest_port, uint32_t host_port);
/* A new entry of the table, or NULL if it is full. */
struct vmmp_vsock_connection *vmmp_vsock_mux_take(struct vmmp_vsock_mux *mux, uint32_t guest_port,
                                                  uint32_t host_port, enum vmmp_vsock_type type);
/* Takes it out of the hash table, so that its ports are free. */
void vmmp_vsock_mux_unhash(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);
void vmmp_vsock_mux_give_back(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);

/* How many bytes the guest can take; 0 also if it cannot be. */
uint32_t vmmp_vsock_mux_credit(const struct vmmp_vsock_connection *connection);
/* Asks for credit, once, if that is what keeps it from sending. */
void vmmp_vsock_mux_ask(struct vmmp_vsock_connection *connection);
/* Puts it on the list of those with something to say, if it has, and wakes the receive queue. */
void vmmp_vsock_mux_update(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);
bool vmmp_vsock_mux_has_work(const struct vmmp_vsock_mux *mux,
                             const struct vmmp_vsock_connection *connection);
void vmmp_vsock_mux_enlist(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);
/* Takes it, which is listed, off again. */
void vmmp_vsock_mux_delist(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);

void vmmp_vsock_mux_start_timer(struct vmmp_vsock_mux *mux,
                                struct vmmp_vsock_connection *connection);
void vmmp_vsock_mux_stop_timer(struct vmmp_vsock_mux *mux,
                               struct vmmp_vsock_connection *connection);

/* ---- vsock_mux.c ---- */

/* Tells the backend that the connection is over, if it knows it. */
void vmmp_vsock_mux_tell_closed(struct vmmp_vsock_mux *mux,
                                struct vmmp_vsock_connection *connection,
                                enum vmmp_vsock_reason reason);
/* Ends the connection with a reset for the guest. */
void vmmp_vsock_mux_abort(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                          enum vmmp_vsock_reason reason);
/* As above, because the guest broke a rule: with a log line. */
void vmmp_vsock_mux_violation(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                              const char *what);
/* The host is done with it; the guest's reset is waited for. */
void vmmp_vsock_mux_finish(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);

/* ---- vsock_mux_guest.c, vsock_mux_fill.c: struct vmmp_vsock_peer ---- */

bool vmmp_vsock_mux_packet(void *cookie, const struct vmmp_vsock_packet *packet,
                           const struct vmmp_iovec *payload, unsigned count);
bool vmmp_vsock_mux_fill(void *cookie, struct vmmp_vsock_packet *packet,
                         const struct vmmp_iovec *room, unsigned count, uint32_t size);

/* ---- vsock_mux_buffer.c ---- */

/* Data of the guest's, within its credit: to the backend, or into the buffer. */
void vmmp_vsock_mux_data(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection,
                         const struct vmmp_vsock_packet *packet, const struct vmmp_iovec *payload,
                         unsigned count);
/* Offers the backend what is buffered, and tells it what the guest has shut when that is out. */
void vmmp_vsock_mux_drain(struct vmmp_vsock_mux *mux, struct vmmp_vsock_connection *connection);

static inline uint32_t vsock_mux_buffered(const struct vmmp_vsock_connection *connection)
{
    return connection->rx_cnt - connection->fwd_cnt;
}
