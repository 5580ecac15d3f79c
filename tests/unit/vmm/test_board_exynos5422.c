/* SPDX-License-Identifier: BSD-2-Clause */
/* The board exynos5422 on the scripted engine, and what becomes of a kernel's own tree. */
#include "arm/board_exynos5422.h"

#define BENCH_BOARD machine_board_exynos5422
#include "support/board_bench.h"
#include "support/register_sweep.h"

#define ENTRY     (EXYNOS_RAM_BASE + 0x1000)
#define GPIO0     0x13400000
#define GPX0_CON  0xc00
#define GPX0_MASK 0xf00

/* A tree with something of each kind that is trimmed. */
static const char *const soc_nodes[][2] = {
    { "serial@12c20000", "samsung,exynos4210-uart" },
    { "usb@12000000", "samsung,exynos5250-dwusb3" },
    { "timer@101c0000", "samsung,exynos4210-mct" },
    { "cci@10d20000", "arm,cci-400" },
};

static void make_tree(struct fixture *f)
{
    static const uint32_t regs[] = { 0x100, 0x101, 0, 1, 2, 3 };
    void *fdt = f->fdt;
    begin_tree(f, 1, "memory@40000000", regs, sizeof(regs) / sizeof(regs[0]));
    add_node(fdt, 0, "sound", "samsung,odroid-xu3-audio");
    add_node(fdt, 0, "firmware@2073000", "samsung,secure-firmware");
    add_node(fdt, 0, "opp-table-0", "operating-points-v2");
    add_node(fdt, fdt_path_offset(fdt, "/cpus"), "cpu-map", NULL);
    add_node(fdt, 0, "soc", "simple-bus");
    for (size_t i = 0; i < sizeof(soc_nodes) / sizeof(soc_nodes[0]); i++) {
        add_node(fdt, fdt_path_offset(fdt, "/soc"), soc_nodes[i][0], soc_nodes[i][1]);
    }
    f->fdt_size = fdt_totalsize(fdt);
}

static void test_tree_is_trimmed(void **state)
{
    static const char *const wanted[][2] = {
        { "/soc/serial@12c20000", "on" },
        { "/soc/usb@12000000", "disabled" },
        { "/soc/timer@101c0000", "on" },
        { "/soc/cci@10d20000", "gone" },
        { "/soc", "on" },
        { "/sound", "disabled" },
        { "/firmware@2073000", "gone" },
        { "/timer", "on" },
        { "/opp-table-0", "on" },
        { "/cpus/cpu-map", "gone" },
        { "/cpus/cpu@0", "on" },
        { "/cpus/cpu@1", "on" },
        { "/cpus/cpu@2", "gone" },
        { "/cpus/cpu@3", "gone" },
        { "/cpus/cpu@100", "gone" },
        { "/cpus/cpu@101", "gone" },
    };
    struct fixture *f = *state;
    make_tree(f);
    assert_int_equal(
        machine_adopt_fdt(&f->config, &f->plan, f->fdt, FDT_ROOM, &f->fdt_size, &f->error), 0);
    check_trimmed(f, wanted, sizeof(wanted) / sizeof(wanted[0]));
    int timer = fdt_path_offset(f->fdt, "/timer");
    assert_null(fdt_getprop(f->fdt, timer, "clock-frequency", NULL));
    int size;
    int memory = fdt_path_offset(f->fdt, "/memory@40000000");
    const fdt32_t *reg = fdt_getprop(f->fdt, memory, "reg", &size);
    assert_int_equal(size, 8);
    assert_int_equal(fdt32_to_cpu(reg[1]), 64 * MIB);
    /* Another board's tree is one line. */
    assert_int_equal(fdt_create_empty_tree(f->fdt, FDT_ROOM), 0);
    assert_true(machine_adopt_fdt(&f->config, &f->plan, f->fdt, FDT_ROOM, &f->fdt_size, &f->error) <
                0);
    assert_string_not_equal(f->error.message, "");
}

static void test_guest_is_entered_in_aarch32(void **state)
{
    struct fixture *f = *state;
    seL4_UserContext context;
    make_tree(f);
    assert_int_equal(machine_load(&f->machine, &f->plan, f->fdt, f->fdt_size, &f->error), 0);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[0], &context), 0);
    assert_int_equal(context.pc, f->plan.layout.entry);
    assert_int_equal(context.spsr, 0x1d3);
    assert_int_equal(context.x1, UINT32_MAX);
    assert_int_equal(context.x2, f->plan.layout.dtb);
    assert_string_equal(f->plan.bootargs, "console=ttySAC2,115200n8 earlycon");
    /* Only 32-bit kernels, only on hosts that have them. */
    f->config.aarch32 = false;
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -ENOTSUP);
    f->config.aarch32 = true;
    memset(f->kernel, 0, KERNEL);
    memcpy(f->kernel + 56, "ARM\x64", 4);
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -ENOEXEC);
}

static void test_devices_answer(void **state)
{
    struct fixture *f = *state;
    const uint64_t uart = EXYNOS_UART + EXYNOS_CONSOLE * EXYNOS_UART_GAP;
    assert_int_equal(get(f, EXYNOS_CHIPID), 0xe5422001);
    put(f, EXYNOS_CHIPID, 0);
    assert_int_equal(get(f, EXYNOS_CHIPID), 0xe5422001);
    put(f, EXYNOS_SYSREG + 0x4ffc, 5);
    assert_int_equal(get(f, EXYNOS_SYSREG + 0x4ffc), 5);
    put(f, uart + 0x20, 'A'); /* UTXH */
    put(f, EXYNOS_UART + 0x20, 'x');
    script_run_deferred(&f->vm);
    assert_string_equal(f->talk.output, "A");
    put(f, uart + 0x4, 5); /* UCON */
    f->talk.input = "z";
    machine_serial_notify(&f->machine);
    assert_int_equal(get(f, uart + 0x24), 'z'); /* URXH */
    /* What is not modelled reads as zero, and ends nothing. */
    assert_int_equal(get(f, 0x12000000), 0);
    put(f, 0x12000000, 1);
    assert_int_equal(get(f, 0x12000000), 0);
}

/* Nothing to bring back: what was written is zero again. */
static void nothing_again(void *cookie)
{
    (void)cookie;
}

static void test_every_word_of_the_stores(void **state)
{
    static const struct sweep_row chipid[] = {
        { 0, 0xe5422001, 0xe5422001, 0xe5422001, 0, 0, 0 },
        SWEEP_END,
    };
    static const struct sweep_row none[] = { SWEEP_END };
    struct fixture *f = *state;
    struct exynos *exynos = f->machine.board_state;
    sweep_registers(&exynos->chipid.window,
                    &(struct sweep){ chipid, SWEEP_NOTHING, nothing_again, NULL });
    sweep_registers(&exynos->sysreg.window,
                    &(struct sweep){ none, SWEEP_STORED, nothing_again, NULL });
    sweep_registers(&exynos->sysram.window,
                    &(struct sweep){ none, SWEEP_STORED, nothing_again, NULL });
}

static void test_power(void **state)
{
    struct fixture *f = *state;
    put(f, EXYNOS_PMU + 0x400, 1);
    assert_int_equal(f->resets, 1);
    put(f, EXYNOS_PMU + 0x330c, 0x5200);
    assert_int_equal(f->offs, 1);
    put(f, EXYNOS_PMU + 0x5100, 0);
    assert_int_equal(get(f, EXYNOS_PMU + 0x5104), 0);
    put(f, EXYNOS_PMU + 0x5100, 7);
    assert_int_equal(get(f, EXYNOS_PMU + 0x5104), 7);
}

/* As Linux: power, then the address into SYSRAM; or the other way when it comes back. */
static void test_cpus(void **state)
{
    struct fixture *f = *state;
    seL4_UserContext context;
    assert_false(f->vm.vcpus[1]->vcpu_online);
    put(f, EXYNOS_PMU + 0x2080, 3);
    assert_int_equal(get(f, EXYNOS_PMU + 0x2084), 3);
    assert_false(f->vm.vcpus[1]->vcpu_online);
    put(f, EXYNOS_SYSRAM, ENTRY);
    assert_false(f->vm.vcpus[1]->vcpu_online);
    put(f, EXYNOS_SYSRAM + 4, ENTRY);
    assert_true(f->vm.vcpus[1]->vcpu_online);
    assert_int_equal(f->vm.vcpus[1]->target_cpu, 1);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[1], &context), 0);
    assert_int_equal(context.pc, ENTRY);
    assert_int_equal(context.spsr, 0x1d3);
    put(f, EXYNOS_PMU + 0x2080, 0);
    assert_int_equal(get(f, EXYNOS_PMU + 0x2084), 0);
    put(f, EXYNOS_SYSRAM + 4, ENTRY + 4);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[1], &context), 0);
    assert_int_equal(context.pc, ENTRY);
    put(f, EXYNOS_PMU + 0x2080, 3);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[1], &context), 0);
    assert_int_equal(context.pc, ENTRY + 4);
    /* CPUs that the machine does not have, exist on paper. */
    put(f, EXYNOS_PMU + 0x2100, 3);
    put(f, EXYNOS_PMU + 0x2380, 3);
    assert_int_equal(f->vm.num_vcpus, 2);
}

/* gpx0-3 is input 1 of group 25, on SPI 25. */
static void test_pins(void **state)
{
    struct fixture *f = *state;
    bool high = false;
    machine_board_exynos5422.pin(&f->machine, "gpx0-3", MACHINE_PIN_LOOK, &high);
    assert_true(high);                                   /* The power key, and nobody presses it. */
    assert_false(machine_power_key(&f->machine, false)); /* Nobody listens. */
    machine_board_exynos5422.pin(&f->machine, "gpx0-3", MACHINE_PIN_LOW, &high);
    assert_false(high);
    put(f, GPIO0 + GPX0_CON, 0xf000);          /* An external interrupt, */
    put(f, GPIO0 + 0xe00, 0x3000);             /* of a rising edge, */
    put(f, GPIO0 + GPX0_MASK, 0xf7);           /* not masked, */
    put(f, EXYNOS_COMBINER + 0x60, 0x2u << 8); /* enabled in the combiner (group 25). */
    assert_int_equal(script_irq(f->vm.vcpus[0], SPI(25)).rises, 0);
    assert_int_equal(machine_board_exynos5422.pin(&f->machine, "gpx0-3", MACHINE_PIN_HIGH, &high),
                     0);
    assert_true(high);
    assert_int_equal(script_irq(f->vm.vcpus[0], SPI(25)).rises, 1);
    assert_true(machine_power_key(&f->machine, true));
    machine_board_exynos5422.pin(&f->machine, "gpx0-3", MACHINE_PIN_LOOK, &high);
    assert_false(high);
    static const char *const none[] = { "",       "-",       "gpx0",
                                        "gpx0-",  "gpx0-8",  "gpx9-1",
                                        "gpe1-2", "gpx0-33", "averyveryverylongname-1" };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(
            machine_board_exynos5422.pin(&f->machine, none[i], MACHINE_PIN_LOOK, &high), -ENOENT);
    }
}

int test_board_exynos5422(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tree_is_trimmed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guest_is_entered_in_aarch32, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_word_of_the_stores, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cpus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pins, setup, teardown),
    };
    return cmocka_run_group_tests_name("board_exynos5422", tests, NULL, NULL);
}
