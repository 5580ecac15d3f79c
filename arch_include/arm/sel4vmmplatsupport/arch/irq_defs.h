/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts that every ARM vCPU has. */
#pragma once

#define SGI_RESCHEDULE_IRQ 0
#define SGI_FUNC_CALL      1
#define PPI_VTIMER_IRQ     27
