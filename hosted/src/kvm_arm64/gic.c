/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's GICv2 or GICv3, and interrupts into it (Linux: Documentation/virt/kvm). */
#include "kvm_arm64.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define GICV2_MAX_VCPUS    8u
#define REDISTRIBUTOR_SIZE UINT64_C(0x20000)
#define DEFAULT_INTERRUPTS 256u

static const struct vmmp_log *log_of(const struct kvm_vm *vm)
{
    return hosted_vm_log(vm->hosted);
}

static bool host_has(const struct kvm_vm *vm, uint32_t type)
{
    struct kvm_create_device test = { .type = type, .flags = KVM_CREATE_DEVICE_TEST };
    return kvm_call(vm->fd, KVM_CREATE_DEVICE, (unsigned long)&test) == 0;
}

int kvm_gic_choose(struct kvm_vm *vm)
{
    bool has2 = host_has(vm, KVM_DEV_TYPE_ARM_VGIC_V2);
    bool has3 = host_has(vm, KVM_DEV_TYPE_ARM_VGIC_V3);
    unsigned wanted = (unsigned)vm->arch.config->gic;
    if (!has2 && !has3) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "this host's KVM has no interrupt controller for guests");
        return -ENODEV;
    }
    if ((wanted == HOSTED_KVM_GIC_V2 && !has2) || (wanted == HOSTED_KVM_GIC_V3 && !has3)) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "this host offers no GICv%u: use --gic %u", wanted, has2 ? 2 : 3);
        return -ENODEV;
    }
    unsigned best = has3 ? HOSTED_KVM_GIC_V3 : HOSTED_KVM_GIC_V2;
    vm->arch.gic_version = wanted ? wanted : best;
    unsigned count =
        vm->arch.config->gic_interrupts ? vm->arch.config->gic_interrupts : DEFAULT_INTERRUPTS;
    if (count < 64 || count > 1024 || count % 32) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "gic_interrupts is %u: a multiple of 32 from 64 to 1024 is right", count);
        return -EINVAL;
    }
    vm->arch.gic_interrupts = count < INTID_LAST + 1 ? count : INTID_LAST + 1;
    return 0;
}

unsigned hosted_kvm_gic_version(const vm_t *vm)
{
    return kvm_vm_of(vm)->arch.gic_version;
}

static int set_attribute(const struct kvm_vm *vm, uint32_t group, uint64_t attribute,
                         const void *value)
{
    struct kvm_device_attr request = {
        .group = group,
        .attr = attribute,
        .addr = (uintptr_t)value,
    };
    int err = kvm_call(vm->arch.gic, KVM_SET_DEVICE_ATTR, (unsigned long)&request);
    return err < 0 ? err : 0;
}

static int place(const struct kvm_vm *vm, uint64_t attribute, uint64_t address, const char *what)
{
    int err = set_attribute(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, attribute, &address);
    if (err) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "the %s cannot be at 0x%" PRIx64 ": %s", what, address, strerror(-err));
    }
    return err;
}

static int set_up(const struct kvm_vm *vm)
{
    const struct hosted_kvm_arm64_config *config = vm->arch.config;
    bool v2 = vm->arch.gic_version == 2;
    uint32_t count = config->gic_interrupts ? config->gic_interrupts : DEFAULT_INTERRUPTS;
    int err = set_attribute(vm, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &count);
    if (err) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST, "KVM takes no %u interrupts: %s", count,
                 strerror(-err));
        return err;
    }
    err = place(vm, v2 ? KVM_VGIC_V2_ADDR_TYPE_DIST : KVM_VGIC_V3_ADDR_TYPE_DIST,
                config->gic_distributor, "GIC's distributor");
    if (err) {
        return err;
    }
    return v2 ? place(vm, KVM_VGIC_V2_ADDR_TYPE_CPU, config->gic_cpu_interface,
                      "GIC's CPU interface")
              : place(vm, KVM_VGIC_V3_ADDR_TYPE_REDIST, config->gic_redistributors,
                      "GIC's first redistributor");
}

int kvm_irq_controller_create(struct hosted_vm *hosted)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    struct kvm_create_device device = {
        .type = vm->arch.gic_version == 2 ? KVM_DEV_TYPE_ARM_VGIC_V2 : KVM_DEV_TYPE_ARM_VGIC_V3,
    };
    if (vm->arch.gic >= 0) {
        return -EEXIST;
    }
    int err = kvm_call(vm->fd, KVM_CREATE_DEVICE, (unsigned long)&device);
    if (err < 0) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST, "KVM cannot make a GICv%u: %s",
                 vm->arch.gic_version, strerror(-err));
        return err;
    }
    vm->arch.gic = (int)device.fd;
    err = set_up(vm);
    if (err) {
        close(vm->arch.gic);
        vm->arch.gic = -1;
    }
    return err;
}

static int check_vcpus(const struct kvm_vm *vm)
{
    uint64_t room = vm->arch.config->gic_redistributors_size;
    if (vm->arch.gic_version == 2 && vm->vcpu_count > GICV2_MAX_VCPUS) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "a GICv2 serves %u vCPUs at most, not %u: use --gic 3", GICV2_MAX_VCPUS,
                 vm->vcpu_count);
        return -E2BIG;
    }
    if (vm->arch.gic_version == 3 && room && vm->vcpu_count * REDISTRIBUTOR_SIZE > room) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "the memory map has room for the redistributors of %u vCPUs, not %u",
                 (unsigned)(room / REDISTRIBUTOR_SIZE), vm->vcpu_count);
        return -E2BIG;
    }
    return 0;
}

/* ---- levels --------------------------------------------------------------------------------- */

static int set_line(const struct kvm_vm *vm, unsigned vcpu, unsigned intid, bool high)
{
    uint32_t type = intid < INTID_SPI ? KVM_ARM_IRQ_TYPE_PPI : KVM_ARM_IRQ_TYPE_SPI;
    struct kvm_irq_level line = {
        .irq = type << KVM_ARM_IRQ_TYPE_SHIFT | vcpu << KVM_ARM_IRQ_VCPU_SHIFT |
               intid << KVM_ARM_IRQ_NUM_SHIFT,
        .level = high,
    };
    int err = kvm_call(vm->fd, KVM_IRQ_LINE, (unsigned long)&line);
    return err < 0 ? err : 0;
}

static bool is_input(const struct kvm_vm *vm, int irq)
{
    return vm->arch.gic >= 0 && irq >= (int)INTID_PPI && irq < (int)vm->arch.gic_interrupts;
}

int kvm_irq_register(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq)
{
    (void)vcpu;
    return is_input(hosted_vm_engine_state(hosted), irq) ? 0 : -EINVAL;
}

/* Before the controller takes levels they are kept, as wires would. True if it was. */
static bool keep_early(struct kvm_vm *vm, unsigned intid, bool high)
{
    bool kept = false;
    if (atomic_load_explicit(&vm->arch.irq_live, memory_order_acquire)) {
        return false;
    }
    pthread_mutex_lock(&vm->irq_lock);
    if (!atomic_load_explicit(&vm->arch.irq_live, memory_order_relaxed)) {
        uint64_t bit = UINT64_C(1) << intid % 64;
        vm->arch.early[intid / 64] =
            high ? vm->arch.early[intid / 64] | bit : vm->arch.early[intid / 64] & ~bit;
        kept = true;
    }
    pthread_mutex_unlock(&vm->irq_lock);
    return kept;
}

int kvm_irq_level(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    const struct kvm_vcpu *target = hosted_vcpu_engine_state(vcpu);
    if (!is_input(vm, irq)) {
        return -EINVAL;
    }
    if (high) {
        atomic_fetch_add_explicit(&vm->interrupts, 1, memory_order_relaxed);
    }
    if (keep_early(vm, (unsigned)irq, high)) {
        return 0;
    }
    return set_line(vm, target->index, (unsigned)irq, high);
}

/*
 * For an edge-triggered SPI KVM takes a level of 1 as the edge and does not look at a 0 (its
 * vgic_validate_injection), so one call is all. An irqfd would save nothing here: raising one from
 * user space is a system call too, and for an SPI KVM carries it out in a work queue.
 */
int kvm_irq_edge(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    const struct kvm_vcpu *target = hosted_vcpu_engine_state(vcpu);
    if (!is_input(vm, irq) || irq < (int)INTID_SPI) {
        return -EINVAL;
    }
    if (!atomic_load_explicit(&vm->arch.irq_live, memory_order_acquire)) {
        return -EAGAIN; /* No guest yet that could have asked for it. */
    }
    atomic_fetch_add_explicit(&vm->interrupts, 1, memory_order_relaxed);
    return set_line(vm, target->index, (unsigned)irq, true);
}

int kvm_gic_finish(struct kvm_vm *vm)
{
    if (vm->arch.gic < 0 || atomic_load(&vm->arch.irq_live)) {
        return 0;
    }
    int err = check_vcpus(vm);
    if (err) {
        return err;
    }
    err = set_attribute(vm, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
    if (err) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "KVM cannot start the GICv%u for %u vCPUs: %s", vm->arch.gic_version,
                 vm->vcpu_count, strerror(-err));
        return err;
    }
    pthread_mutex_lock(&vm->irq_lock);
    for (unsigned intid = INTID_PPI; intid < vm->arch.gic_interrupts; intid++) {
        if (vm->arch.early[intid / 64] >> intid % 64 & 1) {
            (void)set_line(vm, 0, intid, true);
        }
    }
    atomic_store_explicit(&vm->arch.irq_live, true, memory_order_release);
    pthread_mutex_unlock(&vm->irq_lock);
    return 0;
}

int kvm_irq_inject(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    const struct kvm_vcpu *target = hosted_vcpu_engine_state(vcpu);
    if (!is_input(vm, irq)) {
        return -EINVAL;
    }
    if (!atomic_load_explicit(&vm->arch.irq_live, memory_order_acquire)) {
        /* No guest yet that could have enabled it: libsel4vm refuses that too. */
        return -EAGAIN;
    }
    atomic_fetch_add_explicit(&vm->interrupts, 1, memory_order_relaxed);
    if (irq >= (int)INTID_SPI) {
        return kvm_inject(vm, (unsigned)irq - INTID_SPI, irq);
    }
    int err = set_line(vm, target->index, (unsigned)irq, true);
    return err ? err : set_line(vm, target->index, (unsigned)irq, false);
}

void kvm_gic_close(struct kvm_vm *vm)
{
    if (vm->arch.gic >= 0) {
        close(vm->arch.gic);
        vm->arch.gic = -1;
    }
}
