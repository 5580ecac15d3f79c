/* SPDX-License-Identifier: BSD-2-Clause */
/* --disk as a user sees it: vmm/linux/device_disk.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/devices.h"
#include "vmmp_test.h"

#define SIZE (1u << 20)

struct bench {
    char path[64];
    char value[256];
    struct vmmp_log log;
    struct vmmp_host host;
    struct vmmp_guest_memory memory;
    struct hosted_event_loop *loop;
    void *state;
    struct vmmp_virtio_device *virtio;
    char reply[2048];
    char message[OPTIONS_MESSAGE];
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    snprintf(bench->path, sizeof(bench->path), "/tmp/vmmp-disk-XXXXXX");
    int fd = mkstemp(bench->path);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    close(fd);
    assert_int_equal(hosted_event_loop_create(&bench->loop), 0);
    bench->host = hosted_event_loop_host(bench->loop);
    vmmp_guest_memory_init(&bench->memory, NULL, NULL);
    bench->state = calloc(1, device_disk.state_size);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    if (bench->virtio) {
        device_disk.model->destroy(bench->state);
    }
    device_disk.close(bench->state);
    hosted_event_loop_destroy(bench->loop);
    unlink(bench->path);
    free(bench->state);
    free(bench);
    return 0;
}

static int open_disk(struct bench *bench, const char *parts)
{
    struct device_context context = { bench->loop, &bench->log, "disk3", 3, 0, NULL };
    snprintf(bench->value, sizeof(bench->value), "%s%s", bench->path, parts);
    assert_true(device_disk.check(bench->value, bench->message));
    return device_disk.open(bench->state, bench->value, &context);
}

static void create(struct bench *bench)
{
    const struct machine_device_environment environment = { .memory = &bench->memory,
                                                            .log = &bench->log,
                                                            .host = &bench->host };
    assert_int_equal(device_disk.model->create(bench->state, &environment, &bench->virtio), 0);
    assert_non_null(bench->virtio);
}

static bool command(struct bench *bench, const char *word)
{
    char text[32];
    char *list[] = { text };
    snprintf(text, sizeof(text), "%s", word);
    struct json json = { fmemopen(bench->reply, sizeof(bench->reply), "w"), false };
    bool good = device_disk.command(bench->state, 1, list, &json, bench->message);
    fclose(json.out);
    return good;
}

static const char *status(struct bench *bench)
{
    struct json json = { fmemopen(bench->reply, sizeof(bench->reply), "w"), false };
    device_disk.status(bench->state, &json);
    fclose(json.out);
    return bench->reply;
}

static void values(void **state)
{
    static const struct {
        const char *value;
        const char *message; /* NULL: it is good. */
    } rows[] = {
        { "disk.img", NULL },
        { "a,,b.img,ro,direct,id=root,queues=4,threads", NULL },
        { "disk.img,overlay,changes=64M", NULL },
        { "disk.img,id=12345678901234567890", NULL },
        { "disk.img,id=123456789012345678901", "a guest sees 20 bytes" },
        { "disk.img,ro,overlay", "give one of them" },
        { "disk.img,changes=64M", "give overlay too" },
        { "disk.img,queues=9", "from 1 to 8" },
        { "disk.img,queues=0", "from 1 to 8" },
        { "disk.img,overlai", "did you mean overlay?" },
        { "", "FILE" },
    };
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        message[0] = '\0';
        assert_int_equal(device_disk.check(rows[i].value, message), !rows[i].message);
        assert_true(!rows[i].message || strstr(message, rows[i].message));
    }
}

static void a_disk(void **state)
{
    struct bench *bench = *state;
    char text[512] = "";
    assert_int_equal(open_disk(bench, ",queues=2,id=root"), 0);
    create(bench);
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 0, 4), SIZE / 512);
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 34, 2), 2);
    FILE *out = fmemopen(text, sizeof(text), "w");
    device_disk.print_stats(bench->state, "disk0", out);
    fclose(out);
    assert_non_null(strstr(text, "device disk0 engine "));
    assert_non_null(strstr(text, " reads 0 read-bytes 0 writes 0 "));
    assert_non_null(strstr(status(bench), "\"capacity\": 1048576"));
    /* The guest starts again. */
    device_disk.model->destroy(bench->state);
    create(bench);
}

static void a_disk_that_grows(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(open_disk(bench, ""), 0);
    assert_false(command(bench, "resize"));
    create(bench);
    assert_int_equal(truncate(bench->path, 2 * SIZE), 0);
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 0, 4), SIZE / 512);
    assert_true(command(bench, "resize"));
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 0, 4), 2 * SIZE / 512);
    assert_non_null(strstr(bench->reply, "\"capacity\": 2097152"));
    assert_false(command(bench, "grow"));
    assert_non_null(strstr(bench->message, "say resize"));
    assert_int_equal(truncate(bench->path, SIZE + 1), 0);
    assert_false(command(bench, "resize"));
    assert_non_null(strstr(bench->message, "a multiple of 512"));
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 0, 4), 2 * SIZE / 512);
}

static void an_overlay(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(open_disk(bench, ",overlay,changes=2M"), 0);
    create(bench);
    assert_int_equal(vmmp_virtio_offered(bench->virtio, false) & 1u << 5, 0); /* Not read-only. */
    assert_non_null(strstr(status(bench), "\"changed\": 0"));
    assert_false(command(bench, "resize"));
    /* The file is only read, so others may read it too. */
    struct bench other = *bench;
    other.state = calloc(1, device_disk.state_size);
    assert_int_equal(open_disk(&other, ",ro"), 0);
    other.virtio = NULL;
    create(&other);
    assert_int_not_equal(vmmp_virtio_offered(other.virtio, false) & 1u << 5, 0);
    device_disk.model->destroy(other.state);
    device_disk.close(other.state);
    free(other.state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int test_device_disk(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        TEST(a_disk),
        TEST(a_disk_that_grows),
        TEST(an_overlay),
    };
    return cmocka_run_group_tests_name("device_disk", tests, NULL, NULL);
}
