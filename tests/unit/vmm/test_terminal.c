/* SPDX-License-Identifier: BSD-2-Clause */
/* The user's terminal is restored on every way out: vmm/linux/terminal.c, signals.c, message.c. */
#include "linux/terminal.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "linux/message.h"
#include "linux/signals.h"
#include "vmmp_test.h"

/* What the child does once its terminal is raw. */
typedef void child_fn(void);

struct child {
    pid_t pid;
    int master;
    struct termios before;
    char said[4096];
    size_t said_size;
};

static void begin(struct child *child, child_fn *act)
{
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    memset(child, 0, sizeof(*child));
    fflush(stdout);
    fflush(stderr);
    child->pid = forkpty(&child->master, NULL, NULL, &size);
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        /* Until the parent has looked at the terminal. */
        char byte;
        if (read(STDIN_FILENO, &byte, 1) != 1 || !terminal_begin()) {
            _exit(99);
        }
        message_note("raw");
        act();
        _exit(98);
    }
    assert_int_equal(tcgetattr(child->master, &child->before), 0);
    assert_true(child->before.c_lflag & ICANON);
    assert_int_equal(write(child->master, "\n", 1), 1);
}

/* Reads what the child says until it has said `text`. */
static void hear(struct child *child, const char *text)
{
    while (!strstr(child->said, text)) {
        struct pollfd ready = { .fd = child->master, .events = POLLIN };
        assert_true(poll(&ready, 1, 20000) > 0);
        ssize_t n = read(child->master, child->said + child->said_size,
                         sizeof(child->said) - 1 - child->said_size);
        assert_true(n > 0);
        child->said_size += (size_t)n;
        child->said[child->said_size] = '\0';
    }
}

static void expect_raw(struct child *child)
{
    struct termios now;
    /* Messages end with "\r\n" while the terminal adds nothing to them. */
    hear(child, "vmm: raw\r\n");
    assert_int_equal(tcgetattr(child->master, &now), 0);
    assert_false(now.c_lflag & (ICANON | ECHO | ISIG));
    assert_false(now.c_oflag & OPOST);
}

static void expect_restored(const struct child *child)
{
    struct termios now;
    assert_int_equal(tcgetattr(child->master, &now), 0);
    assert_int_equal(now.c_lflag, child->before.c_lflag);
    assert_int_equal(now.c_iflag, child->before.c_iflag);
    assert_int_equal(now.c_oflag, child->before.c_oflag);
    assert_int_equal(now.c_cflag, child->before.c_cflag);
    assert_memory_equal(now.c_cc, child->before.c_cc, sizeof(now.c_cc));
}

/* Waits for the end, taking what is said; a full terminal would keep the child from ending. */
static int finish(struct child *child)
{
    int status;
    for (;;) {
        struct pollfd ready = { .fd = child->master, .events = POLLIN };
        char byte[256];
        if (waitpid(child->pid, &status, WNOHANG) == child->pid) {
            break;
        }
        if (poll(&ready, 1, 50) > 0 && read(child->master, byte, sizeof(byte)) < 0) {
            usleep(10000);
        }
    }
    expect_restored(child);
    close(child->master);
    return status;
}

static void act_exit(void)
{
    exit(7);
}

static void act_wait(void)
{
    for (;;) {
        pause();
    }
}

static void act_abort(void)
{
    signal(SIGABRT, SIG_DFL);
    terminal_restore();
    abort();
}

static void act_fault(void)
{
    volatile int *nowhere = NULL;
    *nowhere = 1;
}

static void act_thrice(void)
{
    terminal_restore();
    terminal_restore();
    terminal_resume();
    message_note("again");
    terminal_restore();
    exit(5);
}

static void test_exit(void **state)
{
    struct child child;
    (void)state;
    begin(&child, act_exit);
    hear(&child, "vmm: raw\r\n");
    int status = finish(&child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void test_deadly_signals(void **state)
{
    static const int numbers[] = { SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGUSR2 };
    struct child child;
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        begin(&child, act_wait);
        expect_raw(&child);
        assert_int_equal(kill(child.pid, numbers[i]), 0);
        int status = finish(&child);
        /* A sanitizer's report may take the place of the signal's end. */
        assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == numbers[i]
                                        : WEXITSTATUS(status) != 98);
    }
}

static void test_crash(void **state)
{
    struct child child;
    (void)state;
    begin(&child, act_fault);
    int status = finish(&child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 98);
    begin(&child, act_abort);
    status = finish(&child);
    assert_true(WIFSIGNALED(status));
}

static void test_restore_and_resume(void **state)
{
    struct child child;
    (void)state;
    begin(&child, act_thrice);
    hear(&child, "vmm: again\r\n");
    int status = finish(&child);
    assert_int_equal(WEXITSTATUS(status), 5);
}

/* A child that serves signals as the VMM does, and says what comes. */
static struct hosted_event_loop *loop;

static void on_terminate(void *cookie, int number)
{
    (void)cookie;
    message_note("asked by %d", number);
}

static void on_statistics(void *cookie)
{
    (void)cookie;
    message_note("statistics");
}

static void on_resized(void *cookie)
{
    unsigned columns = 0;
    unsigned rows = 0;
    (void)cookie;
    terminal_size(&columns, &rows);
    message_note("size %u %u", columns, rows);
}

static void act_signals(void)
{
    static struct signals signals = {
        .terminate = on_terminate,
        .statistics = on_statistics,
        .resized = on_resized,
    };
    if (hosted_event_loop_create(&loop) || signals_begin(&signals, loop)) {
        _exit(97);
    }
    signals_block(true);
    signals_block(false);
    message_note("serving");
    hosted_event_loop_run(loop);
}

static void test_signals(void **state)
{
    struct winsize size = { .ws_row = 50, .ws_col = 132 };
    struct child child;
    (void)state;
    begin(&child, act_signals);
    hear(&child, "serving");
    expect_raw(&child);
    kill(child.pid, SIGUSR1);
    hear(&child, "vmm: statistics\r\n");
    kill(child.pid, SIGPIPE);
    assert_int_equal(ioctl(child.master, TIOCSWINSZ, &size), 0);
    hear(&child, "vmm: size 132 50\r\n");
    kill(child.pid, SIGTERM);
    hear(&child, "vmm: asked by 15\r\n");
    /* The second ends it, whatever it is doing. */
    kill(child.pid, SIGINT);
    int status = finish(&child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
}

static void test_stop_and_continue(void **state)
{
    struct child child;
    int status;
    (void)state;
    begin(&child, act_signals);
    hear(&child, "serving");
    kill(child.pid, SIGTSTP);
    assert_int_equal(waitpid(child.pid, &status, WUNTRACED), child.pid);
    assert_true(WIFSTOPPED(status));
    expect_restored(&child);
    kill(child.pid, SIGCONT);
    hear(&child, "size 80 24");
    expect_raw(&child);
    kill(child.pid, SIGHUP);
    hear(&child, "asked by 1\r\n");
    kill(child.pid, SIGHUP);
    assert_int_equal(WEXITSTATUS(finish(&child)), 128 + SIGHUP);
}

/* Text of several lines, and messages of any length, in both modes. */
static void test_messages(void **state)
{
    char got[4 * MESSAGE_MAX] = "";
    static char longest[2 * MESSAGE_MAX];
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    message_text("a\nb\n", 4);
    message_set_raw(true);
    message_text("a\nb\n", 4);
    message_log(NULL, VMMP_LOG_WARNING, VMMP_LOG_GUEST, "odd");
    message_set_raw(false);
    memset(longest, 'x', sizeof(longest) - 1);
    message_error("%s", longest);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fds[1]);
    size_t size = 0;
    for (ssize_t n; (n = read(fds[0], got + size, sizeof(got) - 1 - size)) > 0;) {
        size += (size_t)n;
    }
    close(fds[0]);
    static const char start[] = "a\nb\na\r\nb\r\nvmm: warning: guest: odd\r\nvmm: xxx";
    assert_memory_equal(got, start, sizeof(start) - 1);
    assert_true(size < sizeof(start) + MESSAGE_MAX);
    assert_int_equal(got[size - 1], '\n');
}

int test_terminal(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit),     cmocka_unit_test(test_deadly_signals),
        cmocka_unit_test(test_crash),    cmocka_unit_test(test_restore_and_resume),
        cmocka_unit_test(test_signals),  cmocka_unit_test(test_stop_and_continue),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
