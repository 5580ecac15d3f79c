/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhost_user.h"

#include <inttypes.h>
#include <string.h>

#include <hosted/vhost_user.h>

#include "devices.h"
#include "message.h"
#include "run.h"
#include "signals.h"

#define RING_PACKED (UINT64_C(1) << 34) /* virtio 1.2, 6 */

struct serve {
    const struct options *options;
    struct vmmp_log log;
    struct vmmp_host host;
    struct hosted_event_loop *loop;
    struct devices devices;
    struct hosted_vhost_user *server;
    struct signals signals;
    bool signals_begun;
};

/* ---- The device, of which parts may be devices of the command line ---- */

static void destroy(void *cookie)
{
    struct serve *serve = cookie;
    const struct machine_device *first = &serve->devices.models[0];
    first->ops->destroy(first->cookie);
}

static int create(void *cookie, const struct vmmp_guest_memory *memory,
                  struct vmmp_virtio_device **virtio)
{
    struct serve *serve = cookie;
    const struct machine_device_environment environment = {
        .memory = memory,
        .log = &serve->log,
        .host = &serve->host,
    };
    for (unsigned i = 0; i < serve->devices.count; i++) {
        const struct machine_device *device = &serve->devices.models[i];
        struct vmmp_virtio_device *part = NULL;
        int error = device->ops->create(device->cookie, &environment, i == 0 ? virtio : &part);
        if (error) {
            if (i > 0) {
                destroy(serve);
            }
            return error;
        }
    }
    return 0;
}

static const struct hosted_vhost_user_device device = { create, destroy };

/* ---- Statistics and signals ---- */

static void print_statistics(void *cookie)
{
    struct serve *serve = cookie;
    const struct hosted_vhost_user_statistics now = hosted_vhost_user_statistics(serve->server);
    fprintf(stderr,
            "vhost-user connections %" PRIu64 " refused %" PRIu64 " messages %" PRIu64
            " tracked %" PRIu64 " resubmitted %" PRIu64 "\n",
            now.connections, now.refused, now.messages, now.tracked, now.resubmitted);
    for (unsigned i = 0; i < serve->devices.count; i++) {
        const struct device *each = &serve->devices.list[i];
        if (each->kind->print_stats) {
            each->kind->print_stats(each->state, each->name, stderr);
        }
    }
}

static void terminate(void *cookie, int number)
{
    struct serve *serve = cookie;
    (void)number;
    hosted_event_loop_stop(serve->loop);
}

static void ignore(void *cookie)
{
    (void)cookie;
}

/* ---- Life ---- */

static int begin(struct serve *serve)
{
    const struct options *options = serve->options;
    char message[HOSTED_UNIX_MESSAGE];
    int error = hosted_event_loop_create(&serve->loop);
    if (error) {
        message_error("no event loop (%s): raise the limit of open files", strerror(-error));
        return -1;
    }
    serve->host = hosted_event_loop_host(serve->loop);
    if (devices_open(&serve->devices, options, 0, serve->loop, &serve->log) != 0) {
        return -1;
    }
    const struct hosted_vhost_user_config config = {
        .loop = serve->loop,
        .log = &serve->log,
        .path = options->socket,
        .device = &device,
        .cookie = serve,
        .features_off = options->split_rings ? RING_PACKED : 0,
    };
    if (hosted_vhost_user_open(&serve->server, &config, message) != 0) {
        message_error("--socket %s", message);
        return -1;
    }
    serve->signals.terminate = terminate;
    serve->signals.statistics = print_statistics;
    serve->signals.resized = ignore;
    serve->signals.cookie = serve;
    if (signals_begin(&serve->signals, serve->loop) != 0) {
        message_error("no event for signals: raise the limit of open files");
        return -1;
    }
    serve->signals_begun = true;
    return 0;
}

static void end(struct serve *serve)
{
    if (serve->signals_begun) {
        signals_end(&serve->signals);
    }
    hosted_vhost_user_close(serve->server);
    devices_close(&serve->devices);
    if (serve->loop) {
        hosted_event_loop_destroy(serve->loop);
    }
}

int vhost_user_serve(const struct options *options)
{
    struct serve serve = { .options = options };
    serve.log = (struct vmmp_log){ message_log, NULL, options->log_level };
    int status = RUN_ERROR;
    if (begin(&serve) == 0) {
        status = hosted_event_loop_run(serve.loop) == 0 ? 0 : RUN_ERROR;
        if (options->stats) {
            print_statistics(&serve);
        }
    }
    end(&serve);
    return status;
}
