/* SPDX-License-Identifier: BSD-2-Clause */
/* --net: network interfaces. */
#include "device_net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sel4vmmplatsupport/vmmp/net_switch.h>

#include "devices.h"
#include "message.h"
#include "named.h"

/* A switch of this process. */
struct named_switch {
    struct named named;
    struct vmmp_net_switch net_switch;
};

static struct named *switches;

static int init_switch(struct named *named, const struct vmmp_host *host)
{
    return vmmp_net_switch_init(&((struct named_switch *)named)->net_switch, host);
}

static void fini_switch(struct named *named)
{
    vmmp_net_switch_fini(&((struct named_switch *)named)->net_switch);
}

static const struct named_kind switch_kind = { sizeof(struct named_switch), init_switch,
                                               fini_switch };

struct net_state {
    struct net_options options;
    uint8_t mac[6];
    struct hosted_event_loop *loop;
    struct hosted_net *outside; /* NULL: on a switch. */
    struct named_switch *named;
    struct vmmp_net_switch_port port;
    uint32_t *ring;
    bool made;
    bool link_down;
    struct vmmp_virtio_net net;
};

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    struct net_options options;
    return net_options_parse(value, &options, message);
}

/* ---- The outside ---- */

static int open_switch(struct net_state *state)
{
    const struct vmmp_host host = hosted_event_loop_host(state->loop);
    state->ring = malloc(VMMP_NET_SWITCH_MEMORY);
    state->named = state->ring ? (struct named_switch *)named_take(&switches, &switch_kind,
                                                                   state->options.net_switch, &host)
                               : NULL;
    if (!state->named) {
        free(state->ring);
        message_error("--net switch=%s: no memory: close other programs",
                      state->options.net_switch);
        return -1;
    }
    return vmmp_net_switch_port_init(&state->port, &state->named->net_switch, state->ring,
                                     VMMP_NET_SWITCH_MEMORY);
}

static int open_net(void *cookie, const char *value, const struct device_context *context)
{
    struct net_state *state = cookie;
    struct net_options *options = &state->options;
    char message[OPTIONS_MESSAGE];
    char why[HOSTED_NET_WHY];
    char host[256] = "";
    int result = 0;

    if (!net_options_parse(value, options, message)) {
        message_error("%s", message);
        return -1;
    }
    state->loop = context->loop;
    gethostname(host, sizeof(host) - 1);
    net_options_address(host, value, context->guest * device_net.most + context->number,
                        state->mac);
    if (options->has_mac) {
        memcpy(state->mac, options->mac, sizeof(state->mac));
    }
    switch (options->kind) {
    case NET_SWITCH:
        return open_switch(state);
    case NET_TAP:
        result = hosted_net_open_tap(&state->outside, options->tap, options->queues, why);
        break;
    case NET_SOCKET:
        result = hosted_net_open_socket(&state->outside, options->socket, options->listens, why);
        break;
    case NET_SHARE:
        result =
            hosted_net_open_share(&state->outside, options->share, state->loop, context->log, why);
        break;
    case NET_USER:
        result = hosted_net_open_user(&state->outside, options->forwards, options->forward_count,
                                      options->mtu, why);
        break;
    }
    if (result == 0 && options->mtu != 0) {
        result = hosted_net_set_mtu(state->outside, options->mtu, why);
    }
    if (result != 0) {
        message_error("--net: %s", why);
        hosted_net_close(state->outside);
        state->outside = NULL;
        return -1;
    }
    return 0;
}

static void close_net(void *cookie)
{
    struct net_state *state = cookie;
    hosted_net_close(state->outside);
    if (state->named) {
        named_leave(&switches, &switch_kind, &state->named->named);
        free(state->ring);
    }
}

/* ---- The model ---- */

static int attach(struct net_state *state, const struct vmmp_log *log)
{
    if (state->outside) {
        return hosted_net_attach(state->outside, &state->net, state->loop);
    }
    int result = vmmp_net_switch_attach(&state->port, &state->net);
    if (result == -ENOSPC) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "--net switch=%s: its %d ports are taken: give some interfaces another switch",
                 state->options.net_switch, VMMP_NET_SWITCH_PORTS);
    }
    return result;
}

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct net_state *state = cookie;
    struct vmmp_virtio_net_backend backend;
    struct vmmp_virtio_net_options options = {
        .mtu = (uint16_t)state->options.mtu,
        .pairs = (uint8_t)state->options.queues,
    };

    memcpy(options.mac, state->mac, sizeof(options.mac));
    if (state->outside) {
        hosted_net_backend(state->outside, &backend);
    } else {
        vmmp_net_switch_backend(&state->port, &backend);
    }
    int result = vmmp_virtio_net_init(&state->net, &backend, &options, environment->memory,
                                      environment->log, environment->host);
    if (result != 0) {
        return result;
    }
    result = attach(state, environment->log);
    if (result != 0) {
        vmmp_virtio_net_fini(&state->net);
        return result;
    }
    /* A cable that was pulled out stays out when the guest starts again. */
    vmmp_context_enter(&state->net.virtio.context);
    vmmp_virtio_net_set_link(&state->net, !state->link_down);
    vmmp_context_leave(&state->net.virtio.context);
    state->made = true;
    *virtio = &state->net.virtio;
    return 0;
}

static void destroy(void *cookie)
{
    struct net_state *state = cookie;
    state->made = false;
    if (state->outside) {
        hosted_net_detach(state->outside);
    } else {
        vmmp_net_switch_detach(&state->port);
    }
    vmmp_virtio_net_fini(&state->net);
}

/* ---- What the user sees and says ---- */

/* The statistics, and the address that the guest uses. */
static void snapshot(struct net_state *state, struct vmmp_virtio_net_stats *stats, char mac[18],
                     bool *up)
{
    vmmp_context_enter(&state->net.virtio.context);
    const uint8_t *m = state->net.mac;
    *stats = state->net.stats;
    *up = state->net.link_up;
    snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    vmmp_context_leave(&state->net.virtio.context);
}

static void print_stats(void *cookie, const char *name, FILE *out)
{
    struct net_state *state = cookie;
    struct vmmp_virtio_net_stats stats;
    char mac[18];
    bool up;
    if (!state->made) {
        return;
    }
    snapshot(state, &stats, mac, &up);
    fprintf(out, "device %s address %s link %s\n", name, mac, up ? "up" : "down");
    fprintf(out,
            "device %s sent %" PRIu64 " bytes %" PRIu64 " malformed %" PRIu64 " no-link %" PRIu64
            " waits %" PRIu64 "\n",
            name, stats.tx_frames, stats.tx_bytes, stats.tx_malformed, stats.tx_no_link,
            stats.tx_waits);
    fprintf(out,
            "device %s received %" PRIu64 " bytes %" PRIu64 " filtered %" PRIu64 " dropped %" PRIu64
            " waits %" PRIu64 "\n",
            name, stats.rx_frames, stats.rx_bytes, stats.rx_filtered, stats.rx_dropped,
            stats.rx_waits);
}

static void status(void *cookie, struct json *json)
{
    struct net_state *state = cookie;
    struct vmmp_virtio_net_stats stats;
    char mac[18];
    bool up;
    if (!state->made) {
        return;
    }
    snapshot(state, &stats, mac, &up);
    json_string(json, "mac", mac);
    json_string(json, "link", up ? "up" : "down");
    json_number(json, "tx_frames", stats.tx_frames);
    json_number(json, "tx_bytes", stats.tx_bytes);
    json_number(json, "tx_dropped", stats.tx_malformed + stats.tx_no_link);
    json_number(json, "rx_frames", stats.rx_frames);
    json_number(json, "rx_bytes", stats.rx_bytes);
    json_number(json, "rx_filtered", stats.rx_filtered);
    json_number(json, "rx_dropped", stats.rx_dropped);
}

static bool set_link(struct net_state *state, const char *word, char message[OPTIONS_MESSAGE])
{
    bool up = strcmp(word, "up") == 0;
    if (!up && strcmp(word, "down") != 0) {
        snprintf(message, OPTIONS_MESSAGE, "link %.32s: say link up or link down", word);
        return false;
    }
    state->link_down = !up;
    vmmp_context_enter(&state->net.virtio.context);
    vmmp_virtio_net_set_link(&state->net, up);
    vmmp_context_leave(&state->net.virtio.context);
    return true;
}

static bool set_mtu(struct net_state *state, const char *word, char message[OPTIONS_MESSAGE])
{
    char why[HOSTED_NET_WHY];
    unsigned long mtu;
    if (state->options.mtu == 0) {
        snprintf(message, OPTIONS_MESSAGE,
                 "this interface has no MTU to change: start the guest "
                 "with --net …,mtu=1500");
        return false;
    }
    if (!options_parse_number(word, 68, 65535, &mtu)) {
        snprintf(message, OPTIONS_MESSAGE, "mtu %.32s: must be a number from 68 to 65535", word);
        return false;
    }
    if (state->outside && hosted_net_set_mtu(state->outside, (unsigned)mtu, why) != 0) {
        snprintf(message, OPTIONS_MESSAGE, "%s", why);
        return false;
    }
    vmmp_context_enter(&state->net.virtio.context);
    vmmp_virtio_net_set_mtu(&state->net, (uint16_t)mtu);
    vmmp_context_leave(&state->net.virtio.context);
    state->options.mtu = (unsigned)mtu;
    return true;
}

static bool command(void *cookie, unsigned count, char *const words[], struct json *reply,
                    char message[OPTIONS_MESSAGE])
{
    struct net_state *state = cookie;
    (void)reply;
    if (!state->made) {
        snprintf(message, OPTIONS_MESSAGE, "the guest is not running: try again when it is");
        return false;
    }
    if (count == 2 && strcmp(words[0], "link") == 0) {
        return set_link(state, words[1], message);
    }
    if (count == 2 && strcmp(words[0], "mtu") == 0) {
        return set_mtu(state, words[1], message);
    }
    if (count == 1 && strcmp(words[0], "announce") == 0) {
        vmmp_context_enter(&state->net.virtio.context);
        vmmp_virtio_net_announce(&state->net);
        vmmp_context_leave(&state->net.virtio.context);
        return true;
    }
    snprintf(message, OPTIONS_MESSAGE, "say link up, link down, mtu N or announce");
    return false;
}

static const struct machine_device_ops model = { .create = create, .destroy = destroy };

const struct device_kind device_net = {
    .name = "net",
    .option = "--net",
    .value = "WHERE",
    .help = "a network interface. WHERE: user (behind NAT),\n"
            "tap=INTERFACE, socket=PATH (to another VMM; one end\n"
            "says listen), share=PATH (to another VMM, through\n"
            "memory) or switch=NAME (in this process). Parts:\n"

            "hostfwd=tcp::PORT-:PORT, mac=ADDRESS, mtu=N, queues=N",
    .most = 8,
    .sandbox_needs = SANDBOX_INTERNET | SANDBOX_LISTEN,
    .check = check,
    .state_size = sizeof(struct net_state),
    .open = open_net,
    .close = close_net,
    .model = &model,
    .print_stats = print_stats,
    .status = status,
    .command = command,
    .command_help = "link up|down\nmtu N\nannounce",
};
