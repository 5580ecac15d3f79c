/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/arm_exceptions.h>

#include <errno.h>
#include <stddef.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/vmmp/arm_inject.h>

#include "arch/arm/registers.h"
#include "arch/arm/sysreg.h"

/* To what the guest's own kernel deals with. */
static enum vmmp_arm_verdict pass_on(vm_vcpu_t *vcpu, const struct vmmp_arm_exception *e)
{
    int error = vmmp_arm_inject_syndrome(vcpu, e->syndrome);

    return error == 0 ? VMMP_ARM_RESTART : error == -ENOTSUP ? VMMP_ARM_ADVANCE : VMMP_ARM_FAILED;
}

/* SVC returns behind itself, wherever it was trapped. */
static enum vmmp_arm_verdict pass_on_svc(vm_vcpu_t *vcpu, const struct vmmp_arm_exception *e)
{
    seL4_UserContext context;

    if (vm_get_thread_context(vcpu, &context)) {
        return VMMP_ARM_FAILED;
    }
    context.pc += e->length;
    return vm_set_thread_context(vcpu, context) ? VMMP_ARM_FAILED : pass_on(vcpu, e);
}

/*
 * An abort without its address, which libsel4vm would have dealt with as a memory fault if it were
 * one: nothing is there.
 */
static enum vmmp_arm_verdict pass_on_abort(vm_vcpu_t *vcpu, const struct vmmp_arm_exception *e)
{
    struct vmmp_arm_abort abort = {
        .fetch = e->ec == VMMP_ARM_EC_IABT_LOWER,
        .write = e->as.abort.write,
        .fsc = VMMP_ARM_FSC_EXTERNAL,
    };
    int error = vmmp_arm_inject_abort(vcpu, &abort);

    return error == 0 ? VMMP_ARM_RESTART : error == -ENOTSUP ? VMMP_ARM_ADVANCE : VMMP_ARM_FAILED;
}

static enum vmmp_arm_verdict call_firmware(vm_vcpu_t *vcpu, enum vmmp_arm_verdict done)
{
    seL4_UserContext regs;

    if (!vcpu->vm->arch.vm_smc_handler || vm_get_thread_context(vcpu, &regs) ||
        vcpu->vm->arch.vm_smc_handler(vcpu, &regs) || vm_set_thread_context(vcpu, regs)) {
        return VMMP_ARM_FAILED;
    }
    return done;
}

static enum vmmp_arm_verdict by_class(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu,
                                      const struct vmmp_arm_exception *e)
{
    switch (e->ec) {
    case VMMP_ARM_EC_WFX:
        /* A vCPU in WFI stays stopped until vm_inject_irq() wakes it, and completes it. */
        return e->as.wfx.event || e->as.wfx.timeout ? VMMP_ARM_ADVANCE : VMMP_ARM_HANDLED;
    case VMMP_ARM_EC_HVC32:
    case VMMP_ARM_EC_HVC64:
        /* The preferred return address of an HVC is the instruction after it. */
        return call_firmware(vcpu, VMMP_ARM_RESTART);
    case VMMP_ARM_EC_SMC32:
    case VMMP_ARM_EC_SMC64:
        return call_firmware(vcpu, VMMP_ARM_ADVANCE);
    case VMMP_ARM_EC_CP15_MCR:
    case VMMP_ARM_EC_CP15_MCRR:
    case VMMP_ARM_EC_CP14_MCR:
    case VMMP_ARM_EC_CP14_MCRR:
    case VMMP_ARM_EC_CP10_ID:
    case VMMP_ARM_EC_SYSREG:
    case VMMP_ARM_EC_SYSREG128:
        return vmmp_arm_sysreg_access(vmmp ? vmmp->arm_exceptions : NULL, vcpu, e);
    case VMMP_ARM_EC_SVC32:
    case VMMP_ARM_EC_SVC64:
        return pass_on_svc(vcpu, e);
    case VMMP_ARM_EC_IABT_LOWER:
    case VMMP_ARM_EC_DABT_LOWER:
        return pass_on_abort(vcpu, e);
    case VMMP_ARM_EC_ILLEGAL:
    case VMMP_ARM_EC_BTI:
    case VMMP_ARM_EC_PAC_FAIL:
    case VMMP_ARM_EC_PC_ALIGNMENT:
    case VMMP_ARM_EC_SP_ALIGNMENT:
    case VMMP_ARM_EC_MOPS:
    case VMMP_ARM_EC_FP_TRAP32:
    case VMMP_ARM_EC_FP_TRAP64:
    case VMMP_ARM_EC_GCS:
    case VMMP_ARM_EC_BREAKPOINT_LOWER:
    case VMMP_ARM_EC_STEP_LOWER:
    case VMMP_ARM_EC_WATCHPOINT_LOWER:
    case VMMP_ARM_EC_BKPT32:
    case VMMP_ARM_EC_VECTOR32:
        return pass_on(vcpu, e);
    case VMMP_ARM_EC_SERROR:
        /* Of the machine, and of no instruction of the guest's. */
        return VMMP_ARM_RESTART;
    case VMMP_ARM_EC_BRK64:
        return VMMP_ARM_ADVANCE;
    default:
        return VMMP_ARM_UNDEFINED;
    }
}

/* An AArch32 instruction may trap although its condition does not hold: it does nothing then. */
static bool does_nothing(vm_vcpu_t *vcpu, const struct vmmp_arm_exception *e)
{
    seL4_UserContext context;

    return e->condition_valid && e->condition < 14 && vm_get_thread_context(vcpu, &context) == 0 &&
           vmmp_arm_is_aarch32(&context) &&
           !vmmp_arm_condition_holds(vmmp_arm_status(&context), e->condition);
}

enum vmmp_arm_verdict vmmp_arm_exception_default(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu,
                                                 const struct vmmp_arm_exception *exception)
{
    return does_nothing(vcpu, exception) ? VMMP_ARM_ADVANCE : by_class(vmmp, vcpu, exception);
}

static void tell(struct vmmp_vm *vmmp, const vm_vcpu_t *vcpu, const struct vmmp_arm_exception *e,
                 const char *what)
{
    char text[VMMP_ARM_TEXT];

    vmmp_arm_exception_format(e, text, sizeof(text));
    if (vmmp) {
        vmmp_log_guest(&vmmp->log, &vmmp->exceptions, "vCPU %u: %s: %s", vcpu->vcpu_id, text, what);
    }
}

static int undefined(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu, const struct vmmp_arm_exception *e)
{
    int error = vmmp_arm_inject_undefined(vcpu);

    tell(vmmp, vcpu, e, error ? "not supported, skipped" : "not supported, undefined to the guest");
    if (error == -ENOTSUP) {
        advance_vcpu_fault(vcpu);
        return 0;
    }
    if (error) {
        return -1;
    }
    restart_vcpu_fault(vcpu);
    return 0;
}

/* libsel4vm moves the pc; an IT block is ours. */
static int advance(vm_vcpu_t *vcpu)
{
    seL4_UserContext context;

    if (vm_get_thread_context(vcpu, &context)) {
        return -1;
    }
    uint32_t status = vmmp_arm_status(&context);
    uint32_t after = vmmp_arm_status_after(status);
    if (after != status) {
#if defined(CONFIG_ARCH_AARCH64)
        context.spsr = after;
#else
        context.cpsr = after;
#endif
        if (vm_set_thread_context(vcpu, context)) {
            return -1;
        }
    }
    advance_vcpu_fault(vcpu);
    return 0;
}

int vmmp_arm_exception_handle(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu, uint32_t syndrome)
{
    struct vmmp_arm_exception e;
    enum vmmp_arm_verdict verdict = VMMP_ARM_DEFAULT;

    vmmp_arm_exception_decode(&e, syndrome);
    if (vmmp && vmmp->arm_exceptions && vmmp->arm_exceptions->handlers[e.ec].handle) {
        const struct vmmp_arm_handler *handler = &vmmp->arm_exceptions->handlers[e.ec];
        verdict = handler->handle(handler->cookie, vcpu, &e);
    }
    if (verdict == VMMP_ARM_DEFAULT) {
        verdict = vmmp_arm_exception_default(vmmp, vcpu, &e);
    }
    switch (verdict) {
    case VMMP_ARM_ADVANCE:
        return advance(vcpu);
    case VMMP_ARM_RESTART:
        restart_vcpu_fault(vcpu);
        return 0;
    case VMMP_ARM_HANDLED:
        return 0;
    case VMMP_ARM_UNDEFINED:
        return undefined(vmmp, vcpu, &e);
    default:
        tell(vmmp, vcpu, &e, "could not be handled");
        return -1;
    }
}

static int unhandled(vm_vcpu_t *vcpu, uint32_t syndrome, void *cookie)
{
    return vmmp_arm_exception_handle(cookie, vcpu, syndrome);
}

int vmmp_arm_exceptions_attach(struct vmmp_vm *vmmp, vm_vcpu_t *vcpu)
{
    if (!vmmp || !vcpu) {
        return -EINVAL;
    }
    return vm_register_unhandled_vcpu_fault_callback(vcpu, unhandled, vmmp) ? -EINVAL : 0;
}
