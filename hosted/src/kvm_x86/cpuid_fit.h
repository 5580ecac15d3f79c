/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a host's CPUID a vCPU shows; no KVM is asked. */
#pragma once

#include <stdbool.h>

#include <linux/kvm.h>

/** Entries that kvm_cpuid_fit() may append. */
#define KVM_CPUID_ADDED 2u

struct kvm_cpuid_vcpu {
    unsigned id;         /**< Of its local APIC, below `count`. */
    unsigned count;      /**< vCPUs that the guest has. */
    bool deadline_timer; /**< KVM has one (KVM_CAP_TSC_DEADLINE_TIMER). */
};

/**
 * Makes what KVM supports (KVM_GET_SUPPORTED_CPUID) what this vCPU has: without what needs more
 * than this engine gives, with its own identifier and the topology of one package of
 * single-threaded cores. Behind `cpuid->nent` entries there is room for KVM_CPUID_ADDED more.
 */
void kvm_cpuid_fit(struct kvm_cpuid2 *cpuid, const struct kvm_cpuid_vcpu *vcpu);
