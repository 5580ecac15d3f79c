/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>

/** Ports of a console that the compatible interface makes. */
#define VIRTIO_CON_MAX_PORTS 4
