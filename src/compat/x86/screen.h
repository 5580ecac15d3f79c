/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's VESA framebuffer for the guest: private to src/compat/x86. */
#pragma once

#include <sel4vmmplatsupport/vmmp/boot_x86.h>

#include "compat/compat_vm.h"

/**
 * Maps framebuffer and protected mode interface of the host's VESA BIOS into the guest, and says
 * where they are. False: there is none, or no room for it (logged).
 */
bool vmmp_compat_screen_make(struct vmmp_vm *native, struct vmmp_x86_framebuffer *screen);
