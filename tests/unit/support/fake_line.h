/* SPDX-License-Identifier: BSD-2-Clause */
/* An interrupt line that the test watches. */
#pragma once

#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/irq.h>

struct fake_line {
    struct vmmp_irq_line line;
    bool level;
    unsigned rises;
};

static void fake_line_level(void *cookie, bool high)
{
    struct fake_line *line = cookie;
    line->level = high;
    line->rises += high;
}

static const struct vmmp_irq_line_ops fake_line_ops = { .level = fake_line_level };

static void fake_line_init(struct fake_line *line)
{
    *line = (struct fake_line){ .level = false };
    assert_int_equal(
        vmmp_irq_line_init(&line->line, &fake_line_ops, line, &(struct vmmp_host){ NULL, NULL }),
        0);
}

/* Nobody may be left on it. */
static void fake_line_fini(struct fake_line *line)
{
    assert_int_equal(line->line.sources, 0);
    assert_false(line->level);
    vmmp_irq_line_fini(&line->line);
}
