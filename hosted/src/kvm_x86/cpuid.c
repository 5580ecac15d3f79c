/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's CPUID says: what the host's KVM supports, without what needs more than we give,
 * and with each vCPU's own identifier and the topology of one package of single-threaded cores.
 * (Intel SDM 2A, CPUID; AMD APM 3, appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst.)
 */
#include "kvm_x86.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES      256u
#define MAX_ENTRIES  4096u
#define ADDRESS_BITS 36u /* Where CPUID says nothing (SDM 3A, 4.1.4). */

#define LEAF_FEATURES           0x00000001u
#define FEATURES_ECX_VMX        (1u << 5)
#define FEATURES_ECX_DEADLINE   (1u << 24)
#define FEATURES_ECX_HYPERVISOR (1u << 31)
#define FEATURES_EDX_HTT        (1u << 28)
#define LEAF_CACHES             0x00000004u
#define LEAF_TOPOLOGY           0x0000000bu
#define LEAF_TOPOLOGY_V2        0x0000001fu
#define TOPOLOGY_THREADS        1u
#define TOPOLOGY_CORES          2u
#define LEAF_AMD_FEATURES       0x80000001u
#define AMD_ECX_CMP_LEGACY      (1u << 1)
#define AMD_ECX_SVM             (1u << 2)
#define AMD_ECX_TOPOLOGY        (1u << 22)
#define LEAF_ADDRESS_SIZES      0x80000008u
#define LEAF_SVM                0x8000000au
#define LEAF_AMD_CACHES         0x8000001du
#define LEAF_AMD_TOPOLOGY       0x8000001eu

int kvm_cpuid_read(struct kvm_vm *vm)
{
    int err = -E2BIG;
    for (uint32_t room = ENTRIES; err == -E2BIG && room <= MAX_ENTRIES; room *= 2) {
        size_t size = sizeof(struct kvm_cpuid2) + room * sizeof(struct kvm_cpuid_entry2);
        free(vm->arch.cpuid);
        vm->arch.cpuid = calloc(1, size);
        if (!vm->arch.cpuid) {
            return -ENOMEM;
        }
        vm->arch.cpuid->nent = room;
        err = kvm_call(vm->system, KVM_GET_SUPPORTED_CPUID, (unsigned long)vm->arch.cpuid);
    }
    if (err < 0) {
        vmmp_log(hosted_vm_log(vm->hosted), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "KVM does not say what it supports: %s", strerror(-err));
        return err;
    }
    return 0;
}

unsigned kvm_cpuid_address_bits(const struct kvm_vm *vm)
{
    const struct kvm_cpuid2 *cpuid = vm->arch.cpuid;
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        if (cpuid->entries[i].function == LEAF_ADDRESS_SIZES) {
            return cpuid->entries[i].eax & 0xff;
        }
    }
    return ADDRESS_BITS;
}

/* Bits of an identifier that can tell `count` things apart. */
static unsigned bits_for(unsigned count)
{
    unsigned bits = 0;
    while (1u << bits < count) {
        bits++;
    }
    return bits;
}

static void fit_features(const struct kvm_vm *vm, struct kvm_cpuid_entry2 *entry, unsigned id,
                         unsigned count)
{
    bool deadline = kvm_has(vm, KVM_CAP_TSC_DEADLINE_TIMER) != 0;
    entry->ebx = (entry->ebx & 0x0000ffffu) | (1u << bits_for(count)) << 16 | id << 24;
    entry->ecx &= ~(FEATURES_ECX_VMX | FEATURES_ECX_DEADLINE);
    entry->ecx |= FEATURES_ECX_HYPERVISOR | (deadline ? FEATURES_ECX_DEADLINE : 0);
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

static void fit(const struct kvm_vm *vm, struct kvm_cpuid_entry2 *entry, unsigned id,
                unsigned count)
{
    switch (entry->function) {
    case LEAF_FEATURES:
        fit_features(vm, entry, id, count);
        break;
    case LEAF_CACHES:
        fit_caches(entry, count);
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
    case LEAF_SVM:
        entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
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

int kvm_cpuid_set(const struct kvm_vcpu *vcpu)
{
    const struct kvm_cpuid2 *supported = vcpu->vm->arch.cpuid;
    unsigned count = vcpu->vm->vcpu_count;
    count = count > vcpu->index ? count : vcpu->index + 1;
    size_t room = supported->nent + 2u;
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + room * sizeof cpuid->entries[0]);
    if (!cpuid) {
        return -ENOMEM;
    }
    cpuid->nent = supported->nent;
    memcpy(cpuid->entries, supported->entries, supported->nent * sizeof cpuid->entries[0]);
    add_levels(cpuid, LEAF_TOPOLOGY);
    add_levels(cpuid, LEAF_TOPOLOGY_V2);
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        fit(vcpu->vm, &cpuid->entries[i], vcpu->index, count);
    }
    int err = kvm_call(vcpu->fd, KVM_SET_CPUID2, (unsigned long)cpuid);
    free(cpuid);
    return err < 0 ? err : 0;
}
