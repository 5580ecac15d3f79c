/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages in and out, with their descriptors. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost_user_internal.h"

#define HEADER sizeof(struct vhost_user_header)

static void forget_fds(struct vhost_message *message)
{
    for (unsigned i = 0; i < VHOST_USER_FDS; i++) {
        message->fds[i] = -1;
    }
    message->fd_count = 0;
}

void vhost_channel_init(struct vhost_channel *channel, int socket)
{
    memset(channel, 0, sizeof(*channel));
    channel->socket = socket;
    forget_fds(&channel->message);
}

void vhost_channel_next(struct vhost_channel *channel)
{
    struct vhost_message *message = &channel->message;
    for (unsigned i = 0; i < message->fd_count; i++) {
        if (message->fds[i] >= 0) {
            close(message->fds[i]);
        }
    }
    forget_fds(message);
    channel->got = 0;
}

void vhost_channel_fini(struct vhost_channel *channel)
{
    vhost_channel_next(channel);
    close(channel->socket);
    channel->socket = -1;
}

int vhost_message_take_fd(struct vhost_message *message, unsigned index)
{
    if (index >= message->fd_count) {
        return -1;
    }
    int fd = message->fds[index];
    message->fds[index] = -1;
    return fd;
}

/* Those for which there is no room are closed. False if there were such. */
static bool take_rights(struct vhost_message *message, struct cmsghdr *control)
{
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
        if (message->fd_count < VHOST_USER_FDS) {
            message->fds[message->fd_count++] = fd;
        } else {
            close(fd);
        }
    }
    return count <= VHOST_USER_FDS;
}

static bool take_control(struct vhost_message *message, struct msghdr *received)
{
    bool good = !(received->msg_flags & MSG_CTRUNC);
    unsigned before = message->fd_count;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(received); control;
         control = CMSG_NXTHDR(received, control)) {
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS) {
            /* They come with one part of a message, not with several. */
            good = before == 0 && take_rights(message, control) && good;
        }
    }
    return good;
}

/* Takes up to `size` bytes to `to`. */
static enum vhost_receive receive_bytes(struct vhost_channel *channel, void *to, size_t size,
                                        const char **why)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * (VHOST_USER_FDS + 1))];
    } control;
    struct iovec iov = { to, size };
    struct msghdr header = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t got = recvmsg(channel->socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return VHOST_RECEIVE_AGAIN;
        }
        *why = strerror(errno);
        return errno == ECONNRESET ? VHOST_RECEIVE_END : VHOST_RECEIVE_BAD;
    }
    bool good = take_control(&channel->message, &header);
    channel->got += (size_t)got;
    if (!good) {
        *why = "more descriptors than a message has";
        return VHOST_RECEIVE_BAD;
    }
    return got == 0 ? VHOST_RECEIVE_END : VHOST_RECEIVED;
}

static const char *check_header(const struct vhost_user_header *header)
{
    if ((header->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION) {
        return "not version 1 of the protocol";
    }
    if (header->flags & VHOST_USER_REPLY) {
        return "a reply to nothing";
    }
    if (header->size > sizeof(union vhost_user_payload)) {
        return "longer than any message";
    }
    return NULL;
}

enum vhost_receive vhost_channel_receive(struct vhost_channel *channel, const char **why)
{
    struct vhost_message *message = &channel->message;
    for (;;) {
        size_t end = channel->got < HEADER ? HEADER : HEADER + message->header.size;
        if (channel->got == end) {
            return VHOST_RECEIVED;
        }
        uint8_t *to = channel->got < HEADER ? (uint8_t *)&message->header + channel->got
                                            : (uint8_t *)&message->payload + channel->got - HEADER;
        if (channel->got == 0) {
            memset(&message->payload, 0, sizeof(message->payload));
        }
        enum vhost_receive result = receive_bytes(channel, to, end - channel->got, why);
        if (result != VHOST_RECEIVED) {
            return result;
        }
        if (channel->got == HEADER) {
            *why = check_header(&message->header);
            if (*why) {
                return VHOST_RECEIVE_BAD;
            }
        }
    }
}

bool vhost_send(int socket, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
                int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct vhost_user_header header = { request, VHOST_USER_VERSION | flags, size };
    union {
        const void *from;
        void *base;
    } unqualified = { payload };
    struct iovec iov[] = { { &header, sizeof(header) }, { unqualified.base, size } };
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
    if (fd >= 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof(int));
    }
    ssize_t sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent >= 0 && (size_t)sent == sizeof(header) + size;
}
