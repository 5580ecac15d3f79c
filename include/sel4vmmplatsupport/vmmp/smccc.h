/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of an ARM guest to firmware (SMC Calling Convention, DEN0028): what a function identifier
 * says, who answers it, and the answers that need no CPU: version and feature discovery,
 * workarounds, SoC identification, random numbers (TRNG firmware interface, DEN0098).
 *
 *     struct vmmp_smccc_config config = { .entropy = &source };
 *     vmmp_smccc_init(&smccc, &config, &log);
 *     vmmp_smccc_call(&smccc, &call);
 *
 * The order: the first rule of the client's that has the function; PSCI if there is one (psci.h);
 * what is here; NOT_SUPPORTED, which is -1 in register 0.
 *
 * Hostile guest: any values in any register. It can use up randomness, and whatever functions the
 * client's rules give it.
 *
 * Threads: one call at a time; vmmp/arm_firmware.h sees to it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/entropy.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_SMCCC_REGISTERS     8
#define VMMP_SMCCC_NOT_SUPPORTED ((uint64_t)-1)

/** A call. Registers that a function does not return anything in are left as they were. */
struct vmmp_smccc_call {
    uint64_t x[VMMP_SMCCC_REGISTERS]; /**< Function identifier and arguments; then the results. */
    unsigned cpu;                     /**< Which of the VM's vCPUs calls. */
    bool aarch32;                     /**< In AArch32 state: 32-bit calls only. */
};

/** Owners of functions (DEN0028, table 6-2); applications and OSes in the secure world above. */
enum vmmp_smccc_owner {
    VMMP_SMCCC_ARCH = 0,
    VMMP_SMCCC_CPU = 1,
    VMMP_SMCCC_SIP = 2,
    VMMP_SMCCC_OEM = 3,
    VMMP_SMCCC_STANDARD = 4, /**< PSCI, TRNG */
    VMMP_SMCCC_HYPERVISOR = 5,
    VMMP_SMCCC_VENDOR_HYPERVISOR = 6,
    VMMP_SMCCC_TRUSTED_APPLICATION = 48, /**< and 49 */
    VMMP_SMCCC_TRUSTED_OS = 50,          /**< to 63 */
};

/** A function identifier, taken apart (DEN0028 2.5). */
struct vmmp_smccc_id {
    bool fast;     /**< Else yielding; the rest then means what the Trusted OS likes. */
    bool wide;     /**< 64-bit convention. */
    uint8_t owner; /**< enum vmmp_smccc_owner */
    uint8_t zero;  /**< Bits 23:16, which have to be 0. */
    uint16_t number;
};

struct vmmp_smccc_id vmmp_smccc_decode(uint32_t function);

/** What happens to the functions of a rule. */
enum vmmp_smccc_action {
    VMMP_SMCCC_ANSWER,  /**< The library answers, as without a rule. */
    VMMP_SMCCC_DENY,    /**< NOT_SUPPORTED. */
    VMMP_SMCCC_FORWARD, /**< To the firmware below, by the configuration's `forward`. */
    VMMP_SMCCC_CALL,    /**< The rule's function answers. */
};

struct vmmp_smccc_rule {
    uint32_t first; /**< Function identifiers, both included. */
    uint32_t last;
    enum vmmp_smccc_action action;
    /** 0, with the results in `call`; else the guest gets NOT_SUPPORTED. */
    int (*call)(void *cookie, struct vmmp_smccc_call *call);
    void *cookie;
};

/** What this VM's firmware says of a workaround for a processor's fault. */
enum vmmp_smccc_workaround {
    VMMP_SMCCC_WORKAROUND_UNKNOWN = 0, /**< NOT_SUPPORTED: nothing is known, nothing is done. */
    VMMP_SMCCC_WORKAROUND_UNNEEDED =
        1,                             /**< This processor does not need it; a call does nothing. */
    VMMP_SMCCC_WORKAROUND_FORWARD = 2, /**< Needed, and done by the firmware below. */
};

struct vmmp_smccc_config {
    const struct vmmp_smccc_rule *rules; /**< First match counts. They must outlive the model. */
    unsigned rule_count;
    /** Makes the call in the firmware below (seL4: smc_forward()). 0, or the guest gets
     * NOT_SUPPORTED. NULL: there is none. */
    int (*forward)(void *cookie, struct vmmp_smccc_call *call);
    void *forward_cookie;
    /** SMCCC_ARCH_WORKAROUND_1, _2, _3. FORWARD without `forward` is refused. */
    enum vmmp_smccc_workaround workarounds[3];
    bool soc_known; /**< SMCCC_ARCH_SOC_ID is answered, with these two. */
    uint32_t soc_version;
    uint32_t soc_revision;
    const struct vmmp_entropy *entropy; /**< TRNG; copied. NULL: there is none. */
};

/** TRNG_RND64 gives so much at once. */
#define VMMP_TRNG_BYTES 24

struct vmmp_psci;

struct vmmp_smccc {
    struct vmmp_psci *psci; /**< Set by its owner; NULL: none. */

    /* All below belongs to the model. */
    struct vmmp_smccc_config config;
    struct vmmp_entropy entropy;
    uint8_t pool[VMMP_TRNG_BYTES]; /**< Random bytes that nobody has had. */
    unsigned pooled;
    uint64_t calls;  /**< Ever made. */
    uint64_t random; /**< Random bytes handed out. */
};

/** `config` NULL: the defaults. 0; -EINVAL as said above, and in `log` (NULL: silent). */
int vmmp_smccc_init(struct vmmp_smccc *smccc, const struct vmmp_smccc_config *config,
                    const struct vmmp_log *log);

/** Answers a call; whatever it is, there is an answer. */
void vmmp_smccc_call(struct vmmp_smccc *smccc, struct vmmp_smccc_call *call);

#ifdef __cplusplus
}
#endif
