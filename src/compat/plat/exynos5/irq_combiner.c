/* SPDX-License-Identifier: BSD-2-Clause */
/* The real interrupt combiner, whose interrupts the VMM handles. */
#include <sel4vmmplatsupport/plat/irq_combiner.h>

#include <stddef.h>

#include <sel4vmmplatsupport/plat/device_map.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#include "sel4/memory.h"

#define GROUPS    32
#define INPUTS    8
#define FIRST_IRQ 32 /* Of group 0. */

/* Four groups share a block of registers, a byte each. */
#define BLOCK_WORDS 4
#define BLOCK_SHARE 4
#define IESR        0 /* Words of a block: writing a bit enables, */
#define IECR        1 /* or disables; */
#define IMSR        3 /* what is pending and enabled. */

/* One combiner a machine; a client that restarts by zeroing .bss begins again. */
static struct {
    volatile uint32_t *registers;
    struct input {
        combiner_irq_handler_fn handler;
        struct combiner_irq irq;
    } inputs[GROUPS][INPUTS];
} combiner;

static volatile uint32_t *block_word(unsigned group, unsigned word)
{
    return &combiner.registers[group / BLOCK_SHARE * BLOCK_WORDS + word];
}

static unsigned shift(unsigned group)
{
    return 8 * (group % BLOCK_SHARE);
}

static void set_enabled(unsigned group, unsigned index, bool enabled)
{
    if (combiner.registers) {
        *block_word(group, enabled ? IESR : IECR) = 1u << (shift(group) + index);
    }
}

static bool map(vm_t *vm)
{
    if (combiner.registers) {
        return true;
    }
    combiner.registers = vmmp_sys_map_registers(vm, IRQ_COMBINER_PADDR, 0x1000);
    for (unsigned i = 0; combiner.registers && i < GROUPS * INPUTS; i++) {
        if (combiner.inputs[i / INPUTS][i % INPUTS].handler) {
            set_enabled(i / INPUTS, i % INPUTS, true);
        }
    }
    return combiner.registers;
}

int vmm_register_combiner_irq(int group, int index, combiner_irq_handler_fn cb, void *priv)
{
    if (group < 0 || group >= GROUPS || index < 0 || index >= INPUTS || !cb) {
        return -1;
    }
    struct input *input = &combiner.inputs[group][index];
    input->handler = cb;
    input->irq = (struct combiner_irq){ .group = group, .index = index, .priv = priv };
    set_enabled((unsigned)group, (unsigned)index, true);
    return 0;
}

void combiner_irq_ack(struct combiner_irq *irq)
{
    if (irq && irq->group >= 0 && irq->group < GROUPS && irq->index >= 0 && irq->index < INPUTS) {
        set_enabled((unsigned)irq->group, (unsigned)irq->index, true);
    }
}

void vm_combiner_irq_handler(vm_t *vm, int irq)
{
    if (irq < FIRST_IRQ || irq >= FIRST_IRQ + GROUPS || !map(vm)) {
        return;
    }
    unsigned group = (unsigned)(irq - FIRST_IRQ);
    uint32_t pending = *block_word(group, IMSR) >> shift(group);
    for (unsigned index = 0; index < INPUTS; index++) {
        struct input *input = &combiner.inputs[group][index];
        if (!(pending >> index & 1)) {
            continue;
        }
        /* Until it is acknowledged, or for good if nobody wants it. */
        set_enabled(group, index, false);
        if (input->handler) {
            input->handler(&input->irq);
            return;
        }
        struct vmmp_vm *native = vmmp_compat_vm(vm);
        vmmp_log(native ? &native->log : NULL, VMMP_LOG_WARNING, VMMP_LOG_CLIENT,
                 "combined interrupt %u.%u has no handler and is now disabled", group, index);
    }
}
