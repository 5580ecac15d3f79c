/* SPDX-License-Identifier: BSD-2-Clause */
/* PrimeCell Real Time Clock (PL031) Technical Reference Manual, DDI 0224, chapter 3. */
#include <sel4vmmplatsupport/vmmp/pl031.h>

#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

#define RTCDR   0x000
#define RTCMR   0x004
#define RTCLR   0x008
#define RTCCR   0x00c
#define RTCIMSC 0x010
#define RTCRIS  0x014
#define RTCMIS  0x018
#define RTCICR  0x01c
#define RTCID   0xfe0 /* RTCPeriphID0 to 3, RTCPCellID0 to 3 */

#define RTCCR_START   1u
#define RTC_INTERRUPT 1u

#define NANOSECONDS UINT64_C(1000000000)

static void update_irq(struct vmmp_pl031 *rtc)
{
    bool high = (rtc->status & rtc->mask) != 0;

    if (high != rtc->irq_high) {
        rtc->irq_high = high;
        vmmp_irq_source_set(&rtc->irq, high);
    }
}

static uint32_t seconds(const struct vmmp_pl031 *rtc)
{
    uint64_t passed = vmmp_host_now(&rtc->config.host) - rtc->base_ns;

    return rtc->base + (uint32_t)(passed / NANOSECONDS);
}

/* The clock shows `match`, or has since anybody looked. */
static void look_at_alarm(struct vmmp_pl031 *rtc)
{
    if (rtc->alarm_pending && vmmp_host_now(&rtc->config.host) >= rtc->alarm_ns) {
        rtc->alarm_pending = false;
        rtc->status |= RTC_INTERRUPT;
        update_irq(rtc);
    }
}

/* After the clock or its alarm was set. At most 2^32 seconds lie before it. */
static void set_alarm(struct vmmp_pl031 *rtc)
{
    uint32_t ahead = rtc->match - rtc->base;
    uint64_t now = vmmp_host_now(&rtc->config.host);

    rtc->alarm_ns = rtc->base_ns + ahead * NANOSECONDS;
    /* A second that has passed comes again when the clock has gone round. */
    if (now >= rtc->alarm_ns + NANOSECONDS) {
        rtc->alarm_ns += (UINT64_C(1) << 32) * NANOSECONDS;
    }
    rtc->alarm_pending = true;
    vmmp_host_timer_cancel(&rtc->config.host, &rtc->timer);
    look_at_alarm(rtc);
    if (rtc->alarm_pending) {
        vmmp_host_timer_arm(&rtc->config.host, &rtc->timer, rtc->alarm_ns);
    }
}

static void on_timer(void *cookie)
{
    look_at_alarm(cookie);
}

/* Part number 0x031, designer 0x41 (Arm); PrimeCell. */
static const uint8_t identity[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static void unknown(struct vmmp_pl031 *rtc, const char *what, uint32_t offset)
{
    vmmp_log_guest(rtc->config.log, &rtc->unknown, "pl031: %s of no register at 0x%03x", what,
                   (unsigned)offset);
}

static uint32_t read_register(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_pl031 *rtc = device;

    (void)lanes;
    look_at_alarm(rtc);
    switch (offset) {
    case RTCDR:
        return seconds(rtc);
    case RTCMR:
        return rtc->match;
    case RTCLR:
        return rtc->load;
    case RTCCR:
        return RTCCR_START;
    case RTCIMSC:
        return rtc->mask;
    case RTCRIS:
        return rtc->status;
    case RTCMIS:
        return rtc->status & rtc->mask;
    case RTCICR:
        return 0;
    default:
        break;
    }
    if (offset >= RTCID) {
        return identity[(offset - RTCID) / 4];
    }
    unknown(rtc, "read", offset);
    return 0;
}

static void write_register(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_pl031 *rtc = device;

    look_at_alarm(rtc);
    switch (offset) {
    case RTCMR:
        rtc->match = words_merge(rtc->match, value, lanes, UINT32_MAX);
        set_alarm(rtc);
        break;
    case RTCLR:
        rtc->load = words_merge(rtc->load, value, lanes, UINT32_MAX);
        rtc->base = rtc->load;
        rtc->base_ns = vmmp_host_now(&rtc->config.host);
        set_alarm(rtc);
        break;
    case RTCIMSC:
        rtc->mask = words_merge(rtc->mask, value, lanes, RTC_INTERRUPT);
        update_irq(rtc);
        break;
    case RTCICR:
        rtc->status &= ~value;
        update_irq(rtc);
        break;
    case RTCDR:
    case RTCCR: /* Once started it cannot be stopped (3.3.4). */
    case RTCRIS:
    case RTCMIS:
        break;
    default:
        if (offset < RTCID) {
            unknown(rtc, "write", offset);
        }
        break;
    }
}

static const struct vmmp_word_ops word_ops = { read_register, write_register };

int vmmp_pl031_init(struct vmmp_pl031 *rtc, const struct vmmp_pl031_config *config)
{
    memset(rtc, 0, sizeof(*rtc));
    rtc->config = *config;
    int err = device_life_begin(&config->host, &rtc->context, &rtc->irq, config->irq);
    if (err) {
        return err;
    }
    rtc->base = config->seconds;
    rtc->load = config->seconds;
    rtc->base_ns = vmmp_host_now(&config->host);
    rtc->timer.work.run = on_timer;
    rtc->timer.work.cookie = rtc;
    rtc->timer.work.context = &rtc->context;
    rtc->window.name = "pl031";
    rtc->window.words = &word_ops;
    rtc->window.device = rtc;
    rtc->window.size = VMMP_PL031_WINDOW_SIZE;
    rtc->window.context = &rtc->context;
    return 0;
}

void vmmp_pl031_fini(struct vmmp_pl031 *rtc)
{
    vmmp_host_timer_cancel(&rtc->config.host, &rtc->timer);
    device_life_end(&rtc->config.host, &rtc->context, &rtc->irq);
}
