/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening Unix sockets: made for their owner alone, in the place of what a program that is gone
 * has left behind, never in the place of one that is alive or of anything else, of whom one is
 * first where several come at once; and removed by who made them.
 *
 * Threads: any; one listener from one at a time.
 */
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a message, with its end. */
#define HOSTED_UNIX_MESSAGE 256

struct hosted_unix_listener {
    int fd; /**< Non-blocking, close-on-exec; -1: not listening. The caller's to wait for. */
    struct sockaddr_un address;
    dev_t device; /**< What was made, so that nothing else is removed. */
    ino_t inode;
    unsigned kept; /**< For hosted_unix_abandon(), from 1 on. */
};

/**
 * Listens at `path` with a socket of `type` (SOCK_STREAM or SOCK_SEQPACKET), mode 0600. 0; or
 * -errno, nothing changed, and what is wrong and would be right in `message`, the path in front.
 * Waits while others begin to listen there, for half a second at most.
 */
int hosted_unix_listen(struct hosted_unix_listener *listener, const char *path, int type,
                       int backlog, char message[HOSTED_UNIX_MESSAGE]);

/** Closes the socket and removes its file if it is still the one made. Not listening: nothing. */
void hosted_unix_unlisten(struct hosted_unix_listener *listener);

/**
 * Removes the files of all listeners of this process (of the first 64), which is about to end: for
 * a signal's handler. They go on listening until it does.
 */
void hosted_unix_abandon(void);

/** Connects to `path`, non-blocking. A descriptor, or -errno. */
int hosted_unix_connect(const char *path, int type);

#ifdef __cplusplus
}
#endif
