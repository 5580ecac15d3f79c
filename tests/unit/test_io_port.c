/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/io_port.h>

/* A handler that answers with its tag and the offset, and notes what reached it. */
struct handler {
    struct vmmp_window window;
    uint8_t tag;
    unsigned accesses;
    uint64_t offset;
    unsigned size;
    uint64_t value;
};

static uint64_t handler_read(void *device, uint64_t offset, unsigned size)
{
    struct handler *handler = device;
    uint64_t value = 0;
    handler->accesses++;
    handler->offset = offset;
    handler->size = size;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)(uint8_t)(handler->tag + offset + i) << (8 * i);
    }
    return value;
}

static void handler_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct handler *handler = device;
    handler->accesses++;
    handler->offset = offset;
    handler->size = size;
    handler->value = value;
}

static const struct vmmp_window_ops handler_ops = { handler_read, handler_write };

static struct handler handlers[8];
static struct vmmp_io_port_range ranges[8];
static struct vmmp_io_port_space space;

static struct vmmp_window *make(unsigned i, uint64_t size)
{
    memset(&handlers[i], 0, sizeof(handlers[i]));
    handlers[i].tag = (uint8_t)(0x10 * (i + 1));
    handlers[i].window.name = "handler";
    handlers[i].window.ops = &handler_ops;
    handlers[i].window.device = &handlers[i];
    handlers[i].window.size = size;
    return &handlers[i].window;
}

static void init(unsigned capacity)
{
    vmmp_io_port_space_init(&space, ranges, capacity, 0x1000, NULL);
}

static void test_add(void **state)
{
    (void)state;
    init(3);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 0), 0x60), -EINVAL);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 0x10001), 0), -EINVAL);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 2), 0xffff), -EINVAL);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 2), UINT32_MAX), -EINVAL);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 2), 0xfffe), 0);
    assert_int_equal(vmmp_io_port_add(&space, make(1, 8), 0x60), 0);
    /* Any overlap is refused: below, inside, around, above. */
    assert_int_equal(vmmp_io_port_add(&space, make(2, 2), 0x5f), -EBUSY);
    assert_int_equal(vmmp_io_port_add(&space, make(2, 1), 0x67), -EBUSY);
    assert_int_equal(vmmp_io_port_add(&space, make(2, 0x100), 0x20), -EBUSY);
    assert_int_equal(vmmp_io_port_add(&space, make(2, 0x10000), 0), -EBUSY);
    assert_int_equal(vmmp_io_port_add(&space, make(2, 1), 0x68), 0);
    assert_int_equal(vmmp_io_port_add(&space, make(3, 1), 0x70), -ENOSPC);
    assert_int_equal(space.count, 3);
    for (unsigned i = 1; i < space.count; i++) {
        assert_true(space.ranges[i - 1].last < space.ranges[i].first);
    }
    vmmp_io_port_remove(&space, &handlers[3].window); /* never was in */
    vmmp_io_port_remove(&space, &handlers[1].window);
    assert_int_equal(space.count, 2);
    assert_null(vmmp_io_port_find(&space, 0x60));
    assert_int_equal(vmmp_io_port_add(&space, make(3, 4), 0x5e), 0);
    assert_ptr_equal(vmmp_io_port_find(&space, 0x61)->window, &handlers[3].window);
    assert_null(vmmp_io_port_find(&space, 0x62));
    assert_null(vmmp_io_port_find(&space, 0x5d));
    /* All ports at once. */
    init(1);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 0x10000), 0), 0);
    assert_ptr_equal(vmmp_io_port_find(&space, 0xffff)->window, &handlers[0].window);
    assert_null(vmmp_io_port_find(&space, 0x10000));
}

static void test_allocate(void **state)
{
    (void)state;
    vmmp_io_port_space_init(&space, ranges, 8, 0xffb0, NULL);
    assert_int_equal(vmmp_io_port_allocate(&space, make(0, 8), 1), 0xffb0);
    assert_int_equal(vmmp_io_port_allocate(&space, make(1, 0x10), 0x10), 0xffc0);
    assert_int_equal(vmmp_io_port_add(&space, make(2, 1), 0xffd4), 0);
    assert_int_equal(vmmp_io_port_allocate(&space, make(3, 8), 8), -EBUSY);
    assert_int_equal(vmmp_io_port_allocate(&space, make(3, 0x40), 1), -EINVAL);
    vmmp_io_port_remove(&space, &handlers[2].window);
    assert_int_equal(vmmp_io_port_allocate(&space, make(3, 0x30), 1), 0xffd0);
    /* The end of the space is exact, and nothing wraps. */
    assert_int_equal(vmmp_io_port_allocate(&space, make(4, 1), 1), -EINVAL);
    assert_int_equal(vmmp_io_port_allocate(&space, make(4, 1), 0x8000), -EINVAL);
}

static void test_whole_accesses(void **state)
{
    bool claimed;
    (void)state;
    init(8);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 8), 0x3f8), 0);
    assert_int_equal(vmmp_io_port_read(&space, 0x3fa, 2, &claimed), 0x1312);
    assert_true(claimed);
    assert_int_equal(handlers[0].accesses, 1);
    assert_int_equal(handlers[0].offset, 2);
    assert_int_equal(handlers[0].size, 2);
    assert_true(vmmp_io_port_read(&space, 0x3f8, 8, NULL) == UINT64_C(0x1716151413121110));
    vmmp_io_port_write(&space, 0x3fc, 4, UINT64_C(0xaabbccddeeff), NULL);
    assert_int_equal(handlers[0].offset, 4);
    assert_true(handlers[0].value == 0xccddeeff);
}

/* Every port and size around three handlers: the merge of the bytes. */
static void test_split_accesses(void **state)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    (void)state;
    init(8);
    assert_int_equal(vmmp_io_port_add(&space, make(0, 3), 0x100), 0);
    assert_int_equal(vmmp_io_port_add(&space, make(1, 2), 0x103), 0);
    assert_int_equal(vmmp_io_port_add(&space, make(2, 4), 0xfffc), 0);
    for (unsigned s = 0; s < 4; s++) {
        for (uint32_t port = 0xf0; port < 0x10010; port += port == 0x120 ? 0xfed0 : 1) {
            uint64_t expected = 0;
            bool expect_claimed = false;
            for (unsigned i = 0; i < sizes[s]; i++) {
                uint32_t at = port + i;
                uint64_t byte = 0xff;
                if (at >= 0x100 && at < 0x103) {
                    byte = 0x10 + at - 0x100;
                } else if (at >= 0x103 && at < 0x105) {
                    byte = 0x20 + at - 0x103;
                } else if (at >= 0xfffc && at < 0x10000) {
                    byte = 0x30 + at - 0xfffc;
                }
                expect_claimed = expect_claimed || byte != 0xff;
                expected |= byte << (8 * i);
            }
            bool claimed = !expect_claimed;
            assert_true(vmmp_io_port_read(&space, port, sizes[s], &claimed) == expected);
            assert_int_equal(claimed, expect_claimed);
            vmmp_io_port_write(&space, port, sizes[s], 0, &claimed);
            assert_int_equal(claimed, expect_claimed);
        }
    }
    vmmp_io_port_write(&space, 0x102, 4, 0x44332211, NULL);
    assert_int_equal(handlers[0].offset, 2);
    assert_int_equal(handlers[0].value, 0x11);
    assert_int_equal(handlers[1].offset, 1);
    assert_int_equal(handlers[1].value, 0x33);
    handlers[0].accesses = 0;
    assert_true(vmmp_io_port_read(&space, 0x100, 3, NULL) == 0xffffff);
    assert_true(vmmp_io_port_read(&space, 0x100, 0, NULL) == 0);
    vmmp_io_port_write(&space, 0x100, 16, 0, NULL);
    assert_int_equal(handlers[0].accesses, 0);
}

static unsigned log_lines;

static void count_line(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                       const char *message)
{
    (void)cookie;
    (void)level;
    assert_int_equal(origin, VMMP_LOG_GUEST);
    if (log_lines++ == 0) {
        assert_string_equal(message, "no device at port 0x80 (1-byte write)");
    }
}

/* A guest that hammers absent ports cannot fill the log (defect 40). */
static void test_unclaimed_is_said_rarely(void **state)
{
    const struct vmmp_log log = { .sink = count_line, .level = VMMP_LOG_DEBUG };
    bool claimed = true;
    (void)state;
    log_lines = 0;
    vmmp_io_port_space_init(&space, ranges, 8, 0, &log);
    for (unsigned i = 0; i < 100000; i++) {
        vmmp_io_port_write(&space, 0x80, 1, i, &claimed);
        assert_false(claimed);
        assert_int_equal(vmmp_io_port_read(&space, i, 4, NULL), 0xffffffff);
    }
    assert_true(log_lines >= 8 && log_lines < 32);
}

int test_io_port(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_allocate),
        cmocka_unit_test(test_whole_accesses),
        cmocka_unit_test(test_split_accesses),
        cmocka_unit_test(test_unclaimed_is_said_rarely),
    };
    return cmocka_run_group_tests_name("io_port", tests, NULL, NULL);
}
