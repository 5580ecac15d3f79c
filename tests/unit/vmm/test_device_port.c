/* SPDX-License-Identifier: BSD-2-Clause */
/* Consoles beside the first: vmm/linux/device_port.c, without a guest. */
#include "linux/device_port.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "vmmp_test.h"

int test_device_port(void);

struct fixture {
    struct hosted_event_loop *loop;
    struct vmmp_guest_memory memory;
    struct vmmp_host host;
    struct device_context contexts[2];
    void *ports[2];
    struct vmmp_virtio_device *virtio;
    char folder[32];
    char values[2][80];
};

static const char *path_of(struct fixture *f, unsigned port)
{
    static char path[64];
    snprintf(path, sizeof(path), "%s/%u", f->folder, port);
    return path;
}

static int setup(void **state)
{
    static const char *const more[] = { ",name=org.example.one", ",hvc" };
    static const char *const names[] = { "port0", "port1" };
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->folder, "/tmp/vmm-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(hosted_event_loop_create(&f->loop), 0);
    f->host = hosted_event_loop_host(f->loop);
    vmmp_guest_memory_init(&f->memory, NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        char message[OPTIONS_MESSAGE];
        snprintf(f->values[i], sizeof(f->values[i]), "socket:%s%s", path_of(f, i), more[i]);
        assert_true(device_port.check(f->values[i], message));
        f->contexts[i] = (struct device_context){ f->loop, NULL, names[i], i, 0, f->ports[0] };
        f->ports[i] = calloc(1, device_port.state_size);
        assert_int_equal(device_port.open(f->ports[i], f->values[i], &f->contexts[i]), 0);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 2; i-- > 0;) {
        device_port.close(f->ports[i]);
        free(f->ports[i]);
        assert_int_equal(access(path_of(f, i), F_OK), -1);
    }
    hosted_event_loop_destroy(f->loop);
    rmdir(f->folder);
    free(f);
    return 0;
}

static struct vmmp_virtio_console *create(struct fixture *f)
{
    const struct machine_device_environment environment = {
        .memory = &f->memory,
        .host = &f->host,
    };
    struct vmmp_virtio_device *none = NULL;
    f->virtio = NULL;
    assert_int_equal(device_port.model->create(f->ports[0], &environment, &f->virtio), 0);
    assert_int_equal(device_port.model->create(f->ports[1], &environment, &none), 0);
    assert_non_null(f->virtio);
    assert_null(none); /* All ports are one device. */
    return (struct vmmp_virtio_console *)((char *)f->virtio -
                                          offsetof(struct vmmp_virtio_console, virtio));
}

static bool command(struct fixture *f, unsigned port, const char *text,
                    char message[OPTIONS_MESSAGE])
{
    char words[64];
    char *list[4];
    unsigned count = 0;
    snprintf(words, sizeof(words), "%s", text);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        list[count++] = word;
    }
    return device_port.command(f->ports[port], count, list, NULL, message);
}

static void test_mistakes(void **state)
{
    static const char *const table[][2] = {
        { "", "--console: WHERE" },
        { "stdio", "--console stdio: every console but the first must be pty, file:PATH or "
                   "socket:PATH" },
        { "none", "--console none: every" },
        { "file:", "--console file:: every" },
        { "pty,names=x", "--console: " },
        { "pty,name=", "--console: " },
        { "pty,name=a234567890123456789012345678901234567890123456789012345678901234",
          "must be at most 63 characters" },
    };
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_false(device_port.check(table[i][0], message));
        if (!strstr(message, table[i][1])) {
            fail_msg("'%s': %s", table[i][0], message);
        }
    }
    assert_true(device_port.check("file:a,,b,name=x,hvc", message));
}

static void test_ports_are_one_device(void **state)
{
    struct fixture *f = *state;
    for (unsigned round = 0; round < 2; round++) { /* As when the guest starts again. */
        const struct vmmp_virtio_console *console = create(f);
        assert_true(console->ports[0].present && console->ports[1].present);
        assert_string_equal(console->ports[0].name, "org.example.one");
        assert_false(console->ports[0].is_console);
        assert_true(console->ports[1].is_console);
        assert_false(console->ports[2].present);
        device_port.model->destroy(f->ports[0]);
    }
}

static void test_open_while_somebody_is_there(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct vmmp_virtio_console *console = create(f);
    assert_false(console->ports[1].host_open);
    strcpy(address.sun_path, path_of(f, 1));
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(hosted_event_loop_step(f->loop, 1000), 0);
    assert_true(console->ports[1].host_open);
    assert_false(console->ports[0].host_open);
    /* The next guest finds it so. */
    device_port.model->destroy(f->ports[0]);
    console = create(f);
    assert_true(console->ports[1].host_open);
    close(client);
    assert_int_equal(hosted_event_loop_step(f->loop, 1000), 0);
    assert_false(console->ports[1].host_open);
    device_port.model->destroy(f->ports[0]);
}

/* Nobody tells of it a second time: the new port has to know that there is input. */
static void test_what_was_typed_before(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char message[OPTIONS_MESSAGE] = "";
    const struct vmmp_virtio_console *console = create(f);
    strcpy(address.sun_path, path_of(f, 1));
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(client, "typed", 5, MSG_NOSIGNAL), 5);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(hosted_event_loop_step(f->loop, 0), 0);
    }
    assert_true(console->ports[1].starved);
    device_port.model->destroy(f->ports[0]);
    console = create(f);
    assert_true(console->ports[1].starved);
    assert_false(console->ports[0].starved);
    assert_true(command(f, 1, "unplug", message));
    assert_true(command(f, 1, "plug", message));
    assert_true(console->ports[1].starved);
    device_port.model->destroy(f->ports[0]);
    close(client);
    assert_int_equal(hosted_event_loop_step(f->loop, 0), 0);
}

static void test_commands(void **state)
{
    struct fixture *f = *state;
    char message[OPTIONS_MESSAGE] = "";
    const struct vmmp_virtio_console *console = create(f);
    assert_true(command(f, 1, "resize 132 43", message));
    assert_int_equal(console->ports[1].cols, 132);
    assert_int_equal(console->ports[1].rows, 43);
    assert_false(command(f, 0, "resize 132 43", message));
    assert_string_equal(message, "port0 has no size: only consoles (,hvc) have");
    assert_false(command(f, 1, "resize 0 43", message));
    assert_false(command(f, 1, "resize 80", message));
    assert_true(command(f, 0, "unplug", message));
    assert_false(console->ports[0].present);
    assert_false(command(f, 0, "unplug", message));
    assert_string_equal(message, "port0 is plugged out already");
    /* It stays so for the next guest. */
    device_port.model->destroy(f->ports[0]);
    console = create(f);
    assert_false(console->ports[0].present);
    assert_true(command(f, 0, "plug", message));
    assert_true(console->ports[0].present);
    assert_false(command(f, 0, "plug", message));
    device_port.model->destroy(f->ports[0]);
}

static void test_statistics(void **state)
{
    struct fixture *f = *state;
    char *text = NULL;
    size_t size;
    create(f);
    FILE *out = open_memstream(&text, &size);
    struct json json = { .out = out };
    device_port.print_stats(f->ports[0], "port0", out);
    json_begin(&json, NULL, '{');
    device_port.status(f->ports[0], &json);
    json_end(&json, '}');
    fclose(out);
    assert_non_null(strstr(text, "device port0 received 0 transmitted 0\n"));
    assert_non_null(strstr(text, "\"name\": \"org.example.one\""));
    assert_non_null(strstr(text, "\"connected\": false"));
    free(text);
    device_port.model->destroy(f->ports[0]);
}

int test_device_port(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test_setup_teardown(test_ports_are_one_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_while_somebody_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_typed_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_statistics, setup, teardown),
    };
    return cmocka_run_group_tests_name("device_port", tests, NULL, NULL);
}
