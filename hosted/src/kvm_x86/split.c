/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A split interrupt controller: local APICs are the kernel's, 8259s and IOAPIC are here. The kernel
 * is told the IOAPIC's messages as routes, by which it knows whose EOI to report.
 */
#include "split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/i8259.h>
#include <sel4vmmplatsupport/vmmp/io_port.h>
#include <sel4vmmplatsupport/vmmp/ioapic.h>

#define TIMER_PIN   2u /* Where interrupt 0 arrives at the IOAPIC. */
#define VECTOR      0xffu
#define FIRST_VALID 16u /* Vectors below are the processor's own (SDM 3A, 11.5.2). */

static_assert(HOSTED_KVM_X86_IRQS == VMMP_IOAPIC_PINS, "an input is a pin");

struct kvm_split {
    struct kvm_vm *vm;
    /* Around all of it; the models have no contexts of their own. Behind it there is `gate` only.
     */
    pthread_mutex_t lock;
    struct vmmp_i8259 pic;
    struct vmmp_ioapic ioapic;
    struct vmmp_io_port_range port_ranges[3];
    struct vmmp_io_port_space ports;
    uint32_t driven;   /* Inputs that vm_set_irq_level() has raised, */
    uint32_t injected; /* and vm_inject_irq(), until their EOI. */
    uint32_t finished; /* Injections that are to be acknowledged once `lock` is free. */
    bool pic_output;   /* Atomic. */
    struct vmmp_ioapic_message told[VMMP_IOAPIC_PINS]; /* By pin: what the kernel knows. */
    union {
        struct kvm_irq_routing routes;
        uint8_t room[sizeof(struct kvm_irq_routing) +
                     VMMP_IOAPIC_PINS * sizeof(struct kvm_irq_routing_entry)];
    } table;
};

static unsigned pin_of(unsigned input)
{
    return input == 0 ? TIMER_PIN : input;
}

static unsigned input_of(unsigned pin)
{
    return pin == TIMER_PIN ? 0 : pin;
}

/* ---- what the models call, under `lock` ----------------------------------------------------- */

static void deliver(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message)
{
    const struct kvm_split *split = cookie;
    struct kvm_msi msi = { .address_lo = message->address, .data = message->data };
    (void)pin;
    /* One that names no local APIC is the guest's mistake: nothing, as on hardware. */
    (void)kvm_call(split->vm->fd, KVM_SIGNAL_MSI, (unsigned long)&msi);
}

/* The kernel makes all vCPUs look at its table anew: not for a mask that changes. */
static void set_route(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message)
{
    struct kvm_split *split = cookie;
    struct kvm_irq_routing *table = &split->table.routes;
    struct vmmp_ioapic_message *told = &split->told[pin];
    if (told->address == message->address && told->data == message->data) {
        return;
    }
    *told = *message;
    table->nr = 0;
    for (uint32_t i = 0; i < VMMP_IOAPIC_PINS; i++) {
        if ((split->told[i].data & VECTOR) >= FIRST_VALID) {
            table->entries[table->nr++] = (struct kvm_irq_routing_entry){
                .gsi = i,
                .type = KVM_IRQ_ROUTING_MSI,
                .u.msi = { .address_lo = split->told[i].address, .data = split->told[i].data },
            };
        }
    }
    (void)kvm_call(split->vm->fd, KVM_SET_GSI_ROUTING, (unsigned long)table);
}

/* What is left of the input's level. */
static bool finish(struct kvm_split *split, unsigned input)
{
    uint32_t bit = 1u << input;
    split->finished |= split->injected & bit;
    split->injected &= ~bit;
    return split->driven & bit;
}

static bool ioapic_eoi(void *cookie, unsigned pin, bool high)
{
    (void)high;
    return finish(cookie, input_of(pin));
}

static bool pic_eoi(void *cookie, unsigned input, bool high)
{
    (void)high;
    return finish(cookie, input);
}

static void pic_output(void *cookie, bool high)
{
    struct kvm_split *split = cookie;
    __atomic_store_n(&split->pic_output, high, __ATOMIC_SEQ_CST);
    if (high) {
        kvm_kick_boot_vcpu(split->vm);
    }
}

/* ---- inputs --------------------------------------------------------------------------------- */

static void set_levels(struct kvm_split *split, uint32_t inputs)
{
    uint32_t levels = split->driven | split->injected;
    for (unsigned input = 0; input < HOSTED_KVM_X86_IRQS; input++) {
        if (inputs >> input & 1) {
            vmmp_i8259_set(&split->pic, input, levels >> input & 1);
            vmmp_ioapic_set(&split->ioapic, pin_of(input), levels >> input & 1);
        }
    }
}

/* Gives the lock back, and the acknowledgements that have come up meanwhile. */
static void leave(struct kvm_split *split)
{
    uint32_t finished = split->finished;
    split->finished = 0;
    set_levels(split, finished); /* Of the other controller too. */
    pthread_mutex_unlock(&split->lock);
    const vm_t *public = hosted_vm_public(split->vm->hosted);
    for (unsigned input = 0; input < HOSTED_KVM_X86_IRQS; input++) {
        if (finished >> input & 1) {
            hosted_vcpu_irq_acknowledged(hosted_vcpu_of(public->vcpus[0]), (int)input);
        }
    }
}

void kvm_split_level(struct kvm_split *split, unsigned input, bool high)
{
    uint32_t bit = 1u << input;
    pthread_mutex_lock(&split->lock);
    split->driven = high ? split->driven | bit : split->driven & ~bit;
    set_levels(split, bit);
    leave(split);
}

void kvm_split_inject(struct kvm_split *split, unsigned input)
{
    uint32_t bit = 1u << input;
    pthread_mutex_lock(&split->lock);
    vmmp_ioapic_observe(&split->ioapic, pin_of(input));
    split->injected |= bit;
    set_levels(split, bit);
    leave(split);
}

void kvm_split_eoi(struct kvm_split *split, uint8_t vector)
{
    pthread_mutex_lock(&split->lock);
    vmmp_ioapic_eoi(&split->ioapic, vector);
    leave(split);
}

/* ---- the guest's accesses ------------------------------------------------------------------- */

bool kvm_split_port(struct kvm_split *split, uint16_t port, unsigned size, bool is_in,
                    uint32_t *value)
{
    if (!vmmp_io_port_find(&split->ports, port)) {
        return false;
    }
    pthread_mutex_lock(&split->lock);
    if (is_in) {
        *value = (uint32_t)vmmp_io_port_read(&split->ports, port, size, NULL);
    } else {
        vmmp_io_port_write(&split->ports, port, size, *value, NULL);
    }
    leave(split);
    return true;
}

bool kvm_split_memory(struct kvm_split *split, uint64_t address, unsigned size, bool is_write,
                      uint64_t *value)
{
    if (address - VMMP_IOAPIC_BASE >= VMMP_IOAPIC_SIZE) {
        return false;
    }
    struct vmmp_window *window = &split->ioapic.window;
    pthread_mutex_lock(&split->lock);
    if (is_write) {
        vmmp_window_write(window, address - VMMP_IOAPIC_BASE, size, *value);
    } else {
        *value = vmmp_window_read(window, address - VMMP_IOAPIC_BASE, size);
    }
    leave(split);
    return true;
}

/* ---- the 8259s' output ---------------------------------------------------------------------- */

void kvm_split_before_entry(struct kvm_split *split, const struct kvm_vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    if (__atomic_load_n(&split->pic_output, __ATOMIC_SEQ_CST) &&
        run->ready_for_interrupt_injection) {
        struct kvm_interrupt interrupt = { 0 };
        pthread_mutex_lock(&split->lock);
        bool high = vmmp_i8259_output(&split->pic);
        interrupt.irq = high ? vmmp_i8259_acknowledge(&split->pic) : 0;
        leave(split);
        if (high) {
            (void)kvm_call(vcpu->fd, KVM_INTERRUPT, (unsigned long)&interrupt);
            run->ready_for_interrupt_injection = 0; /* Until KVM says so again. */
        }
    }
    run->request_interrupt_window = __atomic_load_n(&split->pic_output, __ATOMIC_SEQ_CST);
}

/* ---- making it ------------------------------------------------------------------------------ */

static int add_ports(struct kvm_split *split)
{
    vmmp_io_port_space_init(&split->ports, split->port_ranges, 3, 0, NULL);
    int error = vmmp_io_port_add(&split->ports, &split->pic.master, VMMP_I8259_MASTER);
    error = error ? error : vmmp_io_port_add(&split->ports, &split->pic.slave, VMMP_I8259_SLAVE);
    return error ? error : vmmp_io_port_add(&split->ports, &split->pic.elcr, VMMP_I8259_ELCR);
}

int kvm_split_make(struct kvm_vm *vm)
{
    struct kvm_enable_cap capability = {
        .cap = KVM_CAP_SPLIT_IRQCHIP,
        .args = { VMMP_IOAPIC_PINS },
    };
    struct kvm_split *split = calloc(1, sizeof *split);
    if (!split) {
        return -ENOMEM;
    }
    const struct vmmp_i8259_config pic = {
        .output = pic_output,
        .eoi = pic_eoi,
        .cookie = split,
    };
    const struct vmmp_ioapic_config ioapic = {
        .deliver = deliver,
        .route = set_route,
        .eoi = ioapic_eoi,
        .cookie = split,
    };
    split->vm = vm;
    int err = kvm_call(vm->fd, KVM_ENABLE_CAP, (unsigned long)&capability);
    err = err < 0 ? err : vmmp_i8259_init(&split->pic, &pic);
    err = err < 0 ? err : vmmp_ioapic_init(&split->ioapic, &ioapic);
    err = err < 0 ? err : add_ports(split);
    if (err < 0) {
        free(split);
        return err;
    }
    pthread_mutex_init(&split->lock, NULL);
    vm->arch.split = split;
    return 0;
}

void kvm_split_free(struct kvm_split *split)
{
    if (split) {
        vmmp_i8259_fini(&split->pic);
        vmmp_ioapic_fini(&split->ioapic);
        pthread_mutex_destroy(&split->lock);
        free(split);
    }
}
