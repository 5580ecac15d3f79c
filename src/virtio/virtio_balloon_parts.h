/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the balloon share: the device, its pages, its statistics. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>

/* 5.5.3 */
#define VIRTIO_BALLOON_F_MUST_TELL_HOST 0
#define VIRTIO_BALLOON_F_STATS_VQ       1
#define VIRTIO_BALLOON_F_DEFLATE_ON_OOM 2
#define VIRTIO_BALLOON_F_FREE_PAGE_HINT 3
#define VIRTIO_BALLOON_F_PAGE_POISON    4
#define VIRTIO_BALLOON_F_PAGE_REPORTING 5

/* 5.5.6.5: reserved values of free_page_hint_cmd_id */
#define VIRTIO_BALLOON_CMD_ID_STOP 0u
#define VIRTIO_BALLOON_CMD_ID_DONE 1u
#define VIRTIO_BALLOON_CMD_ID_MIN  2u

static inline struct vmmp_virtio_balloon *balloon_of(struct vmmp_virtio_device *dev)
{
    return (struct vmmp_virtio_balloon *)((char *)dev -
                                          offsetof(struct vmmp_virtio_balloon, virtio));
}

static inline struct vmmp_virtqueue_chain balloon_chain(struct vmmp_virtio_balloon *balloon)
{
    return (struct vmmp_virtqueue_chain){
        .iov = balloon->iov,
        .capacity = sizeof(balloon->iov) / sizeof(balloon->iov[0]),
    };
}

static inline void balloon_changed(struct vmmp_virtio_balloon *balloon)
{
    if (balloon->backend.changed) {
        balloon->backend.changed(balloon->backend.cookie);
    }
}

/* virtio_balloon_pages.c: queues of page frames, reports and hints; what was inflated comes back */
enum vmmp_virtio_progress vmmp_balloon_frames(struct vmmp_virtio_balloon *balloon, unsigned queue);
enum vmmp_virtio_progress vmmp_balloon_reports(struct vmmp_virtio_balloon *balloon, unsigned queue);
enum vmmp_virtio_progress vmmp_balloon_hints(struct vmmp_virtio_balloon *balloon, unsigned queue);
void vmmp_balloon_populate_all(struct vmmp_virtio_balloon *balloon);

/* virtio_balloon_stats.c */
void vmmp_balloon_stats_init(struct vmmp_virtio_balloon *balloon);
void vmmp_balloon_stats_start(struct vmmp_virtio_balloon *balloon);
enum vmmp_virtio_progress vmmp_balloon_stats(struct vmmp_virtio_balloon *balloon, unsigned queue);
void vmmp_balloon_stats_forget(struct vmmp_virtio_balloon *balloon);
