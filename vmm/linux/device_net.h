/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of --net. Pure. */
#pragma once

#include <hosted/net.h>

#include "suboptions.h"

#define NET_FORWARDS 16

enum net_kind { NET_USER, NET_TAP, NET_SOCKET, NET_SWITCH, NET_SHARE };

struct net_options {
    enum net_kind kind;
    char tap[SUBOPTION_TEXT_MAX];
    char socket[SUBOPTION_TEXT_MAX];
    char net_switch[SUBOPTION_TEXT_MAX];
    char share[SUBOPTION_TEXT_MAX];
    bool user;
    bool listens;
    bool has_mac;
    uint8_t mac[6];
    unsigned mtu;    /**< 0: not told to the guest. */
    unsigned queues; /**< Pairs. */
    unsigned forward_count;
    struct hosted_net_forward forwards[NET_FORWARDS];
};

/** False with one line in `message`. */
bool net_options_parse(const char *value, struct net_options *options,
                       char message[OPTIONS_MESSAGE]);

/**
 * An address for an interface that was given none: locally administered, the same each time for the
 * same host, option and number, another for any other.
 */
void net_options_address(const char *host, const char *value, unsigned number, uint8_t mac[6]);
