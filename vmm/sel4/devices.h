/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's virtio devices on seL4: a disk in memory and an interface to a machine that answers.
 */
#pragma once

#include "machine_virtio.h"

#define DEVICES 2

/**
 * The devices, DEVICES of them. `contents` may be NULL: the disk begins with zeroes. A machine that
 * is made again finds the disk as the last one left it.
 */
const struct machine_device *devices_make(const uint8_t *contents, size_t size);
/** Prints what they have done. */
void devices_report(void);
