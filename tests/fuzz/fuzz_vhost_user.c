/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vhost-user front-end that says anything: messages that are nearly right, raw bytes, descriptors
 * of every kind; it writes into the memory it shares, takes it away, kicks, leaves and comes back.
 * The device is a disk whose requests end when the input says.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hosted/vhost_user.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include "fuzz_input.h"
#include "vhost_user/vhost_user_internal.h"

#define QUEUES   2u
#define REQUESTS 3u
#define CAPACITY UINT64_C(0x10000)
#define RAM_SIZE 0x10000u
#define GUEST    UINT64_C(0x40000000)
#define USER     UINT64_C(0x7f0000000000)

static struct hosted_event_loop *loop;
static struct hosted_vhost_user *server;
static struct vmmp_virtio_blk blk;
static struct vmmp_virtio_blk_request requests[REQUESTS];
static struct vmmp_blk_request *kept[REQUESTS];
static unsigned kept_count;
static unsigned lines;
static uint8_t *ram;
static int ram_fd, bell, ends, front;

/* ---- The device ---- */

static void disk_info(void *cookie, struct vmmp_blk_info *info)
{
    (void)cookie;
    info->capacity = CAPACITY;
}

static void submit(void *cookie, struct vmmp_blk_request *request)
{
    (void)cookie;
    FUZZ_CHECK(kept_count < REQUESTS);
    kept[kept_count++] = request;
}

static void complete(unsigned index, int error)
{
    struct vmmp_blk_request *request = kept[index];
    kept[index] = kept[--kept_count];
    for (unsigned i = 0; request->op == VMMP_BLK_READ && i < request->iov_count; i++) {
        memset(request->iov[i].base, 0x5a, request->iov[i].len);
    }
    vmmp_blk_complete(request, error);
}

static void drain(void *cookie)
{
    (void)cookie;
    while (kept_count > 0) {
        complete(0, -ECANCELED);
    }
}

static const struct vmmp_blk_ops disk = { .info = disk_info, .submit = submit, .drain = drain };

static void take_line(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    (void)cookie, (void)level, (void)origin;
    FUZZ_CHECK(message[0]);
    lines += strstr(message, "the connection is closed") != NULL;
}

static const struct vmmp_log fuzz_log = { take_line, NULL, VMMP_LOG_WARNING };

static int create(void *cookie, const struct vmmp_guest_memory *memory,
                  struct vmmp_virtio_device **virtio)
{
    const struct vmmp_blk_backend backend = { &disk, NULL };
    const struct vmmp_virtio_blk_options options = { .queues = QUEUES };
    const struct vmmp_host host = hosted_event_loop_host(loop);
    (void)cookie;
    *virtio = &blk.virtio;
    return vmmp_virtio_blk_init(&blk, &backend, requests, REQUESTS, &options, memory, &fuzz_log,
                                &host);
}

static void destroy(void *cookie)
{
    (void)cookie;
    vmmp_virtio_blk_fini(&blk);
    FUZZ_CHECK(kept_count == 0);
}

static const struct hosted_vhost_user_device device = { create, destroy };

/* ---- The front-end ---- */

static void run(void)
{
    for (unsigned i = 0; i < 4; i++) {
        FUZZ_CHECK(hosted_event_loop_step(loop, 0) == 0);
    }
}

static void connect_again(void)
{
    int pair[2];
    if (front >= 0) {
        /* It may have given this end away, which then does not close. */
        shutdown(front, SHUT_RDWR);
        close(front);
        run();
    }
    FUZZ_CHECK(!hosted_vhost_user_connected(server));
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    front = pair[0];
    FUZZ_CHECK(hosted_vhost_user_serve(server, pair[1]) == 0);
}

static void send_bytes(const void *bytes, size_t size, const int *fds, unsigned count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 16)];
    } control;
    union {
        const void *from;
        void *base;
    } unqualified = { bytes };
    struct iovec iov = { unqualified.base, size };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * count);
    }
    ssize_t sent = sendmsg(front, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    run();
    /* Answers are not looked at, but taken. */
    uint8_t answer[512];
    struct iovec to = { answer, sizeof(answer) };
    struct msghdr received = { .msg_iov = &to,
                               .msg_iovlen = 1,
                               .msg_control = control.bytes,
                               .msg_controllen = sizeof(control.bytes) };
    while (recvmsg(front, &received, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) > 0) {
        const struct cmsghdr *rights = CMSG_FIRSTHDR(&received);
        int fd;
        if (rights && rights->cmsg_type == SCM_RIGHTS) {
            memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
            close(fd);
        }
        received.msg_controllen = sizeof(control.bytes);
    }
}

static void put_region(struct fuzz_input *in, struct vhost_user_memory_region *region)
{
    region->guest_address = GUEST + ((uint64_t)fuzz_u8(in) << 12);
    region->size = (uint64_t)fuzz_u8(in) << 12;
    region->user_address = USER + ((uint64_t)fuzz_u8(in) << 12);
    region->mmap_offset = (uint64_t)fuzz_u8(in) << 8;
}

/* Numbers of the size that means something; now and then any. */
static uint32_t fill(struct fuzz_input *in, uint32_t request, union vhost_user_payload *payload)
{
    switch (request) {
    case VHOST_USER_SET_FEATURES:
        payload->number = UINT64_C(1) << 32 | UINT64_C(1) << 30 | (uint64_t)fuzz_u8(in) << 28;
        return 8;
    case VHOST_USER_SET_PROTOCOL_FEATURES:
        payload->number = fuzz_u16(in) & 0xb229;
        return 8;
    case VHOST_USER_SET_MEM_TABLE:
        payload->memory.count = fuzz_u8(in) & 3;
        for (unsigned i = 0; i < payload->memory.count; i++) {
            put_region(in, &payload->memory.regions[i]);
        }
        return 8 + payload->memory.count * 32;
    case VHOST_USER_ADD_MEM_REG:
    case VHOST_USER_REM_MEM_REG:
        put_region(in, &payload->region.region);
        return 40;
    case VHOST_USER_SET_VRING_ADDR:
        payload->addr.index = fuzz_u8(in) & 3;
        payload->addr.descriptor = USER + ((uint64_t)fuzz_u8(in) << 8);
        payload->addr.used = USER + ((uint64_t)fuzz_u8(in) << 8);
        payload->addr.available = USER + ((uint64_t)fuzz_u8(in) << 8);
        return 40;
    case VHOST_USER_GET_INFLIGHT_FD:
    case VHOST_USER_SET_INFLIGHT_FD:
        payload->inflight.queues = fuzz_u8(in) & 3;
        payload->inflight.queue_size = fuzz_u8(in);
        payload->inflight.mmap_size = (uint64_t)fuzz_u8(in) << 8;
        payload->inflight.mmap_offset = (uint64_t)fuzz_u8(in) << 6;
        return 20;
    case VHOST_USER_GET_CONFIG:
    case VHOST_USER_SET_CONFIG:
        payload->config.offset = fuzz_u8(in);
        payload->config.size = fuzz_u8(in);
        return VHOST_USER_CONFIG_HEADER + payload->config.size;
    case VHOST_USER_GET_FEATURES:
    case VHOST_USER_SET_OWNER:
    case VHOST_USER_RESET_OWNER:
    case VHOST_USER_GET_PROTOCOL_FEATURES:
    case VHOST_USER_GET_QUEUE_NUM:
    case VHOST_USER_SET_BACKEND_REQ_FD:
    case VHOST_USER_RESET_DEVICE:
    case VHOST_USER_GET_MAX_MEM_SLOTS:
        return 0;
    default:
        payload->state.index = fuzz_u8(in) & 3;
        payload->state.num = fuzz_u8(in);
        return 8;
    }
}

static unsigned choose_fds(struct fuzz_input *in, uint32_t request, int fds[9])
{
    unsigned kind = fuzz_u8(in);
    unsigned count = kind >> 4 & 3;
    bool rings = request >= VHOST_USER_SET_VRING_KICK && request <= VHOST_USER_SET_VRING_ERR;
    if (kind & 0x80) {
        count = kind & 0x40 ? 9 : 0;
    } else if (count == 3) {
        count = rings || request == VHOST_USER_SET_BACKEND_REQ_FD ? 1 : 0;
    }
    for (unsigned i = 0; i < count; i++) {
        const int all[] = { rings ? bell : ram_fd, rings ? ram_fd : bell, ends, front };
        fds[i] = all[(kind >> i) & 3];
    }
    return count;
}

static void say(struct fuzz_input *in)
{
    struct {
        struct vhost_user_header header;
        union vhost_user_payload payload;
    } __attribute__((packed)) message;
    union vhost_user_payload payload;
    int fds[9];
    memset(&message, 0, sizeof(message));
    memset(&payload, 0, sizeof(payload));
    message.header.request = fuzz_u8(in) % (VHOST_USER_REQUESTS + 1);
    message.header.flags = VHOST_USER_VERSION | (fuzz_u8(in) & VHOST_USER_NEED_REPLY);
    unsigned count = choose_fds(in, message.header.request, fds);
    uint32_t size = fill(in, message.header.request, &payload);
    message.payload = payload;
    message.header.size = size;
    send_bytes(&message, sizeof(message.header) + size, fds, count);
}

/* The inflight region of a packed ring as a back-end may have left it, with one chain in flight. */
static void put_packed_region(struct fuzz_input *in)
{
    struct vhost_user_inflight_packed *region = (void *)(ram + ((size_t)fuzz_u8(in) << 6));
    uint8_t shape = fuzz_u8(in);
    uint16_t size = (shape & 7) + 1;
    uint16_t num = (shape >> 4) % (size + 1);
    uint8_t at = fuzz_u8(in);
    const struct vhost_user_inflight_used used = {
        .used_idx = (at & 7) % size,
        .old_used_idx = (at >> 4 & 7) % size,
        .used_wrap_counter = at >> 3 & 1,
        .old_used_wrap_counter = at >> 7,
    };
    if ((uint8_t *)&region->desc[size] > ram + RAM_SIZE) {
        return;
    }
    memset(region, 0, sizeof(*region) + size * sizeof(region->desc[0]));
    region->version = VHOST_USER_INFLIGHT_VERSION;
    region->desc_num = size;
    region->free_head = region->old_free_head = num;
    memcpy(&region->used, &used, sizeof(used));
    for (unsigned i = 0; i < size; i++) {
        struct vhost_user_inflight_packed_desc *desc = &region->desc[i];
        desc->next = (uint16_t)(i + 1);
        if (i < num) {
            desc->addr = GUEST + ((uint64_t)fuzz_u8(in) << 8);
            desc->len = i + 1 < num ? 16 : 1;
            desc->flags = i + 1 < num ? 1 : 2; /* NEXT, WRITE */
        }
    }
    region->desc[0].in_flight = num > 0;
    region->desc[0].num = num;
}

static void step(struct fuzz_input *in)
{
    const uint8_t *bytes;
    const uint64_t one = 1;
    uint8_t what = fuzz_u8(in);
    size_t size;
    size_t at;
    ssize_t done;
    switch (what & 15) {
    default:
        say(in);
        break;
    case 8:
        size = fuzz_take(in, fuzz_u8(in), &bytes);
        send_bytes(bytes, size, &ram_fd, what >> 7);
        break;
    case 10:
        put_packed_region(in);
        break;
    case 9:
        at = fuzz_u16(in);
        size = fuzz_take(in, RAM_SIZE - at < 64 ? RAM_SIZE - at : 64, &bytes);
        memcpy(ram + at, bytes, size);
        break;
    case 11:
    case 12:
        done = write(bell, &one, sizeof(one));
        (void)done;
        run();
        break;
    case 13:
        if (kept_count > 0) {
            vmmp_context_enter(&blk.virtio.context);
            complete((what >> 4) % kept_count, what & 0x80 ? -EIO : 0);
            vmmp_context_leave(&blk.virtio.context);
        }
        run();
        break;
    case 14:
        connect_again();
        break;
    case 15:
        /* What was mapped is gone, and zeroes when it comes back. */
        if (ftruncate(ram_fd, (what >> 4) << 12) == 0) {
            done = write(bell, &one, sizeof(one));
            run();
        }
        FUZZ_CHECK(ftruncate(ram_fd, RAM_SIZE) == 0);
        break;
    }
}

static void begin(void)
{
    char message[HOSTED_UNIX_MESSAGE];
    const struct hosted_vhost_user_config config = { .loop = loop,
                                                     .log = &fuzz_log,
                                                     .device = &device };
    kept_count = 0;
    front = -1;
    lines = 0;
    FUZZ_CHECK(hosted_vhost_user_open(&server, &config, message) == 0);
    connect_again();
}

static void set_up_once(void)
{
    if (!ram) {
        FUZZ_CHECK(hosted_event_loop_create(&loop) == 0);
        ram_fd = memfd_create("ram", MFD_CLOEXEC);
        FUZZ_CHECK(ram_fd >= 0 && ftruncate(ram_fd, RAM_SIZE) == 0);
        ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ram_fd, 0);
        FUZZ_CHECK(ram != MAP_FAILED);
        bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int pipes[2];
        FUZZ_CHECK(bell >= 0 && pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
        close(pipes[1]);
        ends = pipes[0];
    }
    memset(ram, 0, RAM_SIZE);
}

static int lowest_descriptor(void)
{
    int fd = dup(ram_fd);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    set_up_once();
    int lowest = lowest_descriptor();
    begin();
    while (in.left > 0) {
        step(&in);
        const struct hosted_vhost_user_statistics now = hosted_vhost_user_statistics(server);
        /* One line for each that was refused. */
        FUZZ_CHECK(now.refused == lines && now.connections >= now.refused);
        if (!hosted_vhost_user_connected(server)) {
            connect_again();
        }
    }
    hosted_vhost_user_close(server);
    close(front);
    FUZZ_CHECK(lowest_descriptor() == lowest);
    return 0;
}
