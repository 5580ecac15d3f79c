/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Gives `vcpu` the state in which Linux is entered: AArch64 x0 = `atags` (the device tree's
 * address), EL1h; AArch32 r1 = `mach_type`, r2 = `atags`, supervisor mode. Interrupts are not
 * masked, as this interface always had it; vmmp/boot_arm.h can. 0, or -1 if `vcpu` is NULL or
 * libsel4vm refuses.
 */
int vcpu_set_bootargs(vm_vcpu_t *vcpu, seL4_Word pc, seL4_Word mach_type, seL4_Word atags);

#ifdef __cplusplus
}
#endif
