/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared memory and events between two VMs: what share.c and share_meet.c have in common. */
#pragma once

#include <pthread.h>

#include <hosted/share.h>
#include <hosted/unix_socket.h>

#define SHARE_MAGIC   UINT32_C(0x68737876) /* "vxsh" */
#define SHARE_VERSION 1

enum share_kind {
    SHARE_HELLO = 1, /**< From who comes; value: its size. */
    SHARE_WELCOME,   /**< From who listens, with the memory's descriptor; value: its size, + 1 if
                          it is the second end. */
    SHARE_REFUSED,   /**< From who listens; value: its size, 0: there are two already. */
    SHARE_EVENTS,    /**< value: how many, 1 to 2^32 - 1. */
};

/** What is sent, one at a time; in the host's byte order, for both ends are on one host. */
struct share_message {
    uint32_t magic;
    uint16_t version;
    uint16_t kind;
    uint64_t value;
};

/** What a server of QEMU's protocol has said so far (share_ivshmem_client.c). The loop's. */
struct share_ivshmem_server {
    uint8_t bytes[8]; /**< Of a number, */
    size_t count;     /**< as many as have come, */
    int descriptor;   /**< and what came along, or -1. */
    unsigned said;    /**< Numbers. */
    int64_t id;       /**< Ours. */
    int64_t peer;     /**< The other end's; -1: nobody is there. */
};

struct hosted_share {
    struct hosted_event_loop *loop;
    struct vmmp_host host;
    const struct vmmp_log *log;
    const char *name;
    void *memory;
    uint64_t size;
    void (*events)(void *cookie, uint32_t count);
    void (*changed)(void *cookie);
    void *cookie;

    struct hosted_event_source listening;
    struct hosted_event_source candidate; /**< Has not said hello, or was not answered yet. */
    struct hosted_event_source peer;
    struct hosted_event_source doorbell;  /**< With `ivshmem`: its eventfd to us. */
    struct vmmp_timer again;              /**< Meets the other end again. */
    struct hosted_unix_listener listener; /**< `fd` -1: the other end listens, or nobody. */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /**< Empty: of a pair. */

    pthread_mutex_t lock; /**< For what is said to be under it, and sending. After a device's
                               context. */
    uint64_t pending;     /**< Under it: events that the socket had no room for. */
    struct hosted_share_stats stats; /**< Under it. */
    int peer_fd;                     /**< Under it; -1: nobody is there. */
    int event_out;                   /**< Under it, with `ivshmem`: our eventfd to it; -1: none. */
    int memory_fd;
    uid_t user;   /**< Whose process this is: a sandbox may not say later. */
    bool waits;   /**< Under it: for room. */
    bool second;  /**< Which of the two ends it is. */
    bool ivshmem; /**< By QEMU's protocol, as its server or a client of one: */
    struct share_ivshmem_server server;
    bool said_lost; /**< That there is nowhere to meet has been said. */
};

static inline void share_set_second(struct hosted_share *share, bool second)
{
    __atomic_store_n(&share->second, second, __ATOMIC_RELAXED);
}

/** The peer is there, by `fd`, which this takes. 0 or -errno (closed). */
int share_peer_begin(struct hosted_share *share, int fd);

/** `count` events have come. */
void share_deliver(struct hosted_share *share, uint64_t count);

/** share_ivshmem.c: a client of QEMU's, whose socket it takes, comes and goes. */
void share_ivshmem_serve(struct hosted_share *share, int fd);
void share_ivshmem_end(struct hosted_share *share);
/** Under the lock, with a peer: false, it takes no events. */
bool share_ivshmem_emit(struct hosted_share *share);
/** What `share->doorbell.fd` says is delivered. False: it will never say anything. */
bool share_ivshmem_heard(struct hosted_share *share);
/** The event source of it. 0 or -errno. */
int share_ivshmem_listen(struct hosted_share *share);

/** share_ivshmem_client.c: we come to a server. Forgets what another one has said. */
void share_ivshmem_forget(struct hosted_share *share);
/** Takes what the server says first: 0, all of it, with its memory; -EAGAIN, there will be more;
 * -EPIPE, -EPROTO, -EINVAL: its memory has another size. */
int share_ivshmem_greet(struct hosted_share *share, int fd, uint64_t *its_size);
/** After that, with its socket, which this takes. 0 or -errno (closed). */
int share_ivshmem_begin(struct hosted_share *share, int fd);

/** Makes the memory. 0 or -errno. */
int share_memory_make(struct hosted_share *share);
/** Takes the peer's in its place, if it cannot shrink; takes the descriptor in any case. */
int share_memory_adopt(struct hosted_share *share, int fd);

/** share_meet.c: joins who listens, or listens; see hosted_share_create(). */
int share_meet(struct hosted_share *share, unsigned timeout_ms, char error[HOSTED_SHARE_ERROR]);
/** The peer is gone: tries to meet it again, unless we listen. */
void share_meet_again(struct hosted_share *share);
void share_meet_end(struct hosted_share *share);

/** All bytes, with a descriptor (-1: none). */
bool share_send_with(int fd, const void *bytes, size_t size, int descriptor);
/** As recv() does it, with the descriptor that came along, or -1. */
ssize_t share_receive_with(int fd, void *bytes, size_t size, int *descriptor, bool *truncated);

bool share_send(int fd, enum share_kind kind, uint64_t value);
/** A whole message of this protocol; -EAGAIN, -EPIPE: it has ended, -EPROTO: it is none. */
int share_receive(int fd, struct share_message *message);
bool share_is_message(const struct share_message *message, size_t size);
