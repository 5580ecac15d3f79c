/* SPDX-License-Identifier: BSD-2-Clause */
/* --sandbox: vmm/linux/sandbox.c, each case in a process of its own. */
#include "linux/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmmp_test.h"

/* Whether the build has libseccomp: then the call works on this kernel, or the test fails. */
static bool available(void)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(sandbox_enter(0) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) != 0) {
        print_message("skipped: there is no sandbox in this build, or in this kernel\n");
        return false;
    }
    return true;
}

/* Runs `what` inside; returns the process's status. */
static int inside(unsigned needs, int (*what)(void))
{
    pid_t child = fork();
    if (child == 0) {
        _exit(sandbox_enter(needs) == 0 ? what() : 99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void *thread(void *cookie)
{
    *(int *)cookie = 42;
    return NULL;
}

static int work(void)
{
    int answer = 0;
    pthread_t id;
    char byte;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool good = fd >= 0 && pthread_create(&id, NULL, thread, &answer) == 0 &&
                pthread_join(id, NULL) == 0 && answer == 42;
    good = good && read(fd, &byte, 1) < 0 && close(fd) == 0;
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return good && memory != MAP_FAILED ? 0 : 1;
}

static int open_file(void)
{
    return open("/dev/null", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}

static int run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int make_executable(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != NULL;
}

static int make_process(void)
{
    return fork() < 0 ? 1 : 2;
}

static int use_internet(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 0 : 1;
}

static void test_inside(void **state)
{
    (void)state;
    if (!available()) {
        return;
    }
    assert_int_equal(inside(0, work), 0);
    assert_int_equal(inside(0, open_file), 0);
    assert_int_equal(inside(SANDBOX_INTERNET, use_internet), 0);
}

static void killed(unsigned needs, int (*what)(void))
{
    int status = inside(needs, what);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void test_forbidden(void **state)
{
    (void)state;
    if (!available()) {
        return;
    }
    killed(0, run_program);
    killed(0, make_executable);
    killed(0, make_process);
    killed(0, use_internet);
}

int test_sandbox(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_forbidden),
    };
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
