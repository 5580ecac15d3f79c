/* SPDX-License-Identifier: BSD-2-Clause */
/* User-mode networking: a guest without an operating system gets an address and reaches ports. */
#include "support/net_outside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int test_net_user(void);

static uint8_t frame[34000];
static uint8_t got[3000];

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static uint8_t router[6];

/* False, and a line, in builds without libslirp. */
static bool open_user(struct net_outside *outside, const struct hosted_net_forward *forwards,
                      unsigned count, unsigned mtu)
{
    char why[HOSTED_NET_WHY] = "";
    struct hosted_net *net;
    int result = hosted_net_open_user(&net, forwards, count, mtu, why);
    if (result == -ENOSYS) {
        assert_non_null(strstr(why, "libslirp"));
        print_message("skipped: built without libslirp\n");
        return false;
    }
    assert_int_equal(result, 0);
    net_outside_make(outside, net, 1, 100);
    return true;
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

static unsigned checksum(const uint8_t *bytes, size_t len, unsigned start)
{
    uint32_t sum = start;
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? bytes[i] : (unsigned)bytes[i] << 8;
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum & 0xffff;
}

/* An IPv4 frame of `len` bytes after its header, from `from` to `to` (last bytes: 10.0.2.x). */
static size_t ipv4(const uint8_t *mac, uint8_t protocol, uint32_t from, uint32_t to, size_t len)
{
    uint8_t *ip = frame + 14;
    memcpy(frame, mac, 6);
    memcpy(frame + 6, net_bench_mac, 6);
    put16(frame + 12, 0x0800);
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)len + 20);
    ip[8] = 64;
    ip[9] = protocol;
    from = htonl(from);
    to = htonl(to);
    memcpy(ip + 12, &from, 4);
    memcpy(ip + 16, &to, 4);
    put16(ip + 10, checksum(ip, 20, 0));
    return 34 + len;
}

#define GUEST  0x0a00020fu
#define ROUTER 0x0a000202u

/* The next IPv4 frame with this protocol for the guest: its length, what is in it at `*payload`. */
static size_t next_ipv4(struct net_outside *outside, uint8_t protocol, const uint8_t **payload)
{
    for (unsigned i = 0; i < 50; i++) {
        size_t len = net_outside_take(outside, got, sizeof(got), 50);
        if (len == 0) {
            break;
        }
        net_bench_post(outside->bench, NET_RX, 1, 2000, 1);
        const uint8_t *ip = got + HDR_SIZE + 14;
        if (get16(got + HDR_SIZE + 12) == 0x0800 && ip[9] == protocol) {
            memcpy(router, got + HDR_SIZE + 6, 6);
            *payload = ip + 20;
            return get16(ip + 2) - 20u;
        }
        if (get16(got + HDR_SIZE + 12) == 0x0806 && ip[7] == 1) {
            /* Who has 10.0.2.15? */
            memset(frame, 0, 60);
            memcpy(frame, got + HDR_SIZE + 6, 6);
            memcpy(frame + 6, net_bench_mac, 6);
            memcpy(frame + 12, got + HDR_SIZE + 12, 8);
            frame[21] = 2;
            memcpy(frame + 22, net_bench_mac, 6);
            memcpy(frame + 28, ip + 24, 4);
            memcpy(frame + 32, ip + 8, 10);
            net_outside_send(outside, frame, 60);
        }
    }
    return 0;
}

/* DHCPDISCOVER (RFC 2131) from a guest that knows nothing. */
static void dhcp_offers_an_address(void **state)
{
    struct net_outside outside;
    const uint8_t *udp;
    (void)state;
    if (!open_user(&outside, NULL, 0, 0)) {
        return;
    }
    memset(frame, 0, sizeof(frame));
    uint8_t *bootp = frame + 14 + 20 + 8;
    bootp[0] = bootp[1] = 1;
    bootp[2] = 6;
    bootp[7] = 0x42;
    memcpy(bootp + 28, net_bench_mac, 6);
    const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 };
    memcpy(bootp + 236, options, sizeof(options));
    put16(frame + 34, 68);
    put16(frame + 36, 67);
    put16(frame + 38, 8 + 300);
    size_t len = ipv4(broadcast, 17, 0, 0xffffffff, 8 + 300);
    net_outside_send(&outside, frame, len);
    assert_true(next_ipv4(&outside, 17, &udp) > 250);
    assert_int_equal(get16(udp), 67);
    assert_int_equal(get16(udp + 2), 68);
    const uint8_t offered[4] = { 10, 0, 2, 15 };
    assert_int_equal(udp[8 + 7], 0x42);
    assert_memory_equal(udp + 8 + 16, offered, 4);
    assert_memory_equal(udp + 8 + 236, options, 6);
    assert_int_equal(udp[8 + 242], 2); /* DHCPOFFER */
    net_outside_unmake(&outside);
}

/* An echo request to the router (RFC 792): it answers itself. */
static void the_router_answers_a_ping(void **state)
{
    struct net_outside outside;
    const uint8_t *icmp;
    (void)state;
    if (!open_user(&outside, NULL, 0, 0)) {
        return;
    }
    memset(frame, 0, sizeof(frame));
    frame[34] = 8;
    memset(frame + 42, 0x5a, 100);
    put16(frame + 36, checksum(frame + 34, 108, 0));
    const uint8_t mac[6] = { 0x52, 0x55, 10, 0, 2, 2 };
    net_outside_send(&outside, frame, ipv4(mac, 1, GUEST, ROUTER, 108));
    assert_int_equal(next_ipv4(&outside, 1, &icmp), 108);
    assert_int_equal(icmp[0], 0);
    assert_int_equal(icmp[50], 0x5a);
    net_outside_unmake(&outside);
}

static unsigned free_port(int type)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, type, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static int connect_to(int type, unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    int result = connect(fd, (struct sockaddr *)&address, sizeof(address));
    assert_true(result == 0 || errno == EINPROGRESS);
    return fd;
}

/* A datagram to a forwarded port reaches the guest, and its answer the sender. */
static void a_forwarded_udp_port(void **state)
{
    struct net_outside outside;
    const uint8_t *udp;
    char answer[16];
    unsigned port = free_port(SOCK_DGRAM);
    struct hosted_net_forward forward = { .udp = true,
                                          .host.s_addr = htonl(INADDR_LOOPBACK),
                                          .host_port = (uint16_t)port,
                                          .guest_port = 7 };
    (void)state;
    if (!open_user(&outside, &forward, 1, 0)) {
        return;
    }
    int fd = connect_to(SOCK_DGRAM, port);
    assert_int_equal(send(fd, "question", 8, 0), 8);
    assert_int_equal(next_ipv4(&outside, 17, &udp), 8 + 8);
    assert_int_equal(get16(udp + 2), 7);
    assert_memory_equal(udp + 8, "question", 8);
    unsigned from = get16(udp);
    uint32_t sender;
    memcpy(&sender, udp - 20 + 12, 4);
    put16(frame + 34, 7);
    put16(frame + 36, from);
    put16(frame + 38, 8 + 6);
    put16(frame + 40, 0);
    memcpy(frame + 42, "answer", 6);
    net_outside_send(&outside, frame, ipv4(router, 17, GUEST, ntohl(sender), 14));
    for (unsigned i = 0; i < 50 && recv(fd, answer, 6, 0) != 6; i++) {
        hosted_event_loop_step(outside.loop, 20);
    }
    assert_memory_equal(answer, "answer", 6);
    close(fd);
    net_outside_unmake(&outside);
}

/* Nothing longer than the guest's MTU is made: a datagram comes in fragments (RFC 791, 3.2). */
static void fragments_of_the_guests_mtu(void **state)
{
    static const char datagram[1400] = "long";
    struct net_outside outside;
    const uint8_t *part;
    unsigned port = free_port(SOCK_DGRAM);
    struct hosted_net_forward forward = { .udp = true,
                                          .host.s_addr = htonl(INADDR_LOOPBACK),
                                          .host_port = (uint16_t)port,
                                          .guest_port = 7 };
    size_t done = 0;
    (void)state;
    if (!open_user(&outside, &forward, 1, 596)) {
        return;
    }
    int fd = connect_to(SOCK_DGRAM, port);
    assert_int_equal(send(fd, datagram, sizeof(datagram), 0), sizeof(datagram));
    while (done < 8 + sizeof(datagram)) {
        size_t len = next_ipv4(&outside, 17, &part);
        assert_in_range(len, 1, 576);
        done += len;
    }
    close(fd);
    net_outside_unmake(&outside);
}

/* A connection to a forwarded port: the guest sees the SYN. */
static void a_forwarded_tcp_port(void **state)
{
    struct net_outside outside;
    const uint8_t *tcp;
    unsigned port = free_port(SOCK_STREAM);
    struct hosted_net_forward forward = { .host.s_addr = htonl(INADDR_LOOPBACK),
                                          .host_port = (uint16_t)port,
                                          .guest_port = 2222 };
    char why[HOSTED_NET_WHY];
    struct hosted_net *net;
    (void)state;
    if (!open_user(&outside, &forward, 1, 0)) {
        return;
    }
    /* It is taken now. */
    assert_true(hosted_net_open_user(&net, &forward, 1, 0, why) < 0);
    assert_null(net);
    assert_non_null(strstr(why, "choose another"));
    int fd = connect_to(SOCK_STREAM, port);
    assert_true(next_ipv4(&outside, 6, &tcp) >= 20);
    assert_int_equal(get16(tcp + 2), 2222);
    assert_int_equal(tcp[13] & 0x3f, 0x02);
    close(fd);
    net_outside_unmake(&outside);
}

/* The machine is made again: another model, the same outside. */
static void attached_twice(void **state)
{
    struct net_outside outside;
    (void)state;
    if (!open_user(&outside, NULL, 0, 0)) {
        return;
    }
    hosted_net_detach(outside.net);
    hosted_net_detach(outside.net);
    net_bench_unmake(outside.bench);
    struct hosted_net *net = outside.net;
    hosted_event_loop_destroy(outside.loop);
    net_outside_make(&outside, net, 1, 100);
    memset(frame, 0, sizeof(frame));
    const uint8_t *icmp;
    const uint8_t mac[6] = { 0x52, 0x55, 10, 0, 2, 2 };
    frame[34] = 8;
    put16(frame + 36, checksum(frame + 34, 8, 0));
    net_outside_send(&outside, frame, ipv4(mac, 1, GUEST, ROUTER, 8));
    assert_int_equal(next_ipv4(&outside, 1, &icmp), 8);
    net_outside_unmake(&outside);
}

/* Frames that make no sense, of every length. */
static void nonsense(void **state)
{
    struct net_outside outside;
    (void)state;
    if (!open_user(&outside, NULL, 0, 0)) {
        return;
    }
    for (unsigned i = 0; i < 1500; i++) {
        size_t len = 14 + i * 7 % 1480;
        net_bench_fill(frame, len, broadcast, (uint8_t)i);
        put16(frame + 12, i % 3 == 0 ? 0x0800 : i % 3 == 1 ? 0x86dd : 0x0806);
        if (i % 2 && len > 40) {
            ipv4(broadcast, (uint8_t)i, GUEST, ROUTER, len - 34);
        }
        net_outside_send(&outside, frame, len);
        net_bench_finished(outside.bench, NET_TX);
        hosted_event_loop_step(outside.loop, 0);
    }
    assert_int_equal(outside.bench->net.stats.tx_frames, 1500);
    net_outside_unmake(&outside);
}

/* A guest without buffers costs nothing, whatever waits for it. */
static void the_loop_sleeps_while_frames_wait(void **state)
{
    struct net_outside outside;
    const uint8_t mac[6] = { 0x52, 0x55, 10, 0, 2, 2 };
    unsigned port = free_port(SOCK_DGRAM);
    struct hosted_net_forward forward = { .udp = true,
                                          .host.s_addr = htonl(INADDR_LOOPBACK),
                                          .host_port = (uint16_t)port,
                                          .guest_port = 7 };
    const uint8_t *udp;
    (void)state;
    if (!open_user(&outside, &forward, 1, 0)) {
        return;
    }
    /* Again, and without buffers. */
    virtio_driver_reset(&outside.bench->driver);
    outside.bench->driver.next_gpa = outside.bench->buffers + 0x180000;
    net_bench_start(outside.bench, NET_ALL);
    memset(frame, 0, sizeof(frame));
    frame[34] = 8;
    put16(frame + 36, checksum(frame + 34, 8, 0));
    net_outside_send(&outside, frame, ipv4(mac, 1, GUEST, ROUTER, 8));
    int fd = connect_to(SOCK_DGRAM, port);
    assert_int_equal(send(fd, "question", 8, 0), 8);
    hosted_event_loop_step(outside.loop, 0);
    const struct vmmp_host host = hosted_event_loop_host(outside.loop);
    uint64_t start = host.ops->now(host.cookie);
    for (unsigned i = 0; i < 20; i++) {
        hosted_event_loop_step(outside.loop, 10);
    }
    assert_true(host.ops->now(host.cookie) - start > 100000000);
    /* Nothing was lost. */
    net_bench_post(outside.bench, NET_RX, 20, 2000, 1);
    virtio_driver_kick(&outside.bench->driver, NET_RX);
    net_bench_settle(outside.bench);
    assert_int_equal(next_ipv4(&outside, 17, &udp), 8 + 8);
    close(fd);
    net_outside_unmake(&outside);
}

/* ---- Checksums and long segments, left to the device (5.1.6.2) ---- */

#define TCP_SYN 0x02u
#define TCP_ACK 0x10u

/* What the guest's kernel puts where the checksum belongs: the sum of RFC 793's pseudo header. */
static unsigned pseudo_sum(unsigned protocol, size_t len)
{
    uint8_t pseudo[12] = { 0 };
    memcpy(pseudo, frame + 14 + 12, 8);
    pseudo[9] = (uint8_t)protocol;
    put16(pseudo + 10, (unsigned)len);
    return ~checksum(pseudo, sizeof(pseudo), 0) & 0xffff;
}

static void put_le16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

/* `frame` with a checksum to be filled in, `offset` behind the headers that end at `start`;
 * `segment` > 0: TCP in segments of that many bytes. */
static void send_incomplete(struct net_outside *outside, size_t len, unsigned start,
                            unsigned offset, unsigned segment)
{
    uint8_t head[HDR_SIZE] = { VIRTIO_NET_HDR_F_NEEDS_CSUM };
    head[HDR_GSO_TYPE] = segment > 0 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE;
    put_le16(head + HDR_HDR_LEN, start + 20);
    put_le16(head + HDR_GSO_SIZE, segment);
    put_le16(head + HDR_CSUM_START, start);
    put_le16(head + HDR_CSUM_OFFSET, offset);
    net_bench_send(outside->bench, NET_TX, head, frame, len, 3);
    virtio_driver_kick(&outside->bench->driver, NET_TX);
}

/* A segment from port 1000 to `port`, its data in place behind the headers. */
static void send_tcp(struct net_outside *outside, unsigned port, uint32_t seq, uint32_t ack,
                     unsigned flags, size_t data)
{
    const uint8_t mac[6] = { 0x52, 0x55, 10, 0, 2, 2 };
    uint8_t *tcp = frame + 34;
    size_t len = ipv4(mac, 6, GUEST, ROUTER, 20 + data);
    const uint32_t numbers[2] = { htonl(seq), htonl(ack) };
    memset(tcp, 0, 20);
    put16(tcp, 1000);
    put16(tcp + 2, port);
    memcpy(tcp + 4, numbers, 8);
    tcp[12] = 5 << 4;
    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, 65535);
    put16(tcp + 16, pseudo_sum(6, 20 + data));
    send_incomplete(outside, len, 34, 16, data > 1460 ? 1460 : 0);
}

static int server(int type, unsigned *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Reads until `len` bytes have come; how many have. */
static size_t read_all(struct net_outside *outside, int fd, uint8_t *to, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < 100 && done < len; i++) {
        ssize_t part = recv(fd, to + done, len - done, 0);
        done += part > 0 ? (size_t)part : 0;
        hosted_event_loop_step(outside->loop, part > 0 ? 0 : 20);
    }
    return done;
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* As long as the window lets it be, of even and of odd length: one frame, one acknowledgement. */
static void a_long_segment_goes_through_whole(void **state)
{
    static const size_t lengths[] = { 1, 1461, 30000, 32767 };
    static uint8_t arrived[40000];
    struct net_outside outside;
    const uint8_t *tcp;
    unsigned port;
    uint32_t seq = 0x7ffffff0;
    (void)state;
    if (!open_user(&outside, NULL, 0, 0)) {
        return;
    }
    assert_true(virtio_driver_has(&outside.bench->driver, VIRTIO_NET_F_HOST_TSO4));
    int listener = server(SOCK_STREAM, &port);
    assert_int_equal(listen(listener, 1), 0);
    send_tcp(&outside, port, seq++, 0, TCP_SYN, 0);
    assert_true(next_ipv4(&outside, 6, &tcp) >= 20);
    assert_int_equal(tcp[13], TCP_SYN | TCP_ACK);
    assert_int_equal(get32(tcp + 8), seq);
    assert_true(get16(tcp + 14) >= 32767);
    uint32_t ack = get32(tcp + 4) + 1;
    send_tcp(&outside, port, seq, ack, TCP_ACK, 0);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        net_bench_fill(frame + 54, lengths[i], net_bench_mac, (uint8_t)i);
        send_tcp(&outside, port, seq, ack, TCP_ACK, lengths[i]);
        seq += (uint32_t)lengths[i];
        assert_int_equal(read_all(&outside, fd, arrived, lengths[i]), lengths[i]);
        assert_memory_equal(arrived, frame + 54, lengths[i]);
        do {
            assert_true(next_ipv4(&outside, 6, &tcp) >= 20);
        } while (get32(tcp + 8) != seq);
    }
    assert_int_equal(outside.bench->net.stats.tx_malformed, 0);
    close(fd);
    close(listener);
    net_outside_unmake(&outside);
}

/* libslirp drops datagrams whose checksum is wrong, so what arrives had a right one. */
static void a_checksum_is_filled_in(void **state)
{
    const uint8_t mac[6] = { 0x52, 0x55, 10, 0, 2, 2 };
    uint8_t arrived[64];
    struct net_outside outside;
    unsigned port;
    (void)state;
    if (!open_user(&outside, NULL, 0, 0)) {
        return;
    }
    int fd = server(SOCK_DGRAM, &port);
    for (size_t len = 1; len < sizeof(arrived); len++) {
        memset(frame, (int)(0x11 * len), sizeof(frame));
        put16(frame + 34, 1000);
        put16(frame + 36, port);
        put16(frame + 38, 8 + (unsigned)len);
        size_t all = ipv4(mac, 17, GUEST, ROUTER, 8 + len);
        put16(frame + 40, pseudo_sum(17, 8 + len));
        send_incomplete(&outside, all, 34, 6, 0);
        assert_int_equal(read_all(&outside, fd, arrived, len), len);
        assert_memory_equal(arrived, frame + 42, len);
        net_bench_finished(outside.bench, NET_TX);
    }
    /* The same with a sum that is not the pseudo header's. */
    put16(frame + 40, pseudo_sum(17, 17) ^ 0x4242);
    send_incomplete(&outside, 34 + 8 + sizeof(arrived) - 1, 34, 6, 0);
    hosted_event_loop_step(outside.loop, 20);
    assert_int_equal(recv(fd, arrived, sizeof(arrived), 0), -1);
    close(fd);
    net_outside_unmake(&outside);
}

/* A datagram over IPv6 to fec0::2, which is the host's ::1, its checksum the pseudo header's sum
 * (RFC 8200, 8.1). Returns the frame's length. */
static size_t datagram_v6(unsigned port, size_t len)
{
    const uint8_t site[16] = { 0xfe, 0xc0 };
    uint8_t pseudo[40] = { 0 };
    uint8_t *ip = frame + 14;
    uint8_t *udp = ip + 40;

    memset(frame, (int)(0x11 * len), sizeof(frame));
    memset(frame, 0x52, 6);
    memcpy(frame + 6, net_bench_mac, 6);
    put16(frame + 12, 0x86dd);
    memset(ip, 0, 8);
    ip[0] = 0x60;
    put16(ip + 4, 8 + (unsigned)len);
    ip[6] = 17;
    ip[7] = 64;
    memcpy(ip + 8, site, 16);
    ip[23] = 15;
    memcpy(ip + 24, site, 16);
    ip[39] = 2;
    put16(udp, 1000);
    put16(udp + 2, port);
    put16(udp + 4, 8 + (unsigned)len);
    memcpy(pseudo, ip + 8, 32);
    put16(pseudo + 34, 8 + (unsigned)len);
    pseudo[39] = 17;
    put16(udp + 6, ~checksum(pseudo, sizeof(pseudo), 0) & 0xffff);
    return 14 + 40 + 8 + len;
}

static void a_checksum_over_ipv6_is_filled_in(void **state)
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    socklen_t size = sizeof(address);
    uint8_t arrived[64];
    struct net_outside outside;
    (void)state;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0) {
        print_message("skipped: this machine has no IPv6\n");
        close(fd);
        return;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    unsigned port = ntohs(address.sin6_port);
    if (!open_user(&outside, NULL, 0, 0)) {
        close(fd);
        return;
    }
    /* Longer ones than its MTU libslirp refuses. */
    assert_false(virtio_driver_has(&outside.bench->driver, VIRTIO_NET_F_HOST_TSO6));
    for (size_t len = 1; len < sizeof(arrived); len++) {
        send_incomplete(&outside, datagram_v6(port, len), 54, 6, 0);
        assert_int_equal(read_all(&outside, fd, arrived, len), len);
        assert_memory_equal(arrived, frame + 62, len);
        net_bench_finished(outside.bench, NET_TX);
    }
    /* The same with a sum that is not the pseudo header's. */
    size_t all = datagram_v6(port, 63);
    frame[61] ^= 0x42;
    send_incomplete(&outside, all, 54, 6, 0);
    hosted_event_loop_step(outside.loop, 20);
    assert_int_equal(recv(fd, arrived, sizeof(arrived), 0), -1);
    close(fd);
    net_outside_unmake(&outside);
}

int test_net_user(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhcp_offers_an_address),
        cmocka_unit_test(the_router_answers_a_ping),
        cmocka_unit_test(a_forwarded_udp_port),
        cmocka_unit_test(a_forwarded_tcp_port),
        cmocka_unit_test(attached_twice),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(fragments_of_the_guests_mtu),
        cmocka_unit_test(the_loop_sleeps_while_frames_wait),
        cmocka_unit_test(a_long_segment_goes_through_whole),
        cmocka_unit_test(a_checksum_is_filled_in),
        cmocka_unit_test(a_checksum_over_ipv6_is_filled_in),
    };
    return cmocka_run_group_tests_name("net_user", tests, NULL, NULL);
}
