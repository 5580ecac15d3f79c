/* SPDX-License-Identifier: BSD-2-Clause */
/* --net switch=NAME: interfaces on a switch of the process, and what the user says to one. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/net_switch.h>

#include "linux/devices.h"

#define VALUE "switch=lan,mtu=1500"

int test_device_net(void);

struct fixture {
    struct hosted_event_loop *loop;
    struct vmmp_guest_memory memory;
    struct vmmp_host host;
    struct vmmp_log log;
    char said[256];
    struct machine_device_environment environment;
};

static void keep(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    struct fixture *f = cookie;
    (void)level, (void)origin;
    snprintf(f->said, sizeof(f->said), "%s", message);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_int_equal(hosted_event_loop_create(&f->loop), 0);
    f->host = hosted_event_loop_host(f->loop);
    f->log = (struct vmmp_log){ keep, f, VMMP_LOG_WARNING };
    f->environment = (struct machine_device_environment){
        .memory = &f->memory,
        .log = &f->log,
        .host = &f->host,
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    hosted_event_loop_destroy(f->loop);
    free(f);
    return 0;
}

static void *open_device(struct fixture *f, unsigned number)
{
    const struct device_context context = { .loop = f->loop, .name = "net", .number = number };
    void *device = calloc(1, device_net.state_size);
    assert_int_equal(device_net.open(device, VALUE, &context), 0);
    return device;
}

static void close_device(void *device)
{
    device_net.close(device);
    free(device);
}

static bool command(void *device, const char *first, const char *second, char *message)
{
    char words[2][16];
    char *const list[] = { words[0], words[1] };
    snprintf(words[0], sizeof(words[0]), "%s", first);
    snprintf(words[1], sizeof(words[1]), "%s", second ? second : "");
    return device_net.command(device, second ? 2 : 1, list, NULL, message);
}

static bool status_has(void *device, const char *text)
{
    char *shown = NULL;
    size_t size = 0;
    struct json json = { .out = open_memstream(&shown, &size) };
    device_net.status(device, &json);
    fclose(json.out);
    bool found = strstr(shown, text) != NULL;
    free(shown);
    return found;
}

static void a_switch_has_so_many_ports(void **state)
{
    struct fixture *f = *state;
    const struct machine_device_ops *model = device_net.model;
    void *devices[VMMP_NET_SWITCH_PORTS + 1];
    struct vmmp_virtio_device *virtio;

    for (unsigned i = 0; i <= VMMP_NET_SWITCH_PORTS; i++) {
        devices[i] = open_device(f, i);
    }
    for (unsigned i = 0; i < VMMP_NET_SWITCH_PORTS; i++) {
        assert_int_equal(model->create(devices[i], &f->environment, &virtio), 0);
    }
    assert_string_equal(f->said, "");
    void *last = devices[VMMP_NET_SWITCH_PORTS];
    assert_int_equal(model->create(last, &f->environment, &virtio), -ENOSPC);
    assert_non_null(strstr(f->said, "--net switch=lan: its 16 ports are taken"));
    /* One that goes makes room. */
    model->destroy(devices[3]);
    assert_int_equal(model->create(last, &f->environment, &virtio), 0);
    for (unsigned i = 0; i <= VMMP_NET_SWITCH_PORTS; i++) {
        if (i != 3) {
            model->destroy(devices[i]);
        }
        close_device(devices[i]);
    }
}

static void what_the_user_says_outlives_the_machine(void **state)
{
    struct fixture *f = *state;
    const struct machine_device_ops *model = device_net.model;
    struct vmmp_virtio_device *virtio;
    char message[OPTIONS_MESSAGE];
    void *device = open_device(f, 0);

    assert_false(command(device, "link", "down", message));
    assert_non_null(strstr(message, "not running"));
    assert_int_equal(model->create(device, &f->environment, &virtio), 0);
    assert_true(status_has(device, "\"link\": \"up\""));
    assert_false(command(device, "link", "sideways", message));
    assert_non_null(strstr(message, "link up or link down"));
    assert_false(command(device, "mtu", "67", message));
    assert_non_null(strstr(message, "from 68 to 65535"));
    assert_false(command(device, "speed", NULL, message));
    assert_non_null(strstr(message, "say link up"));
    assert_true(command(device, "link", "down", message));
    assert_true(command(device, "mtu", "1400", message));
    assert_true(command(device, "announce", NULL, message));
    model->destroy(device);
    assert_int_equal(model->create(device, &f->environment, &virtio), 0);
    assert_true(status_has(device, "\"link\": \"down\""));
    assert_int_equal(vmmp_virtio_config_read(virtio, 10, 2), 1400); /* mtu */
    model->destroy(device);
    close_device(device);
}

int test_device_net(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_switch_has_so_many_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_user_says_outlives_the_machine, setup, teardown),
    };
    return cmocka_run_group_tests_name("device_net", tests, NULL, NULL);
}
