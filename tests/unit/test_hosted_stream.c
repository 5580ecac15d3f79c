/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's ends of consoles, on pipes, files, pseudo-terminals and sockets. */
#include <hosted/stream.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "vmmp_test.h"

int test_hosted_stream(void);

struct fixture {
    struct hosted_event_loop *loop;
    struct hosted_stream stream;
    unsigned notified;
    unsigned connects; /**< How often somebody came, */
    unsigned leaves;   /**< and went. */
    unsigned columns, rows, resizes;
    char error[HOSTED_STREAM_MESSAGE];
    unsigned errors;
    int saved_in, saved_out;
    int to_vmm;   /**< The other end of standard input, */
    int from_vmm; /**< and of standard output. */
    char folder[32];
};

static void notify(void *cookie)
{
    ((struct fixture *)cookie)->notified++;
}

static void connected(void *cookie, bool is_connected)
{
    struct fixture *f = cookie;
    *(is_connected ? &f->connects : &f->leaves) += 1;
    assert_int_equal(f->connects - f->leaves, is_connected);
}

static void resized(void *cookie, uint16_t columns, uint16_t rows)
{
    struct fixture *f = cookie;
    f->columns = columns;
    f->rows = rows;
    f->resizes++;
}

static void complain(void *cookie, const char *message)
{
    struct fixture *f = cookie;
    snprintf(f->error, sizeof(f->error), "%s", message);
    f->errors++;
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
    int in[2], out[2];
    signal(SIGPIPE, SIG_IGN); /* As a VMM does that writes to pipes. */
    assert_int_equal(pipe(in) | pipe(out), 0);
    fflush(stdout);
    replace(STDIN_FILENO, &f->saved_in, in[0]);
    replace(STDOUT_FILENO, &f->saved_out, out[1]);
    f->to_vmm = in[1];
    f->from_vmm = out[0];
    fcntl(f->from_vmm, F_SETFL, O_NONBLOCK);
    fcntl(f->to_vmm, F_SETFL, O_NONBLOCK);
    assert_int_equal(hosted_event_loop_create(&f->loop), 0);
    strcpy(f->folder, "/tmp/vmm-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[64];
    hosted_stream_close(&f->stream);
    hosted_event_loop_destroy(f->loop);
    dup2(f->saved_in, STDIN_FILENO);
    dup2(f->saved_out, STDOUT_FILENO);
    close(f->saved_in);
    close(f->saved_out);
    close(f->from_vmm);
    if (f->to_vmm >= 0) {
        close(f->to_vmm);
    }
    snprintf(path, sizeof(path), "%s/out", f->folder);
    unlink(path);
    rmdir(f->folder);
    free(f);
    return 0;
}

static int attempt(struct fixture *f, enum hosted_stream_kind kind, const char *path)
{
    const struct hosted_stream_config config = {
        .kind = kind,
        .path = path,
        .name = "--console",
        .loop = f->loop,
        .notify = notify,
        .connected = connected,
        .resized = resized,
        .error = complain,
        .cookie = f,
    };
    return hosted_stream_open(&f->stream, &config);
}

static void begin(struct fixture *f, enum hosted_stream_kind kind, const char *path)
{
    assert_int_equal(attempt(f, kind, path), 0);
    hosted_stream_start(&f->stream);
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
    begin(f, HOSTED_STREAM_STDIO, NULL);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern(i);
    }
    size_t sent = hosted_stream_write(&f->stream, bytes, sizeof(bytes));
    assert_true(sent >= HOSTED_STREAM_BUFFER && sent < sizeof(bytes));
    assert_int_equal(hosted_stream_write(&f->stream, bytes + sent, 1), 0);
    assert_int_equal(f->notified, 0);
    size_t received = 0;
    while (received < sizeof(bytes)) {
        ssize_t n = read(f->from_vmm, got + received, 10000);
        if (n > 0) {
            received += (size_t)n;
        }
        steps(f, 1);
        sent += hosted_stream_write(&f->stream, bytes + sent, sizeof(bytes) - sent);
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
    begin(f, HOSTED_STREAM_STDIO, NULL);
    assert_false(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK);
    hosted_stream_close(&f->stream);
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
    begin(f, HOSTED_STREAM_STDIO, NULL);
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
        assert_true(f->stream.input.count <= HOSTED_STREAM_BUFFER);
        received += hosted_stream_read(&f->stream, got + received, 7000);
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
    begin(f, HOSTED_STREAM_STDIO, NULL);
    assert_int_equal(write(f->to_vmm, "bye", 3), 3);
    close(f->to_vmm);
    f->to_vmm = -1;
    steps(f, 5);
    assert_int_equal(f->notified, 1);
    assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 3);
    assert_memory_equal(got, "bye", 3);
    steps(f, 20);
    assert_int_equal(f->notified, 1);
    assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 0);
    /* Output goes on. */
    assert_int_equal(hosted_stream_write(&f->stream, "ok", 2), 2);
    assert_int_equal(read(f->from_vmm, got, sizeof(got)), 2);
}

static void test_reader_goes_away(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[200000];
    begin(f, HOSTED_STREAM_STDIO, NULL);
    close(f->from_vmm);
    f->from_vmm = open("/dev/null", O_RDONLY);
    assert_int_equal(hosted_stream_write(&f->stream, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(hosted_stream_write(&f->stream, bytes, sizeof(bytes)), sizeof(bytes));
    assert_non_null(strstr(f->error, "--console: cannot write the guest's output (Broken pipe)"));
    assert_int_equal(f->errors, 1);
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
    begin(f, HOSTED_STREAM_STDIO, NULL);
    assert_int_equal(f->notified, 1);
    assert_int_equal(hosted_stream_read(&f->stream, got, 4), 4);
    assert_memory_equal(got, "abcd", 4);
    assert_int_equal(hosted_stream_read(&f->stream, got, 4), 2);
    assert_int_equal(hosted_stream_read(&f->stream, got, 4), 0);
}

static void test_typed(void **state)
{
    struct fixture *f = *state;
    static char lots[HOSTED_STREAM_BUFFER];
    uint8_t got[8];
    begin(f, HOSTED_STREAM_NONE, NULL);
    assert_true(hosted_stream_type(&f->stream, "\x0fs", 2));
    assert_int_equal(f->notified, 1);
    assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 2);
    assert_memory_equal(got, "\x0fs", 2);
    assert_true(hosted_stream_type(&f->stream, lots, sizeof(lots)));
    assert_false(hosted_stream_type(&f->stream, "x", 1));
    assert_int_equal(f->notified, 2);
}

/* Typing takes room that the stream, which is being waited for, counted on. */
static void test_typed_beside_input(void **state)
{
    struct fixture *f = *state;
    static char lots[HOSTED_STREAM_BUFFER];
    static uint8_t got[HOSTED_STREAM_BUFFER];
    const size_t left[] = { 3, 0 };
    begin(f, HOSTED_STREAM_STDIO, NULL);
    for (size_t i = 0; i < 2; i++) {
        size_t typed = sizeof(lots) - left[i];
        assert_int_equal(write(f->to_vmm, "abcdef", 6), 6);
        assert_true(hosted_stream_type(&f->stream, lots, typed));
        steps(f, 4);
        assert_int_equal(hosted_stream_read(&f->stream, got, typed), typed);
        size_t size = 0;
        while (size < 6) {
            steps(f, 4);
            size_t more = hosted_stream_read(&f->stream, got + size, 6);
            assert_true(more > 0);
            size += more;
        }
        assert_memory_equal(got, "abcdef", 6);
    }
}

static void test_file(void **state)
{
    struct fixture *f = *state;
    char path[64];
    char text[16] = "";
    struct stat status;
    snprintf(path, sizeof(path), "%s/out", f->folder);
    begin(f, HOSTED_STREAM_FILE, path);
    assert_int_equal(hosted_stream_write(&f->stream, "hello ", 6), 6);
    assert_int_equal(hosted_stream_write(&f->stream, "world", 5), 5);
    uint8_t got[4];
    assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 0);
    hosted_stream_close(&f->stream);
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
    assert_int_equal(attempt(f, HOSTED_STREAM_FILE, "/nonexistent/file"), -ENOENT);
    assert_string_equal(f->error, "--console file:/nonexistent/file: cannot open it for writing "
                                  "(No such file or directory): give a path that you may write");
}

static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    begin(f, HOSTED_STREAM_FILE, "/dev/full");
    assert_int_equal(hosted_stream_write(&f->stream, "x", 1), 1);
    assert_non_null(strstr(f->error, "No space left on device"));
}

static void wait_for_client(struct fixture *f)
{
    for (unsigned i = 0; i < 100 && !hosted_stream_connected(&f->stream); i++) {
        assert_int_equal(hosted_event_loop_step(f->loop, 100), 0);
    }
    assert_true(hosted_stream_connected(&f->stream));
}

static void test_pty(void **state)
{
    struct fixture *f = *state;
    char got[16] = "";
    struct termios mode;
    begin(f, HOSTED_STREAM_PTY, NULL);
    assert_memory_equal(hosted_stream_path(&f->stream), "/dev/pts/", 9);
    /* Nobody is there: output is dropped, however much it is. */
    static uint8_t lots[3 * HOSTED_STREAM_BUFFER];
    assert_int_equal(hosted_stream_write(&f->stream, lots, sizeof(lots)), sizeof(lots));
    for (unsigned round = 0; round < 2; round++) {
        int client = open(hosted_stream_path(&f->stream), O_RDWR | O_NOCTTY);
        assert_true(client >= 0);
        wait_for_client(f);
        tcgetattr(client, &mode);
        assert_false(mode.c_lflag & (ECHO | ICANON | ISIG));
        assert_int_equal(hosted_stream_write(&f->stream, "hi\n", 3), 3);
        assert_int_equal(read(client, got, sizeof(got)), 3);
        assert_string_equal(got, "hi\n");
        assert_int_equal(write(client, "yo\003", 3), 3);
        hosted_event_loop_step(f->loop, 1000);
        assert_int_equal(hosted_stream_read(&f->stream, (uint8_t *)got, sizeof(got)), 3);
        assert_memory_equal(got, "yo\003", 3);
        memset(got, 0, sizeof(got));
        struct winsize size = { .ws_col = (unsigned short)(100 + round), .ws_row = 40 };
        assert_int_equal(ioctl(client, TIOCSWINSZ, &size), 0);
        for (unsigned i = 0; i < 100 && f->resizes <= round; i++) {
            hosted_event_loop_step(f->loop, 100);
        }
        assert_int_equal(f->resizes, round + 1);
        assert_int_equal(f->columns, 100 + round);
        assert_int_equal(f->rows, 40);
        /* It goes away, and may come again. */
        close(client);
        for (unsigned i = 0; i < 100 && hosted_stream_connected(&f->stream); i++) {
            hosted_event_loop_step(f->loop, 100);
        }
        assert_false(hosted_stream_connected(&f->stream));
        assert_int_equal(hosted_stream_write(&f->stream, lots, sizeof(lots)), sizeof(lots));
    }
}

/* ---- Sockets ---- */

static const char *socket_path(const struct fixture *f)
{
    static char path[64];
    snprintf(path, sizeof(path), "%s/out", f->folder);
    return path;
}

static int call(const struct fixture *f)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    strcpy(address.sun_path, socket_path(f));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t take(int fd, uint8_t *to, size_t size)
{
    ssize_t n = read(fd, to, size);
    return n > 0 ? (size_t)n : 0;
}

static void test_socket(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char got[16] = "";
    begin(f, HOSTED_STREAM_SOCKET, socket_path(f));
    assert_int_equal(stat(socket_path(f), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_false(hosted_stream_connected(&f->stream));
    for (unsigned round = 1; round < 4; round++) {
        int client = call(f);
        steps(f, 2);
        assert_int_equal(f->connects, round);
        assert_int_equal(hosted_stream_write(&f->stream, "hello", 5), 5);
        assert_int_equal(read(client, got, sizeof(got)), 5);
        assert_memory_equal(got, "hello", 5);
        assert_int_equal(write(client, "world", 5), 5);
        steps(f, 2);
        assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 5);
        assert_memory_equal(got, "world", 5);
        close(client);
        steps(f, 2);
        assert_int_equal(f->leaves, round);
    }
    hosted_stream_close(&f->stream);
    assert_int_equal(stat(socket_path(f), &status), -1);
}

/* The readers together get everything once, in order; without one the guest waits. */
static void test_socket_readers_come_and_go(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[700000];
    static uint8_t got[sizeof(bytes)];
    size_t sent = 0;
    size_t received = 0;
    unsigned readers = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern(i);
    }
    begin(f, HOSTED_STREAM_SOCKET, socket_path(f));
    while (received < sizeof(bytes)) {
        /* Nobody is there: the buffer fills up, and that is all. */
        sent += hosted_stream_write(&f->stream, bytes + sent, sizeof(bytes) - sent);
        assert_in_range(sent - received, 1, HOSTED_STREAM_BUFFER);
        assert_int_equal(hosted_stream_write(&f->stream, bytes + sent, sizeof(bytes) - sent), 0);
        int client = call(f);
        readers++;
        f->notified = 0;
        steps(f, 2);
        assert_true(f->notified > 0);
        /* It takes what comes for a while, then all that is on its way, and goes. */
        for (size_t most = received + 150000; sent < sizeof(bytes) && sent < most;) {
            sent +=
                hosted_stream_write(&f->stream, bytes + sent, least(5000, sizeof(bytes) - sent));
            received += take(client, got + received, 5000);
            steps(f, 1);
        }
        while (received < sent) {
            received += take(client, got + received, sent - received);
            steps(f, 1);
        }
        close(client);
        steps(f, 2);
        assert_false(hosted_stream_connected(&f->stream));
    }
    assert_true(readers > 3);
    assert_memory_equal(got, bytes, sizeof(bytes));
    assert_int_equal(f->errors, 0);
}

/* Output on its way when the client goes waits for the next one. */
static void test_socket_output_waits(void **state)
{
    struct fixture *f = *state;
    static uint8_t lots[3 * HOSTED_STREAM_BUFFER];
    char got[16];
    begin(f, HOSTED_STREAM_SOCKET, socket_path(f));
    int client = call(f);
    steps(f, 2);
    close(client);
    /* The write meets the end before the loop does. */
    assert_int_equal(hosted_stream_write(&f->stream, "for the next", 12), 12);
    assert_int_equal(hosted_stream_write(&f->stream, lots, sizeof(lots)),
                     HOSTED_STREAM_BUFFER - 12);
    steps(f, 10);
    assert_int_equal(f->leaves, 1);
    client = call(f);
    steps(f, 2);
    assert_int_equal(read(client, got, 12), 12);
    assert_memory_equal(got, "for the next", 12);
    close(client);
}

static void test_socket_serves_one_client_at_a_time(void **state)
{
    struct fixture *f = *state;
    char got[8];
    begin(f, HOSTED_STREAM_SOCKET, socket_path(f));
    int first = call(f);
    int second = call(f);
    assert_int_equal(write(second, "second", 6), 6);
    assert_int_equal(write(first, "first", 5), 5);
    steps(f, 5);
    assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 5);
    assert_memory_equal(got, "first", 5);
    assert_int_equal(f->connects, 1);
    close(first);
    steps(f, 5);
    assert_int_equal(f->connects, 2);
    assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 6);
    assert_memory_equal(got, "second", 6);
    close(second);
}

/* echo request | client: the answer still comes. */
static void test_socket_client_that_says_no_more(void **state)
{
    struct fixture *f = *state;
    char got[8];
    begin(f, HOSTED_STREAM_SOCKET, socket_path(f));
    int client = call(f);
    assert_int_equal(write(client, "ask", 3), 3);
    shutdown(client, SHUT_WR);
    steps(f, 5);
    assert_int_equal(hosted_stream_read(&f->stream, got, sizeof(got)), 3);
    assert_int_equal(f->leaves, 0);
    unsigned notified = f->notified;
    steps(f, 5);
    assert_int_equal(f->notified, notified); /* The loop is quiet. */
    assert_int_equal(hosted_stream_write(&f->stream, "answer", 6), 6);
    assert_int_equal(read(client, got, sizeof(got)), 6);
    close(client);
    steps(f, 5);
    assert_int_equal(f->leaves, 1);
}

/* What a client said before it went is all read, though there was no room for it at first. */
static void test_socket_input_back_pressure(void **state)
{
    struct fixture *f = *state;
    static uint8_t got[150000];
    uint8_t bytes[1000];
    size_t written = 0;
    size_t received = 0;
    begin(f, HOSTED_STREAM_SOCKET, socket_path(f));
    int client = call(f);
    while (written < sizeof(got)) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = pattern(written + i);
        }
        ssize_t n = write(client, bytes, sizeof(bytes));
        written += n > 0 ? (size_t)n : 0;
        steps(f, 3);
        if (n < 0) {
            received += hosted_stream_read(&f->stream, got + received, 1000);
        }
    }
    close(client);
    steps(f, 50);
    assert_int_equal(f->leaves, 0);
    while (received < sizeof(got)) {
        size_t n = hosted_stream_read(&f->stream, got + received, sizeof(got) - received);
        assert_true(n > 0);
        received += n;
        steps(f, 50);
    }
    for (size_t i = 0; i < sizeof(got); i++) {
        assert_int_equal(got[i], pattern(i));
    }
    assert_int_equal(f->leaves, 1);
}

/* Who waits is not announced over and over, and is served in the end. */
static void test_socket_without_descriptors(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    unsigned rounds = 0;
    begin(f, HOSTED_STREAM_SOCKET, socket_path(f));
    int client = call(f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(hosted_event_loop_step(f->loop, 0), 0);
    assert_true(f->stream.timer.armed);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (f->connects == 0) { /* 100 ms. */
        assert_int_equal(hosted_event_loop_step(f->loop, -1), 0);
        assert_true(++rounds < 6);
    }
    close(client);
}

static void test_socket_left_behind(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, socket_path(f));
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(other, 1), 0);
    /* In use. */
    assert_int_equal(attempt(f, HOSTED_STREAM_SOCKET, socket_path(f)), -EADDRINUSE);
    assert_non_null(strstr(f->error, "another program uses it"));
    /* Left behind. */
    close(other);
    assert_int_equal(attempt(f, HOSTED_STREAM_SOCKET, socket_path(f)), 0);
    /* Ours goes away with us, another's does not. */
    unlink(socket_path(f));
    close(open(socket_path(f), O_CREAT | O_WRONLY, 0600));
    hosted_stream_close(&f->stream);
    assert_int_equal(access(socket_path(f), F_OK), 0);
    /* Nor is a file replaced. */
    assert_int_equal(attempt(f, HOSTED_STREAM_SOCKET, socket_path(f)), -EADDRINUSE);
    assert_int_equal(access(socket_path(f), F_OK), 0);
}

static void test_socket_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    char path[200];
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = 0;
    assert_int_equal(attempt(f, HOSTED_STREAM_SOCKET, path), -ENAMETOOLONG);
    assert_non_null(strstr(f->error, "1 to 107 characters"));
    assert_int_equal(attempt(f, HOSTED_STREAM_SOCKET, "/nonexistent/socket"), -ENOENT);
    assert_string_equal(f->error, "--console socket:/nonexistent/socket: cannot listen there (No "
                                  "such file or directory): give a path in a folder that you may "
                                  "write");
}

int test_hosted_stream(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flags_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_of_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_from_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_typed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_typed_beside_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_that_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_readers_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_output_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_serves_one_client_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_client_that_says_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_input_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_without_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_that_cannot_be, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
