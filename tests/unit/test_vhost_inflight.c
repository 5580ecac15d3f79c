/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inflight region of a packed ring: a back-end is killed after every single store, in all short
 * histories of small rings, and the next one takes over, which is killed after every store as well.
 * The driver has every chain back once, what it has back is not done again, and what was taken is
 * done again in its order. And regions that hold nonsense.
 */
#include "vmmp_test.h"

#include <sys/mman.h>

#include <sel4vmmplatsupport/vmmp/virtio.h>

#include "support/store_trace.h"
#include "vhost_user/vhost_user_internal.h"
#include "virtio/virtio_core.h"
#include "virtio/virtqueue_packed.h"
#include "virtio/virtqueue_split.h"

int test_vhost_inflight(void);

#define RAM        UINT64_C(0x40000000)
#define PAGE       0x1000u
#define DATA       PAGE /* Behind what is traced. */
#define RING       0x0u
#define DRIVER     0x100u
#define DEVICE     0x110u
#define REGION     0x200u
#define MOST       4u
#define AVAIL_USED (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)
#define SERIALS    32u

/* ---- The driver, which can be copied ---- */

struct driver {
    uint32_t size;
    uint32_t avail_at;
    uint32_t used_at;
    bool avail_wrap;
    bool used_wrap;
    uint32_t free;
    unsigned added;         /* Chains so far: serial numbers. */
    uint32_t done;          /* A bit for each chain that came back. */
    unsigned serial[MOST];  /* By id. */
    unsigned entries[MOST]; /* By id; 0: not out. */
    unsigned entries_of[SERIALS];
};

static struct virtq_packed_desc *ring_in(uint8_t *ram)
{
    return (void *)(ram + RING);
}

static bool add(struct driver *driver, uint8_t *ram, unsigned entries)
{
    struct virtq_packed_desc *ring = ring_in(ram);
    uint16_t id = 0;
    if (driver->free < entries || driver->added == SERIALS) {
        return false;
    }
    while (driver->entries[id]) {
        id++;
    }
    for (unsigned i = 0; i < entries; i++) {
        struct virtq_packed_desc *desc = &ring[driver->avail_at];
        desc->addr = vmmp_le64(RAM + DATA + driver->added * 64 + i * 16);
        desc->len = vmmp_le32(8);
        desc->id = vmmp_le16(id);
        desc->flags =
            vmmp_le16((uint16_t)(VIRTQ_DESC_F_WRITE | (i + 1 < entries ? VIRTQ_DESC_F_NEXT : 0) |
                                 (driver->avail_wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED)));
        if (++driver->avail_at == driver->size) {
            driver->avail_at = 0;
            driver->avail_wrap = !driver->avail_wrap;
        }
    }
    driver->free -= entries;
    driver->serial[id] = driver->added;
    driver->entries[id] = entries;
    driver->entries_of[driver->added++] = entries;
    return true;
}

/* Takes what is used; how many chains that was. */
static unsigned reap(struct driver *driver, uint8_t *ram)
{
    const struct virtq_packed_desc *ring = ring_in(ram);
    for (unsigned count = 0;; count++) {
        const struct virtq_packed_desc *desc = &ring[driver->used_at];
        uint16_t flags = vmmp_le16_get(desc->flags) & AVAIL_USED;
        if (driver->free == driver->size || flags != (driver->used_wrap ? AVAIL_USED : 0)) {
            return count;
        }
        uint16_t id = vmmp_le16_get(desc->id);
        assert_true(id < MOST && driver->entries[id] > 0);
        assert_false(driver->done >> driver->serial[id] & 1);
        driver->done |= 1u << driver->serial[id];
        driver->free += driver->entries[id];
        driver->used_at += driver->entries[id];
        driver->entries[id] = 0;
        if (driver->used_at >= driver->size) {
            driver->used_at -= driver->size;
            driver->used_wrap = !driver->used_wrap;
        }
    }
}

/* ---- The back-end ---- */

struct backend {
    struct vmmp_guest_memory memory;
    struct vmmp_virtio_device device;
    struct vmmp_virtio_queue queue;
    struct vhost_inflight_ring ring;
    uint16_t lists[6][MOST];
    uint64_t resubmitted;
    struct vmmp_iovec iov[MOST];
    struct vmmp_virtqueue_token tokens[SERIALS]; /* Popped and not pushed, oldest first. */
    unsigned token_count;
};

static const struct vmmp_virtio_ops no_ops = { .name = "nothing" };

/* NULL, or why the region is refused. */
static const char *start(struct backend *backend, uint8_t *ram, uint32_t size, uint16_t position)
{
    const struct vmmp_virtqueue_config config = {
        .size = size,
        .desc = vmmp_gpa(RAM + RING),
        .driver = vmmp_gpa(RAM + DRIVER),
        .device = vmmp_gpa(RAM + DEVICE),
        .features = UINT64_C(1) << VIRTIO_F_RING_PACKED | UINT64_C(1) << VIRTIO_F_VERSION_1,
    };
    memset(backend, 0, sizeof(*backend));
    vmmp_guest_memory_init(&backend->memory, NULL, NULL);
    vmmp_guest_memory_add(&backend->memory, vmmp_gpa(RAM), 2 * PAGE, ram);
    backend->device.ops = &no_ops;
    backend->device.queues = &backend->queue;
    backend->device.queue_count = 1;
    backend->device.status = VIRTIO_STATUS_DRIVER_OK;
    assert_true(vmmp_virtqueue_enable(&backend->queue.vq, &backend->memory, &config));
    struct vhost_inflight_ring *ring = &backend->ring;
    ring->size = (uint16_t)size;
    ring->again = backend->lists[0];
    ring->batch = backend->lists[1];
    ring->packed.next = backend->lists[2];
    ring->packed.last = backend->lists[3];
    ring->packed.num = backend->lists[4];
    ring->packed.id = backend->lists[5];
    ring->packed.region = (void *)(ram + REGION);
    ring->resubmitted = &backend->resubmitted;
    const char *why = vhost_inflight_begin_packed(ring, &backend->queue.vq, &position);
    if (!why) {
        backend->queue.tracker = &ring->tracker;
        assert_true(vmmp_virtqueue_seek(&backend->queue.vq, position));
    }
    return why;
}

static void stop(struct backend *backend)
{
    vhost_inflight_end_packed(&backend->ring);
}

/* The serial number of the next chain, or -1. */
static int pop(struct backend *backend, const uint8_t *ram)
{
    struct vmmp_virtqueue_chain chain = { .iov = backend->iov, .capacity = MOST };
    if (!vmmp_virtio_pop(&backend->device, 0, &chain)) {
        return -1;
    }
    backend->tokens[backend->token_count++] = chain.token;
    size_t offset = (size_t)((uint8_t *)chain.iov[0].base - ram) - DATA;
    for (unsigned i = 0; i < chain.writable; i++) {
        assert_ptr_equal(chain.iov[i].base, ram + DATA + offset + i * 16);
    }
    return (int)(offset / 64);
}

static bool push(struct backend *backend, unsigned index)
{
    if (index >= backend->token_count) {
        return false;
    }
    vmmp_virtio_push(&backend->device, 0, &backend->tokens[index], 8);
    backend->token_count--;
    memmove(&backend->tokens[index], &backend->tokens[index + 1],
            (backend->token_count - index) * sizeof(backend->tokens[0]));
    return true;
}

/* ---- After a crash ---- */

struct world {
    uint8_t *ram; /* Two pages. */
    struct driver driver;
};

static unsigned takeovers;

/* What was not given back, is; the last first. */
static void finish(struct backend *backend, struct world *world)
{
    struct driver *driver = &world->driver;
    unsigned last = 0;
    for (int serial = pop(backend, world->ram); serial >= 0; serial = pop(backend, world->ram)) {
        assert_false(driver->done >> serial & 1);
        assert_true(backend->token_count == 1 || (unsigned)serial > last);
        assert_int_equal(backend->tokens[backend->token_count - 1].entries,
                         driver->entries_of[serial]);
        last = (unsigned)serial;
    }
    assert_null(vmmp_virtqueue_error(&backend->queue.vq));
    for (unsigned left = backend->token_count; left > 0; left--) {
        assert_true(push(backend, left - 1));
        assert_int_equal(reap(driver, world->ram), 0);
        if (left % 2) {
            vmmp_virtio_flush(&backend->device, 0);
            assert_in_range(reap(driver, world->ram), 1, 2);
        }
    }
    assert_int_equal(driver->done, (UINT64_C(1) << driver->added) - 1);
    assert_int_equal(driver->free, driver->size);
}

/* The next back-end, of which the region is the only witness. */
static void take_over(struct world *world)
{
    struct backend next;
    struct driver *driver = &world->driver;
    reap(driver, world->ram);
    assert_null(start(&next, world->ram, driver->size, RING_EVENT_WRAP));
    takeovers++;
    /* It has shown nothing yet. */
    assert_int_equal(reap(driver, world->ram), 0);
    finish(&next, world);
    stop(&next);
    /* One that was stopped in peace leaves nothing. */
    assert_null(start(&next, world->ram, driver->size, RING_EVENT_WRAP));
    assert_int_equal(next.ring.again_count, 0);
    assert_int_equal(vmmp_virtqueue_position(&next.queue.vq),
                     driver->used_at | (driver->used_wrap ? RING_EVENT_WRAP : 0u));
    assert_true(add(driver, world->ram, 1));
    assert_int_equal(pop(&next, world->ram), driver->added - 1);
    stop(&next);
}

static uint8_t *new_ram(void)
{
    void *ram = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(ram, MAP_FAILED);
    return ram;
}

static struct store_trace first, second;
static uint8_t *spare; /* For what comes after a crash. */

/* In the meantime the driver may have taken what it was shown, and used the room for more. */
static void take_over_a_copy(const uint8_t *page, const struct driver *driver, bool busy)
{
    struct world world = { spare, *driver };
    memcpy(spare, page, PAGE);
    if (busy) {
        reap(&world.driver, spare);
        while (add(&world.driver, spare, 1)) {
        }
    }
    take_over(&world);
}

/* A second back-end is killed after each store of taking over and of its first chain. */
static void crash_again(const uint8_t *page, const struct driver *driver)
{
    struct backend next;
    memcpy(second.memory, page, PAGE);
    store_trace_begin(&second);
    assert_null(start(&next, second.memory, driver->size, RING_EVENT_WRAP));
    if (pop(&next, second.memory) >= 0) {
        push(&next, 0);
        vmmp_virtio_flush(&next.device, 0);
    }
    store_trace_end(&second);
    stop(&next);
    for (unsigned i = 0; i < second.count; i++) {
        take_over_a_copy(store_trace_copy(&second, i), driver, i % 2);
    }
}

/* ---- All short histories ---- */

enum step { POP, PUSH_OLDEST, PUSH_NEWEST, FLUSH, REAP, ADD_ONE, ADD_TWO, STEPS };

/* False if there is nothing to do. */
static bool work(struct world *world, struct backend *backend, enum step step)
{
    switch (step) {
    case POP:
        return pop(backend, world->ram) >= 0;
    case PUSH_OLDEST:
        return push(backend, 0);
    case PUSH_NEWEST:
        return backend->token_count > 1 && push(backend, backend->token_count - 1);
    case FLUSH:
        if (backend->ring.batch_count == 0) {
            return false;
        }
        vmmp_virtio_flush(&backend->device, 0);
        return true;
    case REAP:
        return reap(&world->driver, world->ram) > 0;
    case ADD_ONE:
        return add(&world->driver, world->ram, 1);
    default:
        return add(&world->driver, world->ram, 2);
    }
}

struct history {
    uint32_t size;
    uint16_t position;
    bool twice;
    enum step steps[8];
    unsigned count;
};

static void begin(const struct history *history, struct world *world)
{
    uint32_t at = history->position & ~RING_EVENT_WRAP;
    bool wrap = history->position & RING_EVENT_WRAP;
    memset(world->ram, 0, PAGE);
    world->ram[DRIVER + 2] = RING_EVENT_FLAGS_DISABLE;
    world->driver = (struct driver){
        .size = history->size,
        .avail_at = at,
        .used_at = at,
        .avail_wrap = wrap,
        .used_wrap = wrap,
        .free = history->size,
    };
    for (uint32_t i = 0; i < history->size; i++) {
        /* As the laps before have left them. */
        ring_in(world->ram)[i].flags = vmmp_le16((i < at) == wrap ? AVAIL_USED : 0);
    }
}

/* The last step, with all its crashes. */
static bool crash(const struct history *history, struct world *world, struct backend *backend)
{
    store_trace_begin(&first);
    bool good = work(world, backend, history->steps[history->count - 1]);
    store_trace_end(&first);
    for (unsigned i = 0; good && i < first.count; i++) {
        take_over_a_copy(store_trace_copy(&first, i), &world->driver, false);
        take_over_a_copy(store_trace_copy(&first, i), &world->driver, true);
        if (history->twice) {
            crash_again(store_trace_copy(&first, i), &world->driver);
        }
    }
    return good;
}

/* False if it is no history: one of its steps had nothing to do. */
static bool run(const struct history *history, struct world *world)
{
    struct backend backend;
    bool good = true;
    begin(history, world);
    assert_null(start(&backend, world->ram, history->size, history->position));
    for (unsigned i = 0; good && i + 1 < history->count; i++) {
        good = work(world, &backend, history->steps[i]);
    }
    enum step last = history->steps[history->count - 1];
    if (good) {
        good = last <= FLUSH ? crash(history, world, &backend) : work(world, &backend, last);
    }
    stop(&backend);
    return good;
}

/* The histories that begin with what there is, up to `longest` steps. */
static void try_all(struct history *history, unsigned longest, struct world *world)
{
    for (unsigned step = 0; step < STEPS; step++) {
        history->steps[history->count++] = step;
        if (run(history, world) && history->count < longest) {
            try_all(history, longest, world);
        }
        history->count--;
    }
}

static void a_back_end_may_die_after_any_store(void **state)
{
    static const uint16_t positions[] = { RING_EVENT_WRAP, 0 };
    (void)state;
    struct world world = { .ram = new_ram() };
    if (!store_trace_init(&first, world.ram, PAGE)) {
        munmap(world.ram, 2 * PAGE);
        print_message("skipped: single stores can be stopped at on x86-64 only\n");
        skip();
    }
    spare = new_ram();
    uint8_t *ram_again = new_ram();
    store_trace_init(&second, ram_again, PAGE);
    takeovers = 0;
    for (uint32_t size = 1; size <= 3; size++) {
        for (unsigned i = 0; i < 2 * sizeof(positions) / sizeof(positions[0]); i++) {
            /* At the beginning of a lap and at its end. */
            uint32_t at = i % 2 ? size - 1 : 0;
            struct history history = { .size = size,
                                       .position = (uint16_t)(positions[i / 2] | at),
                                       .twice = size < 3 };
            if (size == 1 && at != 0) {
                continue;
            }
            try_all(&history, size < 3 ? 6 : 7, &world);
        }
    }
    printf("%u takeovers\n", takeovers);
    assert_in_range(takeovers, 10000, UINT32_MAX);
    store_trace_fini(&first);
    store_trace_fini(&second);
    munmap(world.ram, 2 * PAGE);
    munmap(spare, 2 * PAGE);
    munmap(ram_again, 2 * PAGE);
}

/* ---- Nonsense ---- */

/* A region with a free list of three entries and a chain of one in flight (size 4). */
static void make_region(struct world *world, struct backend *backend)
{
    const struct history history = { .size = MOST, .position = RING_EVENT_WRAP };
    begin(&history, world);
    assert_null(start(backend, world->ram, MOST, RING_EVENT_WRAP));
    assert_true(add(&world->driver, world->ram, 2));
    assert_true(add(&world->driver, world->ram, 1));
    assert_int_equal(pop(backend, world->ram), 0);
    stop(backend);
}

static void nonsense_is_refused(void **state)
{
    struct world world = { .ram = new_ram() };
    struct vhost_user_inflight_packed *region = (void *)(world.ram + REGION);
    struct vhost_user_inflight_packed_desc *desc = region->desc;
    struct backend backend;
    (void)state;
    /* Entries 0 and 1 are a chain, 2 and 3 are free. */
#define REFUSED(change)                                                     \
    do {                                                                    \
        make_region(&world, &backend);                                      \
        change;                                                             \
        assert_non_null(start(&backend, world.ram, MOST, RING_EVENT_WRAP)); \
        stop(&backend);                                                     \
    } while (0)
    REFUSED(region->version = 2);
    REFUSED(region->desc_num = MOST - 1);
    REFUSED(region->used |= MOST);                   /* used_idx */
    REFUSED(region->used |= UINT64_C(0xffff) << 16); /* old_used_idx */
    REFUSED(region->used |= UINT64_C(2) << 32);      /* wrap counters */
    REFUSED(region->used |= UINT64_C(2) << 40);
    REFUSED(desc[3].next = 2);                                       /* The free list is a loop, */
    REFUSED(desc[2].next = 1);                                       /* has entries of a chain, */
    REFUSED(region->free_head = region->old_free_head = 3);          /* misses one, */
    REFUSED(region->free_head = region->old_free_head = UINT16_MAX); /* or all. */
    REFUSED(desc[0].num = 0);
    REFUSED(desc[0].num = 1);
    REFUSED(desc[0].num = 3);
    REFUSED(desc[0].num = UINT16_MAX);
    REFUSED(desc[0].next = 0); /* The chain is a loop, */
    REFUSED(desc[0].next = 2); /* has free entries, */
    REFUSED(desc[0].next = MOST);
    REFUSED(desc[0].in_flight = 0); /* or is nobody's. */
#undef REFUSED
    /* What the guest could have written itself is its mistake. */
#define FAILS(change)                                                   \
    do {                                                                \
        make_region(&world, &backend);                                  \
        change;                                                         \
        assert_null(start(&backend, world.ram, MOST, RING_EVENT_WRAP)); \
        assert_int_equal(pop(&backend, world.ram), -1);                 \
        assert_non_null(vmmp_virtqueue_error(&backend.queue.vq));       \
        stop(&backend);                                                 \
    } while (0)
    FAILS(desc[0].addr = RAM - 8);
    FAILS(desc[1].len = UINT32_MAX);
    FAILS(desc[0].flags &= (uint16_t)~VIRTQ_DESC_F_NEXT);
    FAILS(desc[1].flags |= VIRTQ_DESC_F_NEXT);
    FAILS(desc[0].flags |= VIRTQ_DESC_F_INDIRECT);
    FAILS(desc[1].flags = 0); /* Readable after writable. */
#undef FAILS
    munmap(world.ram, 2 * PAGE);
}

/* Whatever bytes are changed: refused, or no more is taken than the ring has. */
static void a_region_may_hold_anything(void **state)
{
    struct world world = { .ram = new_ram() };
    struct backend backend;
    uint32_t seed = 1;
    const size_t size = sizeof(struct vhost_user_inflight_packed) +
                        MOST * sizeof(struct vhost_user_inflight_packed_desc);
    (void)state;
    unsigned started = 0;
    for (unsigned i = 0; i < 20000; i++) {
        make_region(&world, &backend);
        for (unsigned n = i % 4; n < 4; n++) {
            seed = seed * 1664525 + 1013904223;
            world.ram[REGION + (seed >> 8) % size] = (uint8_t)((seed >> 24) % (i % 2 ? 8 : 255));
        }
        if (start(&backend, world.ram, MOST, RING_EVENT_WRAP)) {
            stop(&backend);
            continue;
        }
        started++;
        unsigned entries = 0;
        struct vmmp_virtqueue_chain chain = { .iov = backend.iov, .capacity = MOST };
        while (vmmp_virtio_pop(&backend.device, 0, &chain)) {
            entries += chain.token.entries;
            assert_in_range(entries, 1, MOST);
            vmmp_virtio_push(&backend.device, 0, &chain.token, 8);
        }
        vmmp_virtio_flush(&backend.device, 0);
        stop(&backend);
    }
    assert_in_range(started, 100, 19000);
    munmap(world.ram, 2 * PAGE);
}

int test_vhost_inflight(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_back_end_may_die_after_any_store),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_region_may_hold_anything),
    };
    return cmocka_run_group_tests_name("vhost_inflight", tests, NULL, NULL);
}
