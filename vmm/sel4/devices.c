/* SPDX-License-Identifier: BSD-2-Clause */
#include "devices.h"

#include <stdio.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/blk_ram.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>
#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#include "net_peer.h"
#include "restart.h"

#define DISK_SIZE (16u << 20)
#define REQUESTS  64

static const uint8_t guest_mac[6] = { 0x02, 0, 0, 0, 0, 0x10 };
static const uint8_t peer_mac[6] = { 0x02, 0, 0, 0, 0, 0x02 };
static const uint8_t peer_ip[4] = { 10, 0, 2, 2 };

static struct {
    struct vmmp_blk_ram ram;
    struct vmmp_virtio_blk model;
    struct vmmp_virtio_blk_request requests[REQUESTS];
} disk;

static uint8_t disk_memory[DISK_SIZE];

static struct {
    struct net_peer peer;
    struct vmmp_virtio_net model;
} net;

static int create_disk(void *cookie, const struct machine_device_environment *environment,
                       struct vmmp_virtio_device **virtio)
{
    const struct vmmp_virtio_blk_options options = { .id = "memory" };
    struct vmmp_blk_backend backend = vmmp_blk_ram_backend(&disk.ram);

    (void)cookie;
    int error = vmmp_virtio_blk_init(&disk.model, &backend, disk.requests, REQUESTS, &options,
                                     environment->memory, environment->log, environment->host);
    *virtio = &disk.model.virtio;
    return error;
}

static void destroy_disk(void *cookie)
{
    (void)cookie;
    vmmp_virtio_blk_fini(&disk.model);
}

static int create_net(void *cookie, const struct machine_device_environment *environment,
                      struct vmmp_virtio_device **virtio)
{
    struct vmmp_virtio_net_options options = { .pairs = 1 };
    struct vmmp_virtio_net_backend backend = net_peer_backend(&net.peer);

    (void)cookie;
    memcpy(options.mac, guest_mac, sizeof(options.mac));
    int error = vmmp_virtio_net_init(&net.model, &backend, &options, environment->memory,
                                     environment->log, environment->host);
    *virtio = &net.model.virtio;
    return error;
}

static void destroy_net(void *cookie)
{
    (void)cookie;
    vmmp_virtio_net_fini(&net.model);
}

const struct machine_device *devices_make(const uint8_t *contents, size_t size)
{
    static const struct machine_device_ops disk_ops = { create_disk, destroy_disk };
    static const struct machine_device_ops net_ops = { create_net, destroy_net };
    static const struct machine_device devices[DEVICES] = {
        { .name = "disk", .ops = &disk_ops },
        /* What a frame is answered with comes in the trap that sent it: one interrupt for both. */
        { .name = "net", .ops = &net_ops, .vectors = 2 },
    };

    /* The disk outlives its machine. */
    bool is_new = restart_count() == 0;
    if (restart_keep(disk_memory, sizeof(disk_memory)) && is_new && contents) {
        memcpy(disk_memory, contents, size < DISK_SIZE ? size : DISK_SIZE);
    }
    vmmp_blk_ram_init(&disk.ram, disk_memory, DISK_SIZE, false);
    net_peer_init(&net.peer, &net.model, peer_mac, peer_ip);
    return devices;
}

void devices_report(void)
{
    printf("vmm: disk: %llu reads, %llu writes; net: %llu frames out, %llu in, %llu answered\n",
           (unsigned long long)disk.model.statistics.reads,
           (unsigned long long)disk.model.statistics.writes,
           (unsigned long long)net.model.stats.tx_frames,
           (unsigned long long)net.model.stats.rx_frames, (unsigned long long)net.peer.answered);
}
