/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real clock management unit, of which a guest may change the clocks it was given.
 * Shared parents are not divided: grant a PLL only to who owns everything behind it.
 */
#pragma once

#include <platsupport/clock.h>
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/ac_device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct clock_device;

/** All clocks are the guest's, or none. Lives as long as the VM. NULL with a message on failure. */
struct clock_device *vm_install_ac_clock(vm_t *vm, enum vacdev_default default_ac,
                                         enum vacdev_action action);

/**
 * Gives the guest the selection, division and gates of a clock, or takes them. At any time. 0; -1
 * for NULL and for clocks that have no registers of their own (CLK_MASTER, CLK_SPI0_ISP,
 * CLK_SPI1_ISP, CLK_PWM).
 */
int vm_clock_provide(struct clock_device *clock_device, enum clk_id clk_id);
int vm_clock_restrict(struct clock_device *clock_device, enum clk_id clk_id);

#ifdef __cplusplus
}
#endif
