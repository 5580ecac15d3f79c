/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts and messages into the guest; the kernel's 8259s, IOAPIC and interval timer, unless
 * they are split.c's.
 */
#include "split.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PIC_INPUTS   16u
#define PIC_PINS     8u
#define CASCADE      2u
#define TIMER_IOAPIC 2u /* The pin where interrupt 0 arrives. */

static int said(const struct kvm_vm *vm, int err, const char *what)
{
    if (err < 0) {
        vmmp_log(hosted_vm_log(vm->hosted), VMMP_LOG_ERROR, VMMP_LOG_HOST, "KVM cannot make %s: %s",
                 what, strerror(-err));
        return err;
    }
    return 0;
}

static void route(struct kvm_irq_routing *table, uint32_t gsi, uint32_t chip, uint32_t pin)
{
    table->entries[table->nr++] = (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* As KVM does it by itself, but for interrupt 0, which is at the IOAPIC's pin 2 on a PC. */
void kvm_irqchip_routes(struct kvm_irq_routing *table)
{
    for (uint32_t gsi = 0; gsi < HOSTED_KVM_X86_IRQS; gsi++) {
        if (gsi < PIC_INPUTS && gsi != CASCADE) {
            route(table, gsi, gsi < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                  gsi % PIC_PINS);
        }
        if (gsi != CASCADE) {
            route(table, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : TIMER_IOAPIC);
        }
    }
}

int kvm_irqchip_make(struct kvm_vm *vm)
{
    uint64_t identity_map = HOSTED_KVM_X86_OWN_BASE;
    struct kvm_pit_config timer = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int err = kvm_call(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, (unsigned long)&identity_map);
    if (err >= 0) {
        err = kvm_call(vm->fd, KVM_SET_TSS_ADDR, HOSTED_KVM_X86_OWN_BASE + 0x1000);
    }
    if (err >= 0 && vm->arch.wants_split) {
        /* Without a timer: that is a device. */
        return said(vm, kvm_split_make(vm), "a split interrupt controller");
    }
    if (err >= 0) {
        err = kvm_call(vm->fd, KVM_CREATE_IRQCHIP, 0);
    }
    if (err >= 0) {
        err = kvm_routes_make(vm);
    }
    if (err < 0) {
        return said(vm, err, "interrupt controllers");
    }
    return said(vm, kvm_call(vm->fd, KVM_CREATE_PIT2, (unsigned long)&timer), "a timer");
}

/* KVM wants it before the vCPUs, libsel4vm's clients have either order: it exists already. */
int kvm_irq_controller_create(struct hosted_vm *hosted)
{
    (void)hosted;
    return 0;
}

bool kvm_irqchip_has(int irq)
{
    return irq >= 0 && irq < HOSTED_KVM_X86_IRQS && irq != (int)CASCADE;
}

int kvm_irq_level(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    struct kvm_irq_level line = { .irq = (uint32_t)irq, .level = high };
    (void)vcpu;
    if (!kvm_irqchip_has(irq)) {
        return -EINVAL;
    }
    if (high) {
        atomic_fetch_add_explicit(&vm->interrupts, 1, memory_order_relaxed);
    }
    if (vm->arch.split) {
        kvm_split_level(vm->arch.split, (unsigned)irq, high);
        return 0;
    }
    int err = kvm_call(vm->fd, KVM_IRQ_LINE, (unsigned long)&line);
    return err < 0 ? err : 0;
}

int kvm_irq_inject(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    (void)vcpu;
    if (!kvm_irqchip_has(irq)) {
        return -EINVAL;
    }
    atomic_fetch_add_explicit(&vm->interrupts, 1, memory_order_relaxed);
    if (vm->arch.split) {
        kvm_split_inject(vm->arch.split, (unsigned)irq);
        return 0;
    }
    return kvm_inject(vm, (unsigned)irq, irq);
}

/* ---- messages ------------------------------------------------------------------------------- */

static void send_message(void *cookie, uint64_t address, uint32_t data)
{
    struct kvm_vm *vm = cookie;
    struct kvm_msi message = {
        .address_lo = (uint32_t)address,
        .address_hi = (uint32_t)(address >> 32),
        .data = data,
    };
    __atomic_fetch_add(&vm->arch.messages, 1, __ATOMIC_RELAXED);
    atomic_fetch_add_explicit(&vm->interrupts, 1, memory_order_relaxed);
    /* An address that names no local APIC is the guest's mistake: as on hardware, nothing. */
    (void)kvm_call(vm->fd, KVM_SIGNAL_MSI, (unsigned long)&message);
}

struct vmmp_msi hosted_kvm_x86_msi(vm_t *vm)
{
    static const struct vmmp_msi_ops ops = { send_message };
    return (struct vmmp_msi){ &ops, kvm_vm_of(vm) };
}
