/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast a network is, over TCP.
 *
 *   net_rate serve PORT                      one end: listens, prints its process, and does what
 * each client asks for, in the background net_rate send ADDRESS PORT BYTES         the other: to
 * the server, until it has them all, net_rate receive ADDRESS PORT BYTES      from it, net_rate put
 * ADDRESS PORT BYTES          as send, and the server checks every byte, net_rate get ADDRESS PORT
 * BYTES          as receive, and checks every byte, net_rate rtt ADDRESS PORT COUNT          or so
 * many times one byte there and back
 *
 * An ADDRESS is one of IPv4 or IPv6. Prints "MICROSECONDS COUNT" (of bytes or of round trips).
 * Status 1, and why: a connection that ends early, bytes that are not those that were sent.
 */
#include "stay_behind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What a client sends first; both ends have the same byte order. */
enum { SEND, RECEIVE, RTT, PUT, GET };
struct order {
    uint64_t what;
    uint64_t count;
};

static uint8_t buffer[256 << 10];

static void die(const char *what)
{
    fprintf(stderr, "net_rate: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void take(int fd, uint64_t count)
{
    while (count > 0) {
        ssize_t got = recv(fd, buffer, count < sizeof(buffer) ? count : sizeof(buffer), 0);
        if (got <= 0) {
            die("recv");
        }
        count -= (uint64_t)got;
    }
}

static void give(int fd, uint64_t count)
{
    while (count > 0) {
        ssize_t sent =
            send(fd, buffer, count < sizeof(buffer) ? count : sizeof(buffer), MSG_NOSIGNAL);
        if (sent <= 0) {
            die("send");
        }
        count -= (uint64_t)sent;
    }
}

/* What is in `buffer` at this place of the stream: no two words of it are the same. */
static uint64_t word_at(uint64_t position)
{
    return (position + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t piece(uint64_t left)
{
    return left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
}

/* Fills `buffer` with what belongs at `position`; true if `len` bytes of it were that already. */
static bool pattern(uint64_t position, size_t len)
{
    uint64_t different = 0;
    uint64_t word;
    for (size_t i = 0; i < sizeof(buffer); i += sizeof(word)) {
        const uint64_t wanted = word_at(position + i);
        memcpy(&word, buffer + i, sizeof(word));
        if (i + sizeof(word) <= len) {
            different |= word ^ wanted;
        } else if (i < len) {
            different |= memcmp(&word, &wanted, len - i) != 0;
        }
        memcpy(buffer + i, &wanted, sizeof(wanted));
    }
    return different == 0;
}

static void give_pattern(int fd, uint64_t count)
{
    for (uint64_t position = 0; position < count; position += sizeof(buffer)) {
        pattern(position, 0);
        give(fd, piece(count - position));
    }
}

static bool take_pattern(int fd, uint64_t count)
{
    bool good = true;
    for (uint64_t position = 0; position < count; position += sizeof(buffer)) {
        size_t len = piece(count - position);
        if (recv(fd, buffer, len, MSG_WAITALL) != (ssize_t)len) {
            die("recv");
        }
        good &= pattern(position, len);
    }
    return good;
}

static void set_up(int fd)
{
    const int one = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
        die("TCP_NODELAY");
    }
}

/* ---- The server ---- */

static void answer(int fd)
{
    struct order order;
    set_up(fd);
    if (recv(fd, &order, sizeof(order), MSG_WAITALL) != sizeof(order)) {
        die("order");
    }
    switch (order.what) {
    case SEND:
        take(fd, order.count);
        give(fd, 1);
        break;
    case RECEIVE:
        give(fd, order.count);
        take(fd, 1);
        break;
    case PUT:
        buffer[0] = take_pattern(fd, order.count);
        give(fd, 1);
        break;
    case GET:
        give_pattern(fd, order.count);
        take(fd, 1);
        break;
    default:
        for (; order.count > 0; order.count--) {
            take(fd, 1);
            give(fd, 1);
        }
        break;
    }
}

static void serve(uint16_t port)
{
    const int one = 1;
    /* For clients of IPv4 as well. */
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    int listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 8) != 0) {
        die("listen");
    }
    stay_behind();
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            die("accept");
        }
        if (fork() == 0) {
            answer(fd);
            _exit(0);
        }
        close(fd);
    }
}

/* ---- The client ---- */

static int connect_to(const char *text, uint16_t port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
    socklen_t len = sizeof(address.v4);

    if (inet_pton(AF_INET, text, &address.v4.sin_addr) != 1) {
        address.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
        len = sizeof(address.v6);
        if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) != 1) {
            errno = EINVAL;
            die(text);
        }
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, &address.any, len) != 0) {
        die("connect");
    }
    set_up(fd);
    return fd;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void ask(int fd, const struct order *order)
{
    if (send(fd, order, sizeof(*order), MSG_NOSIGNAL) != sizeof(*order)) {
        die("order");
    }
}

static void expect(bool good)
{
    if (!good) {
        fputs("net_rate: other bytes came than were sent\n", stderr);
        exit(1);
    }
}

static uint64_t measure(int fd, const struct order *order)
{
    uint64_t start = now_us();
    ask(fd, order);
    switch (order->what) {
    case SEND:
        give(fd, order->count);
        take(fd, 1);
        break;
    case RECEIVE:
        take(fd, order->count);
        break;
    case PUT:
        give_pattern(fd, order->count);
        take(fd, 1);
        expect(buffer[0] == 1);
        break;
    case GET:
        expect(take_pattern(fd, order->count));
        break;
    default:
        for (uint64_t i = 0; i < order->count; i++) {
            give(fd, 1);
            take(fd, 1);
        }
        break;
    }
    return now_us() - start;
}

static const char *const orders[] = {
    [SEND] = "send", [RECEIVE] = "receive", [RTT] = "rtt", [PUT] = "put", [GET] = "get",
};

int main(int argc, char **argv)
{
    const size_t known = sizeof(orders) / sizeof(orders[0]);
    struct order order = { .what = 0 };

    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        serve((uint16_t)strtoul(argv[2], NULL, 10));
    }
    while (argc == 5 && order.what < known && strcmp(argv[1], orders[order.what]) != 0) {
        order.what++;
    }
    if (argc != 5 || order.what == known) {
        fputs("usage: net_rate serve PORT | send|receive|put|get|rtt ADDRESS PORT COUNT\n", stderr);
        return 2;
    }
    order.count = strtoull(argv[4], NULL, 10);
    int fd = connect_to(argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
    uint64_t us = measure(fd, &order);
    if (order.what == RECEIVE || order.what == GET) {
        give(fd, 1);
    }
    printf("%llu %llu\n", (unsigned long long)us, (unsigned long long)order.count);
    return 0;
}
