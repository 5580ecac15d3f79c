/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio-blk device, a driver, and a backend that does what the test says. */
#pragma once

#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_blk_internal.h"
#include "virtio/virtio_spec.h"

#define BLK_CAPACITY (UINT64_C(1) << 20)
#define BLK_REQUESTS 4

/* A backend over memory that can keep requests until it is told to complete them. */
struct script_disk {
    struct vmmp_blk_info info;
    uint8_t data[BLK_CAPACITY];
    bool slow; /* Requests are kept. */
    bool completes_in_commit;
    bool waits;
    int error; /* What requests end with, in order of completion. */
    struct vmmp_blk_request *kept[64];
    unsigned kept_count;
    unsigned submits;
    unsigned commits;
    unsigned cancels;
    unsigned drains;
    enum vmmp_blk_op ops[256];
    bool stable[256];
    bool unmap[256];
    uint64_t offsets[256];
    uint64_t lengths[256];
};

struct blk_bench {
    struct virtio_rig rig;
    struct vmmp_virtio_blk blk;
    struct vmmp_virtio_blk_request requests[BLK_REQUESTS];
    struct virtio_driver driver;
    struct script_disk disk;
    uint64_t headers; /* Room for 16 bytes each, */
    uint64_t statuses;
    uint64_t data;
    unsigned slot;
};

/* What a bench is made with. Zeroed: modern, no deferral, everything offered. */
struct blk_bench_options {
    bool defers;
    bool legacy;
    bool mmio;
    bool packed; /* The driver takes packed rings and VIRTIO_F_IN_ORDER where they are offered. */
    bool cannot_drain;
    struct vmmp_blk_info info; /* `capacity` 0: BLK_CAPACITY. */
    struct vmmp_virtio_blk_options blk;
};

/** Fixtures of cmocka's; all but those with `direct` and the legacy one defer. */
int blk_setup(void **state);
int blk_setup_direct(void **state);
int blk_setup_legacy(void **state);
int blk_setup_mmio(void **state);
int blk_setup_packed(void **state);
int blk_setup_packed_direct(void **state);
int blk_teardown(void **state);
/** For further ones. */
int blk_bench_make(void **state, const struct blk_bench_options *options);

void blk_bench_init(struct blk_bench *bench, const struct blk_bench_options *options);
void blk_bench_fini(struct blk_bench *bench);

/** Negotiates `wanted` of what is offered, all queues. */
void blk_bench_start(struct blk_bench *bench, uint64_t wanted);

/** A place for a header, filled in. */
uint64_t blk_bench_header(struct blk_bench *bench, uint32_t type, uint64_t sector);
/** A place for a status, 0xff until it is written. */
uint64_t blk_bench_status(struct blk_bench *bench);
uint8_t blk_bench_byte(struct blk_bench *bench, uint64_t gpa);

/**
 * Adds a request with one data buffer (none if `bytes` is 0) and kicks. Returns where its status
 * will be.
 */
uint64_t blk_bench_add(struct blk_bench *bench, unsigned queue, uint32_t type, uint64_t sector,
                       uint64_t data, uint32_t bytes);
/** As above; takes the used element and returns the status; the test fails if there is none. */
uint8_t blk_bench_do(struct blk_bench *bench, uint32_t type, uint64_t sector, uint64_t data,
                     uint32_t bytes, uint32_t *written);
/** Used elements there are. */
unsigned blk_bench_used(struct blk_bench *bench, unsigned queue);
bool blk_bench_broken(struct blk_bench *bench);

/** Completes the kept request `index` inside the device's context. */
void script_disk_complete(struct blk_bench *bench, unsigned index, int error);
void script_disk_complete_all(struct blk_bench *bench);
struct vmmp_blk_backend script_disk_backend(struct script_disk *disk);
