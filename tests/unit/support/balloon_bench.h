/* SPDX-License-Identifier: BSD-2-Clause */
/* A balloon whose backend notes down what it is asked for, and the guest's side of it. */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_balloon_parts.h"
#include "virtio/virtio_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define ALL       UINT64_MAX
#define PAGE      4096u
#define FIRST     ((uint32_t)(VIRTIO_RIG_RAM / PAGE)) /* The first page frame of RAM, */
#define FRAMES    ((uint32_t)(VIRTIO_RIG_RAM_SIZE / PAGE))
#define SECOND    UINT64_C(1000000000)
#define INFLATE   0
#define DEFLATE   1
#define STATS     2
#define HINTS     3
#define REPORTS   4
#define NUM_PAGES 0
#define ACTUAL    4
#define COMMAND   8
#define POISON    12

struct balloon_call {
    char what; /* D(iscard), P(opulate), H(int), K (hint in a kick) */
    uint64_t gpa;
    uint64_t len;
};

#define CALLS 64

struct balloon_bench {
    struct virtio_rig rig;
    struct vmmp_virtio_balloon balloon;
    struct virtio_driver driver;
    uint8_t *more_ram;
    uint64_t buffers;
    struct balloon_call calls[CALLS];
    unsigned call_count; /* Of all, also those beyond CALLS. */
    unsigned changes;
    unsigned ends; /* Of hints. */
    int result;    /* Of the backend's functions. */
};

/* How the device is made. */
struct balloon_recipe {
    bool direct; /* The host cannot defer. */
    bool legacy;
    bool mmio;
    bool packed;
    bool must_tell;
    bool client_ends_hints;
    struct vmmp_virtio_balloon_options options;
};

#define BALLOON_EVERYTHING                                                        \
    {                                                                             \
        .deflate_on_oom = true, .stats = true, .reporting = true, .hinting = true \
    }

struct balloon_bench *balloon_make(const struct balloon_recipe *recipe);

/** Fixtures of cmocka's, with everything offered. */
int balloon_setup(void **state);
int balloon_setup_direct(void **state);
int balloon_setup_packed(void **state);
int balloon_setup_packed_direct(void **state);
int balloon_setup_mmio(void **state);
int balloon_setup_packed_mmio(void **state);
int balloon_setup_legacy(void **state);
int balloon_setup_legacy_direct(void **state);
int balloon_teardown(void **state);

#define BALLOON_ON(how, f) cmocka_unit_test_setup_teardown(f, how, balloon_teardown)
#define BALLOON_EACH_WAY(f)                                                              \
    BALLOON_ON(balloon_setup, f), BALLOON_ON(balloon_setup_direct, f),                   \
        BALLOON_ON(balloon_setup_packed, f), BALLOON_ON(balloon_setup_packed_direct, f), \
        BALLOON_ON(balloon_setup_mmio, f), BALLOON_ON(balloon_setup_packed_mmio, f),     \
        BALLOON_ON(balloon_setup_legacy, f), BALLOON_ON(balloon_setup_legacy_direct, f)

void balloon_start(struct balloon_bench *bench);
/** 4 bytes of the configuration. */
uint64_t balloon_get(struct balloon_bench *bench, uint32_t offset);
void balloon_put(struct balloon_bench *bench, uint32_t offset, uint32_t value);
void balloon_enter(struct balloon_bench *bench);
void balloon_leave(struct balloon_bench *bench);
/** Runs deferred work until there is none. */
void balloon_settle(struct balloon_bench *bench);
/** A request of page frames, in `pieces` descriptors; kicks. */
void balloon_request(struct balloon_bench *bench, unsigned queue, const uint32_t *frames,
                     uint32_t count, unsigned pieces);
/** The next buffer came back empty. */
void balloon_acknowledged(struct balloon_bench *bench, unsigned queue);
/** No buffer has come back. */
bool balloon_outstanding(struct balloon_bench *bench, unsigned queue);
/** Call `index` of the backend, from the first on. */
void balloon_expect(struct balloon_bench *bench, unsigned index, char what, uint64_t frame,
                    uint64_t pages);
