/* SPDX-License-Identifier: BSD-2-Clause */
/* This library's build options, at their defaults. */
#pragma once

#ifdef CONFIG_ARCH_X86
#define CONFIG_VMM_PLATSUPPORT_VESA_FRAMEBUFFER 1
#endif
