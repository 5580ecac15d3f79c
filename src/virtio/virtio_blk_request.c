/* SPDX-License-Identifier: BSD-2-Clause */
/* The requests of virtio-blk: parsing, checks, steps, answers (virtio 1.2, 5.2.6). */
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include <errno.h>
#include <string.h>

#include "virtio/iovec.h"
#include "virtio/virtio_blk_internal.h"

/* What a driver says: the header, and its data on either side of the chain. */
struct parsed {
    uint32_t type;
    uint64_t sector;
    struct vmmp_iovec *out; /* After the header. */
    unsigned out_count;
    uint32_t out_bytes;
    struct vmmp_iovec *in; /* Before the status. */
    unsigned in_count;
    uint32_t in_bytes;
};

/* ---- The end of a request ---- */

/*
 * 2.7.8.2: the length counts from the first writable byte, and all of it has been written. So the
 * status, which comes last, is only counted where everything before it is good.
 */
static void finish(struct vmmp_virtio_blk_request *request, uint8_t status)
{
    struct vmmp_virtio_blk *blk = request->blk;
    uint32_t valid = status == VIRTIO_BLK_S_OK ? request->answer_valid : 0;

    /* The driver has given up the queue: its memory is no longer ours. */
    if (request->epoch == blk->epochs[request->queue]) {
        *(volatile uint8_t *)request->status = status;
        vmmp_virtio_push(&blk->virtio, request->queue, &request->token,
                         valid == request->answer ? valid + 1 : valid);
        blk->dirty |= UINT32_C(1) << request->queue;
    }
    vmmp_virtio_blk_give(blk, request);
}

static void refuse(struct vmmp_virtio_blk_request *request, uint8_t status, const char *why,
                   uint32_t value)
{
    request->blk->statistics.refused++;
    vmmp_virtio_misuse(&request->blk->virtio, why, value);
    finish(request, status);
}

static void say_failed(struct vmmp_virtio_blk *blk, const struct vmmp_blk_request *io, int error)
{
    static const char *const names[] = {
        [VMMP_BLK_READ] = "read",
        [VMMP_BLK_WRITE] = "write",
        [VMMP_BLK_FLUSH] = "flush",
        [VMMP_BLK_DISCARD] = "discard",
        [VMMP_BLK_WRITE_ZEROES] = "write of zeroes",
    };
    uint64_t count = ++blk->statistics.failed;
    /* As often as guests are quoted: a disk that is full can fail a million times. */
    if (count <= 8 || (count & (count - 1)) == 0) {
        vmmp_log(blk->virtio.log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "virtio-blk: %s of %llu bytes at %llu failed: %s (error %d, %llu so far)",
                 names[io->op], (unsigned long long)io->length, (unsigned long long)io->offset,
                 error == -ENOSPC ? "no space left" : "the backend reported an error", -error,
                 (unsigned long long)count);
    }
}

static uint8_t status_of(struct vmmp_virtio_blk_request *request, int error)
{
    struct vmmp_virtio_blk *blk = request->blk;
    if (error == 0) {
        return VIRTIO_BLK_S_OK;
    }
    if (request->epoch == blk->epochs[request->queue]) {
        say_failed(blk, &request->io, error);
    }
    return error == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

/* ---- Steps: the parts of the disk one after the other, then the flush ---- */

static bool prepare_step(struct vmmp_virtio_blk_request *request)
{
    struct vmmp_blk_request *io = &request->io;
    if (request->range < request->ranges) {
        io->offset = request->parts[request->range].offset;
        io->length = request->parts[request->range].length;
        request->range++;
        return true;
    }
    if (request->flush) {
        request->flush = false;
        io->op = VMMP_BLK_FLUSH;
        io->offset = 0;
        io->length = 0;
        io->iov_count = 0;
        return true;
    }
    return false;
}

static void step_done(void *cookie, struct vmmp_blk_request *io, int error);

/* Does steps until one takes its time. */
static void run(struct vmmp_virtio_blk_request *request)
{
    struct vmmp_virtio_blk *blk = request->blk;
    int error = 0;

    while (error == 0 && request->epoch == blk->epochs[request->queue] && prepare_step(request)) {
        request->io.depth = 0;
        vmmp_blk_push(&request->io, step_done, request);
        request->completed = false;
        request->submitting = true;
        blk->commit_due = true;
        vmmp_blk_submit(&blk->backend, &request->io);
        request->submitting = false;
        if (!request->completed) {
            return;
        }
        error = request->error;
    }
    finish(request, status_of(request, error));
}

static void step_done(void *cookie, struct vmmp_blk_request *io, int error)
{
    struct vmmp_virtio_blk_request *request = cookie;
    struct vmmp_virtio_blk *blk = request->blk;
    (void)io;
    if (request->submitting) {
        request->completed = true;
        request->error = error;
        return;
    }
    if (error != 0) {
        finish(request, status_of(request, error));
    } else {
        run(request);
    }
    vmmp_virtio_blk_settle_soon(blk);
}

/* ---- Parsing ---- */

/* Any split over descriptors will do (2.7.4). False if the chain cannot be answered. */
static bool parse(struct vmmp_virtio_blk_request *request, const struct vmmp_virtqueue_chain *chain,
                  struct parsed *parsed)
{
    struct vmmp_virtio_device *dev = &request->blk->virtio;
    struct virtio_blk_header header;

    if (chain->readable_bytes < sizeof(header)) {
        vmmp_virtio_broken(dev, "request without a whole header");
        return false;
    }
    if (chain->writable_bytes == 0) {
        vmmp_virtio_broken(dev, "request without room for its status");
        return false;
    }
    if (chain->iov[0].len >= sizeof(header)) {
        memcpy(&header, chain->iov[0].base, sizeof(header));
    } else {
        vmmp_iovec_read(chain->iov, chain->readable, 0, &header, sizeof(header));
    }
    parsed->type = vmmp_le32_get(header.type);
    parsed->sector = vmmp_le64_get(header.sector);
    unsigned at = vmmp_iovec_skip(chain->iov, 0, chain->readable, sizeof(header));
    parsed->out = &chain->iov[at];
    parsed->out_count = chain->readable - at;
    parsed->out_bytes = chain->readable_bytes - (uint32_t)sizeof(header);
    parsed->in = &chain->iov[chain->readable];
    parsed->in_count = chain->writable;
    parsed->in_bytes = chain->writable_bytes - 1;
    struct vmmp_iovec *last = &parsed->in[parsed->in_count - 1];
    last->len--;
    request->status = (uint8_t *)last->base + last->len;
    parsed->in_count -= last->len == 0;
    request->answer = parsed->in_bytes;
    request->answer_valid = parsed->in_bytes;
    return true;
}

/* ---- Kinds of requests ---- */

/* `sectors` from `sector` on lie on the disk; nothing here wraps. */
static bool on_disk(const struct vmmp_virtio_blk *blk, uint64_t sector, uint64_t sectors)
{
    uint64_t capacity = blk->info.capacity / VMMP_BLK_SECTOR;
    return sector <= capacity && sectors <= capacity - sector;
}

/* 5.2.6.2: whether the driver counts on writes being stable when they complete. */
static bool writes_stable(const struct vmmp_virtio_blk *blk)
{
    const struct vmmp_virtio_device *dev = &blk->virtio;
    if (vmmp_virtio_has_feature(dev, VIRTIO_BLK_F_CONFIG_WCE)) {
        return blk->writeback_set ? !blk->writeback
                                  : !vmmp_virtio_has_feature(dev, VIRTIO_BLK_F_FLUSH);
    }
    return !vmmp_virtio_has_feature(dev, VIRTIO_BLK_F_FLUSH);
}

static void set_stable(struct vmmp_virtio_blk_request *request)
{
    bool stable = writes_stable(request->blk);
    request->io.stable = stable && request->blk->info.stable_writes;
    request->flush = stable && !request->blk->info.stable_writes;
}

static void transfer(struct vmmp_virtio_blk_request *request, const struct parsed *parsed,
                     bool write)
{
    struct vmmp_virtio_blk *blk = request->blk;
    uint32_t bytes = write ? parsed->out_bytes : parsed->in_bytes;

    if ((write ? parsed->in_bytes : parsed->out_bytes) != 0) {
        refuse(request, VIRTIO_BLK_S_IOERR, "data of the wrong direction, bytes",
               write ? parsed->in_bytes : parsed->out_bytes);
        return;
    }
    if (write && blk->info.read_only) {
        refuse(request, VIRTIO_BLK_S_IOERR, "write to a read-only disk, sector",
               (uint32_t)parsed->sector);
        return;
    }
    if (bytes % VMMP_BLK_SECTOR != 0) {
        refuse(request, VIRTIO_BLK_S_IOERR, "length is not whole sectors", bytes);
        return;
    }
    if (!on_disk(blk, parsed->sector, bytes / VMMP_BLK_SECTOR)) {
        refuse(request, VIRTIO_BLK_S_IOERR, "request beyond the end of the disk, sector",
               (uint32_t)parsed->sector);
        return;
    }
    if (write) {
        blk->statistics.writes++;
        blk->statistics.written_bytes += bytes;
        set_stable(request);
    } else {
        blk->statistics.reads++;
        blk->statistics.read_bytes += bytes;
    }
    request->io.op = write ? VMMP_BLK_WRITE : VMMP_BLK_READ;
    request->io.iov = write ? parsed->out : parsed->in;
    request->io.iov_count = write ? parsed->out_count : parsed->in_count;
    request->ranges = bytes != 0;
    request->parts[0] = (struct vmmp_virtio_blk_range){ parsed->sector * VMMP_BLK_SECTOR, bytes };
    run(request);
}

static void flush(struct vmmp_virtio_blk_request *request)
{
    request->blk->statistics.flushes++;
    request->flush = true;
    run(request);
}

/* 5.2.6: 20 bytes, zeroes after the string; more room than that is left alone. */
static void get_id(struct vmmp_virtio_blk_request *request, const struct parsed *parsed)
{
    if (parsed->in_bytes < VMMP_VIRTIO_BLK_ID_SIZE) {
        refuse(request, VIRTIO_BLK_S_IOERR, "too little room for the ID, bytes", parsed->in_bytes);
        return;
    }
    vmmp_iovec_write(parsed->in, parsed->in_count, 0, request->blk->id, VMMP_VIRTIO_BLK_ID_SIZE);
    request->answer_valid = VMMP_VIRTIO_BLK_ID_SIZE;
    finish(request, VIRTIO_BLK_S_OK);
}

/* Checks a segment, and makes it a part to do if there is anything to do. */
static bool add_segment(struct vmmp_virtio_blk_request *request,
                        const struct virtio_blk_segment *segment, const char **why)
{
    uint64_t sector = vmmp_le64_get(segment->sector);
    uint32_t sectors = vmmp_le32_get(segment->num_sectors);
    uint32_t flags = vmmp_le32_get(segment->flags);

    if (sectors > vmmp_virtio_blk_range_sectors(request->blk)) {
        *why = "segment is larger than the device takes, segment";
        return false;
    }
    if (!on_disk(request->blk, sector, sectors)) {
        *why = "segment beyond the end of the disk, segment";
        return false;
    }
    /* One request to the backend has one `unmap`: all segments must agree for it to be set. */
    request->io.unmap &= (flags & VIRTIO_BLK_SEGMENT_UNMAP) != 0;
    if (sectors > 0) {
        request->parts[request->ranges].offset = sector * VMMP_BLK_SECTOR;
        request->parts[request->ranges].length = (uint64_t)sectors * VMMP_BLK_SECTOR;
        request->ranges++;
        /* A backend may do all of it at once. */
        vmmp_virtio_spend(&request->blk->virtio, request->queue,
                          (uint64_t)sectors * VMMP_BLK_SECTOR);
    }
    return true;
}

/* The first segment with flags that are not known; `count` if there is none. */
static uint32_t find_unknown_flags(const struct virtio_blk_segment *segments, uint32_t count,
                                   uint32_t known)
{
    uint32_t i = 0;
    while (i < count && !(vmmp_le32_get(segments[i].flags) & ~known)) {
        i++;
    }
    return i;
}

static void change_ranges(struct vmmp_virtio_blk_request *request, const struct parsed *parsed,
                          bool zeroes)
{
    struct vmmp_virtio_blk *blk = request->blk;
    unsigned bit = zeroes ? VIRTIO_BLK_F_WRITE_ZEROES : VIRTIO_BLK_F_DISCARD;
    struct virtio_blk_segment segments[VMMP_VIRTIO_BLK_SEGMENTS];
    uint32_t count = parsed->out_bytes / (uint32_t)sizeof(segments[0]);

    if (blk->info.read_only) {
        refuse(request, VIRTIO_BLK_S_IOERR, "change of a read-only disk, request", parsed->type);
        return;
    }
    if (!vmmp_virtio_has_feature(&blk->virtio, bit)) {
        refuse(request, VIRTIO_BLK_S_UNSUPP, "request of a kind not negotiated", parsed->type);
        return;
    }
    if (parsed->in_bytes != 0 || count == 0 || count > VMMP_VIRTIO_BLK_SEGMENTS ||
        parsed->out_bytes % sizeof(segments[0]) != 0) {
        refuse(request, VIRTIO_BLK_S_IOERR, "segments are missing, too many or not whole, bytes",
               parsed->out_bytes);
        return;
    }
    vmmp_iovec_read(parsed->out, parsed->out_count, 0, segments, parsed->out_bytes);
    request->io.op = zeroes ? VMMP_BLK_WRITE_ZEROES : VMMP_BLK_DISCARD;
    request->io.unmap = zeroes;
    /* 5.2.6.2: whatever else is wrong with the request. */
    uint32_t unknown = find_unknown_flags(segments, count, zeroes ? VIRTIO_BLK_SEGMENT_UNMAP : 0);
    if (unknown < count) {
        refuse(request, VIRTIO_BLK_S_UNSUPP, "segment flags are not supported, segment", unknown);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *why = NULL;
        if (!add_segment(request, &segments[i], &why)) {
            refuse(request, VIRTIO_BLK_S_IOERR, why, i);
            return;
        }
    }
    blk->statistics.discards++;
    set_stable(request);
    run(request);
}

void vmmp_virtio_blk_start(struct vmmp_virtio_blk_request *request,
                           const struct vmmp_virtqueue_chain *chain)
{
    struct parsed parsed;

    request->token = chain->token;
    request->range = 0;
    request->ranges = 0;
    request->flush = false;
    request->io.stable = false;
    request->io.unmap = false;
    request->io.iov_count = 0;
    if (!parse(request, chain, &parsed)) {
        vmmp_virtio_blk_give(request->blk, request);
        return;
    }
    switch (parsed.type) {
    case VIRTIO_BLK_T_IN:
        transfer(request, &parsed, false);
        break;
    case VIRTIO_BLK_T_OUT:
        transfer(request, &parsed, true);
        break;
    case VIRTIO_BLK_T_FLUSH:
        flush(request);
        break;
    case VIRTIO_BLK_T_GET_ID:
        get_id(request, &parsed);
        break;
    case VIRTIO_BLK_T_DISCARD:
        change_ranges(request, &parsed, false);
        break;
    case VIRTIO_BLK_T_WRITE_ZEROES:
        change_ranges(request, &parsed, true);
        break;
    default:
        refuse(request, VIRTIO_BLK_S_UNSUPP, "unknown request", parsed.type);
        break;
    }
}
