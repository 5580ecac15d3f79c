/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>

#include <stdbool.h>
#include <stddef.h>

#include <sel4vm/arch/processor.h>
#include <sel4vmmplatsupport/vmmp/arm_exceptions.h>

#include "compat/compat_vm.h"

#define EC_COUNT (HSR_MAX_EXCEPTION + 1)

/*
 * Handlers that were registered in place of the library's own, in .bss: a client that restarts by
 * zeroing it has the defaults again.
 */
static struct {
    bool set;
    vcpu_exception_handler_fn handler;
} registered[EC_COUNT];

static int call_registered(vm_vcpu_t *vcpu, uint32_t ec_class, uint32_t hsr)
{
    vcpu_exception_handler_fn handler = registered[ec_class].handler;

    if (handler && handler(vcpu, hsr) == 0) {
        return 0;
    }
    struct vmmp_vm *native = vmmp_compat_vm(vcpu->vm);
    vmmp_log(native ? &native->log : NULL, VMMP_LOG_ERROR, VMMP_LOG_GUEST,
             "vCPU %u: exception class 0x%02x, syndrome 0x%08x %s", vcpu->vcpu_id,
             (unsigned)ec_class, (unsigned)hsr,
             handler ? "could not be handled" : "has no handler");
    return -1;
}

int vmm_handle_arm_vcpu_exception(vm_vcpu_t *vcpu, uint32_t hsr, void *cookie)
{
    uint32_t ec_class = HSR_EXCEPTION_CLASS(hsr);

    (void)cookie;
    if (!vcpu) {
        return -1;
    }
    if (registered[ec_class].set) {
        return call_registered(vcpu, ec_class, hsr);
    }
    return vmmp_arm_exception_handle(vmmp_compat_vm(vcpu->vm), vcpu, hsr);
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
