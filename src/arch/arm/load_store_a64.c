/* SPDX-License-Identifier: BSD-2-Clause */
/* AArch64 loads and stores (Arm ARM DDI 0487, C4.1.94 "Loads and Stores"). */
#include <sel4vmmplatsupport/vmmp/arm_load_store.h>

#include <string.h>

#include "arch/arm/load_store.h"

#define BITS(low, count) vmmp_bits(insn, low, count)

static uint8_t general(unsigned reg)
{
    return reg == 31 ? VMMP_ARM_ZERO : (uint8_t)reg;
}

static void add_general(struct vmmp_arm_load_store *ls, int offset, unsigned size, unsigned reg,
                        bool sign_extend, unsigned width)
{
    vmmp_add_transfer(ls, &(struct vmmp_arm_transfer){ .offset = (int16_t)offset,
                                                       .size = (uint8_t)size,
                                                       .reg = general(reg),
                                                       .sign_extend = sign_extend,
                                                       .width = (uint8_t)width });
}

/* A whole vector register: 16 bytes are two accesses. */
static void add_vector(struct vmmp_arm_load_store *ls, int offset, unsigned size, unsigned reg)
{
    for (unsigned done = 0; done < size; done += 8) {
        vmmp_add_transfer(ls, &(struct vmmp_arm_transfer){ .offset = (int16_t)(offset + (int)done),
                                                           .size = (uint8_t)(size < 8 ? size : 8),
                                                           .reg = (uint8_t)reg,
                                                           .vector = true,
                                                           .lane = (uint8_t)done,
                                                           .clears = done == 0 });
    }
}

/* One register, by the size and opc fields; the scale of its immediate, or -1. */
static int decode_register(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    unsigned size = BITS(30, 2);
    unsigned opc = BITS(22, 2);
    unsigned rt = BITS(0, 5);

    if (BITS(26, 1)) {
        unsigned scale = (opc >> 1) << 2 | size;
        if (scale > 4) {
            return -1;
        }
        ls->write = !(opc & 1);
        add_vector(ls, 0, 1u << scale, rt);
        return (int)scale;
    }
    if (opc == 2 && size == 3) {
        ls->kind = VMMP_ARM_NO_ACCESS; /* PRFM */
        return 3;
    }
    if (opc == 3 && size >= 2) {
        return -1;
    }
    ls->write = opc == 0;
    add_general(ls, 0, 1u << size, rt, opc >= 2, opc == 2 ? 8 : opc == 3 ? 4 : 8);
    return (int)size;
}

static void register_offset(struct vmmp_arm_load_store *ls, uint32_t insn, int scale)
{
    unsigned option = BITS(13, 3);

    if (!(option & 2)) {
        ls->kind = VMMP_ARM_NO_LOAD_STORE;
        return;
    }
    ls->indexed = true;
    ls->index = general(BITS(16, 5));
    ls->index_bits = option & 1 ? 64 : 32;
    ls->index_signed = option & 4;
    ls->index_shift = BITS(12, 1) ? (uint8_t)scale : 0;
}

static void decode_single(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    if (BITS(24, 2) == 0 && BITS(21, 1) && BITS(10, 2) != 2) {
        /* LDAPR is a plain load; the rest here are atomics, and loads by signed pointers. */
        bool ldapr = !BITS(26, 1) && BITS(12, 9) == 0x1fc && BITS(22, 2) == 2 && BITS(10, 2) == 0;
        if (ldapr) {
            ls->kind = VMMP_ARM_LOAD_STORE;
            add_general(ls, 0, 1u << BITS(30, 2), BITS(0, 5), false, 8);
        } else if (!BITS(26, 1) && BITS(10, 2) == 0) {
            ls->kind = VMMP_ARM_EXCLUSIVE;
        }
        return;
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    int scale = decode_register(ls, insn);
    if (scale < 0) {
        ls->kind = VMMP_ARM_NO_LOAD_STORE;
        return;
    }
    if (BITS(24, 2)) {
        ls->offset = (int32_t)(BITS(10, 12) << scale);
    } else if (BITS(21, 1)) {
        register_offset(ls, insn, scale);
    } else {
        unsigned mode = BITS(10, 2);
        ls->offset = vmmp_sign_extend(BITS(12, 9), 9);
        ls->post = mode == 1;
        ls->writeback = mode & 1;
    }
}

static void decode_pair(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    unsigned opc = BITS(30, 2);
    unsigned mode = BITS(23, 2);
    bool vector = BITS(26, 1);
    unsigned size = vector ? 4u << opc : opc & 2 ? 8 : 4;
    int32_t immediate = vmmp_sign_extend(BITS(15, 7), 7);

    ls->write = !BITS(22, 1);
    if (opc == 3 || (!vector && opc == 1 && (ls->write || mode == 0))) {
        return; /* Reserved, or with tags (STGP). */
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->offset = immediate * (int32_t)size;
    ls->post = mode == 1;
    ls->writeback = mode & 1;
    for (unsigned i = 0; i < 2; i++) {
        unsigned reg = BITS(i ? 10 : 0, 5);
        if (vector) {
            add_vector(ls, (int)(i * size), size, reg);
        } else {
            add_general(ls, (int)(i * size), size, reg, opc == 1, 8);
        }
    }
}

static void decode_literal(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    unsigned opc = BITS(30, 2);

    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->base = VMMP_ARM_BASE_PC;
    ls->offset = vmmp_sign_extend(BITS(5, 19), 19) * 4;
    if (BITS(26, 1)) {
        if (opc == 3) {
            ls->kind = VMMP_ARM_NO_LOAD_STORE;
            return;
        }
        add_vector(ls, 0, 4u << opc, BITS(0, 5));
    } else if (opc == 3) {
        ls->kind = VMMP_ARM_NO_ACCESS;
    } else {
        add_general(ls, 0, opc == 1 ? 8 : 4, BITS(0, 5), opc == 2, 8);
    }
}

static void structure_post(struct vmmp_arm_load_store *ls, uint32_t insn, unsigned bytes)
{
    if (!BITS(23, 1)) {
        return;
    }
    ls->post = true;
    ls->writeback = true;
    if (BITS(16, 5) == 31) {
        ls->offset = (int32_t)bytes;
    } else {
        ls->indexed = true;
        ls->index = (uint8_t)BITS(16, 5);
        ls->index_bits = 64;
    }
}

static void decode_multiple_structures(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    static const struct {
        uint8_t repeat, elements; /* 0: reserved. */
    } shapes[16] = {
        [0x0] = { 1, 4 }, [0x2] = { 4, 1 }, [0x4] = { 1, 3 }, [0x6] = { 3, 1 },
        [0x7] = { 1, 1 }, [0x8] = { 1, 2 }, [0xa] = { 2, 1 },
    };
    unsigned repeat = shapes[BITS(12, 4)].repeat;
    unsigned structure = shapes[BITS(12, 4)].elements;
    unsigned size = 1u << BITS(10, 2);
    unsigned bytes = BITS(30, 1) ? 16 : 8;
    int offset = 0;

    if (!repeat || BITS(21, 1) || (!BITS(23, 1) && BITS(16, 5)) ||
        (size == 8 && bytes == 8 && structure > 1)) {
        return;
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !BITS(22, 1);
    for (unsigned r = 0; r < repeat; r++) {
        for (unsigned lane = 0; lane < bytes; lane += size) {
            for (unsigned s = 0; s < structure; s++, offset += (int)size) {
                vmmp_add_transfer(
                    ls, &(struct vmmp_arm_transfer){ .offset = (int16_t)offset,
                                                     .size = (uint8_t)size,
                                                     .reg = (uint8_t)((BITS(0, 5) + r + s) & 31),
                                                     .vector = true,
                                                     .lane = (uint8_t)lane,
                                                     .clears = lane == 0 });
            }
        }
    }
    structure_post(ls, insn, (unsigned)offset);
}

/* The lane's first byte, or -1 for a reserved encoding; `*scale` may grow. */
static int single_lane(uint32_t insn, unsigned *scale)
{
    unsigned index = BITS(30, 1) << 3 | BITS(12, 1) << 2 | BITS(10, 2);

    switch (*scale) {
    case 0:
        return (int)index;
    case 1:
        return index & 1 ? -1 : (int)index;
    default:
        if (!(index & 1)) {
            return index & 2 ? -1 : (int)index;
        }
        *scale = 3;
        return (index & 6) ? -1 : (int)(index & 8);
    }
}

static void decode_single_structure(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    unsigned opcode = BITS(13, 3);
    unsigned scale = opcode >> 1;
    unsigned structure = (opcode << 1 & 2) + BITS(21, 1) + 1;
    bool replicate = scale == 3;
    int lane = 0;

    ls->write = !BITS(22, 1);
    if (replicate) {
        scale = BITS(10, 2);
    } else {
        lane = single_lane(insn, &scale);
    }
    if (lane < 0 || (!BITS(23, 1) && BITS(16, 5)) || (replicate && (ls->write || BITS(12, 1)))) {
        return;
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    for (unsigned s = 0; s < structure; s++) {
        vmmp_add_transfer(
            ls, &(struct vmmp_arm_transfer){ .offset = (int16_t)(s << scale),
                                             .size = (uint8_t)(1u << scale),
                                             .reg = (uint8_t)((BITS(0, 5) + s) & 31),
                                             .vector = true,
                                             .lane = (uint8_t)lane,
                                             .clears = replicate,
                                             .repeat = replicate ? (BITS(30, 1) ? 16 : 8) : 0 });
    }
    structure_post(ls, insn, structure << scale);
}

/* Load-acquire and store-release are plain; the others of their group are exclusive. */
static void decode_ordered(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    if (!BITS(23, 1) || BITS(21, 1)) {
        ls->kind = VMMP_ARM_EXCLUSIVE;
        return;
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = !BITS(22, 1);
    add_general(ls, 0, 1u << BITS(30, 2), BITS(0, 5), false, 8);
}

/* LDAPUR, STLUR. */
static void decode_ordered_unscaled(struct vmmp_arm_load_store *ls, uint32_t insn)
{
    if (BITS(21, 1) || BITS(10, 2)) {
        return; /* With tags; copies of memory. */
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    if (decode_register(ls, insn) < 0 || ls->kind == VMMP_ARM_NO_ACCESS) {
        ls->kind = VMMP_ARM_NO_LOAD_STORE;
    }
    ls->offset = vmmp_sign_extend(BITS(12, 9), 9);
}

static void decode_maintenance(struct vmmp_arm_load_store *ls, uint32_t insn, unsigned zva_size)
{
    bool zva = BITS(16, 3) == 3 && BITS(8, 4) == 4 && BITS(5, 3) == 1;

    if (BITS(12, 4) != 7) {
        return;
    }
    if (!zva) {
        ls->kind = BITS(8, 4) == 4 ? VMMP_ARM_NO_LOAD_STORE : VMMP_ARM_NO_ACCESS;
        return;
    }
    ls->kind = VMMP_ARM_LOAD_STORE;
    ls->write = true;
    /* Its Rt is a general register, like the base of nothing else: 31 is zero. */
    ls->base = general(BITS(0, 5));
    ls->align = (uint16_t)zva_size;
    for (unsigned offset = 0; offset < zva_size; offset += 8) {
        vmmp_add_transfer(
            ls, &(struct vmmp_arm_transfer){
                    .offset = (int16_t)offset, .size = 8, .reg = VMMP_ARM_ZERO, .width = 8 });
    }
}

void vmmp_arm_decode_a64(struct vmmp_arm_load_store *ls, uint32_t insn, unsigned zva_size)
{
    memset(ls, 0, offsetof(struct vmmp_arm_load_store, transfers));
    ls->length = 4;
    ls->base = (uint8_t)BITS(5, 5);
    ls->index_bits = 64;
    if ((insn & 0xfff80000) == 0xd5080000) {
        decode_maintenance(ls, insn, zva_size);
    } else if ((insn & 0x3f000000) == 0x08000000) {
        decode_ordered(ls, insn);
    } else if ((insn & 0x3f000000) == 0x19000000) {
        decode_ordered_unscaled(ls, insn);
    } else if ((insn & 0xbf000000) == 0x0c000000) {
        decode_multiple_structures(ls, insn);
    } else if ((insn & 0xbf000000) == 0x0d000000) {
        decode_single_structure(ls, insn);
    } else if ((insn & 0x3b000000) == 0x18000000) {
        decode_literal(ls, insn);
    } else if ((insn & 0x3a000000) == 0x28000000) {
        decode_pair(ls, insn);
    } else if ((insn & 0x3b000000) == 0x38000000 || (insn & 0x3b000000) == 0x39000000) {
        decode_single(ls, insn);
    }
}
