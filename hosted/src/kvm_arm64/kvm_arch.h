/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kvm_arm64 engine adds to a VM and its vCPUs; see kvm.h. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <hosted/kvm_arm64.h>

#include "engine.h"

/* INTIDs (GIC architecture): software-generated, private, shared. */
#define INTID_PPI  16u
#define INTID_SPI  32u
#define INTID_LAST 1019u
#define SPI_COUNT  (INTID_LAST + 1 - INTID_SPI)

/** What the vCPU's thread is to do once its exit has been answered; see power.c. */
enum kvm_power {
    KVM_POWER_ON, /**< Nothing. */
    KVM_POWER_STOPPING,
    KVM_POWER_RESTARTING, /**< With `restart`: stopped, and started again by another. */
    KVM_POWER_SUSPENDING,
};

struct kvm_vcpu_arch {
    uint64_t affinity;
    bool started; /**< Was powered on by vcpu_start(). */
    bool debugged;
    enum kvm_power power;          /**< By the VM's `gate`. */
    hosted_context_t restart;      /**< Likewise. */
    struct hosted_resumed resumed; /**< The vCPU's thread alone. */
};

struct kvm_vm_arch {
    const struct hosted_kvm_arm64_config *config;
    bool firmware;    /**< The guest's PSCI calls come to vCPU faults. */
    bool can_suspend; /**< KVM_MP_STATE_SUSPENDED exists. */
    unsigned gic_version;
    unsigned gic_interrupts;
    int gic;              /**< Device; -1: none. */
    atomic_bool irq_live; /**< The device takes levels; before, they wait in `early`. */
    uint64_t early[(INTID_LAST + 64) / 64];
};
