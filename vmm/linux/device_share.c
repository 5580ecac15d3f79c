/* SPDX-License-Identifier: BSD-2-Clause */
/* --share: memory and events shared with another VM (vmmp/crossvm.h, ivshmem.h, hosted/share.h). */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hosted/share.h>
#include <hosted/vm.h>
#include <sel4vmmplatsupport/vmmp/crossvm.h>
#include <sel4vmmplatsupport/vmmp/ivshmem.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include "message.h"

#define OPTION       "--share"
#define PAGE         UINT64_C(4096)
#define LARGEST      (UINT64_C(1) << 30) /* vmmp_crossvm_config's. */
#define LONGEST_PATH 107

struct share_options {
    char name[SUBOPTION_TEXT_MAX];
    char peer[SUBOPTION_TEXT_MAX];
    uint64_t size;
    bool ivshmem;    /**< By QEMU's protocol. */
    bool is_ivshmem; /**< What the guest sees is as QEMU's. */
};

struct share {
    struct share_options options;
    struct hosted_share *outside;
    union {
        struct vmmp_crossvm connector;
        struct vmmp_ivshmem ivshmem;
    };
    struct vmmp_pci_function *function; /**< The one's or the other's, */
    unsigned memory_bar;                /**< and its BAR of the memory. */
    const struct vmmp_log *log;
    struct vmmp_pci_host *pci;
    vm_t *vm;
    struct vmmp_log_limit limit;
    bool mapped;
};

/* ---- The option ---- */

static bool set_device(void *out, const char *value, char message[OPTIONS_MESSAGE])
{
    struct share_options *options = out;
    options->is_ivshmem = strcmp(value, "ivshmem") == 0;
    if (!options->is_ivshmem && strcmp(value, "connector") != 0) {
        snprintf(message, OPTIONS_MESSAGE, "must be connector or ivshmem");
        return false;
    }
    return true;
}

static const struct suboption rows[] = {
    { "size", "SIZE", SUBOPTION_SIZE, offsetof(struct share_options, size), PAGE, LARGEST, NULL },
    { "peer", "SOCKET", SUBOPTION_TEXT, offsetof(struct share_options, peer), 0, 0, NULL },
    { "device", "connector|ivshmem", SUBOPTION_OTHER, 0, 0, 0, set_device },
    { "ivshmem", NULL, SUBOPTION_FLAG, offsetof(struct share_options, ivshmem), 0, 0, NULL },
    SUBOPTIONS_END,
};

static bool wrong(char message[OPTIONS_MESSAGE], const char *what)
{
    snprintf(message, OPTIONS_MESSAGE, OPTION ": %s", what);
    return false;
}

/* It goes into a path and into lines of messages. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 0x7f || c == '/' || c == '=') {
            return false;
        }
    }
    return length > 0 && length < VMMP_CROSSVM_NAME_SIZE;
}

static bool parse(const char *value, struct share_options *options, char message[OPTIONS_MESSAGE])
{
    memset(options, 0, sizeof(*options));
    if (!suboptions_parse(OPTION, value, "NAME", offsetof(struct share_options, name), rows,
                          options, message)) {
        return false;
    }
    if (!is_name(options->name)) {
        return wrong(message, "NAME is what the guest reads: give 1 to 47 characters, no /, = or "
                              "control characters");
    }
    if (options->size == 0) {
        return wrong(message, "say how much memory is shared, such as size=1M");
    }
    if (options->size % PAGE != 0) {
        return wrong(message, "size must be a multiple of 4K");
    }
    if ((options->ivshmem || options->is_ivshmem) && (options->size & (options->size - 1)) != 0) {
        return wrong(message, "with ivshmem, size must be a power of two, such as 1M");
    }
    if (strlen(options->peer) > LONGEST_PATH) {
        return wrong(message, "the path of peer= must have at most 107 characters");
    }
    return true;
}

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    struct share_options options;
    return parse(value, &options, message);
}

/* ---- The outside ---- */

/* Where VMs of one user meet that say only the name. */
static void default_peer(struct share_options *options)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (options->peer[0] == '\0') {
        snprintf(options->peer, sizeof(options->peer), "%.128s/vmm-share-%.47s",
                 folder && folder[0] == '/' ? folder : "/tmp", options->name);
    }
}

static int open_share(void *state, const char *value, const struct device_context *context)
{
    struct share *share = state;
    char message[OPTIONS_MESSAGE];
    char error[HOSTED_SHARE_ERROR];

    if (!parse(value, &share->options, message)) {
        message_error("%s", message);
        return -1;
    }
    default_peer(&share->options);
    const struct hosted_share_options options = { .path = share->options.peer,
                                                  .size = share->options.size,
                                                  .name = share->options.name,
                                                  .log = context->log,
                                                  .ivshmem = share->options.ivshmem };
    if (hosted_share_create(&share->outside, context->loop, &options, error) != 0) {
        message_error(OPTION " %s: %s", share->options.name, error);
        return -1;
    }
    return 0;
}

static void close_share(void *state)
{
    struct share *share = state;
    hosted_share_destroy(share->outside);
}

/* ---- The model ---- */

static void emit(void *cookie, uint64_t count)
{
    struct share *share = cookie;
    hosted_share_emit(share->outside, count);
}

static void ring(void *cookie)
{
    emit(cookie, 1);
}

static unsigned position(void *cookie)
{
    struct share *share = cookie;
    return hosted_share_is_second(share->outside);
}

static void events_came(void *cookie, uint32_t count)
{
    struct share *share = cookie;
    if (share->options.is_ivshmem) {
        vmmp_ivshmem_interrupt(&share->ivshmem);
    } else {
        vmmp_crossvm_consume(&share->connector, count);
    }
}

/* From a vCPU's thread, or when the machine goes. */
static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    struct share *share = cookie;
    uint64_t size;
    void *memory = hosted_share_memory(share->outside, &size);

    if (bar != share->memory_bar) {
        return;
    }
    if (!mapped) {
        if (share->mapped) {
            hosted_vm_unmap(share->vm, address);
        }
        share->mapped = false;
        return;
    }
    int error = hosted_vm_map(share->vm, address, memory, size);
    share->mapped = error == 0;
    if (error) {
        vmmp_log_guest(share->log, &share->limit, OPTION " %s: the memory cannot be at 0x%llx (%s)",
                       share->options.name, (unsigned long long)address, strerror(-error));
    }
}

static int plug(struct share *share)
{
    struct vmmp_pci_function *function = share->function;
    int at = machine_pci_plug(share->pci, function);
    if (at < 0) {
        return at;
    }
    if (machine_pci_unplaced(function) >= 0) {
        vmmp_log(share->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 OPTION " %s: its BARs of up to %llu KiB do not fit into the PCI window beside "
                        "the other devices; give a smaller size",
                 share->options.name,
                 (unsigned long long)(function->bars[share->memory_bar].size >> 10));
        vmmp_pci_host_remove(share->pci, function);
        return -ENOSPC;
    }
    return 0;
}

static int init_connector(struct share *share, const struct machine_device_environment *environment)
{
    const struct vmmp_crossvm_config config = {
        .name = share->options.name,
        .size = share->options.size,
        .emit = emit,
        .bar_mapped = bar_mapped,
        .cookie = share,
        .host = *environment->host,
        .log = environment->log,
        .doorbells = environment->doorbells,
    };
    share->function = &share->connector.pci;
    share->memory_bar = VMMP_CROSSVM_BAR_DATAPORT;
    return vmmp_crossvm_init(&share->connector, &config);
}

static int init_ivshmem(struct share *share, const struct machine_device_environment *environment)
{
    const struct vmmp_ivshmem_config config = {
        .size = share->options.size,
        .position = position,
        .ring = ring,
        .bar_mapped = bar_mapped,
        .cookie = share,
        .msi = environment->msi,
        .host = *environment->host,
        .log = environment->log,
    };
    share->function = &share->ivshmem.pci;
    share->memory_bar = VMMP_IVSHMEM_BAR_MEMORY;
    return vmmp_ivshmem_init(&share->ivshmem, &config);
}

static void fini_model(struct share *share)
{
    if (share->options.is_ivshmem) {
        vmmp_ivshmem_fini(&share->ivshmem);
    } else {
        vmmp_crossvm_fini(&share->connector);
    }
}

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct share *share = cookie;
    (void)virtio;
    share->vm = environment->vm;
    share->pci = environment->pci;
    share->log = environment->log;
    share->mapped = false;
    int error = share->options.is_ivshmem ? init_ivshmem(share, environment)
                                          : init_connector(share, environment);
    if (error) {
        return error;
    }
    error = plug(share);
    if (error) {
        fini_model(share);
        return error;
    }
    hosted_share_start(share->outside, events_came, share);
    return 0;
}

static void destroy(void *cookie)
{
    struct share *share = cookie;
    hosted_share_stop(share->outside);
    vmmp_pci_host_remove(share->pci, share->function);
    fini_model(share);
}

/* ---- What can be seen of it ---- */

static void print_stats(void *state, const char *name, FILE *out)
{
    struct share *share = state;
    struct hosted_share_stats stats = hosted_share_stats(share->outside);
    fprintf(out,
            "device %s sent %llu received %llu dropped %llu unheard %llu met %llu refused %llu "
            "connected %u\n",
            name, (unsigned long long)stats.sent, (unsigned long long)stats.received,
            (unsigned long long)stats.dropped, (unsigned long long)stats.unheard,
            (unsigned long long)stats.met, (unsigned long long)stats.refused, stats.connected);
}

static void status(void *state, struct json *json)
{
    struct share *share = state;
    struct hosted_share_stats stats = hosted_share_stats(share->outside);
    json_string(json, "name", share->options.name);
    json_string(json, "peer", share->options.peer);
    json_number(json, "size", share->options.size);
    json_bool(json, "connected", stats.connected);
    json_number(json, "sent", stats.sent);
    json_number(json, "received", stats.received);
    json_number(json, "dropped", stats.dropped);
}

static const struct machine_device_ops model = { create, destroy };

const struct device_kind device_share = {
    .name = "share",
    .option = OPTION,
    .value = "NAME,size=SIZE[,…]",
    .help = "memory of SIZE and events shared with another VM, which\n"
            "says the same; whichever comes first makes them.\n"
            "peer=SOCKET: where they meet (vmm-share-NAME in\n"
            "$XDG_RUNTIME_DIR or /tmp); ivshmem: the other one is\n"
            "QEMU's, with -device ivshmem-doorbell, or a server;\n"
            "device=ivshmem: what this guest sees is as that one",
    .most = 8,
    .sandbox_needs = SANDBOX_LISTEN,
    .check = check,
    .state_size = sizeof(struct share),
    .open = open_share,
    .close = close_share,
    .model = &model,
    .function = true,
    .print_stats = print_stats,
    .status = status,
};
