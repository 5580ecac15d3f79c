/* SPDX-License-Identifier: BSD-2-Clause */
/* A network between two VMs through memory that they share, without any of the host's. */
#include "backends/net_internal.h"

#include <errno.h>
#include <stdlib.h>

#include <hosted/share.h>
#include <sel4vmmplatsupport/vmmp/frame_ring.h>

#define MEMORY (UINT64_C(2) << 20)

_Static_assert(VMMP_FRAME_RING_FRAME >= VMMP_VIRTIO_NET_MAX_FRAME, "frames do not fit");

struct shared {
    struct hosted_net net;
    struct hosted_share *share;
    struct vmmp_frame_ring ring;
    uint64_t meeting;      /* The peer that the ring was begun for. */
    struct vmmp_work more; /* Frames are left for another turn. */
    bool starved;          /* The guest has no buffers. */
    uint8_t frame[VMMP_FRAME_RING_FRAME];
};

/* A peer that is new, or has new memory, goes on where it begins. False: nobody is there. */
static bool is_met(struct shared *shared)
{
    uint64_t meeting = hosted_share_meeting(shared->share);
    if (meeting && meeting != shared->meeting) {
        uint64_t size;
        void *memory = hosted_share_memory(shared->share, &size);
        shared->meeting = meeting;
        vmmp_frame_ring_init(&shared->ring, memory, size, hosted_share_is_second(shared->share));
    }
    return meeting != 0;
}

static bool shared_transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov,
                            unsigned count, size_t len)
{
    struct shared *shared = cookie;
    (void)pair;
    if (!is_met(shared)) {
        return true; /* Nobody is there. */
    }
    int result = vmmp_frame_ring_write(&shared->ring, iov, count, (uint32_t)len);
    if (result == 0 && vmmp_frame_ring_wakes_reader(&shared->ring)) {
        hosted_share_emit(shared->share, 1);
    }
    return result != -EAGAIN;
}

/* Inside the device's context. */
static void read_frames(void *cookie)
{
    struct shared *shared = cookie;
    uint32_t len = 1;
    unsigned turn = 0;

    shared->starved = false;
    vmmp_virtio_net_batch_begin(shared->net.model);
    while (turn < NET_TURN && !shared->starved) {
        len = vmmp_frame_ring_next(&shared->ring, shared->frame);
        if (len == 0) {
            if (vmmp_frame_ring_sleep(&shared->ring)) {
                break;
            }
            turn++; /* Of nonsense too there is only so much in a turn. */
            continue;
        }
        struct vmmp_iovec iov = { shared->frame, len };
        shared->starved = vmmp_virtio_net_receive(shared->net.model, 0, &iov, 1) == -EAGAIN;
        if (!shared->starved) {
            vmmp_frame_ring_taken(&shared->ring);
            turn++;
        }
    }
    vmmp_virtio_net_batch_end(shared->net.model);
    if (turn > 0 && vmmp_frame_ring_wakes_writer(&shared->ring)) {
        hosted_share_emit(shared->share, 1);
    }
    if (turn == NET_TURN) {
        vmmp_host_defer(&shared->net.host, &shared->more);
    }
}

static void shared_events(void *cookie, uint32_t count)
{
    struct shared *shared = cookie;
    const struct vmmp_context *context = &shared->net.model->virtio.context;
    (void)count;
    vmmp_context_enter(context);
    if (is_met(shared)) {
        read_frames(shared);
        vmmp_virtio_net_writable(shared->net.model);
    }
    vmmp_context_leave(context);
}

static void shared_rx_ready(void *cookie, unsigned pair)
{
    struct shared *shared = cookie;
    if (pair == 0 && shared->starved && is_met(shared)) {
        read_frames(shared);
    }
}

/* The peer has come or gone: what waits for it does so no longer. */
static void shared_met(void *cookie)
{
    struct shared *shared = cookie;
    const struct vmmp_context *context = &shared->net.model->virtio.context;
    vmmp_context_enter(context);
    (void)is_met(shared);
    vmmp_virtio_net_writable(shared->net.model);
    vmmp_context_leave(context);
}

static int shared_attach(struct hosted_net *net)
{
    struct shared *shared = (struct shared *)net;
    shared->more = (struct vmmp_work){
        .run = read_frames,
        .cookie = shared,
        .context = &net->model->virtio.context,
    };
    shared->starved = false;
    hosted_share_start(shared->share, shared_events, shared);
    hosted_share_on_change(shared->share, shared_met);
    (void)is_met(shared);
    return 0;
}

static void shared_detach(struct hosted_net *net)
{
    struct shared *shared = (struct shared *)net;
    hosted_share_stop(shared->share);
    vmmp_host_cancel(&net->host, &shared->more);
    /* The next guest begins with what comes then. */
    shared->meeting = 0;
}

static void shared_close(struct hosted_net *net)
{
    struct shared *shared = (struct shared *)net;
    hosted_share_destroy(shared->share);
    free(shared);
}

static const struct net_ops shared_ops = {
    .backend = { .transmit = shared_transmit, .rx_ready = shared_rx_ready },
    .attach = shared_attach,
    .detach = shared_detach,
    .close = shared_close,
};

int hosted_net_open_share(struct hosted_net **net, const char *path, struct hosted_event_loop *loop,
                          const struct vmmp_log *log, char why[HOSTED_NET_WHY])
{
    char error[HOSTED_SHARE_ERROR];
    const struct hosted_share_options options = {
        .path = path, .size = MEMORY, .name = "net", .log = log
    };
    *net = NULL;
    struct shared *shared = calloc(1, sizeof(*shared));
    if (!shared) {
        return net_refuse(why, ENOMEM, "%s: no memory", path);
    }
    int result = hosted_share_create(&shared->share, loop, &options, error);
    if (result != 0) {
        free(shared);
        return net_refuse(why, -result, "%.200s", error);
    }
    shared->net.ops = &shared_ops;
    *net = &shared->net;
    return 0;
}
