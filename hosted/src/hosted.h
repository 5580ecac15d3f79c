/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common part's own structures. Engines see engine.h only.
 *
 * Locks, in the order they are taken:
 *   1. hosted_vm.client     around every callback of a client, unless its reservation, or x86's
 *                           for unhandled ports, is marked unserialised
 *   2. contexts of devices and interrupt lines: the library's own
 *   3. hosted_vm.tables     everything below that comment in struct hosted_vm, and vm->mem's RAM
 *                           regions. Read-write; never held during a callback
 *   4. fault.lock           one vCPU's fault
 *   5. locks of engines
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sel4vm/guest_vm.h>

#include <hosted/context.h>
#include <hosted/vm.h>

#include "engine.h"

#define HOSTED_PAGE_SIZE 4096u
#define HOSTED_PAGE_MASK (HOSTED_PAGE_SIZE - 1)

/** A claimed range of guest-physical addresses. */
struct vm_memory_reservation {
    uintptr_t start;
    size_t size;
    memory_fault_callback_fn callback;
    void *cookie;
    bool anonymous;
    atomic_bool unserialised;
    /** The table's, and one for every callback that runs: the last one frees it. */
    atomic_uint references;
};

/** A range of guest-physical addresses that vm_reserve_anon_memory() takes from. */
struct hosted_anonymous {
    uintptr_t start;
    size_t size;
    size_t used;
    struct hosted_anonymous *next;
};

/** Guest-physical addresses with memory behind them. */
struct hosted_mapping {
    uint64_t gpa;
    uint64_t size;
    uint8_t *host;
    bool writable;
    const vm_memory_reservation_t *owner;
};

/** What a capability stands for: capability n is frames[n - 1]. */
struct hosted_frame {
    uint8_t *host;
    size_t size_bits;
};

/** Memory that belongs to the VM. */
struct hosted_pages {
    uint8_t *host;
    size_t size;
    bool is_file; /**< In the VM's file, at `offset`; else anonymous. */
    off_t offset;
    struct hosted_pages *next;
};

/** Who is told that the guest finished an interrupt. */
struct hosted_irq {
    int irq;
    vm_vcpu_t *vcpu; /**< NULL: shared by all. */
    void (*ack)(vm_vcpu_t *vcpu, int irq, void *cookie);
    void *cookie;
};

/** A small allocation that lives as long as the VM. */
struct hosted_block {
    struct hosted_block *next;
    max_align_t data[];
};

struct hosted_vm {
    vm_t *vm;
    const struct hosted_engine *engine;
    void *engine_state;
    const struct vmmp_log *log;
    struct vmmp_log_limit unhandled_limit;
    struct vmmp_log_limit undecoded_limit;
    bool inject_binding; /**< See hosted_vm_set_inject_binding(). */
    unsigned irq_inputs; /**< See hosted_vm_set_irq_inputs(); 0: not set. */
    bool irq_controller;
    atomic_bool ports_unserialised; /**< x86: the callback for unhandled ports is. */

    pthread_mutex_t client;

    atomic_bool stopping;
    atomic_int stop_result;

    pthread_rwlock_t tables;
    /* Under `tables`: */
    vm_memory_reservation_t **reservations; /**< Ascending, disjoint. */
    size_t reservation_count;
    struct hosted_anonymous *anonymous;
    struct hosted_mapping *mappings; /**< Ascending, disjoint. */
    size_t mapping_count;
    struct hosted_frame *frames;
    size_t frame_count;
    struct hosted_pages *pages;
    uint64_t pages_total;
    int memory_fd; /**< See hosted_engine.memory_is_file; -1: none yet. */
    off_t memory_end;
    struct hosted_irq *irqs;
    size_t irq_count;
    struct hosted_block *blocks;
};

/** What the vCPU is stuck at, and how far that is. */
enum fault_phase {
    FAULT_IDLE,      /**< Nothing. */
    FAULT_ACTIVE,    /**< Waits for advance or restart. */
    FAULT_ADVANCED,  /**< The vCPU's thread is to take note. */
    FAULT_RESTARTED, /**< Likewise. */
    FAULT_ABANDONED, /**< The VM stopped first; a late completion is no mistake. */
};

enum fault_kind {
    FAULT_KIND_MEMORY,
    FAULT_KIND_EXCEPTION,
};

/** libsel4vm's name for it; `vcpu_arch.fault` points here on ARM. */
struct fault {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum fault_phase phase;
    enum fault_kind kind;
    struct hosted_mmio *access; /**< The engine's, until the fault is over. */
    /* A copy, which outlives the fault. */
    uint64_t gpa;
    unsigned size;
    bool is_write;
    seL4_Word reg;  /**< Source, or destination: on x86 as set so far, on ARM as it was before. */
    seL4_Word data; /**< ARM: set_vcpu_fault_data()'s. */
    /* Exceptions. */
    uint32_t hsr;
    bool pc_is_past;
    /* Registers as the handler sees them. */
    hosted_context_t context;
    bool context_valid;
    bool context_dirty;
};

struct hosted_vcpu {
    struct vm_vcpu base; /**< First: clients hold its address. */
    struct hosted_vm *hosted;
    void *engine_state;
    struct fault fault;
};

/* vm.c */
void hosted_say(const struct hosted_vm *hosted, enum vmmp_log_level level,
                enum vmmp_log_origin origin, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** False if the engine lets this call fail. */
bool hosted_permit(struct hosted_vm *hosted, enum hosted_call call);
/** Zeroed memory that lives as long as the VM; NULL if there is none. */
void *hosted_block_allocate(struct hosted_vm *hosted, size_t size);

/* array.c */
/**
 * The array with room for `extra` elements after `count`, moved if need be; the caller stores it.
 * NULL if there is no memory: the old one is still good.
 */
void *hosted_array_grow(void *array, size_t count, size_t extra, size_t element);

/* reservation.c */
vm_memory_reservation_t *hosted_reserve(struct hosted_vm *hosted, uintptr_t start, size_t size,
                                        memory_fault_callback_fn callback, void *cookie);
/** The reservation that holds all of the range, with a reference, or NULL. */
vm_memory_reservation_t *hosted_reservation_find(struct hosted_vm *hosted, uint64_t gpa,
                                                 unsigned size);
void hosted_reservation_put(vm_memory_reservation_t *reservation);
void hosted_reservations_free(struct hosted_vm *hosted);

/* mapping.c */
/** Maps pages for `owner`; 0, -EEXIST if some are mapped already, -ENOMEM, the engine's error. */
int hosted_map(struct hosted_vm *hosted, const vm_memory_reservation_t *owner, uint64_t gpa,
               uint64_t size, void *host, bool writable);
/** Unmaps all that was mapped for `owner`. */
void hosted_unmap_owner(struct hosted_vm *hosted, const vm_memory_reservation_t *owner);
/** Under `tables`: the mapping at `gpa`, or NULL. */
const struct hosted_mapping *hosted_mapping_find(const struct hosted_vm *hosted, uint64_t gpa);
void hosted_mappings_free(struct hosted_vm *hosted);

/* pages.c */
/** Zeroed memory for the guest, page-aligned, the VM's. NULL if there is none (said in the log). */
void *hosted_pages_allocate(struct hosted_vm *hosted, size_t size);
void hosted_pages_release(struct hosted_vm *hosted, void *host);
void hosted_pages_free(struct hosted_vm *hosted);

/* fault.c */
int hosted_fault_init(struct fault *fault);
void hosted_fault_fini(struct fault *fault);
void hosted_misuse(struct hosted_vcpu *vcpu, enum hosted_misuse misuse, const char *what);
/** The phase of a fault that a callback has returned from. */
enum fault_phase hosted_fault_phase(struct hosted_vcpu *vcpu);
/** Waits, if `block`, while the fault is active and the VM is not stopping. */
enum hosted_outcome hosted_fault_collect(struct hosted_vcpu *vcpu, bool block);
/** Ends a fault without its data; registers that the handler set are kept. 0 or -errno. */
int hosted_fault_drop(struct hosted_vcpu *vcpu);
/** Wakes threads that wait for completions. */
void hosted_fault_wake(struct hosted_vcpu *vcpu);
/** Under `fault->lock`: the registers, from the engine when first asked for. */
int hosted_fault_context(struct hosted_vcpu *vcpu);

/* context.c */
int hosted_context_get(vm_vcpu_t *vcpu, hosted_context_t *context);
int hosted_context_set(vm_vcpu_t *vcpu, const hosted_context_t *context);
int hosted_context_get_word(vm_vcpu_t *vcpu, unsigned index, seL4_Word *value);
int hosted_context_set_word(vm_vcpu_t *vcpu, unsigned index, seL4_Word value);

/* arch/: the conventions that differ */
int hosted_arch_vm_init(struct hosted_vm *hosted);
void hosted_arch_vm_free(struct hosted_vm *hosted);
void hosted_arch_vcpu_init(struct hosted_vcpu *vcpu);
/** FAULT_RESTART is a result that libsel4vm takes on this architecture. */
extern const bool hosted_arch_can_restart;
/** set_vcpu_fault_data() */
void hosted_arch_set_data(struct fault *fault, seL4_Word data);
/** get_vcpu_fault_data() */
seL4_Word hosted_arch_get_data(const struct fault *fault);
/** The destination register of a completed read. */
seL4_Word hosted_arch_read_result(const struct fault *fault);
/** Under `fault->lock`. */
seL4_Word hosted_arch_ip(struct hosted_vcpu *vcpu);
/** Under `fault->lock`: the handler advanced or restarted an exception. */
void hosted_arch_complete_exception(struct fault *fault, bool advanced);
/** Before injecting: a vCPU that waits for an interrupt goes on. */
void hosted_arch_wake(struct hosted_vcpu *vcpu);
/** An edge of an input that the guest uses edge-triggered. */
void hosted_irq_edge(vm_vcpu_t *vcpu, int irq);
/** Whether vm_register_irq() takes `irq`, and whether each vCPU has its own. */
bool hosted_arch_irq_valid(const struct hosted_vm *hosted, int irq);
bool hosted_arch_irq_private(int irq);
/** The latest registration of a shared interrupt counts, not the first. */
extern const bool hosted_arch_irq_last_wins;

/* Shared by the architectures' conventions: lane = address & 3. */
static inline unsigned hosted_fault_shift(const struct fault *fault)
{
    return 8u * (unsigned)(fault->gpa & 3);
}

static inline seL4_Word hosted_fault_mask(const struct fault *fault)
{
    uint64_t width = fault->size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * fault->size)) - 1;
    return (seL4_Word)(width << hosted_fault_shift(fault));
}
