/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>

#include <stdbool.h>
#include <stddef.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/arch/processor.h>
#include <sel4vm/guest_vcpu_fault.h>

#include "arch/arm/sysreg.h"
#include "compat/compat_vm.h"

/* Exception classes (Arm ARM, ESR_EL2.EC). */
#define EC_WFX    0x01
#define EC_HVC_32 0x12
#define EC_SMC_32 0x13
#define EC_HVC_64 0x16
#define EC_SMC_64 0x17
#define EC_SYSREG 0x18
#define EC_BRK_64 0x3c

#define EC_COUNT (HSR_MAX_EXCEPTION + 1)

/* ISS of a trapped WFI or WFE: which it was (WFET and WFIT have the bit above as well). */
#define ISS_WFX_WFE 1u

/*
 * Handlers that were registered in place of the library's own, in .bss: a client that restarts by
 * zeroing it has the defaults again.
 */
static struct {
    bool set;
    vcpu_exception_handler_fn handler;
} registered[EC_COUNT];

/* A vCPU in WFI stays stopped until vm_inject_irq() wakes it, and completes the instruction. */
static int handle_wfx(vm_vcpu_t *vcpu, uint32_t hsr)
{
    if (hsr & ISS_WFX_WFE) {
        advance_vcpu_fault(vcpu);
    }
    return 0;
}

static int call_handler(vm_vcpu_t *vcpu)
{
    seL4_UserContext regs;

    if (!vcpu->vm->arch.vm_smc_handler || vm_get_thread_context(vcpu, &regs) ||
        vcpu->vm->arch.vm_smc_handler(vcpu, &regs) || vm_set_thread_context(vcpu, regs)) {
        return -1;
    }
    return 0;
}

static int handle_smc(vm_vcpu_t *vcpu, uint32_t hsr)
{
    (void)hsr;
    if (call_handler(vcpu)) {
        return -1;
    }
    advance_vcpu_fault(vcpu);
    return 0;
}

static int handle_hvc(vm_vcpu_t *vcpu, uint32_t hsr)
{
    (void)hsr;
    if (call_handler(vcpu)) {
        return -1;
    }
    /* The preferred return address of an HVC is the instruction after it: nothing to step over. */
    restart_vcpu_fault(vcpu);
    return 0;
}

#if defined(CONFIG_ARCH_AARCH64)

static int handle_sysreg(vm_vcpu_t *vcpu, uint32_t hsr)
{
    if (vmmp_sysreg_emulate(vcpu, hsr & HSR_ISS_MASK)) {
        return -1;
    }
    advance_vcpu_fault(vcpu);
    return 0;
}

static int skip_instruction(vm_vcpu_t *vcpu, uint32_t hsr)
{
    (void)hsr;
    advance_vcpu_fault(vcpu);
    return 0;
}

#endif

static vcpu_exception_handler_fn default_handler(uint32_t ec_class)
{
    switch (ec_class) {
    case EC_WFX:
        return handle_wfx;
    case EC_SMC_32:
        return handle_smc;
    case EC_HVC_32:
        return handle_hvc;
#if defined(CONFIG_ARCH_AARCH64)
    case EC_SMC_64:
        return handle_smc;
    case EC_HVC_64:
        return handle_hvc;
    case EC_SYSREG:
        return handle_sysreg;
    case EC_BRK_64:
        return skip_instruction;
#endif
    default:
        return NULL;
    }
}

int vmm_handle_arm_vcpu_exception(vm_vcpu_t *vcpu, uint32_t hsr, void *cookie)
{
    uint32_t ec_class = HSR_EXCEPTION_CLASS(hsr);

    (void)cookie;
    if (!vcpu) {
        return -1;
    }
    vcpu_exception_handler_fn handler =
        registered[ec_class].set ? registered[ec_class].handler : default_handler(ec_class);
    if (!handler || handler(vcpu, hsr)) {
        struct vmmp_vm *native = vmmp_compat_vm(vcpu->vm);
        vmmp_log(native ? &native->log : NULL, VMMP_LOG_ERROR, VMMP_LOG_GUEST,
                 "vCPU %u: exception class 0x%02x, syndrome 0x%08x %s", vcpu->vcpu_id,
                 (unsigned)ec_class, (unsigned)hsr,
                 handler ? "could not be handled" : "has no handler");
        return -1;
    }
    return 0;
}

int register_arm_vcpu_exception_handler(uint32_t ec_class,
                                        vcpu_exception_handler_fn exception_handler)
{
    if (ec_class > HSR_MAX_EXCEPTION) {
        return -1;
    }
    registered[ec_class].set = true;
    registered[ec_class].handler = exception_handler;
    return 0;
}
