/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMM wants of the engine below libsel4vm: KVM where the build is for the machine's
 * architecture (hypervisor_kvm*.c), and one line that says there is none elsewhere
 * (hypervisor_none.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <sel4vm/guest_vm.h>

#include <hosted/stats.h>
#include <hosted/trace.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#include "options.h"

struct gdb_target;
struct machine_config;

enum hypervisor_end {
    HYPERVISOR_POWER_OFF, /**< The guest powered off. */
    HYPERVISOR_RESET,     /**< The guest asked for a reset. */
    HYPERVISOR_CRASH,     /**< The guest crashed, or cannot go on; the log says why. */
    HYPERVISOR_STOPPED,   /**< hosted_vm_stop() */
};

struct hypervisor_config {
    const struct machine_board *board;
    enum gic_choice gic;
    bool split_irqchip;     /**< x86: of interrupt controllers the local APICs alone are KVM's. */
    bool aarch32;           /**< The guest is a 32-bit one. */
    uint64_t address_limit; /**< One past the last guest-physical address in use. */
    const struct hosted_trace *trace;
    const struct vmmp_log *log;
    struct gdb_target *gdb; /**< Is told what the guest does to a debugger; NULL: none. */
};

struct hypervisor;

/** Whether this program can run guests on this machine. 0, or -1 after saying what would help. */
int hypervisor_check(void);

/** Makes `vm` by vm_init(). 0, or -1 (said); then nothing is left of it. */
int hypervisor_create(struct hypervisor **hypervisor, const struct hypervisor_config *config,
                      vm_t *vm);
/** Undoes it, after the machine and vm_run(). NULL is left alone. */
void hypervisor_destroy(struct hypervisor *hypervisor);

/**
 * Fills in what the machine has to know of its host: ARM: `gic`, and whether the guest's PSCI and
 * TRNG calls are the machine's to answer; x86: where messages go, how a vCPU is entered, and
 * whether there is an interval timer.
 */
void hypervisor_configure(const struct hypervisor *hypervisor, struct machine_config *machine);
/** Ends the guest's VM as it wants: for power off or, with `reset`, a reset. Any thread. */
void hypervisor_end_guest(struct hypervisor *hypervisor, bool reset);
/** Why vm_run() returned `result`. */
enum hypervisor_end hypervisor_end(const struct hypervisor *hypervisor, int result);
/** Monotonic nanoseconds when the first vCPU entered the guest; 0: not yet. */
uint64_t hypervisor_started(const struct hypervisor *hypervisor);
/** What vCPU `vcpu` did; NULL if there is none. */
const struct hosted_vcpu_stats *hypervisor_vcpu_stats(const struct hypervisor *hypervisor,
                                                      unsigned vcpu);
/** Exits of each vCPU by kind, and interrupts. */
void hypervisor_print_stats(const struct hypervisor *hypervisor, FILE *out);
