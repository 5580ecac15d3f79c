/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls to firmware: any identifier and arguments, from any CPU, with operations and a source of
 * entropy that do as the input says. CPUs are only ever switched in ways that exist.
 */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/psci.h>

#include "fuzz_input.h"

#define CPUS 5

static struct fuzz_input *input;
static struct vmmp_psci psci;
static struct vmmp_smccc smccc;
static bool on[CPUS];
static bool pending[CPUS];
static unsigned caller;
static uint64_t given;

static int verdict(void)
{
    static const int errors[] = { 0, 0, 0, -EINVAL, -EFAULT, -EIO };
    return errors[fuzz_u8(input) % 6];
}

static int cpu_on(void *cookie, unsigned cpu, const struct vmmp_psci_entry *entry)
{
    (void)cookie;
    (void)entry;
    FUZZ_CHECK(cpu < CPUS && !on[cpu] && !pending[cpu]);
    int result = fuzz_u8(input) & 1 ? -EINPROGRESS : verdict();
    on[cpu] = result == 0;
    pending[cpu] = result == -EINPROGRESS;
    return result;
}

static int cpu_off(void *cookie, unsigned cpu)
{
    (void)cookie;
    FUZZ_CHECK(cpu == caller);
    int result = verdict();
    on[cpu] = result != 0;
    return result;
}

static int cpu_suspend(void *cookie, unsigned cpu)
{
    (void)cookie;
    FUZZ_CHECK(cpu == caller);
    return verdict();
}

static int system_suspend(void *cookie, unsigned cpu, const struct vmmp_psci_entry *entry)
{
    (void)cookie;
    (void)entry;
    for (unsigned i = 0; i < CPUS; i++) {
        FUZZ_CHECK(i == cpu || (!on[i] && !pending[i]));
    }
    return verdict();
}

static int system_event(void *cookie, const struct vmmp_psci_event *event)
{
    (void)cookie;
    FUZZ_CHECK(event->cpu == caller && event->kind <= VMMP_PSCI_SYSTEM_SUSPEND);
    return verdict();
}

static uint64_t now(void *cookie)
{
    static uint64_t time;
    (void)cookie;
    return time += 1000;
}

static size_t fill(void *cookie, void *buffer, size_t len)
{
    (void)cookie;
    FUZZ_CHECK(len > 0 && len <= VMMP_TRNG_BYTES);
    size_t count = fuzz_u8(input) % (len + 1);
    memset(buffer, 0x5a, count);
    given += count;
    return count;
}

static int forward(void *cookie, struct vmmp_smccc_call *call)
{
    (void)cookie;
    call->x[0] = fuzz_u32(input);
    return verdict();
}

static const struct vmmp_psci_ops all_ops = { cpu_on,         cpu_off,      cpu_suspend,
                                              system_suspend, system_event, now };
static const struct vmmp_psci_ops few_ops = { .cpu_on = cpu_on,
                                              .cpu_off = cpu_off,
                                              .system_event = system_event };

/* Mostly identifiers that mean something. */
static uint32_t function(void)
{
    static const uint32_t bases[] = { 0x84000000, 0xc4000000, 0x84000050, 0xc4000050, 0x80000000,
                                      0x80008000, 0x80007fff, 0x80003fff, 0x83000000 };
    uint8_t kind = fuzz_u8(input);
    return kind % 10 == 9 ? fuzz_u32(input) : bases[kind % 10] + (fuzz_u8(input) & 0x1f);
}

static void call_once(void)
{
    struct vmmp_smccc_call call = { .x = { function() } };
    caller = fuzz_u8(input) % CPUS;
    if (!on[caller]) {
        return; /* It does not execute. */
    }
    call.cpu = caller;
    call.aarch32 = fuzz_u8(input) & 1;
    call.x[0] |= (uint64_t)(fuzz_u8(input) & 1) << 33;
    for (unsigned i = 1; i < 4; i++) {
        call.x[i] = fuzz_number(input, fuzz_width(input));
    }
    call.x[5] = 55;
    uint64_t random = smccc.random;
    vmmp_smccc_call(&smccc, &call);
    FUZZ_CHECK(call.x[5] == 55);
    FUZZ_CHECK(smccc.random - random <= VMMP_TRNG_BYTES && smccc.random + smccc.pooled == given);
}

static void check_states(void)
{
    for (unsigned i = 0; i < CPUS; i++) {
        FUZZ_CHECK((psci.cpus[i].state == VMMP_PSCI_ON) == on[i]);
        FUZZ_CHECK((psci.cpus[i].state == VMMP_PSCI_ON_PENDING) == pending[i]);
    }
}

static void begin(uint8_t options)
{
    static const struct vmmp_smccc_rule rules[] = {
        { 0x83000000, 0x8300000f, VMMP_SMCCC_FORWARD, NULL, NULL },
        { 0x83000010, 0x8300001f, VMMP_SMCCC_CALL, forward, NULL },
        { 0x84000006, 0x84000006, VMMP_SMCCC_DENY, NULL, NULL },
    };
    static const struct vmmp_entropy entropy = { fill, NULL };
    const struct vmmp_smccc_config config = {
        .rules = rules,
        .rule_count = options & 2 ? 3 : 0,
        .forward = forward,
        .workarounds = { VMMP_SMCCC_WORKAROUND_FORWARD, VMMP_SMCCC_WORKAROUND_UNNEEDED },
        .soc_known = options & 4,
        .entropy = options & 8 ? &entropy : NULL,
    };
    FUZZ_CHECK(vmmp_smccc_init(&smccc, &config, NULL) == 0);
    vmmp_psci_init(&psci, options & 1 ? &all_ops : &few_ops, NULL);
    smccc.psci = &psci;
    psci.cpu_count = CPUS;
    given = 0;
    for (unsigned i = 0; i < CPUS; i++) {
        on[i] = i == 0;
        pending[i] = false;
        psci.cpus[i].affinity = i < 3 ? i : 0x100 + i;
        psci.cpus[i].provisional = i == 4;
        psci.cpus[i].state = on[i] ? VMMP_PSCI_ON : VMMP_PSCI_OFF;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    input = &in;
    begin(fuzz_u8(&in));
    while (in.left) {
        uint8_t what = fuzz_u8(&in);
        unsigned cpu = what >> 4;
        if ((what & 7) == 0 && cpu < CPUS) {
            vmmp_psci_cpu_started(&psci, cpu, what & 8);
            on[cpu] = on[cpu] || (pending[cpu] && (what & 8));
            pending[cpu] = false;
        } else if ((what & 7) == 1) {
            vmmp_psci_cpu_resumed(&psci, cpu);
        } else {
            call_once();
        }
        check_states();
    }
    return 0;
}
