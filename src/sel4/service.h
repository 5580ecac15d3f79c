/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities of the VMM's that its guest may call. */
#pragma once

#include <sel4vm/guest_vm.h>

/** Mints `service` with all rights into a slot of the VM's CNode. An seL4 error. */
int vmmp_sys_install_service(vm_t *vm, seL4_CPtr service, seL4_Word index, seL4_Word badge);
