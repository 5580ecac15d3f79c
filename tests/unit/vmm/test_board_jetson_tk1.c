/* SPDX-License-Identifier: BSD-2-Clause */
/* The board jetson-tk1 on the scripted engine, and what becomes of a kernel's own tree. */
#include "arm/board_jetson_tk1.h"

#define BENCH_BOARD machine_board_jetson_tk1
#include "support/board_bench.h"
#include "support/register_sweep.h"

#define UART  0x70006000
#define UARTD 0x70006300
#define I2C1  0x7000c000
#define I2C5  0x7000d000
#define ENTRY 0x40001000

static void test_tree_is_trimmed(void **state)
{
    static const char *const nodes[][2] = {
        { "serial@70006000", "nvidia,tegra124-hsuart" },
        { "serial@70006300", "nvidia,tegra124-uart" },
        { "i2c@7000d000", "nvidia,tegra124-i2c" },
        { "gpio-keys", "gpio-keys" },
        { "gpio@6000d000", "nvidia,tegra124-gpio" },
        { "clock@60006000", "nvidia,tegra124-car" },
        { "usb@7d000000", "nvidia,tegra124-udc" },
    };
    static const char *const wanted[][2] = {
        { "/serial@70006000", "disabled" },
        { "/serial@70006300", "on" },
        { "/i2c@7000d000", "on" },
        { "/gpio-keys", "on" },
        { "/gpio@6000d000", "on" },
        { "/clock@60006000", "on" },
        { "/usb@7d000000", "disabled" },
        { "/timer", "on" },
        { "/cpus/cpu@0", "on" },
        { "/cpus/cpu@1", "on" },
        { "/cpus/cpu@2", "gone" },
        { "/cpus/cpu@3", "gone" },
    };
    static const uint32_t cpus[] = { 0, 1, 2, 3 };
    struct fixture *f = *state;
    begin_tree(f, 2, "memory@80000000", cpus, sizeof(cpus) / sizeof(cpus[0]));
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        int node = add_node(f->fdt, 0, nodes[i][0], nodes[i][1]);
        assert_int_equal(fdt_setprop_u32(f->fdt, node, "dmas", 1), 0);
        assert_int_equal(fdt_setprop_string(f->fdt, node, "dma-names", "rx"), 0);
    }
    f->fdt_size = fdt_totalsize(f->fdt);
    assert_int_equal(
        machine_adopt_fdt(&f->config, &f->plan, f->fdt, FDT_ROOM, &f->fdt_size, &f->error), 0);
    check_trimmed(f, wanted, sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        int node = fdt_path_offset(f->fdt, wanted[i][0]);
        assert_null(fdt_getprop(f->fdt, node, "dmas", NULL));
        assert_null(fdt_getprop(f->fdt, node, "dma-names", NULL));
    }
    assert_null(fdt_getprop(f->fdt, fdt_path_offset(f->fdt, "/timer"), "clock-frequency", NULL));
    int size;
    const fdt32_t *reg =
        fdt_getprop(f->fdt, fdt_path_offset(f->fdt, "/memory@80000000"), "reg", &size);
    assert_int_equal(size, 16);
    assert_int_equal(fdt32_to_cpu(reg[1]), TK1_RAM_BASE);
    assert_int_equal(fdt32_to_cpu(reg[3]), 64 * MIB);
}

static void test_guest_is_entered_in_aarch32(void **state)
{
    static const uint32_t cpus[] = { 0, 1 };
    struct fixture *f = *state;
    seL4_UserContext context;
    begin_tree(f, 2, "memory@80000000", cpus, 2);
    f->fdt_size = fdt_totalsize(f->fdt);
    assert_int_equal(machine_load(&f->machine, &f->plan, f->fdt, f->fdt_size, &f->error), 0);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[0], &context), 0);
    assert_int_equal(context.pc, f->plan.layout.entry);
    assert_int_equal(context.spsr, 0x1d3);
    assert_int_equal(context.x2, f->plan.layout.dtb);
    assert_string_equal(f->plan.bootargs, "console=ttyS0,115200n8 earlycon");
    f->config.aarch32 = false;
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -ENOTSUP);
    assert_string_equal(f->error.message,
                        "this host has no 32-bit guests, which the machine jetson-tk1 is for");
}

static void test_devices_answer(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, TK1_MISC + 0x804), 0x00014017);
    put(f, TK1_MISC + 0x804, 0);
    assert_int_equal(get(f, TK1_MISC + 0x804), 0x00014017);
    put(f, TK1_MISC + 0x3000, 0x5a);
    assert_int_equal(get(f, TK1_MISC + 0x3000), 0x5a);
    assert_int_equal(get(f, 0x7000e864), 0x30);
    assert_int_equal(get(f, TK1_FUSE + 0x110), 0x81);
    put(f, TK1_FUSE + 0x110, 0);
    assert_int_equal(get(f, TK1_FUSE + 0x110), 0x81);
    assert_int_equal(get(f, TK1_CAR + 0x50), 0x80000000);
    put(f, TK1_ICTLR + 0x424, 2);
    assert_int_equal(get(f, TK1_ICTLR + 0x420), 2);
    /* Memory of the chip's own. */
    uint32_t value = 0x12345678;
    const struct vmmp_guest_memory *memory = &f->machine.vmmp.memory;
    assert_true(vmmp_guest_memory_write(memory, vmmp_gpa(TK1_IRAM_BASE + 0x3fffc), &value, 4));
    /* What is not modelled reads as zero, and ends nothing. */
    put(f, 0x60005000, 1);
    assert_int_equal(get(f, 0x60005000), 0);
}

/* Nothing to bring back: what was written is zero again. */
static void nothing_again(void *cookie)
{
    (void)cookie;
}

static void test_every_word_of_the_stores(void **state)
{
    static const struct sweep_row misc[] = {
        { 0x804, 0x00014017, 0x00014017, 0x00014017, 0, 0, 0 }, /* HIDREV */
        SWEEP_END,
    };
    static const struct sweep_row straps[] = { { 0x64, 0x30, 0x30, 0x30, 0, 0, 0 }, SWEEP_END };
    static const struct sweep_row fuse[] = { { 0x110, 0x81, 0x81, 0x81, 0, 0, 0 }, SWEEP_END };
    static const struct sweep_row none[] = { SWEEP_END };
    static const struct {
        const struct sweep_row *rows;
        struct sweep_row other;
    } stores[TK1_STORES] = {
        [TK1_STORE_SB] = { none, SWEEP_STORED },    [TK1_STORE_EVP] = { none, SWEEP_STORED },
        [TK1_STORE_MISC] = { misc, SWEEP_STORED },  [TK1_STORE_STRAPS] = { straps, SWEEP_NOTHING },
        [TK1_STORE_FUSE] = { fuse, SWEEP_NOTHING },
    };
    struct fixture *f = *state;
    struct tk1 *tk1 = f->machine.board_state;
    for (unsigned i = 0; i < TK1_STORES; i++) {
        sweep_registers(&tk1->stores[i].window,
                        &(struct sweep){ stores[i].rows, stores[i].other, nothing_again, NULL });
    }
}

static void test_console(void **state)
{
    struct fixture *f = *state;
    put(f, UARTD, 'A');
    put(f, UART, 'x');
    put(f, UART + 0x40, 'x');
    put(f, UART + 0x200, 'x');
    script_run_deferred(&f->vm);
    assert_string_equal(f->talk.output, "A");
    put(f, UARTD + 4, 1); /* IER */
    assert_int_equal(script_irq(f->vm.vcpus[0], SPI(90)).rises, 0);
    f->talk.input = "z";
    machine_serial_notify(&f->machine);
    assert_int_equal(script_irq(f->vm.vcpus[0], SPI(90)).rises, 1);
    assert_int_equal(get(f, UARTD), 'z');
}

static void send(struct fixture *f, uint64_t i2c, uint8_t reg, uint8_t value)
{
    put(f, i2c + 0x5c, 3);
    put(f, i2c + 0x50, 0x10);
    put(f, i2c + 0x50, 1);
    put(f, i2c + 0x50, 0x40 << 1);
    put(f, i2c + 0x50, (uint32_t)value << 8 | reg);
}

static void test_power(void **state)
{
    struct fixture *f = *state;
    put(f, TK1_PMC, 0x10);
    assert_int_equal(f->resets, 1);
    put(f, TK1_CAR + 0x300, 4);
    assert_int_equal(f->resets, 2);
    /* The PMIC is on I2C 5, and there only. */
    put(f, I2C1 + 0x64, 8);
    send(f, I2C1, 0x36, 2);
    assert_int_equal(f->offs, 0);
    assert_int_equal(script_irq(f->vm.vcpus[0], SPI(38)).rises, 1);
    send(f, I2C5, 0x36, 2);
    assert_int_equal(f->offs, 1);
    send(f, I2C5, 0x36, 1);
    assert_int_equal(f->resets, 3);
}

/* Pin Q0 is the power key, of controller 4, on SPI 55. */
static void test_pins(void **state)
{
    struct fixture *f = *state;
    const struct machine_board *board = &machine_board_jetson_tk1;
    const uint64_t gpio = TK1_GPIO + 0x400;
    bool high = false;
    assert_int_equal(board->pin(&f->machine, board->pin_example, MACHINE_PIN_LOOK, &high), 0);
    assert_true(high);
    assert_false(machine_power_key(&f->machine, true)); /* Nobody listens. */
    assert_int_equal(get(f, gpio + 0x30), 0);
    assert_false(machine_power_key(&f->machine, false));
    assert_int_equal(get(f, gpio + 0x30), 1);
    put(f, gpio + 0x60, 0x010100); /* Both edges, */
    put(f, gpio + 0x80, 0x101);    /* of a GPIO, */
    put(f, gpio + 0xd0, 0x101);    /* enabled. */
    assert_true(machine_power_key(&f->machine, true));
    assert_int_equal(script_irq(f->vm.vcpus[0], SPI(55)).rises, 1);
    assert_int_equal(board->pin(&f->machine, "ff-7", MACHINE_PIN_HIGH, &high), 0);
    assert_int_equal(get(f, TK1_GPIO + 0x73c), 0x80);
    assert_int_equal(board->pin(&f->machine, "ff-7", MACHINE_PIN_RELEASE, &high), 0);
    assert_false(high);
    static const char *const none[] = { "",    "-",    "q",    "q-",
                                        "q-8", "q-00", "gg-0", "averyveryverylong-1" };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(board->pin(&f->machine, none[i], MACHINE_PIN_LOOK, &high), -ENOENT);
    }
}

/* As Linux: the power gate the first time, the flow controller later. */
static void test_cpus(void **state)
{
    struct fixture *f = *state;
    seL4_UserContext context;
    put(f, TK1_EVP + 0x100, ENTRY);
    assert_int_equal(get(f, TK1_CAR + 0x470), 0xe);
    put(f, TK1_PMC + 0x30, 0x109);
    assert_int_equal(get(f, TK1_CAR + 0x470), 0xc);
    assert_true(f->vm.vcpus[1]->vcpu_online);
    assert_int_equal(f->vm.vcpus[1]->target_cpu, 1);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[1], &context), 0);
    assert_int_equal(context.pc, ENTRY);
    assert_int_equal(context.spsr, 0x1d3);
    put(f, TK1_FLOW + 0x18, 0x0000c201);
    put(f, TK1_FLOW + 0x14, 0x40000000);
    assert_int_equal(get(f, TK1_CAR + 0x470), 0xe);
    put(f, TK1_EVP + 0x100, ENTRY + 4);
    put(f, TK1_FLOW + 0x18, 1);
    put(f, TK1_FLOW + 0x14, 0x48000000);
    assert_int_equal(get(f, TK1_CAR + 0x470), 0xc);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[1], &context), 0);
    assert_int_equal(context.pc, ENTRY + 4);
    /* CPUs that the machine does not have, exist on paper. */
    put(f, TK1_PMC + 0x30, 0x10b);
    assert_int_equal(get(f, TK1_CAR + 0x470), 0xc);
    assert_int_equal(f->vm.num_vcpus, 2);
}

int test_board_jetson_tk1(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tree_is_trimmed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guest_is_entered_in_aarch32, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_word_of_the_stores, setup, teardown),
        cmocka_unit_test_setup_teardown(test_console, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cpus, setup, teardown),
    };
    return cmocka_run_group_tests_name("board_jetson_tk1", tests, NULL, NULL);
}
