/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inflight region ("Inflight I/O tracking"): which requests a back-end has taken and not given
 * back, in memory that the front-end keeps for the next back-end. This is the region, and split
 * rings; inflight_packed.c has the others.
 *
 * The region is shared: a front-end may write anything into it, at any time. Heads are checked when
 * they are read; lists are followed for no more steps than the ring has entries.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhost_user_internal.h"

#include "virtio/virtqueue_split.h"

#define REGION_ALIGN 64u

static size_t bytes_of_queue(bool packed, unsigned size)
{
    size_t bytes = packed ? sizeof(struct vhost_user_inflight_packed) +
                                size * sizeof(struct vhost_user_inflight_packed_desc)
                          : sizeof(struct vhost_user_inflight_queue) +
                                size * sizeof(struct vhost_user_inflight_desc);
    return (bytes + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
}

/* ---- The region ---- */

void vhost_inflight_close(struct vhost_inflight *inflight)
{
    for (unsigned i = 0; inflight->rings && i < inflight->queues; i++) {
        vhost_inflight_end_packed(&inflight->rings[i]);
    }
    free(inflight->lists);
    free(inflight->rings);
    if (inflight->mapping.start) {
        vhost_guard_remove(inflight->mapping.start);
        munmap(inflight->mapping.start, inflight->mapping.size);
    }
    memset(inflight, 0, sizeof(*inflight));
}

static bool make_rings(struct vhost_inflight *inflight)
{
    size_t size = inflight->queue_size;
    size_t lists = inflight->for_packed ? 6 : 2;
    inflight->rings = calloc(inflight->queues, sizeof(inflight->rings[0]));
    inflight->lists = calloc(inflight->queues * size * lists, sizeof(inflight->lists[0]));
    if (!inflight->rings || !inflight->lists) {
        return false;
    }
    uint16_t *list = inflight->lists;
    for (unsigned i = 0; i < inflight->queues; i++, list += size * lists) {
        struct vhost_inflight_ring *ring = &inflight->rings[i];
        ring->again = list;
        ring->batch = list + size;
        if (inflight->for_packed) {
            ring->packed.next = list + size * 2;
            ring->packed.last = list + size * 3;
            ring->packed.num = list + size * 4;
            ring->packed.id = list + size * 5;
        }
    }
    return true;
}

static const char *map(struct vhost_inflight *inflight, int fd, uint64_t offset, size_t size)
{
    size_t whole = (size_t)offset + size;
    void *start = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED) {
        return "the inflight region cannot be mapped";
    }
    if (!vhost_guard_add(start, whole)) {
        munmap(start, whole);
        return "too many memory regions in this process";
    }
    inflight->mapping = (struct vhost_mapping){ start, whole };
    inflight->start = (uint8_t *)start + offset;
    return make_rings(inflight) ? NULL : "no memory for the inflight region";
}

static int make_file(size_t size)
{
    int fd = memfd_create("vhost-user inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -errno;
    }
    if (ftruncate(fd, (off_t)size) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

int vhost_inflight_create(struct vhost_inflight *inflight, bool packed, unsigned queues,
                          unsigned queue_size, uint64_t *size)
{
    size_t bytes = queues * bytes_of_queue(packed, queue_size);
    int fd = make_file(bytes);
    vhost_inflight_close(inflight);
    if (fd < 0) {
        return fd;
    }
    inflight->for_packed = packed;
    inflight->queues = (uint16_t)queues;
    inflight->queue_size = (uint16_t)queue_size;
    if (map(inflight, fd, 0, bytes)) {
        vhost_inflight_close(inflight);
        close(fd);
        return -ENOMEM;
    }
    *size = bytes;
    return fd;
}

const char *vhost_inflight_open(struct vhost_inflight *inflight, bool packed,
                                const struct vhost_user_inflight *wanted, int fd)
{
    struct stat status;
    uint64_t bytes = wanted->queues * bytes_of_queue(packed, wanted->queue_size);
    vhost_inflight_close(inflight);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return "an inflight region without a file";
    }
    if (wanted->mmap_size < bytes || wanted->mmap_offset % REGION_ALIGN != 0 ||
        wanted->mmap_offset > INT64_MAX - bytes || wanted->mmap_offset + bytes > SIZE_MAX ||
        wanted->mmap_offset + bytes > (uint64_t)status.st_size) {
        return "the inflight region is too small for its queues, or misplaced";
    }
    inflight->for_packed = packed;
    inflight->queues = wanted->queues;
    inflight->queue_size = wanted->queue_size;
    const char *why = map(inflight, fd, wanted->mmap_offset, (size_t)bytes);
    if (why) {
        vhost_inflight_close(inflight);
    }
    return why;
}

/* ---- Account of one ring ---- */

static struct vhost_inflight_ring *ring_of(struct vmmp_virtio_tracker *tracker)
{
    return (struct vhost_inflight_ring *)tracker;
}

static void note(struct vhost_inflight_ring *ring, uint16_t head)
{
    if (head < ring->size) {
        struct vhost_user_inflight_desc *desc = &ring->queue->desc[head];
        desc->counter = ring->counter++;
        __atomic_store_n(&desc->in_flight, 1, __ATOMIC_RELEASE);
    }
}

static bool again(struct vmmp_virtio_tracker *tracker, struct vmmp_virtqueue *vq,
                  struct vmmp_virtqueue_chain *chain, bool *popped)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    if (ring->again_next == ring->again_count) {
        return false;
    }
    *popped = vmmp_virtqueue_pop_head(vq, ring->again[ring->again_next], chain);
    if (*popped) {
        ring->again_next++;
        ++*ring->resubmitted;
        note(ring, chain->token.id);
    }
    return true;
}

static void popped(struct vmmp_virtio_tracker *tracker, const struct vmmp_virtqueue *vq,
                   struct vmmp_virtqueue_token *token)
{
    (void)vq;
    note(ring_of(tracker), token->id);
}

static void pushed(struct vmmp_virtio_tracker *tracker, struct vmmp_virtqueue_token *token)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    uint16_t head = token->id;
    if (head < ring->size && ring->batch_count < ring->size) {
        ring->queue->desc[head].next = ring->queue->last_batch_head;
        __atomic_store_n(&ring->queue->last_batch_head, head, __ATOMIC_RELEASE);
        ring->batch[ring->batch_count++] = head;
    }
}

/* The index in the ring itself says how far the driver has been shown. */
static void showing(struct vmmp_virtio_tracker *tracker, uint16_t position)
{
    (void)tracker, (void)position;
}

static void shown(struct vmmp_virtio_tracker *tracker, uint16_t index)
{
    struct vhost_inflight_ring *ring = ring_of(tracker);
    if (ring->batch_count == 0) {
        return;
    }
    for (unsigned i = 0; i < ring->batch_count; i++) {
        __atomic_store_n(&ring->queue->desc[ring->batch[i]].in_flight, 0, __ATOMIC_RELEASE);
    }
    ring->batch_count = 0;
    __atomic_store_n(&ring->queue->used_idx, index, __ATOMIC_RELEASE);
}

static const struct vmmp_virtio_tracker tracker_ops = { again, popped, pushed, showing, shown };

/* ---- Taking over ---- */

/* The one before may have shown a batch to the driver without noting that it did. */
static void finish_batch(struct vhost_inflight_ring *ring, uint16_t used_idx)
{
    struct vhost_user_inflight_queue *queue = ring->queue;
    uint16_t count = (uint16_t)(used_idx - queue->used_idx);
    uint16_t head = queue->last_batch_head;
    for (unsigned i = 0; i < count && i < ring->size && head < ring->size; i++) {
        queue->desc[head].in_flight = 0;
        head = queue->desc[head].next;
    }
    queue->used_idx = used_idx;
}

static int by_counter(const void *a, const void *b)
{
    const struct vhost_inflight_candidate *x = a;
    const struct vhost_inflight_candidate *y = b;
    return (x->counter > y->counter) - (x->counter < y->counter);
}

void vhost_inflight_sort(struct vhost_inflight_ring *ring,
                         struct vhost_inflight_candidate *candidates, unsigned count)
{
    qsort(candidates, count, sizeof(candidates[0]), by_counter);
    for (unsigned i = 0; i < count; i++) {
        ring->again[i] = candidates[i].head;
    }
    ring->again_count = (uint16_t)count;
    ring->counter = count ? candidates[count - 1].counter + 1 : 0;
}

/* Heads are noted once each, whatever is written meanwhile. */
static const char *find_again(struct vhost_inflight_ring *ring)
{
    struct vhost_inflight_candidate *found = calloc(ring->size, sizeof(*found));
    unsigned count = 0;
    if (!found) {
        return "no memory for the inflight region";
    }
    for (uint32_t i = 0; i < ring->size; i++) {
        const struct vhost_user_inflight_desc *desc = &ring->queue->desc[i];
        if (__atomic_load_n(&desc->in_flight, __ATOMIC_ACQUIRE) == 1) {
            found[count++] = (struct vhost_inflight_candidate){ desc->counter, (uint16_t)i };
        }
    }
    vhost_inflight_sort(ring, found, count);
    free(found);
    return NULL;
}

static const char *begin_split(struct vhost_inflight_ring *ring, uint16_t used_idx,
                               uint16_t *position)
{
    ring->tracker = tracker_ops;
    if (ring->queue->version == 0) {
        ring->queue->version = VHOST_USER_INFLIGHT_VERSION;
        ring->queue->size = ring->size;
        ring->queue->used_idx = used_idx;
        return NULL;
    }
    finish_batch(ring, used_idx);
    const char *why = find_again(ring);
    /* Those that were in flight come before the rest of the driver's ring. */
    *position = ring->again_count ? used_idx : *position;
    return why;
}

const char *vhost_inflight_begin(struct vhost_inflight *inflight, unsigned index,
                                 const struct vmmp_virtqueue *vq, uint64_t *resubmitted,
                                 struct vmmp_virtio_tracker **tracker, uint16_t *position)
{
    *tracker = NULL;
    /* A ring for which there is no room goes without: firmware makes larger ones than QEMU says. */
    if (!inflight->start || index >= inflight->queues || vq->size > inflight->queue_size ||
        vq->packed != inflight->for_packed) {
        return NULL;
    }
    struct vhost_inflight_ring *ring = &inflight->rings[index];
    void *region = inflight->start + index * bytes_of_queue(vq->packed, inflight->queue_size);
    ring->size = (uint16_t)vq->size;
    ring->again_count = 0;
    ring->again_next = 0;
    ring->batch_count = 0;
    ring->resubmitted = resubmitted;
    *tracker = &ring->tracker;
    if (vq->packed) {
        ring->packed.region = region;
        return vhost_inflight_begin_packed(ring, vq, position);
    }
    const struct virtq_used *used = vq->device;
    ring->queue = region;
    return begin_split(ring, vmmp_guest_load_le16(&used->idx), position);
}
