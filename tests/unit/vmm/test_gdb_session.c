/* SPDX-License-Identifier: BSD-2-Clause */
/* Conversations with gdb: vmm/linux/gdb_session.c and gdb_data.c, on a target made up here. */
#include "linux/gdb_session.h"

#include <stdlib.h>
#include <string.h>

#include "vmmp_test.h"

#define CPUS     2
#define MEMORY   UINT64_C(0xffff000000001000) /* Two pages, the third is not mapped. */
#define MAPPED   0x2000
#define SENT_MAX 16384

struct fake {
    struct gdb_session session;
    struct gdb_registers registers[CPUS];
    uint8_t memory[MAPPED];
    enum gdb_action actions[CPUS];
    unsigned resumed, interrupted, killed, detached, cleared;
    bool broken;       /**< Everything fails. */
    char points[1024]; /**< "+type,address,size" and "-…" in the order of the calls. */
    char sent[SENT_MAX];
    size_t sent_size;
};

static bool registers_get(void *cookie, unsigned cpu, struct gdb_registers *registers)
{
    struct fake *fake = cookie;
    *registers = fake->registers[cpu];
    return !fake->broken;
}

static bool registers_set(void *cookie, unsigned cpu, const struct gdb_registers *registers)
{
    struct fake *fake = cookie;
    if (!fake->broken) {
        fake->registers[cpu] = *registers;
    }
    return !fake->broken;
}

static bool system_get(void *cookie, unsigned cpu, enum gdb_system_register number, uint64_t *value)
{
    struct fake *fake = cookie;
    *value = 0x1000 * cpu + number;
    return !fake->broken;
}

static bool memory_read(void *cookie, unsigned cpu, uint64_t address, void *to, size_t size)
{
    struct fake *fake = cookie;
    (void)cpu;
    /* The contract: never across a page. */
    assert_true(size > 0 && address / 4096 == (address + size - 1) / 4096);
    if (address - MEMORY >= MAPPED) {
        return false;
    }
    memcpy(to, fake->memory + (address - MEMORY), size);
    return true;
}

static bool memory_write(void *cookie, unsigned cpu, uint64_t address, const void *from,
                         size_t size)
{
    struct fake *fake = cookie;
    (void)cpu;
    assert_true(size > 0 && address / 4096 == (address + size - 1) / 4096);
    if (address - MEMORY >= MAPPED) {
        return false;
    }
    memcpy(fake->memory + (address - MEMORY), from, size);
    return true;
}

static void note_point(struct fake *fake, char sign, enum gdb_point type, uint64_t address,
                       uint64_t size)
{
    size_t used = strlen(fake->points);
    snprintf(fake->points + used, sizeof(fake->points) - used, "%c%u,%llx,%llx ", sign,
             (unsigned)type, (unsigned long long)address, (unsigned long long)size);
}

static bool point_insert(void *cookie, enum gdb_point type, uint64_t address, uint64_t size)
{
    struct fake *fake = cookie;
    note_point(fake, '+', type, address, size);
    return !fake->broken;
}

static bool point_remove(void *cookie, enum gdb_point type, uint64_t address, uint64_t size)
{
    struct fake *fake = cookie;
    note_point(fake, '-', type, address, size);
    return !fake->broken;
}

static void points_clear(void *cookie)
{
    ((struct fake *)cookie)->cleared++;
}

static void resume(void *cookie, const enum gdb_action *actions)
{
    struct fake *fake = cookie;
    memcpy(fake->actions, actions, sizeof(fake->actions));
    fake->resumed++;
}

static void interrupt(void *cookie)
{
    ((struct fake *)cookie)->interrupted++;
}

static void kill(void *cookie)
{
    ((struct fake *)cookie)->killed++;
}

static void detach(void *cookie)
{
    ((struct fake *)cookie)->detached++;
}

static const struct gdb_target_ops ops = {
    registers_get, registers_set, system_get, memory_read, memory_write, point_insert,
    point_remove,  points_clear,  resume,     interrupt,   kill,         detach,
};

static void send_bytes(void *cookie, const char *bytes, size_t size)
{
    struct fake *fake = cookie;
    assert_true(fake->sent_size + size < SENT_MAX);
    memcpy(fake->sent + fake->sent_size, bytes, size);
    fake->sent_size += size;
    fake->sent[fake->sent_size] = '\0';
}

static void raw(struct fake *fake, const char *bytes, size_t size)
{
    fake->sent_size = 0;
    fake->sent[0] = '\0';
    gdb_session_input(&fake->session, (const uint8_t *)bytes, size);
}

/* Sends a packet; the answer's data, or NULL if there is none. */
static const char *ask_bytes(struct fake *fake, const char *data, size_t size)
{
    static char frame[GDB_FRAME_MAX(GDB_PACKET_MAX)];
    static char answer[SENT_MAX];
    struct gdb_packet packet = { 0 };
    raw(fake, frame, gdb_packet_frame(data, size, frame));
    for (size_t i = 0; i < fake->sent_size; i++) {
        enum gdb_event event = gdb_packet_take(&packet, (uint8_t)fake->sent[i]);
        assert_true(event == GDB_NOTHING || event == GDB_PACKET);
        if (event == GDB_PACKET) {
            assert_int_equal(i, fake->sent_size - 1);
            memcpy(answer, packet.data, packet.size + 1);
            return answer;
        }
    }
    return NULL;
}

static const char *ask(struct fake *fake, const char *data)
{
    return ask_bytes(fake, data, strlen(data));
}

static void expect(struct fake *fake, const char *data, const char *answer)
{
    const char *got = ask(fake, data);
    if (!answer) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, answer);
    }
}

static int setup(void **state)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    struct gdb_stop stop = { .cpu = 0, .signal = 5 };
    gdb_session_begin(&fake->session, &ops, CPUS, send_bytes, fake);
    gdb_session_stopped(&fake->session, &stop);
    for (unsigned i = 0; i < CPUS; i++) {
        for (unsigned j = 0; j < 31; j++) {
            fake->registers[i].x[j] = 0x100 * i + j;
        }
        fake->registers[i].sp = 0x5500 + i;
        fake->registers[i].pc = UINT64_C(0xffff800010000000) + i;
        fake->registers[i].cpsr = 0x3c5;
    }
    for (unsigned i = 0; i < MAPPED; i++) {
        fake->memory[i] = (uint8_t)(i * 7);
    }
    assert_int_equal(fake->sent_size, 0);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_handshake(void **state)
{
    struct fake *fake = *state;
    const char *answer = ask(fake, "qSupported:multiprocess+;swbreak+;vContSupported+");
    assert_non_null(strstr(answer, "PacketSize=1000"));
    assert_non_null(strstr(answer, "qXfer:features:read+"));
    assert_int_equal(fake->sent[0], '+');
    expect(fake, "QStartNoAckMode", "OK");
    assert_int_equal(fake->sent[0], '+');
    expect(fake, "?", "T05thread:1;");
    assert_int_equal(fake->sent[0], '$');
    expect(fake, "qAttached", "1");
    expect(fake, "qC", "QC1");
    expect(fake, "qfThreadInfo", "m1,2");
    expect(fake, "qsThreadInfo", "l");
    expect(fake, "qThreadExtraInfo,2", "764350552031");
    expect(fake, "vCont?", "vCont;c;C;s;S");
    expect(fake, "T2", "OK");
    expect(fake, "T3", "E16");
    expect(fake, "vMustReplyEmpty", "");
    expect(fake, "!", "");
    expect(fake, "", "");
}

static void test_target_description(void **state)
{
    struct fake *fake = *state;
    char whole[8192] = "";
    char request[64];
    for (unsigned at = 0;; at += 1000) {
        snprintf(request, sizeof(request), "qXfer:features:read:target.xml:%x,3e8", at);
        const char *piece = ask(fake, request);
        strcat(whole, piece + 1);
        if (piece[0] == 'l') {
            break;
        }
        assert_int_equal(strlen(piece), 1001);
    }
    assert_non_null(strstr(whole, "org.gnu.gdb.aarch64.core"));
    assert_non_null(strstr(whole, "<reg name=\"x30\" bitsize=\"64\"/><reg name=\"sp\""));
    assert_non_null(strstr(whole, "name=\"TTBR1_EL1\""));
    assert_string_equal(whole + strlen(whole) - 9, "</target>");
    expect(fake, "qXfer:features:read:target.xml:ffffff,10", "l");
    expect(fake, "qXfer:features:read:other.xml:0,10", "E02");
    expect(fake, "qXfer:features:read:target.xml:0", "E16");
    expect(fake, "qXfer:features:read:target.xml:ffffffffffffffff,ffffffffffffffff", "l");
}

static void test_registers(void **state)
{
    struct fake *fake = *state;
    const char *answer = ask(fake, "g");
    assert_int_equal(strlen(answer), 33 * 16 + 8);
    assert_memory_equal(answer + 16, "0100000000000000", 16);
    assert_memory_equal(answer + 32 * 16,
                        "00000010"
                        "0080ffff"
                        "c5030000",
                        24);
    expect(fake, "p20", "000000100080ffff");
    expect(fake, "p21", "c5030000");
    expect(fake, "Hg2", "OK");
    expect(fake, "p2", "0201000000000000");
    expect(fake, "p22", "0010000000000000");
    expect(fake, "p2b", "0910000000000000");
    expect(fake, "p2c", "E16");
    expect(fake, "p", "E16");
    expect(fake, "P1f=8877665544332211", "OK");
    assert_int_equal(fake->registers[1].sp, UINT64_C(0x1122334455667788));
    expect(fake, "P21=11223344", "OK");
    assert_int_equal(fake->registers[1].cpsr, 0x44332211);
    expect(fake, "P22=8877665544332211", "E16");
    expect(fake, "P1f=88", "E16");
    expect(fake, "P1f=887766554433221100", "E16");
    char all[33 * 16 + 8 + 2] = "G";
    memset(all + 1, '1', sizeof(all) - 2);
    expect(fake, all, "OK");
    assert_int_equal(fake->registers[1].pc, UINT64_C(0x1111111111111111));
    all[500] = '\0';
    expect(fake, all, "E16");
    fake->broken = true;
    expect(fake, "g", "E05");
    expect(fake, "p1", "E05");
    expect(fake, "p22", "E05");
    expect(fake, "P1f=8877665544332211", "E05");
}

static void test_memory(void **state)
{
    struct fake *fake = *state;
    expect(fake, "mffff000000001001,4", "070e151c");
    /* Across a page, and up to the end of what is mapped. */
    assert_int_equal(strlen(ask(fake, "mffff000000001ff0,20")), 0x40);
    assert_int_equal(strlen(ask(fake, "mffff000000002ff0,20")), 0x20);
    expect(fake, "mffff000000003000,1", "E0e");
    expect(fake, "mffff000000001000,0", "");
    assert_int_equal(strlen(ask(fake, "mffff000000001000,ffffffffffffffff")), GDB_REPLY_MAX);
    expect(fake, "mffff000000001000", "E16");
    expect(fake, "mxyz,4", "E16");
    expect(fake, "m,4", "E16");
    expect(fake, "Mffff000000001fff,2:abcd", "OK");
    assert_int_equal(fake->memory[0xfff], 0xab);
    assert_int_equal(fake->memory[0x1000], 0xcd);
    expect(fake, "Mffff000000001fff,2:ab", "E16");
    expect(fake, "Mffff000000001fff,2:abcdef", "E16");
    expect(fake, "Mffff000000001fff,ffffffffffffffff:ab", "E16");
    expect(fake, "Mffff000000003000,1:ab", "E0e");
    assert_string_equal(ask_bytes(fake, "Xffff000000001000,3:\0}#", 23), "OK");
    assert_memory_equal(fake->memory, "\0}#", 3);
    assert_string_equal(ask_bytes(fake, "Xffff000000001000,4:\0}#", 23), "E16");
    expect(fake, "Xffff000000001000,0:", "OK");
}

static void test_running(void **state)
{
    struct fake *fake = *state;
    struct gdb_stop stop = { .cpu = 1, .signal = 5 };
    expect(fake, "c", NULL);
    assert_int_equal(fake->resumed, 1);
    assert_int_equal(fake->actions[0], GDB_CONTINUE);
    assert_int_equal(fake->actions[1], GDB_CONTINUE);
    /* While it runs nothing can be looked at; an interrupt stops it. */
    expect(fake, "g", "E10");
    expect(fake, "vCont;c", "E10");
    raw(fake, "\003", 1);
    assert_int_equal(fake->interrupted, 1);
    assert_int_equal(fake->sent_size, 0);
    gdb_session_stopped(&fake->session, &stop);
    assert_string_equal(fake->sent, "$T05thread:2;#d8");
    expect(fake, "qC", "QC2");
    expect(fake, "s", NULL);
    assert_int_equal(fake->actions[1], GDB_STEP);
    assert_int_equal(fake->actions[0], GDB_CONTINUE);
    stop.is_watch = true;
    stop.watch = GDB_WRITE_WATCHPOINT;
    stop.address = 0xabc0;
    stop.cpu = 0;
    fake->sent_size = 0;
    gdb_session_stopped(&fake->session, &stop);
    assert_non_null(strstr(fake->sent, "$T05thread:1;watch:abc0;#"));
    /* From an address, with a signal to be ignored. */
    expect(fake, "C05;1234", NULL);
    assert_int_equal(fake->registers[0].pc, 0x1234);
    gdb_session_stopped(&fake->session, &stop);
    expect(fake, "cxyz", "E16");
    assert_int_equal(fake->resumed, 3);
    /* An interrupt for what has stopped already is nothing. */
    raw(fake, "\003", 1);
    assert_int_equal(fake->interrupted, 1);
}

static void test_vcont(void **state)
{
    struct fake *fake = *state;
    struct gdb_stop stop = { .cpu = 0, .signal = 5 };
    expect(fake, "vCont;s:2;c", NULL);
    assert_int_equal(fake->actions[0], GDB_CONTINUE);
    assert_int_equal(fake->actions[1], GDB_STEP);
    gdb_session_stopped(&fake->session, &stop);
    expect(fake, "vCont;S05:1", NULL);
    assert_int_equal(fake->actions[0], GDB_STEP);
    assert_int_equal(fake->actions[1], GDB_STAY);
    gdb_session_stopped(&fake->session, &stop);
    expect(fake, "vCont;c:-1", NULL);
    assert_int_equal(fake->actions[1], GDB_CONTINUE);
    gdb_session_stopped(&fake->session, &stop);
    static const char *const bad[] = { "vCont",    "vCont;",    "vCont;x",    "vCont;c:3",
                                       "vCont;c:", "vCont;C;c", "vCont;c:1,", "vCont;s:-2" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect(fake, bad[i], "E16");
    }
    assert_int_equal(fake->resumed, 3);
}

static void test_threads(void **state)
{
    struct fake *fake = *state;
    expect(fake, "Hc-1", "OK");
    expect(fake, "Hc2", "OK");
    expect(fake, "s", NULL);
    assert_int_equal(fake->actions[1], GDB_STEP);
    struct gdb_stop stop = { .cpu = 0, .signal = 5 };
    gdb_session_stopped(&fake->session, &stop);
    expect(fake, "Hg0", "OK");
    expect(fake, "Hg3", "E16");
    expect(fake, "Hg", "E16");
    expect(fake, "H", "E16");
    expect(fake, "Hx1", "E16");
    expect(fake, "Hg1z", "E16");
}

static void test_points(void **state)
{
    struct fake *fake = *state;
    expect(fake, "Z0,ffff800010000000,4", "OK");
    expect(fake, "Z1,1000,4", "OK");
    expect(fake, "Z2,2000,8", "OK");
    expect(fake, "z3,2000,8", "OK");
    expect(fake, "Z4,2000,8;cond", "OK");
    assert_string_equal(fake->points, "+0,ffff800010000000,4 +1,1000,4 +2,2000,8 -3,2000,8 "
                                      "+4,2000,8 ");
    expect(fake, "Z5,2000,8", "");
    expect(fake, "Z1,2000", "E16");
    expect(fake, "Z", "E16");
    fake->broken = true;
    expect(fake, "Z1,1000,4", "E1c");
}

static void test_leaving(void **state)
{
    struct fake *fake = *state;
    expect(fake, "D", "OK");
    assert_int_equal(fake->detached, 1);
    assert_int_equal(fake->cleared, 1);
    assert_true(fake->session.over);
    expect(fake, "g", NULL);
    setup(state);
    free(fake);
    fake = *state;
    expect(fake, "k", NULL);
    assert_int_equal(fake->killed, 1);
    assert_true(fake->session.over);
    setup(state);
    free(fake);
    fake = *state;
    expect(fake, "vKill;1", "OK");
    assert_int_equal(fake->killed, 1);
}

static void test_guest_ends(void **state)
{
    struct fake *fake = *state;
    expect(fake, "c", NULL);
    gdb_session_ended(&fake->session, false, 3);
    assert_non_null(strstr(fake->sent, "$W03#"));
    assert_true(fake->session.over);
    setup(state);
    free(fake);
    fake = *state;
    /* Nobody asked: nothing is said. */
    gdb_session_ended(&fake->session, true, 9);
    assert_int_equal(fake->sent_size, 0);
}

/* A gdb that comes before the guest has stopped gets its answer when it has. */
static void test_question_before_stop(void **state)
{
    struct fake *fake = *state;
    struct gdb_stop stop = { .cpu = 1, .signal = 2 };
    gdb_session_begin(&fake->session, &ops, CPUS, send_bytes, fake);
    assert_non_null(ask(fake, "qSupported"));
    expect(fake, "?", NULL);
    gdb_session_stopped(&fake->session, &stop);
    assert_non_null(strstr(fake->sent, "T02thread:2;"));
}

static void test_bad_packets(void **state)
{
    struct fake *fake = *state;
    static char frame[GDB_FRAME_MAX(2 * GDB_PACKET_MAX)];
    static char longest[2 * GDB_PACKET_MAX];
    raw(fake, "$g#00", 5);
    assert_string_equal(fake->sent, "-");
    expect(fake, "qC", "QC1");
    raw(fake, "-", 1);
    assert_string_equal(fake->sent, "$QC1#c5");
    memset(longest, 'm', sizeof(longest));
    raw(fake, frame, gdb_packet_frame(longest, sizeof(longest), frame));
    assert_string_equal(fake->sent, "+$E07#ac");
}

/* Packets of every first letter with all kinds of tails: each is answered, nothing breaks. */
static void test_any_packet(void **state)
{
    static const char *const tails[] = {
        "",
        "0",
        "-1",
        ",",
        "ffffffffffffffff,ffffffffffffffff",
        ":",
        ";",
        "=",
        "g-1",
        "Xfer:",
        "ffffffffffffffff,ffffffffffffffff:00",
        "0,0,0",
        "99999999999999999999",
    };
    struct fake *fake = *state;
    struct gdb_stop stop = { .cpu = 0, .signal = 5 };
    for (int letter = 1; letter < 256; letter++) {
        for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
            char packet[64];
            snprintf(packet, sizeof(packet), "%c%s", (char)letter, tails[i]);
            const char *answer = ask(fake, packet);
            if (fake->session.over) {
                gdb_session_begin(&fake->session, &ops, CPUS, send_bytes, fake);
                gdb_session_stopped(&fake->session, &stop);
            } else if (!answer) {
                assert_true(fake->session.running);
                gdb_session_stopped(&fake->session, &stop);
            }
        }
    }
}

int test_gdb_session(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_target_description, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_running, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vcont, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_points, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaving, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guest_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_question_before_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_packets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_packet, setup, teardown),
    };
    return cmocka_run_group_tests_name("gdb_session", tests, NULL, NULL);
}
