/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/crossvm.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include "support/connection_rig.h"

#define EMIT    0x00u
#define CONSUME 0x04u
#define NAME    0x08u
#define BASE    UINT64_C(0x3f000000)

struct rig {
    struct vmmp_crossvm connection;
    struct connection_rig around;
    unsigned emitted;
};

static void emit(void *cookie, uint64_t count)
{
    ((struct rig *)cookie)->emitted += (unsigned)count;
}

static void make(struct rig *rig, const struct vmmp_irq_line_ops *line,
                 const struct vmmp_host_ops *host, const char *name, bool emits)
{
    memset(rig, 0, sizeof(*rig));
    connection_rig_init(&rig->around);
    const struct vmmp_crossvm_config config = {
        .name = name,
        .size = 0x4000,
        .emit = emits ? emit : NULL,
        .cookie = rig,
        .host = { host, &rig->around },
        .log = &rig->around.log,
    };
    assert_int_equal(vmmp_crossvm_init(&rig->connection, &config), 0);
    connection_rig_wire(&rig->around, &rig->connection.pci.irq, line);
}

static uint64_t get(struct rig *rig, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&rig->connection.window, offset, size);
}

static void put(struct rig *rig, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&rig->connection.window, offset, size, value);
}

static void the_function_is_what_the_driver_looks_for(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, NULL, NULL, true);
    struct vmmp_pci_function *pci = &rig.connection.pci;
    assert_int_equal(vmmp_pci_peek(pci, 0x00, 4), 0xa1111af4);
    assert_int_equal(vmmp_pci_peek(pci, 0x08, 4), 0x00050001);
    assert_int_equal(vmmp_pci_peek(pci, 0x3d, 1), 1);
    for (unsigned bar = 0; bar < 2; bar++) {
        vmmp_pci_function_write(pci, 0x10 + 4 * bar, 4, UINT32_MAX);
        assert_int_equal(vmmp_pci_function_read(pci, 0x10 + 4 * bar, 4), 0xffffc008);
    }
    assert_int_equal(vmmp_pci_function_read(pci, 0x18, 4), 0);
    vmmp_crossvm_fini(&rig.connection);
}

static void the_name_is_cut_and_padded(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, NULL, NULL, true);
    assert_int_equal(get(&rig, NAME, 8), UINT64_C(0x6f7463656e6e6f63)); /* "connecto" */
    assert_int_equal(get(&rig, NAME + 8, 4), 'r');
    make(&rig, &connection_level, NULL, "0123456789012345678901234567890123456789012345678901",
         true);
    assert_int_equal(get(&rig, NAME + 46, 1), '6');
    assert_int_equal(get(&rig, NAME + 47, 1), 0);
    assert_int_equal(get(&rig, NAME + 48, 8), 0);
}

static void a_write_of_any_width_emits_every_256_bytes(void **state)
{
    struct rig rig;
    unsigned want = 0;
    (void)state;
    make(&rig, &connection_level, NULL, NULL, true);
    for (uint64_t offset = EMIT; offset < VMMP_CROSSVM_EVENT_SIZE; offset += 0x100) {
        for (unsigned size = 1; size <= 8; size *= 2) {
            put(&rig, offset, size, want);
            assert_int_equal(rig.emitted, ++want);
        }
    }
    assert_int_equal(get(&rig, EMIT, 4), 0);
    assert_int_equal(rig.around.guest_messages, 0);
    make(&rig, &connection_level, NULL, NULL, false);
    put(&rig, EMIT, 1, 1);
    assert_int_equal(rig.around.guest_messages, 1);
}

/* Registers repeat for writes, not for reads; of the event page there is no more than 4 KiB. */
static void what_is_no_register_reads_as_zero(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, NULL, NULL, true);
    vmmp_crossvm_consume(&rig.connection, 7);
    for (uint64_t offset = NAME + VMMP_CROSSVM_NAME_SIZE; offset < VMMP_CROSSVM_EVENT_SIZE;
         offset += 4) {
        assert_int_equal(get(&rig, offset, 4), 0);
    }
    assert_int_equal(get(&rig, VMMP_CROSSVM_EVENT_SIZE, 4), UINT32_MAX);
    put(&rig, VMMP_CROSSVM_EVENT_SIZE, 1, 1);
    assert_int_equal(rig.emitted, 0);
    assert_int_equal(get(&rig, CONSUME, 4), 7);
    put(&rig, 0xf00 + CONSUME, 2, 0);
    assert_int_equal(get(&rig, CONSUME, 4), 0);
    assert_int_equal(rig.around.guest_messages, 0);
}

static void the_name_cannot_be_written(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, NULL, "name", true);
    put(&rig, NAME, 4, UINT32_MAX);
    put(&rig, 0x100 + NAME, 1, 'x');
    assert_int_equal(rig.around.guest_messages, 2);
    assert_int_equal(get(&rig, NAME, 8), 0x656d616e);
}

/* ---- Doorbells ---- */

struct bells {
    struct rig rig;
    struct vmmp_pci_host host;
    struct vmmp_doorbell *added;
    uint64_t left; /* Rung, and not delivered when it is removed. */
    int error;
};

static int add_bell(void *cookie, struct vmmp_doorbell *doorbell)
{
    struct bells *bells = cookie;
    assert_null(bells->added);
    bells->added = bells->error ? NULL : doorbell;
    return bells->error;
}

static bool remove_bell(void *cookie, struct vmmp_doorbell *doorbell)
{
    struct bells *bells = cookie;
    assert_ptr_equal(bells->added, doorbell);
    bells->added = NULL;
    doorbell->times = bells->left;
    return bells->left > 0;
}

static const struct vmmp_doorbell_ops bell_ops = { add_bell, remove_bell };

static void make_with_bells(struct bells *bells)
{
    const struct vmmp_doorbells doorbells = { &bell_ops, bells };
    const struct vmmp_crossvm_config config = {
        .size = 0x4000, .emit = emit, .cookie = &bells->rig, .doorbells = &doorbells
    };
    const struct vmmp_pci_host_config host = { .memory_base = BASE,
                                               .memory_size = 0x10000,
                                               .port_size = 0x1000 };
    struct vmmp_crossvm_area area = { BASE, BASE + 0x10000 };
    assert_int_equal(vmmp_pci_host_init(&bells->host, &host, NULL, NULL), 0);
    assert_int_equal(vmmp_crossvm_init(&bells->rig.connection, &config), 0);
    assert_int_equal(vmmp_crossvm_place(&bells->rig.connection, &area), 0);
    assert_int_equal(vmmp_pci_host_add(&bells->host, &bells->rig.connection.pci, 1, 0), 8);
}

static void a_doorbell_is_where_the_guest_emits(void **state)
{
    struct bells bells = { .left = 0 };
    struct vmmp_pci_function *pci = &bells.rig.connection.pci;
    (void)state;
    make_with_bells(&bells);
    vmmp_pci_set_command(pci, 2);
    assert_non_null(bells.added);
    assert_int_equal(bells.added->address, BASE);
    assert_int_equal(bells.added->size, 0); /* Any width emits. */
    assert_false(bells.added->match);
    bells.added->times = 3;
    bells.added->ring(bells.added);
    assert_int_equal(bells.rig.emitted, 3);
    put(&bells.rig, EMIT, 1, 1); /* What the host has not taken. */
    assert_int_equal(bells.rig.emitted, 4);
    bells.left = 5; /* None is lost when it moves, or goes. */
    vmmp_pci_function_write(pci, 0x10, 4, BASE + 0x8000);
    assert_int_equal(bells.rig.emitted, 9);
    assert_int_equal(bells.added->address, BASE + 0x8000);
    vmmp_pci_set_command(pci, 0);
    assert_null(bells.added);
    assert_int_equal(bells.rig.emitted, 14);
    bells.left = 0;
    vmmp_pci_set_command(pci, 2);
    vmmp_crossvm_fini(&bells.rig.connection);
    vmmp_pci_host_fini(&bells.host);
    assert_null(bells.added);
}

static void a_host_that_takes_none_is_done_without(void **state)
{
    struct bells bells = { .error = -EEXIST };
    (void)state;
    make_with_bells(&bells);
    vmmp_pci_set_command(&bells.rig.connection.pci, 2);
    vmmp_pci_set_command(&bells.rig.connection.pci, 0);
    put(&bells.rig, EMIT, 4, 1);
    assert_int_equal(bells.rig.emitted, 1);
    vmmp_crossvm_fini(&bells.rig.connection);
    vmmp_pci_host_fini(&bells.host);
}

static void an_event_between_read_and_clear_stays(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, NULL, NULL, true);
    vmmp_crossvm_consume(&rig.connection, 3);
    assert_true(rig.around.high);
    assert_int_equal(get(&rig, CONSUME, 4), 3);
    vmmp_crossvm_consume(&rig.connection, 2);
    put(&rig, CONSUME, 4, 0);
    assert_true(rig.around.high);
    assert_int_equal(get(&rig, CONSUME, 4), 2);
    put(&rig, CONSUME, 4, 0);
    assert_false(rig.around.high);
    assert_int_equal(get(&rig, CONSUME, 4), 0);
}

static void a_clear_without_a_read_takes_nothing(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, NULL, NULL, true);
    vmmp_crossvm_consume(&rig.connection, 1);
    put(&rig, CONSUME, 4, 0);
    assert_int_equal(get(&rig, EMIT, 8), UINT64_C(1) << 32);
    put(&rig, CONSUME, 1, 5);
    assert_int_equal(get(&rig, CONSUME, 4), 5);
}

static void a_read_of_some_bytes_has_seen_no_more(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, NULL, NULL, true);
    vmmp_crossvm_consume(&rig.connection, 0x102);
    assert_int_equal(get(&rig, CONSUME, 1), 2);
    put(&rig, CONSUME, 4, 0);
    assert_int_equal(get(&rig, CONSUME, 4), 0x100);
}

static void a_pulse_line_pulses_again_for_what_stays(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_pulse, &connection_deferring, NULL, true);
    vmmp_crossvm_consume(&rig.connection, 1);
    vmmp_crossvm_consume(&rig.connection, 1);
    connection_run(&rig.around);
    assert_int_equal(rig.around.pulses, 1); /* two events, one interrupt */
    assert_int_equal(get(&rig, CONSUME, 4), 2);
    vmmp_crossvm_consume(&rig.connection, 1); /* not absorbed when the guest clears */
    put(&rig, CONSUME, 4, 0);
    assert_true(rig.around.pulses > 1);
    connection_run(&rig.around);
    assert_int_equal(get(&rig, CONSUME, 4), 1);
}

static void the_count_stops_at_its_end(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_level, &connection_deferring, NULL, true);
    vmmp_crossvm_consume(&rig.connection, UINT32_MAX);
    vmmp_crossvm_consume(&rig.connection, 1);
    connection_run(&rig.around);
    vmmp_crossvm_consume(&rig.connection, 1);
    connection_run(&rig.around);
    assert_int_equal(get(&rig, CONSUME, 4), UINT32_MAX);
    assert_true(rig.around.high);
}

static void place(uint64_t size, struct vmmp_crossvm_area *area, int want, uint64_t event,
                  uint64_t dataport)
{
    struct rig rig;
    memset(&rig, 0, sizeof(rig));
    connection_rig_init(&rig.around);
    const struct vmmp_crossvm_config config = { .size = size, .log = &rig.around.log };
    assert_int_equal(vmmp_crossvm_init(&rig.connection, &config), 0);
    assert_int_equal(vmmp_crossvm_place(&rig.connection, area), want);
    assert_int_equal(rig.around.client_errors, want != 0);
    assert_int_equal(vmmp_pci_bar_address(&rig.connection.pci, 0), event);
    assert_int_equal(vmmp_pci_bar_address(&rig.connection.pci, 1), dataport);
    vmmp_crossvm_fini(&rig.connection);
}

static void places_are_aligned_and_inside_the_area(void **state)
{
    struct vmmp_crossvm_area area = { BASE, BASE + 0x20000 };
    struct vmmp_crossvm_area high = { UINT64_C(0xffffe000), UINT64_MAX };
    struct vmmp_crossvm_area wrap = { UINT64_MAX - 1, UINT64_MAX };
    (void)state;
    place(0x1000, &area, 0, BASE, BASE + 0x1000);
    place(0x3000, &area, 0, BASE + 0x4000, BASE + 0x8000);
    place(1, &area, 0, BASE + 0xc000, BASE + 0xd000);
    place(0x10000, &area, -ENOSPC, 0, 0);
    assert_int_equal(area.next, BASE + 0xe000);
    place(0x8000, &area, 0, BASE + 0x10000, BASE + 0x18000);
    place(1, &area, -ENOSPC, 0, 0);
    place(0x2000, &high, -ENOSPC, 0, 0);
    place(0x1000, &high, 0, 0xffffe000, 0xfffff000);
    place(1, &wrap, -ENOSPC, 0, 0);
}

static void sizes_out_of_range_are_refused(void **state)
{
    const uint64_t sizes[] = { 0, (UINT64_C(1) << 30) + 1, UINT64_MAX };
    struct rig rig;
    (void)state;
    memset(&rig, 0, sizeof(rig));
    connection_rig_init(&rig.around);
    for (unsigned i = 0; i < 3; i++) {
        const struct vmmp_crossvm_config config = { .size = sizes[i], .log = &rig.around.log };
        assert_int_equal(vmmp_crossvm_init(&rig.connection, &config), -EINVAL);
        assert_int_equal(rig.around.client_errors, i + 1);
    }
}

/* Every offset and width, with a peer's events between: what the guest is told adds up. */
static void no_access_loses_an_event(void **state)
{
    struct rig rig;
    uint64_t sent = 0, told = 0;
    (void)state;
    make(&rig, &connection_level, &connection_deferring, NULL, true);
    for (uint64_t offset = 0; offset < VMMP_CROSSVM_EVENT_SIZE; offset++) {
        for (unsigned size = 1; size <= 8; size *= 2) {
            uint32_t count = (uint32_t)get(&rig, CONSUME, 4);
            vmmp_crossvm_consume(&rig.connection, 1);
            sent++;
            if (offset % 3) {
                connection_run(&rig.around);
            }
            put(&rig, offset, size, 0);
            if ((offset & 0xff) == CONSUME && offset + size <= VMMP_CROSSVM_EVENT_SIZE) {
                told += count;
            }
            assert_int_equal(told + get(&rig, CONSUME, 4), sent);
            assert_true(rig.around.high);
        }
    }
    assert_true(rig.around.guest_messages < 32);
}

int test_crossvm(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_function_is_what_the_driver_looks_for),
        cmocka_unit_test(the_name_is_cut_and_padded),
        cmocka_unit_test(a_write_of_any_width_emits_every_256_bytes),
        cmocka_unit_test(what_is_no_register_reads_as_zero),
        cmocka_unit_test(the_name_cannot_be_written),
        cmocka_unit_test(a_doorbell_is_where_the_guest_emits),
        cmocka_unit_test(a_host_that_takes_none_is_done_without),
        cmocka_unit_test(an_event_between_read_and_clear_stays),
        cmocka_unit_test(a_clear_without_a_read_takes_nothing),
        cmocka_unit_test(a_read_of_some_bytes_has_seen_no_more),
        cmocka_unit_test(a_pulse_line_pulses_again_for_what_stays),
        cmocka_unit_test(the_count_stops_at_its_end),
        cmocka_unit_test(places_are_aligned_and_inside_the_area),
        cmocka_unit_test(sizes_out_of_range_are_refused),
        cmocka_unit_test(no_access_loses_an_event),
    };
    return cmocka_run_group_tests_name("crossvm", tests, NULL, NULL);
}
