/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an seL4 build's configuration would say. The build gives CONFIG_ARCH_*, CONFIG_PLAT_* and
 * CONFIG_WORD_SIZE of a flavour on the command line; the rest is the same for all.
 */
#pragma once

/* vCPUs of a VM: a PC's are told apart by bytes, of which firmware interfaces give 255. */
#ifdef CONFIG_ARCH_X86
#define CONFIG_MAX_NUM_NODES 64
#else
#define CONFIG_MAX_NUM_NODES 8
#endif

#ifdef CONFIG_ARCH_X86_64
#define CONFIG_X86_64_VTX_64BIT_GUESTS 1
#endif
