/* SPDX-License-Identifier: BSD-2-Clause */
#include "timer.h"

#include <sel4/sel4.h>

/* About a millisecond of QEMU's 62.5 MHz: enough for the guest to go on, too little to be missed.
 */
#define DELAY (UINT64_C(1) << 16)

void timer_expired(struct timer *timer, vm_vcpu_t *vcpu)
{
    seL4_ARM_VCPU_ReadRegs_t compare =
        seL4_ARM_VCPU_ReadRegs(vcpu->vcpu.cptr, seL4_VCPUReg_CNTV_CVAL);

    if (compare.error) {
        return;
    }
    if (compare.value == timer->expired) {
        compare.value += DELAY;
        (void)seL4_ARM_VCPU_WriteRegs(vcpu->vcpu.cptr, seL4_VCPUReg_CNTV_CVAL, compare.value);
    }
    timer->expired = compare.value;
}
