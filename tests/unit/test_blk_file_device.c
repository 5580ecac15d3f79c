/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk over an image file and an event loop: kicks from two threads, completions in a third.
 */
#include "support/event_loop.h"

#include <hosted/blk_file.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_blk_internal.h"

#define SIZE     (1u << 20)
#define REQUESTS 8u
#define QUEUES   2u
#define ROUNDS   40u
#define BATCH    6u

int test_blk_file_device(void);

struct machine {
    struct virtio_rig rig;
    struct runner runner;
    char path[64];
    struct hosted_blk_file *file;
    struct vmmp_virtio_blk blk;
    struct vmmp_virtio_blk_request requests[REQUESTS];
    struct vmmp_virtio_pci pci;
    struct virtio_driver driver;
    pthread_mutex_t selecting; /* A kick of the driver's selects the queue first. */
    uint64_t memory[QUEUES];   /* 64 KiB of guest memory for each queue's thread. */
};

static int setup_with(void **state, bool only_threads)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    const struct hosted_blk_file_options options = { .only_threads = only_threads };
    const struct vmmp_virtio_blk_options blk_options = { .queues = QUEUES };
    char message[HOSTED_BLK_FILE_MESSAGE];
    pthread_mutex_init(&machine->selecting, NULL);
    virtio_rig_init(&machine->rig, false, false);
    runner_start(&machine->runner);
    snprintf(machine->path, sizeof(machine->path), "/tmp/vmmp-blk-XXXXXX");
    int fd = mkstemp(machine->path);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    close(fd);
    assert_int_equal(
        hosted_blk_file_open(&machine->file, machine->path, &options, message, sizeof(message)), 0);
    const struct vmmp_blk_backend backend = hosted_blk_file_backend(machine->file);
    assert_int_equal(vmmp_virtio_blk_init(&machine->blk, &backend, machine->requests, REQUESTS,
                                          &blk_options, &machine->rig.memory, &machine->rig.log,
                                          &machine->runner.host),
                     0);
    assert_int_equal(
        hosted_blk_file_attach(machine->file, machine->runner.loop, &machine->blk.virtio.context),
        0);
    assert_int_equal(vmmp_virtio_pci_init(&machine->pci, &machine->blk.virtio, NULL), 0);
    virtio_rig_plug(&machine->rig, &machine->pci);
    virtio_driver_init(&machine->driver, &virtio_driver_pci_modern, &machine->pci.modern,
                       &machine->rig.memory, VIRTIO_RIG_RAM, VIRTIO_RIG_RAM_SIZE);
    for (unsigned i = 0; i < QUEUES; i++) {
        machine->memory[i] = virtio_driver_alloc(&machine->driver, 65536, 4096);
    }
    *state = machine;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, false);
}

static int setup_threads(void **state)
{
    return setup_with(state, true);
}

static int teardown(void **state)
{
    struct machine *machine = *state;
    vmmp_virtio_pci_fini(&machine->pci);
    vmmp_virtio_blk_fini(&machine->blk);
    assert_int_equal(machine->blk.in_flight, 0);
    hosted_blk_file_close(machine->file);
    runner_end(&machine->runner);
    virtio_rig_fini(&machine->rig);
    pthread_mutex_destroy(&machine->selecting);
    unlink(machine->path);
    free(machine);
    return 0;
}

/* One guest thread with a queue of its own and a half of the disk of its own. */
struct guest {
    struct machine *machine;
    unsigned queue;
    unsigned bad;
    pthread_t thread;
};

/* The guest thread's memory: a header, a status and a sector for each of a batch. */
static uint64_t place(const struct guest *guest, unsigned i, unsigned offset)
{
    return guest->machine->memory[guest->queue] + i * 1024 + offset;
}

static void add(struct guest *guest, unsigned i, uint32_t type, uint64_t sector)
{
    struct virtio_driver *driver = &guest->machine->driver;
    struct virtio_blk_header header = { vmmp_le32(type), { 0 }, vmmp_le64(sector) };
    memcpy(virtio_driver_at(driver, place(guest, i, 0), 16), &header, sizeof(header));
    const struct virtio_driver_buffer buffers[] = {
        { place(guest, i, 0), 16, false },
        { place(guest, i, 512), 512, type == VIRTIO_BLK_T_IN },
        { place(guest, i, 16), 1, true },
    };
    virtio_driver_add(driver, guest->queue, buffers, 3);
}

static void finish_batch(struct guest *guest)
{
    struct virtio_driver *driver = &guest->machine->driver;
    uint32_t id, written;
    pthread_mutex_lock(&guest->machine->selecting);
    virtio_driver_kick(driver, guest->queue);
    pthread_mutex_unlock(&guest->machine->selecting);
    for (unsigned done = 0; done < BATCH;) {
        if (virtio_driver_used(driver, guest->queue, &id, &written)) {
            done++;
        } else {
            usleep(50);
        }
    }
    for (unsigned i = 0; i < BATCH; i++) {
        guest->bad += *(uint8_t *)virtio_driver_at(driver, place(guest, i, 16), 1) != 0;
    }
}

static void *guest_main(void *cookie)
{
    struct guest *guest = cookie;
    struct virtio_driver *driver = &guest->machine->driver;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t sector = guest->queue * SIZE / 1024 + round * BATCH;
        for (unsigned i = 0; i < BATCH; i++) {
            memset(virtio_driver_at(driver, place(guest, i, 512), 512), (int)(round * 7 + i), 512);
            add(guest, i, VIRTIO_BLK_T_OUT, sector + i);
        }
        finish_batch(guest);
        for (unsigned i = 0; i < BATCH; i++) {
            memset(virtio_driver_at(driver, place(guest, i, 512), 512), 0xee, 512);
            add(guest, i, VIRTIO_BLK_T_IN, sector + i);
        }
        finish_batch(guest);
        for (unsigned i = 0; i < BATCH; i++) {
            const uint8_t *data = virtio_driver_at(driver, place(guest, i, 512), 512);
            guest->bad += data[0] != (uint8_t)(round * 7 + i) || data[511] != data[0];
        }
    }
    return NULL;
}

static void two_queues_two_threads(void **state)
{
    struct machine *machine = *state;
    struct guest guests[QUEUES];
    assert_true(virtio_driver_start(&machine->driver, UINT64_MAX, QUEUES));
    for (unsigned i = 0; i < QUEUES; i++) {
        guests[i] = (struct guest){ .machine = machine, .queue = i };
        assert_int_equal(pthread_create(&guests[i].thread, NULL, guest_main, &guests[i]), 0);
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        pthread_join(guests[i].thread, NULL);
        assert_int_equal(guests[i].bad, 0);
    }
    assert_int_equal(machine->blk.statistics.reads, QUEUES * ROUNDS * BATCH);
    assert_int_equal(machine->blk.statistics.failed, 0);
}

/* At whatever moment it comes, nothing is in flight when status reads 0. */
static void reset_at_any_moment(void **state)
{
    struct machine *machine = *state;
    struct guest guest = { .machine = machine };
    uint64_t free_memory = machine->driver.next_gpa;
    for (unsigned round = 0; round < ROUNDS; round++) {
        machine->driver.next_gpa = free_memory;
        /* Writes that are to be stable, so there are flushes or the like in flight too. */
        assert_true(virtio_driver_start(&machine->driver, UINT64_C(1) << 32, 1));
        for (unsigned i = 0; i < BATCH; i++) {
            add(&guest, i, i % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, i);
        }
        add(&guest, BATCH, VIRTIO_BLK_T_FLUSH, 0);
        virtio_driver_kick(&machine->driver, 0);
        usleep(round * 10);
        virtio_driver_reset(&machine->driver);
        assert_int_equal(virtio_driver_pci_modern.status(&machine->pci.modern), 0);
        vmmp_context_enter(&machine->blk.virtio.context);
        assert_int_equal(machine->blk.in_flight, 0);
        vmmp_context_leave(&machine->blk.virtio.context);
    }
    assert_int_equal(machine->blk.statistics.failed, 0);
}

#define TEST(test)                                          \
    cmocka_unit_test_setup_teardown(test, setup, teardown), \
        cmocka_unit_test_setup_teardown(test, setup_threads, teardown)

int test_blk_file_device(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_queues_two_threads),
        TEST(reset_at_any_moment),
    };
    return cmocka_run_group_tests_name("blk_file_device", tests, NULL, NULL);
}
