/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted/share.h: two ends meet, lose each other and meet again; and peers that are none. */
#include "support/share_rig.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <hosted/unix_socket.h>

#include "../../hosted/src/backends/share.h"

int test_share(void);

static void memory_is_shared_and_events_arrive(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    struct stat status;
    assert_int_equal(share_begin(rig, &a), 0);
    assert_int_equal(stat(rig->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    hosted_share_emit(a.share, 1); /* to nobody */
    assert_int_equal(share_begin(rig, &b), 0);
    share_wait_connected(&a, true);
    share_memory(&a)[SHARE_SIZE - 1] = 42;
    assert_int_equal(share_memory(&b)[SHARE_SIZE - 1], 42);
    for (unsigned i = 0; i < 20000; i++) {
        hosted_share_emit(a.share, 1);
        hosted_share_emit(b.share, 1);
    }
    share_wait_got(&a, 20000);
    share_wait_got(&b, 20000);
    assert_int_equal(hosted_share_stats(a.share).dropped, 1);
    assert_int_equal(hosted_share_stats(a.share).sent, 20000);
    share_finish(&b);
    share_finish(&a);
}

/* None is lost while the other end sleeps: they are added up where the socket has no room. */
static void events_wait_for_a_slow_peer(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    assert_int_equal(share_begin(rig, &a), 0);
    assert_int_equal(share_begin_sized(rig, &b, SHARE_SIZE), 0); /* its loop does not run */
    share_wait_connected(&a, true);
    for (unsigned i = 0; i < 100000; i++) {
        hosted_share_emit(a.share, 1);
    }
    assert_true(hosted_share_stats(a.share).sent < 100000);
    assert_int_equal(pthread_create(&b.thread, NULL, share_run_loop, &b), 0);
    share_wait_got(&b, 100000);
    assert_int_equal(hosted_share_stats(a.share).sent, 100000);
    share_finish(&a);
    share_finish(&b);
}

static void a_peer_that_joined_comes_back_to_the_same_memory(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    assert_int_equal(share_begin(rig, &a), 0);
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(share_begin(rig, &b), 0);
        share_wait_connected(&a, true);
        assert_int_equal(share_memory(&b)[0], i - 1);
        share_memory(&b)[0] = (uint8_t)i;
        hosted_share_emit(b.share, 1);
        share_finish(&b); /* What it emitted before it went still arrives. */
        share_wait_connected(&a, false);
        share_wait_got(&a, i);
        hosted_share_emit(a.share, 1);
    }
    assert_int_equal(hosted_share_stats(a.share).dropped, 5);
    assert_int_equal(share_memory(&a)[0], 5);
    share_finish(&a);
}

/* Who listened is gone: the other end takes its place and keeps the memory. */
static void a_listener_that_comes_back_joins(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    struct stat status;
    assert_int_equal(share_begin(rig, &a), 0);
    assert_int_equal(share_begin(rig, &b), 0);
    share_memory(&a)[1] = 7;
    share_finish(&a);
    share_wait_connected(&b, false);
    hosted_share_emit(b.share, 1);
    for (unsigned i = 0; stat(rig->path, &status) != 0; i++) {
        assert_true(i < 10000);
        usleep(1000);
    }
    assert_int_equal(share_begin(rig, &a), 0);
    share_wait_connected(&b, true);
    assert_int_equal(share_memory(&a)[1], 7);
    hosted_share_emit(b.share, 1);
    share_wait_got(&a, 1);
    share_finish(&b);
    share_finish(&a);
}

/* The returned listener was faster: its memory is new, and both see it at the old address. */
static void new_memory_takes_the_old_ones_place(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    assert_int_equal(share_begin(rig, &a), 0);
    assert_int_equal(share_begin(rig, &b), 0);
    share_memory(&a)[2] = 9;
    uint8_t *place = share_memory(&b);
    /* Nobody runs b's loop meanwhile. */
    hosted_event_loop_stop(b.loop);
    pthread_join(b.thread, NULL);
    share_finish(&a);
    assert_int_equal(share_begin(rig, &a), 0);
    share_memory(&a)[3] = 5;
    assert_int_equal(pthread_create(&b.thread, NULL, share_run_loop, &b), 0);
    share_wait_connected(&a, true);
    share_wait_connected(&b, true);
    assert_ptr_equal(share_memory(&b), place);
    assert_int_equal(place[2], 0);
    assert_int_equal(place[3], 5);
    place[4] = 6;
    assert_int_equal(share_memory(&a)[4], 6);
    share_finish(&a);
    share_finish(&b);
}

static void what_cannot_meet_is_told_why(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b, c;
    assert_int_equal(share_begin(rig, &a), 0);
    assert_int_equal(share_begin_sized(rig, &b, 2 * SHARE_SIZE), -EINVAL);
    assert_non_null(strstr(b.error, "give both the same size"));
    assert_int_equal(share_begin(rig, &b), 0);
    assert_int_equal(share_begin(rig, &c), -EBUSY);
    assert_non_null(strstr(c.error, "two VMs share it already"));
    hosted_share_emit(a.share, 1);
    share_wait_got(&b, 1);
    share_finish(&a);
    share_finish(&b);
    snprintf(rig->path, sizeof(rig->path), "/no/such/folder/s");
    assert_int_equal(share_begin(rig, &a), -ENOENT);
    assert_non_null(strstr(a.error, "/no/such/folder/s: cannot listen there"));
}

/* As a VMM that was killed leaves it behind. */
static void leave_socket(struct share_rig *rig)
{
    struct hosted_unix_listener killed;
    char message[HOSTED_UNIX_MESSAGE];
    assert_int_equal(hosted_unix_listen(&killed, rig->path, SOCK_SEQPACKET, 1, message), 0);
    close(killed.fd);
}

static void a_socket_that_nobody_serves_is_taken_over(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    leave_socket(rig);
    assert_int_equal(access(rig->path, F_OK), 0);
    assert_int_equal(share_begin(rig, &a), 0);
    assert_int_equal(share_begin(rig, &b), 0);
    hosted_share_emit(b.share, 1);
    share_wait_got(&a, 1);
    share_finish(&b);
    share_finish(&a);
}

/* ---- Two that come at once ---- */

struct arrival {
    struct share_rig *rig;
    pthread_barrier_t *start;
    struct share_end end;
    int error;
};

static void *arrive(void *cookie)
{
    struct arrival *arrival = cookie;
    pthread_barrier_wait(arrival->start);
    arrival->error = share_begin(arrival->rig, &arrival->end);
    return NULL;
}

/* Whoever is first by a hair: one listens and the other one joins. In every second round both of
 * those before were killed. */
static void two_that_come_at_once_meet(void **state)
{
    struct share_rig *rig = *state;
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    for (unsigned i = 0; i < 20; i++) {
        struct arrival arrivals[2] = { { .rig = rig, .start = &start },
                                       { .rig = rig, .start = &start } };
        pthread_t threads[2];
        if (i % 2) {
            leave_socket(rig);
        }
        for (unsigned j = 0; j < 2; j++) {
            assert_int_equal(pthread_create(&threads[j], NULL, arrive, &arrivals[j]), 0);
        }
        for (unsigned j = 0; j < 2; j++) {
            pthread_join(threads[j], NULL);
            assert_int_equal(arrivals[j].error, 0);
        }
        share_wait_connected(&arrivals[0].end, true);
        share_wait_connected(&arrivals[1].end, true);
        share_memory(&arrivals[0].end)[7] = (uint8_t)(i + 1);
        assert_int_equal(share_memory(&arrivals[1].end)[7], i + 1);
        share_finish(&arrivals[i / 2 % 2].end);
        share_finish(&arrivals[!(i / 2 % 2)].end);
        assert_int_equal(access(rig->path, F_OK), -1);
    }
    pthread_barrier_destroy(&start);
}

#define MANY 8

struct contender {
    struct share_rig *rig;
    pthread_barrier_t *start;
    struct hosted_unix_listener listener;
    int error;
};

static void *contend(void *cookie)
{
    struct contender *contender = cookie;
    char message[HOSTED_UNIX_MESSAGE];
    pthread_barrier_wait(contender->start);
    contender->error = hosted_unix_listen(&contender->listener, contender->rig->path,
                                          SOCK_SEQPACKET, MANY, message);
    return NULL;
}

/* Nobody removes what another one has just made in the place of what was left over. */
static void one_of_many_takes_a_socket_over(void **state)
{
    struct share_rig *rig = *state;
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, MANY), 0);
    for (unsigned i = 0; i < 20; i++) {
        struct contender contenders[MANY];
        pthread_t threads[MANY];
        unsigned first = MANY;
        leave_socket(rig);
        for (unsigned j = 0; j < MANY; j++) {
            contenders[j] = (struct contender){ .rig = rig, .start = &start };
            assert_int_equal(pthread_create(&threads[j], NULL, contend, &contenders[j]), 0);
        }
        for (unsigned j = 0; j < MANY; j++) {
            pthread_join(threads[j], NULL);
            if (contenders[j].error == 0) {
                assert_int_equal(first, MANY);
                first = j;
            } else {
                assert_int_equal(contenders[j].error, -EADDRINUSE);
            }
        }
        assert_true(first < MANY);
        int fd = hosted_unix_connect(rig->path, SOCK_SEQPACKET);
        assert_true(fd >= 0);
        close(fd);
        hosted_unix_unlisten(&contenders[first].listener);
        assert_int_equal(access(rig->path, F_OK), -1);
    }
    pthread_barrier_destroy(&start);
}

/* Who ends at once leaves none of the files that it has made, and nobody else's go. */
static void who_ends_at_once_leaves_no_socket(void **state)
{
    struct share_rig *rig = *state;
    struct hosted_unix_listener first, second;
    char message[HOSTED_UNIX_MESSAGE];
    char other[sizeof(rig->path) + 2];
    snprintf(other, sizeof(other), "%s2", rig->path);
    assert_int_equal(hosted_unix_listen(&first, rig->path, SOCK_SEQPACKET, 1, message), 0);
    assert_int_equal(hosted_unix_listen(&second, other, SOCK_STREAM, 1, message), 0);
    unlink(other);
    int file = open(other, O_RDWR | O_CREAT, 0600);
    hosted_unix_abandon();
    assert_int_equal(access(rig->path, F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
    hosted_unix_unlisten(&second);
    assert_int_equal(access(other, F_OK), 0);
    unlink(other);
    close(file);
    hosted_unix_unlisten(&first);

    /* One that is over is nobody's any more, and places do not run out. */
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(hosted_unix_listen(&first, rig->path, SOCK_SEQPACKET, 1, message), 0);
        hosted_unix_unlisten(&first);
    }
    assert_int_equal(hosted_unix_listen(&first, rig->path, SOCK_SEQPACKET, 1, message), 0);
    hosted_unix_abandon();
    assert_int_equal(access(rig->path, F_OK), -1);
    hosted_unix_unlisten(&first);
}

/* ---- Peers that are none ---- */

static int knock(struct share_rig *rig)
{
    int fd = hosted_unix_connect(rig->path, SOCK_SEQPACKET);
    assert_true(fd >= 0);
    return fd;
}

/* A connection that was welcomed, as a hostile peer has. */
static int be_peer(struct share_rig *rig, struct share_end *a)
{
    int fd = knock(rig);
    assert_true(share_send(fd, SHARE_HELLO, a->share->size));
    share_wait_connected(a, true);
    struct share_message welcome;
    assert_int_equal(recv(fd, &welcome, sizeof(welcome), 0), sizeof(welcome));
    assert_int_equal(welcome.kind, SHARE_WELCOME);
    return fd;
}

static void garbage_ends_the_connection_only(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a, b;
    const struct share_message bad[] = {
        { SHARE_MAGIC, SHARE_VERSION, SHARE_EVENTS, 0 },
        { SHARE_MAGIC, SHARE_VERSION, SHARE_EVENTS, UINT64_C(1) << 32 },
        { SHARE_MAGIC, SHARE_VERSION, SHARE_HELLO, SHARE_SIZE },
        { SHARE_MAGIC, SHARE_VERSION, SHARE_WELCOME, SHARE_SIZE },
        { SHARE_MAGIC, SHARE_VERSION + 1, SHARE_EVENTS, 1 },
        { 0, SHARE_VERSION, SHARE_EVENTS, 1 },
    };
    char large[4096] = { 0 };
    assert_int_equal(share_begin(rig, &a), 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd = knock(rig); /* before a hello */
        if (bad[i].kind != SHARE_HELLO) {
            assert_int_equal(send(fd, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
            share_expect_end(fd);
        } else {
            close(fd);
        }
        fd = be_peer(rig, &a);
        assert_int_equal(send(fd, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
        share_expect_end(fd);
        share_wait_connected(&a, false);
    }
    for (size_t size = 1; size <= sizeof(large); size *= 2) {
        int fd = be_peer(rig, &a);
        memcpy(large, &bad[0], sizeof(bad[0]));
        assert_int_equal(send(fd, large, size == 16 ? 17 : size, 0), size == 16 ? 17 : size);
        share_expect_end(fd);
        share_wait_connected(&a, false);
    }
    int silent = knock(rig); /* says nothing, and is in nobody's way */
    assert_int_equal(share_begin(rig, &b), 0);
    hosted_share_emit(b.share, 1);
    share_wait_got(&a, 1);
    close(silent);
    share_finish(&a);
    share_finish(&b);
}

static void the_memory_cannot_be_cut_short(void **state)
{
    struct share_rig *rig = *state;
    struct share_end a;
    struct share_message message;
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { &message, sizeof(message) };
    struct msghdr header = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    int memory_fd;
    assert_int_equal(share_begin(rig, &a), 0);
    int fd = knock(rig);
    assert_true(share_send(fd, SHARE_HELLO, a.share->size));
    share_wait_connected(&a, true);
    assert_int_equal(recvmsg(fd, &header, 0), sizeof(message));
    assert_non_null(CMSG_FIRSTHDR(&header));
    memcpy(&memory_fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(int));
    assert_int_equal(ftruncate(memory_fd, 0), -1);
    assert_int_equal(fcntl(memory_fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    share_memory(&a)[0] = 1;
    close(memory_fd);
    close(fd);
    share_finish(&a);
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

static int meet_impostor(struct share_rig *rig, uint16_t kind, uint64_t value, int memory_fd)
{
    char message[HOSTED_UNIX_MESSAGE];
    struct impostor impostor = { .answer = { SHARE_MAGIC, SHARE_VERSION, kind, value },
                                 .memory_fd = memory_fd };
    struct share_end end;
    pthread_t thread;
    assert_int_equal(hosted_unix_listen(&impostor.listener, rig->path, SOCK_SEQPACKET, 1, message),
                     0);
    assert_int_equal(pthread_create(&thread, NULL, answer_one, &impostor), 0);
    int error = share_begin_sized(rig, &end, SHARE_SIZE);
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
    struct share_rig *rig = *state;
    char file[128];
    snprintf(file, sizeof(file), "%s/file", rig->folder);
    int plain = open(file, O_RDWR | O_CREAT, 0600);
    assert_int_equal(ftruncate(plain, SHARE_SIZE), 0);
    unlink(file);
    assert_int_equal(
        meet_impostor(rig, SHARE_WELCOME, SHARE_SIZE, new_memory(SHARE_SIZE, F_SEAL_SHRINK)), 0);
    assert_int_equal(
        meet_impostor(rig, SHARE_WELCOME, SHARE_SIZE, new_memory(SHARE_SIZE, F_SEAL_GROW)),
        -EPROTO);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, SHARE_SIZE,
                                   new_memory(SHARE_SIZE - 0x1000, F_SEAL_SHRINK)),
                     -EPROTO);
    assert_true(meet_impostor(rig, SHARE_WELCOME, SHARE_SIZE,
                              new_memory(SHARE_SIZE, F_SEAL_SHRINK | F_SEAL_WRITE)) < 0);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, SHARE_SIZE, plain), -EPROTO);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, SHARE_SIZE, -1), -EPROTO);
    assert_int_equal(meet_impostor(rig, SHARE_WELCOME, 1, new_memory(SHARE_SIZE, F_SEAL_SHRINK)),
                     -EPROTO);
    assert_int_equal(meet_impostor(rig, SHARE_EVENTS, 1, new_memory(SHARE_SIZE, F_SEAL_SHRINK)),
                     -EPROTO);
}

/* ---- In one process ---- */

/* Nobody runs the loop meanwhile, and still the listener answers. */
static void both_ends_of_one_loop_meet(void **state)
{
    struct share_rig *rig = *state;
    const struct hosted_share_options options = {
        .path = rig->path, .size = SHARE_SIZE, .name = "test", .timeout_ms = 5000
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
    struct share_end got[2] = { { .got = 0 } };
    (void)state;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    struct hosted_event_loop *loops[2] = { loop, loop };
    assert_int_equal(hosted_share_pair(ends, loops, SHARE_SIZE), 0);
    for (unsigned i = 0; i < 2; i++) {
        got[i].share = ends[i];
        hosted_share_start(ends[i], share_events_came, &got[i]);
    }
    share_memory(&got[0])[9] = 3;
    assert_int_equal(share_memory(&got[1])[9], 3);
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
    share_memory(&got[1])[9] = 4;
    hosted_share_destroy(ends[1]);
    hosted_event_loop_destroy(loop);
}

int test_share(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, share_rig_setup, share_rig_teardown)
        TEST(memory_is_shared_and_events_arrive),
        TEST(events_wait_for_a_slow_peer),
        TEST(a_peer_that_joined_comes_back_to_the_same_memory),
        TEST(a_listener_that_comes_back_joins),
        TEST(new_memory_takes_the_old_ones_place),
        TEST(what_cannot_meet_is_told_why),
        TEST(a_socket_that_nobody_serves_is_taken_over),
        TEST(two_that_come_at_once_meet),
        TEST(one_of_many_takes_a_socket_over),
        TEST(who_ends_at_once_leaves_no_socket),
        TEST(garbage_ends_the_connection_only),
        TEST(the_memory_cannot_be_cut_short),
        TEST(memory_that_could_shrink_is_not_taken),
        TEST(both_ends_of_one_loop_meet),
        cmocka_unit_test(a_pair_has_both_ends),
    };
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
