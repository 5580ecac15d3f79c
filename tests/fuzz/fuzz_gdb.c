/* SPDX-License-Identifier: BSD-2-Clause */
/* A conversation with a gdb that says anything, raw or in good frames; the answers are frames. */
#include "fuzz_input.h"

#include "linux/gdb_session.h"

#define CPUS   3u
#define MEMORY UINT64_C(0x1000)

static struct gdb_session session;
static struct gdb_packet answers;
static uint8_t memory[0x2000];
static struct gdb_registers registers[CPUS];
static bool broken; /* Whether the target refuses everything. */
static bool running;
static size_t sent;

static bool registers_get(void *cookie, unsigned cpu, struct gdb_registers *to)
{
    (void)cookie;
    FUZZ_CHECK(cpu < CPUS && !running);
    *to = registers[cpu];
    return !broken;
}

static bool registers_set(void *cookie, unsigned cpu, const struct gdb_registers *from)
{
    (void)cookie;
    FUZZ_CHECK(cpu < CPUS && !running);
    registers[cpu] = *from;
    return !broken;
}

static bool system_get(void *cookie, unsigned cpu, enum gdb_system_register number, uint64_t *value)
{
    (void)cookie;
    FUZZ_CHECK(cpu < CPUS && number < GDB_SYSTEM_REGISTERS && !running);
    *value = number;
    return !broken;
}

static uint8_t *at(unsigned cpu, uint64_t address, size_t size)
{
    FUZZ_CHECK(cpu < CPUS && !running);
    FUZZ_CHECK(size > 0 && address / 4096 == (address + size - 1) / 4096);
    return !broken && address - MEMORY < sizeof(memory) ? memory + (address - MEMORY) : NULL;
}

static bool memory_read(void *cookie, unsigned cpu, uint64_t address, void *to, size_t size)
{
    const uint8_t *from = at(cpu, address, size);
    (void)cookie;
    if (from) {
        memcpy(to, from, size);
    }
    return from;
}

static bool memory_write(void *cookie, unsigned cpu, uint64_t address, const void *from,
                         size_t size)
{
    uint8_t *to = at(cpu, address, size);
    (void)cookie;
    if (to) {
        memcpy(to, from, size);
    }
    return to;
}

static bool point(void *cookie, enum gdb_point type, uint64_t address, uint64_t size)
{
    (void)cookie, (void)address, (void)size;
    FUZZ_CHECK((unsigned)type <= GDB_ACCESS_WATCHPOINT && !running);
    return !broken;
}

static void resume(void *cookie, const enum gdb_action *actions)
{
    (void)cookie;
    for (unsigned i = 0; i < CPUS; i++) {
        FUZZ_CHECK((unsigned)actions[i] <= GDB_STEP);
    }
    running = true;
}

static void nothing(void *cookie)
{
    (void)cookie;
}

static const struct gdb_target_ops ops = {
    registers_get, registers_set, system_get, memory_read, memory_write, point,
    point,         nothing,       resume,     nothing,     nothing,      nothing,
};

/* What gdb gets: acknowledgements and whole frames with a good checksum, not longer than told. */
static void send_bytes(void *cookie, const char *bytes, size_t size)
{
    (void)cookie;
    sent += size;
    for (size_t i = 0; i < size; i++) {
        enum gdb_event event = gdb_packet_take(&answers, (uint8_t)bytes[i]);
        FUZZ_CHECK(event == GDB_NOTHING || event == GDB_PACKET || event == GDB_RESEND);
    }
    FUZZ_CHECK(answers.state == GDB_IDLE);
}

static void step(struct fuzz_input *in)
{
    static char frame[GDB_FRAME_MAX(256)];
    const uint8_t *bytes;
    uint8_t what = fuzz_u8(in);
    size_t size = fuzz_take(in, what < 0xf0 ? what : 0, &bytes);

    if (what & 1 && what < 0xf0) {
        gdb_session_input(&session, bytes, size);
    } else if (what < 0xf0) {
        /* The session must stand its own framing, and has it to test with. */
        size = gdb_packet_frame((const char *)bytes, size, frame);
        FUZZ_CHECK(size <= sizeof(frame));
        gdb_session_input(&session, (const uint8_t *)frame, size);
    } else if (what < 0xfa && running) {
        struct gdb_stop stop = { what % CPUS, what & 2 ? 2 : 5, what & 4, what % 5, fuzz_u32(in) };
        running = false;
        gdb_session_stopped(&session, &stop);
    } else if (what < 0xfe) {
        broken = what & 1;
    } else if (running) {
        gdb_session_ended(&session, what & 1, fuzz_u8(in));
        gdb_session_begin(&session, &ops, CPUS, send_bytes, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    memset(&session, 0, sizeof(session));
    memset(&answers, 0, sizeof(answers));
    broken = false;
    running = true;
    gdb_session_begin(&session, &ops, CPUS, send_bytes, NULL);
    while (in.left > 0) {
        sent = 0;
        step(&in);
        /* At most one answer per byte of input: a frame, an acknowledgement. */
        FUZZ_CHECK(sent <= 256 * (GDB_FRAME_MAX(GDB_REPLY_MAX) + 2));
    }
    return 0;
}
