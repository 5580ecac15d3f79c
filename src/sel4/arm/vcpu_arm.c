/* SPDX-License-Identifier: BSD-2-Clause */
#include "sel4/vcpu_arm.h"

#include <errno.h>

#include <utils/util.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_vm_util.h>

#include <sel4vmmplatsupport/arch/irq_defs.h>

#include "sel4/timer_arm.h"

/* The system control register of a CPU that begins: its fixed ones, and all that can be off is off
 * (Arm ARM D13.2.118 SCTLR_EL1, G8.2.126 SCTLR). */
#if defined(CONFIG_ARCH_AARCH64)
#define SCTLR_RESET 0x30d00800u
#else
#define SCTLR_RESET 0x00c50078u
#endif

void vmmp_sys_ack_ppi(vm_vcpu_t *vcpu, int irq)
{
    if (seL4_ARM_VCPU_AckVPPI(vcpu->vcpu.cptr, (seL4_Word)irq)) {
        ZF_LOGE("vCPU %u: the kernel does not take the end of PPI %d", vcpu->vcpu_id, irq);
    }
    if (irq == PPI_VTIMER_IRQ) {
        vmmp_timer_release(vcpu);
    }
}

#if defined(CONFIG_ARCH_AARCH64)

int vmmp_sys_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs, seL4_CPtr smc)
{
#if defined(CONFIG_ALLOW_SMC_CALLS)
    seL4_ARM_SMCContext call = { regs->x0, regs->x1, regs->x2, regs->x3,
                                 regs->x4, regs->x5, regs->x6, regs->x7 };
    seL4_ARM_SMCContext result;

    if (seL4_ARM_SMC_Call(smc, &call, &result)) {
        ZF_LOGE("vCPU %u: the kernel does not forward SMC 0x%zx", vcpu->vcpu_id, (size_t)regs->x0);
        return -1;
    }
    regs->x0 = result.x0;
    regs->x1 = result.x1;
    regs->x2 = result.x2;
    regs->x3 = result.x3;
    regs->x4 = result.x4;
    regs->x5 = result.x5;
    regs->x6 = result.x6;
    regs->x7 = result.x7;
    return 0;
#else
    (void)regs;
    (void)smc;
    ZF_LOGE("vCPU %u: SMCs are forwarded by kernels with KernelAllowSMCCalls only", vcpu->vcpu_id);
    return -1;
#endif
}

#endif

int vmmp_sys_vcpu_on(vm_vcpu_t *vcpu, const struct vmmp_arm_entry *entry)
{
    /* One that ran before may have left its MMU on; the rest of its registers say nothing then. */
    if (vm_set_arm_vcpu_reg(vcpu, seL4_VCPUReg_SCTLR, SCTLR_RESET)) {
        return -EIO;
    }
    int error = vmmp_arm_enter(vcpu, entry);
    if (error) {
        return error;
    }
    return vcpu_start(vcpu) ? -EIO : 0;
}

int vmmp_sys_vcpu_off(vm_vcpu_t *vcpu)
{
    if (seL4_TCB_Suspend(vm_get_vcpu_tcb(vcpu))) {
        return -EIO;
    }
    vcpu->vcpu_online = false;
    return 0;
}

bool vmmp_sys_vcpu_can_suspend(const vm_t *vm)
{
    (void)vm;
    return false;
}

int vmmp_sys_vcpu_suspend(vm_vcpu_t *vcpu, bool reset,
                          void (*resumed)(void *cookie, vm_vcpu_t *vcpu), void *cookie)
{
    /* libsel4vm wakes vCPUs that wait in an instruction, not those that wait in a call. */
    (void)vcpu;
    (void)reset;
    (void)resumed;
    (void)cookie;
    return -ENOTSUP;
}

void vmmp_sys_vm_end(vm_t *vm)
{
    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        (void)vmmp_sys_vcpu_off(vm->vcpus[i]);
    }
}
