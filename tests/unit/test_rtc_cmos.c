/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>
#include <time.h>

#include "support/fake_line.h"
#include "support/fake_time.h"

#include <sel4vmmplatsupport/vmmp/rtc_cmos.h>

#include "devices/rtc_cmos_time.h"

#define SECOND UINT64_C(1000000000)
#define MIB    UINT64_C(0x100000)
#define START  INT64_C(1709251197) /* 2024-02-29 23:59:57, a Thursday. */

#define PF 0x40u
#define AF 0x20u
#define UF 0x10u

struct bench {
    struct fake_time time;
    struct fake_line line;
    struct vmmp_rtc_cmos rtc;
};

static void make(struct bench *b, int64_t seconds)
{
    fake_time_init(&b->time, 77 * SECOND + 123);
    fake_line_init(&b->line);
    const struct vmmp_rtc_cmos_config config = { .host = b->time.host,
                                                 .irq = &b->line.line,
                                                 .seconds = seconds,
                                                 .ram_below_4g = 512 * MIB,
                                                 .ram_above_4g = 3 * MIB };
    assert_int_equal(vmmp_rtc_cmos_init(&b->rtc, &config), 0);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    make(b, START);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    vmmp_rtc_cmos_fini(&b->rtc);
    assert_null(b->time.timers);
    fake_line_fini(&b->line);
    free(b);
    return 0;
}

static unsigned get(struct bench *b, unsigned index)
{
    vmmp_window_write(&b->rtc.window, 0, 1, index | 0x80); /* The NMI's bit does not count. */
    return (unsigned)vmmp_window_read(&b->rtc.window, 1, 1);
}

static void put(struct bench *b, unsigned index, unsigned value)
{
    vmmp_window_write(&b->rtc.window, 0, 1, index);
    vmmp_window_write(&b->rtc.window, 1, 1, value);
}

static void expect(struct bench *b, const char *text)
{
    static const uint8_t registers[] = { 0x32, 9, 8, 7, 4, 2, 0, 6 };
    char seen[32] = "";

    for (unsigned i = 0; i < sizeof(registers); i++) {
        size_t length = strlen(seen);
        snprintf(seen + length, sizeof(seen) - length, "%02x", get(b, registers[i]));
    }
    assert_string_equal(seen, text);
}

static void the_date_in_every_format(void **state)
{
    struct bench *b = *state;

    expect(b, "2024022923595705");
    fake_time_advance(&b->time, 3 * SECOND);
    expect(b, "2024030100000006");
    put(b, 0x0b, 0x06); /* Binary; the century stays BCD. */
    expect(b, "2018030100000006");
    put(b, 0x0b, 0x00); /* 12 hours: midnight is 12 in the morning. */
    expect(b, "2024030112000006");
    fake_time_advance(&b->time, 12 * 3600 * SECOND);
    expect(b, "2024030192000006");
    fake_time_advance(&b->time, 3600 * SECOND);
    expect(b, "2024030181000006");
    put(b, 0x0b, 0x04);
    fake_time_advance(&b->time, 9 * 3600 * SECOND);
    expect(b, "201803018a000006");
}

static void set(struct bench *b, const uint8_t fields[7])
{
    static const uint8_t registers[] = { 0x32, 9, 8, 7, 4, 2, 0 };

    put(b, 0x0b, 0x80 | get(b, 0x0b));
    for (unsigned i = 0; i < sizeof(registers); i++) {
        put(b, registers[i], fields[i]);
    }
    put(b, 0x0b, 0x7f & get(b, 0x0b));
}

static void the_guest_sets_the_date(void **state)
{
    struct bench *b = *state;

    set(b, (const uint8_t[]){ 0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x58 });
    expect(b, "1999123123595806");
    fake_time_advance(&b->time, 5 * SECOND / 2);
    expect(b, "2000010100000007");
    /* While SET is high time stands still, and what is written is read back. */
    put(b, 0x0b, 0x82);
    put(b, 0, 0x33);
    fake_time_advance(&b->time, 100 * SECOND);
    expect(b, "2000010100003307");
    put(b, 0x0b, 0x02);
    fake_time_advance(&b->time, SECOND);
    expect(b, "2000010100003407");
    /* One register at a time, without SET. */
    put(b, 4, 0x12);
    expect(b, "2000010112003407");
    /* The divider's reset stops it as well: half a second later it goes on. */
    put(b, 0x0a, 0x70);
    fake_time_advance(&b->time, 10 * SECOND);
    expect(b, "2000010112003407");
    put(b, 0x0a, 0x26);
    fake_time_advance(&b->time, SECOND);
    expect(b, "2000010112003507");
    /* What is no date becomes one. */
    set(b, (const uint8_t[]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff });
    expect(b, "9999123123595906");
    set(b, (const uint8_t[]){ 0, 0, 0, 0, 0, 0, 0 });
    expect(b, "1970010100000005");
    set(b, (const uint8_t[]){ 0x20, 0x23, 0x02, 0x31, 0x24, 0x60, 0x60 });
    expect(b, "2023022823595903");
}

/* Against the C library, over all years. */
static void every_date_is_the_calendars(void **state)
{
    (void)state;
    for (int64_t at = 0; at <= RTC_LAST_SECOND; at += INT64_C(86399) * 47) {
        uint8_t bytes[128] = { 0 };
        struct tm tm;
        vmmp_rtc_show(at, RTC_B_24H | RTC_B_BINARY, bytes);
        if (sizeof(time_t) == 8) {
            time_t c_time = (time_t)at;
            assert_non_null(gmtime_r(&c_time, &tm));
            assert_int_equal(bytes[0], tm.tm_sec);
            assert_int_equal(bytes[2], tm.tm_min);
            assert_int_equal(bytes[4], tm.tm_hour);
            assert_int_equal(bytes[6], tm.tm_wday + 1);
            assert_int_equal(bytes[7], tm.tm_mday);
            assert_int_equal(bytes[8], tm.tm_mon + 1);
            assert_int_equal(bytes[9], tm.tm_year % 100);
            assert_int_equal((bytes[0x32] >> 4) * 10 + (bytes[0x32] & 15), tm.tm_year / 100 + 19);
        }
        for (uint8_t format = 0; format < 8; format += 2) {
            vmmp_rtc_show(at, format, bytes);
            assert_true(vmmp_rtc_seconds(bytes, format) == at);
        }
    }
}

static void updates_and_their_interrupt(void **state)
{
    struct bench *b = *state;

    assert_int_equal(get(b, 0x0a), 0x26);
    fake_time_advance(&b->time, SECOND - 1000000);
    assert_int_equal(get(b, 0x0a), 0xa6); /* Update in progress. */
    assert_int_equal(get(b, 0x0c), PF);
    fake_time_advance(&b->time, 1000000);
    assert_int_equal(get(b, 0x0a), 0x26);
    assert_int_equal(get(b, 0x0c), UF | PF); /* Flags without interrupts. */
    assert_int_equal(get(b, 0x0c), 0);
    assert_null(b->time.timers);
    put(b, 0x0b, 0x12);
    fake_time_advance(&b->time, SECOND - 1);
    assert_false(b->line.level);
    fake_time_advance(&b->time, 1);
    assert_true(b->line.level);
    assert_null(b->time.timers); /* Nothing more until it is seen. */
    fake_time_advance(&b->time, 10 * SECOND);
    assert_int_equal(b->line.rises, 1);
    assert_int_equal(get(b, 0x0c), 0x80 | UF | PF | AF); /* It was midnight: the alarm at first. */
    assert_false(b->line.level);
    fake_time_advance(&b->time, SECOND);
    assert_int_equal(b->line.rises, 2);
    /* SET ends it and forbids it. */
    put(b, 0x0b, 0x92);
    assert_int_equal(get(b, 0x0b), 0x82);
    assert_false(b->line.level);
    get(b, 0x0c);
    fake_time_advance(&b->time, 10 * SECOND);
    assert_int_equal(get(b, 0x0c), 0);
    put(b, 0x0b, 0x02);
}

static void periodic_interrupts(void **state)
{
    static const struct {
        uint8_t rate;
        unsigned in_a_second;
    } rows[] = { { 3, 8192 }, { 6, 1024 }, { 15, 2 }, { 1, 256 }, { 2, 128 }, { 0, 0 } };
    struct bench *b = *state;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(b, 0x0a, 0x20u | rows[i].rate);
        put(b, 0x0b, 0x42);
        get(b, 0x0c);
        unsigned before = b->line.rises;
        for (uint64_t end = b->time.now + SECOND; b->time.now < end;) {
            uint64_t next = fake_time_deadline(&b->time);
            fake_time_advance(&b->time, (next < end ? next : end) - b->time.now);
            if (b->line.level) {
                assert_true(get(b, 0x0c) & PF);
            }
        }
        unsigned count = b->line.rises - before;
        assert_in_range(count, rows[i].in_a_second ? rows[i].in_a_second - 1 : 0,
                        rows[i].in_a_second + 1);
    }
}

static void alarms(void **state)
{
    struct bench *b = *state;

    /* At 00:00:05 the next day. */
    put(b, 5, 0x00);
    put(b, 3, 0x00);
    put(b, 1, 0x05);
    put(b, 0x0b, 0x22);
    fake_time_advance(&b->time, 8 * SECOND - 1);
    assert_false(b->line.level);
    fake_time_advance(&b->time, 1);
    assert_true(b->line.level);
    assert_true((get(b, 0x0c) & (0x80 | AF)) == (0x80 | AF));
    fake_time_advance(&b->time, 86400 * SECOND - 1);
    assert_int_equal(b->line.rises, 1);
    fake_time_advance(&b->time, 1);
    assert_int_equal(b->line.rises, 2);
    get(b, 0x0c);
    /* In any hour and minute. */
    put(b, 5, 0xff);
    put(b, 3, 0xc0);
    for (unsigned i = 3; i < 6; i++) {
        fake_time_advance(&b->time, 60 * SECOND);
        assert_int_equal(b->line.rises, i);
        get(b, 0x0c);
    }
    /* Every second. */
    put(b, 1, 0xff);
    fake_time_advance(&b->time, SECOND);
    assert_int_equal(b->line.rises, 6);
    get(b, 0x0c);
    /* In the afternoon of a 12-hour clock. */
    put(b, 0x0b, 0x20);
    put(b, 5, 0x81);
    put(b, 3, 0x30);
    put(b, 1, 0x00);
    fake_time_advance(&b->time, 86400 * SECOND);
    assert_int_equal(b->line.rises, 7);
    get(b, 0x0c);
    expect(b, "2024030312030601");
    /* A time that never is. */
    put(b, 1, 0x75);
    get(b, 0x0c);
    assert_null(b->time.timers);
    fake_time_advance(&b->time, 3 * 86400 * SECOND);
    assert_false(get(b, 0x0c) & AF);
    /* A second that was slept through counts. */
    put(b, 0x0b, 0x02);
    put(b, 5, 0x10);
    put(b, 3, 0x00);
    put(b, 1, 0x00);
    get(b, 0x0c);
    fake_time_advance(&b->time, 86400 * SECOND);
    assert_true(get(b, 0x0c) & AF);
}

static void memory_and_what_it_tells(void **state)
{
    struct bench *b = *state;
    unsigned sum = 0;

    assert_int_equal(get(b, 0x15) | get(b, 0x16) << 8, 640);
    assert_int_equal(get(b, 0x17) | get(b, 0x18) << 8, 0xffff);
    assert_int_equal(get(b, 0x30) | get(b, 0x31) << 8, 0xffff);
    assert_int_equal(get(b, 0x34) | get(b, 0x35) << 8, (512 - 16) * 16);
    assert_int_equal(get(b, 0x5b) | get(b, 0x5c) << 8 | get(b, 0x5d) << 16, 3 * 16);
    for (unsigned i = 0x10; i < 0x2e; i++) {
        sum += get(b, i);
    }
    assert_int_equal(get(b, 0x2e) << 8 | get(b, 0x2f), sum);
    put(b, 0x7f, 0xa5);
    put(b, 0x0e, 0x5a);
    assert_int_equal(get(b, 0x7f), 0xa5);
    assert_int_equal(get(b, 0x0e), 0x5a);
    /* C and D cannot be written; the index cannot be read. */
    put(b, 0x0d, 0);
    assert_int_equal(get(b, 0x0d), 0x80);
    assert_int_equal(vmmp_window_read(&b->rtc.window, 0, 1), 0xff);
    /* Index and byte in one. */
    vmmp_window_write(&b->rtc.window, 0, 2, 0x3350);
    assert_int_equal(get(b, 0x50), 0x33);
    assert_int_equal(vmmp_window_read(&b->rtc.window, 0, 2), 0x33ff);
}

static void a_reset_leaves_clock_and_memory(void **state)
{
    struct bench *b = *state;

    put(b, 0x40, 0x99);
    put(b, 0x0b, 0x72);
    fake_time_advance(&b->time, 2 * SECOND);
    assert_true(b->line.level);
    vmmp_rtc_cmos_reset(&b->rtc);
    assert_false(b->line.level);
    assert_null(b->time.timers);
    assert_int_equal(get(b, 0x0b), 0x02);
    assert_int_equal(get(b, 0x0c), 0);
    assert_int_equal(get(b, 0x40), 0x99);
    expect(b, "2024022923595905");
}

static void small_machines_and_bad_dates(void **state)
{
    struct vmmp_rtc_cmos rtc;
    struct vmmp_rtc_cmos_config config = { .seconds = -1, .ram_below_4g = MIB / 2 };

    (void)state;
    assert_int_equal(vmmp_rtc_cmos_init(&rtc, &config), -EINVAL);
    config.seconds = RTC_LAST_SECOND + 1;
    assert_int_equal(vmmp_rtc_cmos_init(&rtc, &config), -EINVAL);
    /* Without a clock it stands still; at the end of time it stays. */
    config.seconds = RTC_LAST_SECOND;
    assert_int_equal(vmmp_rtc_cmos_init(&rtc, &config), 0);
    vmmp_window_write(&rtc.window, 0, 1, 0x15);
    assert_int_equal(vmmp_window_read(&rtc.window, 1, 1), 0x00);
    vmmp_window_write(&rtc.window, 0, 1, 0x16);
    assert_int_equal(vmmp_window_read(&rtc.window, 1, 1), 0x02);
    vmmp_window_write(&rtc.window, 0, 1, 0x09);
    assert_int_equal(vmmp_window_read(&rtc.window, 1, 1), 0x99);
    vmmp_rtc_cmos_fini(&rtc);
}

int test_rtc_cmos(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_date_in_every_format, setup, teardown),
        cmocka_unit_test_setup_teardown(the_guest_sets_the_date, setup, teardown),
        cmocka_unit_test(every_date_is_the_calendars),
        cmocka_unit_test_setup_teardown(updates_and_their_interrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(periodic_interrupts, setup, teardown),
        cmocka_unit_test_setup_teardown(alarms, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_and_what_it_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_leaves_clock_and_memory, setup, teardown),
        cmocka_unit_test(small_machines_and_bad_dates),
    };
    return cmocka_run_group_tests_name("rtc_cmos", tests, NULL, NULL);
}
