/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every case of the public table of hostile drivers (vmmp/testing/virtio_hostile.h) against every
 * queue of every device, over every transport and both kinds of rings. After each case the device
 * works again, and an honest one in the same machine still does.
 */
#include "vmmp_test.h"

#include <time.h>

#include "support/hostile_machine.h"
#include "virtio/virtio_spec.h"

int test_hostile_drivers(void);

/* Of processor time; no case does more than some thousand accesses. */
#define MOST_NANOSECONDS UINT64_C(3000000000)

static uint64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static unsigned play_one(struct hostile_machine *machine, const char *how,
                         const struct vmmp_virtio_hostile_case *row)
{
    if (!vmmp_virtio_hostile_applies(&machine->hostile, row)) {
        return 0;
    }
    uint64_t begin = now(CLOCK_THREAD_CPUTIME_ID);
    const char *wrong = vmmp_virtio_hostile_run(&machine->hostile, row);
    uint64_t took = now(CLOCK_THREAD_CPUTIME_ID) - begin;
    if (wrong) {
        fail_msg("%s, %s, queue %u: %s: %s", victim_names[machine->kind], how,
                 machine->hostile.queue, row->name, wrong);
    }
    if (took > MOST_NANOSECONDS) {
        fail_msg("%s, %s, queue %u: %s took %u ms", victim_names[machine->kind], how,
                 machine->hostile.queue, row->name, (unsigned)(took / 1000000));
    }
    hostile_machine_check_other(machine);
    return 1;
}

static unsigned play_all(struct hostile_machine *machine, const char *how)
{
    unsigned played = 0;
    for (unsigned i = 0; i < vmmp_virtio_hostile_count; i++) {
        const struct vmmp_virtio_hostile_case *row = &vmmp_virtio_hostile_cases[i];
        unsigned queues =
            row->category == VMMP_VIRTIO_HOSTILE_RING ? machine->device->queue_count : 1;
        for (unsigned queue = 0; queue < queues; queue++) {
            hostile_machine_aim(machine, queue);
            played += play_one(machine, how, row);
        }
    }
    return played;
}

static void play_against(enum victim kind)
{
    static const struct {
        const char *how;
        const struct virtio_driver_transport *transport;
        bool defers;
        bool packed;
    } ways[] = {
        { "modern, split", &virtio_driver_pci_modern, true, false },
        { "modern, packed", &virtio_driver_pci_modern, true, true },
        { "modern, split, no deferral", &virtio_driver_pci_modern, false, false },
        { "legacy", &virtio_driver_pci_legacy, true, false },
        { "mmio, split", &virtio_driver_mmio, true, false },
        { "mmio, packed, no deferral", &virtio_driver_mmio, false, true },
    };
    uint64_t begin = now(CLOCK_MONOTONIC);
    unsigned played = 0;
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct hostile_machine *machine =
            hostile_machine_make(kind, ways[i].transport, ways[i].defers, ways[i].packed);
        played += play_all(machine, ways[i].how);
        hostile_machine_unmake(machine);
    }
    uint64_t milliseconds = (now(CLOCK_MONOTONIC) - begin) / 1000000 + 1;
    print_message("%s: %u cases, %u a second\n", victim_names[kind], played,
                  (unsigned)(played * UINT64_C(1000) / milliseconds));
}

static void console(void **state)
{
    (void)state;
    play_against(VICTIM_CONSOLE);
}

static void console_with_ports(void **state)
{
    (void)state;
    play_against(VICTIM_CONSOLE_PORTS);
}

static void net(void **state)
{
    (void)state;
    play_against(VICTIM_NET);
}

static void blk(void **state)
{
    (void)state;
    play_against(VICTIM_BLK);
}

static void rng(void **state)
{
    (void)state;
    play_against(VICTIM_RNG);
}

static void balloon(void **state)
{
    (void)state;
    play_against(VICTIM_BALLOON);
}

static void vsock(void **state)
{
    (void)state;
    play_against(VICTIM_VSOCK);
}

int test_hostile_drivers(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console), cmocka_unit_test(console_with_ports),
        cmocka_unit_test(net),     cmocka_unit_test(blk),
        cmocka_unit_test(rng),     cmocka_unit_test(balloon),
        cmocka_unit_test(vsock),
    };
    return cmocka_run_group_tests_name("hostile_drivers", tests, NULL, NULL);
}
