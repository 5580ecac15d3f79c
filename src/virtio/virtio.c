/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a virtio device: status, features, reset, configuration, interrupts. */
#include <sel4vmmplatsupport/vmmp/virtio.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio_core.h"
#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

/* Work per kick before other things get their turn; devices may set their own. */
#define BUDGET_CHAINS   256u
#define BUDGET_ELEMENTS 4096u
#define BUDGET_BYTES    (UINT64_C(4) << 20)

#define BIT(n) (UINT64_C(1) << (n))

/* 2.2: what devices may define; the rest is the core's. */
#define DEVICE_FEATURES (BIT(24) - 1 + (~UINT64_C(0) << 50))
#define CORE_FEATURES \
    (BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_RING_PACKED))

#define DRIVER_BITS                                                               \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | \
     VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)

static void reset_queue(struct vmmp_virtio_queue *queue)
{
    vmmp_virtio_clear_queue(queue);
    queue->again = false;
}

int vmmp_virtio_init(struct vmmp_virtio_device *dev, const struct vmmp_virtio_ops *ops,
                     struct vmmp_virtio_queue *queues, const uint16_t *max_sizes,
                     unsigned queue_count, const struct vmmp_guest_memory *memory,
                     const struct vmmp_log *log, const struct vmmp_host *host)
{
    static const struct vmmp_host no_host;

    memset(dev, 0, sizeof(*dev));
    if (!ops || !ops->name || !memory || queue_count > UINT16_MAX ||
        (queue_count > 0 && (!queues || !max_sizes))) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < queue_count; i++) {
        uint16_t size = max_sizes[i];
        if (size == 0 || size > VMMP_VIRTQUEUE_MAX_SIZE || (size & (size - 1)) != 0) {
            return -EINVAL;
        }
        memset(&queues[i], 0, sizeof(queues[i]));
        queues[i].max_size = size;
        reset_queue(&queues[i]);
    }
    dev->ops = ops;
    dev->memory = memory;
    dev->log = log;
    dev->host = host ? *host : no_host;
    dev->queues = queues;
    dev->queue_count = (uint16_t)queue_count;
    dev->budget = (struct vmmp_virtio_budget){ BUDGET_CHAINS, BUDGET_ELEMENTS, BUDGET_BYTES };
    dev->work.run = vmmp_virtio_run_deferred;
    dev->work.cookie = dev;
    dev->work.context = &dev->context;
    return vmmp_host_context_init(&dev->host, &dev->context);
}

void vmmp_virtio_fini(struct vmmp_virtio_device *dev)
{
    vmmp_host_cancel(&dev->host, &dev->work);
    for (unsigned i = 0; i < dev->queue_count; i++) {
        reset_queue(&dev->queues[i]);
    }
    vmmp_host_context_fini(&dev->host, &dev->context);
    dev->status = 0;
}

void vmmp_virtio_set_transport(struct vmmp_virtio_device *dev,
                               const struct vmmp_virtio_transport_ops *ops, void *transport)
{
    dev->transport_ops = ops;
    dev->transport = transport;
}

/* ---- Interrupts ---- */

void vmmp_virtio_interrupt(struct vmmp_virtio_device *dev, int queue)
{
    dev->isr |=
        queue == VMMP_VIRTIO_CONFIG_INTERRUPT ? VMMP_VIRTIO_ISR_CONFIG : VMMP_VIRTIO_ISR_QUEUE;
    if (dev->transport_ops) {
        dev->transport_ops->interrupt(dev->transport, queue);
    }
}

void vmmp_virtio_isr_clear(struct vmmp_virtio_device *dev, uint8_t bits)
{
    bool was_set = dev->isr != 0;
    dev->isr &= (uint8_t)~bits;
    if (was_set && dev->isr == 0 && dev->transport_ops && dev->transport_ops->interrupt_clear) {
        dev->transport_ops->interrupt_clear(dev->transport);
    }
}

uint8_t vmmp_virtio_isr_take(struct vmmp_virtio_device *dev)
{
    uint8_t isr = dev->isr;
    vmmp_virtio_isr_clear(dev, isr);
    return isr;
}

/* ---- Complaints ---- */

void vmmp_virtio_misuse(struct vmmp_virtio_device *dev, const char *what, uint32_t value)
{
    vmmp_log_guest(dev->log, &dev->misuse_limit, "%s: %s (%u)", dev->ops->name, what, value);
}

void vmmp_virtio_broken(struct vmmp_virtio_device *dev, const char *reason)
{
    if (dev->resetting || (dev->status & VIRTIO_STATUS_NEEDS_RESET)) {
        return;
    }
    vmmp_log_guest(dev->log, &dev->broken_limit, "%s: %s; the device needs a reset", dev->ops->name,
                   reason);
    dev->status |= VIRTIO_STATUS_NEEDS_RESET;
    /* 2.1.2: the notification is for drivers that have set DRIVER_OK. */
    if (dev->status & VIRTIO_STATUS_DRIVER_OK) {
        vmmp_virtio_interrupt(dev, VMMP_VIRTIO_CONFIG_INTERRUPT);
    }
}

/* ---- Features (2.2) ---- */

uint64_t vmmp_virtio_offered(struct vmmp_virtio_device *dev, bool legacy)
{
    uint64_t features = dev->ops->features ? dev->ops->features(dev) & DEVICE_FEATURES : 0;
    features |= CORE_FEATURES | BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT);
    if (dev->ops->queue_reset) {
        features |= BIT(VIRTIO_F_RING_RESET);
    }
    if (dev->ops->in_order) {
        features |= BIT(VIRTIO_F_IN_ORDER);
    }
    features &= ~dev->features_off;
    /* 6.3: bits of the legacy interface are not for the others; it has only 32. */
    return legacy ? features & UINT32_MAX : features & ~BIT(VIRTIO_F_ANY_LAYOUT);
}

bool vmmp_virtio_has_feature(const struct vmmp_virtio_device *dev, unsigned bit)
{
    return bit < 64 && (dev->driver_features & BIT(bit)) != 0;
}

void vmmp_virtio_set_driver_features(struct vmmp_virtio_device *dev, uint32_t word, uint32_t value)
{
    uint8_t final = VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK;
    if (dev->resetting || (dev->status & final)) {
        vmmp_virtio_misuse(dev, "features written after they were final, word", word);
        return;
    }
    if (word >= 2) {
        /* None of them is offered; remember the words with a bit set, 31 for all the rest. */
        uint32_t bit = UINT32_C(1) << (word < 31 ? word : 31);
        dev->excess_features = value ? dev->excess_features | bit : dev->excess_features & ~bit;
        return;
    }
    unsigned shift = word * 32;
    dev->driver_features &= ~((uint64_t)UINT32_MAX << shift);
    dev->driver_features |= (uint64_t)value << shift;
}

/* 3.1.1 step 5 and 6; 6.2: a device may refuse drivers without VERSION_1. */
static bool features_acceptable(struct vmmp_virtio_device *dev)
{
    uint64_t features = dev->driver_features;
    return !dev->excess_features && !(features & ~vmmp_virtio_offered(dev, false)) &&
           (features & BIT(VIRTIO_F_VERSION_1)) &&
           (!dev->ops->accept || dev->ops->accept(dev, features));
}

/* ---- Status (2.1, 3.1) ---- */

bool vmmp_virtio_live(const struct vmmp_virtio_device *dev)
{
    return virtio_live(dev);
}

uint8_t vmmp_virtio_status(const struct vmmp_virtio_device *dev)
{
    return dev->status;
}

static void finish_reset(struct vmmp_virtio_device *dev)
{
    dev->resetting = false;
    dev->status = 0;
    dev->legacy = false;
}

static void reset(struct vmmp_virtio_device *dev)
{
    if (dev->resetting) {
        return;
    }
    /* Deferred work stays queued and finds nothing to do. */
    for (unsigned i = 0; i < dev->queue_count; i++) {
        reset_queue(&dev->queues[i]);
        vmmp_virtio_queue_changed(dev, i);
    }
    dev->driver_features = 0;
    dev->excess_features = 0;
    dev->device_feature_select = 0;
    dev->driver_feature_select = 0;
    dev->queue_select = 0;
    vmmp_virtio_config_altered(dev);
    vmmp_virtio_isr_clear(dev, UINT8_MAX);
    if (dev->transport_ops && dev->transport_ops->reset) {
        dev->transport_ops->reset(dev->transport);
    }
    /* Set before the call: a backend that finishes inside it says so already. */
    dev->resetting = true;
    if (!dev->ops->reset || dev->ops->reset(dev)) {
        finish_reset(dev);
    }
}

void vmmp_virtio_reset_done(struct vmmp_virtio_device *dev)
{
    if (dev->resetting) {
        finish_reset(dev);
    }
}

static void start(struct vmmp_virtio_device *dev)
{
    if (dev->legacy) {
        /* There is no FEATURES_OK to refuse (3.1.2); what was not offered is not used. */
        dev->driver_features &= vmmp_virtio_offered(dev, true);
        if (dev->ops->accept && !dev->ops->accept(dev, dev->driver_features)) {
            vmmp_virtio_broken(dev, "features do not go together");
        }
        vmmp_virtio_restart_legacy_queues(dev);
    }
    dev->status |= VIRTIO_STATUS_DRIVER_OK;
    if (!vmmp_virtio_live(dev)) {
        return;
    }
    if (dev->ops->driver_ok) {
        dev->ops->driver_ok(dev);
    }
    /* What was made available, and kicked in vain, before now. */
    for (unsigned i = 0; i < dev->queue_count; i++) {
        vmmp_virtio_run_queue(dev, i);
    }
}

void vmmp_virtio_set_status(struct vmmp_virtio_device *dev, uint8_t value, bool legacy)
{
    if (value == 0) {
        reset(dev);
        return;
    }
    if (dev->resetting) {
        vmmp_virtio_misuse(dev, "status written before the reset was done", value);
        return;
    }
    if (dev->status == 0) {
        dev->legacy = legacy;
    }
    if (dev->status & ~value & DRIVER_BITS) {
        vmmp_virtio_misuse(dev, "driver cleared a status bit", value);
    }
    uint8_t set = value & (uint8_t)~dev->status & DRIVER_BITS;
    dev->status |= set & (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED);

    if ((set & VIRTIO_STATUS_FEATURES_OK) && !dev->legacy) {
        if ((dev->status & VIRTIO_STATUS_DRIVER) && features_acceptable(dev)) {
            dev->status |= VIRTIO_STATUS_FEATURES_OK;
            /* What a field begins with may depend on features. */
            vmmp_virtio_config_altered(dev);
        } else {
            vmmp_virtio_misuse(dev, "FEATURES_OK refused at status", dev->status);
        }
    }
    if (set & VIRTIO_STATUS_DRIVER_OK) {
        if (dev->legacy || (dev->status & VIRTIO_STATUS_FEATURES_OK)) {
            start(dev);
        } else {
            vmmp_virtio_misuse(dev, "DRIVER_OK without FEATURES_OK at status", dev->status);
        }
    }
}

/* ---- Configuration (2.5) ---- */

uint64_t vmmp_virtio_config_read(struct vmmp_virtio_device *dev, uint32_t offset, unsigned size)
{
    uint8_t bytes[8];
    uint32_t end = dev->ops->config_read ? dev->ops->config_size : 0;
    uint64_t value = 0;

    memset(bytes, 0xff, sizeof(bytes));
    size = size < sizeof(bytes) ? size : (unsigned)sizeof(bytes);
    if (offset < end) {
        unsigned inside = size < end - offset ? size : end - offset;
        dev->ops->config_read(dev, offset, bytes, inside);
        dev->config_touched = true;
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

void vmmp_virtio_config_write(struct vmmp_virtio_device *dev, uint32_t offset, unsigned size,
                              uint64_t value)
{
    uint8_t bytes[8];
    uint32_t end = dev->ops->config_size;

    size = size < sizeof(bytes) ? size : (unsigned)sizeof(bytes);
    if (!dev->ops->config_write || offset >= end || dev->resetting) {
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    dev->ops->config_write(dev, offset, bytes, size < end - offset ? size : end - offset);
    vmmp_virtio_config_altered(dev);
}

uint8_t vmmp_virtio_config_generation(struct vmmp_virtio_device *dev)
{
    return dev->config_generation;
}

void vmmp_virtio_config_altered(struct vmmp_virtio_device *dev)
{
    /* Once per look of the driver's, so that 256 changes between two looks do not wrap around. */
    if (dev->config_touched) {
        dev->config_generation++;
        dev->config_touched = false;
    }
}

void vmmp_virtio_config_changed(struct vmmp_virtio_device *dev)
{
    vmmp_virtio_config_altered(dev);
    if (vmmp_virtio_live(dev)) {
        vmmp_virtio_interrupt(dev, VMMP_VIRTIO_CONFIG_INTERRUPT);
    }
}
