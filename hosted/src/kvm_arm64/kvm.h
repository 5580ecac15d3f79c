/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kvm_arm64 engine's insides.
 *
 * Who may be where: a vCPU's thread publishes `in_guest` before every KVM_RUN and clears it after.
 * Whoever wants vCPUs out of the guest sets `attention`, then kicks those that are `in_guest` and
 * waits until they are not. Both sides store first and load second, sequentially consistent, so
 * that one of them sees the other (the thread backs out, or the kicker kicks).
 *
 * A kick is immediate_exit in the shared kvm_run page, for a thread that is about to enter, and a
 * signal, for one that is inside. The thread clears immediate_exit before it looks at `attention`,
 * so that a kick is never lost; at worst one comes too many.
 *
 * `gate` is the last lock of all: nothing is called with it held but KVM.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "engine.h"

#include <hosted/kvm_arm64.h>

/* INTIDs (GIC architecture): software-generated, private, shared. */
#define INTID_PPI  16u
#define INTID_SPI  32u
#define INTID_LAST 1019u
#define SPI_COUNT  (INTID_LAST + 1 - INTID_SPI)

struct memory_slot {
    uint64_t gpa;
    uint64_t size;
    unsigned char *host;
    bool writable;
    bool committed; /**< KVM has it, as `id`. */
    uint32_t id;
};

/** An SPI that is injected as an edge: its level rises by `trigger` and falls at the guest's EOI.
 */
struct injection {
    int trigger;  /**< eventfd; -1: not set up. */
    int resample; /**< eventfd, signalled at EOI. */
};

/** What the vCPU's thread is to do once its exit has been answered; see power.c. */
enum kvm_power {
    KVM_POWER_ON, /**< Nothing. */
    KVM_POWER_STOPPING,
    KVM_POWER_RESTARTING, /**< With `restart`: stopped, and started again by another. */
    KVM_POWER_SUSPENDING,
};

struct kvm_vcpu {
    struct hosted_vcpu *hosted;
    struct kvm_vm *vm;
    struct kvm_vcpu *next;
    unsigned index; /**< KVM's number, and the log's. */
    int fd;
    struct kvm_run *run;
    uint64_t affinity;
    bool started; /**< Was powered on by vcpu_start(). */
    bool debugged;
    bool has_thread;
    bool unfinished; /**< The VM was stopped before its last exit was answered. */
    pthread_t thread;
    atomic_bool in_guest;
    enum kvm_power power;          /**< By `gate`. */
    hosted_context_t restart;      /**< Likewise. */
    struct hosted_resumed resumed; /**< The vCPU's thread alone. */
    struct hosted_vcpu_stats stats;
};

struct kvm_vm {
    struct hosted_vm *hosted;
    const struct hosted_kvm_arm64_config *config;
    int system; /**< /dev/kvm */
    int fd;
    int kick_signal;
    size_t run_size;
    uint64_t address_limit;

    pthread_mutex_t memory_lock;
    struct memory_slot *slots; /**< By address. */
    size_t slot_count, slot_room;
    uint32_t next_slot, slot_limit;
    bool slots_live; /**< Mapped at once, and not when the VM first runs. */

    bool firmware;    /**< The guest's PSCI calls come to vCPU faults. */
    bool can_suspend; /**< KVM_MP_STATE_SUSPENDED exists. */

    unsigned gic_version;
    unsigned gic_interrupts;
    int gic; /**< Device; -1: none. */
    pthread_mutex_t irq_lock;
    atomic_bool irq_live; /**< The device takes levels; before, they wait in `early`. */
    uint64_t early[(INTID_LAST + 64) / 64];
    struct injection injections[SPI_COUNT];
    atomic_uint_fast64_t interrupts;

    struct kvm_vcpu *vcpus; /**< Newest first; grows only while not running. */
    unsigned vcpu_count;

    pthread_mutex_t gate;
    pthread_cond_t changed; /**< A vCPU left the guest, or `paused` fell. */
    atomic_bool attention;  /**< vCPUs go to the gate. */
    unsigned paused;        /**< By `gate`. */
    atomic_bool stopping;
    bool running;          /**< run() is in progress; by `gate`. */
    int events;            /**< epoll: `wake` and the injections' resample. */
    int wake;              /**< eventfd: run() shall look at what has changed. */
    unsigned threads_left; /**< By `gate`. */

    _Atomic int end; /**< enum hosted_kvm_end */
    atomic_bool failed;
    atomic_uint_fast64_t started_ns;
};

static inline struct kvm_vm *kvm_vm_of(const vm_t *vm)
{
    return hosted_vm_engine_state(hosted_vm_of(vm));
}

static inline struct kvm_vcpu *kvm_vcpu_of(const vm_vcpu_t *vcpu)
{
    return hosted_vcpu_engine_state(hosted_vcpu_of(vcpu));
}

/** ioctl(2) that is repeated when interrupted; its value, or -errno. */
int kvm_call(int fd, unsigned long request, unsigned long argument);

/* memory.c */
int kvm_memory_map(struct hosted_vm *hosted, uint64_t gpa, uint64_t size, void *host,
                   bool writable);
int kvm_memory_unmap(struct hosted_vm *hosted, uint64_t gpa, uint64_t size);
/** Hands KVM what was mapped before the first run. */
int kvm_memory_commit(struct kvm_vm *vm);

/* gic.c */
/** Decides for a version, or says why not. */
int kvm_gic_choose(struct kvm_vm *vm);
int kvm_irq_controller_create(struct hosted_vm *hosted);
int kvm_irq_register(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
int kvm_irq_level(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high);
int kvm_irq_edge(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
int kvm_irq_inject(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
/** When all vCPUs exist: makes the controller take interrupts. */
int kvm_gic_finish(struct kvm_vm *vm);
/** The guest finished the injected interrupt: passes it on. */
void kvm_gic_resampled(struct kvm_vm *vm, unsigned intid);
void kvm_gic_close(struct kvm_vm *vm);

/* vcpu.c */
int kvm_vcpu_open(struct hosted_vcpu *hosted);
void kvm_vcpu_close(struct hosted_vcpu *hosted);
int kvm_vcpu_start(struct hosted_vcpu *hosted);
/** To the state after KVM_ARM_VCPU_INIT, powered off; not in KVM_RUN. Negative: -errno. */
int kvm_vcpu_reset(const struct kvm_vcpu *vcpu);
/** The vCPU's thread. */
void *kvm_vcpu_main(void *cookie);

/* power.c */
/** Has the guest's firmware calls come here if that is wanted and the kernel can. 0 or -errno. */
int kvm_firmware_choose(struct kvm_vm *vm);
int kvm_vcpu_restart(struct hosted_vcpu *hosted, const hosted_context_t *context);
int kvm_vcpu_stop(struct hosted_vcpu *hosted);
int kvm_vcpu_suspend(struct hosted_vcpu *hosted, bool reset, const struct hosted_resumed *resumed);
bool kvm_can_suspend(const struct hosted_vm *hosted);
/** Called by the vCPU's thread after an exception has been answered. 0 or -errno. */
int kvm_power_settle(struct kvm_vcpu *vcpu);
/** Called by the vCPU's thread: an interrupt has ended its suspension. 0 or -errno. */
int kvm_woken(struct kvm_vcpu *vcpu);

/* exits.c */
/** Deals with why KVM_RUN returned 0. False: the thread is to end. */
bool kvm_handle_exit(struct kvm_vcpu *vcpu);
/** Ends the VM for `why`, after saying where the vCPU is and what it did last. */
void kvm_vcpu_fail(struct kvm_vcpu *vcpu, const char *format, ...) VMMP_PRINTF(2, 3);

/* run.c */
int kvm_run(struct hosted_vm *hosted);
void kvm_stop(struct hosted_vm *hosted);
/** Called by vCPU threads: waits while paused. False: the VM is stopping. */
bool kvm_gate(struct kvm_vcpu *vcpu);
/** Called by vCPU threads: waits for kvm_stop(), which is on its way. */
void kvm_await_stop(struct kvm_vm *vm);
/** Called by a vCPU thread that has left the guest while somebody wanted attention. */
void kvm_gate_left_guest(struct kvm_vm *vm);
void kvm_pause(struct kvm_vm *vm);
void kvm_resume(struct kvm_vm *vm);
void kvm_thread_ended(struct kvm_vm *vm);

/* registers.c */
int kvm_registers_get(struct hosted_vcpu *hosted, hosted_context_t *context);
int kvm_registers_set(struct hosted_vcpu *hosted, const hosted_context_t *context);
int kvm_register_get(struct hosted_vcpu *hosted, uint32_t number, uint64_t *value);
int kvm_register_set(struct hosted_vcpu *hosted, uint32_t number, uint64_t value);
int kvm_vector_get(struct hosted_vcpu *hosted, unsigned number, uint64_t value[2]);
int kvm_vector_set(struct hosted_vcpu *hosted, unsigned number, const uint64_t value[2]);
/** As the public functions, without asking whether the vCPU runs. */
int kvm_reg_get(const struct kvm_vcpu *vcpu, enum hosted_kvm_reg reg, uint64_t *value);
