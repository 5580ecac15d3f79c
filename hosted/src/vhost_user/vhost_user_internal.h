/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the vhost-user transport share: the channel (messages and their descriptors),
 * memory, rings, the inflight region, and the protocol that works them.
 *
 * All of it runs in the event loop's thread. What touches the device or its queues is called inside
 * the device's context where "inside" is said, and outside everywhere else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hosted/vhost_user.h>

#include "vhost_user_spec.h"

/* ---- Channel (channel.c) ---- */

struct vhost_message {
    struct vhost_user_header header;
    union vhost_user_payload payload;
    int fds[VHOST_USER_FDS]; /* -1: taken, or none. */
    unsigned fd_count;       /* As many came. */
};

/* A message on its way in. */
struct vhost_channel {
    int socket;
    size_t got; /* Bytes of header and payload. */
    struct vhost_message message;
};

enum vhost_receive {
    VHOST_RECEIVED, /* `message` is whole. */
    VHOST_RECEIVE_AGAIN,
    VHOST_RECEIVE_END, /* The front-end has gone. */
    VHOST_RECEIVE_BAD, /* `why` says what is wrong. */
};

void vhost_channel_init(struct vhost_channel *channel, int socket);
/* Closes the socket and what came and was not taken. */
void vhost_channel_fini(struct vhost_channel *channel);
enum vhost_receive vhost_channel_receive(struct vhost_channel *channel, const char **why);
/* Closes descriptors that were not taken and makes room for the next one. */
void vhost_channel_next(struct vhost_channel *channel);
/* Takes descriptor `index` of the message; the caller's to close. -1 if there is none. */
int vhost_message_take_fd(struct vhost_message *message, unsigned index);
/* Sends `size` bytes of payload with a descriptor (-1: without). False: not possible at once. */
bool vhost_send(int socket, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
                int fd);

/* ---- Memory taken away (bus_error.c) ---- */

/* Handles SIGBUS from now on. 0 or -errno. */
int vhost_guard_begin(void);
/* False if there is no room for more. */
bool vhost_guard_add(void *start, size_t size);
/* Returns whether memory was missing there. */
bool vhost_guard_remove(void *start);
bool vhost_guard_hit(const void *start);

/* ---- Memory (memory.c) ---- */

#define VHOST_REGIONS VMMP_GUEST_MEMORY_REGIONS
/* Mappings that nothing new uses, but requests in flight may. */
#define VHOST_RETIRED 32u

struct vhost_mapping {
    void *start;
    size_t size;
};

struct vhost_region {
    uint64_t guest;
    uint64_t user;
    uint64_t size;
    struct vhost_mapping mapping;
    uint8_t *host; /* Of `guest`. */
};

struct vhost_memory {
    unsigned count;
    struct vhost_region regions[VHOST_REGIONS];
    unsigned retired_count;
    struct vhost_mapping retired[VHOST_RETIRED];
    struct vmmp_guest_memory guest; /* What the device sees. */
};

void vhost_memory_init(struct vhost_memory *memory);
/* Nothing uses any of it any more. */
void vhost_memory_fini(struct vhost_memory *memory);
/* Maps a region into `region`; NULL, or what is wrong. `fd` stays the caller's. */
const char *vhost_memory_map(const struct vhost_user_memory_region *wanted, int fd,
                             struct vhost_region *region);
void vhost_memory_unmap(struct vhost_region *region);
/*
 * Inside. Makes `count` regions the whole table; the old ones are retired. NULL, or what is wrong
 * with the new ones, which stay the caller's then; nothing has changed.
 */
const char *vhost_memory_set(struct vhost_memory *memory, const struct vhost_region *regions,
                             unsigned count);
/* Inside: nothing is in flight, so retired mappings can go. */
void vhost_memory_forget(struct vhost_memory *memory);
/* The guest-physical address of the front-end's own; false if it is in no region. */
bool vhost_memory_find(const struct vhost_memory *memory, uint64_t user, vmmp_gpa_t *guest);
/* Whether some of it was taken away below us. */
bool vhost_memory_missing(const struct vhost_memory *memory);

/* ---- The inflight region (inflight.c) ---- */

/* Of a packed ring: what stands in the region too, where others can write it. */
struct vhost_inflight_packed {
    struct vhost_user_inflight_packed *region; /* Shared. */
    uint16_t *next;                            /* Of each entry of the region. */
    uint16_t *last; /* Of the chain that begins there, or VHOST_NOT_IN_FLIGHT. */
    uint16_t *num;  /* Entries of that chain, */
    uint16_t *id;   /* and what the driver calls it. */
    uint16_t free_head;
    /* What `batch` frees, as a list from `pending_head` to `pending_tail`. */
    uint16_t pending_head;
    uint16_t pending_tail;
    uint16_t used_idx; /* What the driver has been shown, and noted. */
    uint8_t used_wrap_counter;
    struct virtq_packed_desc *kept; /* The chains to take again, in order. */
    uint32_t kept_next;
};
#define VHOST_NOT_IN_FLIGHT UINT16_MAX

struct vhost_inflight_ring {
    struct vmmp_virtio_tracker tracker;
    struct vhost_user_inflight_queue *queue; /* Shared. Of a split ring. */
    struct vhost_inflight_packed packed;
    uint16_t size;
    uint64_t counter;
    /* What another back-end left, oldest first; heads below `size`. */
    uint16_t *again;
    uint16_t again_count;
    uint16_t again_next;
    /* Pushed and not shown yet. Split: as a list through `next` of the descriptors, too. */
    uint16_t *batch;
    uint16_t batch_count;
    uint64_t *resubmitted; /* Statistics. */
};

struct vhost_inflight {
    struct vhost_mapping mapping;
    uint8_t *start;
    uint16_t queues;
    uint16_t queue_size;
    bool for_packed;
    struct vhost_inflight_ring *rings; /* `queues` of them, */
    uint16_t *lists;                   /* and what each has in lists of `queue_size`. */
};

/* Makes a region of zeroes and returns its descriptor, which is the caller's; -errno. */
int vhost_inflight_create(struct vhost_inflight *inflight, bool packed, unsigned queues,
                          unsigned queue_size, uint64_t *size);
/* Takes one over; NULL, or what is wrong. */
const char *vhost_inflight_open(struct vhost_inflight *inflight, bool packed,
                                const struct vhost_user_inflight *wanted, int fd);
void vhost_inflight_close(struct vhost_inflight *inflight);
/*
 * A ring begins, `vq` of which is enabled and has done nothing (`resubmitted` counts what is taken
 * over): sets `tracker` (NULL: there is no region for it), and `position` to where the queue
 * begins if another back-end left something. NULL, or what is wrong.
 */
const char *vhost_inflight_begin(struct vhost_inflight *inflight, unsigned index,
                                 const struct vmmp_virtqueue *vq, uint64_t *resubmitted,
                                 struct vmmp_virtio_tracker **tracker, uint16_t *position);

/* The same for a packed ring, of which `region`, `size` and the lists are set (inflight_packed.c).
 */
const char *vhost_inflight_begin_packed(struct vhost_inflight_ring *ring,
                                        const struct vmmp_virtqueue *vq, uint16_t *position);
void vhost_inflight_end_packed(struct vhost_inflight_ring *ring);
/* `again` has `count` heads: puts them into the order of their counters, which go on after it. */
struct vhost_inflight_candidate {
    uint64_t counter;
    uint16_t head;
};
void vhost_inflight_sort(struct vhost_inflight_ring *ring,
                         struct vhost_inflight_candidate *candidates, unsigned count);

/* ---- Rings (ring.c) ---- */

struct vhost_ring {
    uint32_t size; /* 0: not known yet. */
    uint64_t descriptor;
    uint64_t available;
    uint64_t used;
    bool addressed;
    uint16_t base;
    bool enabled;
    bool started; /* Has had a kick descriptor since it was stopped. */
    bool running; /* The device's queue works. */
    int kick;     /* -1: none. */
    int call;
    int error;
    struct hosted_event_source source; /* Of `kick`. */
    struct hosted_vhost_user *server;
    unsigned index;
};

/* ---- The server ---- */

/* What is to be done when all queues that are to stop are empty. */
enum vhost_after {
    VHOST_AFTER_NOTHING,
    VHOST_AFTER_BASE, /* Answer GET_VRING_BASE of ring `stopping_index`. */
    VHOST_AFTER_ACK,  /* Answer if asked for. */
};

struct hosted_vhost_user {
    struct hosted_vhost_user_config config;
    struct vmmp_host host;
    struct hosted_unix_listener listener;
    struct hosted_event_source listen_source;
    struct hosted_vhost_user_statistics statistics;

    /* Of the connection; `connected` false: none of it. */
    bool connected;
    struct vhost_channel channel;
    struct hosted_event_source source;
    struct vmmp_virtio_device *device;
    struct vhost_memory memory;
    struct vhost_inflight inflight;
    struct vhost_ring rings[HOSTED_VHOST_USER_QUEUES];
    unsigned ring_count;
    uint64_t offered;
    uint64_t features;
    uint64_t protocol_features;
    bool features_set;
    bool device_live;    /* DRIVER_OK is set. */
    int backend_channel; /* -1: none. */

    /* A message whose answer waits for queues to become empty. */
    uint64_t stopping; /* A bit for each ring. */
    enum vhost_after after;
    unsigned stopping_index;
    struct vmmp_timer timer;
    struct vmmp_timer missing_timer;
};

/* rings: `why` NULL, or what is wrong. All outside. */
void vhost_rings_init(struct hosted_vhost_user *server);
void vhost_rings_fini(struct hosted_vhost_user *server);
/* Starts the ring if all is there for it. */
const char *vhost_ring_update(struct hosted_vhost_user *server, unsigned index);
/* Nothing new is taken; when vhost_rings_empty() they may be stopped. */
void vhost_rings_pause(struct hosted_vhost_user *server, uint64_t rings);
bool vhost_rings_empty(struct hosted_vhost_user *server, uint64_t rings);
/* Stops those rings; `base` of each is where another device begins. */
void vhost_rings_stop(struct hosted_vhost_user *server, uint64_t rings);
const char *vhost_ring_set_kick(struct hosted_vhost_user *server, unsigned index, int fd);
void vhost_ring_set_call(struct hosted_vhost_user *server, unsigned index, int fd);
void vhost_ring_set_error(struct hosted_vhost_user *server, unsigned index, int fd);
/* Memory has changed. Inside. */
void vhost_rings_moved(struct hosted_vhost_user *server);
/* The device's interrupts. */
extern const struct vmmp_virtio_transport_ops vhost_transport_ops;

/*
 * Works `message`. NULL, or what is wrong with it: the connection ends. The answer is sent, or
 * `server->after` says that it comes later.
 */
const char *vhost_protocol_handle(struct hosted_vhost_user *server, struct vhost_message *message);
/* The queues that were to stop are empty. */
const char *vhost_protocol_stopped(struct hosted_vhost_user *server);
