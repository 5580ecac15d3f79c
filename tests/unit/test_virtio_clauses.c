/* SPDX-License-Identifier: BSD-2-Clause */
/* Clauses of virtio 1.2 that concern several devices, shown with a disk. */
#include "vmmp_test.h"

#include "support/blk_bench.h"
#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_pci_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define VERSION_1 BIT(VIRTIO_F_VERSION_1)

int test_virtio_clauses(void);

static int make(void **state, bool mmio, bool packed)
{
    const struct blk_bench_options options = {
        .mmio = mmio,
        .packed = packed,
        .info = { .discard = true, .write_zeroes = true },
    };
    struct blk_bench *bench = malloc(sizeof(*bench));
    blk_bench_init(bench, &options);
    *state = bench;
    return 0;
}

static int setup(void **state)
{
    return make(state, false, false);
}

static int setup_mmio(void **state)
{
    return make(state, true, false);
}

static int setup_packed(void **state)
{
    return make(state, false, true);
}

static int teardown(void **state)
{
    blk_bench_fini(*state);
    free(*state);
    return 0;
}

/* ---- 2.2.2, 5.2.5.2: what is offered has with it what it needs ---- */

static void no_write_cache_to_switch_without_flush(void **state)
{
    struct blk_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    const uint64_t both = BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_CONFIG_WCE);
    assert_int_equal(transport->features(bench->driver.device) & both, both);
    bench->blk.virtio.features_off = BIT(VIRTIO_BLK_F_CONFIG_WCE);
    assert_int_equal(transport->features(bench->driver.device) & both, BIT(VIRTIO_BLK_F_FLUSH));
    bench->blk.virtio.features_off = BIT(VIRTIO_BLK_F_FLUSH);
    assert_int_equal(transport->features(bench->driver.device) & both, 0);
}

/* ---- 2.7.5.1, 2.8.15: where the device writes ---- */

struct range {
    uint64_t gpa;
    uint64_t len;
};

/* All but the ranges is as it was. */
static void expect_unchanged(const struct blk_bench *bench, const uint8_t *before,
                             const struct range *ranges, unsigned count)
{
    for (uint64_t i = 0; i < VIRTIO_RIG_RAM_SIZE; i++) {
        bool may = before[i] == bench->rig.ram[i];
        for (unsigned r = 0; !may && r < count; r++) {
            may = VIRTIO_RIG_RAM + i - ranges[r].gpa < ranges[r].len;
        }
        if (!may) {
            fail_msg("%#llx was written", (unsigned long long)(VIRTIO_RIG_RAM + i));
        }
    }
}

/* The areas that are the device's to write, but for the buffers. */
static unsigned put_areas(const struct blk_bench *bench, struct range *ranges)
{
    const struct virtio_driver_queue *queue = &bench->driver.queues[0];
    if (virtio_driver_has(&bench->driver, VIRTIO_F_RING_PACKED)) {
        ranges[0] = (struct range){ queue->desc_gpa, virtq_packed_desc_bytes(queue->size) };
        ranges[1] = (struct range){ queue->used_gpa, sizeof(struct virtq_packed_event) };
        return 2;
    }
    ranges[0] = (struct range){ queue->used_gpa, virtq_used_bytes(queue->size) };
    return 1;
}

static void only_what_is_writable_is_written(void **state)
{
    static const struct {
        uint32_t type;
        uint32_t sector;
        bool writable;
    } requests[] = {
        { VIRTIO_BLK_T_IN, 3, true },
        { VIRTIO_BLK_T_OUT, 4, false },
        { VIRTIO_BLK_T_GET_ID, 0, true },
        { VIRTIO_BLK_T_DISCARD, 0, false },
        { VIRTIO_BLK_T_FLUSH, 0, false },
        { VIRTIO_BLK_T_OUT, UINT32_MAX, false },
        { VIRTIO_BLK_T_IN, 3, false },
        { VIRTIO_BLK_T_OUT, 4, true },
        { 12345, 0, false },
        { 12345, 0, true },
    };
    struct blk_bench *bench = *state;
    uint8_t *before = malloc(VIRTIO_RIG_RAM_SIZE);
    blk_bench_start(bench, UINT64_MAX);
    for (unsigned i = 0; i < 2 * sizeof(requests) / sizeof(requests[0]); i++) {
        bool writable = requests[i / 2].writable;
        uint64_t header = blk_bench_header(bench, requests[i / 2].type, requests[i / 2].sector);
        const struct virtio_driver_buffer buffers[] = { { header, 16, false },
                                                        { bench->data, 512, writable },
                                                        { blk_bench_status(bench), 1, true } };
        struct range ranges[4] = { { buffers[2].gpa, 1 }, { bench->data, writable ? 512 : 0 } };
        unsigned count = 2 + put_areas(bench, &ranges[2]);
        memset(virtio_driver_at(&bench->driver, bench->data, 512), 0xe1, 512);
        if (i % 2 == 0) {
            virtio_driver_add(&bench->driver, 0, buffers, 3);
        } else {
            virtio_driver_add_indirect(&bench->driver, 0, buffers, 3);
        }
        memcpy(before, bench->rig.ram, VIRTIO_RIG_RAM_SIZE);
        bench->driver.transport->kick(bench->driver.device, 0);
        expect_unchanged(bench, before, ranges, count);
        assert_int_not_equal(blk_bench_byte(bench, buffers[2].gpa), 0xff);
        assert_int_equal(blk_bench_used(bench, 0), 1);
    }
    assert_false(blk_bench_broken(bench));
    free(before);
}

/* ---- 2.6.1.1.1: a queue after its reset ---- */

static void no_interrupt_for_a_queue_that_was_reset(void **state)
{
    struct blk_bench *bench = *state;
    blk_bench_start(bench, UINT64_MAX);
    bench->disk.slow = true;
    blk_bench_add(bench, 0, VIRTIO_BLK_T_IN, 0, bench->data, 512);
    uint8_t *before = malloc(VIRTIO_RIG_RAM_SIZE);
    memcpy(before, bench->rig.ram, VIRTIO_RIG_RAM_SIZE);
    /* The backend finishes what is under way inside; the data may still come. */
    vmmp_context_enter(&bench->blk.virtio.context);
    vmmp_virtio_queue_reset(&bench->blk.virtio, 0);
    vmmp_context_leave(&bench->blk.virtio.context);
    bench->driver.transport->kick(bench->driver.device, 0);
    const struct range data = { bench->data, 512 };
    expect_unchanged(bench, before, &data, 1);
    assert_int_equal(bench->rig.pulses, 0);
    assert_int_equal(bench->driver.transport->isr(bench->driver.device), 0);
    assert_int_equal(bench->disk.submits, 1);
    free(before);
}

/* ---- 4.1.4.3.1, 4.2.2.1: the generation of the configuration ---- */

#define WRITEBACK 32

static uint8_t look(struct blk_bench *bench, uint64_t *writeback)
{
    uint8_t generation = vmmp_virtio_config_generation(&bench->blk.virtio);
    *writeback = bench->driver.transport->config_read(bench->driver.device, WRITEBACK, 1);
    return generation;
}

static void a_generation_for_every_change(void **state)
{
    struct blk_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    uint64_t value;
    uint8_t fresh = look(bench, &value);
    assert_int_equal(value, 1);
    assert_int_equal(look(bench, &value), fresh);
    /* By the features: without FLUSH it begins as 0 (5.2.5.2). */
    blk_bench_start(bench, VERSION_1 | BIT(VIRTIO_BLK_F_CONFIG_WCE));
    uint8_t negotiated = look(bench, &value);
    assert_int_equal(value, 0);
    assert_int_not_equal(negotiated, fresh);
    /* By the driver. */
    transport->config_write(bench->driver.device, WRITEBACK, 1, 1);
    uint8_t written = look(bench, &value);
    assert_int_equal(value, 1);
    assert_int_not_equal(written, negotiated);
    transport->config_write(bench->driver.device, WRITEBACK, 1, 0);
    written = look(bench, &value);
    assert_int_equal(value, 0);
    /* By a reset. */
    virtio_driver_reset(&bench->driver);
    assert_int_not_equal(look(bench, &value), written);
    assert_int_equal(value, 1);
}

/* ---- 5.2.5.2, 5.2.6.2: what of the configuration is padding, and what may change ---- */

#define MAY_UNMAP 56

static void padding_and_unmapping(void **state)
{
    static const uint32_t padding[] = { WRITEBACK + 1, MAY_UNMAP + 1, MAY_UNMAP + 2,
                                        MAY_UNMAP + 3 };
    struct blk_bench *bench = *state;
    const struct virtio_driver_transport *transport = bench->driver.transport;
    blk_bench_start(bench, UINT64_MAX);
    for (unsigned unmaps = 0; unmaps < 2; unmaps++) {
        bench->disk.info.unmaps = unmaps;
        vmmp_context_enter(&bench->blk.virtio.context);
        vmmp_virtio_blk_resized(&bench->blk);
        vmmp_context_leave(&bench->blk.virtio.context);
        assert_int_equal(transport->isr(bench->driver.device), unmaps ? VMMP_VIRTIO_ISR_CONFIG : 0);
        assert_int_equal(transport->config_read(bench->driver.device, MAY_UNMAP, 1), unmaps);
        for (unsigned i = 0; i < sizeof(padding) / sizeof(padding[0]); i++) {
            assert_int_equal(transport->config_read(bench->driver.device, padding[i], 1), 0);
        }
    }
}

/* ---- 5.2.6.2: unknown flags, wherever they are ---- */

static void unknown_flags_behind_another_mistake(void **state)
{
    struct blk_bench *bench = *state;
    static const uint32_t types[] = { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
    struct virtio_blk_segment *segments =
        virtio_driver_at(&bench->driver, bench->data, 2 * sizeof(*segments));
    uint32_t written;
    blk_bench_start(bench, UINT64_MAX);
    for (unsigned t = 0; t < 2; t++) {
        /* Beyond the end of the disk; good but for its flags. */
        segments[0] =
            (struct virtio_blk_segment){ vmmp_le64(UINT64_MAX), vmmp_le32(1), vmmp_le32(0) };
        segments[1] = (struct virtio_blk_segment){ vmmp_le64(0), vmmp_le32(1), vmmp_le32(2) };
        assert_int_equal(blk_bench_do(bench, types[t], 0, bench->data, 32, &written),
                         VIRTIO_BLK_S_UNSUPP);
        segments[1].flags = vmmp_le32(0);
        assert_int_equal(blk_bench_do(bench, types[t], 0, bench->data, 32, &written),
                         VIRTIO_BLK_S_IOERR);
    }
    assert_int_equal(bench->disk.submits, 0);
}

/* ---- 4.1.4.3.1, 4.2.2.1: what registers present ---- */

struct registers {
    struct vmmp_window *window;
    unsigned driver_feature_select;
    unsigned driver_feature;
    unsigned queue_select;
    unsigned queue_enable;
    unsigned queue_reset;
    unsigned generation;
    unsigned width; /* Of those of queues; a PCI generation has one byte. */
};

static struct registers registers_of(struct blk_bench *bench)
{
    if (bench->driver.transport == &virtio_driver_mmio) {
        return (struct registers){ &bench->rig.mmio.window,       VIRTIO_MMIO_DRIVER_FEATURES_SEL,
                                   VIRTIO_MMIO_DRIVER_FEATURES,   VIRTIO_MMIO_QUEUE_SEL,
                                   VIRTIO_MMIO_QUEUE_READY,       VIRTIO_MMIO_QUEUE_RESET,
                                   VIRTIO_MMIO_CONFIG_GENERATION, 4 };
    }
    return (struct registers){ &bench->rig.pci.modern,
                               VIRTIO_PCI_COMMON_GFSELECT,
                               VIRTIO_PCI_COMMON_GF,
                               VIRTIO_PCI_COMMON_Q_SELECT,
                               VIRTIO_PCI_COMMON_Q_ENABLE,
                               VIRTIO_PCI_COMMON_Q_RESET,
                               VIRTIO_PCI_COMMON_CFGGENERATION,
                               2 };
}

static void driver_features_read_back(void **state)
{
    struct blk_bench *bench = *state;
    const struct registers at = registers_of(bench);
    const uint64_t offered = bench->driver.transport->features(bench->driver.device);
    const uint32_t words[] = { (uint32_t)offered, (uint32_t)(offered >> 32) };
    virtio_driver_reset(&bench->driver);
    bench->driver.transport->set_status(bench->driver.device, 3);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t word = 0; word < 4; word++) {
            vmmp_window_write(at.window, at.driver_feature_select, 4, word);
            uint32_t value = word < 2 ? words[word] : 0;
            value =
                round == 0 ? value : ~value; /* What is not offered is shown as it was written. */
            vmmp_window_write(at.window, at.driver_feature, 4, value);
            assert_int_equal(vmmp_window_read(at.window, at.driver_feature, 4),
                             word < 2 ? value : 0);
        }
        for (uint32_t word = 0; word < 2; word++) {
            vmmp_window_write(at.window, at.driver_feature_select, 4, word);
            assert_int_equal(vmmp_window_read(at.window, at.driver_feature, 4),
                             round == 0 ? words[word] : ~words[word]);
        }
    }
    virtio_driver_reset(&bench->driver);
    assert_int_equal(vmmp_window_read(at.window, at.driver_feature, 4), 0);
}

static void queue_registers_after_resets(void **state)
{
    struct blk_bench *bench = *state;
    const struct registers at = registers_of(bench);
    for (unsigned round = 0; round < 2; round++) {
        blk_bench_start(bench, UINT64_MAX);
        assert_true(virtio_driver_has(&bench->driver, VIRTIO_F_RING_RESET));
        vmmp_window_write(at.window, at.queue_select, at.width, 0);
        assert_int_equal(vmmp_window_read(at.window, at.queue_enable, at.width), 1);
        assert_int_equal(vmmp_window_read(at.window, at.queue_reset, at.width), 0);
        vmmp_window_write(at.window, at.queue_reset, at.width, 1);
        assert_int_equal(vmmp_window_read(at.window, at.queue_enable, at.width), 0);
        assert_int_equal(vmmp_window_read(at.window, at.queue_reset, at.width), 0);
        virtio_driver_set_up_queue(&bench->driver, 0);
        assert_int_equal(vmmp_window_read(at.window, at.queue_enable, at.width), 1);
        assert_int_equal(vmmp_window_read(at.window, at.queue_reset, at.width), 0);
        /* The whole device. */
        virtio_driver_reset(&bench->driver);
        vmmp_window_write(at.window, at.queue_select, at.width, 0);
        assert_int_equal(vmmp_window_read(at.window, at.queue_enable, at.width), 0);
        assert_int_equal(vmmp_window_read(at.window, at.queue_reset, at.width), 0);
    }
}

static void the_generation_is_in_its_register(void **state)
{
    struct blk_bench *bench = *state;
    const struct registers at = registers_of(bench);
    const struct virtio_driver_transport *transport = bench->driver.transport;
    blk_bench_start(bench, UINT64_MAX);
    /* Never what it was, whatever came before the last look. */
    for (unsigned i = 0; i < 600; i++) {
        uint64_t before = vmmp_window_read(at.window, at.generation, 1);
        transport->config_read(bench->driver.device, WRITEBACK, 1);
        for (unsigned changes = 0; changes < i; changes++) {
            transport->config_write(bench->driver.device, WRITEBACK, 1, changes & 1);
        }
        uint64_t after = vmmp_window_read(at.window, at.generation, 1);
        assert_int_equal(before == after, i == 0);
    }
}

/* ---- 4.1.2.1: the ids of every type ---- */

static void ids_of_every_type(void **state)
{
    static const uint16_t transitional[] = {
        [VIRTIO_ID_NET] = 0x1000,     [VIRTIO_ID_BLOCK] = 0x1001, [VIRTIO_ID_BALLOON] = 0x1002,
        [VIRTIO_ID_CONSOLE] = 0x1003, [VIRTIO_ID_SCSI] = 0x1004,  [VIRTIO_ID_ENTROPY] = 0x1005,
        [VIRTIO_ID_9P] = 0x1009,
    };
    struct blk_bench *bench = *state;
    struct vmmp_virtio_pci *pci = malloc(sizeof(*pci));
    for (uint16_t type = 1; type < 64; type++) {
        for (unsigned modern = 0; modern < 2; modern++) {
            const struct vmmp_virtio_ops ops = { .name = "any", .type = type };
            const struct vmmp_virtio_pci_options options = {
                .face = modern ? VMMP_VIRTIO_PCI_MODERN : VMMP_VIRTIO_PCI_TRANSITIONAL,
            };
            struct vmmp_virtio_device device;
            uint16_t id = type < sizeof(transitional) / sizeof(transitional[0]) && !modern
                              ? transitional[type]
                              : 0;
            assert_int_equal(
                vmmp_virtio_init(&device, &ops, NULL, NULL, 0, &bench->rig.memory, NULL, NULL), 0);
            assert_int_equal(vmmp_virtio_pci_init(pci, &device, &options), 0);
            assert_int_equal(vmmp_pci_function_read(&pci->function, 0, 2), 0x1af4);
            assert_int_equal(vmmp_pci_function_read(&pci->function, 2, 2), id ? id : 0x1040 + type);
            assert_int_equal(vmmp_pci_function_read(&pci->function, 8, 1), id ? 0 : 1);
            uint64_t subsystem = vmmp_pci_function_read(&pci->function, 0x2e, 2);
            assert_true(id ? subsystem == type : subsystem >= 0x40);
            vmmp_virtio_pci_fini(pci);
            vmmp_virtio_fini(&device);
        }
    }
    free(pci);
}

int test_virtio_clauses(void)
{
#define TEST(how, test) cmocka_unit_test_setup_teardown(test, how, teardown)
#define EACH_WAY(test)  TEST(setup, test), TEST(setup_mmio, test), TEST(setup_packed, test)
    const struct CMUnitTest tests[] = {
        EACH_WAY(no_write_cache_to_switch_without_flush),
        EACH_WAY(only_what_is_writable_is_written),
        EACH_WAY(no_interrupt_for_a_queue_that_was_reset),
        EACH_WAY(a_generation_for_every_change),
        EACH_WAY(padding_and_unmapping),
        EACH_WAY(unknown_flags_behind_another_mistake),
        TEST(setup, ids_of_every_type),
        EACH_WAY(driver_features_read_back),
        EACH_WAY(queue_registers_after_resets),
        EACH_WAY(the_generation_is_in_its_register),
    };
#undef TEST
#undef EACH_WAY
    return cmocka_run_group_tests_name("virtio_clauses", tests, NULL, NULL);
}
