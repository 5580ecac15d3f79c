/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual timer of a guest with one CPU, where libsel4vm would not let the guest go on. */
#pragma once

#include <stdint.h>

#include <sel4vm/guest_vm.h>

struct timer {
    uint64_t expired; /**< What the timer's compare value was when it last expired. */
};

/**
 * To be called whenever the timer has expired: vm_run() returns 0 then. libsel4vm drops the
 * interrupt if the guest has it disabled, and lets it come again at once, before the guest's next
 * instruction. A guest that arms its timer first and enables the interrupt afterwards, as Linux
 * does, never gets there if the first tick comes in between. So a timer that expires again without
 * the guest having set it is put off a little.
 */
void timer_expired(struct timer *timer, vm_vcpu_t *vcpu);
