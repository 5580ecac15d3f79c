/* SPDX-License-Identifier: BSD-2-Clause */
/* Making a VM and its vCPUs; what the engine offers. */
#include "split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct vmmp_log *log_of(const struct kvm_vm *vm)
{
    return hosted_vm_log(vm->hosted);
}

static int check_system(struct kvm_vm *vm)
{
    static const struct kvm_needed needed[] = {
        { KVM_CAP_USER_MEMORY, "user memory" },
        { KVM_CAP_READONLY_MEM, "read-only memory" },
        { KVM_CAP_IMMEDIATE_EXIT, "immediate exits" },
        { KVM_CAP_MP_STATE, "power states" },
        { KVM_CAP_IRQCHIP, "interrupt controllers" },
        { KVM_CAP_PIT2, "a timer" },
        { KVM_CAP_SIGNAL_MSI, "messages" },
        { KVM_CAP_IRQ_ROUTING, "routes of interrupts" },
        { KVM_CAP_EXT_CPUID, "CPUID" },
        { 0, NULL },
    };
    static const struct kvm_needed split[] = {
        { KVM_CAP_SPLIT_IRQCHIP, "split interrupt controllers" },
        { 0, NULL },
    };
    int err = kvm_system_check(vm, needed);
    return !err && vm->arch.wants_split ? kvm_system_check(vm, split) : err;
}

static int check_addresses(struct kvm_vm *vm)
{
    unsigned bits = kvm_cpuid_address_bits(vm);
    if (bits < 64 && (vm->address_limit - 1) >> bits) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "the guest's memory map needs more than the %u address bits that this machine's "
                 "processor has: give the guest less memory",
                 bits);
        return -E2BIG;
    }
    return 0;
}

static int create_vm(struct kvm_vm *vm)
{
    return kvm_create(vm, 0);
}

static int kvm_vm_open(struct hosted_vm *hosted, void *config)
{
    static const struct hosted_kvm_x86_config defaults;
    static int (*const steps[])(struct kvm_vm *) = {
        kvm_system_open, check_system,     kvm_cpuid_read,   check_addresses,
        create_vm,       kvm_irqchip_make, kvm_install_kick, kvm_open_events,
    };
    const struct hosted_kvm_x86_config *wanted = config ? config : &defaults;
    const struct kvm_options options = {
        .address_limit = wanted->address_limit,
        .trace = wanted->trace,
        .kick_signal = wanted->kick_signal,
        .device = wanted->device,
        .gsis = HOSTED_KVM_X86_IRQS,
    };
    struct kvm_vm *vm = kvm_vm_alloc(hosted, &options);
    if (!vm) {
        return -ENOMEM;
    }
    vm->arch.wants_split = wanted->split_irqchip;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int err = steps[i](vm);
        if (err) {
            kvm_vm_free(vm);
            return err;
        }
    }
    hosted_vm_set_engine_state(hosted, vm);
    hosted_vm_set_irq_inputs(hosted, HOSTED_KVM_X86_IRQS);
    return 0;
}

static void kvm_vm_close(struct hosted_vm *hosted)
{
    kvm_vm_free(hosted_vm_engine_state(hosted));
    hosted_vm_set_engine_state(hosted, NULL);
}

void kvm_arch_vm_free(struct kvm_vm *vm)
{
    kvm_device_groups_close(vm);
    free(vm->arch.cpuid);
    kvm_split_free(vm->arch.split);
    free(vm->arch.routes);
}

/* All wait, the boot vCPU too: one rule for all. The guest's SIPI wakes the others. */
int kvm_arch_vcpu_open(struct kvm_vcpu *vcpu)
{
    struct kvm_mp_state waiting = { .mp_state = KVM_MP_STATE_UNINITIALIZED };
    int err = kvm_cpuid_set(vcpu);
    if (!err) {
        err = kvm_msrs_set(vcpu);
    }
    if (!err) {
        err = kvm_call(vcpu->fd, KVM_SET_MP_STATE, (unsigned long)&waiting);
    }
    return err < 0 ? err : 0;
}

void kvm_arch_before_entry(struct kvm_vcpu *vcpu)
{
    if (vcpu->vm->arch.split && vcpu->index == 0) {
        kvm_split_before_entry(vcpu->vm->arch.split, vcpu);
    }
}

const char *kvm_arch_vcpu_hint(const struct kvm_vm *vm)
{
    (void)vm;
    return "";
}

/* Only now it is known how many there are. */
int kvm_arch_prepare(struct kvm_vm *vm)
{
    for (const struct kvm_vcpu *vcpu = vm->vcpus; vcpu && atomic_load(&vm->started_ns) == 0;
         vcpu = vcpu->next) {
        int err = kvm_cpuid_set(vcpu);
        if (err) {
            vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST, "KVM takes no CPUID: %s",
                     strerror(-err));
            return err;
        }
    }
    return 0;
}

static int kvm_vcpu_start(struct hosted_vcpu *hosted)
{
    return kvm_vcpu_set_state(hosted_vcpu_engine_state(hosted), KVM_MP_STATE_RUNNABLE);
}

void hosted_simple_kvm_x86(simple_t *simple, struct hosted_kvm_x86_config *config,
                           const struct vmmp_log *log)
{
    static const struct hosted_engine engine = {
        .name = "kvm_x86",
        .memory_is_real = true,
        .vm_open = kvm_vm_open,
        .vm_close = kvm_vm_close,
        .memory_map = kvm_memory_map,
        .memory_unmap = kvm_memory_unmap,
        .irq_controller_create = kvm_irq_controller_create,
        .irq_level = kvm_irq_level,
        .irq_inject = kvm_irq_inject,
        .doorbell = kvm_doorbell,
        .message_fd = kvm_message_fd,
        .irq_fd = kvm_irq_fd,
        .device_group = kvm_device_group,
        .vcpu_open = kvm_vcpu_open,
        .vcpu_close = kvm_vcpu_close,
        .vcpu_start = kvm_vcpu_start,
        .run = kvm_run,
        .stop = kvm_stop,
        .registers_get = kvm_registers_get,
        .registers_set = kvm_registers_set,
        .register_get = kvm_register_get,
        .register_set = kvm_register_set,
    };
    hosted_simple_init(simple, &engine, config, log);
}
