/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power State Coordination Interface 1.1 (DEN0022D) for an ARM guest: which of its CPUs are on, and
 * what it wants of the machine. The model keeps the state and knows the errors; what has an effect
 * is done by operations of who knows the vCPUs (vmmp/arm_firmware.h).
 *
 * What there is: PSCI_VERSION, PSCI_FEATURES, CPU_ON, CPU_OFF, CPU_SUSPEND, AFFINITY_INFO,
 * MIGRATE_INFO_TYPE (no Trusted OS), SYSTEM_OFF, SYSTEM_RESET, SYSTEM_RESET2 (warm, and vendors'
 * if the client takes them), SYSTEM_SUSPEND where there is an operation, PSCI_STAT_RESIDENCY and
 * PSCI_STAT_COUNT. 32-bit and 64-bit forms where the specification has both. All else returns
 * NOT_SUPPORTED, and PSCI_FEATURES says so.
 *
 * Power states (CPU_SUSPEND, original format): every valid one is a standby from which the CPU
 * returns to the instruction after the call; the specification allows this for a power-down too
 * (5.4.4).
 *
 * Hostile guest: any values. It can switch its own CPUs and end or restart its own VM.
 *
 * Threads: one call at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/smccc.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_PSCI_CPUS 64

/** As AFFINITY_INFO has them. */
enum vmmp_psci_state {
    VMMP_PSCI_ON = 0,
    VMMP_PSCI_OFF = 1,
    VMMP_PSCI_ON_PENDING = 2,
};

enum vmmp_psci_event_kind {
    VMMP_PSCI_SYSTEM_OFF,
    VMMP_PSCI_SYSTEM_RESET,
    VMMP_PSCI_SYSTEM_RESET2,  /**< `reset_type`: 0 for a warm reset; bit 31 set: a vendor's. */
    VMMP_PSCI_SYSTEM_SUSPEND, /**< Told before it happens. */
};

struct vmmp_psci_event {
    enum vmmp_psci_event_kind kind;
    unsigned cpu; /**< Which asks. */
    uint32_t reset_type;
    uint64_t cookie;
};

/** Where a CPU begins. */
struct vmmp_psci_entry {
    uint64_t address; /**< AArch32: bit 0 means Thumb. */
    uint64_t context; /**< For its register 0. */
    bool aarch32;
};

/** Called from vmmp_psci_call(). */
struct vmmp_psci_ops {
    /**
     * Starts a CPU that is off. 0: it is on; -EINPROGRESS: vmmp_psci_cpu_started() will follow;
     * -EFAULT: there is nothing to execute (INVALID_ADDRESS); else INTERNAL_FAILURE.
     */
    int (*cpu_on)(void *cookie, unsigned cpu, const struct vmmp_psci_entry *entry);
    /** Stops the calling CPU once its call is over. 0; else the guest gets DENIED. */
    int (*cpu_off)(void *cookie, unsigned cpu);
    /**
     * The calling CPU is to wait for an interrupt once its call is over. The one who knows when it
     * goes on says vmmp_psci_cpu_resumed(). NULL: it goes on at once.
     */
    int (*cpu_suspend)(void *cookie, unsigned cpu);
    /**
     * The same, but it then begins at `entry` as after a reset. All other CPUs are off. 0; -EFAULT
     * as above; else the guest gets INTERNAL_FAILURE. NULL: SYSTEM_SUSPEND is not supported.
     */
    int (*system_suspend)(void *cookie, unsigned cpu, const struct vmmp_psci_entry *entry);
    /**
     * Acts on it; the calling CPU executes nothing more after SYSTEM_OFF and the resets. 0; else
     * the guest gets: INVALID_PARAMETERS (a vendor's reset), INTERNAL_FAILURE, or for a suspend
     * DENIED.
     */
    int (*system_event)(void *cookie, const struct vmmp_psci_event *event);
    /** Monotonic nanoseconds, for statistics; NULL: they have no times. */
    uint64_t (*now)(void *cookie);
};

struct vmmp_psci_cpu {
    uint64_t affinity; /**< Fields Aff3 to Aff0 where MPIDR_EL1 has them. */
    /**
     * The affinity is only the likely one: a CPU_ON for one that no CPU has gives it to the first
     * such CPU that is off.
     */
    bool provisional;
    enum vmmp_psci_state state;
    bool suspended;
    uint64_t suspended_at;
    uint64_t suspends; /**< CPU_SUSPEND calls. */
    uint64_t suspended_ns;
};

/** The fields below `ops` belong to the model, the table of CPUs to its owner between calls. */
struct vmmp_psci {
    const struct vmmp_psci_ops *ops;
    void *cookie;
    unsigned cpu_count; /**< At most VMMP_PSCI_CPUS. */
    struct vmmp_psci_cpu cpus[VMMP_PSCI_CPUS];
};

/** `ops` must outlive it. No CPUs yet: the owner fills `cpus` and `cpu_count`. */
void vmmp_psci_init(struct vmmp_psci *psci, const struct vmmp_psci_ops *ops, void *cookie);

/** Whether a function identifier is one that PSCI owns. */
bool vmmp_psci_owns(uint32_t function);
/** PSCI_FEATURES: what it returns for `function`, an identifier that PSCI owns. */
uint64_t vmmp_psci_features(const struct vmmp_psci *psci, uint32_t function);
/** Answers a call of `call->cpu` (below cpu_count) for a function that PSCI owns. */
void vmmp_psci_call(struct vmmp_psci *psci, struct vmmp_smccc_call *call);

/** A CPU for which cpu_on returned -EINPROGRESS is on, or could not be started. */
void vmmp_psci_cpu_started(struct vmmp_psci *psci, unsigned cpu, bool on);
/** A CPU for which cpu_suspend returned 0 goes on. */
void vmmp_psci_cpu_resumed(struct vmmp_psci *psci, unsigned cpu);

#ifdef __cplusplus
}
#endif
