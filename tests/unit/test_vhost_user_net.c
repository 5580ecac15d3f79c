/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device with two pairs of queues behind vhost-user. */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#include "support/vhost_front.h"
#include "virtio/virtio_net_internal.h"
#include "virtio/virtio_spec.h"

#define PAIRS 2u
#define FRAME 64u

struct net_front {
    struct vhost_front front;
    struct vmmp_virtio_net net;
    uint64_t buffers;
    unsigned frames[PAIRS]; /* That the guest has sent, by pair. */
    struct vmmp_virtio_net_state state;
};

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len)
{
    struct net_front *net = cookie;
    (void)iov, (void)count;
    assert_true(pair < PAIRS);
    assert_int_equal(len, FRAME);
    net->frames[pair]++;
    return true;
}

static void configure(void *cookie, const struct vmmp_virtio_net_state *state)
{
    ((struct net_front *)cookie)->state = *state;
}

static int create(void *cookie, const struct vmmp_guest_memory *memory,
                  struct vmmp_virtio_device **virtio)
{
    struct net_front *net = cookie;
    const struct vmmp_virtio_net_backend backend = { .transmit = transmit,
                                                     .configure = configure,
                                                     .cookie = net };
    const struct vmmp_virtio_net_options options = { .mac = { 2, 0, 0, 0, 0, 1 }, .pairs = PAIRS };
    const struct vmmp_host host = hosted_event_loop_host(net->front.loop);
    *virtio = &net->net.virtio;
    return vmmp_virtio_net_init(&net->net, &backend, &options, memory, &net->front.log, &host);
}

static void destroy(void *cookie)
{
    vmmp_virtio_net_fini(&((struct net_front *)cookie)->net);
}

static const struct hosted_vhost_user_device device = { create, destroy };

static int setup(void **state)
{
    struct net_front *net = calloc(1, sizeof(*net));
    assert_non_null(net);
    vhost_front_init(&net->front, &device, net);
    net->buffers = virtio_driver_alloc(&net->front.driver, 0x4000, 4096);
    *state = net;
    return 0;
}

static int teardown(void **state)
{
    struct net_front *net = *state;
    vhost_front_fini(&net->front);
    free(net);
    return 0;
}

static void start(struct net_front *net, uint64_t rings, unsigned queues)
{
    struct virtio_driver *driver = &net->front.driver;
    driver->rings = rings;
    for (unsigned i = 0; i < VHOST_FRONT_RINGS; i++) {
        net->front.base[i] = rings ? 0x8000 : 0;
    }
    vhost_front_begin(&net->front);
    assert_true(virtio_driver_start(driver, UINT64_MAX, queues));
}

static void send_frame(struct net_front *net, unsigned pair)
{
    const struct virtio_driver_buffer buffer = { net->buffers, HDR_SIZE + FRAME, false };
    uint32_t id, len;
    unsigned before = net->frames[pair];
    virtio_driver_add(&net->front.driver, 2 * pair + 1, &buffer, 1);
    virtio_driver_vhost_user.kick(&net->front.window, 2 * pair + 1);
    assert_true(virtio_driver_used(&net->front.driver, 2 * pair + 1, &id, &len));
    assert_int_equal(net->frames[pair], before + 1);
}

/* Gives a frame to a pair; whether it came into the buffer that is there. */
static bool receive_frame(struct net_front *net, unsigned pair)
{
    uint8_t frame[FRAME] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const struct vmmp_iovec iov = { frame, sizeof(frame) };
    const struct virtio_driver_buffer buffer = { net->buffers + UINT64_C(0x1000) * (pair + 1), 2048,
                                                 true };
    uint32_t id, len;
    virtio_driver_add(&net->front.driver, 2 * pair, &buffer, 1);
    virtio_driver_vhost_user.kick(&net->front.window, 2 * pair);
    vmmp_context_enter(&net->net.virtio.context);
    assert_int_equal(vmmp_virtio_net_receive(&net->net, pair, &iov, 1), 0);
    vmmp_context_leave(&net->net.virtio.context);
    vhost_front_run(&net->front);
    if (!virtio_driver_used(&net->front.driver, 2 * pair, &id, &len)) {
        return false;
    }
    assert_int_equal(len, HDR_SIZE + FRAME);
    return true;
}

static void says_how_many_pairs_there_are(void **state)
{
    struct net_front *net = *state;
    vhost_front_begin(&net->front);
    assert_int_equal(vhost_front_ask(&net->front, VHOST_USER_GET_QUEUE_NUM), PAIRS);
    uint64_t offered = vhost_front_ask(&net->front, VHOST_USER_GET_FEATURES);
    assert_true(offered & (UINT64_C(1) << VIRTIO_NET_F_MQ));
    /* The control queue is between the front-end and its driver. */
    assert_false(offered & (UINT64_C(1) << VIRTIO_NET_F_CTRL_VQ));
    vhost_front_send_state(&net->front, VHOST_USER_SET_VRING_NUM, 2 * PAIRS, 64);
    assert_true(vhost_front_was_refused(&net->front));
}

static void every_pair_works(struct net_front *net, uint64_t rings)
{
    start(net, rings, 2 * PAIRS);
    assert_int_equal(net->state.pairs, PAIRS);
    for (unsigned pair = 0; pair < PAIRS; pair++) {
        send_frame(net, pair);
        assert_true(receive_frame(net, pair));
    }
}

static void every_pair_works_on_split_rings(void **state)
{
    every_pair_works(*state, 0);
}

static void every_pair_works_on_packed_rings(void **state)
{
    every_pair_works(*state, UINT64_C(1) << VIRTIO_F_RING_PACKED);
}

/* What the driver asks of the control queue reaches us as rings that work or do not. */
static void pairs_come_and_go(void **state)
{
    struct net_front *net = *state;
    start(net, 0, 2 * PAIRS);
    vhost_front_send_state(&net->front, VHOST_USER_SET_VRING_ENABLE, 2, 0);
    vhost_front_send_state(&net->front, VHOST_USER_SET_VRING_ENABLE, 3, 0);
    assert_int_equal(net->state.pairs, 1);
    assert_true(receive_frame(net, 0));
    assert_false(receive_frame(net, 1));
    send_frame(net, 0);
    vhost_front_send_state(&net->front, VHOST_USER_SET_VRING_ENABLE, 2, 1);
    vhost_front_send_state(&net->front, VHOST_USER_SET_VRING_ENABLE, 3, 1);
    assert_int_equal(net->state.pairs, PAIRS);
    send_frame(net, 1);
}

static void one_pair_is_enough(void **state)
{
    struct net_front *net = *state;
    start(net, 0, 2);
    assert_int_equal(net->state.pairs, 1);
    send_frame(net, 0);
    assert_true(receive_frame(net, 0));
    /* Another driver uses both. */
    virtio_driver_reset(&net->front.driver);
    vhost_front_run(&net->front);
    assert_false(net->state.live);
    assert_true(virtio_driver_start(&net->front.driver, UINT64_MAX, 2 * PAIRS));
    assert_int_equal(net->state.pairs, PAIRS);
    send_frame(net, 1);
}

int test_vhost_user_net(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_how_many_pairs_there_are, setup, teardown),
        cmocka_unit_test_setup_teardown(every_pair_works_on_split_rings, setup, teardown),
        cmocka_unit_test_setup_teardown(every_pair_works_on_packed_rings, setup, teardown),
        cmocka_unit_test_setup_teardown(pairs_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(one_pair_is_enough, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
