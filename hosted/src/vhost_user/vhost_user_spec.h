/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constants and messages of the vhost-user protocol, as QEMU's docs/interop/vhost-user.rst has
 * them; names of sections in comments are its own. Numbers are in the host's byte order.
 */
#pragma once

#include <stdint.h>

/* Header */
#define VHOST_USER_VERSION      1u
#define VHOST_USER_VERSION_MASK 3u
#define VHOST_USER_REPLY        4u
#define VHOST_USER_NEED_REPLY   8u

struct vhost_user_header {
    uint32_t request;
    uint32_t flags;
    uint32_t size; /* Of the payload. */
};

/* Front-end message types */
enum vhost_user_request {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_RESET_OWNER = 4,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_VRING_NUM = 8,
    VHOST_USER_SET_VRING_ADDR = 9,
    VHOST_USER_SET_VRING_BASE = 10,
    VHOST_USER_GET_VRING_BASE = 11,
    VHOST_USER_SET_VRING_KICK = 12,
    VHOST_USER_SET_VRING_CALL = 13,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_SET_PROTOCOL_FEATURES = 16,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SET_VRING_ENABLE = 18,
    VHOST_USER_SET_BACKEND_REQ_FD = 21,
    VHOST_USER_GET_CONFIG = 24,
    VHOST_USER_SET_CONFIG = 25,
    VHOST_USER_GET_INFLIGHT_FD = 31,
    VHOST_USER_SET_INFLIGHT_FD = 32,
    VHOST_USER_RESET_DEVICE = 34,
    VHOST_USER_GET_MAX_MEM_SLOTS = 36,
    VHOST_USER_ADD_MEM_REG = 37,
    VHOST_USER_REM_MEM_REG = 38,
    VHOST_USER_REQUESTS
};

/* Back-end message types */
#define VHOST_USER_BACKEND_CONFIG_CHANGE_MSG 2u

/* Feature negotiation: a bit of the virtio features. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

/* Protocol features */
#define VHOST_USER_PROTOCOL_F_MQ                  0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK           3
#define VHOST_USER_PROTOCOL_F_BACKEND_REQ         5
#define VHOST_USER_PROTOCOL_F_CONFIG              9
#define VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD      12
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE        13
#define VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS 15

/* A vring state description */
struct vhost_user_vring_state {
    uint32_t index;
    uint32_t num;
};

/* A vring address description; addresses are the front-end's own. */
struct vhost_user_vring_addr {
    uint32_t index;
    uint32_t flags;
    uint64_t descriptor;
    uint64_t used;
    uint64_t available;
    uint64_t log;
};

/* The number of SET_VRING_KICK, _CALL and _ERR */
#define VHOST_USER_VRING_INDEX_MASK UINT64_C(0xff)
#define VHOST_USER_VRING_NOFD       UINT64_C(0x100)

/* Memory region description */
struct vhost_user_memory_region {
    uint64_t guest_address;
    uint64_t size;
    uint64_t user_address; /* The front-end's own. */
    uint64_t mmap_offset;
};

/* Multiple memory regions description */
#define VHOST_USER_MEMORY_REGIONS 8u
struct vhost_user_memory {
    uint32_t count;
    uint32_t padding;
    struct vhost_user_memory_region regions[VHOST_USER_MEMORY_REGIONS];
};

/* Single memory region description */
struct vhost_user_single_region {
    uint64_t padding;
    struct vhost_user_memory_region region;
};

/* Virtio device config space */
#define VHOST_USER_CONFIG_SIZE 256u
struct vhost_user_config {
    uint32_t offset;
    uint32_t size;
    uint32_t flags;
    uint8_t bytes[VHOST_USER_CONFIG_SIZE];
};
#define VHOST_USER_CONFIG_HEADER 12u

/* Inflight description */
struct vhost_user_inflight {
    uint64_t mmap_size;
    uint64_t mmap_offset;
    uint16_t queues;
    uint16_t queue_size;
    uint32_t padding; /* On the wire there may or may not be any. */
};
#define VHOST_USER_INFLIGHT_SIZE 20u

union vhost_user_payload {
    uint64_t number;
    struct vhost_user_vring_state state;
    struct vhost_user_vring_addr addr;
    struct vhost_user_memory memory;
    struct vhost_user_single_region region;
    struct vhost_user_config config;
    struct vhost_user_inflight inflight;
};

/* Ancillary data of one message: a descriptor for each memory region at most. */
#define VHOST_USER_FDS VHOST_USER_MEMORY_REGIONS

/* Inflight I/O tracking: a split ring's region. All of it may change at any time. */
struct vhost_user_inflight_desc {
    uint8_t in_flight;
    uint8_t padding[5];
    uint16_t next;
    uint64_t counter;
};

struct vhost_user_inflight_queue {
    uint64_t features;
    uint16_t version;
    uint16_t size;
    uint16_t last_batch_head;
    uint16_t used_idx;
    struct vhost_user_inflight_desc desc[];
};

/* A packed ring's. Positions and wrap counters are stored eight bytes at once (struct ..._used). */
struct vhost_user_inflight_packed_desc {
    uint8_t in_flight;
    uint8_t padding;
    uint16_t next;
    uint16_t last;
    uint16_t num;
    uint64_t counter;
    uint16_t id;
    uint16_t flags;
    uint32_t len;
    uint64_t addr;
};

struct vhost_user_inflight_used {
    uint16_t used_idx;
    uint16_t old_used_idx;
    uint8_t used_wrap_counter;
    uint8_t old_used_wrap_counter;
    uint8_t padding[2];
};

struct vhost_user_inflight_packed {
    uint64_t features;
    uint16_t version;
    uint16_t desc_num;
    uint16_t free_head;
    uint16_t old_free_head;
    uint64_t used __attribute__((aligned(8))); /* A struct vhost_user_inflight_used. */
    uint8_t padding[8];
    struct vhost_user_inflight_packed_desc desc[];
};

#define VHOST_USER_INFLIGHT_VERSION 1u
