/* SPDX-License-Identifier: BSD-2-Clause */
/* Power State Coordination Interface, DEN0022D. */
#include <sel4vmmplatsupport/vmmp/psci.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Function identifiers (5.1): the 64-bit form has SMC64 set. */
#define SMC64 UINT32_C(0x40000000)
#define BASE  UINT32_C(0x84000000)
#define LAST  UINT32_C(0x1f)

enum function {
    VERSION = 0x0,
    CPU_SUSPEND = 0x1,
    CPU_OFF = 0x2,
    CPU_ON = 0x3,
    AFFINITY_INFO = 0x4,
    MIGRATE_INFO_TYPE = 0x6,
    SYSTEM_OFF = 0x8,
    SYSTEM_RESET = 0x9,
    FEATURES = 0xa,
    SYSTEM_SUSPEND = 0xe,
    STAT_RESIDENCY = 0x10,
    STAT_COUNT = 0x11,
    SYSTEM_RESET2 = 0x12,
};

/* SMCCC_VERSION: PSCI_FEATURES is how it is found (DEN0028 appendix B). */
#define SMCCC_VERSION UINT32_C(0x80000000)

/* Return codes (5.2.2). */
#define SUCCESS            UINT64_C(0)
#define NOT_SUPPORTED      ((uint64_t)-1)
#define INVALID_PARAMETERS ((uint64_t)-2)
#define DENIED             ((uint64_t)-3)
#define ALREADY_ON         ((uint64_t)-4)
#define ON_PENDING         ((uint64_t)-5)
#define INTERNAL_FAILURE   ((uint64_t)-6)
#define INVALID_ADDRESS    ((uint64_t)-9)

#define VERSION_1_1             UINT64_C(0x10001)
#define MIGRATE_NO_TRUSTED_OS   UINT64_C(2)
#define AFFINITY_LEVELS         3
#define AFFINITY_BITS           UINT64_C(0xff00ffffff)
#define POWER_STATE_RESERVED    UINT64_C(0xfcfe0000) /* Original format (5.4.2.1). */
#define RESET2_VENDOR           UINT32_C(0x80000000)
#define RESET2_WARM             UINT32_C(0)
#define NANOSECONDS_MICROSECOND 1000

void vmmp_psci_init(struct vmmp_psci *psci, const struct vmmp_psci_ops *ops, void *cookie)
{
    memset(psci, 0, sizeof(*psci));
    psci->ops = ops;
    psci->cookie = cookie;
}

bool vmmp_psci_owns(uint32_t function)
{
    return (function & ~SMC64) >= BASE && (function & ~SMC64) <= BASE + LAST;
}

static uint64_t now(const struct vmmp_psci *psci)
{
    return psci->ops->now ? psci->ops->now(psci->cookie) : 0;
}

/* ---- CPUs ----------------------------------------------------------------------------------- */

static struct vmmp_psci_cpu *find(struct vmmp_psci *psci, uint64_t affinity)
{
    for (unsigned i = 0; i < psci->cpu_count; i++) {
        if (psci->cpus[i].affinity == affinity) {
            return &psci->cpus[i];
        }
    }
    return NULL;
}

/*
 * As find(), or a CPU that is to have this affinity from now on. libsel4vm's vCPUs have no Aff3.
 */
static struct vmmp_psci_cpu *find_or_adopt(struct vmmp_psci *psci, uint64_t affinity)
{
    struct vmmp_psci_cpu *cpu = find(psci, affinity);

    for (unsigned i = 0; i < psci->cpu_count && !cpu && affinity <= UINT32_MAX; i++) {
        if (psci->cpus[i].provisional && psci->cpus[i].state == VMMP_PSCI_OFF) {
            cpu = &psci->cpus[i];
            cpu->affinity = affinity;
        }
    }
    return cpu;
}

static uint64_t entry_error(int error)
{
    return error == -EFAULT ? INVALID_ADDRESS : INTERNAL_FAILURE;
}

static uint64_t cpu_on(struct vmmp_psci *psci, const struct vmmp_smccc_call *call)
{
    const struct vmmp_psci_entry entry = { call->x[2], call->x[3], call->aarch32 };
    struct vmmp_psci_cpu *cpu;

    if ((call->x[1] & ~AFFINITY_BITS) || !(cpu = find_or_adopt(psci, call->x[1]))) {
        return INVALID_PARAMETERS;
    }
    if (cpu->state != VMMP_PSCI_OFF) {
        return cpu->state == VMMP_PSCI_ON ? ALREADY_ON : ON_PENDING;
    }
    int error = psci->ops->cpu_on(psci->cookie, (unsigned)(cpu - psci->cpus), &entry);
    if (error && error != -EINPROGRESS) {
        return entry_error(error);
    }
    cpu->provisional = false;
    cpu->state = error ? VMMP_PSCI_ON_PENDING : VMMP_PSCI_ON;
    return SUCCESS;
}

void vmmp_psci_cpu_started(struct vmmp_psci *psci, unsigned cpu, bool on)
{
    if (cpu < psci->cpu_count && psci->cpus[cpu].state == VMMP_PSCI_ON_PENDING) {
        psci->cpus[cpu].state = on ? VMMP_PSCI_ON : VMMP_PSCI_OFF;
    }
}

static uint64_t cpu_off(struct vmmp_psci *psci, const struct vmmp_smccc_call *call)
{
    if (psci->ops->cpu_off(psci->cookie, call->cpu)) {
        return DENIED;
    }
    psci->cpus[call->cpu].state = VMMP_PSCI_OFF;
    return SUCCESS;
}

/* ON if any CPU of the node is, else ON_PENDING if any is, else OFF (5.7.1). */
static uint64_t affinity_info(struct vmmp_psci *psci, const struct vmmp_smccc_call *call)
{
    static const uint64_t masks[AFFINITY_LEVELS + 1] = {
        AFFINITY_BITS,
        AFFINITY_BITS & ~UINT64_C(0xff),
        AFFINITY_BITS & ~UINT64_C(0xffff),
        AFFINITY_BITS & ~UINT64_C(0xffffff),
    };
    bool seen[3] = { false, false, false };

    if (call->x[2] > AFFINITY_LEVELS || (call->x[1] & ~AFFINITY_BITS)) {
        return INVALID_PARAMETERS;
    }
    for (unsigned i = 0; i < psci->cpu_count; i++) {
        if (!((psci->cpus[i].affinity ^ call->x[1]) & masks[call->x[2]])) {
            seen[psci->cpus[i].state] = true;
        }
    }
    return seen[VMMP_PSCI_ON]           ? VMMP_PSCI_ON
           : seen[VMMP_PSCI_ON_PENDING] ? VMMP_PSCI_ON_PENDING
           : seen[VMMP_PSCI_OFF]        ? VMMP_PSCI_OFF
                                        : INVALID_PARAMETERS;
}

/* ---- suspension ----------------------------------------------------------------------------- */

static uint64_t cpu_suspend(struct vmmp_psci *psci, const struct vmmp_smccc_call *call)
{
    struct vmmp_psci_cpu *cpu = &psci->cpus[call->cpu];

    if (call->x[1] & (POWER_STATE_RESERVED | ~(uint64_t)UINT32_MAX)) {
        return INVALID_PARAMETERS;
    }
    if (psci->ops->cpu_suspend) {
        if (psci->ops->cpu_suspend(psci->cookie, call->cpu)) {
            return DENIED;
        }
        cpu->suspended = true;
        cpu->suspended_at = now(psci);
    }
    cpu->suspends++;
    return SUCCESS;
}

void vmmp_psci_cpu_resumed(struct vmmp_psci *psci, unsigned cpu)
{
    if (cpu < psci->cpu_count && psci->cpus[cpu].suspended) {
        psci->cpus[cpu].suspended = false;
        psci->cpus[cpu].suspended_ns += now(psci) - psci->cpus[cpu].suspended_at;
    }
}

/* One state of one CPU is all there is to count; of others nothing ever happened (5.21). */
static uint64_t stat(struct vmmp_psci *psci, const struct vmmp_smccc_call *call, bool count)
{
    const struct vmmp_psci_cpu *cpu =
        call->x[2] & (POWER_STATE_RESERVED | ~(uint64_t)UINT32_MAX) ? NULL : find(psci, call->x[1]);

    if (!cpu) {
        return 0;
    }
    return count ? cpu->suspends : cpu->suspended_ns / NANOSECONDS_MICROSECOND;
}

/* ---- the system ----------------------------------------------------------------------------- */

static int tell(struct vmmp_psci *psci, const struct vmmp_smccc_call *call,
                enum vmmp_psci_event_kind kind)
{
    const struct vmmp_psci_event event = {
        .kind = kind,
        .cpu = call->cpu,
        .reset_type = (uint32_t)call->x[1],
        .cookie = call->x[2],
    };

    return psci->ops->system_event(psci->cookie, &event);
}

static uint64_t end(struct vmmp_psci *psci, const struct vmmp_smccc_call *call,
                    enum vmmp_psci_event_kind kind)
{
    return tell(psci, call, kind) ? INTERNAL_FAILURE : SUCCESS;
}

static uint64_t reset2(struct vmmp_psci *psci, const struct vmmp_smccc_call *call)
{
    uint32_t type = (uint32_t)call->x[1];

    if (type == RESET2_WARM) {
        return end(psci, call, VMMP_PSCI_SYSTEM_RESET2);
    }
    return (type & RESET2_VENDOR) && tell(psci, call, VMMP_PSCI_SYSTEM_RESET2) == 0
               ? SUCCESS
               : INVALID_PARAMETERS;
}

static uint64_t system_suspend(struct vmmp_psci *psci, const struct vmmp_smccc_call *call)
{
    const struct vmmp_psci_entry entry = { call->x[1], call->x[2], call->aarch32 };

    for (unsigned i = 0; i < psci->cpu_count; i++) {
        if (i != call->cpu && psci->cpus[i].state != VMMP_PSCI_OFF) {
            return DENIED;
        }
    }
    if (tell(psci, call, VMMP_PSCI_SYSTEM_SUSPEND)) {
        return DENIED;
    }
    int error = psci->ops->system_suspend(psci->cookie, call->cpu, &entry);
    return error ? entry_error(error) : SUCCESS;
}

/* ---- dispatch ------------------------------------------------------------------------------- */

uint64_t vmmp_psci_features(const struct vmmp_psci *psci, uint32_t function)
{
    if (!vmmp_psci_owns(function)) {
        return NOT_SUPPORTED;
    }
    switch ((enum function)(function & ~SMC64 & ~BASE)) {
    case CPU_ON:
    case AFFINITY_INFO:
    case STAT_RESIDENCY:
    case STAT_COUNT:
    case SYSTEM_RESET2:
        return SUCCESS;
    case CPU_SUSPEND:
        return 0; /* Original format of power_state, platform-coordinated. */
    case SYSTEM_SUSPEND:
        return psci->ops->system_suspend ? SUCCESS : NOT_SUPPORTED;
    case VERSION:
    case CPU_OFF:
    case MIGRATE_INFO_TYPE:
    case SYSTEM_OFF:
    case SYSTEM_RESET:
    case FEATURES:
        return function & SMC64 ? NOT_SUPPORTED : SUCCESS;
    }
    return NOT_SUPPORTED;
}

/* A 32-bit call passes 32-bit values, whatever else is in the registers (DEN0028 3.1). */
static struct vmmp_smccc_call narrowed(const struct vmmp_smccc_call *call)
{
    struct vmmp_smccc_call narrow = *call;

    for (unsigned i = 1; !(call->x[0] & SMC64) && i < VMMP_SMCCC_REGISTERS; i++) {
        narrow.x[i] = (uint32_t)narrow.x[i];
    }
    return narrow;
}

static uint64_t answer(struct vmmp_psci *psci, const struct vmmp_smccc_call *call)
{
    uint32_t function = (uint32_t)call->x[0];

    if (vmmp_psci_features(psci, function) == NOT_SUPPORTED || call->cpu >= psci->cpu_count) {
        return NOT_SUPPORTED;
    }
    switch ((enum function)(function & ~SMC64 & ~BASE)) {
    case VERSION:
        return VERSION_1_1;
    case CPU_SUSPEND:
        return cpu_suspend(psci, call);
    case CPU_OFF:
        return cpu_off(psci, call);
    case CPU_ON:
        return cpu_on(psci, call);
    case AFFINITY_INFO:
        return affinity_info(psci, call);
    case MIGRATE_INFO_TYPE:
        return MIGRATE_NO_TRUSTED_OS;
    case SYSTEM_OFF:
        return end(psci, call, VMMP_PSCI_SYSTEM_OFF);
    case SYSTEM_RESET:
        return end(psci, call, VMMP_PSCI_SYSTEM_RESET);
    case FEATURES:
        return call->x[1] == SMCCC_VERSION ? SUCCESS
                                           : vmmp_psci_features(psci, (uint32_t)call->x[1]);
    case SYSTEM_SUSPEND:
        return system_suspend(psci, call);
    case STAT_RESIDENCY:
        return stat(psci, call, false);
    case STAT_COUNT:
        return stat(psci, call, true);
    case SYSTEM_RESET2:
        return reset2(psci, call);
    }
    return NOT_SUPPORTED;
}

void vmmp_psci_call(struct vmmp_psci *psci, struct vmmp_smccc_call *call)
{
    struct vmmp_smccc_call narrow = narrowed(call);

    /* What executes is on, and not suspended. */
    if (call->cpu < psci->cpu_count) {
        vmmp_psci_cpu_resumed(psci, call->cpu);
        psci->cpus[call->cpu].state = VMMP_PSCI_ON;
    }
    call->x[0] = answer(psci, &narrow);
}
