/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scripted engine: a VM with memory and no CPU. The test plays the guest.
 *
 * The functions below do to a VM what its guest's instructions would: accesses go to memory if
 * there is some, else through libsel4vm's fault protocol with the data conventions of this
 * architecture. The engine checks what a real host would not forgive and remembers every offence:
 *  - every fault is completed exactly once, and not touched after that;
 *  - pointers that vm_ram_touch() lends are inaccessible once the callback has returned (a kept one
 *    crashes the test where it is used);
 *  - a device's context is not entered twice by one thread.
 * script_check() fails if anything was recorded.
 *
 * Threads: one thread plays one vCPU at a time; several vCPUs may be played at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <hosted/diagnostics.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zeroed is the default. */
struct script_config {
    /**
     * Interrupt lines of the library inject and are acknowledged, as on seL4 for ARM, instead of
     * setting levels.
     */
    bool inject_binding;
    /** x86: inputs of the interrupt controllers; 0: the 16 of two 8259. */
    unsigned irq_inputs;
    /**
     * RAM is in pages of 4 KiB, as seL4's clients may give it: of it is mapped what is to be used,
     * nothing ahead. script_ram_pages() counts.
     */
    bool ram_in_pages;
    /** As script_fail(), from the very start: 1 makes the first call fail. */
    unsigned fail[HOSTED_CALL_COUNT];
};

/**
 * Makes vm_init() create a scripted VM. `config` (NULL: the default) is copied when the VM is made;
 * `log` (may be NULL) must outlive the VM.
 */
void hosted_simple_script(simple_t *simple, struct script_config *config,
                          const struct vmmp_log *log);

/* ---- accesses ------------------------------------------------------------------------------ */

/** What became of an instruction of the guest. */
enum script_result {
    SCRIPT_DONE,    /**< Completed; the pc is behind it. */
    SCRIPT_SKIPPED, /**< FAULT_IGNORE: the pc is behind it, no register was written. */
    SCRIPT_PENDING, /**< The handler will complete it later: see script_finish(). */
    SCRIPT_FAILED,  /**< vm_run() would have ended with an error. */
    SCRIPT_STOPPED, /**< The VM is stopping. */
};

/**
 * One load or store instruction of 1, 2, 4 or 8 bytes. Nothing is executed while an earlier one is
 * pending (that is recorded and gives SCRIPT_FAILED).
 *
 * read: `*value` is the accessed bytes, zero-extended. It is not written unless SCRIPT_DONE.
 * write: bits of `value` above the size are not stored; the source register holds junk there, as a
 * guest's may.
 */
enum script_result script_read(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t *value);
enum script_result script_write(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t value);

/** The same for tests that expect them to be done: anything else is recorded (and reads as 0). */
uint64_t script_get(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size);
void script_put(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t value);

/** A vCPU's view of a device: each access to `window` is one of the above to the device. */
struct script_window {
    struct vmmp_window window;
    vm_vcpu_t *vcpu;
    uint64_t gpa;
};

/** `view` shows the `size` bytes of guest-physical address space from `gpa` on; nothing to undo. */
void script_window_init(struct script_window *view, vm_vcpu_t *vcpu, uint64_t gpa, uint64_t size);

/**
 * The same at the level of registers (of seL4_Word's size). Load: `*reg` is the whole destination
 * register, before and after. Store: `reg` is the whole source register.
 */
enum script_result script_load(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t *reg);
enum script_result script_store(vm_vcpu_t *vcpu, uint64_t gpa, unsigned size, uint64_t reg);

/**
 * The result of a pending instruction; SCRIPT_PENDING if it still is. `value` (may be NULL) as in
 * the function that began it (script_read or script_load).
 */
enum script_result script_finish(vm_vcpu_t *vcpu, uint64_t *value);
/** Waits for completion by another thread, or for hosted_vm_stop(). */
enum script_result script_wait(vm_vcpu_t *vcpu, uint64_t *value);

/** The guest's instruction pointer: 4 bytes on after each instruction. Starts at 0x1000. */
uint64_t script_pc(vm_vcpu_t *vcpu);

/* ---- memory -------------------------------------------------------------------------------- */

/** Where [gpa, gpa + size) of the guest's memory is, for building rings; NULL if not mapped. */
void *script_memory(vm_t *vm, uint64_t gpa, size_t size);

/**
 * The host's device memory at a physical address: made when first asked for, zeroed, the same as
 * what passthrough mappings and mapped registers show. NULL if out of memory, or if the range
 * crosses a multiple of 16 MiB.
 */
void *script_physical(vm_t *vm, uint64_t paddr, size_t size);

/** With script_config.ram_in_pages: how many pages the library has mapped. */
unsigned script_ram_pages(vm_t *vm);

/* ---- exceptions (ARM) and ports (x86) ------------------------------------------------------ */

/**
 * ARM: an exception to the hypervisor with syndrome `hsr` at the current pc: goes to the
 * unhandled-vCPU-fault callback. Registers are those of vm_set_thread_context(). An HVC's pc is
 * the next instruction's, as the architecture has it. SCRIPT_DONE: it was advanced or restarted
 * (compare script_pc()).
 */
enum script_result script_exception(vm_vcpu_t *vcpu, uint32_t hsr);

/**
 * ARM: the load or store at the pc, in guest memory, accesses `gpa`, and the hardware does not
 * describe it. SCRIPT_DONE: carried out, or an abort to the guest (compare script_pc()). Waits for
 * answers that come later.
 */
enum script_result script_undecoded(vm_vcpu_t *vcpu, uint64_t gpa, bool is_write);
/** ARM: vector register `number`, low half first. */
uint64_t *script_vector(vm_vcpu_t *vcpu, unsigned number);

/** SMC and HVC with registers 0 to 3 as given (64-bit state if seL4_Word has 64 bits). */
enum script_result script_smc(vm_vcpu_t *vcpu, const uint64_t args[4], uint64_t results[4]);
enum script_result script_hvc(vm_vcpu_t *vcpu, const uint64_t args[4], uint64_t results[4]);

/** What firmware has done to a vCPU (ARM). */
struct script_power {
    bool on;        /**< Started, and not stopped since. */
    bool suspended; /**< Waits for an interrupt. */
    unsigned resets;
};
struct script_power script_power(vm_vcpu_t *vcpu);
/** An interrupt ends the vCPU's suspension; false if it was not suspended. */
bool script_wake(vm_vcpu_t *vcpu);

/** x86: IN and OUT of 1, 2 or 4 bytes. `*value` is zero-extended. */
enum script_result script_in(vm_vcpu_t *vcpu, uint16_t port, unsigned size, uint32_t *value);
enum script_result script_out(vm_vcpu_t *vcpu, uint16_t port, unsigned size, uint32_t value);

/* ---- interrupts ---------------------------------------------------------------------------- */

#define SCRIPT_IRQS 256

/** What reached an input of the interrupt controller. */
struct script_irq {
    bool registered;
    bool enabled; /**< By the guest; true at first. */
    bool level;
    bool pending;
    bool active;         /**< Taken, not finished. */
    unsigned rises;      /**< Levels that went up. */
    unsigned falls;      /**< Levels that went down. */
    unsigned injections; /**< vm_inject_irq() calls that were accepted. */
    unsigned rejections; /**< vm_inject_irq() calls that were refused (not enabled). */
    unsigned acks;       /**< Acknowledgements delivered. */
};

/** A snapshot of input `irq` of `vcpu` (which matters for ARM's inputs below 32). */
struct script_irq script_irq(vm_vcpu_t *vcpu, int irq);
/** The guest takes the interrupt: false if none is pending. */
bool script_irq_take(vm_vcpu_t *vcpu, int irq);
/** The guest is done with it: the acknowledgement callback runs. A high level is pending again. */
void script_irq_eoi(vm_vcpu_t *vcpu, int irq);
/**
 * The guest enables or disables the input. On ARM, enabling one that is not pending acknowledges
 * it, as libsel4vm does.
 */
void script_irq_enable(vm_vcpu_t *vcpu, int irq, bool enable);

/* ---- host operations ----------------------------------------------------------------------- */

/** Time, deferral, timers and contexts under the test's control. */
struct vmmp_host script_host(vm_t *vm);
/** Runs deferred work until none is left; how many items were run. More than 10000 is recorded. */
unsigned script_run_deferred(vm_t *vm);
/** Items of deferred work that wait. */
unsigned script_deferred(vm_t *vm);
/** Moves the clock on, running due timers in the order of their deadlines. Starts at 1 s. */
void script_advance_time(vm_t *vm, uint64_t nanoseconds);

/* ---- faults of the host and checks --------------------------------------------------------- */

/** Makes the nth call from now on fail (1: the next), once. 0 takes that back. */
void script_fail(vm_t *vm, enum hosted_call call, unsigned nth);
/** How often the call has been made, failed ones included. */
unsigned script_calls(vm_t *vm, enum hosted_call call);

/** Adds an offence of the test's own. */
void script_record(vm_t *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));
unsigned script_errors(vm_t *vm);
/** The text of the i-th offence (the first 16 are kept), or NULL. Valid until cleared. */
const char *script_error(vm_t *vm, unsigned i);
void script_clear_errors(vm_t *vm);
/**
 * True if nothing was recorded and no instruction is pending. Otherwise each offence is
 * said in the log at level ERROR. Call it before hosted_vm_destroy().
 */
bool script_check(vm_t *vm);

#ifdef __cplusplus
}
#endif
