/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI 6.4, 4.8.3.1 (PM1 event), 4.8.3.2 (PM1 control), 4.8.3.3 (PM timer). */
#include <sel4vmmplatsupport/vmmp/acpi_pm.h>

#include <errno.h>
#include <string.h>

#include "devices/device_life.h"

#define PM1_STS 0
#define PM1_EN  2
#define PM1_CNT 4

#define TMR 0x0001u /* In PM1_STS and PM1_EN. */
/* Nobody releases the lock, and the clock does not wake: they can be enabled, as a guest
 * expects of fixed hardware, and are never signalled. */
#define GBL      0x0020u
#define RTC      0x0400u
#define PWRBTN   0x0100u
#define STS_BITS (TMR | PWRBTN)
#define EN_BITS  (TMR | GBL | PWRBTN | RTC)

#define SCI_EN        0x0001u
#define SLP_TYP_SHIFT 10
#define SLP_TYP       0x1c00u
#define SLP_EN        0x2000u
#define CNT_STORED    (0x0002u | SLP_TYP) /* BM_RLD */

#define TIMER_HZ    UINT64_C(3579545)
#define HALF_SHIFT  31 /* TMR_STS is set whenever the highest bit changes. */
#define NANOSECONDS UINT64_C(1000000000)

/* Ticks since the host's clock began; their low 32 bits are the timer. */
static uint64_t ticks(const struct vmmp_acpi_pm *pm)
{
    uint64_t now = vmmp_host_now(&pm->config.host);

    return now / NANOSECONDS * TIMER_HZ + now % NANOSECONDS * TIMER_HZ / NANOSECONDS;
}

/* The first nanosecond at which ticks() is at least `count`. */
static uint64_t when(uint64_t count)
{
    uint64_t rest = count % TIMER_HZ * NANOSECONDS;

    return count / TIMER_HZ * NANOSECONDS + (rest + TIMER_HZ - 1) / TIMER_HZ;
}

static void update(struct vmmp_acpi_pm *pm)
{
    uint64_t halves = ticks(pm) >> HALF_SHIFT;

    if (halves != pm->halves) {
        pm->halves = halves;
        pm->status |= TMR;
    }
    bool high = (pm->status & pm->enabled) != 0;
    if (high != pm->sci_high) {
        pm->sci_high = high;
        vmmp_irq_source_set(&pm->sci, high);
    }
    /* Somebody waits for the next change. */
    if ((pm->enabled & TMR) && !(pm->status & TMR)) {
        if (!pm->carry_timer.armed) {
            vmmp_host_timer_arm(&pm->config.host, &pm->carry_timer,
                                when((halves + 1) << HALF_SHIFT));
        }
    } else {
        vmmp_host_timer_cancel(&pm->config.host, &pm->carry_timer);
    }
}

static void on_carry(void *cookie)
{
    update(cookie);
}

/* The block, byte by byte. */

static uint64_t block_read(void *cookie, uint64_t offset, unsigned size)
{
    struct vmmp_acpi_pm *pm = cookie;

    (void)size;
    update(pm);
    uint64_t all = pm->status | (uint64_t)pm->enabled << 8 * PM1_EN |
                   (uint64_t)(pm->control | SCI_EN) << 8 * PM1_CNT;
    return all >> 8 * offset;
}

static void block_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_acpi_pm *pm = cookie;
    uint64_t mask = vmmp_all_ones(size) << 8 * offset;
    uint64_t all = value << 8 * offset;
    unsigned enable_mask = (unsigned)(mask >> 8 * PM1_EN) & EN_BITS;
    unsigned control_mask = (unsigned)(mask >> 8 * PM1_CNT) & CNT_STORED;
    unsigned control = (unsigned)(all >> 8 * PM1_CNT) & 0xffff;

    update(pm);
    pm->status = (uint16_t)(pm->status & ~(all & STS_BITS)); /* Ones clear. */
    pm->enabled = (uint16_t)((pm->enabled & ~enable_mask) | (all >> 8 * PM1_EN & enable_mask));
    pm->control = (uint16_t)((pm->control & ~control_mask) | (control & control_mask));
    update(pm);
    if (control & SLP_EN) {
        pm->config.sleep(pm->config.cookie, (pm->control & SLP_TYP) >> SLP_TYP_SHIFT);
    }
}

static uint64_t timer_read(void *cookie, uint64_t offset, unsigned size)
{
    (void)size;
    return (ticks(cookie) & UINT32_MAX) >> 8 * offset;
}

static void timer_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    (void)cookie;
    (void)offset;
    (void)size;
    (void)value;
}

static const struct vmmp_window_ops block_ops = { block_read, block_write };
static const struct vmmp_window_ops timer_ops = { timer_read, timer_write };

static void reset(struct vmmp_acpi_pm *pm)
{
    pm->halves = ticks(pm) >> HALF_SHIFT;
    pm->status = 0;
    pm->enabled = 0;
    pm->control = 0;
    update(pm);
}

int vmmp_acpi_pm_init(struct vmmp_acpi_pm *pm, const struct vmmp_acpi_pm_config *config)
{
    memset(pm, 0, sizeof(*pm));
    if (!config->sleep) {
        return -EINVAL;
    }
    pm->config = *config;
    int err = device_life_begin(&config->host, &pm->context, &pm->sci, config->sci);
    if (err) {
        return err;
    }
    pm->carry_timer.work.run = on_carry;
    pm->carry_timer.work.cookie = pm;
    pm->carry_timer.work.context = &pm->context;
    pm->block = (struct vmmp_window){ .name = "acpi-pm1", .ops = &block_ops, .device = pm };
    pm->block.size = VMMP_ACPI_PM_BLOCK_SIZE;
    pm->block.context = &pm->context;
    pm->timer = (struct vmmp_window){ .name = "acpi-timer", .ops = &timer_ops, .device = pm };
    pm->timer.size = VMMP_ACPI_PM_TIMER_SIZE;
    pm->timer.context = &pm->context;
    reset(pm);
    return 0;
}

void vmmp_acpi_pm_fini(struct vmmp_acpi_pm *pm)
{
    vmmp_host_timer_cancel(&pm->config.host, &pm->carry_timer);
    device_life_end(&pm->config.host, &pm->context, &pm->sci);
}

void vmmp_acpi_pm_reset(struct vmmp_acpi_pm *pm)
{
    vmmp_context_enter(&pm->context);
    reset(pm);
    vmmp_context_leave(&pm->context);
}

bool vmmp_acpi_pm_power_button(struct vmmp_acpi_pm *pm)
{
    vmmp_context_enter(&pm->context);
    bool heard = pm->enabled & PWRBTN;
    pm->status |= PWRBTN;
    update(pm);
    vmmp_context_leave(&pm->context);
    return heard;
}
