/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/guest_boot_init.h>

#include <sel4vmmplatsupport/vmmp/boot_arm.h>

int vcpu_set_bootargs(vm_vcpu_t *vcpu, seL4_Word pc, seL4_Word mach_type, seL4_Word atags)
{
#if defined(CONFIG_ARCH_AARCH64)
    struct vmmp_arm_entry entry = { .mode = VMMP_ARM_MODE_AARCH64, .registers = { atags } };
    (void)mach_type;
#else
    struct vmmp_arm_entry entry = { .mode = VMMP_ARM_MODE_AARCH32,
                                    .registers = { 0, mach_type, atags } };
#endif
    entry.pc = pc;
    return vmmp_arm_enter(vcpu, &entry) ? -1 : 0;
}
