/* SPDX-License-Identifier: BSD-2-Clause */
/* Seconds since 1970 and the date and time as an MC146818 shows them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RTC_B_BINARY 0x04u
#define RTC_B_24H    0x02u

/** The end of the year 9999. */
#define RTC_LAST_SECOND INT64_C(253402300799)

/** Whether a register is one that vmmp_rtc_show() writes. */
bool vmmp_rtc_is_time(unsigned index);
/** Writes date and time to their registers, in the format that register B asks for. */
void vmmp_rtc_show(int64_t seconds, uint8_t format, uint8_t *bytes);
/** The reverse. Whatever the registers hold: what is no date becomes the nearest one. */
int64_t vmmp_rtc_seconds(const uint8_t *bytes, uint8_t format);
/** Seconds from `from` to the alarm in the registers, less than a day; -1: never. */
int vmmp_rtc_next_alarm(int64_t from, const uint8_t *bytes, uint8_t format);
