/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A paravirtual USB host controller: the guest leaves requests in a page that it shares with the
 * VMM, and the VMM gives them to a real controller's driver, or to anything else that speaks USB.
 *
 * The guest has two pages. The first is plain memory with a table of requests ("URBs"), packed and
 * little-endian; `word` is 4 or 8 bytes, and there are as many as fit:
 *
 *     u32 endpoint    [6:0] device address, [13:7] hub address, [20:14] hub port,
 *                     [24:21] endpoint number, [26:25] speed (1 low, 2 full, 3 high),
 *                     [27] data toggle, [31:28] state
 *     u16 max_packet  bytes, 1 to 1024
 *     u16 rate_ms     polling interval of an interrupt endpoint, else 0
 *     u16 remaining   bytes that were not transferred; the VMM's
 *     u16 count       descriptors in use: 1 or 2
 *     2 x { word address; u32 [31:30] 0 IN, 1 OUT, 2 SETUP, [27:0] bytes }
 *
 * A control transfer is a SETUP of 8 bytes and at most one data stage; the VMM adds the status
 * stage. States: 0 free, 1 pending, 2 taken, 4 done, 5 failed, 6 cancelled. The guest writes 0 and
 * 1, and what it likes once a request is in one of the last three.
 *
 * The second page is registers, 32-bit words:
 *
 *     0x00 status   written: carry out the request at 0x18 on the root hub. Then 4, or 5 if failed.
 *     0x04 reply    what the root hub answered, up to 4 bytes
 *     0x08 intr     not 0 while the interrupt is high: set when a request ends, cleared by the
 * guest 0x0c notify   written: look for pending requests 0x10 cancel   written: cancel the request
 * with this number 0x14 ports    of the root hub 0x18 request  the 8 bytes of a SETUP, to the end
 * of the page: stored
 *
 * Hostile guest: requests are read once and checked; each names only the guest's own RAM. It can
 * confuse the USB devices it was given, and load the controller with as many transfers as the table
 * has places. It can change the data of a transfer while it is on its way.
 *
 * Threads: registers and the backend's functions run in the device's context; notifications and
 * completions come from any thread.
 * Ownership: the caller's memory, which must stay in place; nothing is allocated except the host's
 * context.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>
#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_USB_HOST_PAGE_SIZE 0x1000
/** Requests in a table whose words have 4 bytes; with 8 there are fewer. */
#define VMMP_USB_HOST_REQUESTS 146
/** A transfer's stages at most: SETUP, data, status. */
#define VMMP_USB_STAGES 3
/** What the root hub is asked and answers. */
#define VMMP_USB_SETUP_SIZE 8
#define VMMP_USB_REPLY_SIZE 4

enum vmmp_usb_pid { VMMP_USB_IN, VMMP_USB_OUT, VMMP_USB_SETUP };
enum vmmp_usb_speed { VMMP_USB_LOW, VMMP_USB_FULL, VMMP_USB_HIGH };
enum vmmp_usb_kind { VMMP_USB_CONTROL, VMMP_USB_BULK, VMMP_USB_INTERRUPT };
enum vmmp_usb_outcome { VMMP_USB_DONE, VMMP_USB_FAILED, VMMP_USB_CANCELLED };

struct vmmp_usb_stage {
    enum vmmp_usb_pid pid;
    void *data; /**< Guest RAM, `length` bytes; NULL if there are none. */
    uint32_t length;
};

struct vmmp_usb_transfer {
    uint8_t address;
    uint8_t hub_address;
    uint8_t hub_port;
    uint8_t endpoint;
    enum vmmp_usb_speed speed;
    enum vmmp_usb_kind kind;
    bool toggle;         /**< The data toggle that the guest asks for. */
    uint16_t max_packet; /**< Bytes, 1 to 1024. */
    uint16_t rate_ms;
    unsigned stage_count;
    struct vmmp_usb_stage stages[VMMP_USB_STAGES];
};

/** A transfer is known by its request's number, which has no other before this one has ended. */
struct vmmp_usb_backend {
    /**
     * Begins a transfer, which is copied if it is needed after the call. It ends with one
     * vmmp_usb_host_complete(), perhaps within the call. 0; -EAGAIN if there is no room: it is
     * offered again when another has ended, or at the guest's next notification; another error
     * ends it as failed.
     */
    int (*submit)(void *cookie, unsigned number, const struct vmmp_usb_transfer *transfer);
    /**
     * Asks for an early end. The completion comes still, perhaps within the call; the memory of
     * the stages is left alone from then on.
     */
    void (*cancel)(void *cookie, unsigned number);
    /**
     * A control transfer of the root hub, at once: `setup` is the guest's. Answers to IN go to
     * `reply`, `room` bytes at most (0 for OUT). How many there are, or a negative error.
     */
    int (*root_hub)(void *cookie, const uint8_t setup[VMMP_USB_SETUP_SIZE], void *reply,
                    size_t room);
};

struct vmmp_usb_host_config {
    struct vmmp_host host;
    struct vmmp_irq_line *irq; /**< NULL: no interrupt. */
    const struct vmmp_guest_memory *memory;
    void *requests; /**< The first page, VMMP_USB_HOST_PAGE_SIZE bytes. */
    unsigned word;  /**< 4 or 8: what the guest driver has for an address. */
    unsigned ports;
    uint32_t
        max_bytes; /**< Of a transfer's data; longer ones fail. 0: no limit but the format's. */
    const struct vmmp_usb_backend *backend;
    void *backend_cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

/** A place in the table. */
struct vmmp_usb_request {
    bool busy;         /**< The backend has it. */
    bool cancelled;    /**< It has been asked to end it. */
    bool abandoned;    /**< The guest is not told: it was reset. */
    uint32_t endpoint; /**< As the guest wrote it. */
    uint32_t ended;    /**< Atomic: 0, or outcome and remainder; see usb_host.c. */
};

struct vmmp_usb_host {
    struct vmmp_window window; /**< The second page, to be attached by the caller. */

    /* All below belongs to the model. */
    struct vmmp_usb_host_config config;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    struct vmmp_work work;
    struct vmmp_log_limit wrong;
    uint32_t words[VMMP_USB_HOST_PAGE_SIZE / 4];
    unsigned request_count;
    struct vmmp_usb_request requests[VMMP_USB_HOST_REQUESTS];
    bool irq_high;
    bool scanning;
    bool scan_again;
};

/**
 * Resets the registers, clears the table and prepares the window. 0; -EINVAL for a configuration
 * without a backend, memory or table, or with another word; -ENOMEM (context); -ENOSPC (line full).
 */
int vmmp_usb_host_init(struct vmmp_usb_host *usb, const struct vmmp_usb_host_config *config);

/** Every transfer has ended, and the window is detached by then. */
void vmmp_usb_host_fini(struct vmmp_usb_host *usb);

/**
 * Cancels what is on its way and makes all as it was at first. A request whose transfer does not
 * end at once is taken again when it has. In the device's context, or with all vCPUs stopped.
 */
void vmmp_usb_host_reset(struct vmmp_usb_host *usb);

/** As the guest's write to `notify`, where it has another way to say so. */
void vmmp_usb_host_notify(struct vmmp_usb_host *usb);

/** A transfer has ended, with `remaining` bytes not transferred. Once for each. */
void vmmp_usb_host_complete(struct vmmp_usb_host *usb, unsigned number,
                            enum vmmp_usb_outcome outcome, uint32_t remaining);

#ifdef __cplusplus
}
#endif
