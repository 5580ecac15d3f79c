/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An entropy device with and without a rate: rings in memory that changes under its eyes, a source
 * that gives what it likes, calls back, and lets the driver reset the device.
 */
#include <sel4vmmplatsupport/vmmp/virtio_rng.h>

#include "fuzz_virtio_bench.h"

#define RATE   100u
#define PERIOD 1000u

static struct vmmp_virtio_rng rng;
static struct fuzz_input *input;
static uint8_t policy;
static uint64_t given; /* In this step, */
static uint64_t period_given;
static uint64_t period_end; /* and since then. */

static size_t fill(void *cookie, void *buffer, size_t len)
{
    (void)cookie;
    FUZZ_CHECK(depth == 1 && len > 0 && len <= VMMP_VIRTIO_RNG_MOST && fuzz_in_ram(buffer, len));
    size_t count = policy & 3 ? (policy & 3) == 1 ? 0 : len / 2 : len;
    memset(buffer, 0x77, count);
    given += count;
    if (rng.rate_bytes > 0) {
        if (now_ns >= period_end) {
            period_given = 0;
            period_end = now_ns + PERIOD;
        }
        period_given += count;
        FUZZ_CHECK(period_given <= RATE);
    }
    if (policy & 4) {
        vmmp_virtio_rng_ready(&rng);
    }
    if (policy & 8) {
        fuzz_scribble(input, &memory);
    }
    if (policy & 16) {
        vmmp_virtio_set_status(&rng.virtio, 0, legacy);
    }
    return policy & 32 && count == len ? SIZE_MAX : count;
}

static void step(struct fuzz_input *in)
{
    switch (fuzz_u8(in) % 10) {
    case 0:
        fuzz_scribble(in, &memory);
        break;
    case 1:
    case 2:
        fuzz_ring_put(in, &memory, 0);
        break;
    case 3:
        fuzz_ring_offer(in, &memory, 0, rng.queue.registers.size & 0xff, fuzz_u8(in));
        break;
    case 4:
    case 5:
        vmmp_context_enter(&rng.virtio.context);
        vmmp_virtio_kick(&rng.virtio, fuzz_u8(in) & 1);
        vmmp_context_leave(&rng.virtio.context);
        break;
    case 6:
        vmmp_context_enter(&rng.virtio.context);
        legacy = fuzz_u8(in) & 1;
        bench_start(&rng.virtio, fuzz_u32(in) | UINT64_C(1) << 40, 1u << (fuzz_u8(in) & 3), 1);
        vmmp_context_leave(&rng.virtio.context);
        break;
    case 7:
        policy = fuzz_u8(in);
        break;
    case 8:
        bench_run_deferred();
        bench_advance(fuzz_u16(in));
        break;
    default:
        vmmp_context_enter(&rng.virtio.context);
        if (fuzz_u8(in) & 1) {
            vmmp_virtio_queue_reset(&rng.virtio, 0);
        } else {
            vmmp_virtio_rng_ready(&rng);
        }
        vmmp_context_leave(&rng.virtio.context);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    const struct vmmp_entropy entropy = { fill, NULL };
    uint8_t how = fuzz_u8(&in);
    struct vmmp_host host = bench_init(how, &in);
    struct vmmp_virtio_rng_options options = { .rate_bytes = how & 2 ? RATE : 0,
                                               .rate_period_ns = PERIOD };
    input = &in;
    policy = 0;
    period_end = 0;
    FUZZ_CHECK(!vmmp_virtio_rng_init(&rng, &entropy, &options, &memory, &bench_log, &host));
    while (in.left > 0) {
        given = 0;
        step(&in);
        FUZZ_CHECK(depth == 0 && messages < 400);
        /* A kick, deferred work, or a start with the walk after it: a turn each. */
        FUZZ_CHECK(given <= 4 * VMMP_VIRTIO_RNG_MOST || !(how & 1));
        fuzz_ring_check(&rng.queue.vq);
    }
    vmmp_virtio_rng_fini(&rng);
    FUZZ_CHECK(!queued && !timer);
    return 0;
}
