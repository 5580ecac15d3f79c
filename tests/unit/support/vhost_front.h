/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vhost-user front-end for tests: it says what it is told to at one end of a socket pair whose
 * other end the server has, in one thread; and is a transport for virtio_driver.h.
 */
#pragma once

#include "vmmp_test.h"

#include <hosted/vhost_user.h>

#include "support/virtio_driver.h"
#include "vhost_user/vhost_user_spec.h"

#define VHOST_FRONT_RAM      UINT64_C(0x40000000)
#define VHOST_FRONT_USER     UINT64_C(0x7f1200000000) /* Where the front-end says it has it. */
#define VHOST_FRONT_RAM_SIZE UINT64_C(0x100000)
#define VHOST_FRONT_RINGS    4

struct vhost_front {
    struct hosted_event_loop *loop;
    struct hosted_vhost_user *server;
    struct vmmp_log log;
    char line[VMMP_LOG_MAX]; /* The last one. */
    unsigned lines;
    int socket;
    int ram_fd;
    uint8_t *ram;
    struct vmmp_guest_memory memory;
    struct virtio_driver driver;
    struct vmmp_window window;  /**< Of the driver; only its `device` counts. */
    uint64_t protocol_features; /* To negotiate. */
    uint16_t queue_size;
    uint8_t status;
    int kick[VHOST_FRONT_RINGS];
    int call[VHOST_FRONT_RINGS];
    int error[VHOST_FRONT_RINGS];
    uint16_t base[VHOST_FRONT_RINGS]; /* Where rings begin. */
    int received_fd;                  /* What came with the last reply, or -1. */
};

/** A loop, a server of `device`, RAM. */
void vhost_front_init(struct vhost_front *front, const struct hosted_vhost_user_device *device,
                      void *cookie);
void vhost_front_fini(struct vhost_front *front);
/** A new connection; RAM and rings stay. */
void vhost_front_connect(struct vhost_front *front);
/** Closes our end, if it is open. */
void vhost_front_disconnect(struct vhost_front *front);

/** Runs the loop until there is nothing to do. */
void vhost_front_run(struct vhost_front *front);
/** Whether the server has ended the connection; with one line in the log, then. */
bool vhost_front_was_refused(struct vhost_front *front);

/** Sends a message with descriptors, and runs. */
void vhost_front_send(struct vhost_front *front, uint32_t request, const void *payload, size_t size,
                      const int *fds, unsigned fd_count);
void vhost_front_send_flags(struct vhost_front *front, uint32_t request, uint32_t flags,
                            const void *payload, size_t size, const int *fds, unsigned fd_count);
void vhost_front_send_number(struct vhost_front *front, uint32_t request, uint64_t number);
void vhost_front_send_state(struct vhost_front *front, uint32_t request, uint32_t index,
                            uint32_t num);
/** Takes a reply's payload of up to `size` bytes; its size, or -1: there is none. */
int vhost_front_reply(struct vhost_front *front, uint32_t request, void *payload, size_t size);
/** Asks and takes a number; the test fails without one. */
uint64_t vhost_front_ask(struct vhost_front *front, uint32_t request);
uint32_t vhost_front_get_base(struct vhost_front *front, uint32_t index);

/** OWNER, features of the protocol, the memory table. */
void vhost_front_begin(struct vhost_front *front);
void vhost_front_set_memory(struct vhost_front *front);

/** Events on a ring's call descriptor since the last time. */
uint64_t vhost_front_calls(const struct vhost_front *front, unsigned ring);
uint64_t vhost_front_errors(const struct vhost_front *front, unsigned ring);

/** `device` is a struct vhost_front. */
extern const struct virtio_driver_transport virtio_driver_vhost_user;
