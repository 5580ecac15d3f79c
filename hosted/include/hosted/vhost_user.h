/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vhost-user transport: a virtio device served to another program over a Unix socket, as its
 * vhost-user back-end (QEMU's docs/interop/vhost-user.rst). The front-end is what has the guest:
 * QEMU, or a program with a virtio driver of its own, such as DPDK's virtio-user.
 *
 *     hosted_vhost_user_open(&server, &config, message);     listens at config.path
 *     hosted_event_loop_run(loop);                           serves who comes
 *     hosted_vhost_user_close(server);
 *
 * It is a third transport beside PCI and MMIO: the same device models, on rings that the front-end
 * describes and in memory that it hands over. One front-end is served at a time; another one waits
 * until it has gone. A model is made for each front-end and unmade with the connection.
 *
 * Spoken: split and packed rings, protocol features MQ, REPLY_ACK, BACKEND_REQ (changes of
 * configuration), CONFIG, INFLIGHT_SHMFD (split rings), RESET_DEVICE and CONFIGURE_MEM_SLOTS. A
 * ring works while it has addresses, a kick descriptor and is enabled. When it is stopped or
 * disabled, requests in flight are finished first; a device that works in order gives back what it
 * holds, and begins there again. When the last ring stops the device is reset. A network device's
 * control queue is the front-end's affair; pairs of queues are in use whose rings work.
 *
 * Hostile front-end: whatever it says, and whatever it does to memory that it shares, it can end
 * its own connection (one log line says why) and nothing else. Sizes, descriptors, indices, regions
 * and the order of messages are checked; memory that is taken away below us reads as zeroes. It can
 * make us busy, and wait: descriptors that it keeps full or stops reading from cost it its device.
 * Its guest is as hostile as any other's (vmmp/virtio.h).
 *
 * Threads: open and close in any, while the loop's callbacks do not run; all else happens in the
 * loop's thread. SIGBUS is handled from the first open on (what lies outside of shared memory goes
 * to whom it went before).
 */
#pragma once

#include <stdint.h>

#include <hosted/event_loop.h>
#include <hosted/unix_socket.h>
#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hosted_vhost_user;

/** Queues of one device. */
#define HOSTED_VHOST_USER_QUEUES 64

struct hosted_vhost_user_device {
    /** Makes the model on `memory`, which is empty yet. 0 or -errno, nothing left behind. */
    int (*create)(void *cookie, const struct vmmp_guest_memory *memory,
                  struct vmmp_virtio_device **virtio);
    void (*destroy)(void *cookie);
};

struct hosted_vhost_user_config {
    struct hosted_event_loop *loop;
    const struct vmmp_log *log; /**< May be NULL. */
    const char *path;           /**< Where to listen; NULL: see hosted_vhost_user_serve(). */
    const struct hosted_vhost_user_device *device;
    void *cookie;          /**< Of `device`. */
    uint64_t features_off; /**< Bits of the device's that are not offered. */
};

/** 0; or -errno, with what is wrong and what would be right in `message`. */
int hosted_vhost_user_open(struct hosted_vhost_user **server,
                           const struct hosted_vhost_user_config *config,
                           char message[HOSTED_UNIX_MESSAGE]);
/** Ends the connection, stops listening and frees all. NULL: nothing. */
void hosted_vhost_user_close(struct hosted_vhost_user *server);

/**
 * Serves the front-end at the other end of `socket`, which is the server's from now on (closed on
 * failure, too). 0; -EBUSY while another one is served; -errno.
 */
int hosted_vhost_user_serve(struct hosted_vhost_user *server, int socket);

/** Whether there is a front-end now. */
bool hosted_vhost_user_connected(const struct hosted_vhost_user *server);

struct hosted_vhost_user_statistics {
    uint64_t connections; /**< That began. */
    uint64_t refused;     /**< That were ended for something the front-end did. */
    uint64_t messages;
    uint64_t tracked;     /**< Rings that began with an inflight region. */
    uint64_t resubmitted; /**< Requests taken over from a back-end before. */
};
struct hosted_vhost_user_statistics
hosted_vhost_user_statistics(const struct hosted_vhost_user *server);

#ifdef __cplusplus
}
#endif
