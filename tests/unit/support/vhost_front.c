/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhost_front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virtio/virtio_spec.h"

#define BIT(n) (UINT64_C(1) << (n))

/* ---- Life ---- */

static void take_line(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    struct vhost_front *front = cookie;
    (void)level;
    (void)origin;
    snprintf(front->line, sizeof(front->line), "%s", message);
    front->lines++;
}

void vhost_front_connect(struct vhost_front *front)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    front->socket = ends[0];
    assert_int_equal(hosted_vhost_user_serve(front->server, ends[1]), 0);
    front->status = 0;
}

void vhost_front_disconnect(struct vhost_front *front)
{
    if (front->socket >= 0) {
        close(front->socket);
        front->socket = -1;
        vhost_front_run(front);
    }
}

void vhost_front_init(struct vhost_front *front, const struct hosted_vhost_user_device *device,
                      void *cookie)
{
    char message[HOSTED_UNIX_MESSAGE];
    memset(front, 0, sizeof(*front));
    front->log = (struct vmmp_log){ take_line, front, VMMP_LOG_WARNING };
    front->queue_size = 16;
    front->protocol_features = UINT64_MAX;
    front->received_fd = -1;
    assert_int_equal(hosted_event_loop_create(&front->loop), 0);
    const struct hosted_vhost_user_config config = {
        .loop = front->loop,
        .log = &front->log,
        .device = device,
        .cookie = cookie,
    };
    assert_int_equal(hosted_vhost_user_open(&front->server, &config, message), 0);
    front->ram_fd = memfd_create("ram", MFD_CLOEXEC);
    assert_true(front->ram_fd >= 0);
    assert_int_equal(ftruncate(front->ram_fd, (off_t)VHOST_FRONT_RAM_SIZE), 0);
    front->ram =
        mmap(NULL, VHOST_FRONT_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, front->ram_fd, 0);
    assert_ptr_not_equal(front->ram, MAP_FAILED);
    vmmp_guest_memory_init(&front->memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&front->memory, vmmp_gpa(VHOST_FRONT_RAM),
                                           VHOST_FRONT_RAM_SIZE, front->ram),
                     0);
    for (unsigned i = 0; i < VHOST_FRONT_RINGS; i++) {
        front->kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        front->call[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        front->error[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    vhost_front_connect(front);
    front->window.device = front;
    virtio_driver_init(&front->driver, &virtio_driver_vhost_user, &front->window, &front->memory,
                       VHOST_FRONT_RAM, VHOST_FRONT_RAM_SIZE);
}

void vhost_front_fini(struct vhost_front *front)
{
    if (front->socket >= 0) {
        close(front->socket);
    }
    hosted_vhost_user_close(front->server);
    hosted_event_loop_destroy(front->loop);
    for (unsigned i = 0; i < VHOST_FRONT_RINGS; i++) {
        close(front->kick[i]);
        close(front->call[i]);
        close(front->error[i]);
    }
    if (front->received_fd >= 0) {
        close(front->received_fd);
    }
    munmap(front->ram, VHOST_FRONT_RAM_SIZE);
    close(front->ram_fd);
}

/* A round that finds nothing ends at once; a few of them, for work that makes other work. */
void vhost_front_run(struct vhost_front *front)
{
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(hosted_event_loop_step(front->loop, 0), 0);
    }
}

bool vhost_front_was_refused(struct vhost_front *front)
{
    char byte;
    vhost_front_run(front);
    ssize_t got;
    do {
        got = recv(front->socket, &byte, 1, MSG_DONTWAIT);
    } while (got > 0);
    bool gone = got == 0 || errno == ECONNRESET;
    assert_int_equal(gone, !hosted_vhost_user_connected(front->server));
    return gone;
}

/* ---- Messages ---- */

void vhost_front_send_flags(struct vhost_front *front, uint32_t request, uint32_t flags,
                            const void *payload, size_t size, const int *fds, unsigned fd_count)
{
    struct vhost_user_header header = { request, flags, (uint32_t)size };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 16)];
    } control;
    uint8_t bytes[1024];
    assert_true(size <= sizeof(bytes));
    memset(bytes, 0, sizeof(bytes));
    if (payload) {
        memcpy(bytes, payload, size);
    }
    struct iovec iov[] = { { &header, sizeof(header) }, { bytes, size } };
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
    if (fd_count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * fd_count);
    }
    /* To somebody who has hung up, nothing. */
    ssize_t sent = sendmsg(front->socket, &message, MSG_NOSIGNAL);
    assert_true(sent == (ssize_t)(sizeof(header) + size) ||
                !hosted_vhost_user_connected(front->server));
    vhost_front_run(front);
}

void vhost_front_send(struct vhost_front *front, uint32_t request, const void *payload, size_t size,
                      const int *fds, unsigned fd_count)
{
    vhost_front_send_flags(front, request, VHOST_USER_VERSION, payload, size, fds, fd_count);
}

void vhost_front_send_number(struct vhost_front *front, uint32_t request, uint64_t number)
{
    vhost_front_send(front, request, &number, sizeof(number), NULL, 0);
}

void vhost_front_send_state(struct vhost_front *front, uint32_t request, uint32_t index,
                            uint32_t num)
{
    const struct vhost_user_vring_state state = { index, num };
    vhost_front_send(front, request, &state, sizeof(state), NULL, 0);
}

int vhost_front_reply(struct vhost_front *front, uint32_t request, void *payload, size_t size)
{
    struct vhost_user_header header;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { &header, sizeof(header) };
    struct msghdr message = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };
    if (recvmsg(front->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
        (ssize_t)sizeof(header)) {
        return -1;
    }
    if (front->received_fd >= 0) {
        close(front->received_fd);
    }
    front->received_fd = -1;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights) {
        memcpy(&front->received_fd, CMSG_DATA(rights), sizeof(int));
    }
    assert_int_equal(header.request, request);
    assert_int_equal(header.flags, VHOST_USER_VERSION | VHOST_USER_REPLY);
    assert_true(header.size <= size);
    assert_int_equal(recv(front->socket, payload, header.size, MSG_DONTWAIT), header.size);
    return (int)header.size;
}

uint64_t vhost_front_ask(struct vhost_front *front, uint32_t request)
{
    uint64_t number = 0;
    vhost_front_send(front, request, NULL, 0, NULL, 0);
    assert_int_equal(vhost_front_reply(front, request, &number, sizeof(number)), sizeof(number));
    return number;
}

uint32_t vhost_front_get_base(struct vhost_front *front, uint32_t index)
{
    struct vhost_user_vring_state state = { 0 };
    vhost_front_send_state(front, VHOST_USER_GET_VRING_BASE, index, 0);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_GET_VRING_BASE, &state, sizeof(state)),
                     sizeof(state));
    assert_int_equal(state.index, index);
    return state.num;
}

void vhost_front_set_memory(struct vhost_front *front)
{
    const struct vhost_user_memory table = {
        .count = 1,
        .regions = { { VHOST_FRONT_RAM, VHOST_FRONT_RAM_SIZE, VHOST_FRONT_USER, 0 } },
    };
    vhost_front_send(front, VHOST_USER_SET_MEM_TABLE, &table, 8 + sizeof(table.regions[0]),
                     &front->ram_fd, 1);
}

void vhost_front_begin(struct vhost_front *front)
{
    vhost_front_send(front, VHOST_USER_SET_OWNER, NULL, 0, NULL, 0);
    uint64_t offered = vhost_front_ask(front, VHOST_USER_GET_FEATURES);
    assert_true(offered >> VHOST_USER_F_PROTOCOL_FEATURES & 1);
    uint64_t protocol = vhost_front_ask(front, VHOST_USER_GET_PROTOCOL_FEATURES);
    vhost_front_send_number(front, VHOST_USER_SET_PROTOCOL_FEATURES,
                            protocol & front->protocol_features);
    vhost_front_set_memory(front);
}

/* ---- The transport ---- */

static uint8_t status(struct vmmp_window *window)
{
    return ((struct vhost_front *)window->device)->status;
}

/* The front-end's own; a reset stops what works. */
static void set_status(struct vmmp_window *window, uint8_t value)
{
    struct vhost_front *front = window->device;
    for (unsigned i = 0; value == 0 && front->status & VIRTIO_STATUS_DRIVER_OK &&
                         i < VHOST_FRONT_RINGS && front->driver.queues[i].size;
         i++) {
        vhost_front_get_base(front, i);
    }
    front->status = value;
}

static uint64_t features(struct vmmp_window *window)
{
    return vhost_front_ask(window->device, VHOST_USER_GET_FEATURES) &
           ~BIT(VHOST_USER_F_PROTOCOL_FEATURES);
}

static void set_features(struct vmmp_window *window, uint64_t value)
{
    vhost_front_send_number(window->device, VHOST_USER_SET_FEATURES,
                            value | BIT(VHOST_USER_F_PROTOCOL_FEATURES));
}

static uint32_t queue_size(struct vmmp_window *window, unsigned queue)
{
    (void)queue;
    return ((struct vhost_front *)window->device)->queue_size;
}

static uint64_t user(uint64_t gpa)
{
    return gpa - VHOST_FRONT_RAM + VHOST_FRONT_USER;
}

static void set_queue(struct vmmp_window *window, unsigned queue, uint32_t size, uint64_t desc,
                      uint64_t avail, uint64_t used)
{
    struct vhost_front *front = window->device;
    const uint64_t number = queue;
    const struct vhost_user_vring_addr addr = { queue, 0, user(desc), user(used), user(avail), 0 };
    vhost_front_send_state(front, VHOST_USER_SET_VRING_NUM, queue, size);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_BASE, queue, front->base[queue]);
    vhost_front_send(front, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
    vhost_front_send(front, VHOST_USER_SET_VRING_ERR, &number, 8, &front->error[queue], 1);
    vhost_front_send(front, VHOST_USER_SET_VRING_CALL, &number, 8, &front->call[queue], 1);
    vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &number, 8, &front->kick[queue], 1);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_ENABLE, queue, 1);
    vhost_front_calls(front, queue);
}

static void kick(struct vmmp_window *window, unsigned queue)
{
    const uint64_t one = 1;
    struct vhost_front *front = window->device;
    assert_int_equal(write(front->kick[queue], &one, sizeof(one)), sizeof(one));
    vhost_front_run(front);
}

static uint64_t count(int fd)
{
    uint64_t value = 0;
    return read(fd, &value, sizeof(value)) == (ssize_t)sizeof(value) ? value : 0;
}

uint64_t vhost_front_calls(const struct vhost_front *front, unsigned ring)
{
    return count(front->call[ring]);
}

uint64_t vhost_front_errors(const struct vhost_front *front, unsigned ring)
{
    return count(front->error[ring]);
}

static uint8_t isr(struct vmmp_window *window)
{
    const struct vhost_front *front = window->device;
    uint64_t calls = 0;
    for (unsigned i = 0; i < VHOST_FRONT_RINGS; i++) {
        calls += vhost_front_calls(front, i);
    }
    return calls != 0;
}

static uint64_t config_read(struct vmmp_window *window, uint32_t offset, unsigned size)
{
    struct vhost_user_config config = { .offset = offset, .size = size };
    uint64_t value = 0;
    vhost_front_send(window->device, VHOST_USER_GET_CONFIG, &config,
                     VHOST_USER_CONFIG_HEADER + size, NULL, 0);
    assert_int_equal(
        vhost_front_reply(window->device, VHOST_USER_GET_CONFIG, &config, sizeof(config)),
        VHOST_USER_CONFIG_HEADER + size);
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)config.bytes[i] << (8 * i);
    }
    return value;
}

static void config_write(struct vmmp_window *window, uint32_t offset, unsigned size, uint64_t value)
{
    struct vhost_user_config config = { .offset = offset, .size = size };
    for (unsigned i = 0; i < size; i++) {
        config.bytes[i] = (uint8_t)(value >> (8 * i));
    }
    vhost_front_send(window->device, VHOST_USER_SET_CONFIG, &config,
                     VHOST_USER_CONFIG_HEADER + size, NULL, 0);
}

const struct virtio_driver_transport virtio_driver_vhost_user = {
    .legacy = false,
    .status = status,
    .set_status = set_status,
    .features = features,
    .set_features = set_features,
    .queue_size = queue_size,
    .set_queue = set_queue,
    .kick = kick,
    .isr = isr,
    .config_read = config_read,
    .config_write = config_write,
};
