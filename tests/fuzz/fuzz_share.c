/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMM that shares memory with whoever is at a socket, who says anything: messages that are nearly
 * right, raw bytes, too little, too much, descriptors of every kind and number. It knocks while
 * another one is there, goes and comes back; or it is who listens, or a client or the server of
 * QEMU's. Events
 * are those that a welcomed peer has sent, the memory is always there, and a peer that means well
 * is welcome afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hosted/event_loop.h>
#include <hosted/unix_socket.h>

#include "backends/share.h"
#include "fuzz_input.h"

#define SIZE    0x3000u
#define PEERS   3u
#define MOST_FD 5u

enum descriptor { GOOD, GROWS, SHORT, PLAIN, PIPE, EVENT, DESCRIPTORS };

static struct hosted_event_loop *loop;
static struct hosted_share *share;
static uint64_t share_size;
static uint64_t heard;
static int descriptors[DESCRIPTORS];
static char folder[] = "/tmp/vmmp-fuzz-share-XXXXXX";
static char path[64];

/* Who is hostile: its connections (-1: none), and where it listens. */
static int peers[PEERS];
static struct hosted_unix_listener listener;
static struct hosted_event_source listening;
static struct fuzz_input *input;
static bool is_server; /* Of QEMU's protocol. */

static void events_came(void *cookie, uint32_t count)
{
    (void)cookie;
    FUZZ_CHECK(count > 0);
    heard += count;
}

static void run(void)
{
    for (unsigned i = 0; i < 4; i++) {
        FUZZ_CHECK(hosted_event_loop_step(loop, 0) == 0);
    }
}

/* ---- What is said ---- */

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * MOST_FD)];
};

/* With `count` descriptors, chosen by two bits of `which` each and what follows it. */
static void send_bytes(int fd, void *bytes, size_t size, unsigned count, uint8_t which)
{
    union control control;
    int fds[MOST_FD];
    struct iovec iov = { bytes, size };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (count > 0) {
        memset(&control, 0, sizeof(control));
        for (unsigned i = 0; i < count; i++) {
            fds[i] = descriptors[(which + i) % DESCRIPTORS];
        }
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * count);
    }
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
}

static uint64_t choose_value(struct fuzz_input *in)
{
    switch (fuzz_u8(in) & 7) {
    case 0:
        return share_size + 1;
    case 1:
        return 0;
    case 2:
        return UINT32_MAX;
    case 3:
        return fuzz_number(in, 8);
    case 4:
        return fuzz_u8(in);
    default:
        return share_size;
    }
}

/* As a server of QEMU's: mostly what it says first, then who is there. */
static void say_number(struct fuzz_input *in, int fd)
{
    static const int64_t numbers[] = { 0, 0, -1, 1, 0, 1, 2, 65535 };
    uint8_t how = fuzz_u8(in);
    int64_t number = how & 0x40 ? (int64_t)fuzz_number(in, 8) : numbers[how & 7];
    size_t size = how & 0x80 ? fuzz_u8(in) % 8u : sizeof(number);
    send_bytes(fd, &number, size, (how >> 3) & 1, fuzz_u8(in));
}

/* Version, identifier, memory and a doorbell. */
static void say_welcome(int fd)
{
    static const int64_t numbers[] = { 0, 0, -1, 0 };
    for (unsigned i = 0; i < 4; i++) {
        int64_t number = numbers[i];
        send_bytes(fd, &number, sizeof(number), i >= 2, i == 2 ? GOOD : EVENT);
    }
}

/* Mostly as it should be. */
static void say(struct fuzz_input *in, int fd)
{
    struct {
        struct share_message message;
        uint8_t more[48];
    } said = { .message = { SHARE_MAGIC, SHARE_VERSION, SHARE_HELLO, 0 } };
    const uint8_t *bytes;
    if (is_server) {
        say_number(in, fd);
        return;
    }
    uint8_t how = fuzz_u8(in);
    uint8_t which = fuzz_u8(in);
    size_t size = sizeof(said.message);
    unsigned count = how >> 5 == 7 ? MOST_FD : how >> 5 > 3 ? 1 : how >> 5;

    said.message.kind = how & 7;
    said.message.value = choose_value(in);
    if ((how & 0x18) == 0x18) {
        uint8_t odd = fuzz_u8(in);
        size = odd % sizeof(said);
        if (odd & 0x40) {
            size = fuzz_take(in, size, &bytes);
            memcpy(&said, bytes, size);
        } else if (odd & 0x80) {
            said.message.version++;
        }
    }
    send_bytes(fd, &said, size, count, which);
}

/* What is said to it is taken, with what comes along. */
static void hear(int fd)
{
    uint8_t bytes[64];
    union control control;
    struct iovec iov = { bytes, sizeof(bytes) };
    for (unsigned i = 0; i < 8; i++) {
        struct msghdr message = { .msg_iov = &iov,
                                  .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen = sizeof(control.bytes) };
        if (recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0) {
            return;
        }
        const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        if (rights && rights->cmsg_type == SCM_RIGHTS) {
            int got;
            FUZZ_CHECK(rights->cmsg_len == CMSG_LEN(sizeof(int)));
            memcpy(&got, CMSG_DATA(rights), sizeof(got));
            /* Whatever it does with it. */
            FUZZ_CHECK(ftruncate(got, 0) != 0);
            close(got);
        }
    }
}

/* ---- Who comes and goes ---- */

static int free_peer(void)
{
    for (unsigned i = 0; i < PEERS; i++) {
        if (peers[i] < 0) {
            return (int)i;
        }
    }
    return -1;
}

static void leave(unsigned i)
{
    if (peers[i] >= 0) {
        close(peers[i]);
        peers[i] = -1;
    }
}

static void knock(void)
{
    int at = free_peer();
    if (at >= 0) {
        peers[at] =
            hosted_unix_connect(path, share && share->ivshmem ? SOCK_STREAM : SOCK_SEQPACKET);
        peers[at] = peers[at] < 0 ? -1 : peers[at];
        run();
    }
}

/* The other one has come to us: answered at once, or it would have to wait. */
static void on_visitor(void *cookie, uint32_t events)
{
    (void)cookie;
    (void)events;
    int at = free_peer();
    int fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (at < 0 || fd < 0) {
        close(fd);
        return;
    }
    peers[at] = fd;
    uint8_t how = fuzz_u8(input);
    if (is_server && !(how & 2)) {
        say_welcome(fd);
    } else {
        say(input, fd);
    }
    if (how & 1) {
        leave((unsigned)at);
    }
}

static void begin_listening(void)
{
    char message[HOSTED_UNIX_MESSAGE];
    int type = is_server ? SOCK_STREAM : SOCK_SEQPACKET;
    if (listener.fd < 0 && hosted_unix_listen(&listener, path, type, 4, message) == 0) {
        listening = (struct hosted_event_source){ .fd = listener.fd, .ready = on_visitor };
        FUZZ_CHECK(hosted_event_loop_add(loop, &listening, EPOLLIN) == 0);
    }
}

static void stop_listening(void)
{
    if (listener.fd >= 0) {
        hosted_event_source_remove(&listening);
        hosted_unix_unlisten(&listener);
        listener.fd = -1;
    }
}

/* The time has come to look for the other one again. */
static void look_again(void)
{
    if (share->again.work.run && share->peer_fd < 0 && share->candidate.fd < 0 &&
        share->listener.fd < 0) {
        vmmp_host_timer_cancel(&share->host, &share->again);
        share->again.work.run(share);
        run();
    }
}

static void step(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    unsigned peer = (what >> 6) % PEERS;
    switch (what & 15) {
    default:
        if (peers[peer] >= 0) {
            say(in, peers[peer]);
            if (what & 0x20) {
                run();
            }
        }
        break;
    case 8:
        knock();
        break;
    case 9:
        leave(peer);
        run();
        break;
    case 10:
        if (peers[peer] >= 0) {
            hear(peers[peer]);
        }
        break;
    case 11:
        hosted_share_emit(share, what & 0x80 ? fuzz_u32(in) : 1);
        break;
    case 12:
        look_again();
        break;
    case 13:
        if (share->listener.fd < 0 && (what & 0x20)) {
            begin_listening();
        } else {
            stop_listening();
        }
        break;
    case 14:
        run();
        break;
    case 15: /* A message that its end follows at once. */
        if (peers[peer] >= 0) {
            say(in, peers[peer]);
            leave(peer);
        }
        break;
    }
}

/* ---- What always holds ---- */

static void check(void)
{
    const struct hosted_share_stats stats = hosted_share_stats(share);
    uint64_t size;
    volatile uint8_t *memory = hosted_share_memory(share, &size);
    FUZZ_CHECK(size == share_size);
    for (uint64_t at = 0; at < size; at += 0x1000) {
        memory[at] = (uint8_t)(memory[at] + 1);
    }
    memory[size - 1] = 1;
    FUZZ_CHECK(stats.received == heard && stats.unheard == 0);
    FUZZ_CHECK(is_server ? !stats.connected || share->peer_fd >= 0
                         : stats.connected == (share->peer_fd >= 0));
    FUZZ_CHECK(share->pending == 0 || share->peer_fd >= 0);
}

static void leave_all(void)
{
    for (unsigned i = 0; i < PEERS; i++) {
        leave(i);
    }
    stop_listening();
    run();
}

/* One that means well comes, is given the memory, and is heard. */
static void good_peer(void)
{
    struct share_message message;
    leave_all();
    look_again();
    FUZZ_CHECK(share->listener.fd >= 0);
    uint64_t before = heard;
    knock();
    FUZZ_CHECK(peers[0] >= 0 && share_send(peers[0], SHARE_HELLO, share_size));
    run();
    FUZZ_CHECK(recv(peers[0], &message, sizeof(message), MSG_DONTWAIT) == sizeof(message));
    FUZZ_CHECK(message.kind == SHARE_WELCOME && (message.value & ~UINT64_C(1)) == share_size);
    FUZZ_CHECK(share_send(peers[0], SHARE_EVENTS, 3));
    run();
    FUZZ_CHECK(heard == before + 3);
}

static int new_memory(uint64_t size, int seals)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    FUZZ_CHECK(fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void remove_folder(void)
{
    rmdir(folder);
}

static void set_up_once(void)
{
    int pipes[2];
    FUZZ_CHECK(hosted_event_loop_create(&loop) == 0);
    FUZZ_CHECK(mkdtemp(folder));
    atexit(remove_folder);
    snprintf(path, sizeof(path), "%s/s", folder);
    FUZZ_CHECK(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
    close(pipes[1]);
    descriptors[GOOD] = new_memory(SIZE, F_SEAL_SHRINK | F_SEAL_GROW);
    descriptors[GROWS] = new_memory(SIZE, F_SEAL_GROW);
    descriptors[SHORT] = new_memory(SIZE - 0x1000, F_SEAL_SHRINK | F_SEAL_GROW);
    descriptors[PLAIN] = open("/dev/zero", O_RDWR | O_CLOEXEC);
    descriptors[PIPE] = pipes[0];
    descriptors[EVENT] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    FUZZ_CHECK(descriptors[PLAIN] >= 0 && descriptors[EVENT] >= 0);
}

static int lowest_descriptor(void)
{
    int fd = dup(descriptors[GOOD]);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    char error[HOSTED_SHARE_ERROR];
    if (!loop) {
        set_up_once();
    }
    int lowest = lowest_descriptor();
    uint8_t how = fuzz_u8(&in);
    struct hosted_share_options options = {
        .path = path, .size = SIZE, .timeout_ms = 1, .ivshmem = (how & 2) != 0
    };
    is_server = (how & 3) == 3;
    share_size = options.size;
    input = &in;
    share = NULL;
    heard = 0;
    listener.fd = -1;
    memset(peers, -1, sizeof(peers));
    if (how & 1) {
        begin_listening();
    }
    int result = hosted_share_create(&share, loop, &options, error);
    FUZZ_CHECK(result == 0 || ((how & 1) && !share && error[0]));
    if (result == 0) {
        hosted_share_start(share, events_came, NULL);
        run();
        /* What came before has been told to nobody. */
        heard = hosted_share_stats(share).received;
        check();
    }
    while (result == 0 && in.left > 0) {
        step(&in);
        check();
    }
    if (result == 0 && !options.ivshmem) {
        good_peer();
        check();
    }
    leave_all();
    hosted_share_destroy(share);
    FUZZ_CHECK(access(path, F_OK) != 0);
    FUZZ_CHECK(lowest_descriptor() == lowest);
    return 0;
}
