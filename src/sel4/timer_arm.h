/* SPDX-License-Identifier: BSD-2-Clause */
/* The other half of vmmp_sel4_timer_expired(). Private to src/sel4. */
#pragma once

#include <sel4vm/guest_vm.h>

/** The guest has enabled or finished its virtual timer's interrupt: the timer is held no longer. */
void vmmp_timer_release(vm_vcpu_t *vcpu);
