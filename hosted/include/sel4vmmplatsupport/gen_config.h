/* SPDX-License-Identifier: BSD-2-Clause */
/* This library's build options, at their defaults. */
#pragma once

#ifdef CONFIG_PLAT_PC99
#define CONFIG_VMM_PLATSUPPORT_VESA_FRAMEBUFFER 1
#endif
