/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kvm_x86 engine adds to a VM and its vCPUs; see kvm.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <hosted/kvm_x86.h>

#include "engine.h"

struct kvm_cpuid2;
struct kvm_routes;
struct kvm_split;

struct kvm_vcpu_arch {
    uint32_t ports_done; /**< Elements of the present port access that have been answered. */
};

struct kvm_vm_arch {
    struct kvm_routes *routes; /**< irqfd.c's; NULL with `split`. */
    struct kvm_cpuid2 *cpuid;  /**< What the host's KVM supports, before it is fitted to a vCPU. */
    uint64_t messages;         /**< MSIs sent; atomic. */
    bool wants_split;
    bool has_groups;
    int groups;              /**< KVM's VFIO device, if `has_groups`. */
    struct kvm_split *split; /**< NULL: all interrupt controllers are the kernel's. */
};
