/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure monitor calls of a guest (SMC Calling Convention, DEN0028).
 *
 * Argument n is register n: 0 the function identifier and the return value, 1 to 7 (AArch32: 1 to
 * 6) the arguments. An argument that does not exist reads as 0 and is not written.
 */
#pragma once

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

seL4_Word smc_get_function_id(seL4_UserContext *u);
/** Returns `val`. */
seL4_Word smc_set_return_value(seL4_UserContext *u, seL4_Word val);
seL4_Word smc_get_arg(seL4_UserContext *u, seL4_Word arg);
void smc_set_arg(seL4_UserContext *u, seL4_Word arg, seL4_Word val);

#if defined(CONFIG_ARCH_AARCH64)
/** Has the kernel make the call for the guest, with the guest's registers. 0 or -1. */
int smc_forward(vm_vcpu_t *vcpu, seL4_UserContext *regs, seL4_ARM_SMC smc_cap);
#endif

/**
 * What a VM answers to its guest's calls by itself: a part of PSCI, and NOT_SUPPORTED (-1 in
 * register 0) to everything else. The caller writes `regs` back and completes the instruction.
 * Returns 0, whatever the guest called; -1 for NULL arguments.
 */
int vm_smc_handle_default(vm_vcpu_t *vcpu, seL4_UserContext *regs);

#ifdef __cplusplus
}
#endif
