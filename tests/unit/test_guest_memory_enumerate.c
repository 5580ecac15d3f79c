/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one door to guest memory, in all states of a small world: every sequence of up to three
 * regions of up to four bytes, every address and every length, at the bottom, in the middle and at
 * the top of the address space; against a table of bytes that knows nothing of regions.
 */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

int test_guest_memory_enumerate(void);

#define WORLD   8u /* Addresses that can be RAM, */
#define AROUND  2u /* and how many on either side are looked at. */
#define LENGTHS 5u
#define NOT_RAM UINT8_MAX
#define LONGEST (SIZE_MAX - 3)

struct world {
    struct vmmp_guest_memory memory;
    uint64_t base;
    uint8_t host[3 * WORLD];
    uint8_t at[WORLD]; /* Of each address: the index into `host`, or NOT_RAM. */
};

static uint8_t byte_at(const struct world *world, uint64_t gpa)
{
    uint64_t offset = gpa - world->base;
    return offset < WORLD ? world->at[offset] : NOT_RAM;
}

/* What the span should be: contiguous for guest and host, without passing the last address. */
static const uint8_t *model_span(const struct world *world, uint64_t gpa, size_t len)
{
    uint8_t first = byte_at(world, gpa);
    if (first == NOT_RAM || len > sizeof(world->host)) {
        return NULL;
    }
    for (size_t i = 1; i < len; i++) {
        if (gpa + i < gpa || byte_at(world, gpa + i) != first + i) {
            return NULL;
        }
    }
    return &world->host[first];
}

static bool model_holds(const struct world *world, uint64_t gpa, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (gpa + i < gpa || byte_at(world, gpa + i) == NOT_RAM) {
            return false;
        }
    }
    return true;
}

/* Plain comparisons: cmocka's cost more than what is tested. */
static bool same(const struct world *world, uint64_t gpa, size_t len)
{
    const uint8_t *span = vmmp_guest_memory_span(&world->memory, vmmp_gpa(gpa), len);
    if (span != model_span(world, gpa, len)) {
        return false;
    }
    const struct vmmp_guest_region *region =
        vmmp_guest_memory_region(&world->memory, vmmp_gpa(gpa));
    if ((region != NULL) != (byte_at(world, gpa) != NOT_RAM)) {
        return false;
    }
    for (unsigned i = 0; i < world->memory.region_count && len > 0 && len <= WORLD; i++) {
        const struct vmmp_guest_region *each = &world->memory.regions[i];
        if (vmmp_guest_region_holds_some(each, vmmp_gpa(gpa), (uint32_t)len) !=
            (each == region && span)) {
            return false;
        }
    }
    vmmp_gpa_t back;
    return !span || (vmmp_guest_memory_find(&world->memory, span, &back) && back.gpa == gpa);
}

static bool copies(struct world *world, uint64_t gpa, size_t len)
{
    uint8_t bytes[LENGTHS] = { 0 };
    bool holds = model_holds(world, gpa, len);
    bool read = vmmp_guest_memory_read(&world->memory, vmmp_gpa(gpa), bytes, len);
    if (read != (holds || len == 0)) {
        return false;
    }
    for (size_t i = 0; read && i < len; i++) {
        if (bytes[i] != world->host[byte_at(world, gpa + i)]) {
            return false;
        }
    }
    return true;
}

static void check(struct world *world, const char *what)
{
    for (uint64_t step = 0; step < WORLD + 2 * AROUND; step++) {
        uint64_t gpa = world->base - AROUND + step;
        for (size_t len = 0; len < LENGTHS; len++) {
            if (!same(world, gpa, len) || !copies(world, gpa, len)) {
                fail_msg("%s at %#llx: %zu bytes at %#llx", what, (unsigned long long)world->base,
                         len, (unsigned long long)gpa);
            }
        }
        if (!same(world, gpa, LONGEST) || !same(world, gpa, (size_t)0 - (size_t)gpa)) {
            fail_msg("%s: very many bytes at %#llx", what, (unsigned long long)gpa);
        }
    }
}

/* One of all regions: 8 places, 5 sizes, in one piece with its neighbours or not. */
#define REGIONS (WORLD * 5 * 2)

static bool add(struct world *world, unsigned which)
{
    unsigned start = which % WORLD;
    unsigned size = which / WORLD % 5;
    unsigned host = which / WORLD / 5 * WORLD + start;
    uint64_t gpa = world->base + start;
    bool free = size > 0 && gpa <= UINT64_MAX - size;
    for (unsigned i = 0; i < size; i++) {
        free = free && (start + i >= WORLD || world->at[start + i] == NOT_RAM);
    }
    if (start + size > WORLD) {
        return true; /* Beyond what is looked at. */
    }
    int result = vmmp_guest_memory_add(&world->memory, vmmp_gpa(gpa), size, &world->host[host]);
    for (unsigned i = 0; free && i < size; i++) {
        world->at[start + i] = (uint8_t)(host + i);
    }
    return result == (free ? 0 : -EINVAL);
}

static void make(struct world *world, uint64_t base)
{
    vmmp_guest_memory_init(&world->memory, NULL, NULL);
    world->base = base;
    memset(world->at, NOT_RAM, sizeof(world->at));
    for (unsigned i = 0; i < sizeof(world->host); i++) {
        world->host[i] = (uint8_t)(i + 1);
    }
}

static void all_worlds(uint64_t base, unsigned step)
{
    struct world one;
    struct world two;
    struct world three;
    for (unsigned a = 0; a < REGIONS; a++) {
        make(&one, base);
        assert_true(add(&one, a));
        check(&one, "one region");
        for (unsigned b = 0; b < REGIONS; b++) {
            make(&two, base);
            assert_true(add(&two, a) && add(&two, b));
            check(&two, "two regions");
            for (unsigned c = (a + b) % step; c < REGIONS; c += step) {
                make(&three, base);
                assert_true(add(&three, a) && add(&three, b) && add(&three, c));
                check(&three, "three regions");
            }
        }
    }
}

static void in_the_middle(void **state)
{
    (void)state;
    all_worlds(UINT64_C(0x40000000), 5);
}

static void across_four_gigabytes(void **state)
{
    (void)state;
    all_worlds((UINT64_C(1) << 32) - 4, 29);
}

static void at_the_bottom(void **state)
{
    (void)state;
    all_worlds(0, 29);
}

static void at_the_top(void **state)
{
    (void)state;
    all_worlds(UINT64_MAX - (WORLD - 1), 29);
}

int test_guest_memory_enumerate(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_middle),
        cmocka_unit_test(across_four_gigabytes),
        cmocka_unit_test(at_the_bottom),
        cmocka_unit_test(at_the_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
