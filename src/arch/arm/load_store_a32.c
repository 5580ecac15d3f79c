/* SPDX-License-Identifier: BSD-2-Clause */
/* AArch32 loads and stores, A32 and T32 (Arm ARM DDI 0487, F4.1 and F3.1). */
#include <string.h>

#include "arch/arm/load_store.h"

#define BITS(low, count) vmmp_bits(insn, low, count)
#define PC               15u

static void begin(struct vmmp_arm_load_store *ls, unsigned length, unsigned base)
{
    memset(ls, 0, offsetof(struct vmmp_arm_load_store, transfers));
    ls->length = (uint8_t)length;
    ls->base = base == PC ? VMMP_ARM_BASE_PC : (uint8_t)base;
    ls->index_bits = 32;
}

static void add(struct vmmp_arm_load_store *ls, int offset, unsigned size, unsigned reg,
                bool sign_extend)
{
    vmmp_add_transfer(ls, &(struct vmmp_arm_transfer){ .offset = (int16_t)offset,
                                                       .size = (uint8_t)size,
                                                       .reg = (uint8_t)reg,
                                                       .sign_extend = sign_extend,
                                                       .width = 4 });
}

/* What is left unpredictable or branches: loads of the pc, writeback to it or to what is loaded. */
static void check(struct vmmp_arm_load_store *ls)
{
    for (unsigned i = 0; i < ls->count; i++) {
        const struct vmmp_arm_transfer *t = &ls->transfers[i];
        if (!t->vector && (t->reg == PC || (ls->writeback && !ls->write && t->reg == ls->base))) {
            ls->kind = VMMP_ARM_NO_LOAD_STORE;
        }
    }
    if (ls->writeback && ls->base == VMMP_ARM_BASE_PC) {
        ls->kind = VMMP_ARM_NO_LOAD_STORE;
    }
}

/* P, U, W: index before, add, write back. */
static void addressing(struct vmmp_arm_load_store *ls, bool p, bool u, bool w, uint32_t immediate)
{
    ls->offset = u ? (int32_t)immediate : -(int32_t)immediate;
    ls->post = !p;
    ls->writeback = !p || w;
}

static void index_register(struct vmmp_arm_load_store *ls, unsigned reg, bool u)
{
    ls->indexed = true;
    ls->index = (uint8_t)reg;
    ls->index_subtract = !u;
    if (reg == PC) {
        ls->kind = VMMP_ARM_NO_LOAD_STORE;
    }
}

/* LDM and STM: `list`, ascending from the lowest address. */
static void multiple(struct vmmp_arm_load_store *ls, uint32_t list, bool up, bool before,
                     bool writeback)
{
    int count = __builtin_popcount(list);
    int at = up ? (before ? 4 : 0) : (before ? -4 * count : -4 * count + 4);

    ls->kind = count ? VMMP_ARM_LOAD_STORE : VMMP_ARM_NO_LOAD_STORE;
    ls->writeback = writeback;
    ls->writeback_by = up ? 4 * count : -4 * count;
    for (unsigned reg = 0; reg < 16; reg++) {
        if (list >> reg & 1) {
            add(ls, at, 4, reg, false);
            at += 4;
        }
    }
}

static void add_vector(struct vmmp_arm_load_store *ls, int offset, unsigned size, unsigned byte)
{
    vmmp_add_transfer(ls, &(struct vmmp_arm_transfer){ .offset = (int16_t)offset,
                                                       .size = (uint8_t)size,
                                                       .reg = (uint8_t)(byte / 16),
                                                       .vector = true,
                                                       .lane = (uint8_t)(byte % 16) });
}

/* VLDR, VSTR, VLDM, VSTM: the same fields in A32 and T32. S and D registers are parts of Q's. */
static void floating_point(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    bool is_double = BITS(8, 1);
    bool p = BITS(24, 1);
    bool u = BITS(23, 1);
    bool w = BITS(21, 1);
    unsigned size = is_double ? 8 : 4;
    unsigned first = is_double ? BITS(22, 1) << 4 | BITS(12, 4) : BITS(12, 4) << 1 | BITS(22, 1);
    unsigned words = BITS(0, 8);
    unsigned count = p && !w ? 1 : is_double ? words / 2 : words;

    if (BITS(9, 3) != 5 || (!p && !u) || (p == u && w) || !count || first + count > 32 ||
        count > 32 || (is_double && count > 16)) {
        return; /* MRRC and the like, undefined, or unpredictable. */
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !BITS(20, 1);
    int at = 0;
    if (p && !w) {
        ls->offset = u ? (int32_t)words * 4 : -(int32_t)words * 4;
    } else {
        at = u ? 0 : -(int)words * 4;
        ls->writeback = w;
        ls->writeback_by = u ? (int32_t)words * 4 : -(int32_t)words * 4;
    }
    for (unsigned i = 0; i < count; i++, at += (int)size) {
        add_vector(ls, at, size, (first + i) * size);
    }
    check(ls);
}

/* LDRH, LDRSB, LDRSH, STRH, LDRD, STRD. */
static void a32_extra(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    bool load = BITS(20, 1);
    unsigned op = BITS(5, 2);
    unsigned rt = BITS(12, 4);
    bool is_double = !load && op >= 2;

    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !load && op != 2;
    addressing(ls, BITS(24, 1), BITS(23, 1), BITS(21, 1),
               BITS(22, 1) ? BITS(8, 4) << 4 | BITS(0, 4) : 0);
    if (!BITS(22, 1)) {
        index_register(ls, BITS(0, 4), BITS(23, 1));
    }
    if (is_double) {
        if (rt & 1) {
            ls->kind = VMMP_ARM_NO_LOAD_STORE;
        }
        add(ls, 0, 4, rt, false);
        add(ls, 4, 4, rt + 1, false);
    } else {
        add(ls, 0, op == 2 ? 1 : 2, rt, load && op >= 2);
    }
    check(ls);
}

static void a32_single(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !BITS(20, 1);
    addressing(ls, BITS(24, 1), BITS(23, 1), BITS(21, 1), BITS(25, 1) ? 0 : BITS(0, 12));
    if (BITS(25, 1)) {
        ls->index_rotate = (uint8_t)BITS(5, 2);
        ls->index_shift = (uint8_t)BITS(7, 5);
        index_register(ls, BITS(0, 4), BITS(23, 1));
    }
    add(ls, 0, BITS(22, 1) ? 1 : 4, BITS(12, 4), false);
    check(ls);
}

void vmmp_arm_decode_a32(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    begin(ls, 4, BITS(16, 4));
    if (BITS(28, 4) == 15) {
        if ((insn & 0x0d70f000) == 0x0550f000 || (insn & 0x0d30f000) == 0x0510f000) {
            ls->kind = VMMP_ARM_NO_ACCESS; /* PLD, PLDW */
        }
    } else if ((insn & 0x0f0000f0) == 0x01000090 && BITS(23, 1)) {
        ls->kind = VMMP_ARM_EXCLUSIVE;
    } else if ((insn & 0x0fb000f0) == 0x01000090) {
        ls->kind = VMMP_ARM_EXCLUSIVE; /* SWP */
    } else if ((insn & 0x0e000090) == 0x00000090 && BITS(5, 2)) {
        a32_extra(ls, insn);
    } else if ((insn & 0x0c000000) == 0x04000000 && !(BITS(25, 1) && BITS(4, 1))) {
        a32_single(ls, insn);
    } else if ((insn & 0x0e400000) == 0x08000000) {
        multiple(ls, BITS(0, 16), BITS(23, 1), BITS(24, 1), BITS(21, 1));
        ls->write = !BITS(20, 1);
        check(ls);
    } else if ((insn & 0x0e000000) == 0x0c000000) {
        floating_point(ls, insn);
    }
}

/* ---- T32 ------------------------------------------------------------------------------------- */

static void t16_register_offset(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    static const struct {
        uint8_t size;
        bool write, sign_extend;
    } kinds[8] = {
        { 4, true, false },  { 2, true, false },  { 1, true, false },  { 1, false, true },
        { 4, false, false }, { 2, false, false }, { 1, false, false }, { 2, false, true },
    };
    unsigned kind = BITS(9, 3);

    ls->write = kinds[kind].write;
    index_register(ls, BITS(6, 3), true);
    add(ls, 0, kinds[kind].size, BITS(0, 3), kinds[kind].sign_extend);
}

static void t16(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    bool load = BITS(11, 1);

    begin(ls, 2, BITS(3, 3));
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !load;
    if (insn >> 11 == 9) {
        ls->write = false;
        ls->base = VMMP_ARM_BASE_PC;
        ls->offset = (int32_t)(BITS(0, 8) * 4);
        add(ls, 0, 4, BITS(8, 3), false);
    } else if (insn >> 12 == 5) {
        t16_register_offset(ls, insn);
    } else if (insn >> 13 == 3) {
        bool byte = BITS(12, 1);
        ls->offset = (int32_t)(byte ? BITS(6, 5) : BITS(6, 5) * 4);
        add(ls, 0, byte ? 1 : 4, BITS(0, 3), false);
    } else if (insn >> 12 == 8) {
        ls->offset = (int32_t)(BITS(6, 5) * 2);
        add(ls, 0, 2, BITS(0, 3), false);
    } else if (insn >> 12 == 9) {
        ls->base = 13;
        ls->offset = (int32_t)(BITS(0, 8) * 4);
        add(ls, 0, 4, BITS(8, 3), false);
    } else if (insn >> 12 == 12) {
        unsigned base = BITS(8, 3);
        ls->base = (uint8_t)base;
        /* LDM leaves its base alone if it is in the list. */
        multiple(ls, BITS(0, 8), true, false, !load || !(BITS(0, 8) >> base & 1));
        check(ls);
    } else if ((insn & 0xf600) == 0xb400) {
        ls->base = 13;
        multiple(ls, BITS(0, 8) | (uint32_t)BITS(8, 1) << (load ? 15 : 14), load, !load, true);
        check(ls);
    } else {
        ls->kind = VMMP_ARM_NO_LOAD_STORE;
    }
}

static void t32_double_or_exclusive(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    bool p = BITS(24, 1);
    bool w = BITS(21, 1);

    if (!p && !w) {
        /* Exclusives, table branches, load-acquire and store-release (plain: op2 10xx). */
        unsigned op = BITS(4, 4);
        ls->kind = BITS(23, 1) && op < 4 ? VMMP_ARM_NO_LOAD_STORE : VMMP_ARM_EXCLUSIVE;
        if (BITS(23, 1) && op >= 8 && op <= 10) {
            ls->kind = VMMP_ARM_LOAD_STORE;
            ls->write = !BITS(20, 1);
            add(ls, 0, 1u << (op - 8), BITS(12, 4), false);
            check(ls);
        }
        return;
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !BITS(20, 1);
    addressing(ls, p, BITS(23, 1), w, BITS(0, 8) * 4);
    add(ls, 0, 4, BITS(12, 4), false);
    add(ls, 4, 4, BITS(8, 4), false);
    check(ls);
}

static void t32_single(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    bool load = BITS(20, 1);
    bool sign_extend = BITS(24, 1);
    unsigned size = 1u << BITS(21, 2);

    if (size == 8 || (sign_extend && (!load || size == 4))) {
        return;
    }
    if (load && BITS(12, 4) == PC && size < 4) {
        ls->kind = VMMP_ARM_NO_ACCESS; /* PLD, PLI */
        return;
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !load;
    if (BITS(16, 4) == PC) {
        ls->offset = BITS(23, 1) ? (int32_t)BITS(0, 12) : -(int32_t)BITS(0, 12);
    } else if (BITS(23, 1)) {
        ls->offset = (int32_t)BITS(0, 12);
    } else if (BITS(11, 1)) {
        addressing(ls, BITS(10, 1), BITS(9, 1), BITS(8, 1), BITS(0, 8));
        if (!BITS(10, 1) && !BITS(8, 1)) {
            ls->kind = VMMP_ARM_NO_LOAD_STORE;
        }
    } else if (BITS(6, 6) == 0) {
        ls->index_shift = (uint8_t)BITS(4, 2);
        index_register(ls, BITS(0, 4), true);
    } else {
        ls->kind = VMMP_ARM_NO_LOAD_STORE;
    }
    add(ls, 0, size, BITS(12, 4), sign_extend);
    check(ls);
}

void vmmp_arm_decode_t32(struct vmmp_arm_load_store *ls, uint32_t insn, bool wide)
{
    if (!wide) {
        t16(ls, insn & 0xffff);
        return;
    }
    begin(ls, 4, BITS(16, 4));
    if ((insn & 0xfe400000) == 0xe8400000) {
        t32_double_or_exclusive(ls, insn);
    } else if ((insn & 0xfe400000) == 0xe8000000 && (BITS(23, 2) == 1 || BITS(23, 2) == 2)) {
        multiple(ls, BITS(0, 16), BITS(23, 2) == 1, BITS(23, 2) == 2, BITS(21, 1));
        ls->write = !BITS(20, 1);
        check(ls);
    } else if ((insn & 0xfe000000) == 0xf8000000) {
        t32_single(ls, insn);
    } else if ((insn & 0xfe000000) == 0xec000000) {
        floating_point(ls, insn);
    }
}
