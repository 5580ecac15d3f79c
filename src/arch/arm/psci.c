/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/arm/psci.h"

#include <stdbool.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_vm_util.h>

#include <sel4vmmplatsupport/vmmp/boot_arm.h>

/* A function identifier of the 64-bit convention (SMCCC 2.5). */
#define SMCCC_64            UINT32_C(0x40000000)
#define SMCCC_NOT_SUPPORTED ((uint64_t)-1)

#define PSCI_VERSION           UINT32_C(0x84000000)
#define PSCI_CPU_ON            UINT32_C(0x84000003)
#define PSCI_MIGRATE_INFO_TYPE UINT32_C(0x84000006)
#define PSCI_FEATURES          UINT32_C(0x8400000a)

#define PSCI_VERSION_1_0         UINT64_C(0x10000)
#define PSCI_NO_MIGRATION_NEEDED UINT64_C(2)

#define PSCI_SUCCESS            UINT64_C(0)
#define PSCI_INVALID_PARAMETERS ((uint64_t)-2)
#define PSCI_ALREADY_ON         ((uint64_t)-4)
#define PSCI_INTERNAL_FAILURE   ((uint64_t)-6)

/* Affinity fields of MPIDR, in the form that PSCI uses (DEN0022 5.1.4). */
#define PSCI_AFFINITY UINT64_C(0xff00ffffff)

/*
 * The vCPU that a guest means. vCPUs get their affinity when they are started: one that has none
 * yet is meant by its number, as the device tree of fdt_generate_plat_vcpu_node() has it, or,
 * for trees with other affinities, is the next free one.
 */
static vm_vcpu_t *find_target(vm_t *vm, uint64_t affinity)
{
    vm_vcpu_t *free_vcpu = NULL;
    vm_vcpu_t *numbered = NULL;

    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        vm_vcpu_t *vcpu = vm->vcpus[i];
        if (vcpu->target_cpu >= 0) {
            if (((uint64_t)vcpu->target_cpu & PSCI_AFFINITY) == affinity) {
                return vcpu;
            }
        } else if (vcpu->vcpu_id == affinity) {
            numbered = vcpu;
        } else if (!free_vcpu) {
            free_vcpu = vcpu;
        }
    }
    return numbered ? numbered : free_vcpu;
}

static uint64_t cpu_on(vm_vcpu_t *caller, const uint64_t registers[4])
{
    uint64_t affinity = registers[1];
    /* Of another affinity, no vCPU can be. */
    if (affinity > INT32_MAX || (affinity & ~PSCI_AFFINITY)) {
        return PSCI_INVALID_PARAMETERS;
    }
    vm_vcpu_t *vcpu = find_target(caller->vm, affinity);
    if (!vcpu) {
        return PSCI_INVALID_PARAMETERS;
    }
    if (vcpu->target_cpu >= 0 && is_vcpu_online(vcpu)) {
        return PSCI_ALREADY_ON;
    }
    /* Guests of an AArch64 VMM are AArch64, by whichever convention they call. */
    struct vmmp_arm_entry entry = {
        .mode = sizeof(seL4_Word) == 8 ? VMMP_ARM_MODE_AARCH64 : VMMP_ARM_MODE_AARCH32,
        .interrupts_masked = true,
        .pc = registers[2],
        .registers = { registers[3] },
    };
    bool assigned = vcpu->target_cpu < 0;
    if (assigned && vm_assign_vcpu_target(vcpu, (int)affinity)) {
        return PSCI_INTERNAL_FAILURE;
    }
    if (vmmp_arm_enter(vcpu, &entry) || vcpu_start(vcpu)) {
        if (assigned) {
            vcpu->target_cpu = -1;
        }
        return PSCI_INTERNAL_FAILURE;
    }
    return PSCI_SUCCESS;
}

static bool is_cpu_on(uint32_t function)
{
    return function == PSCI_CPU_ON || function == (PSCI_CPU_ON | SMCCC_64);
}

static uint64_t features(uint32_t function)
{
    bool implemented = is_cpu_on(function) || function == PSCI_VERSION ||
                       function == PSCI_MIGRATE_INFO_TYPE || function == PSCI_FEATURES;
    return implemented ? PSCI_SUCCESS : SMCCC_NOT_SUPPORTED;
}

void vmmp_smccc_call(vm_vcpu_t *vcpu, uint64_t registers[4])
{
    uint32_t function = (uint32_t)registers[0];
    uint64_t arguments[4] = { registers[0], registers[1], registers[2], registers[3] };

    /* A 32-bit call passes 32-bit values, whatever else is in the registers (SMCCC 3.1). */
    if (!(function & SMCCC_64)) {
        for (int i = 1; i < 4; i++) {
            arguments[i] = (uint32_t)arguments[i];
        }
    }
    registers[0] = SMCCC_NOT_SUPPORTED;
    if (is_cpu_on(function)) {
        registers[0] = cpu_on(vcpu, arguments);
    } else if (function == PSCI_VERSION) {
        registers[0] = PSCI_VERSION_1_0;
    } else if (function == PSCI_MIGRATE_INFO_TYPE) {
        registers[0] = PSCI_NO_MIGRATION_NEEDED;
    } else if (function == PSCI_FEATURES) {
        registers[0] = features((uint32_t)arguments[1]);
    }
}
