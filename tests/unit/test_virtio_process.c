/* SPDX-License-Identifier: BSD-2-Clause */
/* How queues are worked through: budgets, deferral, interrupts, callbacks inside callbacks. */
#include "vmmp_test.h"

#include <errno.h>

#include "support/toy_device.h"

int test_virtio_process(void);

/* ---- Budgets and deferral ---- */

static void what_the_budget_leaves_is_deferred(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    bench->toy.virtio.budget.chains = 5;
    toy_add(bench, 1, 12);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 5);
    /* Kicks are off, for the work goes on anyway. */
    assert_false(virtio_driver_kick(&bench->driver, 1));
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(toy_used(bench, 1), 5);
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(toy_used(bench, 1), 2);
    assert_false(virtio_rig_run(&bench->rig));
    toy_add(bench, 1, 1);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(toy_used(bench, 1), 1);

    bench->toy.virtio.budget = (struct vmmp_virtio_budget){ 100, 3, 1 << 20 };
    toy_add(bench, 1, 4);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 3);
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(toy_used(bench, 1), 1);
    bench->toy.virtio.budget = (struct vmmp_virtio_budget){ 100, 100, 65 };
    toy_add(bench, 1, 3);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 2);
    while (virtio_rig_run(&bench->rig)) {
    }
    assert_int_equal(toy_used(bench, 1), 1);
}

static void deferred_work_ends_with_a_reset(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    bench->toy.virtio.budget.chains = 1;
    toy_add(bench, 1, 4);
    toy_kick(bench, 1);
    virtio_driver_reset(&bench->driver);
    unsigned processed = bench->toy.processed[1];
    assert_true(virtio_rig_run(&bench->rig));
    assert_int_equal(bench->toy.processed[1], processed);
    assert_int_equal(toy_used(bench, 1), 1);
    /* Work that is queued when the device goes is taken back. */
    assert_true(toy_start(bench, VERSION_1, 2));
    toy_add(bench, 1, 4);
    toy_kick(bench, 1);
    assert_non_null(bench->rig.queued);
}

static void refill(struct toy *toy, unsigned queue)
{
    struct toy_bench *bench =
        (struct toy_bench *)(void *)((char *)toy - offsetof(struct toy_bench, toy));
    /* Another vCPU is faster than we are. */
    if (toy_used(bench, queue) || bench->driver.queues[queue].avail_idx < 8) {
        toy_add(bench, queue, 1);
    }
}

static void add_after(struct toy *toy, unsigned queue)
{
    struct toy_bench *bench =
        (struct toy_bench *)(void *)((char *)toy - offsetof(struct toy_bench, toy));
    if (bench->driver.queues[queue].avail_idx < 5) {
        toy_add(bench, queue, 1);
        /* The driver is told not to kick, and does not. */
        assert_false(virtio_driver_kick(&bench->driver, queue));
    }
}

/* What comes between the last look and the end of "do not kick" is found. */
static void nothing_is_missed_when_kicks_come_back_on(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    bench->toy.after = add_after;
    toy_add(bench, 1, 1);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(toy_used(bench, 1), 5);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->rig.deferrals, 0);
}

/* So it is when the walk had nothing to do at all: a kick too many, or the backend's. */
static void nothing_is_missed_by_a_walk_in_vain(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    bench->toy.after = add_after;
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 5);
    assert_int_equal(bench->rig.pulses, 1);
    /* One that leaves what is there is not asked for ever. */
    bench->toy.after = NULL;
    bench->toy.idle = true;
    toy_add(bench, 1, 1);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(toy_used(bench, 1), 0);
    assert_int_equal(bench->rig.deferrals, 0);
}

static void without_deferral_one_snapshot_is_drained(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    bench->toy.virtio.budget.chains = 1;
    bench->toy.inside = refill;
    toy_add(bench, 1, 3);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 3);
    /* The others were kicked for: kicks stay on all the time. */
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(toy_used(bench, 1), 3);
}

static void without_deferral_nothing_is_forgotten(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1 | EVENT_IDX, 2));
    bench->toy.inside = refill;
    toy_add(bench, 1, 3);
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(toy_used(bench, 1), 3);
    /* Added during the walk; the driver now looks whether a kick is wanted. */
    assert_true(virtio_driver_kick(&bench->driver, 1));
    assert_int_equal(toy_used(bench, 1), 3);
}

/* ---- Interrupts ---- */

static void one_interrupt_per_batch(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    toy_add(bench, 1, 10);
    toy_kick(bench, 1);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->toy.queues[1].interrupts, 1);
    assert_int_equal(bench->toy.queues[1].chains, 10);
    assert_int_equal(toy_isr(bench), VMMP_VIRTIO_ISR_QUEUE);
    assert_false(bench->rig.high);
    assert_int_equal(toy_isr(bench), 0);
    virtio_driver_set_no_interrupt(&bench->driver, 1, true);
    toy_add(bench, 1, 5);
    toy_kick(bench, 1);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(toy_isr(bench), 0);
}

static void a_pulse_line_pulses_for_every_batch(void **state)
{
    struct toy_bench *bench = malloc(sizeof(*bench));
    (void)state;
    toy_make(bench, true, true, &virtio_driver_pci_modern);
    assert_true(toy_start(bench, VERSION_1, 2));
    for (unsigned i = 1; i <= 5; i++) {
        toy_add(bench, 1, 2);
        toy_kick(bench, 1);
        assert_int_equal(bench->rig.pulses, i); /* ISR is set, and has not been read. */
    }
    assert_int_equal(toy_isr(bench), 1);
    assert_int_equal(bench->rig.pulses, 5);
    toy_unmake(bench);
    free(bench);
}

static void two_devices_share_a_line(void **state)
{
    struct toy_bench *a = *state;
    struct toy *b = calloc(1, sizeof(*b));
    struct vmmp_virtio_pci *pci = calloc(1, sizeof(*pci));
    struct virtio_driver driver;
    uint32_t id;
    uint32_t len;

    assert_int_equal(vmmp_virtio_init(&b->virtio, &toy_ops, b->queues, toy_sizes, QUEUES,
                                      &a->rig.memory, &a->rig.log, &a->rig.host),
                     0);
    assert_int_equal(vmmp_virtio_pci_init(pci, &b->virtio, NULL), 0);
    virtio_rig_plug(&a->rig, pci);
    virtio_driver_init(&driver, &virtio_driver_pci_legacy, &pci->legacy, &a->rig.memory,
                       VIRTIO_RIG_RAM + 0x200000, 0x100000);
    assert_true(virtio_driver_start(&a->driver, VERSION_1, 2));
    assert_true(virtio_driver_start(&driver, FEATURE_A, 2));

    const struct virtio_driver_buffer buffer = { a->buffer, 16, true };
    toy_add(a, 1, 1);
    toy_kick(a, 1);
    virtio_driver_add(&driver, 0, &buffer, 1);
    assert_true(virtio_driver_kick(&driver, 0));
    assert_true(a->rig.high);
    assert_int_equal(a->rig.pulses, 1);
    assert_int_equal(toy_isr(a), 1);
    assert_true(a->rig.high); /* The other one still wants it. */
    assert_int_equal(driver.transport->isr(driver.device), 1);
    assert_false(a->rig.high);
    assert_int_equal(toy_used(a, 1), 1);
    assert_true(virtio_driver_used(&driver, 0, &id, &len));
    assert_int_equal(len, 16);
    /* Each breaks by itself. */
    virtio_driver_offer(&driver, 0, 1000);
    driver.transport->kick(driver.device, 0);
    assert_true(driver.transport->status(driver.device) & VIRTIO_STATUS_NEEDS_RESET);
    assert_int_equal(toy_status(a), 15);
    vmmp_virtio_pci_fini(pci);
    vmmp_virtio_fini(&b->virtio);
    free(pci);
    free(b);
}

/* ---- Callbacks inside callbacks ---- */

static void inside_deliver(struct toy *toy, unsigned queue)
{
    struct toy_bench *bench =
        (struct toy_bench *)(void *)((char *)toy - offsetof(struct toy_bench, toy));
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(16)];
    struct vmmp_virtqueue_chain chain = { .iov = iov, .capacity = VMMP_VIRTQUEUE_IOVECS(16) };
    if (queue != 1) {
        return;
    }
    /* A delivery to another queue is seen at once. */
    assert_true(vmmp_virtio_pop(&toy->virtio, 0, &chain));
    vmmp_virtio_push(&toy->virtio, 0, &chain.token, 5);
    vmmp_virtio_flush(&toy->virtio, 0);
    assert_int_equal(toy_used(bench, 0), 1);
    /* A completion of this queue is not, and a resume of it does not recurse. */
    vmmp_virtio_flush(&toy->virtio, 1);
    unsigned processed = toy->processed[1];
    vmmp_virtio_resume(&toy->virtio, 1);
    assert_int_equal(toy->processed[1], processed);
    assert_int_equal(toy_used(bench, 1), 0);
}

static void callbacks_inside_callbacks(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    toy_enter(bench);
    bench->toy.inside = inside_deliver;
    toy_leave(bench);
    toy_add(bench, 0, 4);
    toy_add(bench, 1, 3);
    toy_kick(bench, 1);
    assert_int_equal(toy_used(bench, 1), 3);
    bench->toy.inside = NULL;
    while (virtio_rig_run(&bench->rig)) {
    }
    assert_int_equal(toy_used(bench, 0) + toy_used(bench, 1), 0);
}

static void inside_reset(struct toy *toy, unsigned queue)
{
    (void)queue;
    vmmp_virtio_set_status(&toy->virtio, 0, false);
}

static void a_reset_from_inside_ends_the_walk(void **state)
{
    struct toy_bench *bench = *state;
    assert_true(toy_start(bench, VERSION_1, 2));
    bench->toy.inside = inside_reset;
    toy_add(bench, 1, 3);
    toy_kick(bench, 1);
    assert_int_equal(bench->toy.queues[1].chains, 1);
    assert_int_equal(toy_used(bench, 1), 0);
    assert_int_equal(bench->rig.pulses, 0);
    assert_int_equal(toy_status(bench), 0);
}

int test_virtio_process(void)
{
#define TEST(name)   cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)
#define MMIO(name)   cmocka_unit_test_setup_teardown(name, toy_setup_mmio, toy_teardown)
#define DIRECT(name) cmocka_unit_test_setup_teardown(name, toy_setup_no_defer, toy_teardown)
/* On packed rings, with deferral, and without it but with EVENT_IDX. */
#define BOTH_PACKED(name)                                                  \
    cmocka_unit_test_setup_teardown(name, toy_setup_packed, toy_teardown), \
        cmocka_unit_test_setup_teardown(name, toy_setup_packed_no_defer, toy_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_the_budget_leaves_is_deferred),
        MMIO(what_the_budget_leaves_is_deferred),
        TEST(deferred_work_ends_with_a_reset),
        MMIO(deferred_work_ends_with_a_reset),
        TEST(nothing_is_missed_when_kicks_come_back_on),
        MMIO(nothing_is_missed_when_kicks_come_back_on),
        TEST(nothing_is_missed_by_a_walk_in_vain),
        MMIO(nothing_is_missed_by_a_walk_in_vain),
        DIRECT(without_deferral_one_snapshot_is_drained),
        DIRECT(without_deferral_nothing_is_forgotten),
        TEST(one_interrupt_per_batch),
        MMIO(one_interrupt_per_batch),
        DIRECT(one_interrupt_per_batch),
        cmocka_unit_test(a_pulse_line_pulses_for_every_batch),
        TEST(two_devices_share_a_line),
        MMIO(two_devices_share_a_line),
        TEST(callbacks_inside_callbacks),
        MMIO(callbacks_inside_callbacks),
        DIRECT(callbacks_inside_callbacks),
        TEST(a_reset_from_inside_ends_the_walk),
        MMIO(a_reset_from_inside_ends_the_walk),
        DIRECT(a_reset_from_inside_ends_the_walk),
        BOTH_PACKED(one_interrupt_per_batch),
        BOTH_PACKED(callbacks_inside_callbacks),
        BOTH_PACKED(a_reset_from_inside_ends_the_walk),
        cmocka_unit_test_setup_teardown(what_the_budget_leaves_is_deferred, toy_setup_packed,
                                        toy_teardown),
        cmocka_unit_test_setup_teardown(deferred_work_ends_with_a_reset, toy_setup_packed,
                                        toy_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_missed_when_kicks_come_back_on, toy_setup_packed,
                                        toy_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_missed_by_a_walk_in_vain, toy_setup_packed,
                                        toy_teardown),
    };
#undef TEST
#undef MMIO
#undef DIRECT
#undef BOTH_PACKED
    return cmocka_run_group_tests(tests, NULL, NULL);
}
