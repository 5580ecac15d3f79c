/* SPDX-License-Identifier: BSD-2-Clause */
/* Between hypervisor_kvm.c and the engine of an architecture. */
#pragma once

#include <sel4vm/boot.h>

#include "hypervisor.h"

struct hypervisor {
    vm_t *vm;
    simple_t simple;
    ps_io_ops_t io_ops;
    void *engine; /**< The engine's configuration, allocated. */
};

/** Makes `simple` and `engine`. 0, or -1 (said). */
int hypervisor_prepare(struct hypervisor *hypervisor, const struct hypervisor_config *config);
