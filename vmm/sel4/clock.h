/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time for device models: the counter that kernels with KernelArmExportVCNTUser let programs read,
 * and the host's PL031, which knows what day it is and wakes this program while its guest sleeps.
 * No kernel call has a part in it, and no other interrupt: timers run when clock_run() is called,
 * which a guest that is busy brings about at its own timer's pace, and one that sleeps once a
 * second.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/host.h>

#include "root_task.h"

void clock_init(struct root_task *root);
/** For models. Without the counter: no time. Nothing is deferred: they finish within the access. */
struct vmmp_host clock_host(void);
/** Since 1970, by the host's clock; 0: it has none. */
uint32_t clock_seconds(void);
/** Runs the timers that are due: whenever vm_run() has returned. */
void clock_run(void);
/** At each interrupt of the host's: it may be the clock's. */
void clock_interrupt(void);
