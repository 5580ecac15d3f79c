/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of --net, and the interface that a machine gets for it. */
#include "linux/device_net.h"

#include <arpa/inet.h>
#include <string.h>

#include "linux/devices.h"
#include "vmmp_test.h"

static struct net_options options;
static char message[OPTIONS_MESSAGE];

static void good(const char *value)
{
    if (!net_options_parse(value, &options, message)) {
        fail_msg("%s: %s", value, message);
    }
    assert_true(device_net.check(value, message));
}

static void bad(const char *value, const char *expected)
{
    message[0] = '\0';
    assert_false(net_options_parse(value, &options, message));
    assert_false(device_net.check(value, message));
    if (!strstr(message, expected)) {
        fail_msg("%s: %s", value ? value : "(none)", message);
    }
    assert_null(strchr(message, '\n'));
}

static void kinds(void **state)
{
    (void)state;
    good("user");
    assert_int_equal(options.kind, NET_USER);
    assert_int_equal(options.queues, 1);
    assert_int_equal(options.mtu, 0);
    assert_false(options.has_mac);
    good("tap=tap0,queues=2,mtu=9000");
    assert_int_equal(options.kind, NET_TAP);
    assert_string_equal(options.tap, "tap0");
    assert_int_equal(options.queues, 2);
    assert_int_equal(options.mtu, 9000);
    good("socket=/tmp/a,,b,listen");
    assert_int_equal(options.kind, NET_SOCKET);
    assert_string_equal(options.socket, "/tmp/a,b");
    assert_true(options.listens);
    good("share=/tmp/s");
    assert_int_equal(options.kind, NET_SHARE);
    assert_string_equal(options.share, "/tmp/s");
    good("mac=02:aB:00:00:00:ff,switch=lan");
    assert_int_equal(options.kind, NET_SWITCH);
    const uint8_t mac[6] = { 2, 0xab, 0, 0, 0, 0xff };
    assert_memory_equal(options.mac, mac, 6);
}

static void what_does_not_go_together(void **state)
{
    (void)state;
    bad(NULL, "one of user, tap=");
    bad("", "one of user, tap=");
    bad("mtu=1500", "one of user, tap=");
    bad("user,tap=tap0", "one of user, tap=");
    bad("tap=tap0,hostfwd=tcp::1-:2", "hostfwd is for user");
    bad("user,listen", "listen is for socket");
    bad("user,queues=2", "leave out queues");
    bad("tap", "tap needs a value: tap=INTERFACE");
    bad("tap=tap0,queues=5", "from 1 to 4");
    bad("user,mtu=67", "from 68 to 65535");
    bad("taps=1", "did you mean tap?");
}

static void addresses(void **state)
{
    static const char *const wrong[] = {
        "02:00:00:00:00",    "02:00:00:00:00:0", "02:00:00:00:00:000", "02-00-00-00-00-01",
        "02:00:00:00:00:0g", "0200:00:00:00:01", "02:00:00:00:00:01:", "x",
    };
    char value[64];
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(value, sizeof(value), "user,mac=%s", wrong[i]);
        bad(value, "six pairs");
    }
    bad("user,mac=01:00:00:00:00:01", "first byte must be even");
    bad("user,mac=00:00:00:00:00:00", "first byte must be even");
}

static void forwards(void **state)
{
    static const char *const wrong[] = {
        "tcp",
        "tcp::80",
        "tcp::80-80",
        "tcp::0-:1",
        "tcp::1-:0",
        "tcp::65536-:1",
        "tcp::1-:65536",
        "sctp::1-:1",
        "tcp:1.2.3:1-:1",
        "tcp::1-:1x",
        "tcp:1.2.3.4.5.6.7.8.9:1-:1",
        "tcp::-:",
        "udp:::1-:1",
        "tcp::1-10.0.2.15:1",
    };
    char value[600] = "user";
    (void)state;
    good("user,hostfwd=tcp::8080-:80,hostfwd=udp:127.0.0.1:53-:5353");
    assert_int_equal(options.forward_count, 2);
    assert_false(options.forwards[0].udp);
    assert_int_equal(options.forwards[0].host.s_addr, htonl(INADDR_ANY));
    assert_int_equal(options.forwards[0].host_port, 8080);
    assert_int_equal(options.forwards[0].guest_port, 80);
    assert_true(options.forwards[1].udp);
    assert_int_equal(options.forwards[1].host.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(options.forwards[1].guest_port, 5353);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(value, sizeof(value), "user,hostfwd=%s", wrong[i]);
        bad(value, "such as tcp::8080-:80");
    }
    strcpy(value, "user");
    for (unsigned i = 0; i < NET_FORWARDS; i++) {
        strcat(value, ",hostfwd=tcp::9-:9");
    }
    good(value);
    strcat(value, ",hostfwd=tcp::9-:9");
    bad(value, "too many");
}

static void default_addresses(void **state)
{
    uint8_t a[6], b[6];
    (void)state;
    net_options_address("host", "user", 0, a);
    net_options_address("host", "user", 0, b);
    assert_memory_equal(a, b, 6);
    assert_int_equal(a[0], 2); /* Locally administered, one interface. */
    net_options_address("host", "user", 1, b);
    assert_memory_not_equal(a, b, 6);
    net_options_address("other", "user", 0, b);
    assert_memory_not_equal(a, b, 6);
    net_options_address("host", "socket=/x", 0, a);
    net_options_address("host", "socket=/x,listen", 0, b);
    assert_memory_not_equal(a, b, 6);
}

/* Two devices of a process on one switch: what one guest sends, the other is offered. */
static void a_device_on_a_switch(void **state)
{
    struct hosted_event_loop *loop;
    struct vmmp_guest_memory memory;
    struct vmmp_virtio_device *virtio[2];
    void *states[2];
    char *const down[] = { (char *)(uintptr_t) "link", (char *)(uintptr_t) "down" };
    char *const odd[] = { (char *)(uintptr_t) "link", (char *)(uintptr_t) "sideways" };
    char *const mtu[] = { (char *)(uintptr_t) "mtu", (char *)(uintptr_t) "1400" };
    char *text = NULL;
    size_t size;
    (void)state;
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    vmmp_guest_memory_init(&memory, NULL, NULL);
    struct vmmp_host host = hosted_event_loop_host(loop);
    const struct machine_device_environment environment = { .memory = &memory, .host = &host };
    for (unsigned i = 0; i < 2; i++) {
        const struct device_context context = { .loop = loop, .name = "net", .number = i };
        states[i] = calloc(1, device_net.state_size);
        assert_int_equal(device_net.open(states[i], i ? "switch=a,mtu=1500" : "switch=a", &context),
                         0);
        assert_false(device_net.command(states[i], 2, down, NULL, message)); /* Not made yet. */
        assert_int_equal(device_net.model->create(states[i], &environment, &virtio[i]), 0);
    }
    assert_true(device_net.command(states[0], 2, down, NULL, message));
    assert_false(device_net.command(states[0], 2, odd, NULL, message));
    assert_non_null(strstr(message, "link up or link down"));
    assert_false(device_net.command(states[0], 2, mtu, NULL, message));
    assert_true(device_net.command(states[1], 2, mtu, NULL, message));
    assert_false(device_net.command(states[1], 1, down, NULL, message));
    /* The machine is made again: the cable is still out. */
    device_net.model->destroy(states[0]);
    assert_int_equal(device_net.model->create(states[0], &environment, &virtio[0]), 0);
    FILE *out = open_memstream(&text, &size);
    device_net.print_stats(states[0], "net0", out);
    device_net.print_stats(states[1], "net1", out);
    fclose(out);
    assert_non_null(strstr(text, "link down"));
    assert_non_null(strstr(text, "device net1 address 02:"));
    free(text);
    for (unsigned i = 0; i < 2; i++) {
        device_net.model->destroy(states[i]);
        device_net.close(states[i]);
        free(states[i]);
    }
    hosted_event_loop_destroy(loop);
}

int test_net_options(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(what_does_not_go_together),
        cmocka_unit_test(addresses),
        cmocka_unit_test(forwards),
        cmocka_unit_test(default_addresses),
        cmocka_unit_test(a_device_on_a_switch),
    };
    return cmocka_run_group_tests_name("net_options", tests, NULL, NULL);
}
