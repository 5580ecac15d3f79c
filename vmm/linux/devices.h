/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices that the command line asked for. */
#pragma once

#include "device.h"

extern const struct device_kind device_balloon;
extern const struct device_kind device_disk;
extern const struct device_kind device_net;
extern const struct device_kind device_rng;
extern const struct device_kind device_share;
extern const struct device_kind device_vfio;
extern const struct device_kind device_vsock;

/** Every kind, ended by NULL. */
extern const struct device_kind *const device_kinds[];

struct device {
    const struct device_kind *kind;
    struct device_context context;
    char name[16];
    void *state;
};

/** Zero it. */
struct devices {
    struct device list[OPTIONS_DEVICES];
    struct machine_device models[OPTIONS_DEVICES]; /**< For the machine's configuration. */
    unsigned count;
};

/**
 * Opens all devices of `options`, the process's guest number `guest`, in their order. 0, or -1
 * (said); devices_close() in any case.
 */
int devices_open(struct devices *devices, const struct options *options, unsigned guest,
                 struct hosted_event_loop *loop, const struct vmmp_log *log);
void devices_close(struct devices *devices);

/** The device called `name`, or NULL. */
struct device *devices_find(struct devices *devices, const char *name);
