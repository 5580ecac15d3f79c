/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/arm_walk.h>

#define SCTLR_M      (UINT64_C(1) << 0)
#define TCR_DS       (UINT64_C(1) << 59)
#define TCR_T0SZ     0
#define TCR_TG0      14
#define TCR_T1SZ     16
#define TCR_TG1      30
#define TCR_TBI0     37
#define TCR_TBI1     38
#define DESC_VALID   (UINT64_C(1) << 0)
#define DESC_TABLE   (UINT64_C(1) << 1)
#define TTBR_ADDRESS UINT64_C(0x0000ffffffffffc0)

/* AArch32: TTBCR, and the short descriptors. */
#define TTBR_ADDRESS_32 UINT64_C(0x000000ffffffffe0)
#define TTBCR_EAE       (UINT64_C(1) << 31) /* The long format. */
#define TTBCR_SIZE      0x7u                /* N; of the long format T0SZ, and T1SZ at TCR_T1SZ. */
#define TTBCR_PD0       4
#define TTBCR_PD1       5
#define GRANULE_LONG    12
#define SHORT_KIND      3u
#define SHORT_TABLE     1u /* First level. */
#define SHORT_LARGE     1u /* Second level. */
#define SHORT_SUPER     (1u << 18)
#define SUPER_35_32     20
#define SUPER_39_36     5
#define SECTION_BITS    20
#define SUPER_BITS      24
#define LARGE_BITS      16
#define SMALL_BITS      12
#define SHORT_TTBR_BITS 14

/* One half of the address space. */
struct half {
    uint64_t table;
    unsigned size_bits; /**< Bits of virtual address it translates. */
    unsigned granule;   /**< log2 of the granule. */
};

/* D19.2.139 TCR_EL1: the two TG fields have different encodings; 0 for a reserved value. */
static unsigned granule_of(bool upper, uint64_t tcr)
{
    static const unsigned char lower_granules[4] = { 12, 16, 14, 0 };
    static const unsigned char upper_granules[4] = { 0, 14, 12, 16 };
    return upper ? upper_granules[tcr >> TCR_TG1 & 3] : lower_granules[tcr >> TCR_TG0 & 3];
}

static bool choose_half(const struct vmmp_arm_translation *translation, uint64_t address,
                        struct half *half)
{
    uint64_t tcr = translation->tcr;
    bool upper = address >> 55 & 1;
    half->table = (upper ? translation->ttbr1 : translation->ttbr0) & TTBR_ADDRESS;
    half->granule = granule_of(upper, tcr);
    half->size_bits = 64 - (unsigned)(tcr >> (upper ? TCR_T1SZ : TCR_T0SZ) & 0x3f);
    if (!half->granule || half->size_bits <= half->granule || half->size_bits > 52) {
        return false;
    }
    /* The bits above are copies of bit 55; with TBI the top byte is a tag. */
    bool tagged = tcr >> (upper ? TCR_TBI1 : TCR_TBI0) & 1;
    uint64_t tag = ~UINT64_C(0) << 56;
    uint64_t untagged = !tagged ? address : upper ? address | tag : address & ~tag;
    uint64_t top = untagged >> half->size_bits;
    return top == (upper ? ~UINT64_C(0) >> half->size_bits : 0);
}

/* G5.5.5: which of the long format's tables, and how much it translates. */
static bool choose_half_32(const struct vmmp_arm_translation *translation, uint32_t address,
                           struct half *half)
{
    unsigned lower_size = translation->tcr & TTBCR_SIZE;
    unsigned upper_size = translation->tcr >> TCR_T1SZ & TTBCR_SIZE;
    bool lower = !lower_size || address >> (32 - lower_size) == 0;
    /* Without a size of its own, the upper one has all that the lower one has not. */
    if (!lower && upper_size && address >> (32 - upper_size) != (1u << upper_size) - 1) {
        return false;
    }
    if (lower && !lower_size && upper_size &&
        address >> (32 - upper_size) == (1u << upper_size) - 1) {
        lower = false;
    }
    half->table = (lower ? translation->ttbr0 : translation->ttbr1) & TTBR_ADDRESS_32;
    half->granule = GRANULE_LONG;
    half->size_bits = 32 - (lower ? lower_size : upper_size);
    return true;
}

static bool read_short(const struct vmmp_guest_memory *memory, uint64_t table, uint32_t index,
                       uint32_t *descriptor)
{
    vmmp_le32_t entry;
    if (!vmmp_guest_memory_read(memory, vmmp_gpa(table + 4 * (uint64_t)index), &entry,
                                sizeof(entry))) {
        return false;
    }
    *descriptor = vmmp_le32_get(entry);
    return (*descriptor & SHORT_KIND) != 0;
}

static uint64_t joined(uint64_t base, uint32_t address, unsigned bits)
{
    uint64_t inside = (UINT64_C(1) << bits) - 1;
    return (base & ~inside) | (address & inside);
}

/* G5.4: short descriptors. */
static bool walk_short(const struct vmmp_arm_translation *translation,
                       const struct vmmp_guest_memory *memory, uint32_t address, uint64_t *physical)
{
    unsigned n = translation->tcr & TTBCR_SIZE;
    bool lower = !n || address >> (32 - n) == 0;
    if (translation->tcr >> (lower ? TTBCR_PD0 : TTBCR_PD1) & 1) {
        return false;
    }
    unsigned base_bits = SHORT_TTBR_BITS - (lower ? n : 0);
    uint64_t table =
        (uint32_t)(lower ? translation->ttbr0 : translation->ttbr1) >> base_bits << base_bits;
    uint32_t first;
    uint32_t second;
    if (!read_short(memory, table, address >> SECTION_BITS, &first)) {
        return false;
    }
    if ((first & SHORT_KIND) != SHORT_TABLE) {
        bool super = first & SHORT_SUPER;
        uint64_t above = (uint64_t)(first >> SUPER_35_32 & 0xf) << 32 |
                         (uint64_t)(first >> SUPER_39_36 & 0xf) << 36;
        *physical =
            joined(super ? first | above : first, address, super ? SUPER_BITS : SECTION_BITS);
        return true;
    }
    table = first & ~UINT32_C(0x3ff);
    if (!read_short(memory, table, address >> SMALL_BITS & 0xff, &second)) {
        return false;
    }
    *physical =
        joined(second, address, (second & SHORT_KIND) == SHORT_LARGE ? LARGE_BITS : SMALL_BITS);
    return true;
}

/* The address in a descriptor: some of its upper bits are elsewhere, depending on the granule. */
static uint64_t address_in(uint64_t descriptor, const struct half *half, bool lpa2)
{
    uint64_t low_mask = ~UINT64_C(0) << half->granule;
    if (half->granule == 16) {
        return (descriptor & UINT64_C(0x0000ffffffff0000)) | (descriptor >> 12 & 0xf) << 48;
    }
    if (lpa2) {
        return (descriptor & UINT64_C(0x0003ffffffffffff) & low_mask) | (descriptor >> 8 & 3) << 50;
    }
    return descriptor & UINT64_C(0x0000ffffffffffff) & low_mask;
}

bool vmmp_arm_walk(const struct vmmp_arm_translation *translation,
                   const struct vmmp_guest_memory *memory, uint64_t address, uint64_t *physical)
{
    struct half half;
    if (!(translation->sctlr & SCTLR_M)) {
        *physical = address;
        return true;
    }
    if (translation->aarch32 && !(translation->tcr & TTBCR_EAE)) {
        return walk_short(translation, memory, (uint32_t)address, physical);
    }
    if (translation->aarch32 ? !choose_half_32(translation, (uint32_t)address, &half)
                             : !choose_half(translation, address, &half)) {
        return false;
    }
    bool lpa2 = !translation->aarch32 && (translation->tcr & TCR_DS);
    unsigned stride = half.granule - 3;
    unsigned levels = (half.size_bits - half.granule + stride - 1) / stride;
    uint64_t offset = address & ~UINT64_C(0) >> (64 - half.size_bits);
    uint64_t table = half.table;
    for (unsigned left = levels; left > 0; left--) {
        /* Of the address, what this level and those below translate. */
        unsigned shift = half.granule + (left - 1) * stride;
        uint64_t index = offset >> shift & ((UINT64_C(1) << stride) - 1);
        vmmp_le64_t entry;
        if (!vmmp_guest_memory_read(memory, vmmp_gpa(table + index * 8), &entry, sizeof(entry))) {
            return false;
        }
        uint64_t descriptor = vmmp_le64_get(entry);
        bool is_table = descriptor & DESC_TABLE;
        if (!(descriptor & DESC_VALID) || (left == 1 && !is_table)) {
            return false;
        }
        table = address_in(descriptor, &half, lpa2);
        if (left == 1 || !is_table) {
            uint64_t inside = (UINT64_C(1) << shift) - 1;
            *physical = (table & ~inside) | (offset & inside);
            return true;
        }
    }
    return false;
}
