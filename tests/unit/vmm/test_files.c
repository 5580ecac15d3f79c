/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the command line: vmm/linux/files.c. What is said of bad ones: tests/guest/cli. */
#include "linux/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "vmmp_test.h"

static char folder[32];
static char path[64];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/vmm-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    /* Fails if a temporary file was left. */
    return rmdir(folder);
}

static void expect_content(const char *text)
{
    char got[64] = "";
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof(got)), strlen(text));
    assert_string_equal(got, text);
    close(fd);
}

static void test_write_and_read(void **state)
{
    struct input_file input = { .fd = -1 };
    struct stat status;
    char got[8] = "";
    (void)state;
    umask(022);
    assert_int_equal(output_file_write("--dump-dtb", path, "content", 7), 0);
    expect_content("content");
    stat(path, &status);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(output_file_write("--dump-dtb", path, "new", 3), 0);
    expect_content("new");
    assert_int_equal(input_file_open(&input, "--kernel", path), 0);
    assert_int_equal(input.file.size, 3);
    assert_string_equal(input.file.name, path);
    assert_int_equal(input.file.read_at(input.file.cookie, 1, got, 8), 2);
    assert_string_equal(got, "ew");
    assert_int_equal(input.file.read_at(input.file.cookie, 3, got, 8), 0);
    assert_int_equal(input.file.read_at(input.file.cookie, UINT64_MAX, got, 8), 0);
    input_file_close(&input);
    input_file_close(&input);
    assert_null(input.file.name);
}

/* What cannot be written whole is not written: the old content stays. */
static void test_write_fails(void **state)
{
    static char lots[100000];
    struct rlimit before;
    struct rlimit small = { 1000, 1000 };
    (void)state;
    assert_int_equal(output_file_write("--dump-dtb", path, "old", 3), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    int saved = dup(STDERR_FILENO);
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    int result = output_file_write("--dump-dtb", path, lots, sizeof(lots));
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(null);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(result, -1);
    expect_content("old");
}

static void test_write_to_device(void **state)
{
    struct stat status;
    (void)state;
    assert_int_equal(output_file_write("--dump-dtb", "/dev/null", "x", 1), 0);
    stat("/dev/null", &status);
    assert_true(S_ISCHR(status.st_mode));
}

int test_files(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_to_device, setup, teardown),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
