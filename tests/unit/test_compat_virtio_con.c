/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_con.h>, as its clients use it and as a legacy driver sees it.
 */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/drivers/virtio.h>
#include <sel4vmmplatsupport/drivers/virtio_con.h>

#include "support/compat_bench.h"

#define RING       4088
#define PORT_CLASS 4 /* Events of control messages. */
#define PORT_OPEN  6

int test_compat_virtio_con(void);

struct bench {
    struct compat_bench bench;
    virtio_con_t *con;
    char output[VIRTIO_CON_MAX_PORTS][256];
    char ring[RING];
    bool echo;
};

static struct bench *bench; /* Clients' putchar has no cookie. */

static void client_putchar(int port, char c)
{
    assert_in_range(port, 0, VIRTIO_CON_MAX_PORTS - 1);
    size_t length = strlen(bench->output[port]);
    assert_true(length + 1 < sizeof(bench->output[port]));
    bench->output[port][length] = c;
    if (bench->echo) {
        bench->ring[0] = c;
        bench->con->emul_driver->emul_cb.emul_putchar(port, bench->con->emul, bench->ring, 0, 1);
    }
}

static void client_inject(void *cookie)
{
    assert_ptr_equal(cookie, bench);
    bench->bench.injected++;
}

/* ---- The guest ---- */

static uint64_t in(struct bench *b, unsigned offset, unsigned size)
{
    return compat_bench_in(&b->bench, offset, size);
}

static uint32_t queue_size(struct bench *b, unsigned queue)
{
    compat_bench_out(&b->bench, 0xe, 2, queue);
    return (uint32_t)in(b, 0xc, 2);
}

static void offer(unsigned queue, const void *bytes, uint32_t size, bool writable)
{
    compat_bench_offer(&bench->bench, queue, bytes, size, writable);
}

/* What has come in by `queue`; 0: nothing. */
static uint32_t take(unsigned queue, void *bytes, uint32_t most)
{
    uint32_t len = 0;
    compat_bench_take(&bench->bench, queue, bytes, most, &len);
    return len;
}

static void say(uint32_t id, uint16_t event, uint16_t value)
{
    const uint8_t message[8] = { (uint8_t)id,         (uint8_t)(id >> 8),
                                 (uint8_t)(id >> 16), (uint8_t)(id >> 24),
                                 (uint8_t)event,      0,
                                 (uint8_t)value,      0 };
    uint32_t head, len;
    offer(3, message, sizeof(message), false);
    assert_true(virtio_driver_used(&bench->bench.driver, 3, &head, &len));
}

/* Starts as Linux does; every port is a console in the end. */
static void probe(void)
{
    uint8_t message[64];
    unsigned consoles = 0;
    compat_bench_probe(&bench->bench, 1u << 1, 10);
    for (unsigned i = 0; i < 16; i++) {
        offer(2, NULL, sizeof(message), true);
    }
    say(UINT32_MAX, 0, 1);
    while (take(2, message, sizeof(message))) {
        unsigned id = message[0];
        if (message[4] == 1) {
            say(id, 3, 1);
        } else if (message[4] == PORT_CLASS) {
            consoles |= 1u << id;
            say(id, PORT_OPEN, 1);
        }
    }
    assert_int_equal(consoles, 0xf);
}

/* ---- The client ---- */

static int setup(void **state)
{
    const ioport_range_t range = { 0x1234, 0, 0x400 };
    struct virtio_console_passthrough backend = { client_inject, client_putchar, NULL };
    bench = calloc(1, sizeof(*bench));
    backend.console_data = bench;
    compat_bench_init(&bench->bench);
    bench->con = common_make_virtio_con(&bench->bench.f.vm, bench->bench.pci, bench->bench.ports,
                                        range, IOPORT_FREE, 9, 82, backend);
    assert_non_null(bench->con);
    compat_bench_connect(&bench->bench, bench->con->iobase);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    compat_bench_fini(&bench->bench);
    free(bench);
    bench = NULL;
    return 0;
}

static void print(int port, const char *text)
{
    offer(port == 0 ? 1 : 2u * (unsigned)port + 3, text, (uint32_t)strlen(text), false);
}

static unsigned rx(int port)
{
    return port == 0 ? 0 : 2u * (unsigned)port + 2;
}

static void type(int port, const char *text, uint32_t head)
{
    uint32_t size = (uint32_t)strlen(text);
    for (uint32_t i = 0; i < size; i++) {
        bench->ring[(head + i) % RING] = text[i];
    }
    bench->con->emul_driver->emul_cb.emul_putchar(port, bench->con->emul, bench->ring, head,
                                                  (head + size) % RING);
}

static void test_header(void **state)
{
    (void)state;
    static const struct {
        unsigned offset, size;
        uint32_t value;
    } rows[] = {
        { 0x00, 4, 0x10031af4 }, { 0x04, 2, 3 },          { 0x08, 4, 0x07800000 },
        { 0x0c, 2, 0x4040 },     { 0x0e, 1, 0 },          { 0x10, 4, 0x1001 },
        { 0x14, 4, 0 },          { 0x2c, 4, 0x00031af4 }, { 0x34, 1, 0 },
        { 0x3c, 1, 82 },         { 0x3d, 1, 9 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t value = compat_bench_pci(&bench->bench, 1, rows[i].offset, rows[i].size);
        if (value != rows[i].value) {
            fail_msg("0x%x: 0x%x", rows[i].offset, value);
        }
    }
    assert_int_equal(bench->con->iobase, 0x1000);
    assert_int_equal(in(bench, 0x18, 1), VIRTIO_CON_MAX_PORTS);
    assert_int_equal(in(bench, 0, 4) & 3, 2);
    for (unsigned queue = 0; queue < 10; queue++) {
        assert_int_equal(queue_size(bench, queue), 128);
    }
    assert_int_equal(queue_size(bench, 10), 0);
}

static void test_four_consoles(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) { /* A second probe is as good as the first. */
        memset(bench->output, 0, sizeof(bench->output));
        probe();
        for (int port = 0; port < VIRTIO_CON_MAX_PORTS; port++) {
            char bytes[64] = "";
            char text[16];
            snprintf(text, sizeof(text), "to port %d", port);
            print(port, text);
            assert_string_equal(bench->output[port], text);
            offer(rx(port), NULL, 64, true);
            unsigned before = bench->bench.injected;
            type(port, text, RING - 3); /* Around the ring's end. */
            assert_int_equal(bench->bench.injected, before + 1);
            assert_int_equal(take(rx(port), bytes, 64), 3);
            offer(rx(port), NULL, 64, true);
            assert_int_equal(take(rx(port), bytes + 3, 61), strlen(text) - 3);
            assert_string_equal(bytes, text);
        }
    }
}

/* Upstream lost it: what does not fit into the guest's buffers. */
static void test_input_waits_for_the_guest(void **state)
{
    char got[300] = "";
    char expected[300] = "";
    (void)state;
    type(1, "before there is a driver, ", 0);
    probe();
    strcpy(expected, "before there is a driver, ");
    for (unsigned i = 0; i < 20; i++) {
        type(1, "and more. ", i * 10);
        strcat(expected, "and more. ");
    }
    for (size_t length = 0; length < strlen(expected);) {
        offer(rx(1), NULL, 7, true);
        uint32_t n = take(rx(1), got + length, 7);
        assert_int_not_equal(n, 0);
        length += n;
    }
    assert_string_equal(got, expected);
    /* A guest that never reads costs a bounded amount of memory. */
    for (unsigned i = 0; i < 50; i++) {
        bench->con->emul_driver->emul_cb.emul_putchar(2, bench->con->emul, bench->ring, 0,
                                                      RING - 1);
    }
    assert_int_not_equal(fixture_log_matches(&bench->bench.f, "does not read port 2"), 0);
    assert_in_range(bench->bench.f.line_count, 1, 20);
}

static void test_nothing_comes_of_an_empty_ring_or_a_wrong_port(void **state)
{
    (void)state;
    probe();
    offer(rx(0), NULL, 64, true);
    unsigned before = bench->bench.injected;
    void (*put)(int, virtio_emul_t *, char *, uint32_t, uint32_t) =
        bench->con->emul_driver->emul_cb.emul_putchar;
    put(0, bench->con->emul, bench->ring, 7, 7);
    put(-1, bench->con->emul, bench->ring, 0, 1);
    put(VIRTIO_CON_MAX_PORTS, bench->con->emul, bench->ring, 0, 1);
    put(0, bench->con->emul, bench->ring, 0, RING);
    put(0, bench->con->emul, NULL, 0, 1);
    put(0, NULL, bench->ring, 0, 1);
    assert_int_equal(bench->bench.injected, before);
}

/* A client that answers from inside putchar. */
static void test_echo_from_inside(void **state)
{
    char bytes[8] = "";
    (void)state;
    probe();
    for (unsigned i = 0; i < 3; i++) {
        offer(rx(0), NULL, 8, true);
    }
    bench->echo = true;
    print(0, "abc");
    assert_string_equal(bench->output[0], "abc");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(take(rx(0), bytes + i, 8 - i), 1);
    }
    assert_string_equal(bytes, "abc");
}

/* Defect row 2: any 16-bit number may be kicked; rows 1 and 28 by the native console's tests. */
static void test_any_kick_is_harmless(void **state)
{
    (void)state;
    probe();
    for (unsigned queue = 0; queue < 0x10000; queue++) {
        compat_bench_out(&bench->bench, 0x10, 2, queue);
    }
    print(3, "fine");
    assert_string_equal(bench->output[3], "fine");
}

static void test_what_cannot_be_had(void **state)
{
    struct virtio_console_passthrough backend = { NULL, NULL, NULL };
    vm_t *vm = &bench->bench.f.vm;
    (void)state;
    /* Taken. */
    assert_null(common_make_virtio_con(vm, bench->bench.pci, bench->bench.ports,
                                       (ioport_range_t){ 0x1000, 0x13ff, 0x400 }, IOPORT_ADDR, 1,
                                       82, backend));
    assert_null(common_make_virtio_con(vm, bench->bench.pci, bench->bench.ports,
                                       (ioport_range_t){ 0, 0, 16 }, IOPORT_FREE, 1, 82, backend));
    assert_null(common_make_virtio_con(NULL, bench->bench.pci, bench->bench.ports,
                                       (ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, 1, 82,
                                       backend));
    assert_int_equal(bench->bench.ports->num_ioports, 1);
    assert_null(bench->bench.pci->bus0[2][0]);
    /* Another one beside it; without callbacks nothing happens. */
    virtio_con_t *other =
        common_make_virtio_con(vm, bench->bench.pci, bench->bench.ports,
                               (ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, 1, 82, backend);
    assert_non_null(other);
    assert_int_equal(other->iobase, 0x1400);
    bench->con = other;
    compat_bench_connect(&bench->bench, other->iobase);
    probe();
    print(0, "dropped");
    assert_string_equal(bench->output[0], "");
}

int test_compat_virtio_con(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_four_consoles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_waits_for_the_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_comes_of_an_empty_ring_or_a_wrong_port, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_echo_from_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_kick_is_harmless, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_had, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
