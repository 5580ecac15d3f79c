/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/smc.h>

/* libsel4vm does this. */
int (*const client_smc_default)(vm_vcpu_t *, seL4_UserContext *) = vm_smc_handle_default;

int client_smc(vm_vcpu_t *vcpu, seL4_UserContext *regs, seL4_ARM_SMC cap)
{
    if (smc_get_function_id(regs) == 0x84000000 && smc_get_arg(regs, 1) == 0) {
        smc_set_arg(regs, 1, 0);
        smc_set_return_value(regs, 0);
        return 0;
    }
#ifdef CONFIG_ARCH_AARCH64
    return smc_forward(vcpu, regs, cap);
#else
    return cap ? vm_smc_handle_default(vcpu, regs) : -1;
#endif
}
