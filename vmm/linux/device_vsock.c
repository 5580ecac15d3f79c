/* SPDX-License-Identifier: BSD-2-Clause */
/* --vsock: the guest's vsock ports as unix sockets (hosted/vsock_unix.h). */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <hosted/vsock_unix.h>
#include <sel4vmmplatsupport/vmmp/vsock_switch.h>

#include "message.h"
#include "named.h"

#define OPTION "--vsock"
/* CIDs below are the hypervisor's and the host's, the one above is "any". */
#define LOWEST_CID  3
#define HIGHEST_CID UINT32_C(4294967294)
/* A socket's path has 107 characters, of which the suffix "_4294967295" takes 11. */
#define LONGEST_PATH 96

struct vsock_options {
    char path[SUBOPTION_TEXT_MAX];
    char vswitch[SUBOPTION_TEXT_MAX];
    unsigned cid;
    unsigned connections;
    uint64_t buffer;
};

struct vsock {
    struct vsock_options options;
    struct hosted_vsock_unix *sockets;
    void *memory;
    size_t memory_size;
    struct vmmp_vsock_mux mux;
    struct named_switch *named; /* NULL: no other guest is reached. */
    struct vmmp_vsock_switch_port port;
    void *ring;
    bool made;
};

/* ---- Switches between guests of this process ---- */

struct named_switch {
    struct named named;
    struct vmmp_vsock_switch vswitch;
};

static struct named *switches;

static int init_switch(struct named *named, const struct vmmp_host *host)
{
    return vmmp_vsock_switch_init(&((struct named_switch *)named)->vswitch, host);
}

static void fini_switch(struct named *named)
{
    vmmp_vsock_switch_fini(&((struct named_switch *)named)->vswitch);
}

static const struct named_kind switch_kind = { sizeof(struct named_switch), init_switch,
                                               fini_switch };

/* ---- The option ---- */

static const struct suboption rows[] = {
    { "cid", "N", SUBOPTION_NUMBER, offsetof(struct vsock_options, cid), LOWEST_CID, HIGHEST_CID,
      NULL },
    { "path", "PATH", SUBOPTION_TEXT, offsetof(struct vsock_options, path), 0, 0, NULL },
    { "switch", "NAME", SUBOPTION_TEXT, offsetof(struct vsock_options, vswitch), 0, 0, NULL },
    { "connections", "N", SUBOPTION_NUMBER, offsetof(struct vsock_options, connections), 1, 65536,
      NULL },
    { "buffer", "SIZE", SUBOPTION_SIZE, offsetof(struct vsock_options, buffer), 4096,
      UINT64_C(64) << 20, NULL },
    SUBOPTIONS_END,
};

static bool wrong(char message[OPTIONS_MESSAGE], const char *what)
{
    snprintf(message, OPTIONS_MESSAGE, OPTION ": %s", what);
    return false;
}

static bool parse(const char *value, struct vsock_options *options, char message[OPTIONS_MESSAGE])
{
    *options = (struct vsock_options){ .connections = VMMP_VSOCK_MUX_CONNECTIONS,
                                       .buffer = VMMP_VSOCK_MUX_BUFFER };
    if (!suboptions_parse(OPTION, value, NULL, 0, rows, options, message)) {
        return false;
    }
    if (options->cid == 0) {
        return wrong(message, "give the guest's address, such as cid=3");
    }
    if (options->path[0] == '\0') {
        return wrong(message, "give the socket's path, such as path=/tmp/guest.vsock");
    }
    if (strlen(options->path) > LONGEST_PATH) {
        return wrong(message, "the path must have at most 96 characters; give a shorter one");
    }
    if ((options->buffer & (options->buffer - 1)) != 0) {
        return wrong(message, "buffer must be a power of two, such as 128K");
    }
    return true;
}

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    struct vsock_options options;
    return parse(value, &options, message);
}

/* ---- The outside ---- */

static void close_vsock(void *state)
{
    struct vsock *vsock = state;
    if (vsock->named) {
        named_leave(&switches, &switch_kind, &vsock->named->named);
    }
    free(vsock->ring);
    hosted_vsock_unix_destroy(vsock->sockets);
    if (vsock->memory) {
        munmap(vsock->memory, vsock->memory_size);
    }
}

/* Buffers cost memory once they have been used: pages come when they are touched. */
static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int open_switch(struct vsock *vsock, struct hosted_event_loop *loop)
{
    const struct vmmp_host host = hosted_event_loop_host(loop);
    if (vsock->options.vswitch[0] == '\0') {
        return 0;
    }
    vsock->ring = malloc(VMMP_VSOCK_SWITCH_RING);
    vsock->named = vsock->ring ? (struct named_switch *)named_take(&switches, &switch_kind,
                                                                   vsock->options.vswitch, &host)
                               : NULL;
    if (!vsock->named) {
        message_error(OPTION " switch=%s: no memory: close other programs", vsock->options.vswitch);
        return -1;
    }
    return 0;
}

static int open_vsock(void *state, const char *value, const struct device_context *context)
{
    struct vsock *vsock = state;
    char message[OPTIONS_MESSAGE];
    char error[HOSTED_VSOCK_UNIX_ERROR];

    if (!parse(value, &vsock->options, message)) {
        message_error("%s", message);
        return -1;
    }
    const struct hosted_vsock_unix_options sockets = { vsock->options.path,
                                                       vsock->options.connections, true, 0 };
    vsock->memory_size =
        VMMP_VSOCK_MUX_MEMORY(vsock->options.connections, (size_t)vsock->options.buffer);
    vsock->memory = reserve(vsock->memory_size);
    if (!vsock->memory) {
        message_error(OPTION
                      ": no room for %u connections with buffers of %llu bytes; ask for less "
                      "with connections= or buffer=",
                      vsock->options.connections, (unsigned long long)vsock->options.buffer);
        return -1;
    }
    if (open_switch(vsock, context->loop) != 0) {
        close_vsock(vsock);
        return -1;
    }
    if (hosted_vsock_unix_create(&vsock->sockets, context->loop, &sockets, error) != 0) {
        message_error(OPTION ": %s", error);
        close_vsock(vsock);
        return -1;
    }
    return 0;
}

/* ---- The model ---- */

/* To the other guests, if they are to be reached. */
static int attach(struct vsock *vsock, const struct vmmp_log *log)
{
    if (!vsock->named) {
        return 0;
    }
    int result = vmmp_vsock_switch_attach(&vsock->named->vswitch, &vsock->port, &vsock->mux.device,
                                          vsock->ring, VMMP_VSOCK_SWITCH_RING);
    if (result == -EADDRINUSE) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 OPTION " cid=%u: another guest on the switch %s has it: give each its own",
                 vsock->options.cid, vsock->options.vswitch);
    }
    return result;
}

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct vsock *vsock = cookie;
    const struct vmmp_vsock_backend backend = hosted_vsock_unix_backend(vsock->sockets);
    const struct vmmp_vsock_mux_options options = { .guest_cid = vsock->options.cid,
                                                    .connections = vsock->options.connections,
                                                    .buffer_size = (uint32_t)vsock->options.buffer,
                                                    .seqpacket = true };
    const struct vmmp_vsock_peer guests = vmmp_vsock_switch_peer(&vsock->port);
    int result = vmmp_vsock_mux_init(&vsock->mux, &backend, vsock->named ? &guests : NULL, &options,
                                     vsock->memory, vsock->memory_size, environment->memory,
                                     environment->log, environment->host);
    if (result != 0) {
        return result;
    }
    result = attach(vsock, environment->log);
    if (result == 0) {
        result = hosted_vsock_unix_start(vsock->sockets, &vsock->mux);
    }
    if (result != 0) {
        vmmp_vsock_switch_detach(&vsock->port);
        vmmp_vsock_mux_fini(&vsock->mux);
        return result;
    }
    vsock->made = true;
    *virtio = &vsock->mux.device.virtio;
    return 0;
}

static void destroy(void *cookie)
{
    struct vsock *vsock = cookie;
    vsock->made = false;
    hosted_vsock_unix_stop(vsock->sockets);
    vmmp_vsock_switch_detach(&vsock->port);
    vmmp_vsock_mux_fini(&vsock->mux);
}

/* ---- What can be seen of it ---- */

struct vsock_numbers {
    struct vmmp_virtio_vsock_stats packets;
    struct vmmp_vsock_mux_stats mux;
    struct hosted_vsock_unix_stats sockets;
    unsigned open;
};

static struct vsock_numbers look(const struct vsock *vsock)
{
    struct vsock_numbers numbers = { .open = 0 };
    if (vsock->made) {
        const struct vmmp_context *context = &vsock->mux.device.virtio.context;
        vmmp_context_enter(context);
        numbers =
            (struct vsock_numbers){ vsock->mux.device.stats, vsock->mux.stats,
                                    hosted_vsock_unix_stats(vsock->sockets), vsock->mux.in_use };
        vmmp_context_leave(context);
    }
    return numbers;
}

static void print_stats(void *state, const char *name, FILE *out)
{
    struct vsock_numbers numbers = look(state);
    fprintf(out,
            "device %s rx_packets %llu rx_bytes %llu tx_packets %llu tx_bytes %llu dropped %llu "
            "opened %llu refused %llu resets %llu timeouts %llu open %u\n",
            name, (unsigned long long)numbers.packets.rx_packets,
            (unsigned long long)numbers.packets.rx_bytes,
            (unsigned long long)numbers.packets.tx_packets,
            (unsigned long long)numbers.packets.tx_bytes,
            (unsigned long long)numbers.packets.dropped, (unsigned long long)numbers.mux.opened,
            (unsigned long long)(numbers.mux.refused + numbers.sockets.refused),
            (unsigned long long)numbers.mux.resets, (unsigned long long)numbers.mux.timeouts,
            numbers.open);
}

static void status(void *state, struct json *json)
{
    const struct vsock *vsock = state;
    struct vsock_numbers numbers = look(vsock);
    json_number(json, "cid", vsock->options.cid);
    json_string(json, "path", vsock->options.path);
    json_number(json, "connections", numbers.open);
    json_number(json, "opened", numbers.mux.opened);
    json_number(json, "rx_bytes", numbers.packets.rx_bytes);
    json_number(json, "tx_bytes", numbers.packets.tx_bytes);
}

static const struct machine_device_ops model = { create, destroy };

const struct device_kind device_vsock = {
    .name = "vsock",
    .option = OPTION,
    .value = "cid=N,path=P[,…]",
    .help = "sockets between host and guest, whose CID is N (3 or\n"
            "more). \"CONNECT 1234\" said to the unix socket P leads\n"
            "to its port 1234; its connections to port 1234 of the\n"
            "host lead to the unix socket P_1234.\n"
            "switch=NAME: it reaches this process's other guests\n"
            "there. connections=N (1024), buffer=SIZE of each (128K)",
    .most = 1,
    .check = check,
    .state_size = sizeof(struct vsock),
    .open = open_vsock,
    .close = close_vsock,
    .model = &model,
    .print_stats = print_stats,
    .status = status,
};
