/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers that do things at the wrong time, or to queues that cannot be (virtio 1.2, 2.1, 3.1). */
#include "testing/virtio_hostile.h"

#include "testing/virtio_hostile_chain.h"

static void set_status(struct vmmp_virtio_hostile *hostile, unsigned status)
{
    hostile->driver->transport->set_status(hostile->driver->device, (uint8_t)status);
}

static bool legacy(const struct vmmp_virtio_hostile *hostile)
{
    return hostile->driver->transport->legacy;
}

/* A buffer that a device would be glad of, and a kick; false if it was used. */
static bool nothing_is_used(struct vmmp_virtio_hostile *hostile)
{
    const struct vmmp_virtio_driver_buffer buffer = { hostile->buffer, 64, true };
    uint32_t id;
    uint32_t len;
    vmmp_virtio_driver_add(hostile->driver, hostile->queue, &buffer, 1);
    vmmp_virtio_hostile_strike(hostile);
    return !vmmp_virtio_driver_used(hostile->driver, hostile->queue, &id, &len);
}

/* Reset, and on to where queues may be set up. */
static bool negotiated(struct vmmp_virtio_hostile *hostile)
{
    return vmmp_virtio_driver_negotiate(hostile->driver, hostile->wanted);
}

HOSTILE_PLAY(kick_before_ok)
{
    (void)what;
    if (!negotiated(hostile)) {
        return "FEATURES_OK was refused";
    }
    for (unsigned i = 0; i < hostile->queues; i++) {
        vmmp_virtio_driver_set_up_queue(hostile->driver, i);
    }
    return nothing_is_used(hostile) ? NULL : "a buffer was used before DRIVER_OK";
}

HOSTILE_PLAY(kick_after_failed)
{
    (void)what;
    set_status(hostile, hostile_status(hostile) | VIRTIO_STATUS_FAILED);
    return nothing_is_used(hostile) ? NULL : "a buffer was used after FAILED";
}

HOSTILE_PLAY(kick_after_reset)
{
    (void)what;
    vmmp_virtio_driver_reset(hostile->driver);
    if (!nothing_is_used(hostile)) {
        return "a buffer was used after a reset";
    }
    return hostile_status(hostile) == 0 ? NULL : "the status is not 0 after a reset";
}

/* Every number below 600, and on in larger steps; each that exists has nothing available. */
HOSTILE_PLAY(kick_any_queue)
{
    (void)what;
    for (unsigned queue = 0; queue < 0x10000; queue += queue < 600 ? 1 : 251) {
        hostile->driver->transport->kick(hostile->driver->device, queue);
    }
    return NULL;
}

HOSTILE_PLAY(unknown_features)
{
    (void)what;
    const struct vmmp_virtio_driver_transport *transport = hostile->driver->transport;
    vmmp_virtio_driver_reset(hostile->driver);
    set_status(hostile, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    transport->set_features(hostile->driver->device, UINT64_MAX);
    set_status(hostile, hostile_status(hostile) | VIRTIO_STATUS_FEATURES_OK);
    return hostile_status(hostile) & VIRTIO_STATUS_FEATURES_OK
               ? "FEATURES_OK with features that were not offered"
               : NULL;
}

HOSTILE_PLAY(late_features)
{
    (void)what;
    hostile->driver->transport->set_features(hostile->driver->device, 0);
    hostile->driver->transport->set_features(hostile->driver->device, UINT64_MAX);
    return NULL;
}

HOSTILE_PLAY(cleared_status)
{
    (void)what;
    set_status(hostile, VIRTIO_STATUS_ACKNOWLEDGE);
    set_status(hostile, VIRTIO_STATUS_DRIVER_OK);
    return NULL;
}

HOSTILE_PLAY(no_features_ok)
{
    (void)what;
    vmmp_virtio_driver_reset(hostile->driver);
    set_status(hostile, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    set_status(hostile, hostile_status(hostile) | VIRTIO_STATUS_DRIVER_OK);
    return !legacy(hostile) && (hostile_status(hostile) & VIRTIO_STATUS_DRIVER_OK)
               ? "DRIVER_OK without FEATURES_OK"
               : NULL;
}

HOSTILE_PLAY(claimed_needs_reset)
{
    (void)what;
    set_status(hostile, hostile_status(hostile) | VIRTIO_STATUS_NEEDS_RESET);
    return NULL;
}

/* With buffers available and in flight. */
HOSTILE_PLAY(many_resets)
{
    (void)what;
    uint64_t mark = hostile->driver->next_gpa;
    for (unsigned i = 0; i < 32; i++) {
        const struct vmmp_virtio_driver_buffer buffer = { hostile->buffer, 64, true };
        hostile->driver->next_gpa = mark;
        vmmp_virtio_driver_reset(hostile->driver);
        if (!vmmp_virtio_driver_start(hostile->driver, hostile->wanted, hostile->queues)) {
            return "it does not start after a reset";
        }
        vmmp_virtio_driver_add(hostile->driver, hostile->queue, &buffer, 1);
        if (i % 2) {
            vmmp_virtio_hostile_strike(hostile);
        }
    }
    return NULL;
}

HOSTILE_PLAY(no_queues)
{
    (void)what;
    if (!negotiated(hostile)) {
        return "FEATURES_OK was refused";
    }
    vmmp_virtio_driver_ready(hostile->driver);
    for (unsigned i = 0; i < hostile->queues; i++) {
        hostile->driver->transport->kick(hostile->driver->device, i);
        if (hostile->provoke) {
            hostile->provoke(hostile->cookie, i);
        }
    }
    return NULL;
}

/* `what`: which area of the queue, and what is added to the place where it would be. */
HOSTILE_PLAY(bad_address)
{
    const struct hostile_address *address = what;
    struct vmmp_virtio_driver_queue *queue = hostile_queue(hostile);
    uint64_t areas[3];
    if (!negotiated(hostile)) {
        return "FEATURES_OK was refused";
    }
    areas[0] = queue->desc_gpa;
    areas[1] = queue->avail_gpa;
    areas[2] = queue->used_gpa;
    switch (address->place) {
    case AT_NOWHERE:
        areas[address->area] = hostile->nowhere;
        break;
    case AT_END: /* The first bytes are RAM. */
        areas[address->area] = hostile->ram_end - (legacy(hostile) ? 4096 : 16) +
                               (address->area && hostile_packed(hostile) ? 16 : 0);
        break;
    case AT_TOP:
        areas[address->area] = UINT64_MAX - 15;
        break;
    case AT_ZERO:
        areas[address->area] = legacy(hostile) ? 4096 : 0; /* PFN 0 is no queue. */
        break;
    default:
        areas[address->area] += address->offset;
        break;
    }
    hostile->driver->transport->set_queue(hostile->driver->device, hostile->queue, queue->size,
                                          areas[0], areas[1], areas[2]);
    vmmp_virtio_driver_ready(hostile->driver);
    hostile->driver->transport->kick(hostile->driver->device, hostile->queue);
    return hostile_status(hostile) & VIRTIO_STATUS_NEEDS_RESET ? NULL : "the queue was accepted";
}

HOSTILE_PLAY(every_status)
{
    (void)what;
    for (unsigned first = 0; first < 256; first++) {
        set_status(hostile, first);
        set_status(hostile, vmmp_virtio_hostile_junk(hostile));
        hostile->driver->transport->kick(hostile->driver->device, hostile->queue);
    }
    return NULL;
}

HOSTILE_PLAY(configuration)
{
    (void)what;
    const struct vmmp_virtio_driver_transport *transport = hostile->driver->transport;
    for (unsigned width = 1; width <= 8; width *= 2) {
        for (uint32_t offset = 0; offset < 0x104; offset++) {
            uint64_t value = transport->config_read(hostile->driver->device, offset, width);
            /* No device has so much. Eight bytes at odd places do not fit into what libsel4vm tells
               of a fault. */
            bool whole = width < 8 || offset % 8 == 0;
            if (offset >= 0xe0 && whole && value != vmmp_all_ones(width)) {
                return "configuration that does not exist is not all-ones";
            }
            if (width < 8 && value >> (8 * width)) {
                return "more was read than was asked for";
            }
        }
        for (uint32_t offset = 0; offset < 0x104; offset++) {
            transport->config_write(hostile->driver->device, offset, width, UINT64_MAX);
            transport->config_write(hostile->driver->device, offset, width,
                                    vmmp_virtio_hostile_junk(hostile));
        }
    }
    return NULL;
}
