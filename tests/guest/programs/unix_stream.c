/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unix_stream PATH [BYTES]: standard input to a Unix socket, and what comes from it to standard
 * output. Ends when the other side does, or after BYTES: it then says that it wants no more, takes
 * what is on its way, and goes, so that whoever comes next loses nothing.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
    perror(what);
    return 1;
}

/* The server may not be there yet. */
static int call(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (strlen(path) >= sizeof(address.sun_path)) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (int tries = 0; connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0; tries++) {
        if (tries == 300) {
            return -1;
        }
        usleep(100000);
    }
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0) {
            return false;
        }
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Copies what `from` has to `to`. How many bytes it was, 0 at the end. */
static ssize_t copy(int from, int to)
{
    static char bytes[65536];
    ssize_t n = read(from, bytes, sizeof(bytes));
    if (n <= 0) {
        return 0;
    }
    return write_all(to, bytes, (size_t)n) ? n : -1;
}

static int move(int fd, unsigned long long most)
{
    struct pollfd polled[2] = { { .fd = fd, .events = POLLIN },
                                { .fd = STDIN_FILENO, .events = POLLIN } };
    unsigned long long received = 0;
    bool enough = false;
    while (polled[0].fd >= 0 || polled[1].fd >= 0) {
        if (poll(polled, 2, -1) < 0) {
            return fail("poll");
        }
        if (polled[0].revents) {
            ssize_t n = copy(fd, STDOUT_FILENO);
            if (n < 0 || (n == 0 && !enough)) {
                return n < 0 ? fail("write") : 0;
            }
            polled[0].fd = n == 0 ? -1 : fd;
            received += (unsigned long long)n;
            if (most && received >= most && !enough) {
                enough = true;
                shutdown(fd, SHUT_RD);
            }
        }
        if (polled[1].revents) {
            ssize_t n = copy(STDIN_FILENO, fd);
            if (n < 0) {
                return fail("write");
            }
            if (n == 0) {
                polled[1].fd = -1;
                shutdown(fd, SHUT_WR);
            }
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    int fd = argc > 1 ? call(argv[1]) : -1;
    if (fd < 0) {
        fprintf(stderr, "usage: unix_stream PATH [BYTES]: nobody listens there\n");
        return 1;
    }
    return move(fd, argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
}
