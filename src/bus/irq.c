/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/irq.h>

#include <errno.h>
#include <stddef.h>

int vmmp_irq_line_init(struct vmmp_irq_line *line, const struct vmmp_irq_line_ops *ops,
                       void *cookie, const struct vmmp_host *host)
{
    static const struct vmmp_host no_host;

    *line = (struct vmmp_irq_line){ .ops = ops, .cookie = cookie, .host = host ? *host : no_host };
    return vmmp_host_context_init(&line->host, &line->context);
}

void vmmp_irq_line_fini(struct vmmp_irq_line *line)
{
    vmmp_host_context_fini(&line->host, &line->context);
}

int vmmp_irq_source_init(struct vmmp_irq_source *source, struct vmmp_irq_line *line)
{
    source->line = NULL;
    source->bit = 0;
    if (!line) {
        return 0;
    }
    vmmp_context_enter(&line->context);
    uint32_t free_bits = ~line->sources;
    uint32_t bit = free_bits & (~free_bits + 1);
    line->sources |= bit;
    vmmp_context_leave(&line->context);
    if (bit == 0) {
        return -ENOSPC;
    }
    source->line = line;
    source->bit = bit;
    return 0;
}

void vmmp_irq_source_fini(struct vmmp_irq_source *source)
{
    struct vmmp_irq_line *line = source->line;

    if (!line) {
        return;
    }
    vmmp_irq_source_set(source, false);
    vmmp_context_enter(&line->context);
    line->sources &= ~source->bit;
    vmmp_context_leave(&line->context);
    source->line = NULL;
}

void vmmp_irq_source_set(struct vmmp_irq_source *source, bool high)
{
    struct vmmp_irq_line *line = source->line;

    if (!line) {
        return;
    }
    vmmp_context_enter(&line->context);
    bool was_high = line->asserted != 0;
    if (high) {
        line->asserted |= source->bit;
    } else {
        line->asserted &= ~source->bit;
    }
    bool is_high = line->asserted != 0;
    bool rises = is_high && !was_high;

    if (line->ops->level) {
        if (is_high != was_high) {
            line->ops->level(line->cookie, is_high);
        }
    } else if (line->ops->inject) {
        if (rises) {
            (void)line->ops->inject(line->cookie);
        }
    } else if (high) {
        line->ops->pulse(line->cookie);
    }
    if (rises || (high && line->ops->pulse)) {
        line->raised++;
    }
    vmmp_context_leave(&line->context);
}

/* Set pending is all the host does: what is pending or in service takes no second edge. */
static void inject_edge(struct vmmp_irq_line *line)
{
    bool taken = line->ops->inject(line->cookie);

    line->again = line->in_flight || !taken;
    line->in_flight = line->in_flight || taken;
}

void vmmp_irq_line_pulse(struct vmmp_irq_line *line)
{
    if (!line) {
        return;
    }
    const struct vmmp_irq_line_ops *ops = line->ops;
    vmmp_context_enter(&line->context);
    if (ops->edge) {
        ops->edge(line->cookie);
    } else if (ops->level) {
        ops->level(line->cookie, true);
        ops->level(line->cookie, false);
    } else if (ops->inject) {
        inject_edge(line);
    } else {
        ops->pulse(line->cookie);
    }
    line->raised++;
    vmmp_context_leave(&line->context);
}

void vmmp_irq_line_acknowledged(struct vmmp_irq_line *line)
{
    vmmp_context_enter(&line->context);
    line->in_flight = false;
    if (line->again) {
        inject_edge(line);
    } else if (line->asserted != 0 && line->ops->inject) {
        (void)line->ops->inject(line->cookie);
    }
    vmmp_context_leave(&line->context);
}
