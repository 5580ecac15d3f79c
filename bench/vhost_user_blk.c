/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vhost-user front-end that reads 4 KiB at random places of a disk, as fast as its back-end goes:
 *
 *   bench-vhost-user-blk SOCKET SECONDS DEPTH      prints "requests=N seconds=S"
 *
 * One split ring; DEPTH requests are in flight (up to 64). It sleeps when there is nothing to do.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#include "vhost_user/vhost_user_spec.h"
#include "virtio/virtqueue_split.h"

#define RING      256u
#define MOST      64u
#define BYTES     4096u
#define RAM_SIZE  (UINT64_C(1) << 20)
#define HEADERS   0x10000u /* 32 bytes each: header and status. */
#define DATA      0x20000u
#define VERSION_1 (UINT64_C(1) << 32)
#define PROTOCOL  (UINT64_C(1) << VHOST_USER_F_PROTOCOL_FEATURES)

static int back;
static uint8_t *ram;
static struct virtq_desc *desc;
static struct virtq_avail *avail;
static struct virtq_used *used;
static int kick_fd, call_fd;
static uint16_t avail_idx, used_idx;
static uint64_t capacity = 64u << 20; /* Bytes that are read from. */

static void die(const char *what)
{
    fprintf(stderr, "bench-vhost-user-blk: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void say(uint32_t request, const void *payload, uint32_t size, int fd)
{
    struct vhost_user_header header = { request, VHOST_USER_VERSION, size };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    uint8_t bytes[512] = { 0 };
    if (size > 0) {
        memcpy(bytes, payload, size);
    }
    struct iovec iov[] = { { &header, sizeof(header) }, { bytes, size } };
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof(int));
    }
    if (sendmsg(back, &message, MSG_NOSIGNAL) < 0) {
        die("the back-end has gone");
    }
}

static uint64_t ask(uint32_t request)
{
    struct {
        struct vhost_user_header header;
        uint64_t number;
    } __attribute__((packed)) answer;
    say(request, NULL, 0, -1);
    if (recv(back, &answer, sizeof(answer), MSG_WAITALL) != (ssize_t)sizeof(answer)) {
        die("no answer");
    }
    return answer.number;
}

static void connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    back = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(back, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        die(path);
    }
}

static void set_up_memory(void)
{
    int fd = memfd_create("ram", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)RAM_SIZE) != 0) {
        die("memory");
    }
    ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ram == MAP_FAILED) {
        die("memory");
    }
    desc = (void *)ram;
    avail = (void *)(ram + 0x2000);
    used = (void *)(ram + 0x4000);
    const struct vhost_user_memory table = {
        .count = 1,
        .regions = { { 0, RAM_SIZE, (uintptr_t)ram, 0 } },
    };
    say(VHOST_USER_SET_MEM_TABLE, &table, 8 + sizeof(table.regions[0]), fd);
}

static void begin(void)
{
    const uint64_t ring = 0;
    uint64_t offered = ask(VHOST_USER_GET_FEATURES);
    uint64_t features = offered & (VERSION_1 | PROTOCOL);
    uint64_t none = 0;
    say(VHOST_USER_SET_OWNER, NULL, 0, -1);
    ask(VHOST_USER_GET_PROTOCOL_FEATURES);
    say(VHOST_USER_SET_PROTOCOL_FEATURES, &none, 8, -1);
    say(VHOST_USER_SET_FEATURES, &features, 8, -1);
    set_up_memory();
    kick_fd = eventfd(0, EFD_NONBLOCK);
    call_fd = eventfd(0, EFD_NONBLOCK);
    const struct vhost_user_vring_state size = { 0, RING }, base = { 0, 0 }, on = { 0, 1 };
    const struct vhost_user_vring_addr addr = {
        0, 0, (uintptr_t)desc, (uintptr_t)used, (uintptr_t)avail, 0
    };
    say(VHOST_USER_SET_VRING_NUM, &size, sizeof(size), -1);
    say(VHOST_USER_SET_VRING_BASE, &base, sizeof(base), -1);
    say(VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1);
    say(VHOST_USER_SET_VRING_CALL, &ring, 8, call_fd);
    say(VHOST_USER_SET_VRING_KICK, &ring, 8, kick_fd);
    say(VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), -1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Places from a generator of its own, the same for every back-end. */
static uint64_t next_sector(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % (capacity / BYTES) * (BYTES / 512);
}

static void submit(unsigned slot)
{
    uint64_t header = HEADERS + slot * 32;
    uint64_t sector = next_sector();
    memset(ram + header, 0, 8);
    memcpy(ram + header + 8, &sector, 8);
    ram[header + 16] = 0xff;
    avail->ring[avail_idx % RING] = vmmp_le16((uint16_t)(slot * 3));
    avail_idx++;
    __atomic_store_n(&avail->idx.le, vmmp_le16(avail_idx).le, __ATOMIC_RELEASE);
}

static void prepare(unsigned slot)
{
    uint64_t header = HEADERS + slot * 32;
    uint16_t first = (uint16_t)(slot * 3);
    desc[first] =
        (struct virtq_desc){ vmmp_le64(header), vmmp_le32(16), vmmp_le16(VIRTQ_DESC_F_NEXT),
                             vmmp_le16((uint16_t)(first + 1)) };
    desc[first + 1] = (struct virtq_desc){ vmmp_le64(DATA + slot * BYTES), vmmp_le32(BYTES),
                                           vmmp_le16(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE),
                                           vmmp_le16((uint16_t)(first + 2)) };
    desc[first + 2] = (struct virtq_desc){ vmmp_le64(header + 16), vmmp_le32(1),
                                           vmmp_le16(VIRTQ_DESC_F_WRITE), vmmp_le16(0) };
}

static void kick(void)
{
    const uint64_t one = 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(vmmp_guest_load_le16(&used->flags) & VIRTQ_USED_F_NO_NOTIFY)) {
        ssize_t written = write(kick_fd, &one, sizeof(one));
        (void)written;
    }
}

/* How many requests have ended; each begins anew. */
static unsigned turn(void)
{
    unsigned ended = 0;
    while (vmmp_guest_load_le16_acquire(&used->idx) != used_idx) {
        unsigned slot = vmmp_le32_get(used->ring[used_idx % RING].id) / 3;
        used_idx++;
        if (ram[HEADERS + slot * 32 + 16] != 0) {
            errno = EIO;
            die("a request failed");
        }
        submit(slot);
        ended++;
    }
    return ended;
}

static void wait_for_call(void)
{
    struct pollfd poll_fd = { call_fd, POLLIN, 0 };
    uint64_t count;
    if (poll(&poll_fd, 1, 10000) != 1) {
        errno = ETIMEDOUT;
        die("the back-end stands still");
    }
    ssize_t got = read(call_fd, &count, sizeof(count));
    (void)got;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench-vhost-user-blk SOCKET SECONDS DEPTH\n");
        return 2;
    }
    double seconds = atof(argv[2]);
    unsigned depth = (unsigned)atoi(argv[3]);
    depth = depth >= 1 && depth <= MOST ? depth : MOST;
    connect_to(argv[1]);
    begin();
    for (unsigned slot = 0; slot < depth; slot++) {
        prepare(slot);
        submit(slot);
    }
    kick();
    uint64_t begun = now_ns();
    uint64_t end = begun + (uint64_t)(seconds * 1e9);
    uint64_t requests = 0;
    uint64_t now = begun;
    while (now < end) {
        unsigned ended = turn();
        if (ended > 0) {
            requests += ended;
            kick();
        } else {
            wait_for_call();
        }
        now = now_ns();
    }
    printf("requests=%llu seconds=%.3f\n", (unsigned long long)requests,
           (double)(now - begun) / 1e9);
    return 0;
}
