/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/gicv2m.h>

#define ADDRESS UINT64_C(0x8020000)
#define SETSPI  0x40u
#define FIRST   80u
#define COUNT   64u

int test_gicv2m(void);

struct bench {
    struct vmmp_gicv2m frame;
    struct vmmp_irq_line lines[COUNT];
    unsigned edges[COUNT];
    unsigned total;
    struct vmmp_log log;
    unsigned complaints;
};

static void edge(void *cookie)
{
    ++*(unsigned *)cookie;
}

static void complain(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                     const char *message)
{
    struct bench *bench = cookie;
    assert_int_equal(level, VMMP_LOG_WARNING);
    assert_int_equal(origin, VMMP_LOG_GUEST);
    assert_non_null(strstr(message, "gicv2m: a message"));
    bench->complaints++;
}

static const struct vmmp_irq_line_ops line_ops = { .pulse = edge };

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->log = (struct vmmp_log){ complain, bench, VMMP_LOG_DEBUG };
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(vmmp_irq_line_init(&bench->lines[i], &line_ops, &bench->edges[i], NULL),
                         0);
    }
    const struct vmmp_gicv2m_config config = { .address = ADDRESS,
                                               .first = FIRST,
                                               .count = COUNT,
                                               .lines = bench->lines,
                                               .log = &bench->log };
    assert_int_equal(vmmp_gicv2m_init(&bench->frame, &config), 0);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    vmmp_gicv2m_fini(&bench->frame);
    free(bench);
    return 0;
}

static void send(struct bench *bench, uint64_t address, uint32_t data)
{
    struct vmmp_msi msi = vmmp_gicv2m_msi(&bench->frame);
    msi.ops->send(msi.cookie, address, data);
}

/* How many edges there were since the last call. */
static unsigned edges(struct bench *bench)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        sum += bench->edges[i];
    }
    unsigned news = sum - bench->total;
    bench->total = sum;
    return news;
}

static void a_message_is_an_edge(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < COUNT; i++) {
        send(bench, ADDRESS + SETSPI, FIRST + i);
        send(bench, ADDRESS + SETSPI, FIRST + i);
        assert_int_equal(bench->edges[i], 2);
        vmmp_window_write(&bench->frame.window, SETSPI, 4, FIRST + i);
        vmmp_window_write(&bench->frame.window, SETSPI, 2, FIRST + i);
        assert_int_equal(bench->edges[i], 4);
        assert_int_equal(edges(bench), 4);
    }
    assert_int_equal(bench->frame.messages, 4 * COUNT);
    assert_int_equal(bench->complaints, 0);
}

static void other_messages_are_dropped(void **state)
{
    static const struct {
        uint64_t address;
        uint32_t data;
    } rows[] = {
        { ADDRESS + SETSPI, FIRST - 1 },
        { ADDRESS + SETSPI, FIRST + COUNT },
        { ADDRESS + SETSPI, 0 },
        { ADDRESS + SETSPI, UINT32_MAX },
        { ADDRESS, FIRST },
        { ADDRESS + SETSPI + 4, FIRST },
        { ADDRESS + SETSPI + (UINT64_C(1) << 32), FIRST },
        { 0, FIRST },
    };
    struct bench *bench = *state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        send(bench, rows[i].address, rows[i].data);
        assert_int_equal(edges(bench), 0);
        assert_int_equal(bench->complaints, i + 1);
    }
    /* However many there are, the log does not grow with them. */
    for (unsigned i = 0; i < 100000; i++) {
        send(bench, i, i);
    }
    assert_in_range(bench->complaints, 8, 32);
    assert_int_equal(bench->frame.messages, 0);
}

static void every_register_access(void **state)
{
    static const unsigned widths[] = { 1, 2, 4, 8 };
    struct bench *bench = *state;
    for (unsigned w = 0; w < 4; w++) {
        for (uint64_t offset = 0; offset + widths[w] <= VMMP_GICV2M_SIZE; offset++) {
            uint64_t expected = 0;
            for (unsigned i = 0; i < widths[w]; i++) {
                uint64_t at = offset + i;
                uint64_t typer = FIRST << 16 | COUNT;
                uint64_t byte = at >= 8 && at < 12 ? typer >> (8 * (at - 8)) & 0xff : 0;
                expected |= byte << (8 * i);
            }
            assert_int_equal(vmmp_window_read(&bench->frame.window, offset, widths[w]), expected);
            vmmp_window_write(&bench->frame.window, offset, widths[w], FIRST);
            assert_int_equal(edges(bench), offset == SETSPI && (w == 1 || w == 2));
        }
    }
    assert_int_equal(vmmp_window_read(&bench->frame.window, 8, 4), FIRST << 16 | COUNT);
    assert_int_equal(bench->complaints, 0);
}

static void configurations_are_checked(void **state)
{
    struct bench *bench = *state;
    struct vmmp_gicv2m frame;
    const struct vmmp_gicv2m_config rows[] = {
        { ADDRESS, 31, 1, bench->lines, { NULL, NULL }, NULL },
        { ADDRESS, 1020, 1, bench->lines, { NULL, NULL }, NULL },
        { ADDRESS, 1019, 2, bench->lines, { NULL, NULL }, NULL },
        { ADDRESS, 32, UINT32_MAX, bench->lines, { NULL, NULL }, NULL },
        { ADDRESS, 32, 0, bench->lines, { NULL, NULL }, NULL },
        { ADDRESS + 0x10, 32, 1, bench->lines, { NULL, NULL }, NULL },
        { ADDRESS, 32, 1, NULL, { NULL, NULL }, NULL },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(vmmp_gicv2m_init(&frame, &rows[i]), -EINVAL);
    }
}

int test_gicv2m(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_an_edge),
        TEST(other_messages_are_dropped),
        TEST(every_register_access),
        TEST(configurations_are_checked),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
