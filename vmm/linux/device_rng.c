/* SPDX-License-Identifier: BSD-2-Clause */
/* --rng: random bytes for the guest. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <hosted/entropy.h>
#include <sel4vmmplatsupport/vmmp/virtio_rng.h>

#include "device.h"
#include "message.h"

struct rng_options {
    uint64_t rate; /* Bytes per second; 0: no limit. */
    char source[SUBOPTION_TEXT_MAX];
};

struct rng {
    struct rng_options options;
    struct hosted_entropy entropy;
    struct vmmp_virtio_rng model;
    bool made;
};

static const struct suboption rows[] = {
    { "rate", "SIZE", SUBOPTION_SIZE, offsetof(struct rng_options, rate), 1, UINT64_C(1) << 40,
      NULL },
    { "source", "FILE", SUBOPTION_TEXT, offsetof(struct rng_options, source), 0, 0, NULL },
    SUBOPTIONS_END,
};

static bool parse(const char *value, struct rng_options *options, char message[OPTIONS_MESSAGE])
{
    memset(options, 0, sizeof(*options));
    return suboptions_parse("--rng", value, NULL, 0, rows, options, message);
}

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    struct rng_options options;
    return parse(value, &options, message);
}

static int rng_open(void *state, const char *value, const struct device_context *context)
{
    struct rng *rng = state;
    char message[OPTIONS_MESSAGE];
    parse(value, &rng->options, message);
    const char *source = rng->options.source[0] ? rng->options.source : NULL;
    int error = hosted_entropy_open(&rng->entropy, source, context->loop, context->log);
    if (error) {
        message_error("--rng source=%s: %s: give a file that can be read, or none for the "
                      "kernel's random bytes",
                      source ? source : "/dev/random", strerror(-error));
        return -1;
    }
    return 0;
}

static void rng_close(void *state)
{
    struct rng *rng = state;
    hosted_entropy_close(&rng->entropy);
}

static void ready(void *cookie)
{
    vmmp_virtio_rng_ready(cookie);
}

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct rng *rng = cookie;
    const struct vmmp_entropy entropy = hosted_entropy_backend(&rng->entropy);
    const struct vmmp_virtio_rng_options options = { .rate_bytes = rng->options.rate };
    int error = vmmp_virtio_rng_init(&rng->model, &entropy, &options, environment->memory,
                                     environment->log, environment->host);
    if (error) {
        return error;
    }
    rng->made = true;
    hosted_entropy_on_ready(&rng->entropy, ready, &rng->model, &rng->model.virtio.context);
    *virtio = &rng->model.virtio;
    return 0;
}

static void destroy(void *cookie)
{
    struct rng *rng = cookie;
    hosted_entropy_on_ready(&rng->entropy, NULL, NULL, NULL);
    vmmp_virtio_rng_fini(&rng->model);
    rng->made = false;
}

static const struct machine_device_ops model = { create, destroy };

static void print_stats(void *state, const char *name, FILE *out)
{
    struct rng *rng = state;
    if (rng->made) {
        vmmp_context_enter(&rng->model.virtio.context);
        fprintf(out, "device %s bytes %ju requests %ju rate-waits %ju empty-waits %ju\n", name,
                (uintmax_t)rng->model.bytes, (uintmax_t)rng->model.requests,
                (uintmax_t)rng->model.rate_waits, (uintmax_t)rng->model.empty_waits);
        vmmp_context_leave(&rng->model.virtio.context);
    }
}

static void status(void *state, struct json *json)
{
    struct rng *rng = state;
    if (rng->options.rate) {
        json_number(json, "rate", rng->options.rate);
    }
    if (rng->made) {
        vmmp_context_enter(&rng->model.virtio.context);
        uint64_t bytes = rng->model.bytes;
        uint64_t requests = rng->model.requests;
        vmmp_context_leave(&rng->model.virtio.context);
        json_number(json, "bytes", bytes);
        json_number(json, "requests", requests);
    }
}

const struct device_kind device_rng = {
    .name = "rng",
    .option = "--rng",
    .value = "[=rate=SIZE][,source=FILE]",
    .help = "random bytes for the guest, at most SIZE a second,\n"
            "from the host's kernel or from FILE",
    .most = 1,
    .check = check,
    .state_size = sizeof(struct rng),
    .open = rng_open,
    .close = rng_close,
    .model = &model,
    .print_stats = print_stats,
    .status = status,
};
