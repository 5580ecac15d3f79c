/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of the board, for vm_install_passthrough_device() and its like; 4 KiB each. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>
#include <sel4vmmplatsupport/plat/device_map.h>

#ifdef __cplusplus
extern "C" {
#endif

#define dev_vconsole dev_uartd

/*
 * For vm_install_generic_forward_device(): the page of all four UARTs (D is at 0x300 in it), and
 * the clock and reset controller, which every driver of the board needs and no guest may own.
 */
extern const struct device dev_uartd;
extern const struct device dev_clkcar;

extern const struct device dev_usb1;
extern const struct device dev_usb3;
extern const struct device dev_sdmmc;
extern const struct device dev_rtc_kbc_pmc;
extern const struct device dev_data_memory;
extern const struct device dev_exception_vectors;
extern const struct device dev_system_registers;
extern const struct device dev_ictlr;
extern const struct device dev_apb_misc;
extern const struct device dev_fuse;
extern const struct device dev_gpios;

#ifdef __cplusplus
}
#endif
