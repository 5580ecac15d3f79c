/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on x86: VMCS fields (Intel SDM 3C, appendix B) that can be got and set on Linux. */
#pragma once

#define VMX_GUEST_CR0    0x00006800
#define VMX_GUEST_CR3    0x00006802
#define VMX_GUEST_CR4    0x00006804
#define VMX_GUEST_RSP    0x0000681C
#define VMX_GUEST_RIP    0x0000681E
#define VMX_GUEST_RFLAGS 0x00006820
