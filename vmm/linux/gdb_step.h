/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stepping one instruction of a guest without falling into its interrupt handler: while a guest is
 * stopped its timer goes on, so an interrupt is nearly always pending, and KVM delivers it before
 * the instruction. Interrupts are therefore masked in PSTATE for the step, and what the guest can
 * see of that is put right afterwards.
 *
 * For engines with the registers of hosted/kvm_arm64.h; the vCPU is paused in both calls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

struct gdb_step {
    bool masked;
    uint64_t before; /**< PSTATE.I and F. */
};

/** Whether an instruction reads or writes the masks: then they must be as the guest left them. */
bool gdb_step_touches_masks(uint32_t instruction);

/** Masks interrupts for a step over `instruction`, if they are not and it does not matter to it. */
void gdb_step_begin(struct gdb_step *step, vm_vcpu_t *vcpu, uint32_t instruction);
/** The masks as they were, wherever they are now. Nothing if nothing was masked. */
void gdb_step_end(struct gdb_step *step, vm_vcpu_t *vcpu);
