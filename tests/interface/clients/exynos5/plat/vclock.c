/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/vclock.h>

int client_vclock(vm_t *vm)
{
    static const enum clk_id clocks[] = { CLK_MMC0, CLK_MMC2, CLK_SCLKVPLL, CLK_SCLKGPLL,
                                          CLK_SCLKCPLL };
    struct clock_device *clock =
        vm_install_ac_clock(vm, VACDEV_DEFAULT_DENY, VACDEV_REPORT_AND_MASK);

    for (unsigned i = 0; clock && i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        if (vm_clock_provide(clock, clocks[i])) {
            return -1;
        }
    }
    return vm_clock_restrict(clock, CLK_MMC0);
}
