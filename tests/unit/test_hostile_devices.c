/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile drivers that know their device: chains that are well-formed and say what no driver may
 * say. Cases of the same form as those of vmmp/testing/virtio_hostile.h, run by the same runner.
 */
#include "vmmp_test.h"

#include "support/hostile_machine.h"
#include "virtio/virtio_blk_internal.h"
#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtio_vsock_spec.h"

int test_hostile_devices(void);

#define BOTH   VMMP_VIRTIO_HOSTILE_BOTH
#define ANSWER 0x8000u /* Where answers go, from the buffer on. */

#define CASE(text, how, ...)                                                   \
    {                                                                          \
        .name = (text), .category = VMMP_VIRTIO_HOSTILE_DEVICE, .rings = BOTH, \
        .outcome = VMMP_VIRTIO_SURVIVES, .play = (how), __VA_ARGS__            \
    }

#define BREAKING(text, how, ...)                                               \
    {                                                                          \
        .name = (text), .category = VMMP_VIRTIO_HOSTILE_DEVICE, .rings = BOTH, \
        .outcome = VMMP_VIRTIO_BREAKS, .play = (how), .what = __VA_ARGS__      \
    }

static struct hostile_machine *machine_of(const struct vmmp_virtio_hostile *hostile)
{
    return hostile->cookie;
}

/* One chain of `len` bytes to read and `room` for an answer; false if it has not come back. */
static bool send(struct vmmp_virtio_hostile *hostile, const void *bytes, uint32_t len,
                 uint32_t room, uint32_t *written)
{
    const struct virtio_driver_buffer buffers[] = { { hostile->buffer, len, false },
                                                    { hostile->buffer + ANSWER, room, true } };
    uint32_t id;
    if (bytes) {
        memcpy(virtio_driver_at(hostile->driver, hostile->buffer, len), bytes, len);
    }
    memset(virtio_driver_at(hostile->driver, hostile->buffer + ANSWER, room + 1), 0xee, room + 1);
    virtio_driver_add(hostile->driver, hostile->queue, len ? buffers : &buffers[1],
                      len && room ? 2 : 1);
    vmmp_virtio_hostile_strike(hostile);
    return virtio_driver_used(hostile->driver, hostile->queue, &id, written);
}

static uint8_t answer(const struct vmmp_virtio_hostile *hostile, uint32_t at)
{
    return *(uint8_t *)virtio_driver_at(hostile->driver, hostile->buffer + ANSWER + at, 1);
}

static bool broken(const struct vmmp_virtio_hostile *hostile)
{
    return hostile->driver->transport->status(hostile->driver->device) & VIRTIO_STATUS_NEEDS_RESET;
}

/* ---- Console ---- */

static const char *output_of_any_size(struct vmmp_virtio_hostile *hostile, const void *what)
{
    static const uint32_t sizes[] = { 1, 4088, 4089, 65536, 0xc0000 };
    uint32_t written;
    (void)what;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct virtio_driver_buffer buffer = { hostile->buffer, sizes[i], false };
        uint64_t before = machine_of(hostile)->bytes;
        uint32_t id;
        virtio_driver_add(hostile->driver, hostile->queue, &buffer, 1);
        vmmp_virtio_hostile_strike(hostile);
        if (!virtio_driver_used(hostile->driver, hostile->queue, &id, &written) || written != 0 ||
            machine_of(hostile)->bytes != before + sizes[i]) {
            return "output of some size is not all there";
        }
    }
    return NULL;
}

static const char *output_to_write_to(struct vmmp_virtio_hostile *hostile, const void *what)
{
    uint64_t before = machine_of(hostile)->bytes;
    uint32_t written = 0;
    (void)what;
    if (!send(hostile, NULL, 0, 64, &written) && !broken(hostile)) {
        return "the buffer was kept";
    }
    return machine_of(hostile)->bytes == before && answer(hostile, 0) == 0xee && written == 0
               ? NULL
               : "a buffer of the wrong direction was used";
}

/* Events, ports and values that exist or do not; and messages of all lengths. */
static const char *control_junk(struct vmmp_virtio_hostile *hostile, const void *what)
{
    (void)what;
    for (unsigned i = 0; i < 600 && !broken(hostile); i++) {
        uint32_t junk = vmmp_virtio_hostile_junk(hostile);
        uint16_t message[32] = { 0 };
        uint32_t written;
        message[0] = i % 3 ? (uint16_t)(junk & 3) : (uint16_t)junk;
        message[1] = i % 5 ? 0 : (uint16_t)(junk >> 8);
        message[2] = (uint16_t)(junk >> 16 & 15);
        message[3] = i % 2 ? (uint16_t)(junk >> 24 & 1) : (uint16_t)(junk >> 16);
        if (!send(hostile, message, i % 7 ? 8 : 1 + junk % 64, 0, &written)) {
            return "a control message was kept";
        }
    }
    return broken(hostile) ? "a control message broke the device" : NULL;
}

static const struct vmmp_virtio_hostile_case console_cases[] = {
    CASE("console: output of any size", output_of_any_size),
    CASE("console: output in a buffer to write to", output_to_write_to),
};

static const struct vmmp_virtio_hostile_case control_cases[] = {
    CASE("console: control messages of any kind", control_junk),
};

/* ---- Net ---- */

/* Whether a frame with this header, and `len` bytes in all, reaches the backend. */
static bool transmitted(struct vmmp_virtio_hostile *hostile, const uint8_t *header, uint32_t len)
{
    uint8_t bytes[256] = { 0 };
    uint64_t before = machine_of(hostile)->bytes;
    uint32_t written;
    memcpy(bytes, header, HDR_SIZE);
    send(hostile, bytes, len, 0, &written);
    return machine_of(hostile)->bytes != before;
}

static const char *headers_that_lie(struct vmmp_virtio_hostile *hostile, const void *what)
{
    uint8_t header[HDR_SIZE] = { 0 };
    (void)what;
    if (!transmitted(hostile, header, 128)) {
        return "a frame was not sent";
    }
    for (unsigned bit = 0; bit < 8 * sizeof(header) && !broken(hostile); bit++) {
        memset(header, bit % 2 ? 0xff : 0, sizeof(header));
        header[bit / 8] ^= (uint8_t)(1u << bit % 8);
        transmitted(hostile, header, 128);
    }
    /* Nothing was negotiated that lets a header ask for a checksum or for segments. */
    static const uint16_t starts[] = { 0, 54, 114, 115, 116, 0x7fff, 0xfffe, 0xffff };
    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        memset(header, 0, sizeof(header));
        header[HDR_FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        memcpy(&header[HDR_CSUM_START], &starts[i], 2);
        memcpy(&header[HDR_CSUM_OFFSET], &starts[7 - i], 2);
        if (transmitted(hostile, header, 128)) {
            return "a frame with a checksum to be made was sent without the feature";
        }
    }
    return NULL;
}

static const char *short_frames(struct vmmp_virtio_hostile *hostile, const void *what)
{
    const uint8_t header[HDR_SIZE] = { 0 };
    (void)what;
    for (uint32_t len = 1; len <= sizeof(header) + 13 && !broken(hostile); len++) {
        if (len <= 12 && transmitted(hostile, header, len)) {
            return "half a header was sent";
        }
        transmitted(hostile, header, len);
    }
    return NULL;
}

static const char *commands(struct vmmp_virtio_hostile *hostile, const void *what)
{
    (void)what;
    for (unsigned i = 0; i < 400 && !broken(hostile); i++) {
        uint8_t command[64];
        uint32_t written;
        for (unsigned b = 0; b < sizeof(command); b++) {
            command[b] = (uint8_t)vmmp_virtio_hostile_junk(hostile);
        }
        command[0] &= 7;
        command[1] &= 3;
        uint32_t len = 1 + vmmp_virtio_hostile_junk(hostile) % sizeof(command);
        if (!send(hostile, command, len, 1, &written)) {
            return "a command was kept";
        }
        if (written != 1 || answer(hostile, 0) > 1 || answer(hostile, 1) != 0xee) {
            return "a command has no answer";
        }
    }
    return broken(hostile) ? "a command broke the device" : NULL;
}

#define OFFLOADS (UINT64_C(0x3) | UINT64_C(0x7f) << 7)

static const struct vmmp_virtio_hostile_case net_cases[] = {
    CASE("net: headers that lie", headers_that_lie, .without = OFFLOADS),
    CASE("net: frames shorter than a header", short_frames),
};

static const struct vmmp_virtio_hostile_case net_control_cases[] = {
    CASE("net: commands of any kind", commands),
};

/* ---- Blk ---- */

static const char *requests(struct vmmp_virtio_hostile *hostile, const void *what)
{
    static const struct {
        uint64_t sector;
        uint32_t type;
        uint32_t len;  /* Of header and data. */
        uint32_t room; /* Of data and status. */
        uint8_t status;
    } rows[] = {
        { 0, VIRTIO_BLK_T_IN, 16, 513, VIRTIO_BLK_S_OK },
        { HOSTILE_DISK / 512, VIRTIO_BLK_T_IN, 16, 513, VIRTIO_BLK_S_IOERR },
        { UINT64_MAX, VIRTIO_BLK_T_IN, 16, 513, VIRTIO_BLK_S_IOERR },
        { UINT64_MAX / 512, VIRTIO_BLK_T_IN, 16, 1025, VIRTIO_BLK_S_IOERR },
        { HOSTILE_DISK / 512 - 1, VIRTIO_BLK_T_IN, 16, 1025, VIRTIO_BLK_S_IOERR },
        { 0, VIRTIO_BLK_T_IN, 16, 512, VIRTIO_BLK_S_IOERR }, /* 511 bytes of data. */
        { UINT64_MAX, VIRTIO_BLK_T_OUT, 16 + 512, 1, VIRTIO_BLK_S_IOERR },
        { 0, VIRTIO_BLK_T_OUT, 16 + 511, 1, VIRTIO_BLK_S_IOERR },
        { 0, 2, 16 + 64, 65, VIRTIO_BLK_S_UNSUPP }, /* SCSI. */
        { 0, 3, 16, 1, VIRTIO_BLK_S_UNSUPP },
        { 0, UINT32_MAX, 16 + 512, 513, VIRTIO_BLK_S_UNSUPP },
    };
    (void)what;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[1024] = { 0 };
        uint32_t written;
        const struct virtio_blk_header header = { vmmp_le32(rows[i].type), vmmp_le32(0),
                                                  vmmp_le64(rows[i].sector) };
        memcpy(bytes, &header, sizeof(header));
        memset(bytes + 16, 0x77, sizeof(bytes) - 16);
        if (!send(hostile, bytes, rows[i].len, rows[i].room, &written) || broken(hostile)) {
            return "a request with room for a status was not answered";
        }
        if (answer(hostile, rows[i].room - 1) != rows[i].status) {
            return "a request has another status";
        }
    }
    return NULL;
}

/* Without a whole header or room for a status there is no answer (5.2.6). */
struct half {
    uint32_t len;
    uint32_t room;
};

static const char *half_requests(struct vmmp_virtio_hostile *hostile, const void *what)
{
    const struct half *half = what;
    uint32_t written;
    send(hostile, NULL, half->len, half->room, &written);
    return NULL;
}

/* Junk, as many descriptors as there may be; the disk has what it had, or what was written. */
static const char *any_chain(struct vmmp_virtio_hostile *hostile, const void *what)
{
    (void)what;
    for (unsigned i = 0; i < 200 && !broken(hostile); i++) {
        uint32_t written;
        uint32_t junk = vmmp_virtio_hostile_junk(hostile);
        vmmp_virtio_hostile_fill(hostile, hostile->buffer, 64);
        uint8_t *type = virtio_driver_at(hostile->driver, hostile->buffer, 4);
        type[0] &= 15;
        type[1] = type[2] = type[3] = 0;
        if (!send(hostile, NULL, 16 + (junk & 31), 1 + (junk >> 8 & 0x7ff), &written)) {
            return broken(hostile) ? NULL : "a request was kept";
        }
        if (written > 1 + (junk >> 8 & 0x7ff)) {
            return "more was written than there was room for";
        }
    }
    return NULL;
}

static const struct vmmp_virtio_hostile_case blk_cases[] = {
    CASE("blk: requests that cannot be", requests),
    CASE("blk: junk", any_chain),
    BREAKING("blk: a header of 15 bytes", half_requests, &(const struct half){ 15, 513 }),
    BREAKING("blk: a header of one byte", half_requests, &(const struct half){ 1, 1 }),
    BREAKING("blk: no header", half_requests, &(const struct half){ 0, 513 }),
    BREAKING("blk: no status", half_requests, &(const struct half){ 16, 0 }),
    BREAKING("blk: data and no status", half_requests, &(const struct half){ 16 + 512, 0 }),
};

/* ---- Rng ---- */

static const char *nothing_to_fill(struct vmmp_virtio_hostile *hostile, const void *what)
{
    uint32_t written = 0;
    (void)what;
    bool back = send(hostile, "read this", 9, 0, &written);
    if ((!back && !broken(hostile)) || written != 0) {
        return "a request without room was kept, or filled";
    }
    if (memcmp(virtio_driver_at(hostile->driver, hostile->buffer, 9), "read this", 9) != 0) {
        return "a buffer to read was written";
    }
    return NULL;
}

static const char *huge_requests(struct vmmp_virtio_hostile *hostile, const void *what)
{
    const struct virtio_driver_buffer buffer = { hostile->buffer, 0x10000, true };
    uint32_t id;
    uint32_t written;
    (void)what;
    for (unsigned i = 0; i < 8; i++) {
        virtio_driver_add(hostile->driver, hostile->queue, &buffer, 1);
        vmmp_virtio_hostile_strike(hostile);
        if (!virtio_driver_used(hostile->driver, hostile->queue, &id, &written) ||
            written > 0x10000) {
            return "a large request does not come back";
        }
    }
    return NULL;
}

static const struct vmmp_virtio_hostile_case rng_cases[] = {
    CASE("rng: nothing to fill", nothing_to_fill),
    CASE("rng: as much as there may be", huge_requests),
};

/* ---- Balloon ---- */

static const char *page_frames(struct vmmp_virtio_hostile *hostile, const void *what)
{
    static const uint32_t frames[] = { 0,          1,          0x3ffff,    0x40400,
                                       0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
    uint64_t before = machine_of(hostile)->bytes;
    uint32_t written;
    (void)what;
    for (uint32_t len = 1; len <= sizeof(frames); len++) {
        if (!send(hostile, frames, len, 0, &written) && !broken(hostile)) {
            return "page frames were kept";
        }
    }
    return machine_of(hostile)->bytes == before ? NULL : "pages that are not RAM were discarded";
}

static const struct vmmp_virtio_hostile_case balloon_cases[] = {
    CASE("balloon: pages that are not RAM", page_frames),
};

/* ---- Vsock ---- */

static bool said(struct vmmp_virtio_hostile *hostile, const struct vmmp_vsock_packet *packet,
                 uint32_t len)
{
    uint8_t bytes[VMMP_VIRTIO_VSOCK_HEADER + 64] = { 0 };
    uint64_t packets = machine_of(hostile)->vsock.stats.tx_packets;
    uint32_t written;
    vmmp_vsock_packet_store(packet, bytes);
    send(hostile, bytes, len, 0, &written);
    return machine_of(hostile)->vsock.stats.tx_packets != packets;
}

static const char *packets(struct vmmp_virtio_hostile *hostile, const void *what)
{
    const struct vmmp_vsock_packet good = { .src_cid = 7, .dst_cid = 2, .type = 1, .op = 5 };
    struct vmmp_vsock_packet packet = good;
    (void)what;
    if (!said(hostile, &packet, VMMP_VIRTIO_VSOCK_HEADER)) {
        return "a packet was not passed on";
    }
    packet.len = 65; /* There are 64. */
    if (said(hostile, &packet, VMMP_VIRTIO_VSOCK_HEADER + 64)) {
        return "a packet longer than its chain was passed on";
    }
    packet.len = UINT32_MAX;
    if (said(hostile, &packet, VMMP_VIRTIO_VSOCK_HEADER + 64)) {
        return "a packet of 4 GiB was passed on";
    }
    packet = good;
    packet.src_cid = 8;
    if (said(hostile, &packet, VMMP_VIRTIO_VSOCK_HEADER)) {
        return "a packet of somebody else was passed on";
    }
    packet.src_cid = UINT64_C(7) << 32 | 7;
    if (said(hostile, &packet, VMMP_VIRTIO_VSOCK_HEADER)) {
        return "a packet of a number that is cut was passed on";
    }
    for (uint32_t len = 1; len < VMMP_VIRTIO_VSOCK_HEADER; len++) {
        if (said(hostile, &good, len)) {
            return "half a header was passed on";
        }
    }
    return broken(hostile) ? "a packet broke the device" : NULL;
}

static const char *packet_junk(struct vmmp_virtio_hostile *hostile, const void *what)
{
    (void)what;
    for (unsigned i = 0; i < 300; i++) {
        struct vmmp_vsock_packet packet = { .src_cid = 7, .dst_cid = 2, .type = 1 };
        uint32_t junk = vmmp_virtio_hostile_junk(hostile);
        packet.op = (uint16_t)(junk & 15);
        packet.type = (uint16_t)(junk & 0x100 ? 1 : junk >> 12);
        packet.flags = vmmp_virtio_hostile_junk(hostile);
        packet.buf_alloc = vmmp_virtio_hostile_junk(hostile);
        packet.fwd_cnt = vmmp_virtio_hostile_junk(hostile);
        packet.len = junk & 0x200 ? junk >> 26 : 0;
        said(hostile, &packet, VMMP_VIRTIO_VSOCK_HEADER + (junk >> 26));
    }
    return broken(hostile) ? "a packet broke the device" : NULL;
}

static const struct vmmp_virtio_hostile_case vsock_cases[] = {
    CASE("vsock: packets that lie", packets),
    CASE("vsock: junk", packet_junk),
};

/* ---- All of them ---- */

static void play(enum victim kind, unsigned queue, const struct vmmp_virtio_hostile_case *rows,
                 size_t count)
{
    static const struct virtio_driver_transport *const transports[] = { &virtio_driver_pci_modern,
                                                                        &virtio_driver_mmio,
                                                                        &virtio_driver_pci_legacy };
    for (unsigned way = 0; way < 6; way++) {
        struct hostile_machine *machine =
            hostile_machine_make(kind, transports[way % 3], way != 4, way < 2);
        hostile_machine_aim(machine, queue);
        for (size_t i = 0; i < count; i++) {
            const char *wrong = vmmp_virtio_hostile_run(&machine->hostile, &rows[i]);
            if (wrong) {
                fail_msg("%s (way %u): %s", rows[i].name, way, wrong);
            }
            hostile_machine_check_other(machine);
        }
        hostile_machine_unmake(machine);
    }
}

#define PLAY(kind, queue, rows) play(kind, queue, rows, sizeof(rows) / sizeof((rows)[0]))

static void console(void **state)
{
    (void)state;
    PLAY(VICTIM_CONSOLE, 1, console_cases);
    PLAY(VICTIM_CONSOLE_PORTS, 1, console_cases);
    PLAY(VICTIM_CONSOLE_PORTS, 3, control_cases);
}

static void net(void **state)
{
    (void)state;
    PLAY(VICTIM_NET, 1, net_cases);
    PLAY(VICTIM_NET, 2, net_control_cases);
}

static void blk(void **state)
{
    (void)state;
    PLAY(VICTIM_BLK, 0, blk_cases);
}

static void rng(void **state)
{
    (void)state;
    PLAY(VICTIM_RNG, 0, rng_cases);
}

static void balloon(void **state)
{
    (void)state;
    PLAY(VICTIM_BALLOON, 0, balloon_cases);
    PLAY(VICTIM_BALLOON, 1, balloon_cases);
}

static void vsock(void **state)
{
    (void)state;
    PLAY(VICTIM_VSOCK, 1, vsock_cases);
}

int test_hostile_devices(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console), cmocka_unit_test(net),     cmocka_unit_test(blk),
        cmocka_unit_test(rng),     cmocka_unit_test(balloon), cmocka_unit_test(vsock),
    };
    return cmocka_run_group_tests_name("hostile_devices", tests, NULL, NULL);
}
