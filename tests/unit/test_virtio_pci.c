/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI transport: identity, capabilities, and every register at every offset and width. */
#include "support/virtio_pci_bench.h"

#include <errno.h>

int test_virtio_pci(void);

/* ---- Identity and capabilities ---- */

static void transitional_identity(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(config(bench, 0x00, 4), 0x10031af4);
    assert_int_equal(config(bench, 0x08, 4), 0x07800000); /* Revision 0 */
    assert_int_equal(config(bench, 0x2c, 4), 0x00031af4);
    assert_int_equal(config(bench, 0x3d, 1), 1);
    assert_int_equal(config(bench, 0x10, 4) & 3, 1); /* Ports */
    assert_int_equal(config(bench, 0x20, 4) & 7, 4); /* 64-bit memory */
    vmmp_pci_function_write(&bench->pci.function, 0x10, 4, UINT32_MAX);
    vmmp_pci_function_write(&bench->pci.function, 0x20, 4, UINT32_MAX);
    assert_int_equal(config(bench, 0x10, 4), 0xffffffc1);
    assert_int_equal(config(bench, 0x20, 4), 0xffffc004);
}

static void modern_identity(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    const struct vmmp_virtio_pci_options options = { .face = VMMP_VIRTIO_PCI_MODERN,
                                                     .interrupt_pin = 3,
                                                     .class_code = 0x123456 };
    (void)state;
    make(bench, &options);
    assert_int_equal(config(bench, 0x00, 4), 0x10431af4);
    assert_int_equal(config(bench, 0x08, 4), 0x12345601);
    assert_in_range(config(bench, 0x2e, 2), 0x40, 0xffff);
    assert_int_equal(config(bench, 0x3d, 1), 3);
    assert_int_equal(config(bench, 0x10, 4), 0);
    assert_true(virtio_driver_start(&bench->driver, UINT64_MAX, 2));
    unmake(bench);
    free(bench);
}

static void legacy_identity(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    const struct vmmp_virtio_pci_options options = { .face = VMMP_VIRTIO_PCI_LEGACY,
                                                     .legacy_size = 0x400 };
    (void)state;
    make(bench, &options);
    assert_int_equal(config(bench, 0x00, 4), 0x10031af4);
    assert_int_equal(config(bench, 0x06, 2) & 0x10, 0); /* No capabilities */
    assert_int_equal(config(bench, 0x20, 4), 0);
    vmmp_pci_function_write(&bench->pci.function, 0x10, 4, UINT32_MAX);
    assert_int_equal(config(bench, 0x10, 4), 0xfffffc01);
    bench->driver.transport = &virtio_driver_pci_legacy;
    bench->driver.device = &bench->pci.legacy;
    assert_true(virtio_driver_start(&bench->driver, UINT64_MAX, 2));
    assert_int_equal(bench->driver.queues[0].size, 128);
    unmake(bench);
    free(bench);
}

static void capabilities_tell_where_everything_is(void **state)
{
    static const struct {
        unsigned kind, size, offset, length;
    } rows[] = { { 1, 16, 0, 60 },
                 { 2, 20, 0x3000, 8 },
                 { 3, 16, 0x1000, 1 },
                 { 4, 16, 0x2000, 12 },
                 { 5, 20, 0, 0 } };
    struct bench *bench = *state;
    for (unsigned i = 0; i < 5; i++) {
        unsigned at = find_capability(bench, rows[i].kind);
        assert_int_not_equal(at, 0);
        assert_int_equal(config(bench, at + 2, 1), rows[i].size);
        assert_int_equal(config(bench, at + 4, 1), rows[i].kind == 5 ? 0 : 4);
        assert_int_equal(config(bench, at + 8, 4), rows[i].offset);
        assert_int_equal(config(bench, at + 12, 4), rows[i].length);
        /* 4.1.4: read-only, but for the configuration access. */
        if (rows[i].kind != 5) {
            for (unsigned o = 0; o < rows[i].size; o++) {
                uint32_t before = config(bench, at + o, 1);
                vmmp_pci_function_write(&bench->pci.function, at + o, 1, ~before & 0xff);
                assert_int_equal(config(bench, at + o, 1), before);
            }
        }
    }
    assert_int_equal(config(bench, find_capability(bench, 2) + 16, 4), 4);
}

static const struct vmmp_virtio_ops unknown_ops = { .name = "unknown", .type = 42 };

static void options_are_checked(void **state)
{
    struct bench *bench = *state;
    struct vmmp_virtio_pci pci;
    struct vmmp_virtio_device other;
    const struct vmmp_virtio_pci_options bad[] = {
        { .face = (enum vmmp_virtio_pci_face)3 },
        { .legacy_size = 32 },
        { .legacy_size = 100 },
        { .legacy_size = 0x20000 },
        { .interrupt_pin = 5 },
        { .class_code = 0x1000000 },
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(vmmp_virtio_pci_init(&pci, &bench->console.virtio, &bad[i]), -EINVAL);
    }
    assert_int_equal(vmmp_virtio_pci_init(&pci, NULL, NULL), -EINVAL);

    assert_int_equal(
        vmmp_virtio_init(&other, &unknown_ops, NULL, NULL, 0, &bench->rig.memory, NULL, NULL), 0);
    const struct vmmp_virtio_pci_options legacy_only = { .face = VMMP_VIRTIO_PCI_LEGACY };
    assert_int_equal(vmmp_virtio_pci_init(&pci, &other, &legacy_only), -EINVAL);
    /* No legacy id, no configuration, no queue: a modern device with three capabilities. */
    assert_int_equal(vmmp_virtio_pci_init(&pci, &other, NULL), 0);
    assert_int_equal(vmmp_pci_function_read(&pci.function, 2, 2), 0x1040 + 42);
    assert_int_equal(vmmp_window_read(&pci.modern, PAGE(MODERN_DEVICE), 4), UINT32_MAX);
    assert_int_equal(vmmp_window_read(&pci.modern, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
    vmmp_virtio_pci_fini(&pci);
    vmmp_virtio_fini(&other);
}

/* ---- Every access ---- */

/*
 * A wide read is the row of its bytes. ISR apart, reading has no effect, so the order does not
 * matter; ISR is 0 here.
 */
static void reads_are_made_of_bytes(struct vmmp_window *window, uint64_t from, uint64_t to)
{
    for (unsigned w = 0; w < 4; w++) {
        for (uint64_t offset = from; offset + widths[w] <= to; offset++) {
            uint64_t expected = 0;
            for (unsigned i = 0; i < widths[w]; i++) {
                expected |= vmmp_window_read(window, offset + i, 1) << (8 * i);
            }
            uint64_t value = vmmp_window_read(window, offset, widths[w]);
            if (value != expected) {
                fail_msg("%u bytes at %llx are %llx, not %llx", widths[w],
                         (unsigned long long)offset, (unsigned long long)value,
                         (unsigned long long)expected);
            }
        }
    }
}

static void all_reads(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, UINT64_MAX, 2));
    assert_int_equal(bench->console.virtio.isr, 0);
    reads_are_made_of_bytes(&bench->pci.legacy, 0, bench->pci.legacy.size);
    for (unsigned select = 0; select < 4; select++) {
        modern_put(bench, VIRTIO_PCI_COMMON_Q_SELECT, 2, select == 3 ? 0xffff : select);
        modern_put(bench, VIRTIO_PCI_COMMON_DFSELECT, 4, select);
        modern_put(bench, VIRTIO_PCI_COMMON_GFSELECT, 4, select);
        reads_are_made_of_bytes(&bench->pci.modern, 0, 0x60);
    }
    for (unsigned page = 1; page < 4; page++) {
        reads_are_made_of_bytes(&bench->pci.modern, PAGE(page) - 8, PAGE(page) + 0x20);
    }
    reads_are_made_of_bytes(&bench->pci.modern, MODERN_BAR_SIZE - 16, MODERN_BAR_SIZE);
    assert_int_equal(bench->console.virtio.status, 15);
}

static void what_no_register_has_reads_all_ones(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_SIZE, 4), UINT32_MAX);
    assert_int_equal(modern(bench, PAGE(MODERN_ISR) + 1, 1), 0xff);
    assert_int_equal(modern(bench, PAGE(MODERN_DEVICE) + 12, 1), 0xff);
    assert_int_equal(modern(bench, PAGE(MODERN_NOTIFY), 8), 0);
    assert_int_equal(modern(bench, PAGE(MODERN_NOTIFY) + 8, 1), 0xff);
    assert_int_equal(legacy(bench, 0x14 + 12, 1), 0xff);
    assert_int_equal(legacy(bench, 0x3f, 1), 0xff);
    assert_int_equal(legacy(bench, 0x40, 1), 0xff); /* Outside */
    assert_int_equal(modern(bench, MODERN_BAR_SIZE - 1, 2), 0xffff);
}

/* Reset values and masks of the common configuration, one row per register. */
static void common_configuration_reset_values(void **state)
{
    static const struct {
        unsigned offset, size;
        uint64_t reset;
        bool writable;
    } rows[] = {
        { VIRTIO_PCI_COMMON_DFSELECT, 4, 0, true },
        { VIRTIO_PCI_COMMON_GFSELECT, 4, 0, true },
        { VIRTIO_PCI_COMMON_MSIX, 2, 0xffff, false },
        { VIRTIO_PCI_COMMON_NUMQ, 2, 2, false },
        { VIRTIO_PCI_COMMON_STATUS, 1, 0, false },
        { VIRTIO_PCI_COMMON_CFGGENERATION, 1, 0, false },
        { VIRTIO_PCI_COMMON_Q_SELECT, 2, 0, false },
        { VIRTIO_PCI_COMMON_Q_SIZE, 2, 128, true },
        { VIRTIO_PCI_COMMON_Q_MSIX, 2, 0xffff, false },
        { VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0, false },
        { VIRTIO_PCI_COMMON_Q_NOFF, 2, 0, false },
        { VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0, true },
        { VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0, true },
        { VIRTIO_PCI_COMMON_Q_AVAILLO, 4, 0, true },
        { VIRTIO_PCI_COMMON_Q_AVAILHI, 4, 0, true },
        { VIRTIO_PCI_COMMON_Q_USEDLO, 4, 0, true },
        { VIRTIO_PCI_COMMON_Q_USEDHI, 4, 0, true },
        { VIRTIO_PCI_COMMON_Q_NDATA, 2, 0, false },
        { VIRTIO_PCI_COMMON_Q_RESET, 2, 0, false },
    };
    struct bench *bench = *state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned offset = rows[i].offset;
        unsigned size = rows[i].size;
        uint64_t pattern = UINT64_C(0xa5b6c7d8) & vmmp_all_ones(size);
        assert_int_equal(modern(bench, offset, size), rows[i].reset);
        if (offset == VIRTIO_PCI_COMMON_STATUS || offset == VIRTIO_PCI_COMMON_Q_SELECT) {
            continue;
        }
        modern_put(bench, offset, size, pattern);
        assert_int_equal(modern(bench, offset, size), rows[i].writable ? pattern : rows[i].reset);
        /* A byte at a time. */
        for (unsigned b = 0; rows[i].writable && b < size; b++) {
            modern_put(bench, offset + b, 1, 0x10 + b);
            assert_int_equal(modern(bench, offset + b, 1), 0x10 + b);
        }
        modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 1, 0);
        assert_int_equal(modern(bench, offset, size), rows[i].reset);
    }
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_STATUS, 1), 0);
}

/* 64-bit addresses in one access, and an access over three registers. */
static void wide_writes_cover_several_registers(void **state)
{
    struct bench *bench = *state;
    modern_put(bench, VIRTIO_PCI_COMMON_Q_DESCLO, 8, UINT64_C(0x1122334455667788));
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0x55667788);
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_DESCHI, 4), 0x11223344);
    /* Status (1), generation (1), select (2) and size (2) and two bytes of vector. */
    modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 8, UINT64_C(0x0000004000010003));
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_STATUS, 1), 3);
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_SELECT, 2), 1);
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
    /* Half of a register with an effect is not that register. */
    modern_put(bench, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 1);
    modern_put(bench, VIRTIO_PCI_COMMON_Q_ENABLE + 1, 1, 1);
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
    assert_int_equal(bench->rig.messages, 0);
}

/* A storm of writes everywhere, at any status; what is checked is that the device still works. */
static void all_writes(void **state)
{
    static const uint64_t values[] = { 0,    1,      3,          0x0f,
                                       0x80, 0xffff, UINT64_MAX, UINT64_C(0x4000000040000000) };
    struct bench *bench = *state;
    for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        for (unsigned w = 0; w < 4; w++) {
            for (uint64_t offset = 0; offset < MODERN_BAR_SIZE; offset++) {
                if (offset % MODERN_PAGE == 0x80) {
                    offset += MODERN_PAGE - 0x80 - 8;
                }
                modern_put(bench, offset, widths[w], values[v]);
            }
            for (uint64_t offset = 0; offset < bench->pci.legacy.size; offset++) {
                legacy_put(bench, offset, widths[w], values[v]);
            }
        }
        bench->driver.next_gpa = VIRTIO_RIG_RAM;
        assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
        const struct virtio_driver_buffer out = { VIRTIO_RIG_RAM + 0x100000, 7, false };
        bench->written = 0;
        virtio_driver_add(&bench->driver, 1, &out, 1);
        assert_true(virtio_driver_kick(&bench->driver, 1));
        assert_int_equal(bench->written, 7);
    }
    assert_in_range(bench->rig.messages, 1, 200);
}

/* Defect rows 2 and 3: any notify value, on both faces. */
static void all_kicks(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
    for (unsigned value = 0; value < 65536; value++) {
        legacy_put(bench, VIRTIO_PCI_QUEUE_NOTIFY, 2, value);
    }
    for (uint64_t offset = 0; offset < MODERN_PAGE; offset++) {
        modern_put(bench, PAGE(MODERN_NOTIFY) + offset, 2, offset);
    }
    /* Twice for the two values, and for the slots: their first byte in the access. */
    assert_int_equal(bench->console.queues[0].kicks, 1 + 1);
    assert_int_equal(bench->console.queues[1].kicks, 1 + 2);
    modern_put(bench, PAGE(MODERN_NOTIFY), 8, 0);
    assert_int_equal(bench->console.queues[0].kicks, 3);
    assert_int_equal(bench->console.queues[1].kicks, 4);
    assert_in_range(bench->rig.messages, 1, 40);
    assert_non_null(strstr(bench->rig.last_message, "kick of a queue that does not exist"));
}

/* Defect row 4: any selector, then every queue register. */
static void all_selectors(void **state)
{
    struct bench *bench = *state;
    for (unsigned select = 0; select < 65536; select++) {
        unsigned size = select < 2 ? 128 : 0;
        legacy_put(bench, VIRTIO_PCI_QUEUE_SEL, 2, select);
        assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_SEL, 2), select);
        assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_NUM, 2), size);
        assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_SIZE, 2), size);
        assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_NOFF, 2), size ? select : 0);
        if (size == 0) {
            legacy_put(bench, VIRTIO_PCI_QUEUE_PFN, 4, 0x40000);
            assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_PFN, 4), 0);
            legacy_put(bench, VIRTIO_PCI_QUEUE_PFN, 4, 0);
            modern_put(bench, VIRTIO_PCI_COMMON_Q_DESCLO, 8, UINT64_MAX);
            assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0);
            modern_put(bench, VIRTIO_PCI_COMMON_Q_SIZE, 8, 0x0001000100010010);
            assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
        }
    }
    assert_int_equal(bench->console.virtio.status, 0);
}

static void legacy_pfns_outside_ram(void **state)
{
    struct bench *bench = *state;
    const uint32_t bad[] = { 1, 0x3ffff, 0x40400, 0x403ff, UINT32_MAX };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        legacy_put(bench, VIRTIO_PCI_STATUS, 1, 0);
        legacy_put(bench, VIRTIO_PCI_STATUS, 1, 3);
        legacy_put(bench, VIRTIO_PCI_QUEUE_SEL, 2, 1);
        legacy_put(bench, VIRTIO_PCI_QUEUE_PFN, 4, bad[i]);
        legacy_put(bench, VIRTIO_PCI_STATUS, 1, 7);
        assert_int_equal(legacy(bench, VIRTIO_PCI_STATUS, 1), 7 | VIRTIO_STATUS_NEEDS_RESET);
        legacy_put(bench, VIRTIO_PCI_QUEUE_NOTIFY, 2, 1);
        assert_int_equal(bench->console.queues[1].chains, 0);
    }
}

/* A legacy driver's registers as behaviour.md has them, configuration byte by byte. */
static void legacy_registers(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(legacy(bench, VIRTIO_PCI_HOST_FEATURES, 4) & 0xf, 5); /* SIZE, EMERG_WRITE */
    legacy_put(bench, VIRTIO_PCI_GUEST_FEATURES, 4, 1);
    assert_int_equal(legacy(bench, VIRTIO_PCI_GUEST_FEATURES, 4), 1);
    assert_int_equal(legacy(bench, 0x14, 1), 80);
    assert_int_equal(legacy(bench, 0x16, 2), 25);
    legacy_put(bench, VIRTIO_PCI_QUEUE_SEL, 2, 1);
    legacy_put(bench, VIRTIO_PCI_QUEUE_PFN, 4, 0x40000);
    assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_PFN, 4), 0x40000);
    legacy_put(bench, VIRTIO_PCI_QUEUE_PFN, 4, 0x40010); /* In use. */
    assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_PFN, 4), 0x40000);
    legacy_put(bench, VIRTIO_PCI_QUEUE_PFN, 2, 0); /* Half of it */
    assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_PFN, 4), 0x40000);
    assert_int_equal(bench->console.queues[1].registers.device.gpa,
                     VIRTIO_RIG_RAM + 4096); /* 128 * 16 + 6 + 2 * 128, up to a page */
    legacy_put(bench, VIRTIO_PCI_STATUS, 1, 0);
    assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_PFN, 4), 0);
    assert_int_equal(legacy(bench, VIRTIO_PCI_QUEUE_SEL, 2), 0);
    assert_int_equal(legacy(bench, VIRTIO_PCI_GUEST_FEATURES, 4), 0);
}

static void driver_feature_words_beyond_the_second(void **state)
{
    struct bench *bench = *state;
    for (unsigned word = 2; word < 40; word++) {
        modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 1, 0);
        modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 1, 3);
        modern_put(bench, VIRTIO_PCI_COMMON_DFSELECT, 4, word);
        assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_DF, 4), 0);
        virtio_driver_pci_modern.set_features(&bench->pci.modern, VERSION_1);
        modern_put(bench, VIRTIO_PCI_COMMON_GFSELECT, 4, word);
        modern_put(bench, VIRTIO_PCI_COMMON_GF, 4, 0x10);
        modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 1, 11);
        assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_STATUS, 1), 3);
        modern_put(bench, VIRTIO_PCI_COMMON_GF, 4, 0);
        modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 1, 11);
        assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_STATUS, 1), 11);
    }
}

int test_virtio_pci(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(transitional_identity),
        cmocka_unit_test(modern_identity),
        cmocka_unit_test(legacy_identity),
        TEST(capabilities_tell_where_everything_is),
        TEST(options_are_checked),
        TEST(all_reads),
        TEST(what_no_register_has_reads_all_ones),
        TEST(common_configuration_reset_values),
        TEST(wide_writes_cover_several_registers),
        TEST(all_writes),
        TEST(all_kicks),
        TEST(all_selectors),
        TEST(legacy_pfns_outside_ram),
        TEST(legacy_registers),
        TEST(driver_feature_words_beyond_the_second),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
