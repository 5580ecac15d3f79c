/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on x86: hypercalls. On Linux handlers are kept, and no engine delivers to them. */
#pragma once

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

int vm_reg_new_vmcall_handler(vm_t *vm, vmcall_handler func, int token);

#ifdef __cplusplus
}
#endif
