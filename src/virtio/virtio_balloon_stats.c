/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory statistics (5.5.6.3): the device keeps the driver's one buffer and asks by giving it back;
 * the driver answers with a new one.
 */
#include <errno.h>
#include <string.h>

#include "virtio/virtio_balloon_parts.h"

/* struct virtio_balloon_stat: le16 tag, le64 val, packed */
#define ENTRY_SIZE  10u
#define ENTRY_VALUE 2u
/* More than there are tags; the rest of a report is ignored. */
#define ENTRIES 64u

static uint64_t little_endian(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static void take_report(struct vmmp_virtio_balloon *balloon,
                        const struct vmmp_virtqueue_chain *chain)
{
    uint8_t entries[ENTRIES * ENTRY_SIZE];
    struct vmmp_balloon_stats *stats = &balloon->stats;
    size_t bytes = vmmp_iovec_read(chain->iov, chain->readable, 0, entries, sizeof(entries));

    stats->valid = 0;
    for (size_t at = 0; at + ENTRY_SIZE <= bytes; at += ENTRY_SIZE) {
        uint64_t tag = little_endian(&entries[at], ENTRY_VALUE);
        if (tag < VMMP_BALLOON_STATS) {
            stats->value[tag] = little_endian(&entries[at + ENTRY_VALUE], 8);
            stats->valid |= UINT32_C(1) << tag;
        }
    }
    stats->reports++;
    stats->time_ns = vmmp_host_now(&balloon->virtio.host);
    balloon_changed(balloon);
}

enum vmmp_virtio_progress vmmp_balloon_stats(struct vmmp_virtio_balloon *balloon, unsigned queue)
{
    struct vmmp_virtio_device *dev = &balloon->virtio;
    struct vmmp_virtqueue_chain chain = balloon_chain(balloon);

    while (vmmp_virtio_pop(dev, queue, &chain)) {
        if (balloon->stats_held) {
            vmmp_virtio_misuse(dev, "second statistics buffer, queue", queue);
            vmmp_virtio_push(dev, queue, &balloon->stats_token, 0);
        }
        balloon->stats_token = chain.token;
        balloon->stats_held = true;
        /* Old drivers did not fill in the first one (5.5.6.3.3). */
        bool ignore = balloon->stats_first && dev->legacy;
        balloon->stats_first = false;
        if (!ignore) {
            take_report(balloon, &chain);
        }
    }
    return VMMP_VIRTIO_DRAINED;
}

int vmmp_virtio_balloon_ask_stats(struct vmmp_virtio_balloon *balloon)
{
    struct vmmp_virtio_device *dev = &balloon->virtio;
    unsigned queue = 0;
    while (queue < dev->queue_count && balloon->roles[queue] != VMMP_BALLOON_STATSQ) {
        queue++;
    }
    if (queue == dev->queue_count || !vmmp_virtio_live(dev)) {
        return -ENODEV;
    }
    if (!balloon->stats_held) {
        return -EAGAIN;
    }
    balloon->stats_held = false;
    vmmp_virtio_push(dev, queue, &balloon->stats_token, 0);
    vmmp_virtio_flush(dev, queue);
    return 0;
}

/* ---- Periodically ---- */

static void arm(struct vmmp_virtio_balloon *balloon)
{
    const struct vmmp_host *host = &balloon->virtio.host;
    uint64_t now = vmmp_host_now(host);
    uint64_t period = balloon->options.stats_period_ns;
    vmmp_host_timer_arm(host, &balloon->stats_timer,
                        period < UINT64_MAX - now ? now + period : UINT64_MAX);
}

/* Ends when the driver does; the next driver starts it again. */
static void period_over(void *cookie)
{
    struct vmmp_virtio_balloon *balloon = cookie;
    if (vmmp_virtio_balloon_ask_stats(balloon) != -ENODEV) {
        arm(balloon);
    }
}

void vmmp_balloon_stats_init(struct vmmp_virtio_balloon *balloon)
{
    balloon->stats_timer.work.run = period_over;
    balloon->stats_timer.work.cookie = balloon;
    balloon->stats_timer.work.context = &balloon->virtio.context;
}

void vmmp_balloon_stats_start(struct vmmp_virtio_balloon *balloon)
{
    balloon->stats_first = true;
    if (balloon->options.stats_period_ns > 0 &&
        vmmp_virtio_has_feature(&balloon->virtio, VIRTIO_BALLOON_F_STATS_VQ)) {
        arm(balloon);
    }
}

void vmmp_balloon_stats_forget(struct vmmp_virtio_balloon *balloon)
{
    balloon->stats_held = false;
    memset(&balloon->stats, 0, sizeof(balloon->stats));
}

const char *vmmp_balloon_stat_name(unsigned stat)
{
    static const char *const names[VMMP_BALLOON_STATS] = {
        "swap_in",    "swap_out",    "major_faults",  "minor_faults",   "free",      "total",
        "available",  "caches",      "huge_allocs",   "huge_fails",     "oom_kills", "alloc_stalls",
        "async_scan", "direct_scan", "async_reclaim", "direct_reclaim",
    };
    return stat < VMMP_BALLOON_STATS ? names[stat] : NULL;
}
