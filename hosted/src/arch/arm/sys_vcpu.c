/* SPDX-License-Identifier: BSD-2-Clause */
/* What only seL4's kernel can do for an ARM vCPU (src/sel4/vcpu_arm.h), on Linux. */
#include "hosted.h"
#include "sel4/vcpu_arm.h"

void vmmp_sys_ack_ppi(vm_vcpu_t *vcpu, int irq)
{
    /* KVM masks and unmasks the timer's interrupt by itself. */
    (void)vcpu;
    (void)irq;
}

#if defined(CONFIG_ARCH_AARCH64)
int vmmp_sys_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs, seL4_CPtr smc)
{
    (void)regs;
    (void)smc;
    hosted_say(hosted_vcpu_of(vcpu)->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
               "a program on Linux cannot make secure monitor calls for its guest");
    return -1;
}
#endif
