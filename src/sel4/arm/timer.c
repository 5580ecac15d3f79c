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

static void hold_if_refused(vm_vcpu_t *vcpu)
{
    seL4_Word control;

    if (vcpu->vcpu_id >= ARRAY_SIZE(held) || !read_control(vcpu, &control) ||
        (control & (CTL_ENABLE | CTL_IMASK | CTL_ISTATUS)) != (CTL_ENABLE | CTL_ISTATUS)) {
        return;
    }
    /* Its line is high: to inject it is right if it can be, and nothing if it is pending. */
    if (vm_inject_irq(vcpu, PPI_VTIMER_IRQ) == 0) {
        return;
    }
    held[vcpu->vcpu_id] = write_control(vcpu, control | CTL_IMASK);
}

void vmmp_sel4_timer_expired(struct vm *vm)
{
    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        hold_if_refused(vm->vcpus[i]);
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
