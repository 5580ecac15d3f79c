/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <hosted/entropy.h>

int test_hosted_entropy(void);

struct bench {
    struct hosted_event_loop *loop;
    struct hosted_entropy entropy;
    struct vmmp_entropy backend;
    struct vmmp_log log;
    unsigned messages;
    unsigned ready;
    int depth;
    int pipe[2];
};

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    struct bench *bench = cookie;
    (void)level, (void)origin, (void)message;
    bench->messages++;
}

static void enter(void *cookie)
{
    ((struct bench *)cookie)->depth++;
}

static void leave(void *cookie)
{
    ((struct bench *)cookie)->depth--;
}

static void on_ready(void *cookie)
{
    struct bench *bench = cookie;
    assert_int_equal(bench->depth, 1);
    bench->ready++;
}

/* From the kernel, or from a pipe. */
static struct bench *make(bool from_pipe)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    char path[64];
    assert_int_equal(pipe(bench->pipe), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", bench->pipe[0]);
    bench->log = (struct vmmp_log){ sink, bench, VMMP_LOG_DEBUG };
    assert_int_equal(hosted_event_loop_create(&bench->loop), 0);
    assert_int_equal(
        hosted_entropy_open(&bench->entropy, from_pipe ? path : NULL, bench->loop, &bench->log), 0);
    bench->backend = hosted_entropy_backend(&bench->entropy);
    return bench;
}

static void unmake(struct bench *bench)
{
    hosted_entropy_close(&bench->entropy);
    hosted_event_loop_destroy(bench->loop);
    close(bench->pipe[0]);
    if (bench->pipe[1] >= 0) {
        close(bench->pipe[1]);
    }
    free(bench);
}

static size_t fill(struct bench *bench, void *buffer, size_t len)
{
    return bench->backend.fill(bench->backend.cookie, buffer, len);
}

static void the_kernel_s_bytes(void **state)
{
    static uint8_t bytes[2][65536];
    unsigned seen[256] = { 0 };
    struct bench *bench = make(false);
    (void)state;
    assert_int_equal(fill(bench, bytes[0], sizeof(bytes[0])), sizeof(bytes[0]));
    assert_int_equal(fill(bench, bytes[1], sizeof(bytes[1])), sizeof(bytes[1]));
    assert_memory_not_equal(bytes[0], bytes[1], sizeof(bytes[0]));
    for (size_t i = 0; i < sizeof(bytes[0]); i++) {
        seen[bytes[0][i]]++;
    }
    for (unsigned i = 0; i < 256; i++) {
        assert_in_range(seen[i], 256 / 4, 256 * 4);
    }
    unmake(bench);
}

static void a_file_is_waited_for(void **state)
{
    uint8_t bytes[16];
    struct bench *bench = make(true);
    const struct vmmp_context context = { enter, leave, bench };
    (void)state;
    hosted_entropy_on_ready(&bench->entropy, on_ready, bench, &context);
    memset(bytes, 0x55, sizeof(bytes));
    assert_int_equal(fill(bench, bytes, sizeof(bytes)), 0);
    assert_int_equal(fill(bench, bytes, sizeof(bytes)), 0);
    assert_int_equal(hosted_event_loop_step(bench->loop, 0), 0);
    assert_int_equal(bench->ready, 0);
    assert_int_equal(write(bench->pipe[1], "abc", 3), 3);
    assert_int_equal(hosted_event_loop_step(bench->loop, -1), 0);
    assert_int_equal(hosted_event_loop_step(bench->loop, 0), 0);
    assert_int_equal(bench->ready, 1); /* Not again, though nothing was read. */
    assert_int_equal(fill(bench, bytes, sizeof(bytes)), 3);
    assert_memory_equal(bytes, "abc\x55", 4);
    assert_int_equal(fill(bench, bytes, sizeof(bytes)), 0);
    hosted_entropy_on_ready(&bench->entropy, NULL, NULL, NULL);
    assert_int_equal(write(bench->pipe[1], "abc", 3), 3);
    assert_int_equal(hosted_event_loop_step(bench->loop, 0), 0);
    assert_int_equal(bench->ready, 1);
    assert_int_equal(bench->messages, 0);
    unmake(bench);
}

static void a_file_that_ends(void **state)
{
    uint8_t bytes[16];
    struct bench *bench = make(true);
    const struct vmmp_context context = { enter, leave, bench };
    (void)state;
    hosted_entropy_on_ready(&bench->entropy, on_ready, bench, &context);
    assert_int_equal(write(bench->pipe[1], "abc", 3), 3);
    close(bench->pipe[1]);
    bench->pipe[1] = -1;
    assert_int_equal(fill(bench, bytes, sizeof(bytes)), 3);
    assert_int_equal(bench->messages, 1);
    assert_int_equal(fill(bench, bytes, sizeof(bytes)), 0);
    assert_int_equal(hosted_event_loop_step(bench->loop, 0), 0);
    assert_int_equal(bench->ready, 0);
    assert_int_equal(bench->messages, 1);
    unmake(bench);
}

static void a_file_that_is_not_there(void **state)
{
    struct hosted_entropy entropy;
    (void)state;
    assert_int_equal(hosted_entropy_open(&entropy, "/nonexistent", NULL, NULL), -ENOENT);
    hosted_entropy_close(&entropy);
}

int test_hosted_entropy(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_s_bytes),
        cmocka_unit_test(a_file_is_waited_for),
        cmocka_unit_test(a_file_that_ends),
        cmocka_unit_test(a_file_that_is_not_there),
    };
    return cmocka_run_group_tests_name("hosted_entropy", tests, NULL, NULL);
}
