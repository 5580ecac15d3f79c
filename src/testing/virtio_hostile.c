/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs hostile cases; the table of them is in virtio_hostile_cases.c. */
#include "testing/virtio_hostile.h"

#include <string.h>

uint32_t vmmp_virtio_hostile_junk(struct vmmp_virtio_hostile *hostile)
{
    /* xorshift32 (Marsaglia); 0 would stay 0. */
    uint32_t x = hostile->seed ? hostile->seed : 0x9e3779b9u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    hostile->seed = x;
    return x;
}

void vmmp_virtio_hostile_fill(struct vmmp_virtio_hostile *hostile, uint64_t gpa, size_t len)
{
    uint8_t *at = vmmp_virtio_driver_at(hostile->driver, gpa, len);
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)vmmp_virtio_hostile_junk(hostile);
    }
}

static void settle(struct vmmp_virtio_hostile *hostile)
{
    if (hostile->settle) {
        hostile->settle(hostile->cookie);
    }
}

void vmmp_virtio_hostile_strike(struct vmmp_virtio_hostile *hostile)
{
    hostile->driver->transport->kick(hostile->driver->device, hostile->queue);
    settle(hostile);
    if (hostile->provoke) {
        hostile->provoke(hostile->cookie, hostile->queue);
        settle(hostile);
    }
}

static unsigned transport_of(const struct vmmp_virtio_driver_transport *transport)
{
    return transport->legacy                       ? VMMP_VIRTIO_HOSTILE_ON_LEGACY
           : transport == &vmmp_virtio_driver_mmio ? VMMP_VIRTIO_HOSTILE_ON_MMIO
                                                   : VMMP_VIRTIO_HOSTILE_ON_MODERN;
}

bool vmmp_virtio_hostile_applies(const struct vmmp_virtio_hostile *hostile,
                                 const struct vmmp_virtio_hostile_case *row)
{
    const struct vmmp_virtio_driver *driver = hostile->driver;
    uint64_t packed = UINT64_C(1) << VIRTIO_F_RING_PACKED;
    bool takes_packed = !driver->transport->legacy && (driver->rings & hostile->wanted & packed);
    unsigned rings = takes_packed ? VMMP_VIRTIO_HOSTILE_PACKED : VMMP_VIRTIO_HOSTILE_SPLIT;
    return (row->rings & rings) && (!row->needs_function || hostile->function) &&
           (!row->transports || (row->transports & transport_of(driver->transport)));
}

static bool start(struct vmmp_virtio_hostile *hostile, uint64_t wanted)
{
    return vmmp_virtio_driver_start(hostile->driver, wanted, hostile->queues);
}

static uint8_t working(const struct vmmp_virtio_hostile *hostile)
{
    return (uint8_t)(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK |
                     (hostile->driver->transport->legacy ? 0 : VIRTIO_STATUS_FEATURES_OK));
}

static const char *judge(struct vmmp_virtio_hostile *hostile, enum vmmp_virtio_outcome outcome)
{
    uint8_t status = hostile_status(hostile);
    uint32_t id;
    uint32_t len;

    if (outcome == VMMP_VIRTIO_SURVIVES) {
        return NULL;
    }
    if (outcome == VMMP_VIRTIO_IGNORES && status != working(hostile)) {
        return "the status changed";
    }
    if (outcome == VMMP_VIRTIO_BREAKS && hostile->looks &&
        status != (working(hostile) | VIRTIO_STATUS_NEEDS_RESET)) {
        return "DEVICE_NEEDS_RESET is not set";
    }
    if (vmmp_virtio_driver_used(hostile->driver, hostile->queue, &id, &len)) {
        return "a buffer was used";
    }
    return NULL;
}

/* After whatever it was: a driver that behaves finds a device that does. */
static const char *recover(struct vmmp_virtio_hostile *hostile, uint64_t mark)
{
    hostile->driver->next_gpa = mark;
    vmmp_virtio_driver_reset(hostile->driver);
    settle(hostile);
    if (hostile_status(hostile) != 0) {
        return "a reset does not end";
    }
    if (!start(hostile, hostile->wanted)) {
        return "it does not start again";
    }
    for (unsigned i = 0; i < hostile->queues; i++) {
        hostile->driver->transport->kick(hostile->driver->device, i);
    }
    settle(hostile);
    if (hostile_status(hostile) != working(hostile)) {
        return "it does not work after a reset";
    }
    vmmp_virtio_driver_reset(hostile->driver);
    settle(hostile);
    return NULL;
}

const char *vmmp_virtio_hostile_run(struct vmmp_virtio_hostile *hostile,
                                    const struct vmmp_virtio_hostile_case *row)
{
    uint64_t mark = hostile->driver->next_gpa;
    if (!start(hostile, hostile->wanted & ~row->without)) {
        return "it does not start";
    }
    settle(hostile);
    const char *wrong = row->play(hostile, row->what);
    settle(hostile);
    if (!wrong) {
        wrong = judge(hostile, row->outcome);
    }
    const char *broken = recover(hostile, mark);
    hostile->driver->next_gpa = mark;
    return wrong ? wrong : broken;
}
