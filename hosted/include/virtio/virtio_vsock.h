/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>

/** Longest packet, with its header, that is forwarded between guests. */
#define VIRTIO_VSOCK_CAMKES_MTU 4096
