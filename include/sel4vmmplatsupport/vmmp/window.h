/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register windows: ranges of guest-physical addresses (or of a bus inside one) behind which a
 * device model answers.
 *
 * A model sees an offset, a size and a value: `value` holds the accessed bytes in its low bits,
 * whatever lane, width or instruction the guest used. Only the binding (vmmp/vm.h) knows how a
 * fault is decoded and completed on a host.
 *
 * Hostile guest: any offset below the window's size, any size of 1, 2, 4 or 8, any alignment that
 * stays inside the window. A model answers what its specification says, else all-ones to reads,
 * and drops writes. Accesses that would leave the window never reach the model.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_window_ops {
    /** The `size` bytes at `offset`; bits above them are ignored. */
    uint64_t (*read)(void *device, uint64_t offset, unsigned size);
    /** `value` has no bits set above `size` bytes. */
    void (*write)(void *device, uint64_t offset, unsigned size, uint64_t value);
};

/**
 * For a device whose registers are 32-bit words, in place of the above: an access of any size and
 * alignment is one to each word that it touches, ascending. `offset` is a multiple of 4; `lanes`
 * has the bits of the bytes that are touched.
 */
struct vmmp_word_ops {
    /** The whole word; side effects belong to the bytes in `lanes`. */
    uint32_t (*read)(void *device, uint32_t offset, uint32_t lanes);
    /** `value` has no bits outside `lanes`. */
    void (*write)(void *device, uint32_t offset, uint32_t value, uint32_t lanes);
};

struct vmmp_vm;

/** A guest's access that may be answered later. */
struct vmmp_window_access {
    uint64_t offset;
    unsigned size; /**< The access lies inside the window. */
    bool is_write;
    uint64_t value;  /**< Write: no bits above `size` bytes. */
    void *initiator; /**< The vCPU, a `vm_vcpu_t *`, which is stopped. */
};

/** Owned by the device (usually a member of it); it must stay where it is while attached. */
struct vmmp_window {
    const char *name; /**< For logs and statistics; static. */
    const struct vmmp_window_ops *ops;
    const struct vmmp_word_ops *words; /**< Not NULL: instead of `ops`. */
    void *device;
    uint64_t size;                      /**< In bytes, not 0. */
    const struct vmmp_context *context; /**< Entered around each access; NULL: the model does it. */

    /**
     * Optional, for a window attached to a VM: takes an access whose answer may come later, from
     * any thread, by vmmp_vm_complete_access() (vmmp/vm.h). Called without the context. Elsewhere,
     * `ops` are used.
     */
    void (*begin)(void *device, const struct vmmp_window_access *access);

    /* Statistics; relaxed counters of a word, any thread may read them. */
    unsigned long reads;
    unsigned long writes;

    /**
     * Set by a model in a read or write: the VM ends instead of going on behind the access
     * (FAULT_ERROR). Of use to compatible clients whose callbacks say so; on a bus nobody looks.
     */
    bool failed;

    /** During a read or write: the vCPU that performs it; NULL if none does (vmmp_vm_access_pc). */
    void *initiator;

    /* Set while attached to a VM; the binding's own. */
    struct vmmp_vm *vm;
    uint64_t base;
    void *reservation;
    struct vmmp_window *next;
};

/** All-ones in the low `size` bytes (1, 2, 4 or 8): what nothing answers to. */
static inline uint64_t vmmp_all_ones(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

/**
 * The one way into a model: checks that the access has a legal size and lies inside the window,
 * enters the context, counts, and cuts the result to size. Reads that do not fit give all-ones,
 * writes that do not fit are dropped.
 */
uint64_t vmmp_window_read(struct vmmp_window *window, uint64_t offset, unsigned size);
void vmmp_window_write(struct vmmp_window *window, uint64_t offset, unsigned size, uint64_t value);

/** Whether an access is of a legal size and lies inside a window. */
bool vmmp_window_holds(const struct vmmp_window *window, uint64_t offset, unsigned size);

/** The same on behalf of a vCPU (a `vm_vcpu_t *`): what bindings and bus windows call. */
uint64_t vmmp_window_read_by(struct vmmp_window *window, uint64_t offset, unsigned size,
                             void *initiator);
void vmmp_window_write_by(struct vmmp_window *window, uint64_t offset, unsigned size,
                          uint64_t value, void *initiator);

#ifdef __cplusplus
}
#endif
