/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <libfdt.h>

#include <sel4vmmplatsupport/vmmp/addr.h>
#include <sel4vmmplatsupport/vmmp/fdt.h>

static _Alignas(8) uint8_t buffer[16384];
static char logged[VMMP_LOG_MAX];
static unsigned log_lines;

static void record(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                   const char *message)
{
    (void)cookie;
    assert_int_equal(level, VMMP_LOG_ERROR);
    assert_int_equal(origin, VMMP_LOG_CLIENT);
    snprintf(logged, sizeof(logged), "%s", message);
    log_lines++;
}

static const struct vmmp_log log_sink = { record, NULL, VMMP_LOG_DEBUG };

static int quiet(void **state)
{
    (void)state;
    logged[0] = '\0';
    log_lines = 0;
    memset(buffer, 0xee, sizeof(buffer));
    return 0;
}

/* The property's cells, which must be `count`. */
static const uint32_t *cells(const char *path, const char *name, int count)
{
    static uint32_t values[64];
    int length = 0;
    int node = fdt_path_offset(buffer, path);

    if (node < 0) {
        fail_msg("no node %s", path);
    }
    const uint8_t *raw = fdt_getprop(buffer, node, name, &length);
    if (!raw || length != count * 4) {
        fail_msg("%s: %s has %d bytes, not %d", path, name, length, count * 4);
    }
    for (int i = 0; i < count; i++) {
        vmmp_be32_t cell;
        memcpy(&cell, raw + 4 * i, 4);
        values[i] = vmmp_be32_get(cell);
    }
    return values;
}

static void expect_cells(const char *path, const char *name, const uint32_t *expected, int count)
{
    const uint32_t *found = cells(path, name, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(found[i], expected[i]);
    }
}

#define EXPECT_CELLS(path, name, ...)                                                         \
    do {                                                                                      \
        static const uint32_t expected_[] = { __VA_ARGS__ };                                  \
        expect_cells(path, name, expected_, (int)(sizeof(expected_) / sizeof(expected_[0]))); \
    } while (0)

static void expect_bytes(const char *path, const char *name, const void *expected, int size)
{
    int length = 0;
    const void *raw = fdt_getprop(buffer, fdt_path_offset(buffer, path), name, &length);
    if (!raw) {
        fail_msg("%s has no %s", path, name);
    }
    assert_int_equal(length, size);
    assert_memory_equal(raw, expected, (size_t)size);
}

#define EXPECT_STRINGS(path, name, text) expect_bytes(path, name, text, sizeof(text))

static void expect_empty(const char *path, const char *name)
{
    int length = -1;
    assert_non_null(fdt_getprop(buffer, fdt_path_offset(buffer, path), name, &length));
    assert_int_equal(length, 0);
}

static bool has(const char *path, const char *name)
{
    return fdt_getprop(buffer, fdt_path_offset(buffer, path), name, NULL) != NULL;
}

static const uint8_t seed[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

/* Everything that a VMM would write; `v3` picks the interrupt controller, `ecam` the bridge. */
static int write_all(struct vmmp_fdt *fdt, size_t size, bool v3, bool ecam, size_t *written)
{
    static const struct vmmp_fdt_range ram[] = { { 0x40000000, 0x9d000000 },
                                                 { 0, 0 },
                                                 { UINT64_C(0x100000000), 0x20000000 } };
    static const uint64_t mpidr[] = { 0, 1, 0x100, UINT64_C(0x80000101) };
    static const uint64_t wide_mpidr[] = { 0, UINT64_C(0x100000001) };
    static const struct vmmp_fdt_pci_pin pins[] = { { 1, 1, 50 }, { 3, 4, 51 }, { 31, 2, 52 } };
    static const struct vmmp_fdt_alias aliases[] = { { "serial0", "/pl011@9000000" } };
    struct vmmp_fdt_chosen chosen = { .bootargs = "console=hvc0 root=/dev/vda",
                                      .stdout_path = "serial0:115200n8",
                                      .initrd_start = UINT64_C(0x42010000),
                                      .initrd_size = 0x500001,
                                      .rng_seed = seed,
                                      .rng_seed_size = sizeof(seed),
                                      .kaslr_seed = UINT64_C(0x1122334455667788) };
    struct vmmp_fdt_cpus cpus = { "arm,armv8", v3 ? wide_mpidr : mpidr, v3 ? 2 : 4, true };
    struct vmmp_fdt_gic gic = { .phandle = 1,
                                .distributor = { 0x8000000, 0x10000 },
                                .cpu_interface = { 0x8010000, 0x10000 },
                                .redistributors = { 0x80a0000, 0x100000 },
                                .msi_phandle = 3,
                                .msi = { 0x8020000, v3 ? 0x20000 : 0x1000 },
                                .msi_spi_base = 48,
                                .msi_spi_count = v3 ? 0 : 64 };
    struct vmmp_fdt_pci pci = { .ecam = ecam,
                                .config = { 0xde000000, 0x1000000 },
                                .io = { 0xdd000000, 0x10000 },
                                .memory = { 0xdf000000, 0x1000000 },
                                .memory64 = { ecam ? UINT64_C(0x8000000000) : 0,
                                              ecam ? UINT64_C(0x4000000000) : 0 },
                                .gic_phandle = 1,
                                .gic_address_cells = 2,
                                .msi_phandle = 3,
                                .pins = pins,
                                .pin_count = 3 };

    vmmp_fdt_init(fdt, buffer, size);
    vmmp_fdt_begin_root(fdt, "linux,dummy-virt", "test", 1);
    vmmp_fdt_chosen(fdt, &chosen);
    vmmp_fdt_aliases(fdt, aliases, 1);
    vmmp_fdt_memory(fdt, ram, 3);
    vmmp_fdt_cpus(fdt, &cpus);
    vmmp_fdt_psci(fdt, !v3);
    vmmp_fdt_timer(fdt, true, v3 ? 0 : 4);
    if (v3) {
        vmmp_fdt_gic_v3(fdt, &gic);
    } else {
        vmmp_fdt_gic_v2(fdt, &gic);
    }
    vmmp_fdt_fixed_clock(fdt, "apb-pclk", 2, 24000000);
    vmmp_fdt_pl011(fdt, 0x9000000, 1, 2);
    vmmp_fdt_pl031(fdt, 0x9010000, 2, 2);
    vmmp_fdt_cadence_uart(fdt, 0xff000000, 21, 2);
    vmmp_fdt_pl061(fdt, 0x9030000, 7, 2, 9);
    vmmp_fdt_gpio_key(fdt, "power", 9, 3, 116);
    vmmp_fdt_virtio_mmio(fdt, 0xa000000, 16);
    vmmp_fdt_virtio_mmio(fdt, 0xa000200, 17);
    vmmp_fdt_pci(fdt, &pci);
    vmmp_fdt_end(fdt);
    return vmmp_fdt_finish(fdt, written, &log_sink);
}

static void whole_tree_v2_cam(void **state)
{
    struct vmmp_fdt fdt;
    size_t size = 0;

    (void)state;
    assert_int_equal(write_all(&fdt, sizeof(buffer), false, false, &size), 0);
    assert_true(size == fdt_totalsize(buffer) && size < sizeof(buffer));
    assert_int_equal(fdt_check_full(buffer, size), 0);
    assert_int_equal(log_lines, 0);

    EXPECT_STRINGS("/", "compatible", "linux,dummy-virt");
    EXPECT_CELLS("/", "interrupt-parent", 1);
    EXPECT_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x9d000000, 1, 0, 0, 0x20000000);
    EXPECT_STRINGS("/memory@40000000", "device_type", "memory");
    EXPECT_STRINGS("/chosen", "bootargs", "console=hvc0 root=/dev/vda");
    EXPECT_STRINGS("/chosen", "stdout-path", "serial0:115200n8");
    EXPECT_CELLS("/chosen", "linux,initrd-start", 0, 0x42010000);
    EXPECT_CELLS("/chosen", "linux,initrd-end", 0, 0x42510001);
    EXPECT_CELLS("/chosen", "kaslr-seed", 0x11223344, 0x55667788);
    expect_bytes("/chosen", "rng-seed", seed, sizeof(seed));
    EXPECT_STRINGS("/aliases", "serial0", "/pl011@9000000");
    EXPECT_CELLS("/cpus", "#address-cells", 1);
    EXPECT_CELLS("/cpus/cpu@101", "reg", 0x101); /* Bit 31 is no affinity. */
    EXPECT_STRINGS("/cpus/cpu@100", "enable-method", "psci");
    EXPECT_STRINGS("/cpus/cpu@0", "compatible", "arm,armv8");
    EXPECT_STRINGS("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
    EXPECT_STRINGS("/psci", "method", "hvc");
    EXPECT_CELLS("/timer", "interrupts", 1, 13, 0xf04, 1, 14, 0xf04, 1, 11, 0xf04, 1, 10, 0xf04);
    EXPECT_STRINGS("/timer", "compatible", "arm,armv8-timer\0arm,armv7-timer");
    EXPECT_CELLS("/interrupt-controller@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0,
                 0x10000);
    EXPECT_CELLS("/interrupt-controller@8000000", "phandle", 1);
    EXPECT_CELLS("/interrupt-controller@8000000", "#interrupt-cells", 3);
    expect_empty("/interrupt-controller@8000000", "interrupt-controller");
    EXPECT_STRINGS("/interrupt-controller@8000000/v2m@8020000", "compatible", "arm,gic-v2m-frame");
    EXPECT_CELLS("/interrupt-controller@8000000/v2m@8020000", "arm,msi-base-spi", 80);
    EXPECT_CELLS("/interrupt-controller@8000000/v2m@8020000", "arm,msi-num-spis", 64);
    EXPECT_CELLS("/apb-pclk", "clock-frequency", 24000000);
    EXPECT_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    EXPECT_CELLS("/pl011@9000000", "clocks", 2, 2);
    EXPECT_STRINGS("/pl011@9000000", "compatible", "arm,pl011\0arm,primecell");
    EXPECT_CELLS("/rtc@9010000", "reg", 0, 0x9010000, 0, 0x1000);
    EXPECT_STRINGS("/serial@ff000000", "compatible", "xlnx,zynqmp-uart\0cdns,uart-r1p12");
    EXPECT_CELLS("/serial@ff000000", "reg", 0, 0xff000000, 0, 0x1000);
    EXPECT_CELLS("/serial@ff000000", "interrupts", 0, 21, 4);
    EXPECT_CELLS("/serial@ff000000", "clocks", 2, 2);
    EXPECT_STRINGS("/serial@ff000000", "clock-names", "uart_clk\0pclk");
    EXPECT_STRINGS("/gpio@9030000", "compatible", "arm,pl061\0arm,primecell");
    EXPECT_CELLS("/gpio@9030000", "reg", 0, 0x9030000, 0, 0x1000);
    EXPECT_CELLS("/gpio@9030000", "interrupts", 0, 7, 4);
    EXPECT_CELLS("/gpio@9030000", "#gpio-cells", 2);
    EXPECT_CELLS("/gpio@9030000", "phandle", 9);
    expect_empty("/gpio@9030000", "gpio-controller");
    EXPECT_STRINGS("/gpio-keys", "compatible", "gpio-keys");
    EXPECT_CELLS("/gpio-keys/key", "gpios", 9, 3, 0);
    EXPECT_CELLS("/gpio-keys/key", "linux,code", 116);
    EXPECT_STRINGS("/gpio-keys/key", "label", "power");
    EXPECT_CELLS("/virtio_mmio@a000200", "interrupts", 0, 17, 4);
    EXPECT_STRINGS("/pci@de000000", "compatible", "pci-host-cam-generic");
    EXPECT_CELLS("/pci@de000000", "bus-range", 0, 255);
    EXPECT_CELLS("/pci@de000000", "ranges", 0x01000000, 0, 0, 0, 0xdd000000, 0, 0x10000, 0x02000000,
                 0, 0xdf000000, 0, 0xdf000000, 0, 0x1000000);
    EXPECT_CELLS("/pci@de000000", "interrupt-map-mask", 0xf800, 0, 0, 7);
    EXPECT_CELLS("/pci@de000000", "interrupt-map", 1 << 11, 0, 0, 1, 1, 0, 0, 0, 50, 4, 3 << 11, 0,
                 0, 4, 1, 0, 0, 0, 51, 4, 31 << 11, 0, 0, 2, 1, 0, 0, 0, 52, 4);
    EXPECT_CELLS("/pci@de000000", "msi-map", 0, 3, 0, 0x10000);
    expect_empty("/pci@de000000", "dma-coherent");
}

static void whole_tree_v3_ecam(void **state)
{
    struct vmmp_fdt fdt;
    size_t size = 0;

    (void)state;
    assert_int_equal(write_all(&fdt, sizeof(buffer), true, true, &size), 0);
    assert_int_equal(fdt_check_full(buffer, size), 0);
    EXPECT_CELLS("/cpus", "#address-cells", 2);
    EXPECT_CELLS("/cpus/cpu@100000001", "reg", 1, 1);
    EXPECT_STRINGS("/psci", "method", "smc");
    EXPECT_CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
    EXPECT_STRINGS("/interrupt-controller@8000000", "compatible", "arm,gic-v3");
    EXPECT_CELLS("/interrupt-controller@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0,
                 0x100000);
    EXPECT_STRINGS("/interrupt-controller@8000000/msi-controller@8020000", "compatible",
                   "arm,gic-v3-its");
    EXPECT_STRINGS("/pcie@de000000", "compatible", "pci-host-ecam-generic");
    EXPECT_CELLS("/pcie@de000000", "bus-range", 0, 15);
    EXPECT_CELLS("/pcie@de000000", "ranges", 0x01000000, 0, 0, 0, 0xdd000000, 0, 0x10000,
                 0x02000000, 0, 0xdf000000, 0, 0xdf000000, 0, 0x1000000, 0x03000000, 0x80, 0, 0x80,
                 0, 0x40, 0);
}

/* Where the GICv3 has no LPIs, messages go through a v2m frame as well. */
static void a_v2m_frame_below_a_gic_v3(void **state)
{
    struct vmmp_fdt fdt;
    size_t size = 0;
    const struct vmmp_fdt_gic gic = { .phandle = 1,
                                      .distributor = { 0x8000000, 0x10000 },
                                      .redistributors = { 0x80a0000, 0x100000 },
                                      .msi_phandle = 3,
                                      .msi = { 0x8020000, 0x1000 },
                                      .msi_v2m = true };
    (void)state;
    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "linux,dummy-virt", "test", 1);
    vmmp_fdt_gic_v3(&fdt, &gic);
    vmmp_fdt_end(&fdt);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), 0);
    EXPECT_STRINGS("/interrupt-controller@8000000", "compatible", "arm,gic-v3");
    EXPECT_STRINGS("/interrupt-controller@8000000/v2m@8020000", "compatible", "arm,gic-v2m-frame");
    EXPECT_CELLS("/interrupt-controller@8000000/v2m@8020000", "reg", 0, 0x8020000, 0, 0x1000);
    EXPECT_CELLS("/interrupt-controller@8000000/v2m@8020000", "phandle", 3);
    expect_empty("/interrupt-controller@8000000/v2m@8020000", "msi-controller");
}

/* dtc is the judge of style as well: not a line from it. */
static void dtc_finds_nothing(void **state)
{
    (void)state;
    if (system("dtc --version >/dev/null 2>&1") != 0) {
        print_message("skipped: dtc is not installed (package device-tree-compiler)\n");
        skip();
    }
    for (int variant = 0; variant < 4; variant++) {
        char name[] = "/tmp/vmmp-fdt-XXXXXX";
        char line[160];
        char said[1024];
        struct vmmp_fdt fdt;
        size_t size = 0;
        assert_int_equal(write_all(&fdt, sizeof(buffer), variant & 1, variant & 2, &size), 0);
        int fd = mkstemp(name);
        assert_true(fd >= 0);
        FILE *file = fdopen(fd, "wb");
        assert_int_equal(fwrite(buffer, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        snprintf(line, sizeof(line), "dtc -I dtb -O dts -o /dev/null %s 2>&1", name);
        FILE *pipe = popen(line, "r");
        assert_non_null(pipe);
        size_t length = fread(said, 1, sizeof(said) - 1, pipe);
        said[length] = '\0';
        int status = pclose(pipe);
        remove(name);
        if (status != 0 || length != 0) {
            fail_msg("dtc: %s", said);
        }
    }
}

static void too_small_a_buffer_is_reported_once_with_the_node(void **state)
{
    struct vmmp_fdt fdt;
    size_t size = 0;
    size_t needed = 0;

    (void)state;
    assert_int_equal(write_all(&fdt, sizeof(buffer), false, false, &needed), 0);
    for (size_t room = 0; room < sizeof(buffer); room += room < 128 ? 1 : 61) {
        log_lines = 0;
        size = 0;
        memset(buffer, 0xee, sizeof(buffer));
        int err = write_all(&fdt, room, false, false, &size);
        assert_true(room < needed ? err == -ENOSPC : err == 0 || err == -ENOSPC);
        assert_int_equal(log_lines, err ? 1 : 0);
        for (size_t i = room; i < sizeof(buffer); i++) {
            assert_int_equal(buffer[i], 0xee);
        }
        if (room == 1000) {
            assert_non_null(strstr(logged, "device tree: "));
            assert_non_null(strchr(logged, '/'));
        }
    }
    write_all(&fdt, 600, false, false, &size);
    assert_non_null(strstr(logged, "FDT_ERR_NOSPACE at node /"));
}

static void misuse_sticks(void **state)
{
    struct vmmp_fdt fdt;
    size_t size = 0;
    uint32_t many[65] = { 0 };

    (void)state;
    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "a", "b", 0);
    vmmp_fdt_begin(&fdt, "open%d", 7);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), -EINVAL);
    assert_non_null(strstr(logged, "at node /open7"));

    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "a", "b", 0);
    vmmp_fdt_end(&fdt);
    vmmp_fdt_end(&fdt);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), -EINVAL);

    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "a", "b", 0);
    vmmp_fdt_begin(&fdt, "cells");
    vmmp_fdt_cells(&fdt, "x", many, 65);
    vmmp_fdt_end(&fdt);
    vmmp_fdt_begin(&fdt, "innocent");
    vmmp_fdt_end(&fdt);
    vmmp_fdt_end(&fdt);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, NULL), -EINVAL);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), -EINVAL);
    assert_non_null(strstr(logged, "at node /cells"));

    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    for (int depth = 0; depth < 20; depth++) {
        vmmp_fdt_begin(&fdt, "a-node-with-a-name-of-some-length-%d", depth);
    }
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, NULL), -EINVAL);
    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "a", "b", 0);
    vmmp_fdt_begin(&fdt, "%0100d", 1);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, NULL), -EINVAL);
}

static void impossible_devices_are_refused(void **state)
{
    static struct vmmp_fdt_pci_pin pins[129];
    static struct vmmp_fdt_range regions[9];
    struct vmmp_fdt fdt;
    size_t size = 0;
    struct vmmp_fdt_pci pci = { .config = { 0x1000, 0x100 }, .gic_address_cells = 2 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
        vmmp_fdt_begin_root(&fdt, "a", "b", 0);
        switch (i) {
        case 0: /* Not even one bus. */
            vmmp_fdt_pci(&fdt, &pci);
            break;
        case 1:
            pci.config.size = 0x10000;
            pci.pins = pins;
            pci.pin_count = 129;
            vmmp_fdt_pci(&fdt, &pci);
            break;
        case 2:
            vmmp_fdt_memory(&fdt, regions, 2);
            break;
        default:
            for (int j = 0; j < 9; j++) {
                regions[j].size = 1;
            }
            vmmp_fdt_memory(&fdt, regions, 9);
        }
        vmmp_fdt_end(&fdt);
        assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), -EINVAL);
        assert_non_null(strstr(logged, i < 2 ? "/pci@1000" : "/memory@0"));
    }
    pci.pin_count = 128;
    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "a", "b", 0);
    vmmp_fdt_pci(&fdt, &pci);
    vmmp_fdt_end(&fdt);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), 0);
    EXPECT_CELLS("/pci@1000", "bus-range", 0, 0);
}

static void what_is_optional_may_be_left_out(void **state)
{
    static const uint64_t one = 0;
    struct vmmp_fdt fdt;
    size_t size = 0;
    struct vmmp_fdt_chosen chosen = { .bootargs = NULL };
    struct vmmp_fdt_cpus cpus = { "arm,cortex-a15", &one, 1, false };
    struct vmmp_fdt_gic gic = { .phandle = 1,
                                .distributor = { 0x1000, 0x1000 },
                                .cpu_interface = { 0x2000, 0x1000 } };

    (void)state;
    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "a", "b", 0);
    vmmp_fdt_chosen(&fdt, &chosen);
    vmmp_fdt_cpus(&fdt, &cpus);
    vmmp_fdt_timer(&fdt, false, 16);
    vmmp_fdt_gic_v2(&fdt, &gic);
    vmmp_fdt_begin_at(&fdt, "other", UINT64_C(0xabcdef0123));
    vmmp_fdt_spi(&fdt, 3, true);
    vmmp_fdt_end(&fdt);
    vmmp_fdt_end(&fdt);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), 0);
    assert_false(has("/", "interrupt-parent"));
    assert_int_equal(fdt_first_property_offset(buffer, fdt_path_offset(buffer, "/chosen")),
                     -FDT_ERR_NOTFOUND);
    assert_false(has("/cpus/cpu@0", "enable-method"));
    EXPECT_STRINGS("/timer", "compatible", "arm,armv7-timer");
    EXPECT_CELLS("/timer", "interrupts", 1, 13, 0xff04, 1, 14, 0xff04, 1, 11, 0xff04, 1, 10,
                 0xff04);
    assert_int_equal(
        fdt_first_subnode(buffer, fdt_path_offset(buffer, "/interrupt-controller@1000")),
        -FDT_ERR_NOTFOUND);
    EXPECT_CELLS("/other@abcdef0123", "interrupts", 0, 3, 1);
}

static void primitives_write_what_they_are_given(void **state)
{
    struct vmmp_fdt fdt;
    size_t size = 0;
    int length = 0;

    (void)state;
    vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
    vmmp_fdt_begin_root(&fdt, "a", "b", 0);
    vmmp_fdt_begin(&fdt, "node-%d", 7);
    vmmp_fdt_empty(&fdt, "flag");
    vmmp_fdt_u32(&fdt, "word", 0x01020304);
    vmmp_fdt_u64(&fdt, "long", UINT64_C(0x1122334455667788));
    vmmp_fdt_string(&fdt, "name-of-it", "text");
    vmmp_fdt_strings(&fdt, "list", "one\0two", sizeof("one\0two"));
    vmmp_fdt_bytes(&fdt, "bytes", "\x01\xff", 2);
    vmmp_fdt_reg(&fdt, UINT64_C(0x100000002), 3);
    vmmp_fdt_end(&fdt);
    vmmp_fdt_end(&fdt);
    assert_int_equal(vmmp_fdt_finish(&fdt, &size, &log_sink), 0);
    int node = fdt_path_offset(buffer, "/node-7");
    assert_true(node > 0);
    assert_non_null(fdt_getprop(buffer, node, "flag", &length));
    assert_int_equal(length, 0);
    EXPECT_CELLS("/node-7", "word", 0x01020304);
    EXPECT_CELLS("/node-7", "long", 0x11223344, 0x55667788);
    EXPECT_STRINGS("/node-7", "name-of-it", "text");
    assert_memory_equal(fdt_getprop(buffer, node, "list", &length), "one\0two", 8);
    assert_int_equal(length, 8);
    assert_memory_equal(fdt_getprop(buffer, node, "bytes", &length), "\x01\xff", 2);
    assert_int_equal(length, 2);
    EXPECT_CELLS("/node-7", "reg", 1, 2, 0, 3);
}

int test_fdt(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whole_tree_v2_cam, quiet),
        cmocka_unit_test_setup(whole_tree_v3_ecam, quiet),
        cmocka_unit_test_setup(a_v2m_frame_below_a_gic_v3, quiet),
        cmocka_unit_test_setup(dtc_finds_nothing, quiet),
        cmocka_unit_test_setup(too_small_a_buffer_is_reported_once_with_the_node, quiet),
        cmocka_unit_test_setup(misuse_sticks, quiet),
        cmocka_unit_test_setup(impossible_devices_are_refused, quiet),
        cmocka_unit_test_setup(what_is_optional_may_be_left_out, quiet),
        cmocka_unit_test_setup(primitives_write_what_they_are_given, quiet),
    };
    return cmocka_run_group_tests_name("fdt", tests, NULL, NULL);
}
