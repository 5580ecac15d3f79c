/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads and stores that the hardware does not describe in a syndrome: pairs, writeback, SIMD,
 * structures, DC ZVA, AArch32's multiples and doubles. First taken apart, into a list of accesses
 * and what becomes of the registers, then carried out on whatever machine the caller has.
 *
 * Decoding is a pure function of the instruction. Hostile guest: any instruction.
 * Sources: Arm ARM DDI 0487, C4.1 and F3/F4.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest list: LD4 of bytes. */
#define VMMP_ARM_TRANSFERS 64

enum vmmp_arm_load_store_kind {
    VMMP_ARM_NO_LOAD_STORE, /**< Something else, or nothing that is known here. */
    VMMP_ARM_LOAD_STORE,    /**< `transfers` and the registers. */
    VMMP_ARM_NO_ACCESS,     /**< Prefetch, cache maintenance: does nothing to a device. */
    /** Exclusives and atomics, which a device need not support: a fault to the guest. */
    VMMP_ARM_EXCLUSIVE,
};

#define VMMP_ARM_BASE_SP 31u /**< AArch64; its pc is 32. */
#define VMMP_ARM_BASE_PC 32u
#define VMMP_ARM_ZERO    33u /**< As a source: zero. As a destination: nothing. */

struct vmmp_arm_transfer {
    int16_t offset; /**< From the address. */
    uint8_t size;   /**< 1, 2, 4, 8. */
    uint8_t reg; /**< General: 0 to 30 (15 in AArch32: the pc), VMMP_ARM_ZERO; vector: 0 to 31. */
    bool vector;
    uint8_t lane;     /**< Vector: first byte in the register. */
    bool clears;      /**< Vector: the rest of the register becomes zero. */
    uint8_t repeat;   /**< Vector: bytes of the register to fill with copies; 0: just one. */
    bool sign_extend; /**< General: to `width` bytes, then zeroes. */
    uint8_t width;
};

struct vmmp_arm_load_store {
    uint8_t kind; /**< enum vmmp_arm_load_store_kind */
    uint8_t length;
    bool write;
    uint8_t base;   /**< General register, VMMP_ARM_BASE_SP or _PC. */
    int32_t offset; /**< Added to the base. */
    bool indexed;   /**< A register is added, too. */
    uint8_t index;
    uint8_t index_shift; /**< LSL, unless the next three say otherwise. */
    uint8_t index_bits;  /**< 64; 32: its low half, `index_signed` or not. */
    bool index_signed;
    bool index_subtract;
    uint8_t index_rotate; /**< AArch32: 0 LSL, 1 LSR, 2 ASR, 3 ROR (0: RRX), by `index_shift`. */
    bool post;            /**< The address is the base alone. */
    bool writeback;       /**< Base and offset become the new base. */
    int32_t writeback_by; /**< In place of `offset`, where they differ (AArch32 multiples). */
    uint16_t align;       /**< The address is rounded down to a multiple; 0: not. */
    uint8_t count;
    struct vmmp_arm_transfer transfers[VMMP_ARM_TRANSFERS];
};

/** An AArch64 instruction. `zva_size`: bytes that DC ZVA zeroes, at most 512. */
void vmmp_arm_decode_a64(struct vmmp_arm_load_store *ls, uint32_t instruction, unsigned zva_size);
/** An AArch32 one: A32, or T32 of one or two halfwords, the first in the upper half if two. */
void vmmp_arm_decode_a32(struct vmmp_arm_load_store *ls, uint32_t instruction);
void vmmp_arm_decode_t32(struct vmmp_arm_load_store *ls, uint32_t instruction, bool wide);

/** Who has the registers and the memory. Functions return 0 or what execute is to return. */
struct vmmp_arm_machine {
    void *cookie;
    /** General registers by number, VMMP_ARM_BASE_SP and _PC. `set` never gets the pc of AArch64.
     */
    int (*get)(void *cookie, unsigned reg, uint64_t *value);
    int (*set)(void *cookie, unsigned reg, uint64_t value);
    /** Vector registers; NULL: there are none. */
    int (*get_vector)(void *cookie, unsigned reg, uint64_t value[2]);
    int (*set_vector)(void *cookie, unsigned reg, const uint64_t value[2]);
    int (*access)(void *cookie, uint64_t address, unsigned size, bool write, uint64_t *value);
    bool carry;   /**< AArch32's carry flag, for RRX. */
    bool aarch32; /**< Addresses have 32 bits. */
};

/** The address of the first transfer and the number of bytes from there to the last one's end. */
int vmmp_arm_load_store_span(const struct vmmp_arm_load_store *ls,
                             const struct vmmp_arm_machine *machine, uint64_t *address,
                             uint64_t *bytes);

/**
 * Carries out a VMMP_ARM_LOAD_STORE: accesses in the order of the list, then registers. If one
 * fails, no register has changed. 0, -ENOTSUP for vectors that the machine does not have, or what a
 * function of the machine returned.
 */
int vmmp_arm_load_store_execute(const struct vmmp_arm_load_store *ls,
                                const struct vmmp_arm_machine *machine);

#ifdef __cplusplus
}
#endif
