/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on ARM: processor modes and exception classes, which differ by execution state. */
#pragma once

#include <sel4/sel4.h>
#include <sel4vm/arch/processor.h>

#define HSR_UNKNOWN_EXCEPTION  (0x0)
#define HSR_WFx_EXCEPTION      (0x1)
#define HSR_CP15_32_EXCEPTION  (0x3)
#define HSR_CP15_64_EXCEPTION  (0x4)
#define HSR_CP14_32_EXCEPTION  (0x5)
#define HSR_SIMD_EXCEPTION     (0x7)
#define HSR_CP10_EXCEPTION     (0x8)
#define HSR_ILLEGAL_EXCEPTION  (0xE)
#define HSR_PC_ALIGN_EXCEPTION (0x22)

#ifdef CONFIG_ARCH_AARCH64

typedef enum processor_mode {
    PMODE_EL3h = 0xd,
    PMODE_EL3t = 0xc,
    PMODE_EL2h = 0x9,
    PMODE_EL2t = 0x8,
    PMODE_EL1h = 0x5,
    PMODE_EL1t = 0x4,
    PMODE_EL0t = 0x0
} processor_mode_t;

#define HSR_CP14_LC_32_EXCEPTION  (0x6)
#define HSR_CP14_EXCEPTION        (0xC)
#define HSR_SVC_32_EXCEPTION      (0x11)
#define HSR_HVC_32_EXCEPTION      (0x12)
#define HSR_SMC_32_EXCEPTION      (0x13)
#define HSR_SVC_64_EXCEPTION      (0x15)
#define HSR_HVC_64_EXCEPTION      (0x16)
#define HSR_SMC_64_EXCEPTION      (0x17)
#define HSR_SYSREG_64_EXCEPTION   (0x18)
#define HSR_IMPL_DEF_EXCEPTION    (0x1f)
#define HSR_IABT_LOW_EXCEPTION    (0x20)
#define HSR_IABT_CURR_EXCEPTION   (0x21)
#define HSR_DABT_LOW_EXCEPTION    (0x24)
#define HSR_DABT_CUR_EXCEPTION    (0x25)
#define HSR_SP_ALIGN_EXCEPTION    (0x26)
#define HSR_FP32_EXCEPTION        (0x28)
#define HSR_FP64_EXCEPTION        (0x2C)
#define HSR_SERROR_EXCEPTION      (0x2F)
#define HSR_BRK_LOW_EXCEPTION     (0x30)
#define HSR_BRK_CUR_EXCEPTION     (0x31)
#define HSR_SWSTEP_LOW_EXCEPTION  (0x32)
#define HSR_SWSTEP_CUR_EXCEPTION  (0x33)
#define HSR_WATCHPT_LOW_EXCEPTION (0x34)
#define HSR_WATCHPT_CUR_EXCEPTION (0x35)
#define HSR_SWBRK_32_EXCEPTION    (0x38)
#define HSW_VECTOR_32_EXCEPTION   (0x3a)
#define HSR_SWBRK_64_EXCEPTION    (0x3c)

#else

#define MODE_USER       0x10
#define MODE_FIQ        0x11
#define MODE_IRQ        0x12
#define MODE_SUPERVISOR 0x13
#define MODE_MONITOR    0x16
#define MODE_ABORT      0x17
#define MODE_HYP        0x1a
#define MODE_UNDEFINED  0x1b
#define MODE_SYSTEM     0x1f

typedef enum processor_mode {
    PMODE_USER = MODE_USER,
    PMODE_FIQ = MODE_FIQ,
    PMODE_IRQ = MODE_IRQ,
    PMODE_SUPERVISOR = MODE_SUPERVISOR,
    PMODE_MONITOR = MODE_MONITOR,
    PMODE_ABORT = MODE_ABORT,
    PMODE_HYPERVISOR = MODE_HYP,
    PMODE_UNDEFINED = MODE_UNDEFINED,
    PMODE_SYSTEM = MODE_SYSTEM
} processor_mode_t;

#define HSR_CP14_LC_EXCEPTION      (0x6)
#define HSR_CP14_64_EXCEPTION      (0xC)
#define HSR_SVC_EXCEPTION          (0x11)
#define HSR_HVC_EXCEPTION          (0x12)
#define HSR_SMC_EXCEPTION          (0x13)
#define HSR_PREFETCH_EXCEPTION     (0x20)
#define HSR_PREFETCH_HYP_EXCEPTION (0x21)
#define HSR_DABT_EXCEPTION         (0x24)
#define HSR_DABT_HYP_EXCEPTION     (0x25)

#endif
