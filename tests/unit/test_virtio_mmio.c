/* SPDX-License-Identifier: BSD-2-Clause */
/* The MMIO transport: every register at every offset and width, its interrupt, a console on it. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/virtio_console.h>
#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define VERSION_1 BIT(VIRTIO_F_VERSION_1)
#define RX        0u
#define TX        1u

int test_virtio_mmio(void);

struct bench {
    struct virtio_rig rig;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_mmio mmio;
    struct virtio_driver driver;
    uint64_t buffers;
    size_t written;
};

static size_t count_output(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct bench *bench = cookie;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += iov[i].len;
    }
    bench->written += bytes;
    return bytes;
}

static void make(struct bench *bench, bool pulse_line,
                 const struct vmmp_virtio_mmio_options *options)
{
    const struct vmmp_virtio_console_backend backend = { .write = count_output, .cookie = bench };
    const struct vmmp_virtio_console_options size = { .cols = 80, .rows = 25 };
    memset(bench, 0, sizeof(*bench));
    virtio_rig_init(&bench->rig, true, pulse_line);
    assert_int_equal(vmmp_virtio_console_init(&bench->console, &backend, &size, &bench->rig.memory,
                                              &bench->rig.log, &bench->rig.host),
                     0);
    assert_int_equal(
        vmmp_virtio_mmio_init(&bench->mmio, &bench->console.virtio, &bench->rig.line, options), 0);
    virtio_driver_init(&bench->driver, &virtio_driver_mmio, &bench->mmio.window, &bench->rig.memory,
                       VIRTIO_RIG_RAM, VIRTIO_RIG_RAM_SIZE);
    bench->buffers = virtio_driver_alloc(&bench->driver, 0x10000, 4096);
}

static void unmake(struct bench *bench)
{
    vmmp_virtio_mmio_fini(&bench->mmio);
    vmmp_virtio_console_fini(&bench->console);
    virtio_rig_fini(&bench->rig);
}

static int setup(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, false, NULL);
    *state = bench;
    return 0;
}

static int setup_edge(void **state)
{
    const struct vmmp_virtio_mmio_options options = { .edge = true, .vendor = 0x12345678 };
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, true, &options);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    unmake(*state);
    free(*state);
    return 0;
}

static uint64_t get(struct bench *bench, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&bench->mmio.window, offset, size);
}

static void put(struct bench *bench, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&bench->mmio.window, offset, size, value);
}

/* ---- Registers ---- */

static const unsigned widths[] = { 1, 2, 4, 8 };

enum kind { READ_ONLY, READ_WRITE, EFFECT };

/* 4.2.2, every register there is; with queue 0 of a console selected. */
static const struct row {
    unsigned offset;
    uint32_t reset;
    enum kind kind;
} rows[] = {
    { VIRTIO_MMIO_MAGIC, 0x74726976, READ_ONLY },
    { VIRTIO_MMIO_VERSION, 2, READ_ONLY },
    { VIRTIO_MMIO_DEVICE_ID, VIRTIO_ID_CONSOLE, READ_ONLY },
    { VIRTIO_MMIO_VENDOR_ID, 0x554d4551, READ_ONLY },
    { VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0, READ_WRITE },
    { VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0, READ_WRITE },
    { VIRTIO_MMIO_QUEUE_NUM_MAX, 128, READ_ONLY },
    { VIRTIO_MMIO_QUEUE_NUM, 128, READ_WRITE },
    { VIRTIO_MMIO_QUEUE_READY, 0, EFFECT },
    { VIRTIO_MMIO_QUEUE_NOTIFY, 0, EFFECT },
    { VIRTIO_MMIO_INTERRUPT_STATUS, 0, READ_ONLY },
    { VIRTIO_MMIO_INTERRUPT_ACK, 0, EFFECT },
    { VIRTIO_MMIO_QUEUE_DESC_LOW, 0, READ_WRITE },
    { VIRTIO_MMIO_QUEUE_DESC_HIGH, 0, READ_WRITE },
    { VIRTIO_MMIO_QUEUE_DRIVER_LOW, 0, READ_WRITE },
    { VIRTIO_MMIO_QUEUE_DRIVER_HIGH, 0, READ_WRITE },
    { VIRTIO_MMIO_QUEUE_DEVICE_LOW, 0, READ_WRITE },
    { VIRTIO_MMIO_QUEUE_DEVICE_HIGH, 0, READ_WRITE },
    { VIRTIO_MMIO_SHM_SEL, 0, EFFECT },
    { VIRTIO_MMIO_SHM_LEN_LOW, UINT32_MAX, READ_ONLY },
    { VIRTIO_MMIO_SHM_LEN_HIGH, UINT32_MAX, READ_ONLY },
    { VIRTIO_MMIO_SHM_BASE_LOW, UINT32_MAX, READ_ONLY },
    { VIRTIO_MMIO_SHM_BASE_HIGH, UINT32_MAX, READ_ONLY },
    { VIRTIO_MMIO_QUEUE_RESET, 0, EFFECT },
    { VIRTIO_MMIO_CONFIG_GENERATION, 0, READ_ONLY },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void reset_values_and_masks(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned offset = rows[i].offset;
        assert_int_equal(get(bench, offset, 4), rows[i].reset);
        put(bench, offset, 4, 0xa5b6c7d8);
        assert_int_equal(get(bench, offset, 4),
                         rows[i].kind == READ_WRITE ? 0xa5b6c7d8 : rows[i].reset);
        for (unsigned b = 0; b < 4; b++) {
            put(bench, offset + b, 1, 0x10 + b);
            unsigned reset = rows[i].reset >> (8 * b) & 0xff;
            assert_int_equal(get(bench, offset + b, 1),
                             rows[i].kind == READ_WRITE ? 0x10 + b : reset);
        }
        put(bench, VIRTIO_MMIO_STATUS, 4, 0);
        assert_int_equal(get(bench, offset, 4), rows[i].reset);
    }
}

static bool is_register(unsigned offset)
{
    for (unsigned i = 0; i < ROWS; i++) {
        if (offset >= rows[i].offset && offset < rows[i].offset + 4) {
            return true;
        }
    }
    /* The rest do not have one reset value. */
    static const unsigned others[] = { VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DRIVER_FEATURES,
                                       VIRTIO_MMIO_QUEUE_SEL, VIRTIO_MMIO_STATUS };
    for (unsigned i = 0; i < 4; i++) {
        if (offset >= others[i] && offset < others[i] + 4) {
            return true;
        }
    }
    return offset >= VIRTIO_MMIO_CONFIG && offset < VIRTIO_MMIO_CONFIG + 12;
}

static void what_no_register_has(void **state)
{
    struct bench *bench = *state;
    unsigned holes = 0;
    for (unsigned offset = 0; offset < VMMP_VIRTIO_MMIO_SIZE; offset++) {
        if (!is_register(offset)) {
            holes++;
            put(bench, offset, 1, 0);
            assert_int_equal(get(bench, offset, 1), 0xff);
        }
    }
    assert_int_equal(holes, 512 - 29 * 4 - 12);
    assert_int_equal(get(bench, VMMP_VIRTIO_MMIO_SIZE - 4, 8), UINT64_MAX); /* Leaves the window */
    assert_int_equal(get(bench, VMMP_VIRTIO_MMIO_SIZE, 4), UINT32_MAX);
}

/* A wide read is the row of its bytes, at every offset, with several selections. */
static void all_reads(void **state)
{
    static const uint32_t selections[] = { 0, 1, 2, UINT32_MAX };
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, UINT64_MAX, 2));
    for (unsigned s = 0; s < 4; s++) {
        put(bench, VIRTIO_MMIO_QUEUE_SEL, 4, selections[s]);
        put(bench, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 4, selections[s]);
        put(bench, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, selections[s]);
        for (unsigned w = 0; w < 4; w++) {
            for (uint64_t at = 0; at + widths[w] <= VMMP_VIRTIO_MMIO_SIZE; at++) {
                uint64_t expected = 0;
                for (unsigned i = 0; i < widths[w]; i++) {
                    expected |= get(bench, at + i, 1) << (8 * i);
                }
                assert_int_equal(get(bench, at, widths[w]), expected);
            }
        }
    }
    assert_int_equal(bench->console.virtio.status, 15);
}

/* Any value anywhere, at any status; what is checked is that the device still works. */
static void all_writes(void **state)
{
    static const uint64_t values[] = { 0,    1,      3,          0x0f,
                                       0x80, 0xffff, UINT64_MAX, UINT64_C(0x4000000040000000) };
    struct bench *bench = *state;
    for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        for (unsigned w = 0; w < 4; w++) {
            for (uint64_t at = 0; at + widths[w] <= VMMP_VIRTIO_MMIO_SIZE; at++) {
                put(bench, at, widths[w], values[v]);
            }
        }
        bench->driver.next_gpa = bench->buffers + 0x10000;
        assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
        const struct virtio_driver_buffer out = { bench->buffers, 7, false };
        bench->written = 0;
        virtio_driver_add(&bench->driver, TX, &out, 1);
        assert_true(virtio_driver_kick(&bench->driver, TX));
        assert_int_equal(bench->written, 7);
    }
    assert_in_range(bench->rig.messages, 1, 200);
}

static void wide_writes_cover_several_registers(void **state)
{
    struct bench *bench = *state;
    put(bench, VIRTIO_MMIO_QUEUE_DESC_LOW, 8, UINT64_C(0x1122334455667788));
    assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_DESC_LOW, 4), 0x55667788);
    assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_DESC_HIGH, 4), 0x11223344);
    /* Half of a register with an effect is not that register. */
    put(bench, VIRTIO_MMIO_STATUS, 2, 1);
    put(bench, VIRTIO_MMIO_STATUS, 1, 1);
    put(bench, VIRTIO_MMIO_STATUS - 4, 8, UINT64_C(3) << 32);
    assert_int_equal(get(bench, VIRTIO_MMIO_STATUS, 4), 3);
    put(bench, VIRTIO_MMIO_STATUS, 2, 0);
    assert_int_equal(get(bench, VIRTIO_MMIO_STATUS, 4), 3);
    /* Only a 0 in all 32 bits resets. */
    put(bench, VIRTIO_MMIO_STATUS, 4, 0x100);
    assert_int_equal(get(bench, VIRTIO_MMIO_STATUS, 4), 3);
    assert_int_equal(bench->rig.messages, 1);
}

static void any_queue_may_be_selected_and_kicked(void **state)
{
    struct bench *bench = *state;
    static const uint32_t queues[] = { 2, 3, 0xff, 0x100, 0xffff, 0x10000, 0x10001, UINT32_MAX };
    assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
    for (unsigned i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        put(bench, VIRTIO_MMIO_QUEUE_NOTIFY, 4, queues[i]);
        put(bench, VIRTIO_MMIO_QUEUE_SEL, 4, queues[i]);
        assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_NUM_MAX, 4), 0);
        put(bench, VIRTIO_MMIO_QUEUE_DESC_LOW, 4, 1);
        put(bench, VIRTIO_MMIO_QUEUE_READY, 4, 1);
        put(bench, VIRTIO_MMIO_QUEUE_READY, 4, 0);
        put(bench, VIRTIO_MMIO_QUEUE_RESET, 4, 1);
        assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_READY, 4), 0);
    }
    assert_int_equal(bench->console.queues[0].kicks + bench->console.queues[1].kicks, 0);
    assert_int_equal(bench->console.virtio.status, 15);
}

/* 4.2.2.2: QueueReady 0, read back, new geometry, QueueReady 1. */
static void a_queue_is_stopped_and_set_up_anew(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
    put(bench, VIRTIO_MMIO_QUEUE_SEL, 4, TX);
    /* Frozen while it is in use. */
    put(bench, VIRTIO_MMIO_QUEUE_NUM, 4, 64);
    assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_NUM, 4), 128);
    put(bench, VIRTIO_MMIO_QUEUE_READY, 4, 0);
    assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_READY, 4), 0);
    const struct virtio_driver_buffer out = { bench->buffers, 7, false };
    virtio_driver_add(&bench->driver, TX, &out, 1);
    put(bench, VIRTIO_MMIO_QUEUE_NOTIFY, 4, TX);
    assert_int_equal(bench->written, 0);
    assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_NUM, 4), 128);
    assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_DESC_LOW, 4),
                     bench->driver.queues[TX].desc_gpa & UINT32_MAX);
    virtio_driver_set_up_queue(&bench->driver, TX);
    assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_READY, 4), 1);
    virtio_driver_add(&bench->driver, TX, &out, 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
    assert_int_equal(bench->written, 7);
}

static void queue_reset_needs_its_feature(void **state)
{
    struct bench *bench = *state;
    for (unsigned negotiated = 0; negotiated < 2; negotiated++) {
        uint64_t features = negotiated ? VERSION_1 | BIT(VIRTIO_F_RING_RESET) : VERSION_1;
        bool offered = virtio_driver_mmio.features(&bench->mmio.window) & BIT(VIRTIO_F_RING_RESET);
        assert_true(virtio_driver_start(&bench->driver, features, 2));
        put(bench, VIRTIO_MMIO_QUEUE_SEL, 4, TX);
        put(bench, VIRTIO_MMIO_QUEUE_RESET, 4, 0);
        assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_READY, 4), 1);
        put(bench, VIRTIO_MMIO_QUEUE_RESET, 4, 1);
        assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_RESET, 4), 0);
        bool reset = negotiated && offered;
        assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_READY, 4), !reset);
        assert_int_equal(get(bench, VIRTIO_MMIO_QUEUE_DESC_LOW, 4) == 0, reset);
    }
}

/* ---- Configuration ---- */

static void configuration_and_its_generation(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, UINT64_MAX, 2));
    assert_int_equal(get(bench, VIRTIO_MMIO_CONFIG, 2), 80);
    assert_int_equal(get(bench, VIRTIO_MMIO_CONFIG + 2, 2), 25);
    uint64_t before = get(bench, VIRTIO_MMIO_CONFIG_GENERATION, 4);
    /* Registers and configuration in one access. */
    assert_int_equal(get(bench, VIRTIO_MMIO_CONFIG_GENERATION, 8), before | UINT64_C(0x00190050)
                                                                                << 32);
    vmmp_context_enter(&bench->console.virtio.context);
    vmmp_virtio_console_resize(&bench->console, 100, 30);
    vmmp_context_leave(&bench->console.virtio.context);
    assert_int_not_equal(get(bench, VIRTIO_MMIO_CONFIG_GENERATION, 4), before);
    assert_int_equal(get(bench, VIRTIO_MMIO_CONFIG, 4), 100 | 30 << 16);
    assert_int_equal(get(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4), VMMP_VIRTIO_ISR_CONFIG);
}

/* ---- Interrupts ---- */

static void make_interrupt(struct bench *bench)
{
    const struct virtio_driver_buffer out = { bench->buffers, 1, false };
    virtio_driver_add(&bench->driver, TX, &out, 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
}

static void resize(struct bench *bench, uint16_t columns)
{
    vmmp_context_enter(&bench->console.virtio.context);
    vmmp_virtio_console_resize(&bench->console, columns, 1);
    vmmp_context_leave(&bench->console.virtio.context);
}

static void the_line_is_high_until_all_is_acknowledged(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_F_EVENT_IDX), 2));
    make_interrupt(bench);
    resize(bench, 7);
    assert_true(bench->rig.high);
    /* Reading does not clear. */
    assert_int_equal(get(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4), 3);
    assert_int_equal(get(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4), 3);
    put(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4, 3);
    put(bench, VIRTIO_MMIO_INTERRUPT_ACK, 1, 3); /* A part of the register */
    put(bench, VIRTIO_MMIO_INTERRUPT_ACK, 4, 0xfffffffc);
    assert_int_equal(get(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4), 3);
    put(bench, VIRTIO_MMIO_INTERRUPT_ACK, 4, 1);
    assert_int_equal(get(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4), 2);
    assert_true(bench->rig.high);
    put(bench, VIRTIO_MMIO_INTERRUPT_ACK, 4, 2);
    assert_false(bench->rig.high);
    /* And a reset clears all. */
    make_interrupt(bench);
    assert_true(bench->rig.high);
    put(bench, VIRTIO_MMIO_STATUS, 4, 0);
    assert_false(bench->rig.high);
    assert_int_equal(get(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4), 0);
}

static void an_edge_for_each_notification(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(get(bench, VIRTIO_MMIO_VENDOR_ID, 4), 0x12345678);
    assert_true(virtio_driver_start(&bench->driver, ~BIT(VIRTIO_F_EVENT_IDX), 2));
    for (unsigned i = 1; i <= 3; i++) {
        make_interrupt(bench); /* Not acknowledged in between. */
        assert_int_equal(bench->rig.pulses, i);
    }
    assert_int_equal(get(bench, VIRTIO_MMIO_INTERRUPT_STATUS, 4), 1);
    put(bench, VIRTIO_MMIO_INTERRUPT_ACK, 4, 1);
    assert_int_equal(bench->rig.pulses, 3);
    resize(bench, 9);
    assert_int_equal(bench->rig.pulses, 4);
    assert_int_equal(bench->rig.line.asserted, 0);
}

/* ---- Set-up ---- */

static const struct vmmp_virtio_ops large_ops = { .name = "large", .type = 42, .config_size = 257 };
static const struct vmmp_virtio_ops small_ops = { .name = "small", .type = 42 };

static void devices_it_takes(void **state)
{
    struct bench *bench = *state;
    struct vmmp_virtio_device device;
    struct vmmp_virtio_mmio mmio;
    assert_int_equal(vmmp_virtio_mmio_init(&mmio, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(
        vmmp_virtio_init(&device, &large_ops, NULL, NULL, 0, &bench->rig.memory, NULL, NULL), 0);
    assert_int_equal(vmmp_virtio_mmio_init(&mmio, &device, NULL, NULL), -EINVAL);
    vmmp_virtio_mmio_fini(&mmio); /* Of no consequence. */
    vmmp_virtio_fini(&device);

    assert_int_equal(
        vmmp_virtio_init(&device, &small_ops, NULL, NULL, 0, &bench->rig.memory, NULL, NULL), 0);
    assert_int_equal(vmmp_virtio_mmio_init(&mmio, &device, NULL, NULL), 0);
    assert_int_equal(vmmp_window_read(&mmio.window, VIRTIO_MMIO_DEVICE_ID, 4), 42);
    assert_int_equal(vmmp_window_read(&mmio.window, VIRTIO_MMIO_QUEUE_NUM_MAX, 4), 0);
    assert_int_equal(vmmp_window_read(&mmio.window, VIRTIO_MMIO_CONFIG, 4), UINT32_MAX);
    /* An interrupt that goes nowhere. */
    vmmp_virtio_set_status(&device, 3, false);
    vmmp_virtio_set_driver_features(&device, 1, 1);
    vmmp_virtio_set_status(&device, 15, false);
    vmmp_virtio_config_changed(&device);
    assert_int_equal(vmmp_window_read(&mmio.window, VIRTIO_MMIO_INTERRUPT_STATUS, 4), 2);
    vmmp_virtio_mmio_fini(&mmio);
    assert_null(device.transport);
    vmmp_virtio_fini(&device);
}

static void a_line_without_room(void **state)
{
    struct bench *bench = *state;
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES - 1];
    struct vmmp_virtio_device device;
    struct vmmp_virtio_mmio mmio;
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES - 1; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &bench->rig.line), 0);
    }
    assert_int_equal(
        vmmp_virtio_init(&device, &small_ops, NULL, NULL, 0, &bench->rig.memory, NULL, NULL), 0);
    assert_int_equal(vmmp_virtio_mmio_init(&mmio, &device, &bench->rig.line, NULL), -ENOSPC);
    assert_null(device.transport);
    vmmp_virtio_fini(&device);
}

static void command_line(void **state)
{
    char text[VMMP_VIRTIO_MMIO_COMMAND_LINE];
    (void)state;
    assert_int_equal(vmmp_virtio_mmio_command_line(text, sizeof(text), 0xd0000000, 5), 37);
    assert_string_equal(text, "virtio_mmio.device=0x200@0xd0000000:5");
    assert_true(vmmp_virtio_mmio_command_line(text, sizeof(text), UINT64_MAX, UINT32_MAX) > 0);
    assert_string_equal(text, "virtio_mmio.device=0x200@0xffffffffffffffff:4294967295");
    memset(text, 'x', sizeof(text));
    assert_int_equal(vmmp_virtio_mmio_command_line(text, 38, 0xd0000000, 55), -ENOSPC);
    assert_int_equal(text[0], 'x');
}

int test_virtio_mmio(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reset_values_and_masks),
        TEST(what_no_register_has),
        TEST(all_reads),
        TEST(all_writes),
        TEST(wide_writes_cover_several_registers),
        TEST(any_queue_may_be_selected_and_kicked),
        TEST(a_queue_is_stopped_and_set_up_anew),
        TEST(queue_reset_needs_its_feature),
        TEST(configuration_and_its_generation),
        TEST(the_line_is_high_until_all_is_acknowledged),
        cmocka_unit_test_setup_teardown(an_edge_for_each_notification, setup_edge, teardown),
        TEST(devices_it_takes),
        TEST(a_line_without_room),
        cmocka_unit_test(command_line),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
