/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/ioapic.h>

#define LEVEL  0x8000u
#define MASKED 0x10000u

struct machine {
    struct vmmp_ioapic ioapic;
    struct vmmp_ioapic_message sent;
    unsigned count;
    struct vmmp_ioapic_message routes[VMMP_IOAPIC_PINS];
    unsigned finished;
    bool lowers; /* The input falls at its EOI. */
};

static void on_deliver(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message)
{
    struct machine *m = cookie;
    /* The host knew it before. */
    assert_int_equal(m->routes[pin].address, message->address);
    assert_int_equal(m->routes[pin].data, message->data);
    m->sent = *message;
    m->count++;
}

static void on_route(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message)
{
    ((struct machine *)cookie)->routes[pin] = *message;
}

static bool on_eoi(void *cookie, unsigned pin, bool high)
{
    struct machine *m = cookie;
    (void)pin;
    m->finished++;
    return high && !m->lowers;
}

static void make(struct machine *m)
{
    memset(m, 0, sizeof(*m));
    const struct vmmp_ioapic_config config = {
        .id = 3, .deliver = on_deliver, .route = on_route, .eoi = on_eoi, .cookie = m
    };
    assert_int_equal(vmmp_ioapic_init(&m->ioapic, &config), 0);
}

static uint32_t get(struct machine *m, unsigned index)
{
    vmmp_window_write(&m->ioapic.window, 0, 4, index);
    assert_int_equal(vmmp_window_read(&m->ioapic.window, 0, 4), index);
    return (uint32_t)vmmp_window_read(&m->ioapic.window, 0x10, 4);
}

static void put(struct machine *m, unsigned index, uint32_t value)
{
    vmmp_window_write(&m->ioapic.window, 0, 4, index);
    vmmp_window_write(&m->ioapic.window, 0x10, 4, value);
}

static void set_entry(struct machine *m, unsigned pin, uint32_t low, uint32_t high)
{
    put(m, 0x11 + 2 * pin, high);
    put(m, 0x10 + 2 * pin, low);
}

static void registers(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    assert_int_equal(get(&m, 0), 3u << 24);
    put(&m, 0, 0xffffffff);
    assert_int_equal(get(&m, 0), 0x0f000000);
    assert_int_equal(get(&m, 2), 0x0f000000);
    assert_int_equal(get(&m, 1), 0x00170020);
    put(&m, 1, 0);
    assert_int_equal(get(&m, 1), 0x00170020);
    assert_int_equal(get(&m, 0x10 + 2 * 23), MASKED);
    set_entry(&m, 23, 0xffffffff, 0xffffffff);
    assert_int_equal(get(&m, 0x3e),
                     0x1afff); /* Delivery status and remote IRR are not the guest's. */
    assert_int_equal(get(&m, 0x3f), 0xff000000);
    assert_int_equal(get(&m, 0x40), 0xffffffff);
    assert_int_equal(get(&m, 3), 0xffffffff);
    put(&m, 0x40, 0);
    put(&m, 0xff, 0);
    /* Part of a register, and what is none. */
    vmmp_window_write(&m.ioapic.window, 0, 1, 0x3e);
    vmmp_window_write(&m.ioapic.window, 0x11, 1, 0x01);
    assert_int_equal(get(&m, 0x3e), 0x101ff);
    assert_int_equal(vmmp_window_read(&m.ioapic.window, 0x20, 4), 0xffffffff);
    vmmp_window_write(&m.ioapic.window, 0x20, 4, 0);
    assert_int_equal(m.count, 0);
    vmmp_ioapic_fini(&m.ioapic);
}

static void edges(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    vmmp_ioapic_set(&m.ioapic, 4, true); /* Masked: lost. */
    set_entry(&m, 4, 0x41 | 0x100 | 0x800, 0x05000000);
    assert_int_equal(m.count, 0);
    vmmp_ioapic_set(&m.ioapic, 4, true);
    assert_int_equal(m.count, 0);
    vmmp_ioapic_set(&m.ioapic, 4, false);
    vmmp_ioapic_set(&m.ioapic, 4, true);
    assert_int_equal(m.count, 1);
    assert_int_equal(m.sent.address, 0xfee05004); /* To APIC 5, logical. */
    assert_int_equal(m.sent.data, 0x141);         /* Lowest priority, an edge. */
    vmmp_ioapic_set(&m.ioapic, 4, false);
    vmmp_ioapic_set(&m.ioapic, 4, true);
    assert_int_equal(m.count, 2); /* Without an EOI. */
    vmmp_ioapic_eoi(&m.ioapic, 0x41);
    assert_int_equal(m.finished, 0);
    vmmp_ioapic_set(&m.ioapic, VMMP_IOAPIC_PINS, true);
    vmmp_ioapic_set(&m.ioapic, 4000000000u, true);
    assert_int_equal(m.count, 2);
}

static void levels(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    set_entry(&m, 16, 0x51 | LEVEL, 0);
    set_entry(&m, 17, 0x51 | LEVEL, 0); /* The same vector. */
    vmmp_ioapic_set(&m.ioapic, 16, true);
    assert_int_equal(m.count, 1);
    assert_int_equal(m.sent.data, 0xc051); /* Level-triggered, asserted. */
    assert_int_equal(get(&m, 0x30), 0x51 | LEVEL | 1 << 14);
    vmmp_ioapic_set(&m.ioapic, 16, false);
    vmmp_ioapic_set(&m.ioapic, 16, true);
    assert_int_equal(m.count, 1); /* Not before its EOI, */
    vmmp_ioapic_eoi(&m.ioapic, 0x52);
    assert_int_equal(m.count, 1);
    vmmp_ioapic_eoi(&m.ioapic, 0x51);
    assert_int_equal(m.finished, 1); /* which is that pin's alone: the other sent nothing. */
    assert_int_equal(m.count, 2);    /* High still: again. */
    vmmp_ioapic_set(&m.ioapic, 16, false);
    vmmp_ioapic_eoi(&m.ioapic, 0x51);
    assert_int_equal(m.count, 2);
    assert_int_equal(get(&m, 0x30), 0x51 | LEVEL);
    /* Masked while high, and unmasked. */
    put(&m, 0x30, 0x51 | LEVEL | MASKED);
    vmmp_ioapic_set(&m.ioapic, 16, true);
    assert_int_equal(m.count, 2);
    put(&m, 0x30, 0x51 | LEVEL);
    assert_int_equal(m.count, 3);
    /* Masked while it is served: its EOI counts, and sends nothing. */
    put(&m, 0x30, 0x51 | LEVEL | MASKED);
    vmmp_ioapic_eoi(&m.ioapic, 0x51);
    assert_int_equal(m.count, 3);
    assert_int_equal(get(&m, 0x30), 0x51 | LEVEL | MASKED);
    /* An injected one falls with its end. */
    m.lowers = true;
    put(&m, 0x30, 0x51 | LEVEL);
    assert_int_equal(m.count, 4);
    vmmp_ioapic_eoi(&m.ioapic, 0x51);
    assert_int_equal(m.count, 4);
}

/* How drivers end an interrupt that a local APIC's EOI has not reached. */
static void ends_without_a_local_apic(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    set_entry(&m, 9, 0x61 | LEVEL, 0);
    vmmp_ioapic_set(&m.ioapic, 9, true);
    vmmp_ioapic_set(&m.ioapic, 9, false);
    vmmp_window_write(&m.ioapic.window, 0x40, 4, 0x61);
    assert_int_equal(get(&m, 0x22), 0x61 | LEVEL);
    vmmp_ioapic_set(&m.ioapic, 9, true);
    vmmp_ioapic_set(&m.ioapic, 9, false);
    put(&m, 0x22, 0x61 | MASKED); /* Edge, and back. */
    put(&m, 0x22, 0x61 | LEVEL);
    assert_int_equal(get(&m, 0x22), 0x61 | LEVEL);
    assert_int_equal(m.count, 2);
}

/* An edge whose end somebody wants to know of. */
static void observed(void **state)
{
    struct machine m;
    (void)state;
    make(&m);
    set_entry(&m, 5, 0x71, 0);
    assert_int_equal(m.routes[5].data, 0x71);
    vmmp_ioapic_observe(&m.ioapic, 5);
    vmmp_ioapic_observe(&m.ioapic, 500);
    assert_int_equal(m.routes[5].data, 0xc071);
    m.lowers = true;
    vmmp_ioapic_set(&m.ioapic, 5, true);
    assert_int_equal(m.count, 1);
    assert_int_equal(m.sent.data, 0xc071);
    vmmp_ioapic_eoi(&m.ioapic, 0x71);
    assert_int_equal(m.finished, 1);
    assert_int_equal(m.count, 1);
    vmmp_ioapic_set(&m.ioapic, 5, true);
    assert_int_equal(m.count, 2);
    assert_int_equal(get(&m, 0x1a), 0x71);
    const struct vmmp_ioapic_config config = { .deliver = NULL };
    assert_int_equal(vmmp_ioapic_init(&m.ioapic, &config), -EINVAL);
}

int test_ioapic(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers), cmocka_unit_test(edges),
        cmocka_unit_test(levels),    cmocka_unit_test(ends_without_a_local_apic),
        cmocka_unit_test(observed),
    };
    return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
