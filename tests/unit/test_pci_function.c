/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space of one function: masks, hooks, capabilities, INTx. */
#include "vmmp_test.h"

#include <errno.h>
#include <pthread.h>

#include <sel4vmmplatsupport/vmmp/pci.h>

static const struct vmmp_pci_identity identity = {
    .vendor = 0x1af4,
    .device = 0x1044,
    .class_code = 0xff8001,
    .revision = 3,
    .subsystem_vendor = 0x1234,
    .subsystem = 0x5678,
    .interrupt_pin = 2,
};

static struct vmmp_pci_function *make(struct vmmp_pci_function *function)
{
    vmmp_pci_function_init(function, "test", &identity, NULL, NULL);
    return function;
}

static void test_header(void **state)
{
    (void)state;
    struct vmmp_pci_function f;
    make(&f);
    assert_int_equal(vmmp_pci_function_read(&f, 0x00, 4), 0x10441af4);
    assert_int_equal(vmmp_pci_function_read(&f, 0x04, 4), 0);
    assert_int_equal(vmmp_pci_function_read(&f, 0x08, 4), 0xff800103);
    assert_int_equal(vmmp_pci_function_read(&f, 0x0c, 4), 0);
    assert_int_equal(vmmp_pci_function_read(&f, 0x2c, 4), 0x56781234);
    assert_int_equal(vmmp_pci_function_read(&f, 0x3c, 4), 0x0200);
    /* Everything a guest may write, and nothing else. */
    for (unsigned offset = 0; offset < 0x100; offset += 4) {
        uint64_t before = vmmp_pci_function_read(&f, offset, 4);
        uint64_t writable = offset == 0x04 ? 0x0407 : offset == 0x0c ? 0xffff : 0;
        writable = offset == 0x3c ? 0xff : writable;
        vmmp_pci_function_write(&f, offset, 4, 0xffffffff);
        assert_int_equal(vmmp_pci_function_read(&f, offset, 4), before | writable);
        vmmp_pci_function_write(&f, offset, 4, 0);
        assert_int_equal(vmmp_pci_function_read(&f, offset, 4), before & ~writable);
    }
    /* Initialising again starts over. */
    vmmp_pci_function_write(&f, 0x3c, 1, 0x55);
    make(&f);
    assert_int_equal(vmmp_pci_function_read(&f, 0x3c, 1), 0);
}

/* Every offset and size gives the merge of the bytes, and all-ones beyond the end. */
static void test_every_access_is_bytes(void **state)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    struct vmmp_pci_function f;
    (void)state;
    make(&f);
    for (unsigned i = 0x40; i < 0x100; i++) {
        assert_int_equal(vmmp_pci_define(&f, i, 1, i ^ 0xa5, 0xf0, 0x03), 0);
    }
    for (unsigned s = 0; s < 4; s++) {
        for (unsigned offset = 0; offset < 0x110; offset++) {
            uint64_t expected = 0;
            for (unsigned i = 0; i < sizes[s]; i++) {
                uint64_t byte = offset + i < 0x100 ? f.config[offset + i].value : UINT64_C(0xff);
                expected |= byte << (8 * i);
            }
            assert_true(vmmp_pci_function_read(&f, offset, sizes[s]) == expected);
        }
        for (unsigned offset = 0x40; offset < 0x110; offset++) {
            struct vmmp_pci_function before = f;
            uint64_t value = UINT64_C(0x1122334455667788);
            vmmp_pci_function_write(&f, offset, sizes[s], value);
            for (unsigned i = 0; i < 0x100; i++) {
                uint8_t old = before.config[i].value;
                uint8_t expected = old;
                if (i >= offset && i < offset + sizes[s]) {
                    uint8_t written = (uint8_t)(value >> (8 * (i - offset)));
                    expected = (uint8_t)((old & 0x0f & ~(written & 0x03)) | (written & 0xf0));
                }
                assert_int_equal(f.config[i].value, expected);
            }
            f = before;
        }
    }
    /* Sizes that do not exist, and offsets near the end of the number range. */
    assert_true(vmmp_pci_function_read(&f, 0, 3) == 0xffffff);
    assert_true(vmmp_pci_function_read(&f, 0, 16) == UINT64_MAX);
    assert_true(vmmp_pci_function_read(&f, UINT32_MAX, 4) == UINT32_MAX);
    vmmp_pci_function_write(&f, UINT32_MAX - 1, 4, 0);
    vmmp_pci_function_write(&f, 0x3c, 3, 0x55);
    assert_int_equal(vmmp_pci_function_read(&f, 0x3c, 1), 0);
}

static void test_define_and_peek(void **state)
{
    struct vmmp_pci_function f;
    (void)state;
    make(&f);
    assert_int_equal(vmmp_pci_define(&f, 0xfc, 8, 0, 0, 0), -EINVAL);
    assert_int_equal(vmmp_pci_define(&f, 0x100, 1, 0, 0, 0), -EINVAL);
    assert_int_equal(vmmp_pci_define(&f, 0x40, 0, 0, 0, 0), -EINVAL);
    assert_int_equal(vmmp_pci_define(&f, 0x40, 9, 0, 0, 0), -EINVAL);
    assert_int_equal(vmmp_pci_define(&f, 0xf8, 8, UINT64_C(0x8877665544332211), 0, 0), 0);
    assert_true(vmmp_pci_peek(&f, 0xf8, 8) == UINT64_C(0x8877665544332211));
    assert_int_equal(vmmp_pci_peek(&f, 0xfb, 3), 0x665544);
    assert_true(vmmp_pci_peek(&f, 0xff, 2) == 0xffff);
}

static void test_extended_space(void **state)
{
    static struct vmmp_pci_byte more[VMMP_PCI_EXTENDED_SIZE - VMMP_PCI_CONFIG_SIZE];
    struct vmmp_pci_function f;
    (void)state;
    memset(more, 0xee, sizeof(more));
    make(&f);
    assert_true(vmmp_pci_function_read(&f, 0x100, 4) == UINT32_MAX);
    vmmp_pci_extend(&f, more);
    assert_int_equal(vmmp_pci_function_read(&f, 0x100, 4), 0);
    assert_int_equal(vmmp_pci_define(&f, 0xffe, 2, 0xbeef, 0xff, 0), 0);
    assert_int_equal(vmmp_pci_define(&f, 0xfc, 8, UINT64_C(0x0807060504030201), ~0ull, 0), 0);
    assert_true(vmmp_pci_function_read(&f, 0xfe, 4) == 0x06050403);
    vmmp_pci_function_write(&f, 0xff, 2, 0xaabb);
    assert_true(vmmp_pci_peek(&f, 0xfe, 4) == 0x06aabb03);
    assert_true(vmmp_pci_function_read(&f, 0xffe, 4) == 0xffffbeef);
    vmmp_pci_function_write(&f, 0xffe, 8, 0);
    assert_true(vmmp_pci_function_read(&f, 0xffe, 2) == 0xbe00);
}

/* ---- hooks --------------------------------------------------------------------------------- */

struct hooked {
    struct vmmp_pci_register reg;
    unsigned count;
    struct {
        unsigned offset;
        unsigned size;
        uint32_t value;
    } calls[8];
};

static uint32_t hook_read(void *cookie, unsigned offset, unsigned size)
{
    struct hooked *hooked = cookie;
    hooked->calls[hooked->count].offset = offset;
    hooked->calls[hooked->count++].size = size;
    /* Junk above the size must not show. */
    return (0xddccbbaa >> (8 * offset)) | (size < 4 ? 0xffffffffu << (8 * size) : 0);
}

static void hook_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    struct hooked *hooked = cookie;
    hooked->calls[hooked->count].offset = offset;
    hooked->calls[hooked->count].size = size;
    hooked->calls[hooked->count++].value = value;
}

static void test_hooks_get_aligned_pieces(void **state)
{
    struct vmmp_pci_function f;
    struct hooked h = { .reg = { 0x52, 4, hook_read, hook_write, &h, NULL } };
    (void)state;
    make(&f);
    assert_int_equal(vmmp_pci_define(&f, 0x50, 8, UINT64_C(0x8877665544332211), 0, 0), 0);
    assert_int_equal(vmmp_pci_add_register(&f, &h.reg), 0);
    /* Bytes 0x52..0x55 are the hook's: two aligned halves, whatever the access. */
    assert_true(vmmp_pci_function_read(&f, 0x50, 8) == UINT64_C(0x8877ddccbbaa2211));
    assert_int_equal(h.count, 2);
    assert_int_equal(h.calls[0].offset, 0);
    assert_int_equal(h.calls[0].size, 2);
    assert_int_equal(h.calls[1].offset, 2);
    assert_int_equal(h.calls[1].size, 2);
    h.count = 0;
    assert_true(vmmp_pci_function_read(&f, 0x53, 4) == 0x77ddccbb);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.calls[0].size, 1);
    h.count = 0;
    vmmp_pci_function_write(&f, 0x51, 4, 0x44332211);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.calls[0].offset, 0);
    assert_int_equal(h.calls[0].size, 2);
    assert_int_equal(h.calls[0].value, 0x3322);
    assert_int_equal(h.calls[1].offset, 2);
    assert_int_equal(h.calls[1].size, 1);
    assert_int_equal(h.calls[1].value, 0x44);
    h.count = 0;
    vmmp_pci_function_read(&f, 0x50, 2);
    vmmp_pci_function_write(&f, 0x56, 2, 0);
    assert_int_equal(h.count, 0);
}

static void test_registers_are_disjoint(void **state)
{
    struct vmmp_pci_function f;
    struct vmmp_pci_register a = { 0x50, 4, NULL, NULL, NULL, NULL };
    struct vmmp_pci_register b = { 0x53, 4, NULL, NULL, NULL, NULL };
    struct vmmp_pci_register c = { 0x4e, 3, NULL, NULL, NULL, NULL };
    struct vmmp_pci_register d = { 0x54, 2, NULL, NULL, NULL, NULL };
    struct vmmp_pci_register e = { 0x4c, 4, NULL, NULL, NULL, NULL };
    struct vmmp_pci_register bad = { 0xfe, 4, NULL, NULL, NULL, NULL };
    struct vmmp_pci_register empty = { 0x60, 0, NULL, NULL, NULL, NULL };
    (void)state;
    make(&f);
    assert_int_equal(vmmp_pci_add_register(&f, &a), 0);
    assert_int_equal(vmmp_pci_add_register(&f, &a), -EBUSY);
    assert_int_equal(vmmp_pci_add_register(&f, &b), -EBUSY);
    assert_int_equal(vmmp_pci_add_register(&f, &c), -EBUSY);
    assert_int_equal(vmmp_pci_add_register(&f, &d), 0);
    assert_int_equal(vmmp_pci_add_register(&f, &e), 0);
    assert_int_equal(vmmp_pci_add_register(&f, &bad), -EINVAL);
    assert_int_equal(vmmp_pci_add_register(&f, &empty), -EINVAL);
    assert_ptr_equal(f.registers, &e);
    assert_ptr_equal(e.next, &a);
    assert_ptr_equal(a.next, &d);
}

/* ---- capabilities -------------------------------------------------------------------------- */

static void test_capability_list(void **state)
{
    struct vmmp_pci_function f;
    const uint8_t body[] = { 1, 2, 3 };
    const uint8_t mask[] = { 0x00, 0xff, 0x0f };
    (void)state;
    make(&f);
    assert_int_equal(vmmp_pci_function_read(&f, 0x06, 2), 0);
    assert_int_equal(vmmp_pci_add_capability(&f, 0x09, body, 3, mask), 0x40);
    assert_int_equal(vmmp_pci_add_capability(&f, 0x11, NULL, 0, NULL), 0x48);
    assert_int_equal(vmmp_pci_add_capability(&f, 0x05, NULL, 2, NULL), -EINVAL);
    assert_int_equal(vmmp_pci_function_read(&f, 0x06, 2), 0x10);
    assert_int_equal(vmmp_pci_function_read(&f, 0x34, 1), 0x40);
    assert_true(vmmp_pci_function_read(&f, 0x40, 8) == UINT64_C(0x0000000302014809));
    assert_int_equal(vmmp_pci_function_read(&f, 0x48, 2), 0x0011);
    vmmp_pci_function_write(&f, 0x40, 8, UINT64_MAX);
    assert_true(vmmp_pci_function_read(&f, 0x40, 8) == UINT64_C(0x0000000fff014809));

    uint8_t large[0x100] = { 0 };
    assert_int_equal(vmmp_pci_add_capability(&f, 1, large, 0x100 - 0x4c - 1, NULL), -ENOSPC);
    assert_int_equal(vmmp_pci_add_capability(&f, 1, large, 0x100 - 0x4c - 2, NULL), 0x4c);
    assert_int_equal(vmmp_pci_add_capability(&f, 1, NULL, 0, NULL), -ENOSPC);
    assert_int_equal(vmmp_pci_function_read(&f, 0x49, 1), 0x4c);
}

/* ---- command and INTx ---------------------------------------------------------------------- */

struct line {
    struct vmmp_irq_line line;
    bool high;
    unsigned changes;
};

static void set_level(void *cookie, bool high)
{
    struct line *line = cookie;
    line->high = high;
    line->changes++;
}

static const struct vmmp_irq_line_ops level_ops = { .level = set_level };

static void make_line(struct line *line)
{
    memset(line, 0, sizeof(*line));
    assert_int_equal(vmmp_irq_line_init(&line->line, &level_ops, line, &(struct vmmp_host){ 0 }),
                     0);
}

static void test_intx(void **state)
{
    struct vmmp_pci_function f;
    struct line line;
    (void)state;
    make_line(&line);
    make(&f);
    vmmp_pci_intx_set(&f, true); /* not wired: nothing happens */
    vmmp_pci_intx_set(&f, false);
    assert_int_equal(vmmp_irq_source_init(&f.irq, &line.line), 0);

    vmmp_pci_intx_set(&f, true);
    assert_true(line.high);
    assert_int_equal(vmmp_pci_function_read(&f, 0x06, 2), 0x08);
    assert_int_equal(vmmp_pci_function_read(&f, 0x04, 4), 0x00080000);
    /* INTx disable takes the line down; the status bit still says what the device wants. */
    vmmp_pci_function_write(&f, 0x05, 1, 0x04);
    assert_false(line.high);
    assert_int_equal(vmmp_pci_function_read(&f, 0x06, 1), 0x08);
    vmmp_pci_intx_set(&f, false);
    vmmp_pci_intx_set(&f, true);
    assert_false(line.high);
    vmmp_pci_set_command(&f, 0);
    assert_true(line.high);
    vmmp_pci_intx_set(&f, false);
    assert_false(line.high);
    assert_int_equal(vmmp_pci_function_read(&f, 0x06, 2), 0);
    vmmp_irq_source_fini(&f.irq);
    vmmp_irq_line_fini(&line.line);
}

/* A binding without acknowledgements is pulsed for every request, high already or not. */
static unsigned pulses;

static void pulse(void *cookie)
{
    (void)cookie;
    pulses++;
}

static void test_intx_pulses(void **state)
{
    static const struct vmmp_irq_line_ops ops = { .pulse = pulse };
    struct vmmp_irq_line line;
    struct vmmp_pci_function f;
    (void)state;
    pulses = 0;
    make(&f);
    assert_int_equal(vmmp_irq_line_init(&line, &ops, NULL, &(struct vmmp_host){ 0 }), 0);
    assert_int_equal(vmmp_irq_source_init(&f.irq, &line), 0);
    vmmp_pci_intx_set(&f, true);
    vmmp_pci_intx_set(&f, true);
    assert_int_equal(pulses, 2);
    vmmp_irq_line_fini(&line);
}

/* The device and the command register drive one line from two threads: the last word counts. */
static pthread_mutex_t line_mutex = PTHREAD_MUTEX_INITIALIZER;

static void mutex_enter(void *cookie)
{
    (void)cookie;
    pthread_mutex_lock(&line_mutex);
}

static void mutex_leave(void *cookie)
{
    (void)cookie;
    pthread_mutex_unlock(&line_mutex);
}

static int mutex_context(void *cookie, struct vmmp_context *context)
{
    (void)cookie;
    *context = (struct vmmp_context){ mutex_enter, mutex_leave, NULL };
    return 0;
}

static void *toggle_command(void *cookie)
{
    for (unsigned i = 0; i < 50; i++) {
        vmmp_pci_set_command(cookie, 0x400);
        vmmp_pci_set_command(cookie, 0);
    }
    return NULL;
}

static void test_intx_races_with_command(void **state)
{
    static const struct vmmp_host_ops ops = { .context_init = mutex_context };
    const struct vmmp_host host = { &ops, NULL };
    struct vmmp_pci_function f;
    struct line line;
    (void)state;
    memset(&line, 0, sizeof(line));
    assert_int_equal(vmmp_irq_line_init(&line.line, &level_ops, &line, &host), 0);
    make(&f);
    assert_int_equal(vmmp_irq_source_init(&f.irq, &line.line), 0);
    for (unsigned round = 0; round < 200; round++) {
        bool last = round & 1;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, toggle_command, &f), 0);
        for (unsigned i = 0; i < 50; i++) {
            vmmp_pci_intx_set(&f, !last);
            vmmp_pci_intx_set(&f, last);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(line.high, last);
    }
    vmmp_irq_source_fini(&f.irq);
    vmmp_irq_line_fini(&line.line);
}

static struct {
    unsigned count;
    uint16_t before;
    uint16_t after;
} command_seen;

static void command_changed(void *cookie, uint16_t before, uint16_t after)
{
    assert_ptr_equal(cookie, &command_seen);
    command_seen.count++;
    command_seen.before = before;
    command_seen.after = after;
}

static void test_command_hook(void **state)
{
    static const struct vmmp_pci_function_ops ops = { .command_changed = command_changed };
    struct vmmp_pci_function f;
    (void)state;
    memset(&command_seen, 0, sizeof(command_seen));
    vmmp_pci_function_init(&f, "test", &identity, &ops, &command_seen);
    vmmp_pci_function_write(&f, 0x04, 2, 0xffff);
    assert_int_equal(command_seen.count, 1);
    assert_int_equal(command_seen.after, 0x0407);
    assert_int_equal(vmmp_pci_command(&f), 0x0407);
    vmmp_pci_function_write(&f, 0x04, 2, 0xffff); /* nothing new */
    assert_int_equal(command_seen.count, 1);
    vmmp_pci_function_write(&f, 0x02, 4, 0x00030000); /* straddles device id and command */
    assert_int_equal(command_seen.count, 2);
    assert_int_equal(command_seen.before, 0x0407);
    assert_int_equal(command_seen.after, 0x0003);
    vmmp_pci_function_write(&f, 0x06, 2, 0xffff);
    assert_int_equal(command_seen.count, 2);
}

int test_pci_function(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_every_access_is_bytes),
        cmocka_unit_test(test_define_and_peek),
        cmocka_unit_test(test_extended_space),
        cmocka_unit_test(test_hooks_get_aligned_pieces),
        cmocka_unit_test(test_registers_are_disjoint),
        cmocka_unit_test(test_capability_list),
        cmocka_unit_test(test_intx),
        cmocka_unit_test(test_intx_pulses),
        cmocka_unit_test(test_intx_races_with_command),
        cmocka_unit_test(test_command_hook),
    };
    return cmocka_run_group_tests_name("pci_function", tests, NULL, NULL);
}
