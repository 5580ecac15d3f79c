/* SPDX-License-Identifier: BSD-2-Clause */
/* Services of the VMM that a guest calls by itself: capabilities in the VM's own CNode. */
#pragma once

#include <stdint.h>

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Copies the capability `service`, with `badge` and all rights, into slot `index` of the CNode of
 * `vm`'s vCPUs, which has 16. Slots 1 to 1 + CONFIG_MAX_NUM_NODES are libsel4vm's. seL4_NoError;
 * seL4_InvalidArgument for a NULL VM and slots that are not there; else the kernel's error, which a
 * program on Linux, where there are no capabilities, always gets (seL4_IllegalOperation).
 */
int vmm_install_service(vm_t *vm, seL4_CPtr service, int index, uint32_t badge);

#ifdef __cplusplus
}
#endif
