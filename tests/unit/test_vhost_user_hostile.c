/* SPDX-License-Identifier: BSD-2-Clause */
/* The vhost-user transport under front-ends that do not behave. */
#include "support/vhost_bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost_user/vhost_user_internal.h"

int test_vhost_user_hostile(void);

static int setup(void **state)
{
    *state = vhost_bench_new();
    return 0;
}

static int teardown(void **state)
{
    vhost_bench_free(*state);
    return 0;
}

/* The connection is over, one line says why, and the next one works. */
static void expect_refusal(struct vhost_bench *bench, const char *why)
{
    struct vhost_front *front = &bench->front;
    if (!vhost_front_was_refused(front)) {
        fail_msg("not refused: %s", why);
    }
    assert_int_equal(front->lines, 1);
    if (!strstr(front->line, why)) {
        fail_msg("'%s' is not in '%s'", why, front->line);
    }
    front->lines = 0;
    close(front->socket);
    vhost_front_connect(front);
    vhost_bench_start(bench, false);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    vhost_front_disconnect(front);
    vhost_front_connect(front);
    assert_int_equal(front->lines, 0);
}

/* ---- Frames ---- */

static void refuses_bad_frames(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    vhost_front_send_flags(front, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
    expect_refusal(bench, "not version 1");
    vhost_front_send_flags(front, VHOST_USER_GET_FEATURES, 2, NULL, 0, NULL, 0);
    expect_refusal(bench, "not version 1");
    vhost_front_send_flags(front, VHOST_USER_GET_FEATURES, VHOST_USER_VERSION | VHOST_USER_REPLY,
                           NULL, 0, NULL, 0);
    expect_refusal(bench, "a reply to nothing");
    const struct vhost_user_header longest = { VHOST_USER_GET_FEATURES, 1, UINT32_MAX };
    assert_int_equal(send(front->socket, &longest, sizeof(longest), 0), sizeof(longest));
    expect_refusal(bench, "longer than any message");
    vhost_front_send(front, 0, NULL, 0, NULL, 0);
    expect_refusal(bench, "message 0");
    vhost_front_send(front, VHOST_USER_REQUESTS, NULL, 0, NULL, 0);
    expect_refusal(bench, "not one that is spoken here");
    vhost_front_send(front, UINT32_MAX, NULL, 0, NULL, 0);
    expect_refusal(bench, "message 4294967295");
    /* VHOST_USER_SET_LOG_BASE and other messages that were not offered. */
    vhost_front_send(front, 6, NULL, 0, NULL, 0);
    expect_refusal(bench, "message 6");
}

static void refuses_wrong_lengths(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    static const struct {
        uint32_t request;
        size_t size;
    } rows[] = {
        { VHOST_USER_GET_FEATURES, 8 },     { VHOST_USER_SET_FEATURES, 0 },
        { VHOST_USER_SET_FEATURES, 7 },     { VHOST_USER_SET_FEATURES, 9 },
        { VHOST_USER_SET_MEM_TABLE, 7 },    { VHOST_USER_SET_VRING_NUM, 4 },
        { VHOST_USER_SET_VRING_ADDR, 39 },  { VHOST_USER_GET_VRING_BASE, 16 },
        { VHOST_USER_SET_VRING_KICK, 0 },   { VHOST_USER_SET_VRING_ENABLE, 0 },
        { VHOST_USER_GET_CONFIG, 0 },       { VHOST_USER_SET_CONFIG, 11 },
        { VHOST_USER_GET_INFLIGHT_FD, 19 }, { VHOST_USER_ADD_MEM_REG, 8 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        vhost_front_begin(front);
        vhost_front_send(front, rows[i].request, NULL, rows[i].size, NULL, 0);
        expect_refusal(bench, "not as long as it is to be");
    }
}

static void refuses_descriptors_that_do_not_belong(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    int fds[16];
    for (unsigned i = 0; i < 16; i++) {
        fds[i] = front->ram_fd;
    }
    vhost_front_send(front, VHOST_USER_GET_FEATURES, NULL, 0, fds, 1);
    expect_refusal(bench, "more descriptors than belong to it");
    const uint64_t ring = 0;
    vhost_front_send(front, VHOST_USER_SET_VRING_CALL, &ring, 8, fds, 2);
    expect_refusal(bench, "more descriptors than belong to it");
    vhost_front_send(front, VHOST_USER_GET_FEATURES, NULL, 0, fds, 9);
    expect_refusal(bench, "more descriptors than a message has");
    vhost_front_send(front, VHOST_USER_GET_FEATURES, NULL, 0, fds, 16);
    expect_refusal(bench, "more descriptors than a message has");
}

static void needs_what_was_negotiated(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    vhost_front_send(front, VHOST_USER_GET_QUEUE_NUM, NULL, 0, NULL, 0);
    expect_refusal(bench, "its protocol feature was not negotiated");
    vhost_front_send_number(front, VHOST_USER_SET_FEATURES, UINT64_MAX);
    expect_refusal(bench, "features that were not offered");
    vhost_front_send_number(front, VHOST_USER_SET_PROTOCOL_FEATURES, UINT64_MAX);
    expect_refusal(bench, "protocol features that were not offered");
}

/* ---- Memory ---- */

static void set_table(struct vhost_front *front, struct vhost_user_memory *table, unsigned count)
{
    int fds[VHOST_USER_MEMORY_REGIONS];
    for (unsigned i = 0; i < VHOST_USER_MEMORY_REGIONS; i++) {
        fds[i] = front->ram_fd;
    }
    vhost_front_send(front, VHOST_USER_SET_MEM_TABLE, table, 8 + count * sizeof(table->regions[0]),
                     fds, count);
}

static void refuses_impossible_memory(void **state)
{
    struct vhost_bench *bench = *state;
    static const struct vhost_user_memory_region bad[] = {
        { 0, 0, 0, 0 },                         /* Empty. */
        { UINT64_MAX, 0x1000, 0, 0 },           /* Wraps for the guest, */
        { 0, 0x1000, UINT64_MAX - 0xffe, 0 },   /* for the front-end, */
        { 0, 0x1000, 0, UINT64_MAX },           /* in the file, */
        { 0, 0x1000, 0, INT64_MAX },            /* in the file's offsets. */
        { 0, UINT64_MAX, 0, 0 },                /* All there is. */
        { 0, VHOST_FRONT_RAM_SIZE + 1, 0, 0 },  /* Larger than the file. */
        { 0, 0x1000, 0, VHOST_FRONT_RAM_SIZE }, /* Behind it. */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct vhost_user_memory table = { .count = 1, .regions = { bad[i] } };
        set_table(&bench->front, &table, 1);
        expect_refusal(bench, "a memory region is");
    }
    /* Regions over each other: for the guest, and for the front-end. */
    struct vhost_user_memory table = {
        .count = 2,
        .regions = { { 0x1000, 0x2000, 0x100000, 0 }, { 0x2fff, 0x1000, 0x200000, 0 } },
    };
    set_table(&bench->front, &table, 2);
    expect_refusal(bench, "memory regions overlap");
    table.regions[1] = (struct vhost_user_memory_region){ 0x9000, 0x1000, 0x100fff, 0 };
    set_table(&bench->front, &table, 2);
    expect_refusal(bench, "memory regions overlap");
    /* Counts that are not those of regions or descriptors. */
    table.count = UINT32_MAX;
    set_table(&bench->front, &table, 2);
    expect_refusal(bench, "a table of memory");
    table.count = 3;
    set_table(&bench->front, &table, 2);
    expect_refusal(bench, "a table of memory");
    table.count = 8;
    vhost_front_send(&bench->front, VHOST_USER_SET_MEM_TABLE, &table, 8, NULL, 0);
    expect_refusal(bench, "a table of memory");
}

static void refuses_memory_in_no_file(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_user_memory table = { .count = 1, .regions = { { 0, 0x1000, 0, 0 } } };
    vhost_front_send(&bench->front, VHOST_USER_SET_MEM_TABLE, &table, 8 + 32, &bench->front.kick[0],
                     1);
    expect_refusal(bench, "a memory region is in no file");
    int null = open("/dev/zero", O_RDWR | O_CLOEXEC);
    vhost_front_send(&bench->front, VHOST_USER_SET_MEM_TABLE, &table, 8 + 32, &null, 1);
    close(null);
    expect_refusal(bench, "a memory region is in no file");
    int sealed = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    vhost_front_send(&bench->front, VHOST_USER_SET_MEM_TABLE, &table, 8 + 32, &sealed, 1);
    close(sealed);
    expect_refusal(bench, "cannot be mapped");
}

static void takes_away_only_what_there_is(void **state)
{
    struct vhost_bench *bench = *state;
    const struct vhost_user_single_region none = {
        .region = { VHOST_FRONT_RAM, VHOST_FRONT_RAM_SIZE - 1, VHOST_FRONT_USER, 0 }
    };
    vhost_front_begin(&bench->front);
    vhost_front_send(&bench->front, VHOST_USER_REM_MEM_REG, &none, sizeof(none), NULL, 0);
    expect_refusal(bench, "no such memory region");
    vhost_front_begin(&bench->front);
    vhost_front_send(&bench->front, VHOST_USER_ADD_MEM_REG, &none, sizeof(none), NULL, 0);
    expect_refusal(bench, "without a descriptor");
    vhost_front_begin(&bench->front);
    vhost_front_send(&bench->front, VHOST_USER_ADD_MEM_REG, &none, sizeof(none),
                     &bench->front.ram_fd, 1);
    expect_refusal(bench, "memory regions overlap");
}

/* The rings lie in it: the device is broken, the process is not. */
static void memory_can_go_while_rings_work(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    const struct vhost_user_memory nothing = { .count = 0 };
    vhost_bench_start(bench, false);
    bench->blk.disk.slow = true;
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    vhost_front_send(front, VHOST_USER_SET_MEM_TABLE, &nothing, 8, NULL, 0);
    assert_int_equal(vhost_front_errors(front, 0), 1);
    assert_int_equal(front->lines, 1);
    front->lines = 0;
    /* What was in flight ends in the memory that was there when it began. */
    script_disk_complete(&bench->blk, 0, 0);
    virtio_driver_vhost_user.kick(&front->window, 0);
    bench->blk.disk.slow = false;
    vhost_front_get_base(front, 0);
    vhost_front_get_base(front, 1);
    assert_false(vhost_front_was_refused(front));
    vhost_bench_start(bench, false);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
}

static void memory_changes_without_end_are_refused(void **state)
{
    struct vhost_bench *bench = *state;
    vhost_bench_start(bench, false);
    bench->blk.disk.slow = true;
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    for (unsigned i = 0; i < VHOST_RETIRED; i++) {
        vhost_front_set_memory(&bench->front);
    }
    assert_int_equal(bench->front.lines, 0);
    vhost_front_set_memory(&bench->front);
    bench->blk.disk.slow = false;
    expect_refusal(bench, "memory changes faster than requests end");
}

/* The file below it shrinks: an access would be a SIGBUS. */
static void memory_that_is_taken_away_ends_the_connection(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    vhost_bench_start(bench, false);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    /* cmocka has its own handler of SIGBUS around every test. */
    assert_int_equal(vhost_guard_begin(), 0);
    assert_int_equal(ftruncate(front->ram_fd, 0), 0);
    virtio_driver_vhost_user.kick(&front->window, 0);
    /* The ring is zeroes for the device, which has complained; and then it is seen why. */
    for (unsigned i = 0; i < 100 && hosted_vhost_user_connected(front->server); i++) {
        assert_int_equal(hosted_event_loop_step(front->loop, 10), 0);
    }
    assert_int_equal(ftruncate(front->ram_fd, (off_t)VHOST_FRONT_RAM_SIZE), 0);
    assert_non_null(strstr(front->line, "took memory away"));
    front->lines = 1;
    expect_refusal(bench, "took memory away");
}

/* ---- Rings ---- */

static void refuses_rings_that_do_not_exist(void **state)
{
    static const uint32_t with_state[] = {
        VHOST_USER_SET_VRING_NUM,
        VHOST_USER_SET_VRING_BASE,
        VHOST_USER_GET_VRING_BASE,
        VHOST_USER_SET_VRING_ENABLE,
    };
    static const uint32_t with_fd[] = { VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
                                        VHOST_USER_SET_VRING_ERR };
    static const uint32_t indices[] = { VHOST_BENCH_QUEUES, HOSTED_VHOST_USER_QUEUES, 255,
                                        UINT32_MAX };
    struct vhost_bench *bench = *state;
    for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        for (size_t j = 0; j < sizeof(with_state) / sizeof(with_state[0]); j++) {
            vhost_front_send_state(&bench->front, with_state[j], indices[i], 1);
            expect_refusal(bench, "a ring that does not exist");
        }
        for (size_t j = 0; j < sizeof(with_fd) / sizeof(with_fd[0]); j++) {
            const uint64_t number = indices[i];
            vhost_front_send(&bench->front, with_fd[j], &number, 8, &bench->front.call[0], 1);
            expect_refusal(bench, "a ring that does not exist");
        }
        const struct vhost_user_vring_addr addr = { .index = indices[i] };
        vhost_front_send(&bench->front, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
        expect_refusal(bench, "a ring that does not exist");
    }
}

static void refuses_wrong_ring_descriptors(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    uint64_t number = 0;
    vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &number, 8, NULL, 0);
    expect_refusal(bench, "a ring's descriptor that is missing");
    vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &number, 8, &front->ram_fd, 1);
    expect_refusal(bench, "cannot be waited for");
    number = VHOST_USER_VRING_NOFD;
    vhost_front_send(front, VHOST_USER_SET_VRING_CALL, &number, 8, &front->call[0], 1);
    expect_refusal(bench, "a ring's descriptor that is missing, a socket, or more than one");
    /* Its own end of the connection, which would then never be seen to close. */
    number = 0;
    vhost_front_send(front, VHOST_USER_SET_VRING_ERR, &number, 8, &front->socket, 1);
    expect_refusal(bench, "a socket");
    number = VHOST_USER_VRING_NOFD;
    vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &number, 8, NULL, 0);
    expect_refusal(bench, "polling is not spoken");
    /* Nobody to call is fine. */
    vhost_front_send(front, VHOST_USER_SET_VRING_CALL, &number, 8, NULL, 0);
    assert_false(vhost_front_was_refused(front));
}

/* Descriptors that look right and then end, block or are full. */
static void lives_with_descriptors_of_any_kind(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    const uint64_t ring = 0;
    int ends[2];
    vhost_bench_start(bench, false);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    vhost_front_send(front, VHOST_USER_SET_VRING_CALL, &ring, 8, &ends[1], 1);
    vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &ring, 8, &ends[0], 1);
    for (unsigned i = 0; i < 3; i++) {
        vhost_bench_add(bench, 1, VIRTIO_BLK_T_IN, 0);
        assert_int_equal(vhost_bench_take(bench, 1), VIRTIO_BLK_S_OK);
    }
    /* Three bytes are a kick too; the end of the pipe is none for ever. */
    assert_int_equal(write(ends[1], "abc", 3), 3);
    vhost_front_run(front);
    close(ends[1]);
    close(ends[0]);
    vhost_front_run(front);
    /* Full: what would be one more is none. */
    const uint64_t most = UINT64_MAX - 1;
    vhost_front_calls(front, 1);
    assert_int_equal(write(front->call[1], &most, sizeof(most)), sizeof(most));
    vhost_bench_add(bench, 1, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 1), VIRTIO_BLK_S_OK);
    assert_false(vhost_front_was_refused(front));
}

static void refuses_rings_that_cannot_be(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    static const uint32_t sizes[] = { 0, 32769, 65536, UINT32_MAX };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        vhost_front_send_state(front, VHOST_USER_SET_VRING_NUM, 0, sizes[i]);
        expect_refusal(bench, "a ring larger than any");
    }
    static const uint64_t places[] = {
        0,
        VHOST_FRONT_USER - 16,
        VHOST_FRONT_USER + VHOST_FRONT_RAM_SIZE,
        VHOST_FRONT_USER + VHOST_FRONT_RAM_SIZE - 16, /* Its end is outside. */
        VHOST_FRONT_USER + 1,                         /* Misaligned. */
        UINT64_MAX,
        VHOST_FRONT_RAM, /* The guest's own address. */
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const uint64_t good = VHOST_FRONT_USER + 0x80000;
        for (unsigned area = 0; area < 3; area++) {
            const struct vhost_user_vring_addr addr = { 0,
                                                        0,
                                                        area == 0 ? places[i] : good,
                                                        area == 1 ? places[i] : good,
                                                        area == 2 ? places[i] : good,
                                                        0 };
            vhost_front_begin(front);
            vhost_front_send_number(front, VHOST_USER_SET_FEATURES,
                                    UINT64_C(1) << VIRTIO_F_VERSION_1);
            vhost_front_send_state(front, VHOST_USER_SET_VRING_NUM, 0, 256);
            vhost_front_send(front, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
            const uint64_t ring = 0;
            vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &ring, 8, &front->kick[0], 1);
            /* The device's own complaint may come first. */
            front->lines = front->lines ? 1 : 0;
            expect_refusal(bench, "a ring ");
        }
    }
}

static void refuses_a_ring_before_its_time(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    const struct vhost_user_vring_addr addr = { .index = 0 };
    const uint64_t ring = 0;
    vhost_front_send_state(front, VHOST_USER_SET_VRING_NUM, 0, 16);
    vhost_front_send(front, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
    vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &ring, 8, &front->kick[0], 1);
    expect_refusal(bench, "before features were set");
    /* A driver of the legacy interface. */
    vhost_front_send_number(front, VHOST_USER_SET_FEATURES, 0);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_NUM, 0, 16);
    vhost_front_send(front, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
    vhost_front_send(front, VHOST_USER_SET_VRING_KICK, &ring, 8, &front->kick[0], 1);
    front->lines = 1;
    expect_refusal(bench, "a driver of the legacy interface");
}

static void refuses_changes_of_a_ring_that_works(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    const struct vhost_user_vring_addr addr = { .index = 0 };
    vhost_bench_start(bench, false);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_NUM, 0, 8);
    expect_refusal(bench, "a ring changed while it works");
    vhost_bench_start(bench, false);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_BASE, 0, 8);
    expect_refusal(bench, "a ring changed while it works");
    vhost_bench_start(bench, false);
    vhost_front_send(front, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
    expect_refusal(bench, "a ring changed while it works");
    vhost_bench_start(bench, false);
    vhost_front_send_number(front, VHOST_USER_SET_FEATURES, 0);
    expect_refusal(bench, "features changed while a ring works");
    vhost_bench_start(bench, false);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_ENABLE, 0, 2);
    expect_refusal(bench, "neither enabled nor disabled");
}

static void refuses_an_impossible_base(void **state)
{
    struct vhost_bench *bench = *state;
    vhost_bench_start(bench, false);
    vhost_front_get_base(&bench->front, 0);
    vhost_bench_restart(bench, 0, 17);
    expect_refusal(bench, "more chains in flight than the queue has");
    vhost_bench_start(bench, true);
    vhost_front_get_base(&bench->front, 0);
    vhost_bench_restart(bench, 0, 16);
    expect_refusal(bench, "beyond the ring");
}

/* ---- Configuration and the inflight region ---- */

static void refuses_configuration_beyond_its_end(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    static const struct vhost_user_config bad[] = {
        { .offset = 0, .size = 257 },        { .offset = 256, .size = 1 },
        { .offset = UINT32_MAX, .size = 1 }, { .offset = 1, .size = UINT32_MAX },
        { .offset = 0, .size = 7 }, /* Not the message's own. */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        vhost_front_begin(front);
        vhost_front_send(front, VHOST_USER_GET_CONFIG, &bad[i], VHOST_USER_CONFIG_HEADER + 8, NULL,
                         0);
        expect_refusal(bench, "configuration beyond its end");
        vhost_front_begin(front);
        vhost_front_send(front, VHOST_USER_SET_CONFIG, &bad[i], VHOST_USER_CONFIG_HEADER + 8, NULL,
                         0);
        expect_refusal(bench, "configuration beyond its end");
    }
}

static void refuses_an_impossible_inflight_region(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    static const struct vhost_user_inflight bad[] = {
        { 0x10000, 0, 0, 16, 0 },
        { 0x10000, 0, 3, 16, 0 },
        { 0x10000, 0, 2, 0, 0 },
        { 0x10000, 0, 2, 32769, 0 },
        { 0, 0, 2, 16, 0 },
        { 0x10000, 0x100000, 2, 16, 0 },
        { 0x10000, 1, 2, 16, 0 },
        { UINT64_MAX, UINT64_MAX - 63, 2, 16, 0 },
        { UINT64_MAX, 0, 2, 32768, 0 },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        vhost_front_begin(front);
        vhost_front_send(front, VHOST_USER_SET_INFLIGHT_FD, &bad[i], VHOST_USER_INFLIGHT_SIZE,
                         &front->ram_fd, 1);
        expect_refusal(bench, "inflight region");
    }
    vhost_front_begin(front);
    const struct vhost_user_inflight good = { 0x10000, 0, 2, 16, 0 };
    vhost_front_send(front, VHOST_USER_SET_INFLIGHT_FD, &good, VHOST_USER_INFLIGHT_SIZE, NULL, 0);
    expect_refusal(bench, "without a file");
    /* Smaller than a ring that then comes, which goes without. */
    const struct vhost_user_inflight small = { 0x10000, 0x80000, 2, 8, 0 };
    vhost_front_begin(front);
    vhost_front_send(front, VHOST_USER_SET_INFLIGHT_FD, &small, VHOST_USER_INFLIGHT_SIZE,
                     &front->ram_fd, 1);
    assert_true(virtio_driver_negotiate(&front->driver, VHOST_BENCH_FEATURES));
    vhost_bench_ready(bench);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    for (unsigned i = 0; i < 0x10000; i++) {
        assert_int_equal(front->ram[0x80000 + i], 0);
    }
}

/* Whatever is in the region, no more is taken from a ring than the driver has made available. */
static void an_inflight_region_may_hold_anything(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    const size_t size = 0x1000;
    const uint64_t packed = UINT64_C(1) << VIRTIO_F_RING_PACKED;
    int fd = memfd_create("inflight", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    uint8_t *region = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const struct vhost_user_inflight wanted = { size, 0, 2, 16, 0 };
    for (unsigned i = 2; i < 512; i++) {
        memset(region, (int)i / 2, size);
        front->driver.rings = i % 2 ? packed : 0;
        front->base[0] = (uint16_t)(i % 2 ? 0x8000 : 0);
        front->base[1] = front->base[0];
        if (i % 2) {
            /* A version that is known, or all of them are refused for it. */
            memcpy(region + 8, (const uint16_t[]){ 1, 16 }, 4);
        }
        vhost_front_begin(front);
        /* Which kind of region it is, is asked for before. */
        vhost_front_send_number(front, VHOST_USER_SET_FEATURES,
                                UINT64_C(1) << VIRTIO_F_VERSION_1 | front->driver.rings);
        vhost_front_send(front, VHOST_USER_SET_INFLIGHT_FD, &wanted, VHOST_USER_INFLIGHT_SIZE, &fd,
                         1);
        memset(front->driver.queues, 0, sizeof(front->driver.queues));
        front->driver.next_gpa = bench->data + 4096;
        assert_true(virtio_driver_negotiate(&front->driver, VHOST_BENCH_FEATURES));
        vhost_bench_ready(bench);
        unsigned before = bench->blk.disk.submits;
        vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
        assert_true(bench->blk.disk.submits - before <= 1);
        vhost_front_disconnect(front);
        vhost_front_connect(front);
    }
    munmap(region, size);
    close(fd);
}

int test_vhost_user_hostile(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_bad_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_wrong_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_descriptors_that_do_not_belong, setup, teardown),
        cmocka_unit_test_setup_teardown(needs_what_was_negotiated, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_impossible_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_memory_in_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_away_only_what_there_is, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_can_go_while_rings_work, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_changes_without_end_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_that_is_taken_away_ends_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(refuses_rings_that_do_not_exist, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_wrong_ring_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(lives_with_descriptors_of_any_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_rings_that_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_ring_before_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_changes_of_a_ring_that_works, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_an_impossible_base, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_configuration_beyond_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_an_impossible_inflight_region, setup, teardown),
        cmocka_unit_test_setup_teardown(an_inflight_region_may_hold_anything, setup, teardown),
    };
    return cmocka_run_group_tests_name("vhost_user_hostile", tests, NULL, NULL);
}
