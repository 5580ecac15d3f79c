/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A balloon of every kind: page frames, reports, hints and statistics in memory that changes under
 * its eyes; a backend that takes pages away, fails, calls back and lets the driver reset the
 * device.
 */
#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>

#include "fuzz_virtio_bench.h"

/* Nothing a guest does in one step may cost more calls of the backend. */
#define MOST_CALLS (256u * VMMP_VIRTIO_BALLOON_PFNS)

static struct vmmp_virtio_balloon balloon;
static struct fuzz_input *input;
static uint8_t policy;
static unsigned calls;

static int take(vmmp_gpa_t gpa, uint64_t len)
{
    void *host = vmmp_guest_memory_span(&memory, gpa, (size_t)len);
    FUZZ_CHECK(depth == 1 && host && len > 0 && gpa.gpa % 4096 == 0 && len % 4096 == 0);
    FUZZ_CHECK(++calls < MOST_CALLS);
    if (policy & 1) {
        memset(host, 0, (size_t)len); /* Perhaps the rings. */
    }
    if (policy & 2) {
        vmmp_virtio_set_status(&balloon.virtio, 0, legacy);
    }
    if (policy & 4) {
        fuzz_scribble(input, &memory);
    }
    if (policy & 8) {
        vmmp_virtio_balloon_ask_stats(&balloon);
    }
    return policy & 16 ? -5 : 0;
}

static int discard(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    (void)cookie;
    return take(gpa, len);
}

static void hinted(void *cookie, vmmp_gpa_t gpa, uint64_t len, bool in_kick)
{
    (void)cookie, (void)in_kick;
    FUZZ_CHECK(balloon.hint_command >= 2 || policy & 2);
    take(gpa, len);
}

static void changed(void *cookie)
{
    (void)cookie;
    if (policy & 32) {
        vmmp_virtio_balloon_ask_stats(&balloon);
    }
}

/* A number that is a page frame of RAM, or nearly. */
static void put_frames(struct fuzz_input *in)
{
    uint64_t at = FUZZ_RAM + fuzz_u16(in);
    unsigned count = fuzz_u8(in) & 15;
    for (unsigned i = 0; i < count; i++) {
        vmmp_le32_t frame = vmmp_le32((uint32_t)(FUZZ_RAM >> 12) + (fuzz_u8(in) & 15));
        vmmp_guest_memory_write(&memory, vmmp_gpa(at + i * 4), &frame, 4);
    }
}

static void put_command(struct fuzz_input *in)
{
    vmmp_le32_t command = vmmp_le32(fuzz_u8(in) & 1 ? balloon.hint_command : 0);
    vmmp_guest_memory_write(&memory, vmmp_gpa(FUZZ_RAM + fuzz_u16(in)), &command, 4);
}

static void step_of_client(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    switch (what & 3) {
    case 0:
        vmmp_virtio_balloon_hint(&balloon, (enum vmmp_balloon_hint)((what >> 2) % 3));
        break;
    case 1:
        vmmp_virtio_balloon_ask_stats(&balloon);
        break;
    case 2:
        vmmp_virtio_balloon_set_target(&balloon, fuzz_number(in, 8));
        break;
    default:
        vmmp_virtio_queue_reset(&balloon.virtio, (what >> 2) % 5);
        break;
    }
}

static void step(struct fuzz_input *in)
{
    struct vmmp_virtio_device *dev = &balloon.virtio;
    unsigned queue = fuzz_u8(in) % dev->queue_count;
    switch (fuzz_u8(in) % 12) {
    case 0:
        fuzz_scribble(in, &memory);
        break;
    case 1:
    case 2:
        fuzz_ring_put(in, &memory, queue);
        break;
    case 3:
        fuzz_ring_offer(in, &memory, queue, balloon.queues[queue].registers.size & 0xff,
                        fuzz_u8(in));
        break;
    case 4:
        put_frames(in);
        break;
    case 5:
        put_command(in);
        break;
    case 6:
        bench_run_deferred();
        bench_advance(fuzz_u16(in));
        break;
    case 7:
        policy = fuzz_u8(in);
        break;
    default:
        vmmp_context_enter(&dev->context);
        if (queue == 0 && fuzz_u8(in) & 1) {
            legacy = fuzz_u8(in) & 1;
            uint64_t features = fuzz_u32(in) | UINT64_C(1) << 40;
            bench_start(dev, features, 1u << (fuzz_u8(in) & 7), fuzz_u8(in));
        } else if (fuzz_u8(in) & 1) {
            step_of_client(in);
        } else if (fuzz_u8(in) & 1) {
            unsigned width = fuzz_width(in);
            uint32_t offset = fuzz_u8(in) & 31;
            vmmp_virtio_config_write(dev, offset, width, fuzz_number(in, width));
            vmmp_virtio_config_read(dev, offset, width);
        } else {
            vmmp_virtio_kick(dev, queue);
        }
        vmmp_context_leave(&dev->context);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t how = fuzz_u8(&in);
    struct vmmp_host host = bench_init(how, &in);
    struct vmmp_balloon_backend backend = { .discard = discard,
                                            .populate = how & 2 ? discard : NULL,
                                            .hinted = hinted,
                                            .changed = changed };
    struct vmmp_virtio_balloon_options options = { .deflate_on_oom = true,
                                                   .stats = how & 4,
                                                   .stats_period_ns = how & 4 ? 1000 : 0,
                                                   .reporting = how & 8,
                                                   .hinting = how & 16 };
    input = &in;
    policy = 0;
    FUZZ_CHECK(!vmmp_virtio_balloon_init(&balloon, &backend, &options, &memory, &bench_log, &host));
    while (in.left > 0) {
        calls = 0;
        step(&in);
        FUZZ_CHECK(depth == 0 && messages < 400);
        for (unsigned i = 0; i < balloon.virtio.queue_count; i++) {
            fuzz_ring_check(&balloon.queues[i].vq);
        }
    }
    vmmp_virtio_balloon_fini(&balloon);
    FUZZ_CHECK(!queued && !timer);
    return 0;
}
