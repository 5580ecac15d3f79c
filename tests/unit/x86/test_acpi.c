/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables: what they say, and what iasl says about them. */
#include "vmmp_test.h"

#include <errno.h>
#include <unistd.h>

#include <sel4vmmplatsupport/vmmp/acpi.h>

#include "arch/x86/aml.h"
#include "support/iasl.h"

static uint8_t area[VMMP_ACPI_AREA_SIZE];
static size_t used;

static struct vmmp_acpi_config small_config(void)
{
    return (struct vmmp_acpi_config){ .cpus = 1, .pm1a_base = 0x600, .spcr_uart = -1 };
}

static struct vmmp_acpi_config large_config(void)
{
    struct vmmp_acpi_config config = {
        .cpus = VMMP_ACPI_CPUS,
        .ioapic_id = 255,
        .timer_on_gsi2 = true,
        .dual_8259 = true,
        .pm1a_base = 0x600,
        .pm_timer = 0x608,
        .reset_port = 0xcf9,
        .reset_value = 6,
        .i8042 = true,
        .cmos_rtc = true,
        .hpet_base = 0xfed00000,
        .pci = { .present = true,
                 .last_bus = 255,
                 .ecam = { 0xb0000000, 0x10000000 },
                 .mem32 = { 0xc0000000, 0x30000000 },
                 .mem64 = { UINT64_C(0x800000000), UINT64_C(0x800000000) },
                 .intx_gsi = { 16, 17, 18, 19 } },
        .uart_count = 2,
        .uarts = { { 0x3f8, 4 }, { 0x2f8, 3 } },
        .spcr_uart = 1,
        .virtio_mmio_count = VMMP_ACPI_VIRTIO_MMIO,
    };
    for (unsigned i = 0; i < VMMP_ACPI_VIRTIO_MMIO; i++) {
        config.virtio_mmio[i].window.base = 0xfea00000 + 0x200 * i;
        config.virtio_mmio[i].window.size = 0x200;
        config.virtio_mmio[i].gsi = (uint8_t)(20 + i % 4);
    }
    return config;
}

/* What a compatible client has: 8259s, and nobody behind the PM1 ports. */
static struct vmmp_acpi_config old_config(void)
{
    struct vmmp_acpi_config config = small_config();

    config.dual_8259 = true;
    config.no_ioapic = true;
    config.no_soft_off = true;
    config.i8042 = true;
    config.cmos_rtc = true;
    return config;
}

static void build(const struct vmmp_acpi_config *config)
{
    memset(area, 0xee, sizeof(area));
    assert_int_equal(vmmp_acpi_build(config, VMMP_ACPI_AREA, area, sizeof(area), &used), 0);
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static const uint8_t *at(uint64_t address)
{
    assert_in_range(address, VMMP_ACPI_AREA, VMMP_ACPI_AREA + used - 8);
    return area + (address - VMMP_ACPI_AREA);
}

static size_t length_of(const uint8_t *table)
{
    size_t length = (size_t)get(table + 4, 4);

    assert_true(length <= used - (size_t)(table - area));
    return length;
}

static void assert_sum_zero(const uint8_t *bytes, size_t count)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    assert_int_equal(sum, 0);
}

/* As a guest finds it: by the XSDT; NULL if it is not there. */
static const uint8_t *find(const char *signature)
{
    const uint8_t *xsdt = at(get(area + 24, 8));
    const uint8_t *found = NULL;

    for (size_t i = 36; i < length_of(xsdt); i += 8) {
        const uint8_t *table = at(get(xsdt + i, 8));
        if (memcmp(table, signature, 4) == 0) {
            assert_null(found);
            found = table;
        }
    }
    return found;
}

static void pointers_and_checksums(void **state)
{
    (void)state;
    const struct vmmp_acpi_config configs[] = { small_config(), large_config(), old_config() };
    for (unsigned which = 0; which < 3; which++) {
        struct vmmp_acpi_config config = configs[which];
        bool large = config.hpet_base != 0;
        build(&config);
        assert_memory_equal(area, "RSD PTR ", 8);
        assert_sum_zero(area, 20);
        assert_sum_zero(area, 36);
        const uint8_t *rsdt = at(get(area + 16, 4));
        const uint8_t *xsdt = at(get(area + 24, 8));
        assert_memory_equal(rsdt, "RSDT", 4);
        assert_memory_equal(xsdt, "XSDT", 4);
        assert_sum_zero(rsdt, length_of(rsdt));
        assert_sum_zero(xsdt, length_of(xsdt));
        assert_int_equal((length_of(rsdt) - 36) / 4, large ? 5 : 2);
        for (size_t i = 0; i < (length_of(xsdt) - 36) / 8; i++) {
            uint64_t address = get(xsdt + 36 + 8 * i, 8);
            assert_int_equal(address, get(rsdt + 36 + 4 * i, 4));
            assert_int_equal(address % 16, 0);
            assert_sum_zero(at(address), length_of(at(address)));
        }
        assert_null(find("DSDT"));
        assert_null(find("FACS"));
        assert_true(!find("HPET") == !large);
        assert_true(!find("MCFG") == !large);
        assert_true(!find("SPCR") == !large);
    }
}

static void fixed_description(void **state)
{
    struct vmmp_acpi_config config = large_config();
    (void)state;
    build(&config);
    const uint8_t *fadt = find("FACP");
    assert_int_equal(length_of(fadt), 268);
    const uint8_t *facs = at(get(fadt + 36, 4));
    assert_memory_equal(facs, "FACS", 4);
    assert_int_equal((facs - area) % 64, 0);
    assert_int_equal(length_of(facs), 64);
    const uint8_t *dsdt = at(get(fadt + 140, 8));
    assert_memory_equal(dsdt, "DSDT", 4);
    assert_int_equal(get(fadt + 40, 4), get(fadt + 140, 8));
    assert_sum_zero(dsdt, length_of(dsdt));
    assert_int_equal(get(fadt + 46, 2), 9);
    assert_int_equal(get(fadt + 48, 4), 0); /* No SMI command. */
    assert_int_equal(get(fadt + 56, 4), 0x600);
    assert_int_equal(get(fadt + 64, 4), 0x604);
    assert_int_equal(get(fadt + 76, 4), 0x608);
    assert_int_equal(fadt[88], 4);
    assert_int_equal(fadt[89], 2);
    assert_int_equal(fadt[91], 4);
    assert_int_equal(fadt[108], 0x32);
    assert_int_equal(get(fadt + 109, 2), 0x7);
    uint32_t flags = (uint32_t)get(fadt + 112, 4);
    assert_true(flags & 1u << 10);  /* Reset register. */
    assert_false(flags & 1u << 20); /* Not hardware-reduced. */
    assert_false(flags & 1u << 4);  /* A fixed power button. */
    assert_int_equal(get(fadt + 120, 8), 0xcf9);
    assert_int_equal(fadt[128], 6);
    assert_int_equal(get(fadt + 152, 8), 0x600);
    assert_int_equal(get(fadt + 176, 8), 0x604);
    assert_int_equal(get(fadt + 212, 8), 0x608);

    config = small_config();
    build(&config);
    fadt = find("FACP");
    assert_false(get(fadt + 112, 4) & 1u << 10);
    assert_int_equal(fadt[91], 0);
    assert_int_equal(get(fadt + 109, 2), 1 | 1 << 2 | 1 << 5);
}

static void check_madt(unsigned cpus)
{
    struct vmmp_acpi_config config = large_config();
    unsigned seen[5] = { 0 };
    config.cpus = cpus;
    build(&config);
    const uint8_t *madt = find("APIC");
    assert_int_equal(get(madt + 36, 4), 0xfee00000);
    assert_int_equal(get(madt + 40, 4), 1);
    for (size_t i = 44; i < length_of(madt); i += madt[i + 1]) {
        const uint8_t *entry = madt + i;
        assert_true(entry[0] < 5 && entry[1] >= 2);
        if (entry[0] == 0) {
            assert_int_equal(entry[2], seen[0]);
            assert_int_equal(entry[3], seen[0]);
            assert_int_equal(get(entry + 4, 4), 1);
        } else if (entry[0] == 1) {
            assert_int_equal(get(entry + 4, 4), 0xfec00000);
        } else if (entry[0] == 2) {
            assert_int_equal(get(entry + 4, 4), entry[3] == 0 ? 2 : 9);
            assert_int_equal(get(entry + 8, 2), entry[3] == 0 ? 0 : 0xd);
        } else {
            assert_int_equal(entry[2], 0xff);
            assert_int_equal(entry[5], 1);
        }
        seen[entry[0]]++;
    }
    assert_int_equal(seen[0], cpus);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 2);
    assert_int_equal(seen[4], 1);
}

static void interrupt_controllers(void **state)
{
    (void)state;
    check_madt(1);
    check_madt(64);
    check_madt(VMMP_ACPI_CPUS);
}

/* Each has a name of its own, and the identifier by which the MADT knows it. */
static void processors(void **state)
{
    struct vmmp_acpi_config config = large_config();
    (void)state;
    build(&config);
    const uint8_t *dsdt = at(get(find("FACP") + 40, 4));
    const uint8_t *from = dsdt;
    for (unsigned i = 0; i < VMMP_ACPI_CPUS; i++) {
        char name[5];
        snprintf(name, sizeof(name), "C0%02X", i);
        const uint8_t *cpu =
            memmem(from, length_of(dsdt) - (size_t)(from - dsdt), name, sizeof(name) - 1);
        assert_non_null(cpu);
        /* Name(_HID, "ACPI0007"), Name(_UID, i) */
        assert_memory_equal(cpu + 4,
                            "\x08_HID\x0d"
                            "ACPI0007\0\x08_UID",
                            20);
        const uint8_t *uid = cpu + 24;
        assert_int_equal(uid[0] == 0x0a ? uid[1] : uid[0], i);
        from = cpu;
    }
    from += 24; /* Behind the last one's own. */
    assert_null(memmem(from, length_of(dsdt) - (size_t)(from - dsdt), "ACPI0007", 8));
}

static void an_old_machine(void **state)
{
    struct vmmp_acpi_config config = old_config();

    (void)state;
    build(&config);
    const uint8_t *madt = find("APIC");
    assert_int_equal(madt[40], 1);
    /* One local APIC and its NMI: no IOAPIC, and no override that would need one. */
    assert_int_equal(length_of(madt), 44 + 8 + 6);
    assert_int_equal(madt[44], 0);
    assert_int_equal(madt[52], 4);
    const uint8_t *dsdt = at(get(find("FACP") + 40, 4));
    for (size_t i = 36; i + 4 <= length_of(dsdt); i++) {
        assert_memory_not_equal(dsdt + i, "_S5_", 4);
    }
}

static void refusals(void **state)
{
    struct vmmp_acpi_config good = large_config();
    struct vmmp_acpi_config bad[9];
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        bad[i] = good;
    }
    bad[0].cpus = 0;
    bad[1].cpus = VMMP_ACPI_CPUS + 1;
    bad[2].pci.ecam.size = 0x100000;
    bad[3].pci.mem32.size = 0x50000000;
    bad[4].spcr_uart = 2;
    bad[5].uarts[0].irq = 16;
    bad[6].virtio_mmio[3].window.base = UINT64_C(0x100000000);
    bad[7].pm1a_base = 0;
    bad[8].no_ioapic = true; /* But interrupts that arrive at one. */
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(vmmp_acpi_build(&bad[i], VMMP_ACPI_AREA, area, sizeof(area), &used),
                         -EINVAL);
    }
    assert_int_equal(vmmp_acpi_build(&good, VMMP_ACPI_AREA + 16, area, sizeof(area), &used),
                     -EINVAL);
    build(&good);
    size_t enough = used;
    uint8_t *exact = malloc(enough);
    assert_non_null(exact);
    assert_int_equal(vmmp_acpi_build(&good, VMMP_ACPI_AREA, exact, enough, &used), 0);
    free(exact);
    for (size_t size = 0; size < enough; size += size < 256 ? 1 : 97) {
        uint8_t *room = malloc(size ? size : 1);
        assert_non_null(room);
        assert_int_equal(vmmp_acpi_build(&good, VMMP_ACPI_AREA, room, size, &used), -ENOSPC);
        free(room);
    }
}

static void aml_errors_stick(void **state)
{
    uint8_t room[64];
    struct vmmp_aml aml;
    (void)state;
    vmmp_aml_init(&aml, room, sizeof(room));
    vmmp_aml_end(&aml);
    vmmp_aml_integer(&aml, 7);
    assert_int_equal(aml.error, -EINVAL);
    assert_int_equal(aml.used, 0);
    vmmp_aml_init(&aml, room, sizeof(room));
    vmmp_aml_name(&aml, "TOOLONG");
    assert_int_equal(aml.error, -EINVAL);
    vmmp_aml_init(&aml, room, sizeof(room));
    for (unsigned i = 0; i <= VMMP_AML_DEPTH; i++) {
        vmmp_aml_package(&aml, 1);
    }
    assert_int_equal(aml.error, -EINVAL);
    vmmp_aml_init(&aml, room, 3);
    vmmp_aml_integer(&aml, 0x12345);
    assert_int_equal(aml.error, -ENOSPC);
    vmmp_aml_init(&aml, room, sizeof(room));
    vmmp_aml_argument(&aml, 7);
    assert_int_equal(aml.error, -EINVAL);
    vmmp_aml_init(&aml, room, sizeof(room));
    vmmp_aml_local(&aml, 8);
    assert_int_equal(aml.error, -EINVAL);
    vmmp_aml_init(&aml, room, sizeof(room));
    vmmp_aml_method(&aml, "M", 8);
    assert_int_equal(aml.error, -EINVAL);
}

static void iasl_finds_nothing(void **state)
{
    (void)state;
    const struct vmmp_acpi_config configs[] = { small_config(), large_config(), old_config() };
    for (unsigned which = 0; which < 3; which++) {
        build(&configs[which]);
        iasl_judge(&(struct iasl_area){ area, VMMP_ACPI_AREA, used });
    }
}

/* Evaluates \_SB.PCI0._OSC for `uuid` and `revision`; what is in the buffer afterwards. */
static void evaluate_osc(const char *dsdt, const char *uuid, unsigned revision, unsigned control,
                         unsigned answer[3])
{
    char line[512];
    char said[256];
    unsigned bytes[12] = { 0 };
    bool found = false;

    snprintf(line, sizeof(line),
             "acpiexec -b 'execute \\_SB.PCI0._OSC (%s) %u 3 (00 00 00 00 1F 00 00 00 %02X %02X 00 "
             "00)' %s 2>&1",
             uuid, revision, control & 0xff, control >> 8, dsdt);
    FILE *out = popen(line, "r");
    assert_non_null(out);
    while (fgets(said, sizeof(said), out)) {
        const char *dump = strstr(said, "0000: ");
        found = found ||
                (dump && sscanf(dump, "0000: %x %x %x %x %x %x %x %x %x %x %x %x", &bytes[0],
                                &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5], &bytes[6],
                                &bytes[7], &bytes[8], &bytes[9], &bytes[10], &bytes[11]) == 12);
    }
    assert_int_equal(pclose(out), 0);
    assert_true(found);
    for (unsigned i = 0; i < 3; i++) {
        answer[i] =
            bytes[4 * i] | bytes[4 * i + 1] << 8 | bytes[4 * i + 2] << 16 | bytes[4 * i + 3] << 24;
    }
}

/* By ACPICA's interpreter, which is Linux's. */
static void pci_features_are_granted(void **state)
{
    static const char uuid[] = "5B 4D DB 33 F7 1F 1C 40 96 57 74 41 C0 3D D7 66";
    static const char other[] = "5B 4D DB 33 F7 1F 1C 40 96 57 74 41 C0 3D D7 67";
    static const struct {
        const char *uuid;
        unsigned revision, control, status, granted;
    } rows[] = {
        { uuid, 1, 0x1f, 0, 0x1f },
        { uuid, 1, 0x10, 0, 0x10 },
        { uuid, 1, 0, 0, 0 },
        { uuid, 1, 0x13f, 1 << 4, 0x1f },
        { uuid, 2, 0x1f, 1 << 3, 0x1f },
        { other, 1, 0x1f, 1 << 2, 0x1f },
    };
    struct vmmp_acpi_config config = large_config();
    char name[] = "acpi-dsdt-XXXXXX";
    (void)state;
    if (system("acpiexec -v >/dev/null 2>&1") != 0) {
        print_message("skipped: acpiexec is not installed (package acpica-tools)\n");
        skip();
    }
    build(&config);
    const uint8_t *dsdt = at(get(find("FACP") + 40, 4));
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, dsdt, length_of(dsdt)), length_of(dsdt));
    close(fd);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned answer[3];
        evaluate_osc(name, rows[i].uuid, rows[i].revision, rows[i].control, answer);
        assert_int_equal(answer[0], rows[i].status);
        assert_int_equal(answer[1], 0x1f);
        assert_int_equal(answer[2], rows[i].granted);
    }
    unlink(name);
}

int test_acpi(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_and_checksums),   cmocka_unit_test(fixed_description),
        cmocka_unit_test(interrupt_controllers),    cmocka_unit_test(refusals),
        cmocka_unit_test(an_old_machine),           cmocka_unit_test(aml_errors_stick),
        cmocka_unit_test(iasl_finds_nothing),       cmocka_unit_test(processors),
        cmocka_unit_test(pci_features_are_granted),
    };
    return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
