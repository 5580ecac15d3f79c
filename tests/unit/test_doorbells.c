/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells from the guest's write to the used ring: a console on each transport of a scripted VM,
 * hosted_doorbells on a real event loop. The guest's writes that a doorbell takes never reach the
 * device's window; all others do.
 */
#include "support/fixture.h"

#include "vmmp_test.h"

#include <stdatomic.h>

#include <hosted/doorbells.h>
#include <sel4vmmplatsupport/vmmp/crossvm.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>
#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "support/virtio_driver.h"
#include "support/virtio_rig.h"
#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_spec.h"

#define MMIO      UINT64_C(0xa000000)
#define PCI_MEM   UINT64_C(0xd0000000)
#define PCI_SIZE  UINT64_C(0x100000)
#define PCI_PORTS UINT64_C(0xdd000000)
#define FEATURES  (UINT64_C(1) << VIRTIO_F_VERSION_1)
#define TX        1u
#define NOTIFY    (MODERN_NOTIFY * MODERN_PAGE)

int test_doorbells(void);

struct bench {
    struct fixture f;
    struct hosted_event_loop *loop;
    struct hosted_doorbells doorbells;
    struct vmmp_host host;
    struct vmmp_doorbells bells;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_mmio mmio;
    struct vmmp_virtio_pci pci;
    struct vmmp_pci_host pci_host;
    struct virtio_driver driver;
    struct vmmp_window *window; /* Of notifications. */
    atomic_uint written;
};

static size_t count_output(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct bench *bench = cookie;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += iov[i].len;
    }
    bench->written += (unsigned)bytes;
    return bytes;
}

static void make(struct bench *bench)
{
    const struct vmmp_virtio_console_backend backend = { .write = count_output, .cookie = bench };
    memset(bench, 0, sizeof(*bench));
    fixture_init(&bench->f, NULL);
    assert_int_equal(hosted_event_loop_create(&bench->loop), 0);
    bench->host = hosted_event_loop_host(bench->loop);
    bench->bells = hosted_doorbells_init(&bench->doorbells, &bench->f.vm, bench->loop);
    assert_int_equal(vmmp_virtio_console_init(&bench->console, &backend, NULL,
                                              &bench->f.vmmp.memory, &bench->f.log, &bench->host),
                     0);
}

static void drive(struct bench *bench, const struct virtio_driver_transport *transport,
                  struct vmmp_window *device)
{
    virtio_driver_init(&bench->driver, transport, device, &bench->f.vmmp.memory, FIXTURE_RAM_BASE,
                       FIXTURE_RAM_SIZE);
    virtio_driver_alloc(&bench->driver, 4096, 4096); /* For output. */
    assert_true(virtio_driver_start(&bench->driver, FEATURES, 2));
}

static struct bench *make_mmio(void)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench);
    const struct vmmp_virtio_mmio_options options = { .doorbells = &bench->bells };
    assert_int_equal(vmmp_virtio_mmio_init(&bench->mmio, &bench->console.virtio, NULL, &options),
                     0);
    assert_int_equal(vmmp_vm_attach_window(&bench->f.vmmp, &bench->mmio.window, vmmp_gpa(MMIO)), 0);
    bench->window = &bench->mmio.window;
    drive(bench, &virtio_driver_mmio, bench->window);
    return bench;
}

static struct bench *make_pci_with(bool legacy, bool waits)
{
    static const struct vmmp_pci_host_config config = {
        .memory_base = PCI_MEM, .memory_size = PCI_SIZE, .port_base = 0x100, .port_size = 0x8000
    };
    struct bench *bench = malloc(sizeof(*bench));
    make(bench);
    bench->console.virtio.kicks_are_waited_for = waits;
    const struct vmmp_virtio_pci_options options = { .doorbells = &bench->bells };
    assert_int_equal(vmmp_pci_host_init(&bench->pci_host, &config, &bench->host, NULL), 0);
    assert_int_equal(
        vmmp_vm_attach_window(&bench->f.vmmp, &bench->pci_host.memory, vmmp_gpa(PCI_MEM)), 0);
    assert_int_equal(
        vmmp_vm_attach_window(&bench->f.vmmp, &bench->pci_host.ports, vmmp_gpa(PCI_PORTS)), 0);
    assert_int_equal(vmmp_virtio_pci_init(&bench->pci, &bench->console.virtio, &options), 0);
    assert_int_equal(vmmp_pci_host_add(&bench->pci_host, &bench->pci.function, 1, 0), 8);
    bench->window = legacy ? &bench->pci.legacy : &bench->pci.modern;
    drive(bench, legacy ? &virtio_driver_pci_legacy : &virtio_driver_pci_modern, bench->window);
    vmmp_pci_config_write(&bench->pci_host, 8, 4, 2, 7);
    return bench;
}

static struct bench *make_pci(bool legacy)
{
    return make_pci_with(legacy, false);
}

static void unmake(struct bench *bench)
{
    vmmp_vm_fini(&bench->f.vmmp);
    if (bench->mmio.device) {
        vmmp_virtio_mmio_fini(&bench->mmio);
    } else {
        vmmp_virtio_pci_fini(&bench->pci);
        vmmp_pci_host_fini(&bench->pci_host);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_false(bench->console.queues[i].doorbell.added);
    }
    vmmp_virtio_console_fini(&bench->console);
    hosted_event_loop_destroy(bench->loop);
    fixture_fini(&bench->f);
    free(bench);
}

static void offer(struct bench *bench)
{
    const struct virtio_driver_buffer out = { FIXTURE_RAM_BASE, 1, false };
    virtio_driver_add(&bench->driver, TX, &out, 1);
}

/* Everything the loop has to do now. */
static void settle(struct bench *bench)
{
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(hosted_event_loop_step(bench->loop, 0), 0);
    }
}

/* The guest offers a byte and notifies at `gpa`: the doorbell takes it, or else the window. */
static void kick_at(struct bench *bench, uint64_t gpa, unsigned size, bool taken)
{
    unsigned long writes = bench->window->writes;
    unsigned written = bench->written;
    uint64_t kicks = bench->console.queues[TX].kicks;
    offer(bench);
    script_put(bench->f.vcpu, gpa, size, TX);
    assert_int_equal(bench->window->writes, writes + !taken);
    assert_int_equal(bench->written, written + !taken);
    settle(bench);
    assert_int_equal(bench->written, written + 1);
    assert_int_equal(bench->console.queues[TX].kicks, kicks + 1);
}

/* ---- MMIO ---- */

static void mmio_notifications(void **state)
{
    struct bench *bench = make_mmio();
    (void)state;
    kick_at(bench, MMIO + VIRTIO_MMIO_QUEUE_NOTIFY, 4, true);
    assert_int_equal(bench->doorbells.rings, 1);
    /* Another queue's number goes to the other queue; one of none, and parts, come through. */
    unsigned long writes = bench->window->writes;
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0);
    settle(bench);
    assert_int_equal(bench->console.queues[0].kicks, 1);
    assert_int_equal(bench->window->writes, writes);
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_NOTIFY, 4, 2);
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_NOTIFY, 2, TX);
    assert_int_equal(bench->window->writes, writes + 2);
    assert_non_null(fixture_log_find(&bench->f, "kick of a queue that does not exist (2)"));
    unmake(bench);
}

static void a_reset_takes_doorbells_away(void **state)
{
    struct bench *bench = make_mmio();
    (void)state;
    /* Rung and not delivered: of no consequence any more. */
    offer(bench);
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_NOTIFY, 4, TX);
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_STATUS, 4, 0);
    assert_false(bench->console.queues[TX].doorbell.added);
    settle(bench);
    assert_int_equal(bench->written, 0);
    unsigned long writes = bench->window->writes;
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_NOTIFY, 4, TX);
    assert_int_equal(bench->window->writes, writes + 1);
    /* And they come back. */
    bench->driver.next_gpa = FIXTURE_RAM_BASE + 4096;
    assert_true(virtio_driver_start(&bench->driver, FEATURES, 2));
    kick_at(bench, MMIO + VIRTIO_MMIO_QUEUE_NOTIFY, 4, true);
    unmake(bench);
}

static void a_stopped_queue_has_none(void **state)
{
    struct bench *bench = make_mmio();
    (void)state;
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_SEL, 4, TX);
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_READY, 4, 0);
    assert_false(bench->console.queues[TX].doorbell.added);
    assert_true(bench->console.queues[0].doorbell.added);
    script_put(bench->f.vcpu, MMIO + VIRTIO_MMIO_QUEUE_READY, 4, 1);
    assert_true(bench->console.queues[TX].doorbell.added);
    unmake(bench);
}

/* ---- PCI ---- */

static uint64_t bar(struct bench *bench, unsigned index)
{
    return vmmp_pci_bar_address(&bench->pci.function, index);
}

static void modern_notifications(void **state)
{
    struct bench *bench = make_pci(false);
    (void)state;
    uint64_t notify = bar(bench, 4) + NOTIFY + TX * MODERN_NOTIFY_MULTIPLIER;
    kick_at(bench, notify, 2, true);
    kick_at(bench, notify, 4, false);
    script_put(bench->f.vcpu, notify, 2, 0xffff); /* The address says which queue. */
    settle(bench);
    assert_int_equal(bench->console.queues[TX].kicks, 3);
    assert_int_equal(bench->doorbells.rings, 2);
    unmake(bench);
}

static void legacy_notifications(void **state)
{
    struct bench *bench = make_pci(true);
    (void)state;
    uint64_t notify = PCI_PORTS - 0x100 + bar(bench, 0) + VIRTIO_PCI_QUEUE_NOTIFY;
    kick_at(bench, notify, 2, true);
    unsigned long writes = bench->window->writes;
    script_put(bench->f.vcpu, notify, 2, 2);
    assert_int_equal(bench->window->writes, writes + 1);
    unmake(bench);
}

/* Doorbells go where the BAR goes, and what was rung before it went is not lost. */
static void a_bar_that_moves(void **state)
{
    struct bench *bench = make_pci(false);
    uint64_t old = bar(bench, 4);
    uint64_t notify = NOTIFY + TX * MODERN_NOTIFY_MULTIPLIER;
    (void)state;
    offer(bench);
    script_put(bench->f.vcpu, old + notify, 2, TX);
    assert_int_equal(bench->written, 0);
    vmmp_pci_config_write(&bench->pci_host, 8, 0x20, 4, PCI_MEM + 0x40000);
    assert_int_equal(bench->written, 1);
    settle(bench);
    kick_at(bench, PCI_MEM + 0x40000 + notify, 2, true);
    assert_int_equal(script_get(bench->f.vcpu, old, 4), UINT32_MAX);
    script_put(bench->f.vcpu, old + notify, 2, TX); /* Nobody's */
    settle(bench);
    assert_int_equal(bench->console.queues[TX].kicks, 2);
    /* Decoding off and on. */
    vmmp_pci_config_write(&bench->pci_host, 8, 4, 2, 1);
    assert_false(bench->console.queues[TX].doorbell.added);
    vmmp_pci_config_write(&bench->pci_host, 8, 4, 2, 3);
    kick_at(bench, PCI_MEM + 0x40000 + notify, 2, true);
    unmake(bench);
}

/* A place that is taken already: notifications are accesses, as without doorbells. */
static void a_doorbell_that_cannot_be_had(void **state)
{
    struct bench *bench = make_pci(false);
    struct vmmp_doorbell first = { .address =
                                       PCI_MEM + 0x40000 + NOTIFY + TX * MODERN_NOTIFY_MULTIPLIER,
                                   .size = 2 };
    (void)state;
    assert_int_equal(bench->bells.ops->add(bench->bells.cookie, &first), 0);
    vmmp_pci_config_write(&bench->pci_host, 8, 0x20, 4, PCI_MEM + 0x40000);
    assert_false(bench->console.queues[TX].doorbell.added);
    assert_true(bench->console.queues[0].doorbell.added);
    assert_false(bench->bells.ops->remove(bench->bells.cookie, &first));
    kick_at(bench, first.address, 2, false);
    unmake(bench);
}

/* ---- A cross-VM connection ---- */

static void add_emitted(void *cookie, uint64_t count)
{
    *(uint64_t *)cookie += count;
}

/* At any width; with the repetitions of the register, which are accesses. */
static void every_event_of_a_connection_is_counted(void **state)
{
    struct bench *bench = make_pci(false);
    struct vmmp_crossvm connection;
    struct vmmp_crossvm_area area = { PCI_MEM + 0x80000, PCI_MEM + 0x90000 };
    uint64_t emitted = 0;
    const struct vmmp_crossvm_config config = { .size = 0x3000,
                                                .emit = add_emitted,
                                                .cookie = &emitted,
                                                .host = bench->host,
                                                .doorbells = &bench->bells };
    (void)state;
    assert_int_equal(vmmp_crossvm_init(&connection, &config), 0);
    assert_int_equal(vmmp_crossvm_place(&connection, &area), 0);
    assert_int_equal(vmmp_pci_host_add(&bench->pci_host, &connection.pci, 2, 0), 0x10);
    vmmp_pci_config_write(&bench->pci_host, 0x10, 4, 2, 2);
    /* One of 8 bytes is two accesses to a CPU of 32 bits. */
    const unsigned widths = sizeof(seL4_Word) == 8 ? 4 : 3;
    for (unsigned i = 0; i < 1000; i++) {
        script_put(bench->f.vcpu, PCI_MEM + 0x80000, 1u << i % widths, i);
    }
    assert_int_equal(connection.window.writes, 0);
    assert_int_equal(emitted, 0);
    settle(bench);
    assert_int_equal(emitted, 1000);
    script_put(bench->f.vcpu, PCI_MEM + 0x80100, 1, 1);
    assert_int_equal(connection.window.writes, 1);
    assert_int_equal(emitted, 1001);
    /* Rung and not delivered when it goes. */
    for (unsigned i = 0; i < 7; i++) {
        script_put(bench->f.vcpu, PCI_MEM + 0x80000, 1, 1);
    }
    vmmp_pci_host_remove(&bench->pci_host, &connection.pci);
    assert_int_equal(emitted, 1008);
    vmmp_crossvm_fini(&connection);
    unmake(bench);
}

/* ---- Threads ---- */

#define ROUNDS 300u

static void *run_loop(void *cookie)
{
    struct bench *bench = cookie;
    assert_int_equal(hosted_event_loop_run(bench->loop), 0);
    return NULL;
}

/* Another vCPU moves the BAR to and fro, with decoding off in between. */
static void *move(void *cookie)
{
    struct bench *bench = cookie;
    for (unsigned i = 0; i < ROUNDS; i++) {
        vmmp_pci_config_write(&bench->pci_host, 8, 0x20, 4, PCI_MEM + 0x40000 + 0x4000 * (i % 4));
        if (i % 3 == 0) {
            vmmp_pci_config_write(&bench->pci_host, 8, 4, 2, 5);
            vmmp_pci_config_write(&bench->pci_host, 8, 4, 2, 7);
        }
    }
    return NULL;
}

/*
 * Notifications race with moves. A write that finds the device at its place is never lost, whether
 * a doorbell took it or not: so after the last one, at the final place, everything is processed.
 */
static void notifications_race_with_moves(void **state)
{
    struct bench *bench = make_pci(false);
    pthread_t loop, mover;
    (void)state;
    assert_int_equal(pthread_create(&loop, NULL, run_loop, bench), 0);
    assert_int_equal(pthread_create(&mover, NULL, move, bench), 0);
    unsigned offered = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i < 100) {
            offer(bench);
            offered++;
        }
        script_put(bench->f.vcpu,
                   PCI_MEM + 0x40000 + 0x4000 * (i % 4) + NOTIFY + TX * MODERN_NOTIFY_MULTIPLIER, 2,
                   TX);
    }
    assert_int_equal(pthread_join(mover, NULL), 0);
    script_put(bench->f.vcpu, bar(bench, 4) + NOTIFY + TX * MODERN_NOTIFY_MULTIPLIER, 2, TX);
    while (bench->written != offered) {
        sched_yield();
    }
    hosted_event_loop_stop(bench->loop);
    assert_int_equal(pthread_join(loop, NULL), 0);
    unmake(bench);
}

/* The same places as in the tests above, but every kick is an access. */
static void a_driver_that_is_to_wait(void **state)
{
    (void)state;
    for (unsigned legacy = 0; legacy < 2; legacy++) {
        struct bench *bench = make_pci_with(legacy, true);
        assert_false(bench->console.queues[TX].doorbell.added);
        unsigned written = bench->written;
        offer(bench);
        bench->driver.transport->kick(bench->window, TX);
        assert_int_equal(bench->written, written + 1);
        unmake(bench);
        bench = make_pci(legacy);
        assert_true(bench->console.queues[TX].doorbell.added);
        unmake(bench);
    }
}

int test_doorbells(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mmio_notifications),
        cmocka_unit_test(a_reset_takes_doorbells_away),
        cmocka_unit_test(a_stopped_queue_has_none),
        cmocka_unit_test(modern_notifications),
        cmocka_unit_test(legacy_notifications),
        cmocka_unit_test(a_bar_that_moves),
        cmocka_unit_test(a_doorbell_that_cannot_be_had),
        cmocka_unit_test(every_event_of_a_connection_is_counted),
        cmocka_unit_test(a_driver_that_is_to_wait),
        cmocka_unit_test(notifications_race_with_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
