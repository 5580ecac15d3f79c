/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices when their host fails: each call that making a device takes, each call of a backend, each
 * look for guest memory fails in its turn, until there is none left to fail. What fails says so or
 * waits, nothing is lost for good, and after a reset the device does all that it did before.
 */
#include "vmmp_test.h"

#include "support/fixture.h"
#include "support/hostile_machine.h"
#include "virtio/virtio_blk_internal.h"
#include "virtio/virtio_spec.h"

int test_device_faults(void);

/* ---- Work that a device of each kind does ---- */

#define ROUNDS 3

/* A request of the device's queue: what there is to read, and room for the answer. */
struct request {
    unsigned queue;
    uint32_t len;
    uint32_t room;
    bool provoked; /* It comes back when the device has something to say. */
};

static struct request request_of(enum victim kind, unsigned number)
{
    static const struct request requests[VICTIMS][2] = {
        [VICTIM_CONSOLE] = { { 1, 32, 0, false }, { 0, 0, 32, true } },
        [VICTIM_CONSOLE_PORTS] = { { 1, 32, 0, false }, { 3, 8, 0, false } },
        [VICTIM_NET] = { { 1, 128, 0, false }, { 0, 0, 256, true } },
        [VICTIM_BLK] = { { 0, 16, 513, false }, { 0, 16 + 512, 1, false } },
        [VICTIM_RNG] = { { 0, 0, 64, false }, { 0, 0, 100, false } },
        [VICTIM_BALLOON] = { { 0, 8, 0, false }, { 1, 8, 0, false } },
        [VICTIM_VSOCK] = { { 1, 44, 0, false }, { 0, 0, 256, true } },
    };
    return requests[kind][number % 2];
}

/* Contents that the device takes for good. */
static void fill_in(struct hostile_machine *machine, unsigned number)
{
    uint8_t *bytes = virtio_driver_at(&machine->driver, machine->hostile.buffer, 1024);
    memset(bytes, 0, 1024);
    if (machine->kind == VICTIM_BLK) {
        const struct virtio_blk_header header = { vmmp_le32(number % 2 ? VIRTIO_BLK_T_OUT
                                                                       : VIRTIO_BLK_T_IN),
                                                  vmmp_le32(0), vmmp_le64(number) };
        memcpy(bytes, &header, sizeof(header));
    } else if (machine->kind == VICTIM_BALLOON) {
        const vmmp_le32_t frame = vmmp_le32((uint32_t)(machine->hostile.buffer / 4096) + 8);
        memcpy(bytes, &frame, sizeof(frame));
        memcpy(bytes + 4, &frame, sizeof(frame));
    } else if (machine->kind == VICTIM_VSOCK) {
        const struct vmmp_vsock_packet packet = { .src_cid = 7, .dst_cid = 2, .type = 1, .op = 5 };
        vmmp_vsock_packet_store(&packet, bytes);
    }
}

static bool broken(const struct hostile_machine *machine)
{
    return machine->driver.transport->status(machine->driver.device) & VIRTIO_STATUS_NEEDS_RESET;
}

/* How many of the requests came back; `failures` of them with an error of the disk's. */
static unsigned work(struct hostile_machine *machine, unsigned *failures)
{
    unsigned back = 0;
    *failures = 0;
    for (unsigned i = 0; i < 2 * ROUNDS && !broken(machine); i++) {
        struct request request = request_of(machine->kind, i);
        uint64_t answer = machine->hostile.buffer + 0x1000;
        const struct virtio_driver_buffer buffers[] = {
            { machine->hostile.buffer, request.len, false }, { answer, request.room, true }
        };
        uint32_t id;
        uint32_t len;
        fill_in(machine, i);
        virtio_driver_add(&machine->driver, request.queue, request.len ? buffers : &buffers[1],
                          request.len && request.room ? 2 : 1);
        hostile_machine_aim(machine, request.queue);
        vmmp_virtio_hostile_strike(&machine->hostile);
        hostile_machine_settle(machine);
        while (virtio_driver_used(&machine->driver, request.queue, &id, &len)) {
            back++;
        }
        if (machine->kind == VICTIM_BLK) {
            uint8_t *status = virtio_driver_at(&machine->driver, answer + request.room - 1, 1);
            *failures += *status != VIRTIO_BLK_S_OK;
        }
    }
    return back;
}

static void start(struct hostile_machine *machine, uint64_t mark)
{
    machine->driver.next_gpa = mark;
    assert_true(virtio_driver_start(&machine->driver, UINT64_MAX, machine->hostile.queues));
    if (machine->kind == VICTIM_CONSOLE) {
        /* Input that nobody took earlier is not offered again. */
        hostile_machine_settle(machine);
    }
}

/* ---- Backends ---- */

static void backend_of(enum victim kind, const struct virtio_driver_transport *transport,
                       bool packed)
{
    struct hostile_machine *machine = hostile_machine_make(kind, transport, true, packed);
    uint64_t mark = machine->driver.next_gpa;
    unsigned failures;

    start(machine, mark);
    machine->calls = 0;
    unsigned whole = work(machine, &failures);
    unsigned calls = machine->calls;
    assert_int_equal(failures, 0);
    assert_int_equal(whole, 2 * ROUNDS);
    assert_true(calls > 0 || kind == VICTIM_BALLOON);
    for (unsigned n = 1; n <= calls; n++) {
        start(machine, mark);
        machine->calls = 0;
        machine->fail_at = n;
        unsigned back = work(machine, &failures);
        machine->fail_at = 0;
        /* A backend that fails is no mistake of the guest's. */
        assert_false(broken(machine));
        if (back < whole - 1 || back > whole || failures > 1 ||
            (kind == VICTIM_BLK && (failures != 1 || back != whole))) {
            fail_msg("%s: call %u of %u fails: %u of %u requests came back, %u with an error",
                     victim_names[kind], n, calls, back, whole, failures);
        }
        hostile_machine_check_other(machine);
        /* And again, after a reset. */
        start(machine, mark);
        assert_int_equal(work(machine, &failures), whole);
        assert_int_equal(failures, 0);
    }
    print_message("%s: %u calls of its backend failed in turn\n", victim_names[kind], calls);
    hostile_machine_unmake(machine);
}

static void backends(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < VICTIMS; kind++) {
        backend_of((enum victim)kind, &virtio_driver_pci_modern, false);
        backend_of((enum victim)kind, &virtio_driver_mmio, true);
    }
}

/* ---- Guest memory that cannot be mapped ---- */

static unsigned looks_for_memory;
static unsigned missing_at;

/* All of RAM, except when it is the turn of a failure. */
static void *resolve(void *cookie, vmmp_gpa_t gpa, size_t len)
{
    const struct virtio_rig *rig = cookie;
    uint64_t offset = gpa.gpa - VIRTIO_RIG_RAM;
    if (++looks_for_memory == missing_at || offset > VIRTIO_RIG_RAM_SIZE ||
        len > VIRTIO_RIG_RAM_SIZE - offset) {
        return NULL;
    }
    return rig->ram + offset;
}

static void memory_of(enum victim kind, bool packed)
{
    struct hostile_machine *machine =
        hostile_machine_make(kind, &virtio_driver_pci_modern, true, packed);
    uint64_t mark = machine->driver.next_gpa;
    struct vmmp_guest_memory known = machine->rig.memory;
    unsigned failures;
    unsigned looks = 0;

    machine->driver.memory = &known; /* The guest's own memory does not fail it. */
    machine->other_driver.memory = &known;
    for (unsigned n = 0; n == 0 || n <= looks; n++) {
        /* Rings are in memory that is known; buffers have to be looked for. */
        vmmp_guest_memory_init(&machine->rig.memory, resolve, &machine->rig);
        assert_int_equal(vmmp_guest_memory_add(&machine->rig.memory, vmmp_gpa(VIRTIO_RIG_RAM),
                                               machine->hostile.buffer - VIRTIO_RIG_RAM,
                                               machine->rig.ram),
                         0);
        start(machine, mark);
        looks_for_memory = 0;
        missing_at = n;
        unsigned back = work(machine, &failures);
        if (n == 0) {
            looks = looks_for_memory;
            assert_int_equal(back, 2 * ROUNDS);
        }
        /* "buffer is not in RAM"; of pages for the balloon, they are not there to be taken. */
        assert_true(broken(machine) || back == 2 * ROUNDS);
        assert_true(n == 0 || broken(machine) || kind == VICTIM_BALLOON);
        missing_at = 0;
        machine->rig.memory = known;
        hostile_machine_check_other(machine);
        start(machine, mark);
        assert_int_equal(work(machine, &failures), 2 * ROUNDS);
    }
    assert_true(looks > 0);
    print_message("%s: memory was missing %u times\n", victim_names[kind], looks);
    hostile_machine_unmake(machine);
}

static void guest_memory(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < VICTIMS; kind++) {
        memory_of((enum victim)kind, false);
        memory_of((enum victim)kind, true);
    }
}

/* ---- What a VM is asked for when a device is plugged in ---- */

struct plugged {
    struct vmmp_irq_line line;
    struct vmmp_virtio_rng rng;
    struct vmmp_virtio_mmio mmio;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_mmio second;
};

static size_t fill(void *cookie, void *buffer, size_t len)
{
    (void)cookie;
    memset(buffer, 1, len);
    return len;
}

#define FIRST_WINDOW  0x0a000000
#define SECOND_WINDOW 0x0a001000

static void unplug(struct plugged *plugged, unsigned steps)
{
    switch (steps) {
    default:
        vmmp_vm_detach_window(&plugged->second.window);
        /* fallthrough */
    case 6:
        vmmp_virtio_mmio_fini(&plugged->second);
        /* fallthrough */
    case 5:
        vmmp_virtio_console_fini(&plugged->console);
        /* fallthrough */
    case 4:
        vmmp_vm_detach_window(&plugged->mmio.window);
        /* fallthrough */
    case 3:
        vmmp_virtio_mmio_fini(&plugged->mmio);
        /* fallthrough */
    case 2:
        vmmp_virtio_rng_fini(&plugged->rng);
        /* fallthrough */
    case 1:
        vmmp_irq_line_fini(&plugged->line);
        /* fallthrough */
    case 0:
        break;
    }
}

/* 0, or the error of the step that failed; what was made before it is unmade. */
static int plug(struct fixture *f, struct plugged *plugged)
{
    const struct vmmp_entropy entropy = { fill, NULL };
    const struct vmmp_virtio_console_backend backend = { 0 };
    unsigned step = 0;
    int error = 0;
    memset(plugged, 0, sizeof(*plugged));
    while (!error && step < 7) {
        switch (step) {
        case 0:
            error = vmmp_vm_irq_line_init(&f->vmmp, &plugged->line, FIXTURE_IRQ);
            break;
        case 1:
            error = vmmp_virtio_rng_init(&plugged->rng, &entropy, NULL, &f->vmmp.memory, &f->log,
                                         &f->host);
            break;
        case 2:
            error =
                vmmp_virtio_mmio_init(&plugged->mmio, &plugged->rng.virtio, &plugged->line, NULL);
            break;
        case 3:
            error = vmmp_vm_attach_window(&f->vmmp, &plugged->mmio.window, vmmp_gpa(FIRST_WINDOW));
            break;
        case 4:
            error = vmmp_virtio_console_init(&plugged->console, &backend, NULL, &f->vmmp.memory,
                                             &f->log, &f->host);
            break;
        case 5:
            error = vmmp_virtio_mmio_init(&plugged->second, &plugged->console.virtio,
                                          &plugged->line, NULL);
            break;
        default:
            error =
                vmmp_vm_attach_window(&f->vmmp, &plugged->second.window, vmmp_gpa(SECOND_WINDOW));
            break;
        }
        step += !error;
    }
    if (error) {
        unplug(plugged, step);
    }
    return error;
}

/* Interrupts, contexts and address space, as the engine counts them. */
static void plugging_in(void **state)
{
    struct fixture *f = *state;
    struct plugged *plugged = malloc(sizeof(*plugged));
    unsigned failed = 0;

    for (unsigned call = 0; call < HOSTED_CALL_COUNT; call++) {
        for (unsigned n = 1; n < 100; n++) {
            unsigned before = script_calls(&f->vm, (enum hosted_call)call);
            script_fail(&f->vm, (enum hosted_call)call, n);
            int error = plug(f, plugged);
            unsigned made = script_calls(&f->vm, (enum hosted_call)call) - before;
            script_fail(&f->vm, (enum hosted_call)call, 0);
            if (error == 0) {
                unplug(plugged, 7);
            }
            if (made < n) { /* The last one did not fail. */
                assert_int_equal(error, 0);
                break;
            }
            assert_true(error < 0);
            failed++;
            /* Nothing is in the way of another attempt. */
            assert_int_equal(plug(f, plugged), 0);
            assert_int_equal(script_get(f->vcpu, FIRST_WINDOW, 4), 0x74726976);
            assert_int_equal(script_get(f->vcpu, SECOND_WINDOW, 4), 0x74726976);
            unplug(plugged, 7);
        }
    }
    print_message("%u calls failed in turn\n", failed);
    assert_true(failed >= 5);
    free(plugged);
}

int test_device_faults(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backends),
        cmocka_unit_test(guest_memory),
        cmocka_unit_test_setup_teardown(plugging_in, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("device_faults", tests, NULL, NULL);
}
