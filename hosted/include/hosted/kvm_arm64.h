/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kvm_arm64 engine: libsel4vm on Linux KVM for 64-bit Arm.
 *
 *     struct hosted_kvm_arm64_config config = { .address_limit = 1ull << 33, ... };
 *     hosted_simple_kvm_arm64(&simple, &config, &log);
 *     vm_init(&vm, NULL, &simple, vspace, &io_ops, 0, "guest");
 *
 * Interrupt controller (GICv2 or GICv3) and generic timer are the kernel's, PSCI too unless
 * config.firmware is set; vCPUs are created powered off, vcpu_start() powers one on, and the
 * guest's PSCI CPU_ON the others. Each has a thread while vm_run() is in progress; no thread is
 * left when it returns.
 *
 * Threads: functions may be called from any thread unless they say otherwise; none may be called
 * after hosted_vm_destroy(). Functions on the registers of a vCPU need it not to run guest code:
 * before vm_run() or after it, between hosted_kvm_pause() and hosted_kvm_resume(), or from a
 * handler of an exit of that vCPU. Else they return -EBUSY.
 *
 * A signal (config.kick_signal) makes vCPUs leave the guest. Its handler, which does nothing, is
 * installed when a VM is made and stays; a program that handles that signal itself picks another.
 *
 * vm_inject_irq() raises an input until the guest's EOI and then calls the acknowledgement
 * callback, if the guest has configured the interrupt as a level, as its device tree says. (KVM
 * reports no EOI of edges: those are injected, and never acknowledged.)
 *
 * Instructions that the hardware does not describe (pairs, writeback, vectors, DC ZVA) work on
 * devices as on memory: docs/arm.md.
 *
 * 32-bit guests (config.aarch32): libsel4vm's registers are the AArch64 ones as the architecture
 * places AArch32 state in them (Arm ARM, D1.21.1): r0 to r12 in x0 to x12, r13 and r14 of User mode
 * in x13 and x14, those of other modes above, CPSR in spsr.
 *
 * Hostile guest: can end its VM (power off, reset, crash, an access that nothing answers), and
 * nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <hosted/kvm.h>
#include <hosted/trace.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hosted_kvm_gic {
    HOSTED_KVM_GIC_AUTO = 0, /**< What the host has; version 3 where it has both. */
    HOSTED_KVM_GIC_V2 = 2,
    HOSTED_KVM_GIC_V3 = 3,
};

enum hosted_kvm_debug_cause {
    HOSTED_KVM_DEBUG_STEP,
    HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT, /**< A BRK: the debugger's or the guest's own. */
    HOSTED_KVM_DEBUG_BREAKPOINT,
    HOSTED_KVM_DEBUG_WATCHPOINT,
    HOSTED_KVM_DEBUG_UNKNOWN,
};

/** What a guest did to its debugger. */
struct hosted_kvm_debug_event {
    enum hosted_kvm_debug_cause cause;
    uint32_t syndrome; /**< ESR_EL2 */
    uint64_t address;  /**< Watchpoint: of the access. */
    uint64_t pc;       /**< Of the instruction that has not been executed yet. */
};

struct hosted_kvm_arm64_config {
    /**
     * One past the highest guest-physical address of RAM and devices; 0: 4 GiB. A tight limit makes
     * the host's second-stage page tables shallower.
     */
    uint64_t address_limit;

    /** Where the interrupt controller is; the addresses of the other version are not used. */
    enum hosted_kvm_gic gic;
    uint64_t gic_distributor;
    uint64_t gic_cpu_interface;       /**< GICv2; 8 KiB. */
    uint64_t gic_redistributors;      /**< GICv3; 128 KiB per vCPU. */
    uint64_t gic_redistributors_size; /**< Room there; 0: not checked. */
    unsigned gic_interrupts;          /**< INTIDs, the 32 private ones included; 0: 256. */

    /** vCPUs are in AArch32 state, always; vm_init() fails where the host's CPUs cannot. */
    bool aarch32;

    /** Somebody in this process answers the guest's PSCI and TRNG calls (vmmp/arm_firmware.h), if
     * the kernel lets them: see hosted_kvm_firmware(). */
    bool firmware;

    const struct hosted_trace *trace; /**< NULL: no trace. Must outlive the VM. */
    int kick_signal;                  /**< 0: SIGRTMIN. */
    const char *device;               /**< NULL: /dev/kvm. */

    /**
     * Called for what hosted_kvm_vcpu_debug() asked for, from the vCPU's thread. It may
     * hosted_kvm_pause(): then the vCPU stays where it is until resumed. NULL: such exits are
     * ignored.
     */
    void (*debug)(void *cookie, vm_vcpu_t *vcpu, const struct hosted_kvm_debug_event *event);
    void *cookie;
};

/** Makes vm_init() create a VM on KVM. `config` and `log` (may be NULL) must outlive the VM. */
void hosted_simple_kvm_arm64(simple_t *simple, struct hosted_kvm_arm64_config *config,
                             const struct vmmp_log *log);

/** 2 or 3: what the guest's device tree has to describe. Known from vm_init() on. */
unsigned hosted_kvm_gic_version(const vm_t *vm);
/** The vCPU's affinity fields of MPIDR_EL1: the `reg` of its node in the device tree. */
uint64_t hosted_kvm_vcpu_affinity(const vm_vcpu_t *vcpu);

/**
 * Whether the guest's PSCI and TRNG calls come to vCPU faults: config.firmware was set and the
 * kernel has a filter (Linux 6.4). Known from vm_init() on. Else the kernel answers them.
 */
bool hosted_kvm_firmware(const vm_t *vm);

/* ---- registers ------------------------------------------------------------------------------ */

enum hosted_kvm_reg {
    HOSTED_KVM_REG_X0 = 0,  /**< to X30 = 30 */
    HOSTED_KVM_REG_SP = 31, /**< The stack pointer in use, by PSTATE: of the level or mode. */
    HOSTED_KVM_REG_PC,
    HOSTED_KVM_REG_PSTATE,
    HOSTED_KVM_REG_SP_EL0,
    HOSTED_KVM_REG_SP_EL1,
    HOSTED_KVM_REG_ELR_EL1,
    HOSTED_KVM_REG_SPSR_EL1,
    HOSTED_KVM_REG_ESR_EL1,
    HOSTED_KVM_REG_FAR_EL1,
    HOSTED_KVM_REG_VBAR_EL1,
    HOSTED_KVM_REG_SCTLR_EL1,
    HOSTED_KVM_REG_TTBR0_EL1,
    HOSTED_KVM_REG_TTBR1_EL1,
    HOSTED_KVM_REG_TCR_EL1,
    HOSTED_KVM_REG_MAIR_EL1,
    HOSTED_KVM_REG_MPIDR_EL1,
    HOSTED_KVM_REG_TPIDR_EL0,
    HOSTED_KVM_REG_TPIDRRO_EL0,
    HOSTED_KVM_REG_TPIDR_EL1,
    HOSTED_KVM_REG_FPSR,
    HOSTED_KVM_REG_FPCR,
    HOSTED_KVM_REG_LR, /**< X30; AArch32: r14 of the mode. */
    HOSTED_KVM_REG_COUNT,
};

/** 0; -EINVAL for an unknown register; -EBUSY as said above; -errno of KVM. */
int hosted_kvm_vcpu_get_reg(vm_vcpu_t *vcpu, enum hosted_kvm_reg reg, uint64_t *value);
int hosted_kvm_vcpu_set_reg(vm_vcpu_t *vcpu, enum hosted_kvm_reg reg, uint64_t value);
/** V0 to V31, low half first. Errors as above. */
int hosted_kvm_vcpu_get_vreg(vm_vcpu_t *vcpu, unsigned v, uint64_t value[2]);
int hosted_kvm_vcpu_set_vreg(vm_vcpu_t *vcpu, unsigned v, const uint64_t value[2]);

/* ---- debugging ------------------------------------------------------------------------------ */

struct hosted_kvm_watchpoint {
    uint64_t address;
    unsigned size; /**< 1 to 8 bytes inside an aligned 8; or a power of two, aligned to itself. */
    bool read, write;
};

/** What shall stop a vCPU; zeroed: nothing. */
struct hosted_kvm_debug {
    bool step; /**< One instruction, with interrupts held off by the kernel's rules. */
    bool software_breakpoints; /**< BRK instructions come to us instead of the guest. */
    unsigned breakpoints;
    uint64_t breakpoint[16];
    unsigned watchpoints;
    struct hosted_kvm_watchpoint watchpoint[16];
};

/** How many of each the host has (0 if the VM's host has none). */
unsigned hosted_kvm_breakpoints(const vm_t *vm);
unsigned hosted_kvm_watchpoints(const vm_t *vm);
/** 0; -ENOSPC for more than there are; -EINVAL for a watchpoint that cannot be; -EBUSY; -errno. */
int hosted_kvm_vcpu_debug(vm_vcpu_t *vcpu, const struct hosted_kvm_debug *debug);

#ifdef __cplusplus
}
#endif
