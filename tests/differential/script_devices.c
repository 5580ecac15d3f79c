/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of disks and balloons. */
#include <stdio.h>
#include <string.h>

#include "script.h"
#include "virtio/virtio_balloon_parts.h"
#include "virtio/virtio_blk_internal.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

/* Places in the run's data. */
#define HEADER 0u
#define STATUS 0x100u
#define DATA   0x1000u

#define SECTORS ((uint32_t)(MACHINE_DISK_SIZE / 512))

struct request {
    const char *name;
    uint32_t type;
    uint64_t sector;
    uint32_t bytes; /* Of data, full of `fill`, readable for what writes. */
    uint8_t fill;
    bool readable;
};

static const struct request requests[] = {
    { "read", VIRTIO_BLK_T_IN, 0, 512, 0, false },
    { "write", VIRTIO_BLK_T_OUT, 8, 4096, 0x77, true },
    { "read what was written", VIRTIO_BLK_T_IN, 15, 1024, 0, false },
    { "read the last sector", VIRTIO_BLK_T_IN, SECTORS - 1, 512, 0, false },
    { "read beyond the end", VIRTIO_BLK_T_IN, SECTORS, 512, 0, false },
    { "read over the end", VIRTIO_BLK_T_IN, SECTORS - 1, 1024, 0, false },
    { "read from a sector whose byte wraps around", VIRTIO_BLK_T_IN, UINT64_C(1) << 55, 512, 0,
      false },
    { "write beyond the end", VIRTIO_BLK_T_OUT, SECTORS, 512, 1, true },
    { "read half a sector", VIRTIO_BLK_T_IN, 0, 256, 0, false },
    { "write a sector and a half", VIRTIO_BLK_T_OUT, 0, 768, 1, true },
    { "read nothing", VIRTIO_BLK_T_IN, 0, 0, 0, false },
    { "write nothing", VIRTIO_BLK_T_OUT, 0, 0, 0, true },
    { "flush", VIRTIO_BLK_T_FLUSH, 0, 0, 0, false },
    { "flush with a sector", VIRTIO_BLK_T_FLUSH, 5, 0, 0, false },
    { "id", VIRTIO_BLK_T_GET_ID, 0, 20, 0, false },
    { "id in 5 bytes", VIRTIO_BLK_T_GET_ID, 0, 5, 0, false },
    { "id in 64 bytes", VIRTIO_BLK_T_GET_ID, 0, 64, 0, false },
    { "id in no bytes", VIRTIO_BLK_T_GET_ID, 0, 0, 0, false },
    { "type 2", 2, 0, 512, 0, false },
    { "type 5", 5, 0, 0, 0, false },
    { "type 99", 99, 0, 512, 0, true },
    { "read into what may not be written", VIRTIO_BLK_T_IN, 0, 512, 0, true },
    { "write from what may not be read", VIRTIO_BLK_T_OUT, 0, 512, 0, false },
};

static void header(struct run *run, uint32_t type, uint64_t sector)
{
    struct virtio_blk_header *place = (void *)at(run, run->data + HEADER, sizeof(*place));
    place->type = vmmp_le32(type);
    place->reserved = vmmp_le32(0);
    place->sector = vmmp_le64(sector);
    *at(run, run->data + STATUS, 1) = 0xff;
}

static void note_request(struct run *run, const char *name,
                         const struct vmmp_virtio_driver_buffer *buffers, unsigned count)
{
    uint32_t id, len;
    vmmp_virtio_driver_add(&run->driver, 0, buffers, count);
    bool used = strike(run, 0, &id, &len);
    unsigned answer = *at(run, run->data + STATUS, 1);
    unsigned now = status(run) & VIRTIO_STATUS_NEEDS_RESET;
    const char *broken = now ? " needs reset" : "";
    if (used) {
        note(run, name, "status %x used %u%s", answer, len, broken);
    } else {
        note(run, name, "nothing%s", broken);
    }
    if (!used || !works(run)) {
        start(run, run->driver.features, 1);
    }
}

/* A checksum that tells apart what these scripts write. */
static unsigned sum(struct run *run, uint64_t gpa, uint32_t bytes)
{
    const uint8_t *data = at(run, gpa, bytes);
    unsigned value = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        value = value * 31 + data[i];
    }
    return value;
}

static void play_request(struct run *run, const struct request *request)
{
    uint64_t data = run->data + DATA;
    header(run, request->type, request->sector);
    memset(at(run, data, 0x2000), request->fill, 0x2000);
    const struct vmmp_virtio_driver_buffer full[3] = {
        { run->data + HEADER, 16, false },
        { data, request->bytes, !request->readable },
        { run->data + STATUS, 1, true },
    };
    const struct vmmp_virtio_driver_buffer bare[2] = { full[0], full[2] };
    note_request(run, request->name, request->bytes ? full : bare, request->bytes ? 3 : 2);
    if (!request->readable && request->bytes) {
        note(run, step("data of %s", request->name), "%x", sum(run, data, 0x1000));
    }
}

static void play_layouts(struct run *run)
{
    uint64_t base = run->data;
    const struct {
        const char *name;
        struct vmmp_virtio_driver_buffer buffers[5];
        unsigned count;
    } rows[] = {
        { "header in two",
          { { base, 8, false },
            { base + 8, 8, false },
            { base + DATA, 512, true },
            { base + STATUS, 1, true } },
          4 },
        { "data in three",
          { { base, 16, false },
            { base + DATA, 1, true },
            { base + DATA + 1, 510, true },
            { base + DATA + 511, 1, true },
            { base + STATUS, 1, true } },
          5 },
        { "status behind the data in one", { { base, 16, false }, { base + DATA, 513, true } }, 2 },
        { "no status", { { base, 16, false } }, 1 },
        { "short header",
          { { base, 8, false }, { base + DATA, 512, true }, { base + STATUS, 1, true } },
          3 },
        { "no header", { { base + DATA, 512, true }, { base + STATUS, 1, true } }, 2 },
        { "empty status", { { base, 16, false }, { base + STATUS, 0, true } }, 2 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        header(run, VIRTIO_BLK_T_IN, 0);
        note_request(run, rows[i].name, rows[i].buffers, rows[i].count);
    }
}

static void play_ranges(struct run *run)
{
    static const struct {
        const char *name;
        struct {
            uint64_t sector;
            uint32_t count;
            uint32_t flags;
        } ranges[2];
        uint32_t type;
        uint32_t bytes;
    } rows[] = {
        { "discard", { { 64, 8, 0 } }, VIRTIO_BLK_T_DISCARD, 16 },
        { "discard with the unmap flag", { { 64, 8, 1 } }, VIRTIO_BLK_T_DISCARD, 16 },
        { "discard with an unknown flag", { { 64, 8, 2 } }, VIRTIO_BLK_T_DISCARD, 16 },
        { "discard nothing", { { 64, 0, 0 } }, VIRTIO_BLK_T_DISCARD, 16 },
        { "discard over the end", { { SECTORS - 1, 8, 0 } }, VIRTIO_BLK_T_DISCARD, 16 },
        { "discard two ranges", { { 64, 8, 0 }, { 80, 8, 0 } }, VIRTIO_BLK_T_DISCARD, 32 },
        { "discard half a range", { { 64, 8, 0 } }, VIRTIO_BLK_T_DISCARD, 8 },
        { "discard a range and a half", { { 64, 8, 0 } }, VIRTIO_BLK_T_DISCARD, 24 },
        { "zeroes", { { 128, 8, 0 } }, VIRTIO_BLK_T_WRITE_ZEROES, 16 },
        { "zeroes that may unmap", { { 128, 8, 1 } }, VIRTIO_BLK_T_WRITE_ZEROES, 16 },
        { "zeroes with an unknown flag", { { 128, 8, 4 } }, VIRTIO_BLK_T_WRITE_ZEROES, 16 },
        { "zeroes over the end", { { SECTORS, 1, 0 } }, VIRTIO_BLK_T_WRITE_ZEROES, 16 },
        { "zeroes of two ranges", { { 128, 8, 0 }, { 8, 8, 0 } }, VIRTIO_BLK_T_WRITE_ZEROES, 32 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct virtio_blk_segment *place = (void *)at(run, run->data + DATA, 64);
        for (unsigned range = 0; range < 2; range++) {
            place[range].sector = vmmp_le64(rows[i].ranges[range].sector);
            place[range].num_sectors = vmmp_le32(rows[i].ranges[range].count);
            place[range].flags = vmmp_le32(rows[i].ranges[range].flags);
        }
        const struct vmmp_virtio_driver_buffer buffers[3] = {
            { run->data, 16, false },
            { run->data + DATA, rows[i].bytes, false },
            { run->data + STATUS, 1, true },
        };
        header(run, rows[i].type, 0);
        note_request(run, rows[i].name, buffers, 3);
    }
    const struct request look = { "read the zeroes", VIRTIO_BLK_T_IN, 127, 1024, 1, false };
    play_request(run, &look);
}

#define BLK_FEATURES                                                                   \
    (BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_DISCARD) | \
     BIT(VIRTIO_BLK_F_WRITE_ZEROES) | BIT(VIRTIO_F_ANY_LAYOUT))

void play_blk(struct run *run)
{
    struct ways ways = { 0 };
    while (next_way(run, &ways)) {
        if (!start(run, ways.features | BLK_FEATURES, 1)) {
            continue;
        }
        for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
            play_request(run, &requests[i]);
        }
        play_layouts(run);
        play_ranges(run);
        if (start(run, ways.features, 1)) {
            const struct request flush = {
                "flush not negotiated", VIRTIO_BLK_T_FLUSH, 0, 0, 0, false
            };
            play_request(run, &flush);
        }
    }
}

/* ---- Balloons ---- */

static void play_pages(struct run *run, const char *name, unsigned queue, uint32_t frame,
                       uint32_t bytes)
{
    uint8_t *place = at(run, run->data, 4);
    for (unsigned i = 0; i < 4; i++) {
        place[i] = (uint8_t)(frame >> 8 * i);
    }
    const struct vmmp_virtio_driver_buffer buffer = { run->data, bytes, false };
    vmmp_virtio_driver_add(&run->driver, queue, &buffer, 1);
    if (!strike_and_note(run, queue, name) || !works(run)) {
        start(run, run->driver.features, 3);
    }
}

/* The first buffer stays with the device until it wants statistics (5.5.6.3). */
static void play_statistics(struct run *run)
{
    const struct vmmp_virtio_driver_buffer buffer = { run->data, 10, false };
    static const char *const names[] = { "statistics that nobody asked for",
                                         "statistics a second time" };
    for (unsigned i = 0; i < 2; i++) {
        vmmp_virtio_driver_add(&run->driver, 2, &buffer, 1);
        strike_and_note(run, 2, names[i]);
    }
}

void play_balloon(struct run *run)
{
    struct ways ways = { 0 };
    while (next_way(run, &ways)) {
        if (!start(run, ways.features | BIT(VIRTIO_BALLOON_F_STATS_VQ), 3)) {
            continue;
        }
        uint32_t page = (uint32_t)((run->data + 0x8000) >> 12);
        play_pages(run, "inflate a page", 0, page, 4);
        play_pages(run, "inflate it again", 0, page, 4);
        play_pages(run, "deflate it", 1, page, 4);
        play_pages(run, "deflate one that is not in it", 1, page + 1, 4);
        play_pages(run, "inflate a page that is none", 0, (uint32_t)(run->machine->nowhere >> 12),
                   4);
        play_pages(run, "inflate the last page of addresses", 0, UINT32_MAX, 4);
        play_pages(run, "inflate half a number", 0, page, 2);
        play_pages(run, "inflate no number", 0, page, 0);
        play_statistics(run);
    }
}
