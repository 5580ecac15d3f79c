/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest as gdb's target: vCPUs that pause and resume, registers, memory by virtual address,
 * breakpoints and watchpoints, on the KVM engine.
 *
 * A software breakpoint is a BRK instruction in guest memory; reads by gdb show what was there
 * before. One at an address that is not mapped yet becomes a hardware breakpoint, so that a kernel
 * can be stopped that has not begun. A BRK of the guest's own is the guest's: its exception is
 * delivered to it.
 *
 * A vCPU that gdb wants to stay while others run (scheduler-locking) runs with them.
 *
 * Threads: gdb_target_event() comes from vCPU threads; everything else from the event loop's.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <hosted/kvm_arm64.h>
#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/host.h>

#include "gdb_session.h"
#include "gdb_step.h"

#define GDB_SOFTWARE_POINTS 64
#define GDB_HARDWARE_POINTS 16

struct gdb_software_point {
    uint64_t address;
    uint64_t physical;
    uint32_t original; /**< The instruction that is replaced. */
};

struct gdb_target {
    vm_t *vm;
    const struct vmmp_guest_memory *memory;
    struct vmmp_host host;
    /** All vCPUs have stopped, by gdb_target_event(). In the event loop. */
    void (*stopped)(void *cookie, const struct gdb_stop *stop);
    void *cookie;
    /** gdb wants the guest to end. In the event loop. */
    void (*kill)(vm_t *vm);

    /* The module's own. */
    struct vmmp_work work; /**< Calls `stopped`. */
    pthread_mutex_t lock;  /**< Guards what follows. */
    bool attached;
    bool paused; /**< By us. */
    struct gdb_stop stop;
    unsigned software_count;
    struct gdb_software_point software[GDB_SOFTWARE_POINTS];
    struct hosted_kvm_debug points;              /**< Hardware ones. */
    struct gdb_step steps[CONFIG_MAX_NUM_NODES]; /**< The event loop's alone. */
};

extern const struct gdb_target_ops gdb_target_ops;

/** Prepares a target; the first part is set by the caller. */
void gdb_target_init(struct gdb_target *target);
void gdb_target_fini(struct gdb_target *target);
/** Stops the guest for a debugger that has come, or that it shall wait for. */
void gdb_target_attach(struct gdb_target *target);
/** Removes every trace of the debugger and lets the guest run. */
void gdb_target_detach(struct gdb_target *target);

/** For hosted_kvm_arm64_config.debug; the cookie is the target. */
void gdb_target_event(void *cookie, vm_vcpu_t *vcpu, const struct hosted_kvm_debug_event *event);
