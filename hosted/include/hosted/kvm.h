/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VM on any Linux KVM has: how it ended, pausing, statistics, doorbells. The engines have
 * headers of their own, which include this one: hosted/kvm_arm64.h, hosted/kvm_x86.h.
 *
 * Threads: functions may be called from any thread unless they say otherwise; none may be called
 * after hosted_vm_destroy().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <sel4vm/guest_vm.h>

#include <hosted/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How the guest ended its VM. */
enum hosted_kvm_end {
    HOSTED_KVM_END_NONE,     /**< It did not: still running, stopped from outside, or failed. */
    HOSTED_KVM_END_SHUTDOWN, /**< It powered off; vm_run() returns 0. */
    HOSTED_KVM_END_RESET,    /**< It wants a reset; vm_run() returns 0. */
    HOSTED_KVM_END_CRASH,    /**< Reported by the kernel; vm_run() returns -1. */
};
enum hosted_kvm_end hosted_kvm_end(const vm_t *vm);
/** Ends the VM as if the guest had, for firmware in this process. Any thread. */
void hosted_kvm_end_vm(vm_t *vm, enum hosted_kvm_end end);

/* ---- pausing -------------------------------------------------------------------------------- */

/**
 * Keeps every vCPU out of the guest until as many hosted_kvm_resume() have followed. On return none
 * executes guest code; one may still be in a handler, or wait for an access to be completed: it
 * then shows the pc of that access. Never waits for handlers, so any lock may be held.
 */
void hosted_kvm_pause(vm_t *vm);
void hosted_kvm_resume(vm_t *vm);

/* ---- statistics ----------------------------------------------------------------------------- */

const struct hosted_vcpu_stats *hosted_kvm_vcpu_stats(const vm_vcpu_t *vcpu);
/** Levels that rose and edges that were injected since the VM was made. */
uint64_t hosted_kvm_interrupts(const vm_t *vm);
/** Monotonic nanoseconds when the first vCPU entered the guest; 0: not yet. */
uint64_t hosted_kvm_started_ns(const vm_t *vm);
/**
 * The registers that tell where a vCPU is, and its last exits, one line each to `out`. Pauses the
 * VM for as long as it takes.
 */
void hosted_kvm_vcpu_print(vm_vcpu_t *vcpu, FILE *out);

/* ---- doorbells ------------------------------------------------------------------------------ */

/**
 * The kernel itself answers guest writes of `size` bytes (1, 2, 4, 8; 0: any) to `gpa` by adding to
 * the eventfd `fd`, without an exit; with `match`, only writes of `value`. The range must belong to
 * a reservation whose handler does the same for accesses that come through all the same.
 * 0; -errno (-EEXIST: there is one already).
 */
struct hosted_kvm_doorbell {
    uint64_t gpa; /**< Or a port. */
    bool port;    /**< x86 */
    unsigned size;
    bool match;
    uint64_t value;
    int fd;
};
int hosted_kvm_ioeventfd(vm_t *vm, const struct hosted_kvm_doorbell *doorbell);
/** Undoes it; pass the same. 0; -errno (-ENOENT). */
int hosted_kvm_ioeventfd_remove(vm_t *vm, const struct hosted_kvm_doorbell *doorbell);

#ifdef __cplusplus
}
#endif
