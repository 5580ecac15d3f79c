/* SPDX-License-Identifier: BSD-2-Clause */
/* System registers of AArch64 guests that trap. */
#pragma once

#include <stdint.h>

#include <sel4vm/guest_vm.h>

/**
 * Does what a trapped MRS or MSR would, given the syndrome's ISS; the caller completes the
 * instruction. Debug and trace registers read as zero and ignore writes. 0, or -ENOENT for a
 * register that is not known here.
 */
int vmmp_sysreg_emulate(vm_vcpu_t *vcpu, uint32_t iss);
