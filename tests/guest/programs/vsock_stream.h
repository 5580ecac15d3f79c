/* SPDX-License-Identifier: BSD-2-Clause */
/* What both ends of the tests with vsock do: echo servers, and many streams checked at once. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Larger than a receive buffer of Linux's, so that messages are cut into packets. */
#define MESSAGE 10000
#define PIECE   65536
/* Bytes of messages, fewer than the least credit that either end gives. */
#define MESSAGES_UNDERWAY 40000
#define MOST              1024

/* One connection: what was sent and what came back are the same numbers in a row. */
struct stream {
    int fd;
    uint64_t sent;
    uint64_t received;
    bool shut;
    /* Of an echo: what waits to go back. */
    char *buffer;
    size_t length;
    size_t at;
    bool ended;
};

static inline void die(const char *what)
{
    fprintf(stderr, "FAILED %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline int take_type(int *argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (*argc > 1 && strcmp(argv[1], "--seqpacket") == 0) {
        memmove(&argv[1], &argv[2], sizeof(argv[0]) * (size_t)(*argc - 1));
        (*argc)--;
        return SOCK_SEQPACKET;
    }
    return SOCK_STREAM;
}

static inline struct stream *new_streams(int count)
{
    struct stream *streams = calloc((size_t)(count > 0 ? count : 1), sizeof(*streams));
    if (!streams || count < 1 || count > MOST) {
        die("the number of connections");
    }
    return streams;
}

static inline void make_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        die("fcntl");
    }
}

static inline bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* ---- Echo ---- */

static inline void echo_open(struct stream *stream, int fd)
{
    make_nonblocking(fd);
    *stream = (struct stream){ .fd = fd, .buffer = malloc(PIECE) };
    if (!stream->buffer) {
        die("memory");
    }
}

/* False: it is over. */
static inline bool echo_step(struct stream *stream)
{
    if (stream->at == stream->length && !stream->ended) {
        ssize_t got = recv(stream->fd, stream->buffer, PIECE, 0);
        if (got < 0) {
            return would_block();
        }
        stream->ended = got == 0;
        stream->length = (size_t)got;
        stream->at = 0;
    }
    if (stream->at < stream->length) {
        ssize_t put =
            send(stream->fd, stream->buffer + stream->at, stream->length - stream->at, MSG_EOR);
        if (put < 0) {
            return would_block();
        }
        stream->at += (size_t)put;
    }
    return !(stream->ended && stream->at == stream->length);
}

/* Serves `most` clients, or for ever. */
static inline void echo_server(int listener, int type, int most)
{
    static struct stream streams[MOST];
    static struct pollfd fds[MOST + 1];
    int count = 0;
    int served = 0;
    (void)type;
    make_nonblocking(listener);
    printf("listening\n");
    fflush(stdout);
    while (most == 0 || served < most || count > 0) {
        for (int i = 0; i < count; i++) {
            bool output = streams[i].at < streams[i].length;
            fds[i] = (struct pollfd){ streams[i].fd, output ? POLLOUT : POLLIN, 0 };
        }
        fds[count] = (struct pollfd){ listener, count < MOST ? POLLIN : 0, 0 };
        if (poll(fds, (nfds_t)count + 1, -1) < 0) {
            die("poll");
        }
        int fd = fds[count].revents ? accept(listener, NULL, NULL) : -1;
        for (int i = count; i-- > 0;) {
            if (fds[i].revents && !echo_step(&streams[i])) {
                close(streams[i].fd);
                free(streams[i].buffer);
                streams[i] = streams[--count];
            }
        }
        if (fd >= 0) {
            echo_open(&streams[count++], fd);
            served++;
        }
    }
    printf("served %d\n", served);
}

/* ---- Exchange ---- */

/* Byte `at` of stream `index`: no two streams, and no two places nearby, have the same. */
static inline uint8_t pattern(unsigned index, uint64_t at)
{
    uint64_t mixed = (at / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15) + index * UINT64_C(0xc2b2ae35);
    return (uint8_t)(mixed >> (at % 8 * 8));
}

static inline void send_some(struct stream *stream, unsigned index, uint64_t bytes, int type)
{
    static uint8_t piece[PIECE];
    size_t most = type == SOCK_SEQPACKET ? MESSAGE : PIECE;
    uint64_t left = bytes - stream->sent;
    size_t size = left < most ? (size_t)left : most;
    for (size_t i = 0; i < size; i++) {
        piece[i] = pattern(index, stream->sent + i);
    }
    ssize_t put = send(stream->fd, piece, size, MSG_EOR);
    if (put < 0 && !would_block()) {
        die("send");
    }
    if (put > 0) {
        stream->sent += (uint64_t)put;
    }
}

static inline void receive_some(struct stream *stream, unsigned index, uint64_t bytes, int type)
{
    static uint8_t piece[PIECE];
    ssize_t got = recv(stream->fd, piece, sizeof(piece), 0);
    if (got < 0 && would_block()) {
        return;
    }
    if (got <= 0) {
        die("receive");
    }
    uint64_t left = bytes - stream->received;
    if (type == SOCK_SEQPACKET && (uint64_t)got != (left < MESSAGE ? left : MESSAGE)) {
        errno = EMSGSIZE;
        die("a message's boundaries");
    }
    for (ssize_t i = 0; i < got; i++) {
        if (piece[i] != pattern(index, stream->received++)) {
            errno = EILSEQ;
            die("the data");
        }
    }
}

/*
 * Whether a stream has more to send. Of messages only so much is on its way: Linux's send() that
 * runs out of credit in the middle of a message and may not wait (6.12) says that it has sent
 * nothing, although a part of the message is gone, and no user of it can know where the next
 * begins.
 */
static inline bool may_send(const struct stream *stream, uint64_t bytes, int type)
{
    return stream->sent < bytes &&
           (type != SOCK_SEQPACKET || stream->sent - stream->received <= MESSAGES_UNDERWAY);
}

/* `bytes` through each stream and back, all at once. */
static inline void exchange(struct stream *streams, int count, uint64_t bytes, int type)
{
    static struct pollfd fds[MOST];
    int left = count;
    for (int i = 0; i < count; i++) {
        make_nonblocking(streams[i].fd);
    }
    while (left > 0) {
        for (int i = 0; i < count; i++) {
            bool done = streams[i].received == bytes;
            short events = (short)(POLLIN | (may_send(&streams[i], bytes, type) ? POLLOUT : 0));
            fds[i] = (struct pollfd){ done ? -1 : streams[i].fd, events, 0 };
        }
        int ready = poll(fds, (nfds_t)count, 60000);
        if (ready <= 0) {
            errno = ready == 0 ? ETIMEDOUT : errno;
            die("poll");
        }
        left = 0;
        for (int i = 0; i < count; i++) {
            struct stream *stream = &streams[i];
            if (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) {
                receive_some(stream, (unsigned)i, bytes, type);
            }
            if ((fds[i].revents & POLLOUT) && may_send(stream, bytes, type)) {
                send_some(stream, (unsigned)i, bytes, type);
            }
            left += stream->received < bytes;
        }
    }
    for (int i = 0; i < count; i++) {
        close(streams[i].fd);
    }
    printf("ok %d %llu\n", count, (unsigned long long)bytes);
}
