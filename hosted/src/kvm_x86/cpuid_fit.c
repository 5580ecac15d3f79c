/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's CPUID says: what the host's KVM supports, without what needs more than we give,
 * and with each vCPU's own identifier and the topology of one package of single-threaded cores.
 * (Intel SDM 2A, CPUID; AMD APM 3, appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst.)
 */
#include "cpuid_fit.h"

#include <stdint.h>

#define LEAF_FEATURES           0x00000001u
#define FEATURES_ECX_VMX        (1u << 5)
#define FEATURES_ECX_DEADLINE   (1u << 24)
#define FEATURES_ECX_HYPERVISOR (1u << 31)
#define FEATURES_EDX_HTT        (1u << 28)
#define LEAF_CACHES             0x00000004u
#define LEAF_EXTENDED           0x00000007u /* Indices 0 and 1. */
#define EXTENDED_EBX_SGX        (1u << 2)
#define EXTENDED_ECX_SGX_LC     (1u << 30)
#define EXTENDED_EDX_SGX_KEYS   (1u << 1)
#define EXTENDED_EDX_AMX        (1u << 22 | 1u << 24 | 1u << 25) /* BF16, TILE, INT8 */
#define EXTENDED_1_EAX_AMX      (1u << 21)                       /* FP16 */
#define EXTENDED_1_EDX_AMX      (1u << 8)                        /* COMPLEX */
#define LEAF_TOPOLOGY           0x0000000bu
#define LEAF_STATE              0x0000000du /* Index 0: what XCR0 may have. */
#define STATE_EAX_TILES         (1u << 17 | 1u << 18)
#define LEAF_SGX                0x00000012u
#define LEAF_TILES              0x0000001du
#define LEAF_TILE_MULTIPLY      0x0000001eu
#define LEAF_TOPOLOGY_V2        0x0000001fu
#define TOPOLOGY_THREADS        1u
#define TOPOLOGY_CORES          2u
#define LEAF_AMD_FEATURES       0x80000001u
#define AMD_ECX_CMP_LEGACY      (1u << 1)
#define AMD_ECX_SVM             (1u << 2)
#define LEAF_ADDRESS_SIZES      0x80000008u
#define LEAF_SVM                0x8000000au
#define LEAF_AMD_CACHES         0x8000001du
#define LEAF_AMD_TOPOLOGY       0x8000001eu
#define LEAF_ENCRYPTION         0x8000001fu /* SME and SEV */

/* Bits of an identifier that can tell `count` things apart. */
static unsigned bits_for(unsigned count)
{
    unsigned bits = 0;
    while (1u << bits < count) {
        bits++;
    }
    return bits;
}

static void fit_features(struct kvm_cpuid_entry2 *entry, const struct kvm_cpuid_vcpu *vcpu)
{
    unsigned count = vcpu->count;
    entry->ebx = (entry->ebx & 0x0000ffffu) | (1u << bits_for(count)) << 16 | vcpu->id << 24;
    entry->ecx &= ~(FEATURES_ECX_VMX | FEATURES_ECX_DEADLINE);
    entry->ecx |= FEATURES_ECX_HYPERVISOR | (vcpu->deadline_timer ? FEATURES_ECX_DEADLINE : 0);
    entry->edx = count > 1 ? entry->edx | FEATURES_EDX_HTT : entry->edx & ~FEATURES_EDX_HTT;
}

/* Caches of levels 1 and 2 are a core's own; those above belong to the package. */
static void fit_caches(struct kvm_cpuid_entry2 *entry, unsigned count)
{
    unsigned level = entry->eax >> 5 & 7;
    unsigned sharing = level > 2 ? (1u << bits_for(count)) - 1 : 0;
    unsigned cores = (1u << bits_for(count)) - 1;
    if (entry->eax & 0x1f) {
        entry->eax = (entry->eax & 0x3fffu) | sharing << 14 | (cores & 0x3f) << 26;
    }
}

static void fit_topology(struct kvm_cpuid_entry2 *entry, unsigned id, unsigned count)
{
    unsigned level = entry->index;
    entry->eax = level == 1 ? bits_for(count) : 0;
    entry->ebx = level == 0 ? 1 : level == 1 ? count : 0;
    entry->ecx = level | (level == 0 ? TOPOLOGY_THREADS : level == 1 ? TOPOLOGY_CORES : 0) << 8;
    entry->edx = id;
}

static void fit_amd_caches(struct kvm_cpuid_entry2 *entry, unsigned count)
{
    unsigned level = entry->eax >> 5 & 7;
    unsigned sharing = level > 2 ? count - 1 : 0;
    if (entry->eax & 0x1f) {
        entry->eax = (entry->eax & ~(0xfffu << 14)) | sharing << 14;
    }
}

/*
 * Enclaves need memory that nobody gives this VM; matrix instructions need registers that XCR0 does
 * not let it have unless the process was permitted to (arch_prctl.2, ARCH_REQ_XCOMP_GUEST_PERM).
 */
static void fit_extended(struct kvm_cpuid_entry2 *entry, bool has_tiles)
{
    if (entry->index == 0) {
        entry->ebx &= ~EXTENDED_EBX_SGX;
        entry->ecx &= ~EXTENDED_ECX_SGX_LC;
        entry->edx &= ~EXTENDED_EDX_SGX_KEYS;
        entry->edx &= has_tiles ? UINT32_MAX : ~EXTENDED_EDX_AMX;
    } else if (entry->index == 1 && !has_tiles) {
        entry->eax &= ~EXTENDED_1_EAX_AMX;
        entry->edx &= ~EXTENDED_1_EDX_AMX;
    }
}

static bool tiles_in(const struct kvm_cpuid2 *cpuid)
{
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
        if (entry->function == LEAF_STATE && entry->index == 0) {
            return (entry->eax & STATE_EAX_TILES) == STATE_EAX_TILES;
        }
    }
    return false;
}

static void clear(struct kvm_cpuid_entry2 *entry)
{
    entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
}

static void fit(struct kvm_cpuid_entry2 *entry, const struct kvm_cpuid_vcpu *vcpu, bool has_tiles)
{
    unsigned id = vcpu->id;
    unsigned count = vcpu->count;
    switch (entry->function) {
    case LEAF_FEATURES:
        fit_features(entry, vcpu);
        break;
    case LEAF_CACHES:
        fit_caches(entry, count);
        break;
    case LEAF_EXTENDED:
        fit_extended(entry, has_tiles);
        break;
    case LEAF_TILES:
    case LEAF_TILE_MULTIPLY:
        if (!has_tiles) {
            clear(entry);
        }
        break;
    case LEAF_TOPOLOGY:
    case LEAF_TOPOLOGY_V2:
        fit_topology(entry, id, count);
        break;
    case LEAF_AMD_FEATURES:
        entry->ecx &= ~(AMD_ECX_SVM | AMD_ECX_CMP_LEGACY);
        entry->ecx |= count > 1 ? AMD_ECX_CMP_LEGACY : 0;
        break;
    case LEAF_ADDRESS_SIZES:
        entry->ecx = (entry->ecx & ~0xf0ffu) | bits_for(count) << 12 | (count - 1);
        break;
    case LEAF_SGX:
    case LEAF_SVM:
    case LEAF_ENCRYPTION: /* A guest reads registers that only an encrypted one has. */
        clear(entry);
        break;
    case LEAF_AMD_CACHES:
        fit_amd_caches(entry, count);
        break;
    case LEAF_AMD_TOPOLOGY:
        entry->eax = id;
        entry->ebx = id; /* One thread a core: ThreadsPerComputeUnit 0. */
        entry->ecx = 0;
        break;
    default:
        break;
    }
}

/* KVM gives level 0 of the topology alone where the host has one; a guest wants both. */
static void add_levels(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
    bool has[2] = { false, false };
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
        if (entry->function == leaf && entry->index < 2) {
            has[entry->index] = true;
        }
    }
    if (has[0] && !has[1]) {
        cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
            .function = leaf,
            .index = 1,
            .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
        };
    }
}

void kvm_cpuid_fit(struct kvm_cpuid2 *cpuid, const struct kvm_cpuid_vcpu *vcpu)
{
    bool has_tiles = tiles_in(cpuid);
    add_levels(cpuid, LEAF_TOPOLOGY);
    add_levels(cpuid, LEAF_TOPOLOGY_V2);
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        fit(&cpuid->entries[i], vcpu, has_tiles);
    }
}
