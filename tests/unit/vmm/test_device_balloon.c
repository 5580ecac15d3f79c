/* SPDX-License-Identifier: BSD-2-Clause */
/* --balloon and --rng as a user sees them: vmm/linux/device_balloon.c and device_rng.c. */
#include <stdlib.h>
#include <string.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_ram.h>

#include "linux/devices.h"
#include "vmmp_test.h"

#define RAM      0x40000000u
#define RAM_SIZE (16u << 20)

struct bench {
    vm_t vm;
    simple_t simple;
    ps_io_ops_t io_ops;
    struct vmmp_log log;
    struct vmmp_host host;
    struct vmmp_guest_memory memory;
    struct hosted_event_loop *loop;
    const struct device_kind *kind;
    void *state;
    struct vmmp_virtio_device *virtio;
    char reply[2048];
    char message[OPTIONS_MESSAGE];
};

static struct bench *make(const struct device_kind *kind, const char *value)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    vspace_t vspace = { 0 };
    bench->kind = kind;
    hosted_simple_script(&bench->simple, NULL, &bench->log);
    hosted_io_ops_init(&bench->io_ops);
    assert_int_equal(vm_init(&bench->vm, NULL, &bench->simple, vspace, &bench->io_ops, 0, "test"),
                     0);
    assert_int_equal(vm_ram_register_at(&bench->vm, RAM, RAM_SIZE, false), 0);
    vmmp_guest_memory_init(&bench->memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&bench->memory, vmmp_gpa(RAM), RAM_SIZE,
                                           script_memory(&bench->vm, RAM, RAM_SIZE)),
                     0);
    bench->host = script_host(&bench->vm);
    assert_int_equal(hosted_event_loop_create(&bench->loop), 0);
    struct device_context context = { .loop = bench->loop, .log = &bench->log, .name = kind->name };
    bench->state = calloc(1, kind->state_size);
    assert_true(kind->check(value, bench->message));
    assert_int_equal(kind->open(bench->state, value, &context), 0);
    return bench;
}

static void create(struct bench *bench)
{
    const struct machine_device_environment environment = {
        .vm = &bench->vm, .memory = &bench->memory, .log = &bench->log, .host = &bench->host
    };
    assert_int_equal(bench->kind->model->create(bench->state, &environment, &bench->virtio), 0);
    assert_non_null(bench->virtio);
}

static void destroy(struct bench *bench)
{
    bench->kind->model->destroy(bench->state);
    bench->virtio = NULL;
}

static void unmake(struct bench *bench)
{
    if (bench->virtio) {
        destroy(bench);
    }
    if (bench->kind->close) {
        bench->kind->close(bench->state);
    }
    free(bench->state);
    hosted_event_loop_destroy(bench->loop);
    hosted_vm_destroy(&bench->vm);
    free(bench);
}

/* A command of up to two words; the members of its reply are in `reply`. */
static bool command(struct bench *bench, const char *first, const char *second)
{
    char words[2][32] = { "", "" };
    char *list[] = { words[0], words[1] };
    snprintf(words[0], sizeof(words[0]), "%s", first ? first : "");
    snprintf(words[1], sizeof(words[1]), "%s", second ? second : "");
    struct json json = { fmemopen(bench->reply, sizeof(bench->reply), "w"), false };
    unsigned count = !first ? 0 : !second ? 1 : 2;
    bench->message[0] = '\0';
    bool good = bench->kind->command(bench->state, count, list, &json, bench->message);
    fclose(json.out);
    return good;
}

static void values(void **state)
{
    static const struct {
        const struct device_kind *kind;
        const char *value;
        const char *message; /* NULL: it is good. */
    } rows[] = {
        { &device_balloon, NULL, NULL },
        { &device_balloon, "size=64M,deflate-on-oom,stats=5,reporting,hinting", NULL },
        { &device_balloon, "reporting", NULL },
        { &device_balloon, "64M", "unknown part '64M'" },
        { &device_balloon, "size=16777216M", "must be from 0" },
        { &device_balloon, "stats=0", "from 1 to 86400" },
        { &device_balloon, "reportin", "did you mean reporting?" },
        { &device_rng, NULL, NULL },
        { &device_rng, "rate=1K,source=/dev/hwrng", NULL },
        { &device_rng, "rate=0", "must be from 1" },
        { &device_rng, "rate", "needs a value" },
    };
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        message[0] = '\0';
        assert_int_equal(rows[i].kind->check(rows[i].value, message), !rows[i].message);
        assert_true(!rows[i].message || strstr(message, rows[i].message));
    }
}

static void the_balloon_s_size(void **state)
{
    struct bench *bench = make(&device_balloon, "size=2M");
    (void)state;
    create(bench);
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 0, 4), 512);
    assert_true(command(bench, "8M", NULL));
    assert_non_null(strstr(bench->reply, "\"target\": 8388608, \"actual\": 0"));
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 0, 4), 2048);
    vmmp_virtio_config_write(bench->virtio, 4, 4, 1024);
    assert_true(command(bench, NULL, NULL));
    assert_non_null(strstr(bench->reply, "\"target\": 8388608, \"actual\": 4194304"));
    /* The guest starts again. */
    destroy(bench);
    assert_true(command(bench, "4M", NULL));
    assert_non_null(strstr(bench->reply, "\"target\": 4194304, \"actual\": 0"));
    create(bench);
    assert_int_equal(vmmp_virtio_config_read(bench->virtio, 0, 4), 1024);
    unmake(bench);
}

static void wrong_words(void **state)
{
    struct bench *bench = make(&device_balloon, NULL);
    (void)state;
    create(bench);
    assert_false(command(bench, "much", NULL));
    assert_non_null(strstr(bench->message, "much is neither a size"));
    assert_false(command(bench, "16777216M", NULL));
    assert_false(command(bench, "64M", "now"));
    assert_non_null(strstr(bench->message, "more than one word"));
    assert_false(command(bench, "hint", NULL));
    assert_non_null(strstr(bench->message, "--balloon hinting"));
    unmake(bench);
    bench = make(&device_balloon, "hinting");
    assert_false(command(bench, "hint", NULL));
    create(bench);
    assert_false(command(bench, "hint", NULL));
    assert_non_null(strstr(bench->message, "no driver"));
    assert_true(bench->virtio->kicks_are_waited_for);
    unmake(bench);
}

static void statistics(void **state)
{
    struct bench *bench = make(&device_balloon, "hinting,reporting,stats=2");
    char text[1024] = "";
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        FILE *out = fmemopen(text, sizeof(text), "w");
        bench->kind->print_stats(bench->state, "balloon", out);
        fclose(out);
        assert_non_null(strstr(text, "device balloon target 0 actual 0 inflated 0"));
        assert_true(command(bench, NULL, NULL));
        assert_non_null(strstr(bench->reply, "\"hinting\": false"));
        if (!i) {
            create(bench);
        }
    }
    unmake(bench);
}

static void random_bytes(void **state)
{
    struct bench *bench = make(&device_rng, "rate=1K");
    char text[256] = "";
    (void)state;
    create(bench);
    FILE *out = fmemopen(text, sizeof(text), "w");
    bench->kind->print_stats(bench->state, "rng", out);
    fclose(out);
    assert_string_equal(text, "device rng bytes 0 requests 0 rate-waits 0 empty-waits 0\n");
    destroy(bench);
    create(bench);
    unmake(bench);
}

int test_device_balloon(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),       cmocka_unit_test(the_balloon_s_size),
        cmocka_unit_test(wrong_words),  cmocka_unit_test(statistics),
        cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests_name("device_balloon", tests, NULL, NULL);
}
