/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/plat/vclock.h>

#include <string.h>

#include <sel4vmmplatsupport/plat/devices.h>

#include "compat/compat_vm.h"
#include "compat/plat/exynos5/guarded.h"

enum bank { CPU, CORE, ACP, ISP, TOP, CDREX, MEM, BANKS };

static const struct device *const devices[BANKS] = {
    [CPU] = &dev_cmu_cpu, [CORE] = &dev_cmu_core,   [ACP] = &dev_cmu_acp, [ISP] = &dev_cmu_isp,
    [TOP] = &dev_cmu_top, [CDREX] = &dev_cmu_cdrex, [MEM] = &dev_cmu_mem,
};

struct clock_device {
    struct page_mask masks[BANKS];
};

/* A field that belongs to a clock. */
struct field {
    uint8_t clock;
    uint8_t bank;
    uint16_t offset;
    uint8_t shift;
    uint8_t bits;
};

#define PLL(clock, bank, lock, con)                            \
    { clock, bank, lock, 0, 32 }, { clock, bank, con, 0, 32 }, \
    {                                                          \
        clock, bank, (con) + 4, 0, 32                          \
    }

/* Select, mask, divide, state of the divider, gate. */
#define UART(n)                                                                           \
    { CLK_UART##n, TOP, 0x250, 4 * (n), 4 }, { CLK_UART##n, TOP, 0x350, 4 * (n), 1 },     \
        { CLK_UART##n, TOP, 0x558, 4 * (n), 4 }, { CLK_UART##n, TOP, 0x658, 4 * (n), 1 }, \
    {                                                                                     \
        CLK_UART##n, TOP, 0x950, n, 1                                                     \
    }

/* A divider and one behind it. */
#define SELECTED(clock, select, mask, at) \
    { clock, TOP, select, at, 4 },        \
    {                                     \
        clock, TOP, mask, at, 1           \
    }

#define DIVIDED(clock, divide, at)                                      \
    { clock, TOP, divide, at, 4 }, { clock, TOP, divide, (at) + 8, 8 }, \
        { clock, TOP, (divide) + 0x100, at, 1 },                        \
    {                                                                   \
        clock, TOP, (divide) + 0x100, (at) + 8, 1                       \
    }

#define GATE(clock, gate, bit)   \
    {                            \
        clock, TOP, gate, bit, 1 \
    }

static const struct field fields[] = {
    PLL(CLK_SCLKMPLL, CORE, 0x000, 0x100),
    PLL(CLK_SCLKBPLL, CDREX, 0x010, 0x110),
    PLL(CLK_SCLKCPLL, TOP, 0x020, 0x120),
    { CLK_SCLKCPLL, TOP, 0x128, 0, 32 },
    PLL(CLK_SCLKGPLL, TOP, 0x050, 0x150),
    PLL(CLK_SCLKEPLL, TOP, 0x030, 0x130),
    { CLK_SCLKEPLL, TOP, 0x138, 0, 32 },
    PLL(CLK_SCLKVPLL, TOP, 0x040, 0x140),
    { CLK_SCLKVPLL, TOP, 0x148, 0, 32 },
    UART(0),
    UART(1),
    UART(2),
    UART(3),
    SELECTED(CLK_SPI0, 0x254, 0x354, 16),
    DIVIDED(CLK_SPI0, 0x55c, 0),
    GATE(CLK_SPI0, 0x950, 16),
    SELECTED(CLK_SPI1, 0x254, 0x354, 20),
    DIVIDED(CLK_SPI1, 0x55c, 16),
    GATE(CLK_SPI1, 0x950, 17),
    SELECTED(CLK_SPI2, 0x254, 0x354, 24),
    DIVIDED(CLK_SPI2, 0x560, 0),
    GATE(CLK_SPI2, 0x950, 18),
    GATE(CLK_I2C0, 0x950, 6),
    GATE(CLK_I2C1, 0x950, 7),
    GATE(CLK_I2C2, 0x950, 8),
    GATE(CLK_I2C3, 0x950, 9),
    GATE(CLK_I2C4, 0x950, 10),
    GATE(CLK_I2C5, 0x950, 11),
    GATE(CLK_I2C6, 0x950, 12),
    GATE(CLK_I2C7, 0x950, 13),
    SELECTED(CLK_MMC0, 0x244, 0x340, 0),
    DIVIDED(CLK_MMC0, 0x54c, 0),
    GATE(CLK_MMC0, 0x944, 12),
    SELECTED(CLK_MMC1, 0x244, 0x340, 4),
    DIVIDED(CLK_MMC1, 0x54c, 16),
    GATE(CLK_MMC1, 0x944, 13),
    SELECTED(CLK_MMC2, 0x244, 0x340, 8),
    DIVIDED(CLK_MMC2, 0x550, 0),
    GATE(CLK_MMC2, 0x944, 14),
    SELECTED(CLK_MMC3, 0x244, 0x340, 12),
    DIVIDED(CLK_MMC3, 0x550, 16),
    GATE(CLK_MMC3, 0x944, 15),
};

static int set(struct clock_device *clock_device, enum clk_id clk_id, bool allow)
{
    int found = -1;

    for (size_t i = 0; clock_device && i < sizeof(fields) / sizeof(fields[0]); i++) {
        const struct field *field = &fields[i];
        if (field->clock == (unsigned)clk_id) {
            uint32_t bits = field->bits == 32 ? UINT32_MAX : (1u << field->bits) - 1;
            page_mask_set(&clock_device->masks[field->bank], field->offset, bits << field->shift,
                          allow);
            found = 0;
        }
    }
    return found;
}

int vm_clock_provide(struct clock_device *clock_device, enum clk_id clk_id)
{
    return set(clock_device, clk_id, true);
}

int vm_clock_restrict(struct clock_device *clock_device, enum clk_id clk_id)
{
    return set(clock_device, clk_id, false);
}

static struct clock_device *install(vm_t *vm, unsigned banks, enum vacdev_default default_ac,
                                    enum vacdev_action action)
{
    struct clock_device *clock_device = vmmp_compat_calloc(vm, sizeof(*clock_device));

    if (!clock_device) {
        return NULL;
    }
    if (default_ac == VACDEV_DEFAULT_ALLOW) {
        memset(clock_device->masks, 0xff, sizeof(clock_device->masks));
    }
    for (unsigned i = 0; i < BANKS; i++) {
        if (banks >> i & 1 && vm_install_generic_ac_device(vm, devices[i], &clock_device->masks[i],
                                                           PAGE_BYTES, action)) {
            return NULL; /* Those installed refer to the masks, which stay until the VM goes. */
        }
    }
    return clock_device;
}

struct clock_device *vm_install_ac_clock(vm_t *vm, enum vacdev_default default_ac,
                                         enum vacdev_action action)
{
    return install(vm, (1u << BANKS) - 1, default_ac, action);
}

int vm_install_vcmu_top(vm_t *vm)
{
    return install(vm, 1u << TOP, VACDEV_DEFAULT_DENY, VACDEV_REPORT_AND_MASK) ? 0 : -1;
}
