/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>

static int breakpoint(vm_vcpu_t *vcpu, uint32_t hsr)
{
    return vcpu && hsr ? 0 : -1;
}

vcpu_exception_handler_fn client_handler = breakpoint;

int client_guest_vcpu_fault(vm_vcpu_t *vcpu, uint32_t hsr)
{
    return register_arm_vcpu_exception_handler(0x3c, client_handler) ||
           vmm_handle_arm_vcpu_exception(vcpu, hsr, NULL);
}
