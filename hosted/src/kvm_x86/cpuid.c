/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest's CPUID says: read from the host's KVM, fitted (cpuid_fit.c), given to the vCPU.
 */
#include "cpuid_fit.h"
#include "kvm_x86.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES            256u
#define MAX_ENTRIES        4096u
#define ADDRESS_BITS       36u /* Where CPUID says nothing (SDM 3A, 4.1.4). */
#define LEAF_ADDRESS_SIZES 0x80000008u

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

int kvm_cpuid_set(const struct kvm_vcpu *vcpu)
{
    const struct kvm_cpuid2 *supported = vcpu->vm->arch.cpuid;
    unsigned count = vcpu->vm->vcpu_count;
    const struct kvm_cpuid_vcpu fitted = {
        .id = vcpu->index,
        .count = count > vcpu->index ? count : vcpu->index + 1,
        .deadline_timer = kvm_has(vcpu->vm, KVM_CAP_TSC_DEADLINE_TIMER) != 0,
    };
    size_t room = supported->nent + KVM_CPUID_ADDED;
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + room * sizeof cpuid->entries[0]);
    if (!cpuid) {
        return -ENOMEM;
    }
    cpuid->nent = supported->nent;
    memcpy(cpuid->entries, supported->entries, supported->nent * sizeof cpuid->entries[0]);
    kvm_cpuid_fit(cpuid, &fitted);
    int err = kvm_call(vcpu->fd, KVM_SET_CPUID2, (unsigned long)cpuid);
    free(cpuid);
    return err < 0 ? err : 0;
}
