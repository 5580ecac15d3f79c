/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast a block device is: direct I/O, so many requests at once, through the kernel's own
 * asynchronous calls.
 *
 *   blk_rate FILE read|write|randread|randwrite BYTES DEPTH COUNT
 *
 * Prints "MICROSECONDS COUNT BYTES": how long COUNT requests of BYTES took. Sequential ones begin
 * at the start again when they reach the end; random ones follow the same sequence each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 128u

struct run {
    int fd;
    bool write;
    bool random;
    uint64_t bytes;
    uint64_t blocks; /* Of so many bytes, in the file. */
    uint64_t count;
    uint64_t started;
    uint64_t seed;
};

static void die(const char *what)
{
    fprintf(stderr, "blk_rate: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Knuth's MMIX constants; the upper bits are the good ones. */
static uint64_t next_random(struct run *run)
{
    run->seed = run->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return run->seed >> 33;
}

static void prepare(struct run *run, struct iocb *request)
{
    uint64_t block = run->random ? next_random(run) : run->started;
    request->aio_offset = (int64_t)(block % run->blocks * run->bytes);
    run->started++;
}

static void submit(aio_context_t context, struct iocb **requests, long count)
{
    while (count > 0) {
        long done = syscall(SYS_io_submit, context, count, requests);
        if (done <= 0) {
            die("io_submit");
        }
        requests += done;
        count -= done;
    }
}

static void check(const struct run *run, const struct io_event *event)
{
    if (event->res != (int64_t)run->bytes) {
        errno = event->res < 0 ? (int)-event->res : EIO;
        die("request");
    }
}

/* What completes together is replaced together. */
static void go(struct run *run, aio_context_t context, struct iocb *requests, unsigned depth)
{
    struct iocb *ready[DEPTH_MAX];
    struct io_event events[DEPTH_MAX];
    uint64_t finished = 0;
    long count = 0;
    for (; count < (long)depth && run->started < run->count; count++) {
        ready[count] = &requests[count];
        prepare(run, ready[count]);
    }
    submit(context, ready, count);
    while (finished < run->count) {
        long got = syscall(SYS_io_getevents, context, 1L, (long)depth, events, NULL);
        if (got < 0) {
            die("io_getevents");
        }
        count = 0;
        for (long i = 0; i < got; i++) {
            check(run, &events[i]);
            if (run->started < run->count) {
                ready[count] = &requests[events[i].data];
                prepare(run, ready[count++]);
            }
        }
        finished += (uint64_t)got;
        submit(context, ready, count);
    }
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void make_requests(const struct run *run, struct iocb *requests, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        void *buffer = aligned_alloc(4096, run->bytes);
        if (!buffer) {
            die("memory");
        }
        memset(buffer, (int)i + 1, run->bytes);
        requests[i] = (struct iocb){
            .aio_data = i,
            .aio_lio_opcode = run->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
            .aio_fildes = (uint32_t)run->fd,
            .aio_buf = (uintptr_t)buffer,
            .aio_nbytes = run->bytes,
        };
    }
}

int main(int argc, char **argv)
{
    static struct iocb requests[DEPTH_MAX];
    aio_context_t context = 0;
    if (argc != 6) {
        fputs("usage: blk_rate FILE read|write|randread|randwrite BYTES DEPTH COUNT\n", stderr);
        return 2;
    }
    struct run run = {
        .write = strstr(argv[2], "write") != NULL,
        .random = strncmp(argv[2], "rand", 4) == 0,
        .bytes = strtoull(argv[3], NULL, 10),
        .count = strtoull(argv[5], NULL, 10),
        .seed = 1,
    };
    unsigned depth = (unsigned)strtoul(argv[4], NULL, 10);
    run.fd = open(argv[1], (run.write ? O_RDWR : O_RDONLY) | O_DIRECT);
    if (run.fd < 0) {
        die(argv[1]);
    }
    off_t size = lseek(run.fd, 0, SEEK_END);
    if (depth == 0 || depth > DEPTH_MAX || run.bytes == 0 || run.bytes % 4096 != 0 ||
        (uint64_t)size < run.bytes) {
        fputs(
            "blk_rate: BYTES are multiples of 4096 and no more than FILE has; DEPTH is 1 to 128\n",
            stderr);
        return 2;
    }
    run.blocks = (uint64_t)size / run.bytes;
    make_requests(&run, requests, depth);
    if (syscall(SYS_io_setup, depth, &context) != 0) {
        die("io_setup");
    }
    uint64_t start = now_us();
    go(&run, context, requests, depth);
    printf("%llu %llu %llu\n", (unsigned long long)(now_us() - start),
           (unsigned long long)run.count, (unsigned long long)run.bytes);
    return 0;
}
