/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted: reservations, what is mapped into them, and capabilities. */
#include "support/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vm/guest_vcpu_fault.h>

#define PAGE ((size_t)0x1000)
/** Nothing of the fixture is here. */
#define FREE 0x10000000u

/** Counts, and answers with ones. */
static memory_fault_result_t answer(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t size,
                                    void *cookie)
{
    (void)vm;
    (void)addr;
    (void)size;
    ++*(unsigned *)cookie;
    if (is_vcpu_read_fault(vcpu)) {
        set_vcpu_fault_data(vcpu, ~(seL4_Word)0);
    }
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static void test_reserve_refuses(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    assert_null(vm_reserve_memory_at(&f->vm, FREE, PAGE, NULL, NULL));
    assert_null(vm_reserve_memory_at(&f->vm, FREE, 0, answer, &hits));
    assert_null(vm_reserve_memory_at(&f->vm, UINTPTR_MAX, 2, answer, &hits));
    assert_null(vm_reserve_memory_at(&f->vm, 2, SIZE_MAX, answer, &hits));
    assert_non_null(fixture_log_find(f, "wraps around"));
    /* RAM is reserved as well. */
    assert_null(vm_reserve_memory_at(&f->vm, FIXTURE_RAM_BASE, PAGE, answer, &hits));
    assert_non_null(fixture_log_find(f, "something else has a part of it"));
    script_fail(&f->vm, HOSTED_CALL_RESERVE, 1);
    assert_null(vm_reserve_memory_at(&f->vm, FREE, PAGE, answer, &hits));
    assert_non_null(vm_reserve_memory_at(&f->vm, FREE, PAGE, answer, &hits));
}

static void test_reserve_up_to_the_last_byte(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    vm_memory_reservation_t *last = vm_reserve_memory_at(&f->vm, UINTPTR_MAX - 3, 4, answer, &hits);
    assert_non_null(last);
    assert_int_equal(script_get(f->vcpu, UINTPTR_MAX - 3, 4), UINT32_MAX);
    assert_int_equal(hits, 1);
    uintptr_t addr;
    size_t size;
    vm_get_reservation_memory_region(last, &addr, &size);
    assert_int_equal(addr, UINTPTR_MAX - 3);
    assert_int_equal(size, 4);
}

/** Every pair of ranges within a few bytes: refused exactly if they share one. */
static void test_overlap_is_exact(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    for (unsigned a = 0; a < 6; a++) {
        for (unsigned a_size = 1; a_size < 6; a_size++) {
            vm_memory_reservation_t *first =
                vm_reserve_memory_at(&f->vm, FREE + a, a_size, answer, &hits);
            assert_non_null(first);
            for (unsigned b = 0; b < 12; b++) {
                for (unsigned b_size = 1; b_size < 12; b_size++) {
                    bool overlap = b < a + a_size && a < b + b_size;
                    vm_memory_reservation_t *second =
                        vm_reserve_memory_at(&f->vm, FREE + b, b_size, answer, &hits);
                    assert_int_equal(second == NULL, overlap);
                    if (second) {
                        assert_int_equal(vm_free_reserved_memory(&f->vm, second), 0);
                    }
                }
            }
            assert_int_equal(vm_free_reserved_memory(&f->vm, first), 0);
        }
    }
}

static void test_lookup_finds_the_right_one(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 40 };
    unsigned hits[COUNT] = { 0 };
    /* In an order that is neither ascending nor descending. */
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned n = (i * 7) % COUNT;
        assert_non_null(vm_reserve_memory_at(&f->vm, FREE + n * 0x20, 0x10, answer, &hits[n]));
    }
    for (unsigned n = 0; n < COUNT; n++) {
        uint64_t value;
        script_get(f->vcpu, FREE + n * 0x20, 1);
        script_get(f->vcpu, FREE + n * 0x20 + 0xf, 1);
        script_get(f->vcpu, FREE + n * 0x20 + 0xc, 4);
        assert_int_equal(hits[n], 3);
        /* Between two, and across the end of one. */
        assert_int_equal(script_read(f->vcpu, FREE + n * 0x20 + 0x10, 1, &value), SCRIPT_FAILED);
        assert_int_equal(script_read(f->vcpu, FREE + n * 0x20 + 0xe, 4, &value), SCRIPT_FAILED);
        assert_int_equal(hits[n], 3);
    }
}

static void test_free_makes_room(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    uint64_t value;
    vm_memory_reservation_t *reservation = vm_reserve_memory_at(&f->vm, FREE, PAGE, answer, &hits);
    assert_int_equal(vm_free_reserved_memory(&f->vm, reservation), 0);
    assert_int_equal(script_read(f->vcpu, FREE, 4, &value), SCRIPT_FAILED);
    assert_int_equal(hits, 0);
    assert_int_equal(vm_free_reserved_memory(&f->vm, NULL), -1);
    assert_non_null(vm_reserve_memory_at(&f->vm, FREE, PAGE, answer, &hits));
    script_get(f->vcpu, FREE, 4);
    assert_int_equal(hits, 1);
}

struct mover {
    vm_memory_reservation_t *reservation;
    unsigned hits;
};

/** A BAR that moves: frees the reservation it is called for. */
static memory_fault_result_t move(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t size,
                                  void *cookie)
{
    struct mover *mover = cookie;
    assert_int_equal(vm_free_reserved_memory(vm, mover->reservation), 0);
    mover->reservation = vm_reserve_memory_at(vm, addr + PAGE, PAGE, move, mover);
    assert_non_null(mover->reservation);
    (void)size;
    mover->hits++;
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static void test_free_from_inside_its_callback(void **state)
{
    struct fixture *f = *state;
    struct mover mover = { 0 };
    uint64_t value;
    mover.reservation = vm_reserve_memory_at(&f->vm, FREE, PAGE, move, &mover);
    script_put(f->vcpu, FREE, 4, 1);
    assert_int_equal(mover.hits, 1);
    assert_int_equal(script_read(f->vcpu, FREE, 4, &value), SCRIPT_FAILED);
    script_put(f->vcpu, FREE + PAGE, 4, 1);
    assert_int_equal(mover.hits, 2);
}

static void test_anonymous(void **state)
{
    struct fixture *f = *state;
    unsigned hits = 0;
    uintptr_t first = 0;
    uintptr_t second = 0;
    uintptr_t third = 0;
    assert_null(vm_reserve_anon_memory(&f->vm, PAGE, PAGE, answer, &hits, &first));
    assert_int_equal(vm_memory_make_anon(&f->vm, FREE + 0x10, 0), -1);
    assert_int_equal(vm_memory_make_anon(&f->vm, FREE + 0x10, 4 * PAGE), 0);
    assert_int_equal(vm_memory_make_anon(&f->vm, FREE + PAGE, PAGE), -1);
    assert_int_equal(vm_memory_make_anon(&f->vm, FIXTURE_RAM_BASE, PAGE), -1);
    assert_null(vm_reserve_memory_at(&f->vm, FREE + PAGE, 4, answer, &hits));

    assert_null(vm_reserve_anon_memory(&f->vm, PAGE, 3, answer, &hits, &first));
    assert_null(vm_reserve_anon_memory(&f->vm, 0, PAGE, answer, &hits, &first));
    assert_null(vm_reserve_anon_memory(&f->vm, PAGE, PAGE, NULL, &hits, &first));
    vm_memory_reservation_t *one =
        vm_reserve_anon_memory(&f->vm, PAGE + 1, PAGE, answer, &hits, &first);
    assert_non_null(one);
    assert_int_equal(first, FREE + PAGE);
    assert_non_null(vm_reserve_anon_memory(&f->vm, 4, 4, answer, &hits, &second));
    assert_int_equal(second, FREE + 2 * PAGE + 4);
    assert_non_null(vm_reserve_anon_memory(&f->vm, PAGE, PAGE, answer, &hits, &third));
    assert_int_equal(third, FREE + 3 * PAGE);
    assert_null(vm_reserve_anon_memory(&f->vm, PAGE, PAGE, answer, &hits, &third));

    script_get(f->vcpu, second, 4);
    assert_int_equal(hits, 1);
    uint64_t value;
    assert_int_equal(script_read(f->vcpu, FREE + 0x10, 4, &value), SCRIPT_FAILED);
    assert_int_equal(vm_free_reserved_memory(&f->vm, one), -1);
    /* A second region carries on. */
    assert_int_equal(vm_memory_make_anon(&f->vm, FREE + 0x100000, PAGE), 0);
    assert_non_null(vm_reserve_anon_memory(&f->vm, PAGE, PAGE, answer, &hits, &third));
    assert_int_equal(third, FREE + 0x100000);
}

/** Pages of the test, not all contiguous. */
struct pages {
    vm_t *vm;
    uint8_t *host;
    seL4_CPtr frames[4];
    seL4_CapRights_t rights[4];
    unsigned calls;
    unsigned fail_at; /**< Counted from 1; 0: never. */
    size_t size_bits;
    uintptr_t base;
};

static void pages_init(struct pages *pages, struct fixture *f)
{
    memset(pages, 0, sizeof(*pages));
    pages->vm = &f->vm;
    pages->size_bits = 12;
    pages->base = FREE;
    pages->host = aligned_alloc(PAGE, 4 * PAGE);
    assert_non_null(pages->host);
    for (unsigned i = 0; i < 4; i++) {
        memset(pages->host + i * PAGE, (int)(0x10 + i), PAGE);
        pages->frames[i] = hosted_vm_frame(&f->vm, pages->host + i * PAGE, 12);
        assert_int_not_equal(pages->frames[i], seL4_CapNull);
        pages->rights[i] = seL4_ReadWrite;
    }
}

static vm_frame_t pages_next(uintptr_t addr, void *cookie)
{
    struct pages *pages = cookie;
    vm_frame_t frame = { seL4_CapNull, seL4_NoRights, 0, 0 };
    if (++pages->calls != pages->fail_at) {
        unsigned i = (unsigned)((addr - pages->base) / PAGE);
        frame.cptr = pages->frames[i];
        frame.rights = pages->rights[i];
        frame.vaddr = addr;
        frame.size_bits = pages->size_bits;
    }
    return frame;
}

static void test_map_reservation(void **state)
{
    struct fixture *f = *state;
    struct pages pages;
    unsigned hits = 0;
    pages_init(&pages, f);
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(&f->vm, FREE, 4 * PAGE, answer, &hits);
    unsigned before = script_calls(&f->vm, HOSTED_CALL_MAP);
    assert_int_equal(vm_map_reservation(&f->vm, reservation, pages_next, &pages), 0);
    assert_int_equal(pages.calls, 4);
    /* Contiguous frames are one mapping. */
    assert_int_equal(script_calls(&f->vm, HOSTED_CALL_MAP), before + 1);
    assert_int_equal(script_get(f->vcpu, FREE + 3 * PAGE, 2), 0x1313);
    script_put(f->vcpu, FREE + PAGE, 1, 0x77);
    assert_int_equal(pages.host[PAGE], 0x77);
    assert_int_equal(hits, 0);

    uint64_t size = 0;
    assert_ptr_equal(hosted_vm_memory(&f->vm, FREE + 8, &size), pages.host + 8);
    assert_int_equal(size, 4 * PAGE - 8);
    /* Mapped once already. */
    pages.calls = 0;
    assert_int_equal(vm_map_reservation(&f->vm, reservation, pages_next, &pages), -1);
    /* Freeing unmaps. */
    vm_memory_reservation_t *again;
    assert_int_equal(vm_free_reserved_memory(&f->vm, reservation), 0);
    assert_null(hosted_vm_memory(&f->vm, FREE, &size));
    again = vm_reserve_memory_at(&f->vm, FREE, 4 * PAGE, answer, &hits);
    assert_non_null(again);
    script_get(f->vcpu, FREE, 4);
    assert_int_equal(hits, 1);
    assert_int_equal(vm_free_reserved_memory(&f->vm, again), 0);
    free(pages.host);
}

static void test_map_with_rights(void **state)
{
    struct fixture *f = *state;
    struct pages pages;
    unsigned hits = 0;
    pages_init(&pages, f);
    pages.rights[1] = seL4_CanRead;
    pages.rights[2] = seL4_NoRights;
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(&f->vm, FREE, 4 * PAGE, answer, &hits);
    assert_int_equal(vm_map_reservation(&f->vm, reservation, pages_next, &pages), 0);
    assert_int_equal(script_get(f->vcpu, FREE + PAGE, 1), 0x11);
    assert_int_equal(hits, 0);
    script_put(f->vcpu, FREE + PAGE, 1, 0);
    assert_int_equal(hits, 1);
    assert_int_equal(pages.host[PAGE], 0x11);
    assert_int_equal(script_get(f->vcpu, FREE + 2 * PAGE, 1), 0xff);
    assert_int_equal(hits, 2);
    script_put(f->vcpu, FREE + 3 * PAGE, 1, 0x55);
    assert_int_equal(pages.host[3 * PAGE], 0x55);
    assert_int_equal(vm_free_reserved_memory(&f->vm, reservation), 0);
    free(pages.host);
}

static void test_map_failures_leave_nothing(void **state)
{
    struct fixture *f = *state;
    struct pages pages;
    unsigned hits = 0;
    uint64_t size;
    pages_init(&pages, f);
    /* A gap, so that something is mapped before the failure. */
    pages.rights[1] = seL4_CanRead;
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(&f->vm, FREE, 4 * PAGE, answer, &hits);
    for (unsigned i = 1; i <= 4; i++) {
        pages.calls = 0;
        pages.fail_at = i;
        assert_int_equal(vm_map_reservation(&f->vm, reservation, pages_next, &pages), -1);
        assert_null(hosted_vm_memory(&f->vm, FREE, &size));
    }
    pages.fail_at = 0;
    for (unsigned i = 1; i <= 3; i++) {
        script_fail(&f->vm, HOSTED_CALL_MAP, i);
        assert_int_equal(vm_map_reservation(&f->vm, reservation, pages_next, &pages), -1);
        assert_null(hosted_vm_memory(&f->vm, FREE, &size));
    }
    /* A capability of another size than it says, or that is none. */
    pages.size_bits = 13;
    assert_int_equal(vm_map_reservation(&f->vm, reservation, pages_next, &pages), -1);
    pages.size_bits = 12;
    pages.frames[0] = 1000;
    assert_int_equal(vm_map_reservation(&f->vm, reservation, pages_next, &pages), -1);
    assert_int_equal(vm_free_reserved_memory(&f->vm, reservation), 0);
    free(pages.host);
}

static void test_map_frames(void **state)
{
    struct fixture *f = *state;
    struct pages pages;
    unsigned hits = 0;
    pages_init(&pages, f);
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(&f->vm, FREE, 3 * PAGE, answer, &hits);
    assert_int_equal(vm_map_reservation_frames(&f->vm, reservation, NULL, 3, 12), -1);
    assert_int_equal(vm_map_reservation_frames(&f->vm, reservation, pages.frames, 3, 3), -1);
    /* Too few. */
    assert_int_equal(vm_map_reservation_frames(&f->vm, reservation, pages.frames, 2, 12), -1);
    /* In another order than in memory. */
    seL4_CPtr shuffled[3] = { pages.frames[2], pages.frames[0], pages.frames[1] };
    assert_int_equal(vm_map_reservation_frames(&f->vm, reservation, shuffled, 3, 12), 0);
    assert_int_equal(script_get(f->vcpu, FREE, 1), 0x12);
    assert_int_equal(script_get(f->vcpu, FREE + PAGE, 1), 0x10);
    assert_int_equal(script_get(f->vcpu, FREE + 2 * PAGE, 1), 0x11);
    script_put(f->vcpu, FREE + 2 * PAGE, 1, 9);
    assert_int_equal(pages.host[PAGE], 9);
    assert_int_equal(vm_free_reserved_memory(&f->vm, reservation), 0);
    free(pages.host);
}

static void test_two_vms_share_a_frame(void **state)
{
    struct fixture *a = *state;
    struct fixture b;
    unsigned hits = 0;
    uint8_t *page = aligned_alloc(PAGE, PAGE);
    assert_non_null(page);
    memset(page, 0, PAGE);
    fixture_init(&b, NULL);
    vm_t *vms[2] = { &a->vm, &b.vm };
    for (unsigned i = 0; i < 2; i++) {
        seL4_CPtr frame = hosted_vm_frame(vms[i], page, 12);
        vm_memory_reservation_t *reservation =
            vm_reserve_memory_at(vms[i], FREE, PAGE, answer, &hits);
        assert_int_equal(vm_map_reservation_frames(vms[i], reservation, &frame, 1, 12), 0);
    }
    script_put(a->vcpu, FREE + 8, 4, 0xcafe);
    assert_int_equal(script_get(b.vcpu, FREE + 8, 4), 0xcafe);
    fixture_fini(&b);
    assert_int_equal(script_get(a->vcpu, FREE + 8, 4), 0xcafe);
    free(page);
}

static void test_frame_refuses(void **state)
{
    struct fixture *f = *state;
    uint8_t *page = aligned_alloc(PAGE, PAGE);
    assert_int_equal(hosted_vm_frame(&f->vm, NULL, 12), seL4_CapNull);
    assert_int_equal(hosted_vm_frame(&f->vm, page + 1, 12), seL4_CapNull);
    assert_int_equal(hosted_vm_frame(&f->vm, page, 11), seL4_CapNull);
    assert_int_equal(hosted_vm_frame(&f->vm, page, 64), seL4_CapNull);
    free(page);
}

static void test_default_error_callback(void **state)
{
    struct fixture *f = *state;
    uint64_t value = 0;
    assert_non_null(vm_reserve_memory_at(&f->vm, FREE, PAGE, default_error_fault_callback, NULL));
    assert_int_equal(script_read(f->vcpu, FREE + 4, 2, &value), SCRIPT_FAILED);
    assert_non_null(fixture_log_find(f, "accessed 2 bytes at 0x10000004"));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int test_hosted_memory(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_reserve_refuses),  WITH_FIXTURE(test_reserve_up_to_the_last_byte),
        WITH_FIXTURE(test_overlap_is_exact), WITH_FIXTURE(test_lookup_finds_the_right_one),
        WITH_FIXTURE(test_free_makes_room),  WITH_FIXTURE(test_free_from_inside_its_callback),
        WITH_FIXTURE(test_anonymous),        WITH_FIXTURE(test_map_reservation),
        WITH_FIXTURE(test_map_with_rights),  WITH_FIXTURE(test_map_failures_leave_nothing),
        WITH_FIXTURE(test_map_frames),       WITH_FIXTURE(test_two_vms_share_a_frame),
        WITH_FIXTURE(test_frame_refuses),    WITH_FIXTURE(test_default_error_callback),
    };
    return cmocka_run_group_tests_name("hosted_memory", tests, NULL, NULL);
}
