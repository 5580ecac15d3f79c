/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an engine is: the part of hosted/ that knows where the guest's instructions come from
 * (KVM, or a test). Everything else about a VM is in the common part: reservations, RAM, the fault
 * protocol, interrupt handlers, I/O port handlers.
 *
 * The common part decodes nothing. When the guest touches what is not memory the engine calls
 * hosted_vcpu_mmio() from that vCPU's thread, with nothing locked; it looks up the reservation,
 * calls back, applies the result and hands the destination register back.
 *
 * Locks, in the order they are taken (see hosted/src/hosted.h):
 *   1. the VM's client lock (hosted_vm_lock)   callbacks of compatible clients
 *   2. device contexts, interrupt line contexts  (the library's own)
 *   3. hosted_vm.tables                         reservations, mappings, RAM, handlers
 *   4. hosted_vcpu.lock                         one fault
 *   5. whatever locks an engine has of its own
 * Engine operations may be called with any of 1 to 4 held and must not call back into the common
 * part, except `run`, which is called with none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <hosted/context.h>
#include <hosted/diagnostics.h>
#include <hosted/vm.h>
#include <sel4vmmplatsupport/vmmp/doorbell.h>

struct hosted_vm;
struct hosted_vcpu;

/** Who is told that a suspended vCPU goes on. `call` may be NULL. */
struct hosted_resumed {
    void (*call)(void *cookie, vm_vcpu_t *vcpu);
    void *cookie;
};

/**
 * An engine. Operations return 0 or -errno unless said otherwise; those marked optional may be
 * NULL. State of the engine hangs on hosted_vm_set_engine_state() and its like for vCPUs.
 */
struct hosted_engine {
    const char *name; /**< "kvm_arm64", "script"; for logs. */

    /**
     * RAM comes from a memfd, so that it can be mapped a second time, instead of private anonymous
     * memory (which can have huge pages).
     */
    bool memory_is_file;
    /** Refuse RAM that this host cannot have. */
    bool memory_is_real;

    /** Makes the VM. `config` is what the client gave with its simple_t. */
    int (*vm_open)(struct hosted_vm *hosted, void *config);
    /** All vCPUs are closed already; undoes vm_open. Mappings need not be unmapped one by one. */
    void (*vm_close)(struct hosted_vm *hosted);

    /**
     * Makes [gpa, gpa + size) of the guest the memory at `host`; all page-aligned. Not `writable`:
     * guest writes come to hosted_vcpu_mmio(). The common part never maps over what is mapped, and
     * unmaps exactly what it mapped. Any thread, also while vCPUs run.
     */
    int (*memory_map)(struct hosted_vm *hosted, uint64_t gpa, uint64_t size, void *host,
                      bool writable);
    int (*memory_unmap)(struct hosted_vm *hosted, uint64_t gpa, uint64_t size);
    /**
     * Optional: the host's device memory at a physical address, for passthrough. NULL if there is
     * none (the default).
     */
    void *(*memory_physical)(struct hosted_vm *hosted, uint64_t paddr, uint64_t size);
    /**
     * Optional: how much from `gpa` on the library has mapped when it asks for `size` bytes and
     * needs `wanted` of them, all within one piece of RAM; 0: nothing, out of memory. Without it:
     * all.
     */
    uint64_t (*memory_mapped)(struct hosted_vm *hosted, uint64_t gpa, uint64_t wanted,
                              uint64_t size);
    /**
     * Optional: an address for [host, host + size) inside one page of RAM that is good until
     * alias_end; to catch who keeps a pointer of vm_ram_touch().
     */
    void *(*alias_begin)(struct hosted_vm *hosted, void *host, size_t size);
    void (*alias_end)(struct hosted_vm *hosted, void *alias, size_t size);

    int (*irq_controller_create)(struct hosted_vm *hosted);
    /** Optional: told of the first registration of an interrupt; negative refuses it. */
    int (*irq_register)(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
    /** Drives an input of the interrupt controller. `vcpu` matters for ARM's PPIs. Any thread. */
    int (*irq_level)(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high);
    /**
     * Optional: an edge of an input that the guest uses edge-triggered. Without it, an edge is
     * irq_level() up and down.
     */
    int (*irq_edge)(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
    /** Sets the interrupt pending until the guest has finished it. Negative if the controller would
     * not take it. */
    int (*irq_inject)(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);

    /**
     * Optional: from now on (or, without `add`, no longer) the guest's writes that `doorbell` is
     * about add to the eventfd `fd` and do not come to hosted_vcpu_mmio(). Removal is complete on
     * return. Any thread.
     */
    int (*doorbell)(struct hosted_vm *hosted, const struct vmmp_doorbell *doorbell, int fd,
                    bool add);

    /**
     * Optional: from now on (or, without `add`, no longer) a signal of the eventfd `fd` is the
     * message. Adding it again changes the message. What the eventfd has already counts. Any
     * thread.
     */
    int (*message_fd)(struct hosted_vm *hosted, int fd, uint64_t address, uint32_t data, bool add);
    /**
     * Optional: a signal of the eventfd `fd` raises the input until the guest's EOI, which signals
     * `resample`. Any thread.
     */
    int (*irq_fd)(struct hosted_vm *hosted, int irq, int fd, int resample, bool add);
    /**
     * Optional: the VM has devices of the VFIO group that is open as `fd` (or, without `add`, no
     * longer), by which the kernel knows whether all its DMA sees what is in caches. One thread.
     */
    int (*device_group)(struct hosted_vm *hosted, int fd, bool add);

    /** Makes a vCPU, stopped. `vcpu_id` is set; the interrupt controller may not exist yet. */
    int (*vcpu_open)(struct hosted_vcpu *vcpu);
    /** The vCPU does not run any more (`run` has returned). */
    void (*vcpu_close)(struct hosted_vcpu *vcpu);
    /** vcpu_start(): the vCPU runs from its registers; before or during `run`, from any thread. */
    int (*vcpu_start)(struct hosted_vcpu *vcpu);

    /**
     * Optional, ARM: power states for firmware that the VMM is. A stopped or never started vCPU
     * runs from `context`, reset otherwise; any thread.
     */
    int (*vcpu_restart)(struct hosted_vcpu *vcpu, const hosted_context_t *context);
    /** Optional: the vCPU stops when the exception that it is in has been answered. */
    int (*vcpu_stop)(struct hosted_vcpu *vcpu);
    /** Optional: from then it waits for an interrupt; `reset` first, but for what is answered. */
    int (*vcpu_suspend)(struct hosted_vcpu *vcpu, bool reset, const struct hosted_resumed *resumed);
    /** Optional: whether it can be done; NULL: yes. */
    bool (*can_suspend)(const struct hosted_vm *hosted);

    /**
     * vm_run(): runs the VM until it powers off, fails or `hosted_vm_stopping()` is true, then
     * stops every vCPU thread before it returns. 0, or -1 for a failure (said in the log).
     */
    int (*run)(struct hosted_vm *hosted);
    /**
     * hosted_vm_stopping() has become true: make `run` return soon. Called once, from any thread,
     * possibly before `run`.
     */
    void (*stop)(struct hosted_vm *hosted);

    /**
     * The registers of a vCPU that does not run guest code now: stopped, or inside
     * hosted_vcpu_mmio() or hosted_vcpu_exception() (which may have been entered in another
     * thread). Else -EBUSY.
     */
    int (*registers_get)(struct hosted_vcpu *vcpu, hosted_context_t *context);
    int (*registers_set)(struct hosted_vcpu *vcpu, const hosted_context_t *context);
    /** Optional: others, by libsel4vm's number (VMCS fields; registers of an ARM vCPU). */
    int (*register_get)(struct hosted_vcpu *vcpu, uint32_t number, uint64_t *value);
    int (*register_set)(struct hosted_vcpu *vcpu, uint32_t number, uint64_t value);

    /** Optional, ARM: vector register `number`, 0 to 31, low half first. As registers_get. */
    int (*vector_get)(struct hosted_vcpu *vcpu, unsigned number, uint64_t value[2]);
    int (*vector_set)(struct hosted_vcpu *vcpu, unsigned number, const uint64_t value[2]);

    /** Optional, AArch64: the guest's EL1 is AArch32; NULL: never. */
    bool (*is_aarch32)(const struct hosted_vm *hosted);
    /** Optional, ARM: a synchronous external abort, where registers cannot be set up for one. */
    int (*external_abort)(struct hosted_vcpu *vcpu);

    /** Optional, x86: direct access to host ports. */
    int (*ioport_passthrough)(struct hosted_vcpu *vcpu, uint16_t first, uint16_t last);

    /** Optional: negative makes the call fail. */
    int (*permit)(struct hosted_vm *hosted, enum hosted_call call);
    /** Optional: the vCPU's fault protocol was misused (logged already). */
    void (*misused)(struct hosted_vcpu *vcpu, enum hosted_misuse misuse);
};

/**
 * A simple_t that makes vm_init() use `engine`. `config` and `log` (may be NULL) must live as long
 * as the VM. Engines have public functions around this one: hosted_simple_script() and so on.
 */
void hosted_simple_init(simple_t *simple, const struct hosted_engine *engine, void *config,
                        const struct vmmp_log *log);

/* ---- what an engine calls ------------------------------------------------------------------ */

/** The guest's access to something that is not memory. */
struct hosted_mmio {
    uint64_t gpa;
    unsigned size; /**< 1 to 8 bytes, not crossing what the guest CPU would split. */
    bool is_write;
    /**
     * Write: the source register; bits above `size` bytes may be set (a raw register) or not (KVM).
     * Read: before, what the destination register holds (an engine that only takes the bytes
     * passes 0); after, what it shall hold, with the accessed bytes in its low bits.
     */
    uint64_t reg;
    /**
     * Out: the instruction is to be skipped with its destination register left alone
     * (FAULT_IGNORE); `reg` is then as it was.
     */
    bool skipped;
};

/** What became of a fault. */
enum hosted_outcome {
    HOSTED_DONE,    /**< Completed: continue after the instruction. */
    HOSTED_PENDING, /**< The handler will complete it later, from any thread. */
    HOSTED_RESTART, /**< Execute the instruction again (only from *_begin and *_wait). */
    /** Nobody handles it, or the handler failed (said in the log): the engine ends `run` with -1.
     */
    HOSTED_FAILED,
    HOSTED_STOPPED, /**< The VM is stopping; the access did not complete. */
};

/**
 * Handles one access to the end: waits for asynchronous completion, and carries out on the new
 * memory what was restarted after memory was mapped there. Never HOSTED_PENDING or HOSTED_RESTART.
 * From the vCPU's thread, with no lock held.
 */
enum hosted_outcome hosted_vcpu_mmio(struct hosted_vcpu *vcpu, struct hosted_mmio *access);

/** The same in pieces, for an engine that does not block. `access` stays put until it is over. */
enum hosted_outcome hosted_vcpu_mmio_begin(struct hosted_vcpu *vcpu, struct hosted_mmio *access);
/** HOSTED_PENDING if it is still not complete; with `block`, waits for completion or for stop. */
enum hosted_outcome hosted_vcpu_fault_finish(struct hosted_vcpu *vcpu, bool block);

/**
 * ARM: an exception with syndrome `hsr` (ESR_EL2's layout) for the client's unhandled-vCPU-fault
 * callback: HVC, SMC, trapped system registers. The registers are read by `registers_get` as they
 * were when the exception was taken and written back by `registers_set` if the handler changed
 * them. Advancing adds the instruction's length to the pc, unless `pc_is_past`: then the pc shown
 * to the handler is the engine's pc minus the length, so that handlers see one convention.
 * HOSTED_RESTART: execute at the pc as it stands.
 */
struct hosted_exception {
    uint32_t hsr;
    bool pc_is_past;
};
enum hosted_outcome hosted_vcpu_exception_begin(struct hosted_vcpu *vcpu,
                                                struct hosted_exception *exception);
/** The same, waiting for asynchronous completion. HOSTED_RESTART is possible. */
enum hosted_outcome hosted_vcpu_exception(struct hosted_vcpu *vcpu,
                                          struct hosted_exception *exception);

/**
 * ARM: the access to `gpa` of the instruction at the pc, which the hardware does not describe (a
 * data abort of `iss` without ISV): fetches, takes apart and carries out the instruction, waiting
 * for completion. HOSTED_DONE: the pc is behind it. HOSTED_RESTART: execute where the pc is; the
 * guest may be in its abort handler. HOSTED_FAILED and HOSTED_STOPPED as for hosted_vcpu_mmio().
 */
enum hosted_outcome hosted_vcpu_undecoded(struct hosted_vcpu *vcpu, uint64_t gpa, uint32_t iss);
/** Bytes that DC ZVA zeroes, where the engine does not know better. */
#define HOSTED_ZVA_SIZE 64u

/**
 * x86: one port access of 1, 2 or 4 bytes. IN: `*value` is set, all-ones in the low bytes if
 * nothing answers. HOSTED_DONE or HOSTED_FAILED.
 */
enum hosted_outcome hosted_vcpu_ioport(struct hosted_vcpu *vcpu, uint16_t port, unsigned size,
                                       bool is_in, uint32_t *value);

/** The guest finished (EOI) or enabled `irq`: calls the acknowledgement callback, if any. */
void hosted_vcpu_irq_acknowledged(struct hosted_vcpu *vcpu, int irq);

/** True from hosted_vm_stop() until vm_run() has returned. */
bool hosted_vm_stopping(const struct hosted_vm *hosted);

/**
 * An access that every engine has to carry out itself when memory is behind it: copies up to 8
 * bytes between [gpa, gpa + size) of the guest's mapped memory and `data`. -EFAULT unless all of it
 * is mapped (and writable for a write): then it is an access for hosted_vcpu_mmio().
 */
int hosted_memory_access(struct hosted_vm *hosted, uint64_t gpa, void *data, size_t size,
                         bool is_write);

/**
 * Which file holds [host, ...) of memory that the common part allocated, and where in it. 0, or
 * -ENOENT if none does: see `memory_is_file`.
 */
int hosted_memory_file(struct hosted_vm *hosted, const void *host, int *fd, uint64_t *offset);

/** From `vm_open`: the library's interrupt lines shall inject and be acknowledged, as on seL4/ARM.
 */
void hosted_vm_set_inject_binding(struct hosted_vm *hosted);
/** From `vm_open`, x86: how many inputs the interrupt controllers have, if not the 16 of two 8259.
 */
void hosted_vm_set_irq_inputs(struct hosted_vm *hosted, unsigned inputs);

/** For messages of engines. */
const struct vmmp_log *hosted_vm_log(const struct hosted_vm *hosted);

/* ---- objects ------------------------------------------------------------------------------- */

/** What an engine may use of a VM; the rest is private to hosted/src (vm.h). */
void *hosted_vm_engine_state(const struct hosted_vm *hosted);
void hosted_vm_set_engine_state(struct hosted_vm *hosted, void *state);
vm_t *hosted_vm_public(const struct hosted_vm *hosted);
struct hosted_vm *hosted_vm_of(const vm_t *vm);

void *hosted_vcpu_engine_state(const struct hosted_vcpu *vcpu);
void hosted_vcpu_set_engine_state(struct hosted_vcpu *vcpu, void *state);
vm_vcpu_t *hosted_vcpu_public(const struct hosted_vcpu *vcpu);
struct hosted_vm *hosted_vcpu_vm(const struct hosted_vcpu *vcpu);
struct hosted_vcpu *hosted_vcpu_of(const vm_vcpu_t *vcpu);
