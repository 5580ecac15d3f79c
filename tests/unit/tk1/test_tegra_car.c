/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/register_sweep.h"

#include <sel4vmmplatsupport/vmmp/tegra_car.h>

struct fixture {
    struct vmmp_tegra_car car;
    unsigned resets;
};

static struct fixture fixture;
static struct vmmp_tegra_car *const car = &fixture.car;

static uint32_t get(uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&car->window, offset, 4);
}

static void put(uint32_t offset, uint32_t value)
{
    vmmp_window_write(&car->window, offset, 4, value);
}

static void guest_resets(void *cookie)
{
    ((struct fixture *)cookie)->resets++;
}

static int setup(void **state)
{
    const struct vmmp_tegra_car_config config = { .reset = guest_resets, .cookie = &fixture };
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    return vmmp_tegra_car_init(car, &config);
}

static int teardown(void **state)
{
    (void)state;
    vmmp_tegra_car_fini(car);
    return 0;
}

static void again(void *model)
{
    vmmp_tegra_car_reset(model);
}

/* Bits that a register holds, another sets and a third clears. */
#define BITS(state, set, clear, reset)                                                         \
    { state, reset, UINT32_MAX, 0, 0, 0, 0 }, { set, reset, UINT32_MAX, UINT32_MAX, 0, 0, 0 }, \
    {                                                                                          \
        clear, reset, 0, 0, 0, 0, 0                                                            \
    }
/* The same, without a register that is only written. */
#define BITS_SET(set, clear, reset)                  \
    { set, reset, UINT32_MAX, UINT32_MAX, 0, 0, 0 }, \
    {                                                \
        clear, reset, 0, 0, 0, 0, 0                  \
    }
#define STORED(offset, reset)                 \
    {                                         \
        offset, reset, UINT32_MAX, 0, 0, 0, 0 \
    }

/* At rest as firmware leaves them. */
static void every_register(void **state)
{
    static const struct sweep_row rows[] = {
        /* SWR_TRIG_SYS_RST is done, and reads as 0. */
        { 0x004, 0, 0xfffffffb, 0, 0, 0, 0 },
        { 0x300, 0, 0xfffffffb, 0xfffffffb, 0, 0, 0 },
        { 0x304, 0, 0, 0, 0, 0, 0 },
        BITS(0x008, 0x308, 0x30c, 0),
        BITS(0x00c, 0x310, 0x314, 0),
        BITS(0x358, 0x430, 0x434, 0),
        BITS(0x35c, 0x438, 0x43c, 0),
        BITS(0x28c, 0x290, 0x294, 0),
        BITS(0x010, 0x320, 0x324, 0x00000030),
        BITS(0x014, 0x328, 0x32c, 0x000000c1),
        BITS(0x018, 0x330, 0x334, 0x00000002),
        BITS(0x360, 0x440, 0x444, 0),
        BITS(0x364, 0x448, 0x44c, 0),
        BITS(0x280, 0x284, 0x288, 0),
        BITS_SET(0x340, 0x344, 0),
        BITS(0x04c, 0x348, 0x34c, 0),
        BITS_SET(0x450, 0x454, 0),
        BITS_SET(0x458, 0x45c, 0),
        BITS_SET(0x460, 0x464, 0),
        BITS_SET(0x468, 0x46c, 0),
        STORED(0x028, 0x20002222),
        STORED(0x050, 0x80000000),
        STORED(0x080, 0x48106401), /* PLLC */
        STORED(0x090, 0x48004d01), /* PLLM */
        STORED(0x0a0, 0x5801980c), /* PLLP */
        STORED(0x0a4, 0x0f075307),
        STORED(0x0a8, 0x02070607),
        STORED(0x0e0, 0x48107401), /* PLLX */
        STORED(0x19c, 0x80000000),
        STORED(0x368, 0x20008888),
        STORED(0x370, 0x20008888),
        { 0x0ec, 0, 0xfffff7ff, 0, 0, 0, 0 }, /* PLLE and PLLRE are off: no lock. */
        { 0x4c8, 0, 0xfeffffff, 0, 0, 0, 0 },
        { 0x470, 0x0e, 0x0e, 0x0e, 0, 0, 0 },
        SWEEP_END,
    };

    (void)state;
    sweep_registers(&car->window, &(struct sweep){ rows, SWEEP_STORED, again, car });
    assert_true(fixture.resets > 0);
}

static void plls_have_a_board_s_rates(void **state)
{
    static const struct {
        const char *name;
        uint64_t mhz;
    } rates[] = {
        { "pllc", 600 }, { "pllm", 924 }, { "pllp", 408 }, { "pllu", 0 }, { "pllx", 696 }
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        assert_int_equal(vmmp_tegra_car_pll_rate(car, rates[i].name), rates[i].mhz * 1000000);
    }
    assert_int_equal(vmmp_tegra_car_pll_rate(car, "plla"), 0);
    put(0x0c0, 0x4003c00c); /* U: 12 MHz * 960 / 12 / 2 */
    assert_int_equal(vmmp_tegra_car_pll_rate(car, "pllu"), 480000000);
    put(0x0c0, 0x4013c00c); /* P: 1 divides by 1. */
    assert_int_equal(vmmp_tegra_car_pll_rate(car, "pllu"), 960000000);
    put(0x0e0, 0x40000000); /* A divisor of 0 makes nothing. */
    assert_int_equal(vmmp_tegra_car_pll_rate(car, "pllx"), 0);
    put(0x0e0, 0x40f07401); /* There is no such P. */
    assert_int_equal(vmmp_tegra_car_pll_rate(car, "pllx"), 0);
}

static void a_pll_locks_at_once(void **state)
{
    static const struct {
        uint16_t base, where;
        uint32_t lock;
    } plls[] = {
        { 0x080, 0x080, 1u << 27 }, { 0x090, 0x090, 1u << 27 }, { 0x0a0, 0x0a0, 1u << 27 },
        { 0x0b0, 0x0b0, 1u << 27 }, { 0x0c0, 0x0c0, 1u << 27 }, { 0x0d0, 0x0d0, 1u << 27 },
        { 0x0e0, 0x0e0, 1u << 27 }, { 0x0e8, 0x0ec, 1u << 11 }, { 0x4b8, 0x4b8, 1u << 27 },
        { 0x4c4, 0x4c8, 1u << 24 }, { 0x4e8, 0x4e8, 1u << 27 }, { 0x4fc, 0x4fc, 1u << 27 },
        { 0x590, 0x590, 1u << 27 }, { 0x5a4, 0x5a4, 1u << 27 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(plls) / sizeof(plls[0]); i++) {
        put(plls[i].base, 0);
        put(plls[i].where, plls[i].lock); /* The guest cannot. */
        assert_int_equal(get(plls[i].where) & plls[i].lock, 0);
        vmmp_window_write(&car->window, plls[i].base + 3u, 1, 0x40);
        assert_int_equal(get(plls[i].where) & plls[i].lock, plls[i].lock);
        put(plls[i].base, 0x00001234);
        assert_int_equal(get(plls[i].base), 0x00001234);
        assert_int_equal(get(plls[i].where) & plls[i].lock, 0);
    }
}

static void bits_are_set_and_cleared(void **state)
{
    static const uint16_t rows[][3] = {
        { 0x004, 0x300, 0x304 }, { 0x008, 0x308, 0x30c }, { 0x00c, 0x310, 0x314 },
        { 0x358, 0x430, 0x434 }, { 0x35c, 0x438, 0x43c }, { 0x28c, 0x290, 0x294 },
        { 0x010, 0x320, 0x324 }, { 0x014, 0x328, 0x32c }, { 0x018, 0x330, 0x334 },
        { 0x360, 0x440, 0x444 }, { 0x364, 0x448, 0x44c }, { 0x280, 0x284, 0x288 },
        { 0x340, 0x340, 0x344 }, { 0x04c, 0x348, 0x34c }, { 0x450, 0x450, 0x454 },
        { 0x458, 0x458, 0x45c }, { 0x460, 0x460, 0x464 }, { 0x468, 0x468, 0x46c },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t before = get(rows[i][0]);
        put(rows[i][1], 0x00f00010);
        assert_int_equal(get(rows[i][0]), before | 0x00f00010);
        put(rows[i][2], 0xffff00ff);
        vmmp_window_write(&car->window, rows[i][1] + 1u, 1, 0x81);
        assert_int_equal(get(rows[i][0]), 0x8100);
        assert_int_equal(get(rows[i][1]), 0x8100);
        assert_int_equal(get(rows[i][2]), 0x8100);
        vmmp_window_write(&car->window, rows[i][2] + 1u, 1, 0x01);
        assert_int_equal(get(rows[i][0]), 0x8000);
        if (rows[i][0] != rows[i][1]) {
            put(rows[i][0], 0x12345670);
            assert_int_equal(get(rows[i][1]), 0x12345670);
        }
    }
}

static void a_guest_resets(void **state)
{
    (void)state;
    put(0x004, 1u << 2);
    assert_int_equal(fixture.resets, 1);
    put(0x300, 1u << 2);
    assert_int_equal(fixture.resets, 2);
    assert_int_equal(get(0x004), 0);
    put(0x304, 1u << 2); /* To clear it does nothing, */
    put(0x310, 1u << 2); /* nor do others' bits. */
    assert_int_equal(fixture.resets, 2);
    /* Without anybody who does it. */
    vmmp_tegra_car_fini(car);
    const struct vmmp_tegra_car_config config = { .log = NULL };
    assert_int_equal(vmmp_tegra_car_init(car, &config), 0);
    put(0x004, 1u << 2);
    assert_int_equal(get(0x004), 0);
}

static void cpus_are_in_reset_or_not(void **state)
{
    (void)state;
    vmmp_tegra_car_cpu(car, 2, false);
    vmmp_tegra_car_cpu(car, 0, true);
    vmmp_tegra_car_cpu(car, VMMP_TEGRA_CAR_CPUS, true);
    assert_int_equal(get(0x470), 0xb);
    put(0x470, 0xffffffff);
    assert_int_equal(get(0x470), 0xb);
}

static void the_rest_holds_what_is_written(void **state)
{
    (void)state;
    vmmp_window_write(&car->window, 0x1c0, 4, 0xc0000002);
    vmmp_window_write(&car->window, 0x61e, 2, 0x1234);
    vmmp_window_write(&car->window, 0xff8, 8, 0x1122334455667788);
    assert_int_equal(get(0x1c0), 0xc0000002);
    assert_int_equal(get(0x61c), 0x12340000);
    assert_int_equal(vmmp_window_read(&car->window, 0xff8, 8), 0x1122334455667788);
}

int test_tegra_car(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_register, setup, teardown),
        cmocka_unit_test_setup_teardown(plls_have_a_board_s_rates, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pll_locks_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(bits_are_set_and_cleared, setup, teardown),
        cmocka_unit_test_setup_teardown(a_guest_resets, setup, teardown),
        cmocka_unit_test_setup_teardown(cpus_are_in_reset_or_not, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rest_holds_what_is_written, setup, teardown),
    };
    return cmocka_run_group_tests_name("tegra_car", tests, NULL, NULL);
}
