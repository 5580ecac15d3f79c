/* SPDX-License-Identifier: BSD-2-Clause */
/* --vsock: its option, and a device that is opened and closed. */
#include "vmmp_test.h"

#include <unistd.h>

#include "linux/devices.h"

int test_device_vsock(void);

static void good_values(void **state)
{
    static const char *const values[] = {
        "cid=3,path=/tmp/v",
        "path=v,cid=4294967294",
        "cid=3,path=a,,b",
        "cid=3,path=v,connections=1,buffer=4K",
        "cid=3,path=v,connections=65536,buffer=64M",
    };
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_true(device_vsock.check(values[i], message));
    }
}

static void bad_values(void **state)
{
    static const struct {
        const char *value;
        const char *says;
    } rows[] = {
        { "", "cid=3" },
        { "path=v", "cid=3" },
        { "cid=3", "path=" },
        { "cid=2,path=v", "from 3 to 4294967294" },
        { "cid=4294967295,path=v", "from 3 to 4294967294" },
        { "cid=x,path=v", "from 3 to 4294967294" },
        { "cid=3,path=", "path" },
        { "cid=3,path=v,connections=0", "from 1 to 65536" },
        { "cid=3,path=v,buffer=2K", "4096" },
        { "cid=3,path=v,buffer=12K", "power of two" },
        { "cid=3,path=v,colour=red", "colour" },
        { "cid=3,path=/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
          "123456789/123456789/1234567",
          "96 characters" },
    };
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        message[0] = 0;
        assert_false(device_vsock.check(rows[i].value, message));
        assert_non_null(strstr(message, rows[i].says));
        assert_non_null(strstr(message, "--vsock"));
    }
    assert_false(device_vsock.check(NULL, message));
}

static void the_sockets_are_there_while_it_is_open(void **state)
{
    struct hosted_event_loop *loop;
    char folder[] = "/tmp/vsock-XXXXXX";
    char path[64];
    char value[96];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/v", folder);
    snprintf(value, sizeof(value), "cid=3,path=%s", path);
    assert_int_equal(hosted_event_loop_create(&loop), 0);
    const struct device_context context = { .loop = loop, .name = "vsock" };
    void *device = calloc(1, device_vsock.state_size);
    assert_int_equal(device_vsock.open(device, value, &context), 0);
    assert_int_equal(access(path, F_OK), 0);

    void *second = calloc(1, device_vsock.state_size); /* Somebody listens there. */
    assert_int_equal(device_vsock.open(second, value, &context), -1);
    free(second);

    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    device_vsock.print_stats(device, "vsock", out); /* Without a model yet. */
    fclose(out);
    assert_non_null(strstr(text, "device vsock rx_packets 0 "));
    free(text);

    device_vsock.close(device);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rmdir(folder), 0);
    free(device);
    hosted_event_loop_destroy(loop);
}

int test_device_vsock(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(the_sockets_are_there_while_it_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
