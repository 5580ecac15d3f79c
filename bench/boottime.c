/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Time one boot of a guest: run a VMM whose standard output is the guest's console and print
 *
 *     SETUP INIT
 *
 * in microseconds: from the start of the VMM's process to the first entry of a vCPU, and from there
 * to the moment the guest's init prints its marker.
 *
 *     boottime [--timeout SECONDS] MARKER VMM [ARGUMENT]...
 *
 * The first entry is the time stamp of KVM's own trace point kvm:kvm_entry, on the clock that the
 * other moments are taken from, so that nothing is asked of the VMM and every VMM is measured
 * alike. The trace keeps its oldest events, so recording costs nothing more once its small buffer
 * is full. Needs tracefs at /sys/kernel/tracing and root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"

/* The end of the console's output, to find the marker in and to show when it never comes. */
struct console {
    char text[4096];
    size_t used;
};

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "boottime: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_file(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value)) {
        die(path);
    }
    close(fd);
}

static void trace_start(void)
{
    write_file(TRACING "tracing_on", "0");
    write_file(TRACING "trace_clock", "mono");
    write_file(TRACING "options/overwrite", "0");
    write_file(TRACING "buffer_size_kb", "4");
    write_file(TRACING "trace", "\n");
    write_file(TRACING "events/kvm/kvm_entry/enable", "1");
    write_file(TRACING "tracing_on", "1");
}

static void trace_stop(void)
{
    write_file(TRACING "tracing_on", "0");
    write_file(TRACING "events/kvm/kvm_entry/enable", "0");
}

/* The earliest entry of any vCPU, or -1. A line is "task-pid [cpu] flags seconds.micros: kvm_entry:
 * …". */
static int64_t trace_first_entry(void)
{
    char line[512];
    int64_t first = -1;
    FILE *trace = fopen(TRACING "trace", "r");

    if (trace == NULL) {
        die(TRACING "trace");
    }
    while (fgets(line, sizeof(line), trace) != NULL) {
        char *end = strstr(line, ": kvm_entry:");
        char *start;
        long long seconds, micros;

        if (end == NULL || line[0] == '#') {
            continue;
        }
        *end = '\0';
        start = strrchr(line, ' ');
        if (start != NULL && sscanf(start, "%lld.%6lld", &seconds, &micros) == 2 &&
            (first < 0 || seconds * 1000000 + micros < first)) {
            first = seconds * 1000000 + micros;
        }
    }
    fclose(trace);
    return first;
}

/* Start the VMM; its console's output can be read from *from, its input stays open and silent. */
static pid_t start_vmm(char **argv, int *from)
{
    int in[2], out[2];
    pid_t pid;

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        die("pipe");
    }
    pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execvp(argv[0], argv);
        die(argv[0]);
    }
    close(in[0]);
    close(out[1]);
    *from = out[0];
    return pid;
}

/* Append what came, dropping the oldest half when there is no room. */
static void console_append(struct console *console, const char *data, size_t length)
{
    size_t room = sizeof(console->text) - 1;

    if (console->used + length > room) {
        size_t keep = console->used / 2;

        memmove(console->text, console->text + console->used - keep, keep);
        console->used = keep;
    }
    memcpy(console->text + console->used, data, length);
    console->used += length;
    console->text[console->used] = '\0';
}

/* Read the console until it closes or the time is over; the moment the marker was seen, or -1. */
static int64_t await_marker(int from, const char *marker, int64_t deadline, struct console *console)
{
    int64_t seen = -1;

    for (;;) {
        struct pollfd waiting = { .fd = from, .events = POLLIN };
        char data[1024];
        int64_t left = deadline - now_us();
        ssize_t got;

        if (left <= 0 || poll(&waiting, 1, (int)(left / 1000) + 1) <= 0) {
            return -1;
        }
        got = read(from, data, sizeof(data));
        if (got <= 0) {
            return seen;
        }
        if (seen < 0) {
            int64_t at = now_us();

            console_append(console, data, (size_t)got);
            if (strstr(console->text, marker) != NULL) {
                seen = at;
            }
        }
    }
}

int main(int argc, char **argv)
{
    static struct console console;
    int64_t limit = 120, begin, entry, seen;
    int from, status = -1;
    pid_t pid;

    if (argc > 3 && strcmp(argv[1], "--timeout") == 0) {
        limit = atoi(argv[2]);
        argc -= 2;
        argv += 2;
    }
    if (argc < 3) {
        fprintf(stderr, "boottime: usage: boottime [--timeout SECONDS] MARKER VMM [ARGUMENT]...\n");
        return 2;
    }
    trace_start();
    begin = now_us();
    pid = start_vmm(argv + 2, &from);
    seen = await_marker(from, argv[1], begin + limit * 1000000, &console);
    if (seen < 0) {
        kill(pid, SIGKILL);
    }
    waitpid(pid, &status, 0);
    trace_stop();
    entry = trace_first_entry();
    if (seen < 0 || entry < begin || status != 0) {
        fprintf(stderr, "boottime: %s: %s (wait status %d); the console's end:\n%s\n", argv[2],
                seen < 0        ? "no marker"
                : entry < begin ? "no vCPU entry was traced"
                                : "it failed",
                status, console.text);
        return 1;
    }
    printf("%lld %lld\n", (long long)(entry - begin), (long long)(seen - entry));
    return 0;
}
