/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual timer on seL4: a hold on one whose interrupt the guest has not enabled. */
#include "sel4/timer_arm.h"

#include <stdbool.h>

#include <utils/util.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>

#include <sel4vmmplatsupport/arch/irq_defs.h>
#include <sel4vmmplatsupport/vmmp/sel4.h>

/* CNTV_CTL (Arm ARM D13.8.24 CNTV_CTL_EL0, G8.7.25 CNTV_CTL). ISTATUS does not heed IMASK. */
#define CTL_ENABLE  (1u << 0)
#define CTL_IMASK   (1u << 1)
#define CTL_ISTATUS (1u << 2)

/* By vcpu_id, which is below CONFIG_MAX_NUM_NODES wherever libsel4vm has its interrupt controller.
 */
static bool held[CONFIG_MAX_NUM_NODES];

static bool read_control(const vm_vcpu_t *vcpu, seL4_Word *control)
{
    seL4_ARM_VCPU_ReadRegs_t read = seL4_ARM_VCPU_ReadRegs(vcpu->vcpu.cptr, seL4_VCPUReg_CNTV_CTL);

    *control = read.value;
    return read.error == seL4_NoError;
}

static bool write_control(const vm_vcpu_t *vcpu, seL4_Word control)
{
    return seL4_ARM_VCPU_WriteRegs(vcpu->vcpu.cptr, seL4_VCPUReg_CNTV_CTL, control) == seL4_NoError;
}

/* Enabled, not masked, and expired: the interrupt's line is high. */
static bool is_high(const vm_vcpu_t *vcpu, seL4_Word *control)
{
    return read_control(vcpu, control) &&
           (*control & (CTL_ENABLE | CTL_IMASK | CTL_ISTATUS)) == (CTL_ENABLE | CTL_ISTATUS);
}

/* libsel4vm has dropped it, or would: no kernel call, and nothing happens, if it is pending. */
static bool is_refused(vm_vcpu_t *vcpu)
{
    return vm_inject_irq(vcpu, PPI_VTIMER_IRQ) != 0;
}

static void hold(vm_vcpu_t *vcpu, seL4_Word control)
{
    if (vcpu->vcpu_id < ARRAY_SIZE(held)) {
        held[vcpu->vcpu_id] = write_control(vcpu, control | CTL_IMASK);
    }
}

void vmmp_sel4_timer_expired(struct vm *vm)
{
    seL4_Word control;

    /* The only one is the one whose timer it was: what libsel4vm took is pending. */
    if (vm->num_vcpus == 1) {
        if (is_refused(vm->vcpus[0]) && is_high(vm->vcpus[0], &control)) {
            hold(vm->vcpus[0], control);
        }
        return;
    }
    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        if (is_high(vm->vcpus[i], &control) && is_refused(vm->vcpus[i])) {
            hold(vm->vcpus[i], control);
        }
    }
}

void vmmp_timer_release(vm_vcpu_t *vcpu)
{
    seL4_Word control;

    if (vcpu->vcpu_id >= ARRAY_SIZE(held) || !held[vcpu->vcpu_id]) {
        return;
    }
    held[vcpu->vcpu_id] = false;
    if (read_control(vcpu, &control) && control & CTL_IMASK) {
        (void)write_control(vcpu, control & ~(seL4_Word)CTL_IMASK);
    }
}
