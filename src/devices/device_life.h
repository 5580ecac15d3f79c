/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the life of a register device with one interrupt begins and ends: its execution context and
 * its source on the interrupt line are there together or not at all.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>

/* `line` NULL: the device interrupts nobody. On an error (-errno) nothing is left. */
static inline int device_life_begin(const struct vmmp_host *host, struct vmmp_context *context,
                                    struct vmmp_irq_source *irq, struct vmmp_irq_line *line)
{
    int err = vmmp_host_context_init(host, context);
    if (err) {
        return err;
    }
    err = vmmp_irq_source_init(irq, line);
    if (err) {
        vmmp_host_context_fini(host, context);
    }
    return err;
}

static inline void device_life_end(const struct vmmp_host *host, struct vmmp_context *context,
                                   struct vmmp_irq_source *irq)
{
    vmmp_irq_source_fini(irq);
    vmmp_host_context_fini(host, context);
}
