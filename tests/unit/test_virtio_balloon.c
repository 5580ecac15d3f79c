/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-balloon (virtio 1.2, 5.5) on both faces, with and without deferral. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_balloon_parts.h"
#include "virtio/virtio_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define ALL       UINT64_MAX
#define PAGE      4096u
#define FIRST     ((uint32_t)(VIRTIO_RIG_RAM / PAGE)) /* The first page frame of RAM, */
#define FRAMES    ((uint32_t)(VIRTIO_RIG_RAM_SIZE / PAGE))
#define SECOND    UINT64_C(1000000000)
#define INFLATE   0
#define DEFLATE   1
#define STATS     2
#define HINTS     3
#define REPORTS   4
#define NUM_PAGES 0
#define ACTUAL    4
#define COMMAND   8
#define POISON    12

int test_virtio_balloon(void);

struct call {
    char what; /* D(iscard), P(opulate), H(int), K (hint in a kick) */
    uint64_t gpa;
    uint64_t len;
};

#define CALLS 64

struct bench {
    struct virtio_rig rig;
    struct vmmp_virtio_balloon balloon;
    struct virtio_driver driver;
    uint8_t *more_ram;
    uint64_t buffers;
    struct call calls[CALLS];
    unsigned call_count; /* Of all, also those beyond CALLS. */
    unsigned changes;
    unsigned ends; /* Of hints. */
    int result;    /* Of the backend's functions. */
};

static int backend_call(struct bench *bench, char what, vmmp_gpa_t gpa, uint64_t len)
{
    /* The contract: whole pages of one region. */
    assert_int_equal(gpa.gpa % PAGE, 0);
    assert_int_equal(len % PAGE, 0);
    assert_int_not_equal(len, 0);
    assert_non_null(vmmp_guest_memory_span(&bench->rig.memory, gpa, (size_t)len));
    if (bench->call_count < CALLS) {
        bench->calls[bench->call_count] = (struct call){ what, gpa.gpa, len };
    }
    bench->call_count++;
    return bench->result;
}

static int backend_discard(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    return backend_call(cookie, 'D', gpa, len);
}

static int backend_populate(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    return backend_call(cookie, 'P', gpa, len);
}

static void backend_hinted(void *cookie, vmmp_gpa_t gpa, uint64_t len, bool in_kick)
{
    backend_call(cookie, in_kick ? 'K' : 'H', gpa, len);
}

static void backend_hints_end(void *cookie)
{
    ((struct bench *)cookie)->ends++;
}

static void backend_changed(void *cookie)
{
    ((struct bench *)cookie)->changes++;
}

/* How the device is made. */
struct recipe {
    bool direct; /* The host cannot defer. */
    bool legacy;
    bool mmio;
    bool packed;
    bool must_tell;
    bool client_ends_hints;
    struct vmmp_virtio_balloon_options options;
};

static struct bench *make(const struct recipe *recipe)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    const struct vmmp_balloon_backend backend = {
        .discard = backend_discard,
        .populate = recipe->must_tell ? backend_populate : NULL,
        .hinted = backend_hinted,
        .hints_end = recipe->client_ends_hints ? backend_hints_end : NULL,
        .changed = backend_changed,
        .cookie = bench,
    };
    virtio_rig_init(&bench->rig, !recipe->direct, false);
    /* A second region right behind the first, elsewhere in the host. */
    bench->more_ram = calloc(1, 16 * PAGE);
    assert_int_equal(vmmp_guest_memory_add(&bench->rig.memory,
                                           vmmp_gpa(VIRTIO_RIG_RAM + VIRTIO_RIG_RAM_SIZE),
                                           16 * PAGE, bench->more_ram),
                     0);
    assert_int_equal(vmmp_virtio_balloon_init(&bench->balloon, &backend, &recipe->options,
                                              &bench->rig.memory, &bench->rig.log,
                                              &bench->rig.host),
                     0);
    const struct virtio_driver_transport *transport = recipe->legacy ? &virtio_driver_pci_legacy
                                                      : recipe->mmio ? &virtio_driver_mmio
                                                                     : &virtio_driver_pci_modern;
    struct vmmp_window *device = virtio_rig_connect(&bench->rig, &bench->balloon.virtio, transport);
    virtio_driver_init(&bench->driver, transport, device, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->driver.ordered = true;
    bench->driver.rings = recipe->packed ? UINT64_MAX : 0;
    bench->buffers = virtio_driver_alloc(&bench->driver, 0x100000, 4096);
    return bench;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_balloon_fini(&bench->balloon);
    virtio_rig_fini(&bench->rig);
    free(bench->more_ram);
    free(bench);
    return 0;
}

#define EVERYTHING                                                                \
    {                                                                             \
        .deflate_on_oom = true, .stats = true, .reporting = true, .hinting = true \
    }

static int make_into(void **state, bool direct, bool legacy)
{
    const struct recipe recipe = { .direct = direct, .legacy = legacy, .options = EVERYTHING };
    *state = make(&recipe);
    return 0;
}

static int setup(void **state)
{
    return make_into(state, false, false);
}

static int setup_direct(void **state)
{
    return make_into(state, true, false);
}

static int setup_packed(void **state)
{
    make_into(state, false, false);
    ((struct bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

static int setup_mmio(void **state)
{
    *state = make(&(struct recipe){ .mmio = true, .options = EVERYTHING });
    return 0;
}

static int setup_packed_mmio(void **state)
{
    *state = make(&(struct recipe){ .mmio = true, .packed = true, .options = EVERYTHING });
    return 0;
}

static int setup_packed_direct(void **state)
{
    make_into(state, true, false);
    ((struct bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

static int setup_legacy(void **state)
{
    return make_into(state, false, true);
}

static int setup_legacy_direct(void **state)
{
    return make_into(state, true, true);
}

static void start(struct bench *bench)
{
    assert_true(virtio_driver_start(&bench->driver, ALL, bench->balloon.virtio.queue_count));
}

static uint64_t get(struct bench *bench, uint32_t offset)
{
    return bench->driver.transport->config_read(bench->driver.device, offset, 4);
}

static void put(struct bench *bench, uint32_t offset, uint32_t value)
{
    bench->driver.transport->config_write(bench->driver.device, offset, 4, value);
}

static void enter(struct bench *bench)
{
    vmmp_context_enter(&bench->balloon.virtio.context);
}

static void leave(struct bench *bench)
{
    vmmp_context_leave(&bench->balloon.virtio.context);
}

static void settle(struct bench *bench)
{
    while (virtio_rig_run(&bench->rig)) {
    }
}

/* A request of page frames, in `pieces` descriptors. Kicks unless it is told not to. */
static void request(struct bench *bench, unsigned queue, const uint32_t *frames, uint32_t count,
                    unsigned pieces)
{
    struct virtio_driver_buffer buffers[8];
    uint32_t bytes = count * 4;
    uint64_t at = bench->buffers + queue * 0x40000;
    for (uint32_t i = 0; i < count; i++) {
        vmmp_le32_t frame = vmmp_le32(frames[i]);
        memcpy(virtio_driver_at(&bench->driver, at + i * 4, 4), &frame, 4);
    }
    for (unsigned i = 0; i < pieces; i++) {
        uint32_t from = bytes * i / pieces;
        buffers[i] =
            (struct virtio_driver_buffer){ at + from, bytes * (i + 1) / pieces - from, false };
    }
    virtio_driver_add(&bench->driver, queue, buffers, pieces);
    virtio_driver_kick(&bench->driver, queue);
}

static void acknowledged(struct bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    assert_true(virtio_driver_used(&bench->driver, queue, &id, &len));
    assert_int_equal(len, 0);
}

static bool outstanding(struct bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    return !virtio_driver_used(&bench->driver, queue, &id, &len);
}

/* The next call of the backend, from the first on. */
static void expect_call(struct bench *bench, unsigned index, char what, uint64_t frame,
                        uint64_t pages)
{
    assert_true(index < bench->call_count);
    assert_int_equal(bench->calls[index].what, what);
    assert_int_equal(bench->calls[index].gpa, frame * PAGE);
    assert_int_equal(bench->calls[index].len, pages * PAGE);
}

/* ---- Inflate and deflate ---- */

static void inflated_pages_are_discarded_in_ranges(void **state)
{
    struct bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301, FIRST + 302, /* upwards */
                                FIRST + 399, FIRST + 398, FIRST + 397, /* downwards */
                                FIRST + 398, FIRST + 398,              /* again */
                                FIRST + 500 };
    start(bench);
    request(bench, INFLATE, frames, 9, 1);
    acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 3);
    expect_call(bench, 0, 'D', FIRST + 300, 3);
    expect_call(bench, 1, 'D', FIRST + 397, 3);
    expect_call(bench, 2, 'D', FIRST + 500, 1);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->balloon.counters.inflated, 9 * PAGE);
    assert_int_equal(bench->balloon.counters.ranges, 3);
    assert_int_equal(bench->rig.messages, 0);
}

static void frames_lie_anyhow_in_the_chain(void **state)
{
    struct bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301, FIRST + 302, FIRST + 303, FIRST + 304 };
    start(bench);
    request(bench, INFLATE, frames, 5, 7);
    acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    expect_call(bench, 0, 'D', FIRST + 300, 5);
}

static void a_large_request_is_one_range(void **state)
{
    struct bench *bench = *state;
    uint32_t frames[600];
    start(bench);
    for (uint32_t i = 0; i < 600; i++) {
        frames[i] = FIRST + 300 + i;
    }
    request(bench, INFLATE, frames, 600, 2);
    acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    expect_call(bench, 0, 'D', FIRST + 300, 600);
}

static void ranges_stay_inside_regions(void **state)
{
    struct bench *bench = *state;
    const uint32_t frames[] = { FIRST + FRAMES - 2, FIRST + FRAMES - 1, FIRST + FRAMES,
                                FIRST + FRAMES + 1 };
    const uint32_t back[] = { FIRST + FRAMES, FIRST + FRAMES - 1 };
    start(bench);
    request(bench, INFLATE, frames, 4, 1);
    acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 2);
    expect_call(bench, 0, 'D', FIRST + FRAMES - 2, 2);
    expect_call(bench, 1, 'D', FIRST + FRAMES, 2);
    request(bench, INFLATE, back, 2, 1);
    assert_int_equal(bench->call_count, 4);
}

static void frames_that_are_not_ram(void **state)
{
    struct bench *bench = *state;
    /* Times 4096: beyond RAM; beyond 32 bits, where the low bits would be RAM; the most there is.
     */
    const uint32_t frames[] = {
        0,           FIRST - 1,  FIRST + 300, FIRST + FRAMES + 16, FIRST + 0x100000,
        FIRST + 301, UINT32_MAX, 0x80000000
    };
    start(bench);
    request(bench, INFLATE, frames, 8, 1);
    acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    expect_call(bench, 0, 'D', FIRST + 300, 2);
    assert_int_equal(bench->balloon.counters.refused, 6);
    assert_int_equal(bench->rig.messages, 6);
    assert_false(bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    for (unsigned i = 0; i < 100; i++) {
        request(bench, DEFLATE, frames, 1, 1);
    }
    assert_in_range(bench->rig.messages, 7, 20);
    assert_int_equal(bench->balloon.counters.refused, 106);
}

static void deflating_is_a_courtesy(void **state)
{
    struct bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301 };
    start(bench);
    request(bench, DEFLATE, frames, 2, 1);
    acknowledged(bench, DEFLATE);
    assert_int_equal(bench->balloon.counters.deflated, 2 * PAGE);
    assert_int_equal(bench->call_count, 0); /* There is no populate. */
    assert_int_equal(bench->balloon.counters.ranges, 0);
}

static void odd_requests(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver_buffer buffers[] = { { bench->buffers, 7, false },
                                              { bench->buffers + 64, 8, true } };
    const struct virtio_driver_buffer empty = { bench->buffers, 0, false };
    vmmp_le32_t frame = vmmp_le32(FIRST + 300);
    memcpy(virtio_driver_at(&bench->driver, bench->buffers, 4), &frame, 4);
    memset(virtio_driver_at(&bench->driver, bench->buffers + 64, 8), 0x55, 8);
    start(bench);
    virtio_driver_add(&bench->driver, INFLATE, buffers, 2); /* A frame and three quarters. */
    virtio_driver_add(&bench->driver, INFLATE, buffers + 1, 1);
    virtio_driver_add(&bench->driver, INFLATE, &empty, 1);
    virtio_driver_kick(&bench->driver, INFLATE);
    acknowledged(bench, INFLATE);
    acknowledged(bench, INFLATE);
    acknowledged(bench, INFLATE);
    assert_int_equal(bench->call_count, 1);
    expect_call(bench, 0, 'D', FIRST + 300, 1);
    assert_int_equal(*(uint8_t *)virtio_driver_at(&bench->driver, bench->buffers + 64, 1), 0x55);
}

/* More than a request may have: the rest is ignored. Every second page: a call for each. */
static void endless_requests(void **state)
{
    struct bench *bench = *state;
    uint32_t frames[1024];
    struct virtio_driver_buffer buffers[32];
    for (uint32_t i = 0; i < 1024; i++) {
        frames[i] = FIRST + i % 512 * 2;
    }
    start(bench);
    request(bench, INFLATE, frames, 1024, 1);
    assert_int_equal(bench->call_count, 1024);
    for (unsigned i = 0; i < 32; i++) {
        buffers[i] = (struct virtio_driver_buffer){ bench->buffers, 4096, false };
    }
    bench->call_count = 0;
    virtio_driver_add(&bench->driver, INFLATE, buffers, 32);
    virtio_driver_kick(&bench->driver, INFLATE);
    assert_int_equal(bench->call_count, VMMP_VIRTIO_BALLOON_PFNS);
    assert_int_equal(bench->rig.messages, 1);
    settle(bench);
}

static void a_turn_is_bounded(void **state)
{
    struct bench *bench = *state;
    struct virtio_driver_buffer buffer = { bench->buffers, 4096, false };
    start(bench);
    for (unsigned i = 0; i < 100; i++) {
        virtio_driver_add(&bench->driver, INFLATE, &buffer, 1);
    }
    virtio_driver_kick(&bench->driver, INFLATE);
    unsigned turns = 0;
    do {
        turns++;
        assert_int_equal(bench->balloon.queues[INFLATE].chains, 4 * turns);
    } while (virtio_rig_run(&bench->rig) && turns < 25);
    assert_int_equal(turns, 25);
    for (unsigned i = 0; i < 100; i++) {
        acknowledged(bench, INFLATE);
    }
    settle(bench);
}

static void a_backend_that_fails(void **state)
{
    struct bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 302 };
    start(bench);
    bench->rig.origin = VMMP_LOG_HOST;
    bench->result = -EIO;
    request(bench, INFLATE, frames, 2, 1);
    request(bench, INFLATE, frames, 2, 1);
    acknowledged(bench, INFLATE);
    acknowledged(bench, INFLATE);
    assert_int_equal(bench->rig.messages, 1);
    assert_int_equal(bench->balloon.counters.failures, 4);
}

/* ---- Pages that have to be asked back ---- */

static int setup_must_tell(void **state)
{
    const struct recipe recipe = { .must_tell = true, .options = EVERYTHING };
    *state = make(&recipe);
    return 0;
}

static int setup_must_tell_legacy(void **state)
{
    const struct recipe recipe = { .must_tell = true, .legacy = true, .options = EVERYTHING };
    *state = make(&recipe);
    return 0;
}

static void pages_are_asked_back(void **state)
{
    struct bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300, FIRST + 301, FIRST + 310 };
    start(bench);
    assert_int_equal(bench->driver.features & 0x3f, BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST) |
                                                        BIT(VIRTIO_BALLOON_F_STATS_VQ) |
                                                        BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM));
    request(bench, INFLATE, frames, 3, 1);
    request(bench, DEFLATE, frames, 2, 1);
    assert_int_equal(bench->call_count, 3);
    expect_call(bench, 2, 'P', FIRST + 300, 2);
    /* The next driver has all of RAM. */
    virtio_driver_reset(&bench->driver);
    assert_int_equal(bench->call_count, 5);
    expect_call(bench, 3, 'P', FIRST, FRAMES);
    expect_call(bench, 4, 'P', FIRST + FRAMES, 16);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(bench->call_count, 5);
}

static void who_does_not_tell_is_refused(void **state)
{
    struct bench *bench = *state;
    assert_false(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST), 2));
}

static void who_cannot_tell_is_accepted(void **state)
{
    struct bench *bench = *state;
    const uint32_t frames[] = { FIRST + 300 };
    assert_true(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST), 2));
    request(bench, INFLATE, frames, 1, 1);
    acknowledged(bench, INFLATE);
}

/* ---- Configuration ---- */

static void the_target_is_shown(void **state)
{
    struct bench *bench = *state;
    start(bench);
    assert_int_equal(get(bench, NUM_PAGES), 0);
    unsigned before = bench->rig.pulses;
    enter(bench);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, 3 * PAGE + 17), 0);
    leave(bench);
    assert_int_equal(get(bench, NUM_PAGES), 3);
    assert_int_equal(bench->rig.pulses, before + 1);
    assert_int_equal(bench->driver.transport->isr(bench->driver.device), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(vmmp_virtio_balloon_target(&bench->balloon), 3 * PAGE);
    enter(bench);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, 3 * PAGE), 0);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, UINT64_C(1) << 44), -EINVAL);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, UINT64_MAX), -EINVAL);
    leave(bench);
    assert_int_equal(bench->rig.pulses, before + 1);
    put(bench, NUM_PAGES, 77); /* The driver's it is not. */
    put(bench, COMMAND, 77);
    assert_int_equal(get(bench, NUM_PAGES), 3);
    assert_int_equal(get(bench, COMMAND), 0);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(get(bench, NUM_PAGES), 3); /* The host still wants it. */
    enter(bench);
    assert_int_equal(vmmp_virtio_balloon_set_target(&bench->balloon, (UINT64_C(1) << 44) - 1), 0);
    leave(bench);
    assert_int_equal(get(bench, NUM_PAGES), UINT32_MAX);
    assert_int_equal(vmmp_virtio_balloon_target(&bench->balloon), (UINT64_C(1) << 44) - PAGE);
}

static void the_driver_says_how_large_it_is(void **state)
{
    struct bench *bench = *state;
    start(bench);
    put(bench, ACTUAL, 0x01020304);
    assert_int_equal(get(bench, ACTUAL), 0x01020304);
    assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), UINT64_C(0x01020304) * PAGE);
    assert_int_equal(bench->changes, 1);
    /* 5.5.6.2.1: byte by byte, the value counts with its last byte. */
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), UINT64_C(0x01020304) * PAGE);
        bench->driver.transport->config_write(bench->driver.device, ACTUAL + i, 1, 0x11 * i);
    }
    assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), UINT64_C(0x33221100) * PAGE);
    assert_int_equal(bench->changes, 2);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(vmmp_virtio_balloon_actual(&bench->balloon), 0);
    assert_int_equal(bench->changes, 3);
}

static void features_by_option(void **state)
{
    static const struct {
        struct recipe recipe;
        uint64_t features;
        unsigned queues;
    } rows[] = {
        { .features = 0, .queues = 2 },
        { .recipe = { .options = { .deflate_on_oom = true } }, .features = BIT(2), .queues = 2 },
        { .recipe = { .options = { .stats = true } }, .features = BIT(1), .queues = 3 },
        { .recipe = { .options = { .hinting = true } }, .features = BIT(3) | BIT(4), .queues = 4 },
        { .recipe = { .options = { .reporting = true } },
          .features = BIT(5) | BIT(4),
          .queues = 5 },
        { .recipe = { .options = { .reporting = true, .features_off = BIT(4) } },
          .features = BIT(5),
          .queues = 5 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        void *bench = make(&rows[i].recipe);
        struct bench *made = bench;
        assert_int_equal(made->driver.transport->features(made->driver.device) & 0xffffff,
                         rows[i].features);
        assert_int_equal(made->balloon.virtio.queue_count, rows[i].queues);
        teardown(&bench);
    }
}

/* ---- Statistics ---- */

static uint32_t stat_entry(struct bench *bench, uint32_t at, uint16_t tag, uint64_t value)
{
    uint8_t *bytes = virtio_driver_at(&bench->driver, bench->buffers + 0x80000 + at, 10);
    for (unsigned i = 0; i < 2; i++) {
        bytes[i] = (uint8_t)(tag >> (8 * i));
    }
    for (unsigned i = 0; i < 8; i++) {
        bytes[2 + i] = (uint8_t)(value >> (8 * i));
    }
    return at + 10;
}

static void give_stats(struct bench *bench, uint32_t size)
{
    const struct virtio_driver_buffer buffers[] = {
        { bench->buffers + 0x80000, size / 2, false },
        { bench->buffers + 0x80000 + size / 2, size - size / 2, false },
    };
    virtio_driver_add(&bench->driver, STATS, buffers, 2);
    virtio_driver_kick(&bench->driver, STATS);
}

static int ask(struct bench *bench)
{
    enter(bench);
    int result = vmmp_virtio_balloon_ask_stats(&bench->balloon);
    leave(bench);
    return result;
}

/* As Linux does it: one buffer, given at the start, and again whenever it comes back. */
static void statistics_on_demand(void **state)
{
    struct bench *bench = *state;
    const struct vmmp_balloon_stats *stats = &bench->balloon.stats;
    assert_int_equal(ask(bench), -ENODEV);
    start(bench);
    assert_int_equal(ask(bench), -EAGAIN);
    uint32_t size = stat_entry(bench, 0, VMMP_BALLOON_FREE, 111);
    give_stats(bench, size);
    assert_true(outstanding(bench, STATS));
    assert_int_equal(bench->rig.pulses, 0);
    assert_int_equal(stats->reports, bench->driver.transport->legacy ? 0 : 1);

    unsigned changes = bench->changes;
    assert_int_equal(ask(bench), 0);
    assert_int_equal(ask(bench), -EAGAIN);
    assert_int_equal(bench->rig.pulses, 1);
    acknowledged(bench, STATS);
    size = stat_entry(bench, 0, VMMP_BALLOON_TOTAL, UINT64_C(0x123456789abcdef0));
    size = stat_entry(bench, size, VMMP_BALLOON_DIRECT_RECLAIM, 16);
    size = stat_entry(bench, size, VMMP_BALLOON_STATS, 1); /* Not known, */
    size = stat_entry(bench, size, UINT16_MAX, 1);         /* nor this. */
    size = stat_entry(bench, size, VMMP_BALLOON_SWAP_IN, 5);
    give_stats(bench, size);
    assert_int_equal(bench->changes, changes + 1);
    assert_int_equal(stats->valid, BIT(VMMP_BALLOON_TOTAL) | BIT(VMMP_BALLOON_DIRECT_RECLAIM) |
                                       BIT(VMMP_BALLOON_SWAP_IN));
    assert_int_equal(stats->value[VMMP_BALLOON_TOTAL], UINT64_C(0x123456789abcdef0));
    assert_int_equal(stats->value[VMMP_BALLOON_DIRECT_RECLAIM], 16);
    assert_int_equal(stats->value[VMMP_BALLOON_SWAP_IN], 5);
    assert_true(outstanding(bench, STATS));
    virtio_driver_reset(&bench->driver);
    assert_int_equal(ask(bench), -ENODEV);
    assert_int_equal(stats->valid, 0);
    start(bench);
    assert_int_equal(ask(bench), -EAGAIN); /* The old buffer is not the new driver's. */
}

static void malformed_statistics(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer writable = { bench->buffers, 100, true };
    start(bench);
    bench->balloon.stats_first = false;
    uint32_t size = stat_entry(bench, 0, VMMP_BALLOON_FREE, 1);
    stat_entry(bench, size, VMMP_BALLOON_TOTAL, 2);
    give_stats(bench, size + 9); /* The second is incomplete. */
    assert_int_equal(bench->balloon.stats.valid, BIT(VMMP_BALLOON_FREE));
    virtio_driver_add(&bench->driver, STATS, &writable, 1);
    virtio_driver_kick(&bench->driver, STATS); /* A second buffer: one of them comes back. */
    acknowledged(bench, STATS);
    assert_true(outstanding(bench, STATS));
    assert_int_equal(bench->balloon.stats.valid, 0);
    assert_int_equal(bench->rig.messages, 1);
    size = 0;
    for (unsigned i = 0; i < 100; i++) { /* The last that are looked at win. */
        size = stat_entry(bench, size, VMMP_BALLOON_FREE, i);
    }
    give_stats(bench, size);
    assert_int_equal(bench->balloon.stats.value[VMMP_BALLOON_FREE], 63);
}

static int setup_period(void **state)
{
    const struct recipe recipe = { .options = { .stats = true, .stats_period_ns = 2 * SECOND } };
    *state = make(&recipe);
    return 0;
}

static void statistics_from_time_to_time(void **state)
{
    struct bench *bench = *state;
    virtio_rig_advance(&bench->rig, 10 * SECOND);
    start(bench);
    uint32_t size = stat_entry(bench, 0, VMMP_BALLOON_FREE, 111);
    give_stats(bench, size);
    assert_int_equal(bench->balloon.stats.time_ns, 10 * SECOND);
    virtio_rig_advance(&bench->rig, 2 * SECOND - 1);
    assert_true(outstanding(bench, STATS));
    virtio_rig_advance(&bench->rig, 1);
    acknowledged(bench, STATS);
    virtio_rig_advance(&bench->rig, 10 * SECOND); /* A guest that takes its time. */
    give_stats(bench, size);
    assert_true(outstanding(bench, STATS));
    virtio_rig_advance(&bench->rig, 2 * SECOND);
    acknowledged(bench, STATS);
    virtio_driver_reset(&bench->driver);
    virtio_rig_advance(&bench->rig, 2 * SECOND);
    assert_null(bench->rig.timers);
    start(bench);
    assert_non_null(bench->rig.timers); /* Teardown looks whether it goes. */
}

static void the_statistics_queue_is_reset(void **state)
{
    struct bench *bench = *state;
    start(bench);
    give_stats(bench, stat_entry(bench, 0, VMMP_BALLOON_FREE, 1));
    vmmp_virtio_queue_reset(&bench->balloon.virtio, STATS);
    assert_int_equal(ask(bench), -EAGAIN);
    virtio_driver_set_up_queue(&bench->driver, STATS);
    give_stats(bench, stat_entry(bench, 0, VMMP_BALLOON_FREE, 2));
    assert_int_equal(ask(bench), 0);
    acknowledged(bench, STATS);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(vmmp_balloon_stat_name(VMMP_BALLOON_SWAP_IN), "swap_in");
    assert_string_equal(vmmp_balloon_stat_name(VMMP_BALLOON_DIRECT_RECLAIM), "direct_reclaim");
    assert_null(vmmp_balloon_stat_name(VMMP_BALLOON_STATS));
}

/* ---- Reports ---- */

static void reported_pages_are_discarded(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffers[] = {
        { (FIRST + 512) * (uint64_t)PAGE, 64 * PAGE, true },
        { (FIRST + 576) * (uint64_t)PAGE, 64 * PAGE, true },    /* Its neighbour. */
        { (FIRST + 700) * (uint64_t)PAGE + 1, 3 * PAGE, true }, /* Two pages and parts of others. */
        { (FIRST + 800) * (uint64_t)PAGE + 1, PAGE, true },     /* Parts only. */
        { (FIRST + FRAMES - 2) * (uint64_t)PAGE, 4 * PAGE, true }, /* Two regions. */
    };
    start(bench);
    virtio_driver_add(&bench->driver, REPORTS, buffers, 5);
    virtio_driver_kick(&bench->driver, REPORTS);
    acknowledged(bench, REPORTS);
    assert_int_equal(bench->call_count, 4);
    expect_call(bench, 0, 'D', FIRST + 512, 128);
    expect_call(bench, 1, 'D', FIRST + 701, 2);
    expect_call(bench, 2, 'D', FIRST + FRAMES - 2, 2);
    expect_call(bench, 3, 'D', FIRST + FRAMES, 2);
    assert_int_equal(bench->balloon.counters.reported, 134 * PAGE);
}

static void a_report_outside_ram(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffers[] = {
        { (FIRST + 512) * (uint64_t)PAGE, PAGE, true },
        { (FIRST + FRAMES) * (uint64_t)PAGE, 17 * PAGE, true },
    };
    start(bench);
    virtio_driver_add(&bench->driver, REPORTS, buffers, 2);
    virtio_driver_kick(&bench->driver, REPORTS);
    assert_int_equal(bench->call_count, 0);
    assert_true(bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
}

static void readable_reports_are_none(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, false };
    start(bench);
    virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, REPORTS);
    acknowledged(bench, REPORTS);
    assert_int_equal(bench->call_count, 0);
}

/* 5.5.6.7.2: free pages that hold something have to keep it. */
static void poisoned_pages_stay(void **state)
{
    static const uint32_t poisons[] = { 0xaaaaaaaa, 1, 0 };
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    for (unsigned i = 0; i < 3; i++) {
        assert_true(virtio_driver_negotiate(&bench->driver, ALL));
        put(bench, POISON, poisons[i]);
        assert_int_equal(get(bench, POISON), poisons[i]);
        for (unsigned q = 0; q < 5; q++) {
            virtio_driver_set_up_queue(&bench->driver, q);
        }
        virtio_driver_ready(&bench->driver);
        put(bench, POISON, 0); /* Too late. */
        virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
        virtio_driver_kick(&bench->driver, REPORTS);
        acknowledged(bench, REPORTS);
        assert_int_equal(bench->call_count, poisons[i] == 0);
    }
}

/* What is not negotiated has no meaning. */
static void a_poison_value_without_the_feature(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    assert_true(virtio_driver_negotiate(&bench->driver, ~BIT(VIRTIO_BALLOON_F_PAGE_POISON)));
    put(bench, POISON, 1);
    for (unsigned q = 0; q < 5; q++) {
        virtio_driver_set_up_queue(&bench->driver, q);
    }
    virtio_driver_ready(&bench->driver);
    virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, REPORTS);
    assert_int_equal(bench->call_count, 1);
}

/* ---- Which queue is which ---- */

static void queues_without_gaps_and_with(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    static const struct {
        uint64_t without;
        unsigned queues[4]; /* That the driver sets up. */
        unsigned reports;
    } rows[] = {
        { 0, { 2, 3, 4, 0 }, 4 },
        { BIT(VIRTIO_BALLOON_F_STATS_VQ), { 3, 4, 0, 0 }, 4 }, /* 5.5.2 */
        { BIT(VIRTIO_BALLOON_F_STATS_VQ), { 2, 3, 0, 0 }, 3 }, /* Linux */
        { BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 2, 4, 0, 0 }, 4 },
        { BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 2, 3, 0, 0 }, 3 },
        { BIT(VIRTIO_BALLOON_F_STATS_VQ) | BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 4, 0 }, 4 },
        { BIT(VIRTIO_BALLOON_F_STATS_VQ) | BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT), { 2, 0 }, 2 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(virtio_driver_negotiate(&bench->driver, ~rows[i].without));
        virtio_driver_set_up_queue(&bench->driver, INFLATE);
        virtio_driver_set_up_queue(&bench->driver, DEFLATE);
        for (const unsigned *queue = rows[i].queues; *queue; queue++) {
            virtio_driver_set_up_queue(&bench->driver, *queue);
        }
        virtio_driver_ready(&bench->driver);
        bench->call_count = 0;
        virtio_driver_add(&bench->driver, rows[i].reports, &buffer, 1);
        virtio_driver_kick(&bench->driver, rows[i].reports);
        assert_int_equal(bench->call_count, 1);
        acknowledged(bench, rows[i].reports);
    }
}

static void a_queue_of_no_feature_is_left_alone(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    assert_true(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_BALLOON_F_PAGE_REPORTING), 5));
    virtio_driver_add(&bench->driver, REPORTS, &buffer, 1);
    bench->driver.transport->kick(bench->driver.device, REPORTS);
    settle(bench);
    assert_int_equal(bench->call_count, 0);
    assert_true(outstanding(bench, REPORTS));
}

/* ---- Hints ---- */

static void tell(struct bench *bench, uint32_t command, uint32_t size)
{
    const struct virtio_driver_buffer buffer = { bench->buffers, size, false };
    vmmp_le32_t id = vmmp_le32(command);
    memcpy(virtio_driver_at(&bench->driver, bench->buffers, 4), &id, 4);
    virtio_driver_add(&bench->driver, HINTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, HINTS);
    acknowledged(bench, HINTS);
}

static void hint(struct bench *bench, uint32_t frame, uint32_t pages)
{
    const struct virtio_driver_buffer buffer = { (FIRST + frame) * (uint64_t)PAGE, pages * PAGE,
                                                 true };
    virtio_driver_add(&bench->driver, HINTS, &buffer, 1);
    virtio_driver_kick(&bench->driver, HINTS);
    acknowledged(bench, HINTS);
}

static int command(struct bench *bench, enum vmmp_balloon_hint what)
{
    enter(bench);
    int result = vmmp_virtio_balloon_hint(&bench->balloon, what);
    leave(bench);
    return result;
}

static void a_round_of_hints(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), -ENODEV);
    start(bench);
    assert_int_equal(get(bench, COMMAND), 0); /* STOP */
    hint(bench, 512, 64);                     /* Nobody asked. */
    assert_int_equal(bench->call_count, 0);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    uint32_t id = (uint32_t)get(bench, COMMAND);
    assert_true(id >= 2);
    hint(bench, 512, 64); /* Not named yet. */
    assert_int_equal(bench->call_count, 0);
    tell(bench, id, 4);
    hint(bench, 512, 64);
    hint(bench, 640, 64);
    assert_int_equal(bench->call_count, 2);
    expect_call(bench, 0, 'K', FIRST + 512, 64);
    expect_call(bench, 1, 'K', FIRST + 640, 64);
    assert_int_equal(bench->balloon.counters.hinted, 128 * PAGE);
    bench->driver.transport->isr(bench->driver.device);
    tell(bench, 0, 4); /* The driver has no more: DONE, and it gets its pages back. */
    assert_int_equal(get(bench, COMMAND), 1);
    assert_true(bench->driver.transport->isr(bench->driver.device) & VMMP_VIRTIO_ISR_CONFIG);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
    assert_int_equal(bench->balloon.hint_rounds, 1);
    /* The next one has another number; the old one does not count. */
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    assert_int_not_equal(get(bench, COMMAND), id);
    tell(bench, id, 4);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
    tell(bench, (uint32_t)get(bench, COMMAND), 4);
    tell(bench, id, 4); /* Nor in the middle. */
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
    /* A reset ends it. */
    start(bench);
    assert_int_equal(get(bench, COMMAND), 0);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 2);
}

static void hints_are_stopped(void **state)
{
    struct bench *bench = *state;
    start(bench);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
        uint32_t id = (uint32_t)get(bench, COMMAND);
        tell(bench, id, 4);
        assert_int_equal(command(bench, i ? VMMP_BALLOON_HINT_DONE : VMMP_BALLOON_HINT_STOP), 0);
        assert_int_equal(get(bench, COMMAND), i);
        hint(bench, 512, 64);
        tell(bench, id, 4);
        hint(bench, 512, 64);
        tell(bench, i, 4); /* A reserved value starts nothing. */
        hint(bench, 512, 64);
        assert_int_equal(bench->call_count, 0);
        assert_int_equal(bench->balloon.hint_rounds, 0);
    }
}

static void malformed_hints(void **state)
{
    struct bench *bench = *state;
    start(bench);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    uint32_t id = (uint32_t)get(bench, COMMAND);
    for (uint32_t size = 1; size < 9; size++) {
        if (size != 4) {
            tell(bench, id, size);
        }
    }
    assert_int_equal(bench->rig.messages, 7);
    hint(bench, 512, 64);
    assert_int_equal(bench->call_count, 0);
    /* A command and pages in one chain are taken in that order. */
    const struct virtio_driver_buffer both[] = { { bench->buffers, 4, false },
                                                 { (FIRST + 512) * (uint64_t)PAGE, PAGE, true } };
    tell(bench, id, 4);
    virtio_driver_add(&bench->driver, HINTS, both, 2);
    virtio_driver_kick(&bench->driver, HINTS);
    assert_int_equal(bench->call_count, 1);
}

/* Hints found in another way than by a kick are older than the driver's last word. */
static void hints_that_were_not_kicked_for(void **state)
{
    struct bench *bench = *state;
    start(bench);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    tell(bench, (uint32_t)get(bench, COMMAND), 4);
    const struct virtio_driver_buffer buffer = { (FIRST + 512) * (uint64_t)PAGE, PAGE, true };
    virtio_driver_add(&bench->driver, HINTS, &buffer, 1);
    enter(bench);
    vmmp_virtio_resume(&bench->balloon.virtio, HINTS);
    leave(bench);
    expect_call(bench, 0, 'H', FIRST + 512, 1);
}

static void the_client_ends_a_round(void **state)
{
    const struct recipe recipe = { .client_ends_hints = true, .options = EVERYTHING };
    struct bench *bench = make(&recipe);
    void *made = bench;
    (void)state;
    start(bench);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    uint32_t id = (uint32_t)get(bench, COMMAND);
    tell(bench, id, 4);
    tell(bench, 0, 4);
    assert_int_equal(bench->ends, 1);
    assert_int_equal(get(bench, COMMAND), id);
    tell(bench, 0, 4);
    assert_int_equal(bench->ends, 1);
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_DONE), 0);
    assert_int_equal(get(bench, COMMAND), 1);
    /* Numbers go round without the reserved ones. */
    bench->balloon.hint_last = UINT32_MAX;
    assert_int_equal(command(bench, VMMP_BALLOON_HINT_START), 0);
    assert_int_equal(get(bench, COMMAND), 2);
    teardown(&made);
}

static void arguments(void **state)
{
    struct vmmp_virtio_balloon *balloon = malloc(sizeof(*balloon));
    struct virtio_rig rig;
    struct vmmp_virtio_balloon_options options = { .stats = true, .stats_period_ns = 1 };
    (void)state;
    virtio_rig_init(&rig, true, false);
    rig.origin = VMMP_LOG_CLIENT;
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, NULL),
                     -EINVAL);
    assert_non_null(strstr(rig.last_message, "clock and timers"));
    options.stats = false;
    assert_int_equal(
        vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, &rig.host),
        -EINVAL);
    options.stats_period_ns = 0;
    options.target = UINT64_C(1) << 44;
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, NULL),
                     -EINVAL);
    options.target = 10 * PAGE;
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, NULL, &rig.log, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_balloon_init(balloon, NULL, &options, &rig.memory, &rig.log, NULL),
                     0);
    assert_int_equal(vmmp_virtio_balloon_target(balloon), 10 * PAGE);
    vmmp_virtio_balloon_fini(balloon);
    virtio_rig_fini(&rig);
    free(balloon);
}

int test_virtio_balloon(void)
{
#define ON(how, f) cmocka_unit_test_setup_teardown(f, how, teardown)
#define EACH_WAY(f)                                                                     \
    ON(setup, f), ON(setup_direct, f), ON(setup_packed, f), ON(setup_packed_direct, f), \
        ON(setup_mmio, f), ON(setup_packed_mmio, f), ON(setup_legacy, f),               \
        ON(setup_legacy_direct, f)
    const struct CMUnitTest tests[] = {
        EACH_WAY(inflated_pages_are_discarded_in_ranges),
        EACH_WAY(frames_lie_anyhow_in_the_chain),
        EACH_WAY(a_large_request_is_one_range),
        EACH_WAY(ranges_stay_inside_regions),
        EACH_WAY(frames_that_are_not_ram),
        EACH_WAY(deflating_is_a_courtesy),
        EACH_WAY(odd_requests),
        EACH_WAY(endless_requests),
        ON(setup, a_turn_is_bounded),
        ON(setup_legacy, a_turn_is_bounded),
        EACH_WAY(a_backend_that_fails),
        ON(setup_must_tell, pages_are_asked_back),
        ON(setup_must_tell_legacy, pages_are_asked_back),
        ON(setup_must_tell, who_does_not_tell_is_refused),
        ON(setup_must_tell_legacy, who_cannot_tell_is_accepted),
        EACH_WAY(the_target_is_shown),
        EACH_WAY(the_driver_says_how_large_it_is),
        cmocka_unit_test(features_by_option),
        EACH_WAY(statistics_on_demand),
        EACH_WAY(malformed_statistics),
        ON(setup_period, statistics_from_time_to_time),
        ON(setup, the_statistics_queue_is_reset),
        cmocka_unit_test(names),
        EACH_WAY(reported_pages_are_discarded),
        EACH_WAY(a_report_outside_ram),
        EACH_WAY(readable_reports_are_none),
        EACH_WAY(poisoned_pages_stay),
        EACH_WAY(a_poison_value_without_the_feature),
        EACH_WAY(queues_without_gaps_and_with),
        EACH_WAY(a_queue_of_no_feature_is_left_alone),
        EACH_WAY(a_round_of_hints),
        EACH_WAY(hints_are_stopped),
        EACH_WAY(malformed_hints),
        EACH_WAY(hints_that_were_not_kicked_for),
        cmocka_unit_test(the_client_ends_a_round),
        cmocka_unit_test(arguments),
    };
#undef EACH_WAY
#undef ON
    return cmocka_run_group_tests_name("virtio_balloon", tests, NULL, NULL);
}
