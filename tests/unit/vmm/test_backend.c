/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's ends of consoles: vmm/linux/backend*.c, on pipes, files and pseudo-terminals. */
#include "linux/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "vmmp_test.h"

struct fixture {
    struct hosted_event_loop *loop;
    struct backend backend;
    unsigned notified;
    int saved_in, saved_out, saved_err;
    int to_vmm;   /**< The other end of standard input, */
    int from_vmm; /**< of standard output, */
    int errors;   /**< and of standard error. */
    char folder[32];
};

static void notify(void *cookie)
{
    ((struct fixture *)cookie)->notified++;
}

static void replace(int fd, int *saved, int with)
{
    *saved = dup(fd);
    dup2(with, fd);
    close(with);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int in[2], out[2], err[2];
    signal(SIGPIPE, SIG_IGN); /* As signals_begin() does. */
    assert_int_equal(pipe(in) | pipe(out) | pipe(err), 0);
    fflush(stdout);
    fflush(stderr);
    replace(STDIN_FILENO, &f->saved_in, in[0]);
    replace(STDOUT_FILENO, &f->saved_out, out[1]);
    replace(STDERR_FILENO, &f->saved_err, err[1]);
    f->to_vmm = in[1];
    f->from_vmm = out[0];
    f->errors = err[0];
    fcntl(f->from_vmm, F_SETFL, O_NONBLOCK);
    fcntl(f->errors, F_SETFL, O_NONBLOCK);
    fcntl(f->to_vmm, F_SETFL, O_NONBLOCK);
    assert_int_equal(hosted_event_loop_create(&f->loop), 0);
    f->backend.name = "--console";
    f->backend.loop = f->loop;
    f->backend.notify = notify;
    f->backend.cookie = f;
    strcpy(f->folder, "/tmp/vmm-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[64];
    backend_close(&f->backend);
    hosted_event_loop_destroy(f->loop);
    dup2(f->saved_in, STDIN_FILENO);
    dup2(f->saved_out, STDOUT_FILENO);
    dup2(f->saved_err, STDERR_FILENO);
    close(f->saved_in);
    close(f->saved_out);
    close(f->saved_err);
    close(f->from_vmm);
    close(f->errors);
    if (f->to_vmm >= 0) {
        close(f->to_vmm);
    }
    snprintf(path, sizeof(path), "%s/out", f->folder);
    unlink(path);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void begin(struct fixture *f, enum console_kind kind, const char *path)
{
    struct console_choice choice = { kind, path };
    assert_int_equal(backend_open(&f->backend, &choice, false), 0);
    backend_start(&f->backend);
}

static void steps(struct fixture *f, unsigned count)
{
    while (count--) {
        assert_int_equal(hosted_event_loop_step(f->loop, 0), 0);
    }
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

/* Output that its reader does not take is kept up to the buffer's size, and then refused. */
static void test_output_back_pressure(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[400000];
    static uint8_t got[sizeof(bytes)];
    begin(f, CONSOLE_STDIO, NULL);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern(i);
    }
    size_t sent = backend_write(&f->backend, bytes, sizeof(bytes));
    assert_true(sent >= BACKEND_BUFFER && sent < sizeof(bytes));
    assert_int_equal(backend_write(&f->backend, bytes + sent, 1), 0);
    assert_int_equal(f->notified, 0);
    size_t received = 0;
    while (received < sizeof(bytes)) {
        ssize_t n = read(f->from_vmm, got + received, 10000);
        if (n > 0) {
            received += (size_t)n;
        }
        steps(f, 1);
        sent += backend_write(&f->backend, bytes + sent, sizeof(bytes) - sent);
        assert_true(received <= sent);
    }
    assert_int_equal(received, sizeof(bytes));
    assert_memory_equal(got, bytes, sizeof(bytes));
    assert_true(f->notified > 0);
    /* With nothing left the loop is not woken again. */
    f->notified = 0;
    steps(f, 10);
    assert_int_equal(f->notified, 0);
}

/* Standard output is not left non-blocking for those who share it. */
static void test_flags_are_left_alone(void **state)
{
    struct fixture *f = *state;
    begin(f, CONSOLE_STDIO, NULL);
    assert_false(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK);
    backend_close(&f->backend);
    assert_true(fcntl(STDIN_FILENO, F_GETFL) >= 0);
    assert_true(fcntl(STDOUT_FILENO, F_GETFL) >= 0);
}

/* Input is read while there is room, the rest waits in the pipe; nothing is lost. */
static void test_input_back_pressure(void **state)
{
    struct fixture *f = *state;
    static uint8_t got[300000];
    size_t written = 0;
    size_t received = 0;
    begin(f, CONSOLE_STDIO, NULL);
    while (received < sizeof(got)) {
        uint8_t bytes[1000];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = pattern(written + i);
        }
        size_t want = sizeof(got) - written < sizeof(bytes) ? sizeof(got) - written : sizeof(bytes);
        ssize_t n = want ? write(f->to_vmm, bytes, want) : 0;
        written += n > 0 ? (size_t)n : 0;
        if (n == (ssize_t)sizeof(bytes)) {
            continue; /* Until pipe and buffer are full. */
        }
        steps(f, 40);
        assert_true(f->backend.input.count <= BACKEND_BUFFER);
        received += backend_read(&f->backend, got + received, 7000);
    }
    for (size_t i = 0; i < sizeof(got); i++) {
        assert_int_equal(got[i], pattern(i));
    }
    assert_true(f->notified > 0);
}

static void test_end_of_input(void **state)
{
    struct fixture *f = *state;
    uint8_t got[16];
    begin(f, CONSOLE_STDIO, NULL);
    assert_int_equal(write(f->to_vmm, "bye", 3), 3);
    close(f->to_vmm);
    f->to_vmm = -1;
    steps(f, 5);
    assert_int_equal(f->notified, 1);
    assert_int_equal(backend_read(&f->backend, got, sizeof(got)), 3);
    assert_memory_equal(got, "bye", 3);
    steps(f, 20);
    assert_int_equal(f->notified, 1);
    assert_int_equal(backend_read(&f->backend, got, sizeof(got)), 0);
    /* Output goes on. */
    assert_int_equal(backend_write(&f->backend, (const uint8_t *)"ok", 2), 2);
    assert_int_equal(read(f->from_vmm, got, sizeof(got)), 2);
}

static void test_reader_goes_away(void **state)
{
    struct fixture *f = *state;
    char error[256] = "";
    static uint8_t bytes[200000];
    begin(f, CONSOLE_STDIO, NULL);
    close(f->from_vmm);
    f->from_vmm = open("/dev/null", O_RDONLY);
    assert_int_equal(backend_write(&f->backend, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(backend_write(&f->backend, bytes, sizeof(bytes)), sizeof(bytes));
    assert_true(read(f->errors, error, sizeof(error) - 1) > 0);
    assert_non_null(strstr(error, "vmm: --console: cannot write the guest's output (Broken pipe)"));
    assert_int_equal(read(f->errors, error, sizeof(error) - 1), -1);
}

/* A file as standard input is read as the guest takes it, to its end. */
static void test_input_from_file(void **state)
{
    struct fixture *f = *state;
    char path[64];
    uint8_t got[4];
    snprintf(path, sizeof(path), "%s/out", f->folder);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "abcdef", 6), 6);
    lseek(fd, 0, SEEK_SET);
    dup2(fd, STDIN_FILENO);
    close(fd);
    begin(f, CONSOLE_STDIO, NULL);
    assert_int_equal(f->notified, 1);
    assert_int_equal(backend_read(&f->backend, got, 4), 4);
    assert_memory_equal(got, "abcd", 4);
    assert_int_equal(backend_read(&f->backend, got, 4), 2);
    assert_int_equal(backend_read(&f->backend, got, 4), 0);
}

static void test_typed(void **state)
{
    struct fixture *f = *state;
    static char lots[BACKEND_BUFFER];
    uint8_t got[8];
    begin(f, CONSOLE_NONE, NULL);
    assert_true(backend_type(&f->backend, "\x0fs", 2));
    assert_int_equal(f->notified, 1);
    assert_int_equal(backend_read(&f->backend, got, sizeof(got)), 2);
    assert_memory_equal(got, "\x0fs", 2);
    assert_true(backend_type(&f->backend, lots, sizeof(lots)));
    assert_false(backend_type(&f->backend, "x", 1));
    assert_int_equal(f->notified, 2);
}

static void test_file(void **state)
{
    struct fixture *f = *state;
    char path[64];
    char text[16] = "";
    struct stat status;
    snprintf(path, sizeof(path), "%s/out", f->folder);
    begin(f, CONSOLE_FILE, path);
    assert_int_equal(backend_write(&f->backend, (const uint8_t *)"hello ", 6), 6);
    assert_int_equal(backend_write(&f->backend, (const uint8_t *)"world", 5), 5);
    uint8_t got[4];
    assert_int_equal(backend_read(&f->backend, got, sizeof(got)), 0);
    backend_close(&f->backend);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 11);
    assert_string_equal(text, "hello world");
    fstat(fd, &status);
    assert_int_equal(status.st_mode & 0777, 0600);
    close(fd);
}

static void test_file_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    char error[256] = "";
    struct console_choice choice = { CONSOLE_FILE, "/nonexistent/file" };
    assert_int_equal(backend_open(&f->backend, &choice, false), -1);
    assert_true(read(f->errors, error, sizeof(error) - 1) > 0);
    assert_string_equal(error, "vmm: --console file:/nonexistent/file: cannot open it for writing "
                               "(No such file or directory): give a path that you may write\n");
}

static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    char error[256] = "";
    begin(f, CONSOLE_FILE, "/dev/full");
    assert_int_equal(backend_write(&f->backend, (const uint8_t *)"x", 1), 1);
    assert_true(read(f->errors, error, sizeof(error) - 1) > 0);
    assert_non_null(strstr(error, "No space left on device"));
}

static void wait_for_client(struct fixture *f)
{
    for (unsigned i = 0; i < 100 && f->backend.disconnected; i++) {
        assert_int_equal(hosted_event_loop_step(f->loop, 100), 0);
    }
    assert_false(f->backend.disconnected);
}

static void test_pty(void **state)
{
    struct fixture *f = *state;
    char said[128] = "";
    char got[16] = "";
    struct termios mode;
    begin(f, CONSOLE_PTY, NULL);
    assert_true(read(f->errors, said, sizeof(said) - 1) > 0);
    assert_memory_equal(said, "vmm: --console: /dev/pts/", 25);
    said[strcspn(said, "\n")] = '\0';
    /* Nobody is there: output is dropped, however much it is. */
    static uint8_t lots[3 * BACKEND_BUFFER];
    assert_int_equal(backend_write(&f->backend, lots, sizeof(lots)), sizeof(lots));
    for (unsigned round = 0; round < 2; round++) {
        int client = open(said + 16, O_RDWR | O_NOCTTY);
        assert_true(client >= 0);
        wait_for_client(f);
        tcgetattr(client, &mode);
        assert_false(mode.c_lflag & (ECHO | ICANON | ISIG));
        assert_int_equal(backend_write(&f->backend, (const uint8_t *)"hi\n", 3), 3);
        assert_int_equal(read(client, got, sizeof(got)), 3);
        assert_string_equal(got, "hi\n");
        assert_int_equal(write(client, "yo\003", 3), 3);
        hosted_event_loop_step(f->loop, 1000);
        assert_int_equal(backend_read(&f->backend, (uint8_t *)got, sizeof(got)), 3);
        assert_memory_equal(got, "yo\003", 3);
        memset(got, 0, sizeof(got));
        /* It goes away, and may come again. */
        close(client);
        for (unsigned i = 0; i < 100 && !f->backend.disconnected; i++) {
            hosted_event_loop_step(f->loop, 100);
        }
        assert_true(f->backend.disconnected);
        assert_int_equal(backend_write(&f->backend, lots, sizeof(lots)), sizeof(lots));
    }
}

int test_backend(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flags_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_of_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_from_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_typed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_that_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pty, setup, teardown),
    };
    return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
