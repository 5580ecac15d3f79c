/* SPDX-License-Identifier: BSD-2-Clause */
/* Disk images in files (hosted/blk_file.h): with io_uring, with threads, directly. */
#include "support/event_loop.h"

#include <sys/stat.h>

#include <hosted/blk_file.h>

#include "support/host_faults.h"

#define SIZE   (1u << 20)
#define PIECES 200u

int test_blk_file(void);

struct client {
    char path[64];
    uint8_t *mirror; /* What the image must hold. */
    struct runner runner;
    struct vmmp_context context;
    struct hosted_blk_file *file;
    struct vmmp_blk_backend backend;
    struct hosted_blk_file_options options;
    bool no_direct;  /* The file system has none. */
    uint8_t *memory; /* As a guest's: aligned. */
};

struct job {
    struct vmmp_blk_request request;
    struct vmmp_iovec iov[PIECES];
    atomic_int done;
    int error;
};

static void job_done(void *cookie, struct vmmp_blk_request *request, int error)
{
    struct job *job = cookie;
    (void)request;
    job->error = error;
    atomic_fetch_add(&job->done, 1);
}

/* ---- Images ---- */

static void make_image(struct client *client, size_t size)
{
    snprintf(client->path, sizeof(client->path), "/tmp/vmmp-blk-XXXXXX");
    int fd = mkstemp(client->path);
    assert_true(fd >= 0);
    client->mirror = malloc(size);
    for (size_t i = 0; i < size; i++) {
        client->mirror[i] = (uint8_t)(i / 512 * 5 + i);
    }
    assert_int_equal(write(fd, client->mirror, size), size);
    close(fd);
}

static void expect_image(struct client *client)
{
    uint8_t *bytes = malloc(SIZE);
    int fd = open(client->path, O_RDONLY);
    assert_int_equal(pread(fd, bytes, SIZE, 0), SIZE);
    assert_memory_equal(bytes, client->mirror, SIZE);
    close(fd);
    free(bytes);
}

static int64_t blocks(const struct client *client)
{
    struct stat status;
    assert_int_equal(stat(client->path, &status), 0);
    return status.st_blocks;
}

static int setup_with(void **state, struct hosted_blk_file_options options)
{
    struct client *client = calloc(1, sizeof(*client));
    char message[HOSTED_BLK_FILE_MESSAGE] = "";
    client->options = options;
    client->memory = aligned_alloc(4096, SIZE);
    make_image(client, SIZE);
    runner_start(&client->runner);
    assert_int_equal(vmmp_host_context_init(&client->runner.host, &client->context), 0);
    int error =
        hosted_blk_file_open(&client->file, client->path, &options, message, sizeof(message));
    client->no_direct = options.direct && error == -EINVAL;
    if (!client->no_direct) {
        assert_string_equal(message, "");
        assert_int_equal(error, 0);
        client->backend = hosted_blk_file_backend(client->file);
        assert_int_equal(
            hosted_blk_file_attach(client->file, client->runner.loop, &client->context), 0);
    }
    *state = client;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, (struct hosted_blk_file_options){ 0 });
}

static int setup_threads(void **state)
{
    return setup_with(state, (struct hosted_blk_file_options){ .only_threads = true });
}

/* A ring that is too small for what comes: the rest goes to the threads. */
static int setup_small(void **state)
{
    return setup_with(state, (struct hosted_blk_file_options){ .in_flight = 2, .threads = 2 });
}

static int setup_direct(void **state)
{
    return setup_with(state, (struct hosted_blk_file_options){ .direct = true });
}

static int setup_direct_threads(void **state)
{
    return setup_with(state,
                      (struct hosted_blk_file_options){ .direct = true, .only_threads = true });
}

static int teardown(void **state)
{
    struct client *client = *state;
    hosted_blk_file_close(client->file);
    vmmp_host_context_fini(&client->runner.host, &client->context);
    runner_end(&client->runner);
    unlink(client->path);
    free(client->mirror);
    free(client->memory);
    free(client);
    return 0;
}

/* ---- Requests ---- */

/* The data, in `pieces` elements of whole sectors as far as they go. */
static void prepare(struct job *job, enum vmmp_blk_op op, uint64_t offset, uint8_t *data,
                    size_t length, unsigned pieces)
{
    memset(job, 0, sizeof(*job));
    job->request = (struct vmmp_blk_request){
        .op = op, .iov = job->iov, .iov_count = pieces, .offset = offset, .length = length
    };
    size_t at = 0;
    for (unsigned i = 0; i < pieces; i++) {
        size_t to = i + 1 == pieces ? length : length / 512 * (i + 1) / pieces * 512;
        job->iov[i] = (struct vmmp_iovec){ data + at, to - at };
        at = to;
    }
}

static void submit(struct client *client, struct job *jobs, unsigned count)
{
    vmmp_context_enter(&client->context);
    for (unsigned i = 0; i < count; i++) {
        vmmp_blk_push(&jobs[i].request, job_done, &jobs[i]);
        vmmp_blk_submit(&client->backend, &jobs[i].request);
    }
    vmmp_blk_commit(&client->backend);
    vmmp_context_leave(&client->context);
}

static int run(struct client *client, struct job *job)
{
    submit(client, job, 1);
    wait_for(&job->done, 1);
    return job->error;
}

static int simple(struct client *client, enum vmmp_blk_op op, uint64_t offset, uint8_t *data,
                  size_t length)
{
    struct job job;
    prepare(&job, op, offset, data, length, data ? 1 : 0);
    return run(client, &job);
}

/* ---- Data ---- */

static void reads_and_writes(void **state)
{
    struct client *client = *state;
    struct job job;
    if (client->no_direct) {
        skip();
    }
    assert_int_equal(simple(client, VMMP_BLK_READ, 0, client->memory, SIZE), 0);
    assert_memory_equal(client->memory, client->mirror, SIZE);
    memset(client->memory, 0, SIZE);
    prepare(&job, VMMP_BLK_READ, 4096, client->memory, SIZE - 4096, PIECES);
    assert_int_equal(run(client, &job), 0);
    assert_memory_equal(client->memory, client->mirror + 4096, SIZE - 4096);

    for (size_t i = 0; i < SIZE / 2; i++) {
        client->mirror[8192 + i] = (uint8_t)~client->mirror[8192 + i];
    }
    memcpy(client->memory, client->mirror + 8192, SIZE / 2);
    prepare(&job, VMMP_BLK_WRITE, 8192, client->memory, SIZE / 2, 100);
    assert_int_equal(run(client, &job), 0);
    expect_image(client);
    memset(client->mirror, 7, 4096);
    memset(client->memory, 7, 4096);
    prepare(&job, VMMP_BLK_WRITE, 0, client->memory, 4096, 1);
    job.request.stable = true;
    assert_int_equal(run(client, &job), 0);
    expect_image(client);
    assert_int_equal(simple(client, VMMP_BLK_FLUSH, 0, NULL, 0), 0);
}

/* Memory that direct I/O cannot take: odd addresses, elements of odd lengths. */
static void any_memory(void **state)
{
    struct client *client = *state;
    struct job job;
    if (client->no_direct) {
        skip();
    }
    assert_int_equal(simple(client, VMMP_BLK_READ, 0, client->memory + 3, SIZE / 2), 0);
    assert_memory_equal(client->memory + 3, client->mirror, SIZE / 2);
    memset(client->memory, 0, SIZE);
    prepare(&job, VMMP_BLK_READ, 4096, client->memory, 8192, 2);
    job.iov[0].len = 100;
    job.iov[1] = (struct vmmp_iovec){ client->memory + 100, 8092 };
    assert_int_equal(run(client, &job), 0);
    assert_memory_equal(client->memory, client->mirror + 4096, 8192);
    memset(client->memory, 0x33, SIZE);
    memset(client->mirror + 4096, 0x33, SIZE / 2);
    assert_int_equal(simple(client, VMMP_BLK_WRITE, 4096, client->memory + 1, SIZE / 2), 0);
    expect_image(client);
}

static void many_at_once(void **state)
{
    struct client *client = *state;
    struct job *jobs = calloc(64, sizeof(*jobs));
    if (client->no_direct) {
        free(jobs);
        skip();
    }
    for (unsigned round = 0; round < 4; round++) {
        memset(client->memory, 0, SIZE);
        for (unsigned i = 0; i < 64; i++) {
            unsigned at = i * 29 % 64;
            bool write = i % 3 == 0;
            if (write) {
                memset(client->mirror + at * 4096, (int)(round * 64 + i), 4096);
                memset(client->memory + at * 4096, (int)(round * 64 + i), 4096);
            }
            prepare(&jobs[i], write ? VMMP_BLK_WRITE : VMMP_BLK_READ, at * 4096,
                    client->memory + at * 4096, 4096, 2);
        }
        submit(client, jobs, 64);
        for (unsigned i = 0; i < 64; i++) {
            wait_for(&jobs[i].done, 1);
            assert_int_equal(jobs[i].error, 0);
        }
        assert_memory_equal(client->memory, client->mirror, 64 * 4096);
        expect_image(client);
    }
    free(jobs);
}

static void discards_and_zeroes(void **state)
{
    struct client *client = *state;
    struct job job;
    if (client->no_direct) {
        skip();
    }
    assert_int_equal(simple(client, VMMP_BLK_FLUSH, 0, NULL, 0), 0);
    int64_t before = blocks(client);
    memset(client->mirror + 65536, 0, SIZE / 2);
    assert_int_equal(simple(client, VMMP_BLK_DISCARD, 65536, NULL, SIZE / 2), 0);
    expect_image(client);
    /* Space comes back. */
    assert_true(blocks(client) <= before - (int64_t)(SIZE / 2 / 512) + 16);

    memset(client->mirror, 0, 12288);
    assert_int_equal(simple(client, VMMP_BLK_WRITE_ZEROES, 0, NULL, 12288), 0);
    expect_image(client);
    memset(client->mirror + SIZE - 65536, 0, 65536);
    prepare(&job, VMMP_BLK_WRITE_ZEROES, SIZE - 65536, NULL, 65536, 0);
    job.request.unmap = true;
    job.request.stable = true;
    assert_int_equal(run(client, &job), 0);
    expect_image(client);
}

/* ---- Errors ---- */

static void the_image_becomes_shorter(void **state)
{
    struct client *client = *state;
    assert_int_equal(truncate(client->path, SIZE / 2), 0);
    /* A read over the end is short: no data is made up. */
    assert_int_equal(simple(client, VMMP_BLK_READ, SIZE / 2 - 4096, client->memory, 8192), -EIO);
    assert_int_equal(simple(client, VMMP_BLK_READ, SIZE / 2, client->memory, 4096), -EIO);
    assert_int_equal(simple(client, VMMP_BLK_READ, 0, client->memory, 4096), 0);
}

static void the_kernel_says_no(void **state)
{
    struct client *client = *state;
    struct hosted_blk_file_options options = client->options;
    char message[HOSTED_BLK_FILE_MESSAGE];
    options.read_only = true;
    hosted_blk_file_close(client->file);
    assert_int_equal(
        hosted_blk_file_open(&client->file, client->path, &options, message, sizeof(message)), 0);
    client->backend = hosted_blk_file_backend(client->file);
    assert_int_equal(hosted_blk_file_attach(client->file, client->runner.loop, &client->context),
                     0);
    assert_int_equal(simple(client, VMMP_BLK_WRITE, 0, client->memory, 4096), -EBADF);
    assert_int_equal(simple(client, VMMP_BLK_WRITE_ZEROES, 0, NULL, 4096), -EBADF);
    assert_int_equal(simple(client, VMMP_BLK_READ, 0, client->memory, 4096), 0);
    expect_image(client);
}

static void less_than_a_block_directly(void **state)
{
    struct client *client = *state;
    struct vmmp_blk_info info;
    if (client->no_direct) {
        skip();
    }
    client->backend.ops->info(client->backend.cookie, &info);
    assert_true(info.block_size >= 512);
    if (info.block_size > 512) {
        assert_int_equal(simple(client, VMMP_BLK_WRITE, 512, client->memory, 512), -EINVAL);
    } else {
        memset(client->memory, 9, 512);
        memset(client->mirror + 512, 9, 512);
        assert_int_equal(simple(client, VMMP_BLK_WRITE, 512, client->memory, 512), 0);
    }
    expect_image(client);
}

/* ---- A kernel short of memory ---- */

#define REFUSALS 20

static uint64_t now(const struct client *client)
{
    return vmmp_host_now(&client->runner.host);
}

/* It is asked a few times a millisecond at most, and not all the time. */
static void expect_patience(const struct client *client, uint64_t begun)
{
    bool uring = strcmp(hosted_blk_file_engine(client->file), "io_uring") == 0;
    assert_int_equal(host_fault_left(HOST_CALL_URING_SUBMIT), uring ? 0 : REFUSALS);
    assert_true(!uring || now(client) - begun >= REFUSALS / 4 * MS);
    host_fault_set(HOST_CALL_URING_SUBMIT, 0, 0);
}

static void what_io_uring_refuses_is_offered_again(void **state)
{
    struct client *client = *state;
    uint64_t begun = now(client);
    host_fault_set(HOST_CALL_URING_SUBMIT, EAGAIN, REFUSALS);
    assert_int_equal(simple(client, VMMP_BLK_READ, 0, client->memory, 4096), 0);
    assert_memory_equal(client->memory, client->mirror, 4096);
    expect_patience(client, begun);
}

/* And nobody runs the loop. */
static void draining_what_io_uring_refuses(void **state)
{
    struct client *client = *state;
    struct job job;
    hosted_event_loop_stop(client->runner.loop);
    pthread_join(client->runner.thread, NULL);
    uint64_t begun = now(client);
    host_fault_set(HOST_CALL_URING_SUBMIT, EAGAIN, REFUSALS);
    prepare(&job, VMMP_BLK_READ, 4096, client->memory, 4096, 1);
    submit(client, &job, 1);
    vmmp_context_enter(&client->context);
    client->backend.ops->drain(client->backend.cookie);
    vmmp_context_leave(&client->context);
    assert_int_equal(atomic_load(&job.done), 1);
    assert_int_equal(job.error, 0);
    assert_memory_equal(client->memory, client->mirror + 4096, 4096);
    expect_patience(client, begun);
    assert_int_equal(pthread_create(&client->runner.thread, NULL, runner_main, &client->runner), 0);
}

/* ---- Cancelling and draining, with nobody to run the loop ---- */

static void drains(void **state)
{
    struct client *client = *state;
    struct job *jobs = calloc(32, sizeof(*jobs));
    hosted_event_loop_stop(client->runner.loop);
    pthread_join(client->runner.thread, NULL);
    vmmp_context_enter(&client->context);
    for (unsigned i = 0; i < 32; i++) {
        prepare(&jobs[i], i % 4 == 3 ? VMMP_BLK_FLUSH : VMMP_BLK_READ, i * 4096,
                client->memory + i * 4096, 4096, 1);
        vmmp_blk_push(&jobs[i].request, job_done, &jobs[i]);
        vmmp_blk_submit(&client->backend, &jobs[i].request);
        if (i == 16) {
            vmmp_blk_commit(&client->backend);
        }
    }
    client->backend.ops->cancel(client->backend.cookie);
    client->backend.ops->drain(client->backend.cookie);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(atomic_load(&jobs[i].done), 1);
        assert_true(jobs[i].error == 0 || jobs[i].error == -ECANCELED);
        if (jobs[i].error == 0 && i % 4 != 3) {
            assert_memory_equal(client->memory + i * 4096, client->mirror + i * 4096, 4096);
        }
    }
    client->backend.ops->drain(client->backend.cookie); /* Nothing to wait for. */
    vmmp_context_leave(&client->context);
    assert_int_equal(pthread_create(&client->runner.thread, NULL, runner_main, &client->runner), 0);
    free(jobs);
}

/* ---- Opening ---- */

static int try(const char *path, bool read_only, bool direct, char *message)
{
    struct hosted_blk_file_options options = { .read_only = read_only, .direct = direct };
    struct hosted_blk_file *file;
    int error = hosted_blk_file_open(&file, path, &options, message, HOSTED_BLK_FILE_MESSAGE);
    assert_true((error == 0) == (file != NULL));
    hosted_blk_file_close(file);
    return error;
}

static void locks(void **state)
{
    struct client *client = *state;
    char message[HOSTED_BLK_FILE_MESSAGE];
    struct hosted_blk_file *readers[2];
    struct hosted_blk_file_options options = { .read_only = true };
    assert_int_equal(try(client->path, false, false, message), -EBUSY);
    assert_non_null(strstr(message, client->path));
    assert_non_null(strstr(message, "in use by another disk or VMM"));
    assert_int_equal(try(client->path, true, false, message), -EBUSY);
    assert_non_null(strstr(message, "being written"));
    hosted_blk_file_close(client->file);
    client->file = NULL;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            hosted_blk_file_open(&readers[i], client->path, &options, message, sizeof(message)), 0);
    }
    assert_int_equal(try(client->path, false, false, message), -EBUSY);
    hosted_blk_file_close(readers[0]);
    hosted_blk_file_close(readers[1]);
    assert_int_equal(try(client->path, false, false, message), 0);
}

static void put(const struct client *client, size_t offset, const char *bytes, size_t length)
{
    int fd = open(client->path, O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
    close(fd);
}

static void formats(void **state)
{
    struct client *client = *state;
    static const struct {
        const char *magic;
        size_t length;
        size_t offset;
        const char *name;
    } cases[] = {
        { "QFI\xfb", 4, 0, "is a qcow2 image" },
        { "QED", 4, 0, "is a QED image" },
        { "KDMV", 4, 0, "is a VMDK image" },
        { "# Disk DescriptorFile\n", 22, 0, "is a VMDK image" },
        { "vhdxfile", 8, 0, "is a VHDX image" },
        { "conectix", 8, 0, "is a VHD image" },
        { "\x7f\x10\xda\xbe", 4, 64, "is a VDI image" },
    };
    char message[HOSTED_BLK_FILE_MESSAGE];
    hosted_blk_file_close(client->file);
    client->file = NULL;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char nothing[128] = { 0 };
        put(client, 0, nothing, sizeof(nothing));
        assert_int_equal(try(client->path, false, false, message), 0);
        put(client, cases[i].offset, cases[i].magic, cases[i].length);
        assert_int_equal(try(client->path, true, false, message), -EMEDIUMTYPE);
        assert_non_null(strstr(message, cases[i].name));
        assert_non_null(strstr(message, "qemu-img convert"));
        assert_null(strchr(message, '\n'));
    }
}

static void what_is_no_image(void **state)
{
    struct client *client = *state;
    char message[HOSTED_BLK_FILE_MESSAGE];
    hosted_blk_file_close(client->file);
    client->file = NULL;
    assert_int_equal(truncate(client->path, 1000), 0);
    assert_int_equal(try(client->path, false, false, message), -EINVAL);
    assert_non_null(strstr(message, "has 1000 bytes"));
    assert_non_null(strstr(message, "truncate -s %512"));
    assert_int_equal(truncate(client->path, 0), 0);
    assert_int_equal(try(client->path, false, false, message), -EINVAL);
    assert_non_null(strstr(message, "is empty"));
    assert_int_equal(unlink(client->path), 0);
    assert_int_equal(try(client->path, false, false, message), -ENOENT);
    assert_non_null(strstr(message, "does not exist"));
    assert_int_equal(mkfifo(client->path, 0600), 0);
    assert_int_equal(try(client->path, false, false, message), -EINVAL);
    assert_non_null(strstr(message, "neither a file nor a block device"));
    assert_int_equal(try("/tmp", false, false, message), -EISDIR);
    assert_int_equal(try("/tmp", true, false, message), -EINVAL);
    assert_int_equal(try("/dev/null", false, false, message), -EINVAL);
}

static void odd_sizes_directly(void **state)
{
    struct client *client = *state;
    char message[HOSTED_BLK_FILE_MESSAGE];
    hosted_blk_file_close(client->file);
    client->file = NULL;
    assert_int_equal(truncate(client->path, 512), 0);
    int error = try(client->path, false, true, message);
    assert_true(error == 0 || error == -EINVAL);
    assert_true(error == 0 || strstr(message, "leave out 'direct'"));
}

static void sizes_change(void **state)
{
    struct client *client = *state;
    struct vmmp_blk_info info;
    assert_int_equal(truncate(client->path, 2 * SIZE), 0);
    assert_int_equal(hosted_blk_file_refresh(client->file), 0);
    client->backend.ops->info(client->backend.cookie, &info);
    assert_int_equal(info.capacity, 2 * SIZE);
    assert_int_equal(simple(client, VMMP_BLK_READ, 2 * SIZE - 512, client->memory, 512), 0);
    assert_int_equal(truncate(client->path, 1000), 0);
    assert_int_equal(hosted_blk_file_refresh(client->file), -EINVAL);
    client->backend.ops->info(client->backend.cookie, &info);
    assert_int_equal(info.capacity, 2 * SIZE);
}

static void engines(void **state)
{
    struct client *client = *state;
    if (client->options.only_threads) {
        assert_string_equal(hosted_blk_file_engine(client->file), "threads");
    } else {
        /* As the kernel has it; told, so that a log of the tests says which was tested. */
        print_message("engine: %s\n", hosted_blk_file_engine(client->file));
    }
}

#define TEST(test, setup)  cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TEST_ENGINES(test) TEST(test, setup), TEST(test, setup_threads)
#define TEST_ALL(test)                                                     \
    TEST_ENGINES(test), TEST(test, setup_small), TEST(test, setup_direct), \
        TEST(test, setup_direct_threads)

int test_blk_file(void)
{
    const struct CMUnitTest tests[] = {
        TEST_ENGINES(engines),
        TEST_ALL(reads_and_writes),
        TEST_ALL(any_memory),
        TEST_ALL(many_at_once),
        TEST_ALL(discards_and_zeroes),
        TEST_ENGINES(the_image_becomes_shorter),
        TEST_ENGINES(the_kernel_says_no),
        TEST(less_than_a_block_directly, setup_direct),
        TEST_ENGINES(what_io_uring_refuses_is_offered_again),
        TEST_ENGINES(draining_what_io_uring_refuses),
        TEST_ENGINES(drains),
        TEST(drains, setup_small),
        TEST(locks, setup),
        TEST(formats, setup),
        TEST(what_is_no_image, setup),
        TEST(odd_sizes_directly, setup),
        TEST(sizes_change, setup),
    };
    return cmocka_run_group_tests_name("blk_file", tests, NULL, NULL);
}
