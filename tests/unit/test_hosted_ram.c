/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted: guest RAM. */
#include "support/fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sel4vm/guest_ram.h>

#define PAGE ((size_t)0x1000)
#define BASE ((uintptr_t)FIXTURE_RAM_BASE)
#define SIZE ((size_t)FIXTURE_RAM_SIZE)

static void expect_regions(const struct fixture *f, const struct vm_ram_region *expected, int count)
{
    assert_int_equal(f->vm.mem.num_ram_regions, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(f->vm.mem.ram_regions[i].start, expected[i].start);
        assert_int_equal(f->vm.mem.ram_regions[i].size, expected[i].size);
        assert_int_equal(f->vm.mem.ram_regions[i].allocated, expected[i].allocated);
    }
}

static void test_register(void **state)
{
    struct fixture *f = *state;
    expect_regions(f, (struct vm_ram_region[]){ { BASE, SIZE, 0 } }, 1);
    assert_int_equal(script_get(f->vcpu, BASE + SIZE - 8, 8), 0);
    script_put(f->vcpu, BASE + SIZE - 4, 4, 0x01020304);
    assert_memory_equal(fixture_ram(f, SIZE - 4, 4), "\4\3\2\1", 4);
    /* Adjacent RAM continues the region; the pieces stay sorted. */
    assert_int_equal(vm_ram_register_at(&f->vm, BASE + SIZE + PAGE, PAGE, true), 0);
    assert_int_equal(vm_ram_register_at(&f->vm, BASE + SIZE, PAGE, false), 0);
    expect_regions(f, (struct vm_ram_region[]){ { BASE, SIZE + 2 * PAGE, 0 } }, 1);
    assert_int_equal(vm_ram_register_at(&f->vm, BASE - PAGE, PAGE, true), 0);
    expect_regions(f, (struct vm_ram_region[]){ { BASE - PAGE, SIZE + 3 * PAGE, 0 } }, 1);
}

static void test_register_refuses(void **state)
{
    struct fixture *f = *state;
    uintptr_t elsewhere = BASE + SIZE + 16 * PAGE;
    assert_int_equal(vm_ram_register_at(&f->vm, elsewhere, 0, true), -1);
    assert_int_equal(vm_ram_register_at(&f->vm, elsewhere + 1, PAGE, true), -1);
    assert_int_equal(vm_ram_register_at(&f->vm, elsewhere, PAGE + 1, true), -1);
    assert_non_null(fixture_log_find(f, "multiples of 4 KiB"));
    assert_int_equal(vm_ram_register_at(&f->vm, BASE + SIZE - PAGE, 2 * PAGE, true), -1);
    assert_int_equal(vm_ram_register_at(&f->vm, ~(uintptr_t)0xfff, 2 * PAGE, true), -1);
    /* More than any host has addresses for. */
    assert_int_equal(
        vm_ram_register_at(&f->vm, elsewhere, (size_t)1 << (CONFIG_WORD_SIZE - 1), true), -1);
    expect_regions(f, (struct vm_ram_region[]){ { BASE, SIZE, 0 } }, 1);
}

static void test_register_undoes_failures(void **state)
{
    struct fixture *f = *state;
    uintptr_t elsewhere = BASE + SIZE + 16 * PAGE;
    const enum hosted_call calls[] = { HOSTED_CALL_RESERVE, HOSTED_CALL_PAGES, HOSTED_CALL_MAP };
    for (unsigned i = 0; i < 3; i++) {
        script_fail(&f->vm, calls[i], 1);
        assert_int_equal(vm_ram_register_at(&f->vm, elsewhere, PAGE, true), -1);
        expect_regions(f, (struct vm_ram_region[]){ { BASE, SIZE, 0 } }, 1);
    }
    assert_int_equal(vm_ram_register_at(&f->vm, elsewhere, PAGE, true), 0);
}

static void test_register_anywhere(void **state)
{
    struct fixture *f = *state;
    uintptr_t elsewhere = BASE + SIZE + 16 * PAGE;
    assert_int_equal(vm_ram_register(&f->vm, PAGE), 0);
    assert_int_equal(vm_memory_make_anon(&f->vm, elsewhere, 4 * PAGE), 0);
    assert_int_equal(vm_ram_register(&f->vm, 0), 0);
    assert_int_equal(vm_ram_register(&f->vm, 2 * PAGE), elsewhere);
    script_put(f->vcpu, elsewhere + PAGE, 4, 5);
    assert_int_equal(f->vm.mem.num_ram_regions, 2);
}

struct custom {
    vm_t *vm;
    uint8_t *host;
    uintptr_t start;
    bool fail;
};

static vm_frame_t custom_next(uintptr_t addr, void *cookie)
{
    const struct custom *custom = cookie;
    vm_frame_t frame = { seL4_CapNull, seL4_AllRights, addr, 12 };
    if (!custom->fail) {
        frame.cptr = hosted_vm_frame(custom->vm, custom->host + (addr - custom->start), 12);
    }
    return frame;
}

static void test_register_custom(void **state)
{
    struct fixture *f = *state;
    struct custom custom = { .vm = &f->vm,
                             .host = aligned_alloc(PAGE, 4 * PAGE),
                             .start = BASE + SIZE + 16 * PAGE,
                             .fail = true };
    assert_non_null(custom.host);
    assert_int_equal(
        vm_ram_register_at_custom_iterator(&f->vm, custom.start, 4 * PAGE, custom_next, &custom),
        -1);
    assert_int_equal(f->vm.mem.num_ram_regions, 1);
    custom.fail = false;
    assert_int_equal(
        vm_ram_register_at_custom_iterator(&f->vm, custom.start, 4 * PAGE, custom_next, &custom),
        0);
    assert_int_equal(f->vm.mem.num_ram_regions, 2);
    script_put(f->vcpu, custom.start + 3 * PAGE, 1, 0x42);
    assert_int_equal(custom.host[3 * PAGE], 0x42);
    uint32_t word = 0x31323334;
    assert_int_equal(
        vm_ram_touch(&f->vm, custom.start + PAGE - 2, 4, vm_guest_ram_write_callback, &word), 0);
    assert_memory_equal(custom.host + PAGE - 2, "4321", 4);
    free(custom.host);
}

static void test_mark_allocated_splits(void **state)
{
    struct fixture *f = *state;
    vm_ram_mark_allocated(&f->vm, BASE + 0x100, 0x200);
    const struct vm_ram_region middle[] = { { BASE, 0x100, 0 },
                                            { BASE + 0x100, 0x200, 1 },
                                            { BASE + 0x300, SIZE - 0x300, 0 } };
    expect_regions(f, middle, 3);
    /* Not inside one free region: nothing happens. */
    vm_ram_mark_allocated(&f->vm, BASE + 0x100, 0x200);
    vm_ram_mark_allocated(&f->vm, BASE, 0x200);
    vm_ram_mark_allocated(&f->vm, BASE + SIZE - 0x10, 0x20);
    vm_ram_mark_allocated(&f->vm, BASE + 0x300, SIZE_MAX);
    vm_ram_mark_allocated(&f->vm, BASE, 0);
    vm_ram_mark_allocated(&f->vm, BASE - 0x10, 0x20);
    expect_regions(f, middle, 3);
    /* At the start, at the end, and whole; neighbours become one. */
    vm_ram_mark_allocated(&f->vm, BASE, 0x80);
    vm_ram_mark_allocated(&f->vm, BASE + SIZE - 0x10, 0x10);
    vm_ram_mark_allocated(&f->vm, BASE + 0x80, 0x80);
    const struct vm_ram_region ends[] = { { BASE, 0x300, 1 },
                                          { BASE + 0x300, SIZE - 0x310, 0 },
                                          { BASE + SIZE - 0x10, 0x10, 1 } };
    expect_regions(f, ends, 3);
    vm_ram_free(&f->vm, BASE, 0x300);
    expect_regions(f, ends, 3);
}

static void test_allocate_first_fit(void **state)
{
    struct fixture *f = *state;
    vm_ram_mark_allocated(&f->vm, BASE + 0x1000, 0x1000);
    assert_int_equal(vm_ram_allocate(&f->vm, 0x1001), BASE + 0x2000);
    assert_int_equal(vm_ram_allocate(&f->vm, 0x10), BASE);
    assert_int_equal(vm_ram_allocate(&f->vm, 0xff0), BASE + 0x10);
    assert_int_equal(vm_ram_allocate(&f->vm, 1), BASE + 0x3001);
    assert_int_equal(vm_ram_allocate(&f->vm, 0), 0);
    assert_int_equal(vm_ram_allocate(&f->vm, SIZE), 0);
    assert_int_equal(vm_ram_allocate(&f->vm, SIZE_MAX), 0);
    expect_regions(
        f, (struct vm_ram_region[]){ { BASE, 0x3002, 1 }, { BASE + 0x3002, SIZE - 0x3002, 0 } }, 2);
}

static void test_largest_free_region(void **state)
{
    struct fixture *f = *state;
    uintptr_t addr = 0;
    size_t size = 0;
    vm_ram_mark_allocated(&f->vm, BASE + 0x1000, 0x1000);
    assert_int_equal(vm_ram_find_largest_free_region(&f->vm, &addr, &size), 0);
    assert_int_equal(addr, BASE + 0x2000);
    assert_int_equal(size, SIZE - 0x2000);
    vm_ram_mark_allocated(&f->vm, BASE + 0x2000, SIZE - 0x2000);
    assert_int_equal(vm_ram_find_largest_free_region(&f->vm, &addr, &size), 0);
    assert_int_equal(addr, BASE);
    assert_int_equal(size, 0x1000);
    vm_ram_mark_allocated(&f->vm, BASE, 0x1000);
    assert_int_equal(vm_ram_find_largest_free_region(&f->vm, &addr, &size), -1);
}

#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
static void test_largest_free_region_is_below_4g(void **state)
{
    struct fixture *f = *state;
    uintptr_t addr = 0;
    size_t size = 0;
    assert_int_equal(vm_ram_register_at(&f->vm, (UINT64_C(1) << 32) - 2 * SIZE, 8 * SIZE, true), 0);
    assert_int_equal(vm_ram_find_largest_free_region(&f->vm, &addr, &size), 0);
    assert_int_equal(addr, (UINT64_C(1) << 32) - 2 * SIZE);
    assert_int_equal(size, 2 * SIZE);
}
#endif

struct touches {
    unsigned count;
    struct {
        uintptr_t addr;
        size_t size;
        size_t offset;
    } seen[8];
    int result;
    volatile uint8_t *kept;
};

static int note_touch(vm_t *vm, uintptr_t addr, void *vaddr, size_t size, size_t offset,
                      void *cookie)
{
    struct touches *touches = cookie;
    (void)vm;
    touches->seen[touches->count].addr = addr;
    touches->seen[touches->count].size = size;
    touches->seen[touches->count].offset = offset;
    touches->count++;
    touches->kept = vaddr;
    /* The same bytes as the guest sees. */
    *touches->kept = (uint8_t)touches->count;
    return touches->result;
}

static void test_touch_goes_page_by_page(void **state)
{
    struct fixture *f = *state;
    struct touches touches = { 0 };
    uintptr_t start = BASE + PAGE - 3;
    assert_int_equal(vm_ram_touch(&f->vm, start, PAGE + 5, note_touch, &touches), 0);
    assert_int_equal(touches.count, 3);
    assert_int_equal(touches.seen[0].addr, start);
    assert_int_equal(touches.seen[0].size, 3);
    assert_int_equal(touches.seen[0].offset, 0);
    assert_int_equal(touches.seen[1].addr, BASE + PAGE);
    assert_int_equal(touches.seen[1].size, PAGE);
    assert_int_equal(touches.seen[1].offset, 3);
    assert_int_equal(touches.seen[2].addr, BASE + 2 * PAGE);
    assert_int_equal(touches.seen[2].size, 2);
    assert_int_equal(touches.seen[2].offset, PAGE + 3);
    assert_int_equal(script_get(f->vcpu, start, 1), 1);
    assert_int_equal(script_get(f->vcpu, BASE + PAGE, 1), 2);
    assert_int_equal(script_get(f->vcpu, BASE + 2 * PAGE, 1), 3);
}

static void test_touch_stops_at_the_callbacks_word(void **state)
{
    struct fixture *f = *state;
    struct touches touches = { .result = 7 };
    assert_int_equal(vm_ram_touch(&f->vm, BASE, 3 * PAGE, note_touch, &touches), 7);
    assert_int_equal(touches.count, 1);
}

/** Defect 8: the test for RAM wrapped around. */
static void test_touch_refuses_what_is_not_ram(void **state)
{
    struct fixture *f = *state;
    struct touches touches = { 0 };
    const struct {
        uintptr_t addr;
        size_t size;
    } bad[] = {
        { BASE - 1, 1 },
        { BASE - 1, 2 },
        { BASE + SIZE, 1 },
        { BASE + SIZE - 1, 2 },
        { BASE, SIZE + 1 },
        { BASE + 0x100, SIZE_MAX },
        { BASE + 0x100, SIZE_MAX - (BASE + 0x100) + 1 },
        { BASE + 0x100, SIZE_MAX - 0x100 },
        { UINTPTR_MAX, SIZE_MAX },
        { 0, SIZE_MAX },
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(vm_ram_touch(&f->vm, bad[i].addr, bad[i].size, note_touch, &touches), -1);
    }
    assert_int_equal(vm_ram_touch(&f->vm, BASE, 4, NULL, NULL), -1);
    assert_int_equal(touches.count, 0);
    /* Nothing of RAM is RAM. */
    assert_int_equal(vm_ram_touch(&f->vm, BASE, 0, note_touch, &touches), 0);
    assert_int_equal(touches.count, 0);
}

static void test_read_and_write_callbacks_cross_pages(void **state)
{
    struct fixture *f = *state;
    uint8_t out[3 * PAGE];
    uint8_t in[3 * PAGE];
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = (uint8_t)(i * 7 + i / PAGE);
    }
    assert_int_equal(
        vm_ram_touch(&f->vm, BASE + 100, sizeof(out), vm_guest_ram_write_callback, out), 0);
    assert_memory_equal(fixture_ram(f, 100, sizeof(out)), out, sizeof(out));
    assert_int_equal(vm_ram_touch(&f->vm, BASE + 100, sizeof(in), vm_guest_ram_read_callback, in),
                     0);
    assert_memory_equal(in, out, sizeof(out));
}

/** A pointer that was kept ends the process that uses it. */
static void test_lent_pointers_are_taken_back(void **state)
{
    struct fixture *f = *state;
    struct touches touches = { 0 };
    assert_int_equal(vm_ram_touch(&f->vm, BASE + 8, 4, note_touch, &touches), 0);
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        _exit(*touches.kept ? 1 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/** As a client registers frames: far more of them than a process may have files. */
static void test_page_by_page(void **state)
{
    struct fixture *f = *state;
    uintptr_t start = BASE + SIZE;
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(vm_ram_register_at(&f->vm, start + i * PAGE, PAGE, true), 0);
    }
    assert_int_equal(f->vm.mem.num_ram_regions, 1);
    uint32_t word = 0x12345678;
    assert_int_equal(
        vm_ram_touch(&f->vm, start + 2999 * PAGE - 2, 4, vm_guest_ram_write_callback, &word), 0);
    assert_int_equal(script_get(f->vcpu, start + 2999 * PAGE - 2, 2), 0x5678);
    assert_int_equal(script_get(f->vcpu, start + 2999 * PAGE, 2), 0x1234);
}

static void test_touching_often(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t value = i;
        assert_int_equal(vm_ram_touch(&f->vm, BASE + i * 4 * sizeof(value), sizeof(value),
                                      vm_guest_ram_write_callback, &value),
                         0);
    }
    assert_int_equal(script_get(f->vcpu, BASE + 999 * 16, 4), 999);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int test_hosted_ram(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_register),
        WITH_FIXTURE(test_register_refuses),
        WITH_FIXTURE(test_register_undoes_failures),
        WITH_FIXTURE(test_register_anywhere),
        WITH_FIXTURE(test_register_custom),
        WITH_FIXTURE(test_mark_allocated_splits),
        WITH_FIXTURE(test_allocate_first_fit),
        WITH_FIXTURE(test_largest_free_region),
#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
        WITH_FIXTURE(test_largest_free_region_is_below_4g),
#endif
        WITH_FIXTURE(test_touch_goes_page_by_page),
        WITH_FIXTURE(test_touch_stops_at_the_callbacks_word),
        WITH_FIXTURE(test_touch_refuses_what_is_not_ram),
        WITH_FIXTURE(test_read_and_write_callbacks_cross_pages),
        WITH_FIXTURE(test_lent_pointers_are_taken_back),
        WITH_FIXTURE(test_page_by_page),
        WITH_FIXTURE(test_touching_often),
    };
    return cmocka_run_group_tests_name("hosted_ram", tests, NULL, NULL);
}
