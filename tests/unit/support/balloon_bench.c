/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/balloon_bench.h"

#include "vmmp_test.h"

static int backend_call(struct balloon_bench *bench, char what, vmmp_gpa_t gpa, uint64_t len)
{
    /* The contract: whole pages of one region. */
    assert_int_equal(gpa.gpa % PAGE, 0);
    assert_int_equal(len % PAGE, 0);
    assert_int_not_equal(len, 0);
    assert_non_null(vmmp_guest_memory_span(&bench->rig.memory, gpa, (size_t)len));
    if (bench->call_count < CALLS) {
        bench->calls[bench->call_count] = (struct balloon_call){ what, gpa.gpa, len };
    }
    bench->call_count++;
    return bench->result;
}

static int backend_discard(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    return backend_call(cookie, 'D', gpa, len);
}

static int backend_populate(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    return backend_call(cookie, 'P', gpa, len);
}

static void backend_hinted(void *cookie, vmmp_gpa_t gpa, uint64_t len, bool in_kick)
{
    backend_call(cookie, in_kick ? 'K' : 'H', gpa, len);
}

static void backend_hints_end(void *cookie)
{
    ((struct balloon_bench *)cookie)->ends++;
}

static void backend_changed(void *cookie)
{
    ((struct balloon_bench *)cookie)->changes++;
}

struct balloon_bench *balloon_make(const struct balloon_recipe *recipe)
{
    struct balloon_bench *bench = calloc(1, sizeof(*bench));
    const struct vmmp_balloon_backend backend = {
        .discard = backend_discard,
        .populate = recipe->must_tell ? backend_populate : NULL,
        .hinted = backend_hinted,
        .hints_end = recipe->client_ends_hints ? backend_hints_end : NULL,
        .changed = backend_changed,
        .cookie = bench,
    };
    virtio_rig_init(&bench->rig, !recipe->direct, false);
    /* A second region right behind the first, elsewhere in the host. */
    bench->more_ram = calloc(1, 16 * PAGE);
    assert_int_equal(vmmp_guest_memory_add(&bench->rig.memory,
                                           vmmp_gpa(VIRTIO_RIG_RAM + VIRTIO_RIG_RAM_SIZE),
                                           16 * PAGE, bench->more_ram),
                     0);
    assert_int_equal(vmmp_virtio_balloon_init(&bench->balloon, &backend, &recipe->options,
                                              &bench->rig.memory, &bench->rig.log,
                                              &bench->rig.host),
                     0);
    const struct virtio_driver_transport *transport = recipe->legacy ? &virtio_driver_pci_legacy
                                                      : recipe->mmio ? &virtio_driver_mmio
                                                                     : &virtio_driver_pci_modern;
    struct vmmp_window *device = virtio_rig_connect(&bench->rig, &bench->balloon.virtio, transport);
    virtio_driver_init(&bench->driver, transport, device, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->driver.ordered = true;
    bench->driver.rings = recipe->packed ? UINT64_MAX : 0;
    bench->buffers = virtio_driver_alloc(&bench->driver, 0x100000, 4096);
    return bench;
}

int balloon_teardown(void **state)
{
    struct balloon_bench *bench = *state;
    virtio_rig_disconnect(&bench->rig);
    vmmp_virtio_balloon_fini(&bench->balloon);
    virtio_rig_fini(&bench->rig);
    free(bench->more_ram);
    free(bench);
    return 0;
}

static int balloon_make_into(void **state, bool direct, bool legacy)
{
    const struct balloon_recipe recipe = { .direct = direct,
                                           .legacy = legacy,
                                           .options = BALLOON_EVERYTHING };
    *state = balloon_make(&recipe);
    return 0;
}

int balloon_setup(void **state)
{
    return balloon_make_into(state, false, false);
}

int balloon_setup_direct(void **state)
{
    return balloon_make_into(state, true, false);
}

int balloon_setup_packed(void **state)
{
    balloon_make_into(state, false, false);
    ((struct balloon_bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

int balloon_setup_mmio(void **state)
{
    *state = balloon_make(&(struct balloon_recipe){ .mmio = true, .options = BALLOON_EVERYTHING });
    return 0;
}

int balloon_setup_packed_mmio(void **state)
{
    *state = balloon_make(
        &(struct balloon_recipe){ .mmio = true, .packed = true, .options = BALLOON_EVERYTHING });
    return 0;
}

int balloon_setup_packed_direct(void **state)
{
    balloon_make_into(state, true, false);
    ((struct balloon_bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

int balloon_setup_legacy(void **state)
{
    return balloon_make_into(state, false, true);
}

int balloon_setup_legacy_direct(void **state)
{
    return balloon_make_into(state, true, true);
}

void balloon_start(struct balloon_bench *bench)
{
    assert_true(virtio_driver_start(&bench->driver, ALL, bench->balloon.virtio.queue_count));
}

uint64_t balloon_get(struct balloon_bench *bench, uint32_t offset)
{
    return bench->driver.transport->config_read(bench->driver.device, offset, 4);
}

void balloon_put(struct balloon_bench *bench, uint32_t offset, uint32_t value)
{
    bench->driver.transport->config_write(bench->driver.device, offset, 4, value);
}

void balloon_enter(struct balloon_bench *bench)
{
    vmmp_context_enter(&bench->balloon.virtio.context);
}

void balloon_leave(struct balloon_bench *bench)
{
    vmmp_context_leave(&bench->balloon.virtio.context);
}

void balloon_settle(struct balloon_bench *bench)
{
    while (virtio_rig_run(&bench->rig)) {
    }
}

/* A request of page frames, in `pieces` descriptors. Kicks unless it is told not to. */
void balloon_request(struct balloon_bench *bench, unsigned queue, const uint32_t *frames,
                     uint32_t count, unsigned pieces)
{
    struct virtio_driver_buffer buffers[8];
    uint32_t bytes = count * 4;
    uint64_t at = bench->buffers + queue * 0x40000;
    for (uint32_t i = 0; i < count; i++) {
        vmmp_le32_t frame = vmmp_le32(frames[i]);
        memcpy(virtio_driver_at(&bench->driver, at + i * 4, 4), &frame, 4);
    }
    for (unsigned i = 0; i < pieces; i++) {
        uint32_t from = bytes * i / pieces;
        buffers[i] =
            (struct virtio_driver_buffer){ at + from, bytes * (i + 1) / pieces - from, false };
    }
    virtio_driver_add(&bench->driver, queue, buffers, pieces);
    virtio_driver_kick(&bench->driver, queue);
}

void balloon_acknowledged(struct balloon_bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    assert_true(virtio_driver_used(&bench->driver, queue, &id, &len));
    assert_int_equal(len, 0);
}

bool balloon_outstanding(struct balloon_bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    return !virtio_driver_used(&bench->driver, queue, &id, &len);
}

/* The next call of the backend, from the first on. */
void balloon_expect(struct balloon_bench *bench, unsigned index, char what, uint64_t frame,
                    uint64_t pages)
{
    assert_true(index < bench->call_count);
    assert_int_equal(bench->calls[index].what, what);
    assert_int_equal(bench->calls[index].gpa, frame * PAGE);
    assert_int_equal(bench->calls[index].len, pages * PAGE);
}
