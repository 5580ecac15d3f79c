/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kvm_x86 engine: libsel4vm on Linux KVM for PCs.
 *
 *     struct hosted_kvm_x86_config config = { .address_limit = 6ull << 30 };
 *     hosted_simple_kvm_x86(&simple, &config, &log);
 *     vm_init(&vm, NULL, &simple, vspace, &io_ops, 0, "guest");
 *
 * Interrupt controllers (two 8259, an IOAPIC with 24 inputs, local APICs) and the interval timer
 * are the kernel's; with `split_irqchip` only the local APICs are, 8259s (vmmp/i8259.h) and IOAPIC
 * (vmmp/ioapic.h) are the engine's and the timer (vmmp/i8254.h) the client's to make. Inputs are
 * numbered by global system interrupt: 0 to 15 reach both 8259 and IOAPIC (number 0 there at pin 2,
 * as on every PC), 16 to 23 the IOAPIC alone.
 *
 * vCPUs are made waiting. vcpu_start() lets one run from its registers, the guest's INIT and SIPI
 * the others; vCPU i has local APIC identifier i. Each has a thread while vm_run() is in progress;
 * no thread is left when it returns.
 *
 * Ports reach libsel4vm's handlers element by element, also those of INS, OUTS and their REP forms;
 * what nobody answers reads all-ones. VMCALL is the kernel's (KVM's paravirtual interface):
 * handlers of vm_reg_new_vmcall_handler() are kept and not called. A triple fault is a reset.
 *
 * Threads, the kick signal and which registers may be had when: as in hosted/kvm_arm64.h.
 *
 * Hostile guest: can end its VM, and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <hosted/kvm.h>
#include <hosted/trace.h>
#include <sel4vmmplatsupport/vmmp/boot_x86.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/msi.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Inputs of the interrupt controllers. */
#define HOSTED_KVM_X86_IRQS 24

/**
 * Guest-physical pages that Intel's KVM needs for itself, to be kept free of everything and out of
 * the guest's memory map (KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR).
 */
#define HOSTED_KVM_X86_OWN_BASE UINT64_C(0xfeffc000)
#define HOSTED_KVM_X86_OWN_SIZE UINT64_C(0x4000)

struct hosted_kvm_x86_config {
    uint64_t address_limit; /**< One past the highest guest-physical address in use; 0: 4 GiB. */
    const struct hosted_trace *trace; /**< NULL: no trace. Must outlive the VM. */
    int kick_signal;                  /**< 0: SIGRTMIN. */
    const char *device;               /**< NULL: /dev/kvm. */
    /** Only the local APICs are the kernel's: 8259s and IOAPIC are ours, and there is no timer. */
    bool split_irqchip;
};

/** Makes vm_init() create a VM on KVM. `config` and `log` (may be NULL) must outlive the VM. */
void hosted_simple_kvm_x86(simple_t *simple, struct hosted_kvm_x86_config *config,
                           const struct vmmp_log *log);

/**
 * Sets all of a vCPU's state to `entry` (other registers: zero), to be started by vcpu_start().
 * 0; -EBUSY as said above; -errno of KVM.
 */
int hosted_kvm_x86_enter(vm_vcpu_t *vcpu, const struct vmmp_x86_entry *entry);

/** Messages go to the local APICs that their address names. Good as long as the VM. */
struct vmmp_msi hosted_kvm_x86_msi(vm_t *vm);

#ifdef __cplusplus
}
#endif
