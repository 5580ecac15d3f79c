/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames through memory that two ends share. As long as nobody writes what is not its own, frames
 * come out as they went in and events are asked for when they are needed; an end that begins anew
 * goes on. Once an end is hostile, the other one stays within the memory, and both are well again
 * after they have begun anew.
 */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/frame_ring.h>

#include "fuzz_input.h"

/* Words of a half, and where its ring begins. */
#define WRITTEN 0u
#define WORDS   64u /* From one to the next, and so many of them. */
#define WAITS   192u
#define RING    4096u

#define KEPT  1024u
#define SIZES 4u

/* Frames from one end to the other, oldest first. */
struct way {
    uint32_t lengths[KEPT];
    uint8_t seeds[KEPT];
    unsigned first;
    unsigned count;
    uint32_t used; /* Bytes of the ring. */
    bool awake;    /* Who reads has looked since it slept. */
};

static uint8_t *memories[SIZES];
static uint8_t *memory;
static uint64_t memory_size;
static uint32_t half;
static struct vmmp_frame_ring ends[2];
static struct way ways[2]; /* From this end. */
static bool hostile;
static uint8_t bytes[VMMP_FRAME_RING_FRAME + UINT8_MAX]; /* A frame begins at its seed. */
static uint8_t got[VMMP_FRAME_RING_FRAME];

static uint32_t record(uint32_t len)
{
    return 4 + ((len + 3) & ~3u);
}

static void begin(unsigned end)
{
    struct way *to = &ways[1 - end];
    FUZZ_CHECK(vmmp_frame_ring_init(&ends[end], memory, memory_size, end == 1) == 0);
    FUZZ_CHECK(ends[end].size >= RING && RING + ends[end].size <= half);
    /* What was under way to it is lost, what it has written is not. */
    *to = (struct way){ .first = to->first };
}

static void write_frame(struct fuzz_input *in, unsigned end, uint32_t longest)
{
    struct way *way = &ways[end];
    uint32_t len = fuzz_u16(in) & longest;
    uint8_t seed = fuzz_u8(in);
    uint32_t first = len / 3;
    uint8_t *frame = bytes + seed;
    const struct vmmp_iovec iov[2] = { { frame, first }, { frame + first, len - first } };
    bool room = way->used <= ends[end].size && record(len) <= ends[end].size - way->used;
    if (!hostile && way->count == KEPT) {
        return;
    }
    int result = vmmp_frame_ring_write(&ends[end], iov, 2, len);
    FUZZ_CHECK(result == 0 || result == -EAGAIN || (result == -EMSGSIZE && len == 0));
    if (hostile || len == 0) {
        return;
    }
    FUZZ_CHECK((result == 0) == room);
    FUZZ_CHECK(vmmp_frame_ring_wakes_writer(&ends[1 - end]) == !room);
    FUZZ_CHECK(vmmp_frame_ring_wakes_reader(&ends[end]) == !way->awake);
    if (result == 0) {
        unsigned at = (way->first + way->count++) % KEPT;
        way->lengths[at] = len;
        way->seeds[at] = seed;
        way->used += record(len);
    }
}

static void read_frame(unsigned end, bool take)
{
    struct way *way = &ways[1 - end];
    uint64_t errors = ends[end].errors;
    uint32_t len = vmmp_frame_ring_next(&ends[end], got);
    FUZZ_CHECK(len <= VMMP_FRAME_RING_FRAME);
    if (!hostile) {
        FUZZ_CHECK(ends[end].errors == errors);
        FUZZ_CHECK(len == (way->count ? way->lengths[way->first] : 0));
        FUZZ_CHECK(memcmp(got, bytes + way->seeds[way->first], len) == 0);
        way->awake = true;
    }
    if (len > 0 && take) {
        vmmp_frame_ring_taken(&ends[end]);
        way->used -= hostile ? 0 : record(len);
        way->count -= !hostile;
        way->first = (way->first + !hostile) % KEPT;
    }
}

static void sleep_now(unsigned end)
{
    struct way *way = &ways[1 - end];
    bool sleeps = vmmp_frame_ring_sleep(&ends[end]);
    FUZZ_CHECK(hostile || sleeps == (way->count == 0));
    way->awake = false;
}

/* An end writes what it should not: a count, a length, anything anywhere. */
static void scribble(struct fuzz_input *in, uint8_t how)
{
    uint32_t value = fuzz_u32(in);
    uint32_t at = (how & 1) * half;
    switch (how >> 1 & 3) {
    case 0:
        at += (value & 3) * WORDS;
        value >>= 8;
        break;
    case 1: /* Nearly right. */
        memcpy(&value, memory + at, 4);
        value += fuzz_u8(in);
        break;
    case 2: /* Where the other end reads its next length. */
        at += RING + (ends[1 - (how & 1)].read & (ends[0].size - 1));
        break;
    default:
        at = (uint32_t)((uint64_t)fuzz_u32(in) % (memory_size - 4)) & ~3u;
        break;
    }
    memcpy(memory + at, &value, 4);
    hostile = true;
}

static void begin_both(void)
{
    /* Each takes over what the other one has come to. */
    for (unsigned i = 0; i < 3; i++) {
        begin(i & 1);
    }
    memset(ways, 0, sizeof(ways));
    hostile = false;
}

static void check_end(unsigned end)
{
    uint32_t waits;
    FUZZ_CHECK((ends[end].written & 3) == 0 && (ends[end].read & 3) == 0);
    FUZZ_CHECK(ends[end].next <= record(VMMP_FRAME_RING_FRAME));
    memcpy(&waits, memory + end * half + WAITS, 4);
    FUZZ_CHECK(hostile || waits <= 1);
}

static void step(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    unsigned end = what >> 7;
    switch (what & 7) {
    case 0:
    case 1:
    case 2:
        write_frame(in, end, what & 8 ? UINT16_MAX : 2047);
        break;
    case 3:
    case 4:
        read_frame(end, what & 0x40);
        break;
    case 5:
        sleep_now(end);
        break;
    case 6:
        begin(end);
        break;
    default:
        if (what & 0x40) {
            scribble(in, (what >> 3 & 7));
        } else if (hostile) {
            begin_both();
        }
        break;
    }
}

/* Exactly as much memory as is said, so that what is beside it is found. */
static void choose_memory(unsigned choice, uint32_t count)
{
    memory_size = VMMP_FRAME_RING_LEAST + choice * 0x4c02;
    half = (uint32_t)(memory_size / 2) & ~3u;
    if (!memories[choice]) {
        memories[choice] = malloc(memory_size);
        FUZZ_CHECK(memories[choice]);
        for (uint32_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)(i * 5 + (i >> 8));
        }
    }
    memory = memories[choice];
    memset(memory, 0, 4 * WORDS);
    memset(memory + half, 0, 4 * WORDS);
    memcpy(memory + WRITTEN, &count, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    const struct vmmp_iovec iov = { bytes, 1500 };
    unsigned choice = fuzz_u8(&in) % SIZES;
    choose_memory(choice, fuzz_u32(&in)); /* Counts go on from any number. */
    memset(ends, 0, sizeof(ends));
    begin_both();
    while (in.left > 0) {
        step(&in);
        check_end(0);
        check_end(1);
    }
    begin_both();
    for (unsigned end = 0; end < 2; end++) {
        FUZZ_CHECK(vmmp_frame_ring_write(&ends[end], &iov, 1, 1500) == 0);
        FUZZ_CHECK(vmmp_frame_ring_next(&ends[1 - end], got) == 1500);
        FUZZ_CHECK(memcmp(bytes, got, 1500) == 0);
    }
    return 0;
}
