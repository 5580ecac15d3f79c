/* SPDX-License-Identifier: BSD-2-Clause */
/* The host: places, ways to configuration space, interrupt wiring, address allocation. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/pci_host.h>

static struct vmmp_pci_host host;
static struct vmmp_pci_function functions[VMMP_PCI_DEVICES + 1];

static const struct vmmp_pci_host_config basic = {
    .config_kind = VMMP_PCI_CONFIG_CAM,
    .memory_base = 0x10000000,
    .memory_size = 0x100000,
    .port_base = 0x1000,
    .port_size = 0x2000,
};

static struct vmmp_pci_function *make(unsigned i, uint8_t pin)
{
    struct vmmp_pci_identity identity = {
        .vendor = 0x1af4,
        .device = (uint16_t)(0x1000 + i),
        .interrupt_pin = pin,
    };
    vmmp_pci_function_init(&functions[i], "fn", &identity, NULL, NULL);
    return &functions[i];
}

static char last_line[VMMP_LOG_MAX];
static unsigned log_lines;

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    (void)cookie;
    (void)level;
    (void)origin;
    log_lines++;
    snprintf(last_line, sizeof(last_line), "%s", message);
}

static const struct vmmp_log log_to_test = { .sink = sink, .level = VMMP_LOG_DEBUG };

static void init(const struct vmmp_pci_host_config *config)
{
    log_lines = 0;
    assert_int_equal(vmmp_pci_host_init(&host, config, NULL, &log_to_test), 0);
}

static void test_init_checks(void **state)
{
    struct vmmp_pci_host_config config = basic;
    (void)state;
    config.buses = 257;
    assert_int_equal(vmmp_pci_host_init(&host, &config, NULL, NULL), -EINVAL);
    config = basic;
    config.memory_size = (UINT64_C(1) << 32) + 1;
    assert_int_equal(vmmp_pci_host_init(&host, &config, NULL, NULL), -EINVAL);
    config = basic;
    config.memory_base = UINT64_MAX - 10;
    assert_int_equal(vmmp_pci_host_init(&host, &config, NULL, NULL), -EINVAL);
    config = basic;
    config.port_size = 0xf001;
    assert_int_equal(vmmp_pci_host_init(&host, &config, NULL, NULL), -EINVAL);
    config = basic;
    config.line_count = 1;
    assert_int_equal(vmmp_pci_host_init(&host, &config, NULL, NULL), -EINVAL);
    config = basic;
    config.buses = 256;
    init(&config);
    assert_true(host.config.size == 0x1000000);
    assert_int_equal(host.config_ports.size, 8);
    assert_int_equal(host.memory.size, 0x100000);
    assert_int_equal(host.ports.size, 0x2000);
    vmmp_pci_host_fini(&host);
    config.config_kind = VMMP_PCI_CONFIG_ECAM;
    init(&config);
    assert_true(host.config.size == 0x10000000);
    vmmp_pci_host_fini(&host);
}

static int no_context(void *cookie, struct vmmp_context *context)
{
    (void)cookie;
    (void)context;
    return -ENOMEM;
}

static void test_no_context(void **state)
{
    static const struct vmmp_host_ops ops = { .context_init = no_context };
    const struct vmmp_host broken = { &ops, NULL };
    (void)state;
    assert_int_equal(vmmp_pci_host_init(&host, &basic, &broken, NULL), -ENOMEM);
}

static void test_places(void **state)
{
    (void)state;
    init(&basic);
    assert_int_equal(vmmp_pci_host_add(&host, make(0, 0), 32, 0), -EINVAL);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], -2, 0), -EINVAL);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 0, 8), -EINVAL);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 0, 1), -EINVAL);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], VMMP_PCI_ANY_DEVICE, 1), -EINVAL);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 1, 0), 1 << 3);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 2, 0), -EINVAL); /* twice */
    assert_int_equal(vmmp_pci_host_add(&host, make(1, 0), 1, 0), -EBUSY);
    for (unsigned i = 1; i < VMMP_PCI_DEVICES; i++) {
        int expected = (int)(i == 1 ? 0 : i) << 3;
        assert_int_equal(vmmp_pci_host_add(&host, make(i, 0), VMMP_PCI_ANY_DEVICE, 0), expected);
    }
    assert_int_equal(vmmp_pci_host_add(&host, make(32, 0), VMMP_PCI_ANY_DEVICE, 0), -ENOSPC);
    assert_ptr_equal(vmmp_pci_host_function(&host, 1, 0), &functions[0]);
    assert_null(vmmp_pci_host_function(&host, 1, 1));
    assert_null(vmmp_pci_host_function(&host, 32, 0));
    assert_null(vmmp_pci_host_function(&host, 0, 8));
    vmmp_pci_host_remove(&host, &functions[32]); /* not in there */
    vmmp_pci_host_remove(&host, &functions[5]);
    assert_int_equal(vmmp_pci_config_read(&host, 5 << 3, 0, 4), 0xffffffff);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[32], VMMP_PCI_ANY_DEVICE, 0), 5 << 3);
    assert_int_equal(vmmp_pci_config_read(&host, 5 << 3, 0, 4), 0x10201af4);
    vmmp_pci_host_fini(&host);
    /* After teardown everything can be used again. */
    init(&basic);
    assert_int_equal(vmmp_pci_config_read(&host, 5 << 3, 0, 4), 0xffffffff);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 3, 0), 3 << 3);
    vmmp_pci_host_fini(&host);
}

static void test_multifunction_bit(void **state)
{
    (void)state;
    init(&basic);
    assert_int_equal(vmmp_pci_host_add(&host, make(0, 0), 4, 0), 4 << 3);
    assert_int_equal(vmmp_pci_config_read(&host, 4 << 3, 0x0e, 1), 0x00);
    assert_int_equal(vmmp_pci_host_add(&host, make(1, 0), 4, 7), 4 << 3 | 7);
    assert_int_equal(vmmp_pci_config_read(&host, 4 << 3, 0x0e, 1), 0x80);
    assert_int_equal(vmmp_pci_config_read(&host, 4 << 3 | 7, 0, 4), 0x10011af4);
    assert_int_equal(vmmp_pci_config_read(&host, 4 << 3 | 1, 0, 4), 0xffffffff);
    vmmp_pci_host_remove(&host, &functions[1]);
    assert_int_equal(vmmp_pci_config_read(&host, 4 << 3, 0x0e, 1), 0x00);
    vmmp_pci_host_fini(&host);
}

/* Absent functions read all-ones, and nobody writes a log about it (defect 40). */
static void test_absent_functions_are_silent(void **state)
{
    struct vmmp_pci_host_config config = basic;
    (void)state;
    config.buses = 256;
    init(&config);
    assert_int_equal(vmmp_pci_host_add(&host, make(0, 0), 0, 0), 0);
    for (uint32_t bdf = 1; bdf < 0x10000; bdf += bdf < 0x200 ? 1 : 0x101) {
        assert_int_equal(vmmp_window_read(&host.config, (uint64_t)bdf << 8, 4), 0xffffffff);
        assert_true(vmmp_window_read(&host.config, ((uint64_t)bdf << 8) + 8, 8) == UINT64_MAX);
        vmmp_window_write(&host.config, (uint64_t)bdf << 8, 4, 0);
    }
    assert_int_equal(vmmp_pci_config_read(&host, 0x10000, 0, 4), 0xffffffff);
    assert_int_equal(log_lines, 0);
    vmmp_pci_host_fini(&host);
}

static void test_cam_window(void **state)
{
    static struct vmmp_pci_byte more[VMMP_PCI_EXTENDED_SIZE - VMMP_PCI_CONFIG_SIZE];
    (void)state;
    init(&basic);
    vmmp_pci_extend(make(0, 0), more);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 2, 0), 2 << 3);
    assert_int_equal(vmmp_window_read(&host.config, 2 << 11, 4), 0x10001af4);
    assert_int_equal(vmmp_window_read(&host.config, (2 << 11) + 3, 1), 0x10);
    /* An access over the end of a function's registers stays in them. */
    assert_int_equal(vmmp_window_read(&host.config, (2 << 11) + 0xfe, 4), 0xffff0000);
    vmmp_window_write(&host.config, (2 << 11) + 0x3a, 4, 0x00550000);
    assert_int_equal(vmmp_window_read(&host.config, (2 << 11) + 0x3c, 1), 0x55);
    vmmp_pci_host_fini(&host);
}

static void test_ecam_window(void **state)
{
    static struct vmmp_pci_byte more[VMMP_PCI_EXTENDED_SIZE - VMMP_PCI_CONFIG_SIZE];
    struct vmmp_pci_host_config config = basic;
    (void)state;
    config.config_kind = VMMP_PCI_CONFIG_ECAM;
    init(&config);
    vmmp_pci_extend(make(0, 0), more);
    vmmp_pci_define(&functions[0], 0x100, 4, 0x12345678, 0, 0);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 3, 0), 3 << 3);
    assert_int_equal(vmmp_pci_host_add(&host, make(1, 0), 3, 1), 3 << 3 | 1);
    assert_int_equal(vmmp_window_read(&host.config, (3 << 15) + 0x100, 4), 0x12345678);
    assert_int_equal(vmmp_window_read(&host.config, (3 << 15) + 0xffe, 4), 0xffff0000);
    assert_int_equal(vmmp_window_read(&host.config, (3 << 15 | 1 << 12) + 2, 2), 0x1001);
    assert_int_equal(vmmp_window_read(&host.config, (3 << 15 | 1 << 12) + 0x100, 4), 0xffffffff);
    vmmp_window_write(&host.config, (3 << 15) + 0x04, 2, 6);
    assert_int_equal(vmmp_pci_command(&functions[0]), 6);
    vmmp_pci_host_fini(&host);
}

/* PCI 3.0, 3.2.2.3.2 */
static void test_mechanism_1(void **state)
{
    struct vmmp_window *ports;
    (void)state;
    init(&basic);
    ports = &host.config_ports;
    assert_int_equal(vmmp_pci_host_add(&host, make(0, 0), 1, 0), 1 << 3);
    /* Only a doubleword is the address register, and its reserved bits are 0. */
    vmmp_window_write(ports, 0, 4, 0xffffffff);
    assert_int_equal(vmmp_window_read(ports, 0, 4), 0x80fffffc);
    vmmp_window_write(ports, 0, 2, 0);
    vmmp_window_write(ports, 1, 1, 0x0e); /* a PC's reset register is somebody else's */
    vmmp_window_write(ports, 0, 8, 0);
    assert_int_equal(vmmp_window_read(ports, 0, 4), 0x80fffffc);
    assert_int_equal(vmmp_window_read(ports, 1, 1), 0xff);
    /* Without the enable bit the data register is an ordinary port. */
    vmmp_window_write(ports, 0, 4, 1 << 11);
    assert_int_equal(vmmp_window_read(ports, 4, 4), 0xffffffff);
    vmmp_window_write(ports, 0, 4, 0x80000000 | 1 << 11 | 0x3c);
    vmmp_window_write(ports, 4, 1, 0x5a);
    assert_int_equal(vmmp_window_read(ports, 4, 4), 0x5a);
    vmmp_window_write(ports, 0, 4, 0x80000000 | 1 << 11);
    assert_int_equal(vmmp_window_read(ports, 4, 4), 0x10001af4);
    assert_int_equal(vmmp_window_read(ports, 6, 2), 0x1000);
    assert_int_equal(vmmp_window_read(ports, 7, 1), 0x10);
    /* Straddling both registers (defect 30): bytes of the data register, all-ones before. */
    assert_int_equal(vmmp_window_read(ports, 2, 4), 0x1af4ffff);
    assert_true(vmmp_window_read(ports, 0, 8) == UINT64_C(0x10001af4ffffffff));
    vmmp_window_write(ports, 0, 4, 0x80000000 | 1 << 11 | 0x3c);
    vmmp_window_write(ports, 3, 2, 0x7700);
    assert_int_equal(vmmp_window_read(ports, 4, 1), 0x77);
    /* Other functions and buses. */
    vmmp_window_write(ports, 0, 4, 0x80000000 | 1 << 16 | 1 << 11);
    assert_int_equal(vmmp_window_read(ports, 4, 4), 0xffffffff);
    vmmp_window_write(ports, 0, 4, 0x80000000 | 1 << 11 | 1 << 8);
    assert_int_equal(vmmp_window_read(ports, 4, 2), 0xffff);
    vmmp_window_write(ports, 4, 4, 0);
    vmmp_pci_host_fini(&host);
}

static uint64_t byte_read(void *device, uint64_t offset, unsigned size)
{
    assert_int_equal(offset, 0);
    assert_int_equal(size, 1);
    return *(uint8_t *)device;
}

static void byte_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    assert_int_equal(offset, 0);
    assert_int_equal(size, 1);
    *(uint8_t *)device = (uint8_t)value;
}

/* The reset register of a PC is the byte at 0xCF9, in the middle of CONFIG_ADDRESS. */
static void test_byte_ports(void **state)
{
    static const struct vmmp_window_ops ops = { byte_read, byte_write };
    uint8_t latch = 0x24;
    struct vmmp_window byte = { .name = "byte", .ops = &ops, .device = &latch, .size = 1 };
    struct vmmp_window wide = { .name = "wide", .ops = &ops, .device = &latch, .size = 2 };
    (void)state;
    init(&basic);
    struct vmmp_window *ports = &host.config_ports;
    assert_int_equal(vmmp_pci_host_set_port(&host, 0xcf7, &byte), -EINVAL);
    assert_int_equal(vmmp_pci_host_set_port(&host, 0xcfc, &byte), -EINVAL);
    assert_int_equal(vmmp_pci_host_set_port(&host, 0xcf9, &wide), -EINVAL);
    assert_int_equal(vmmp_pci_host_set_port(&host, 0xcf9, &byte), 0);
    assert_int_equal(vmmp_window_read(ports, 1, 1), 0x24);
    assert_int_equal(vmmp_window_read(ports, 0, 2), 0x24ff);
    assert_int_equal(vmmp_window_read(ports, 0, 1), 0xff);
    vmmp_window_write(ports, 1, 1, 6);
    assert_int_equal(latch, 6);
    /* A whole doubleword is none of its business. */
    vmmp_window_write(ports, 0, 4, 0x80001234);
    assert_int_equal(latch, 6);
    assert_int_equal(vmmp_window_read(ports, 0, 4), 0x80001234);
    assert_int_equal(vmmp_pci_host_set_port(&host, 0xcf9, NULL), 0);
    assert_int_equal(vmmp_window_read(ports, 1, 1), 0xff);
    vmmp_pci_host_fini(&host);
}

/* ---- interrupts ---------------------------------------------------------------------------- */

static unsigned level_bits;

static void set_level(void *cookie, bool high)
{
    unsigned bit = 1u << (uintptr_t)cookie;
    level_bits = high ? level_bits | bit : level_bits & ~bit;
}

static const struct vmmp_irq_line_ops level_ops = { .level = set_level };

static struct vmmp_irq_line irq_lines[4];
static struct vmmp_pci_line lines[4];

static struct vmmp_pci_host_config with_lines(void)
{
    struct vmmp_pci_host_config config = basic;
    level_bits = 0;
    for (uintptr_t i = 0; i < 4; i++) {
        assert_int_equal(
            vmmp_irq_line_init(&irq_lines[i], &level_ops, (void *)i, &(struct vmmp_host){ 0 }), 0);
        lines[i].line = &irq_lines[i];
        lines[i].number = (uint32_t)(i == 3 ? 300 : 40 + i);
    }
    config.lines = lines;
    config.line_count = 4;
    return config;
}

struct map {
    unsigned count;
    unsigned rows[8][3];
    int stop;
};

static int collect(void *cookie, unsigned device, unsigned pin, const struct vmmp_pci_line *line)
{
    struct map *map = cookie;
    map->rows[map->count][0] = device;
    map->rows[map->count][1] = pin;
    map->rows[map->count][2] = line->number;
    map->count++;
    return map->stop;
}

static void test_interrupt_wiring(void **state)
{
    struct vmmp_pci_host_config config = with_lines();
    struct map map = { .stop = 0 };
    (void)state;
    init(&config);
    assert_int_equal(vmmp_pci_host_wire_pin(&host, 32, 1, 0), -EINVAL);
    assert_int_equal(vmmp_pci_host_wire_pin(&host, 0, 0, 0), -EINVAL);
    assert_int_equal(vmmp_pci_host_wire_pin(&host, 0, 5, 0), -EINVAL);
    assert_int_equal(vmmp_pci_host_wire_pin(&host, 0, 1, 4), -EINVAL);
    assert_int_equal(vmmp_pci_host_wire_pin(&host, 6, 1, 3), 0);
    assert_int_equal(vmmp_pci_host_add(&host, make(0, 1), 1, 0), 1 << 3);     /* line 1 */
    assert_int_equal(vmmp_pci_host_add(&host, make(1, 2), 1, 1), 1 << 3 | 1); /* line 2 */
    assert_int_equal(vmmp_pci_host_add(&host, make(2, 1), 1, 2), 1 << 3 | 2); /* line 1 too */
    assert_int_equal(vmmp_pci_host_add(&host, make(3, 1), 6, 0), 6 << 3);     /* line 3 */
    assert_int_equal(vmmp_pci_host_add(&host, make(4, 0), 7, 0), 7 << 3);     /* none */
    assert_int_equal(vmmp_pci_config_read(&host, 1 << 3, 0x3c, 2), 0x0100 | 41);
    assert_int_equal(vmmp_pci_config_read(&host, 6 << 3, 0x3c, 2), 0x0100); /* 300 does not fit */

    assert_int_equal(vmmp_pci_host_each_interrupt(&host, collect, &map), 0);
    static const unsigned expected[3][3] = { { 1, 1, 41 }, { 1, 2, 42 }, { 6, 1, 300 } };
    assert_int_equal(map.count, 3);
    assert_memory_equal(map.rows, expected, sizeof(expected));
    map.count = 0;
    map.stop = -7;
    assert_int_equal(vmmp_pci_host_each_interrupt(&host, collect, &map), -7);
    assert_int_equal(map.count, 1);
    assert_null(vmmp_pci_host_line(&host, 1, 5));
    assert_null(vmmp_pci_host_line(&host, 1, 0));
    assert_int_equal(vmmp_pci_host_line(&host, 1, 4)->number, 40);

    /* Two functions on one line: it stays high until both are done. */
    vmmp_pci_intx_set(&functions[0], true);
    vmmp_pci_intx_set(&functions[2], true);
    assert_int_equal(level_bits, 2);
    vmmp_pci_intx_set(&functions[0], false);
    assert_int_equal(level_bits, 2);
    vmmp_pci_host_remove(&host, &functions[2]);
    assert_int_equal(level_bits, 0);
    vmmp_pci_intx_set(&functions[3], true);
    vmmp_pci_intx_set(&functions[4], true);
    assert_int_equal(level_bits, 8);
    vmmp_pci_host_fini(&host);
    assert_int_equal(level_bits, 0);
}

static void test_line_full(void **state)
{
    struct vmmp_pci_host_config config = with_lines();
    static struct vmmp_irq_source taken[VMMP_IRQ_LINE_SOURCES];
    (void)state;
    for (unsigned i = 0; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&taken[i], &irq_lines[0]), 0);
    }
    init(&config);
    assert_int_equal(vmmp_pci_host_add(&host, make(0, 1), 4, 0), -ENOSPC);
    assert_null(vmmp_pci_host_function(&host, 4, 0));
    assert_int_equal(vmmp_pci_host_add(&host, &functions[0], 5, 0), 5 << 3);
    vmmp_pci_host_fini(&host);
}

/* ---- addresses ----------------------------------------------------------------------------- */

static void test_address_allocation(void **state)
{
    struct vmmp_pci_host_config config = basic;
    (void)state;
    config.port_allocation_base = 0x1234;
    init(&config);
    struct vmmp_pci_function *f = make(0, 0);
    assert_int_equal(vmmp_pci_add_bar(f, 0, VMMP_PCI_BAR_MEM32, 0x1000, NULL), 0);
    assert_int_equal(vmmp_pci_add_bar(f, 1, VMMP_PCI_BAR_IO, 0x40, NULL), 0);
    assert_int_equal(vmmp_pci_add_bar(f, 2, VMMP_PCI_BAR_MEM64, 0x4000, NULL), 0);
    assert_int_equal(vmmp_pci_add_bar(f, 4, VMMP_PCI_BAR_IO, 0x100, NULL), 0);
    assert_int_equal(vmmp_pci_add_bar(f, 5, VMMP_PCI_BAR_MEM32, 0x10, NULL), 0);
    assert_int_equal(vmmp_pci_set_bar_address(f, 5, 0x10000040), 0); /* stays */
    assert_int_equal(vmmp_pci_host_add(&host, f, 0, 0), 0);
    assert_int_equal(vmmp_pci_bar_address(f, 0), 0x100ff000);
    assert_int_equal(vmmp_pci_bar_address(f, 1), 0x1240);
    assert_int_equal(vmmp_pci_bar_address(f, 2), 0x100f8000);
    assert_int_equal(vmmp_pci_bar_address(f, 4), 0x1300);
    assert_int_equal(vmmp_pci_bar_address(f, 5), 0x10000040);
    assert_int_equal(log_lines, 0);
    /* No room: the device is there, its BAR waits for the guest. */
    f = make(1, 0);
    assert_int_equal(vmmp_pci_add_bar(f, 0, VMMP_PCI_BAR_MEM32, 0x100000, NULL), 0);
    assert_int_equal(vmmp_pci_add_bar(f, 1, VMMP_PCI_BAR_IO, 0x2000, NULL), 0);
    assert_int_equal(vmmp_pci_host_add(&host, f, 1, 0), 8);
    assert_int_equal(vmmp_pci_bar_address(f, 0), 0);
    assert_int_equal(vmmp_pci_bar_address(f, 1), 0);
    assert_int_equal(log_lines, 2);
    assert_non_null(strstr(last_line, "no room for BAR 1 of fn (0x2000 bytes) in the port window"));
    vmmp_pci_host_fini(&host);
}

static void test_too_many_bars(void **state)
{
    unsigned added = 0;
    (void)state;
    init(&basic);
    for (unsigned i = 0; i < 22; i++) {
        make(i, 0);
        for (unsigned b = 0; b < VMMP_PCI_BARS; b++) {
            assert_int_equal(vmmp_pci_add_bar(&functions[i], b, VMMP_PCI_BAR_MEM32, 0x10, NULL), 0);
        }
        int result = vmmp_pci_host_add(&host, &functions[i], VMMP_PCI_ANY_DEVICE, 0);
        if ((i + 1) * VMMP_PCI_BARS <= VMMP_PCI_HOST_BARS) {
            assert_int_equal(result, i << 3);
            added++;
        } else {
            assert_int_equal(result, -ENOSPC);
        }
    }
    assert_int_equal(added, VMMP_PCI_HOST_BARS / VMMP_PCI_BARS);
    vmmp_pci_host_remove(&host, &functions[0]);
    assert_int_equal(vmmp_pci_host_add(&host, &functions[21], VMMP_PCI_ANY_DEVICE, 0), 0);
    vmmp_pci_host_fini(&host);
}

int test_pci_host(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_checks),
        cmocka_unit_test(test_no_context),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_multifunction_bit),
        cmocka_unit_test(test_absent_functions_are_silent),
        cmocka_unit_test(test_cam_window),
        cmocka_unit_test(test_ecam_window),
        cmocka_unit_test(test_mechanism_1),
        cmocka_unit_test(test_byte_ports),
        cmocka_unit_test(test_interrupt_wiring),
        cmocka_unit_test(test_line_full),
        cmocka_unit_test(test_address_allocation),
        cmocka_unit_test(test_too_many_bars),
    };
    return cmocka_run_group_tests_name("pci_host", tests, NULL, NULL);
}
