/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/blk_overlay.h>

#include <errno.h>
#include <string.h>

#include "virtio/blk_cursor.h"

#define CLUSTER VMMP_BLK_OVERLAY_CLUSTER
#define SECTORS (CLUSTER / VMMP_BLK_SECTOR)
#define BYTES   ((size_t)VMMP_BLK_SECTOR) /* Of a sector. */

/* What discarding or zeroing may cost at a time. */
#define RANGE_MAX (UINT64_C(16) << 20)

/* Entries are named by index plus one in lists, so that zeroed memory is empty lists. */
#define NONE 0u

/* ---- Clusters with changes ---- */

static uint32_t *bucket_of(const struct vmmp_blk_overlay *overlay, uint64_t number)
{
    uint32_t hash = (uint32_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
    return &overlay->buckets[hash & overlay->bucket_mask];
}

static struct vmmp_blk_overlay_entry *find(const struct vmmp_blk_overlay *overlay, uint64_t number)
{
    uint32_t name = *bucket_of(overlay, number);
    while (name != NONE && overlay->entries[name - 1].number != number) {
        name = overlay->entries[name - 1].next;
    }
    return name == NONE ? NULL : &overlay->entries[name - 1];
}

static uint8_t *storage_of(const struct vmmp_blk_overlay *overlay,
                           const struct vmmp_blk_overlay_entry *entry)
{
    return overlay->storage + (size_t)(entry - overlay->entries) * CLUSTER;
}

/* NULL: the arena is full. */
static struct vmmp_blk_overlay_entry *find_or_add(struct vmmp_blk_overlay *overlay, uint64_t number)
{
    struct vmmp_blk_overlay_entry *entry = find(overlay, number);
    if (entry) {
        return entry;
    }
    uint32_t name = overlay->free;
    if (name != NONE) {
        overlay->free = overlay->entries[name - 1].next;
    } else if (overlay->fresh < overlay->clusters) {
        name = ++overlay->fresh;
    } else {
        return NULL;
    }
    uint32_t *bucket = bucket_of(overlay, number);
    entry = &overlay->entries[name - 1];
    *entry = (struct vmmp_blk_overlay_entry){ number, *bucket, 0 };
    *bucket = name;
    overlay->in_use++;
    return entry;
}

static void forget(struct vmmp_blk_overlay *overlay, uint64_t number)
{
    uint32_t *link = bucket_of(overlay, number);
    while (*link != NONE && overlay->entries[*link - 1].number != number) {
        link = &overlay->entries[*link - 1].next;
    }
    if (*link != NONE) {
        uint32_t name = *link;
        *link = overlay->entries[name - 1].next;
        overlay->entries[name - 1].next = overlay->free;
        overlay->free = name;
        overlay->in_use--;
    }
}

/* ---- Ranges, cluster by cluster ---- */

struct piece {
    uint64_t number; /* Of the cluster, */
    unsigned first;  /* its first sector in the range, */
    unsigned count;  /* and how many there are. */
};

static struct piece piece_at(uint64_t sector, uint64_t sectors)
{
    unsigned first = (unsigned)(sector % SECTORS);
    uint64_t room = SECTORS - first;
    return (struct piece){ sector / SECTORS, first, (unsigned)(sectors < room ? sectors : room) };
}

static uint32_t mask_of(const struct piece *piece)
{
    return ((UINT32_C(1) << piece->count) - 1) << piece->first;
}

/* How many of the range's sectors have changed: none of them, some, or all. */
enum extent { NOTHING, SOMETHING, EVERYTHING };

static enum extent changed(const struct vmmp_blk_overlay *overlay, uint64_t sector,
                           uint64_t sectors)
{
    bool all = true;
    bool any = false;
    while (sectors > 0 && (all || !any)) {
        struct piece piece = piece_at(sector, sectors);
        const struct vmmp_blk_overlay_entry *entry = find(overlay, piece.number);
        uint32_t mask = mask_of(&piece);
        uint32_t valid = entry ? entry->valid & mask : 0;
        all = all && valid == mask;
        any = any || valid != 0;
        sector += piece.count;
        sectors -= piece.count;
    }
    return all ? EVERYTHING : any ? SOMETHING : NOTHING;
}

/* Puts the sectors that have changed over what the base has said. */
static void patch(const struct vmmp_blk_overlay *overlay, const struct vmmp_blk_request *request)
{
    struct blk_cursor cursor = blk_cursor(request->iov, request->iov_count);
    uint64_t sector = request->offset / VMMP_BLK_SECTOR;
    uint64_t sectors = request->length / VMMP_BLK_SECTOR;
    while (sectors > 0) {
        struct piece piece = piece_at(sector, sectors);
        const struct vmmp_blk_overlay_entry *entry = find(overlay, piece.number);
        for (unsigned i = piece.first; i < piece.first + piece.count; i++) {
            if (entry && (entry->valid >> i & 1)) {
                blk_cursor_put(&cursor, storage_of(overlay, entry) + i * BYTES, VMMP_BLK_SECTOR);
            } else {
                blk_cursor_skip(&cursor, VMMP_BLK_SECTOR);
            }
        }
        sector += piece.count;
        sectors -= piece.count;
    }
}

static int write(struct vmmp_blk_overlay *overlay, const struct vmmp_blk_request *request)
{
    struct blk_cursor cursor = blk_cursor(request->iov, request->iov_count);
    uint64_t sector = request->offset / VMMP_BLK_SECTOR;
    uint64_t sectors = request->length / VMMP_BLK_SECTOR;
    while (sectors > 0) {
        struct piece piece = piece_at(sector, sectors);
        struct vmmp_blk_overlay_entry *entry = find_or_add(overlay, piece.number);
        if (!entry) {
            return -ENOSPC;
        }
        uint8_t *to = storage_of(overlay, entry) + piece.first * BYTES;
        size_t bytes = piece.count * BYTES;
        if (request->op == VMMP_BLK_WRITE) {
            blk_cursor_get(&cursor, to, bytes);
        } else {
            memset(to, 0, bytes);
        }
        entry->valid |= mask_of(&piece);
        sector += piece.count;
        sectors -= piece.count;
    }
    return 0;
}

static void discard(struct vmmp_blk_overlay *overlay, const struct vmmp_blk_request *request)
{
    uint64_t first = (request->offset + CLUSTER - 1) / CLUSTER;
    uint64_t end = (request->offset + request->length) / CLUSTER;
    for (uint64_t number = first; number < end && overlay->in_use > 0; number++) {
        forget(overlay, number);
    }
}

/* ---- The backend ---- */

static void base_has_read(void *cookie, struct vmmp_blk_request *request, int error)
{
    const struct vmmp_blk_overlay *overlay = cookie;
    if (error == 0) {
        patch(overlay, request);
    }
    vmmp_blk_complete(request, error);
}

static void read(struct vmmp_blk_overlay *overlay, struct vmmp_blk_request *request)
{
    switch (
        changed(overlay, request->offset / VMMP_BLK_SECTOR, request->length / VMMP_BLK_SECTOR)) {
    case EVERYTHING:
        patch(overlay, request);
        vmmp_blk_complete(request, 0);
        break;
    case SOMETHING:
        vmmp_blk_push(request, base_has_read, overlay);
        vmmp_blk_submit(&overlay->base, request);
        break;
    default:
        vmmp_blk_submit(&overlay->base, request);
        break;
    }
}

static void submit(void *cookie, struct vmmp_blk_request *request)
{
    struct vmmp_blk_overlay *overlay = cookie;
    uint64_t capacity = overlay->info.capacity;

    if (request->op != VMMP_BLK_FLUSH &&
        (request->offset > capacity || request->length > capacity - request->offset)) {
        vmmp_blk_complete(request, -EIO);
        return;
    }
    switch (request->op) {
    case VMMP_BLK_READ:
        read(overlay, request);
        break;
    case VMMP_BLK_WRITE:
    case VMMP_BLK_WRITE_ZEROES:
        vmmp_blk_complete(request, write(overlay, request));
        break;
    case VMMP_BLK_DISCARD:
        discard(overlay, request);
        vmmp_blk_complete(request, 0);
        break;
    default:
        vmmp_blk_complete(request, 0);
        break;
    }
}

static void info(void *cookie, struct vmmp_blk_info *info)
{
    const struct vmmp_blk_overlay *overlay = cookie;
    *info = overlay->info;
}

static void commit(void *cookie)
{
    const struct vmmp_blk_overlay *overlay = cookie;
    vmmp_blk_commit(&overlay->base);
}

static void cancel(void *cookie)
{
    const struct vmmp_blk_overlay *overlay = cookie;
    if (overlay->base.ops->cancel) {
        overlay->base.ops->cancel(overlay->base.cookie);
    }
}

static void drain(void *cookie)
{
    const struct vmmp_blk_overlay *overlay = cookie;
    overlay->base.ops->drain(overlay->base.cookie);
}

static const struct vmmp_blk_ops ops = {
    .info = info,
    .submit = submit,
    .commit = commit,
    .cancel = cancel,
    .drain = drain,
};

/* Over a base that cannot wait. */
static const struct vmmp_blk_ops ops_without_drain = {
    .info = info,
    .submit = submit,
    .commit = commit,
    .cancel = cancel,
};

static int look_at_base(struct vmmp_blk_overlay *overlay)
{
    struct vmmp_blk_info *info = &overlay->info;
    overlay->base.ops->info(overlay->base.cookie, info);
    if (info->layers + 2 > VMMP_BLK_LAYERS) {
        return -E2BIG;
    }
    info->layers++;
    info->read_only = false;
    info->stable_writes = true;
    info->discard = true;
    info->write_zeroes = true;
    info->unmaps = false;
    info->discard_granularity = CLUSTER;
    info->range_max = RANGE_MAX;
    return 0;
}

int vmmp_blk_overlay_init(struct vmmp_blk_overlay *overlay, const struct vmmp_blk_backend *base,
                          void *arena, size_t size)
{
    uintptr_t start = (uintptr_t)arena;
    uintptr_t aligned = (start + CLUSTER - 1) / CLUSTER * CLUSTER;
    size_t lost = aligned - start;

    memset(overlay, 0, sizeof(*overlay));
    if (!arena || size <= lost) {
        return -EINVAL;
    }
    /* Entries and buckets follow the storage; there are never more buckets than clusters. */
    size_t clusters =
        (size - lost) / (CLUSTER + sizeof(struct vmmp_blk_overlay_entry) + sizeof(uint32_t));
    if (clusters == 0) {
        return -EINVAL;
    }
    overlay->clusters = clusters < INT32_MAX ? (uint32_t)clusters : INT32_MAX;
    uint32_t buckets = 1;
    while (buckets * 2 <= overlay->clusters) {
        buckets *= 2;
    }
    overlay->base = *base;
    overlay->storage = (uint8_t *)arena + lost;
    overlay->entries = (void *)(overlay->storage + (size_t)overlay->clusters * CLUSTER);
    overlay->buckets = (void *)(overlay->entries + overlay->clusters);
    overlay->bucket_mask = buckets - 1;
    memset(overlay->buckets, 0, buckets * sizeof(overlay->buckets[0]));
    return look_at_base(overlay);
}

struct vmmp_blk_backend vmmp_blk_overlay_backend(struct vmmp_blk_overlay *overlay)
{
    return (struct vmmp_blk_backend){ overlay->base.ops->drain ? &ops : &ops_without_drain,
                                      overlay };
}
