/* SPDX-License-Identifier: BSD-2-Clause */
/* Motorola MC146818 data sheet, tables of the time, calendar and alarm bytes. */
#include "devices/rtc_cmos_time.h"

#define SECONDS       0x00
#define SECONDS_ALARM 0x01
#define MINUTES       0x02
#define MINUTES_ALARM 0x03
#define HOURS         0x04
#define HOURS_ALARM   0x05
#define WEEKDAY       0x06
#define DAY           0x07
#define MONTH         0x08
#define YEAR          0x09
#define CENTURY       0x32

#define HOURS_PM 0x80u
/* From here on an alarm's byte is any time. */
#define ANY 0xc0u

#define DAY_SECONDS 86400

bool vmmp_rtc_is_time(unsigned index)
{
    return index == SECONDS || index == MINUTES || index == HOURS ||
           (index >= WEEKDAY && index <= YEAR) || index == CENTURY;
}

static uint8_t encode(unsigned value, uint8_t format)
{
    return (uint8_t)(format & RTC_B_BINARY ? value : value / 10 << 4 | value % 10);
}

static unsigned decode(uint8_t byte, uint8_t format)
{
    return format & RTC_B_BINARY ? byte : (byte >> 4) * 10u + (byte & 0xfu);
}

static unsigned limit(unsigned value, unsigned least, unsigned most)
{
    return value < least ? least : value > most ? most : value;
}

static uint8_t encode_hour(unsigned hour, uint8_t format)
{
    if (format & RTC_B_24H) {
        return encode(hour, format);
    }
    unsigned twelve = hour % 12 ? hour % 12 : 12;
    return (uint8_t)(encode(twelve, format) | (hour >= 12 ? HOURS_PM : 0));
}

static unsigned decode_hour(uint8_t byte, uint8_t format)
{
    if (format & RTC_B_24H) {
        return decode(byte, format);
    }
    unsigned twelve = decode(byte & (uint8_t)~HOURS_PM, format) % 12;
    return twelve + (byte & HOURS_PM ? 12 : 0);
}

static bool leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month - 1] + (month == 2 && leap(year) ? 1u : 0u);
}

/* Days from 1970 to the first of January of a year, 1970 to 9999 and one more. */
static int64_t days_before_year(unsigned year)
{
    unsigned past = year - 1;
    return (int64_t)past * 365 + past / 4 - past / 100 + past / 400 - 719162;
}

void vmmp_rtc_show(int64_t seconds, uint8_t format, uint8_t *bytes)
{
    seconds = seconds < 0 ? 0 : seconds > RTC_LAST_SECOND ? RTC_LAST_SECOND : seconds;
    int64_t days = seconds / DAY_SECONDS;
    unsigned in_day = (unsigned)(seconds % DAY_SECONDS);
    unsigned year = 1970 + (unsigned)(days / 366); /* Never too late, and early by a few. */

    while (days_before_year(year + 1) <= days) {
        year++;
    }
    unsigned day = (unsigned)(days - days_before_year(year));
    unsigned month = 1;
    while (day >= month_days(year, month)) {
        day -= month_days(year, month);
        month++;
    }
    bytes[SECONDS] = encode(in_day % 60, format);
    bytes[MINUTES] = encode(in_day / 60 % 60, format);
    bytes[HOURS] = encode_hour(in_day / 3600, format);
    bytes[WEEKDAY] = encode((unsigned)((days + 4) % 7) + 1, format); /* 1970 began on a Thursday. */
    bytes[DAY] = encode(day + 1, format);
    bytes[MONTH] = encode(month, format);
    bytes[YEAR] = encode(year % 100, format);
    bytes[CENTURY] = encode(year / 100, 0); /* BCD, whatever register B says. */
}

int64_t vmmp_rtc_seconds(const uint8_t *bytes, uint8_t format)
{
    unsigned year =
        limit(decode(bytes[CENTURY], 0), 0, 99) * 100 + limit(decode(bytes[YEAR], format), 0, 99);
    year = limit(year, 1970, 9999);
    unsigned month = limit(decode(bytes[MONTH], format), 1, 12);
    int64_t days = days_before_year(year);

    for (unsigned i = 1; i < month; i++) {
        days += month_days(year, i);
    }
    days += limit(decode(bytes[DAY], format), 1, month_days(year, month)) - 1;
    unsigned in_day = limit(decode_hour(bytes[HOURS], format), 0, 23) * 3600 +
                      limit(decode(bytes[MINUTES], format), 0, 59) * 60 +
                      limit(decode(bytes[SECONDS], format), 0, 59);
    return days * DAY_SECONDS + in_day;
}

/* The next of 0 to `count` - 1 from `from` on that an alarm's byte means; `count`: none. */
static unsigned next_match(unsigned from, unsigned count, bool any, unsigned wanted)
{
    if (any) {
        return from;
    }
    return wanted >= from && wanted < count ? wanted : count;
}

int vmmp_rtc_next_alarm(int64_t from, const uint8_t *bytes, uint8_t format)
{
    const bool any[3] = { bytes[HOURS_ALARM] >= ANY, bytes[MINUTES_ALARM] >= ANY,
                          bytes[SECONDS_ALARM] >= ANY };
    const unsigned wanted[3] = { decode_hour(bytes[HOURS_ALARM], format),
                                 decode(bytes[MINUTES_ALARM], format),
                                 decode(bytes[SECONDS_ALARM], format) };
    int start = (int)(from % DAY_SECONDS);

    /* Today from `start` on, then tomorrow. */
    for (int day = 0; day < 2; day++) {
        unsigned at = day ? 0 : (unsigned)start;
        while (at < DAY_SECONDS) {
            unsigned hour = next_match(at / 3600, 24, any[0], wanted[0]);
            if (hour == 24) {
                break;
            }
            at = hour * 3600 > at ? hour * 3600 : at;
            unsigned minute = next_match(at / 60 % 60, 60, any[1], wanted[1]);
            if (minute == 60) {
                at = (hour + 1) * 3600;
                continue;
            }
            unsigned begins = hour * 3600 + minute * 60;
            at = begins > at ? begins : at;
            unsigned second = next_match(at % 60, 60, any[2], wanted[2]);
            if (second == 60) {
                at = begins + 60;
                continue;
            }
            return (int)(begins + second) + day * DAY_SECONDS - start;
        }
    }
    return -1;
}
