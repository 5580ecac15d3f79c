/* SPDX-License-Identifier: BSD-2-Clause */
/* What only seL4's kernel can do for an ARM vCPU (src/sel4/vcpu_arm.h), on Linux. */
#include <errno.h>

#include <hosted/vm.h>

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

int vmmp_sys_vcpu_on(vm_vcpu_t *vcpu, const struct vmmp_arm_entry *entry)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    struct hosted_vm *hosted = hosted_vcpu->hosted;
    hosted_context_t context;
    if (!hosted->engine->vcpu_restart) {
        return -ENOTSUP;
    }
    int error = vmmp_arm_entry_context(entry, &context);
    if (!error) {
        error = hosted_permit(hosted, HOSTED_CALL_VCPU)
                    ? hosted->engine->vcpu_restart(hosted_vcpu, &context)
                    : -ENOMEM;
    }
    if (!error) {
        vcpu->vcpu_online = true;
    }
    return error;
}

int vmmp_sys_vcpu_off(vm_vcpu_t *vcpu)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    const struct hosted_engine *engine = hosted_vcpu->hosted->engine;
    int error = engine->vcpu_stop ? engine->vcpu_stop(hosted_vcpu) : -ENOTSUP;
    if (!error) {
        vcpu->vcpu_online = false;
    }
    return error;
}

bool vmmp_sys_vcpu_can_suspend(const vm_t *vm)
{
    const struct hosted_vm *hosted = hosted_vm_of(vm);
    const struct hosted_engine *engine = hosted->engine;
    return engine->vcpu_suspend && (!engine->can_suspend || engine->can_suspend(hosted));
}

int vmmp_sys_vcpu_suspend(vm_vcpu_t *vcpu, bool reset,
                          void (*resumed)(void *cookie, vm_vcpu_t *vcpu), void *cookie)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    const struct hosted_resumed told = { resumed, cookie };
    if (!vmmp_sys_vcpu_can_suspend(vcpu->vm)) {
        return -ENOTSUP;
    }
    return hosted_vcpu->hosted->engine->vcpu_suspend(hosted_vcpu, reset, &told);
}

void vmmp_sys_vm_end(vm_t *vm)
{
    hosted_vm_stop(vm, 0);
}
