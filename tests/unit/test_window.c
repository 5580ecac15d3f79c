/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/window.h>

struct recorder {
    struct vmmp_window window;
    struct vmmp_context context;
    unsigned depth; /* how often the context is entered right now */
    unsigned reads;
    unsigned writes;
    uint64_t offset;
    unsigned size;
    uint64_t value;
    void *initiator;
};

static uint64_t record_read(void *device, uint64_t offset, unsigned size)
{
    struct recorder *recorder = device;

    assert_int_equal(recorder->depth, 1);
    recorder->reads++;
    recorder->offset = offset;
    recorder->size = size;
    recorder->initiator = recorder->window.initiator;
    return UINT64_C(0x1122334455667788);
}

static void record_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct recorder *recorder = device;

    assert_int_equal(recorder->depth, 1);
    recorder->writes++;
    recorder->offset = offset;
    recorder->size = size;
    recorder->value = value;
    recorder->initiator = recorder->window.initiator;
}

static void enter(void *cookie)
{
    ((struct recorder *)cookie)->depth++;
}

static void leave(void *cookie)
{
    ((struct recorder *)cookie)->depth--;
}

static const struct vmmp_window_ops recorder_ops = { record_read, record_write };

static void make(struct recorder *recorder, uint64_t size)
{
    memset(recorder, 0, sizeof(*recorder));
    recorder->context = (struct vmmp_context){ enter, leave, recorder };
    recorder->window.name = "recorder";
    recorder->window.ops = &recorder_ops;
    recorder->window.device = recorder;
    recorder->window.size = size;
    recorder->window.context = &recorder->context;
}

static void values_are_cut_to_the_size(void **state)
{
    struct recorder recorder;

    (void)state;
    make(&recorder, 0x100);
    assert_true(vmmp_window_read(&recorder.window, 3, 1) == 0x88);
    assert_true(vmmp_window_read(&recorder.window, 2, 2) == 0x7788);
    assert_true(vmmp_window_read(&recorder.window, 4, 4) == 0x55667788);
    assert_true(vmmp_window_read(&recorder.window, 8, 8) == UINT64_C(0x1122334455667788));
    assert_int_equal(recorder.offset, 8);
    assert_int_equal(recorder.size, 8);
    vmmp_window_write(&recorder.window, 7, 1, 0xabcd);
    assert_true(recorder.value == 0xcd);
    assert_int_equal(recorder.offset, 7);
    vmmp_window_write(&recorder.window, 0xfe, 2, UINT64_MAX);
    assert_true(recorder.value == 0xffff);
    assert_int_equal(recorder.window.reads, 4);
    assert_int_equal(recorder.window.writes, 2);
    assert_int_equal(recorder.depth, 0);
}

static void what_does_not_fit_never_reaches_the_model(void **state)
{
    struct recorder recorder;
    unsigned expected = 0;

    (void)state;
    make(&recorder, 13);
    for (uint64_t offset = 0; offset < 32; offset++) {
        for (unsigned size = 0; size <= 17; size++) {
            bool fits = (size == 1 || size == 2 || size == 4 || size == 8) && offset + size <= 13;
            expected += fits;
            uint64_t value = vmmp_window_read(&recorder.window, offset, size);
            vmmp_window_write(&recorder.window, offset, size, 0);
            if (!fits) {
                assert_true(value == vmmp_all_ones(size));
            }
            assert_int_equal(recorder.reads, expected);
            assert_int_equal(recorder.writes, expected);
        }
    }
    assert_true(vmmp_window_read(&recorder.window, UINT64_MAX, 8) == UINT64_MAX);
    assert_true(vmmp_window_read(&recorder.window, UINT64_MAX - 3, 4) == UINT32_MAX);
    assert_int_equal(recorder.reads, expected);
}

static void the_initiator_is_known_during_the_access_only(void **state)
{
    struct recorder recorder;
    int vcpu;

    (void)state;
    make(&recorder, 16);
    vmmp_window_read_by(&recorder.window, 0, 4, &vcpu);
    assert_ptr_equal(recorder.initiator, &vcpu);
    assert_null(recorder.window.initiator);
    vmmp_window_write_by(&recorder.window, 0, 4, 1, &vcpu);
    assert_ptr_equal(recorder.initiator, &vcpu);
    vmmp_window_read(&recorder.window, 0, 4);
    assert_null(recorder.initiator);
}

static void all_ones_have_the_size_of_the_access(void **state)
{
    (void)state;
    assert_true(vmmp_all_ones(1) == 0xff);
    assert_true(vmmp_all_ones(2) == 0xffff);
    assert_true(vmmp_all_ones(4) == 0xffffffff);
    assert_true(vmmp_all_ones(8) == UINT64_MAX);
}

int test_window(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_cut_to_the_size),
        cmocka_unit_test(what_does_not_fit_never_reaches_the_model),
        cmocka_unit_test(the_initiator_is_known_during_the_access_only),
        cmocka_unit_test(all_ones_have_the_size_of_the_access),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
