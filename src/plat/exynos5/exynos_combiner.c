/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter Interrupt Combiner. */
#include <sel4vmmplatsupport/vmmp/exynos_combiner.h>

#include <errno.h>
#include <string.h>

/* Four groups share a block of registers, a byte each. */
#define BLOCK_SIZE   0x10
#define BLOCK_GROUPS 4
#define IESR         0x0   /* Reads what is enabled; writing a bit enables, */
#define IECR         0x4   /* or disables. */
#define ISTR         0x8   /* Levels, */
#define IMSR         0xc   /* and those that are enabled. */
#define CIPSR0       0x100 /* A bit for each group whose output is high. */

static bool output(const struct vmmp_exynos_combiner *combiner, unsigned group)
{
    return combiner->levels[group] & combiner->enabled[group];
}

static void update_output(struct vmmp_exynos_combiner *combiner, unsigned group, bool before)
{
    bool high = output(combiner, group);
    if (high != before) {
        vmmp_irq_source_set(&combiner->outputs[group], high);
    }
}

/* ---- Inputs ---- */

static void set_level(void *cookie, bool high)
{
    struct vmmp_exynos_combiner_input *input = cookie;
    struct vmmp_exynos_combiner *combiner = input->combiner;
    unsigned group = input->number / VMMP_EXYNOS_COMBINER_INPUTS;
    uint8_t bit = (uint8_t)(1u << input->number % VMMP_EXYNOS_COMBINER_INPUTS);

    vmmp_context_enter(&combiner->context);
    bool before = output(combiner, group);
    combiner->levels[group] =
        (uint8_t)(high ? combiner->levels[group] | bit : combiner->levels[group] & ~bit);
    update_output(combiner, group, before);
    vmmp_context_leave(&combiner->context);
}

static const struct vmmp_irq_line_ops input_ops = { .level = set_level };

struct vmmp_irq_line *vmmp_exynos_combiner_line(struct vmmp_exynos_combiner *combiner,
                                                unsigned group, unsigned number)
{
    if (group >= combiner->config.groups || number >= VMMP_EXYNOS_COMBINER_INPUTS) {
        return NULL;
    }
    number += group * VMMP_EXYNOS_COMBINER_INPUTS;
    struct vmmp_exynos_combiner_input *input = &combiner->inputs[number];
    if (!input->used) {
        input->combiner = combiner;
        input->number = (uint8_t)number;
        if (vmmp_irq_line_init(&input->line, &input_ops, input, &combiner->config.host) != 0) {
            return NULL;
        }
        input->used = true;
    }
    return &input->line;
}

/* ---- Registers ---- */

static uint32_t block_word(const struct vmmp_exynos_combiner *combiner, uint32_t offset)
{
    unsigned first = offset / BLOCK_SIZE * BLOCK_GROUPS;
    uint32_t word = 0;

    for (unsigned i = 0; i < BLOCK_GROUPS && first + i < combiner->config.groups; i++) {
        uint32_t levels = combiner->levels[first + i];
        uint32_t enabled = combiner->enabled[first + i];
        switch (offset % BLOCK_SIZE) {
        case ISTR:
            word |= levels << (8 * i);
            break;
        case IMSR:
            word |= (levels & enabled) << (8 * i);
            break;
        default: /* IESR, IECR */
            word |= enabled << (8 * i);
            break;
        }
    }
    return word;
}

static uint32_t outputs(const struct vmmp_exynos_combiner *combiner)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < combiner->config.groups; i++) {
        bits |= (uint32_t)output(combiner, i) << i;
    }
    return bits;
}

static bool in_block(const struct vmmp_exynos_combiner *combiner, uint32_t offset)
{
    return offset / BLOCK_SIZE * BLOCK_GROUPS < combiner->config.groups;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_exynos_combiner *combiner = device;
    (void)lanes;
    if (in_block(combiner, offset)) {
        return block_word(combiner, offset);
    }
    if (offset == CIPSR0) {
        return outputs(combiner);
    }
    vmmp_log_guest(combiner->config.log, &combiner->unknown,
                   "exynos-combiner: read of no register at 0x%03x", (unsigned)offset);
    return 0;
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_combiner *combiner = device;
    unsigned first = offset / BLOCK_SIZE * BLOCK_GROUPS;
    (void)lanes;

    if (!in_block(combiner, offset)) {
        vmmp_log_guest(combiner->config.log, &combiner->unknown,
                       "exynos-combiner: write to no register at 0x%03x", (unsigned)offset);
        return;
    }
    if (offset % BLOCK_SIZE != IESR && offset % BLOCK_SIZE != IECR) {
        return;
    }
    for (unsigned i = 0; i < BLOCK_GROUPS && first + i < combiner->config.groups; i++) {
        uint8_t *enabled = &combiner->enabled[first + i];
        uint8_t bits = (uint8_t)(value >> (8 * i));
        bool before = output(combiner, first + i);
        *enabled = (uint8_t)(offset % BLOCK_SIZE == IESR ? *enabled | bits : *enabled & ~bits);
        update_output(combiner, first + i, before);
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static void fini(struct vmmp_exynos_combiner *combiner, unsigned groups)
{
    for (unsigned i = 0; i < groups; i++) {
        vmmp_irq_source_fini(&combiner->outputs[i]);
    }
    vmmp_host_context_fini(&combiner->config.host, &combiner->context);
}

int vmmp_exynos_combiner_init(struct vmmp_exynos_combiner *combiner,
                              const struct vmmp_exynos_combiner_config *config)
{
    memset(combiner, 0, sizeof(*combiner));
    if (config->groups < 1 || config->groups > VMMP_EXYNOS_COMBINER_GROUPS) {
        return -EINVAL;
    }
    combiner->config = *config;
    int err = vmmp_host_context_init(&config->host, &combiner->context);
    if (err) {
        return err;
    }
    for (unsigned i = 0; i < config->groups; i++) {
        err = vmmp_irq_source_init(&combiner->outputs[i], config->outputs[i]);
        if (err) {
            fini(combiner, i);
            return err;
        }
    }
    combiner->window = (struct vmmp_window){
        .name = "exynos-combiner",
        .words = &word_ops,
        .device = combiner,
        .size = VMMP_EXYNOS_COMBINER_WINDOW_SIZE,
        .context = &combiner->context,
    };
    return 0;
}

void vmmp_exynos_combiner_fini(struct vmmp_exynos_combiner *combiner)
{
    for (unsigned i = 0; i < sizeof(combiner->inputs) / sizeof(combiner->inputs[0]); i++) {
        if (combiner->inputs[i].used) {
            vmmp_irq_line_fini(&combiner->inputs[i].line);
        }
    }
    fini(combiner, combiner->config.groups);
}

void vmmp_exynos_combiner_reset(struct vmmp_exynos_combiner *combiner)
{
    vmmp_context_enter(&combiner->context);
    for (unsigned i = 0; i < combiner->config.groups; i++) {
        bool before = output(combiner, i);
        combiner->enabled[i] = 0;
        update_output(combiner, i, before);
    }
    vmmp_context_leave(&combiner->context);
}
