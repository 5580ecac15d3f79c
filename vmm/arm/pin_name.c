/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "board_arm.h"

bool arm_pin_name(const char *name, char bank[ARM_PIN_BANK], unsigned *pin)
{
    const char *dash = strchr(name, '-');
    if (!dash || (size_t)(dash - name) >= ARM_PIN_BANK || dash[1] < '0' || dash[1] > '7' ||
        dash[2]) {
        return false;
    }
    memcpy(bank, name, (size_t)(dash - name));
    bank[dash - name] = '\0';
    *pin = (unsigned)(dash[1] - '0');
    return true;
}
