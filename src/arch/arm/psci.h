/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of a guest to firmware (SMCCC, DEN0028; PSCI, DEN0022). */
#pragma once

#include <stdint.h>

#include <sel4vm/guest_vm.h>

/**
 * Answers a call: `registers` holds the function identifier and three arguments, and the results
 * afterwards. What is not implemented returns NOT_SUPPORTED. Any values are fine.
 */
void vmmp_smccc_call(vm_vcpu_t *vcpu, uint64_t registers[4]);
