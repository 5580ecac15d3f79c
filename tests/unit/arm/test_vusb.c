/* SPDX-License-Identifier: BSD-2-Clause */
/* The compatible virtual USB host, its guest played here, and so the controller behind it. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vmmplatsupport/arch/vusb.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define BASE    0x10000000
#define CONTROL (BASE + 0x1000)
#define STATUS  0x00
#define REPLY   0x04
#define INTR    0x08
#define NOTIFY  0x0c
#define CANCEL  0x10
#define PORTS   0x14
#define REQUEST 0x18

#define DMA_BASE  0x7000000u
#define DMA_BYTES 0x30000u

enum { PENDING = 1, TAKEN = 2, DONE = 4, FAILED = 5, CANCELLED = 6 };
enum { IN = 0, OUT = 1, SETUP = 2 };

#define MAX_TRANSFERS 16

/* The controller. */
static struct {
    usb_host_t hcd;
    ps_dma_man_t dman;
    unsigned allocations;
    unsigned allocations_left;
    uint8_t *dma;
    unsigned count;
    struct {
        uint8_t addr, hub_addr, hub_port;
        enum usb_speed speed;
        struct endpoint *endpoint;
        struct xact xacts[3];
        int xact_count;
        usb_cb_t cb;
        void *token;
    } transfers[MAX_TRANSFERS];
    int answer;
    unsigned cancels;
    int hub_xacts;
    uint8_t hub_request[8];
} hc;

static void *dma_alloc(void *cookie, size_t size, int align, int cached, ps_mem_flags_t flags)
{
    (void)cookie, (void)flags;
    assert_int_equal(align, 0x1000);
    assert_int_equal(cached, 0);
    assert_int_equal(size, 0x6000);
    if (!hc.allocations_left) {
        return NULL;
    }
    hc.allocations_left--;
    return hc.dma + size * hc.allocations++;
}

static void dma_free(void *cookie, void *addr, size_t size)
{
    (void)cookie, (void)addr, (void)size;
    hc.allocations--;
}

static uintptr_t dma_pin(void *cookie, void *addr, size_t size)
{
    (void)cookie, (void)size;
    return DMA_BASE + (uintptr_t)((uint8_t *)addr - hc.dma);
}

static void dma_unpin(void *cookie, void *addr, size_t size)
{
    (void)cookie, (void)addr, (void)size;
}

static int schedule(usb_host_t *hcd, uint8_t addr, int8_t hub_addr, uint8_t hub_port,
                    enum usb_speed speed, struct endpoint *ep, struct xact *xact, int nxact,
                    usb_cb_t cb, void *token)
{
    assert_ptr_equal(hcd, &hc.hcd);
    if (hub_addr == -1) {
        assert_null(cb);
        assert_int_equal(ep->type, EP_CONTROL);
        hc.hub_xacts = nxact;
        memcpy(hc.hub_request, xact[0].vaddr, sizeof(hc.hub_request));
        if (nxact > 1) {
            memset(xact[1].vaddr, 0x42, (size_t)xact[1].len);
        }
        return hc.answer;
    }
    if (hc.answer < 0) {
        return hc.answer;
    }
    assert_true(hc.count < MAX_TRANSFERS);
    hc.transfers[hc.count].addr = addr;
    hc.transfers[hc.count].hub_addr = (uint8_t)hub_addr;
    hc.transfers[hc.count].hub_port = hub_port;
    hc.transfers[hc.count].speed = speed;
    hc.transfers[hc.count].endpoint = ep;
    hc.transfers[hc.count].xact_count = nxact;
    hc.transfers[hc.count].cb = cb;
    hc.transfers[hc.count].token = token;
    for (int i = 0; i < nxact; i++) {
        hc.transfers[hc.count].xacts[i] = xact[i];
        /* Only what was allocated, each stage from a page on. */
        assert_int_equal(xact[i].paddr % 0x1000, 0);
        assert_in_range(xact[i].paddr, DMA_BASE, DMA_BASE + DMA_BYTES - (unsigned)xact[i].len);
        assert_ptr_equal(xact[i].vaddr, hc.dma + (xact[i].paddr - DMA_BASE));
    }
    ep->hcpriv = &hc;
    hc.count++;
    return 0;
}

static int cancel(usb_host_t *hcd, struct endpoint *ep)
{
    (void)hcd;
    assert_ptr_equal(ep->hcpriv, &hc);
    hc.cancels++;
    return 0;
}

static void finish(unsigned i, enum usb_xact_status status, int remaining)
{
    assert_int_equal(hc.transfers[i].cb(hc.transfers[i].token, status, remaining), 0);
}

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;

    memset(&hc, 0, sizeof(hc));
    hc.dma = calloc(1, DMA_BYTES);
    hc.allocations_left = 8;
    hc.dman = (ps_dma_man_t){ NULL, dma_alloc, dma_free, dma_pin, dma_unpin, NULL };
    hc.hcd = (usb_host_t){
        .nports = 2, .dman = &hc.dman, .schedule_xact = schedule, .cancel_xact = cancel
    };
    return vmmp_compat_set_log(&f->vm, &f->log);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    vmmp_compat_release(&f->vm);
    free(hc.dma);
    return fixture_teardown(state);
}

/* ---- the guest ------------------------------------------------------------------------------ */

static void out(struct fixture *f, uint32_t offset, uint32_t value)
{
    script_put(f->vcpu, CONTROL + offset, 4, value);
}

static uint32_t in(struct fixture *f, uint32_t offset)
{
    return (uint32_t)script_get(f->vcpu, CONTROL + offset, 4);
}

static uintptr_t request(unsigned number)
{
    return BASE + (uintptr_t)number * (12 + 2 * (sizeof(uintptr_t) + 4));
}

static unsigned state_of(struct fixture *f, unsigned number)
{
    return (unsigned)(script_get(f->vcpu, request(number), 4) >> 28);
}

static void descriptor(struct fixture *f, unsigned number, unsigned index, unsigned type,
                       uint64_t offset, uint32_t length)
{
    uintptr_t at = request(number) + 12 + index * (sizeof(uintptr_t) + 4);

    for (unsigned i = 0; i < sizeof(uintptr_t); i += 4) {
        script_put(f->vcpu, at + i, 4, (uint32_t)((FIXTURE_RAM_BASE + offset) >> 8 * i));
    }
    script_put(f->vcpu, at + sizeof(uintptr_t), 4, type << 30 | length);
}

static void write_request(struct fixture *f, unsigned number, unsigned address, unsigned endpoint,
                          unsigned count)
{
    script_put(f->vcpu, request(number) + 4, 4, 512);
    script_put(f->vcpu, request(number) + 8, 4, count << 16);
    script_put(f->vcpu, request(number), 4,
               address | 1u << 7 | 2u << 14 | endpoint << 21 | 3u << 25 | (uint32_t)PENDING << 28);
}

static void bulk(struct fixture *f, unsigned number, unsigned address, unsigned type,
                 uint32_t length)
{
    write_request(f, number, address, 1, 1);
    descriptor(f, number, 0, type, (uint64_t)0x1000 * (number + 1), length);
}

static vusb_device_t *install(struct fixture *f)
{
    vusb_device_t *vusb =
        vm_install_vusb(&f->vm, &hc.hcd, BASE, FIXTURE_IRQ, seL4_CapNull, seL4_CapNull, 0);

    assert_non_null(vusb);
    assert_int_equal(hc.allocations, 8);
    return vusb;
}

/* ---- */

static void root_hub_through_the_driver(void **state)
{
    struct fixture *f = *state;

    install(f);
    assert_int_equal(in(f, PORTS), 2);
    out(f, REQUEST, 0x000000a3);
    out(f, REQUEST + 4, 0x00400001); /* 64 bytes: there is room for 4. */
    out(f, STATUS, 1);
    assert_int_equal(in(f, STATUS), DONE);
    assert_int_equal(in(f, REPLY), 0x42424242);
    assert_int_equal(in(f, INTR), 0);
    assert_int_equal(hc.hub_xacts, 2);
    assert_memory_equal(hc.hub_request, "\xa3\0\0\0\1\0\x40\0", 8);
    out(f, REQUEST + 4, 1);
    out(f, STATUS, 1);
    assert_int_equal(hc.hub_xacts, 1);
    hc.answer = -1;
    out(f, STATUS, 1);
    assert_int_equal(in(f, STATUS), FAILED);
}

static void a_bulk_transfer_each_way(void **state)
{
    struct fixture *f = *state;
    vusb_device_t *vusb = install(f);
    uint8_t *ram = fixture_ram(f, 0x1000, 0x2000);

    memset(ram, 0x11, 0x2000);
    bulk(f, 0, 5, OUT, 700);
    bulk(f, 1, 5, IN, 700);
    vm_vusb_notify(vusb);
    assert_int_equal(hc.count, 2);
    assert_int_equal(state_of(f, 0), TAKEN);
    assert_int_equal(hc.transfers[0].addr, 5);
    assert_int_equal(hc.transfers[0].hub_addr, 1);
    assert_int_equal(hc.transfers[0].hub_port, 2);
    assert_int_equal(hc.transfers[0].speed, USBSPEED_HIGH);
    assert_int_equal(hc.transfers[0].endpoint->type, EP_BULK);
    assert_int_equal(hc.transfers[0].endpoint->num, 1);
    assert_int_equal(hc.transfers[0].endpoint->dir, EP_DIR_OUT);
    assert_int_equal(hc.transfers[0].endpoint->max_pkt, 512);
    assert_int_equal(hc.transfers[1].endpoint->dir, EP_DIR_IN);
    assert_int_equal(hc.transfers[0].xacts[0].len, 700);
    assert_memory_equal(hc.transfers[0].xacts[0].vaddr, ram, 700);
    memset(hc.transfers[1].xacts[0].vaddr, 0x22, 700);
    finish(1, XACTSTAT_SUCCESS, 100); /* Short by 100. */
    assert_int_equal(state_of(f, 1), DONE);
    assert_int_equal(script_get(f->vcpu, request(1) + 8, 2), 100);
    assert_int_equal(ram[0x1000 + 599], 0x22);
    assert_int_equal(ram[0x1000 + 600], 0x11);
    assert_true(script_irq(f->vcpu, FIXTURE_IRQ).level);
    out(f, INTR, 0);
    finish(0, XACTSTAT_ERROR, 0);
    assert_int_equal(state_of(f, 0), FAILED);
    finish(0, XACTSTAT_SUCCESS, 0); /* Twice: ignored. */
    assert_int_equal(state_of(f, 0), FAILED);
    out(f, INTR, 0);
}

static void a_control_transfer(void **state)
{
    struct fixture *f = *state;
    uint8_t *ram = fixture_ram(f, 0, 0x1000);

    install(f);
    ram[0] = 0x80; /* GetDescriptor: of the device. */
    ram[1] = 6;
    ram[3] = 1;
    ram[6] = 18;
    write_request(f, 0, 0, 0, 2);
    descriptor(f, 0, 0, SETUP, 0, 8);
    descriptor(f, 0, 1, IN, 0x100, 18);
    out(f, NOTIFY, 1);
    assert_int_equal(hc.count, 1);
    assert_int_equal(hc.transfers[0].endpoint->type, EP_CONTROL);
    /* The driver adds the status stage. */
    assert_int_equal(hc.transfers[0].xact_count, 2);
    assert_int_equal(hc.transfers[0].xacts[0].type, PID_SETUP);
    assert_memory_equal(hc.transfers[0].xacts[0].vaddr, ram, 8);
    assert_int_equal(hc.transfers[0].xacts[1].type, PID_IN);
    memset(hc.transfers[0].xacts[1].vaddr, 0x33, 18);
    finish(0, XACTSTAT_SUCCESS, 0);
    assert_int_equal(state_of(f, 0), DONE);
    assert_int_equal(ram[0x100 + 17], 0x33);
    assert_int_equal(ram[0x100 + 18], 0);
    out(f, INTR, 0);
}

static void more_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;
    vusb_device_t *vusb = install(f);

    for (unsigned i = 0; i < 12; i++) {
        bulk(f, i, 5, OUT, 16);
    }
    vm_vusb_notify(vusb);
    assert_int_equal(hc.count, 8);
    assert_int_equal(state_of(f, 8), PENDING);
    finish(3, XACTSTAT_SUCCESS, 0);
    assert_int_equal(hc.count, 9);
    assert_int_equal(state_of(f, 8), TAKEN);
    bulk(f, 12, 5, OUT, 0x4001); /* More than fits into one. */
    vm_vusb_notify(vusb);
    assert_int_equal(state_of(f, 12), FAILED);
    out(f, INTR, 0);
}

static void cancelled_by_the_guest(void **state)
{
    struct fixture *f = *state;

    install(f);
    bulk(f, 0, 5, IN, 16);
    out(f, NOTIFY, 1);
    out(f, CANCEL, 0);
    assert_int_equal(hc.cancels, 1);
    assert_int_equal(state_of(f, 0), TAKEN); /* The driver has its memory still. */
    assert_null(hc.transfers[0].endpoint->hcpriv);
    memset(fixture_ram(f, 0x1000, 16), 0x77, 16);
    finish(0, XACTSTAT_CANCELLED, 0);
    assert_int_equal(state_of(f, 0), CANCELLED);
    assert_int_equal(*(uint8_t *)fixture_ram(f, 0x1000, 16), 0x77);
    out(f, INTR, 0);
}

/* More endpoints than there are places: the driver drops the queue of an idle one. */
static void many_endpoints(void **state)
{
    struct fixture *f = *state;

    install(f);
    bulk(f, 0, 0, IN, 16);
    out(f, NOTIFY, 1);
    for (unsigned address = 1; address < 128; address++) {
        hc.count = 1;
        bulk(f, 1, address, IN, 16);
        out(f, NOTIFY, 1);
        assert_int_equal(hc.count, 2);
        assert_int_equal(hc.transfers[1].addr, address);
        assert_ptr_not_equal(hc.transfers[1].endpoint, hc.transfers[0].endpoint);
        finish(1, XACTSTAT_SUCCESS, 0);
        out(f, INTR, 0);
    }
    assert_int_equal(hc.cancels, 128 - 64);
    finish(0, XACTSTAT_SUCCESS, 0);
    assert_int_equal(state_of(f, 0), DONE);
    hc.answer = -1;
    bulk(f, 1, 1, IN, 16);
    out(f, NOTIFY, 1);
    assert_int_equal(state_of(f, 1), FAILED);
    out(f, INTR, 0);
}

static void the_data_does_not_lie(void **state)
{
    struct fixture *f = *state;
    uint8_t *ram = fixture_ram(f, 0x1000, 16);

    install(f);
    memset(hc.dma, 0x99, DMA_BYTES);
    memset(ram, 0x55, 16);
    bulk(f, 0, 5, IN, 16);
    out(f, NOTIFY, 1);
    finish(0, XACTSTAT_SUCCESS, 0); /* The controller says so, and has written nothing. */
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(ram[i], 0); /* Not what another transfer left there. */
    }
    out(f, INTR, 0);
}

static void what_cannot_be_installed(void **state)
{
    struct fixture *f = *state;

    vm_vusb_notify(NULL);
    assert_null(vm_install_vusb(NULL, &hc.hcd, BASE, FIXTURE_IRQ, 0, 0, 0));
    assert_null(vm_install_vusb(&f->vm, NULL, BASE, FIXTURE_IRQ, 0, 0, 0));
    /* There are no capabilities here. */
    assert_null(vm_install_vusb(&f->vm, &hc.hcd, BASE, FIXTURE_IRQ, 7, 15, 1));
    assert_int_equal(fixture_log_matches(f, "notification cannot be copied"), 1);
    hc.allocations_left = 7;
    assert_null(vm_install_vusb(&f->vm, &hc.hcd, BASE, FIXTURE_IRQ, 0, 0, 0));
    assert_int_equal(fixture_log_matches(f, "no DMA memory"), 1);
    assert_int_equal(hc.allocations, 0);
    hc.allocations_left = 64;
    assert_null(vm_install_vusb(&f->vm, &hc.hcd, FIXTURE_RAM_BASE, FIXTURE_IRQ, 0, 0, 0));
    assert_int_equal(fixture_log_matches(f, "taken or out of bounds"), 1);
    assert_int_equal(hc.allocations, 0);
    assert_null(vm_install_vusb(&f->vm, &hc.hcd, BASE, 1 << 20, 0, 0, 0));
    assert_int_equal(fixture_log_matches(f, "interrupt cannot be registered"), 1);
    assert_int_equal(hc.allocations, 0);
    assert_non_null(vm_install_vusb(&f->vm, &hc.hcd, BASE, FIXTURE_IRQ, 0, 0, 0));
    hc.hcd.dman = NULL;
    assert_null(vm_install_vusb(&f->vm, &hc.hcd, BASE, FIXTURE_IRQ + 2, 0, 0, 0));
    assert_int_equal(fixture_log_matches(f, "no DMA allocator"), 1);
}

int test_vusb(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(root_hub_through_the_driver, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bulk_transfer_each_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_control_transfer, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_there_is_room_for, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelled_by_the_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(many_endpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(the_data_does_not_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_installed, setup, teardown),
    };
    return cmocka_run_group_tests_name("vusb", tests, NULL, NULL);
}
