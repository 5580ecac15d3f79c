/* SPDX-License-Identifier: BSD-2-Clause */
#include "devices.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

static_assert(OPTIONS_DEVICES <= MACHINE_DEVICES, "a command line can ask for too many devices");

const struct device_kind *const device_kinds[] = {
    &device_balloon, &device_disk, &device_net,   &device_rng,
    &device_share,   &device_vfio, &device_vsock, NULL,
};

static unsigned count_of_kind(const struct devices *devices, const struct device_kind *kind)
{
    unsigned count = 0;
    for (unsigned i = 0; i < devices->count; i++) {
        count += devices->list[i].kind == kind;
    }
    return count;
}

static void *first_of_kind(const struct devices *devices, const struct device_kind *kind)
{
    for (unsigned i = 0; i < devices->count; i++) {
        if (devices->list[i].kind == kind) {
            return devices->list[i].state;
        }
    }
    return NULL;
}

static int open_one(struct devices *devices, const struct device_option *option, unsigned guest,
                    struct hosted_event_loop *loop, const struct vmmp_log *log)
{
    const struct device_kind *kind = option->kind;
    struct device *device = &devices->list[devices->count];
    unsigned number = count_of_kind(devices, kind);

    if (kind->most == 1) {
        snprintf(device->name, sizeof(device->name), "%s", kind->name);
    } else {
        snprintf(device->name, sizeof(device->name), "%s%u", kind->name, number);
    }
    device->context = (struct device_context){ loop,   log,   device->name,
                                               number, guest, first_of_kind(devices, kind) };
    device->state = calloc(1, kind->state_size);
    if (!device->state) {
        message_error("%s: no memory: close other programs", kind->option);
        return -1;
    }
    if (kind->open && kind->open(device->state, option->value, &device->context) != 0) {
        free(device->state);
        return -1;
    }
    device->kind = kind;
    devices->models[devices->count] = (struct machine_device){
        .name = device->name,
        .ops = kind->model,
        .cookie = device->state,
        .part = kind->one_model && device->context.first,
        .function = kind->function,
    };
    devices->count++;
    return 0;
}

int devices_open(struct devices *devices, const struct options *options, unsigned guest,
                 struct hosted_event_loop *loop, const struct vmmp_log *log)
{
    for (unsigned i = 0; i < options->device_count; i++) {
        if (open_one(devices, &options->devices[i], guest, loop, log) != 0) {
            return -1;
        }
    }
    return 0;
}

void devices_close(struct devices *devices)
{
    while (devices->count > 0) {
        struct device *device = &devices->list[--devices->count];
        if (device->kind->close) {
            device->kind->close(device->state);
        }
        free(device->state);
    }
}

struct device *devices_find(struct devices *devices, const char *name)
{
    for (unsigned i = 0; i < devices->count; i++) {
        if (strcmp(devices->list[i].name, name) == 0) {
            return &devices->list[i];
        }
    }
    return NULL;
}
