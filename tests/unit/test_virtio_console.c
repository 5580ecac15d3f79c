/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console (virtio 1.2, 5.3) on both faces, with and without deferral. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define ALL       UINT64_MAX
#define EVENT_IDX BIT(VIRTIO_F_EVENT_IDX)
#define RX        0
#define TX        1

int test_virtio_console(void);

/* A backend that takes `room` bytes, then refuses. */
struct bench {
    struct virtio_rig rig;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_pci pci;
    struct virtio_driver driver;
    uint64_t buffers;
    char output[1 << 17];
    size_t length;  /* Of the output kept, */
    uint64_t total; /* and all there was. */
    size_t room;
    size_t largest;  /* Bytes in one call. */
    unsigned writes; /* Calls. */
    unsigned ready;
    const char *input; /* Given from within input_ready. */
    bool echo;         /* `write` sends everything back. */
    bool wake;         /* `write` says writable, and has room again. */
};

static size_t backend_write(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct bench *bench = cookie;
    size_t taken = 0;
    size_t bytes = 0;
    bench->writes++;
    for (unsigned i = 0; i < count; i++) {
        assert_int_not_equal(iov[i].len, 0);
        bytes += iov[i].len;
        size_t piece = iov[i].len < bench->room ? iov[i].len : bench->room;
        for (size_t b = 0; b < piece && bench->length < sizeof(bench->output); b++) {
            bench->output[bench->length++] = ((const char *)iov[i].base)[b];
        }
        if (bench->echo) {
            assert_int_equal(vmmp_virtio_console_receive(&bench->console, iov[i].base, piece),
                             piece);
        }
        bench->room -= piece;
        taken += piece;
    }
    bench->total += taken;
    bench->largest = bytes > bench->largest ? bytes : bench->largest;
    if (bench->wake) {
        bench->room = 3;
        vmmp_virtio_console_writable(&bench->console);
    }
    return taken;
}

static void backend_ready(void *cookie)
{
    struct bench *bench = cookie;
    bench->ready++;
    if (bench->input) {
        bench->input +=
            vmmp_virtio_console_receive(&bench->console, bench->input, strlen(bench->input));
    }
}

static void make(struct bench *bench, bool defers, const struct virtio_driver_transport *transport)
{
    const struct vmmp_virtio_console_backend backend = { backend_write, backend_ready, bench };
    const struct vmmp_virtio_console_options options = { 80, 25, 0 };
    memset(bench, 0, sizeof(*bench));
    bench->room = SIZE_MAX;
    virtio_rig_init(&bench->rig, defers, false);
    assert_int_equal(vmmp_virtio_console_init(&bench->console, &backend, &options,
                                              &bench->rig.memory, &bench->rig.log,
                                              &bench->rig.host),
                     0);
    assert_int_equal(vmmp_virtio_pci_init(&bench->pci, &bench->console.virtio, NULL), 0);
    virtio_rig_plug(&bench->rig, &bench->pci);
    virtio_driver_init(&bench->driver, transport, &bench->pci, &bench->rig.memory, VIRTIO_RIG_RAM,
                       VIRTIO_RIG_RAM_SIZE);
    bench->buffers = virtio_driver_alloc(&bench->driver, 0x100000, 4096);
}

static void unmake(struct bench *bench)
{
    vmmp_virtio_pci_fini(&bench->pci);
    vmmp_virtio_console_fini(&bench->console);
    virtio_rig_fini(&bench->rig);
}

static int setup(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, true, &virtio_driver_pci_modern);
    *state = bench;
    return 0;
}

static int setup_direct(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, false, &virtio_driver_pci_modern);
    *state = bench;
    return 0;
}

static int setup_packed(void **state)
{
    setup(state);
    ((struct bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

static int setup_packed_direct(void **state)
{
    setup_direct(state);
    ((struct bench *)*state)->driver.rings = UINT64_MAX;
    return 0;
}

static int setup_legacy(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, true, &virtio_driver_pci_legacy);
    *state = bench;
    return 0;
}

static int setup_legacy_direct(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, false, &virtio_driver_pci_legacy);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    unmake(*state);
    free(*state);
    return 0;
}

static void enter(struct bench *bench)
{
    vmmp_context_enter(&bench->console.virtio.context);
}

static void leave(struct bench *bench)
{
    vmmp_context_leave(&bench->console.virtio.context);
}

static void start(struct bench *bench)
{
    assert_true(virtio_driver_start(&bench->driver, ALL, 2));
}

/* The guest prints: one chain of `pieces` buffers. */
static void print(struct bench *bench, const char *text, unsigned pieces)
{
    struct virtio_driver_buffer buffers[16];
    size_t length = strlen(text);
    uint64_t at = bench->buffers + bench->driver.queues[TX].avail_idx % 128 * 1024;
    memcpy(virtio_driver_at(&bench->driver, at, length), text, length);
    for (unsigned i = 0; i < pieces; i++) {
        size_t from = length * i / pieces;
        size_t to = length * (i + 1) / pieces;
        buffers[i] = (struct virtio_driver_buffer){ at + from, (uint32_t)(to - from), false };
    }
    virtio_driver_add(&bench->driver, TX, buffers, pieces);
}

static unsigned finished(struct bench *bench, unsigned queue)
{
    uint32_t id;
    uint32_t len;
    unsigned count = 0;
    while (virtio_driver_used(&bench->driver, queue, &id, &len)) {
        count++;
    }
    return count;
}

/* The guest makes `count` input buffers of `size` bytes available. */
static void post(struct bench *bench, unsigned count, uint32_t size)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned slot = bench->driver.queues[RX].avail_idx % 128u;
        const struct virtio_driver_buffer buffer = { bench->buffers + 0x80000 + slot * 1024u, size,
                                                     true };
        virtio_driver_add(&bench->driver, RX, &buffer, 1);
    }
}

/* What arrived in the guest since the last call. */
static const char *read_input(struct bench *bench)
{
    static char text[4096];
    size_t length = 0;
    uint32_t id;
    uint32_t len;
    for (;;) {
        const struct virtio_driver_queue *queue = &bench->driver.queues[RX];
        if (!virtio_driver_used(&bench->driver, RX, &id, &len)) {
            break;
        }
        uint64_t gpa = vmmp_le64_get(queue->desc[id].addr);
        assert_true(length + len < sizeof(text));
        memcpy(text + length, virtio_driver_at(&bench->driver, gpa, len), len);
        length += len;
    }
    text[length] = 0;
    return text;
}

static size_t type(struct bench *bench, const char *text)
{
    enter(bench);
    size_t taken = vmmp_virtio_console_receive(&bench->console, text, strlen(text));
    leave(bench);
    return taken;
}

static void writable(struct bench *bench, size_t room)
{
    bench->room = room;
    enter(bench);
    vmmp_virtio_console_writable(&bench->console);
    leave(bench);
}

static void expect_output(struct bench *bench, const char *text)
{
    assert_int_equal(bench->length, strlen(text));
    assert_memory_equal(bench->output, text, bench->length);
}

/* ---- Output ---- */

static void output_arrives(void **state)
{
    struct bench *bench = *state;
    start(bench);
    print(bench, "hello, ", 1);
    print(bench, "world of many pieces\n", 7);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    expect_output(bench, "hello, world of many pieces\n");
    assert_int_equal(bench->writes, 2); /* Not one per byte (P4). */
    assert_int_equal(finished(bench, TX), 2);
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->console.port.transmitted, bench->length);
}

static void output_waits_for_the_backend(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->room = 5;
    print(bench, "abcdefgh", 3);
    print(bench, "ijkl", 2);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    expect_output(bench, "abcde");
    assert_int_equal(finished(bench, TX), 0);
    bench->driver.transport->kick(&bench->pci, TX);
    assert_int_equal(bench->writes, 1); /* A kick is no reason to try again. */
    for (size_t i = 0; i < 7; i++) {
        writable(bench, 1);
        assert_int_equal(bench->length, 6 + i);
    }
    expect_output(bench, "abcdefghijkl");
    assert_int_equal(finished(bench, TX), 2);
    writable(bench, SIZE_MAX);
    writable(bench, SIZE_MAX);
    print(bench, "m", 1);
    virtio_driver_kick(&bench->driver, TX);
    expect_output(bench, "abcdefghijklm");
}

static void a_backend_that_wakes_us_inside_write(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->room = 2;
    bench->wake = true;
    print(bench, "abcdefghijk", 4);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    expect_output(bench, "abcdefghijk");
    assert_int_equal(finished(bench, TX), 1);
}

static size_t never(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct bench *bench = cookie;
    (void)iov;
    (void)count;
    bench->writes++;
    vmmp_virtio_console_writable(&bench->console);
    return 0;
}

static void a_backend_that_wakes_us_and_takes_nothing(void **state)
{
    struct bench *bench = *state;
    bench->console.backend.write = never;
    start(bench);
    print(bench, "abc", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    while (virtio_rig_run(&bench->rig)) {
    }
    assert_in_range(bench->writes, 1, 4);
    bench->console.backend.write = backend_write;
    writable(bench, SIZE_MAX);
    expect_output(bench, "abc");
}

static size_t boast(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    backend_write(cookie, iov, count);
    return SIZE_MAX;
}

static void a_backend_that_claims_too_much(void **state)
{
    struct bench *bench = *state;
    bench->console.backend.write = boast;
    start(bench);
    print(bench, "abcdef", 3);
    print(bench, "ghi", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    expect_output(bench, "abcdefghi");
    assert_int_equal(finished(bench, TX), 2);
    assert_int_equal(bench->console.port.transmitted, 9);
}

static void without_a_backend_output_is_dropped(void **state)
{
    struct bench *bench = *state;
    bench->console.backend.write = NULL;
    start(bench);
    print(bench, "abc", 2);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    assert_int_equal(finished(bench, TX), 1);
}

/* Defect row 1: chains of any size, in slices; 64 KiB and 1 MiB descriptors. */
static void large_chains_come_in_slices(void **state)
{
    struct bench *bench = *state;
    start(bench);
    struct virtio_driver_buffer buffers[128];
    for (unsigned i = 0; i < 128; i++) {
        buffers[i] =
            (struct virtio_driver_buffer){ bench->buffers, i % 3 ? 0x100000 : 0x10000, false };
    }
    virtio_driver_add(&bench->driver, TX, buffers, 128);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    uint64_t expected = UINT64_C(43) * 0x10000 + UINT64_C(85) * 0x100000;
    if (vmmp_host_can_defer(&bench->rig.host)) {
        /* One turn is bounded, and the rest is done later. */
        assert_in_range(bench->total, 1, 2 << 20);
        assert_int_equal(finished(bench, TX), 0);
        unsigned turns = 0;
        while (virtio_rig_run(&bench->rig)) {
            turns++;
        }
        assert_in_range(turns, 20, 100);
    }
    assert_true(bench->total == expected);
    assert_int_equal(bench->largest, VMMP_VIRTIO_CONSOLE_SLICE);
    assert_int_equal(finished(bench, TX), 1);
}

/* Defect rows 24 and 25. */
static void hostile_chains(void **state)
{
    struct bench *bench = *state;
    for (unsigned queue = 0; queue < 2; queue++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            bench->driver.next_gpa = bench->buffers + 0x100000;
            start(bench);
            bench->writes = 0;
            struct virtq_desc *desc = bench->driver.queues[queue].desc;
            unsigned w = queue == RX ? VIRTQ_DESC_F_WRITE : 0;
            switch (kind) {
            case 0: /* A loop with bytes. */
                virtio_driver_put(&desc[0], bench->buffers, 8, w | VIRTQ_DESC_F_NEXT, 0);
                break;
            case 1: /* A loop without. */
                virtio_driver_put(&desc[0], bench->buffers, 0, w | VIRTQ_DESC_F_NEXT, 0);
                break;
            case 2: /* Not RAM. */
                virtio_driver_put(&desc[0], UINT64_MAX - 3, 8, w, 0);
                break;
            default: /* A chain beyond the table. */
                virtio_driver_put(&desc[0], bench->buffers, 8, w | VIRTQ_DESC_F_NEXT, 128);
                break;
            }
            virtio_driver_offer(&bench->driver, queue, 0);
            bench->driver.transport->kick(&bench->pci, queue);
            type(bench, "x");
            assert_true(bench->driver.transport->status(&bench->pci) & VIRTIO_STATUS_NEEDS_RESET);
            assert_int_equal(bench->writes, 0);
            assert_int_equal(finished(bench, queue), 0);
        }
    }
    start(bench);
    print(bench, "fine", 1);
    virtio_driver_kick(&bench->driver, TX);
    expect_output(bench, "fine");
}

/* Buffers of the wrong direction carry nothing and come back. */
static void buffers_of_the_wrong_direction(void **state)
{
    struct bench *bench = *state;
    start(bench);
    const struct virtio_driver_buffer to_device = { bench->buffers, 8, false };
    const struct virtio_driver_buffer from_device = { bench->buffers, 8, true };
    memset(virtio_driver_at(&bench->driver, bench->buffers, 8), '.', 8);
    virtio_driver_add(&bench->driver, TX, &from_device, 1);
    virtio_driver_kick(&bench->driver, TX);
    assert_int_equal(bench->length, 0);
    assert_int_equal(finished(bench, TX), 1);
    for (unsigned i = 0; i < 128; i++) {
        virtio_driver_add(&bench->driver, RX, &to_device, 1);
    }
    assert_int_equal(type(bench, "secret"), 0);
    assert_memory_equal(virtio_driver_at(&bench->driver, bench->buffers, 8), "........", 8);
    assert_int_equal(finished(bench, RX), 128);
}

/* ---- Input ---- */

static void input_arrives(void **state)
{
    struct bench *bench = *state;
    start(bench);
    post(bench, 4, 5);
    virtio_driver_kick(&bench->driver, RX);
    assert_int_equal(type(bench, "hello, world"), 12);
    assert_string_equal(read_input(bench), "hello, world");
    assert_int_equal(bench->rig.pulses, 1);
    assert_int_equal(bench->ready, 0);
    assert_int_equal(bench->console.port.received, 12);
    assert_int_equal(type(bench, ""), 0);
}

/* Defect row 6: a short buffer is the end of it, whatever `next` says. */
static void input_stays_inside_its_buffer(void **state)
{
    struct bench *bench = *state;
    start(bench);
    struct virtq_desc *desc = bench->driver.queues[RX].desc;
    char *memory = virtio_driver_at(&bench->driver, bench->buffers, 64);
    memset(memory, '.', 64);
    virtio_driver_put(&desc[0], bench->buffers, 4, VIRTQ_DESC_F_WRITE, 1);
    virtio_driver_put(&desc[1], bench->buffers + 16, 4, VIRTQ_DESC_F_WRITE, 0);
    virtio_driver_offer(&bench->driver, RX, 0);
    assert_int_equal(type(bench, "overflow"), 4);
    assert_memory_equal(memory, "over................", 20);
}

static void input_waits_for_the_guest(void **state)
{
    struct bench *bench = *state;
    /* Even before there is a driver. */
    assert_int_equal(type(bench, "early"), 0);
    start(bench);
    assert_int_equal(bench->ready, 1); /* A driver has come: try again. */
    assert_int_equal(type(bench, "early"), 0);
    post(bench, 1, 3);
    assert_true(virtio_driver_kick(&bench->driver, RX));
    assert_int_equal(bench->ready, 2);
    assert_int_equal(type(bench, "early"), 3);
    assert_string_equal(read_input(bench), "ear");
    /* From within the callback, until all is there. */
    bench->input = "ly bird";
    for (unsigned i = 0; i < 4 && *bench->input; i++) {
        post(bench, 1, 2);
        assert_true(virtio_driver_kick(&bench->driver, RX));
    }
    assert_string_equal(bench->input, "");
    assert_string_equal(read_input(bench), "ly bird");
    assert_int_equal(bench->ready, 6);
    /* Nothing is waited for: no callback. */
    post(bench, 1, 2);
    bench->driver.transport->kick(&bench->pci, RX);
    assert_int_equal(bench->ready, 6);
}

static void no_kicks_while_input_has_room(void **state)
{
    struct bench *bench = *state;
    start(bench);
    post(bench, 3, 4);
    virtio_driver_kick(&bench->driver, RX);
    post(bench, 1, 4);
    assert_false(virtio_driver_kick(&bench->driver, RX));
    assert_int_equal(type(bench, "0123456789abcdefXYZ"), 16);
    assert_string_equal(read_input(bench), "0123456789abcdef");
    post(bench, 1, 4);
    assert_true(virtio_driver_kick(&bench->driver, RX));
    assert_int_equal(bench->ready, 1);
}

static void output_is_echoed_from_inside_write(void **state)
{
    struct bench *bench = *state;
    start(bench);
    post(bench, 8, 16);
    bench->echo = true;
    print(bench, "ping ", 1);
    print(bench, "pong", 2);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    assert_string_equal(read_input(bench), "ping pong");
    assert_int_equal(finished(bench, TX), 2);
}

/* ---- Reset ---- */

static void reset_in_the_middle_of_everything(void **state)
{
    struct bench *bench = *state;
    for (unsigned round = 0; round < 4; round++) {
        bench->driver.next_gpa = bench->buffers + 0x100000;
        start(bench);
        bench->length = 0;
        bench->room = 2;
        print(bench, "lost", 1);
        assert_true(virtio_driver_kick(&bench->driver, TX));
        expect_output(bench, "lo");
        assert_int_equal(type(bench, "x"), 0);
        virtio_driver_reset(&bench->driver);
        /* The backend comes back when there is nothing to write from. */
        writable(bench, SIZE_MAX);
        expect_output(bench, "lo");
        assert_int_equal(type(bench, "y"), 0);
        start(bench);
        post(bench, 1, 16);
        print(bench, "found", 1);
        assert_true(virtio_driver_kick(&bench->driver, TX));
        expect_output(bench, "lofound");
        assert_int_equal(type(bench, "z"), 1);
        assert_string_equal(read_input(bench), "z");
    }
}

static void a_queue_is_reset_while_output_waits(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->room = 1;
    print(bench, "lost", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    enter(bench);
    vmmp_virtio_queue_reset(&bench->console.virtio, TX);
    leave(bench);
    writable(bench, SIZE_MAX);
    expect_output(bench, "l");
    virtio_driver_set_up_queue(&bench->driver, TX);
    print(bench, "ast", 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    expect_output(bench, "last");
}

static void re_initialisation(void **state)
{
    struct bench *bench = *state;
    for (unsigned round = 0; round < 3; round++) {
        start(bench);
        print(bench, "again", 1);
        assert_true(virtio_driver_kick(&bench->driver, TX));
        expect_output(bench, "again");
        bool defers = vmmp_host_can_defer(&bench->rig.host);
        const struct virtio_driver_transport *transport = bench->driver.transport;
        unmake(bench);
        make(bench, defers, transport);
    }
}

/* ---- Configuration ---- */

static void size_and_resize(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    start(bench);
    assert_true(bench->driver.features & BIT(0));
    assert_int_equal(transport->config_read(&bench->pci, 0, 2), 80);
    assert_int_equal(transport->config_read(&bench->pci, 2, 2), 25);
    enter(bench);
    vmmp_virtio_console_resize(&bench->console, 80, 25);
    leave(bench);
    assert_int_equal(bench->rig.pulses, 0);
    enter(bench);
    vmmp_virtio_console_resize(&bench->console, 300, 100);
    leave(bench);
    assert_int_equal(transport->isr(&bench->pci), VMMP_VIRTIO_ISR_CONFIG);
    assert_int_equal(transport->config_read(&bench->pci, 0, 4), 300 | 100 << 16);
    assert_int_equal(transport->config_read(&bench->pci, 4, 4), 0);
}

static void without_a_size(void **state)
{
    struct vmmp_virtio_console *console = malloc(sizeof(*console));
    const struct vmmp_virtio_console_backend backend = { NULL, NULL, NULL };
    struct bench *bench = *state;
    assert_int_equal(vmmp_virtio_console_init(console, NULL, NULL, &bench->rig.memory, NULL, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_virtio_console_init(console, &backend, NULL, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(
        vmmp_virtio_console_init(console, &backend, NULL, &bench->rig.memory, NULL, NULL), 0);
    assert_int_equal(vmmp_virtio_offered(&console->virtio, false) & 0xf, 4);
    vmmp_virtio_console_resize(console, 1, 2);
    assert_int_equal(vmmp_virtio_config_read(&console->virtio, 0, 4), 0);
    vmmp_virtio_console_fini(console);
    free(console);
}

/* Defect row 27: MULTIPORT (bit 1) is not needed, nor is any other. */
static void emergency_output(void **state)
{
    struct bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    transport->config_write(&bench->pci, 8, 4, 'e');
    transport->config_write(&bench->pci, 8, 1, 'm');
    for (unsigned i = 0; i < 4; i++) { /* As legacy drivers write 32 bits. */
        transport->config_write(&bench->pci, 8 + i, 1, i == 0 ? 'e' : 0);
    }
    transport->config_write(&bench->pci, 6, 4, (uint64_t)'r' << 16);
    transport->config_write(&bench->pci, 0, 8, 0x4141414141414141);
    expect_output(bench, "emer");
    assert_int_equal(bench->console.virtio.status, 0);
    bench->console.backend.write = NULL;
    transport->config_write(&bench->pci, 8, 4, 'x');
}

static void buffers_across_regions(void **state)
{
    struct bench *bench = *state;
    uint8_t *second = calloc(1, 4096);
    uint64_t border = VIRTIO_RIG_RAM + VIRTIO_RIG_RAM_SIZE;
    assert_int_equal(vmmp_guest_memory_add(&bench->rig.memory, vmmp_gpa(border), 4096, second), 0);
    start(bench);
    const struct virtio_driver_buffer out = { border - 3, 6, false };
    const struct virtio_driver_buffer in = { border - 2, 8, true };
    memcpy(bench->rig.ram + VIRTIO_RIG_RAM_SIZE - 3, "abc", 3);
    memcpy(second, "def", 3);
    virtio_driver_add(&bench->driver, TX, &out, 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    expect_output(bench, "abcdef");
    virtio_driver_add(&bench->driver, RX, &in, 1);
    assert_int_equal(type(bench, "12345"), 5);
    assert_memory_equal(bench->rig.ram + VIRTIO_RIG_RAM_SIZE - 2, "12", 2);
    assert_memory_equal(second, "345", 3);
    free(second);
}

int test_virtio_console(void)
{
#define ON(how, name) cmocka_unit_test_setup_teardown(name, how, teardown)
#define SPLIT(name) \
    ON(setup, name), ON(setup_direct, name), ON(setup_legacy, name), ON(setup_legacy_direct, name)
#define EVERYWHERE(name) SPLIT(name), ON(setup_packed, name), ON(setup_packed_direct, name)
    const struct CMUnitTest tests[] = {
        EVERYWHERE(output_arrives),
        EVERYWHERE(output_waits_for_the_backend),
        EVERYWHERE(a_backend_that_wakes_us_inside_write),
        EVERYWHERE(a_backend_that_wakes_us_and_takes_nothing),
        EVERYWHERE(a_backend_that_claims_too_much),
        EVERYWHERE(without_a_backend_output_is_dropped),
        EVERYWHERE(large_chains_come_in_slices),
        SPLIT(hostile_chains),
        SPLIT(buffers_of_the_wrong_direction),
        EVERYWHERE(input_arrives),
        SPLIT(input_stays_inside_its_buffer),
        EVERYWHERE(input_waits_for_the_guest),
        ON(setup, no_kicks_while_input_has_room),
        ON(setup_legacy, no_kicks_while_input_has_room),
        EVERYWHERE(output_is_echoed_from_inside_write),
        EVERYWHERE(reset_in_the_middle_of_everything),
        EVERYWHERE(a_queue_is_reset_while_output_waits),
        EVERYWHERE(re_initialisation),
        EVERYWHERE(size_and_resize),
        ON(setup, without_a_size),
        EVERYWHERE(emergency_output),
        EVERYWHERE(buffers_across_regions),
    };
#undef ON
#undef SPLIT
#undef EVERYWHERE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
