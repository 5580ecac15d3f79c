/* SPDX-License-Identifier: BSD-2-Clause */
/* The vhost-user transport under a front-end that behaves: test_vhost_user_hostile.c has the rest.
 */
#include "support/vhost_bench.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int test_vhost_user(void);

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

/* ---- Negotiation ---- */

static void says_what_it_speaks(void **state)
{
    struct vhost_front *front = &((struct vhost_bench *)*state)->front;
    uint64_t features = vhost_front_ask(front, VHOST_USER_GET_FEATURES);
    assert_true(features >> VIRTIO_F_VERSION_1 & 1);
    assert_true(features >> VIRTIO_F_RING_PACKED & 1);
    /* A ring is reset by stopping it. */
    assert_false(features >> VIRTIO_F_RING_RESET & 1);
    vhost_front_begin(front);
    assert_int_equal(vhost_front_ask(front, VHOST_USER_GET_QUEUE_NUM), VHOST_BENCH_QUEUES);
    assert_int_equal(vhost_front_ask(front, VHOST_USER_GET_MAX_MEM_SLOTS),
                     VMMP_GUEST_MEMORY_REGIONS);
    assert_int_equal(virtio_driver_vhost_user.config_read(&front->window, 0, 8),
                     BLK_CAPACITY / 512);
    /* What the device does not have. */
    assert_int_equal(virtio_driver_vhost_user.config_read(&front->window, 248, 8), 0);
    assert_int_equal(front->lines, 0);
}

static void writes_configuration(void **state)
{
    struct vhost_front *front = &((struct vhost_bench *)*state)->front;
    vhost_bench_start(*state, false);
    assert_int_equal(virtio_driver_vhost_user.config_read(&front->window, 32, 1), 1);
    virtio_driver_vhost_user.config_write(&front->window, 32, 1, 0);
    assert_int_equal(virtio_driver_vhost_user.config_read(&front->window, 32, 1), 0);
}

static void acknowledges_when_asked(void **state)
{
    struct vhost_front *front = &((struct vhost_bench *)*state)->front;
    uint64_t number = UINT64_MAX;
    vhost_front_begin(front);
    vhost_front_send_flags(front, VHOST_USER_SET_OWNER, VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
                           NULL, 0, NULL, 0);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_SET_OWNER, &number, 8), 8);
    assert_int_equal(number, 0);
    /* What is answered anyway is answered once. */
    vhost_front_send_flags(front, VHOST_USER_GET_FEATURES,
                           VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, NULL, 0, NULL, 0);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_GET_FEATURES, &number, 8), 8);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_GET_FEATURES, &number, 8), -1);
    number = UINT64_C(1) << 63;
    vhost_front_send_flags(front, VHOST_USER_SET_PROTOCOL_FEATURES,
                           VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, &number, 8, NULL, 0);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_SET_PROTOCOL_FEATURES, &number, 8), 8);
    assert_int_equal(number, 1);
    assert_true(vhost_front_was_refused(front));
}

static void takes_messages_in_pieces(void **state)
{
    struct vhost_front *front = &((struct vhost_bench *)*state)->front;
    const struct vhost_user_header header = { VHOST_USER_SET_FEATURES, VHOST_USER_VERSION, 8 };
    const uint64_t features = UINT64_C(1) << VIRTIO_F_VERSION_1;
    uint8_t bytes[sizeof(header) + 8];
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), &features, 8);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(send(front->socket, bytes + i, 1, 0), 1);
        vhost_front_run(front);
    }
    assert_int_equal(hosted_vhost_user_statistics(front->server).messages, 1);
    /* Two in one go. */
    uint8_t both[2 * sizeof(bytes)];
    memcpy(both, bytes, sizeof(bytes));
    memcpy(both + sizeof(bytes), bytes, sizeof(bytes));
    assert_int_equal(send(front->socket, both, sizeof(both), 0), sizeof(both));
    assert_false(vhost_front_was_refused(front));
    assert_int_equal(hosted_vhost_user_statistics(front->server).messages, 3);
}

/* ---- Requests ---- */

static void reads_and_writes(struct vhost_bench *bench, bool packed)
{
    struct vhost_front *front = &bench->front;
    vhost_bench_start(bench, packed);
    uint8_t *data = virtio_driver_at(&front->driver, bench->data, 512);
    for (unsigned i = 0; i < 40; i++) {
        memset(data, (int)i + 1, 512);
        vhost_bench_add(bench, 0, VIRTIO_BLK_T_OUT, i);
        assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
        assert_int_equal(vhost_front_calls(front, 0), 1);
        memset(data, 0, 512);
        vhost_bench_add(bench, 1, VIRTIO_BLK_T_IN, i);
        assert_int_equal(vhost_bench_take(bench, 1), VIRTIO_BLK_S_OK);
        assert_int_equal(vhost_front_calls(front, 1), 1);
        assert_int_equal(data[0], i + 1);
        assert_int_equal(data[511], i + 1);
        assert_int_equal(bench->blk.disk.data[i * 512], i + 1);
    }
    assert_int_equal(front->lines, 0);
}

static void works_a_split_ring(void **state)
{
    reads_and_writes(*state, false);
}

static void works_a_packed_ring(void **state)
{
    reads_and_writes(*state, true);
}

/* ---- Stopping ---- */

static void goes_on_where_it_stopped(struct vhost_bench *bench, bool packed)
{
    struct vhost_front *front = &bench->front;
    vhost_bench_start(bench, packed);
    for (unsigned round = 0; round < 30; round++) {
        vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, round);
        assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
        uint32_t base = vhost_front_get_base(front, 0);
        if (packed) {
            /* Entries of two laps of 16, four a chain or one with a table. */
            assert_int_equal(base & 0xffff, base >> 16);
        } else {
            assert_int_equal(base, round + 1);
        }
        /* A kick of a ring that is stopped is nothing. */
        virtio_driver_vhost_user.kick(&front->window, 0);
        vhost_bench_restart(bench, 0, base);
    }
    /* The other ring went on all the time. */
    vhost_bench_add(bench, 1, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 1), VIRTIO_BLK_S_OK);
    assert_int_equal(front->lines, 0);
}

static void a_split_ring_goes_on(void **state)
{
    goes_on_where_it_stopped(*state, false);
}

static void a_packed_ring_goes_on(void **state)
{
    goes_on_where_it_stopped(*state, true);
}

static void stops_when_requests_have_ended(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    struct vhost_user_vring_state reply;
    vhost_bench_start(bench, false);
    bench->blk.disk.slow = true;
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 1);
    assert_int_equal(bench->blk.disk.kept_count, 2);
    vhost_front_send_state(front, VHOST_USER_GET_VRING_BASE, 0, 0);
    /* Nothing more is taken meanwhile, and no message either. */
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 2);
    assert_int_equal(bench->blk.disk.kept_count, 2);
    vhost_front_send(front, VHOST_USER_GET_QUEUE_NUM, NULL, 0, NULL, 0);
    vhost_bench_wait(bench);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_GET_VRING_BASE, &reply, sizeof(reply)),
                     -1);
    script_disk_complete(&bench->blk, 1, 0);
    vhost_bench_wait(bench);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_GET_VRING_BASE, &reply, sizeof(reply)),
                     -1);
    script_disk_complete(&bench->blk, 0, 0);
    vhost_bench_wait(bench);
    assert_int_equal(vhost_front_reply(front, VHOST_USER_GET_VRING_BASE, &reply, sizeof(reply)),
                     sizeof(reply));
    assert_int_equal(reply.num, 2);
    uint64_t queues;
    assert_int_equal(vhost_front_reply(front, VHOST_USER_GET_QUEUE_NUM, &queues, 8), 8);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(bench->blk.disk.drains, 0);
    /* The third is there when the ring goes on. */
    bench->blk.disk.slow = false;
    vhost_bench_restart(bench, 0, reply.num);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
}

static void can_be_disabled(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    vhost_bench_start(bench, false);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_ENABLE, 0, 0);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 1);
    assert_int_equal(vhost_bench_take(bench, 0), -1);
    vhost_front_send_state(front, VHOST_USER_SET_VRING_ENABLE, 0, 1);
    vhost_front_run(front);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(vhost_front_get_base(front, 0), 2);
}

static void a_driver_comes_anew(void **state)
{
    struct vhost_bench *bench = *state;
    vhost_bench_start(bench, false);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    /* With other features, after all rings have stopped. */
    virtio_driver_reset(&bench->front.driver);
    vhost_bench_start(bench, true);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    vhost_front_send(&bench->front, VHOST_USER_RESET_DEVICE, NULL, 0, NULL, 0);
    /* Rings are disabled by it: a kick descriptor alone starts none. */
    const uint64_t ring = 0;
    vhost_front_send(&bench->front, VHOST_USER_SET_VRING_KICK, &ring, 8, &bench->front.kick[0], 1);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), -1);
    vhost_bench_start(bench, false);
    vhost_bench_add(bench, 1, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 1), VIRTIO_BLK_S_OK);
    assert_int_equal(bench->front.lines, 0);
}

/* ---- Memory ---- */

static void memory_can_change_under_requests(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    vhost_bench_start(bench, false);
    bench->blk.disk.slow = true;
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 3);
    for (unsigned i = 0; i < 5; i++) {
        vhost_front_set_memory(front);
    }
    script_disk_complete(&bench->blk, 0, 0);
    vhost_bench_wait(bench);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    const uint8_t *data = virtio_driver_at(&front->driver, bench->data, 512);
    assert_memory_equal(data, bench->blk.disk.data + 3 * 512, 512);
    bench->blk.disk.slow = false;
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 4);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(front->lines, 0);
}

static void slots_of_memory_come_and_go(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    struct vhost_user_single_region slot = {
        .region = { VHOST_FRONT_RAM + 2 * VHOST_FRONT_RAM_SIZE, 0x3000, UINT64_C(0x1000000),
                    0x800 },
    };
    vhost_bench_start(bench, false);
    for (unsigned i = 0; i < 40; i++) {
        vhost_front_send(front, VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), &front->ram_fd, 1);
        vhost_front_send(front, VHOST_USER_REM_MEM_REG, &slot, sizeof(slot), &front->ram_fd, 1);
    }
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 4);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    for (unsigned i = 1; i < VMMP_GUEST_MEMORY_REGIONS; i++) {
        vhost_front_send(front, VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), &front->ram_fd, 1);
        slot.region.guest_address += 0x10000;
        slot.region.user_address += 0x10000;
    }
    assert_false(vhost_front_was_refused(front));
    vhost_front_send(front, VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), &front->ram_fd, 1);
    assert_true(vhost_front_was_refused(front));
}

/* ---- In flight ---- */

/* Asks for a region and gives it back, as front-ends do; the descriptor is the caller's. */
static int get_inflight(struct vhost_front *front, struct vhost_user_inflight *inflight)
{
    *inflight = (struct vhost_user_inflight){ .queues = VHOST_BENCH_QUEUES, .queue_size = 16 };
    vhost_front_send(front, VHOST_USER_GET_INFLIGHT_FD, inflight, VHOST_USER_INFLIGHT_SIZE, NULL,
                     0);
    assert_int_equal(
        vhost_front_reply(front, VHOST_USER_GET_INFLIGHT_FD, inflight, sizeof(*inflight)),
        VHOST_USER_INFLIGHT_SIZE);
    int fd = front->received_fd;
    front->received_fd = -1;
    return fd;
}

static void takes_over_requests(struct vhost_bench *bench, bool packed)
{
    struct vhost_front *front = &bench->front;
    struct script_disk *disk = &bench->blk.disk;
    struct vhost_user_inflight inflight;
    vhost_front_begin(front);
    front->driver.rings = packed ? UINT64_C(1) << VIRTIO_F_RING_PACKED : 0;
    front->base[0] = front->base[1] = packed ? 0x8000 : 0;
    assert_true(virtio_driver_negotiate(&front->driver, VHOST_BENCH_FEATURES));
    int fd = get_inflight(front, &inflight);
    assert_true(fd >= 0);
    assert_true(inflight.mmap_size >= VHOST_BENCH_QUEUES * (16 + 16 * 16));
    vhost_front_send(front, VHOST_USER_SET_INFLIGHT_FD, &inflight, VHOST_USER_INFLIGHT_SIZE, &fd,
                     1);
    vhost_bench_ready(bench);
    disk->slow = true;
    for (unsigned i = 0; i < 4; i++) {
        vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 10 + i);
    }
    assert_int_equal(disk->kept_count, 4);
    /* The second and the fourth end, then the back-end does. */
    script_disk_complete(&bench->blk, 3, 0);
    script_disk_complete(&bench->blk, 1, 0);
    vhost_bench_wait(bench);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    bench->lose_requests = true;
    vhost_front_disconnect(front);
    bench->lose_requests = false;
    assert_int_equal(vhost_bench_take(bench, 0), -1);

    unsigned before = disk->submits;
    vhost_front_connect(front);
    vhost_front_begin(front);
    virtio_driver_vhost_user.set_features(&front->window, front->driver.features);
    vhost_front_send(front, VHOST_USER_SET_INFLIGHT_FD, &inflight, VHOST_USER_INFLIGHT_SIZE, &fd,
                     1);
    /* A front-end whose back-end crashed knows what was used, and of packed rings nothing. */
    vhost_bench_restart(bench, 0, packed ? 0x8000 : 2);
    assert_int_equal(disk->submits - before, 2);
    assert_int_equal(disk->offsets[before], 10 * 512);
    assert_int_equal(disk->offsets[before + 1], 12 * 512);
    assert_int_equal(hosted_vhost_user_statistics(front->server).resubmitted, 2);
    assert_int_equal(hosted_vhost_user_statistics(front->server).tracked, 3);
    disk->slow = false;
    script_disk_complete(&bench->blk, 1, 0);
    script_disk_complete(&bench->blk, 0, 0);
    vhost_bench_wait(bench);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(vhost_bench_take(bench, 0), -1);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 20);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    uint32_t base = vhost_front_get_base(front, 0);
    if (packed) {
        assert_int_equal(base & 0xffff, 0x8000 | 5 * 3);
    } else {
        assert_int_equal(base, 5);
    }
    assert_int_equal(front->lines, 0);
    close(fd);
}

static void requests_in_flight_are_taken_over(void **state)
{
    takes_over_requests(*state, false);
}

static void requests_of_packed_rings_are_taken_over(void **state)
{
    takes_over_requests(*state, true);
}

/* A front-end that asked before it said its features has a region for split rings. */
static void a_region_of_the_other_kind_is_not_used(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    struct vhost_user_inflight inflight;
    vhost_front_begin(front);
    int fd = get_inflight(front, &inflight);
    vhost_front_send(front, VHOST_USER_SET_INFLIGHT_FD, &inflight, VHOST_USER_INFLIGHT_SIZE, &fd,
                     1);
    front->driver.rings = UINT64_C(1) << VIRTIO_F_RING_PACKED;
    front->base[0] = front->base[1] = 0x8000;
    assert_true(virtio_driver_negotiate(&front->driver, VHOST_BENCH_FEATURES));
    vhost_bench_ready(bench);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(hosted_vhost_user_statistics(front->server).tracked, 0);
    assert_int_equal(front->lines, 0);
    close(fd);
}

/* ---- Connections ---- */

static void front_ends_come_and_go(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    for (unsigned i = 0; i < 5; i++) {
        vhost_bench_start(bench, i % 2);
        vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, i);
        assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
        vhost_front_disconnect(front);
        assert_false(hosted_vhost_user_connected(front->server));
        vhost_front_connect(front);
    }
    assert_int_equal(hosted_vhost_user_statistics(front->server).connections, 6);
    assert_int_equal(hosted_vhost_user_statistics(front->server).refused, 0);
    assert_int_equal(front->lines, 0);
}

static void listens_for_one_after_the_other(void **state)
{
    struct vhost_bench *bench = *state;
    char message[HOSTED_UNIX_MESSAGE];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct hosted_vhost_user *server;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/vmmp-vhost-%d", (int)getpid());
    vhost_front_disconnect(&bench->front);
    const struct hosted_vhost_user_config config = {
        .loop = bench->front.loop,
        .log = &bench->front.log,
        .path = address.sun_path,
        .device = &vhost_bench_device,
        .cookie = bench,
    };
    assert_int_equal(hosted_vhost_user_open(&server, &config, message), 0);
    int first = hosted_unix_connect(address.sun_path, SOCK_STREAM);
    int second = hosted_unix_connect(address.sun_path, SOCK_STREAM);
    assert_true(first >= 0 && second >= 0);
    vhost_front_run(&bench->front);
    assert_int_equal(hosted_vhost_user_statistics(server).connections, 1);
    close(first);
    vhost_front_run(&bench->front);
    assert_int_equal(hosted_vhost_user_statistics(server).connections, 2);
    assert_true(hosted_vhost_user_connected(server));
    close(second);
    hosted_vhost_user_close(server);
    assert_int_not_equal(access(address.sun_path, F_OK), 0);
    assert_int_equal(
        hosted_vhost_user_open(&server,
                               &(struct hosted_vhost_user_config){ .loop = bench->front.loop,
                                                                   .path = "/nowhere/at/all",
                                                                   .device = &vhost_bench_device },
                               message),
        -ENOENT);
    assert_non_null(strstr(message, "/nowhere/at/all"));
}

/* ---- Errors of the guest ---- */

static void a_broken_ring_rings_its_error(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    vhost_bench_start(bench, false);
    virtio_driver_offer(&front->driver, 0, 999);
    virtio_driver_vhost_user.kick(&front->window, 0);
    assert_int_equal(vhost_front_errors(front, 0), 1);
    /* It is the guest's fault: the front-end may begin again. */
    assert_false(vhost_front_was_refused(front));
    virtio_driver_reset(&front->driver);
    vhost_bench_start(bench, false);
    vhost_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0);
    assert_int_equal(vhost_bench_take(bench, 0), VIRTIO_BLK_S_OK);
}

static void tells_of_changed_configuration(void **state)
{
    struct vhost_bench *bench = *state;
    struct vhost_front *front = &bench->front;
    struct vhost_user_header header = { 0 };
    int ends[2];
    vhost_bench_start(bench, false);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    vhost_front_send(front, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, &ends[1], 1);
    close(ends[1]);
    bench->blk.disk.info.capacity /= 2;
    vmmp_context_enter(&bench->blk.blk.virtio.context);
    vmmp_virtio_blk_resized(&bench->blk.blk);
    vmmp_context_leave(&bench->blk.blk.virtio.context);
    assert_int_equal(recv(ends[0], &header, sizeof(header), MSG_DONTWAIT), sizeof(header));
    assert_int_equal(header.request, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG);
    assert_int_equal(header.size, 0);
    assert_int_equal(virtio_driver_vhost_user.config_read(&front->window, 0, 8),
                     BLK_CAPACITY / 1024);
    close(ends[0]);
}

int test_vhost_user(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_what_it_speaks, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(acknowledges_when_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_messages_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(works_a_split_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(works_a_packed_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(a_split_ring_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_packed_ring_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_when_requests_have_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(can_be_disabled, setup, teardown),
        cmocka_unit_test_setup_teardown(a_driver_comes_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_can_change_under_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(slots_of_memory_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_in_flight_are_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_of_packed_rings_are_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_region_of_the_other_kind_is_not_used, setup, teardown),
        cmocka_unit_test_setup_teardown(front_ends_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(listens_for_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_ring_rings_its_error, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_of_changed_configuration, setup, teardown),
    };
    return cmocka_run_group_tests_name("vhost_user", tests, NULL, NULL);
}
