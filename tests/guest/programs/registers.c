/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   registers read|same|wild FILE BASE SIZE [unaligned]    every register of a range, in every
 * width
 *
 * FILE is /dev/mem, in accesses of 1, 2, 4 and 8 bytes, or /dev/port, which has only those of one.
 * "read" reads; "same" writes back what was read; "wild" writes all-ones, zero and what was read
 * before, in turn. "unaligned" takes the accesses that are not aligned instead of those that are.
 * On ARM the processor refuses them where devices are (SIGBUS), but emulators exist that do not,
 * and what is written in part then means something else: not for "same" on a device in use.
 *
 * Prints how many accesses there were and how many of them were refused.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "widths.h"

#define PAGE 4096u

enum mode { READ, SAME, WILD };

static sigjmp_buf back;

static struct {
    unsigned long reads;
    unsigned long writes;
    unsigned long refused;
} counts;

static void caught(int signal)
{
    siglongjmp(back, signal);
}

static void access_mapped(volatile uint8_t *at, unsigned width, enum mode mode)
{
    if (sigsetjmp(back, 1) != 0) {
        counts.refused++;
        return;
    }
    uint64_t value = load_width(at, width);
    counts.reads++;
    if (mode == WILD) {
        store_width(at, width, UINT64_MAX);
        store_width(at, width, 0);
        counts.writes += 2;
    }
    if (mode != READ) {
        store_width(at, width, value);
        counts.writes++;
    }
}

static void sweep_mapped(volatile uint8_t *range, size_t size, enum mode mode, bool unaligned)
{
    for (unsigned width = 1; width <= 8; width *= 2) {
        for (size_t at = 0; at + width <= size; at++) {
            if ((at % width != 0) == unaligned) {
                access_mapped(range + at, width, mode);
            }
        }
    }
}

static bool sweep_memory(int file, uint64_t base, size_t size, enum mode mode, bool unaligned)
{
    size_t lead = base % PAGE;
    uint8_t *map =
        mmap(NULL, lead + size, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)(base - lead));

    if (map == MAP_FAILED) {
        perror("mmap");
        return false;
    }
    sweep_mapped(map + lead, size, mode, unaligned);
    munmap(map, lead + size);
    return true;
}

static bool put_port(int file, off_t port, uint8_t value)
{
    counts.writes++;
    return pwrite(file, &value, 1, port) == 1;
}

static bool sweep_ports(int file, off_t base, size_t size, enum mode mode)
{
    for (off_t port = base; port < base + (off_t)size; port++) {
        uint8_t value;
        counts.reads++;
        if (pread(file, &value, 1, port) != 1 ||
            (mode == WILD && (!put_port(file, port, 0xff) || !put_port(file, port, 0))) ||
            (mode != READ && !put_port(file, port, value))) {
            perror("port");
            return false;
        }
    }
    return true;
}

static bool parse_mode(const char *word, enum mode *mode)
{
    static const char *const words[] = { [READ] = "read", [SAME] = "same", [WILD] = "wild" };

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            *mode = (enum mode)i;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    const struct sigaction action = { .sa_handler = caught };
    enum mode mode;

    if (argc < 5 || argc > 6 || !parse_mode(argv[1], &mode) ||
        (argc == 6 && strcmp(argv[5], "unaligned") != 0)) {
        fprintf(stderr, "registers read|same|wild FILE BASE SIZE [unaligned]\n");
        return 2;
    }
    int file = open(argv[2], O_RDWR | O_SYNC);
    if (file < 0) {
        perror(argv[2]);
        return 1;
    }
    sigaction(SIGBUS, &action, NULL);
    uint64_t base = strtoull(argv[3], NULL, 0);
    size_t size = strtoull(argv[4], NULL, 0);
    bool done = strcmp(argv[2], "/dev/port") == 0 ? sweep_ports(file, (off_t)base, size, mode)
                                                  : sweep_memory(file, base, size, mode, argc == 6);
    printf("registers %s %s: %lu reads, %lu writes, %lu refused\n", argv[1], argv[3], counts.reads,
           counts.writes, counts.refused);
    return done ? 0 : 1;
}
