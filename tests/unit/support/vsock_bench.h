/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection layer with a guest before it and a backend that keeps what it gets behind it. */
#pragma once

#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/vsock_mux.h>

#include "support/vsock_guest.h"

#define OP(name)          VIRTIO_VSOCK_OP_##name
#define BENCH_CONNECTIONS 128u
#define BENCH_BUFFER      4096u
#define PACKED_BIT        (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define SEQPACKET_BIT     (UINT64_C(1) << VIRTIO_VSOCK_F_SEQPACKET)

/* The backend's side of one connection. */
struct end {
    struct vmmp_vsock_connection *connection; /* NULL when closed. */
    uint8_t data[65536];
    size_t length;
    size_t room;
    unsigned messages;
    uint32_t flags;     /* Of the last message. */
    const char *output; /* For the guest. */
    size_t output_left;
    uint32_t output_flags;
    bool output_ends; /* END behind it. */
    uint32_t shutdown;
    bool connected;
    bool closed;
    enum vmmp_vsock_reason reason;
};

struct bench {
    struct vsock_guest guest;
    struct vmmp_vsock_mux mux;
    void *memory;
    struct end ends[BENCH_CONNECTIONS + 8];
    unsigned end_count;
    bool refuse;
    bool late;   /* Connections are accepted later. */
    bool broken; /* Sending fails. */
    bool wake;   /* `send` says writable, with room for 3 more bytes. */
    size_t room; /* Of new connections. */
    unsigned sends;
    void (*in_send)(struct bench *bench, struct vmmp_vsock_connection *connection);
    void (*in_receive)(struct bench *bench, struct vmmp_vsock_connection *connection);
};

static struct end *add_end(struct bench *bench)
{
    assert_true(bench->end_count < sizeof(bench->ends) / sizeof(bench->ends[0]));
    struct end *end = &bench->ends[bench->end_count++];
    memset(end, 0, sizeof(*end));
    end->room = bench->room;
    return end;
}

static bool backend_connect(void *cookie, struct vmmp_vsock_connection *connection)
{
    struct bench *bench = cookie;
    if (bench->refuse) {
        return false;
    }
    struct end *end = add_end(bench);
    connection->user = end;
    end->connection = connection;
    if (!bench->late) {
        vmmp_vsock_mux_accept(&bench->mux, connection);
    }
    return true;
}

static void backend_connected(void *cookie, struct vmmp_vsock_connection *connection)
{
    struct end *end = connection->user;
    (void)cookie;
    assert_false(end->connected);
    end->connected = true;
}

static int64_t backend_send(void *cookie, struct vmmp_vsock_connection *connection,
                            const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                            uint32_t flags)
{
    struct bench *bench = cookie;
    struct end *end = connection->user;
    size_t total = 0;
    bench->sends++;
    assert_int_equal(bench->guest.rig.depth, vmmp_host_can_defer(&bench->guest.rig.host) ? 1 : 0);
    assert_true(count > 0 && bytes > 0);
    for (unsigned i = 0; i < count; i++) {
        total += iov[i].len;
    }
    assert_int_equal(total, bytes);
    if (bench->in_send) {
        bench->in_send(bench, connection);
        return bytes;
    }
    if (bench->broken) {
        return VMMP_VSOCK_BROKEN;
    }
    size_t take = bytes < end->room ? bytes : end->room;
    if (connection->type == VMMP_VSOCK_SEQPACKET) {
        take = take < bytes ? 0 : take;
        end->messages += take > 0;
        end->flags = take > 0 ? flags : end->flags;
    }
    assert_true(end->length + take <= sizeof(end->data));
    end->length += vmmp_iovec_read(iov, count, 0, end->data + end->length, take);
    end->room -= take;
    if (bench->wake) {
        end->room = 3;
        vmmp_vsock_mux_writable(&bench->mux, connection);
    }
    return (int64_t)take;
}

static int64_t backend_receive(void *cookie, struct vmmp_vsock_connection *connection,
                               const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                               uint32_t *flags)
{
    struct bench *bench = cookie;
    struct end *end = connection->user;
    size_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        total += iov[i].len;
    }
    assert_int_equal(total, bytes);
    if (bench->in_receive) {
        bench->in_receive(bench, connection);
        return bytes;
    }
    if (end->output_left == 0) {
        return end->output_ends ? VMMP_VSOCK_END : 0;
    }
    size_t done = end->output_left < bytes ? end->output_left : bytes;
    vmmp_iovec_write(iov, count, 0, end->output, done);
    end->output += done;
    end->output_left -= done;
    *flags = end->output_left == 0 ? end->output_flags : 0;
    return (int64_t)done;
}

static void backend_shutdown(void *cookie, struct vmmp_vsock_connection *connection, uint32_t flags)
{
    struct end *end = connection->user;
    (void)cookie;
    assert_int_equal(end->shutdown & flags, 0); /* Each once. */
    end->shutdown |= flags;
}

static void backend_closed(void *cookie, struct vmmp_vsock_connection *connection,
                           enum vmmp_vsock_reason reason)
{
    struct end *end = connection->user;
    (void)cookie;
    assert_ptr_equal(end->connection, connection);
    assert_false(end->closed);
    end->closed = true;
    end->reason = reason;
    end->connection = NULL;
}

static inline void bench_make(struct bench *bench, bool defers,
                              const struct virtio_driver_transport *transport)
{
    const struct vmmp_vsock_backend backend = {
        backend_connect,  backend_connected, backend_send, backend_receive,
        backend_shutdown, backend_closed,    bench
    };
    const struct vmmp_vsock_mux_options options = { .guest_cid = 5,
                                                    .connections = BENCH_CONNECTIONS,
                                                    .buffer_size = BENCH_BUFFER,
                                                    .timeout_ns = 1000,
                                                    .seqpacket = true };
    size_t size = VMMP_VSOCK_MUX_MEMORY(BENCH_CONNECTIONS, BENCH_BUFFER);
    memset(bench, 0, sizeof(*bench));
    bench->room = SIZE_MAX;
    bench->memory = calloc(1, size);
    vsock_guest_prepare(&bench->guest, defers, 5);
    assert_int_equal(vmmp_vsock_mux_init(&bench->mux, &backend, NULL, &options, bench->memory, size,
                                         &bench->guest.rig.memory, &bench->guest.rig.log,
                                         &bench->guest.rig.host),
                     0);
    vsock_guest_plug(&bench->guest, &bench->mux.device.virtio, transport);
}

#define BENCH_SETUP(name, defers, transport, packed)         \
    static inline int name(void **state)                     \
    {                                                        \
        struct bench *bench = malloc(sizeof(*bench));        \
        bench_make(bench, defers, transport);                \
        bench->guest.driver.rings = packed ? UINT64_MAX : 0; \
        *state = bench;                                      \
        return 0;                                            \
    }
BENCH_SETUP(bench_setup, true, &virtio_driver_pci_modern, false)
BENCH_SETUP(bench_setup_direct, false, &virtio_driver_pci_modern, false)
BENCH_SETUP(bench_setup_legacy, true, &virtio_driver_pci_legacy, false)
BENCH_SETUP(bench_setup_legacy_direct, false, &virtio_driver_pci_legacy, false)
BENCH_SETUP(bench_setup_packed, true, &virtio_driver_pci_modern, true)
BENCH_SETUP(bench_setup_mmio, true, &virtio_driver_mmio, false)

static inline int bench_teardown(void **state)
{
    struct bench *bench = *state;
    vsock_guest_unplug(&bench->guest);
    vmmp_vsock_mux_fini(&bench->mux);
    for (unsigned i = 0; i < bench->end_count; i++) {
        assert_null(bench->ends[i].connection); /* Nobody is forgotten. */
    }
    vsock_guest_fini(&bench->guest);
    free(bench->memory);
    free(bench);
    return 0;
}

/* A guest with `buffers` receive buffers. */
static inline void bench_start(struct bench *bench, unsigned buffers)
{
    vsock_guest_start(&bench->guest, UINT64_MAX);
    vsock_guest_post(&bench->guest, buffers);
}

static inline void bench_enter(struct bench *bench)
{
    vmmp_context_enter(&bench->mux.device.virtio.context);
}

static inline void bench_leave(struct bench *bench)
{
    vmmp_context_leave(&bench->mux.device.virtio.context);
    vsock_guest_settle(&bench->guest);
}

/* The host opens a connection to a port of the guest; the guest has not answered yet. */
static inline struct vmmp_vsock_connection *bench_open(struct bench *bench, uint32_t port)
{
    struct end *end = add_end(bench);
    bench_enter(bench);
    assert_int_equal(
        vmmp_vsock_mux_open(&bench->mux, port, VMMP_VSOCK_STREAM, end, &end->connection), 0);
    bench_leave(bench);
    return end->connection;
}

/* The guest connects; the backend's end of it. */
static inline struct end *bench_connect(struct bench *bench, uint32_t guest_port)
{
    vsock_guest_send(&bench->guest, OP(REQUEST), guest_port, 80);
    vsock_guest_expect(&bench->guest, OP(RESPONSE), 80, guest_port);
    vsock_guest_sent(&bench->guest);
    return &bench->ends[bench->end_count - 1];
}

/* The same for seqpacket, and packets of such a connection. */
static inline void bench_send_seq(struct bench *bench, uint16_t op, uint32_t flags,
                                  const char *text)
{
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, op, 9, 80);
    packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    packet.flags = flags;
    packet.len = (uint32_t)strlen(text);
    vsock_guest_send_raw(&bench->guest, &packet, text, packet.len);
}

static inline struct end *bench_connect_seq(struct bench *bench)
{
    bench_send_seq(bench, OP(REQUEST), 0, "");
    vsock_guest_expect(&bench->guest, OP(RESPONSE), 80, 9);
    return &bench->ends[bench->end_count - 1];
}

/* The backend has something for the guest. */
static inline void bench_say(struct bench *bench, struct end *end, const char *text, size_t length)
{
    end->output = text;
    end->output_left = length;
    bench_enter(bench);
    vmmp_vsock_mux_readable(&bench->mux, end->connection);
    bench_leave(bench);
}

static inline void bench_make_room(struct bench *bench, struct end *end, size_t room)
{
    end->room = room;
    bench_enter(bench);
    vmmp_vsock_mux_writable(&bench->mux, end->connection);
    bench_leave(bench);
}

#define BENCH_ON(how, name) cmocka_unit_test_setup_teardown(name, how, bench_teardown)
#define BENCH_EVERYWHERE(name)                                                         \
    BENCH_ON(bench_setup, name), BENCH_ON(bench_setup_direct, name),                   \
        BENCH_ON(bench_setup_legacy, name), BENCH_ON(bench_setup_legacy_direct, name), \
        BENCH_ON(bench_setup_packed, name), BENCH_ON(bench_setup_mmio, name)
