/* SPDX-License-Identifier: BSD-2-Clause */
#include "qtest.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000     /* For an answer, which takes some tens of microseconds; */
#define PATIENCE_NS 600000000 /* of computing, which tells a loop from a busy machine. */

_Noreturn static void give_up(const char *what, const char *detail)
{
    fprintf(stderr, "differential: QEMU %s%s%s\n", what, detail[0] ? ": " : "", detail);
    exit(1);
}

void qtest_start(struct qtest *qtest, char *const *arguments)
{
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        give_up("cannot be talked to", strerror(errno));
    }
    qtest->fd = ends[0];
    qtest->filled = 0;
    qtest->pid = fork();
    if (qtest->pid < 0) {
        give_up("cannot be started", strerror(errno));
    }
    if (qtest->pid == 0) {
        /* It ends with us, however that is. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setrlimit(RLIMIT_CORE, &(const struct rlimit){ 0, 0 }); /* It may well abort. */
        if (getppid() == parent && dup2(ends[1], 0) == 0 && dup2(ends[1], 1) == 1) {
            execvp(arguments[0], arguments);
        }
        _exit(127);
    }
    close(ends[1]);
}

void qtest_stop(struct qtest *qtest)
{
    close(qtest->fd);
    kill(qtest->pid, SIGKILL);
    waitpid(qtest->pid, NULL, 0);
}

static bool send_all(struct qtest *qtest, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(qtest->fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        text += sent;
        len -= (size_t)sent;
    }
    return true;
}

static int64_t computed_ns(const struct qtest *qtest)
{
    clockid_t clock;
    struct timespec time = { 0 };
    if (clock_getcpuclockid(qtest->pid, &clock) == 0) {
        clock_gettime(clock, &time);
    }
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Waits for bytes or the end. False: it computes and says nothing. */
static bool answers(const struct qtest *qtest)
{
    struct pollfd fd = { .fd = qtest->fd, .events = POLLIN };
    if (poll(&fd, 1, 20) > 0) {
        return true;
    }
    int64_t begin = computed_ns(qtest);
    for (unsigned waited = 0; waited < PATIENCE_MS; waited += 50) {
        if (poll(&fd, 1, 50) > 0) {
            return true;
        }
        if (computed_ns(qtest) - begin > PATIENCE_NS) {
            return false;
        }
    }
    return false;
}

/* The next line without its end. False: there is none, and `*ended` says why. */
static bool receive_line(struct qtest *qtest, char *line, size_t room, bool *ended)
{
    char *end;
    while (!(end = memchr(qtest->buffer, '\n', qtest->filled))) {
        if (qtest->filled == sizeof(qtest->buffer)) {
            give_up("sent too long a line", "");
        }
        if (!answers(qtest)) {
            *ended = false;
            return false;
        }
        ssize_t got = recv(qtest->fd, qtest->buffer + qtest->filled,
                           sizeof(qtest->buffer) - qtest->filled, 0);
        if (got <= 0) {
            *ended = true;
            return false;
        }
        qtest->filled += (unsigned)got;
    }
    size_t len = (size_t)(end - qtest->buffer);
    snprintf(line, room, "%.*s", (int)len, qtest->buffer);
    qtest->filled -= (unsigned)len + 1;
    memmove(qtest->buffer, end + 1, qtest->filled);
    return true;
}

/* Sends a command; what is behind the OK of its answer. */
__attribute__((format(printf, 2, 3))) static uint64_t command(struct qtest *qtest,
                                                              const char *format, ...)
{
    char line[128];
    bool ended = true;
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    bool alive = send_all(qtest, line, (size_t)len);
    do {
        alive = alive && receive_line(qtest, line, sizeof(line), &ended);
    } while (alive && strncmp(line, "IRQ ", 4) == 0);
    if (!alive) {
        qtest->lost(qtest->cookie, ended);
        return 0;
    }
    if (strncmp(line, "OK", 2) != 0) {
        give_up("answers", line);
    }
    return strtoull(line + 2, NULL, 0);
}

static char letter(unsigned size)
{
    static const char letters[9] = { [1] = 'b', [2] = 'w', [4] = 'l', [8] = 'q' };
    return letters[size];
}

uint64_t qtest_read(struct qtest *qtest, uint64_t address, unsigned size)
{
    return command(qtest, "read%c 0x%" PRIx64 "\n", letter(size), address);
}

void qtest_write(struct qtest *qtest, uint64_t address, unsigned size, uint64_t value)
{
    command(qtest, "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", letter(size), address, value);
}

uint32_t qtest_in(struct qtest *qtest, uint16_t port, unsigned size)
{
    return (uint32_t)command(qtest, "in%c 0x%x\n", letter(size), port);
}

void qtest_out(struct qtest *qtest, uint16_t port, unsigned size, uint32_t value)
{
    command(qtest, "out%c 0x%x 0x%x\n", letter(size), port, value);
}
