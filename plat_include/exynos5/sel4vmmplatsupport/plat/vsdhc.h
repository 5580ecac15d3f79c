/* SPDX-License-Identifier: BSD-2-Clause */
/* The real SD/MMC controllers, without their DMA. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const struct device dev_msh0;
extern const struct device dev_msh2;

/**
 * The guest uses controller 0 or 2, except that it can neither point its DMA anywhere nor start it:
 * DBADDR, DSCADDR and BUFADDR are not written, of BMOD only the reset is written,
 * CTRL.USE_INTERNAL_DMAC stays 0. 0 or -1 with a message.
 */
int vm_install_nodma_sdhc0(vm_t *vm);
int vm_install_nodma_sdhc2(vm_t *vm);

#ifdef __cplusplus
}
#endif
