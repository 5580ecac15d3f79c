/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens when a guest's instruction traps to the hypervisor: handlers per VM and exception
 * class, a table of system registers per VM, and, where there is neither, what the architecture
 * says of hardware without the feature.
 *
 *     static struct vmmp_arm_exceptions exceptions;
 *     exceptions.handlers[VMMP_ARM_EC_BRK64] = (struct vmmp_arm_handler){ on_brk, debugger };
 *     exceptions.sysregs = my_registers;
 *     exceptions.sysreg_count = 3;
 *     vmmp.arm_exceptions = &exceptions;
 *     vmmp_arm_exceptions_attach(&vmmp, vcpu);
 *
 * vCPUs of create_vmm_plat_vcpu() are attached through vmm_handle_arm_vcpu_exception(), which comes
 * here for classes without a global handler; `vmmp` is then that of vmmp_compat_vm().
 *
 * Without a handler: WFI waits for an interrupt, WFE goes on; HVC and SMC go to libsel4vm's SMC
 * handler; BRK is skipped; system registers are looked up; what belongs to the guest's kernel
 * (alignment, illegal state, floating-point traps, breakpoints, SVC) is injected; the rest is an
 * undefined instruction to the guest.
 *
 * Hostile guest: any syndrome. Only a handler that fails (VMMP_ARM_FAILED) ends the VM.
 *
 * Threads: the structure changes only while no vCPU runs. Handlers run in the vCPU's thread.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/arm_exception.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a handler wants. */
enum vmmp_arm_verdict {
    VMMP_ARM_ADVANCE,   /**< Go on after the instruction. */
    VMMP_ARM_RESTART,   /**< Go on where the pc is, which the handler may have changed. */
    VMMP_ARM_HANDLED,   /**< It has completed the fault, or will: the vCPU stays stopped until then.
                         */
    VMMP_ARM_DEFAULT,   /**< Do as if there were no handler. */
    VMMP_ARM_UNDEFINED, /**< To the guest, the instruction is undefined. */
    VMMP_ARM_FAILED,    /**< End the VM. */
};

struct vmmp_arm_handler {
    enum vmmp_arm_verdict (*handle)(void *cookie, vm_vcpu_t *vcpu,
                                    const struct vmmp_arm_exception *exception);
    void *cookie;
};

/**
 * How a trapped system register behaves. A register of two words (MCRR, MRRC) has its first one in
 * the low 32 bits.
 */
struct vmmp_arm_sysreg {
    uint32_t id;   /**< VMMP_ARM_SYSREG(), VMMP_ARM_CP32(), VMMP_ARM_CP64(). */
    uint32_t care; /**< Bits of `id` that count; 0: all. */
    /** The value for MRS; NULL: `value`. VMMP_ARM_ADVANCE or VMMP_ARM_UNDEFINED. */
    enum vmmp_arm_verdict (*read)(const struct vmmp_arm_sysreg *reg, vm_vcpu_t *vcpu,
                                  uint64_t *value);
    /** NULL: writes are ignored. */
    enum vmmp_arm_verdict (*write)(const struct vmmp_arm_sysreg *reg, vm_vcpu_t *vcpu,
                                   uint64_t value);
    void *cookie;
    uint64_t value;
    bool read_undefined; /**< It is write-only. */
    bool write_undefined;
};

struct vmmp_arm_exceptions {
    struct vmmp_arm_handler handlers[VMMP_ARM_EXCEPTION_CLASSES]; /**< NULL: the default. */
    const struct vmmp_arm_sysreg *sysregs; /**< Searched first to last, before the defaults. */
    unsigned sysreg_count;
};

/**
 * Has `vcpu`'s exceptions come to vmmp_arm_exception_handle(); `vmmp` must outlive it. 0 or
 * -EINVAL.
 */
int vmmp_arm_exceptions_attach(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu);

/** Deals with one exception, and completes it. 0; -1 if a handler failed: the VM is to end. */
int vmmp_arm_exception_handle(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu, uint32_t syndrome);

/**
 * The default for a class, for handlers that only watch. Never VMMP_ARM_DEFAULT. `vmmp` may be
 * NULL.
 */
enum vmmp_arm_verdict vmmp_arm_exception_default(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu,
                                                 const struct vmmp_arm_exception *exception);

#ifdef __cplusplus
}
#endif
