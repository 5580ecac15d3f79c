/* SPDX-License-Identifier: BSD-2-Clause */
/* Motorola MC146818 data sheet; the use of its memory is that of the PC/AT's BIOS. */
#include <sel4vmmplatsupport/vmmp/rtc_cmos.h>

#include <errno.h>
#include <string.h>

#include "devices/device_life.h"
#include "devices/rtc_cmos_time.h"

#define REGISTER_A 0x0a
#define REGISTER_B 0x0b
#define REGISTER_C 0x0c
#define REGISTER_D 0x0d

#define A_UIP           0x80u
#define A_DIVIDER       0x70u
#define A_DIVIDER_32KHZ 0x20u
#define A_DIVIDER_RESET 0x60u /* And 0x70: both hold the divider. */
#define A_RATE          0x0fu

#define B_SET 0x80u
#define B_PIE 0x40u
#define B_AIE 0x20u
#define B_UIE 0x10u
#define B_SQW 0x08u

#define C_IRQF 0x80u
#define C_PF   0x40u
#define C_AF   0x20u
#define C_UF   0x10u

#define D_VRT 0x80u

/* What a PC's software looks for in the memory. */
#define EQUIPMENT     0x14
#define BASE_MEMORY   0x15 /* KiB, 16 bits */
#define EXTENDED      0x17 /* KiB from 1 MiB on, 16 bits; again at 0x30 */
#define CHECKSUM      0x2e /* Of 0x10 to 0x2d; the high byte first. */
#define EXTENDED_POST 0x30
#define ABOVE_16M     0x34 /* 64 KiB each, 16 bits */
#define ABOVE_4G      0x5b /* 64 KiB each, 24 bits */

#define SECOND UINT64_C(1000000000)
/* Update in progress, before the seconds change (data sheet, "Update cycle"): 244 + 1984 us. */
#define UPDATE_NS UINT64_C(2228000)
#define CRYSTAL   32768u

static uint64_t now(const struct vmmp_rtc_cmos *rtc)
{
    return vmmp_host_now(&rtc->config.host);
}

static int64_t seconds_at(const struct vmmp_rtc_cmos *rtc, uint64_t ns)
{
    return rtc->stopped ? rtc->base : rtc->base + (int64_t)((ns - rtc->base_ns) / SECOND);
}

/* 0: no periodic interrupt. */
static uint64_t period_ns(const struct vmmp_rtc_cmos *rtc)
{
    unsigned rate = rtc->bytes[REGISTER_A] & A_RATE;

    if (rate == 0 || rtc->stopped) {
        return 0;
    }
    /* The two fastest are not faster than the eighth and ninth. */
    rate = rate <= 2 ? rate + 7 : rate;
    return (UINT64_C(1) << (rate - 1)) * SECOND / CRYSTAL;
}

/* When the clock next shows the alarm's time after `after`; 0: never. */
static uint64_t alarm_ns(const struct vmmp_rtc_cmos *rtc, uint64_t after)
{
    int64_t from = seconds_at(rtc, after) + 1;
    int ahead = rtc->stopped ? -1 : vmmp_rtc_next_alarm(from, rtc->bytes, rtc->bytes[REGISTER_B]);

    return ahead < 0 ? 0 : rtc->base_ns + (uint64_t)(from + ahead - rtc->base) * SECOND;
}

static uint8_t enabled_flags(const struct vmmp_rtc_cmos *rtc)
{
    return rtc->bytes[REGISTER_B] & rtc->bytes[REGISTER_C] & (C_PF | C_AF | C_UF);
}

static void update_irq(struct vmmp_rtc_cmos *rtc)
{
    bool high = enabled_flags(rtc) != 0;

    rtc->bytes[REGISTER_C] = (uint8_t)((rtc->bytes[REGISTER_C] & ~C_IRQF) | (high ? C_IRQF : 0));
    if (high != rtc->irq_high) {
        rtc->irq_high = high;
        if (rtc->irq.line) {
            vmmp_irq_source_set(&rtc->irq, high);
        }
    }
}

/* Flags of what has happened since anybody looked. */
static void look(struct vmmp_rtc_cmos *rtc)
{
    uint64_t until = now(rtc);
    uint64_t since = rtc->looked_ns;
    uint64_t period = period_ns(rtc);
    uint8_t flags = 0;

    rtc->looked_ns = until;
    if (until <= since) {
        return;
    }
    if (period && (until - rtc->base_ns) / period != (since - rtc->base_ns) / period) {
        flags |= C_PF;
    }
    if (seconds_at(rtc, until) != seconds_at(rtc, since)) {
        uint64_t alarm = alarm_ns(rtc, since);
        flags |= C_UF | (alarm && alarm <= until ? C_AF : 0);
    }
    rtc->bytes[REGISTER_C] |= flags;
    update_irq(rtc);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* For the next interrupt that the guest wants and has not got yet. */
static void arm(struct vmmp_rtc_cmos *rtc)
{
    uint8_t wanted = rtc->bytes[REGISTER_B] & (uint8_t)~rtc->bytes[REGISTER_C];
    uint64_t passed = rtc->looked_ns - rtc->base_ns;
    uint64_t period = period_ns(rtc);
    uint64_t next = 0;

    if (rtc->irq_high || !rtc->irq.line) {
        wanted = 0; /* One is enough until it is seen. */
    }
    if (wanted & B_PIE && period) {
        next = rtc->base_ns + (passed / period + 1) * period;
    }
    if (wanted & B_UIE && !rtc->stopped) {
        next = earlier(next, rtc->base_ns + (passed / SECOND + 1) * SECOND);
    }
    if (wanted & B_AIE) {
        next = earlier(next, alarm_ns(rtc, rtc->looked_ns));
    }
    if (next) {
        vmmp_host_timer_arm(&rtc->config.host, &rtc->timer, next);
    } else {
        vmmp_host_timer_cancel(&rtc->config.host, &rtc->timer);
    }
}

static void on_timer(void *cookie)
{
    struct vmmp_rtc_cmos *rtc = cookie;

    look(rtc);
    arm(rtc);
}

/* From now on the clock shows `seconds`, the second just begun. */
static void set_clock(struct vmmp_rtc_cmos *rtc, int64_t seconds)
{
    rtc->base = seconds;
    rtc->base_ns = now(rtc);
    rtc->looked_ns = rtc->base_ns;
}

static bool held(const struct vmmp_rtc_cmos *rtc)
{
    return rtc->bytes[REGISTER_B] & B_SET ||
           (rtc->bytes[REGISTER_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
}

/* After A or B changed: the clock stops with its date in `bytes`, or goes on from there. */
static void stop_or_go(struct vmmp_rtc_cmos *rtc)
{
    if (held(rtc) == rtc->stopped) {
        return;
    }
    if (!rtc->stopped) {
        set_clock(rtc, seconds_at(rtc, now(rtc)));
        vmmp_rtc_show(rtc->base, rtc->bytes[REGISTER_B], rtc->bytes);
        rtc->stopped = true;
        return;
    }
    rtc->stopped = false;
    set_clock(rtc, vmmp_rtc_seconds(rtc->bytes, rtc->bytes[REGISTER_B]));
}

static uint8_t read_a(const struct vmmp_rtc_cmos *rtc)
{
    uint64_t into = (rtc->looked_ns - rtc->base_ns) % SECOND;
    bool updating = !rtc->stopped && into >= SECOND - UPDATE_NS;

    return rtc->bytes[REGISTER_A] | (updating ? A_UIP : 0);
}

static uint8_t read_byte(struct vmmp_rtc_cmos *rtc)
{
    uint8_t value;

    look(rtc);
    switch (rtc->index) {
    case REGISTER_A:
        return read_a(rtc);
    case REGISTER_C:
        value = rtc->bytes[REGISTER_C];
        rtc->bytes[REGISTER_C] = 0;
        update_irq(rtc);
        arm(rtc);
        return value;
    default:
        if (vmmp_rtc_is_time(rtc->index) && !rtc->stopped) {
            vmmp_rtc_show(seconds_at(rtc, rtc->looked_ns), rtc->bytes[REGISTER_B], rtc->bytes);
        }
        return rtc->bytes[rtc->index];
    }
}

/* A part of the date while the clock runs: the rest stays. */
static void write_time(struct vmmp_rtc_cmos *rtc, uint8_t value)
{
    if (!rtc->stopped) {
        vmmp_rtc_show(seconds_at(rtc, rtc->looked_ns), rtc->bytes[REGISTER_B], rtc->bytes);
    }
    rtc->bytes[rtc->index] = value;
    if (!rtc->stopped) {
        set_clock(rtc, vmmp_rtc_seconds(rtc->bytes, rtc->bytes[REGISTER_B]));
    }
}

static void write_byte(struct vmmp_rtc_cmos *rtc, uint8_t value)
{
    look(rtc);
    switch (rtc->index) {
    case REGISTER_A:
        rtc->bytes[REGISTER_A] = value & (uint8_t)~A_UIP;
        stop_or_go(rtc);
        break;
    case REGISTER_B:
        /* Setting SET clears UIE (data sheet, register B). */
        rtc->bytes[REGISTER_B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
        stop_or_go(rtc);
        break;
    case REGISTER_C:
    case REGISTER_D:
        return;
    default:
        if (vmmp_rtc_is_time(rtc->index)) {
            write_time(rtc, value);
        } else {
            rtc->bytes[rtc->index] = value;
        }
        break;
    }
    update_irq(rtc);
    arm(rtc);
}

static uint64_t window_read(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_rtc_cmos *rtc = device;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        /* The index cannot be read back. */
        uint8_t byte = offset + i == 1 ? read_byte(rtc) : (uint8_t)0xff;
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

static void window_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_rtc_cmos *rtc = device;

    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        if (offset + i == 0) {
            rtc->index = byte & 0x7f; /* Bit 7 masks the NMI, which is not ours. */
        } else {
            write_byte(rtc, byte);
        }
    }
}

static const struct vmmp_window_ops window_ops = { window_read, window_write };

static void store(struct vmmp_rtc_cmos *rtc, unsigned at, uint64_t value, unsigned bytes)
{
    uint64_t most = (UINT64_C(1) << (8 * bytes)) - 1;

    value = value < most ? value : most;
    for (unsigned i = 0; i < bytes; i++) {
        rtc->bytes[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static void fill_memory(struct vmmp_rtc_cmos *rtc)
{
    uint64_t ram = rtc->config.ram_below_4g;
    uint64_t kib = ram > 0x100000 ? (ram - 0x100000) >> 10 : 0;
    unsigned sum = 0;

    rtc->bytes[EQUIPMENT] = 0x02; /* A floating-point unit, no floppy drive. */
    store(rtc, BASE_MEMORY, ram < 0xa0000 ? ram >> 10 : 640, 2);
    store(rtc, EXTENDED, kib, 2);
    store(rtc, EXTENDED_POST, kib, 2);
    store(rtc, ABOVE_16M, ram > 0x1000000 ? (ram - 0x1000000) >> 16 : 0, 2);
    store(rtc, ABOVE_4G, rtc->config.ram_above_4g >> 16, 3);
    for (unsigned i = 0x10; i < CHECKSUM; i++) {
        sum += rtc->bytes[i];
    }
    rtc->bytes[CHECKSUM] = (uint8_t)(sum >> 8);
    rtc->bytes[CHECKSUM + 1] = (uint8_t)sum;
}

int vmmp_rtc_cmos_init(struct vmmp_rtc_cmos *rtc, const struct vmmp_rtc_cmos_config *config)
{
    memset(rtc, 0, sizeof(*rtc));
    if (config->seconds < 0 || config->seconds > RTC_LAST_SECOND) {
        return -EINVAL;
    }
    rtc->config = *config;
    int err = device_life_begin(&config->host, &rtc->context, &rtc->irq, config->irq);
    if (err) {
        return err;
    }
    rtc->bytes[REGISTER_A] = A_DIVIDER_32KHZ | 6; /* 1024 Hz, as a BIOS leaves it. */
    rtc->bytes[REGISTER_B] = RTC_B_24H;
    rtc->bytes[REGISTER_D] = D_VRT;
    fill_memory(rtc);
    set_clock(rtc, config->seconds);
    rtc->timer.work.run = on_timer;
    rtc->timer.work.cookie = rtc;
    rtc->timer.work.context = &rtc->context;
    rtc->window.name = "rtc-cmos";
    rtc->window.ops = &window_ops;
    rtc->window.device = rtc;
    rtc->window.size = VMMP_RTC_CMOS_SIZE;
    rtc->window.context = &rtc->context;
    return 0;
}

void vmmp_rtc_cmos_fini(struct vmmp_rtc_cmos *rtc)
{
    vmmp_host_timer_cancel(&rtc->config.host, &rtc->timer);
    device_life_end(&rtc->config.host, &rtc->context, &rtc->irq);
}

void vmmp_rtc_cmos_reset(struct vmmp_rtc_cmos *rtc)
{
    vmmp_context_enter(&rtc->context);
    look(rtc);
    rtc->bytes[REGISTER_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE | B_SQW);
    rtc->bytes[REGISTER_C] = 0;
    update_irq(rtc);
    arm(rtc);
    vmmp_context_leave(&rtc->context);
}
