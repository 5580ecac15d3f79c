/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsock with its connection layer: packets and rings of any kind, a backend that takes and gives
 * what it likes and calls back from everywhere, time that passes, a driver that comes and goes.
 */
#include <sel4vmmplatsupport/vmmp/vsock_mux.h>

#include "fuzz_input.h"
#include "fuzz_ring.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtio_vsock_spec.h"

#define CID         5u
#define CONNECTIONS 6u
#define BUFFER      4096u
#define MEMORY      VMMP_VSOCK_MUX_MEMORY(CONNECTIONS, BUFFER)
#define PACKETS     (FUZZ_RAM + 3 * FUZZ_RING_STRIDE)

static struct vmmp_guest_memory memory;
static struct vmmp_vsock_mux mux;
static uint8_t mux_memory[MEMORY] __attribute__((aligned(16)));
static struct fuzz_input *input;
static struct vmmp_work *queued;
static struct vmmp_timer *timer;
static uint64_t now;
static int depth;
static int nesting; /* Of the backend's calls. */
static uint8_t policy;
static unsigned messages;
static unsigned calls;
static struct vmmp_vsock_connection *known[CONNECTIONS];

static void defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    FUZZ_CHECK(!queued || queued == work);
    queued = work;
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = queued == work ? NULL : queued;
}

static uint64_t get_now(void *cookie)
{
    (void)cookie;
    return now;
}

static void timer_arm(void *cookie, struct vmmp_timer *armed, uint64_t deadline_ns)
{
    (void)cookie;
    armed->deadline_ns = deadline_ns;
    timer = armed;
}

static void timer_cancel(void *cookie, struct vmmp_timer *armed)
{
    (void)cookie, (void)armed;
    timer = NULL;
}

static void enter(void *cookie)
{
    (void)cookie;
    FUZZ_CHECK(++depth == 1);
}

static void leave(void *cookie)
{
    (void)cookie;
    FUZZ_CHECK(--depth == 0);
}

static int context_init(void *cookie, struct vmmp_context *context)
{
    *context = (struct vmmp_context){ enter, leave, cookie };
    return 0;
}

static const struct vmmp_host_ops defers = { .now = get_now,
                                             .defer = defer,
                                             .cancel = cancel,
                                             .timer_arm = timer_arm,
                                             .timer_cancel = timer_cancel,
                                             .context_init = context_init };
static const struct vmmp_host_ops does_not_defer = { .context_init = context_init };

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    (void)cookie, (void)level;
    FUZZ_CHECK(origin == VMMP_LOG_GUEST && strlen(message) < VMMP_LOG_MAX);
    messages++;
}

/* ---- The backend ---- */

static bool is_known(const struct vmmp_vsock_connection *connection)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (known[i] == connection) {
            return true;
        }
    }
    return false;
}

static void remember(struct vmmp_vsock_connection *connection)
{
    FUZZ_CHECK(!is_known(connection));
    unsigned i = 0;
    while (i < CONNECTIONS && known[i]) {
        i++;
    }
    FUZZ_CHECK(i < CONNECTIONS);
    known[i] = connection;
}

static void forget(const struct vmmp_vsock_connection *connection)
{
    FUZZ_CHECK(connection && is_known(connection));
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        known[i] = known[i] == connection ? NULL : known[i];
    }
}

/* Something a backend may do, to any of its connections, at any time. */
static void act(void)
{
    struct vmmp_vsock_connection *connection = known[fuzz_u8(input) % CONNECTIONS];
    uint8_t what = fuzz_u8(input);
    if (what % 8 == 0) {
        enum vmmp_vsock_type type = what & 8 ? VMMP_VSOCK_SEQPACKET : VMMP_VSOCK_STREAM;
        if (vmmp_vsock_mux_open(&mux, what >> 4, type, NULL, &connection) == 0) {
            remember(connection);
        }
        return;
    }
    if (!connection) {
        return;
    }
    switch (what % 8) {
    case 1:
        vmmp_vsock_mux_accept(&mux, connection);
        break;
    case 2:
        vmmp_vsock_mux_shutdown(&mux, connection, what >> 3);
        break;
    case 3:
        forget(connection);
        vmmp_vsock_mux_close(&mux, connection);
        break;
    case 4:
    case 5:
        vmmp_vsock_mux_writable(&mux, connection);
        break;
    default:
        vmmp_vsock_mux_readable(&mux, connection);
        break;
    }
}

/* Every call of the backend may do more. Returns whether the connection is there afterwards. */
static bool called(const struct vmmp_vsock_connection *connection)
{
    FUZZ_CHECK(depth == 1 && ++calls < 100000);
    if ((policy & 16) && nesting < 3) {
        nesting++;
        act();
        nesting--;
    }
    if ((policy & 32) && nesting < 1) {
        nesting++;
        vmmp_virtio_set_status(&mux.device.virtio, 0, false);
        nesting--;
    }
    if (policy & 64) {
        fuzz_scribble(input, &memory);
    }
    return is_known(connection);
}

static bool backend_connect(void *cookie, struct vmmp_vsock_connection *connection)
{
    (void)cookie;
    if (policy & 128) {
        return false;
    }
    remember(connection);
    if (policy & 1) {
        vmmp_vsock_mux_accept(&mux, connection);
    }
    called(connection);
    return true;
}

static void backend_connected(void *cookie, struct vmmp_vsock_connection *connection)
{
    (void)cookie;
    FUZZ_CHECK(is_known(connection));
    called(connection);
}

static void check_pieces(const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                         bool must_be_ram)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        bool own = (uintptr_t)iov[i].base >= (uintptr_t)mux_memory &&
                   (uintptr_t)iov[i].base + iov[i].len <= (uintptr_t)mux_memory + MEMORY;
        FUZZ_CHECK(fuzz_in_ram(iov[i].base, iov[i].len) || (own && !must_be_ram));
        total += iov[i].len;
    }
    FUZZ_CHECK(total == bytes && bytes > 0);
}

static int64_t backend_send(void *cookie, struct vmmp_vsock_connection *connection,
                            const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                            uint32_t flags)
{
    (void)cookie;
    FUZZ_CHECK(is_known(connection) && bytes <= BUFFER);
    FUZZ_CHECK((flags != 0) == (connection->type == VMMP_VSOCK_SEQPACKET));
    check_pieces(iov, count, bytes, false);
    if (!called(connection)) {
        return bytes;
    }
    switch (policy & 3) {
    case 0:
        return 0;
    case 1:
        return bytes;
    case 2:
        return bytes / 2;
    default:
        return (int8_t)fuzz_u8(input); /* Perhaps more than there was, or broken. */
    }
}

static int64_t backend_receive(void *cookie, struct vmmp_vsock_connection *connection,
                               const struct vmmp_iovec *iov, unsigned count, uint32_t bytes,
                               uint32_t *flags)
{
    (void)cookie;
    uint32_t in_flight = connection->tx_cnt - connection->peer_fwd_cnt;
    FUZZ_CHECK(is_known(connection));
    FUZZ_CHECK(in_flight < connection->peer_buf_alloc &&
               bytes <= connection->peer_buf_alloc - in_flight);
    check_pieces(iov, count, bytes, true);
    vmmp_iovec_write(iov, count, 0, "data for the guest", bytes < 18 ? bytes : 18);
    *flags = policy;
    called(connection);
    switch (policy >> 2 & 3) {
    case 0:
        return 0;
    case 1:
        return bytes;
    case 2:
        return fuzz_u8(input) & 7 ? bytes / 2 : VMMP_VSOCK_END;
    default:
        return (int8_t)fuzz_u8(input);
    }
}

static void backend_shutdown(void *cookie, struct vmmp_vsock_connection *connection, uint32_t flags)
{
    (void)cookie;
    FUZZ_CHECK(is_known(connection) && flags > 0 && flags < 4);
    called(connection);
}

static void backend_closed(void *cookie, struct vmmp_vsock_connection *connection,
                           enum vmmp_vsock_reason reason)
{
    (void)cookie, (void)reason;
    forget(connection);
    called(NULL);
}

/* ---- The guest ---- */

static void start(uint32_t features, uint16_t size)
{
    struct vmmp_virtio_device *dev = &mux.device.virtio;
    vmmp_virtio_set_status(dev, 0, false);
    FUZZ_CHECK(dev->status == 0 && mux.in_use == 0 && !mux.ready_first && mux.reset_count == 0);
    vmmp_virtio_set_status(dev, 3, false);
    vmmp_virtio_set_driver_features(dev, 0, features & 0x30000003u);
    vmmp_virtio_set_driver_features(dev, 1, 1);
    vmmp_virtio_set_status(dev, 11, false);
    for (unsigned queue = 0; queue < 3; queue++) {
        dev->queues[queue].registers = fuzz_ring_config(queue, size, 0);
        vmmp_virtio_queue_enable(dev, queue);
    }
    vmmp_virtio_set_status(dev, 15, false);
}

/* One descriptor and its place in the ring. */
static void offer(unsigned queue, uint64_t gpa, uint32_t len, unsigned flags)
{
    uint32_t size = mux.device.queues[queue].registers.size;
    uint64_t ring = FUZZ_RAM + queue * FUZZ_RING_STRIDE;
    struct virtq_avail *avail =
        vmmp_guest_memory_span(&memory, vmmp_gpa(ring + 0x800), virtq_avail_bytes(size));
    uint16_t idx = vmmp_le16_get(avail->idx);
    uint16_t slot = (uint16_t)(size ? idx % size : 0);
    struct virtq_desc desc = { vmmp_le64(gpa), vmmp_le32(len), vmmp_le16((uint16_t)flags),
                               vmmp_le16(0) };
    if (size == 0 || size > FUZZ_RING_MOST) {
        return;
    }
    vmmp_guest_memory_write(&memory, vmmp_gpa(ring + slot * sizeof(desc)), &desc, sizeof(desc));
    avail->ring[slot] = vmmp_le16(slot);
    avail->idx = vmmp_le16((uint16_t)(idx + 1));
}

/* A packet that a guest could send: few ports, so that they meet; mostly the right addresses. */
static void send_packet(void)
{
    uint8_t bytes[VMMP_VIRTIO_VSOCK_HEADER];
    uint8_t how = fuzz_u8(input);
    uint8_t ports = fuzz_u8(input);
    uint64_t at = PACKETS + (uint64_t)(how & 7) * 0x100;
    struct vmmp_vsock_packet packet = {
        .src_cid = CID,
        .dst_cid = how & 8 ? fuzz_u8(input) : VMMP_VSOCK_CID_HOST,
        .src_port = ports >> 4,
        .dst_port = ports & 8 ? 0x40000000u + (ports & 7) : ports & 7,
        .len = how & 16 ? fuzz_u16(input) : 0,
        .type = how & 32 ? VIRTIO_VSOCK_TYPE_SEQPACKET : VIRTIO_VSOCK_TYPE_STREAM,
        .op = fuzz_u8(input) % 9,
        .flags = fuzz_u8(input),
        .buf_alloc = how & 64 ? fuzz_u32(input) : 4096,
        .fwd_cnt = how & 128 ? fuzz_u32(input) : 0,
    };
    /* What the honest would say. */
    for (unsigned i = 0; i < CONNECTIONS && !(how & 128); i++) {
        const struct vmmp_vsock_connection *connection = &mux.table[i];
        if (connection->guest_port == packet.src_port && connection->host_port == packet.dst_port) {
            packet.fwd_cnt = connection->tx_cnt;
        }
    }
    vmmp_vsock_packet_store(&packet, bytes);
    vmmp_guest_memory_write(&memory, vmmp_gpa(at), bytes, sizeof(bytes));
    offer(VIRTIO_VSOCK_TX, at, VMMP_VIRTIO_VSOCK_HEADER + packet.len, 0);
}

static void step(void)
{
    struct vmmp_virtio_device *dev = &mux.device.virtio;
    uint8_t what = fuzz_u8(input);
    unsigned queue = what >> 4 & 3;

    switch (what & 15) {
    case 0:
        fuzz_scribble(input, &memory);
        break;
    case 1:
        fuzz_ring_put(input, &memory, queue % 3);
        break;
    case 2:
        fuzz_ring_offer(input, &memory, queue % 3, dev->queues[queue % 3].registers.size & 0x7f,
                        fuzz_u8(input) & 7);
        break;
    case 3:
        vmmp_virtio_kick(dev, queue);
        break;
    case 4:
        start(fuzz_u32(input), (uint16_t)(1 << (fuzz_u8(input) & 7)));
        break;
    case 5:
        policy = fuzz_u8(input);
        break;
    case 6:
        now += fuzz_u16(input);
        break;
    case 7:
        act();
        break;
    case 8:
        vmmp_virtio_vsock_transport_reset(&mux.device, CID);
        break;
    case 9:
        vmmp_virtio_queue_reset(dev, queue);
        break;
    case 10:
        offer(VIRTIO_VSOCK_EVENT, PACKETS, fuzz_u8(input), 2);
        break;
    case 11:
    case 12:
        offer(VIRTIO_VSOCK_RX, PACKETS + 0x1000 + (uint64_t)(what >> 4) * 0x200,
              fuzz_u16(input) & 0xfff, 2);
        vmmp_virtio_kick(dev, VIRTIO_VSOCK_RX);
        break;
    default:
        send_packet();
        vmmp_virtio_kick(dev, VIRTIO_VSOCK_TX);
        break;
    }
}

static void run_work(struct vmmp_work *work)
{
    vmmp_context_enter(work->context);
    work->run(work->cookie);
    vmmp_context_leave(work->context);
}

/* Deferred work at some time, timers when they are due. */
static void settle(void)
{
    if (queued && (fuzz_u8(input) & 3)) {
        struct vmmp_work *work = queued;
        queued = NULL;
        run_work(work);
    }
    if (timer && timer->deadline_ns <= now) {
        struct vmmp_timer *due = timer;
        timer = NULL;
        run_work(&due->work);
    }
}

static void check(void)
{
    unsigned in_use = 0;
    unsigned listed = 0;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        const struct vmmp_vsock_connection *connection = &mux.table[i];
        bool used = connection->state != VMMP_VSOCK_FREE;
        in_use += used;
        listed += used && connection->listed;
        FUZZ_CHECK(connection->known == is_known(connection));
        FUZZ_CHECK(!connection->known || used);
        FUZZ_CHECK(!used || connection->rx_cnt - connection->fwd_cnt <= BUFFER);
        FUZZ_CHECK(!used || connection->tx_cnt - connection->peer_fwd_cnt <= INT32_MAX);
        FUZZ_CHECK(!used || !connection->sending);
        /* What has to be said will be. */
        FUZZ_CHECK(!used || !connection->pending || connection->listed);
    }
    for (const struct vmmp_vsock_connection *each = mux.ready_first; each;
         each = each->ready_next) {
        listed--;
        FUZZ_CHECK(each->ready_next ? each->ready_next->ready_before == each
                                    : mux.ready_last == each);
    }
    FUZZ_CHECK(in_use == mux.in_use && listed == 0);
    FUZZ_CHECK(mux.reset_count <= VMMP_VSOCK_MUX_RESETS);
    for (unsigned queue = 0; queue < 3; queue++) {
        FUZZ_CHECK(!mux.device.queues[queue].walking);
        fuzz_ring_check(&mux.device.queues[queue].vq);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct vmmp_log log = { sink, NULL, VMMP_LOG_DEBUG };
    uint8_t how = fuzz_u8(&in);
    struct vmmp_host host = { how & 1 ? &defers : &does_not_defer, NULL };
    const struct vmmp_vsock_backend backend = {
        backend_connect,  backend_connected, backend_send, backend_receive,
        backend_shutdown, backend_closed,    NULL
    };
    const struct vmmp_vsock_mux_options options = { .guest_cid = CID,
                                                    .connections = CONNECTIONS,
                                                    .buffer_size = BUFFER,
                                                    .timeout_ns = 10000,
                                                    .seqpacket = how & 2 };
    input = &in;
    policy = 0x15 & how;
    messages = 0;
    now = 0;
    fuzz_memory_init(&memory, &in);
    memset(known, 0, sizeof(known));
    FUZZ_CHECK(!vmmp_vsock_mux_init(&mux, &backend, NULL, &options, mux_memory, MEMORY, &memory,
                                    &log, &host));
    if (how & 4) {
        mux.device.virtio.budget = (struct vmmp_virtio_budget){ 2, 8, 4096 };
    }
    start(UINT32_MAX, 32);
    while (in.left > 0) {
        calls = 0;
        vmmp_context_enter(&mux.device.virtio.context);
        step();
        vmmp_context_leave(&mux.device.virtio.context);
        settle();
        FUZZ_CHECK(depth == 0 && nesting == 0 && messages < 400);
        check();
    }
    policy = 0;
    vmmp_vsock_mux_fini(&mux);
    FUZZ_CHECK(!queued && !timer && mux.in_use == 0);
    return 0;
}
