/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware of an ARM VM: PSCI, SMCCC and TRNG (psci.h, smccc.h) on libsel4vm's vCPUs.
 *
 *     struct vmmp_arm_firmware_config config = { .system_event = ended, .cookie = me };
 *     vmmp_arm_firmware_init(&firmware, vm, &config, &host, &log);
 *     vm_register_unhandled_vcpu_fault_callback(vcpu, vmmp_arm_firmware_exception, &firmware);
 *
 * or, from a handler of the client's own for SMC and HVC, vmmp_arm_firmware_call().
 *
 * vCPUs are found when the guest calls: their affinity is their target (vm_assign_vcpu_target()),
 * or their number until they have one. One that the client starts by vcpu_start() counts as on.
 *
 * Compatible clients have one for each VM, which vm_smc_handle_default() uses:
 * vmmp_compat_arm_firmware(). SYSTEM_SUSPEND is not offered there, because libsel4vm's SMC handler
 * cannot say that its caller begins somewhere else.
 *
 * Hostile guest: as psci.h and smccc.h say. Addresses to begin at have to be in RAM if the VM has
 * any registered.
 *
 * Threads: calls may come from several vCPUs at once; the firmware's context serialises them.
 * Operations and hooks of the client run inside it.
 */
#pragma once

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/psci.h>
#include <sel4vmmplatsupport/vmmp/smccc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct seL4_UserContext_; /* seL4_UserContext, where there is one. */

/** Zeroed: the defaults. */
struct vmmp_arm_firmware_config {
    struct vmmp_smccc_config smccc;
    /**
     * The guest powers off, resets or suspends its machine; see psci.h. The client ends the VM, or
     * makes it a new one, after the call. NULL: the vCPUs stop, which the log says; suspending is
     * allowed.
     */
    int (*system_event)(void *cookie, vm_t *vm, const struct vmmp_psci_event *event);
    void *cookie;
    bool no_psci; /**< PSCI is somebody else's (the kernel's). */
};

/** The caller's memory, which stays in place. */
struct vmmp_arm_firmware {
    struct vmmp_smccc smccc; /**< For statistics; its configuration is the client's to change. */
    struct vmmp_psci psci;   /**< For statistics. */

    /* All below belongs to the firmware. */
    vm_t *vm;
    struct vmmp_arm_firmware_config config;
    struct vmmp_host host;
    const struct vmmp_log *log;
    struct vmmp_context context;
    struct vmmp_psci_ops ops;
    bool entered; /**< The call in progress has its caller begin at `entry`. */
    struct vmmp_psci_entry entry;
    uint64_t known; /**< Bit n: vCPU n was switched by the guest, so its state is PSCI's. */
};

/**
 * `config`, `host` may be NULL, `log` (NULL: silent) must outlive it. 0; -EINVAL for a
 * configuration that cannot be (said in the log); -ENOMEM (context).
 */
int vmmp_arm_firmware_init(struct vmmp_arm_firmware *firmware, vm_t *vm,
                           const struct vmmp_arm_firmware_config *config,
                           const struct vmmp_host *host, const struct vmmp_log *log);
/** Once no vCPU runs. */
void vmmp_arm_firmware_fini(struct vmmp_arm_firmware *firmware);

/**
 * Answers the call in `regs`, for libsel4vm's SMC handlers: the caller writes them back and
 * completes the instruction. 0, or -1 for a NULL argument.
 */
int vmmp_arm_firmware_call(struct vmmp_arm_firmware *firmware, vm_vcpu_t *vcpu,
                           struct seL4_UserContext_ *regs);

/**
 * libsel4vm's unhandled-vCPU-fault callback (`cookie`: the firmware): answers SMC and HVC and
 * completes them. Other exceptions go to vmm_handle_arm_vcpu_exception(). 0, or -1 if nobody could.
 */
int vmmp_arm_firmware_exception(vm_vcpu_t *vcpu, uint32_t syndrome, void *cookie);

/**
 * The firmware of a compatible client's VM, made with defaults at the first call; it goes with
 * vmmp_compat_release(). The client may change `config` and `smccc.config` before the VM runs. NULL
 * as for vmmp_compat_vm().
 */
struct vmmp_arm_firmware *vmmp_compat_arm_firmware(vm_t *vm);

#ifdef __cplusplus
}
#endif
