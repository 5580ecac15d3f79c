/* SPDX-License-Identifier: BSD-2-Clause */
/* vCPUs: making, placing and starting them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/boot.h>

#include "hosted.h"

vm_vcpu_t *vm_create_vcpu(vm_t *vm, int priority)
{
    struct hosted_vm *hosted = vm->hosted;
    if (vm->num_vcpus >= CONFIG_MAX_NUM_NODES) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "a VM has at most %d vCPUs",
                   CONFIG_MAX_NUM_NODES);
        return NULL;
    }
    struct hosted_vcpu *vcpu =
        hosted_permit(hosted, HOSTED_CALL_VCPU) ? calloc(1, sizeof(*vcpu)) : NULL;
    if (!vcpu || hosted_fault_init(&vcpu->fault)) {
        free(vcpu);
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST, "no memory for vCPU %u", vm->num_vcpus);
        return NULL;
    }
    vcpu->hosted = hosted;
    vcpu->base.vm = vm;
    vcpu->base.vcpu_id = vm->num_vcpus;
    vcpu->base.target_cpu = -1;
    vcpu->base.tcb.priority = priority;
    hosted_arch_vcpu_init(vcpu);

    int error = hosted->engine->vcpu_open(vcpu);
    if (error) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST, "cannot make vCPU %u: %s", vm->num_vcpus,
                   strerror(-error));
        hosted_fault_fini(&vcpu->fault);
        free(vcpu);
        return NULL;
    }
    vm->vcpus[vm->num_vcpus++] = &vcpu->base;
    return &vcpu->base;
}

int vm_assign_vcpu_target(vm_vcpu_t *vcpu, int target_cpu)
{
    if (!vcpu || target_cpu < -1) {
        return -1;
    }
    for (unsigned i = 0; target_cpu != -1 && i < vcpu->vm->num_vcpus; i++) {
        const vm_vcpu_t *other = vcpu->vm->vcpus[i];
        if (other != vcpu && other->target_cpu == target_cpu) {
            return -1;
        }
    }
    vcpu->target_cpu = target_cpu;
    return 0;
}

int vcpu_start(vm_vcpu_t *vcpu)
{
    if (!vcpu) {
        return -1;
    }
    if (vcpu->vcpu_online) {
        return 0;
    }
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    vcpu->vcpu_online = true;
    int error = hosted_vcpu->hosted->engine->vcpu_start(hosted_vcpu);
    if (error) {
        vcpu->vcpu_online = false;
        hosted_say(hosted_vcpu->hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST, "cannot start vCPU %u: %s",
                   vcpu->vcpu_id, strerror(-error));
        return -1;
    }
    return 0;
}

void *hosted_vcpu_engine_state(const struct hosted_vcpu *vcpu)
{
    return vcpu->engine_state;
}

void hosted_vcpu_set_engine_state(struct hosted_vcpu *vcpu, void *state)
{
    vcpu->engine_state = state;
}

vm_vcpu_t *hosted_vcpu_public(const struct hosted_vcpu *vcpu)
{
    return (vm_vcpu_t *)&vcpu->base;
}

struct hosted_vm *hosted_vcpu_vm(const struct hosted_vcpu *vcpu)
{
    return vcpu->hosted;
}

struct hosted_vcpu *hosted_vcpu_of(const vm_vcpu_t *vcpu)
{
    return (struct hosted_vcpu *)vcpu;
}
