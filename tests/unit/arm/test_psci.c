/* SPDX-License-Identifier: BSD-2-Clause */
/* PSCI as a guest finds it, through exceptions of the scripted engine. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/guest_vcpu_fault.h>

#include <sel4vmmplatsupport/vmmp/arm_firmware.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define NOT_SUPPORTED      -1
#define INVALID_PARAMETERS -2
#define DENIED             -3
#define ALREADY_ON         -4
#define ON_PENDING         -5
#define INTERNAL_FAILURE   -6
#define INVALID_ADDRESS    -9

/* Numbers of functions. */
#define VERSION        0x00
#define CPU_SUSPEND    0x01
#define CPU_OFF        0x02
#define CPU_ON         0x03
#define AFFINITY_INFO  0x04
#define MIGRATE_TYPE   0x06
#define SYSTEM_OFF     0x08
#define SYSTEM_RESET   0x09
#define FEATURES       0x0a
#define SYSTEM_SUSPEND 0x0e
#define STAT_RESIDENCY 0x10
#define STAT_COUNT     0x11
#define SYSTEM_RESET2  0x12

#define CPUS  4
#define ENTRY (FIXTURE_RAM_BASE + 0x200000)

static const bool is_64 = sizeof(seL4_Word) == 8;

struct bench {
    struct fixture f;
    struct vmmp_arm_firmware firmware;
    struct vmmp_psci_event event; /* The last one. */
    unsigned events;
    int verdict;
};

static int on_event(void *cookie, vm_t *vm, const struct vmmp_psci_event *event)
{
    struct bench *b = cookie;

    assert_ptr_equal(vm, &b->f.vm);
    b->event = *event;
    b->events++;
    return b->verdict;
}

static void begin(struct bench *b, bool hook)
{
    const struct fixture_options options = { .vcpus = CPUS };
    const struct vmmp_arm_firmware_config config = { .system_event = hook ? on_event : NULL,
                                                     .cookie = b };

    fixture_init(&b->f, &options);
    assert_int_equal(vmmp_arm_firmware_init(&b->firmware, &b->f.vm, &config, &b->f.host, &b->f.log),
                     0);
    for (unsigned i = 0; i < CPUS; i++) {
        assert_int_equal(vm_register_unhandled_vcpu_fault_callback(
                             b->f.vm.vcpus[i], vmmp_arm_firmware_exception, &b->firmware),
                         0);
    }
    for (unsigned i = 1; i < CPUS; i++) {
        b->f.vm.vcpus[i]->target_cpu = -1; /* As new ones are, not as the fixture's. */
    }
    assert_int_equal(vcpu_start(b->f.vcpu), 0);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    begin(b, true);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    vmmp_arm_firmware_fini(&b->firmware);
    fixture_fini(&b->f);
    free(b);
    return 0;
}

/* One call; the instruction is passed once, unless the vCPU begins somewhere else. */
static int64_t call_as(struct bench *b, unsigned cpu, uint32_t function, uint64_t a1, uint64_t a2,
                       uint64_t a3)
{
    const uint64_t args[4] = { function, a1, a2, a3 };
    uint64_t results[4];
    vm_vcpu_t *vcpu = b->f.vm.vcpus[cpu];
    uint64_t pc = script_pc(vcpu);

    assert_int_equal(script_smc(vcpu, args, results), SCRIPT_DONE);
    assert_true(script_pc(vcpu) == pc + 4);
    return is_64 ? (int64_t)results[0] : (int32_t)results[0];
}

static int64_t psci(struct bench *b, unsigned number, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return call_as(b, 0, 0x84000000 + number, a1, a2, a3);
}

static int64_t psci_64(struct bench *b, unsigned number, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return call_as(b, 0, 0xc4000000 + number, a1, a2, a3);
}

static struct script_power power(struct bench *b, unsigned cpu)
{
    return script_power(b->f.vm.vcpus[cpu]);
}

static void says_which_version(void **state)
{
    struct bench *b = *state;

    assert_int_equal(psci(b, VERSION, 0, 0, 0), 0x10001);
    assert_int_equal(psci(b, MIGRATE_TYPE, 0, 0, 0), 2);
    assert_int_equal(psci(b, FEATURES, 0x80000000, 0, 0), 0);
}

/* What FEATURES says is what happens. */
static void features_are_true(void **state)
{
    static const unsigned both[] = { CPU_SUSPEND,    CPU_ON,     AFFINITY_INFO, SYSTEM_SUSPEND,
                                     STAT_RESIDENCY, STAT_COUNT, SYSTEM_RESET2 };
    static const unsigned narrow[] = { VERSION,    CPU_OFF,      MIGRATE_TYPE,
                                       SYSTEM_OFF, SYSTEM_RESET, FEATURES };
    struct bench *b = *state;

    for (unsigned number = 0; number < 0x20; number++) {
        bool is_both = false;
        bool is_narrow = false;
        for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
            is_both = is_both || both[i] == number;
        }
        for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
            is_narrow = is_narrow || narrow[i] == number;
        }
        assert_int_equal(psci(b, FEATURES, 0x84000000 + number, 0, 0),
                         is_both || is_narrow ? 0 : NOT_SUPPORTED);
        assert_int_equal(psci(b, FEATURES, 0xc4000000 + number, 0, 0), is_both ? 0 : NOT_SUPPORTED);
        if (!is_both && !is_narrow) {
            assert_int_equal(psci(b, number, 0, 0, 0), NOT_SUPPORTED);
        }
        /* AArch32 has no 64-bit calls. */
        if (!is_both || !is_64) {
            assert_int_equal(psci_64(b, number, 0, 0, 0), NOT_SUPPORTED);
        }
    }
    assert_int_equal(psci(b, FEATURES, 0x80000001, 0, 0), NOT_SUPPORTED);
    assert_int_equal(psci(b, FEATURES, 0x84000050, 0, 0), NOT_SUPPORTED);
    assert_int_equal(psci(b, FEATURES, 0, 0, 0), NOT_SUPPORTED);
    assert_int_equal(b->events, 0);
}

static void cpu_on_errors(void **state)
{
    struct bench *b = *state;

    assert_int_equal(psci(b, CPU_ON, 9 << 24, ENTRY, 0), INVALID_PARAMETERS);
    assert_int_equal(psci(b, CPU_ON, 0x80000001, ENTRY, 0), INVALID_PARAMETERS);
    assert_int_equal(psci(b, CPU_ON, 0, ENTRY, 0), ALREADY_ON);
    assert_int_equal(psci(b, CPU_ON, 1, FIXTURE_RAM_BASE - 4, 0), INVALID_ADDRESS);
    assert_int_equal(psci(b, CPU_ON, 1, FIXTURE_RAM_BASE + FIXTURE_RAM_SIZE, 0), INVALID_ADDRESS);
    assert_false(power(b, 1).on);
    /* After a failure it can be had as if nothing had been. */
    script_fail(&b->f.vm, HOSTED_CALL_VCPU, 1);
    assert_int_equal(psci(b, CPU_ON, 1, ENTRY, 0), INTERNAL_FAILURE);
    assert_int_equal(b->f.vm.vcpus[1]->target_cpu, -1);
    assert_int_equal(psci(b, AFFINITY_INFO, 1, 0, 0), 1);
    assert_int_equal(psci(b, CPU_ON, 1, ENTRY, 0), 0);
    assert_int_equal(psci(b, CPU_ON, 1, ENTRY, 0), ALREADY_ON);
    if (is_64) {
        assert_int_equal(psci_64(b, CPU_ON, UINT64_C(0x100000002), ENTRY, 0), INVALID_PARAMETERS);
        /* The upper halves of a 32-bit call's registers do not count. */
        assert_int_equal(psci(b, CPU_ON, UINT64_C(0x1100000002), ENTRY | UINT64_C(1) << 40, 0), 0);
        assert_true(power(b, 2).on);
    }
}

static void cpus_go_and_come_back(void **state)
{
    struct bench *b = *state;
    seL4_UserContext context;

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned cpu = 1; cpu < CPUS; cpu++) {
            assert_int_equal(psci(b, AFFINITY_INFO, cpu, 0, 0), 1);
            assert_int_equal(psci(b, CPU_ON, cpu, ENTRY + cpu * 0x100, 0x70 + cpu), 0);
            assert_int_equal(psci(b, AFFINITY_INFO, cpu, 0, 0), 0);
            assert_true(power(b, cpu).on && b->f.vm.vcpus[cpu]->vcpu_online);
            assert_int_equal(power(b, cpu).resets, round + 1);
            assert_int_equal(b->f.vm.vcpus[cpu]->target_cpu, (int)cpu);
            assert_int_equal(vm_get_thread_context(b->f.vm.vcpus[cpu], &context), 0);
            assert_true(context.pc == ENTRY + cpu * 0x100);
#if defined(CONFIG_ARCH_AARCH64)
            assert_true(context.x0 == 0x70 + cpu && context.spsr == 0x3c5);
#else
            assert_true(context.r0 == 0x70 + cpu && context.cpsr == 0x1d3);
#endif
        }
        for (unsigned cpu = 1; cpu < CPUS; cpu++) {
            assert_int_equal(call_as(b, cpu, 0x84000000 + CPU_OFF, 0, 0, 0), 0);
            assert_false(power(b, cpu).on || b->f.vm.vcpus[cpu]->vcpu_online);
        }
    }
}

/* A tree of the client's may number its CPUs otherwise: the next free one, from then on. */
static void other_affinities_are_adopted(void **state)
{
    struct bench *b = *state;

    assert_int_equal(psci(b, CPU_ON, 0x100, ENTRY, 0), 0);
    assert_int_equal(b->f.vm.vcpus[1]->target_cpu, 0x100);
    assert_int_equal(psci(b, CPU_ON, 0x101, ENTRY, 0), 0);
    assert_int_equal(psci(b, AFFINITY_INFO, 0x1ff, 1, 0), 0);
    assert_int_equal(call_as(b, 1, 0x84000000 + CPU_OFF, 0, 0, 0), 0);
    assert_int_equal(psci(b, AFFINITY_INFO, 0x100, 0, 0), 1);
    assert_int_equal(psci(b, AFFINITY_INFO, 0x100, 1, 0), 0);
    assert_int_equal(call_as(b, 2, 0x84000000 + CPU_OFF, 0, 0, 0), 0);
    assert_int_equal(psci(b, AFFINITY_INFO, 0x100, 1, 0), 1);
    assert_int_equal(psci(b, CPU_ON, 0x100, ENTRY, 0), 0);
    assert_true(power(b, 1).on);
}

static void affinity_info_levels(void **state)
{
    struct bench *b = *state;

    assert_int_equal(psci(b, AFFINITY_INFO, 0, 0, 0), 0);
    assert_int_equal(psci(b, AFFINITY_INFO, 1, 0, 0), 1);
    for (unsigned level = 1; level <= 3; level++) {
        assert_int_equal(psci(b, AFFINITY_INFO, 1, level, 0), 0);
    }
    assert_int_equal(psci(b, AFFINITY_INFO, 1, 4, 0), INVALID_PARAMETERS);
    assert_int_equal(psci(b, AFFINITY_INFO, 77, 0, 0), INVALID_PARAMETERS);
    assert_int_equal(psci(b, AFFINITY_INFO, 0x10000, 1, 0), INVALID_PARAMETERS);
    assert_int_equal(psci(b, AFFINITY_INFO, 0xff000000, 0, 0), INVALID_PARAMETERS);
}

static void cpu_suspend_waits_and_is_counted(void **state)
{
    struct bench *b = *state;

    assert_int_equal(psci(b, CPU_SUSPEND, 0x80000000, 0, 0), INVALID_PARAMETERS);
    assert_int_equal(psci(b, CPU_SUSPEND, 0, 0, 0), 0);
    assert_true(power(b, 0).suspended);
    script_advance_time(&b->f.vm, 3000000);
    assert_true(script_wake(b->f.vcpu));
    script_advance_time(&b->f.vm, 5000000);
    /* A power-down is a standby here. */
    assert_int_equal(psci(b, CPU_SUSPEND, 0x10000, ENTRY, 7), 0);
    script_advance_time(&b->f.vm, 1000000);
    assert_true(script_wake(b->f.vcpu));
    assert_int_equal(psci(b, STAT_COUNT, 0, 0, 0), 2);
    assert_int_equal(psci(b, STAT_RESIDENCY, 0, 0, 0), 4000);
    assert_int_equal(psci(b, STAT_COUNT, 1, 0, 0), 0);
    assert_int_equal(psci(b, STAT_COUNT, 99, 0, 0), 0);
    assert_int_equal(psci(b, STAT_RESIDENCY, 0, 0x80000000, 0), 0);
    assert_int_equal(power(b, 0).resets, 0);
}

static void system_suspend_begins_anew(void **state)
{
    struct bench *b = *state;
    const uint64_t args[4] = { 0x84000000 + SYSTEM_SUSPEND, ENTRY, 0x99, 0 };

    assert_int_equal(psci(b, CPU_ON, 2, ENTRY, 0), 0);
    assert_int_equal(psci(b, SYSTEM_SUSPEND, ENTRY, 0x99, 0), DENIED);
    assert_int_equal(call_as(b, 2, 0x84000000 + CPU_OFF, 0, 0, 0), 0);
    assert_int_equal(psci(b, SYSTEM_SUSPEND, 0x10, 0x99, 0), INVALID_ADDRESS);
    b->verdict = -EBUSY;
    assert_int_equal(psci(b, SYSTEM_SUSPEND, ENTRY, 0x99, 0), DENIED);
    b->verdict = 0;
    assert_int_equal(script_hvc(b->f.vcpu, args, NULL), SCRIPT_DONE);
    assert_int_equal(b->event.kind, VMMP_PSCI_SYSTEM_SUSPEND);
    assert_true(power(b, 0).suspended);
    assert_int_equal(power(b, 0).resets, 1);
    assert_true(script_wake(b->f.vcpu));
    assert_true(script_pc(b->f.vcpu) == ENTRY);
    seL4_UserContext context;
    assert_int_equal(vm_get_thread_context(b->f.vcpu, &context), 0);
#if defined(CONFIG_ARCH_AARCH64)
    assert_true(context.x0 == 0x99 && context.x1 == 0);
#else
    assert_true(context.r0 == 0x99 && context.r1 == 0);
#endif
    assert_int_equal(psci(b, AFFINITY_INFO, 0, 0, 0), 0);
}

static void the_client_hears_of_the_end(void **state)
{
    struct bench *b = *state;

    assert_int_equal(psci(b, SYSTEM_OFF, 0, 0, 0), 0);
    assert_int_equal(b->event.kind, VMMP_PSCI_SYSTEM_OFF);
    assert_int_equal(psci(b, SYSTEM_RESET, 0, 0, 0), 0);
    assert_int_equal(b->event.kind, VMMP_PSCI_SYSTEM_RESET);
    assert_int_equal(psci(b, SYSTEM_RESET2, 0, 0x1234, 0), 0);
    assert_int_equal(b->event.kind, VMMP_PSCI_SYSTEM_RESET2);
    assert_true(b->event.reset_type == 0 && b->event.cookie == 0x1234);
    assert_int_equal(psci(b, SYSTEM_RESET2, 0x80000005, 6, 0), 0);
    assert_true(b->event.reset_type == 0x80000005 && b->event.cookie == 6);
    assert_int_equal(b->events, 4);
    assert_int_equal(psci(b, SYSTEM_RESET2, 1, 0, 0), INVALID_PARAMETERS);
    assert_int_equal(b->events, 4);
    b->verdict = -EIO;
    assert_int_equal(psci(b, SYSTEM_OFF, 0, 0, 0), INTERNAL_FAILURE);
    assert_int_equal(psci(b, SYSTEM_RESET, 0, 0, 0), INTERNAL_FAILURE);
    assert_int_equal(psci(b, SYSTEM_RESET2, 0x80000005, 6, 0), INVALID_PARAMETERS);
}

/* Without a hook the VM stops, and says why. */
static void without_a_hook_the_vm_stops(void **state)
{
    struct bench b;
    const uint64_t args[4] = { 0x84000000 + SYSTEM_RESET, 0, 0, 0 };

    (void)state;
    memset(&b, 0, sizeof(b));
    begin(&b, false);
    assert_int_equal(psci(&b, SYSTEM_RESET2, 0x80000001, 0, 0), INVALID_PARAMETERS);
    script_smc(b.f.vcpu, args, NULL);
    assert_non_null(fixture_log_find(&b.f, "the guest resets"));
    assert_int_equal(vm_run(&b.f.vm), 0);
    vmmp_arm_firmware_fini(&b.firmware);
    fixture_fini(&b.f);
}

/* ---- the model by itself -------------------------------------------------------------------- */

static int later(void *cookie, unsigned cpu, const struct vmmp_psci_entry *entry)
{
    (void)entry;
    *(unsigned *)cookie = cpu;
    return -EINPROGRESS;
}

static int refuse_off(void *cookie, unsigned cpu)
{
    (void)cookie;
    (void)cpu;
    return -EPERM;
}

static uint64_t model_call(struct vmmp_psci *model, unsigned number, uint64_t a1, uint64_t a2)
{
    struct vmmp_smccc_call call = { .x = { 0x84000000 + number, a1, a2 } };

    vmmp_psci_call(model, &call);
    return call.x[0];
}

static void on_takes_time(void **state)
{
    static const struct vmmp_psci_ops ops = { .cpu_on = later, .cpu_off = refuse_off };
    static struct vmmp_psci model;
    unsigned started = 0;

    (void)state;
    vmmp_psci_init(&model, &ops, &started);
    model.cpu_count = 2;
    model.cpus[1] = (struct vmmp_psci_cpu){ .affinity = 0x203, .state = VMMP_PSCI_OFF };
    assert_true(model_call(&model, CPU_ON, 0x203, 0) == 0);
    assert_int_equal(started, 1);
    assert_true(model_call(&model, AFFINITY_INFO, 0x203, 0) == VMMP_PSCI_ON_PENDING);
    assert_true(model_call(&model, CPU_ON, 0x203, 0) == (uint64_t)ON_PENDING);
    vmmp_psci_cpu_started(&model, 1, false);
    assert_true(model_call(&model, AFFINITY_INFO, 0x203, 0) == VMMP_PSCI_OFF);
    assert_true(model_call(&model, CPU_ON, 0x203, 0) == 0);
    vmmp_psci_cpu_started(&model, 1, true);
    assert_true(model_call(&model, CPU_ON, 0x203, 0) == (uint64_t)ALREADY_ON);
    assert_true(model_call(&model, CPU_OFF, 0, 0) == (uint64_t)DENIED);
    assert_true(model_call(&model, SYSTEM_SUSPEND, 0, 0) == (uint64_t)NOT_SUPPORTED);
    assert_true(model_call(&model, CPU_SUSPEND, 0, 0) == 0);
    assert_true(model_call(&model, STAT_COUNT, 0, 0) == 1);
    vmmp_psci_cpu_started(&model, 77, true);
    vmmp_psci_cpu_resumed(&model, 77);
}

int test_psci(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_which_version, setup, teardown),
        cmocka_unit_test_setup_teardown(features_are_true, setup, teardown),
        cmocka_unit_test_setup_teardown(cpu_on_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(cpus_go_and_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(other_affinities_are_adopted, setup, teardown),
        cmocka_unit_test_setup_teardown(affinity_info_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(cpu_suspend_waits_and_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(system_suspend_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(the_client_hears_of_the_end, setup, teardown),
        cmocka_unit_test(without_a_hook_the_vm_stops),
        cmocka_unit_test(on_takes_time),
    };
    return cmocka_run_group_tests_name("psci", tests, NULL, NULL);
}
