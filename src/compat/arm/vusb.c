/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual USB host in front of a driver of libusbdrivers. */
#include <sel4vmmplatsupport/arch/vusb.h>

#ifdef CONFIG_LIB_USB

#include <errno.h>
#include <string.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vmmplatsupport/arch/service.h>
#include <sel4vmmplatsupport/guest_memory_util.h>
#include <sel4vmmplatsupport/vmmp/usb_host.h>

#include "compat/compat_vm.h"

#define PAGE_BYTES 0x1000u

/*
 * Transfers at a time, and how much data each has. A stage begins at a page: the driver has five
 * for it.
 */
#define TRANSFERS    8
#define MAX_DATA     (4 * PAGE_BYTES)
#define BUFFER_BYTES ((size_t)6 * PAGE_BYTES)

/* The driver keeps a queue for each endpoint from its first transfer on. */
#define ENDPOINTS 64

#define ROOT_HUB ((uint8_t)-1)

struct usb_endpoint {
    struct endpoint driver;
    uint8_t address;
    uint8_t hub_address;
    uint8_t hub_port;
    enum usb_speed speed;
    bool used;
    unsigned transfers; /* On their way. */
};

struct usb_transfer {
    bool busy;
    unsigned number;
    struct vusb_device *vusb;
    struct usb_endpoint *endpoint;
    unsigned stage_count;
    struct vmmp_usb_stage stages[VMMP_USB_STAGES];
    unsigned char *buffer; /* BUFFER_BYTES of DMA memory. */
    uintptr_t physical;
};

struct vusb_device {
    struct vmmp_usb_host host;
    struct vmmp_irq_line line;
    usb_host_t *hcd;
    struct usb_transfer transfers[TRANSFERS];
    struct usb_endpoint endpoints[ENDPOINTS];
    unsigned next_victim;
};

static const enum usb_xact_type types[] = {
    [VMMP_USB_IN] = PID_IN, [VMMP_USB_OUT] = PID_OUT, [VMMP_USB_SETUP] = PID_SETUP
};

/* ---- endpoints ------------------------------------------------------------------------------ */

static struct usb_endpoint describe(const struct vmmp_usb_transfer *transfer)
{
    static const enum usb_endpoint_type kinds[] = { [VMMP_USB_CONTROL] = EP_CONTROL,
                                                    [VMMP_USB_BULK] = EP_BULK,
                                                    [VMMP_USB_INTERRUPT] = EP_INTERRUPT };
    static const enum usb_speed speeds[] = { [VMMP_USB_LOW] = USBSPEED_LOW,
                                             [VMMP_USB_FULL] = USBSPEED_FULL,
                                             [VMMP_USB_HIGH] = USBSPEED_HIGH };
    struct usb_endpoint endpoint = {
        .address = transfer->address,
        .hub_address = transfer->hub_address,
        .hub_port = transfer->hub_port,
        .speed = speeds[transfer->speed],
        .used = true,
    };

    endpoint.driver.type = kinds[transfer->kind];
    endpoint.driver.num = transfer->endpoint;
    endpoint.driver.dir = transfer->stages[0].pid == VMMP_USB_IN ? EP_DIR_IN : EP_DIR_OUT;
    endpoint.driver.max_pkt = transfer->max_packet;
    endpoint.driver.interval =
        (uint8_t)(transfer->rate_ms < UINT8_MAX ? transfer->rate_ms : UINT8_MAX);
    return endpoint;
}

static bool same(const struct usb_endpoint *a, const struct usb_endpoint *b)
{
    return a->used && a->address == b->address && a->hub_address == b->hub_address &&
           a->hub_port == b->hub_port && a->speed == b->speed && a->driver.type == b->driver.type &&
           a->driver.num == b->driver.num && a->driver.dir == b->driver.dir;
}

/* The driver drops the queue and what is in it, perhaps later. */
static void drop_queue(struct vusb_device *vusb, struct usb_endpoint *endpoint)
{
    if (endpoint->driver.hcpriv) {
        (void)vusb->hcd->cancel_xact(vusb->hcd, &endpoint->driver);
        endpoint->driver.hcpriv = NULL;
    }
}

/* A place for another one. One of them is idle: there are fewer transfers than endpoints. */
static struct usb_endpoint *make_room(struct vusb_device *vusb)
{
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        if (!vusb->endpoints[i].used) {
            return &vusb->endpoints[i];
        }
    }
    struct usb_endpoint *victim;
    do {
        victim = &vusb->endpoints[vusb->next_victim];
        vusb->next_victim = (vusb->next_victim + 1) % ENDPOINTS;
    } while (victim->transfers);
    drop_queue(vusb, victim);
    return victim;
}

static struct usb_endpoint *find_endpoint(struct vusb_device *vusb,
                                          const struct vmmp_usb_transfer *transfer)
{
    struct usb_endpoint wanted = describe(transfer);

    for (unsigned i = 0; i < ENDPOINTS; i++) {
        struct usb_endpoint *endpoint = &vusb->endpoints[i];
        if (same(endpoint, &wanted)) {
            endpoint->driver.max_pkt = wanted.driver.max_pkt;
            return endpoint;
        }
    }
    struct usb_endpoint *endpoint = make_room(vusb);
    *endpoint = wanted;
    return endpoint;
}

/* ---- transfers ------------------------------------------------------------------------------ */

static size_t page_up(size_t size)
{
    return (size + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

/* What came for the guest, without the last `remaining` bytes. */
static void bring(const struct usb_transfer *transfer, size_t remaining)
{
    size_t offset = 0;
    size_t came = 0;

    for (unsigned i = 0; i < transfer->stage_count; i++) {
        came += transfer->stages[i].pid == VMMP_USB_IN ? transfer->stages[i].length : 0;
    }
    came -= remaining < came ? remaining : came;
    for (unsigned i = 0; i < transfer->stage_count; i++) {
        const struct vmmp_usb_stage *stage = &transfer->stages[i];
        size_t length = stage->length < came ? stage->length : came;
        if (stage->pid == VMMP_USB_IN && length) {
            memcpy(stage->data, transfer->buffer + offset, length);
            came -= length;
        }
        offset = page_up(offset + stage->length);
    }
}

static int ended(void *token, enum usb_xact_status status, int remaining)
{
    struct usb_transfer *transfer = token;
    size_t rest = remaining > 0 ? (size_t)remaining : 0;

    if (!transfer->busy || status == XACTSTAT_PENDING) {
        return 0;
    }
    if (status == XACTSTAT_SUCCESS) {
        bring(transfer, rest);
    }
    transfer->busy = false;
    transfer->endpoint->transfers--;
    vmmp_usb_host_complete(&transfer->vusb->host, transfer->number,
                           status == XACTSTAT_SUCCESS     ? VMMP_USB_DONE
                           : status == XACTSTAT_CANCELLED ? VMMP_USB_CANCELLED
                                                          : VMMP_USB_FAILED,
                           (uint32_t)rest);
    return 0;
}

/* Stages as the driver has them, with the guest's data in the transfer's own memory. */
static int prepare(struct usb_transfer *transfer, struct xact xacts[VMMP_USB_STAGES])
{
    size_t offset = 0;

    for (unsigned i = 0; i < transfer->stage_count; i++) {
        const struct vmmp_usb_stage *stage = &transfer->stages[i];
        unsigned char *at = transfer->buffer + offset;
        xacts[i] = (struct xact){
            .type = types[stage->pid],
            .vaddr = at,
            .paddr = transfer->physical + offset,
            .len = (int)stage->length,
        };
        if (stage->pid == VMMP_USB_IN) {
            memset(at, 0, stage->length);
        } else if (stage->length) {
            memcpy(at, stage->data, stage->length);
        }
        offset = page_up(offset + stage->length);
    }
    return (int)transfer->stage_count;
}

static struct usb_transfer *idle_transfer(struct vusb_device *vusb)
{
    for (unsigned i = 0; i < TRANSFERS; i++) {
        if (!vusb->transfers[i].busy) {
            return &vusb->transfers[i];
        }
    }
    return NULL;
}

static int submit(void *cookie, unsigned number, const struct vmmp_usb_transfer *wanted)
{
    struct vusb_device *vusb = cookie;
    struct usb_transfer *transfer = idle_transfer(vusb);
    struct xact xacts[VMMP_USB_STAGES];

    if (!transfer) {
        return -EAGAIN;
    }
    struct usb_endpoint *endpoint = find_endpoint(vusb, wanted);
    transfer->busy = true;
    transfer->number = number;
    transfer->endpoint = endpoint;
    /* The driver adds a control transfer's status stage itself. */
    transfer->stage_count = wanted->stage_count - (wanted->kind == VMMP_USB_CONTROL);
    memcpy(transfer->stages, wanted->stages, sizeof(transfer->stages));
    endpoint->transfers++;
    int count = prepare(transfer, xacts);
    int left =
        usb_hcd_schedule(vusb->hcd, endpoint->address, endpoint->hub_address, endpoint->hub_port,
                         endpoint->speed, &endpoint->driver, xacts, count, ended, transfer);
    if (left < 0) {
        transfer->busy = false;
        endpoint->transfers--;
        return -EIO;
    }
    return 0;
}

/* The driver cancels all that its endpoint has on the way. */
static void cancel(void *cookie, unsigned number)
{
    struct vusb_device *vusb = cookie;

    for (unsigned i = 0; i < TRANSFERS; i++) {
        if (vusb->transfers[i].busy && vusb->transfers[i].number == number) {
            drop_queue(vusb, vusb->transfers[i].endpoint);
            return;
        }
    }
}

static int root_hub(void *cookie, const uint8_t setup[VMMP_USB_SETUP_SIZE], void *reply,
                    size_t room)
{
    struct vusb_device *vusb = cookie;
    struct endpoint endpoint = { .type = EP_CONTROL, .max_pkt = 64 };
    uint8_t request[VMMP_USB_SETUP_SIZE];
    struct xact xacts[] = {
        { .type = PID_SETUP, .vaddr = request, .len = sizeof(request) },
        { .type = PID_IN, .vaddr = reply, .len = (int)room },
    };

    memcpy(request, setup, sizeof(request));
    int left = usb_hcd_schedule(vusb->hcd, 0, ROOT_HUB, 0, USBSPEED_HIGH, &endpoint, xacts,
                                room ? 2 : 1, NULL, NULL);
    return left < 0 ? -EIO : (int)room;
}

/* ---- installation --------------------------------------------------------------------------- */

static int refuse(vm_t *vm, uintptr_t pbase, const char *what)
{
    const struct device device = { .name = "virtual usb",
                                   .pstart = pbase,
                                   .size = (size_t)2 * PAGE_BYTES };

    return vmmp_compat_device_error(vm, &device, what);
}

static void free_buffers(struct vusb_device *vusb)
{
    for (unsigned i = 0; i < TRANSFERS && vusb->transfers[i].buffer; i++) {
        ps_dma_unpin(vusb->hcd->dman, vusb->transfers[i].buffer, BUFFER_BYTES);
        ps_dma_free(vusb->hcd->dman, vusb->transfers[i].buffer, BUFFER_BYTES);
    }
}

static int allocate_buffers(struct vusb_device *vusb)
{
    for (unsigned i = 0; i < TRANSFERS; i++) {
        struct usb_transfer *transfer = &vusb->transfers[i];
        transfer->vusb = vusb;
        transfer->buffer =
            ps_dma_alloc(vusb->hcd->dman, BUFFER_BYTES, PAGE_BYTES, 0, PS_MEM_NORMAL);
        if (!transfer->buffer) {
            return -1;
        }
        transfer->physical = ps_dma_pin(vusb->hcd->dman, transfer->buffer, BUFFER_BYTES);
        if (!transfer->physical) {
            return -1;
        }
    }
    return 0;
}

static int make_host(struct vusb_device *vusb, struct vmmp_vm *native, uintptr_t pbase)
{
    static const struct vmmp_usb_backend backend = { submit, cancel, root_hub };
    void *table = create_allocated_reservation_frame(native->vm, pbase, seL4_AllRights,
                                                     default_error_fault_callback, NULL);
    const struct vmmp_usb_host_config config = {
        .host = native->host,
        .irq = &vusb->line,
        .memory = &native->memory,
        .requests = table,
        .word = sizeof(uintptr_t),
        .ports = (unsigned)usb_hcd_count_ports(vusb->hcd),
        .max_bytes = MAX_DATA,
        .backend = &backend,
        .backend_cookie = vusb,
        .log = &native->log,
    };

    if (!table || vmmp_usb_host_init(&vusb->host, &config)) {
        return refuse(native->vm, pbase, "the guest-physical range is taken or out of bounds");
    }
    if (vmmp_vm_attach_window(native, &vusb->host.window, vmmp_gpa(pbase + PAGE_BYTES))) {
        vmmp_usb_host_fini(&vusb->host);
        return refuse(native->vm, pbase, "the page behind its first one is taken");
    }
    return 0;
}

static int install(struct vusb_device *vusb, struct vmmp_vm *native, uintptr_t pbase, int virq)
{
    if (allocate_buffers(vusb)) {
        return refuse(native->vm, pbase,
                      "its controller has no DMA memory for 8 transfers of 16 KiB");
    }
    if (vmmp_vm_irq_line_init(native, &vusb->line, virq)) {
        return refuse(native->vm, pbase,
                      "its interrupt cannot be registered (is there a vCPU, and is the interrupt "
                      "free?)");
    }
    return make_host(vusb, native, pbase);
}

vusb_device_t *vm_install_vusb(vm_t *vm, usb_host_t *hcd, uintptr_t pbase, int virq,
                               seL4_CPtr vmm_ncap, seL4_CPtr vm_ncap, int badge)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);

    if (!native || !hcd) {
        return NULL;
    }
    if (!hcd->dman) {
        (void)refuse(vm, pbase, "its controller has no DMA allocator");
        return NULL;
    }
    if (vmm_ncap && vmm_install_service(vm, vmm_ncap, (int)vm_ncap, (uint32_t)badge)) {
        (void)refuse(vm, pbase, "its notification cannot be copied into the guest's CNode");
        return NULL;
    }
    struct vusb_device *vusb = vmmp_compat_calloc(vm, sizeof(*vusb));
    if (!vusb) {
        return NULL;
    }
    vusb->hcd = hcd;
    if (install(vusb, native, pbase, virq)) {
        free_buffers(vusb);
        /* A registered interrupt stays, and its line with it. */
        if (!vusb->line.ops) {
            vmmp_compat_free(vm, vusb);
        }
        return NULL;
    }
    return vusb;
}

void vm_vusb_notify(vusb_device_t *vusb)
{
    if (vusb) {
        vmmp_usb_host_notify(&vusb->host);
    }
}

#endif
