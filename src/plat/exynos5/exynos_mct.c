/* SPDX-License-Identifier: BSD-2-Clause */
/* Exynos 5422 User's Manual, chapter Multi Core Timer. */
#include <sel4vmmplatsupport/vmmp/exynos_mct.h>

#include <errno.h>
#include <string.h>

#include "bus/words.h"

#define G_CNT_L     0x100
#define G_CNT_U     0x104
#define G_CNT_WSTAT 0x110
#define G_COMP0_L   0x200 /* Four comparators, */
#define G_COMP_SIZE 0x10  /* each with its value's halves and */
#define COMP_L      0x0
#define COMP_U      0x4
#define COMP_INCR   0x8 /* what is added to it when it was due. */
#define G_TCON      0x240
#define G_INT_CSTAT 0x244
#define G_INT_ENB   0x248
#define G_WSTAT     0x24c

#define TCON_COMP_ENABLE(n) (1u << (2 * (n)))
#define TCON_COMP_AUTO(n)   (1u << (2 * (n) + 1))
#define TCON_START          (1u << 8)
#define TCON_BITS           0x1ffu
#define WSTAT_TCON          (1u << 16)

#define L_BASE      0x300
#define L_SIZE      0x100
#define L_TCNTB     0x00 /* Cycles of a tick, less one. */
#define L_TCNTO     0x04
#define L_ICNTB     0x08 /* Ticks to the interrupt, less one. */
#define L_ICNTO     0x0c
#define L_FRCNTB    0x10
#define L_FRCNTO    0x14
#define L_TCON      0x20
#define L_INT_CSTAT 0x30
#define L_INT_ENB   0x34
#define L_WSTAT     0x40

#define L_ICNTB_UPDATE   (1u << 31)
#define L_TCON_TIMER     (1u << 0)
#define L_TCON_INTERRUPT (1u << 1)
#define L_TCON_INTERVAL  (1u << 2)
#define L_TCON_FREE      (1u << 3)
#define L_TCON_BITS      0xfu
#define L_WSTAT_TCNTB    (1u << 0)
#define L_WSTAT_ICNTB    (1u << 1)
#define L_WSTAT_FRCNTB   (1u << 2)
#define L_WSTAT_TCON     (1u << 3)

#define SECOND_NS UINT64_C(1000000000)

/* ---- Time ---- */

/* Cycles of the counter's clock since the epoch. */
static uint64_t ticks_now(const struct vmmp_exynos_mct *mct)
{
    uint64_t ns = vmmp_host_now(&mct->config.host) - mct->epoch_ns;
    uint64_t frequency = mct->config.frequency;
    return ns / SECOND_NS * frequency + ns % SECOND_NS * frequency / SECOND_NS;
}

/* Host time at which so many cycles have passed. */
static uint64_t time_of(const struct vmmp_exynos_mct *mct, uint64_t ticks)
{
    uint64_t frequency = mct->config.frequency;
    uint64_t seconds = ticks / frequency;
    uint64_t rest = (ticks % frequency * SECOND_NS + frequency - 1) / frequency;
    if (seconds >= UINT64_MAX / SECOND_NS - 1) {
        return UINT64_MAX;
    }
    uint64_t ns = seconds * SECOND_NS + rest;
    return ns < UINT64_MAX - mct->epoch_ns ? mct->epoch_ns + ns : UINT64_MAX;
}

static bool counts(const struct vmmp_exynos_mct *mct)
{
    return mct->control & TCON_START;
}

static uint64_t counter(const struct vmmp_exynos_mct *mct, uint64_t ticks)
{
    return counts(mct) ? mct->offset + ticks : mct->offset;
}

/* ---- Alarms ---- */

static void update_irq(struct vmmp_exynos_mct_alarm *alarm)
{
    vmmp_irq_source_set(&alarm->irq, alarm->pending && alarm->enabled);
}

/* What was due at `now` has happened; if it repeats, `due` becomes the next time after `now`. */
static void catch_up(struct vmmp_exynos_mct_alarm *alarm, uint64_t now)
{
    if (!alarm->armed || now < alarm->due) {
        return;
    }
    uint64_t passed = alarm->step > 0 ? (now - alarm->due) / alarm->step + 1 : 0;
    if (passed == 0 || passed > (UINT64_MAX - alarm->due) / alarm->step) {
        alarm->armed = false;
    } else {
        alarm->due += passed * alarm->step;
    }
    if (!alarm->pending) {
        alarm->pending = true;
        update_irq(alarm);
    }
}

static void consider(const struct vmmp_exynos_mct_alarm *alarm, uint64_t now, uint64_t *wait)
{
    /* Another period changes nothing before the last one is acknowledged. */
    if (alarm->armed && !alarm->pending && alarm->due - now < *wait) {
        *wait = alarm->due - now;
    }
}

/* Brings every alarm up to date and arms the host's timer for the first that comes. */
static void run(struct vmmp_exynos_mct *mct)
{
    uint64_t ticks = ticks_now(mct);
    uint64_t count = counter(mct, ticks);
    uint64_t wait = UINT64_MAX;

    for (unsigned i = 0; counts(mct) && i < VMMP_EXYNOS_MCT_COMPARATORS; i++) {
        catch_up(&mct->comparators[i], count);
        consider(&mct->comparators[i], count, &wait);
    }
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_LOCALS; i++) {
        catch_up(&mct->locals[i].alarm, ticks);
        consider(&mct->locals[i].alarm, ticks, &wait);
    }
    if (wait < UINT64_MAX - ticks) {
        vmmp_host_timer_arm(&mct->config.host, &mct->timer, time_of(mct, ticks + wait));
    } else {
        vmmp_host_timer_cancel(&mct->config.host, &mct->timer);
    }
}

static void timer_fired(void *cookie)
{
    run(cookie);
}

static void acknowledge(struct vmmp_exynos_mct_alarm *alarm)
{
    alarm->pending = false;
    update_irq(alarm);
}

static void enable_irq(struct vmmp_exynos_mct_alarm *alarm, bool enable)
{
    alarm->enabled = enable;
    update_irq(alarm);
}

/* ---- The counter and its comparators ---- */

static uint64_t with_half(uint64_t whole, bool upper, uint32_t value, uint32_t lanes)
{
    unsigned shift = upper ? 32 : 0;
    uint64_t mask = (uint64_t)lanes << shift;
    return (whole & ~mask) | ((uint64_t)value << shift & mask);
}

static uint32_t half(uint64_t whole, bool upper)
{
    return (uint32_t)(upper ? whole >> 32 : whole);
}

static void write_counter(struct vmmp_exynos_mct *mct, bool upper, uint32_t value, uint32_t lanes)
{
    uint64_t ticks = ticks_now(mct);
    uint64_t count = with_half(counter(mct, ticks), upper, value, lanes);
    mct->offset = counts(mct) ? count - ticks : count;
    mct->count_written |= upper ? 2 : 1;
}

static void write_comparator(struct vmmp_exynos_mct *mct, unsigned n, uint32_t offset,
                             uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_mct_alarm *alarm = &mct->comparators[n];

    switch (offset) {
    case COMP_L:
    case COMP_U:
        alarm->due = with_half(alarm->due, offset == COMP_U, value, lanes);
        alarm->armed = mct->control & TCON_COMP_ENABLE(n);
        break;
    case COMP_INCR:
        mct->increments[n] = words_merge(mct->increments[n], value, lanes, UINT32_MAX);
        alarm->step = mct->control & TCON_COMP_AUTO(n) ? mct->increments[n] : 0;
        break;
    default:
        return;
    }
    mct->written |= 1u << (4 * n + offset / 4);
}

static void write_control(struct vmmp_exynos_mct *mct, uint32_t value, uint32_t lanes)
{
    uint32_t control = words_merge(mct->control, value, lanes, TCON_BITS);
    uint64_t count = counter(mct, ticks_now(mct));
    uint32_t begun = control & ~mct->control;

    mct->control = control;
    mct->offset = counts(mct) ? count - ticks_now(mct) : count;
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_COMPARATORS; i++) {
        struct vmmp_exynos_mct_alarm *alarm = &mct->comparators[i];
        alarm->step = control & TCON_COMP_AUTO(i) ? mct->increments[i] : 0;
        if (!(control & TCON_COMP_ENABLE(i))) {
            alarm->armed = false;
        } else if (begun & TCON_COMP_ENABLE(i)) {
            alarm->armed = true;
        }
    }
    mct->written |= WSTAT_TCON;
}

static uint32_t comparator_bits(const struct vmmp_exynos_mct *mct, bool enabled)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_COMPARATORS; i++) {
        const struct vmmp_exynos_mct_alarm *alarm = &mct->comparators[i];
        bits |= (uint32_t)(enabled ? alarm->enabled : alarm->pending) << i;
    }
    return bits;
}

static uint32_t read_comparator(const struct vmmp_exynos_mct *mct, uint32_t offset)
{
    unsigned n = (offset - G_COMP0_L) / G_COMP_SIZE;
    switch (offset % G_COMP_SIZE) {
    case COMP_L:
    case COMP_U:
        return half(mct->comparators[n].due, offset % G_COMP_SIZE == COMP_U);
    case COMP_INCR:
        return mct->increments[n];
    default:
        return 0;
    }
}

static uint32_t read_global(struct vmmp_exynos_mct *mct, uint32_t offset)
{
    switch (offset) {
    case G_CNT_L:
    case G_CNT_U:
        return half(counter(mct, ticks_now(mct)), offset == G_CNT_U);
    case G_CNT_WSTAT:
        return mct->count_written;
    case G_TCON:
        return mct->control;
    case G_INT_CSTAT:
        run(mct);
        return comparator_bits(mct, false);
    case G_INT_ENB:
        return comparator_bits(mct, true);
    case G_WSTAT:
        return mct->written;
    default:
        break;
    }
    if (offset >= G_COMP0_L && offset < G_TCON) {
        run(mct); /* What was due has been incremented. */
        return read_comparator(mct, offset);
    }
    return 0;
}

static void write_global(struct vmmp_exynos_mct *mct, uint32_t offset, uint32_t value,
                         uint32_t lanes)
{
    switch (offset) {
    case G_CNT_L:
    case G_CNT_U:
        write_counter(mct, offset == G_CNT_U, value, lanes);
        break;
    case G_CNT_WSTAT:
        mct->count_written &= ~value;
        return;
    case G_TCON:
        write_control(mct, value, lanes);
        break;
    case G_INT_CSTAT:
        for (unsigned i = 0; i < VMMP_EXYNOS_MCT_COMPARATORS; i++) {
            if (value >> i & 1) {
                acknowledge(&mct->comparators[i]);
            }
        }
        break;
    case G_INT_ENB:
        for (unsigned i = 0; lanes & 0xff && i < VMMP_EXYNOS_MCT_COMPARATORS; i++) {
            enable_irq(&mct->comparators[i], value >> i & 1);
        }
        return;
    case G_WSTAT:
        mct->written &= ~value;
        return;
    default:
        if (offset < G_COMP0_L || offset >= G_TCON) {
            return;
        }
        write_comparator(mct, (offset - G_COMP0_L) / G_COMP_SIZE, offset % G_COMP_SIZE, value,
                         lanes);
        break;
    }
    run(mct);
}

/* ---- Local timers ---- */

static uint64_t cycles_per_tick(const struct vmmp_exynos_mct_local *local)
{
    return (uint64_t)local->tick_buffer + 1;
}

static uint64_t period(const struct vmmp_exynos_mct_local *local)
{
    return cycles_per_tick(local) * ((local->interrupt_buffer & ~L_ICNTB_UPDATE) + UINT64_C(1));
}

/* The next period and those after it. */
static void set_step(struct vmmp_exynos_mct_local *local)
{
    local->alarm.step = local->control & L_TCON_INTERVAL ? period(local) : 0;
}

static void start_local(struct vmmp_exynos_mct_local *local, uint64_t ticks)
{
    uint32_t both = L_TCON_TIMER | L_TCON_INTERRUPT;

    local->alarm.armed = (local->control & both) == both;
    local->alarm.due = ticks + period(local);
}

static void control_local(struct vmmp_exynos_mct_local *local, uint32_t value, uint32_t lanes,
                          uint64_t ticks)
{
    uint32_t control = words_merge(local->control, value, lanes, L_TCON_BITS);
    uint32_t changed = control ^ local->control;

    local->control = control;
    local->written |= L_WSTAT_TCON;
    set_step(local);
    if (changed & (L_TCON_TIMER | L_TCON_INTERRUPT)) {
        start_local(local, ticks);
    }
    if (changed & control & L_TCON_FREE) {
        local->free_start = ticks;
    }
}

static uint32_t read_local(struct vmmp_exynos_mct *mct, struct vmmp_exynos_mct_local *local,
                           uint32_t offset)
{
    run(mct);
    uint64_t ticks = ticks_now(mct);
    uint64_t left = local->alarm.due - ticks;

    switch (offset) {
    case L_TCNTB:
        return local->tick_buffer;
    case L_TCNTO:
        return local->alarm.armed ? (uint32_t)(left % cycles_per_tick(local)) : 0;
    case L_ICNTB:
        return local->interrupt_buffer;
    case L_ICNTO:
        return local->alarm.armed ? (uint32_t)((left - 1) / cycles_per_tick(local)) : 0;
    case L_FRCNTB:
        return local->free_buffer;
    case L_FRCNTO:
        ticks = local->control & L_TCON_FREE ? ticks - local->free_start : 0;
        return (uint32_t)(local->free_buffer - ticks / cycles_per_tick(local));
    case L_TCON:
        return local->control;
    case L_INT_CSTAT:
        return local->alarm.pending;
    case L_INT_ENB:
        return local->alarm.enabled;
    case L_WSTAT:
        return local->written;
    default:
        return 0;
    }
}

static void write_local(struct vmmp_exynos_mct *mct, struct vmmp_exynos_mct_local *local,
                        uint32_t offset, uint32_t value, uint32_t lanes)
{
    switch (offset) {
    case L_TCNTB:
        local->tick_buffer = words_merge(local->tick_buffer, value, lanes, UINT32_MAX);
        local->written |= L_WSTAT_TCNTB;
        set_step(local);
        break;
    case L_ICNTB:
        local->interrupt_buffer = words_merge(local->interrupt_buffer, value, lanes, UINT32_MAX);
        local->written |= L_WSTAT_ICNTB;
        set_step(local);
        if (value & L_ICNTB_UPDATE) {
            start_local(local, ticks_now(mct));
        }
        break;
    case L_FRCNTB:
        local->free_buffer = words_merge(local->free_buffer, value, lanes, UINT32_MAX);
        local->written |= L_WSTAT_FRCNTB;
        break;
    case L_TCON:
        control_local(local, value, lanes, ticks_now(mct));
        break;
    case L_INT_CSTAT:
        if (value & 1) {
            acknowledge(&local->alarm);
        }
        break;
    case L_INT_ENB:
        if (lanes & 0xff) {
            enable_irq(&local->alarm, value & 1);
        }
        return;
    case L_WSTAT:
        local->written &= ~value;
        return;
    default:
        return;
    }
    run(mct);
}

/* ---- Registers ---- */

static struct vmmp_exynos_mct_local *local_at(struct vmmp_exynos_mct *mct, uint32_t offset)
{
    uint32_t n = (offset - L_BASE) / L_SIZE;
    if (offset >= L_BASE && n < VMMP_EXYNOS_MCT_LOCALS) {
        return &mct->locals[n];
    }
    vmmp_log_guest(mct->config.log, &mct->unknown, "exynos-mct: access to no register at 0x%03x",
                   (unsigned)offset);
    return NULL;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_exynos_mct *mct = device;
    (void)lanes;
    if (offset < L_BASE) {
        return read_global(mct, offset);
    }
    struct vmmp_exynos_mct_local *local = local_at(mct, offset);
    return local ? read_local(mct, local, offset % L_SIZE) : 0;
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_exynos_mct *mct = device;
    if (offset < L_BASE) {
        write_global(mct, offset, value, lanes);
        return;
    }
    struct vmmp_exynos_mct_local *local = local_at(mct, offset);
    if (local) {
        write_local(mct, local, offset % L_SIZE, value, lanes);
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static struct vmmp_exynos_mct_alarm *alarm_at(struct vmmp_exynos_mct *mct, unsigned i)
{
    return i < VMMP_EXYNOS_MCT_COMPARATORS ? &mct->comparators[i]
                                           : &mct->locals[i - VMMP_EXYNOS_MCT_COMPARATORS].alarm;
}

#define ALARMS (VMMP_EXYNOS_MCT_COMPARATORS + VMMP_EXYNOS_MCT_LOCALS)

static void reset(struct vmmp_exynos_mct *mct)
{
    mct->epoch_ns = vmmp_host_now(&mct->config.host);
    mct->offset = 0;
    mct->control = 0;
    mct->written = 0;
    mct->count_written = 0;
    memset(mct->increments, 0, sizeof(mct->increments));
    for (unsigned i = 0; i < ALARMS; i++) {
        struct vmmp_exynos_mct_alarm *alarm = alarm_at(mct, i);
        *alarm = (struct vmmp_exynos_mct_alarm){ .irq = alarm->irq };
        update_irq(alarm);
    }
    for (unsigned i = 0; i < VMMP_EXYNOS_MCT_LOCALS; i++) {
        mct->locals[i] = (struct vmmp_exynos_mct_local){ .alarm = mct->locals[i].alarm };
    }
    vmmp_host_timer_cancel(&mct->config.host, &mct->timer);
}

static void fini(struct vmmp_exynos_mct *mct, unsigned alarms)
{
    for (unsigned i = 0; i < alarms; i++) {
        vmmp_irq_source_fini(&alarm_at(mct, i)->irq);
    }
    vmmp_host_context_fini(&mct->config.host, &mct->context);
}

int vmmp_exynos_mct_init(struct vmmp_exynos_mct *mct, const struct vmmp_exynos_mct_config *config)
{
    memset(mct, 0, sizeof(*mct));
    if (!vmmp_host_has_timers(&config->host)) {
        return -EINVAL;
    }
    mct->config = *config;
    if (config->frequency == 0) {
        mct->config.frequency = VMMP_EXYNOS_MCT_FREQUENCY;
    }
    int err = vmmp_host_context_init(&config->host, &mct->context);
    if (err) {
        return err;
    }
    for (unsigned i = 0; i < ALARMS; i++) {
        struct vmmp_irq_line *line = i < VMMP_EXYNOS_MCT_COMPARATORS
                                         ? config->comparator_irqs[i]
                                         : config->local_irqs[i - VMMP_EXYNOS_MCT_COMPARATORS];
        err = vmmp_irq_source_init(&alarm_at(mct, i)->irq, line);
        if (err) {
            fini(mct, i);
            return err;
        }
    }
    mct->timer.work.run = timer_fired;
    mct->timer.work.cookie = mct;
    mct->timer.work.context = &mct->context;
    mct->window = (struct vmmp_window){
        .name = "exynos-mct",
        .words = &word_ops,
        .device = mct,
        .size = VMMP_EXYNOS_MCT_WINDOW_SIZE,
        .context = &mct->context,
    };
    reset(mct);
    return 0;
}

void vmmp_exynos_mct_fini(struct vmmp_exynos_mct *mct)
{
    vmmp_host_timer_cancel(&mct->config.host, &mct->timer);
    fini(mct, ALARMS);
}

void vmmp_exynos_mct_reset(struct vmmp_exynos_mct *mct)
{
    vmmp_context_enter(&mct->context);
    reset(mct);
    vmmp_context_leave(&mct->context);
}
