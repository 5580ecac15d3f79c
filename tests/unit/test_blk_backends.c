/* SPDX-License-Identifier: BSD-2-Clause */
/* The RAM disk and the overlay (vmmp/blk_ram.h, vmmp/blk_overlay.h). */
#include "support/blk_bench.h"

#include <sel4vmmplatsupport/vmmp/blk_overlay.h>
#include <sel4vmmplatsupport/vmmp/blk_ram.h>

#define SIZE     65536u
#define CLUSTERS 6u

int test_blk_backends(void);

struct outcome {
    unsigned count;
    int error;
};

static void done(void *cookie, struct vmmp_blk_request *request, int error)
{
    struct outcome *outcome = cookie;
    assert_int_equal(request->depth, 0);
    outcome->count++;
    outcome->error = error;
}

/* One request with its data in two pieces. */
static int submit(const struct vmmp_blk_backend *backend, enum vmmp_blk_op op, uint64_t offset,
                  void *data, size_t length)
{
    struct outcome outcome = { 0 };
    static uint8_t nothing[100];
    size_t first = length > 100 ? 100 : length;
    uint8_t *at = data ? data : nothing;
    struct vmmp_iovec iov[2] = { { at, first }, { at + first, length - first } };
    struct vmmp_blk_request request = {
        .op = op, .iov = iov, .iov_count = data ? 2 : 0, .offset = offset, .length = length
    };
    vmmp_blk_push(&request, done, &outcome);
    vmmp_blk_submit(backend, &request);
    vmmp_blk_commit(backend);
    assert_int_equal(outcome.count, 1);
    return outcome.error;
}

static void expect_bytes(const struct vmmp_blk_backend *backend, uint64_t offset, size_t length,
                         const uint8_t *bytes)
{
    uint8_t *read = malloc(length);
    assert_int_equal(submit(backend, VMMP_BLK_READ, offset, read, length), 0);
    assert_memory_equal(read, bytes, length);
    free(read);
}

static void a_ram_disk(void **state)
{
    static uint8_t memory[SIZE];
    static uint8_t mirror[SIZE];
    struct vmmp_blk_ram ram;
    struct vmmp_blk_info info;
    (void)state;
    memset(memory, 0, sizeof(memory));
    memset(mirror, 0, sizeof(mirror));
    assert_int_equal(vmmp_blk_ram_init(&ram, memory, SIZE, false), 0);
    struct vmmp_blk_backend backend = vmmp_blk_ram_backend(&ram);
    backend.ops->info(backend.cookie, &info);
    assert_int_equal(info.capacity, SIZE);

    memset(mirror + 512, 0x11, 4096);
    assert_int_equal(submit(&backend, VMMP_BLK_WRITE, 512, mirror + 512, 4096), 0);
    expect_bytes(&backend, 0, SIZE, mirror);
    memset(mirror + 1024, 0, 512);
    assert_int_equal(submit(&backend, VMMP_BLK_WRITE_ZEROES, 1024, NULL, 512), 0);
    memset(mirror + 2048, 0, 1024);
    assert_int_equal(submit(&backend, VMMP_BLK_DISCARD, 2048, NULL, 1024), 0);
    expect_bytes(&backend, 0, SIZE, mirror);
    assert_int_equal(submit(&backend, VMMP_BLK_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(submit(&backend, VMMP_BLK_READ, SIZE, mirror, 512), -EIO);
    assert_int_equal(submit(&backend, VMMP_BLK_WRITE, SIZE - 512, mirror, 1024), -EIO);
    assert_int_equal(submit(&backend, VMMP_BLK_DISCARD, UINT64_MAX - 511, NULL, 512), -EIO);

    assert_int_equal(vmmp_blk_ram_init(&ram, memory, SIZE, true), 0);
    assert_int_equal(submit(&backend, VMMP_BLK_WRITE, 0, mirror, 512), -EROFS);
    assert_int_equal(submit(&backend, VMMP_BLK_WRITE_ZEROES, 0, NULL, 512), -EROFS);
    expect_bytes(&backend, 0, SIZE, mirror);
    assert_int_equal(vmmp_blk_ram_init(&ram, memory, 0, true), -EINVAL);
    assert_int_equal(vmmp_blk_ram_init(&ram, memory, 1000, true), -EINVAL);
    assert_int_equal(vmmp_blk_ram_init(&ram, NULL, 512, true), -EINVAL);
}

/* ---- The overlay ---- */

struct layers {
    uint8_t memory[SIZE];
    uint8_t original[SIZE];
    uint8_t mirror[SIZE]; /* What the guest must see. */
    uint8_t arena[VMMP_BLK_OVERLAY_BYTES(CLUSTERS)];
    struct vmmp_blk_ram ram;
    struct vmmp_blk_overlay overlay;
    struct vmmp_blk_backend base;
    struct vmmp_blk_backend top;
};

static int setup(void **state)
{
    struct layers *layers = calloc(1, sizeof(*layers));
    for (size_t i = 0; i < SIZE; i++) {
        layers->memory[i] = (uint8_t)(i / 512 + i * 3);
    }
    memcpy(layers->original, layers->memory, SIZE);
    memcpy(layers->mirror, layers->memory, SIZE);
    assert_int_equal(vmmp_blk_ram_init(&layers->ram, layers->memory, SIZE, true), 0);
    layers->base = vmmp_blk_ram_backend(&layers->ram);
    memset(layers->arena, 0xa5, sizeof(layers->arena)); /* It may hold anything. */
    assert_int_equal(vmmp_blk_overlay_init(&layers->overlay, &layers->base, layers->arena,
                                           sizeof(layers->arena)),
                     0);
    assert_true(layers->overlay.clusters >= CLUSTERS);
    layers->top = vmmp_blk_overlay_backend(&layers->overlay);
    *state = layers;
    return 0;
}

static int teardown(void **state)
{
    struct layers *layers = *state;
    assert_memory_equal(layers->memory, layers->original, SIZE);
    free(layers);
    return 0;
}

static void write_over(struct layers *layers, uint64_t offset, size_t length, int byte)
{
    memset(layers->mirror + offset, byte, length);
    assert_int_equal(submit(&layers->top, VMMP_BLK_WRITE, offset, layers->mirror + offset, length),
                     0);
    expect_bytes(&layers->top, 0, SIZE, layers->mirror);
}

static void changes_stay_in_the_overlay(void **state)
{
    struct layers *layers = *state;
    struct vmmp_blk_info info;
    layers->top.ops->info(layers->top.cookie, &info);
    assert_false(info.read_only);
    assert_int_equal(info.capacity, SIZE);
    assert_int_equal(info.layers, 1);

    expect_bytes(&layers->top, 0, SIZE, layers->mirror);
    write_over(layers, 512, 512, 1);
    assert_int_equal(layers->overlay.in_use, 1);
    write_over(layers, 3072, 2048, 2); /* Over a border. */
    assert_int_equal(layers->overlay.in_use, 2);
    write_over(layers, 0, 4096, 3);
    assert_int_equal(layers->overlay.in_use, 2);
    write_over(layers, SIZE - 512, 512, 4);
    memset(layers->mirror + 1024, 0, 4096);
    assert_int_equal(submit(&layers->top, VMMP_BLK_WRITE_ZEROES, 1024, NULL, 4096), 0);
    expect_bytes(&layers->top, 0, SIZE, layers->mirror);
    expect_bytes(&layers->top, 1024, 512, layers->mirror + 1024);
    expect_bytes(&layers->top, 8192, 512, layers->mirror + 8192);
    assert_int_equal(submit(&layers->top, VMMP_BLK_FLUSH, 0, NULL, 0), 0);
    layers->top.ops->drain(layers->top.cookie);
}

static void the_arena_is_the_bound(void **state)
{
    struct layers *layers = *state;
    uint32_t clusters = layers->overlay.clusters;
    for (uint32_t i = 0; i < clusters; i++) {
        write_over(layers, i * 4096, 4096, (int)i);
    }
    assert_int_equal(submit(&layers->top, VMMP_BLK_WRITE, clusters * 4096, layers->mirror, 512),
                     -ENOSPC);
    assert_int_equal(submit(&layers->top, VMMP_BLK_WRITE_ZEROES, clusters * 4096, NULL, 512),
                     -ENOSPC);
    expect_bytes(&layers->top, 0, SIZE, layers->mirror);
    write_over(layers, 4096, 512, 77); /* What it has may still be changed. */

    /* Discarded clusters, whole ones only, are free again and show the base. */
    assert_int_equal(submit(&layers->top, VMMP_BLK_DISCARD, 4096 + 512, NULL, 2 * 4096), 0);
    assert_int_equal(layers->overlay.in_use, clusters - 1);
    memcpy(layers->mirror + 8192, layers->original + 8192, 4096);
    expect_bytes(&layers->top, 0, SIZE, layers->mirror);
    write_over(layers, clusters * 4096, 512, 5);
    assert_int_equal(submit(&layers->top, VMMP_BLK_WRITE, 8192, layers->mirror, 512), -ENOSPC);
    assert_int_equal(submit(&layers->top, VMMP_BLK_DISCARD, 0, NULL, SIZE), 0);
    assert_int_equal(layers->overlay.in_use, 0);
    expect_bytes(&layers->top, 0, SIZE, layers->original);
    memcpy(layers->mirror, layers->original, SIZE);
    for (uint32_t i = 0; i < clusters; i++) {
        write_over(layers, (15 - i) * 4096, 4096, (int)i);
    }
}

static void overlay_arguments(void **state)
{
    struct layers *layers = *state;
    struct vmmp_blk_overlay overlay[3];
    uint8_t *arena = calloc(3, 65536);
    struct vmmp_blk_backend below = layers->base;
    assert_int_equal(vmmp_blk_overlay_init(&overlay[0], &below, NULL, 65536), -EINVAL);
    assert_int_equal(vmmp_blk_overlay_init(&overlay[0], &below, arena, 0), -EINVAL);
    assert_int_equal(vmmp_blk_overlay_init(&overlay[0], &below, arena, 4096), -EINVAL);
    assert_int_equal(submit(&layers->top, VMMP_BLK_READ, SIZE, arena, 512), -EIO);
    assert_int_equal(submit(&layers->top, VMMP_BLK_WRITE, SIZE, arena, 512), -EIO);
    assert_int_equal(submit(&layers->top, VMMP_BLK_WRITE, UINT64_MAX - 511, arena, 512), -EIO);
    /* As deep as there are layers: a client and three backends. */
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vmmp_blk_overlay_init(&overlay[i], &below, arena + i * 65536, 65536), 0);
        below = vmmp_blk_overlay_backend(&overlay[i]);
        uint8_t byte[512];
        memset(byte, (int)i, sizeof(byte));
        assert_int_equal(submit(&below, VMMP_BLK_WRITE, i * 512, byte, 512), 0);
        memcpy(layers->mirror + i * 512, byte, 512);
        expect_bytes(&below, 0, SIZE, layers->mirror);
    }
    struct vmmp_blk_overlay one_too_many;
    assert_int_equal(
        vmmp_blk_overlay_init(&one_too_many, &below, layers->arena, sizeof(layers->arena)), -E2BIG);
    free(arena);
}

/* Over a base that takes its time and fails: through virtio-blk, out of order. */
static void over_a_slow_base(void **state)
{
    struct script_disk *disk = calloc(1, sizeof(*disk));
    struct layers *layers = *state;
    struct vmmp_blk_overlay overlay;
    struct outcome outcome = { 0 };
    uint8_t bytes[1024];
    disk->info.capacity = BLK_CAPACITY;
    disk->slow = true;
    struct vmmp_blk_backend base = script_disk_backend(disk);
    assert_int_equal(vmmp_blk_overlay_init(&overlay, &base, layers->arena, sizeof(layers->arena)),
                     0);
    struct vmmp_blk_backend top = vmmp_blk_overlay_backend(&overlay);
    assert_null(top.ops->drain); /* As its base. */
    memset(bytes, 0x42, sizeof(bytes));
    assert_int_equal(submit(&top, VMMP_BLK_WRITE, 512, bytes, 512), 0);
    assert_int_equal(disk->submits, 0);

    struct vmmp_iovec iov = { bytes, sizeof(bytes) };
    struct vmmp_blk_request request = {
        .op = VMMP_BLK_READ, .iov = &iov, .iov_count = 1, .offset = 0, .length = 1024
    };
    vmmp_blk_push(&request, done, &outcome);
    vmmp_blk_submit(&top, &request);
    assert_int_equal(outcome.count, 0);
    top.ops->cancel(top.cookie);
    assert_int_equal(disk->cancels, 1);
    memset(bytes, 0, sizeof(bytes)); /* As the base would. */
    disk->kept_count = 0;
    vmmp_blk_complete(&request, 0);
    assert_int_equal(outcome.count, 1);
    assert_int_equal(bytes[511], 0);
    assert_int_equal(bytes[512], 0x42);
    assert_int_equal(bytes[1023], 0x42);

    vmmp_blk_push(&request, done, &outcome);
    vmmp_blk_submit(&top, &request);
    vmmp_blk_complete(&request, -EIO);
    assert_int_equal(outcome.count, 2);
    assert_int_equal(outcome.error, -EIO);
    free(disk);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int test_blk_backends(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ram_disk), TEST(changes_stay_in_the_overlay),
        TEST(the_arena_is_the_bound), TEST(overlay_arguments),
        TEST(over_a_slow_base),
    };
    return cmocka_run_group_tests_name("blk_backends", tests, NULL, NULL);
}
