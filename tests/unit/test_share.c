/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted/share.h: two ends meet, lose each other and meet again; and peers that are none. */
#include "vmmp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hosted/share.h>
#include <hosted/unix_socket.h>
#include <hosted/vm.h>
#include <sel4vmmplatsupport/vmmp/crossvm.h>

#include "../../hosted/src/backends/share.h"

int test_share(void);

#define SIZE 0x5000u

/* An end with a loop of its own, as another process has; its thread runs the loop. */
struct end {
    struct hosted_event_loop *loop;
    struct hosted_share *share;
    pthread_t thread;
    _Atomic uint64_t got; /* Events. */
    char error[HOSTED_SHARE_ERROR];
};

struct rig {
    char folder[64];
    char path[96];
};

static void events_came(void *cookie, uint32_t count)
{
    atomic_fetch_add(&((struct end *)cookie)->got, count);
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    snprintf(rig->folder, sizeof(rig->folder), "/tmp/vmmp-share-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    snprintf(rig->path, sizeof(rig->path), "%s/s", rig->folder);
    *state = rig;
    return 0;
}

/* Nothing is left: the folder can be removed. */
static int teardown(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rmdir(rig->folder), 0);
    free(rig);
    return 0;
}

static int begin_sized(struct rig *rig, struct end *end, uint64_t size)
{
    const struct hosted_share_options options = {
        .path = rig->path, .size = size, .name = "test", .timeout_ms = 5000
    };
    memset(end, 0, sizeof(*end));
    assert_int_equal(hosted_event_loop_create(&end->loop), 0);
    int error = hosted_share_create(&end->share, end->loop, &options, end->error);
    if (error) {
        hosted_event_loop_destroy(end->loop);
        return error;
    }
    hosted_share_start(end->share, events_came, end);
    return 0;
}

static void *run_loop(void *cookie)
{
    hosted_event_loop_run(((struct end *)cookie)->loop);
    return NULL;
}

static int begin(struct rig *rig, struct end *end)
{
    int error = begin_sized(rig, end, SIZE);
    if (!error) {
        assert_int_equal(pthread_create(&end->thread, NULL, run_loop, end), 0);
    }
    return error;
}

static void finish(struct end *end)
{
    hosted_event_loop_stop(end->loop);
    pthread_join(end->thread, NULL);
    hosted_share_destroy(end->share);
    hosted_event_loop_destroy(end->loop);
}

static uint8_t *memory(const struct end *end)
{
    uint64_t size;
    uint8_t *at = hosted_share_memory(end->share, &size);
    assert_true(size >= SIZE);
    return at;
}

static void wait_connected(struct end *end, bool connected)
{
    for (unsigned i = 0; hosted_share_stats(end->share).connected != connected; i++) {
        assert_true(i < 20000);
        usleep(1000);
    }
}

static void wait_got(struct end *end, uint64_t count)
{
    for (unsigned i = 0; atomic_load(&end->got) < count; i++) {
        assert_true(i < 20000);
        usleep(1000);
    }
    assert_int_equal(atomic_load(&end->got), count);
}

static void memory_is_shared_and_events_arrive(void **state)
{
    struct rig *rig = *state;
    struct end a, b;
    struct stat status;
    assert_int_equal(begin(rig, &a), 0);
    assert_int_equal(stat(rig->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    hosted_share_emit(a.share, 1); /* to nobody */
    assert_int_equal(begin(rig, &b), 0);
    wait_connected(&a, true);
    memory(&a)[SIZE - 1] = 42;
    assert_int_equal(memory(&b)[SIZE - 1], 42);
    for (unsigned i = 0; i < 20000; i++) {
        hosted_share_emit(a.share, 1);
        hosted_share_emit(b.share, 1);
    }
    wait_got(&a, 20000);
    wait_got(&b, 20000);
    assert_int_equal(hosted_share_stats(a.share).dropped, 1);
    assert_int_equal(hosted_share_stats(a.share).sent, 20000);
    finish(&b);
    finish(&a);
}

/* None is lost while the other end sleeps: they are added up where the socket has no room. */
static void events_wait_for_a_slow_peer(void **state)
{
    struct rig *rig = *state;
    struct end a, b;
    assert_int_equal(begin(rig, &a), 0);
    assert_int_equal(begin_sized(rig, &b, SIZE), 0); /* its loop does not run */
    wait_connected(&a, true);
    for (unsigned i = 0; i < 100000; i++) {
        hosted_share_emit(a.share, 1);
    }
    assert_true(hosted_share_stats(a.share).sent < 100000);
    assert_int_equal(pthread_create(&b.thread, NULL, run_loop, &b), 0);
    wait_got(&b, 100000);
    assert_int_equal(hosted_share_stats(a.share).sent, 100000);
    finish(&a);
    finish(&b);
}

static void a_peer_that_joined_comes_back_to_the_same_memory(void **state)
{
    struct rig *rig = *state;
    struct end a, b;
    assert_int_equal(begin(rig, &a), 0);
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(begin(rig, &b), 0);
        wait_connected(&a, true);
        assert_int_equal(memory(&b)[0], i - 1);
        memory(&b)[0] = (uint8_t)i;
        hosted_share_emit(b.share, 1);
        finish(&b); /* What it emitted before it went still arrives. */
        wait_connected(&a, false);
        wait_got(&a, i);
        hosted_share_emit(a.share, 1);
    }
    assert_int_equal(hosted_share_stats(a.share).dropped, 5);
    assert_int_equal(memory(&a)[0], 5);
    finish(&a);
}

/* Who listened is gone: the other end takes its place and keeps the memory. */
static void a_listener_that_comes_back_joins(void **state)
{
    struct rig *rig = *state;
    struct end a, b;
    struct stat status;
    assert_int_equal(begin(rig, &a), 0);
    assert_int_equal(begin(rig, &b), 0);
    memory(&a)[1] = 7;
    finish(&a);
    wait_connected(&b, false);
    hosted_share_emit(b.share, 1);
    for (unsigned i = 0; stat(rig->path, &status) != 0; i++) {
        assert_true(i < 10000);
        usleep(1000);
    }
    assert_int_equal(begin(rig, &a), 0);
    wait_connected(&b, true);
    assert_int_equal(memory(&a)[1], 7);
    hosted_share_emit(b.share, 1);
    wait_got(&a, 1);
    finish(&b);
    finish(&a);
}

/* The returned listener was faster: its memory is new, and both see it at the old address. */
static void new_memory_takes_the_old_ones_place(void **state)
{
    struct rig *rig = *state;
    struct end a, b;
    assert_int_equal(begin(rig, &a), 0);
    assert_int_equal(begin(rig, &b), 0);
    memory(&a)[2] = 9;
    uint8_t *place = memory(&b);
    /* Nobody runs b's loop meanwhile. */
    hosted_event_loop_stop(b.loop);
    pthread_join(b.thread, NULL);
    finish(&a);
    assert_int_equal(begin(rig, &a), 0);
    memory(&a)[3] = 5;
    assert_int_equal(pthread_create(&b.thread, NULL, run_loop, &b), 0);
    wait_connected(&a, true);
    wait_connected(&b, true);
    assert_ptr_equal(memory(&b), place);
    assert_int_equal(place[2], 0);
    assert_int_equal(place[3], 5);
    place[4] = 6;
    assert_int_equal(memory(&a)[4], 6);
    finish(&a);
    finish(&b);
}

static void what_cannot_meet_is_told_why(void **state)
{
    struct rig *rig = *state;
    struct end a, b, c;
    assert_int_equal(begin(rig, &a), 0);
    assert_int_equal(begin_sized(rig, &b, 2 * SIZE), -EINVAL);
    assert_non_null(strstr(b.error, "give both the same size"));
    assert_int_equal(begin(rig, &b), 0);
    assert_int_equal(begin(rig, &c), -EBUSY);
    assert_non_null(strstr(c.error, "two VMs share it already"));
    hosted_share_emit(a.share, 1);
    wait_got(&b, 1);
    finish(&a);
    finish(&b);
    snprintf(rig->path, sizeof(rig->path), "/no/such/folder/s");
    assert_int_equal(begin(rig, &a), -ENOENT);
    assert_non_null(strstr(a.error, "/no/such/folder/s: cannot listen there"));
}

/* A VMM that was killed has left its socket behind. */
static void a_socket_that_nobody_serves_is_taken_over(void **state)
{
    struct rig *rig = *state;
    struct hosted_unix_listener killed;
    char message[HOSTED_UNIX_MESSAGE];
    struct end a, b;
    assert_int_equal(hosted_unix_listen(&killed, rig->path, SOCK_SEQPACKET, 1, message), 0);
    close(killed.fd);
    assert_int_equal(access(rig->path, F_OK), 0);
    assert_int_equal(begin(rig, &a), 0);
    assert_int_equal(begin(rig, &b), 0);
    hosted_share_emit(b.share, 1);
    wait_got(&a, 1);
    finish(&b);
    finish(&a);
}

/* ---- Peers that are none ---- */

static int knock(struct rig *rig)
{
    int fd = hosted_unix_connect(rig->path, SOCK_SEQPACKET);
    assert_true(fd >= 0);
    return fd;
}

static void expect_end(int fd)
{
    char byte;
    ssize_t got = 1;
    for (unsigned i = 0; i < 10000 && got != 0; i++) {
        got = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (got < 0 && errno == ECONNRESET) {
            break;
        }
        usleep(1000);
    }
    assert_true(got <= 0);
    close(fd);
}

/* A connection that was welcomed, as a hostile peer has. */
static int be_peer(struct rig *rig, struct end *a)
{
    int fd = knock(rig);
    assert_true(share_send(fd, SHARE_HELLO, a->share->size));
    wait_connected(a, true);
    struct share_message welcome;
    assert_int_equal(recv(fd, &welcome, sizeof(welcome), 0), sizeof(welcome));
    assert_int_equal(welcome.kind, SHARE_WELCOME);
    return fd;
}

static void garbage_ends_the_connection_only(void **state)
{
    struct rig *rig = *state;
    struct end a, b;
    const struct share_message bad[] = {
        { SHARE_MAGIC, SHARE_VERSION, SHARE_EVENTS, 0 },
        { SHARE_MAGIC, SHARE_VERSION, SHARE_EVENTS, UINT64_C(1) << 32 },
        { SHARE_MAGIC, SHARE_VERSION, SHARE_HELLO, SIZE },
        { SHARE_MAGIC, SHARE_VERSION, SHARE_WELCOME, SIZE },
        { SHARE_MAGIC, SHARE_VERSION + 1, SHARE_EVENTS, 1 },
        { 0, SHARE_VERSION, SHARE_EVENTS, 1 },
    };
    char large[4096] = { 0 };
    assert_int_equal(begin(rig, &a), 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd = knock(rig); /* before a hello */
        if (bad[i].kind != SHARE_HELLO) {
            assert_int_equal(send(fd, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
            expect_end(fd);
        } else {
            close(fd);
        }
        fd = be_peer(rig, &a);
        assert_int_equal(send(fd, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
        expect_end(fd);
        wait_connected(&a, false);
    }
    for (size_t size = 1; size <= sizeof(large); size *= 2) {
        int fd = be_peer(rig, &a);
        memcpy(large, &bad[0], sizeof(bad[0]));
        assert_int_equal(send(fd, large, size == 16 ? 17 : size, 0), size == 16 ? 17 : size);
        expect_end(fd);
        wait_connected(&a, false);
    }
    int silent = knock(rig); /* says nothing, and is in nobody's way */
    assert_int_equal(begin(rig, &b), 0);
    hosted_share_emit(b.share, 1);
    wait_got(&a, 1);
    close(silent);
    finish(&a);
    finish(&b);
}

static void the_memory_cannot_be_cut_short(void **state)
{
    struct rig *rig = *state;
    struct end a;
    struct share_message message;
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { &message, sizeof(message) };
    struct msghdr header = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    int memory_fd;
    assert_int_equal(begin(rig, &a), 0);
    int fd = knock(rig);
    assert_true(share_send(fd, SHARE_HELLO, a.share->size));
    wait_connected(&a, true);
    assert_int_equal(recvmsg(fd, &header, 0), sizeof(message));
    assert_non_null(CMSG_FIRSTHDR(&header));
    memcpy(&memory_fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(int));
    assert_int_equal(ftruncate(memory_fd, 0), -1);
    assert_int_equal(fcntl(memory_fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    memory(&a)[0] = 1;
    close(memory_fd);
    close(fd);
    finish(&a);
}

/* Who listens is hostile: what it answers with, and with which memory. */
struct impostor {
    struct hosted_unix_listener listener;
    struct share_message answer;
    int memory_fd;
};

static void *answer_one(void *cookie)
{
    struct impostor *impostor = cookie;
    struct share_message hello;
    int fd = -1;
    while (fd < 0) {
        fd = accept(impostor->listener.fd, NULL, NULL);
        usleep(1000);
    }
    assert_int_equal(recv(fd, &hello, sizeof(hello), 0), sizeof(hello));
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { &impostor->answer, sizeof(impostor->answer) };
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (impostor->memory_fd >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof(control);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &impostor->memory_fd, sizeof(int));
    }
    assert_int_equal(sendmsg(fd, &header, 0), sizeof(impostor->answer));
    usleep(1000);
    close(fd);
    return NULL;
}

static int meet_impostor(struct rig *rig, uint16_t kind, uint64_t value, int memory_fd)
{
    char message[HOSTED_UNIX_MESSAGE];
    struct impostor impostor = { .answer = { SHARE_MAGIC, SHARE_VERSION, kind, value },
                                 .memory_fd = memory_fd };
    struct end end;
    pthread_t thread;
    assert_int_equal(hosted_unix_listen(&impostor.listener, rig->path, SOCK_SEQPACKET, 1, message),
                     0);
    assert_int_equal(pthread_create(&thread, NULL, answer_one, &impostor), 0);
    int error = begin_sized(rig, &end, SIZE);
    pthread_join(thread, NULL);
    hosted_unix_unlisten(&impostor.listener);
    if (!error) {
        hosted_share_destroy(end.share);
        hosted_event_loop_destroy(end.loop);
    } else {
        assert_non_null(strstr(end.error, rig->path));
    }
    if (memory_fd >= 0) {
        close(memory_fd);
    }
    return error;
}

static int new_memory(uint64_t size, int seals)
{
    int fd = memfd_create("test", MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void memory_that_could_shrink_is_not_taken(void **state)
{
    struct rig *rig = *state;
    char file[128];
    snprintf(file, sizeof(file), "%s/file", rig->folder);
    int plain = open(file, O_RDWR | O_CREAT, 0600);
    assert_int_equal(ftruncate(plain, SIZE), 0);
    unlink(file);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, SIZE, new_memory(SIZE, F_SEAL_SHRINK)), 0);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, SIZE, new_memory(SIZE, F_SEAL_GROW)),
                     -EPROTO);
    assert_int_equal(
        meet_impostor(rig, SHARE_WELCOME, SIZE, new_memory(SIZE - 0x1000, F_SEAL_SHRINK)), -EPROTO);
    assert_true(meet_impostor(rig, SHARE_WELCOME, SIZE,
                              new_memory(SIZE, F_SEAL_SHRINK | F_SEAL_WRITE)) < 0);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, SIZE, plain), -EPROTO);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, SIZE, -1), -EPROTO);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, 1, new_memory(SIZE, F_SEAL_SHRINK)),
                     -EPROTO);
    assert_int_equal(meet_impostor(rig, SHARE_EVENTS, 1, new_memory(SIZE, F_SEAL_SHRINK)), -EPROTO);
}

/* ---- A guest of QEMU's ---- */

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

static void qemu_comes(struct rig *rig, struct qemu *qemu)
{
    int fd;
    qemu->fd = hosted_unix_connect(rig->path, SOCK_STREAM);
    assert_true(qemu->fd >= 0);
    assert_int_equal(hear(qemu->fd, &fd), 0);
    assert_int_equal(hear(qemu->fd, &fd), 1);
    assert_int_equal(fd, -1);
    assert_int_equal(hear(qemu->fd, &fd), -1);
    assert_true(fd >= 0);
    qemu->memory = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(qemu->memory, MAP_FAILED);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
    assert_int_equal(hear(qemu->fd, &qemu->doorbell), 0);
    assert_int_equal(hear(qemu->fd, &qemu->vector), 1);
    assert_true(qemu->doorbell >= 0 && qemu->vector >= 0);
}

static void qemu_goes(struct qemu *qemu)
{
    munmap(qemu->memory, 0x4000);
    close(qemu->doorbell);
    close(qemu->vector);
    close(qemu->fd);
}

static void a_guest_of_qemu_is_a_peer(void **state)
{
    struct rig *rig = *state;
    struct end a;
    struct qemu qemu;
    const struct hosted_share_options options = {
        .path = rig->path, .size = 0x4000, .name = "test", .ivshmem = true
    };
    memset(&a, 0, sizeof(a));
    assert_int_equal(hosted_event_loop_create(&a.loop), 0);
    assert_int_equal(hosted_share_create(&a.share, a.loop, &options, a.error), 0);
    hosted_share_start(a.share, events_came, &a);
    assert_int_equal(pthread_create(&a.thread, NULL, run_loop, &a), 0);
    for (unsigned i = 1; i <= 3; i++) {
        uint64_t count = 5;
        qemu_comes(rig, &qemu);
        wait_connected(&a, true);
        qemu.memory[0x3fff] = (uint8_t)i;
        assert_int_equal(((uint8_t *)a.share->memory)[0x3fff], i);
        assert_int_equal(write(qemu.doorbell, &count, 8), 8);
        wait_got(&a, 5 * i);
        hosted_share_emit(a.share, 1);
        hosted_share_emit(a.share, 1);
        assert_int_equal(read(qemu.vector, &count, 8), 8);
        assert_int_equal(count, 2);
        /* A second client is one too many. */
        expect_end(hosted_unix_connect(rig->path, SOCK_STREAM));
        /* Full, and blocking: what does not fit is dropped. */
        count = UINT64_MAX - 1;
        assert_int_equal(write(qemu.vector, &count, 8), 8);
        assert_int_equal(fcntl(qemu.vector, F_SETFL, 0), 0);
        hosted_share_emit(a.share, 1);
        assert_int_equal(hosted_share_stats(a.share).dropped, 2 * i - 1);
        qemu_goes(&qemu);
        wait_connected(&a, false);
        hosted_share_emit(a.share, 1);
    }
    finish(&a);
}

/* ---- In one process ---- */

/* Nobody runs the loop meanwhile, and still the listener answers. */
static void both_ends_of_one_loop_meet(void **state)
{
    struct rig *rig = *state;
    const struct hosted_share_options options = {
        .path = rig->path, .size = SIZE, .name = "test", .timeout_ms = 5000
    };
    struct hosted_event_loop *loop;
    struct hosted_share *ends[2];
    char error[HOSTED_SHARE_ERROR];
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(hosted_share_create(&ends[i], loop, &options, error), 0);
    }
    assert_true(hosted_share_stats(ends[0]).connected);
    assert_true(hosted_share_stats(ends[1]).connected);
    uint64_t size;
    *(uint8_t *)hosted_share_memory(ends[0], &size) = 42;
    assert_int_equal(*(uint8_t *)hosted_share_memory(ends[1], &size), 42);
    hosted_share_destroy(ends[1]);
    hosted_share_destroy(ends[0]);
    hosted_event_loop_destroy(loop);
}

static void a_pair_has_both_ends(void **state)
{
    struct hosted_event_loop *loop;
    struct hosted_share *ends[2];
    struct end got[2] = { { .got = 0 } };
    (void)state;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    struct hosted_event_loop *loops[2] = { loop, loop };
    assert_int_equal(hosted_share_pair(ends, loops, SIZE), 0);
    for (unsigned i = 0; i < 2; i++) {
        got[i].share = ends[i];
        hosted_share_start(ends[i], events_came, &got[i]);
    }
    memory(&got[0])[9] = 3;
    assert_int_equal(memory(&got[1])[9], 3);
    hosted_share_emit(ends[0], 1);
    hosted_share_emit(ends[0], 1);
    hosted_share_emit(ends[1], 1);
    hosted_event_loop_step(loop, 0);
    hosted_event_loop_step(loop, 0);
    assert_int_equal(got[1].got, 2);
    assert_int_equal(got[0].got, 1);
    hosted_share_destroy(ends[0]);
    hosted_event_loop_step(loop, 0);
    hosted_share_emit(ends[1], 1);
    assert_int_equal(hosted_share_stats(ends[1]).dropped, 1);
    memory(&got[1])[9] = 4;
    hosted_share_destroy(ends[1]);
    hosted_event_loop_destroy(loop);
}

int test_share(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(memory_is_shared_and_events_arrive),
        TEST(events_wait_for_a_slow_peer),
        TEST(a_peer_that_joined_comes_back_to_the_same_memory),
        TEST(a_listener_that_comes_back_joins),
        TEST(new_memory_takes_the_old_ones_place),
        TEST(what_cannot_meet_is_told_why),
        TEST(a_socket_that_nobody_serves_is_taken_over),
        TEST(garbage_ends_the_connection_only),
        TEST(the_memory_cannot_be_cut_short),
        TEST(memory_that_could_shrink_is_not_taken),
        TEST(a_guest_of_qemu_is_a_peer),
        TEST(both_ends_of_one_loop_meet),
        cmocka_unit_test(a_pair_has_both_ends),
    };
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
