/* SPDX-License-Identifier: BSD-2-Clause */
/* The register file of a vCPU as libsel4vm shows it on this architecture. */
#pragma once

#include <sel4/sel4.h>

#ifdef CONFIG_ARCH_ARM
typedef seL4_UserContext hosted_context_t;
#else
typedef seL4_VCPUContext hosted_context_t;
#endif
