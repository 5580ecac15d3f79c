/* SPDX-License-Identifier: BSD-2-Clause */
/* The board's compatible interface, against pages of registers that the test made up. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vmmplatsupport/plat/devices.h>
#include <sel4vmmplatsupport/plat/irq_combiner.h>
#include <sel4vmmplatsupport/plat/vclock.h>
#include <sel4vmmplatsupport/plat/vgpio.h>
#include <sel4vmmplatsupport/plat/vmct.h>
#include <sel4vmmplatsupport/plat/vpower.h>
#include <sel4vmmplatsupport/plat/vsdhc.h>
#include <sel4vmmplatsupport/plat/vsysreg.h>
#include <sel4vmmplatsupport/plat/vuart.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    return vmmp_compat_set_log(&f->vm, &f->log);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    vmmp_compat_release(&f->vm);
    return fixture_teardown(state);
}

static uint32_t *page(struct fixture *f, uint64_t paddr)
{
    uint32_t *registers = script_physical(&f->vm, paddr, 0x1000);
    assert_non_null(registers);
    return registers;
}

/* What remains of all-ones that the guest writes over zeros. */
static uint32_t lets_through(struct fixture *f, uint32_t *registers, uint64_t base, uint32_t offset)
{
    registers[offset / 4] = 0;
    script_put(f->vcpu, base + offset, 4, UINT32_MAX);
    uint32_t through = registers[offset / 4];
    registers[offset / 4] = 0;
    return through;
}

/* ---- Clocks ---- */

static const struct clock_field {
    enum clk_id clock;
    uint32_t base;
    uint32_t offset;
    uint32_t bits;
} clock_fields[] = {
    { CLK_SCLKMPLL, CMU_CORE_PADDR, 0x000, UINT32_MAX },
    { CLK_SCLKMPLL, CMU_CORE_PADDR, 0x100, UINT32_MAX },
    { CLK_SCLKMPLL, CMU_CORE_PADDR, 0x104, UINT32_MAX },
    { CLK_SCLKBPLL, CMU_CDREX_PADDR, 0x010, UINT32_MAX },
    { CLK_SCLKBPLL, CMU_CDREX_PADDR, 0x110, UINT32_MAX },
    { CLK_SCLKBPLL, CMU_CDREX_PADDR, 0x114, UINT32_MAX },
    { CLK_SCLKCPLL, CMU_TOP_PADDR, 0x020, UINT32_MAX },
    { CLK_SCLKCPLL, CMU_TOP_PADDR, 0x120, UINT32_MAX },
    { CLK_SCLKCPLL, CMU_TOP_PADDR, 0x124, UINT32_MAX },
    { CLK_SCLKCPLL, CMU_TOP_PADDR, 0x128, UINT32_MAX },
    { CLK_SCLKGPLL, CMU_TOP_PADDR, 0x050, UINT32_MAX },
    { CLK_SCLKGPLL, CMU_TOP_PADDR, 0x150, UINT32_MAX },
    { CLK_SCLKGPLL, CMU_TOP_PADDR, 0x154, UINT32_MAX },
    { CLK_SCLKEPLL, CMU_TOP_PADDR, 0x030, UINT32_MAX },
    { CLK_SCLKEPLL, CMU_TOP_PADDR, 0x130, UINT32_MAX },
    { CLK_SCLKEPLL, CMU_TOP_PADDR, 0x134, UINT32_MAX },
    { CLK_SCLKEPLL, CMU_TOP_PADDR, 0x138, UINT32_MAX },
    { CLK_SCLKVPLL, CMU_TOP_PADDR, 0x040, UINT32_MAX },
    { CLK_SCLKVPLL, CMU_TOP_PADDR, 0x140, UINT32_MAX },
    { CLK_SCLKVPLL, CMU_TOP_PADDR, 0x144, UINT32_MAX },
    { CLK_SCLKVPLL, CMU_TOP_PADDR, 0x148, UINT32_MAX },
    { CLK_UART0, CMU_TOP_PADDR, 0x250, 0x0000000f },
    { CLK_UART0, CMU_TOP_PADDR, 0x350, 0x00000001 },
    { CLK_UART0, CMU_TOP_PADDR, 0x558, 0x0000000f },
    { CLK_UART0, CMU_TOP_PADDR, 0x658, 0x00000001 },
    { CLK_UART0, CMU_TOP_PADDR, 0x950, 0x00000001 },
    { CLK_UART1, CMU_TOP_PADDR, 0x250, 0x000000f0 },
    { CLK_UART1, CMU_TOP_PADDR, 0x350, 0x00000010 },
    { CLK_UART1, CMU_TOP_PADDR, 0x558, 0x000000f0 },
    { CLK_UART1, CMU_TOP_PADDR, 0x658, 0x00000010 },
    { CLK_UART1, CMU_TOP_PADDR, 0x950, 0x00000002 },
    { CLK_UART2, CMU_TOP_PADDR, 0x250, 0x00000f00 },
    { CLK_UART2, CMU_TOP_PADDR, 0x350, 0x00000100 },
    { CLK_UART2, CMU_TOP_PADDR, 0x558, 0x00000f00 },
    { CLK_UART2, CMU_TOP_PADDR, 0x658, 0x00000100 },
    { CLK_UART2, CMU_TOP_PADDR, 0x950, 0x00000004 },
    { CLK_UART3, CMU_TOP_PADDR, 0x250, 0x0000f000 },
    { CLK_UART3, CMU_TOP_PADDR, 0x350, 0x00001000 },
    { CLK_UART3, CMU_TOP_PADDR, 0x558, 0x0000f000 },
    { CLK_UART3, CMU_TOP_PADDR, 0x658, 0x00001000 },
    { CLK_UART3, CMU_TOP_PADDR, 0x950, 0x00000008 },
    { CLK_SPI0, CMU_TOP_PADDR, 0x254, 0x000f0000 },
    { CLK_SPI0, CMU_TOP_PADDR, 0x354, 0x00010000 },
    { CLK_SPI0, CMU_TOP_PADDR, 0x55c, 0x0000ff0f },
    { CLK_SPI0, CMU_TOP_PADDR, 0x65c, 0x00000101 },
    { CLK_SPI0, CMU_TOP_PADDR, 0x950, 0x00010000 },
    { CLK_SPI1, CMU_TOP_PADDR, 0x254, 0x00f00000 },
    { CLK_SPI1, CMU_TOP_PADDR, 0x354, 0x00100000 },
    { CLK_SPI1, CMU_TOP_PADDR, 0x55c, 0xff0f0000 },
    { CLK_SPI1, CMU_TOP_PADDR, 0x65c, 0x01010000 },
    { CLK_SPI1, CMU_TOP_PADDR, 0x950, 0x00020000 },
    { CLK_SPI2, CMU_TOP_PADDR, 0x254, 0x0f000000 },
    { CLK_SPI2, CMU_TOP_PADDR, 0x354, 0x01000000 },
    { CLK_SPI2, CMU_TOP_PADDR, 0x560, 0x0000ff0f },
    { CLK_SPI2, CMU_TOP_PADDR, 0x660, 0x00000101 },
    { CLK_SPI2, CMU_TOP_PADDR, 0x950, 0x00040000 },
    { CLK_I2C0, CMU_TOP_PADDR, 0x950, 0x00000040 },
    { CLK_I2C1, CMU_TOP_PADDR, 0x950, 0x00000080 },
    { CLK_I2C2, CMU_TOP_PADDR, 0x950, 0x00000100 },
    { CLK_I2C3, CMU_TOP_PADDR, 0x950, 0x00000200 },
    { CLK_I2C4, CMU_TOP_PADDR, 0x950, 0x00000400 },
    { CLK_I2C5, CMU_TOP_PADDR, 0x950, 0x00000800 },
    { CLK_I2C6, CMU_TOP_PADDR, 0x950, 0x00001000 },
    { CLK_I2C7, CMU_TOP_PADDR, 0x950, 0x00002000 },
    { CLK_MMC0, CMU_TOP_PADDR, 0x244, 0x0000000f },
    { CLK_MMC0, CMU_TOP_PADDR, 0x340, 0x00000001 },
    { CLK_MMC0, CMU_TOP_PADDR, 0x54c, 0x0000ff0f },
    { CLK_MMC0, CMU_TOP_PADDR, 0x64c, 0x00000101 },
    { CLK_MMC0, CMU_TOP_PADDR, 0x944, 0x00001000 },
    { CLK_MMC1, CMU_TOP_PADDR, 0x244, 0x000000f0 },
    { CLK_MMC1, CMU_TOP_PADDR, 0x340, 0x00000010 },
    { CLK_MMC1, CMU_TOP_PADDR, 0x54c, 0xff0f0000 },
    { CLK_MMC1, CMU_TOP_PADDR, 0x64c, 0x01010000 },
    { CLK_MMC1, CMU_TOP_PADDR, 0x944, 0x00002000 },
    { CLK_MMC2, CMU_TOP_PADDR, 0x244, 0x00000f00 },
    { CLK_MMC2, CMU_TOP_PADDR, 0x340, 0x00000100 },
    { CLK_MMC2, CMU_TOP_PADDR, 0x550, 0x0000ff0f },
    { CLK_MMC2, CMU_TOP_PADDR, 0x650, 0x00000101 },
    { CLK_MMC2, CMU_TOP_PADDR, 0x944, 0x00004000 },
    { CLK_MMC3, CMU_TOP_PADDR, 0x244, 0x0000f000 },
    { CLK_MMC3, CMU_TOP_PADDR, 0x340, 0x00001000 },
    { CLK_MMC3, CMU_TOP_PADDR, 0x550, 0xff0f0000 },
    { CLK_MMC3, CMU_TOP_PADDR, 0x650, 0x01010000 },
    { CLK_MMC3, CMU_TOP_PADDR, 0x944, 0x00008000 },
};

static uint32_t bits_of(enum clk_id clock, uint32_t base, uint32_t offset)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof(clock_fields) / sizeof(clock_fields[0]); i++) {
        const struct clock_field *field = &clock_fields[i];
        if (field->clock == clock && field->base == base && field->offset == offset) {
            bits |= field->bits;
        }
    }
    return bits;
}

static bool is_a_clock(enum clk_id clock)
{
    return clock != CLK_MASTER && clock != CLK_SPI0_ISP && clock != CLK_SPI1_ISP &&
           clock != CLK_PWM && clock != NCLOCKS;
}

/* Every word of every page: what one clock opens, and that nothing stays open. */
static void clocks_are_given_and_taken(void **state)
{
    static const uint32_t bases[] = { CMU_CPU_PADDR, CMU_CORE_PADDR,  CMU_ACP_PADDR, CMU_ISP_PADDR,
                                      CMU_TOP_PADDR, CMU_CDREX_PADDR, CMU_MEM_PADDR };
    struct fixture *f = *state;
    struct clock_device *clocks =
        vm_install_ac_clock(&f->vm, VACDEV_DEFAULT_DENY, VACDEV_MASK_ONLY);

    assert_non_null(clocks);
    for (int id = CLK_MASTER; id <= NCLOCKS; id++) {
        enum clk_id clock = (enum clk_id)id;
        int expected = is_a_clock(clock) ? 0 : -1;
        assert_int_equal(vm_clock_provide(clocks, clock), expected);
        for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
            uint32_t *registers = page(f, bases[i]);
            for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
                uint32_t through = lets_through(f, registers, bases[i], offset);
                uint32_t bits = bits_of(clock, bases[i], offset);
                if (through != bits) {
                    fail_msg("clock %d opens 0x%08x of 0x%08x, not 0x%08x", id, through,
                             bases[i] + offset, bits);
                }
            }
        }
        assert_int_equal(vm_clock_restrict(clocks, clock), expected);
    }
    uint32_t *top = page(f, CMU_TOP_PADDR);
    top[0x950 / 4] = 0x1234;
    assert_int_equal(script_get(f->vcpu, CMU_TOP_PADDR + 0x950, 4), 0x1234);
    assert_int_equal(vm_clock_provide(NULL, CLK_UART0), -1);
    /* The addresses are taken now. */
    assert_null(vm_install_ac_clock(&f->vm, VACDEV_DEFAULT_DENY, VACDEV_MASK_ONLY));
    assert_int_equal(vm_install_vcmu_top(&f->vm), -1);
}

static void clocks_may_all_be_given(void **state)
{
    struct fixture *f = *state;
    uint32_t *top = page(f, CMU_TOP_PADDR);
    struct clock_device *clocks =
        vm_install_ac_clock(&f->vm, VACDEV_DEFAULT_ALLOW, VACDEV_REPORT_AND_MASK);

    assert_non_null(clocks);
    assert_int_equal(lets_through(f, top, CMU_TOP_PADDR, 0xffc), UINT32_MAX);
    assert_int_equal(vm_clock_restrict(clocks, CLK_UART1), 0);
    fixture_log_clear(f);
    assert_int_equal(lets_through(f, top, CMU_TOP_PADDR, 0x250), ~0xf0u);
    assert_int_equal(fixture_log_matches(f, "[ac/CMU_TOP]"), 1);
}

/* ---- Pins ---- */

/* A pin's bits in each register of its port: CON, DAT, PUD, DRV, CONPDN, PUDPDN. */
static void check_pin(struct fixture *f, uint32_t *registers, uint32_t base, uint32_t port,
                      unsigned pin)
{
    static const unsigned widths[8] = { 4, 1, 2, 2, 2, 2, 0, 0 };
    for (uint32_t n = 0; n < 8; n++) {
        uint32_t bits = ((1u << widths[n]) - 1) << (pin * widths[n]);
        assert_int_equal(lets_through(f, registers, base, port * 0x20 + 4 * n), bits);
    }
}

/* Every pin of both pages, and that no other register opens with it. */
static void pins_are_given_and_taken(void **state)
{
    static const uint32_t bases[] = { GPIO_LEFT_PADDR, GPIO_RIGHT_PADDR };
    struct fixture *f = *state;
    struct gpio_device *gpio = vm_install_ac_gpio(&f->vm, VACDEV_DEFAULT_DENY, VACDEV_MASK_ONLY);

    assert_non_null(gpio);
    for (int bank = 0; bank < 2; bank++) {
        uint32_t *registers = page(f, bases[bank]);
        for (uint32_t port = 0; port < 0x70; port++) {
            if (port >= 0x38 && port < 0x60) {
                assert_int_equal(vm_gpio_provide(gpio, GPIOID(bank << 8 | (int)port, 0)), -1);
                continue;
            }
            for (unsigned pin = 0; pin < 8; pin++) {
                gpio_id_t id = GPIOID(bank << 8 | (int)port, (int)pin);
                assert_int_equal(vm_gpio_provide(gpio, id), 0);
                check_pin(f, registers, bases[bank], port, pin);
                assert_int_equal(vm_gpio_restrict(gpio, id), 0);
            }
        }
        /* Between the ports and behind them are external interrupts' registers. */
        for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
            bool port = offset < 0x700 || (offset >= 0xc00 && offset < 0xe00);
            assert_int_equal(lets_through(f, registers, bases[bank], offset),
                             port ? 0 : UINT32_MAX);
        }
    }
    assert_int_equal(vm_gpio_provide(gpio, GPIOID(2 << 8, 0)), -1);
    assert_int_equal(vm_gpio_provide(gpio, GPIOID(0, 8)), -1);
    assert_int_equal(vm_gpio_provide(gpio, -1), -1);
    assert_int_equal(vm_gpio_provide(NULL, 0), -1);
}

static void pins_may_all_be_given(void **state)
{
    struct fixture *f = *state;
    uint32_t *left = page(f, GPIO_LEFT_PADDR);
    struct gpio_device *gpio = vm_install_ac_gpio(&f->vm, VACDEV_DEFAULT_ALLOW, VACDEV_MASK_ONLY);

    assert_non_null(gpio);
    assert_int_equal(lets_through(f, left, GPIO_LEFT_PADDR, 0x00), UINT32_MAX);
    assert_int_equal(lets_through(f, left, GPIO_LEFT_PADDR, 0x04), 0xff);
    assert_int_equal(vm_gpio_restrict(gpio, GPIOID(0, 0)), 0);
    assert_int_equal(lets_through(f, left, GPIO_LEFT_PADDR, 0x00), 0xfffffff0);
}

/* ---- Power ---- */

struct asked {
    vm_t *vm;
    unsigned count;
    int answer;
};

static int ask(vm_t *vm, void *token)
{
    struct asked *asked = token;
    assert_ptr_equal(vm, asked->vm);
    asked->count++;
    return asked->answer;
}

static void power_is_the_vm_s_own(void **state)
{
    struct fixture *f = *state;
    struct asked shutdown = { &f->vm, 0, 0 };
    struct asked reboot = { &f->vm, 0, 0 };
    uint32_t *first = script_physical(&f->vm, ALIVE_PADDR, 0x5000);
    uint32_t *hold = &first[0x330c / 4];

    assert_int_equal(vm_install_vpower(&f->vm, ask, &shutdown, ask, &reboot), 0);
    first[0x2004 / 4] = 3;
    assert_int_equal(script_get(f->vcpu, ALIVE_PADDR + 0x2004, 4), 3);
    for (uint32_t offset = 0; offset < 0x5000; offset += 4) {
        if (offset != 0x400 && offset != 0x330c) {
            assert_int_equal(lets_through(f, first, ALIVE_PADDR, offset), 0);
        }
    }
    assert_int_equal(shutdown.count + reboot.count, 0);

    script_put(f->vcpu, ALIVE_PADDR + 0x400, 4, 0);
    assert_int_equal(reboot.count, 0);
    script_put(f->vcpu, ALIVE_PADDR + 0x400, 4, 1);
    assert_int_equal(reboot.count, 1);
    assert_int_equal(first[0x400 / 4], 0);

    script_put(f->vcpu, ALIVE_PADDR + 0x330c, 4, 0xffffffff);
    assert_int_equal(*hold, 0x80000300);
    /* One byte of it, as an access has any width. */
    script_put(f->vcpu, ALIVE_PADDR + 0x330d, 1, 0x02);
    assert_int_equal(shutdown.count, 1);
    assert_int_equal(reboot.count, 1);
    assert_int_equal(*hold, 0x80000300); /* The real supply is the host's. */
    /* What Linux writes: an output that is low, whether or not it is enabled. */
    script_put(f->vcpu, ALIVE_PADDR + 0x330c, 4, 0x5200);
    assert_int_equal(shutdown.count, 2);
    assert_int_equal(*hold, 0x80000300);
    script_put(f->vcpu, ALIVE_PADDR + 0x330c, 4, 0x100); /* An input. */
    assert_int_equal(shutdown.count, 2);
    assert_int_equal(*hold, 0x100);
    assert_int_equal(vm_install_vpower(&f->vm, NULL, NULL, NULL, NULL), -1);
}

static void a_callback_ends_the_vm(void **state)
{
    struct fixture *f = *state;
    struct asked reboot = { &f->vm, 0, -1 };

    assert_int_equal(vm_install_vpower(&f->vm, NULL, NULL, ask, &reboot), 0);
    script_put(f->vcpu, ALIVE_PADDR + 0x330c, 4, 0x80000200); /* Nobody asks. */
    assert_int_equal(script_write(f->vcpu, ALIVE_PADDR + 0x400, 4, 1), SCRIPT_FAILED);
    assert_int_equal(reboot.count, 1);
    reboot.answer = 0;
    assert_int_equal(script_write(f->vcpu, ALIVE_PADDR + 0x400, 4, 1), SCRIPT_DONE);
    script_clear_errors(&f->vm);
}

/* ---- The rest ---- */

static void a_uart_sends_and_no_more(void **state)
{
    static const uint32_t writable[] = { 0x20, 0x24, 0x30, 0x34, 0x38 };
    struct fixture *f = *state;
    uint32_t *registers = page(f, UART1_PADDR);

    assert_int_equal(vm_install_ac_uart(&f->vm, &dev_uart1), 0);
    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        uint32_t expected = 0;
        for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
            expected |= offset == writable[i] ? UINT32_MAX : 0;
        }
        assert_int_equal(lets_through(f, registers, UART1_PADDR, offset), expected);
    }
}

static void a_controller_without_dma(void **state)
{
    static const struct {
        uint32_t offset;
        uint32_t bits;
    } rows[] = { { 0x00, ~(1u << 25) }, { 0x80, 1 }, { 0x84, 0 },
                 { 0x88, 0 },           { 0x94, 0 }, { 0x98, 0 } };
    static const uint32_t bases[] = { MSH0_PADDR, MSH2_PADDR };
    struct fixture *f = *state;

    assert_int_equal(vm_install_nodma_sdhc0(&f->vm), 0);
    assert_int_equal(vm_install_nodma_sdhc2(&f->vm), 0);
    for (size_t i = 0; i < 2; i++) {
        uint32_t *registers = page(f, bases[i]);
        for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
            uint32_t bits = UINT32_MAX;
            for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
                bits = rows[n].offset == offset ? rows[n].bits : bits;
            }
            assert_int_equal(lets_through(f, registers, bases[i], offset), bits);
        }
        /* Neither in one half of a wider access. */
        script_put(f->vcpu, bases[i] + 0x88, 8, UINT64_MAX);
        assert_int_equal(registers[0x88 / 4], 0);
        assert_int_equal(registers[0x8c / 4], UINT32_MAX);
    }
}

static void models_are_at_their_addresses(void **state)
{
    struct fixture *f = *state;
    uint32_t *sysreg = page(f, SYSREG_PADDR);

    assert_int_equal(vm_install_vsysreg(&f->vm), 0);
    for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
        assert_int_equal(lets_through(f, sysreg, SYSREG_PADDR, offset), UINT32_MAX);
    }
    assert_int_equal(vm_install_vmct(&f->vm), 0);
    script_put(f->vcpu, MCT_ADDR + 0x240, 4, 0x100);
    assert_int_equal(script_get(f->vcpu, MCT_ADDR + 0x24c, 4), 1 << 16);
    assert_int_equal(script_get(f->vcpu, MCT_ADDR + 0x100, 4), 0); /* No time passes. */
    assert_int_equal(script_get(f->vcpu, MCT_ADDR + 0xb40, 4), 0);
    assert_int_equal(vm_install_vconsole(&f->vm), 0);
    assert_int_equal(script_get(f->vcpu, UART2_PADDR + 0x10, 4), 6);
    script_put(f->vcpu, UART2_PADDR + 0x20, 4, '\n');
    assert_int_equal(vm_install_vcombiner(&f->vm), 0);
    script_put(f->vcpu, IRQ_COMBINER_PADDR, 4, 0xff);
    assert_int_equal(script_get(f->vcpu, IRQ_COMBINER_PADDR + 4, 4), 0xff);
    /* Each once. */
    assert_int_equal(vm_install_vsysreg(&f->vm), -1);
    assert_int_equal(vm_install_vmct(&f->vm), -1);
    assert_int_equal(vm_install_vconsole(&f->vm), -1);
    assert_int_equal(vm_install_vcombiner(&f->vm), -1);
}

static unsigned handled;
static struct combiner_irq *last;

static void handle(struct combiner_irq *irq)
{
    handled++;
    last = irq;
}

/* The combiner is one a process: the test is of one VM. */
static void combined_interrupts_are_handled(void **state)
{
    struct fixture *f = *state;
    uint32_t *registers = page(f, IRQ_COMBINER_PADDR);
    int token;

    assert_int_equal(vmm_register_combiner_irq(-1, 0, handle, NULL), -1);
    assert_int_equal(vmm_register_combiner_irq(32, 0, handle, NULL), -1);
    assert_int_equal(vmm_register_combiner_irq(0, 8, handle, NULL), -1);
    assert_int_equal(vmm_register_combiner_irq(0, 0, NULL, NULL), -1);
    assert_int_equal(vmm_register_combiner_irq(23, 3, handle, &token), 0);
    /* Interrupts that are none's, and groups that do not exist. */
    vm_combiner_irq_handler(&f->vm, 31);
    vm_combiner_irq_handler(&f->vm, 64);
    vm_combiner_irq_handler(&f->vm, 32);
    assert_int_equal(handled, 0);
    assert_int_equal(registers[5 * 4], 1u << 27); /* Enabled when the combiner was found. */

    registers[5 * 4 + 3] = 1u << 27;
    vm_combiner_irq_handler(&f->vm, 32 + 23);
    assert_int_equal(handled, 1);
    assert_int_equal(last->group, 23);
    assert_int_equal(last->index, 3);
    assert_ptr_equal(last->priv, &token);
    assert_int_equal(registers[5 * 4 + 1], 1u << 27); /* Disabled, */
    registers[5 * 4] = 0;
    combiner_irq_ack(last);
    assert_int_equal(registers[5 * 4], 1u << 27); /* until it is acknowledged. */
    combiner_irq_ack(NULL);

    /* One that nobody registered for does not come for ever. */
    registers[5 * 4 + 3] = 1u << 24;
    fixture_log_clear(f);
    vm_combiner_irq_handler(&f->vm, 32 + 23);
    assert_int_equal(handled, 1);
    assert_int_equal(registers[5 * 4 + 1], 1u << 24);
    assert_int_equal(fixture_log_matches(f, "combined interrupt 23.0 has no handler"), 1);
}

int test_compat_exynos(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clocks_are_given_and_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(clocks_may_all_be_given, setup, teardown),
        cmocka_unit_test_setup_teardown(pins_are_given_and_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(pins_may_all_be_given, setup, teardown),
        cmocka_unit_test_setup_teardown(power_is_the_vm_s_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callback_ends_the_vm, setup, teardown),
        cmocka_unit_test_setup_teardown(a_uart_sends_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_controller_without_dma, setup, teardown),
        cmocka_unit_test_setup_teardown(models_are_at_their_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(combined_interrupts_are_handled, setup, teardown),
    };
    return cmocka_run_group_tests_name("compat_exynos", tests, NULL, NULL);
}
