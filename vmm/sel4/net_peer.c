/* SPDX-License-Identifier: BSD-2-Clause */
#include "net_peer.h"

#include <string.h>

/* Ethernet: destination, source, type. */
#define ETHERNET_SIZE 14
#define ETHERNET_TYPE 12
#define TYPE_IP       0x0800
#define TYPE_ARP      0x0806

/* ARP for Ethernet and IPv4 (RFC 826), from the start of the frame. */
#define ARP_HEADER     ETHERNET_SIZE
#define ARP_OPERATION  (ETHERNET_SIZE + 6)
#define ARP_SENDER_MAC (ETHERNET_SIZE + 8)
#define ARP_SENDER_IP  (ETHERNET_SIZE + 14)
#define ARP_TARGET_MAC (ETHERNET_SIZE + 18)
#define ARP_TARGET_IP  (ETHERNET_SIZE + 24)
#define ARP_END        (ETHERNET_SIZE + 28)
#define ARP_REQUEST    1
#define ARP_REPLY      2

/* IPv4 without options (RFC 791), then ICMP (RFC 792). */
#define IP_VERSION      ETHERNET_SIZE
#define IP_LENGTH       (ETHERNET_SIZE + 2)
#define IP_FRAGMENT     (ETHERNET_SIZE + 6)
#define IP_PROTOCOL     (ETHERNET_SIZE + 9)
#define IP_SOURCE       (ETHERNET_SIZE + 12)
#define IP_DESTINATION  (ETHERNET_SIZE + 16)
#define IP_SIZE         20
#define IP_PLAIN        0x45
#define IP_FRAGMENT_ANY 0x3fff
#define PROTOCOL_ICMP   1
#define ICMP            (ETHERNET_SIZE + IP_SIZE)
#define ICMP_CHECKSUM   (ICMP + 2)
#define ICMP_SIZE       8
#define ECHO_REQUEST    8
#define ECHO_REPLY      0

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void swap(uint8_t *one, uint8_t *other, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = one[i];
        one[i] = other[i];
        other[i] = byte;
    }
}

/* Turns an ARP request for us into its reply: false if it is something else. */
static bool answer_arp(struct net_peer *peer, size_t size)
{
    static const uint8_t header[] = { 0, 1, TYPE_IP >> 8, TYPE_IP & 0xff, 6, 4, 0, ARP_REQUEST };
    uint8_t *frame = peer->frame;

    if (size < ARP_END || memcmp(frame + ARP_HEADER, header, sizeof(header)) != 0 ||
        memcmp(frame + ARP_TARGET_IP, peer->ip, sizeof(peer->ip)) != 0) {
        return false;
    }
    put16(frame + ARP_OPERATION, ARP_REPLY);
    memcpy(frame + ARP_TARGET_MAC, frame + ARP_SENDER_MAC, sizeof(peer->mac));
    memcpy(frame + ARP_SENDER_MAC, peer->mac, sizeof(peer->mac));
    swap(frame + ARP_SENDER_IP, frame + ARP_TARGET_IP, sizeof(peer->ip));
    return true;
}

/* One's complement sum (RFC 1071) after a byte pair of the message went from ECHO_REQUEST 0 to 0 0.
 */
static void fix_checksum(uint8_t *at)
{
    unsigned sum = get16(at) + (ECHO_REQUEST << 8);
    put16(at, (sum & 0xffff) + (sum >> 16));
}

static bool answer_echo(struct net_peer *peer, size_t size)
{
    uint8_t *frame = peer->frame;

    if (size < ICMP + ICMP_SIZE || frame[IP_VERSION] != IP_PLAIN ||
        get16(frame + IP_LENGTH) < IP_SIZE + ICMP_SIZE ||
        get16(frame + IP_LENGTH) > size - ETHERNET_SIZE ||
        get16(frame + IP_FRAGMENT) & IP_FRAGMENT_ANY || frame[IP_PROTOCOL] != PROTOCOL_ICMP ||
        memcmp(frame + IP_DESTINATION, peer->ip, sizeof(peer->ip)) != 0 ||
        frame[ICMP] != ECHO_REQUEST || frame[ICMP + 1] != 0) {
        return false;
    }
    /* Exchanging the addresses leaves IP's checksum as it is. */
    swap(frame + IP_SOURCE, frame + IP_DESTINATION, sizeof(peer->ip));
    frame[ICMP] = ECHO_REPLY;
    fix_checksum(frame + ICMP_CHECKSUM);
    return true;
}

static bool answer(struct net_peer *peer, size_t size)
{
    uint8_t *frame = peer->frame;
    unsigned type = get16(frame + ETHERNET_TYPE);

    if (!(type == TYPE_ARP && answer_arp(peer, size)) &&
        !(type == TYPE_IP && answer_echo(peer, size))) {
        return false;
    }
    memcpy(frame, frame + sizeof(peer->mac), sizeof(peer->mac));
    memcpy(frame + sizeof(peer->mac), peer->mac, sizeof(peer->mac));
    struct vmmp_iovec iov = { frame, size };
    return vmmp_virtio_net_receive(peer->net, 0, &iov, 1) == 0;
}

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len)
{
    struct net_peer *peer = cookie;
    size_t size = 0;

    (void)pair;
    if (len >= ETHERNET_SIZE && len <= sizeof(peer->frame)) {
        for (unsigned i = 0; i < count && iov[i].len <= sizeof(peer->frame) - size; i++) {
            memcpy(peer->frame + size, iov[i].base, iov[i].len);
            size += iov[i].len;
        }
    }
    if (size >= ETHERNET_SIZE && size == len && answer(peer, size)) {
        peer->answered++;
    } else {
        peer->dropped++;
    }
    return true;
}

void net_peer_init(struct net_peer *peer, struct vmmp_virtio_net *net, const uint8_t mac[6],
                   const uint8_t ip[4])
{
    memset(peer, 0, sizeof(*peer));
    peer->net = net;
    memcpy(peer->mac, mac, sizeof(peer->mac));
    memcpy(peer->ip, ip, sizeof(peer->ip));
}

struct vmmp_virtio_net_backend net_peer_backend(struct net_peer *peer)
{
    return (struct vmmp_virtio_net_backend){ .transmit = transmit, .cookie = peer };
}
