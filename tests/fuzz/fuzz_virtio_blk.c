/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk over a backend that completes requests when, and in which order, the input says: during
 * submit, during commit, later, or after a reset. Requests and memory change under its eyes.
 */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/blk_overlay.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include "fuzz_input.h"
#include "fuzz_ring.h"
#include "virtio/virtio_blk_internal.h"
#include "virtio/virtio_spec.h"

#define CAPACITY (UINT64_C(64) << 10)
#define REQUESTS 3u
#define QUEUES   2u
#define HEADER   0x5000u /* Where headers often are. */

enum policy {
    AT_ONCE = 1,      /* Requests end in submit, */
    IN_COMMIT = 2,    /* or in commit. */
    FAIL = 4,         /* They fail. */
    SCRIBBLE = 8,     /* Memory changes while a request is under way. */
    CANCEL_ENDS = 16, /* Cancelling ends everything. */
};

static struct vmmp_guest_memory memory;
static struct vmmp_virtio_blk blk;
static struct vmmp_virtio_blk_request requests[REQUESTS];
static struct vmmp_blk_overlay overlay;
static uint8_t arena[VMMP_BLK_OVERLAY_BYTES(4)];
static struct fuzz_input *input;
static struct vmmp_blk_request *kept[REQUESTS];
static unsigned kept_count;
static struct vmmp_work *queued[2];
static uint8_t policy;
static int depth;
static bool can_drain;
static bool has_overlay;
static uint64_t steps;

/* ---- The host ---- */

static void defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    for (unsigned i = 0; i < 2; i++) {
        if (queued[i] == work) {
            return;
        }
    }
    FUZZ_CHECK(!queued[0] || !queued[1]);
    queued[queued[0] != NULL] = work;
}

static void cancel_work(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    for (unsigned i = 0; i < 2; i++) {
        queued[i] = queued[i] == work ? NULL : queued[i];
    }
}

static void run_work(unsigned i)
{
    struct vmmp_work *work = queued[i];
    if (work) {
        queued[i] = NULL;
        vmmp_context_enter(work->context);
        work->run(work->cookie);
        vmmp_context_leave(work->context);
    }
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

static const struct vmmp_host_ops defers = { .defer = defer,
                                             .cancel = cancel_work,
                                             .context_init = context_init };
static const struct vmmp_host_ops does_not_defer = { .context_init = context_init };

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    (void)cookie, (void)level, (void)origin;
    FUZZ_CHECK(strlen(message) < VMMP_LOG_MAX);
}

static void interrupt(void *transport, int queue)
{
    (void)transport;
    FUZZ_CHECK(queue >= -1 && queue < (int)QUEUES && vmmp_virtio_status(&blk.virtio) != 0);
}

/* ---- The backend ---- */

static void backend_info(void *cookie, struct vmmp_blk_info *info)
{
    uint8_t how = *(const uint8_t *)cookie;
    *info = (struct vmmp_blk_info){
        .capacity = CAPACITY,
        .read_only = how & 1,
        .stable_writes = how & 2,
        .discard = how & 4,
        .write_zeroes = how & 8,
        .block_size = how & 16 ? 4096 : 0,
        .range_max = how & 32 ? 8192 : 0,
    };
}

static void end(struct vmmp_blk_request *request)
{
    bool fail = policy & FAIL;
    FUZZ_CHECK(depth == 1);
    for (unsigned i = 0; !fail && i < request->iov_count; i++) {
        const struct vmmp_iovec *iov = &request->iov[i];
        FUZZ_CHECK(fuzz_in_ram(iov->base, iov->len));
        if (request->op == VMMP_BLK_READ) {
            memset(iov->base, 0x77, iov->len);
        }
    }
    vmmp_blk_complete(request, fail ? -EIO : 0);
}

static void check_request(const struct vmmp_blk_request *request)
{
    uint64_t bytes = 0;
    if (request->op == VMMP_BLK_FLUSH) {
        return;
    }
    FUZZ_CHECK(request->length > 0 && request->length % 512 == 0 && request->offset % 512 == 0);
    FUZZ_CHECK(request->offset <= CAPACITY && request->length <= CAPACITY - request->offset);
    if (request->op != VMMP_BLK_READ && request->op != VMMP_BLK_WRITE) {
        return;
    }
    FUZZ_CHECK(request->op == VMMP_BLK_READ || !blk.info.read_only);
    for (unsigned i = 0; i < request->iov_count; i++) {
        FUZZ_CHECK(request->iov[i].len > 0);
        FUZZ_CHECK(fuzz_in_ram(request->iov[i].base, request->iov[i].len));
        bytes += request->iov[i].len;
    }
    FUZZ_CHECK(bytes == request->length);
}

static void backend_submit(void *cookie, struct vmmp_blk_request *request)
{
    (void)cookie;
    FUZZ_CHECK(depth == 1 && !blk.virtio.resetting && ++steps < 100000);
    FUZZ_CHECK(vmmp_virtio_status(&blk.virtio) != 0);
    check_request(request);
    if (policy & SCRIBBLE) {
        fuzz_scribble(input, &memory);
    }
    if (policy & AT_ONCE) {
        end(request);
        return;
    }
    FUZZ_CHECK(kept_count < REQUESTS);
    kept[kept_count++] = request;
}

static void end_kept(unsigned index)
{
    struct vmmp_blk_request *request = kept[index];
    kept[index] = kept[--kept_count];
    end(request);
}

static void backend_commit(void *cookie)
{
    (void)cookie;
    for (unsigned count = policy & IN_COMMIT ? kept_count : 0; count > 0; count--) {
        end_kept(fuzz_u8(input) % kept_count);
    }
}

static void backend_cancel(void *cookie)
{
    (void)cookie;
    while ((policy & CANCEL_ENDS) && kept_count > 0) {
        end_kept(0);
    }
}

static void backend_drain(void *cookie)
{
    (void)cookie;
    while (kept_count > 0) {
        end_kept(kept_count - 1);
    }
}

static const struct vmmp_blk_ops with_drain = { backend_info, backend_submit, backend_commit,
                                                backend_cancel, backend_drain };
static const struct vmmp_blk_ops without_drain = { backend_info, backend_submit, backend_commit,
                                                   backend_cancel, NULL };

/* ---- The driver ---- */

static void reset(void)
{
    vmmp_virtio_set_status(&blk.virtio, 0, false);
    FUZZ_CHECK((vmmp_virtio_status(&blk.virtio) == 0) == (kept_count == 0));
    FUZZ_CHECK(!can_drain || kept_count == 0);
}

static void start(uint64_t features, uint32_t size, bool legacy)
{
    reset();
    if (vmmp_virtio_status(&blk.virtio) != 0) {
        return;
    }
    uint64_t accepted = (features | (uint64_t)!legacy << VIRTIO_F_VERSION_1) &
                        vmmp_virtio_offered(&blk.virtio, legacy);
    vmmp_virtio_set_status(&blk.virtio, 3, legacy);
    vmmp_virtio_set_driver_features(&blk.virtio, 0, (uint32_t)accepted);
    vmmp_virtio_set_driver_features(&blk.virtio, 1, (uint32_t)(accepted >> 32));
    vmmp_virtio_set_status(&blk.virtio, 11, legacy);
    for (unsigned i = 0; i < QUEUES; i++) {
        struct vmmp_virtio_queue *queue = vmmp_virtio_queue(&blk.virtio, i);
        queue->registers = fuzz_ring_config(i, size, 0);
        queue->legacy_pfn = legacy;
        vmmp_virtio_queue_enable(&blk.virtio, i);
    }
    vmmp_virtio_set_status(&blk.virtio, 15, legacy);
}

/* A request as a driver would make it, but for its numbers. */
static void put_request(unsigned queue)
{
    static const uint8_t types[] = { VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,
                                     VIRTIO_BLK_T_FLUSH,   VIRTIO_BLK_T_GET_ID,
                                     VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
    uint8_t kind = fuzz_u8(input);
    uint8_t head = (uint8_t)(fuzz_u8(input) % 32 * 4);
    uint32_t type = kind < 6 ? types[kind] : kind;
    uint64_t sector = kind & 64 ? fuzz_number(input, 8) : fuzz_u8(input);
    uint32_t bytes = kind & 128 ? fuzz_u16(input) : (fuzz_u8(input) & 15) * 512u;
    bool out = type == VIRTIO_BLK_T_OUT || type >= VIRTIO_BLK_T_DISCARD;
    uint64_t at = FUZZ_RAM + HEADER + head * 16u;
    bytes = type >= VIRTIO_BLK_T_DISCARD ? bytes % 300 : bytes;
    struct virtio_blk_header header = { vmmp_le32(type), { 0 }, vmmp_le64(sector) };
    struct virtq_desc desc[3] = {
        { vmmp_le64(at), vmmp_le32(16), vmmp_le16(VIRTQ_DESC_F_NEXT),
          vmmp_le16((uint16_t)(head + 1)) },
        { vmmp_le64(FUZZ_RAM + HEADER + fuzz_u16(input) % 0x3000), vmmp_le32(bytes),
          vmmp_le16((uint16_t)(VIRTQ_DESC_F_NEXT | (out ? 0 : VIRTQ_DESC_F_WRITE))),
          vmmp_le16((uint16_t)(head + 2)) },
        { vmmp_le64(at + 17), vmmp_le32(1), vmmp_le16(VIRTQ_DESC_F_WRITE), { 0 } },
    };
    vmmp_guest_memory_write(&memory, vmmp_gpa(at), &header, sizeof(header));
    vmmp_guest_memory_write(&memory, vmmp_gpa(FUZZ_RAM + queue * FUZZ_RING_STRIDE + head * 16u),
                            desc, sizeof(desc));
    uint32_t size = blk.queues[queue].registers.size;
    struct virtq_avail *avail =
        vmmp_guest_memory_span(&memory, vmmp_gpa(FUZZ_RAM + queue * FUZZ_RING_STRIDE + 0x800), 4);
    uint16_t idx = vmmp_le16_get(avail->idx);
    if (size != 0 && size <= FUZZ_RING_MOST) {
        avail->ring[idx % size] = vmmp_le16(head);
        avail->idx = vmmp_le16((uint16_t)(idx + 1));
    }
}

static void step(void)
{
    unsigned queue = fuzz_u8(input) & 1;
    uint32_t number;
    switch (fuzz_u8(input) % 13) {
    case 0:
    case 1:
        put_request(queue);
        break;
    case 2:
        fuzz_ring_put(input, &memory, queue);
        break;
    case 3:
        fuzz_ring_offer(input, &memory, queue, blk.queues[queue].registers.size & 0xff,
                        fuzz_u8(input));
        break;
    case 4:
        fuzz_scribble(input, &memory);
        break;
    case 5:
    case 6:
        vmmp_virtio_kick(&blk.virtio, queue);
        break;
    case 7:
        if (kept_count > 0) {
            end_kept(fuzz_u8(input) % kept_count);
        }
        break;
    case 8:
        leave(NULL);
        run_work(queue);
        enter(NULL);
        break;
    case 9:
        number = fuzz_u32(input);
        start(number, 1u << (fuzz_u8(input) % 8), number >> 31);
        break;
    case 10:
        policy = fuzz_u8(input);
        break;
    case 11:
        number = fuzz_u8(input) & 63;
        vmmp_virtio_config_write(&blk.virtio, number, fuzz_width(input), fuzz_u32(input));
        vmmp_virtio_config_read(&blk.virtio, number, 8);
        break;
    default:
        if (fuzz_u8(input) & 1) {
            reset();
        } else {
            bool enabled = blk.queues[queue].vq.enabled && !blk.virtio.resetting;
            vmmp_virtio_queue_reset(&blk.virtio, queue);
            FUZZ_CHECK(!can_drain || !enabled || kept_count == 0);
        }
        break;
    }
}

static void check(void)
{
    unsigned free_requests = 0;
    for (const struct vmmp_virtio_blk_request *r = blk.pool; r; r = r->next) {
        FUZZ_CHECK(++free_requests <= REQUESTS);
    }
    FUZZ_CHECK(free_requests + blk.in_flight == REQUESTS && blk.in_flight == kept_count);
    FUZZ_CHECK(!blk.virtio.resetting || kept_count > 0);
    for (unsigned i = 0; i < QUEUES; i++) {
        FUZZ_CHECK(!blk.queues[i].walking);
    }
    FUZZ_CHECK(!has_overlay || overlay.in_use <= overlay.clusters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vmmp_virtio_transport_ops transport = { .interrupt = interrupt };
    struct fuzz_input in = { data, size };
    struct vmmp_log log = { sink, NULL, VMMP_LOG_DEBUG };
    uint8_t how = fuzz_u8(&in);
    uint8_t disk = fuzz_u8(&in);
    struct vmmp_host host = { how & 1 ? &defers : &does_not_defer, NULL };
    struct vmmp_virtio_blk_options options = { .id = "fuzz", .queues = QUEUES, .queue_size = 128 };
    struct vmmp_blk_backend backend = { how & 2 ? &with_drain : &without_drain, &disk };

    input = &in;
    policy = how & 4 ? AT_ONCE : 0;
    can_drain = how & 2;
    has_overlay = how & 8;
    kept_count = 0;
    steps = 0;
    fuzz_memory_init(&memory, &in);
    if (has_overlay) {
        FUZZ_CHECK(!vmmp_blk_overlay_init(&overlay, &backend, arena, sizeof(arena)));
        backend = vmmp_blk_overlay_backend(&overlay);
    }
    FUZZ_CHECK(
        !vmmp_virtio_blk_init(&blk, &backend, requests, REQUESTS, &options, &memory, &log, &host));
    if (how & 16) {
        blk.virtio.budget = (struct vmmp_virtio_budget){ 2, 8, 4096 };
    }
    vmmp_virtio_set_transport(&blk.virtio, &transport, NULL);
    while (in.left > 0) {
        enter(NULL);
        step();
        leave(NULL);
        check();
    }
    /* What cannot be waited for ends before the device does. */
    enter(NULL);
    vmmp_virtio_set_status(&blk.virtio, 0, false);
    policy = 0;
    backend_drain(NULL);
    leave(NULL);
    FUZZ_CHECK(blk.in_flight == 0 && vmmp_virtio_status(&blk.virtio) == 0);
    vmmp_virtio_blk_fini(&blk);
    FUZZ_CHECK(!queued[0] && !queued[1]);
    return 0;
}
