/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every ring over small alphabets, against a model that knows nothing of how the library does it:
 * all descriptor tables of queues of 2 and of 4 entries, and all short histories of a queue.
 */
#include "vmmp_test.h"

#include "support/virtqueue_rig.h"

#define INDIRECT  (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX (UINT64_C(1) << VIRTIO_F_EVENT_IDX)
#define N         VIRTQ_DESC_F_NEXT
#define W         VIRTQ_DESC_F_WRITE
#define I         VIRTQ_DESC_F_INDIRECT
#define BUFFER    (RIG_RAM + 0x8000)
#define TABLE     (RIG_RAM + 0x4000)
#define NOWHERE   (RIG_RAM - 0x1000)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

int test_virtqueue_enumerate(void);

struct shape {
    uint64_t gpa;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

struct outcome {
    bool good;
    unsigned readable;
    unsigned writable;
    uint32_t lens[8];
};

static bool in_ram(uint64_t gpa, uint64_t len)
{
    return gpa >= RIG_RAM && gpa + len <= RIG_RAM + RIG_RAM_SIZE;
}

/* The specification, step by step: 2.7.5, 2.7.5.3. `table` is what lies at TABLE. */
static struct outcome model(const struct shape *queue, unsigned size, unsigned head,
                            const struct shape *table)
{
    const struct outcome bad = { .good = false };
    struct outcome outcome = { .good = true };
    const struct shape *descs = queue;
    unsigned count = size;
    unsigned index = head;
    bool inside = false;
    bool answering = false; /* Writable buffers have begun, empty ones included. */

    for (unsigned length = 0; index < count;) {
        const struct shape *desc = &descs[index];
        if (desc->flags & I) {
            unsigned entries = desc->len / 16;
            if (inside || (desc->flags & N) || entries == 0 || entries > size ||
                !in_ram(desc->gpa, desc->len)) {
                return bad;
            }
            if (desc->gpa != TABLE) { /* Zeroes: an empty readable buffer. */
                return answering || length == size ? bad : outcome;
            }
            inside = true;
            descs = table;
            count = entries;
            index = 0;
            continue;
        }
        bool writable = desc->flags & W;
        if (++length > size || (answering && !writable) ||
            (desc->len && !in_ram(desc->gpa, desc->len))) {
            return bad;
        }
        answering = writable;
        if (desc->len) {
            outcome.lens[outcome.readable + outcome.writable] = desc->len;
            outcome.readable += !writable;
            outcome.writable += writable;
        }
        if (!(desc->flags & N)) {
            return outcome;
        }
        index = desc->next;
    }
    return bad;
}

static void put(struct virtq_desc *desc, const struct shape *shape)
{
    virtio_driver_put(desc, shape->gpa, shape->len, shape->flags, shape->next);
}

/* Plain comparisons: cmocka's cost more than what is tested. */
static void check(struct virtqueue_rig *rig, const struct shape *queue, unsigned head,
                  const struct shape *table)
{
    struct outcome expected = model(queue, rig->config.size, head, table);
    struct virtq_avail *avail = rig->driver.queues[0].avail;

    vmmp_virtqueue_enable(&rig->vq, &rig->memory, &rig->config);
    avail->ring[0] = vmmp_le16((uint16_t)head);
    avail->idx = vmmp_le16(1);
    bool good = vmmp_virtqueue_pop(&rig->vq, &rig->chain);
    bool same = good == expected.good && good == (vmmp_virtqueue_error(&rig->vq) == NULL);
    if (good) {
        same = same && rig->chain.readable == expected.readable &&
               rig->chain.writable == expected.writable;
        for (unsigned i = 0; same && i < expected.readable + expected.writable; i++) {
            same = rig->iov[i].len == expected.lens[i] && (uint8_t *)rig->iov[i].base >= rig->ram &&
                   (uint8_t *)rig->iov[i].base + rig->iov[i].len <= rig->ram + RIG_RAM_SIZE;
        }
    }
    if (!same) {
        for (unsigned i = 0; i < rig->config.size; i++) {
            print_error("desc %u: gpa %llx len %u flags %x next %u\n", i,
                        (unsigned long long)queue[i].gpa, queue[i].len, queue[i].flags,
                        queue[i].next);
        }
        for (unsigned i = 0; i < 2; i++) {
            print_error("table %u: gpa %llx len %u flags %x next %u\n", i,
                        (unsigned long long)table[i].gpa, table[i].len, table[i].flags,
                        table[i].next);
        }
        fail_msg("head %u: popped %d, expected %d", head, good, expected.good);
    }
}

/* What an indirect table of two may be. */
static const struct shape table_shapes[] = {
    { BUFFER, 16, 0, 0 },     { BUFFER, 16, W, 5 },  { BUFFER, 16, N, 1 },
    { BUFFER, 16, N | W, 1 }, { BUFFER, 16, N, 0 },  { BUFFER, 0, N | W, 1 },
    { TABLE, 16, I, 0 },      { NOWHERE, 16, W, 0 }, { BUFFER, 16, N | W, 2 },
};

static void all_queues_of_two(void **state)
{
    static const uint64_t gpas[] = { BUFFER, TABLE, NOWHERE };
    static const uint32_t lens[] = { 0, 16, 32 };
    static const uint16_t flags[] = { 0, N, W, N | W, I, I | N };
    static struct shape shapes[LENGTH(gpas) * LENGTH(lens) * LENGTH(flags) * 3];
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    unsigned count = 0;

    (void)state;
    for (unsigned i = 0; i < LENGTH(shapes); i++) {
        struct shape shape = { gpas[i % 3], lens[i / 3 % 3], flags[i / 9 % 6], (uint16_t)(i / 54) };
        /* Without the flag `next` is not looked at: one value of it is enough. */
        if ((shape.flags & N) || shape.next == 2) {
            shapes[count++] = shape;
        }
    }
    virtqueue_rig_init(rig, 2, INDIRECT);
    struct virtq_desc *desc = rig->driver.queues[0].desc;
    struct virtq_desc *table = virtio_driver_at(&rig->driver, TABLE, 32);
    for (unsigned t = 0; t < LENGTH(table_shapes) * LENGTH(table_shapes); t++) {
        const struct shape tables[2] = { table_shapes[t % LENGTH(table_shapes)],
                                         table_shapes[t / LENGTH(table_shapes)] };
        put(&table[0], &tables[0]);
        put(&table[1], &tables[1]);
        for (unsigned a = 0; a < count; a++) {
            put(&desc[0], &shapes[a]);
            for (unsigned b = 0; b < count; b++) {
                const struct shape queue[2] = { shapes[a], shapes[b] };
                /* Tables matter to those that can get there. */
                if (t > 0 && !((shapes[a].flags | shapes[b].flags) & I)) {
                    continue;
                }
                put(&desc[1], &shapes[b]);
                check(rig, queue, 0, tables);
            }
        }
    }
    virtqueue_rig_fini(rig);
    free(rig);
}

static void all_queues_of_four(void **state)
{
    static struct shape shapes[14];
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    unsigned count = 0;

    (void)state;
    shapes[count++] = (struct shape){ BUFFER, 16, 0, 4 };
    shapes[count++] = (struct shape){ BUFFER, 32, W, 0 };
    shapes[count++] = (struct shape){ BUFFER, 0, N, 1 };
    shapes[count++] = (struct shape){ NOWHERE, 8, N, 2 };
    for (unsigned next = 0; next < 5; next++) {
        shapes[count++] = (struct shape){ BUFFER, 16, N, (uint16_t)next };
        shapes[count++] = (struct shape){ BUFFER, 32, N | W, (uint16_t)next };
    }
    assert_int_equal(count, LENGTH(shapes));
    virtqueue_rig_init(rig, 4, INDIRECT);
    struct virtq_desc *desc = rig->driver.queues[0].desc;
    for (unsigned all = 0; all < 14 * 14 * 14 * 14; all++) {
        const struct shape queue[4] = { shapes[all % 14], shapes[all / 14 % 14],
                                        shapes[all / 196 % 14], shapes[all / 2744] };
        for (unsigned i = 0; i < 4; i++) {
            put(&desc[i], &queue[i]);
        }
        for (unsigned head = 0; head < 5; head++) {
            check(rig, queue, head, table_shapes);
        }
    }
    virtqueue_rig_fini(rig);
    free(rig);
}

/* ---- Histories ---- */

enum step { ADD, RUN_AHEAD, POP, PUSH, FLUSH, WAIT, QUIET, STEPS };

/* What a queue has to know, in numbers that do not wrap. */
struct ledger {
    unsigned added;
    unsigned popped;
    unsigned pushed;
    unsigned shown;
    bool broken;
};

static bool step_is_right(struct virtqueue_rig *rig, struct ledger *ledger, enum step step,
                          struct vmmp_virtqueue_token *tokens)
{
    struct virtio_driver_queue *queue = &rig->driver.queues[0];
    unsigned size = queue->size;
    bool result;

    switch (step) {
    case ADD:
    case RUN_AHEAD:
        ledger->added += step == ADD ? 1 : 2;
        vmmp_guest_store_le16(&queue->avail->idx, (uint16_t)ledger->added);
        return true;
    case POP:
        result = vmmp_virtqueue_pop(&rig->vq, &rig->chain);
        /* The index is looked at when nothing known is left. */
        if (!ledger->broken && rig->vq.avail_end == (uint16_t)ledger->popped && !result) {
            ledger->broken = ledger->added - ledger->pushed > size;
        }
        if (result) {
            tokens[ledger->popped++] = rig->chain.token;
            return !ledger->broken && ledger->popped <= ledger->added &&
                   ledger->popped - ledger->pushed <= size;
        }
        return ledger->broken || ledger->popped == ledger->added;
    case PUSH:
        if (ledger->pushed < ledger->popped) {
            vmmp_virtqueue_push(&rig->vq, &tokens[ledger->pushed], 0);
            ledger->pushed++;
        }
        return vmmp_le16_get(queue->used->idx) == (uint16_t)ledger->shown;
    case FLUSH:
        /* used_event is 0 and NO_INTERRUPT is not set. */
        result = vmmp_virtqueue_flush(&rig->vq);
        bool wanted = rig->vq.event_idx ? ledger->shown == 0 && ledger->pushed > 0
                                        : ledger->pushed > ledger->shown;
        ledger->shown = ledger->pushed;
        return result == wanted && vmmp_le16_get(queue->used->idx) == (uint16_t)ledger->shown;
    case WAIT:
        result = vmmp_virtqueue_enable_notifications(&rig->vq);
        ledger->broken = ledger->broken || ledger->added - ledger->pushed > size;
        if (ledger->broken) {
            return !result;
        }
        const vmmp_le16_t *event = (const void *)&queue->used->ring[size];
        return result == (ledger->added > ledger->popped) &&
               (rig->vq.event_idx ? vmmp_guest_load_le16(event) == (uint16_t)ledger->added
                                  : vmmp_le16_get(queue->used->flags) == 0);
    default:
        vmmp_virtqueue_disable_notifications(&rig->vq);
        return rig->vq.event_idx || ledger->broken ||
               vmmp_le16_get(queue->used->flags) == VIRTQ_USED_F_NO_NOTIFY;
    }
}

#define HISTORY 6

static void all_histories(uint32_t size, uint64_t features)
{
    struct virtqueue_rig *rig = malloc(sizeof(*rig));
    unsigned total = 1;

    virtqueue_rig_init(rig, size, features);
    for (unsigned i = 0; i < HISTORY; i++) {
        total *= STEPS;
    }
    for (unsigned history = 0; history < total; history++) {
        struct vmmp_virtqueue_token tokens[2 * HISTORY];
        struct ledger ledger = { 0 };
        virtqueue_rig_restart(rig);
        for (unsigned i = 0; i < size; i++) {
            virtio_driver_put(&rig->driver.queues[0].desc[i], BUFFER, 16, W, 0);
        }
        for (unsigned i = 0, rest = history; i < HISTORY; i++, rest /= STEPS) {
            if (!step_is_right(rig, &ledger, (enum step)(rest % STEPS), tokens)) {
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
    all_histories(2, 0);
    all_histories(2, EVENT_IDX);
}

static void all_histories_of_four(void **state)
{
    (void)state;
    all_histories(4, 0);
    all_histories(4, EVENT_IDX);
}

int test_virtqueue_enumerate(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_queues_of_two),
        cmocka_unit_test(all_queues_of_four),
        cmocka_unit_test(all_histories_of_two),
        cmocka_unit_test(all_histories_of_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
