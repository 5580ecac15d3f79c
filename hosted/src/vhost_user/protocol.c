/* SPDX-License-Identifier: BSD-2-Clause */
/* What each message of the front-end means ("Front-end message types"). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhost_user_internal.h"

#include "virtio/virtio_spec.h"
#include "virtio/virtqueue_packed.h"

#define BIT(n) (UINT64_C(1) << (n))

#define PROTOCOL_FEATURES                                                                  \
    (BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                \
     BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) | BIT(VHOST_USER_PROTOCOL_F_CONFIG) |          \
     BIT(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) | BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) | \
     BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))

/* A handler's result; a text instead says what is wrong. */
static const char answered[] = "answered";
static const char later[] = "later";

typedef const char *handle_fn(struct hosted_vhost_user *server, struct vhost_message *message);

static bool speaks(const struct hosted_vhost_user *server, unsigned bit)
{
    return server->protocol_features >> bit & 1;
}

static const char *reply(struct hosted_vhost_user *server, const struct vhost_message *message,
                         const void *payload, uint32_t size, int fd)
{
    bool sent = vhost_send(server->channel.socket, message->header.request, VHOST_USER_REPLY,
                           payload, size, fd);
    return sent ? answered : "its answer is not taken";
}

static const char *reply_number(struct hosted_vhost_user *server,
                                const struct vhost_message *message, uint64_t number)
{
    return reply(server, message, &number, sizeof(number), -1);
}

/* ---- Features ---- */

static const char *get_features(struct hosted_vhost_user *server, struct vhost_message *message)
{
    return reply_number(server, message, server->offered);
}

static bool is_started(const struct hosted_vhost_user *server)
{
    for (unsigned i = 0; i < server->ring_count; i++) {
        if (server->rings[i].running) {
            return true;
        }
    }
    return false;
}

static const char *set_features(struct hosted_vhost_user *server, struct vhost_message *message)
{
    uint64_t features = message->payload.number;
    if (features & ~server->offered) {
        return "features that were not offered";
    }
    if (is_started(server) && features != server->features) {
        return "features changed while a ring works";
    }
    server->features = features;
    server->features_set = true;
    return NULL;
}

static const char *get_protocol_features(struct hosted_vhost_user *server,
                                         struct vhost_message *message)
{
    return reply_number(server, message, PROTOCOL_FEATURES);
}

static const char *set_protocol_features(struct hosted_vhost_user *server,
                                         struct vhost_message *message)
{
    if (message->payload.number & ~PROTOCOL_FEATURES) {
        return "protocol features that were not offered";
    }
    server->protocol_features = message->payload.number;
    return NULL;
}

static const char *get_queue_num(struct hosted_vhost_user *server, struct vhost_message *message)
{
    /* Of a network device: pairs. */
    unsigned count = server->ring_count;
    count /= server->device->ops->type == VIRTIO_ID_NET ? 2 : 1;
    return reply_number(server, message, count);
}

static const char *set_owner(struct hosted_vhost_user *server, struct vhost_message *message)
{
    (void)server;
    (void)message;
    return NULL;
}

/* ---- Memory ---- */

static const char *set_regions(struct hosted_vhost_user *server, const struct vhost_region *regions,
                               unsigned count)
{
    const char *why;
    vmmp_context_enter(&server->device->context);
    if (vhost_memory_missing(&server->memory)) {
        why = "memory that was taken away";
    } else {
        why = vhost_memory_set(&server->memory, regions, count);
    }
    if (!why) {
        vhost_rings_moved(server);
    }
    vmmp_context_leave(&server->device->context);
    return why;
}

static const char *set_mem_table(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_user_memory *table = &message->payload.memory;
    struct vhost_region regions[VHOST_USER_MEMORY_REGIONS];
    uint32_t count = table->count;
    const char *why = NULL;
    unsigned mapped = 0;
    if (count > VHOST_USER_MEMORY_REGIONS || count != message->fd_count ||
        message->header.size < 8 + count * sizeof(table->regions[0])) {
        return "a table of memory whose length or descriptors are not its regions'";
    }
    while (!why && mapped < count) {
        why = vhost_memory_map(&table->regions[mapped], message->fds[mapped], &regions[mapped]);
        mapped += why ? 0 : 1;
    }
    why = why ? why : set_regions(server, regions, count);
    for (unsigned i = 0; why && i < mapped; i++) {
        vhost_memory_unmap(&regions[i]);
    }
    return why;
}

static const char *get_max_mem_slots(struct hosted_vhost_user *server,
                                     struct vhost_message *message)
{
    return reply_number(server, message, VHOST_REGIONS);
}

static const char *add_mem_reg(struct hosted_vhost_user *server, struct vhost_message *message)
{
    struct vhost_region regions[VHOST_REGIONS];
    unsigned count = server->memory.count;
    if (count == VHOST_REGIONS) {
        return "more memory regions than there are slots";
    }
    memcpy(regions, server->memory.regions, count * sizeof(regions[0]));
    const char *why =
        vhost_memory_map(&message->payload.region.region,
                         message->fd_count == 1 ? message->fds[0] : -1, &regions[count]);
    if (why) {
        return why;
    }
    why = set_regions(server, regions, count + 1);
    if (why) {
        vhost_memory_unmap(&regions[count]);
    }
    return why;
}

static const char *rem_mem_reg(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_user_memory_region *gone = &message->payload.region.region;
    struct vhost_region regions[VHOST_REGIONS];
    unsigned count = 0;
    for (unsigned i = 0; i < server->memory.count; i++) {
        const struct vhost_region *region = &server->memory.regions[i];
        if (region->guest != gone->guest_address || region->user != gone->user_address ||
            region->size != gone->size) {
            regions[count++] = *region;
        }
    }
    if (count == server->memory.count) {
        return "no such memory region to take away";
    }
    return set_regions(server, regions, count);
}

/* ---- Rings ---- */

static const char no_ring[] = "a ring that does not exist";
static const char ring_works[] = "a ring changed while it works";

static struct vhost_ring *find_ring(struct hosted_vhost_user *server, uint64_t index)
{
    return index < server->ring_count ? &server->rings[index] : NULL;
}

static const char *set_vring_num(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_user_vring_state *state = &message->payload.state;
    struct vhost_ring *ring = find_ring(server, state->index);
    if (!ring) {
        return no_ring;
    }
    if (ring->running) {
        return ring_works;
    }
    if (state->num == 0 || state->num > VMMP_VIRTQUEUE_MAX_SIZE) {
        return "a ring larger than any";
    }
    ring->size = state->num;
    return vhost_ring_update(server, state->index);
}

/* A ring that works is moved, for front-ends whose own memory has. */
static const char *set_vring_addr(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_user_vring_addr *addr = &message->payload.addr;
    struct vhost_ring *ring = find_ring(server, addr->index);
    if (!ring) {
        return no_ring;
    }
    if (addr->flags) {
        return "a log of writes, which was not offered";
    }
    bool same = ring->addressed && ring->descriptor == addr->descriptor &&
                ring->used == addr->used && ring->available == addr->available;
    if (ring->running && !same) {
        return ring_works;
    }
    ring->descriptor = addr->descriptor;
    ring->used = addr->used;
    ring->available = addr->available;
    ring->addressed = true;
    return vhost_ring_update(server, addr->index);
}

static const char *set_vring_base(struct hosted_vhost_user *server, struct vhost_message *message)
{
    struct vhost_ring *ring = find_ring(server, message->payload.state.index);
    if (!ring) {
        return no_ring;
    }
    if (ring->running) {
        return ring_works;
    }
    /* Packed rings have the place of the next used entry above it; nothing is in flight, so that
     * is the same place. */
    ring->base = (uint16_t)message->payload.state.num;
    return NULL;
}

/* Stops rings now, or when the requests in flight have ended. */
static const char *stop_rings(struct hosted_vhost_user *server, uint64_t rings,
                              enum vhost_after after, unsigned index)
{
    vhost_rings_pause(server, rings);
    server->stopping = rings;
    server->after = after;
    server->stopping_index = index;
    return later;
}

static const char *get_vring_base(struct hosted_vhost_user *server, struct vhost_message *message)
{
    struct vhost_ring *ring = find_ring(server, message->payload.state.index);
    if (!ring) {
        return no_ring;
    }
    ring->started = false;
    return stop_rings(server, BIT(ring->index), VHOST_AFTER_BASE, ring->index);
}

/* A descriptor that comes with its ring's number, or a ring without; -2: neither. */
static int take_ring_fd(struct vhost_message *message)
{
    bool none = message->payload.number & VHOST_USER_VRING_NOFD;
    struct stat status;
    if (message->fd_count != (none ? 0u : 1u)) {
        return -2;
    }
    /* The front-end's own end of this connection would keep it open after the front-end. */
    if (!none && (fstat(message->fds[0], &status) != 0 || S_ISSOCK(status.st_mode))) {
        return -2;
    }
    return none ? -1 : vhost_message_take_fd(message, 0);
}

static struct vhost_ring *fd_ring(struct hosted_vhost_user *server,
                                  const struct vhost_message *message)
{
    const uint64_t known = VHOST_USER_VRING_INDEX_MASK | VHOST_USER_VRING_NOFD;
    uint64_t number = message->payload.number;
    return number & ~known ? NULL : find_ring(server, number & VHOST_USER_VRING_INDEX_MASK);
}

static const char bad_fd[] = "a ring's descriptor that is missing, a socket, or more than one";

static const char *set_vring_kick(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_ring *ring = fd_ring(server, message);
    if (!ring) {
        return no_ring;
    }
    int fd = take_ring_fd(message);
    return fd == -2 ? bad_fd : vhost_ring_set_kick(server, ring->index, fd);
}

static const char *set_vring_call(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_ring *ring = fd_ring(server, message);
    if (!ring) {
        return no_ring;
    }
    int fd = take_ring_fd(message);
    if (fd == -2) {
        return bad_fd;
    }
    vhost_ring_set_call(server, ring->index, fd);
    return NULL;
}

static const char *set_vring_err(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_ring *ring = fd_ring(server, message);
    if (!ring) {
        return no_ring;
    }
    int fd = take_ring_fd(message);
    if (fd == -2) {
        return bad_fd;
    }
    vhost_ring_set_error(server, ring->index, fd);
    return NULL;
}

static const char *set_vring_enable(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_user_vring_state *state = &message->payload.state;
    struct vhost_ring *ring = find_ring(server, state->index);
    if (!ring) {
        return no_ring;
    }
    if (state->num > 1) {
        return "a ring neither enabled nor disabled";
    }
    ring->enabled = state->num;
    return ring->enabled ? vhost_ring_update(server, ring->index)
                         : stop_rings(server, BIT(ring->index), VHOST_AFTER_ACK, 0);
}

static const char *reset_device(struct hosted_vhost_user *server, struct vhost_message *message)
{
    (void)message;
    for (unsigned i = 0; i < server->ring_count; i++) {
        server->rings[i].started = false;
        server->rings[i].enabled = false;
    }
    return stop_rings(server, UINT64_MAX, VHOST_AFTER_ACK, 0);
}

/* ---- Configuration ---- */

static bool config_lies_inside(const struct vhost_message *message)
{
    const struct vhost_user_config *config = &message->payload.config;
    return config->size <= VHOST_USER_CONFIG_SIZE &&
           config->offset <= VHOST_USER_CONFIG_SIZE - config->size &&
           message->header.size == VHOST_USER_CONFIG_HEADER + config->size;
}

/* What the device does not have is zero, as front-ends ask for more than devices of old have. */
static const char *get_config(struct hosted_vhost_user *server, struct vhost_message *message)
{
    struct vhost_user_config *config = &message->payload.config;
    struct vmmp_virtio_device *device = server->device;
    if (!config_lies_inside(message)) {
        return "configuration beyond its end";
    }
    memset(config->bytes, 0, sizeof(config->bytes));
    vmmp_context_enter(&device->context);
    for (uint32_t i = 0; i < config->size && config->offset + i < device->ops->config_size; i++) {
        config->bytes[i] = (uint8_t)vmmp_virtio_config_read(device, config->offset + i, 1);
    }
    vmmp_context_leave(&device->context);
    return reply(server, message, config, message->header.size, -1);
}

static const char *set_config(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const struct vhost_user_config *config = &message->payload.config;
    struct vmmp_virtio_device *device = server->device;
    if (!config_lies_inside(message)) {
        return "configuration beyond its end";
    }
    vmmp_context_enter(&device->context);
    for (uint32_t i = 0; i < config->size; i++) {
        vmmp_virtio_config_write(device, config->offset + i, 1, config->bytes[i]);
    }
    vmmp_context_leave(&device->context);
    return NULL;
}

static const char *set_backend_req_fd(struct hosted_vhost_user *server,
                                      struct vhost_message *message)
{
    int fd = message->fd_count == 1 ? vhost_message_take_fd(message, 0) : -1;
    if (fd < 0) {
        return "no descriptor for the back-end's messages";
    }
    vmmp_context_enter(&server->device->context);
    int old = server->backend_channel;
    server->backend_channel = fd;
    vmmp_context_leave(&server->device->context);
    if (old >= 0) {
        close(old);
    }
    return NULL;
}

/* ---- In flight ---- */

/* A front-end that says its features later gets a region for split rings. */
static bool wants_packed(const struct hosted_vhost_user *server)
{
    return server->features >> VIRTIO_F_RING_PACKED & 1;
}

static const char *check_inflight(const struct hosted_vhost_user *server,
                                  const struct vhost_message *message)
{
    const struct vhost_user_inflight *inflight = &message->payload.inflight;
    if (message->header.size < VHOST_USER_INFLIGHT_SIZE) {
        return "an inflight region without a description";
    }
    if (is_started(server)) {
        return "an inflight region while a ring works";
    }
    if (inflight->queues == 0 || inflight->queues > server->ring_count ||
        inflight->queue_size == 0 || inflight->queue_size > VMMP_VIRTQUEUE_MAX_SIZE) {
        return "an inflight region for other queues than there are";
    }
    return NULL;
}

static const char *get_inflight_fd(struct hosted_vhost_user *server, struct vhost_message *message)
{
    struct vhost_user_inflight *inflight = &message->payload.inflight;
    const char *why = check_inflight(server, message);
    if (why) {
        return why;
    }
    inflight->mmap_offset = 0;
    int fd = vhost_inflight_create(&server->inflight, wants_packed(server), inflight->queues,
                                   inflight->queue_size, &inflight->mmap_size);
    if (fd < 0) {
        return "no memory for an inflight region";
    }
    why = reply(server, message, inflight, message->header.size, fd);
    close(fd);
    return why;
}

static const char *set_inflight_fd(struct hosted_vhost_user *server, struct vhost_message *message)
{
    const char *why = check_inflight(server, message);
    if (why) {
        return why;
    }
    return vhost_inflight_open(&server->inflight, wants_packed(server), &message->payload.inflight,
                               message->fd_count == 1 ? message->fds[0] : -1);
}

/* ---- All of them ---- */

/* `size`: of the payload, at least; `most` 0: exactly. */
static const struct handler {
    const char *name;
    handle_fn *handle;
    uint32_t size;
    uint32_t most;
    unsigned fds; /* At most. */
    int feature;  /* The protocol feature it belongs to; -1: none. */
} handlers[VHOST_USER_REQUESTS] = {
    [VHOST_USER_GET_FEATURES] = { "GET_FEATURES", get_features, 0, 0, 0, -1 },
    [VHOST_USER_SET_FEATURES] = { "SET_FEATURES", set_features, 8, 0, 0, -1 },
    [VHOST_USER_SET_OWNER] = { "SET_OWNER", set_owner, 0, 0, 0, -1 },
    [VHOST_USER_RESET_OWNER] = { "RESET_OWNER", reset_device, 0, 0, 0, -1 },
    [VHOST_USER_SET_MEM_TABLE] = { "SET_MEM_TABLE", set_mem_table, 8,
                                   sizeof(struct vhost_user_memory), VHOST_USER_MEMORY_REGIONS,
                                   -1 },
    [VHOST_USER_SET_VRING_NUM] = { "SET_VRING_NUM", set_vring_num, 8, 0, 0, -1 },
    [VHOST_USER_SET_VRING_ADDR] = { "SET_VRING_ADDR", set_vring_addr, 40, 0, 0, -1 },
    [VHOST_USER_SET_VRING_BASE] = { "SET_VRING_BASE", set_vring_base, 8, 0, 0, -1 },
    [VHOST_USER_GET_VRING_BASE] = { "GET_VRING_BASE", get_vring_base, 8, 0, 0, -1 },
    [VHOST_USER_SET_VRING_KICK] = { "SET_VRING_KICK", set_vring_kick, 8, 0, 1, -1 },
    [VHOST_USER_SET_VRING_CALL] = { "SET_VRING_CALL", set_vring_call, 8, 0, 1, -1 },
    [VHOST_USER_SET_VRING_ERR] = { "SET_VRING_ERR", set_vring_err, 8, 0, 1, -1 },
    [VHOST_USER_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", get_protocol_features, 0, 0, 0,
                                           -1 },
    [VHOST_USER_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", set_protocol_features, 8, 0, 0,
                                           -1 },
    [VHOST_USER_GET_QUEUE_NUM] = { "GET_QUEUE_NUM", get_queue_num, 0, 0, 0,
                                   VHOST_USER_PROTOCOL_F_MQ },
    [VHOST_USER_SET_VRING_ENABLE] = { "SET_VRING_ENABLE", set_vring_enable, 8, 0, 0, -1 },
    [VHOST_USER_SET_BACKEND_REQ_FD] = { "SET_BACKEND_REQ_FD", set_backend_req_fd, 0, 8, 1,
                                        VHOST_USER_PROTOCOL_F_BACKEND_REQ },
    [VHOST_USER_GET_CONFIG] = { "GET_CONFIG", get_config, VHOST_USER_CONFIG_HEADER,
                                sizeof(struct vhost_user_config), 0, VHOST_USER_PROTOCOL_F_CONFIG },
    [VHOST_USER_SET_CONFIG] = { "SET_CONFIG", set_config, VHOST_USER_CONFIG_HEADER,
                                sizeof(struct vhost_user_config), 0, VHOST_USER_PROTOCOL_F_CONFIG },
    [VHOST_USER_GET_INFLIGHT_FD] = { "GET_INFLIGHT_FD", get_inflight_fd, VHOST_USER_INFLIGHT_SIZE,
                                     sizeof(struct vhost_user_inflight), 0,
                                     VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD },
    [VHOST_USER_SET_INFLIGHT_FD] = { "SET_INFLIGHT_FD", set_inflight_fd, VHOST_USER_INFLIGHT_SIZE,
                                     sizeof(struct vhost_user_inflight), 1,
                                     VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD },
    [VHOST_USER_RESET_DEVICE] = { "RESET_DEVICE", reset_device, 0, 0, 0,
                                  VHOST_USER_PROTOCOL_F_RESET_DEVICE },
    [VHOST_USER_GET_MAX_MEM_SLOTS] = { "GET_MAX_MEM_SLOTS", get_max_mem_slots, 0, 0, 0,
                                       VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS },
    [VHOST_USER_ADD_MEM_REG] = { "ADD_MEM_REG", add_mem_reg, 40, 0, 1,
                                 VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS },
    /* QEMU sends a descriptor with this one too. */
    [VHOST_USER_REM_MEM_REG] = { "REM_MEM_REG", rem_mem_reg, 40, 0, 1,
                                 VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS },
};

static const char *check(const struct hosted_vhost_user *server, const struct handler *handler,
                         const struct vhost_message *message)
{
    uint32_t size = message->header.size;
    uint32_t most = handler->most ? handler->most : handler->size;
    if (size < handler->size || size > most) {
        return "not as long as it is to be";
    }
    if (message->fd_count > handler->fds) {
        return "more descriptors than belong to it";
    }
    if (handler->feature >= 0 && !speaks(server, (unsigned)handler->feature)) {
        return "its protocol feature was not negotiated";
    }
    return NULL;
}

static bool wants_answer(const struct hosted_vhost_user *server,
                         const struct vhost_user_header *header)
{
    return speaks(server, VHOST_USER_PROTOCOL_F_REPLY_ACK) && header->flags & VHOST_USER_NEED_REPLY;
}

/* The connection's last words, so that the front-end need not wait for more. */
static const char *refuse(struct hosted_vhost_user *server, const struct vhost_message *message,
                          const char *name, const char *why)
{
    if (wants_answer(server, &message->header)) {
        reply_number(server, message, 1);
    }
    vmmp_log(server->config.log, VMMP_LOG_WARNING, VMMP_LOG_GUEST,
             "vhost-user %s: the front-end's %s: %s; the connection is closed",
             server->device->ops->name, name, why);
    return why;
}

const char *vhost_protocol_handle(struct hosted_vhost_user *server, struct vhost_message *message)
{
    uint32_t request = message->header.request;
    const struct handler *handler = request < VHOST_USER_REQUESTS ? &handlers[request] : NULL;
    if (!handler || !handler->handle) {
        char name[32];
        snprintf(name, sizeof(name), "message %u", request);
        return refuse(server, message, name, "not one that is spoken here");
    }
    const char *why = check(server, handler, message);
    why = why ? why : handler->handle(server, message);
    if (why == later || why == answered) {
        return NULL;
    }
    if (!why && wants_answer(server, &message->header)) {
        why = reply_number(server, message, 0);
        why = why == answered ? NULL : why;
    }
    return why ? refuse(server, message, handler->name, why) : NULL;
}

const char *vhost_protocol_stopped(struct hosted_vhost_user *server)
{
    struct vhost_message *message = &server->channel.message;
    enum vhost_after after = server->after;
    vhost_rings_stop(server, server->stopping);
    server->stopping = 0;
    server->after = VHOST_AFTER_NOTHING;
    const char *why = answered;
    if (after == VHOST_AFTER_BASE) {
        const struct vhost_ring *ring = &server->rings[server->stopping_index];
        bool packed = server->features >> VIRTIO_F_RING_PACKED & 1;
        struct vhost_user_vring_state state = {
            ring->index,
            packed ? (uint32_t)ring->base << 16 | ring->base : ring->base,
        };
        why = reply(server, message, &state, sizeof(state), -1);
    } else if (wants_answer(server, &message->header)) {
        why = reply_number(server, message, 0);
    }
    return why == answered ? NULL : refuse(server, message, "message", why);
}
