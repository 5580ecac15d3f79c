/* SPDX-License-Identifier: BSD-2-Clause */
/* SMC Calling Convention, DEN0028F. */
#include <sel4vmmplatsupport/vmmp/smccc.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/psci.h>

#include "arch/arm/trng.h"

/* Function identifiers (2.5). */
#define FAST        UINT32_C(0x80000000)
#define SMC64       UINT32_C(0x40000000)
#define OWNER_SHIFT 24
#define OWNER_MASK  0x3fu
#define ZERO_SHIFT  16
#define ZERO_MASK   0xffu
#define NUMBER_MASK 0xffffu

/* Arm Architecture Calls (7). */
#define SMCCC_VERSION     UINT32_C(0x80000000)
#define ARCH_FEATURES     UINT32_C(0x80000001)
#define ARCH_SOC_ID       UINT32_C(0x80000002)
#define ARCH_WORKAROUND_1 UINT32_C(0x80008000)
#define ARCH_WORKAROUND_2 UINT32_C(0x80007fff)
#define ARCH_WORKAROUND_3 UINT32_C(0x80003fff)
#define VERSION_1_2       UINT64_C(0x10002)
#define SUCCESS           UINT64_C(0)
#define INVALID_PARAMETER ((uint64_t)-3)
#define NOT_REQUIRED      ((uint64_t)1) /* What ARCH_FEATURES says of a workaround (7.4, 7.5). */
#define SOC_ID_VERSION    0
#define SOC_ID_REVISION   1
#define WORKAROUNDS       3

struct vmmp_smccc_id vmmp_smccc_decode(uint32_t function)
{
    return (struct vmmp_smccc_id){
        .fast = function & FAST,
        .wide = function & SMC64,
        .owner = function >> OWNER_SHIFT & OWNER_MASK,
        .zero = function >> ZERO_SHIFT & ZERO_MASK,
        .number = function & NUMBER_MASK,
    };
}

int vmmp_smccc_init(struct vmmp_smccc *smccc, const struct vmmp_smccc_config *config,
                    const struct vmmp_log *log)
{
    memset(smccc, 0, sizeof(*smccc));
    if (!config) {
        return 0;
    }
    for (unsigned i = 0; i < WORKAROUNDS; i++) {
        if (config->workarounds[i] == VMMP_SMCCC_WORKAROUND_FORWARD && !config->forward) {
            vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                     "SMCCC workaround %u cannot be forwarded: set `forward`, or say that it is "
                     "not needed",
                     i + 1);
            return -EINVAL;
        }
    }
    smccc->config = *config;
    if (config->entropy) {
        smccc->entropy = *config->entropy;
    }
    return 0;
}

/* ---- architecture calls --------------------------------------------------------------------- */

static bool find_workaround(uint32_t function, unsigned *index)
{
    static const uint32_t functions[WORKAROUNDS] = { ARCH_WORKAROUND_1, ARCH_WORKAROUND_2,
                                                     ARCH_WORKAROUND_3 };

    for (*index = 0; *index < WORKAROUNDS; ++*index) {
        if (functions[*index] == function) {
            return true;
        }
    }
    return false;
}

static uint64_t features(const struct vmmp_smccc *smccc, uint32_t function)
{
    unsigned index;

    if (find_workaround(function, &index)) {
        switch (smccc->config.workarounds[index]) {
        case VMMP_SMCCC_WORKAROUND_UNNEEDED:
            return NOT_REQUIRED;
        case VMMP_SMCCC_WORKAROUND_FORWARD:
            return SUCCESS;
        case VMMP_SMCCC_WORKAROUND_UNKNOWN:
            break;
        }
        return VMMP_SMCCC_NOT_SUPPORTED;
    }
    bool there = function == SMCCC_VERSION || function == ARCH_FEATURES ||
                 (function == ARCH_SOC_ID && smccc->config.soc_known);
    return there ? SUCCESS : VMMP_SMCCC_NOT_SUPPORTED;
}

static uint64_t soc_id(const struct vmmp_smccc *smccc, uint32_t type)
{
    /* 32-bit values, of which only the negative ones are errors (7.4.2). */
    switch (type) {
    case SOC_ID_VERSION:
        return smccc->config.soc_version;
    case SOC_ID_REVISION:
        return smccc->config.soc_revision;
    default:
        return INVALID_PARAMETER;
    }
}

static void forward(const struct vmmp_smccc *smccc, struct vmmp_smccc_call *call)
{
    if (!smccc->config.forward || smccc->config.forward(smccc->config.forward_cookie, call) != 0) {
        call->x[0] = VMMP_SMCCC_NOT_SUPPORTED;
    }
}

static void call_arch(const struct vmmp_smccc *smccc, struct vmmp_smccc_call *call)
{
    uint32_t function = (uint32_t)call->x[0];
    unsigned index;

    if (features(smccc, function) == VMMP_SMCCC_NOT_SUPPORTED) {
        call->x[0] = VMMP_SMCCC_NOT_SUPPORTED;
    } else if (find_workaround(function, &index)) {
        /* They return nothing. */
        if (smccc->config.workarounds[index] == VMMP_SMCCC_WORKAROUND_FORWARD) {
            forward(smccc, call);
        }
    } else if (function == SMCCC_VERSION) {
        call->x[0] = VERSION_1_2;
    } else if (function == ARCH_FEATURES) {
        call->x[0] = features(smccc, (uint32_t)call->x[1]);
    } else {
        call->x[0] = soc_id(smccc, (uint32_t)call->x[1]);
    }
}

/* ---- dispatch ------------------------------------------------------------------------------- */

static const struct vmmp_smccc_rule *find_rule(const struct vmmp_smccc *smccc, uint32_t function)
{
    for (unsigned i = 0; i < smccc->config.rule_count; i++) {
        const struct vmmp_smccc_rule *rule = &smccc->config.rules[i];
        if (function >= rule->first && function <= rule->last) {
            return rule;
        }
    }
    return NULL;
}

static void answer(struct vmmp_smccc *smccc, struct vmmp_smccc_call *call)
{
    uint32_t function = (uint32_t)call->x[0];
    struct vmmp_smccc_id id = vmmp_smccc_decode(function);

    if (!id.fast || id.zero || (id.wide && call->aarch32)) {
        call->x[0] = VMMP_SMCCC_NOT_SUPPORTED;
    } else if (smccc->psci && vmmp_psci_owns(function)) {
        vmmp_psci_call(smccc->psci, call);
    } else if (vmmp_trng_owns(function)) {
        vmmp_trng_call(smccc, call);
    } else if (id.owner == VMMP_SMCCC_ARCH) {
        call_arch(smccc, call);
    } else {
        call->x[0] = VMMP_SMCCC_NOT_SUPPORTED;
    }
}

void vmmp_smccc_call(struct vmmp_smccc *smccc, struct vmmp_smccc_call *call)
{
    uint32_t function = (uint32_t)call->x[0];
    const struct vmmp_smccc_rule *rule = find_rule(smccc, function);

    smccc->calls++;
    switch (rule ? rule->action : VMMP_SMCCC_ANSWER) {
    case VMMP_SMCCC_ANSWER:
        answer(smccc, call);
        break;
    case VMMP_SMCCC_FORWARD:
        forward(smccc, call);
        break;
    case VMMP_SMCCC_CALL:
        if (!rule->call || rule->call(rule->cookie, call) != 0) {
            call->x[0] = VMMP_SMCCC_NOT_SUPPORTED;
        }
        break;
    case VMMP_SMCCC_DENY:
        call->x[0] = VMMP_SMCCC_NOT_SUPPORTED;
        break;
    }
}
