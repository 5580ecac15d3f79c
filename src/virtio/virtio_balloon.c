/* SPDX-License-Identifier: BSD-2-Clause */
/* The balloon as a device: features, configuration, which queue is which, the target, hints. */
#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio_balloon_parts.h"
#include "virtio/virtio_spec.h"

#define BIT(n) (UINT64_C(1) << (n))

/* 5.5.4, struct virtio_balloon_config; little-endian on the legacy face too. */
#define CONFIG_NUM_PAGES 0u
#define CONFIG_ACTUAL    4u
#define CONFIG_HINT      8u
#define CONFIG_POISON    12u
#define CONFIG_SIZE      16u

static uint32_t get32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void put32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

/* ---- Features ---- */

static uint64_t features(struct vmmp_virtio_device *dev)
{
    const struct vmmp_virtio_balloon *balloon = balloon_of(dev);
    const struct vmmp_virtio_balloon_options *options = &balloon->options;
    /* These would let guests touch pages unasked. */
    bool must_tell = balloon->backend.populate != NULL;
    bool reporting = options->reporting && !must_tell;
    bool hinting = options->hinting && !must_tell;
    return (must_tell ? BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST) : 0) |
           (options->stats ? BIT(VIRTIO_BALLOON_F_STATS_VQ) : 0) |
           (options->deflate_on_oom ? BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) : 0) |
           (hinting ? BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT) : 0) |
           (reporting || hinting ? BIT(VIRTIO_BALLOON_F_PAGE_POISON) : 0) |
           (reporting ? BIT(VIRTIO_BALLOON_F_PAGE_REPORTING) : 0);
}

/* 5.5.3.2: legacy drivers cannot be refused. */
static bool accept_features(struct vmmp_virtio_device *dev, uint64_t accepted)
{
    return !balloon_of(dev)->backend.populate || dev->legacy ||
           (accepted & BIT(VIRTIO_BALLOON_F_MUST_TELL_HOST));
}

/* ---- Configuration ---- */

static void config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to, unsigned size)
{
    const struct vmmp_virtio_balloon *balloon = balloon_of(dev);
    uint8_t config[CONFIG_SIZE];
    memcpy(config, balloon->driver_config, sizeof(config));
    put32(config + CONFIG_NUM_PAGES, balloon->num_pages);
    put32(config + CONFIG_HINT, balloon->hint_command);
    memcpy(to, config + offset, size);
}

/*
 * Legacy drivers write byte by byte, from the lowest up: `actual` counts once its last byte has
 * come (5.5.6.2.1), the poison value at DRIVER_OK.
 */
static void config_write(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                         unsigned size)
{
    struct vmmp_virtio_balloon *balloon = balloon_of(dev);
    memcpy(balloon->driver_config + offset, from, size);
    if (offset < CONFIG_ACTUAL + 4 && offset + size >= CONFIG_ACTUAL + 4) {
        balloon->actual = get32(balloon->driver_config + CONFIG_ACTUAL);
        balloon_changed(balloon);
    }
}

/* ---- Queues ---- */

static const struct {
    unsigned feature;
    enum vmmp_balloon_role role;
} optional_queues[] = {
    { VIRTIO_BALLOON_F_STATS_VQ, VMMP_BALLOON_STATSQ },
    { VIRTIO_BALLOON_F_FREE_PAGE_HINT, VMMP_BALLOON_HINTQ },
    { VIRTIO_BALLOON_F_PAGE_REPORTING, VMMP_BALLOON_REPORTQ },
};
#define OPTIONAL (sizeof(optional_queues) / sizeof(optional_queues[0]))
#define FIXED    2u /* 5.5.2: inflateq and deflateq are always there. */

/*
 * 5.5.2 gives each queue a number; Linux leaves no gaps instead, so that with statistics off the
 * next queue is number 2. Which it is shows in the queues that the driver has enabled.
 */
static void assign_roles(struct vmmp_virtio_balloon *balloon)
{
    const struct vmmp_virtio_device *dev = &balloon->virtio;
    bool gaps = true;
    unsigned next = FIXED;

    for (unsigned i = 0; i < OPTIONAL; i++) {
        if (vmmp_virtio_has_feature(dev, optional_queues[i].feature)) {
            gaps = gaps && FIXED + i < dev->queue_count && dev->queues[FIXED + i].vq.enabled;
        }
        balloon->roles[FIXED + i] = VMMP_BALLOON_UNUSED;
    }
    balloon->roles[0] = VMMP_BALLOON_INFLATE;
    balloon->roles[1] = VMMP_BALLOON_DEFLATE;
    for (unsigned i = 0; i < OPTIONAL; i++) {
        if (vmmp_virtio_has_feature(dev, optional_queues[i].feature)) {
            balloon->roles[gaps ? FIXED + i : next++] = optional_queues[i].role;
        }
    }
}

static void driver_ok(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_balloon *balloon = balloon_of(dev);
    bool poisons = vmmp_virtio_has_feature(dev, VIRTIO_BALLOON_F_PAGE_POISON);
    balloon->poison = poisons ? get32(balloon->driver_config + CONFIG_POISON) : 0;
    assign_roles(balloon);
    vmmp_balloon_stats_start(balloon);
}

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_balloon *balloon = balloon_of(dev);
    switch (balloon->roles[queue]) {
    case VMMP_BALLOON_INFLATE:
    case VMMP_BALLOON_DEFLATE:
        return vmmp_balloon_frames(balloon, queue);
    case VMMP_BALLOON_STATSQ:
        return vmmp_balloon_stats(balloon, queue);
    case VMMP_BALLOON_HINTQ:
        return vmmp_balloon_hints(balloon, queue);
    case VMMP_BALLOON_REPORTQ:
        return vmmp_balloon_reports(balloon, queue);
    case VMMP_BALLOON_UNUSED:
    default:
        return VMMP_VIRTIO_WAITING;
    }
}

static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_virtio_balloon *balloon = balloon_of(dev);
    if (balloon->roles[queue] == VMMP_BALLOON_STATSQ) {
        balloon->stats_held = false;
    }
}

/* All memory is the next driver's; the target stays, which is the host's. */
static bool reset(struct vmmp_virtio_device *dev)
{
    struct vmmp_virtio_balloon *balloon = balloon_of(dev);
    if (balloon->discarded) {
        vmmp_balloon_populate_all(balloon);
        balloon->discarded = false;
    }
    memset(balloon->driver_config, 0, sizeof(balloon->driver_config));
    balloon->poison = 0;
    balloon->hint_command = VIRTIO_BALLOON_CMD_ID_STOP;
    balloon->hint_under_way = false;
    vmmp_balloon_stats_forget(balloon);
    if (balloon->actual != 0) {
        balloon->actual = 0;
        balloon_changed(balloon);
    }
    return true;
}

/* ---- For the client ---- */

int vmmp_virtio_balloon_set_target(struct vmmp_virtio_balloon *balloon, uint64_t bytes)
{
    uint64_t pages = bytes / VMMP_VIRTIO_BALLOON_PAGE;
    if (pages > UINT32_MAX) {
        return -EINVAL;
    }
    if (pages != balloon->num_pages) {
        balloon->num_pages = (uint32_t)pages;
        vmmp_virtio_config_changed(&balloon->virtio);
    }
    return 0;
}

uint64_t vmmp_virtio_balloon_target(const struct vmmp_virtio_balloon *balloon)
{
    return balloon->num_pages * VMMP_VIRTIO_BALLOON_PAGE;
}

uint64_t vmmp_virtio_balloon_actual(const struct vmmp_virtio_balloon *balloon)
{
    return balloon->actual * VMMP_VIRTIO_BALLOON_PAGE;
}

/* No number comes again before all others have (5.5.6.5.2). */
static uint32_t new_command(struct vmmp_virtio_balloon *balloon)
{
    balloon->hint_last = balloon->hint_last < UINT32_MAX ? balloon->hint_last + 1 : 0;
    if (balloon->hint_last < VIRTIO_BALLOON_CMD_ID_MIN) {
        balloon->hint_last = VIRTIO_BALLOON_CMD_ID_MIN;
    }
    return balloon->hint_last;
}

int vmmp_virtio_balloon_hint(struct vmmp_virtio_balloon *balloon, enum vmmp_balloon_hint what)
{
    struct vmmp_virtio_device *dev = &balloon->virtio;
    if (!vmmp_virtio_live(dev) || !vmmp_virtio_has_feature(dev, VIRTIO_BALLOON_F_FREE_PAGE_HINT)) {
        return -ENODEV;
    }
    balloon->hint_under_way = false;
    if (what == VMMP_BALLOON_HINT_START) {
        balloon->hint_command = new_command(balloon);
    } else {
        balloon->hint_command = what == VMMP_BALLOON_HINT_DONE ? VIRTIO_BALLOON_CMD_ID_DONE
                                                               : VIRTIO_BALLOON_CMD_ID_STOP;
    }
    vmmp_virtio_config_changed(dev);
    return 0;
}

/* ---- Life ---- */

static const struct vmmp_virtio_ops ops = {
    .name = "virtio-balloon",
    .type = VIRTIO_ID_BALLOON,
    .in_order = true,
    .features = features,
    .accept = accept_features,
    .config_size = CONFIG_SIZE,
    .config_read = config_read,
    .config_write = config_write,
    .driver_ok = driver_ok,
    .process = process,
    .queue_reset = queue_reset,
    .reset = reset,
};

static int check(const struct vmmp_virtio_balloon_options *options, const struct vmmp_log *log,
                 const struct vmmp_host *host)
{
    if (options->stats_period_ns > 0 && !(options->stats && host && vmmp_host_has_timers(host))) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "virtio-balloon: statistics from time to time need `stats` and host operations "
                 "with a clock and timers");
        return -EINVAL;
    }
    return options->target / VMMP_VIRTIO_BALLOON_PAGE > UINT32_MAX ? -EINVAL : 0;
}

int vmmp_virtio_balloon_init(struct vmmp_virtio_balloon *balloon,
                             const struct vmmp_balloon_backend *backend,
                             const struct vmmp_virtio_balloon_options *options,
                             const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                             const struct vmmp_host *host)
{
    static const struct vmmp_virtio_balloon_options no_options;
    uint16_t sizes[VMMP_VIRTIO_BALLOON_QUEUES];
    unsigned queues = FIXED;

    memset(balloon, 0, sizeof(*balloon));
    options = options ? options : &no_options;
    int result = check(options, log, host);
    if (result != 0) {
        return result;
    }
    for (unsigned i = 0; i < VMMP_VIRTIO_BALLOON_QUEUES; i++) {
        sizes[i] = VMMP_VIRTIO_BALLOON_QUEUE_SIZE;
        balloon->roles[i] = VMMP_BALLOON_UNUSED;
    }
    queues = options->stats ? 3 : queues;
    queues = options->hinting ? 4 : queues;
    queues = options->reporting ? 5 : queues;
    result =
        vmmp_virtio_init(&balloon->virtio, &ops, balloon->queues, sizes, queues, memory, log, host);
    if (result != 0) {
        return result;
    }
    /* Reported pages are no work in themselves. */
    balloon->virtio.budget.bytes = UINT64_MAX;
    balloon->virtio.features_off = options->features_off;
    balloon->virtio.kicks_are_waited_for = options->hinting;
    balloon->options = *options;
    balloon->num_pages = (uint32_t)(options->target / VMMP_VIRTIO_BALLOON_PAGE);
    if (backend) {
        balloon->backend = *backend;
    }
    vmmp_balloon_stats_init(balloon);
    return 0;
}

void vmmp_virtio_balloon_fini(struct vmmp_virtio_balloon *balloon)
{
    vmmp_host_timer_cancel(&balloon->virtio.host, &balloon->stats_timer);
    vmmp_virtio_fini(&balloon->virtio);
}
