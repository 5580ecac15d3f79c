/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a host's CPUID a guest sees: hosted/src/kvm_x86/cpuid_fit.c. */
#include "vmmp_test.h"

#include "kvm_x86/cpuid_fit.h"

int test_kvm_cpuid(void);

#define ENTRIES     8
#define SIGNIFICANT KVM_CPUID_FLAG_SIGNIFCANT_INDEX

static union {
    struct kvm_cpuid2 list;
    uint8_t room[sizeof(struct kvm_cpuid2) +
                 (ENTRIES + KVM_CPUID_ADDED) * sizeof(struct kvm_cpuid_entry2)];
} cpuid;

static int setup(void **state)
{
    (void)state;
    memset(&cpuid, 0, sizeof(cpuid));
    return 0;
}

/* All of the leaf's bits. */
static struct kvm_cpuid_entry2 *has(uint32_t function, uint32_t index)
{
    struct kvm_cpuid_entry2 *entry = &cpuid.list.entries[cpuid.list.nent++];
    assert_in_range(cpuid.list.nent, 1, ENTRIES);
    *entry = (struct kvm_cpuid_entry2){
        .function = function,
        .index = index,
        .eax = UINT32_MAX,
        .ebx = UINT32_MAX,
        .ecx = UINT32_MAX,
        .edx = UINT32_MAX,
    };
    return entry;
}

static void fit(unsigned id, unsigned count, bool deadline)
{
    const struct kvm_cpuid_vcpu vcpu = { .id = id, .count = count, .deadline_timer = deadline };
    kvm_cpuid_fit(&cpuid.list, &vcpu);
}

static void assert_cleared(const struct kvm_cpuid_entry2 *entry)
{
    assert_int_equal(entry->eax | entry->ebx | entry->ecx | entry->edx, 0);
}

static void features_are_the_vcpus_own(void **state)
{
    (void)state;
    const struct kvm_cpuid_entry2 *features = has(1, 0);
    fit(2, 3, true);
    assert_int_equal(features->ebx, 0x0204ffff); /* Room for four identifiers. */
    assert_int_equal(features->ecx, ~(1u << 5)); /* No VMX. */
    assert_true(features->edx >> 28 & 1);
    fit(0, 1, false);
    assert_int_equal(features->ebx, 0x0001ffff);
    assert_int_equal(features->ecx, ~(1u << 5 | 1u << 24)); /* No deadline timer either. */
    assert_false(features->edx >> 28 & 1);
}

static void no_svm(void **state)
{
    (void)state;
    const struct kvm_cpuid_entry2 *features = has(0x80000001, 0);
    const struct kvm_cpuid_entry2 *svm = has(0x8000000a, 0);
    fit(0, 1, false);
    assert_int_equal(features->ecx, ~(1u << 1 | 1u << 2));
    assert_cleared(svm);
}

/* A guest that sees SEV reads a register that KVM has for encrypted guests only. */
static void no_encryption(void **state)
{
    (void)state;
    const struct kvm_cpuid_entry2 *encryption = has(0x8000001f, 0);
    fit(0, 1, false);
    assert_cleared(encryption);
}

static void no_enclaves(void **state)
{
    (void)state;
    const struct kvm_cpuid_entry2 *extended = has(7, 0);
    const struct kvm_cpuid_entry2 *sgx = has(0x12, 0);
    const struct kvm_cpuid_entry2 *state_leaf = has(0xd, 0);
    fit(0, 1, false);
    assert_int_equal(extended->ebx, ~(1u << 2));
    assert_int_equal(extended->ecx, ~(1u << 30));
    assert_int_equal(extended->edx, ~(1u << 1));
    assert_cleared(sgx);
    assert_int_equal(state_leaf->eax, UINT32_MAX);
}

static void matrices_only_with_their_registers(void **state)
{
    (void)state;
    const struct kvm_cpuid_entry2 *extended = has(7, 0);
    const struct kvm_cpuid_entry2 *more = has(7, 1);
    const struct kvm_cpuid_entry2 *tiles = has(0x1d, 1);
    const struct kvm_cpuid_entry2 *multiply = has(0x1e, 0);
    struct kvm_cpuid_entry2 *state_leaf = has(0xd, 0);
    fit(0, 1, false);
    assert_int_equal(extended->edx, ~(1u << 1));
    assert_int_equal(more->eax, UINT32_MAX);
    assert_int_equal(tiles->eax & multiply->ebx, UINT32_MAX);
    /* A process that may not use them has no bits of theirs in XCR0. */
    state_leaf->eax = 0x2e7;
    fit(0, 1, false);
    assert_int_equal(extended->edx, ~(1u << 1 | 1u << 22 | 1u << 24 | 1u << 25));
    assert_int_equal(more->eax, ~(1u << 21));
    assert_int_equal(more->edx, ~(1u << 8));
    assert_cleared(tiles);
    assert_cleared(multiply);
}

static void topology_has_both_levels(void **state)
{
    (void)state;
    has(0xb, 0)->flags = SIGNIFICANT;
    fit(4, 5, false);
    assert_int_equal(cpuid.list.nent, 2);
    const struct kvm_cpuid_entry2 *threads = &cpuid.list.entries[0];
    const struct kvm_cpuid_entry2 *cores = &cpuid.list.entries[1];
    assert_int_equal(threads->eax, 0);
    assert_int_equal(threads->ebx, 1);
    assert_int_equal(threads->ecx, 0x100);
    assert_int_equal(cores->index, 1);
    assert_int_equal(cores->flags, SIGNIFICANT);
    assert_int_equal(cores->eax, 3);
    assert_int_equal(cores->ebx, 5);
    assert_int_equal(cores->ecx, 0x201);
    assert_int_equal(cores->edx, 4);
}

static void amds_topology_is_of_single_threads(void **state)
{
    (void)state;
    const struct kvm_cpuid_entry2 *sizes = has(0x80000008, 0);
    const struct kvm_cpuid_entry2 *topology = has(0x8000001e, 0);
    fit(4, 5, false);
    assert_int_equal(sizes->ecx & 0xf0ff, 0x3004);
    assert_int_equal(topology->eax, 4);
    assert_int_equal(topology->ebx, 4);
    assert_int_equal(topology->ecx, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int test_kvm_cpuid(void)
{
    const struct CMUnitTest tests[] = {
        TEST(features_are_the_vcpus_own),
        TEST(no_svm),
        TEST(no_encryption),
        TEST(no_enclaves),
        TEST(matrices_only_with_their_registers),
        TEST(topology_has_both_levels),
        TEST(amds_topology_is_of_single_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
