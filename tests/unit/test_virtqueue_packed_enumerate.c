/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every packed ring over small alphabets, against a model that knows nothing of how the library
 * does it: all rings of 2 and of 3 entries at every place, and all short histories of a queue.
 */
#include "vmmp_test.h"

#include "support/virtqueue_rig.h"

#define INDIRECT  (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX (UINT64_C(1) << VIRTIO_F_EVENT_IDX)
#define PACKED    (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define N         VIRTQ_DESC_F_NEXT
#define W         VIRTQ_DESC_F_WRITE
#define I         VIRTQ_DESC_F_INDIRECT
#define A         VIRTQ_DESC_F_AVAIL
#define U         VIRTQ_DESC_F_USED
#define BUFFER    (RIG_RAM + 0x8000)
#define TABLE     (RIG_RAM + 0x4000)
#define NOWHERE   (RIG_RAM - 0x1000)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

int test_virtqueue_packed_enumerate(void);

struct shape {
    uint64_t gpa;
    uint32_t len;
    uint16_t flags; /* With AVAIL and USED. */
};

enum result { NOTHING, GOOD, BAD };

struct outcome {
    enum result result;
    unsigned readable;
    unsigned writable;
    unsigned entries;
    uint32_t lens[8];
};

/* One buffer of the chain; false if it is a mistake. */
static bool take(struct outcome *outcome, const struct shape *desc, bool *answering)
{
    bool writable = desc->flags & W;
    if (*answering && !writable) {
        return false;
    }
    *answering = writable;
    if (desc->len == 0) {
        return true;
    }
    if (desc->gpa < RIG_RAM || desc->gpa + desc->len > RIG_RAM + RIG_RAM_SIZE) {
        return false;
    }
    outcome->lens[outcome->readable + outcome->writable] = desc->len;
    outcome->readable += !writable;
    outcome->writable += writable;
    return true;
}

/* The specification, step by step: 2.8.1, 2.8.6, 2.8.7. `table` is what lies at TABLE. */
static struct outcome model(const struct shape *ring, unsigned size, unsigned place,
                            const struct shape *table)
{
    const struct outcome bad = { .result = BAD };
    struct outcome outcome = { .result = GOOD };
    bool answering = false;

    for (unsigned i = 0;; i++) {
        unsigned at = place + i;
        const struct shape *desc = &ring[at % size];
        bool available = (desc->flags & (A | U)) == (at / size % 2 ? U : A);
        if (!available) {
            return i == 0 ? (struct outcome){ .result = NOTHING } : bad;
        }
        outcome.entries++;
        if (desc->flags & I) {
            unsigned count = desc->len / 16;
            if (i > 0 || (desc->flags & N) || count == 0 || count > size || desc->gpa == NOWHERE) {
                return bad;
            }
            for (unsigned t = 0; t < count; t++) {
                static const struct shape zero;
                if (!take(&outcome, desc->gpa == TABLE ? &table[t] : &zero, &answering)) {
                    return bad;
                }
            }
            return outcome;
        }
        if (!take(&outcome, desc, &answering)) {
            return bad;
        }
        if (!(desc->flags & N)) {
            return outcome;
        }
    }
}

static void put(struct virtq_packed_desc *desc, const struct shape *shape, unsigned id)
{
    virtio_driver_put_packed(desc, shape->gpa, shape->len, id, shape->flags);
}

/* Plain comparisons: cmocka's cost more than what is tested. */
static void check(struct virtqueue_rig *rig, const struct shape *ring, unsigned place,
                  const struct shape *table)
{
    unsigned size = rig->config.size;
    struct outcome expected = model(ring, size, place, table);

    vmmp_virtqueue_enable(&rig->vq, &rig->memory, &rig->config);
    /* As after `place` entries. */
    rig->vq.ring.avail_at = place % size;
    rig->vq.ring.used_at = place % size;
    if (place >= size) {
        rig->vq.ring.expected = (uint64_t)U << VIRTQ_PACKED_FLAGS_SHIFT;
        rig->vq.ring.used_flags = 0;
    }
    bool popped = vmmp_virtqueue_pop(&rig->vq, &rig->chain);
    bool same = popped == (expected.result == GOOD) &&
                (vmmp_virtqueue_error(&rig->vq) != NULL) == (expected.result == BAD);
    if (popped && same) {
        unsigned last = (place + expected.entries - 1) % size;
        same = rig->chain.readable == expected.readable &&
               rig->chain.writable == expected.writable && rig->chain.token.id == 7 + last &&
               rig->chain.token.entries == expected.entries &&
               rig->vq.ring.avail_at == (place + expected.entries) % size;
        for (unsigned i = 0; same && i < expected.readable + expected.writable; i++) {
            same = rig->iov[i].len == expected.lens[i] && (uint8_t *)rig->iov[i].base >= rig->ram &&
                   (uint8_t *)rig->iov[i].base + rig->iov[i].len <= rig->ram + RIG_RAM_SIZE;
        }
    }
    if (!same) {
        for (unsigned i = 0; i < size; i++) {
            print_error("entry %u: gpa %llx len %u flags %x\n", i, (unsigned long long)ring[i].gpa,
                        ring[i].len, ring[i].flags);
        }
        const char *error = vmmp_virtqueue_error(&rig->vq);
        fail_msg("place %u: popped %d, expected %d: %s", place, popped, expected.result,
                 error ? error : "no error");
    }
}

/* What an indirect table of two may be. */
static const struct shape table_shapes[] = {
    { BUFFER, 16, 0 },     { BUFFER, 16, W }, { BUFFER, 0, W },
    { BUFFER, 16, N | I }, { TABLE, 16, I },  { NOWHERE, 16, W },
};

static void all_rings_of_two(void **state)
{
    static const uint64_t gpas[] = { BUFFER, TABLE, NOWHERE };
    static const uint32_t lens[] = { 0, 16, 32 };
    static const uint16_t flags[] = { 0, N, W, N | W, I, I | N };
    static struct shape shapes[LENGTH(gpas) * LENGTH(lens) * LENGTH(flags) * 4];
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    unsigned count = 0;

    (void)state;
    for (unsigned i = 0; i < LENGTH(shapes); i++) {
        unsigned bits = i / 54;
        /* One that is not available is enough of its kind. */
        if (bits == 1 || bits == 2 || i % 54 == 1) {
            shapes[count++] = (struct shape){ gpas[i % 3], lens[i / 3 % 3],
                                              (uint16_t)(flags[i / 9 % 6] | (bits & 1 ? A : 0) |
                                                         (bits & 2 ? U : 0)) };
        }
    }
    virtqueue_rig_init(rig, 2, PACKED | INDIRECT);
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    struct virtq_packed_desc *table = virtio_driver_at(&rig->driver, TABLE, 32);
    for (unsigned t = 0; t < LENGTH(table_shapes) * LENGTH(table_shapes); t++) {
        const struct shape tables[2] = { table_shapes[t % LENGTH(table_shapes)],
                                         table_shapes[t / LENGTH(table_shapes)] };
        put(&table[0], &tables[0], 1);
        put(&table[1], &tables[1], 2);
        for (unsigned a = 0; a < count; a++) {
            put(&ring[0], &shapes[a], 7);
            for (unsigned b = 0; b < count; b++) {
                const struct shape both[2] = { shapes[a], shapes[b] };
                if (t > 0 && !((shapes[a].flags | shapes[b].flags) & I)) {
                    continue;
                }
                put(&ring[1], &shapes[b], 8);
                for (unsigned place = 0; place < (t ? 2 : 4); place++) {
                    check(rig, both, place, tables);
                }
            }
        }
    }
    virtqueue_rig_fini(rig);
    free(rig);
}

/* Rings of `size` over a smaller alphabet; 6 is where the quick way begins to be taken. */
static void all_rings(unsigned size, const struct shape *shapes, unsigned count)
{
    static const struct shape zeroes[8]; /* That is what TABLE holds. */
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    unsigned total = 1;
    for (unsigned i = 0; i < size; i++) {
        total *= count;
    }
    virtqueue_rig_init(rig, size, PACKED | INDIRECT);
    struct virtq_packed_desc *ring = rig->driver.queues[0].packed.ring;
    for (unsigned all = 0; all < total; all++) {
        struct shape shape[8];
        unsigned rest = all;
        for (unsigned i = 0; i < size; i++, rest /= count) {
            shape[i] = shapes[rest % count];
            put(&ring[i], &shape[i], 7 + i);
        }
        for (unsigned place = 0; place < 2 * size; place++) {
            check(rig, shape, place, zeroes);
        }
    }
    virtqueue_rig_fini(rig);
    free(rig);
}

static void all_rings_of_three(void **state)
{
    static struct shape shapes[2 * 7 + 1];
    static const struct shape kinds[] = {
        { BUFFER, 16, 0 }, { BUFFER, 32, W },      { BUFFER, 16, N }, { BUFFER, 32, N | W },
        { BUFFER, 0, N },  { NOWHERE, 16, N | W }, { TABLE, 16, I },
    };
    (void)state;
    for (unsigned i = 0; i < 14; i++) {
        shapes[i] = kinds[i / 2];
        shapes[i].flags |= i % 2 ? U : A;
    }
    shapes[14] = (struct shape){ BUFFER, 16, A | U };
    all_rings(3, shapes, 15);
}

static void all_rings_of_six(void **state)
{
    static const struct shape shapes[] = {
        { BUFFER, 16, A },     { BUFFER, 16, N | A }, { BUFFER, 32, N | W | A },
        { BUFFER, 16, W | A }, { BUFFER, 16, N | U },
    };
    (void)state;
    all_rings(6, shapes, LENGTH(shapes));
}

/* ---- Histories ---- */

enum step { ADD, ADD_TWO, POP, PUSH_OLDEST, PUSH_NEWEST, FLUSH, WAIT, QUIET, STEPS };

#define HISTORY 6

/* What a queue has to know, in numbers that do not wrap. */
struct ledger {
    unsigned added;
    unsigned popped;
    uint16_t ids[2 * HISTORY]; /* Of those added. */
    struct vmmp_virtqueue_token tokens[2 * HISTORY];
    unsigned in_flight; /* Tokens from there on. */
    uint16_t pushed[2 * HISTORY];
    unsigned pushed_count; /* And not shown. */
    unsigned shown;
};

static bool add(struct virtqueue_rig *rig, struct ledger *ledger, unsigned entries)
{
    const struct virtio_driver_buffer buffers[2] = { { BUFFER, 16, true }, { BUFFER, 16, true } };
    if (rig->driver.queues[0].packed.free >= entries) {
        ledger->ids[ledger->added++] = virtio_driver_add(&rig->driver, 0, buffers, entries);
    }
    return true;
}

static bool push(struct virtqueue_rig *rig, struct ledger *ledger, unsigned index)
{
    if (ledger->in_flight > 0) {
        vmmp_virtqueue_push(&rig->vq, &ledger->tokens[index], 5);
        ledger->pushed[ledger->pushed_count++] = ledger->tokens[index].id;
        ledger->in_flight--;
        memmove(&ledger->tokens[index], &ledger->tokens[index + 1],
                (ledger->in_flight - index) * sizeof(ledger->tokens[0]));
    }
    return true;
}

/* The driver sees what was pushed, in that order, and nothing else. */
static bool flush(struct virtqueue_rig *rig, struct ledger *ledger)
{
    uint32_t id;
    uint32_t len;
    bool interrupt = vmmp_virtqueue_flush(&rig->vq);
    bool right = interrupt == (ledger->pushed_count > 0);
    for (unsigned i = 0; i < ledger->pushed_count; i++) {
        right = right && virtio_driver_used(&rig->driver, 0, &id, &len) &&
                id == ledger->pushed[i] && len == 5;
    }
    ledger->pushed_count = 0;
    return right;
}

static bool step_is_right(struct virtqueue_rig *rig, struct ledger *ledger, enum step step)
{
    const struct virtio_driver_packed *packed = &rig->driver.queues[0].packed;
    unsigned flags;
    bool result;

    switch (step) {
    case ADD:
        return add(rig, ledger, 1);
    case ADD_TWO:
        return add(rig, ledger, 2);
    case POP:
        result = vmmp_virtqueue_pop(&rig->vq, &rig->chain);
        if (result != (ledger->popped < ledger->added)) {
            return false;
        }
        if (result) {
            ledger->tokens[ledger->in_flight++] = rig->chain.token;
            return rig->chain.token.id == ledger->ids[ledger->popped++];
        }
        return true;
    case PUSH_OLDEST:
        return push(rig, ledger, 0);
    case PUSH_NEWEST:
        return push(rig, ledger, ledger->in_flight ? ledger->in_flight - 1 : 0);
    case FLUSH:
        return flush(rig, ledger);
    case WAIT:
        result = vmmp_virtqueue_enable_notifications(&rig->vq);
        flags = vmmp_le16_get(packed->device_event->flags);
        return result == (ledger->popped < ledger->added) &&
               flags ==
                   (result || !rig->vq.event_idx ? RING_EVENT_FLAGS_ENABLE : RING_EVENT_FLAGS_DESC);
    default:
        vmmp_virtqueue_disable_notifications(&rig->vq);
        return vmmp_le16_get(packed->device_event->flags) == RING_EVENT_FLAGS_DISABLE;
    }
}

static void all_histories(uint32_t size, uint64_t features)
{
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    unsigned total = 1;

    virtqueue_rig_init(rig, size, features);
    for (unsigned i = 0; i < HISTORY; i++) {
        total *= STEPS;
    }
    for (unsigned history = 0; history < total; history++) {
        struct ledger ledger;
        uint32_t id;
        uint32_t len;
        memset(&ledger, 0, sizeof(ledger));
        virtqueue_rig_restart(rig);
        for (unsigned i = 0, rest = history; i < HISTORY; i++, rest /= STEPS) {
            if (!step_is_right(rig, &ledger, (enum step)(rest % STEPS)) ||
                virtio_driver_used(&rig->driver, 0, &id, &len) || vmmp_virtqueue_error(&rig->vq)) {
                fail_msg("queue of %u, features %llx, history %u fails at step %u", size,
                         (unsigned long long)features, history, i);
            }
        }
    }
    virtqueue_rig_fini(rig);
    free(rig);
}

static void all_histories_of_two(void **state)
{
    (void)state;
    all_histories(2, PACKED);
}

static void all_histories_of_three(void **state)
{
    (void)state;
    all_histories(3, PACKED | EVENT_IDX);
}

int test_virtqueue_packed_enumerate(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rings_of_two),       cmocka_unit_test(all_rings_of_three),
        cmocka_unit_test(all_rings_of_six),       cmocka_unit_test(all_histories_of_two),
        cmocka_unit_test(all_histories_of_three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
