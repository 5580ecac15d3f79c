/* SPDX-License-Identifier: BSD-2-Clause */
/* A TAP interface as the outside: in a network namespace of the test's own, where that is allowed.
 */
#include "support/net_outside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int test_net_tap(void);

static uint8_t frame[3000];
static uint8_t got[70000];

/* A packet socket on the host's side of the interface, which is up. -1: see errno. */
static int host_side(const char *interface)
{
    struct ifreq request = { .ifr_flags = 0 };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(0x88b5));
    if (fd < 0) {
        return -1;
    }
    strcpy(request.ifr_name, interface);
    struct sockaddr_ll address = { .sll_family = AF_PACKET,
                                   .sll_protocol = htons(0x88b5),
                                   .sll_ifindex = (int)if_nametoindex(interface) };
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) {
        return -1;
    }
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return -1;
    }
    return fd;
}

/* From the host to the guest; other protocols' frames (IPv6's) are passed over. */
static void to_guest(struct net_outside *outside, int fd, size_t len)
{
    net_bench_fill(frame, len, net_bench_mac, (uint8_t)len);
    assert_int_equal(send(fd, frame, len, 0), len);
    for (unsigned i = 0; i < 20; i++) {
        size_t all = net_outside_take(outside, got, sizeof(got), 20);
        assert_int_not_equal(all, 0);
        net_bench_post(outside->bench, NET_RX, 2, 2000, 1);
        virtio_driver_kick(&outside->bench->driver, NET_RX);
        if (got[HDR_SIZE + 12] == 0x88 && got[HDR_SIZE + 13] == 0xb5) {
            assert_int_equal(all, HDR_SIZE + len);
            assert_memory_equal(got + HDR_SIZE, frame, len);
            return;
        }
    }
    fail();
}

static void to_host(struct net_outside *outside, int fd, unsigned pair, size_t len)
{
    net_bench_fill(frame, len, net_bench_mac, (uint8_t)len);
    net_bench_send(outside->bench, 2 * pair + 1, NULL, frame, len, 3);
    virtio_driver_kick(&outside->bench->driver, 2 * pair + 1);
    assert_int_equal(recv(fd, got, sizeof(got), 0), len);
    assert_memory_equal(got, frame, len);
}

static void one_queue(void)
{
    struct net_outside outside;
    struct hosted_net *net;
    char why[HOSTED_NET_WHY];
    assert_int_equal(hosted_net_open_tap(&net, "vmmptest0", 1, why), 0);
    net_outside_make(&outside, net, 1, 30);
    assert_true(outside.bench->net.backend.offloads & VMMP_VIRTIO_NET_TSO4);
    int fd = host_side("vmmptest0");
    assert_true(fd >= 0);
    for (size_t len = 60; len < 1514; len += 121) {
        to_guest(&outside, fd, len);
        to_host(&outside, fd, 0, len);
    }
    /* Few buffers: whole frames do not fit for sure, so they go through the bounce buffer. */
    virtio_driver_reset(&outside.bench->driver);
    outside.bench->driver.next_gpa = outside.bench->buffers + 0x180000;
    net_bench_start(outside.bench, NET_ALL & ~NET_BIT(VIRTIO_NET_F_MRG_RXBUF));
    net_bench_post(outside.bench, NET_RX, 2, 2000, 1);
    virtio_driver_kick(&outside.bench->driver, NET_RX);
    for (size_t len = 60; len < 1514; len += 121) {
        to_guest(&outside, fd, len);
    }
    close(fd);
    net_outside_unmake(&outside);
}

static void two_queues(void)
{
    struct net_outside outside;
    struct hosted_net *net;
    char why[HOSTED_NET_WHY];
    const uint8_t two[2] = { 2, 0 };
    const uint8_t one[2] = { 1, 0 };
    assert_int_equal(hosted_net_open_tap(&net, "vmmptest1", 2, why), 0);
    net_outside_make(&outside, net, 2, 30);
    int fd = host_side("vmmptest1");
    assert_true(fd >= 0);
    to_host(&outside, fd, 0, 100);
    to_host(&outside, fd, 1, 200); /* Its queue is not attached: through the first. */
    assert_int_equal(net_bench_control(outside.bench, VIRTIO_NET_CTRL_MQ, 0, two, 2), 0);
    to_host(&outside, fd, 0, 100);
    to_host(&outside, fd, 1, 200);
    assert_int_equal(net_bench_control(outside.bench, VIRTIO_NET_CTRL_MQ, 0, one, 2), 0);
    to_guest(&outside, fd, 500); /* All flows are steered to what is left. */
    close(fd);
    net_outside_unmake(&outside);
}

static void what_is_wrong(void)
{
    struct hosted_net *net;
    char why[HOSTED_NET_WHY];
    assert_int_equal(hosted_net_open_tap(&net, "", 1, why), -EINVAL);
    assert_int_equal(hosted_net_open_tap(&net, "sixteencharacter", 1, why), -EINVAL);
    assert_int_equal(hosted_net_open_tap(&net, "tap0", 9, why), -EINVAL);
    assert_int_equal(hosted_net_open_tap(&net, "lo", 1, why), -EINVAL);
    assert_non_null(strstr(why, "ip tuntap add"));
    struct hosted_net *first;
    assert_int_equal(hosted_net_open_tap(&first, "vmmptest2", 1, why), 0);
    assert_int_equal(hosted_net_open_tap(&net, "vmmptest2", 1, why), -EBUSY);
    assert_int_equal(hosted_net_open_tap(&net, "vmmptest2", 2, why), -EINVAL);
    hosted_net_close(first);
}

static int mtu_of(const char *interface)
{
    struct ifreq request = { .ifr_flags = 0 };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    strcpy(request.ifr_name, interface);
    assert_int_equal(ioctl(fd, SIOCGIFMTU, &request), 0);
    close(fd);
    return request.ifr_mtu;
}

/* From now on the kernel refuses this process what only an administrator may. */
static void drop_privileges(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[2] = { { 0, 0, 0 } };
    assert_int_equal(syscall(SYS_capset, &header, none), 0);
}

/* What the host sends is never longer than what the guest was told. */
static void the_guests_mtu(void)
{
    struct hosted_net *net;
    char why[HOSTED_NET_WHY] = "";
    assert_int_equal(hosted_net_open_tap(&net, "vmmptest3", 1, why), 0);
    assert_int_equal(mtu_of("vmmptest3"), 1500);
    assert_int_equal(hosted_net_set_mtu(net, 1450, why), 0);
    assert_int_equal(mtu_of("vmmptest3"), 1450);
    assert_int_equal(hosted_net_set_mtu(net, 9000, why), 0);
    assert_int_equal(mtu_of("vmmptest3"), 9000);
    /* More than any interface has: its frames are shorter, none is lost. */
    assert_int_equal(hosted_net_set_mtu(net, 65535, why), 0);
    drop_privileges();
    assert_int_equal(hosted_net_set_mtu(net, 9000, why), 0);
    assert_int_equal(hosted_net_set_mtu(net, 10000, why), 0);
    assert_string_equal(why, "");
    assert_int_equal(hosted_net_set_mtu(net, 1450, why), -EPERM);
    assert_int_equal(mtu_of("vmmptest3"), 9000);
    assert_non_null(strstr(why, "MTU of 9000"));
    assert_non_null(strstr(why, "'ip link set vmmptest3 mtu 1450' as root"));
    hosted_net_close(net);
}

/* In a child, whose network is its own. 77: not permitted. */
static int inside(void (*test)(void))
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return 77;
    }
    int fd = open("/dev/net/tun", O_RDWR);
    if (fd < 0) {
        return 77;
    }
    close(fd);
    test();
    return 0;
}

static void in_a_namespace(void (*test)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(inside(test));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("skipped: no network namespace or no /dev/net/tun here\n");
        return;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_one_queue(void **state)
{
    (void)state;
    in_a_namespace(one_queue);
}

static void test_two_queues(void **state)
{
    (void)state;
    in_a_namespace(two_queues);
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    in_a_namespace(what_is_wrong);
}

static void test_the_guests_mtu(void **state)
{
    (void)state;
    in_a_namespace(the_guests_mtu);
}

int test_net_tap(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_queue),
        cmocka_unit_test(test_two_queues),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_the_guests_mtu),
    };
    return cmocka_run_group_tests_name("net_tap", tests, NULL, NULL);
}
