/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk of two queues behind vhost-user, with the front-end of vhost_front.h. */
#pragma once

#include "support/vhost_front.h"

#include "support/blk_bench.h"

#define VHOST_BENCH_QUEUES   2
#define VHOST_BENCH_FEATURES (UINT64_MAX & ~(UINT64_C(1) << VIRTIO_F_EVENT_IDX))

struct vhost_bench {
    struct vhost_front front;
    struct blk_bench blk; /* Its disk and model alone. */
    uint64_t data;
    uint64_t headers;
    unsigned slot;
    uint64_t status_of[VIRTIO_DRIVER_IDS]; /* By the head of the request. */
    bool lose_requests;                    /* The model is unmade as if its program had died. */
};

/** `cookie` is a struct vhost_bench. */
extern const struct hosted_vhost_user_device vhost_bench_device;

struct vhost_bench *vhost_bench_new(void);
/** The test fails if descriptors are left open. */
void vhost_bench_free(struct vhost_bench *bench);

/** Begins, negotiates and readies two queues. */
void vhost_bench_start(struct vhost_bench *bench, bool packed);
/** The queues, and DRIVER_OK. */
void vhost_bench_ready(struct vhost_bench *bench);
/** A ring that was stopped works again from `base` on. */
void vhost_bench_restart(struct vhost_bench *bench, unsigned queue, uint32_t base);
/** Adds a request of one sector and kicks. */
void vhost_bench_add(struct vhost_bench *bench, unsigned queue, uint32_t type, uint64_t sector);
/** Takes one used request: its status, or -1 if there is none. */
int vhost_bench_take(struct vhost_bench *bench, unsigned queue);
/** Runs the loop for a while, so that its timers come. */
void vhost_bench_wait(struct vhost_bench *bench);
