/* SPDX-License-Identifier: BSD-2-Clause */
/* A fuzzer's input as a stream of numbers, and guest memory for it to play with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

/** What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A broken invariant is a crash, in every build. */
#define FUZZ_CHECK(condition)                                                       \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

/** Past the end everything is 0. */
static inline uint64_t fuzz_number(struct fuzz_input *in, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && in->left; i++, in->at++, in->left--) {
        value |= (uint64_t)*in->at << (8 * i);
    }
    return value;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
    return (uint8_t)fuzz_number(in, 1);
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
    return (uint16_t)fuzz_number(in, 2);
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
    return (uint32_t)fuzz_number(in, 4);
}

/** 1, 2, 4 or 8. */
static inline unsigned fuzz_width(struct fuzz_input *in)
{
    return 1u << (fuzz_u8(in) & 3);
}

/** Up to `most` bytes of the input itself; returns how many. */
static inline size_t fuzz_take(struct fuzz_input *in, size_t most, const uint8_t **bytes)
{
    size_t size = most < in->left ? most : in->left;
    *bytes = in->at;
    in->at += size;
    in->left -= size;
    return size;
}

/*
 * Guest RAM: two regions that follow each other for the guest and not for the host. As globals they
 * have red zones around them, so that an access beside them is found.
 */
#define FUZZ_RAM        UINT64_C(0x40000000)
#define FUZZ_REGION     0x6000u
#define FUZZ_RAM_SIZE   (2 * FUZZ_REGION)
#define FUZZ_RAM_OFFSET 0xffffu /* Mask: some offsets are outside. */

static uint8_t fuzz_ram[2][FUZZ_REGION];

/** The input that says what a second CPU of the guest writes meanwhile; NULL: there is none. */
static struct fuzz_input *fuzz_second_cpu;

/*
 * Called by the library in the middle of a walk, between two reads of guest memory: what it has
 * read may change now, and what it will read.
 */
static inline void *fuzz_resolve(void *cookie, vmmp_gpa_t gpa, size_t len)
{
    uint64_t offset = gpa.gpa - (FUZZ_RAM + FUZZ_REGION);
    (void)cookie;
    if (fuzz_u8(fuzz_second_cpu) & 1) {
        uint32_t at = fuzz_u16(fuzz_second_cpu);
        uint64_t value = fuzz_number(fuzz_second_cpu, 4);
        uint8_t *region = fuzz_ram[at & 3 ? 1 : 0];
        memcpy(region + (at & ~3u) % FUZZ_REGION, &value, 4);
    }
    return offset < FUZZ_REGION && len <= FUZZ_REGION - offset ? fuzz_ram[0] + offset : NULL;
}

/** The last byte of the input says whether there is a second CPU. */
static inline void fuzz_memory_init(struct vmmp_guest_memory *memory, struct fuzz_input *in)
{
    bool second = in->left > 0 && (in->at[in->left - 1] & 1);
    memset(fuzz_ram, 0, sizeof(fuzz_ram));
    fuzz_second_cpu = in;
    vmmp_guest_memory_init(memory, second ? fuzz_resolve : NULL, NULL);
    /* The second one's halves are the other way round, or they would be one region. */
    FUZZ_CHECK(!vmmp_guest_memory_add(memory, vmmp_gpa(FUZZ_RAM), FUZZ_REGION, fuzz_ram[1]));
    FUZZ_CHECK(second || !vmmp_guest_memory_add(memory, vmmp_gpa(FUZZ_RAM + FUZZ_REGION),
                                                FUZZ_REGION, fuzz_ram[0]));
}

static inline bool fuzz_in_ram(const void *base, size_t len)
{
    for (unsigned i = 0; i < 2; i++) {
        uintptr_t offset = (uintptr_t)base - (uintptr_t)fuzz_ram[i];
        if (offset < FUZZ_REGION && len <= FUZZ_REGION - offset) {
            return true;
        }
    }
    return false;
}

/** The guest writes somewhere. */
static inline void fuzz_scribble(struct fuzz_input *in, const struct vmmp_guest_memory *memory)
{
    const uint8_t *bytes;
    uint64_t gpa = FUZZ_RAM + fuzz_u16(in);
    size_t size = fuzz_take(in, fuzz_u8(in) & 31, &bytes);
    vmmp_guest_memory_write(memory, vmmp_gpa(gpa), bytes, size);
}
