/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface between seL4's libusbdrivers and the driver of a host controller: what a virtual
 * USB host needs of it. There is no driver for Linux hosts; tests bring their own.
 */
#pragma once

#include <stdint.h>

#include <platsupport/io.h>
#include <usb/plat/usb.h>

#ifdef __cplusplus
extern "C" {
#endif

enum usb_speed { USBSPEED_LOW = 0, USBSPEED_FULL = 1, USBSPEED_HIGH = 2 };

enum usb_endpoint_type { EP_CONTROL = 0, EP_ISOCHRONOUS, EP_BULK, EP_INTERRUPT };
enum usb_endpoint_dir { EP_DIR_OUT = 0, EP_DIR_IN };

struct endpoint {
    enum usb_endpoint_type type;
    uint8_t num;
    enum usb_endpoint_dir dir;
    uint16_t max_pkt;
    uint8_t interval;
    void *hcpriv; /* The driver's, from the first transfer on. */
};

enum usb_xact_type { PID_IN, PID_OUT, PID_SETUP };
enum usb_xact_status {
    XACTSTAT_SUCCESS,
    XACTSTAT_PENDING,
    XACTSTAT_CANCELLED,
    XACTSTAT_ERROR,
    XACTSTAT_HOSTERROR
};

struct xact {
    enum usb_xact_type type;
    void *vaddr;
    uintptr_t paddr;
    int len;
};

/* `rbytes` were not transferred. 1: schedule it again; 0 otherwise. */
typedef int (*usb_cb_t)(void *token, enum usb_xact_status stat, int rbytes);

typedef struct sync_ops {
    void *(*sync_init)(int val);
    int (*sync_lock)(void *lock);
    int (*sync_unlock)(void *lock);
    int (*sync_destroy)(void *lock);
} sync_ops_t;

struct usb_hc_data;
typedef struct usb_host usb_host_t;

struct usb_host {
    enum usb_host_id id;
    int nports;
    ps_dma_man_t *dman;
    sync_ops_t *sync;
    int (*schedule_xact)(usb_host_t *hdev, uint8_t addr, int8_t hub_addr, uint8_t hub_port,
                         enum usb_speed speed, struct endpoint *ep, struct xact *xact, int nxact,
                         usb_cb_t cb, void *t);
    int (*cancel_xact)(usb_host_t *hdev, struct endpoint *ep); /* All of the endpoint's. */
    void (*handle_irq)(usb_host_t *hdev);
    const int *irqs;
    struct usb_hc_data *pdata;
};

/*
 * `hub_addr` -1 is the root hub itself. Negative: failed; else how many bytes are left. With a
 * callback the call returns at once.
 */
static inline int usb_hcd_schedule(usb_host_t *hdev, uint8_t addr, uint8_t hub_addr,
                                   uint8_t hub_port, enum usb_speed speed, struct endpoint *ep,
                                   struct xact *xact, int nxact, usb_cb_t cb, void *t)
{
    return hdev->schedule_xact(hdev, addr, (int8_t)hub_addr, hub_port, speed, ep, xact, nxact, cb,
                               t);
}

static inline void usb_hcd_handle_irq(usb_host_t *hdev)
{
    hdev->handle_irq(hdev);
}

static inline int usb_hcd_count_ports(usb_host_t *hdev)
{
    return hdev->nports;
}

#ifdef __cplusplus
}
#endif
