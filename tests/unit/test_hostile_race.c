/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second CPU of a hostile guest: a thread that rewrites rings, tables and event suppression while
 * the devices read them, between any two reads of one walk. What it writes are single atomic
 * stores, as a guest's are, so that ThreadSanitizer speaks of the library's accesses alone. Devices
 * break or go on; they never leave guest memory, and a reset makes them whole.
 */
#include "vmmp_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "support/hostile_machine.h"
#include "virtio/virtio_spec.h"

int test_hostile_race(void);

#define ROUNDS 24
#define KICKS  40

struct mutator {
    pthread_t thread;
    atomic_bool stop;
    atomic_uint stores;
    const struct hostile_machine *machine;
    const struct vmmp_virtio_hostile *hostile;
    struct virtio_driver_queue *queue;
    bool packed;
    uint32_t seed;
};

static uint32_t junk(struct mutator *mutator)
{
    uint32_t x = mutator->seed;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    mutator->seed = x;
    return x;
}

static void store64(vmmp_le64_t *field, uint64_t value)
{
    __atomic_store_n(&field->le, vmmp_le64(value).le, __ATOMIC_RELAXED);
}

/* Mostly data; sometimes the table, sometimes nothing that is RAM. Never a ring. */
static uint64_t address(struct mutator *mutator)
{
    uint32_t x = junk(mutator);
    switch (x & 15) {
    case 0:
        return mutator->hostile->nowhere;
    case 1:
        return UINT64_MAX - (x >> 16);
    case 2:
        return mutator->hostile->ram_end - 8;
    default:
        return mutator->hostile->buffer + 0x1000 + (x >> 20);
    }
}

/*
 * What a descriptor may become. One that points to the table never stops doing so: tables are
 * rewritten too, and a buffer's contents are no business of the library's, which copies them.
 */
enum role { OF_BUFFERS, OF_TABLES, IN_A_TABLE };

/* Descriptors of both kinds have 16 bytes: an address, then a length and the rest. */
static void mutate_descriptor(struct mutator *mutator, vmmp_le64_t *words, enum role role)
{
    uint32_t x = junk(mutator);
    uint32_t size = mutator->queue->size;
    if (x & 1) {
        store64(&words[0], role == OF_TABLES ? mutator->hostile->buffer : address(mutator));
        return;
    }
    /* Either within the memory that is to be written, or larger than RAM. */
    uint64_t len = x & 2   ? x >> 4 & 0xfff
                   : x & 4 ? junk(mutator) & 0x1ffff
                           : UINT32_MAX - (x >> 16);
    uint64_t flags = x >> 8 & 7;
    uint64_t next = junk(mutator) % (size + 1);
    if (role == OF_TABLES) {
        flags |= VIRTQ_DESC_F_INDIRECT;
        len = 16 * (1 + next % 8);
    } else if (role == OF_BUFFERS) {
        flags &= ~(uint64_t)VIRTQ_DESC_F_INDIRECT;
    }
    if (mutator->packed) {
        flags |= x >> 16 & (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED);
        store64(&words[1], len | next << 32 | flags << 48);
    } else {
        store64(&words[1], len | flags << 32 | next << 48);
    }
}

static void mutate_once(struct mutator *mutator)
{
    struct virtio_driver_queue *queue = mutator->queue;
    uint32_t x = junk(mutator);
    vmmp_le64_t *ring = mutator->packed ? (void *)queue->packed.ring : (void *)queue->desc;
    vmmp_le64_t *table = virtio_driver_at(&mutator->machine->driver, mutator->hostile->buffer, 128);

    switch (x & 7) {
    case 0:
        mutate_descriptor(mutator, &table[(size_t)2 * (x >> 8 & 7)], IN_A_TABLE);
        break;
    case 1:
        if (mutator->packed) {
            vmmp_guest_store_le16(&queue->packed.driver_event->off_wrap, (uint16_t)(x >> 8));
            vmmp_guest_store_le16(&queue->packed.driver_event->flags, (uint16_t)(x >> 24 & 3));
        } else {
            vmmp_guest_store_le16(&queue->avail->ring[queue->size], (uint16_t)(x >> 8));
            vmmp_guest_store_le16(&queue->avail->flags, (uint16_t)(x >> 24 & 1));
        }
        break;
    case 2:
        if (!mutator->packed) {
            vmmp_guest_store_le16(&queue->avail->ring[x >> 8 & (queue->size - 1)],
                                  (uint16_t)(junk(mutator) % (queue->size + 1)));
        }
        break;
    case 3: /* Not far ahead, mostly: a jump ends the round. */
        if (!mutator->packed) {
            uint16_t idx = vmmp_guest_load_le16(&queue->avail->idx);
            unsigned step = x & 0xff00 ? x >> 16 & 3 : x >> 16;
            vmmp_guest_store_le16(&queue->avail->idx, (uint16_t)(idx + step));
        }
        break;
    default:
        x = (x >> 8) % queue->size;
        mutate_descriptor(mutator, &ring[(size_t)2 * x], x % 4 == 3 ? OF_TABLES : OF_BUFFERS);
        break;
    }
}

static void *mutate(void *cookie)
{
    struct mutator *mutator = cookie;
    while (!atomic_load_explicit(&mutator->stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < 32; i++) {
            mutate_once(mutator);
        }
        atomic_fetch_add_explicit(&mutator->stores, 32, memory_order_relaxed);
    }
    return NULL;
}

/* Kicks while the other CPU writes; NEEDS_RESET ends a round early. */
static void attack(struct hostile_machine *machine, struct mutator *mutator)
{
    struct vmmp_virtio_hostile *hostile = &machine->hostile;
    uint64_t mark = machine->driver.next_gpa;

    assert_true(virtio_driver_start(&machine->driver, UINT64_MAX, hostile->queues));
    mutator->queue = &machine->driver.queues[hostile->queue];
    mutator->packed = virtio_driver_has(&machine->driver, VIRTIO_F_RING_PACKED);
    atomic_store(&mutator->stop, false);
    unsigned before = atomic_load(&mutator->stores);
    assert_int_equal(pthread_create(&mutator->thread, NULL, mutate, mutator), 0);
    while (atomic_load(&mutator->stores) == before) { /* It runs. */
    }
    for (unsigned kick = 0; kick < KICKS; kick++) {
        vmmp_virtio_hostile_strike(hostile);
        if (machine->driver.transport->status(machine->driver.device) & VIRTIO_STATUS_NEEDS_RESET) {
            break;
        }
    }
    atomic_store(&mutator->stop, true);
    pthread_join(mutator->thread, NULL);
    machine->driver.next_gpa = mark;
    virtio_driver_reset(&machine->driver);
    while (virtio_rig_run(&machine->rig)) {
    }
    assert_int_equal(machine->driver.transport->status(machine->driver.device), 0);
    hostile_machine_check_other(machine);
}

static void race(enum victim kind)
{
    static const struct virtio_driver_transport *const transports[] = { &virtio_driver_pci_modern,
                                                                        &virtio_driver_mmio,
                                                                        &virtio_driver_pci_legacy };
    unsigned rounds = 0;
    unsigned stores = 0;
    for (unsigned way = 0; way < 4; way++) {
        bool packed = way == 3;
        struct hostile_machine *machine =
            hostile_machine_make(kind, transports[way % 3], way != 1, packed);
        struct mutator mutator = { .machine = machine,
                                   .hostile = &machine->hostile,
                                   .seed = 0x12345678u + way };
        for (unsigned round = 0; round < ROUNDS; round++, rounds++) {
            hostile_machine_aim(machine, round % machine->device->queue_count);
            attack(machine, &mutator);
        }
        stores += atomic_load(&mutator.stores);
        hostile_machine_unmake(machine);
    }
    print_message("%s: %u rounds, %u mutations\n", victim_names[kind], rounds, stores);
}

static void console(void **state)
{
    (void)state;
    race(VICTIM_CONSOLE);
}

static void console_with_ports(void **state)
{
    (void)state;
    race(VICTIM_CONSOLE_PORTS);
}

static void net(void **state)
{
    (void)state;
    race(VICTIM_NET);
}

static void blk(void **state)
{
    (void)state;
    race(VICTIM_BLK);
}

static void rng(void **state)
{
    (void)state;
    race(VICTIM_RNG);
}

static void balloon(void **state)
{
    (void)state;
    race(VICTIM_BALLOON);
}

static void vsock(void **state)
{
    (void)state;
    race(VICTIM_VSOCK);
}

int test_hostile_race(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console), cmocka_unit_test(console_with_ports),
        cmocka_unit_test(net),     cmocka_unit_test(blk),
        cmocka_unit_test(rng),     cmocka_unit_test(balloon),
        cmocka_unit_test(vsock),
    };
    return cmocka_run_group_tests_name("hostile_race", tests, NULL, NULL);
}
