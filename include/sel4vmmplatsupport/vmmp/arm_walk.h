/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through a guest's stage 1 translation tables in software (Arm ARM DDI 0487, D8 "The
 * AArch64 Virtual Memory System Architecture"): granules of 4, 16 and 64 KiB, both halves of the
 * address space, 52-bit addresses with FEAT_LPA2; and of a guest whose EL1 is AArch32, in either
 * format (G5).
 *
 * Permissions, attributes and access flags are not looked at: a debugger may see everything, and
 * who carries out an instruction goes only where the hardware has checked it. The tables are guest
 * memory and may hold anything: at most five of their entries are read.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The system registers of a vCPU that say how it translates. */
struct vmmp_arm_translation {
    uint64_t sctlr; /**< SCTLR_EL1; SCTLR */
    uint64_t tcr;   /**< TCR_EL1; TTBCR */
    uint64_t ttbr0; /**< TTBR0_EL1; TTBR0 */
    uint64_t ttbr1; /**< TTBR1_EL1; TTBR1 */
    bool aarch32;   /**< EL1 is AArch32. */
};

/** Finds the guest-physical address of `address`; false if it is not mapped. */
bool vmmp_arm_walk(const struct vmmp_arm_translation *translation,
                   const struct vmmp_guest_memory *memory, uint64_t address, uint64_t *physical);

#ifdef __cplusplus
}
#endif
