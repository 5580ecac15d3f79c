/* SPDX-License-Identifier: BSD-2-Clause */
/* --balloon: memory that the guest can spare goes back to the host. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <hosted/vm.h>
#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>

#include "device.h"
#include "message.h"

#define SECOND_NS UINT64_C(1000000000)
#define SIZE_MOST ((UINT64_C(1) << 44) - 1)

struct balloon_options {
    uint64_t size;  /* At the start. */
    unsigned stats; /* Seconds; 0: when asked for. */
    bool deflate_on_oom;
    bool reporting;
    bool hinting;
};

struct balloon {
    struct balloon_options options;
    uint64_t target; /* Outlives machines. */
    vm_t *vm;
    struct vmmp_virtio_balloon model;
    bool made;
};

static const struct suboption rows[] = {
    { "size", "SIZE", SUBOPTION_SIZE, offsetof(struct balloon_options, size), 0, SIZE_MOST, NULL },
    { "stats", "SECONDS", SUBOPTION_NUMBER, offsetof(struct balloon_options, stats), 1, 86400,
      NULL },
    { "deflate-on-oom", NULL, SUBOPTION_FLAG, offsetof(struct balloon_options, deflate_on_oom), 0,
      0, NULL },
    { "reporting", NULL, SUBOPTION_FLAG, offsetof(struct balloon_options, reporting), 0, 0, NULL },
    { "hinting", NULL, SUBOPTION_FLAG, offsetof(struct balloon_options, hinting), 0, 0, NULL },
    SUBOPTIONS_END,
};

static bool parse(const char *value, struct balloon_options *options, char message[OPTIONS_MESSAGE])
{
    memset(options, 0, sizeof(*options));
    return suboptions_parse("--balloon", value, NULL, 0, rows, options, message);
}

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    struct balloon_options options;
    return parse(value, &options, message);
}

static int balloon_open(void *state, const char *value, const struct device_context *context)
{
    struct balloon *balloon = state;
    char message[OPTIONS_MESSAGE];
    (void)context;
    parse(value, &balloon->options, message);
    balloon->target = balloon->options.size;
    return 0;
}

/* ---- The model ---- */

static int discard(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    const struct balloon *balloon = cookie;
    return hosted_vm_discard(balloon->vm, gpa.gpa, len);
}

/* A page of an older hint may be in use again (vmmp/virtio_balloon.h): then nothing may be lost. */
static void hinted(void *cookie, vmmp_gpa_t gpa, uint64_t len, bool in_kick)
{
    if (in_kick) {
        (void)discard(cookie, gpa, len);
    }
}

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct balloon *balloon = cookie;
    const struct balloon_options *options = &balloon->options;
    const struct vmmp_balloon_backend backend = { .discard = discard,
                                                  .hinted = hinted,
                                                  .cookie = balloon };
    const struct vmmp_virtio_balloon_options model_options = {
        .deflate_on_oom = options->deflate_on_oom,
        .stats = true,
        .reporting = options->reporting,
        .hinting = options->hinting,
        .stats_period_ns = options->stats * SECOND_NS,
        .target = balloon->target,
    };
    balloon->vm = environment->vm;
    int error = vmmp_virtio_balloon_init(&balloon->model, &backend, &model_options,
                                         environment->memory, environment->log, environment->host);
    if (error) {
        return error;
    }
    balloon->made = true;
    *virtio = &balloon->model.virtio;
    return 0;
}

static void destroy(void *cookie)
{
    struct balloon *balloon = cookie;
    vmmp_virtio_balloon_fini(&balloon->model);
    balloon->made = false;
}

static const struct machine_device_ops model = { create, destroy };

/* ---- What is shown of it ---- */

/* What the model holds at one moment. */
struct snapshot {
    uint64_t target;
    uint64_t actual;
    struct vmmp_balloon_counters counters;
    struct vmmp_balloon_stats stats;
    uint64_t stats_age_ns;
    uint64_t hint_rounds;
    bool hinting; /* A round is under way. */
};

/* All zero but for the target while there is no machine. */
static void take_snapshot(struct balloon *balloon, struct snapshot *snapshot)
{
    struct vmmp_virtio_balloon *made = &balloon->model;
    memset(snapshot, 0, sizeof(*snapshot));
    snapshot->target = balloon->target;
    if (!balloon->made) {
        return;
    }
    vmmp_context_enter(&made->virtio.context);
    snapshot->actual = vmmp_virtio_balloon_actual(made);
    snapshot->counters = made->counters;
    snapshot->stats = made->stats;
    snapshot->stats_age_ns = vmmp_host_now(&made->virtio.host) - made->stats.time_ns;
    snapshot->hint_rounds = made->hint_rounds;
    snapshot->hinting = made->hint_under_way;
    vmmp_context_leave(&made->virtio.context);
}

static void print_stats(void *state, const char *name, FILE *out)
{
    struct snapshot now;
    take_snapshot(state, &now);
    fprintf(out,
            "device %s target %ju actual %ju inflated %ju deflated %ju reported %ju hinted %ju "
            "ranges %ju failures %ju refused %ju\n",
            name, (uintmax_t)now.target, (uintmax_t)now.actual, (uintmax_t)now.counters.inflated,
            (uintmax_t)now.counters.deflated, (uintmax_t)now.counters.reported,
            (uintmax_t)now.counters.hinted, (uintmax_t)now.counters.ranges,
            (uintmax_t)now.counters.failures, (uintmax_t)now.counters.refused);
}

static void status(void *state, struct json *json)
{
    const struct balloon *balloon = state;
    struct snapshot now;
    take_snapshot(state, &now);
    json_number(json, "target", now.target);
    json_number(json, "actual", now.actual);
    json_number(json, "inflated", now.counters.inflated);
    json_number(json, "deflated", now.counters.deflated);
    if (balloon->options.reporting) {
        json_number(json, "reported", now.counters.reported);
    }
    if (balloon->options.hinting) {
        json_number(json, "hinted", now.counters.hinted);
        json_number(json, "hint_rounds", now.hint_rounds);
        json_bool(json, "hinting", now.hinting);
    }
    if (now.stats.reports > 0) {
        json_begin(json, "stats", '{');
        json_number(json, "age_ms", now.stats_age_ns / 1000000);
        for (unsigned i = 0; i < VMMP_BALLOON_STATS; i++) {
            if (now.stats.valid >> i & 1) {
                json_number(json, vmmp_balloon_stat_name(i), now.stats.value[i]);
            }
        }
        json_end(json, '}');
    }
}

/* ---- Commands ---- */

static bool set_size(struct balloon *balloon, const char *word, char message[OPTIONS_MESSAGE])
{
    uint64_t size;
    if (!options_parse_size(word, &size) || size > SIZE_MOST) {
        snprintf(message, OPTIONS_MESSAGE,
                 "balloon: %s is neither a size, such as 64M, nor a command: give SIZE or hint",
                 word);
        return false;
    }
    balloon->target = size;
    if (balloon->made) {
        vmmp_context_enter(&balloon->model.virtio.context);
        vmmp_virtio_balloon_set_target(&balloon->model, size);
        vmmp_context_leave(&balloon->model.virtio.context);
    }
    return true;
}

static bool start_hints(struct balloon *balloon, char message[OPTIONS_MESSAGE])
{
    int error = -ENODEV;
    if (!balloon->options.hinting) {
        snprintf(message, OPTIONS_MESSAGE, "balloon: start the VMM with --balloon hinting");
        return false;
    }
    if (balloon->made) {
        vmmp_context_enter(&balloon->model.virtio.context);
        error = vmmp_virtio_balloon_hint(&balloon->model, VMMP_BALLOON_HINT_START);
        vmmp_context_leave(&balloon->model.virtio.context);
    }
    if (error) {
        snprintf(message, OPTIONS_MESSAGE,
                 "balloon: the guest has no driver that gives hints: load one");
    }
    return error == 0;
}

/* Statistics take the guest a moment: the reply has the last ones, the next one has these. */
static void ask_stats(struct balloon *balloon)
{
    if (balloon->made) {
        vmmp_context_enter(&balloon->model.virtio.context);
        vmmp_virtio_balloon_ask_stats(&balloon->model);
        vmmp_context_leave(&balloon->model.virtio.context);
    }
}

static bool command(void *state, unsigned count, char *const words[], struct json *reply,
                    char message[OPTIONS_MESSAGE])
{
    struct balloon *balloon = state;
    if (count > 1) {
        snprintf(message, OPTIONS_MESSAGE, "balloon: more than one word: give SIZE, hint or none");
        return false;
    }
    if (count == 1 && strcmp(words[0], "hint") == 0) {
        return start_hints(balloon, message);
    }
    if (count == 1 && !set_size(balloon, words[0], message)) {
        return false;
    }
    status(state, reply);
    ask_stats(balloon);
    return true;
}

const struct device_kind device_balloon = {
    .name = "balloon",
    .option = "--balloon",
    .value = "[=size=SIZE][,PART…]",
    .help = "memory that the guest can spare goes back to the host;\n"
            "how much: 'vmm ctl SOCKET balloon SIZE'. Parts:\n"
            "deflate-on-oom, reporting, hinting, stats=SECONDS",
    .most = 1,
    .check = check,
    .state_size = sizeof(struct balloon),
    .open = balloon_open,
    .model = &model,
    .takes_memory = true,
    .print_stats = print_stats,
    .status = status,
    .command = command,
    .command_help = "\nSIZE\nhint",
};
