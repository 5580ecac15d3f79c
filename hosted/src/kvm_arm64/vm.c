/* SPDX-License-Identifier: BSD-2-Clause */
/* Making a VM; what the engine offers. */
#include "kvm_arm64.h"

#include <errno.h>

/* Fewer address bits no hardware offers. */
#define MIN_ADDRESS_BITS     32u
#define DEFAULT_ADDRESS_BITS 40u

static const struct vmmp_log *log_of(const struct kvm_vm *vm)
{
    return hosted_vm_log(vm->hosted);
}

static int check_system(struct kvm_vm *vm)
{
    static const struct kvm_needed needed[] = {
        { KVM_CAP_USER_MEMORY, "user memory" },
        { KVM_CAP_ONE_REG, "register access" },
        { KVM_CAP_READONLY_MEM, "read-only memory" },
        { KVM_CAP_IMMEDIATE_EXIT, "immediate exits" },
        { KVM_CAP_ARM_PSCI_0_2, "PSCI" },
        { KVM_CAP_MP_STATE, "power states" },
        { KVM_CAP_DEVICE_CTRL, "devices" },
        { 0, NULL },
    };
    int err = kvm_system_check(vm, needed);
    if (!err && vm->arch.config->aarch32 && !kvm_has(vm, KVM_CAP_ARM_EL1_32BIT)) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "this machine's CPUs cannot run 32-bit guests: use a 64-bit one, or a machine "
                 "whose EL1 has AArch32 (such as Cortex-A53, A57 or A72)");
        return -ENOTSUP;
    }
    return err;
}

/* The type argument of KVM_CREATE_VM: how many bits a guest-physical address has. */
static int address_bits(struct kvm_vm *vm)
{
    unsigned offered = (unsigned)kvm_has(vm, KVM_CAP_ARM_VM_IPA_SIZE);
    unsigned needed = MIN_ADDRESS_BITS;
    while (needed < 64 && (vm->address_limit - 1) >> needed) {
        needed++;
    }
    unsigned limit = offered ? offered : DEFAULT_ADDRESS_BITS;
    if (needed > limit) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "the guest's memory map needs addresses of %u bits, this machine's KVM offers "
                 "%u: give the guest less memory",
                 needed, limit);
        return -E2BIG;
    }
    return offered ? (int)needed : 0;
}

static int create_vm(struct kvm_vm *vm)
{
    int type = address_bits(vm);
    if (type < 0) {
        return type;
    }
    int err = kvm_create(vm, (unsigned long)type);
    /* Else KVM_RUN fails with -ENOSYS and tells neither syndrome nor address. */
    struct kvm_enable_cap undecoded = { .cap = KVM_CAP_ARM_NISV_TO_USER };
    if (!err) {
        (void)kvm_call(vm->fd, KVM_ENABLE_CAP, (unsigned long)&undecoded);
    }
    return err;
}

int kvm_arch_prepare(struct kvm_vm *vm)
{
    return kvm_gic_finish(vm);
}

void kvm_arch_vm_free(struct kvm_vm *vm)
{
    kvm_gic_close(vm);
}

static int kvm_vm_open(struct hosted_vm *hosted, void *config)
{
    static const struct hosted_kvm_arm64_config defaults;
    static int (*const steps[])(struct kvm_vm *) = {
        kvm_system_open, check_system,     create_vm,       kvm_firmware_choose,
        kvm_gic_choose,  kvm_install_kick, kvm_open_events,
    };
    const struct hosted_kvm_arm64_config *wanted = config ? config : &defaults;
    const struct kvm_options options = {
        .address_limit = wanted->address_limit,
        .trace = wanted->trace,
        .kick_signal = wanted->kick_signal,
        .device = wanted->device,
        .gsis = SPI_COUNT,
    };
    struct kvm_vm *vm = kvm_vm_alloc(hosted, &options);
    if (!vm) {
        return -ENOMEM;
    }
    vm->arch.config = wanted;
    vm->arch.gic = -1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int err = steps[i](vm);
        if (err) {
            kvm_vm_free(vm);
            return err;
        }
    }
    hosted_vm_set_engine_state(hosted, vm);
    return 0;
}

static void kvm_vm_close(struct hosted_vm *hosted)
{
    kvm_vm_free(hosted_vm_engine_state(hosted));
    hosted_vm_set_engine_state(hosted, NULL);
}

void hosted_simple_kvm_arm64(simple_t *simple, struct hosted_kvm_arm64_config *config,
                             const struct vmmp_log *log)
{
    static const struct hosted_engine engine = {
        .name = "kvm_arm64",
        .memory_is_real = true,
        .vm_open = kvm_vm_open,
        .vm_close = kvm_vm_close,
        .memory_map = kvm_memory_map,
        .memory_unmap = kvm_memory_unmap,
        .irq_controller_create = kvm_irq_controller_create,
        .irq_register = kvm_irq_register,
        .irq_level = kvm_irq_level,
        .irq_edge = kvm_irq_edge,
        .irq_inject = kvm_irq_inject,
        .doorbell = kvm_doorbell,
        .vcpu_open = kvm_vcpu_open,
        .vcpu_close = kvm_vcpu_close,
        .vcpu_start = kvm_vcpu_start,
        .vcpu_restart = kvm_vcpu_restart,
        .vcpu_stop = kvm_vcpu_stop,
        .vcpu_suspend = kvm_vcpu_suspend,
        .can_suspend = kvm_can_suspend,
        .run = kvm_run,
        .stop = kvm_stop,
        .registers_get = kvm_registers_get,
        .registers_set = kvm_registers_set,
        .register_get = kvm_register_get,
        .register_set = kvm_register_set,
        .is_aarch32 = kvm_is_aarch32,
        .external_abort = kvm_external_abort,
        .vector_get = kvm_vector_get,
        .vector_set = kvm_vector_set,
    };
    hosted_simple_init(simple, &engine, config, log);
}

unsigned hosted_kvm_breakpoints(const vm_t *vm)
{
    return (unsigned)kvm_has(kvm_vm_of(vm), KVM_CAP_GUEST_DEBUG_HW_BPS);
}

unsigned hosted_kvm_watchpoints(const vm_t *vm)
{
    return (unsigned)kvm_has(kvm_vm_of(vm), KVM_CAP_GUEST_DEBUG_HW_WPS);
}
