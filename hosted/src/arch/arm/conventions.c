/* SPDX-License-Identifier: BSD-2-Clause */
/* ARM: data conventions of faults, exceptions, and what a VM has of this architecture. */
#include <errno.h>

#include <sel4vm/arch/guest_memory_arch.h>
#include <sel4vm/arch/processor.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/arch/smc.h>

#include "hosted.h"

#define EC_WFX 0x1

const bool hosted_arch_can_restart = true;
const bool hosted_arch_irq_last_wins = false;

int hosted_arch_vm_init(struct hosted_vm *hosted)
{
    hosted->vm->arch.vm_smc_handler = vm_smc_handle_default;
    return 0;
}

void hosted_arch_vm_free(struct hosted_vm *hosted)
{
    (void)hosted;
}

void hosted_arch_vcpu_init(struct hosted_vcpu *vcpu)
{
    vcpu->base.vcpu_arch.fault = &vcpu->fault;
}

void hosted_arch_set_data(struct fault *fault, seL4_Word data)
{
    fault->data = data;
}

seL4_Word hosted_arch_get_data(const struct fault *fault)
{
    return fault->is_write ? fault->reg : fault->data;
}

seL4_Word hosted_arch_read_result(const struct fault *fault)
{
    seL4_Word mask = hosted_fault_mask(fault);
    unsigned shift = hosted_fault_shift(fault);
    return (fault->reg & ~(mask >> shift)) | ((fault->data & mask) >> shift);
}

seL4_Word hosted_arch_ip(struct hosted_vcpu *vcpu)
{
    return hosted_fault_context(vcpu) ? 0 : vcpu->fault.context.pc;
}

static seL4_Word instruction_length(const struct fault *fault)
{
    return HSR_IL(fault->hsr) ? 4 : 2;
}

void hosted_arch_complete_exception(struct fault *fault, bool advanced)
{
    if (advanced) {
        fault->context.pc += instruction_length(fault);
    }
    /* A pc that is past the instruction was shown lower than it is. */
    if (advanced != fault->pc_is_past) {
        fault->context_dirty = true;
    }
}

void hosted_arch_wake(struct hosted_vcpu *vcpu)
{
    struct fault *fault = &vcpu->fault;
    pthread_mutex_lock(&fault->lock);
    bool waits = fault->phase == FAULT_ACTIVE && fault->kind == FAULT_KIND_EXCEPTION &&
                 HSR_EXCEPTION_CLASS(fault->hsr) == EC_WFX;
    pthread_mutex_unlock(&fault->lock);
    if (waits) {
        advance_vcpu_fault(&vcpu->base);
    }
}

/* GIC: 0 to 31 belong to a CPU, 1020 and above are special. */
bool hosted_arch_irq_valid(const struct hosted_vm *hosted, int irq)
{
    (void)hosted;
    return irq >= 0 && irq < 1020;
}

bool hosted_arch_irq_private(int irq)
{
    return irq < 32;
}

static void exception_enter(struct hosted_vcpu *vcpu, const struct hosted_exception *exception)
{
    struct fault *fault = &vcpu->fault;
    fault->phase = FAULT_ACTIVE;
    fault->kind = FAULT_KIND_EXCEPTION;
    fault->access = NULL;
    fault->hsr = exception->hsr;
    fault->pc_is_past = exception->pc_is_past;
    fault->context_valid = false;
}

enum hosted_outcome hosted_vcpu_exception_begin(struct hosted_vcpu *vcpu,
                                                struct hosted_exception *exception)
{
    struct hosted_vm *hosted = vcpu->hosted;
    struct fault *fault = &vcpu->fault;
    if (hosted_vm_stopping(hosted)) {
        return HOSTED_STOPPED;
    }
    pthread_mutex_lock(&fault->lock);
    exception_enter(vcpu, exception);
    int error = hosted_fault_context(vcpu);
    if (!error && exception->pc_is_past) {
        fault->context.pc -= instruction_length(fault);
    }
    pthread_mutex_unlock(&fault->lock);

    const struct vm_vcpu_arch *arch = &vcpu->base.vcpu_arch;
    if (!error) {
        hosted_vm_lock(hosted->vm);
        error = arch->unhandled_vcpu_callback
                    ? arch->unhandled_vcpu_callback(&vcpu->base, exception->hsr,
                                                    arch->unhandled_vcpu_callback_cookie)
                    : -1;
        hosted_vm_unlock(hosted->vm);
    }
    if (error) {
        (void)hosted_fault_drop(vcpu);
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_GUEST,
                   "%s: vCPU %u: exception class %#x (syndrome %#x) is not handled",
                   hosted->vm->vm_name, vcpu->base.vcpu_id, HSR_EXCEPTION_CLASS(exception->hsr),
                   exception->hsr);
        return HOSTED_FAILED;
    }
    return hosted_fault_collect(vcpu, false);
}

enum hosted_outcome hosted_vcpu_exception(struct hosted_vcpu *vcpu,
                                          struct hosted_exception *exception)
{
    enum hosted_outcome outcome = hosted_vcpu_exception_begin(vcpu, exception);
    return outcome == HOSTED_PENDING ? hosted_fault_collect(vcpu, true) : outcome;
}

int vm_register_unhandled_vcpu_fault_callback(vm_vcpu_t *vcpu,
                                              unhandled_vcpu_fault_callback_fn vcpu_fault_callback,
                                              void *cookie)
{
    if (!vcpu) {
        return -1;
    }
    vcpu->vcpu_arch.unhandled_vcpu_callback = vcpu_fault_callback;
    vcpu->vcpu_arch.unhandled_vcpu_callback_cookie = cookie;
    return 0;
}

int vm_register_smc_handler_callback(vm_t *vm, smc_handler_callback_fn vm_smc_handler)
{
    if (!vm) {
        return -1;
    }
    vm->arch.vm_smc_handler = vm_smc_handler;
    return 0;
}

uintptr_t vm_arm_ipa_to_pa(vm_t *vm, uintptr_t ipa_base, size_t size)
{
    uint64_t mapped;
    return hosted_vm_memory(vm, ipa_base, &mapped) && mapped >= size ? ipa_base : 0;
}
