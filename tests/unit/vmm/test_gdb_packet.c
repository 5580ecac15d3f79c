/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of GDB's remote protocol: vmm/linux/gdb_packet.c. */
#include "linux/gdb_packet.h"

#include <string.h>

#include "vmmp_test.h"

/* Feeds `size` bytes; the last event that is something. */
static enum gdb_event feed(struct gdb_packet *packet, const char *bytes, size_t size)
{
    enum gdb_event last = GDB_NOTHING;
    for (size_t i = 0; i < size; i++) {
        enum gdb_event event = gdb_packet_take(packet, (uint8_t)bytes[i]);
        last = event == GDB_NOTHING ? last : event;
    }
    return last;
}

static enum gdb_event feed_text(struct gdb_packet *packet, const char *text)
{
    return feed(packet, text, strlen(text));
}

static void test_packet(void **state)
{
    struct gdb_packet packet = { 0 };
    (void)state;
    assert_int_equal(feed_text(&packet, "+$m0,4#fd"), GDB_PACKET);
    assert_string_equal(packet.data, "m0,4");
    assert_int_equal(packet.size, 4);
    assert_int_equal(feed_text(&packet, "$#00"), GDB_PACKET);
    assert_int_equal(packet.size, 0);
    assert_int_equal(feed_text(&packet, "$?#3F"), GDB_PACKET);
    assert_string_equal(packet.data, "?");
    assert_int_equal(feed_text(&packet, "\003"), GDB_INTERRUPT);
    assert_int_equal(feed_text(&packet, "-"), GDB_RESEND);
    assert_int_equal(feed_text(&packet, "+abc#12"), GDB_NOTHING);
}

static void test_escapes(void **state)
{
    struct gdb_packet packet = { 0 };
    char frame[64];
    (void)state;
    static const char data[] = "a$b#c}d*e";
    size_t size = gdb_packet_frame(data, sizeof(data) - 1, frame);
    assert_int_equal(feed(&packet, frame, size), GDB_PACKET);
    assert_int_equal(packet.size, sizeof(data) - 1);
    assert_memory_equal(packet.data, data, sizeof(data));
}

static void test_damage(void **state)
{
    struct gdb_packet packet = { 0 };
    (void)state;
    assert_int_equal(feed_text(&packet, "$g#66"), GDB_DAMAGED);
    assert_int_equal(feed_text(&packet, "$g#6z"), GDB_DAMAGED);
    assert_int_equal(feed_text(&packet, "$g#z7"), GDB_DAMAGED);
    /* The rest of one packet is lost: the next one is taken. */
    assert_int_equal(feed_text(&packet, "$gggg$g#67"), GDB_PACKET);
    assert_string_equal(packet.data, "g");
    assert_int_equal(feed_text(&packet, "$g#$g#67"), GDB_DAMAGED);
}

static void test_too_long(void **state)
{
    static char bytes[3 * GDB_PACKET_MAX];
    static char frame[GDB_FRAME_MAX(sizeof(bytes))];
    struct gdb_packet packet = { 0 };
    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    size_t size = gdb_packet_frame(bytes, GDB_PACKET_MAX, frame);
    assert_int_equal(feed(&packet, frame, size), GDB_PACKET);
    assert_int_equal(packet.size, GDB_PACKET_MAX);
    size = gdb_packet_frame(bytes, GDB_PACKET_MAX + 1, frame);
    assert_int_equal(feed(&packet, frame, size), GDB_TOO_LONG);
    size = gdb_packet_frame(bytes, sizeof(bytes), frame);
    assert_int_equal(feed(&packet, frame, size), GDB_TOO_LONG);
    assert_int_equal(feed_text(&packet, "$g#67"), GDB_PACKET);
}

static void test_every_byte_in_every_state(void **state)
{
    (void)state;
    static const char *const starts[] = { "", "$", "$a", "$a}", "$a#", "$a#6" };
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct gdb_packet packet = { 0 };
            feed_text(&packet, starts[i]);
            gdb_packet_take(&packet, (uint8_t)byte);
            assert_true(packet.size <= GDB_PACKET_MAX);
            /* Whatever happened, at most one packet is damaged by it. */
            feed_text(&packet, "#00$g#67");
            assert_int_equal(feed_text(&packet, "$g#67"), GDB_PACKET);
        }
    }
}

static void test_hexadecimal(void **state)
{
    (void)state;
    const char *text = "ffff800010ABcdef,10";
    uint64_t number;
    uint8_t bytes[4];
    char out[9] = "";
    assert_true(gdb_hex_number(&text, &number));
    assert_int_equal(number, UINT64_C(0xffff800010abcdef));
    assert_string_equal(text, ",10");
    assert_false(gdb_hex_number(&text, &number));
    text = "10000000000000000";
    assert_false(gdb_hex_number(&text, &number));
    text = "";
    assert_false(gdb_hex_number(&text, &number));
    text = "deadBEEFxx";
    assert_true(gdb_hex_bytes(&text, bytes, 4));
    assert_memory_equal(bytes, "\xde\xad\xbe\xef", 4);
    assert_string_equal(text, "xx");
    text = "dead0";
    assert_false(gdb_hex_bytes(&text, bytes, 3));
    text = "dex0";
    assert_false(gdb_hex_bytes(&text, bytes, 2));
    assert_ptr_equal(gdb_hex_write(out, "\xde\xad\x00\x7f", 4), out + 8);
    assert_string_equal(out, "dead007f");
    for (int c = -128; c < 128; c++) {
        int digit = gdb_hex_digit((char)c);
        bool is = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        assert_int_equal(digit >= 0, is);
    }
}

int test_gdb_packet(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_every_byte_in_every_state),
        cmocka_unit_test(test_hexadecimal),
    };
    return cmocka_run_group_tests_name("gdb_packet", tests, NULL, NULL);
}
