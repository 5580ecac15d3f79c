/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on x86: how many reasons for a VM exit its tables have (Intel SDM 3C, appendix C). */
#pragma once

#define EXIT_REASON_CPUID          10
#define EXIT_REASON_HLT            12
#define EXIT_REASON_VMCALL         18
#define EXIT_REASON_IO_INSTRUCTION 30
#define EXIT_REASON_EPT_VIOLATION  48
#define VM_EXIT_REASON_NUM         59
