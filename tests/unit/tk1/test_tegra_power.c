/* SPDX-License-Identifier: BSD-2-Clause */
/* What turns CPUs of a Tegra on and off, and the machine: PMC, flow controller; and the legacy
 * interrupt controller. */
#include "support/register_sweep.h"

#include <sel4vmmplatsupport/vmmp/tegra_flow.h>
#include <sel4vmmplatsupport/vmmp/tegra_ictlr.h>
#include <sel4vmmplatsupport/vmmp/tegra_pmc.h>

struct fixture {
    struct vmmp_tegra_pmc pmc;
    struct vmmp_tegra_flow flow;
    struct vmmp_tegra_ictlr ictlr;
    unsigned resets;
    char said[64]; /* "+1-2": CPU 1 turned on, CPU 2 off. */
};

static uint32_t get(struct vmmp_window *window, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(window, offset, 4);
}

static void put(struct vmmp_window *window, uint32_t offset, uint32_t value)
{
    vmmp_window_write(window, offset, 4, value);
}

static void guest_resets(void *cookie)
{
    ((struct fixture *)cookie)->resets++;
}

static void cpu_power(void *cookie, unsigned cpu, bool on)
{
    struct fixture *f = cookie;
    size_t size = strlen(f->said);
    assert_true(size + 3 < sizeof(f->said) && cpu < 10);
    f->said[size] = on ? '+' : '-';
    f->said[size + 1] = (char)('0' + cpu);
}

static void said(struct fixture *f, const char *wanted)
{
    assert_string_equal(f->said, wanted);
    memset(f->said, 0, sizeof(f->said));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct vmmp_tegra_pmc_config pmc = {
        .reset = guest_resets,
        .cpu_power = cpu_power,
        .cookie = f,
    };
    const struct vmmp_tegra_flow_config flow = { .cpu_power = cpu_power, .cookie = f };
    *state = f;
    return vmmp_tegra_pmc_init(&f->pmc, &pmc) || vmmp_tegra_flow_init(&f->flow, &flow) ||
           vmmp_tegra_ictlr_init(&f->ictlr, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vmmp_tegra_ictlr_fini(&f->ictlr);
    vmmp_tegra_flow_fini(&f->flow);
    vmmp_tegra_pmc_fini(&f->pmc);
    free(f);
    return 0;
}

/* ---- The PMC ---- */

#define CNTRL  0x000
#define TOGGLE 0x030
#define STATUS 0x038
#define GATES  0x0000c001 /* On at first: rail, CPU 0 and what CPUs share. */

static void pmc_again(void *pmc)
{
    vmmp_tegra_pmc_reset(pmc);
}

static void every_pmc_register(void **state)
{
    static const struct sweep_row rows[] = {
        { CNTRL, 0, 0xffffffef, 0, 0, 0, 0 }, /* MAIN_RST is done, */
        { TOGGLE, 0, 0x1f, 0, 0, 0, 0 },      /* and START too. */
        { 0x034, 0, 0, 0, 0, 0, 0 },
        { STATUS, GATES, GATES, GATES, 0, 0, 0 },
        { 0x1bc, 0, 0, 0, 2, 8, 0 }, /* IO_DPD_STATUS */
        SWEEP_END,
    };
    struct fixture *f = *state;
    sweep_registers(&f->pmc.window, &(struct sweep){ rows, SWEEP_STORED, pmc_again, &f->pmc });
    assert_true(f->resets > 0);
}

static bool is_scratch(uint32_t offset)
{
    return (offset >= 0x050 && offset < 0x0b0) || (offset >= 0x0fc && offset < 0x148);
}

static void pmc_registers_begin_at_rest(void **state)
{
    struct fixture *f = *state;
    struct vmmp_window *pmc = &f->pmc.window;
    for (uint32_t offset = 0; offset < VMMP_TEGRA_PMC_WINDOW_SIZE; offset += 4) {
        assert_int_equal(get(pmc, offset), offset == STATUS ? GATES : 0);
        put(pmc, offset, 0x00005a00 | offset % 256);
    }
    vmmp_tegra_pmc_reset(&f->pmc);
    for (uint32_t offset = 0; offset < VMMP_TEGRA_PMC_WINDOW_SIZE; offset += 4) {
        uint32_t wanted = is_scratch(offset) ? 0x00005a00 | offset % 256 : 0;
        wanted = offset == STATUS ? GATES : wanted;
        if (get(pmc, offset) != wanted) {
            fail_msg("0x%03x is 0x%08x, not 0x%08x", offset, get(pmc, offset), wanted);
        }
    }
}

static void power_gates_are_switched_at_once(void **state)
{
    static const uint8_t partitions[] = { 14, 9, 10, 11 };
    struct fixture *f = *state;
    struct vmmp_window *pmc = &f->pmc.window;
    for (unsigned i = 1; i < 4; i++) {
        put(pmc, TOGGLE, 0x100u | partitions[i]);
        assert_int_equal(get(pmc, TOGGLE), partitions[i]);
        assert_int_equal(get(pmc, STATUS), GATES | 1u << partitions[i]);
        put(pmc, TOGGLE, 0x100u | partitions[i]);
        assert_int_equal(get(pmc, STATUS), GATES);
    }
    said(f, "+1-1+2-2+3-3");
    put(pmc, TOGGLE, 9); /* Not started. */
    vmmp_window_write(pmc, TOGGLE + 1, 1, 1);
    said(f, "+1");
    put(pmc, TOGGLE, 0x10e); /* CPU 0 */
    said(f, "-0");
    /* Others are no CPU's, and the last are nobody's. */
    put(pmc, TOGGLE, 0x103);
    for (uint32_t partition = 25; partition < 32; partition++) {
        put(pmc, TOGGLE, 0x100 | partition);
    }
    said(f, "");
    assert_int_equal(get(pmc, STATUS), 0x00008209);
    put(pmc, STATUS, UINT32_MAX);
    put(pmc, 0x034, UINT32_MAX); /* REMOVE_CLAMPING */
    assert_int_equal(get(pmc, STATUS), 0x00008209);
    assert_int_equal(get(pmc, 0x034), 0);
}

static void the_chip_is_reset(void **state)
{
    struct fixture *f = *state;
    struct vmmp_window *pmc = &f->pmc.window;
    put(pmc, CNTRL, 0x00020000);
    assert_int_equal(f->resets, 0);
    vmmp_window_write(pmc, CNTRL, 1, 0x10);
    assert_int_equal(f->resets, 1);
    assert_int_equal(get(pmc, CNTRL), 0x00020000);
}

static void pads_power_down_at_once(void **state)
{
    struct fixture *f = *state;
    struct vmmp_window *pmc = &f->pmc.window;
    for (uint32_t request = 0x1b8; request <= 0x1c0; request += 8) {
        put(pmc, request, 0x80000101);
        assert_int_equal(get(pmc, request + 4), 0x101);
        put(pmc, request, 0x40000001);
        assert_int_equal(get(pmc, request + 4), 0x100);
        put(pmc, request, 0x00000100); /* No code, nothing. */
        put(pmc, request + 4, 0);
        assert_int_equal(get(pmc, request + 4), 0x100);
    }
}

/* ---- The flow controller ---- */

#define ENABLE    1u
#define WAITEVENT (2u << 29)
#define SCLK      (1u << 27)

static const struct {
    uint16_t halt, csr;
} flow_cpus[] = { { 0x00, 0x08 }, { 0x14, 0x18 }, { 0x1c, 0x20 }, { 0x24, 0x28 } };

static void cpus_lose_and_get_power(void **state)
{
    static const char *const wanted[] = { "-0+0-0", "-1+1-1", "-2+2-2", "-3+3-3" };
    struct fixture *f = *state;
    struct vmmp_window *flow = &f->flow.window;
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        put(flow, flow_cpus[cpu].csr, ENABLE | 0x100u << cpu); /* In its WFI. */
        put(flow, flow_cpus[cpu].halt, WAITEVENT);
        assert_int_equal(get(flow, flow_cpus[cpu].halt), WAITEVENT);
        put(flow, flow_cpus[cpu].csr, ENABLE);
        put(flow, flow_cpus[cpu].halt, WAITEVENT | SCLK);
        assert_int_equal(get(flow, flow_cpus[cpu].halt), SCLK);
        assert_int_equal(get(flow, flow_cpus[cpu].csr), ENABLE | 1u << 14);
        put(flow, flow_cpus[cpu].csr, ENABLE | 0x10u << cpu | 3u << 14); /* In its WFE. */
        assert_int_equal(get(flow, flow_cpus[cpu].csr), ENABLE | 0x10u << cpu);
        put(flow, flow_cpus[cpu].halt, WAITEVENT);
        said(f, wanted[cpu]);
    }
}

static void cpus_keep_power(void **state)
{
    struct fixture *f = *state;
    struct vmmp_window *flow = &f->flow.window;
    put(flow, 0x18, 0x200); /* Not enabled. */
    put(flow, 0x14, WAITEVENT);
    put(flow, 0x14, WAITEVENT | SCLK);
    put(flow, 0x18, ENABLE | 0x100); /* Another's WFI. */
    put(flow, 0x14, WAITEVENT);
    put(flow, 0x18, ENABLE | 0x200); /* Stopped for other reasons. */
    put(flow, 0x14, 4u << 29 | SCLK);
    put(flow, 0x14, 0);
    said(f, "");
}

static void flow_again(void *flow)
{
    vmmp_tegra_flow_reset(flow);
}

static void every_flow_register(void **state)
{
    /* CSR: flags that are cleared by a 1. */
    static const struct sweep_row rows[] = {
        { 0x08, 0, 0xffff3fff, 0, 0, 0, 0 },
        { 0x18, 0, 0xffff3fff, 0, 3, 8, 0 },
        SWEEP_END,
    };
    struct fixture *f = *state;
    sweep_registers(&f->flow.window, &(struct sweep){ rows, SWEEP_STORED, flow_again, &f->flow });
    said(f, "");
}

/* ---- The legacy interrupt controller ---- */

static void ictlr_again(void *ictlr)
{
    vmmp_tegra_ictlr_fini(ictlr);
    assert_int_equal(vmmp_tegra_ictlr_init(ictlr, NULL), 0);
}

/* Of each of the five banks. */
#define BANKED(offset, ones, zeroes)         \
    {                                        \
        offset, 0, ones, zeroes, 5, 0x100, 0 \
    }

static void every_ictlr_register(void **state)
{
    static const struct sweep_row rows[] = {
        BANKED(0x14, UINT32_MAX, 0), /* Forced, */
        BANKED(0x18, UINT32_MAX, UINT32_MAX),
        BANKED(0x20, UINT32_MAX, 0), /* enabled for the CPUs, */
        BANKED(0x24, UINT32_MAX, UINT32_MAX),
        BANKED(0x2c, UINT32_MAX, 0),
        BANKED(0x30, UINT32_MAX, 0), /* for the COP. */
        BANKED(0x34, UINT32_MAX, UINT32_MAX),
        BANKED(0x3c, UINT32_MAX, 0),
        SWEEP_END,
    };
    struct fixture *f = *state;
    assert_int_equal(f->ictlr.window.size, 5 * 0x100);
    sweep_registers(&f->ictlr.window,
                    &(struct sweep){ rows, SWEEP_NOTHING, ictlr_again, &f->ictlr });
}

static void banks_hold_bits_and_classes(void **state)
{
    static const uint8_t rows[][3] = {
        { 0x14, 0x18, 0x1c },
        { 0x20, 0x24, 0x28 },
        { 0x30, 0x34, 0x38 },
    };
    struct fixture *f = *state;
    struct vmmp_window *ictlr = &f->ictlr.window;
    for (uint32_t bank = 0; bank < VMMP_TEGRA_ICTLR_WINDOW_SIZE; bank += 0x100) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            put(ictlr, bank + rows[i][1], 0x0f0f);
            put(ictlr, bank + rows[i][2], 0x0101);
            for (unsigned j = 0; j < 3; j++) {
                assert_int_equal(get(ictlr, bank + rows[i][j]), 0x0e0e);
            }
        }
        put(ictlr, bank + 0x2c, bank + 1);
        put(ictlr, bank + 0x3c, bank + 2);
        for (uint32_t status = 0; status < 0x14; status += 4) {
            put(ictlr, bank + status, UINT32_MAX);
            assert_int_equal(get(ictlr, bank + status), 0);
        }
        put(ictlr, bank + 0x40, UINT32_MAX);
        assert_int_equal(get(ictlr, bank + 0x40), 0);
    }
    assert_int_equal(get(ictlr, 0x42c), 0x401);
    assert_int_equal(get(ictlr, 0x03c), 0x002);
}

int test_tegra_power(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_pmc_register, setup, teardown),
        cmocka_unit_test_setup_teardown(pmc_registers_begin_at_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(power_gates_are_switched_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_chip_is_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(pads_power_down_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(cpus_lose_and_get_power, setup, teardown),
        cmocka_unit_test_setup_teardown(cpus_keep_power, setup, teardown),
        cmocka_unit_test_setup_teardown(every_flow_register, setup, teardown),
        cmocka_unit_test_setup_teardown(every_ictlr_register, setup, teardown),
        cmocka_unit_test_setup_teardown(banks_hold_bits_and_classes, setup, teardown),
    };
    return cmocka_run_group_tests_name("tegra_power", tests, NULL, NULL);
}
