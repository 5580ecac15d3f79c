/* SPDX-License-Identifier: BSD-2-Clause */
#include "sel4/vcpu_arm.h"

#include <utils/util.h>

void vmmp_sys_ack_ppi(vm_vcpu_t *vcpu, int irq)
{
    if (seL4_ARM_VCPU_AckVPPI(vcpu->vcpu.cptr, (seL4_Word)irq)) {
        ZF_LOGE("vCPU %u: the kernel does not take the end of PPI %d", vcpu->vcpu_id, irq);
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
