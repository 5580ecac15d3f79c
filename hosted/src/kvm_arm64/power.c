/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPUs that are switched by firmware in this process instead of the kernel's, and the filter that
 * brings the guest's calls here (Documentation/virt/kvm/devices/vm.rst, KVM_ARM_VM_SMCCC_CTRL;
 * Linux 6.4).
 *
 * A vCPU's own call to stop or suspend is carried out by its thread after the call has been
 * answered, when its registers are its own again (kvm_power_settle). Another vCPU may start it
 * before that: then the thread does that, too.
 */
#include "kvm_arm64.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* Newer than some kernels' headers. */
#define VM_SMCCC_CTRL   0u
#define VM_SMCCC_FILTER 0u
#define FILTER_FORWARD  2u

struct smccc_filter {
    uint32_t base;
    uint32_t functions;
    uint8_t action;
    uint8_t padding[15];
};

/* PSCI (DEN0022 5.1) and TRNG (DEN0098 2), by both conventions. */
static const struct smccc_filter forwarded[] = {
    { .base = 0x84000000, .functions = 0x20, .action = FILTER_FORWARD },
    { .base = 0xc4000000, .functions = 0x20, .action = FILTER_FORWARD },
    { .base = 0x84000050, .functions = 0x10, .action = FILTER_FORWARD },
    { .base = 0xc4000050, .functions = 0x10, .action = FILTER_FORWARD },
};

/* Before any vCPU runs. */
int kvm_firmware_choose(struct kvm_vm *vm)
{
    const struct vmmp_log *log = hosted_vm_log(vm->hosted);
    struct kvm_device_attr attribute = { .group = VM_SMCCC_CTRL, .attr = VM_SMCCC_FILTER };
    if (!vm->arch.config->firmware) {
        return 0;
    }
    vm->arch.can_suspend =
        kvm_call(vm->system, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SYSTEM_SUSPEND) > 0;
    if (kvm_call(vm->fd, KVM_HAS_DEVICE_ATTR, (unsigned long)&attribute) < 0) {
        vmmp_log(log, VMMP_LOG_INFO, VMMP_LOG_HOST,
                 "this kernel keeps the guest's firmware calls to itself: its PSCI and TRNG are "
                 "used (Linux 6.4 has a filter for them)");
        return 0;
    }
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) {
        struct smccc_filter filter = forwarded[i];
        attribute.addr = (uintptr_t)&filter;
        int error = kvm_call(vm->fd, KVM_SET_DEVICE_ATTR, (unsigned long)&attribute);
        if (error < 0) {
            vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                     "KVM does not forward firmware calls from 0x%08x on: %s", filter.base,
                     strerror(-error));
            return error;
        }
    }
    vm->arch.firmware = true;
    return 0;
}

bool hosted_kvm_firmware(const vm_t *vm)
{
    return kvm_vm_of(vm)->arch.firmware;
}

static int set_state(const struct kvm_vcpu *vcpu, uint32_t state)
{
    struct kvm_mp_state request = { .mp_state = state };
    int error = kvm_call(vcpu->fd, KVM_SET_MP_STATE, (unsigned long)&request);
    return error < 0 ? error : 0;
}

/* The vCPU is not in KVM_RUN. */
static int restart(struct kvm_vcpu *vcpu, const hosted_context_t *context)
{
    int error = kvm_vcpu_reset(vcpu);
    if (error >= 0) {
        error = kvm_registers_set(vcpu->hosted, context);
    }
    return error < 0 ? error : set_state(vcpu, KVM_MP_STATE_RUNNABLE);
}

int kvm_vcpu_restart(struct hosted_vcpu *hosted, const hosted_context_t *context)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    struct kvm_vm *vm = vcpu->vm;
    pthread_mutex_lock(&vm->gate);
    bool stopping = vcpu->arch.power == KVM_POWER_STOPPING;
    if (stopping) {
        vcpu->arch.power = KVM_POWER_RESTARTING;
        vcpu->arch.restart = *context;
    }
    pthread_mutex_unlock(&vm->gate);
    if (stopping) {
        return 0;
    }
    kvm_pause(vm);
    int error = restart(vcpu, context);
    kvm_resume(vm);
    return error;
}

static void set_power(struct kvm_vcpu *vcpu, enum kvm_power power)
{
    pthread_mutex_lock(&vcpu->vm->gate);
    vcpu->arch.power = power;
    pthread_mutex_unlock(&vcpu->vm->gate);
}

int kvm_vcpu_stop(struct hosted_vcpu *hosted)
{
    set_power(hosted_vcpu_engine_state(hosted), KVM_POWER_STOPPING);
    return 0;
}

bool kvm_can_suspend(const struct hosted_vm *hosted)
{
    const struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    return vm->arch.firmware && vm->arch.can_suspend;
}

int kvm_vcpu_suspend(struct hosted_vcpu *hosted, bool reset, const struct hosted_resumed *resumed)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    /* In its exception: not in KVM_RUN, and its registers are written when that is answered. */
    int error = reset ? kvm_vcpu_reset(vcpu) : 0;
    if (error < 0) {
        return error;
    }
    vcpu->arch.resumed = *resumed;
    set_power(vcpu, KVM_POWER_SUSPENDING);
    return 0;
}

int kvm_power_settle(struct kvm_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->vm->gate);
    enum kvm_power power = vcpu->arch.power;
    int error = 0;
    switch (power) {
    case KVM_POWER_ON:
        break;
    case KVM_POWER_STOPPING:
        error = set_state(vcpu, KVM_MP_STATE_STOPPED);
        break;
    case KVM_POWER_RESTARTING:
        error = restart(vcpu, &vcpu->arch.restart);
        break;
    case KVM_POWER_SUSPENDING:
        error = set_state(vcpu, KVM_MP_STATE_SUSPENDED);
        break;
    }
    vcpu->arch.power = KVM_POWER_ON;
    pthread_mutex_unlock(&vcpu->vm->gate);
    return error;
}

int kvm_woken(struct kvm_vcpu *vcpu)
{
    int error = set_state(vcpu, KVM_MP_STATE_RUNNABLE);
    struct hosted_resumed resumed = vcpu->arch.resumed;
    vcpu->arch.resumed.call = NULL;
    if (resumed.call) {
        resumed.call(resumed.cookie, hosted_vcpu_public(vcpu->hosted));
    }
    return error;
}
