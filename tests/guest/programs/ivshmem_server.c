/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server as QEMU's ivshmem-server is one (docs/specs/ivshmem-spec, the client-server protocol),
 * with one vector for each client:
 *
 *   ivshmem_server SOCKET BYTES    until it is killed
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 8
#define VERSION 0
#define MEMORY  (-1)

struct client {
    int fd; /* -1: none. */
    int doorbell;
    int64_t id;
};

static struct client clients[CLIENTS];
static int memory;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static bool tell(const struct client *client, int64_t number, int descriptor)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    /* Little-endian, as the machines are that this runs on. */
    struct iovec iov = { &number, sizeof(number) };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (descriptor >= 0) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof(control.room);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
    }
    return sendmsg(client->fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(number);
}

/* The others are told of it and it is told of them; it hears of itself last. */
static void welcome(struct client *client)
{
    if (!tell(client, VERSION, -1) || !tell(client, client->id, -1) ||
        !tell(client, MEMORY, memory)) {
        return;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0 && &clients[i] != client) {
            tell(&clients[i], client->id, client->doorbell);
            tell(client, clients[i].id, clients[i].doorbell);
        }
    }
    tell(client, client->id, client->doorbell);
}

static void take(int listener)
{
    static int64_t next_id;
    int fd = accept(listener, NULL, NULL);
    for (unsigned i = 0; i < CLIENTS && fd >= 0; i++) {
        if (clients[i].fd < 0) {
            clients[i] = (struct client){ fd, eventfd(0, EFD_NONBLOCK), next_id++ };
            welcome(&clients[i]);
            return;
        }
    }
    close(fd);
}

static void drop(struct client *client)
{
    close(client->fd);
    close(client->doorbell);
    client->fd = -1;
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0) {
            tell(&clients[i], client->id, -1);
        }
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, CLIENTS) != 0) {
        die(path);
    }
    return fd;
}

int main(int argc, char *argv[])
{
    if (argc != 3) {
        fputs("ivshmem_server SOCKET BYTES\n", stderr);
        return 2;
    }
    memory = memfd_create("ivshmem", 0);
    if (memory < 0 || ftruncate(memory, (off_t)strtoull(argv[2], NULL, 10)) != 0) {
        die("memory");
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].fd = -1;
    }
    struct pollfd polled[CLIENTS + 1] = { { .fd = listen_at(argv[1]), .events = POLLIN } };
    for (;;) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            polled[i + 1] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
        }
        if (poll(polled, CLIENTS + 1, -1) < 0) {
            die("poll");
        }
        /* Who says anything has ended. */
        for (unsigned i = 0; i < CLIENTS; i++) {
            if (polled[i + 1].revents) {
                drop(&clients[i]);
            }
        }
        if (polled[0].revents) {
            take(polled[0].fd);
        }
    }
}
