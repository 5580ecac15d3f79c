/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of which a guest may change some bits. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/access_control.h>
#include <sel4vmmplatsupport/vmmp/io_port.h>

#define BASE 0x10010000

struct bench {
    uint8_t registers[16];
    unsigned reads, writes, size; /* What reached the device. */
    struct vmmp_access_report reported;
    unsigned reports;
    uint8_t mask[8];
    struct vmmp_access_control control;
};

static uint64_t device_read(void *device, uint64_t offset, unsigned size)
{
    struct bench *b = device;
    uint64_t value = 0;

    b->reads++;
    b->size = size;
    memcpy(&value, b->registers + offset, size);
    return value;
}

static void device_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct bench *b = device;

    b->writes++;
    b->size = size;
    memcpy(b->registers + offset, &value, size);
}

static const struct vmmp_window_ops device_ops = { device_read, device_write };

static void on_report(void *cookie, const struct vmmp_access_report *report)
{
    struct bench *b = cookie;

    b->reports++;
    b->reported = *report;
}

static void prepare(struct bench *b, bool mask, bool report)
{
    memset(b, 0, sizeof(*b));
    memset(b->registers, 0x5a, sizeof(b->registers));
    b->control = (struct vmmp_access_control){
        .window = { .name = "controlled", .size = sizeof(b->registers) },
        .registers = &device_ops,
        .device = b,
        .mask = b->mask,
        .mask_size = sizeof(b->mask),
        .mask_denied = mask,
        .report = report ? on_report : NULL,
        .cookie = b,
    };
    assert_int_equal(vmmp_access_control_init(&b->control), 0);
}

/* Every width at every place, for each of the three actions: the bits, the accesses, the report. */
static void every_width_and_action(void **state)
{
    (void)state;
    for (unsigned action = 0; action < 4; action++) {
        bool mask = action & 1;
        bool report = action & 2;
        for (unsigned size = 1; size <= 8; size *= 2) {
            for (unsigned offset = 0; offset + size <= 16; offset += size) {
                struct bench b;
                uint64_t image = UINT64_C(0x00ff0ff0ff00aa55);
                uint64_t value = UINT64_C(0xffffffff00000000) >> (offset & 31);
                uint64_t old = UINT64_C(0x5a5a5a5a5a5a5a5a) & vmmp_all_ones(size);
                bool inside = offset < 8;
                uint64_t allowed = inside ? image >> (8 * offset) & vmmp_all_ones(size) : 0;
                value &= vmmp_all_ones(size);
                prepare(&b, mask, report);
                memcpy(b.mask, &image, 8);
                assert_true(vmmp_window_read(&b.control.window, offset, size) == old);
                assert_int_equal(b.reads, 1);
                assert_int_equal(b.size, size);
                vmmp_window_write(&b.control.window, offset, size, value);
                uint64_t expected = !inside ? old
                                    : !mask ? value
                                            : (old & ~allowed) | (value & allowed);
                uint64_t denied = inside ? (old ^ value) & ~allowed & vmmp_all_ones(size) : 0;
                uint64_t now = 0;
                memcpy(&now, b.registers + offset, size);
                assert_true(now == expected);
                assert_true(b.writes <= 1 && b.reads <= 2);
                assert_true(inside || (b.writes == 0 && b.reads == 1));
                assert_int_equal(b.size, size);
                assert_int_equal(b.reports, report && denied ? 1 : 0);
                if (b.reports) {
                    assert_true(b.reported.denied == denied && b.reported.value == value);
                    assert_true(b.reported.offset == offset && b.reported.size == size);
                    assert_true(b.reported.masked == mask);
                }
            }
        }
    }
}

static void allowed_writes_are_one_access(void **state)
{
    struct bench b;

    (void)state;
    prepare(&b, true, true);
    memset(b.mask, 0xff, sizeof(b.mask));
    vmmp_window_write(&b.control.window, 4, 4, 0x12345678);
    assert_int_equal(b.reads, 0);
    assert_int_equal(b.writes, 1);
    /* The mask counts as it is now; nothing allowed: nothing written. */
    memset(b.mask, 0, sizeof(b.mask));
    vmmp_window_write(&b.control.window, 4, 4, 0);
    assert_int_equal(b.writes, 1);
    assert_int_equal(b.reports, 1);
    assert_true(b.reported.denied == 0x12345678);
    /* Across the mask's end, what is beyond stays. */
    b.control.mask_size = 6;
    memset(b.mask, 0xff, sizeof(b.mask));
    vmmp_window_write(&b.control.window, 4, 4, 0);
    uint32_t now;
    memcpy(&now, b.registers + 4, 4);
    assert_int_equal(now, 0x12340000);
    assert_int_equal(b.reports, 1);
    /* Misaligned. */
    assert_int_equal(vmmp_window_read(&b.control.window, 1, 4), 0xffffffff);
    vmmp_window_write(&b.control.window, 2, 4, 0);
    assert_int_equal(b.writes, 2);
}

static void at_memory_and_ports(void **state)
{
    struct fixture *f = *state;
    struct vmmp_io_port_range ranges[2];
    struct vmmp_io_port_space ports;
    struct bench b;

    prepare(&b, true, false);
    b.mask[1] = 0x0f;
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &b.control.window, vmmp_gpa(BASE)), 0);
    script_put(f->vcpu, BASE + 1, 1, 0xff);
    assert_int_equal(script_get(f->vcpu, BASE + 1, 1), 0x5f);
    assert_int_equal(script_get(f->vcpu, BASE, 4), 0x5a5a5f5a);
    vmmp_vm_detach_window(&b.control.window);
    vmmp_io_port_space_init(&ports, ranges, 2, 0, NULL);
    assert_int_equal(vmmp_io_port_add(&ports, &b.control.window, 0x80), 0);
}

static void mistakes(void **state)
{
    struct vmmp_access_control control = { .registers = &device_ops, .window = { .name = "c" } };

    (void)state;
    assert_int_equal(vmmp_access_control_init(NULL), -EINVAL);
    assert_int_equal(vmmp_access_control_init(&control), -EINVAL);
    control.window.size = 4;
    assert_int_equal(vmmp_access_control_init(&control), 0);
    control.mask_size = 1;
    assert_int_equal(vmmp_access_control_init(&control), -EINVAL);
}

int test_access_control(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_and_action),
        cmocka_unit_test(allowed_writes_are_one_access),
        cmocka_unit_test_setup_teardown(at_memory_and_ports, fixture_setup, fixture_teardown),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests_name("access_control", tests, NULL, NULL);
}
