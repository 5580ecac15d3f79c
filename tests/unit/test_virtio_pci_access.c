/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI transport from the guest's side: its interrupt, the configuration access capability, a
 * driver behind a host. */
#include "support/virtio_pci_bench.h"

#include <sel4vmmplatsupport/vmmp/pci_host.h>

int test_virtio_pci_access(void);

/* ---- Interrupts ---- */

static void make_interrupt(struct bench *bench)
{
    const struct virtio_driver_buffer out = { VIRTIO_RIG_RAM + 0x100000, 1, false };
    virtio_driver_add(&bench->driver, 1, &out, 1);
    assert_true(virtio_driver_kick(&bench->driver, 1));
}

static void isr_is_read_to_clear_on_both_faces(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
    for (unsigned face = 0; face < 2; face++) {
        make_interrupt(bench);
        assert_true(bench->rig.high);
        assert_int_equal(config(bench, 0x06, 2) & 8, 8);
        uint64_t isr = face ? legacy(bench, VIRTIO_PCI_ISR, 1) : modern(bench, PAGE(MODERN_ISR), 1);
        assert_int_equal(isr, 1);
        assert_false(bench->rig.high);
        assert_int_equal(config(bench, 0x06, 2) & 8, 0);
        isr = face ? legacy(bench, VIRTIO_PCI_ISR, 1) : modern(bench, PAGE(MODERN_ISR), 1);
        assert_int_equal(isr, 0);
    }
    /* Writing does nothing to it. */
    make_interrupt(bench);
    modern_put(bench, PAGE(MODERN_ISR), 1, 0xff);
    legacy_put(bench, VIRTIO_PCI_ISR, 1, 0);
    assert_true(bench->rig.high);
}

static void intx_disable_holds_the_line(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
    vmmp_pci_function_write(&bench->pci.function, 4, 2, 0x407);
    make_interrupt(bench);
    assert_false(bench->rig.high);
    vmmp_pci_function_write(&bench->pci.function, 4, 2, 0x007);
    assert_true(bench->rig.high);
}

/* ---- The configuration access capability (4.1.4.9) ---- */

struct cfg {
    struct bench *bench;
    unsigned at;
};

static void cfg_point(struct cfg *cfg, uint8_t bar, uint32_t offset, uint32_t length)
{
    struct vmmp_pci_function *function = &cfg->bench->pci.function;
    vmmp_pci_function_write(function, cfg->at + 4, 1, bar);
    vmmp_pci_function_write(function, cfg->at + 8, 4, offset);
    vmmp_pci_function_write(function, cfg->at + 12, 4, length);
}

static uint32_t cfg_get(struct cfg *cfg, uint8_t bar, uint32_t offset, uint32_t length)
{
    cfg_point(cfg, bar, offset, length);
    return (uint32_t)vmmp_pci_function_read(&cfg->bench->pci.function, cfg->at + 16, length);
}

static void cfg_put(struct cfg *cfg, uint8_t bar, uint32_t offset, uint32_t length, uint32_t value)
{
    cfg_point(cfg, bar, offset, length);
    vmmp_pci_function_write(&cfg->bench->pci.function, cfg->at + 16, length, value);
}

static void configuration_access_reaches_every_register(void **state)
{
    struct bench *bench = *state;
    struct cfg cfg = { bench, find_capability(bench, 5) };
    assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
    /* BARs are not even decoded. */
    assert_int_equal(config(bench, 4, 2) & 3, 0);
    for (unsigned w = 0; w < 3; w++) {
        uint32_t size = widths[w];
        for (uint32_t offset = 0; offset + size <= MODERN_BAR_SIZE; offset += size) {
            if (offset % MODERN_PAGE >= 0x60 && offset % MODERN_PAGE < 0xff0) {
                continue;
            }
            assert_int_equal(cfg_get(&cfg, 4, offset, size), modern(bench, offset, size));
        }
        for (uint32_t offset = 0; offset + size <= 64; offset += size) {
            assert_int_equal(cfg_get(&cfg, 0, offset, size), legacy(bench, offset, size));
        }
    }
}

static void configuration_access_drives_the_device(void **state)
{
    struct bench *bench = *state;
    struct cfg cfg = { bench, find_capability(bench, 5) };
    cfg_put(&cfg, 4, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
    cfg_put(&cfg, 4, VIRTIO_PCI_COMMON_Q_SIZE, 2, 64);
    cfg_put(&cfg, 4, VIRTIO_PCI_COMMON_Q_USEDHI, 4, 0xcafebabe);
    assert_int_equal(bench->console.queues[1].registers.size, 64);
    assert_int_equal(bench->console.queues[1].registers.device.gpa, UINT64_C(0xcafebabe00000000));
    cfg_put(&cfg, 0, VIRTIO_PCI_STATUS, 1, 3);
    assert_int_equal(bench->console.virtio.status, 3);
    /* ISR, with its side effect, once; bytes behind the length have none. */
    bench->console.virtio.isr = 1;
    cfg_point(&cfg, 4, PAGE(MODERN_ISR), 1);
    vmmp_pci_function_read(&bench->pci.function, cfg.at + 17, 1);
    assert_int_equal(bench->console.virtio.isr, 1);
    assert_int_equal(vmmp_pci_function_read(&bench->pci.function, cfg.at + 16, 1), 1);
    assert_int_equal(bench->console.virtio.isr, 0);
}

static void configuration_access_points_nowhere(void **state)
{
    struct bench *bench = *state;
    struct cfg cfg = { bench, find_capability(bench, 5) };
    const struct {
        uint8_t bar;
        uint32_t offset, length;
    } bad[] = {
        { 1, 0, 4 },          { 2, 0, 4 },          { 5, 0, 4 },          { 255, 0, 4 },
        { 4, 1, 2 },          { 4, 2, 4 },          { 4, 0, 0 },          { 4, 0, 3 },
        { 4, 0, 8 },          { 4, 0, UINT32_MAX }, { 4, 0x4000, 4 },     { 4, UINT32_MAX, 1 },
        { 4, 0xfffffffc, 4 }, { 0, 0x40, 1 },       { 4, 0x80000000, 4 },
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cfg_point(&cfg, bad[i].bar, bad[i].offset, bad[i].length);
        uint64_t value = vmmp_pci_function_read(&bench->pci.function, cfg.at + 16, 4);
        unsigned bytes = bad[i].length <= 4 ? bad[i].length : 4;
        bytes = bytes ? bytes : 4;
        assert_int_equal(value & vmmp_all_ones(bytes == 3 ? 2 : bytes),
                         vmmp_all_ones(bytes == 3 ? 2 : bytes));
        vmmp_pci_function_write(&bench->pci.function, cfg.at + 16, 4, 0x0f0f0f0f);
        assert_int_equal(bench->console.virtio.status, 0);
    }
    /* Any access inside the capability, whatever it says. */
    for (unsigned v = 0; v < 256; v += 51) {
        for (unsigned w = 0; w < 4; w++) {
            for (unsigned offset = 0; offset < 24; offset++) {
                vmmp_pci_function_write(&bench->pci.function, cfg.at + offset, widths[w],
                                        v * UINT64_C(0x0101010101010101));
                vmmp_pci_function_read(&bench->pci.function, cfg.at + offset, widths[w]);
            }
        }
    }
    assert_int_equal(config(bench, cfg.at, 4) >> 24, 5);
}

/* ---- On a host ---- */

static void a_driver_behind_a_pci_host(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    struct vmmp_pci_host *host = calloc(1, sizeof(*host));
    const struct vmmp_pci_line line = { &bench->rig.line, 40 };
    const struct vmmp_pci_host_config host_config = {
        .config_kind = VMMP_PCI_CONFIG_ECAM,
        .buses = 1,
        .memory_base = 0x10000000,
        .memory_size = 0x1000000,
        .port_size = 0x10000,
        .port_allocation_base = 0x1000,
        .lines = &line,
        .line_count = 1,
    };
    (void)state;
    make(bench, NULL);
    vmmp_irq_source_fini(&bench->pci.function.irq);
    assert_int_equal(vmmp_pci_host_init(host, &host_config, NULL, NULL), 0);
    int bdf = vmmp_pci_host_add(host, &bench->pci.function, VMMP_PCI_ANY_DEVICE, 0);
    assert_true(bdf >= 0);
    uint64_t bar4 = vmmp_pci_bar_address(&bench->pci.function, 4) - 0x10000000;
    uint64_t bar0 = vmmp_pci_bar_address(&bench->pci.function, 0);
    assert_int_equal(vmmp_window_read(&host->memory, bar4 + VIRTIO_PCI_COMMON_NUMQ, 2), 0xffff);
    vmmp_pci_config_write(host, (unsigned)bdf, 4, 2, 7);
    assert_int_equal(vmmp_window_read(&host->memory, bar4 + VIRTIO_PCI_COMMON_NUMQ, 2), 2);
    assert_int_equal(vmmp_window_read(&host->ports, bar0 + VIRTIO_PCI_QUEUE_NUM, 2), 128);
    assert_true(virtio_driver_start(&bench->driver, VERSION_1, 2));
    make_interrupt(bench);
    assert_true(bench->rig.high);
    assert_int_equal(vmmp_window_read(&host->memory, bar4 + PAGE(MODERN_ISR), 1), 1);
    assert_false(bench->rig.high);
    vmmp_pci_host_remove(host, &bench->pci.function);
    vmmp_pci_host_fini(host);
    unmake(bench);
    free(host);
    free(bench);
}

int test_virtio_pci_access(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(isr_is_read_to_clear_on_both_faces),
        TEST(intx_disable_holds_the_line),
        TEST(configuration_access_reaches_every_register),
        TEST(configuration_access_drives_the_device),
        TEST(configuration_access_points_nowhere),
        cmocka_unit_test(a_driver_behind_a_pci_host),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
