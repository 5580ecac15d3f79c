/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-rng (virtio 1.2, 5.4) on both faces, with and without deferral. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/virtio_rng.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_spec.h"

#define ALL        UINT64_MAX
#define SECOND     UINT64_C(1000000000)
#define UNTOUCHED  0x55
#define QUEUE_SIZE VMMP_VIRTIO_RNG_QUEUE_SIZE

int test_virtio_rng(void);

/* A source of counted bytes: 1, 2, … 255, 1, … `left` are there. */
struct bench {
    struct virtio_rig rig;
    struct vmmp_virtio_rng rng;
    struct virtio_driver driver;
    uint64_t buffers;
    size_t left;
    uint8_t next;
    size_t largest; /* Asked for in one call. */
    unsigned fills;
    bool wake;  /* `fill` says ready. */
    bool boast; /* `fill` claims more than it was asked for. */
    bool reset; /* `fill` has the driver reset the device. */
};

static size_t backend_fill(void *cookie, void *buffer, size_t len)
{
    struct bench *bench = cookie;
    size_t count = len < bench->left ? len : bench->left;
    assert_int_not_equal(len, 0);
    bench->fills++;
    bench->largest = len > bench->largest ? len : bench->largest;
    bench->left -= count;
    for (size_t i = 0; i < count; i++) {
        bench->next = bench->next == 255 ? 1 : (uint8_t)(bench->next + 1);
        ((uint8_t *)buffer)[i] = bench->next;
    }
    if (bench->wake) {
        vmmp_virtio_rng_ready(&bench->rng);
    }
    if (bench->reset) {
        vmmp_virtio_set_status(&bench->rng.virtio, 0, bench->driver.transport->legacy);
    }
    return bench->boast ? SIZE_MAX : count;
}

static void make_limited(struct bench *bench, bool defers,
                         const struct virtio_driver_transport *transport, uint64_t rate)
{
    const struct vmmp_entropy entropy = { backend_fill, bench };
    const struct vmmp_virtio_rng_options options = { .rate_bytes = rate };
    memset(bench, 0, sizeof(*bench));
    bench->left = SIZE_MAX;
    virtio_rig_init(&bench->rig, defers, false);
    bench->rig.now = 5 * SECOND;
    assert_int_equal(vmmp_virtio_rng_init(&bench->rng, &entropy, &options, &bench->rig.memory,
                                          &bench->rig.log, &bench->rig.host),
                     0);
    struct vmmp_window *device = virtio_rig_connect(&bench->rig, &bench->rng.virtio, transport);
    virtio_driver_init(&bench->driver, transport, device, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->driver.ordered = true;
    bench->buffers = virtio_driver_alloc(&bench->driver, 0x200000, 4096);
    memset(virtio_driver_at(&bench->driver, bench->buffers, 0x200000), UNTOUCHED, 0x200000);
}

static void unmake(struct bench *bench)
{
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_rng_fini(&bench->rng);
    virtio_rig_fini(&bench->rig);
}

static int make(void **state, bool defers, const struct virtio_driver_transport *transport)
{
    struct bench *bench = malloc(sizeof(*bench));
    make_limited(bench, defers, transport, 0);
    *state = bench;
    return 0;
}

static int setup(void **state)
{
    return make(state, true, &virtio_driver_pci_modern);
}

static int setup_direct(void **state)
{
    return make(state, false, &virtio_driver_pci_modern);
}

static int setup_mmio(void **state)
{
    return make(state, true, &virtio_driver_mmio);
}

static int setup_packed_mmio(void **state)
{
    setup_mmio(state);
    ((struct bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

static int setup_packed(void **state)
{
    setup(state);
    ((struct bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

static int setup_packed_direct(void **state)
{
    setup_direct(state);
    ((struct bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

static int setup_legacy(void **state)
{
    return make(state, true, &virtio_driver_pci_legacy);
}

static int setup_legacy_direct(void **state)
{
    return make(state, false, &virtio_driver_pci_legacy);
}

static int setup_limited(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make_limited(bench, true, &virtio_driver_pci_modern, 100);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    unmake(*state);
    free(*state);
    return 0;
}

static void start(struct bench *bench)
{
    assert_true(virtio_driver_start(&bench->driver, ALL, 1));
}

/* One request for `size` bytes at `offset` into the buffers. */
static void ask(struct bench *bench, uint64_t offset, uint32_t size)
{
    const struct virtio_driver_buffer buffer = { bench->buffers + offset, size, true };
    virtio_driver_add(&bench->driver, 0, &buffer, 1);
    virtio_driver_kick(&bench->driver, 0);
}

static void ready(struct bench *bench)
{
    vmmp_context_enter(&bench->rng.virtio.context);
    vmmp_virtio_rng_ready(&bench->rng);
    vmmp_context_leave(&bench->rng.virtio.context);
}

/* The next answer's length; fails if there is none. */
static uint32_t answered(struct bench *bench)
{
    uint32_t id;
    uint32_t len;
    assert_true(virtio_driver_used(&bench->driver, 0, &id, &len));
    return len;
}

static bool waits(struct bench *bench)
{
    uint32_t id;
    uint32_t len;
    return !virtio_driver_used(&bench->driver, 0, &id, &len);
}

/* `size` bytes of the source from `first` on, then nothing. */
static void expect_bytes(struct bench *bench, uint64_t offset, uint32_t size, uint8_t first)
{
    const uint8_t *bytes = virtio_driver_at(&bench->driver, bench->buffers + offset, size + 1);
    for (uint32_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], (first - 1 + i) % 255 + 1);
    }
    assert_int_equal(bytes[size], UNTOUCHED);
}

/* ---- Requests ---- */

static void bytes_arrive(void **state)
{
    struct bench *bench = *state;
    start(bench);
    ask(bench, 0, 64);
    assert_int_equal(answered(bench), 64);
    expect_bytes(bench, 0, 64, 1);
    assert_int_equal(bench->rig.pulses, 1);
    ask(bench, 1000, 10);
    assert_int_equal(answered(bench), 10);
    expect_bytes(bench, 1000, 10, 65);
    assert_int_equal(bench->rng.bytes, 74);
    assert_int_equal(bench->rng.requests, 2);
}

static void a_chain_of_pieces_is_filled_in_order(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffers[] = { { bench->buffers, 3, true },
                                                    { bench->buffers + 100, 1, true },
                                                    { bench->buffers + 200, 7, true } };
    start(bench);
    virtio_driver_add(&bench->driver, 0, buffers, 3);
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(answered(bench), 11);
    expect_bytes(bench, 0, 3, 1);
    expect_bytes(bench, 100, 1, 4);
    expect_bytes(bench, 200, 7, 5);
}

static void no_features_but_the_core_s(void **state)
{
    struct bench *bench = *state;
    uint64_t offered = bench->driver.transport->features(bench->driver.device);
    assert_int_equal(offered & ((UINT64_C(1) << 24) - 1), 0);
    assert_int_equal(bench->driver.transport->config_read(bench->driver.device, 0, 1), 0xff);
    bench->driver.transport->config_write(bench->driver.device, 0, 1, 1);
}

/* 5.4.6.2: less than the buffer, but not nothing. */
static void a_source_with_few_bytes(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->left = 5;
    ask(bench, 0, 64);
    assert_int_equal(answered(bench), 5);
    expect_bytes(bench, 0, 5, 1);
}

static void a_source_without_bytes(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->left = 0;
    ask(bench, 0, 64);
    ask(bench, 100, 64);
    assert_true(waits(bench));
    assert_int_equal(bench->rig.pulses, 0);
    bench->driver.transport->kick(bench->driver.device, 0);
    assert_int_equal(bench->fills, 1); /* A kick is no reason to ask again. */
    bench->left = 70;
    ready(bench);
    assert_int_equal(answered(bench), 64);
    assert_int_equal(answered(bench), 6);
    expect_bytes(bench, 0, 64, 1);
    expect_bytes(bench, 100, 6, 65);
    assert_int_equal(bench->rng.empty_waits, 1);
    ready(bench);
    ready(bench);
    assert_int_equal(bench->fills, 3);
    bench->left = 1;
    ask(bench, 0, 8); /* The driver is asked for kicks again. */
    assert_int_equal(answered(bench), 1);
}

static void a_source_that_is_ready_inside_fill(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->left = 0;
    bench->wake = true;
    ask(bench, 0, 8);
    for (unsigned i = 0; i < 10; i++) {
        virtio_rig_run(&bench->rig);
    }
    assert_true(waits(bench));
    assert_in_range(bench->fills, 2, 20);
    bench->left = 8;
    virtio_rig_run(&bench->rig);
    bench->wake = false;
    bench->driver.transport->kick(bench->driver.device, 0);
    assert_int_equal(answered(bench), 8);
    while (virtio_rig_run(&bench->rig)) {
    }
}

static void a_source_that_claims_too_much(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->boast = true;
    ask(bench, 0, 8);
    assert_int_equal(answered(bench), 8);
}

/* ---- Mistakes of the driver ---- */

static void requests_without_room(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer readable = { bench->buffers, 64, false };
    const struct virtio_driver_buffer mixed[] = { { bench->buffers, 64, false },
                                                  { bench->buffers + 64, 4, true } };
    const struct virtio_driver_buffer empty = { bench->buffers, 0, true };
    start(bench);
    virtio_driver_add(&bench->driver, 0, &readable, 1);
    virtio_driver_add(&bench->driver, 0, mixed, 2);
    virtio_driver_add(&bench->driver, 0, &empty, 1);
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(answered(bench), 0);
    assert_int_equal(answered(bench), 4);
    assert_int_equal(answered(bench), 0);
    expect_bytes(bench, 0, 0, 1);
    expect_bytes(bench, 64, 4, 1);
    assert_int_equal(bench->fills, 1);
    assert_int_equal(bench->rig.messages, 0);
}

static void a_request_outside_ram_breaks_the_device(void **state)
{
    struct bench *bench = *state;
    start(bench);
    ask(bench, VIRTIO_RIG_RAM_SIZE, 8);
    assert_true(bench->driver.transport->status(bench->driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    assert_int_equal(bench->fills, 0);
    start(bench);
    ask(bench, 0, 8);
    assert_int_equal(answered(bench), 8);
}

static void a_huge_request_is_cut(void **state)
{
    struct bench *bench = *state;
    start(bench);
    ask(bench, 0, 0x180000);
    assert_int_equal(answered(bench), VMMP_VIRTIO_RNG_MOST);
    expect_bytes(bench, 0, VMMP_VIRTIO_RNG_MOST, 1);
    assert_int_equal(bench->largest, VMMP_VIRTIO_RNG_MOST);
}

/* A turn is bounded; the other requests come in later turns. */
static void a_turn_is_bounded(void **state)
{
    struct bench *bench = *state;
    start(bench);
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        const struct virtio_driver_buffer buffer = { bench->buffers + i * 0x18000, 0x18000, true };
        virtio_driver_add(&bench->driver, 0, &buffer, 1);
    }
    virtio_driver_kick(&bench->driver, 0);
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        assert_int_equal(bench->rng.bytes, (i + 1) * UINT64_C(65536));
        assert_int_equal(answered(bench), 65536);
        assert_true(waits(bench));
        assert_int_equal(virtio_rig_run(&bench->rig), i + 1 < QUEUE_SIZE);
    }
}

static void all_at_once_without_deferral(void **state)
{
    struct bench *bench = *state;
    start(bench);
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        const struct virtio_driver_buffer buffer = { bench->buffers + i * 0x18000, 0x18000, true };
        virtio_driver_add(&bench->driver, 0, &buffer, 1);
    }
    virtio_driver_kick(&bench->driver, 0);
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        assert_int_equal(answered(bench), 65536);
    }
}

/* ---- Reset ---- */

static void a_reset_while_the_source_is_dry(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->left = 0;
    ask(bench, 0, 64);
    virtio_driver_reset(&bench->driver);
    assert_int_equal(bench->driver.transport->status(bench->driver.device), 0);
    bench->left = SIZE_MAX;
    ready(bench);
    assert_int_equal(bench->fills, 1);
    expect_bytes(bench, 0, 0, 1);
    start(bench);
    ready(bench);
    assert_true(waits(bench));
    ask(bench, 100, 8);
    assert_int_equal(answered(bench), 8);
    expect_bytes(bench, 0, 0, 1);
}

static void a_reset_inside_fill(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer buffers[] = { { bench->buffers, 3, true },
                                                    { bench->buffers + 100, 1, true } };
    start(bench);
    bench->reset = true;
    virtio_driver_add(&bench->driver, 0, buffers, 2);
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(bench->fills, 1);
    assert_int_equal(bench->rng.requests, 0);
    bench->reset = false;
    start(bench);
    ask(bench, 0, 8);
    assert_int_equal(answered(bench), 8);
}

/* 2.6.1: the queue alone. */
static void the_queue_is_reset_while_the_source_is_dry(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->left = 0;
    ask(bench, 0, 64);
    vmmp_virtio_queue_reset(&bench->rng.virtio, 0);
    bench->left = SIZE_MAX;
    ready(bench);
    assert_int_equal(bench->fills, 1);
    virtio_driver_set_up_queue(&bench->driver, 0);
    ask(bench, 100, 8);
    assert_int_equal(answered(bench), 8);
    expect_bytes(bench, 0, 0, 1);
}

/* ---- The rate ---- */

static void a_rate_limits(void **state)
{
    struct bench *bench = *state;
    start(bench);
    ask(bench, 0, 60);
    ask(bench, 1000, 60);
    ask(bench, 2000, 60);
    assert_int_equal(answered(bench), 60);
    assert_int_equal(answered(bench), 40); /* What is left. */
    assert_true(waits(bench));
    virtio_rig_advance(&bench->rig, SECOND - 1);
    assert_true(waits(bench));
    virtio_rig_advance(&bench->rig, 1);
    assert_int_equal(answered(bench), 60);
    expect_bytes(bench, 2000, 60, 101);
    assert_int_equal(bench->rng.rate_waits, 1);
    virtio_rig_advance(&bench->rig, 10 * SECOND); /* Nothing is saved up. */
    ask(bench, 0, 1000);
    assert_int_equal(answered(bench), 100);
    ask(bench, 0, 1000);
    assert_true(waits(bench));
    virtio_rig_advance(&bench->rig, SECOND);
    assert_int_equal(answered(bench), 100);
}

static void a_reset_does_not_renew_the_rate(void **state)
{
    struct bench *bench = *state;
    start(bench);
    ask(bench, 0, 100);
    ask(bench, 1000, 100);
    assert_int_equal(bench->rng.bytes, 100);
    for (unsigned i = 0; i < 10; i++) {
        start(bench);
        ask(bench, 1000, 100);
        assert_true(waits(bench));
    }
    virtio_rig_advance(&bench->rig, SECOND);
    assert_int_equal(answered(bench), 100);
    assert_int_equal(bench->rng.bytes, 200);
}

/* The rate counts what the source gave, not what was asked for. */
static void a_dry_source_costs_no_rate(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->left = 0;
    ask(bench, 0, 100);
    assert_true(waits(bench));
    bench->left = 30;
    ready(bench);
    assert_int_equal(answered(bench), 30);
    bench->left = SIZE_MAX;
    ask(bench, 0, 100);
    assert_int_equal(answered(bench), 70);
}

/* A period begins with its first byte. */
static void a_request_without_room_begins_no_period(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_buffer readable = { bench->buffers, 64, false };
    start(bench);
    virtio_driver_add(&bench->driver, 0, &readable, 1);
    virtio_driver_kick(&bench->driver, 0);
    assert_int_equal(answered(bench), 0);
    virtio_rig_advance(&bench->rig, SECOND - 1);
    ask(bench, 0, 100);
    assert_int_equal(answered(bench), 100);
    virtio_rig_advance(&bench->rig, 1);
    ask(bench, 0, 100);
    assert_true(waits(bench));
    virtio_rig_advance(&bench->rig, SECOND - 1);
    assert_int_equal(answered(bench), 100);
}

static void the_end_with_a_request_that_waits(void **state)
{
    struct bench *bench = *state;
    start(bench);
    ask(bench, 0, 100);
    ask(bench, 0, 100);
    assert_non_null(bench->rig.timers);
    /* Teardown looks whether the timer is gone. */
}

static void arguments(void **state)
{
    struct vmmp_virtio_rng rng;
    struct virtio_rig rig;
    struct vmmp_entropy entropy = { backend_fill, NULL };
    struct vmmp_virtio_rng_options options = { .rate_bytes = 1 };
    (void)state;
    virtio_rig_init(&rig, true, false);
    rig.origin = VMMP_LOG_CLIENT;
    assert_int_equal(vmmp_virtio_rng_init(&rng, NULL, NULL, &rig.memory, &rig.log, &rig.host),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_rng_init(&rng, &entropy, &options, &rig.memory, &rig.log, NULL),
                     -EINVAL);
    assert_non_null(strstr(rig.last_message, "clock and timers"));
    assert_int_equal(vmmp_virtio_rng_init(&rng, &entropy, &options, NULL, NULL, &rig.host),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_rng_init(&rng, &entropy, NULL, &rig.memory, &rig.log, NULL), 0);
    vmmp_virtio_rng_fini(&rng);
    entropy.fill = NULL;
    assert_int_equal(vmmp_virtio_rng_init(&rng, &entropy, NULL, &rig.memory, &rig.log, NULL),
                     -EINVAL);
    virtio_rig_fini(&rig);
}

#define EACH_WAY(f)                                                        \
    cmocka_unit_test_setup_teardown(f, setup, teardown),                   \
        cmocka_unit_test_setup_teardown(f, setup_direct, teardown),        \
        cmocka_unit_test_setup_teardown(f, setup_packed, teardown),        \
        cmocka_unit_test_setup_teardown(f, setup_packed_direct, teardown), \
        cmocka_unit_test_setup_teardown(f, setup_mmio, teardown),          \
        cmocka_unit_test_setup_teardown(f, setup_packed_mmio, teardown),   \
        cmocka_unit_test_setup_teardown(f, setup_legacy, teardown),        \
        cmocka_unit_test_setup_teardown(f, setup_legacy_direct, teardown)

int test_virtio_rng(void)
{
    const struct CMUnitTest tests[] = {
        EACH_WAY(bytes_arrive),
        EACH_WAY(a_chain_of_pieces_is_filled_in_order),
        EACH_WAY(no_features_but_the_core_s),
        EACH_WAY(a_source_with_few_bytes),
        EACH_WAY(a_source_without_bytes),
        EACH_WAY(a_source_that_is_ready_inside_fill),
        EACH_WAY(a_source_that_claims_too_much),
        EACH_WAY(requests_without_room),
        EACH_WAY(a_request_outside_ram_breaks_the_device),
        EACH_WAY(a_huge_request_is_cut),
        cmocka_unit_test_setup_teardown(a_turn_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_turn_is_bounded, setup_legacy, teardown),
        cmocka_unit_test_setup_teardown(all_at_once_without_deferral, setup_direct, teardown),
        EACH_WAY(a_reset_while_the_source_is_dry),
        EACH_WAY(a_reset_inside_fill),
        cmocka_unit_test_setup_teardown(the_queue_is_reset_while_the_source_is_dry, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_queue_is_reset_while_the_source_is_dry, setup_direct,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_rate_limits, setup_limited, teardown),
        cmocka_unit_test_setup_teardown(a_reset_does_not_renew_the_rate, setup_limited, teardown),
        cmocka_unit_test_setup_teardown(a_dry_source_costs_no_rate, setup_limited, teardown),
        cmocka_unit_test_setup_teardown(a_request_without_room_begins_no_period, setup_limited,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_end_with_a_request_that_waits, setup_limited, teardown),
        cmocka_unit_test(arguments),
    };
    return cmocka_run_group_tests_name("virtio_rng", tests, NULL, NULL);
}
