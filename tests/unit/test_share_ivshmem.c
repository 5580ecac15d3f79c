/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted/share.h by QEMU's protocol: as the server of a client, and as a client of a server. */
#include "support/share_rig.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <hosted/unix_socket.h>

#include "../../hosted/src/backends/share.h"

int test_share_ivshmem(void);

#define MEMORY (-1)

static int setup(void **state)
{
    share_rig_setup(state);
    ((struct share_rig *)*state)->ivshmem = true;
    return 0;
}

/* ---- Its client ---- */

static int64_t hear(int fd, int *descriptor)
{
    uint8_t bytes[8];
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { bytes, sizeof(bytes) };
    struct msghdr header = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    ssize_t size;
    *descriptor = -1;
    for (unsigned i = 0; (size = recvmsg(fd, &header, MSG_DONTWAIT)) < 0; i++) {
        assert_true(errno == EAGAIN && i < 10000);
        usleep(1000);
    }
    assert_int_equal(size, 8);
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++) {
        number |= (uint64_t)bytes[i] << (8 * i);
    }
    if (CMSG_FIRSTHDR(&header)) {
        memcpy(descriptor, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(int));
    }
    return (int64_t)number;
}

struct qemu {
    int fd;
    int doorbell; /* Rings us. */
    int vector;   /* Its own. */
    uint8_t *memory;
};

static void qemu_comes(struct share_rig *rig, struct qemu *qemu)
{
    int fd;
    qemu->fd = hosted_unix_connect(rig->path, SOCK_STREAM);
    assert_true(qemu->fd >= 0);
    assert_int_equal(hear(qemu->fd, &fd), 0);
    assert_int_equal(hear(qemu->fd, &fd), 1);
    assert_int_equal(fd, -1);
    assert_int_equal(hear(qemu->fd, &fd), -1);
    assert_true(fd >= 0);
    qemu->memory = mmap(NULL, SHARE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(qemu->memory, MAP_FAILED);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
    assert_int_equal(hear(qemu->fd, &qemu->doorbell), 0);
    assert_int_equal(hear(qemu->fd, &qemu->vector), 1);
    assert_true(qemu->doorbell >= 0 && qemu->vector >= 0);
}

static void qemu_goes(struct qemu *qemu)
{
    munmap(qemu->memory, SHARE_SIZE);
    close(qemu->doorbell);
    close(qemu->vector);
    close(qemu->fd);
}

static void a_guest_of_qemu_is_a_peer(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a;
    struct qemu qemu;
    assert_int_equal(share_begin(rig, &a), 0);
    for (unsigned i = 1; i <= 3; i++) {
        uint64_t count = 5;
        qemu_comes(rig, &qemu);
        share_wait_connected(&a, true);
        qemu.memory[SHARE_SIZE - 1] = (uint8_t)i;
        assert_int_equal(share_memory(&a)[SHARE_SIZE - 1], i);
        assert_int_equal(write(qemu.doorbell, &count, 8), 8);
        share_wait_got(&a, 5 * i);
        hosted_share_emit(a.share, 1);
        hosted_share_emit(a.share, 1);
        assert_int_equal(read(qemu.vector, &count, 8), 8);
        assert_int_equal(count, 2);
        /* A second client is one too many. */
        share_expect_end(hosted_unix_connect(rig->path, SOCK_STREAM));
        /* Full, and blocking: what does not fit is dropped. */
        count = UINT64_MAX - 1;
        assert_int_equal(write(qemu.vector, &count, 8), 8);
        assert_int_equal(fcntl(qemu.vector, F_SETFL, 0), 0);
        hosted_share_emit(a.share, 1);
        assert_int_equal(hosted_share_stats(a.share).dropped, 2 * i - 1);
        qemu_goes(&qemu);
        share_wait_connected(&a, false);
        hosted_share_emit(a.share, 1);
    }
    share_finish(&a);
}

/* ---- Its server ---- */

struct server {
    struct hosted_unix_listener listener;
    int memory_fd;
    uint8_t *memory;
    int client;       /* Its connection, */
    int doorbells[2]; /* by which it is rung. */
    int64_t version;
    int64_t id;
    unsigned piece; /* Bytes sent at a time. */
};

static int event(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(fd >= 0);
    return fd;
}

/* False: the client is gone. */
static bool say(const struct server *server, int64_t number, int descriptor)
{
    uint8_t bytes[8];
    bool said = true;
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
    }
    for (unsigned i = 0; i < 8 && said; i += server->piece) {
        said = share_send_with(server->client, bytes + i, server->piece, i ? -1 : descriptor);
    }
    return said;
}

static void tell(const struct server *server, int64_t number, int descriptor)
{
    assert_true(say(server, number, descriptor));
}

/* As a thread: who comes is welcome, with two vectors. */
static void *welcome(void *cookie)
{
    struct server *server = cookie;
    server->client = -1;
    while (server->client < 0) {
        server->client = accept(server->listener.fd, NULL, NULL);
        usleep(1000);
    }
    /* Who is not welcome any more may go in between. */
    if (say(server, server->version, -1) && say(server, server->id, -1) &&
        say(server, MEMORY, server->memory_fd) && say(server, server->id, server->doorbells[0])) {
        say(server, server->id, server->doorbells[1]);
    }
    return NULL;
}

/* Memory of QEMU's server is a file's. */
static void serve(struct share_rig *rig, struct server *server, int64_t id)
{
    char message[HOSTED_UNIX_MESSAGE];
    char file[128];
    memset(server, 0, sizeof(*server));
    server->id = id;
    server->piece = 8;
    assert_int_equal(hosted_unix_listen(&server->listener, rig->path, SOCK_STREAM, 1, message), 0);
    snprintf(file, sizeof(file), "%s/memory", rig->folder);
    server->memory_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(server->memory_fd, SHARE_SIZE), 0);
    unlink(file);
    server->memory =
        mmap(NULL, SHARE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, server->memory_fd, 0);
    assert_ptr_not_equal(server->memory, MAP_FAILED);
    server->doorbells[0] = event();
    server->doorbells[1] = event();
}

static void end_server(struct server *server)
{
    hosted_unix_unlisten(&server->listener);
    munmap(server->memory, SHARE_SIZE);
    close(server->memory_fd);
    close(server->doorbells[0]);
    close(server->doorbells[1]);
    close(server->client);
}

static void ring(int doorbell, uint64_t times)
{
    assert_int_equal(write(doorbell, &times, sizeof(times)), sizeof(times));
}

static uint64_t rung(int doorbell)
{
    uint64_t times = 0;
    return read(doorbell, &times, sizeof(times)) == sizeof(times) ? times : 0;
}

/* `begin` is one of the rig's. */
static int come_by(int (*begin)(struct share_rig *rig, struct share_end *end),
                   struct share_rig *rig, struct server *server, struct share_end *end)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, welcome, server), 0);
    int error = begin(rig, end);
    pthread_join(thread, NULL);
    return error;
}

static int come(struct share_rig *rig, struct server *server, struct share_end *end)
{
    return come_by(share_begin, rig, server, end);
}

static int begin_without_thread(struct share_rig *rig, struct share_end *end)
{
    return share_begin_sized(rig, end, SHARE_SIZE);
}

static void turn(const struct share_end *end)
{
    for (unsigned i = 0; i < 3; i++) {
        hosted_event_loop_step(end->loop, 0);
    }
}

static void a_client_of_a_server_has_the_first_peer(void **state)
{
    struct share_rig *rig = *state;
    struct server server;
    struct share_end a;
    int vectors[] = { event(), event(), event() };
    serve(rig, &server, 5);
    server.piece = 1; /* Numbers in pieces are numbers. */
    assert_int_equal(come(rig, &server, &a), 0);
    share_memory(&a)[SHARE_SIZE - 1] = 42;
    assert_int_equal(server.memory[SHARE_SIZE - 1], 42);
    hosted_share_emit(a.share, 1); /* to nobody */
    assert_false(hosted_share_stats(a.share).connected);

    tell(&server, 3, vectors[0]);
    tell(&server, 3, vectors[1]);
    tell(&server, 4, vectors[2]); /* One too many. */
    share_wait_connected(&a, true);
    assert_true(hosted_share_is_second(a.share));
    ring(server.doorbells[0], 5);
    ring(server.doorbells[1], 7); /* A vector that is not used. */
    share_wait_got(&a, 5);
    hosted_share_emit(a.share, 3); /* One interrupt. */
    assert_int_equal(rung(vectors[0]), 1);
    assert_int_equal(rung(vectors[1]), 0);
    assert_int_equal(rung(vectors[2]), 0);

    tell(&server, 4, -1);
    tell(&server, 3, -1);
    share_wait_connected(&a, false);
    hosted_share_emit(a.share, 1);
    assert_int_equal(hosted_share_stats(a.share).dropped, 2);
    tell(&server, 6, vectors[2]);
    share_wait_connected(&a, true);
    assert_false(hosted_share_is_second(a.share));
    hosted_share_emit(a.share, 1);
    assert_int_equal(rung(vectors[2]), 1);
    assert_int_equal(rung(vectors[0]), 0);
    share_finish(&a);
    end_server(&server);
    for (unsigned i = 0; i < 3; i++) {
        close(vectors[i]);
    }
}

static void a_server_that_comes_back_is_found_again(void **state)
{
    struct share_rig *rig = *state;
    struct server server;
    struct share_end a;
    int vector = event();
    serve(rig, &server, 0);
    assert_int_equal(come(rig, &server, &a), 0);
    uint8_t *place = share_memory(&a);
    for (unsigned i = 1; i <= 3; i++) {
        tell(&server, 1, vector);
        share_wait_connected(&a, true);
        server.memory[0] = (uint8_t)i;
        assert_int_equal(place[0], i);
        end_server(&server);
        share_wait_connected(&a, false);
        assert_int_equal(place[0], i); /* It stays until there is other memory. */
        serve(rig, &server, 0);
        welcome(&server);
        ring(server.doorbells[0], 1);
        share_wait_got(&a, i);
    }
    assert_ptr_equal(share_memory(&a), place);
    share_finish(&a);
    end_server(&server);
    close(vector);
}

static void what_is_no_server_is_left(void **state)
{
    struct share_rig *rig = *state;
    struct server server;
    struct share_end a;
    static const struct {
        int64_t version;
        int64_t id;
    } rows[] = { { 1, 0 }, { -1, 0 }, { 0, -1 }, { 0, 65536 } };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        serve(rig, &server, rows[i].id);
        server.version = rows[i].version;
        assert_int_equal(come(rig, &server, &a), -EPROTO);
        assert_non_null(strstr(a.error, "who listens there is no VM to share with"));
        end_server(&server);
    }
    serve(rig, &server, 0);
    assert_int_equal(ftruncate(server.memory_fd, SHARE_SIZE * 2), 0);
    assert_int_equal(come(rig, &server, &a), -EINVAL);
    assert_non_null(strstr(a.error, "give both the same size"));
    end_server(&server);

    /* And later: the memory stays, and the server is tried again. */
    static const int64_t later[] = { -2, 65536, INT64_MIN, INT64_MAX };
    serve(rig, &server, 0);
    assert_int_equal(come(rig, &server, &a), 0);
    for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        tell(&server, later[i], i % 2 ? server.doorbells[0] : -1);
        share_expect_end(server.client);
        share_memory(&a)[0] = 1;
        welcome(&server);
        ring(server.doorbells[0], 1);
        share_wait_got(&a, i + 1);
    }
    share_finish(&a);
    end_server(&server);
}

/* A server's doorbell may be anything: what is ready for ever keeps nobody busy. */
static void a_doorbell_that_is_none_is_not_listened_to(void **state)
{
    struct share_rig *rig = *state;
    struct server server;
    struct share_end a;
    for (unsigned i = 0; i < 2; i++) {
        int ends[2];
        serve(rig, &server, 0);
        int doorbell = server.doorbells[0];
        assert_int_equal(i ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
        server.doorbells[0] = ends[0];
        server.doorbells[1] = ends[0];
        assert_int_equal(come_by(begin_without_thread, rig, &server, &a), 0);
        turn(&a);
        assert_true(a.share->doorbell.fd >= 0);
        close(ends[1]); /* Ended. */
        turn(&a);
        assert_int_equal(a.share->doorbell.fd, -1);
        /* A true one takes its place. */
        tell(&server, 0, doorbell);
        ring(doorbell, 2);
        turn(&a);
        assert_int_equal(a.got, 2);
        hosted_share_destroy(a.share);
        hosted_event_loop_destroy(a.loop);
        server.doorbells[1] = doorbell;
        end_server(&server);
    }
}

/* Whoever comes first is the server of the other one. */
static void two_of_ours_meet_by_it(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    assert_int_equal(share_begin(rig, &a), 0);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(share_begin(rig, &b), 0);
        share_wait_connected(&a, true);
        share_wait_connected(&b, true);
        assert_false(hosted_share_is_second(a.share));
        assert_true(hosted_share_is_second(b.share));
        share_memory(&a)[i] = 42;
        assert_int_equal(share_memory(&b)[i], 42);
        hosted_share_emit(a.share, 1);
        share_wait_got(&b, 1);
        hosted_share_emit(b.share, 1);
        share_wait_got(&a, i);
        share_finish(i == 1 ? &b : &a);
        share_wait_connected(i == 1 ? &a : &b, false);
    }
    assert_int_equal(share_begin(rig, &a), 0);
    share_wait_connected(&b, true);
    share_memory(&a)[9] = 7;
    hosted_share_emit(a.share, 1);
    share_wait_got(&b, 2);
    assert_int_equal(share_memory(&b)[9], 7);
    share_finish(&b);
    share_finish(&a);
}

int test_share_ivshmem(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, share_rig_teardown)
        TEST(a_guest_of_qemu_is_a_peer),
        TEST(a_client_of_a_server_has_the_first_peer),
        TEST(a_server_that_comes_back_is_found_again),
        TEST(what_is_no_server_is_left),
        TEST(a_doorbell_that_is_none_is_not_listened_to),
        TEST(two_of_ours_meet_by_it),
    };
    return cmocka_run_group_tests_name("share_ivshmem", tests, NULL, NULL);
}
