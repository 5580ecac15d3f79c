/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/irq_defs.h>

const int client_interrupts[] = { SGI_RESCHEDULE_IRQ, SGI_FUNC_CALL, PPI_VTIMER_IRQ };
