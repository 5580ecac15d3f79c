/* SPDX-License-Identifier: BSD-2-Clause */
/* A Multi Core Timer that is not the real one. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const struct device dev_vmct_timer;

/**
 * The timer of vmmp/exynos_mct.h without interrupts, on the host's clock where the VM has host
 * operations; without them no time passes. 0 or -1 with a message.
 */
int vm_install_vmct(vm_t *vm);

#ifdef __cplusplus
}
#endif
