/* SPDX-License-Identifier: BSD-2-Clause */
/* Carrying out what the decoders found. */
#include "arch/arm/load_store.h"

#include <errno.h>
#include <string.h>

static uint64_t shifted(uint64_t index, const struct vmmp_arm_load_store *ls,
                        const struct vmmp_arm_machine *machine)
{
    unsigned by = ls->index_shift;
    uint32_t word = (uint32_t)index;

    switch (ls->index_rotate) {
    case 1: /* By 0 means by 32. */
        return by ? word >> by : 0;
    case 2:
        return (uint32_t)((int32_t)word >> (by ? by : 31));
    case 3:
        return by ? (word >> by | word << (32 - by)) : (word >> 1 | (uint32_t)machine->carry << 31);
    default:
        return index << by;
    }
}

/* The base, and what is added to it. */
static int operands(const struct vmmp_arm_load_store *ls, const struct vmmp_arm_machine *machine,
                    uint64_t *base, uint64_t *added)
{
    uint64_t index = 0;
    int error = 0;

    *base = 0;
    if (ls->base != VMMP_ARM_ZERO) {
        error = machine->get(machine->cookie, ls->base, base);
    }
    *added = (uint64_t)(int64_t)ls->offset;
    if (!error && ls->indexed && ls->index != VMMP_ARM_ZERO) {
        error = machine->get(machine->cookie, ls->index, &index);
    }
    if (ls->indexed) {
        if (ls->index_bits == 32) {
            index = ls->index_signed ? (uint64_t)(int64_t)(int32_t)index : (uint32_t)index;
        }
        index = shifted(index, ls, machine);
        *added += ls->index_subtract ? 0 - index : index;
    }
    return error;
}

static uint64_t address_of(const struct vmmp_arm_load_store *ls,
                           const struct vmmp_arm_machine *machine, uint64_t base, uint64_t added)
{
    uint64_t address = ls->post ? base : base + added;

    if (ls->align) {
        address &= ~(uint64_t)(ls->align - 1);
    }
    return machine->aarch32 ? (uint32_t)address : address;
}

int vmmp_arm_load_store_span(const struct vmmp_arm_load_store *ls,
                             const struct vmmp_arm_machine *machine, uint64_t *address,
                             uint64_t *bytes)
{
    uint64_t base;
    uint64_t added;
    int error = operands(ls, machine, &base, &added);

    if (error) {
        return error;
    }
    *address = address_of(ls, machine, base, added);
    *bytes = 0;
    if (ls->count) {
        const struct vmmp_arm_transfer *last = &ls->transfers[ls->count - 1];
        *address += (uint64_t)(int64_t)ls->transfers[0].offset;
        *bytes = (uint64_t)(last->offset - ls->transfers[0].offset) + last->size;
    }
    return 0;
}

static int source(const struct vmmp_arm_transfer *t, const struct vmmp_arm_machine *machine,
                  uint64_t *value)
{
    uint64_t vector[2];
    int error;

    *value = 0;
    if (!t->vector) {
        return t->reg == VMMP_ARM_ZERO ? 0 : machine->get(machine->cookie, t->reg, value);
    }
    error = machine->get_vector(machine->cookie, t->reg, vector);
    if (!error) {
        memcpy(value, (const uint8_t *)vector + t->lane, t->size);
    }
    return error;
}

static uint64_t extended(const struct vmmp_arm_transfer *t, uint64_t value)
{
    unsigned unused = 64 - 8u * t->size;

    if (t->sign_extend) {
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    } else {
        value = value << unused >> unused;
    }
    return t->width == 4 ? (uint32_t)value : value;
}

static int store_vector(const struct vmmp_arm_transfer *t, const struct vmmp_arm_machine *machine,
                        uint64_t value)
{
    uint64_t vector[2] = { 0, 0 };
    unsigned end = t->repeat ? t->repeat : t->lane + t->size;

    if (!t->clears) {
        int error = machine->get_vector(machine->cookie, t->reg, vector);
        if (error) {
            return error;
        }
    }
    for (unsigned at = t->lane; at < end; at += t->size) {
        memcpy((uint8_t *)vector + at, &value, t->size);
    }
    return machine->set_vector(machine->cookie, t->reg, vector);
}

static int destination(const struct vmmp_arm_transfer *t, const struct vmmp_arm_machine *machine,
                       uint64_t value)
{
    if (t->vector) {
        return store_vector(t, machine, value);
    }
    return t->reg == VMMP_ARM_ZERO ? 0 : machine->set(machine->cookie, t->reg, extended(t, value));
}

static bool has_registers(const struct vmmp_arm_load_store *ls,
                          const struct vmmp_arm_machine *machine)
{
    return machine->get_vector || !ls->count || !ls->transfers[0].vector;
}

int vmmp_arm_load_store_execute(const struct vmmp_arm_load_store *ls,
                                const struct vmmp_arm_machine *machine)
{
    uint64_t values[VMMP_ARM_TRANSFERS];
    uint64_t base;
    uint64_t added;
    int error = has_registers(ls, machine) ? operands(ls, machine, &base, &added) : -ENOTSUP;

    for (unsigned i = 0; i < ls->count && !error; i++) {
        const struct vmmp_arm_transfer *t = &ls->transfers[i];
        uint64_t address = address_of(ls, machine, base, added) + (uint64_t)(int64_t)t->offset;
        if (ls->write) {
            error = source(t, machine, &values[i]);
        }
        if (!error) {
            error = machine->access(machine->cookie, machine->aarch32 ? (uint32_t)address : address,
                                    t->size, ls->write, &values[i]);
        }
    }
    if (!error && ls->writeback) {
        uint64_t by = ls->writeback_by ? (uint64_t)(int64_t)ls->writeback_by : added;
        error = machine->set(machine->cookie, ls->base,
                             machine->aarch32 ? (uint32_t)(base + by) : base + by);
    }
    for (unsigned i = 0; i < ls->count && !ls->write && !error; i++) {
        error = destination(&ls->transfers[i], machine, values[i]);
    }
    return error;
}
