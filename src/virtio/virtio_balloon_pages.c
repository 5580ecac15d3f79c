/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that the guest gives up or takes back, passed on as ranges. */
#include <string.h>

#include "virtio/virtio_balloon_parts.h"

/* Page frames read at once: what Linux puts into a request. */
#define BATCH 256u

enum fate {
    DISCARD,
    POPULATE,
    HINT,
    HINT_IN_KICK,
};

/* Neighbours that wait to be passed on as one. Empty: both ends are 0. */
struct range {
    struct vmmp_virtio_balloon *balloon;
    enum fate fate;
    uint64_t start;
    uint64_t end;
};

static int pass_on(const struct vmmp_balloon_backend *backend, enum fate fate, vmmp_gpa_t gpa,
                   uint64_t len)
{
    if (fate == DISCARD) {
        return backend->discard ? backend->discard(backend->cookie, gpa, len) : 0;
    }
    if (fate == POPULATE) {
        return backend->populate(backend->cookie, gpa, len);
    }
    if (backend->hinted) {
        backend->hinted(backend->cookie, gpa, len, fate == HINT_IN_KICK);
    }
    return 0;
}

static void range_flush(struct range *range)
{
    struct vmmp_virtio_balloon *balloon = range->balloon;
    if (range->start == range->end) {
        return;
    }
    if (range->fate == POPULATE && !balloon->backend.populate) {
        range->start = range->end = 0;
        return;
    }
    balloon->discarded |= range->fate == DISCARD;
    int result =
        pass_on(&balloon->backend, range->fate, vmmp_gpa(range->start), range->end - range->start);
    balloon->counters.ranges++;
    if (result != 0) {
        balloon->counters.failures++;
        if (!balloon->failed) {
            balloon->failed = true;
            vmmp_log(balloon->virtio.log, VMMP_LOG_WARNING, VMMP_LOG_HOST,
                     "virtio-balloon: the host could not %s %ju KiB at %#jx (error %d); "
                     "said only once",
                     range->fate == DISCARD ? "take back" : "give",
                     (uintmax_t)((range->end - range->start) >> 10), (uintmax_t)range->start,
                     -result);
        }
    }
    range->start = range->end = 0;
}

static bool one_region(const struct vmmp_virtio_balloon *balloon, uint64_t start, uint64_t end)
{
    return end - start <= SIZE_MAX &&
           vmmp_guest_memory_span(balloon->virtio.memory, vmmp_gpa(start), (size_t)(end - start));
}

/* Drivers hand out their pages in either direction. The addresses are RAM: nothing wraps. */
static void range_add(struct range *range, uint64_t start, uint64_t end)
{
    bool touches = start <= range->end && end >= range->start && range->start != range->end;
    uint64_t low = start < range->start ? start : range->start;
    uint64_t high = end > range->end ? end : range->end;
    if (touches && one_region(range->balloon, low, high)) {
        range->start = low;
        range->end = high;
        return;
    }
    range_flush(range);
    range->start = start;
    range->end = end;
}

/* ---- Inflate and deflate (5.5.6) ---- */

static void take_frames(struct vmmp_virtio_balloon *balloon,
                        const struct vmmp_virtqueue_chain *chain, struct range *range,
                        uint64_t *counter)
{
    vmmp_le32_t frames[BATCH];
    uint32_t total = chain->readable_bytes / (uint32_t)sizeof(frames[0]);
    if (total > VMMP_VIRTIO_BALLOON_PFNS) {
        vmmp_virtio_misuse(&balloon->virtio, "page frames ignored beyond the first 16384 of",
                           total);
        total = VMMP_VIRTIO_BALLOON_PFNS;
    }
    for (uint32_t done = 0; done < total; done += BATCH) {
        uint32_t count = total - done < BATCH ? total - done : BATCH;
        vmmp_iovec_read(chain->iov, chain->readable, (uint64_t)done * sizeof(frames[0]), frames,
                        count * sizeof(frames[0]));
        for (uint32_t i = 0; i < count; i++) {
            uint64_t start = vmmp_le32_get(frames[i]) * VMMP_VIRTIO_BALLOON_PAGE;
            if (one_region(balloon, start, start + VMMP_VIRTIO_BALLOON_PAGE)) {
                range_add(range, start, start + VMMP_VIRTIO_BALLOON_PAGE);
                *counter += VMMP_VIRTIO_BALLOON_PAGE;
            } else {
                balloon->counters.refused++;
                vmmp_virtio_misuse(&balloon->virtio, "page frame is not RAM",
                                   vmmp_le32_get(frames[i]));
            }
        }
    }
    range_flush(range);
}

enum vmmp_virtio_progress vmmp_balloon_frames(struct vmmp_virtio_balloon *balloon, unsigned queue)
{
    bool inflate = balloon->roles[queue] == VMMP_BALLOON_INFLATE;
    struct vmmp_virtqueue_chain chain = balloon_chain(balloon);
    struct range range = { .balloon = balloon, .fate = inflate ? DISCARD : POPULATE };
    struct vmmp_balloon_counters *counters = &balloon->counters;
    uint64_t turn = 0;

    while (vmmp_virtio_pop(&balloon->virtio, queue, &chain)) {
        take_frames(balloon, &chain, &range, inflate ? &counters->inflated : &counters->deflated);
        vmmp_virtio_push(&balloon->virtio, queue, &chain.token, 0);
        turn += chain.readable_bytes;
        if (turn >= VMMP_VIRTIO_BALLOON_TURN_BYTES && vmmp_host_can_defer(&balloon->virtio.host)) {
            vmmp_virtio_resume(&balloon->virtio, queue);
            return VMMP_VIRTIO_WAITING;
        }
    }
    return VMMP_VIRTIO_DRAINED;
}

void vmmp_balloon_populate_all(struct vmmp_virtio_balloon *balloon)
{
    const struct vmmp_guest_memory *memory = balloon->virtio.memory;
    struct range range = { .balloon = balloon, .fate = POPULATE };
    for (unsigned i = 0; balloon->backend.populate && i < memory->region_count; i++) {
        range.start = memory->regions[i].start;
        range.end = range.start + memory->regions[i].size;
        range_flush(&range);
    }
}

/* ---- Reports and hints: the pages are the buffers ---- */

static uint64_t take_buffers(struct vmmp_virtio_balloon *balloon,
                             const struct vmmp_virtqueue_chain *chain, struct range *range)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < chain->writable; i++) {
        const struct vmmp_iovec *iov = &chain->iov[chain->readable + i];
        vmmp_gpa_t gpa;
        if (!vmmp_guest_memory_find(balloon->virtio.memory, iov->base, &gpa)) {
            continue;
        }
        /* Only whole pages have been given up. */
        uint64_t mask = VMMP_VIRTIO_BALLOON_PAGE - 1;
        uint64_t start = (gpa.gpa + mask) & ~mask;
        uint64_t end = (gpa.gpa + iov->len) & ~mask;
        if (start < end) {
            range_add(range, start, end);
            bytes += end - start;
        }
    }
    range_flush(range);
    return bytes;
}

/*
 * 5.5.6.7. Discarded pages read as zeroes: a guest whose free pages hold something else
 * (F_PAGE_POISON) keeps them.
 */
enum vmmp_virtio_progress vmmp_balloon_reports(struct vmmp_virtio_balloon *balloon, unsigned queue)
{
    struct vmmp_virtqueue_chain chain = balloon_chain(balloon);
    struct range range = { .balloon = balloon, .fate = DISCARD };

    while (vmmp_virtio_pop(&balloon->virtio, queue, &chain)) {
        if (balloon->poison == 0) {
            balloon->counters.reported += take_buffers(balloon, &chain, &range);
        }
        vmmp_virtio_push(&balloon->virtio, queue, &chain.token, 0);
    }
    return VMMP_VIRTIO_DRAINED;
}

/* 5.5.6.5: the driver names the round that the following pages belong to, or ends it. */
static void hear_command(struct vmmp_virtio_balloon *balloon,
                         const struct vmmp_virtqueue_chain *chain)
{
    vmmp_le32_t id;
    if (chain->readable_bytes != sizeof(id)) {
        vmmp_virtio_misuse(&balloon->virtio, "hint command of wrong size", chain->readable_bytes);
        return;
    }
    vmmp_iovec_read(chain->iov, chain->readable, 0, &id, sizeof(id));
    uint32_t command = vmmp_le32_get(id);
    bool ends = balloon->hint_under_way && command == VIRTIO_BALLOON_CMD_ID_STOP;
    balloon->hint_under_way =
        command >= VIRTIO_BALLOON_CMD_ID_MIN && command == balloon->hint_command;
    if (!ends) {
        return;
    }
    balloon->hint_rounds++;
    if (balloon->backend.hints_end) {
        balloon->backend.hints_end(balloon->backend.cookie);
    } else {
        vmmp_virtio_balloon_hint(balloon, VMMP_BALLOON_HINT_DONE);
    }
}

enum vmmp_virtio_progress vmmp_balloon_hints(struct vmmp_virtio_balloon *balloon, unsigned queue)
{
    struct vmmp_virtqueue_chain chain = balloon_chain(balloon);
    uint64_t kicks = balloon->queues[queue].kicks;
    struct range range = { .balloon = balloon,
                           .fate = kicks != balloon->hint_kicks ? HINT_IN_KICK : HINT };

    balloon->hint_kicks = kicks;
    while (vmmp_virtio_pop(&balloon->virtio, queue, &chain)) {
        if (chain.readable > 0) {
            hear_command(balloon, &chain);
        }
        if (balloon->hint_under_way) {
            balloon->counters.hinted += take_buffers(balloon, &chain, &range);
        }
        vmmp_virtio_push(&balloon->virtio, queue, &chain.token, 0);
    }
    return VMMP_VIRTIO_DRAINED;
}
