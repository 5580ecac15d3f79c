/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engines on KVM share: memory slots, vCPU threads, doorbells, injections, failures. An
 * engine (kvm_arm64, kvm_x86) adds its kvm_arch.h and the functions kvm_arch_*.
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

#include <hosted/kvm.h>

#include "kvm_arch.h"

/** What `events` says: KVM_EVENT_GSI + n for injection n, less for `wake`. */
#define KVM_EVENT_GSI 1u

struct memory_slot {
    uint64_t gpa;
    uint64_t size;
    unsigned char *host;
    bool writable;
    bool committed; /**< KVM has it, as `id`. */
    uint32_t id;
};

/** A GSI that is injected as an edge: its level rises by `trigger` and falls at the guest's EOI. */
struct injection {
    int trigger;  /**< eventfd; -1: not set up. */
    int resample; /**< eventfd, signalled at EOI. */
    int irq;      /**< As libsel4vm counts. */
};

struct kvm_vcpu {
    struct hosted_vcpu *hosted;
    struct kvm_vm *vm;
    struct kvm_vcpu *next;
    unsigned index; /**< KVM's number, and the log's. */
    int fd;
    struct kvm_run *run;
    bool has_thread;
    bool unfinished; /**< The VM was stopped before its last exit was answered. */
    pthread_t thread;
    atomic_bool in_guest;
    struct hosted_vcpu_stats stats;
    struct kvm_vcpu_arch arch;
};

/** What both engines' configurations have; the strings and the trace outlive the VM. */
struct kvm_options {
    uint64_t address_limit; /**< 0: 4 GiB. */
    const struct hosted_trace *trace;
    int kick_signal;    /**< 0: SIGRTMIN. */
    const char *device; /**< NULL: /dev/kvm. */
    unsigned gsis;      /**< Inputs that can be injected. */
};

struct kvm_vm {
    struct hosted_vm *hosted;
    struct kvm_options options;
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

    pthread_mutex_t irq_lock;
    struct injection *injections; /**< By GSI. */
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

    struct kvm_vm_arch arch;
};

static inline struct kvm_vm *kvm_vm_of(const vm_t *vm)
{
    return hosted_vm_engine_state(hosted_vm_of(vm));
}

static inline struct kvm_vcpu *kvm_vcpu_of(const vm_vcpu_t *vcpu)
{
    return hosted_vcpu_engine_state(hosted_vcpu_of(vcpu));
}

/* system.c: all of it is called by an engine's vm_open and vm_close. */

/** ioctl(2) that is repeated when interrupted; its value, or -errno. */
int kvm_call(int fd, unsigned long request, unsigned long argument);
/** The value of an extension; 0: the kernel has it not. */
int kvm_has(const struct kvm_vm *vm, unsigned long extension);
struct kvm_vm *kvm_vm_alloc(struct hosted_vm *hosted, const struct kvm_options *options);
/** Undoes as much as was done. */
void kvm_vm_free(struct kvm_vm *vm);
int kvm_system_open(struct kvm_vm *vm);
struct kvm_needed {
    unsigned long extension;
    const char *what;
};
/** Whether the API is the one there is and has what `needed` (ended by a NULL `what`) lists. */
int kvm_system_check(const struct kvm_vm *vm, const struct kvm_needed *needed);
/** KVM_CREATE_VM. */
int kvm_create(struct kvm_vm *vm, unsigned long type);
int kvm_install_kick(struct kvm_vm *vm);
int kvm_open_events(struct kvm_vm *vm);

/* doorbells.c */
int kvm_doorbell(struct hosted_vm *hosted, const struct vmmp_doorbell *doorbell, int fd, bool add);

/* injection.c */
/** Raises `gsi` until the guest's EOI, which acknowledges `irq`. 0 or -errno. */
int kvm_inject(struct kvm_vm *vm, unsigned gsi, int irq);
/** The guest finished the injected interrupt: passes it on. */
void kvm_injection_resampled(struct kvm_vm *vm, unsigned gsi);

/* memory.c */
int kvm_memory_map(struct hosted_vm *hosted, uint64_t gpa, uint64_t size, void *host,
                   bool writable);
int kvm_memory_unmap(struct hosted_vm *hosted, uint64_t gpa, uint64_t size);
/** Hands KVM what was mapped before the first run. */
int kvm_memory_commit(struct kvm_vm *vm);

/* vcpu.c */
int kvm_vcpu_open(struct hosted_vcpu *hosted);
void kvm_vcpu_close(struct hosted_vcpu *hosted);
/** Leaves the guest for as long as it takes to set the vCPU's state (KVM_MP_STATE_*). */
int kvm_vcpu_set_state(struct kvm_vcpu *vcpu, uint32_t state);
/** The vCPU's thread. */
void *kvm_vcpu_main(void *cookie);
/**
 * Whether the vCPU's state may be had: it is in no KVM_RUN and cannot enter one meanwhile. Else a
 * call of KVM would wait for as long as the guest likes: a halted one for ever.
 */
bool kvm_vcpu_at_rest(struct kvm_vcpu *vcpu);

/* exits.c */
/** Ends the VM for `why`, after saying where the vCPU is and what it did last. */
void kvm_vcpu_fail(struct kvm_vcpu *vcpu, const char *format, ...) VMMP_PRINTF(2, 3);
/** Ends the VM as the guest wants it. */
void kvm_vcpu_end(struct kvm_vcpu *vcpu, enum hosted_kvm_end end);
void kvm_record(struct kvm_vcpu *vcpu, struct hosted_exit *exit);
void kvm_trace(const struct kvm_vcpu *vcpu, const struct hosted_exit *exit);
void kvm_record_and_trace(struct kvm_vcpu *vcpu, enum hosted_exit_kind kind, uint64_t address,
                          uint64_t value);
/** True if the vCPU may go on. */
bool kvm_conclude(struct kvm_vcpu *vcpu, enum hosted_outcome outcome);
/** Exits that are the same everywhere: MMIO, interruptions, failures. False: the thread ends. */
bool kvm_handle_common_exit(struct kvm_vcpu *vcpu);

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
/** Has the boot vCPU leave the guest, if it is there, and come back. */
void kvm_kick_boot_vcpu(struct kvm_vm *vm);

/* What an engine adds. */

/** The vCPU's kvm_run is mapped; its `index` is set. 0 or -errno. */
int kvm_arch_vcpu_open(struct kvm_vcpu *vcpu);
/** Before each run: all vCPUs exist. 0, or -errno (said). */
int kvm_arch_prepare(struct kvm_vm *vm);
/** Frees what `arch` holds; it may be as calloc() left it. */
void kvm_arch_vm_free(struct kvm_vm *vm);
/** The vCPU is about to enter the guest; whoever wants it out from now on kicks it. */
void kvm_arch_before_entry(struct kvm_vcpu *vcpu);
/** Deals with why KVM_RUN returned 0. False: the thread is to end. */
bool kvm_arch_handle_exit(struct kvm_vcpu *vcpu);
/** A vCPU that is not in the guest. 0 or -errno. */
int kvm_arch_pc(const struct kvm_vcpu *vcpu, uint64_t *pc);
#define KVM_REGISTERS_TEXT 256
/** The registers that tell where it is. */
void kvm_arch_format_registers(const struct kvm_vcpu *vcpu, char text[KVM_REGISTERS_TEXT]);
/** Why a vCPU could not be made, for the end of a message; "" if nothing is known. */
const char *kvm_arch_vcpu_hint(const struct kvm_vm *vm);
