/* SPDX-License-Identifier: BSD-2-Clause */
/* ams data sheet AS3722, chapter Register Description. */
#include <sel4vmmplatsupport/vmmp/as3722.h>

#include <string.h>

#include "devices/rtc_cmos_time.h"

#define RESET_CONTROL     0x36
#define RTC_SECOND        0x61 /* Minute, hour, day, month; */
#define RTC_YEAR          0x66 /* since 2000. In BCD, all of them. */
#define INTERRUPT_MASK1   0x74 /* Four masks, */
#define INTERRUPT_STATUS1 0x78 /* and what has happened, cleared when it is read. */
#define ASIC_ID1          0x90
#define ASIC_ID2          0x91

#define FORCE_RESET (1u << 0)
#define POWER_OFF   (1u << 1)

static const struct {
    uint8_t reg, value;
} resets[] = {
    { 0x00, 0x28 }, /* SD0: 1.0 V, the CPUs */
    { 0x01, 0x28 }, /* SD1: 1.0 V, the core */
    { 0x02, 0x5b }, /* SD2: 1.35 V, memory */
    { 0x03, 0x5b }, /* SD3: with it */
    { 0x04, 0x43 }, /* SD4: 1.05 V */
    { 0x05, 0x65 }, /* SD5: 1.8 V */
    { 0x06, 0x28 }, /* SD6: 1.0 V, the GPU */
    { 0x10, 0x0a }, /* LDO0: 1.05 V */
    { 0x12, 0x10 }, /* LDO2: 1.2 V */
    { 0x13, 0x13 }, /* LDO3: 1.0 V */
    { 0x4d, 0x7f }, /* SD_CONTROL: all are on */
    { 0x4e, 0x0d }, /* LDOCONTROL0: LDO0, 2 and 3 */
    { INTERRUPT_MASK1, 0xff },
    { INTERRUPT_MASK1 + 1, 0xff },
    { INTERRUPT_MASK1 + 2, 0xff },
    { INTERRUPT_MASK1 + 3, 0xff },
    { ASIC_ID1, 0x0c },
    { ASIC_ID2, 0x01 },
};

static bool is_read_only(uint8_t reg)
{
    return reg == ASIC_ID1 || reg == ASIC_ID2 ||
           (reg >= INTERRUPT_STATUS1 && reg < INTERRUPT_STATUS1 + 4);
}

/* ---- The clock ---- */

#define NANOSECONDS UINT64_C(1000000000)

/* Where an MC146818 has what the registers from RTC_SECOND on are, and the century beside it. */
static const uint8_t time_bytes[] = { 0x00, 0x02, 0x04, 0x07, 0x08, 0x09 };
#define CENTURY    0x32
#define CENTURY_20 0x20
#define CMOS_BYTES 0x40

static bool is_time(uint8_t reg)
{
    return reg >= RTC_SECOND && reg <= RTC_YEAR;
}

static void show_time(struct vmmp_as3722 *chip)
{
    uint8_t bytes[CMOS_BYTES];
    uint64_t passed = (vmmp_host_now(&chip->config.host) - chip->set_ns) / NANOSECONDS;
    memset(bytes, 0, sizeof(bytes));
    vmmp_rtc_show(chip->set + (int64_t)passed, RTC_B_24H, bytes);
    for (size_t i = 0; i < sizeof(time_bytes); i++) {
        chip->registers[RTC_SECOND + i] = bytes[time_bytes[i]];
    }
}

static void set_time(struct vmmp_as3722 *chip)
{
    uint8_t bytes[CMOS_BYTES];
    memset(bytes, 0, sizeof(bytes));
    for (size_t i = 0; i < sizeof(time_bytes); i++) {
        bytes[time_bytes[i]] = chip->registers[RTC_SECOND + i];
    }
    bytes[CENTURY] = CENTURY_20;
    chip->set = vmmp_rtc_seconds(bytes, RTC_B_24H);
    chip->set_ns = vmmp_host_now(&chip->config.host);
}

/* ---- The bus ---- */

static void start(void *device, bool read)
{
    struct vmmp_as3722 *chip = device;
    show_time(chip);
    chip->has_address = read;
}

static void control(struct vmmp_as3722 *chip, uint8_t value)
{
    bool off = value & POWER_OFF;
    if (!(value & (POWER_OFF | FORCE_RESET))) {
        return;
    }
    if (chip->config.ended) {
        chip->config.ended(chip->config.cookie, !off);
    } else {
        vmmp_log_guest(chip->config.log, &chip->ignored,
                       "as3722: the guest asks for %s, which nobody does",
                       off ? "power off" : "a reset");
    }
}

static void write_byte(void *device, uint8_t byte)
{
    struct vmmp_as3722 *chip = device;
    if (!chip->has_address) {
        chip->at = byte;
        chip->has_address = true;
        return;
    }
    uint8_t reg = chip->at++;
    if (reg == RESET_CONTROL) {
        chip->registers[reg] = byte & (uint8_t) ~(POWER_OFF | FORCE_RESET);
        control(chip, byte);
    } else if (!is_read_only(reg)) {
        chip->registers[reg] = byte;
    }
    if (is_time(reg)) {
        set_time(chip);
    }
}

static uint8_t read_byte(void *device)
{
    struct vmmp_as3722 *chip = device;
    return chip->registers[chip->at++];
}

static const struct vmmp_i2c_ops ops = { start, write_byte, read_byte };

void vmmp_as3722_init(struct vmmp_as3722 *chip, const struct vmmp_as3722_config *config)
{
    memset(chip, 0, sizeof(*chip));
    chip->config = *config;
    chip->bus = (struct vmmp_i2c_device){ VMMP_AS3722_ADDRESS, &ops, chip };
    chip->set = config->seconds;
    chip->set_ns = vmmp_host_now(&config->host);
    for (size_t i = 0; i < sizeof(resets) / sizeof(resets[0]); i++) {
        chip->registers[resets[i].reg] = resets[i].value;
    }
}
