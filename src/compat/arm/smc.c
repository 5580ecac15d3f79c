/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/smc.h>

#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/arm_firmware.h>

#include "compat/compat_vm.h"
#include "sel4/vcpu_arm.h"

/* The register that holds argument `arg`, NULL if it is not passed in one. */
static seL4_Word *argument(seL4_UserContext *u, seL4_Word arg)
{
#if defined(CONFIG_ARCH_AARCH64)
    seL4_Word *registers[] = { &u->x0, &u->x1, &u->x2, &u->x3, &u->x4, &u->x5, &u->x6, &u->x7 };
#else
    seL4_Word *registers[] = { &u->r0, &u->r1, &u->r2, &u->r3, &u->r4, &u->r5, &u->r6 };
#endif
    return arg < sizeof(registers) / sizeof(registers[0]) ? registers[arg] : NULL;
}

seL4_Word smc_get_function_id(seL4_UserContext *u)
{
    return *argument(u, 0);
}

seL4_Word smc_set_return_value(seL4_UserContext *u, seL4_Word val)
{
    *argument(u, 0) = val;
    return val;
}

seL4_Word smc_get_arg(seL4_UserContext *u, seL4_Word arg)
{
    seL4_Word *reg = argument(u, arg);
    return reg ? *reg : 0;
}

void smc_set_arg(seL4_UserContext *u, seL4_Word arg, seL4_Word val)
{
    seL4_Word *reg = argument(u, arg);
    if (reg) {
        *reg = val;
    }
}

#if defined(CONFIG_ARCH_AARCH64)

int smc_forward(vm_vcpu_t *vcpu, seL4_UserContext *regs, seL4_ARM_SMC smc_cap)
{
    return vcpu && regs ? vmmp_sys_smc(vcpu, regs, smc_cap) : -1;
}

#endif

struct vmmp_arm_firmware *vmmp_compat_arm_firmware(vm_t *vm)
{
    void **place = vmmp_compat_arch(vm);

    if (place && !*place) {
        struct vmmp_arm_firmware *firmware = vmmp_compat_calloc(vm, sizeof(*firmware));
        /* Without host operations there is nothing that has to be undone. */
        if (firmware &&
            vmmp_arm_firmware_init(firmware, vm, NULL, NULL, &vmmp_compat_vm(vm)->log) == 0) {
            *place = firmware;
        }
    }
    return place ? *place : NULL;
}

int vm_smc_handle_default(vm_vcpu_t *vcpu, seL4_UserContext *regs)
{
    if (!vcpu || !regs) {
        return -1;
    }
    struct vmmp_arm_firmware *firmware = vmmp_compat_arm_firmware(vcpu->vm);
    if (!firmware) {
        smc_set_return_value(regs, (seL4_Word)VMMP_SMCCC_NOT_SUPPORTED);
        return 0;
    }
    return vmmp_arm_firmware_call(firmware, vcpu, regs);
}
