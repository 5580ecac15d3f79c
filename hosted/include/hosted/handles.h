/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for the structures of <sel4vm/guest_vm.h>, for headers that it includes: C before C11 takes
 * a typedef once only.
 */
#pragma once

typedef struct vm vm_t;
typedef struct vm_vcpu vm_vcpu_t;
