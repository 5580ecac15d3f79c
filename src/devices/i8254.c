/* SPDX-License-Identifier: BSD-2-Clause */
/* Intel 8254. A counter is arithmetic on the time since it was loaded; nothing runs. */
#include <sel4vmmplatsupport/vmmp/i8254.h>

#include <string.h>

#define NANOSECONDS UINT64_C(1000000000)
#define HZ          UINT64_C(1193182)
#define FULL        0x10000u
#define FULL_BCD    10000u

#define CONTROL_PORT 3u

/* Control word, and the read-back command in its place. */
#define SELECT_SHIFT    6
#define READ_BACK       3u
#define RW_SHIFT        4
#define RW_LATCH        0u
#define RW_LOW          1u
#define RW_HIGH         2u
#define RW_BOTH         3u
#define MODE_SHIFT      1
#define MODE_BITS       7u
#define BCD             1u
#define BACK_NO_COUNT   0x20u
#define BACK_NO_STATUS  0x10u
#define BACK_CHANNEL(c) (2u << (c))
#define STATUS_OUT      0x80u
#define STATUS_NULL     0x40u

enum { ON_COUNT = 0, ONE_SHOT, RATE, SQUARE, STROBE, GATE_STROBE };

#define SPEAKER_CHANNEL 2u
#define SPEAKER_GATE    0x01u
#define SPEAKER_STORED  0x0fu
#define SPEAKER_REFRESH 0x10u
#define SPEAKER_OUT     0x20u
#define REFRESH_NS      UINT64_C(15085) /* Half of the refresh signal's period. */

static uint64_t to_ticks(uint64_t nanoseconds)
{
    return nanoseconds / NANOSECONDS * HZ + nanoseconds % NANOSECONDS * HZ / NANOSECONDS;
}

/* The first nanosecond at which to_ticks() is at least `ticks`. */
static uint64_t to_nanoseconds(uint64_t ticks)
{
    return ticks / HZ * NANOSECONDS + (ticks % HZ * NANOSECONDS + HZ - 1) / HZ;
}

static uint64_t now_of(const struct vmmp_i8254 *pit)
{
    return to_ticks(vmmp_host_now(&pit->config.host));
}

static bool is_periodic(const struct vmmp_i8254_channel *channel)
{
    return channel->mode == RATE || channel->mode == SQUARE;
}

static bool waits_for_gate(const struct vmmp_i8254_channel *channel)
{
    return channel->mode == ONE_SHOT || channel->mode == GATE_STROBE;
}

static bool is_counting(const struct vmmp_i8254_channel *channel)
{
    return channel->loaded && (!waits_for_gate(channel) || channel->triggered);
}

static uint64_t elapsed(const struct vmmp_i8254_channel *channel, uint64_t now)
{
    if (!channel->gate && !waits_for_gate(channel)) {
        return channel->held;
    }
    return now > channel->start ? now - channel->start : 0;
}

/* A new count of a periodic mode begins with a period. */
static void settle(struct vmmp_i8254_channel *channel, uint64_t now)
{
    if (channel->next_count && now >= channel->next_start) {
        channel->rises_before += (channel->next_start - channel->start) / channel->count;
        channel->count = channel->next_count;
        channel->start = channel->next_start;
        channel->next_count = 0;
    }
}

static bool output(const struct vmmp_i8254_channel *channel, uint64_t now)
{
    if (!is_counting(channel)) {
        return channel->mode != ON_COUNT;
    }
    uint64_t passed = elapsed(channel, now);
    switch (channel->mode) {
    case ON_COUNT:
    case ONE_SHOT:
        return passed >= channel->count;
    case RATE:
        return !channel->gate || passed % channel->count != channel->count - 1;
    case SQUARE:
        return !channel->gate || passed % channel->count < (channel->count + 1) / 2;
    default:
        return passed != channel->count;
    }
}

static uint16_t to_bcd(uint32_t value)
{
    return (uint16_t)(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 |
                      value % 10);
}

static uint32_t from_bcd(uint32_t value)
{
    return (value >> 12) * 1000 + (value >> 8 & 0xf) * 100 + (value >> 4 & 0xf) * 10 +
           (value & 0xf);
}

/* What the counter's two bytes are. */
static uint16_t counter(const struct vmmp_i8254_channel *channel, uint64_t now)
{
    uint32_t wrap = channel->bcd ? FULL_BCD : FULL;
    uint32_t value = channel->count;
    if (is_counting(channel)) {
        uint64_t passed = elapsed(channel, now);
        if (channel->mode == SQUARE) {
            value = channel->count - (uint32_t)(2 * passed % channel->count);
        } else if (channel->mode == RATE) {
            value = channel->count - (uint32_t)(passed % channel->count);
        } else {
            value = (uint32_t)((channel->count + wrap - passed % wrap) % wrap);
        }
    }
    value %= wrap;
    return channel->bcd ? to_bcd(value) : (uint16_t)value;
}

/* ---- interrupts ----------------------------------------------------------------------------- */

/* Ticks from the start on until the output rises for the `count`th time. */
static uint64_t when_risen(const struct vmmp_i8254_channel *channel, uint64_t count)
{
    return count * channel->count + (channel->mode >= STROBE ? 1u : 0u);
}

/* How often the output has risen since the count was loaded, or a new one began. */
static uint64_t rises(const struct vmmp_i8254_channel *channel, uint64_t now)
{
    if (!is_counting(channel)) {
        return 0;
    }
    uint64_t passed = elapsed(channel, now);
    return is_periodic(channel) ? passed / channel->count : passed >= when_risen(channel, 1);
}

/* Arms the timer for channel 0's next rise, not sooner than the guest may be interrupted. */
static void arm(struct vmmp_i8254 *pit, uint64_t now)
{
    const struct vmmp_i8254_channel *channel = &pit->channels[0];
    vmmp_host_timer_cancel(&pit->config.host, &pit->timer);
    if (!is_counting(channel) || (!is_periodic(channel) && rises(channel, now))) {
        return;
    }
    /* A new count begins with a rise: until then the old one's are right. */
    uint64_t next = channel->start + when_risen(channel, rises(channel, now) + 1);
    uint64_t deadline = to_nanoseconds(next);
    uint64_t least = pit->interrupted_ns + VMMP_I8254_LEAST_NS;
    vmmp_host_timer_arm(&pit->config.host, &pit->timer, deadline > least ? deadline : least);
}

static void on_timer(void *cookie)
{
    struct vmmp_i8254 *pit = cookie;
    struct vmmp_i8254_channel *channel = &pit->channels[0];
    uint64_t now = now_of(pit);
    settle(channel, now);
    uint64_t risen = channel->rises_before + rises(channel, now);
    if (risen != pit->rises) {
        pit->rises = risen;
        pit->interrupted_ns = vmmp_host_now(&pit->config.host);
        vmmp_irq_line_pulse(pit->config.irq);
    }
    arm(pit, now);
}

/* ---- registers ------------------------------------------------------------------------------ */

static void load(struct vmmp_i8254 *pit, unsigned number, uint32_t raw)
{
    struct vmmp_i8254_channel *channel = &pit->channels[number];
    uint64_t now = now_of(pit);
    uint32_t count = channel->bcd ? from_bcd(raw) : raw;
    count = count ? count : channel->bcd ? FULL_BCD : FULL;
    settle(channel, now);
    if (is_periodic(channel) && channel->loaded && channel->gate) {
        uint64_t passed = elapsed(channel, now);
        channel->next_count = count;
        channel->next_start = channel->start + (passed / channel->count + 1) * channel->count;
    } else if (waits_for_gate(channel) && channel->triggered) {
        channel->next_count = count; /* Of the next trigger. */
        channel->next_start = UINT64_MAX;
    } else {
        channel->count = count;
        channel->start = now + 1; /* The next clock transfers it. */
        channel->held = 0;
        channel->loaded = true;
        channel->rises_before = 0;
        if (number == 0) {
            pit->rises = 0;
        }
    }
    if (number == 0) {
        arm(pit, now);
    }
}

static void write_counter(struct vmmp_i8254 *pit, unsigned number, uint8_t value)
{
    struct vmmp_i8254_channel *channel = &pit->channels[number];
    if (channel->access == RW_LOW) {
        load(pit, number, value);
    } else if (channel->access == RW_HIGH) {
        load(pit, number, (uint32_t)value << 8);
    } else if (!channel->half_written) {
        channel->low = value;
        channel->half_written = true;
    } else {
        channel->half_written = false;
        load(pit, number, (uint32_t)value << 8 | channel->low);
    }
}

static void latch_count(struct vmmp_i8254_channel *channel, uint64_t now)
{
    if (!channel->latched) {
        settle(channel, now);
        channel->latch = counter(channel, now);
        channel->latched = true;
    }
}

static void latch_status(struct vmmp_i8254_channel *channel, uint64_t now)
{
    if (!channel->status_latched) {
        settle(channel, now);
        bool null = !channel->loaded || channel->next_count;
        unsigned control = (unsigned)channel->access << RW_SHIFT |
                           (unsigned)channel->mode << MODE_SHIFT | (channel->bcd ? BCD : 0);
        channel->status_latch =
            (uint8_t)((output(channel, now) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) | control);
        channel->status_latched = true;
    }
}

static void read_back(struct vmmp_i8254 *pit, unsigned value)
{
    uint64_t now = now_of(pit);
    for (unsigned i = 0; i < VMMP_I8254_CHANNELS; i++) {
        if (value & BACK_CHANNEL(i) && !(value & BACK_NO_COUNT)) {
            latch_count(&pit->channels[i], now);
        }
        if (value & BACK_CHANNEL(i) && !(value & BACK_NO_STATUS)) {
            latch_status(&pit->channels[i], now);
        }
    }
}

static void program(struct vmmp_i8254 *pit, unsigned number, unsigned value)
{
    struct vmmp_i8254_channel *channel = &pit->channels[number];
    uint8_t mode = value >> MODE_SHIFT & MODE_BITS;
    *channel = (struct vmmp_i8254_channel){
        .count = FULL,
        .mode = mode > GATE_STROBE ? mode & 3u : mode, /* 6 and 7 are 2 and 3. */
        .access = value >> RW_SHIFT & RW_BOTH,
        .bcd = value & BCD,
        .gate = channel->gate,
    };
    if (number == 0) {
        pit->rises = 0;
        arm(pit, now_of(pit));
    }
}

static void write_control(struct vmmp_i8254 *pit, unsigned value)
{
    unsigned number = value >> SELECT_SHIFT;
    if (number == READ_BACK) {
        read_back(pit, value);
    } else if ((value >> RW_SHIFT & RW_BOTH) == RW_LATCH) {
        latch_count(&pit->channels[number], now_of(pit));
    } else {
        program(pit, number, value);
    }
}

static uint8_t read_counter(struct vmmp_i8254 *pit, struct vmmp_i8254_channel *channel)
{
    if (channel->status_latched) {
        channel->status_latched = false;
        return channel->status_latch;
    }
    uint64_t now = now_of(pit);
    settle(channel, now);
    uint16_t value = channel->latched ? channel->latch : counter(channel, now);
    bool high = channel->access == RW_HIGH || channel->half_read;
    channel->half_read = channel->access == RW_BOTH && !channel->half_read;
    channel->latched = channel->latched && channel->half_read;
    return (uint8_t)(high ? value >> 8 : value);
}

static uint64_t ports_read(void *cookie, uint64_t offset, unsigned size)
{
    struct vmmp_i8254 *pit = cookie;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned port = (unsigned)offset + i;
        uint8_t byte = port == CONTROL_PORT ? 0xff : read_counter(pit, &pit->channels[port]);
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

static void ports_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_i8254 *pit = cookie;
    for (unsigned i = 0; i < size; i++) {
        unsigned port = (unsigned)offset + i;
        uint8_t byte = (uint8_t)(value >> (8 * i));
        if (port == CONTROL_PORT) {
            write_control(pit, byte);
        } else {
            write_counter(pit, port, byte);
        }
    }
}

static void set_gate(struct vmmp_i8254_channel *channel, uint64_t now, bool gate)
{
    if (gate == channel->gate) {
        return;
    }
    settle(channel, now);
    if (!gate) {
        channel->held = elapsed(channel, now);
        channel->gate = false;
        return;
    }
    channel->gate = true;
    if (channel->next_count) {
        channel->count = channel->next_count;
        channel->next_count = 0;
    }
    channel->triggered = channel->loaded;
    /* Modes 0 and 4 go on, the others begin anew. */
    bool goes_on = channel->mode == ON_COUNT || channel->mode == STROBE;
    channel->start = goes_on && channel->held < now ? now - channel->held : now + 1;
}

static uint64_t speaker_read(void *cookie, uint64_t offset, unsigned size)
{
    struct vmmp_i8254 *pit = cookie;
    struct vmmp_i8254_channel *channel = &pit->channels[SPEAKER_CHANNEL];
    uint64_t nanoseconds = vmmp_host_now(&pit->config.host);
    (void)offset;
    (void)size;
    settle(channel, to_ticks(nanoseconds));
    return pit->speaker_bits | (nanoseconds / REFRESH_NS % 2 ? SPEAKER_REFRESH : 0) |
           (output(channel, to_ticks(nanoseconds)) ? SPEAKER_OUT : 0);
}

static void speaker_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_i8254 *pit = cookie;
    (void)offset;
    (void)size;
    pit->speaker_bits = (uint8_t)(value & SPEAKER_STORED);
    set_gate(&pit->channels[SPEAKER_CHANNEL], now_of(pit), value & SPEAKER_GATE);
}

/* ---- the outside ---------------------------------------------------------------------------- */

int vmmp_i8254_init(struct vmmp_i8254 *pit, const struct vmmp_i8254_config *config)
{
    static const struct vmmp_window_ops ports_ops = { ports_read, ports_write };
    static const struct vmmp_window_ops speaker_ops = { speaker_read, speaker_write };
    memset(pit, 0, sizeof(*pit));
    pit->config = *config;
    int error = vmmp_host_context_init(&config->host, &pit->context);
    if (error) {
        return error;
    }
    for (unsigned i = 0; i < VMMP_I8254_CHANNELS; i++) {
        pit->channels[i].count = FULL;
        pit->channels[i].access = RW_BOTH;
        pit->channels[i].gate = i != SPEAKER_CHANNEL;
    }
    pit->timer.work.run = on_timer;
    pit->timer.work.cookie = pit;
    pit->timer.work.context = &pit->context;
    pit->ports = (struct vmmp_window){ .name = "i8254", .ops = &ports_ops, .size = 4 };
    pit->speaker = (struct vmmp_window){ .name = "speaker", .ops = &speaker_ops, .size = 1 };
    pit->ports.device = pit->speaker.device = pit;
    pit->ports.context = pit->speaker.context = &pit->context;
    return 0;
}

void vmmp_i8254_fini(struct vmmp_i8254 *pit)
{
    vmmp_host_timer_cancel(&pit->config.host, &pit->timer);
    vmmp_host_context_fini(&pit->config.host, &pit->context);
}
