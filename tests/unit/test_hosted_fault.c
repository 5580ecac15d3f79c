/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted: the fault protocol, what all architectures have in common. */
#include "support/fixture.h"

#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_vcpu_fault.h>

#define WINDOW      0x10000000u
#define WINDOW_SIZE 0x1000u

#ifdef CONFIG_ARCH_ARM
#define LANE_SHIFT(address) (8 * ((address)&3))
#else
#define LANE_SHIFT(address) 0
#endif

/** What a handler shall do, and what it saw. */
struct handler {
    vm_memory_reservation_t *reservation;
    memory_fault_result_t result;
    seL4_Word set; /**< As a device would: the accessed bytes in the low bits. */
    bool sets;
    unsigned advances;
    unsigned restarts;
    unsigned calls;
    uintptr_t address;
    size_t length;
    seL4_Word fault_address;
    seL4_Word ip;
    seL4_Word data;
    seL4_Word mask;
    seL4_Word emulated; /**< Of 0x8899aabbccddeeff, cut to a word. */
    size_t size;
    bool is_read;
};

#define OLD ((seL4_Word)0x8899aabbccddeeff)

static memory_fault_result_t handle(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t length,
                                    void *cookie)
{
    struct handler *h = cookie;
    assert_ptr_equal(vcpu->vm, vm);
    h->calls++;
    h->address = addr;
    h->length = length;
    h->fault_address = get_vcpu_fault_address(vcpu);
    h->ip = get_vcpu_fault_ip(vcpu);
    h->size = get_vcpu_fault_size(vcpu);
    h->mask = get_vcpu_fault_data_mask(vcpu);
    h->data = get_vcpu_fault_data(vcpu);
    h->emulated = emulate_vcpu_fault(vcpu, OLD);
    h->is_read = is_vcpu_read_fault(vcpu);
    if (h->sets) {
        set_vcpu_fault_data(vcpu, h->set << LANE_SHIFT(addr));
    }
    for (unsigned i = 0; i < h->advances; i++) {
        advance_vcpu_fault(vcpu);
    }
    for (unsigned i = 0; i < h->restarts; i++) {
        restart_vcpu_fault(vcpu);
    }
    return h->result;
}

static void attach(struct fixture *f, struct handler *h)
{
    memset(h, 0, sizeof(*h));
    h->result = FAULT_HANDLED;
    h->advances = 1;
    h->reservation = vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, handle, h);
    assert_non_null(h->reservation);
}

static uint64_t width(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

static const unsigned sizes[] = { 1, 2, 4, 8 };
#define SIZE_COUNT (sizeof(seL4_Word) == 8 ? 4u : 3u)

static void test_write_conventions(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    const seL4_Word reg = (seL4_Word)0x0123456789abcdef;
    attach(f, &h);
    for (unsigned s = 0; s < SIZE_COUNT; s++) {
        for (unsigned offset = 0; offset < 8; offset++) {
            uint64_t gpa = WINDOW + offset;
            uint64_t pc = script_pc(f->vcpu);
            unsigned shift = 8 * (offset & 3);
            seL4_Word mask = (seL4_Word)(width(sizes[s]) << shift);
            assert_int_equal(script_store(f->vcpu, gpa, sizes[s], reg), SCRIPT_DONE);
            assert_int_equal(h.address, gpa);
            assert_int_equal(h.length, sizes[s]);
            assert_int_equal(h.fault_address, gpa);
            assert_int_equal(h.size, sizes[s]);
            assert_false(h.is_read);
            assert_true(h.mask == mask);
            /* The register as it is. */
            assert_true(h.data == reg);
            assert_true(h.emulated == ((OLD & ~mask) | ((reg << shift) & mask)));
            assert_int_equal(h.ip, pc);
            assert_int_equal(script_pc(f->vcpu), pc + 4);
        }
    }
    assert_int_equal(h.calls, 8 * SIZE_COUNT);
}

static void test_writes_have_junk_above(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    script_put(f->vcpu, WINDOW + 3, 1, 0x12);
    assert_int_equal(h.data & 0xff, 0x12);
    assert_int_not_equal(h.data >> 8, 0);
    assert_int_equal(h.data & (h.mask >> 24), 0x12);
}

static void test_reads_give_what_was_set(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    h.sets = true;
    for (unsigned s = 0; s < SIZE_COUNT; s++) {
        /* Aligned, as devices' registers are. */
        for (unsigned offset = 0; offset < 8; offset += sizes[s]) {
            h.set = (seL4_Word)(0x1122334455667788 & width(sizes[s]));
            uint64_t value = 0;
            assert_int_equal(script_read(f->vcpu, WINDOW + offset, sizes[s], &value), SCRIPT_DONE);
            assert_true(value == h.set);
            assert_true(h.is_read);
        }
    }
}

static void test_8_bytes_on_any_host(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    h.sets = true;
    h.set = 0x11223344;
    uint64_t value = script_get(f->vcpu, WINDOW, 8);
    if (sizeof(seL4_Word) == 8) {
        assert_true(value == 0x11223344);
        assert_int_equal(h.calls, 1);
    } else {
        assert_true(value == UINT64_C(0x1122334411223344));
        assert_int_equal(h.calls, 2);
        assert_int_equal(h.address, WINDOW + 4);
    }
    h.sets = false;
    script_put(f->vcpu, WINDOW, 8, UINT64_C(0x8877665544332211));
    assert_true(h.data == (seL4_Word)(sizeof(seL4_Word) == 8 ? 0x8877665544332211 : 0x88776655));
    /* And on memory. */
    script_put(f->vcpu, FIXTURE_RAM_BASE + 1, 8, UINT64_C(0x8877665544332211));
    assert_true(script_get(f->vcpu, FIXTURE_RAM_BASE + 1, 8) == UINT64_C(0x8877665544332211));
}

static void expect_offence(struct fixture *f, const char *text)
{
    assert_int_equal(script_errors(&f->vm), 1);
    assert_non_null(strstr(script_error(&f->vm, 0), text));
    assert_null(script_error(&f->vm, 1));
    assert_false(script_check(&f->vm));
    script_clear_errors(&f->vm);
    assert_true(script_check(&f->vm));
}

static void test_advancing_twice_is_an_offence(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    h.advances = 2;
    assert_int_equal(script_write(f->vcpu, WINDOW, 4, 0), SCRIPT_DONE);
    expect_offence(f, "completed twice");
    h.advances = 1;
    h.restarts = 1;
    assert_int_equal(script_write(f->vcpu, WINDOW, 4, 0), SCRIPT_DONE);
    expect_offence(f, "completed twice");
    /* Long after. */
    advance_vcpu_fault(f->vcpu);
    expect_offence(f, "not in progress");
    restart_vcpu_fault(f->vcpu);
    expect_offence(f, "not in progress");
}

static void test_accessors_without_a_fault_are_an_offence(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    script_put(f->vcpu, WINDOW, 4, 0);
    get_vcpu_fault_address(f->vcpu);
    expect_offence(f, "not in progress");
    get_vcpu_fault_ip(f->vcpu);
    expect_offence(f, "not in progress");
    get_vcpu_fault_data(f->vcpu);
    expect_offence(f, "not in progress");
    get_vcpu_fault_data_mask(f->vcpu);
    expect_offence(f, "not in progress");
    get_vcpu_fault_size(f->vcpu);
    expect_offence(f, "not in progress");
    is_vcpu_read_fault(f->vcpu);
    expect_offence(f, "not in progress");
    emulate_vcpu_fault(f->vcpu, 0);
    expect_offence(f, "not in progress");
    assert_int_equal(set_vcpu_fault_data(f->vcpu, 0), -1);
    expect_offence(f, "not in progress");
}

static memory_fault_result_t advance_then_look(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr,
                                               size_t length, void *cookie)
{
    (void)vm;
    (void)addr;
    (void)length;
    (void)cookie;
    advance_vcpu_fault(vcpu);
    get_vcpu_fault_data(vcpu);
    return FAULT_HANDLED;
}

static void test_accessors_after_advance_are_an_offence(void **state)
{
    struct fixture *f = *state;
    assert_non_null(vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, advance_then_look, NULL));
    script_put(f->vcpu, WINDOW, 4, 0);
    expect_offence(f, "not in progress");
}

static void test_setting_data_of_a_write_is_an_offence(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    h.sets = true;
    assert_int_equal(script_write(f->vcpu, WINDOW, 4, 0), SCRIPT_DONE);
    expect_offence(f, "another kind");
}

static void test_ignore(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    h.advances = 0;
    h.result = FAULT_IGNORE;
    h.sets = true;
    h.set = 0x55;
    uint64_t reg = 0x1234;
    uint64_t pc = script_pc(f->vcpu);
    assert_int_equal(script_load(f->vcpu, WINDOW, 1, &reg), SCRIPT_SKIPPED);
    assert_int_equal(reg, 0x1234);
    assert_int_equal(script_pc(f->vcpu), pc + 4);
    h.sets = false;
    assert_int_equal(script_write(f->vcpu, WINDOW, 4, 0), SCRIPT_SKIPPED);
    /* Defect 33: advanced and ignored skips twice. */
    h.advances = 1;
    assert_int_equal(script_write(f->vcpu, WINDOW, 4, 0), SCRIPT_SKIPPED);
    expect_offence(f, "contradicts");
}

static void test_error(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    uint64_t value = 5;
    attach(f, &h);
    h.advances = 0;
    h.result = FAULT_ERROR;
    uint64_t pc = script_pc(f->vcpu);
    assert_int_equal(script_read(f->vcpu, WINDOW + 4, 4, &value), SCRIPT_FAILED);
    assert_int_equal(value, 5);
    assert_int_equal(script_pc(f->vcpu), pc);
    assert_non_null(fixture_log_find(f, "read of 4 bytes at 0x10000004: the handler failed"));
    /* The next one starts afresh. */
    h.result = FAULT_HANDLED;
    h.advances = 1;
    script_put(f->vcpu, WINDOW, 4, 1);
}

static void test_unhandled(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    struct handler last;
    uint64_t value = 0;
    attach(f, &h);
    memset(&last, 0, sizeof(last));
    h.advances = 0;
    h.result = FAULT_UNHANDLED;
    /* Nobody. */
    assert_int_equal(script_read(f->vcpu, WINDOW, 4, &value), SCRIPT_FAILED);
    assert_non_null(fixture_log_find(f, "nothing answers there"));
    assert_int_equal(script_read(f->vcpu, WINDOW + 0x100000, 4, &value), SCRIPT_FAILED);
    /* The last resort gets both. */
    last.advances = 1;
    last.result = FAULT_HANDLED;
    last.sets = true;
    last.set = 0x99;
    assert_int_equal(vm_register_unhandled_mem_fault_callback(&f->vm, handle, &last), 0);
    assert_int_equal(script_get(f->vcpu, WINDOW, 4), 0x99);
    assert_int_equal(script_get(f->vcpu, WINDOW + 0x100000, 4), 0x99);
    assert_int_equal(last.calls, 2);
    assert_int_equal(last.address, WINDOW + 0x100000);
    /* An access that only begins in a reservation is nobody's. */
    unsigned before = h.calls;
    last.sets = false;
    script_put(f->vcpu, WINDOW + WINDOW_SIZE - 2, 4, 0);
    assert_int_equal(last.calls, 3);
    assert_int_equal(h.calls, before);
    /* Unhandled after all it did. */
    h.advances = 1;
    last.advances = 0;
    last.sets = false;
    last.result = FAULT_IGNORE;
    assert_int_equal(script_write(f->vcpu, WINDOW, 4, 0), SCRIPT_SKIPPED);
    assert_true(script_errors(&f->vm) > 0);
    script_clear_errors(&f->vm);
}

static void test_addresses_beyond_a_word(void **state)
{
    struct fixture *f = *state;
    if (sizeof(uintptr_t) == 4) {
        uint64_t value;
        struct handler last;
        memset(&last, 0, sizeof(last));
        vm_register_unhandled_mem_fault_callback(&f->vm, handle, &last);
        assert_int_equal(script_read(f->vcpu, (UINT64_C(1) << 32) + FIXTURE_RAM_BASE, 4, &value),
                         SCRIPT_FAILED);
        assert_int_equal(last.calls, 0);
    }
}

static void test_completed_later(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    uint64_t value = 0;
    attach(f, &h);
    h.advances = 0;
    uint64_t pc = script_pc(f->vcpu);
    assert_int_equal(script_read(f->vcpu, WINDOW + 2, 2, &value), SCRIPT_PENDING);
    assert_int_equal(script_finish(f->vcpu, &value), SCRIPT_PENDING);
    assert_int_equal(script_pc(f->vcpu), pc);
    /* No instruction can follow one that is not over. */
    assert_int_equal(script_read(f->vcpu, WINDOW, 4, &value), SCRIPT_FAILED);
    assert_int_equal(script_errors(&f->vm), 1);
    script_clear_errors(&f->vm);
    /* The accessors work until the end. */
    assert_int_equal(get_vcpu_fault_address(f->vcpu), WINDOW + 2);
    assert_int_equal(set_vcpu_fault_data(f->vcpu, (seL4_Word)0xbeef << LANE_SHIFT(2)), 0);
    advance_vcpu_fault(f->vcpu);
    assert_int_equal(script_finish(f->vcpu, &value), SCRIPT_DONE);
    assert_int_equal(value, 0xbeef);
    assert_int_equal(script_pc(f->vcpu), pc + 4);
    assert_int_equal(script_finish(f->vcpu, &value), SCRIPT_FAILED);
    expect_offence(f, "no instruction is pending");
}

static void test_never_completed_is_an_offence(void **state)
{
    struct fixture f;
    struct handler h;
    (void)state;
    fixture_init(&f, NULL);
    attach(&f, &h);
    h.advances = 0;
    assert_int_equal(script_write(f.vcpu, WINDOW, 4, 0), SCRIPT_PENDING);
    assert_false(script_check(&f.vm));
    assert_non_null(fixture_log_find(&f, "never completed"));
    vmmp_vm_fini(&f.vmmp);
    fixture_log_clear(&f);
    hosted_vm_destroy(&f.vm);
    assert_non_null(fixture_log_find(&f, "a fault was never completed"));
    pthread_mutex_destroy(&f.lines_lock);
}

static void *complete_later(void *cookie)
{
    vm_vcpu_t *vcpu = cookie;
    set_vcpu_fault_data(vcpu, 0x77);
    advance_vcpu_fault(vcpu);
    return NULL;
}

static void test_completed_by_another_thread(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    attach(f, &h);
    h.advances = 0;
    for (unsigned i = 0; i < 100; i++) {
        pthread_t thread;
        uint64_t value = 0;
        assert_int_equal(script_read(f->vcpu, WINDOW, 4, &value), SCRIPT_PENDING);
        assert_int_equal(pthread_create(&thread, NULL, complete_later, f->vcpu), 0);
        assert_int_equal(script_wait(f->vcpu, &value), SCRIPT_DONE);
        assert_int_equal(value, 0x77);
        pthread_join(thread, NULL);
    }
}

static void *stop_vm(void *cookie)
{
    hosted_vm_stop(cookie, 0);
    return NULL;
}

static void test_stop_ends_waiting(void **state)
{
    struct fixture *f = *state;
    struct handler h;
    pthread_t thread;
    uint64_t value;
    attach(f, &h);
    h.advances = 0;
    assert_int_equal(script_read(f->vcpu, WINDOW, 4, &value), SCRIPT_PENDING);
    assert_int_equal(pthread_create(&thread, NULL, stop_vm, &f->vm), 0);
    assert_int_equal(script_wait(f->vcpu, &value), SCRIPT_STOPPED);
    pthread_join(thread, NULL);
    /* Too late, but nobody's mistake. */
    set_vcpu_fault_data(f->vcpu, 1);
    advance_vcpu_fault(f->vcpu);
    assert_int_equal(script_errors(&f->vm), 0);
    assert_int_equal(vm_run(&f->vm), 0);
    h.advances = 1;
    script_put(f->vcpu, WINDOW, 4, 1);
}

static void test_vcpus_fault_on_their_own(void **state)
{
    struct fixture f;
    struct handler h;
    struct fixture_options two = { .vcpus = 2 };
    uint64_t a = 0;
    uint64_t b = 0;
    (void)state;
    fixture_init(&f, &two);
    attach(&f, &h);
    h.advances = 0;
    assert_int_equal(script_read(f.vm.vcpus[0], WINDOW, 4, &a), SCRIPT_PENDING);
    assert_int_equal(script_read(f.vm.vcpus[1], WINDOW + 4, 4, &b), SCRIPT_PENDING);
    assert_int_equal(get_vcpu_fault_address(f.vm.vcpus[0]), WINDOW);
    assert_int_equal(get_vcpu_fault_address(f.vm.vcpus[1]), WINDOW + 4);
    set_vcpu_fault_data(f.vm.vcpus[1], 2);
    advance_vcpu_fault(f.vm.vcpus[1]);
    assert_int_equal(script_finish(f.vm.vcpus[0], &a), SCRIPT_PENDING);
    assert_int_equal(script_finish(f.vm.vcpus[1], &b), SCRIPT_DONE);
    set_vcpu_fault_data(f.vm.vcpus[0], 1);
    advance_vcpu_fault(f.vm.vcpus[0]);
    assert_int_equal(script_finish(f.vm.vcpus[0], &a), SCRIPT_DONE);
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
    fixture_fini(&f);
}

static void test_no_such_instruction(void **state)
{
    struct fixture *f = *state;
    uint64_t value;
    assert_int_equal(script_read(f->vcpu, WINDOW, 3, &value), SCRIPT_FAILED);
    expect_offence(f, "3 bytes");
    assert_int_equal(script_get(f->vcpu, WINDOW, 4), 0);
    expect_offence(f, "instead of SCRIPT_DONE");
    script_put(f->vcpu, WINDOW, 4, 0);
    expect_offence(f, "instead of SCRIPT_DONE");
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int test_hosted_fault(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_write_conventions),
        WITH_FIXTURE(test_writes_have_junk_above),
        WITH_FIXTURE(test_reads_give_what_was_set),
        WITH_FIXTURE(test_8_bytes_on_any_host),
        WITH_FIXTURE(test_advancing_twice_is_an_offence),
        WITH_FIXTURE(test_accessors_without_a_fault_are_an_offence),
        WITH_FIXTURE(test_accessors_after_advance_are_an_offence),
        WITH_FIXTURE(test_setting_data_of_a_write_is_an_offence),
        WITH_FIXTURE(test_ignore),
        WITH_FIXTURE(test_error),
        WITH_FIXTURE(test_unhandled),
        WITH_FIXTURE(test_addresses_beyond_a_word),
        WITH_FIXTURE(test_completed_later),
        cmocka_unit_test(test_never_completed_is_an_offence),
        WITH_FIXTURE(test_completed_by_another_thread),
        WITH_FIXTURE(test_stop_ends_waiting),
        cmocka_unit_test(test_vcpus_fault_on_their_own),
        WITH_FIXTURE(test_no_such_instruction),
    };
    return cmocka_run_group_tests_name("hosted_fault", tests, NULL, NULL);
}
