/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "device_net.h"

static bool say(char message[OPTIONS_MESSAGE], const char *text)
{
    snprintf(message, OPTIONS_MESSAGE, "%s", text);
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool set_mac(void *out, const char *value, char message[OPTIONS_MESSAGE])
{
    struct net_options *options = out;
    for (unsigned i = 0; i < 6; i++, value += 3) {
        int high = hex_digit(value[0]);
        int low = high < 0 ? -1 : hex_digit(value[1]);
        if (low < 0 || value[2] != (i < 5 ? ':' : '\0')) {
            return say(message, "give six pairs of hexadecimal digits, such as 02:00:00:00:00:01");
        }
        options->mac[i] = (uint8_t)(high << 4 | low);
    }
    static const uint8_t none[6];
    if ((options->mac[0] & 1) || memcmp(options->mac, none, 6) == 0) {
        return say(message, "not the address of one interface: its first byte must be even, such "
                            "as 02:00:00:00:00:01");
    }
    options->has_mac = true;
    return true;
}

/* A port and what has to follow it. */
static const char *take_port(const char *from, char end, uint16_t *port)
{
    unsigned long value = 0;
    const char *digits = from;
    for (; *from >= '0' && *from <= '9' && value <= 65535; from++) {
        value = value * 10 + (unsigned long)(*from - '0');
    }
    if (from == digits || value == 0 || value > 65535 || *from != end) {
        return NULL;
    }
    *port = (uint16_t)value;
    return from + 1;
}

/* tcp:[ADDRESS]:PORT-:PORT */
static bool parse_forward(const char *value, struct hosted_net_forward *forward)
{
    char address[INET_ADDRSTRLEN];
    if (strncmp(value, "tcp:", 4) != 0 && strncmp(value, "udp:", 4) != 0) {
        return false;
    }
    forward->udp = value[0] == 'u';
    value += 4;
    const char *colon = strchr(value, ':');
    if (!colon || (size_t)(colon - value) >= sizeof(address)) {
        return false;
    }
    memcpy(address, value, (size_t)(colon - value));
    address[colon - value] = '\0';
    forward->host.s_addr = htonl(INADDR_ANY);
    if (address[0] && inet_pton(AF_INET, address, &forward->host) != 1) {
        return false;
    }
    value = take_port(colon + 1, '-', &forward->host_port);
    return value && *value == ':' && take_port(value + 1, '\0', &forward->guest_port);
}

static bool set_forward(void *out, const char *value, char message[OPTIONS_MESSAGE])
{
    struct net_options *options = out;
    if (options->forward_count == NET_FORWARDS) {
        return say(message, "too many forwarded ports: at most 16");
    }
    if (!parse_forward(value, &options->forwards[options->forward_count])) {
        return say(message, "give PROTOCOL:[ADDRESS]:PORT-:PORT, such as tcp::8080-:80");
    }
    options->forward_count++;
    return true;
}

#define MEMBER(name) offsetof(struct net_options, name)

static const struct suboption rows[] = {
    { "user", NULL, SUBOPTION_FLAG, MEMBER(user), 0, 0, NULL },
    { "hostfwd", "tcp::PORT-:PORT", SUBOPTION_OTHER, 0, 0, 0, set_forward },
    { "tap", "INTERFACE", SUBOPTION_TEXT, MEMBER(tap), 0, 0, NULL },
    { "socket", "PATH", SUBOPTION_TEXT, MEMBER(socket), 0, 0, NULL },
    { "listen", NULL, SUBOPTION_FLAG, MEMBER(listens), 0, 0, NULL },
    { "switch", "NAME", SUBOPTION_TEXT, MEMBER(net_switch), 0, 0, NULL },
    { "share", "PATH", SUBOPTION_TEXT, MEMBER(share), 0, 0, NULL },
    { "mac", "ADDRESS", SUBOPTION_OTHER, 0, 0, 0, set_mac },
    { "mtu", "N", SUBOPTION_NUMBER, MEMBER(mtu), 68, 65535, NULL },
    { "queues", "N", SUBOPTION_NUMBER, MEMBER(queues), 1, VMMP_VIRTIO_NET_MAX_PAIRS, NULL },
    SUBOPTIONS_END,
};

static bool check(struct net_options *options, char message[OPTIONS_MESSAGE])
{
    bool tap = options->tap[0] != '\0';
    bool socket = options->socket[0] != '\0';
    bool net_switch = options->net_switch[0] != '\0';
    bool share = options->share[0] != '\0';

    if (options->user + tap + socket + net_switch + share != 1) {
        return say(message, "--net: say what it leads to, one of user, tap=INTERFACE, socket=PATH, "
                            "share=PATH and switch=NAME");
    }
    if (options->forward_count > 0 && !options->user) {
        return say(message, "--net: hostfwd is for user: leave it out");
    }
    if (options->listens && !socket) {
        return say(message, "--net: listen is for socket=PATH: leave it out");
    }
    if (options->queues > 1 && !tap) {
        return say(message, "--net: only tap=INTERFACE has more than one queue: leave out queues");
    }
    options->kind = tap          ? NET_TAP
                    : socket     ? NET_SOCKET
                    : share      ? NET_SHARE
                    : net_switch ? NET_SWITCH
                                 : NET_USER;
    return true;
}

bool net_options_parse(const char *value, struct net_options *options,
                       char message[OPTIONS_MESSAGE])
{
    memset(options, 0, sizeof(*options));
    options->queues = 1;
    return suboptions_parse("--net", value, NULL, 0, rows, options, message) &&
           check(options, message);
}

static uint64_t hash(uint64_t start, const char *text)
{
    for (; *text; text++) {
        start = (start ^ (uint8_t)*text) * UINT64_C(0x100000001b3); /* FNV-1a */
    }
    return start;
}

void net_options_address(const char *host, const char *value, unsigned number, uint8_t mac[6])
{
    uint64_t bits = hash(UINT64_C(0xcbf29ce484222325) + number, value);
    bits = hash(bits, host);
    bits ^= bits >> 40;
    mac[0] = 0x02;
    for (unsigned i = 1; i < 6; i++, bits >>= 8) {
        mac[i] = (uint8_t)bits;
    }
}
