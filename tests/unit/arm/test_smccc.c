/* SPDX-License-Identifier: BSD-2-Clause */
/* SMCCC: who answers what; discovery, workarounds, TRNG. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <errno.h>
#include <string.h>

#include <sel4vmmplatsupport/arch/smc.h>
#include <sel4vmmplatsupport/vmmp/arm_firmware.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define NOT_SUPPORTED ((uint64_t)-1)

#define VERSION      0x80000000
#define FEATURES     0x80000001
#define SOC_ID       0x80000002
#define WORKAROUND_1 0x80008000
#define WORKAROUND_2 0x80007fff
#define WORKAROUND_3 0x80003fff
#define TRNG_VERSION 0x84000050
#define TRNG_RND32   0x84000053
#define TRNG_RND64   0xc4000053

struct source {
    size_t available; /* Bytes it has. */
    size_t at_once;
    uint8_t next;
    unsigned asked;
};

static size_t fill(void *cookie, void *buffer, size_t len)
{
    struct source *source = cookie;
    size_t got = len < source->at_once ? len : source->at_once;

    source->asked++;
    got = got < source->available ? got : source->available;
    for (size_t i = 0; i < got; i++) {
        ((uint8_t *)buffer)[i] = source->next++;
    }
    source->available -= got;
    return got;
}

static struct vmmp_smccc_call made(struct vmmp_smccc *smccc, uint32_t function, uint64_t argument)
{
    struct vmmp_smccc_call call = { .x = { function, argument, 12, 13, 14, 15, 16, 17 } };

    vmmp_smccc_call(smccc, &call);
    for (unsigned i = 4; i < VMMP_SMCCC_REGISTERS; i++) {
        assert_true(call.x[i] == 10 + i);
    }
    return call;
}

static uint64_t result(struct vmmp_smccc *smccc, uint32_t function, uint64_t argument)
{
    struct vmmp_smccc_call call = made(smccc, function, argument);

    assert_true(call.x[1] == argument && call.x[2] == 12 && call.x[3] == 13);
    return call.x[0];
}

static void identifiers(void **state)
{
    struct vmmp_smccc_id id = vmmp_smccc_decode(0xc4000053);

    (void)state;
    assert_true(id.fast && id.wide && id.owner == VMMP_SMCCC_STANDARD && id.number == 0x53);
    id = vmmp_smccc_decode(0x32000007);
    assert_true(!id.fast && !id.wide && id.owner == VMMP_SMCCC_TRUSTED_OS && id.number == 7);
    id = vmmp_smccc_decode(0x86ffabcd);
    assert_true(id.owner == VMMP_SMCCC_VENDOR_HYPERVISOR && id.zero == 0xff && id.number == 0xabcd);
}

static void by_default_little_is_known(void **state)
{
    static const uint32_t functions[] = { SOC_ID,       WORKAROUND_1, WORKAROUND_2, WORKAROUND_3,
                                          TRNG_VERSION, TRNG_RND32,   TRNG_RND64,   0x84000000,
                                          0x8600ff01,   0x84010000,   0x00000000,   0x04000000,
                                          0xc0000000,   0x80010000,   0xffffffff };
    struct vmmp_smccc smccc;

    (void)state;
    assert_int_equal(vmmp_smccc_init(&smccc, NULL, NULL), 0);
    assert_true(result(&smccc, VERSION, 0) == 0x10002);
    assert_true(result(&smccc, FEATURES, VERSION) == 0);
    assert_true(result(&smccc, FEATURES, FEATURES) == 0);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        assert_true(result(&smccc, functions[i], 0) == NOT_SUPPORTED);
        assert_true(result(&smccc, FEATURES, functions[i]) == NOT_SUPPORTED);
    }
}

struct below {
    unsigned calls;
    int error;
};

static int forward(void *cookie, struct vmmp_smccc_call *call)
{
    struct below *below = cookie;

    below->calls++;
    call->x[0] = 0xf0 + below->calls;
    return below->error;
}

static void workarounds_and_soc(void **state)
{
    struct below below = { 0, 0 };
    struct vmmp_smccc smccc;
    struct vmmp_smccc_config config = {
        .workarounds = { VMMP_SMCCC_WORKAROUND_UNNEEDED, VMMP_SMCCC_WORKAROUND_UNKNOWN,
                         VMMP_SMCCC_WORKAROUND_FORWARD },
        .soc_known = true,
        .soc_version = 0x036b1234,
        .soc_revision = 5,
    };

    (void)state;
    assert_int_equal(vmmp_smccc_init(&smccc, &config, NULL), -EINVAL);
    config.forward = forward;
    config.forward_cookie = &below;
    assert_int_equal(vmmp_smccc_init(&smccc, &config, NULL), 0);
    assert_true(result(&smccc, FEATURES, WORKAROUND_1) == 1);
    assert_true(result(&smccc, FEATURES, WORKAROUND_2) == NOT_SUPPORTED);
    assert_true(result(&smccc, FEATURES, WORKAROUND_3) == 0);
    assert_true(result(&smccc, WORKAROUND_1, 0) == WORKAROUND_1);
    assert_int_equal(below.calls, 0);
    assert_true(result(&smccc, WORKAROUND_3, 0) == 0xf1);
    assert_int_equal(below.calls, 1);
    assert_true(result(&smccc, FEATURES, SOC_ID) == 0);
    assert_true(result(&smccc, SOC_ID, 0) == 0x036b1234);
    assert_true(result(&smccc, SOC_ID, 1) == 5);
    assert_true(result(&smccc, SOC_ID, 2) == (uint64_t)-3);
}

static int mine(void *cookie, struct vmmp_smccc_call *call)
{
    call->x[0] = *(uint32_t *)cookie;
    return call->x[1] == 13 ? -EIO : 0;
}

static void rules_come_first(void **state)
{
    struct below below = { 0, 0 };
    uint32_t answer = 0x77;
    const struct vmmp_smccc_rule rules[] = {
        { 0x82000000, 0x820000ff, VMMP_SMCCC_CALL, mine, &answer },
        { 0x82000010, 0x82000010, VMMP_SMCCC_DENY, NULL, NULL },
        { 0x83000000, 0x8300ffff, VMMP_SMCCC_FORWARD, NULL, NULL },
        { FEATURES, FEATURES, VMMP_SMCCC_DENY, NULL, NULL },
        { VERSION, VERSION, VMMP_SMCCC_ANSWER, NULL, NULL },
        { 0x80000000, 0x80ffffff, VMMP_SMCCC_CALL, NULL, NULL },
    };
    struct vmmp_smccc_config config = { .rules = rules,
                                        .rule_count = sizeof(rules) / sizeof(rules[0]) };
    struct vmmp_smccc smccc;

    (void)state;
    assert_int_equal(vmmp_smccc_init(&smccc, &config, NULL), 0);
    assert_true(result(&smccc, 0x82000010, 0) == 0x77);
    assert_true(result(&smccc, 0x820000ff, 13) == NOT_SUPPORTED);
    assert_true(result(&smccc, 0x82000100, 0) == NOT_SUPPORTED);
    assert_true(result(&smccc, 0x83000000, 0) == NOT_SUPPORTED);
    assert_true(result(&smccc, FEATURES, VERSION) == NOT_SUPPORTED);
    assert_true(result(&smccc, VERSION, 0) == 0x10002);
    assert_true(result(&smccc, 0x80000005, 0) == NOT_SUPPORTED);
    config.forward = forward;
    config.forward_cookie = &below;
    assert_int_equal(vmmp_smccc_init(&smccc, &config, NULL), 0);
    assert_true(result(&smccc, 0x83000000, 0) == 0xf1);
    below.error = -1;
    assert_true(result(&smccc, 0x83000000, 0) == NOT_SUPPORTED);
    assert_int_equal(smccc.calls, 2);
}

static void random_numbers(void **state)
{
    struct source source = { 1000, 1000, 1, 0 };
    const struct vmmp_entropy entropy = { fill, &source };
    const struct vmmp_smccc_config config = { .entropy = &entropy };
    struct vmmp_smccc smccc;

    (void)state;
    assert_int_equal(vmmp_smccc_init(&smccc, &config, NULL), 0);
    assert_true(result(&smccc, TRNG_VERSION, 0) == 0x10000);
    for (uint32_t function = 0x84000050; function < 0x84000060; function++) {
        bool there = function <= TRNG_RND32;
        assert_true(result(&smccc, 0x84000051, function) == (there ? 0 : NOT_SUPPORTED));
        assert_true(result(&smccc, 0x84000051, function | 0x40000000) ==
                    (function == TRNG_RND32 ? 0 : NOT_SUPPORTED));
    }
    struct vmmp_smccc_call uuid = made(&smccc, 0x84000052, 0);
    assert_true(uuid.x[0] != NOT_SUPPORTED && uuid.x[0] <= UINT32_MAX && uuid.x[3] <= UINT32_MAX);

    assert_true(result(&smccc, TRNG_RND64, 0) == (uint64_t)-2);
    assert_true(result(&smccc, TRNG_RND64, 193) == (uint64_t)-2);
    assert_true(result(&smccc, TRNG_RND32, 97) == (uint64_t)-2);
    assert_int_equal(source.asked, 0);
    struct vmmp_smccc_call call = made(&smccc, TRNG_RND64, 192);
    assert_true(call.x[0] == 0 && call.x[3] == 0x0807060504030201);
    assert_true(call.x[2] == 0x100f0e0d0c0b0a09 && call.x[1] == 0x1817161514131211);
    call = made(&smccc, TRNG_RND32, 96);
    assert_true(call.x[0] == 0 && call.x[1] && call.x[2] && call.x[3]);
    assert_true((call.x[1] | call.x[2] | call.x[3]) <= UINT32_MAX);
    /* Bits that were not asked for are zero. */
    for (unsigned bits = 1; bits <= 192; bits++) {
        call = made(&smccc, TRNG_RND64, bits);
        if (call.x[0]) {
            break;
        }
        assert_true(bits > 128 || call.x[1] == 0);
        assert_true(bits > 64 || call.x[2] == 0);
        assert_true(bits >= 64 || call.x[3] >> bits == 0);
        assert_true(bits >= 192 || bits <= 128 || call.x[1] >> (bits - 128) == 0);
    }
}

/* A source that has little at a time is asked again; what it gave is not lost. */
static void random_numbers_run_out(void **state)
{
    struct source source = { 16, 5, 1, 0 };
    const struct vmmp_entropy entropy = { fill, &source };
    const struct vmmp_smccc_config config = { .entropy = &entropy };
    struct vmmp_smccc smccc;
    struct vmmp_smccc_call call;

    (void)state;
    assert_int_equal(vmmp_smccc_init(&smccc, &config, NULL), 0);
    call = made(&smccc, TRNG_RND64, 64);
    assert_true(call.x[0] == (uint64_t)-3 && !call.x[1] && !call.x[2] && !call.x[3]);
    call = made(&smccc, TRNG_RND64, 64);
    assert_true(call.x[0] == 0 && call.x[3]);
    assert_true(made(&smccc, TRNG_RND64, 64).x[0] == (uint64_t)-3);
    assert_true(made(&smccc, TRNG_RND64, 64).x[0] == 0);
    assert_true(made(&smccc, TRNG_RND64, 64).x[0] == (uint64_t)-3);
    assert_int_equal(source.available, 0);
    assert_int_equal(smccc.random, 16);
}

/* A compatible client's VM has all of it behind vm_smc_handle_default(). */
static void compatible_clients_set_it_up(void **state)
{
    struct fixture *f = *state;
    struct source source = { 100, 100, 1, 0 };
    seL4_UserContext regs;
    struct vmmp_arm_firmware *firmware = vmmp_compat_arm_firmware(&f->vm);

    assert_non_null(firmware);
    assert_ptr_equal(vmmp_compat_arm_firmware(&f->vm), firmware);
    assert_null(vmmp_compat_arm_firmware(NULL));
    firmware->smccc.entropy = (struct vmmp_entropy){ fill, &source };
    memset(&regs, 0, sizeof(regs));
    smc_set_arg(&regs, 0, TRNG_RND32);
    smc_set_arg(&regs, 1, 32);
    assert_int_equal(vm_smc_handle_default(f->vcpu, &regs), 0);
    assert_true(smc_get_arg(&regs, 0) == 0 && smc_get_arg(&regs, 3) != 0);
    /* SYSTEM_SUSPEND needs a caller that can begin somewhere else. */
    smc_set_arg(&regs, 0, 0x8400000a);
    smc_set_arg(&regs, 1, 0x8400000e);
    assert_int_equal(vm_smc_handle_default(f->vcpu, &regs), 0);
    assert_true(smc_get_arg(&regs, 0) == (seL4_Word)-1);
    vmmp_compat_release(&f->vm);
}

int test_smccc(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers),
        cmocka_unit_test(by_default_little_is_known),
        cmocka_unit_test(workarounds_and_soc),
        cmocka_unit_test(rules_come_first),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(random_numbers_run_out),
        cmocka_unit_test_setup_teardown(compatible_clients_set_it_up, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("smccc", tests, NULL, NULL);
}
