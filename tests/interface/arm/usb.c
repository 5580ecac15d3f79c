/* SPDX-License-Identifier: BSD-2-Clause */
/* <usb/usb_host.h>, where libusbdrivers is part of the build. */
#include <sel4vmmplatsupport/arch/vusb.h>

#include "../check.h"

#ifdef CONFIG_LIB_USB
CHECK_VALUE(USBSPEED_LOW, 0);
CHECK_VALUE(USBSPEED_FULL, 1);
CHECK_VALUE(USBSPEED_HIGH, 2);
CHECK_VALUE(EP_CONTROL, 0);
CHECK_VALUE(EP_BULK, 2);
CHECK_VALUE(EP_INTERRUPT, 3);
CHECK_VALUE(EP_DIR_OUT, 0);
CHECK_VALUE(EP_DIR_IN, 1);
CHECK_VALUE(PID_IN, 0);
CHECK_VALUE(PID_OUT, 1);
CHECK_VALUE(PID_SETUP, 2);
CHECK_VALUE(XACTSTAT_SUCCESS, 0);
CHECK_VALUE(XACTSTAT_PENDING, 1);
CHECK_VALUE(XACTSTAT_CANCELLED, 2);
CHECK_VALUE(XACTSTAT_ERROR, 3);
CHECK_VALUE(XACTSTAT_HOSTERROR, 4);

CHECK_MEMBER(struct endpoint, type, enum usb_endpoint_type);
CHECK_MEMBER(struct endpoint, num, uint8_t);
CHECK_MEMBER(struct endpoint, dir, enum usb_endpoint_dir);
CHECK_MEMBER(struct endpoint, max_pkt, uint16_t);
CHECK_MEMBER(struct endpoint, interval, uint8_t);
CHECK_MEMBER(struct endpoint, hcpriv, void *);
CHECK_MEMBER(struct xact, type, enum usb_xact_type);
CHECK_MEMBER(struct xact, vaddr, void *);
CHECK_MEMBER(struct xact, paddr, uintptr_t);
CHECK_MEMBER(struct xact, len, int);
CHECK_MEMBER(usb_host_t, nports, int);
CHECK_MEMBER(usb_host_t, dman, ps_dma_man_t *);
CHECK_TYPE(usb_cb_t, int (*)(void *, enum usb_xact_status, int));
CHECK_MEMBER(usb_host_t, cancel_xact, int (*)(usb_host_t *, struct endpoint *));
#endif
