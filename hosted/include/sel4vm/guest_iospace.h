/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm: IOMMU spaces. There are none on Linux: the function fails. */
#pragma once

#include <sel4/sel4.h>
#include <vka/vka.h>
#include <vspace/vspace.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

int vm_guest_add_iospace(vm_t *vm, vspace_t *loader, seL4_CPtr iospace);

#ifdef __cplusplus
}
#endif
