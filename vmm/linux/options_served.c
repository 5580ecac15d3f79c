/* SPDX-License-Identifier: BSD-2-Clause */
/* What `vmm vhost-user` serves. */
#include <string.h>

#include "device_port.h"
#include "devices.h"
#include "options.h"

/* By the names that virtio has for them. */
static const struct served {
    const char *name;
    const struct device_kind *kind;
} served[] = {
    { "net", &device_net }, { "blk", &device_disk },    { "console", &device_port },
    { "rng", &device_rng }, { "vsock", &device_vsock },
};

const struct device_kind *options_served_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
        if (strcmp(served[i].name, name) == 0) {
            return served[i].kind;
        }
    }
    return NULL;
}

bool options_check_served(const struct options *options, char message[OPTIONS_MESSAGE])
{
    const struct device_kind *kind = options->served;
    for (unsigned i = 0; i < options->device_count; i++) {
        if (options->devices[i].kind != kind) {
            snprintf(message, OPTIONS_MESSAGE,
                     "%s: not the device that is served: leave it out, or change --device",
                     options->devices[i].kind->option);
            return false;
        }
    }
    if (options->device_count == 0) {
        snprintf(message, OPTIONS_MESSAGE, "vhost-user: nothing behind the device: give %s %s",
                 kind->option, kind->value);
        return false;
    }
    /* The ports of a console are one device. */
    if (options->device_count > 1 && !kind->one_model) {
        snprintf(message, OPTIONS_MESSAGE, "%s: one device is served: leave the others out",
                 kind->option);
        return false;
    }
    return true;
}
