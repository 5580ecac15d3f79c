/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/arm/registers.h"

bool vmmp_arm_condition_holds(uint32_t status, unsigned condition)
{
    bool n = status >> 31 & 1;
    bool z = status >> 30 & 1;
    bool c = status >> 29 & 1;
    bool v = status >> 28 & 1;
    bool holds = true;

    switch (condition >> 1 & 7) {
    case 0:
        holds = z;
        break;
    case 1:
        holds = c;
        break;
    case 2:
        holds = n;
        break;
    case 3:
        holds = v;
        break;
    case 4:
        holds = c && !z;
        break;
    case 5:
        holds = n == v;
        break;
    case 6:
        holds = n == v && !z;
        break;
    default:
        return true;
    }
    return holds != (condition & 1);
}

uint32_t vmmp_arm_status_after(uint32_t status)
{
    uint32_t it = (status & VMMP_PSR_IT_HIGH) >> 8 | (status & VMMP_PSR_IT_LOW) >> 25;

    if (!(status & VMMP_PSR_AARCH32) || !(status & VMMP_PSR_THUMB) || !(it & 0xf)) {
        return status;
    }
    /* ITAdvance(): the block ends when nothing but its last one is left. */
    it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
    return (status & ~(VMMP_PSR_IT_HIGH | VMMP_PSR_IT_LOW)) | (it & 0xfc) << 8 | (it & 3) << 25;
}
