/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk: features, configuration, queues, reset. Its requests are in virtio_blk_request.c. */
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio_blk_internal.h"
#include "virtio/virtio_spec.h"

#define BIT(n) (UINT64_C(1) << (n))

/* 5.2.4, struct virtio_blk_config; the rest of it belongs to features that are not offered. */
#define CONFIG_CAPACITY                 0u
#define CONFIG_SIZE_MAX                 8u
#define CONFIG_SEG_MAX                  12u
#define CONFIG_BLK_SIZE                 20u
#define CONFIG_PHYSICAL_BLOCK_EXP       24u
#define CONFIG_MIN_IO_SIZE              26u
#define CONFIG_OPT_IO_SIZE              28u
#define CONFIG_WRITEBACK                32u
#define CONFIG_NUM_QUEUES               34u
#define CONFIG_MAX_DISCARD_SECTORS      36u
#define CONFIG_MAX_DISCARD_SEG          40u
#define CONFIG_DISCARD_SECTOR_ALIGNMENT 44u
#define CONFIG_MAX_WRITE_ZEROES_SECTORS 48u
#define CONFIG_MAX_WRITE_ZEROES_SEG     52u
#define CONFIG_WRITE_ZEROES_MAY_UNMAP   56u
#define CONFIG_SIZE                     60u

/* Of one segment of a read or write: what a turn may move (the core's budget). */
#define SIZE_MAX_BYTES (UINT32_C(4) << 20)
/* Of a range to discard where the backend has no limit: as many sectors as fit below 2 GiB. */
#define RANGE_SECTORS ((UINT32_C(1) << 22) - 1)

#define QUEUE_SIZE_MIN 4u

static struct vmmp_virtio_blk *blk_of(struct vmmp_virtio_device *dev)
{
    return (struct vmmp_virtio_blk *)((char *)dev - offsetof(struct vmmp_virtio_blk, virtio));
}

uint32_t vmmp_virtio_blk_range_sectors(const struct vmmp_virtio_blk *blk)
{
    uint64_t sectors = blk->info.range_max / VMMP_BLK_SECTOR;
    return sectors > 0 && sectors < RANGE_SECTORS ? (uint32_t)sectors : RANGE_SECTORS;
}

/* ---- Features and configuration ---- */

static uint64_t features(struct vmmp_virtio_device *dev)
{
    const struct vmmp_virtio_blk *blk = blk_of(dev);
    uint64_t bits = BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) |
                    BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH) |
                    BIT(VIRTIO_BLK_F_TOPOLOGY);
    /* 5.2.5.2: not without FLUSH, which can be switched off. */
    if (!(dev->features_off & BIT(VIRTIO_BLK_F_FLUSH))) {
        bits |= BIT(VIRTIO_BLK_F_CONFIG_WCE);
    }
    if (dev->queue_count > 1) {
        bits |= BIT(VIRTIO_BLK_F_MQ);
    }
    if (blk->info.read_only) {
        return bits | BIT(VIRTIO_BLK_F_RO);
    }
    if (blk->info.discard) {
        bits |= BIT(VIRTIO_BLK_F_DISCARD);
    }
    if (blk->info.write_zeroes) {
        bits |= BIT(VIRTIO_BLK_F_WRITE_ZEROES);
    }
    return bits;
}

static void put(uint8_t *config, unsigned at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        config[at + i] = (uint8_t)(value >> (8 * i));
    }
}

/* 5.2.5.2: without FLUSH, but with CONFIG_WCE, it starts as 0. */
static bool writeback(const struct vmmp_virtio_blk *blk)
{
    const struct vmmp_virtio_device *dev = &blk->virtio;
    if (blk->writeback_set) {
        return blk->writeback;
    }
    return vmmp_virtio_has_feature(dev, VIRTIO_BLK_F_FLUSH) ||
           !vmmp_virtio_has_feature(dev, VIRTIO_BLK_F_CONFIG_WCE);
}

static unsigned exponent(uint32_t of, uint32_t unit)
{
    unsigned result = 0;
    while (unit << result < of && result < 16) {
        result++;
    }
    return result;
}

static void put_topology(const struct vmmp_blk_info *info, uint8_t *config)
{
    uint32_t physical = info->physical_block_size;
    uint32_t minimum = physical > info->block_size ? physical : info->block_size;
    put(config, CONFIG_BLK_SIZE, 4, info->block_size);
    put(config, CONFIG_PHYSICAL_BLOCK_EXP, 1, exponent(physical, info->block_size));
    put(config, CONFIG_MIN_IO_SIZE, 2, minimum / info->block_size);
    put(config, CONFIG_OPT_IO_SIZE, 4, info->optimal_size / info->block_size);
}

static void put_ranges(const struct vmmp_virtio_blk *blk, uint8_t *config)
{
    const struct vmmp_blk_info *info = &blk->info;
    uint32_t granularity = info->discard_granularity;
    granularity = granularity > info->block_size ? granularity : info->block_size;
    put(config, CONFIG_MAX_DISCARD_SECTORS, 4, vmmp_virtio_blk_range_sectors(blk));
    put(config, CONFIG_MAX_DISCARD_SEG, 4, VMMP_VIRTIO_BLK_SEGMENTS);
    put(config, CONFIG_DISCARD_SECTOR_ALIGNMENT, 4, granularity / VMMP_BLK_SECTOR);
    put(config, CONFIG_MAX_WRITE_ZEROES_SECTORS, 4, vmmp_virtio_blk_range_sectors(blk));
    put(config, CONFIG_MAX_WRITE_ZEROES_SEG, 4, VMMP_VIRTIO_BLK_SEGMENTS);
    put(config, CONFIG_WRITE_ZEROES_MAY_UNMAP, 1, info->unmaps);
}

static void config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to, unsigned size)
{
    const struct vmmp_virtio_blk *blk = blk_of(dev);
    uint8_t config[CONFIG_SIZE] = { 0 };
    put(config, CONFIG_CAPACITY, 8, blk->info.capacity / VMMP_BLK_SECTOR);
    put(config, CONFIG_SIZE_MAX, 4, blk->size_max);
    put(config, CONFIG_SEG_MAX, 4, blk->seg_max);
    put_topology(&blk->info, config);
    put(config, CONFIG_WRITEBACK, 1, writeback(blk));
    put(config, CONFIG_NUM_QUEUES, 2, dev->queue_count);
    put_ranges(blk, config);
    memcpy(to, config + offset, size);
}

/* 5.2.4: `writeback` is all a driver may write, if it has accepted CONFIG_WCE. */
static void config_write(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                         unsigned size)
{
    struct vmmp_virtio_blk *blk = blk_of(dev);
    if (offset <= CONFIG_WRITEBACK && offset + size > CONFIG_WRITEBACK &&
        vmmp_virtio_has_feature(dev, VIRTIO_BLK_F_CONFIG_WCE)) {
        blk->writeback_set = true;
        blk->writeback = from[CONFIG_WRITEBACK - offset] != 0;
    }
}

/* ---- The pool ---- */

struct vmmp_virtio_blk_request *vmmp_virtio_blk_take(struct vmmp_virtio_blk *blk)
{
    struct vmmp_virtio_blk_request *request = blk->pool;
    if (request) {
        blk->pool = request->next;
        blk->in_flight++;
    }
    return request;
}

void vmmp_virtio_blk_give(struct vmmp_virtio_blk *blk, struct vmmp_virtio_blk_request *request)
{
    request->next = blk->pool;
    blk->pool = request;
    if (--blk->in_flight == 0 && blk->virtio.resetting) {
        vmmp_virtio_reset_done(&blk->virtio);
    }
}

/* ---- Queues ---- */

/* False if the pool is empty: the queue waits. */
static bool drain_queue(struct vmmp_virtio_blk *blk, unsigned queue)
{
    for (;;) {
        struct vmmp_virtio_blk_request *request = vmmp_virtio_blk_take(blk);
        if (!request) {
            return false;
        }
        struct vmmp_virtqueue_chain chain = {
            .iov = request->iov,
            .capacity = sizeof(request->iov) / sizeof(request->iov[0]),
        };
        if (!vmmp_virtio_pop(&blk->virtio, queue, &chain)) {
            vmmp_virtio_blk_give(blk, request);
            return true;
        }
        request->queue = (uint16_t)queue;
        request->epoch = blk->epochs[queue];
        vmmp_virtio_blk_start(request, &chain);
    }
}

/* Completions inside are looked after by the caller. */
static void commit(struct vmmp_virtio_blk *blk)
{
    /* What completes inside may have another step to submit. */
    while (blk->commit_due && !blk->committing) {
        blk->commit_due = false;
        blk->committing = true;
        vmmp_blk_commit(&blk->backend);
        blk->committing = false;
    }
}

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_blk *blk = blk_of(dev);
    uint32_t own = UINT32_C(1) << queue;
    bool drained;

    blk->waiting &= ~own;
    do {
        drained = drain_queue(blk, queue);
        commit(blk);
    } while (!drained && blk->pool);
    if (!drained) {
        blk->waiting |= own;
        blk->statistics.starved++;
    }
    /* The walk ends in a flush of its own. */
    blk->dirty &= ~own;
    /* Another queue may have found the pool empty for what this one had taken and given back. */
    if (blk->dirty || (blk->waiting && blk->pool)) {
        vmmp_virtio_blk_settle_soon(blk);
    }
    return drained ? VMMP_VIRTIO_DRAINED : VMMP_VIRTIO_WAITING;
}

static void settle(void *cookie)
{
    struct vmmp_virtio_blk *blk = cookie;

    commit(blk);
    uint32_t dirty = blk->dirty;
    uint32_t waiting = blk->waiting;
    blk->dirty = 0;
    for (unsigned i = 0; i < blk->virtio.queue_count; i++) {
        if (dirty >> i & 1) {
            vmmp_virtio_flush(&blk->virtio, i);
        }
        if (waiting >> i & 1) {
            vmmp_virtio_resume(&blk->virtio, i);
        }
    }
}

void vmmp_virtio_blk_settle_soon(struct vmmp_virtio_blk *blk)
{
    if (!blk->committing && !vmmp_host_defer(&blk->virtio.host, &blk->settle)) {
        settle(blk);
    }
}

/* ---- Reset ---- */

/* Nobody waits for what is in flight any more. Whether it is still there. */
static bool abandon(struct vmmp_virtio_blk *blk)
{
    const struct vmmp_blk_backend *backend = &blk->backend;
    if (blk->in_flight > 0 && backend->ops->cancel) {
        backend->ops->cancel(backend->cookie);
    }
    if (blk->in_flight > 0 && backend->ops->drain) {
        backend->ops->drain(backend->cookie);
    }
    return blk->in_flight > 0;
}

/*
 * 2.6.1.1: nothing may be in flight for the queue afterwards. Those of the other queues are not
 * cancelled, only waited for. Over a backend that cannot wait a queue can be stopped all the same,
 * by PFN 0 or QueueReady 0: then only a reset of the device tells when its memory is the driver's.
 */
static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_blk *blk = blk_of(dev);
    blk->epochs[queue]++;
    blk->waiting &= ~(UINT32_C(1) << queue);
    if (blk->in_flight == 0) {
        return;
    }
    if (blk->backend.ops->drain) {
        blk->backend.ops->drain(blk->backend.cookie);
    } else {
        vmmp_virtio_broken(dev, "queue stopped with requests in flight");
    }
}

static bool reset(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_blk *blk = blk_of(dev);
    for (unsigned i = 0; i < VMMP_VIRTIO_BLK_QUEUES; i++) {
        blk->epochs[i]++;
    }
    blk->waiting = 0;
    blk->dirty = 0;
    blk->writeback_set = false;
    return !abandon(blk);
}

static const struct vmmp_virtio_ops ops = {
    .name = "virtio-blk",
    .type = VIRTIO_ID_BLOCK,
    .features = features,
    .config_size = CONFIG_SIZE,
    .config_read = config_read,
    .config_write = config_write,
    .process = process,
    .queue_reset = queue_reset,
    .reset = reset,
};

/* ---- For whoever makes a disk ---- */

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static int look_at_backend(struct vmmp_virtio_blk *blk, bool read_only)
{
    struct vmmp_blk_info *info = &blk->info;
    memset(info, 0, sizeof(*info));
    blk->backend.ops->info(blk->backend.cookie, info);
    info->read_only |= read_only;
    info->block_size = info->block_size ? info->block_size : VMMP_BLK_SECTOR;
    bool good = info->capacity % VMMP_BLK_SECTOR == 0 && info->layers < VMMP_BLK_LAYERS &&
                info->block_size >= VMMP_BLK_SECTOR && is_power_of_two(info->block_size) &&
                (!info->physical_block_size || is_power_of_two(info->physical_block_size));
    return good ? 0 : -EINVAL;
}

static int check_options(const struct vmmp_virtio_blk_options *options)
{
    uint16_t size = options->queue_size;
    bool good = options->queues <= VMMP_VIRTIO_BLK_QUEUES &&
                (size == 0 || (is_power_of_two(size) && size >= QUEUE_SIZE_MIN &&
                               size <= VMMP_VIRTIO_BLK_QUEUE_SIZE));
    return good ? 0 : -EINVAL;
}

static void copy_id(struct vmmp_virtio_blk *blk, const char *id)
{
    for (unsigned i = 0; id && i < VMMP_VIRTIO_BLK_ID_SIZE && id[i]; i++) {
        blk->id[i] = id[i];
    }
}

int vmmp_virtio_blk_init(struct vmmp_virtio_blk *blk, const struct vmmp_blk_backend *backend,
                         struct vmmp_virtio_blk_request *requests, unsigned request_count,
                         const struct vmmp_virtio_blk_options *options,
                         const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                         const struct vmmp_host *host)
{
    static const struct vmmp_virtio_blk_options defaults;
    uint16_t sizes[VMMP_VIRTIO_BLK_QUEUES];

    memset(blk, 0, sizeof(*blk));
    options = options ? options : &defaults;
    if (!backend || !backend->ops || !backend->ops->info || !backend->ops->submit || !requests ||
        request_count == 0) {
        return -EINVAL;
    }
    blk->backend = *backend;
    int result = check_options(options);
    result = result ? result : look_at_backend(blk, options->read_only);
    if (result != 0) {
        return result;
    }
    blk->queue_size = options->queue_size ? options->queue_size : VMMP_VIRTIO_BLK_QUEUE_SIZE;
    for (unsigned i = 0; i < VMMP_VIRTIO_BLK_QUEUES; i++) {
        sizes[i] = blk->queue_size;
    }
    result = vmmp_virtio_init(&blk->virtio, &ops, blk->queues, sizes,
                              options->queues ? options->queues : 1, memory, log, host);
    if (result != 0) {
        return result;
    }
    blk->virtio.features_off = options->features_off;
    if (!backend->ops->drain) {
        blk->virtio.features_off |= BIT(VIRTIO_F_RING_RESET);
    }
    blk->size_max = options->size_max ? options->size_max : SIZE_MAX_BYTES;
    /* The header and the status need a descriptor each. */
    blk->seg_max = options->seg_max ? options->seg_max : blk->queue_size - 2u;
    copy_id(blk, options->id);
    blk->settle.run = settle;
    blk->settle.cookie = blk;
    blk->settle.context = &blk->virtio.context;
    for (unsigned i = request_count; i > 0; i--) {
        struct vmmp_virtio_blk_request *request = &requests[i - 1];
        request->blk = blk;
        request->next = blk->pool;
        blk->pool = request;
    }
    return 0;
}

void vmmp_virtio_blk_fini(struct vmmp_virtio_blk *blk)
{
    vmmp_context_enter(&blk->virtio.context);
    reset(&blk->virtio);
    vmmp_context_leave(&blk->virtio.context);
    vmmp_host_cancel(&blk->virtio.host, &blk->settle);
    vmmp_virtio_fini(&blk->virtio);
}

void vmmp_virtio_blk_resized(struct vmmp_virtio_blk *blk)
{
    struct vmmp_blk_info before = blk->info;
    uint8_t shown[2][CONFIG_SIZE];
    config_read(&blk->virtio, 0, shown[0], CONFIG_SIZE);
    if (look_at_backend(blk, before.read_only) != 0) {
        vmmp_log(blk->virtio.log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-blk: the backend has resized to %llu bytes, which is not whole sectors of "
                 "512; the disk stays as it was",
                 (unsigned long long)blk->info.capacity);
        blk->info = before;
        return;
    }
    /* 5.2.6.2: drivers are told of any field that differs. */
    config_read(&blk->virtio, 0, shown[1], CONFIG_SIZE);
    if (memcmp(shown[0], shown[1], CONFIG_SIZE) != 0) {
        vmmp_virtio_config_changed(&blk->virtio);
    }
}
