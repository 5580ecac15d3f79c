/* SPDX-License-Identifier: BSD-2-Clause */
/* What is around one end of a connection between guests: its line, its host and what it says. */
#pragma once

#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>

struct connection_rig {
    struct vmmp_irq_line line;
    struct vmmp_work *deferred;
    unsigned pulses;
    unsigned client_errors;
    unsigned guest_messages;
    bool high;
    struct vmmp_log log;
};

static inline void connection_line_level(void *cookie, bool high)
{
    ((struct connection_rig *)cookie)->high = high;
}

static inline void connection_line_pulse(void *cookie)
{
    ((struct connection_rig *)cookie)->pulses++;
}

static const struct vmmp_irq_line_ops connection_level = { .level = connection_line_level };
static const struct vmmp_irq_line_ops connection_pulse = { .pulse = connection_line_pulse };

static inline void connection_message(void *cookie, enum vmmp_log_level level,
                                      enum vmmp_log_origin origin, const char *message)
{
    struct connection_rig *rig = cookie;
    (void)level;
    (void)message;
    rig->client_errors += origin == VMMP_LOG_CLIENT;
    rig->guest_messages += origin == VMMP_LOG_GUEST;
}

static inline void connection_defer(void *cookie, struct vmmp_work *work)
{
    ((struct connection_rig *)cookie)->deferred = work;
}

/** A host that defers until connection_run(), or NULL for one that does not. */
static const struct vmmp_host_ops connection_deferring = { .defer = connection_defer };

static inline void connection_run(struct connection_rig *rig)
{
    struct vmmp_work *work = rig->deferred;
    rig->deferred = NULL;
    if (work) {
        work->run(work->cookie);
    }
}

static inline void connection_rig_init(struct connection_rig *rig)
{
    *rig = (struct connection_rig){ .log = { connection_message, rig, VMMP_LOG_DEBUG } };
}

/** The end's interrupt goes to the line from now on. */
static inline void connection_rig_wire(struct connection_rig *rig, struct vmmp_irq_source *source,
                                       const struct vmmp_irq_line_ops *line)
{
    assert_int_equal(vmmp_irq_line_init(&rig->line, line, rig, NULL), 0);
    assert_int_equal(vmmp_irq_source_init(source, &rig->line), 0);
}
