/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's user of cross-VM connections: maps the BARs that sysfs shows. Where uio_pci_generic has
 * the function it waits for interrupts, else it looks again and again.
 *
 * NAME is that of the connection; "ivshmem" is a device of that name, QEMU's or ours, which has no
 * name and knows whether there was an event, not how many.
 *
 *   crossvm NAME name                what the function calls itself
 *   crossvm NAME emit COUNT          emits; prints COUNT and microseconds
 *   crossvm NAME count COUNT         takes events until there were COUNT; prints how many came
 *   crossvm NAME answer COUNT        emits an event for every event that comes
 *   crossvm NAME ask COUNT           emits one, waits for one; prints COUNT and microseconds
 *   crossvm NAME send                passes numbers to whoever receives, again and again
 *   crossvm NAME receive BYTES [WORD]  prints BYTES, "ok" or "wrong", their sum and microseconds;
 *                                    says WORD after the first MiB
 *   crossvm NAME relay OUT LAPS      a number goes round in a ring of guests: each adds 1
 *   crossvm NAME begin OUT LAPS      as its first; prints the number
 *   crossvm NAME storm MILLISECONDS  writes at every offset of the event page, at every width;
 * prints how often crossvm NAME work MILLISECONDS   prints how much could be done meanwhile
 *
 * And what two processes have in their place, to compare with:
 *
 *   crossvm - pipe COUNT             as ask and answer, with a byte through a pipe each way
 *   crossvm - memory BYTES           as send and receive, through memory of the size of 256 KiB
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "widths.h"

#define DEVICES   "/sys/bus/pci/devices"
#define PAGE      4096u
#define NAME_SIZE 48u
#define MIB       (UINT64_C(1) << 20)
#define QUIET_US  100000u

/* The event page, as words, */
#define EMIT    0
#define CONSUME 1
#define NAME    2

/* and the registers of ivshmem. */
#define MASK     0
#define STATUS   1
#define POSITION 2
#define DOORBELL 3

/* PCI 3.0, 6.2.2 */
#define COMMAND      4
#define INTX_DISABLE 0x400u

/* In the dataport's first page: numbers pass through the rest, from who sends to who receives. */
struct header {
    uint64_t want;    /* Who receives wants them from the beginning on, and gives it a number. */
    uint64_t session; /* Who sends has begun anew for that one. */
    uint64_t produced;
    uint64_t consumed;
    uint64_t token; /* Of a ring. */
};

struct connection {
    volatile uint32_t *event;
    struct header *header;
    volatile uint64_t *ring;
    uint64_t words;
    int interrupt; /* Of the driver; -1: there is none. */
    int config;    /* The configuration space, to allow the next one. */
    bool ivshmem;
};

static void die(const char *what)
{
    fprintf(stdout, "crossvm: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t load(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void store(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static unsigned pauses; /* Since there was something to do. */

/* Looks again a little later, and less and less often: who only looks is in the others' way. */
static void pause_a_little(void)
{
    const struct timespec time = { .tv_nsec = 100000L << (pauses < 60 ? pauses / 10 : 6) };
    nanosleep(&time, NULL);
    pauses++;
}

static void go_on(void)
{
    pauses = 0;
}

/* ---- Finding it ---- */

static void *map(const char *device, const char *file, uint64_t *size)
{
    char path[300];
    struct stat status;
    snprintf(path, sizeof(path), DEVICES "/%s/%s", device, file);
    int fd = open(path, O_RDWR | O_SYNC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        return NULL;
    }
    *size = (uint64_t)status.st_size;
    void *memory = mmap(NULL, (size_t)*size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool file_has(const char *device, const char *file, const char *text)
{
    char path[300];
    char line[32] = "";
    snprintf(path, sizeof(path), DEVICES "/%s/%s", device, file);
    FILE *stream = fopen(path, "r");
    bool has = stream && fgets(line, sizeof(line), stream) && strncmp(line, text, 6) == 0;
    if (stream) {
        fclose(stream);
    }
    return has;
}

static void enable(const char *device)
{
    char path[300];
    snprintf(path, sizeof(path), DEVICES "/%s/enable", device);
    int fd = open(path, O_WRONLY);
    /* A driver that has it enables it, and answers that it is busy. */
    if (fd < 0 || (write(fd, "1", 1) != 1 && errno != EBUSY)) {
        die(path);
    }
    close(fd);
}

static void read_name(const struct connection *connection, char name[NAME_SIZE + 1])
{
    for (unsigned i = 0; i < NAME_SIZE / 4; i++) {
        uint32_t word = connection->event[NAME + i];
        memcpy(name + 4 * i, &word, 4);
    }
    name[NAME_SIZE] = '\0';
}

/* uio_pci_generic disables INTx at every interrupt; whoever waits for the next one enables it. */
static void open_interrupt(const char *device, struct connection *connection)
{
    char path[300];
    connection->interrupt = -1;
    for (unsigned i = 0; i < 8 && connection->interrupt < 0; i++) {
        snprintf(path, sizeof(path), DEVICES "/%s/uio/uio%u", device, i);
        if (access(path, F_OK) == 0) {
            snprintf(path, sizeof(path), "/dev/uio%u", i);
            connection->interrupt = open(path, O_RDWR);
            snprintf(path, sizeof(path), DEVICES "/%s/config", device);
            connection->config = open(path, O_RDWR);
            if (connection->interrupt < 0 || connection->config < 0) {
                die(path);
            }
        }
    }
}

static void map_ring(const char *device, const char *file, struct connection *connection)
{
    char combined[32];
    uint64_t size;
    snprintf(combined, sizeof(combined), "%s_wc", file);
    connection->header = map(device, combined, &size);
    if (!connection->header) {
        connection->header = map(device, file, &size);
    }
    if (!connection->header || size < PAGE) {
        die(file);
    }
    connection->ring = (volatile uint64_t *)(uintptr_t)((char *)connection->header + PAGE);
    connection->words = (size - PAGE) / 8;
}

static bool use(const char *device, const char *wanted, struct connection *connection)
{
    char name[NAME_SIZE + 1];
    uint64_t size;
    enable(device);
    connection->event = map(device, "resource0", &size);
    if (!connection->event) {
        die("resource0");
    }
    read_name(connection, name);
    if (strcmp(name, wanted) != 0) {
        munmap((void *)(uintptr_t)connection->event, (size_t)size);
        return false;
    }
    map_ring(device, "resource1", connection);
    open_interrupt(device, connection);
    return true;
}

static void use_ivshmem(const char *device, struct connection *connection)
{
    uint64_t size;
    enable(device);
    connection->event = map(device, "resource0", &size);
    if (!connection->event) {
        die("resource0");
    }
    map_ring(device, "resource2", connection);
    open_interrupt(device, connection);
    connection->event[MASK] = 1; /* INTx, where the device has it. */
    connection->ivshmem = true;
}

static struct connection find(const char *name)
{
    struct connection connection = { .words = 0 };
    DIR *devices = opendir(DEVICES);
    if (!devices) {
        die(DEVICES);
    }
    for (struct dirent *entry = readdir(devices); entry; entry = readdir(devices)) {
        if (strcmp(name, "ivshmem") == 0 && file_has(entry->d_name, "device", "0x1110")) {
            use_ivshmem(entry->d_name, &connection);
            closedir(devices);
            return connection;
        }
        if (file_has(entry->d_name, "vendor", "0x1af4") &&
            file_has(entry->d_name, "device", "0xa111") && use(entry->d_name, name, &connection)) {
            closedir(devices);
            return connection;
        }
    }
    errno = ENODEV;
    die(name);
    return connection;
}

/* ---- Events ---- */

static void emit(const struct connection *connection)
{
    if (connection->ivshmem) {
        /* The other one's, its vector 0. */
        connection->event[DOORBELL] = connection->event[POSITION] ? 0 : 1 << 16;
    } else {
        *(volatile uint8_t *)(uintptr_t)&connection->event[EMIT] = 1;
    }
}

static uint32_t take(const struct connection *connection)
{
    if (connection->ivshmem) {
        return connection->event[STATUS] & 1; /* Read, and so cleared. */
    }
    uint32_t count = connection->event[CONSUME];
    if (count) {
        connection->event[CONSUME] = 0;
    }
    return count;
}

static void emit_many(const struct connection *connection, uint64_t count)
{
    uint64_t start = now_us();
    for (uint64_t i = 0; i < count; i++) {
        emit(connection);
    }
    printf("%ju %ju\n", (uintmax_t)count, (uintmax_t)(now_us() - start));
}

static void wait_interrupt(const struct connection *connection)
{
    uint16_t command;
    uint32_t count;
    if (connection->interrupt < 0) {
        pause_a_little();
        return;
    }
    if (pread(connection->config, &command, 2, COMMAND) != 2) {
        die("config");
    }
    command &= (uint16_t)~INTX_DISABLE;
    if (pwrite(connection->config, &command, 2, COMMAND) != 2 ||
        read(connection->interrupt, &count, sizeof(count)) != (ssize_t)sizeof(count)) {
        die("uio");
    }
}

/* Now and then, however many come. Those that come too many are counted too, for a while. */
static void count_events(const struct connection *connection, uint64_t want)
{
    uint64_t count = 0;
    uint64_t last = now_us();
    while (count < want || now_us() - last < QUIET_US) {
        uint32_t more = take(connection);
        count += more;
        last = more ? now_us() : last;
        pause_a_little();
    }
    printf("%ju\n", (uintmax_t)count);
}

static void wait_event(const struct connection *connection)
{
    go_on();
    while (!take(connection)) {
        wait_interrupt(connection);
    }
}

static void ask(const struct connection *connection, uint64_t count)
{
    uint64_t start = now_us();
    for (uint64_t i = 0; i < count; i++) {
        emit(connection);
        wait_event(connection);
    }
    printf("%ju %ju\n", (uintmax_t)count, (uintmax_t)(now_us() - start));
}

static void answer(const struct connection *connection, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        wait_event(connection);
        emit(connection);
    }
}

/* ---- Numbers through the dataport ---- */

static uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* For one who receives, until it wants to begin anew. */
static void send_session(struct connection *connection, uint64_t want)
{
    struct header *header = connection->header;
    uint64_t state = want;
    uint64_t produced = 0;
    store(&header->produced, 0);
    store(&header->session, want);
    while (load(&header->want) == want) {
        uint64_t consumed = load(&header->consumed);
        if (consumed > produced || produced - consumed >= connection->words) {
            pause_a_little();
            continue;
        }
        go_on();
        uint64_t room = connection->words - (produced - consumed);
        for (uint64_t i = 0; i < room; i++, produced++) {
            connection->ring[produced % connection->words] = next_number(&state);
        }
        store(&header->produced, produced);
        emit(connection);
    }
}

static void send(struct connection *connection)
{
    store(&connection->header->session, 0);
    for (;;) {
        uint64_t want = load(&connection->header->want);
        if (want) {
            send_session(connection, want);
        } else {
            pause_a_little();
        }
    }
}

struct receipt {
    uint64_t got; /* Words. */
    uint64_t sum;
    bool right;
};

/* False: who sends has begun anew. */
static bool receive_some(struct connection *connection, uint64_t want, uint64_t words,
                         uint64_t *state, struct receipt *receipt)
{
    struct header *header = connection->header;
    uint64_t produced = load(&header->produced);
    if (load(&header->session) != want || produced < receipt->got ||
        produced - receipt->got > connection->words) {
        return false;
    }
    for (; receipt->got < produced && receipt->got < words; receipt->got++) {
        uint64_t number = connection->ring[receipt->got % connection->words];
        receipt->right = receipt->right && number == next_number(state);
        receipt->sum += number;
    }
    store(&header->consumed, receipt->got);
    return true;
}

static void receive(struct connection *connection, uint64_t bytes, const char *word)
{
    struct header *header = connection->header;
    struct receipt receipt = { .got = 0 };
    uint64_t start = now_us();
    while (receipt.got < bytes / 8) {
        /* Another one than before, in another guest's life too. */
        uint64_t want = (load(&header->want) * 6364136223846793005u + now_us()) | 1;
        uint64_t state = want;
        receipt = (struct receipt){ .right = true };
        store(&header->consumed, 0);
        store(&header->want, want);
        go_on();
        while (load(&header->session) != want) {
            pause_a_little();
        }
        start = now_us();
        while (receipt.got < bytes / 8) {
            uint64_t before = receipt.got;
            if (!receive_some(connection, want, bytes / 8, &state, &receipt)) {
                break;
            }
            if (word && receipt.got * 8 >= MIB) {
                printf("%s\n", word);
                fflush(stdout);
                word = NULL;
            }
            if (receipt.got == before) {
                pause_a_little();
            } else {
                go_on();
            }
        }
    }
    store(&header->want, 0);
    printf("%ju %s %016jx %ju\n", (uintmax_t)bytes, receipt.right ? "ok" : "wrong",
           (uintmax_t)receipt.sum, (uintmax_t)(now_us() - start));
}

/* ---- A ring of guests ---- */

static void pass(const struct connection *out, uint64_t token)
{
    store(&out->header->token, token);
    emit(out);
}

static void relay(const struct connection *in, const struct connection *out, uint64_t laps)
{
    for (uint64_t i = 0; i < laps; i++) {
        wait_event(in);
        pass(out, load(&in->header->token) + 1);
    }
}

static void begin(const struct connection *in, const struct connection *out, uint64_t laps)
{
    uint64_t token = 0;
    for (uint64_t i = 0; i < laps; i++) {
        pass(out, token + 1);
        wait_event(in);
        token = load(&in->header->token);
    }
    printf("%ju\n", (uintmax_t)token);
}

/* ---- Good and bad neighbours ---- */

/* All of the page at least once, and as often as there is time for. */
static void storm(const struct connection *connection, uint64_t milliseconds)
{
    uint64_t end = now_us() + milliseconds * 1000;
    uint64_t writes = 0;
    do {
        for (unsigned width = 1; width <= 8; width *= 2) {
            for (unsigned at = 0; at < PAGE; at += width, writes++) {
                store_width((volatile uint8_t *)(uintptr_t)connection->event + at, width,
                            UINT64_MAX);
            }
        }
    } while (now_us() < end);
    printf("%ju\n", (uintmax_t)writes);
}

static void work(uint64_t milliseconds)
{
    uint64_t end = now_us() + milliseconds * 1000;
    uint64_t state = 1;
    uint64_t done = 0;
    /* What it comes to is tested, so that it is done. */
    for (; now_us() < end && state != 0; done++) {
        for (unsigned i = 0; i < 10000; i++) {
            next_number(&state);
        }
    }
    printf("%ju\n", (uintmax_t)done);
}

/* ---- Two processes ---- */

static void ask_by_pipe(uint64_t count)
{
    int there[2];
    int back[2];
    char byte = 0;
    if (pipe(there) != 0 || pipe(back) != 0) {
        die("pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1) {
        }
        _exit(0);
    }
    uint64_t start = now_us();
    for (uint64_t i = 0; i < count; i++) {
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) {
            die("pipe");
        }
    }
    printf("%ju %ju\n", (uintmax_t)count, (uintmax_t)(now_us() - start));
    close(there[1]);
    waitpid(child, NULL, 0);
}

static void receive_by_memory(uint64_t bytes)
{
    const size_t size = 256 << 10;
    static volatile uint32_t event[PAGE / 4];
    struct connection connection = { .event = event, .interrupt = -1 };
    connection.header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (connection.header == MAP_FAILED) {
        die("memory");
    }
    connection.ring = (volatile uint64_t *)(uintptr_t)((char *)connection.header + PAGE);
    connection.words = (size - PAGE) / 8;
    pid_t child = fork();
    if (child == 0) {
        send(&connection);
    }
    receive(&connection, bytes, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void usage(void)
{
    fputs("crossvm NAME COMMAND [ARGUMENT]...\n", stderr);
    exit(2);
}

int main(int argc, char *argv[])
{
    if (argc < 3) {
        usage();
    }
    const char *command = argv[2];
    uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if (strcmp(argv[1], "-") == 0) {
        if (strcmp(command, "pipe") == 0) {
            ask_by_pipe(number);
        } else if (strcmp(command, "memory") == 0) {
            receive_by_memory(number);
        } else {
            usage();
        }
        return 0;
    }
    struct connection connection = find(argv[1]);
    if (strcmp(command, "name") == 0) {
        puts(argv[1]);
    } else if (strcmp(command, "emit") == 0) {
        emit_many(&connection, number);
    } else if (strcmp(command, "count") == 0) {
        count_events(&connection, number);
    } else if (strcmp(command, "ask") == 0) {
        ask(&connection, number);
    } else if (strcmp(command, "answer") == 0) {
        answer(&connection, number);
    } else if (strcmp(command, "send") == 0) {
        send(&connection);
    } else if (strcmp(command, "receive") == 0) {
        receive(&connection, number, argc > 4 ? argv[4] : NULL);
    } else if (strcmp(command, "storm") == 0) {
        storm(&connection, number);
    } else if (strcmp(command, "work") == 0) {
        work(number);
    } else if (argc > 4 && (strcmp(command, "relay") == 0 || strcmp(command, "begin") == 0)) {
        struct connection out = find(argv[3]);
        (strcmp(command, "relay") == 0 ? relay : begin)(&connection, &out,
                                                        strtoull(argv[4], NULL, 10));
    } else {
        usage();
    }
    return 0;
}
