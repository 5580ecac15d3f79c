/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that two VMs share and events between them, in one process or in two: what is behind the
 * ends of a cross-VM connection (vmmp/crossvm.h) on Linux.
 *
 *     hosted_share_create(&share, loop, &options, error);    whichever comes first makes it
 *     host = hosted_share_memory(share, &size);              to be mapped for the guest
 *     hosted_share_start(share, events_came, cookie);        while there is a guest
 *     hosted_share_emit(share, 1);                           its guest emits
 *
 * Two processes meet at a Unix socket. Who finds nobody there makes the memory, listens, and gives
 * the memory to who comes next; both are of one user, whose socket (mode 0600) it is. Nobody else
 * is let in while two are there. An end that loses the other one keeps the memory and waits: it
 * takes the listener's place if that is gone. Who finds a listener with other memory than its own
 * takes the listener's, at the same address.
 *
 * Hostile peer: the memory is a memfd that is sealed against shrinking, so touching it cannot be
 * made a SIGBUS; a memfd that is not is not taken. Events are messages of the socket, which two
 * ends have one each of: an eventfd would be one open file for both, which a peer could make
 * blocking under our feet, or read empty. What is no message of the protocol ends the peer's
 * connection, nothing more. It can change the memory at any time and emit at any rate; what it
 * emits is taken in batches, and added up in the socket's place if we are slow.
 *
 * Threads: hosted_share_emit() and hosted_share_stats() any; everything else the loop's, or before
 * it runs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hosted/event_loop.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hosted_share;

/** Room for a message, with its end. */
#define HOSTED_SHARE_ERROR 320

struct hosted_share_options {
    const char *path; /**< Of the socket; 1 to 107 characters. */
    uint64_t size;    /**< Of the memory in bytes, a multiple of 4096. Both ends say the same. */
    const char *name; /**< For messages of the log; must outlive the share. */
    const struct vmmp_log *log; /**< May be NULL; must outlive the share. */
    /**
     * By QEMU's protocol. Who comes first is its server, and the other end a guest of QEMU's with
     * "-device ivshmem-doorbell,vectors=1", whose chardev connects to `path`. Where a server is
     * already, such as QEMU's ivshmem-server, this end is a client of it, and the other end who was
     * there first; of a server that has gone it waits for the next one. The size is a power of
     * two. The protocol has eventfds for events: a hostile other end could hold us up by making one
     * blocking in the moment between a look at it and its use. A server's memory is taken as it is:
     * if that is cut short, a guest that touches it ends.
     */
    bool ivshmem;
    unsigned timeout_ms; /**< How long a listener may take to answer; 0: 30 s. */
};

struct hosted_share_stats {
    uint64_t sent;     /**< Events given to the peer, */
    uint64_t dropped;  /**< or not: nobody was there. */
    uint64_t received; /**< Events of the peer's. */
    uint64_t unheard;  /**< Of these: nobody had started to listen. */
    uint64_t met;      /**< How often a peer has come. */
    uint64_t refused;  /**< Peers that were sent away, or broke the protocol. */
    bool connected;
};

/**
 * Meets the other end at `options->path`, or waits for it there. Waits for a listener's answer.
 * 0 with `*made` set; or -errno, nothing left behind, and in `error` what is wrong and would be
 * right: the size is another (-EINVAL), two ends are there already (-EBUSY), no answer
 * (-ETIMEDOUT), the path is too long, or it cannot be listened there.
 */
int hosted_share_create(struct hosted_share **made, struct hosted_event_loop *loop,
                        const struct hosted_share_options *options, char error[HOSTED_SHARE_ERROR]);

/** Both ends in one process, each with a loop of its own or the same. 0 or -errno. */
int hosted_share_pair(struct hosted_share *ends[2], struct hosted_event_loop *const loops[2],
                      uint64_t size);

/** Leaves; the socket is removed by who listens. The memory must not be mapped any more. NULL:
 * nothing. */
void hosted_share_destroy(struct hosted_share *share);

/** The memory, page-aligned; it stays at this address. */
void *hosted_share_memory(const struct hosted_share *share, uint64_t *size);

/** `events` is called by the loop's thread, with how many have come, until the stop. */
void hosted_share_start(struct hosted_share *share, void (*events)(void *cookie, uint32_t count),
                        void *cookie);
void hosted_share_stop(struct hosted_share *share);
/** After the start: `changed` is called in the same way when a peer has come or gone. */
void hosted_share_on_change(struct hosted_share *share, void (*changed)(void *cookie));

/** Which of two ends this is, for those who share out the memory; the other end is the other one.
 * May be another when a peer has come. */
bool hosted_share_is_second(const struct hosted_share *share);

/** `count` events for the peer; dropped if there is none. Never blocks. To a guest of QEMU's, whose
 * device does not count, they are one interrupt. */
void hosted_share_emit(struct hosted_share *share, uint64_t count);

struct hosted_share_stats hosted_share_stats(struct hosted_share *share);
/** The number of the meeting with the peer that is there, from 1 on; 0: nobody is. Any thread. */
uint64_t hosted_share_meeting(struct hosted_share *share);

#ifdef __cplusplus
}
#endif
