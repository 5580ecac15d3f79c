/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X of a function that is nothing else: capability, table, pending bits, messages. */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/pci_msix.h>

#define COUNT   40u
#define CONTROL 0x42u
#define ENABLE  0x8000u
#define MASK    0x4000u
#define MASTER  4u     /* Bit of the command register. */
#define PENDING 0x800u /* Offset of the pending bits. */

int test_pci_msix(void);

struct bench {
    struct vmmp_pci_function function;
    struct vmmp_pci_msix msix;
    struct vmmp_pci_msix_vector vectors[COUNT];
    struct vmmp_context context;
    struct vmmp_msi msi;
    int depth;
    unsigned sent;
    uint64_t address;
    uint32_t data;
    unsigned changes;
    bool enabled;
};

static void enter(void *cookie)
{
    struct bench *bench = cookie;
    assert_int_equal(bench->depth++, 0);
}

static void leave(void *cookie)
{
    struct bench *bench = cookie;
    assert_int_equal(--bench->depth, 0);
}

static void record(void *cookie, uint64_t address, uint32_t data)
{
    struct bench *bench = cookie;
    assert_int_equal(bench->depth, 1);
    bench->sent++;
    bench->address = address;
    bench->data = data;
}

static void changed(void *cookie, bool enabled)
{
    struct bench *bench = cookie;
    assert_int_equal(bench->depth, 1);
    bench->changes++;
    bench->enabled = enabled;
}

static const struct vmmp_msi_ops msi_ops = { record };

static struct vmmp_pci_msix_config configure(struct bench *bench)
{
    bench->context = (struct vmmp_context){ enter, leave, bench };
    bench->msi = (struct vmmp_msi){ &msi_ops, bench };
    struct vmmp_pci_msix_config config = { .msi = &bench->msi,
                                           .vectors = bench->vectors,
                                           .count = COUNT,
                                           .bar = 1,
                                           .context = &bench->context,
                                           .changed = changed,
                                           .cookie = bench };
    return config;
}

static int setup(void **state)
{
    static const struct vmmp_pci_identity identity = { .vendor = 1, .device = 2 };
    struct bench *bench = calloc(1, sizeof(*bench));
    struct vmmp_pci_msix_config config = configure(bench);
    vmmp_pci_function_init(&bench->function, "msix", &identity, NULL, NULL);
    assert_int_equal(vmmp_pci_msix_init(&bench->msix, &bench->function, &config), 0);
    vmmp_pci_set_command(&bench->function, MASTER);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static uint64_t get(struct bench *bench, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&bench->msix.window, offset, size);
}

static void put(struct bench *bench, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&bench->msix.window, offset, size, value);
}

static void control(struct bench *bench, uint16_t value)
{
    vmmp_pci_function_write(&bench->function, CONTROL, 2, value);
}

static void notify(struct bench *bench, unsigned vector)
{
    vmmp_context_enter(&bench->context);
    vmmp_pci_msix_notify(&bench->msix, vector);
    vmmp_context_leave(&bench->context);
}

/* Address, data and mask of a vector, as a driver sets them. */
static void program(struct bench *bench, unsigned vector, bool masked)
{
    put(bench, 16 * vector, 8, 0x1234567800000000 + 0x40 * vector);
    put(bench, 16 * vector + 8, 4, 100 + vector);
    put(bench, 16 * vector + 12, 4, masked);
}

static bool is_pending(struct bench *bench, unsigned vector)
{
    return get(bench, PENDING + vector / 64 * 8, 8) >> (vector % 64) & 1;
}

static void the_capability(void **state)
{
    struct bench *bench = *state;
    struct vmmp_pci_function *function = &bench->function;
    assert_int_equal(vmmp_pci_function_read(function, 0x34, 1), 0x40);
    assert_int_equal(vmmp_pci_function_read(function, 0x40, 4), 0x11 | (COUNT - 1) << 16);
    assert_int_equal(vmmp_pci_function_read(function, 0x44, 4), 1);
    assert_int_equal(vmmp_pci_function_read(function, 0x48, 4), PENDING | 1);
    for (unsigned offset = 0x40; offset < 0x4c; offset += 4) {
        vmmp_pci_function_write(function, offset, 4, 0);
    }
    assert_int_equal(vmmp_pci_function_read(function, 0x40, 4), 0x11 | (COUNT - 1) << 16);
    assert_int_equal(vmmp_pci_function_read(function, 0x44, 8), (PENDING | 1) * (1ull << 32) + 1);
    vmmp_pci_function_write(function, CONTROL, 2, 0xffff);
    assert_int_equal(vmmp_pci_function_read(function, CONTROL, 2), ENABLE | MASK | (COUNT - 1));
    vmmp_pci_function_write(function, CONTROL + 1, 1, 0x80);
    assert_int_equal(vmmp_pci_function_read(function, CONTROL, 2), ENABLE | (COUNT - 1));
    assert_true(bench->msix.enabled && !bench->msix.masked);
    /* Its BAR: memory of 4 KiB. */
    vmmp_pci_function_write(function, 0x14, 4, UINT32_MAX);
    assert_int_equal(vmmp_pci_function_read(function, 0x14, 4), 0xfffff000);
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(vmmp_pci_msix_size(1), 4096);
    assert_int_equal(vmmp_pci_msix_size(128), 4096);
    assert_int_equal(vmmp_pci_msix_size(129), 8192);
    assert_int_equal(vmmp_pci_msix_size(VMMP_PCI_MSIX_VECTORS), 65536);
}

static void a_notification_is_a_message(void **state)
{
    struct bench *bench = *state;
    program(bench, 7, false);
    notify(bench, 7); /* Off */
    assert_int_equal(bench->sent, 0);
    control(bench, ENABLE);
    assert_int_equal(bench->sent, 0);
    notify(bench, 7);
    assert_int_equal(bench->sent, 1);
    assert_int_equal(bench->address, 0x1234567800000000 + 0x40 * 7);
    assert_int_equal(bench->data, 107);
    assert_false(is_pending(bench, 7));
    /* Vectors that do not exist. */
    notify(bench, COUNT);
    notify(bench, 0xffff);
    assert_int_equal(bench->sent, 1);
    assert_int_equal(bench->msix.sent, 1);
}

static void masks_hold_messages_back(void **state)
{
    struct bench *bench = *state;
    control(bench, ENABLE);
    program(bench, 3, true);
    program(bench, 39, false);
    notify(bench, 3);
    notify(bench, 3);
    assert_true(is_pending(bench, 3));
    assert_int_equal(bench->sent, 0);
    put(bench, PENDING, 8, UINT64_MAX); /* Read-only */
    put(bench, PENDING, 8, 0);
    assert_int_equal(get(bench, PENDING, 8), 1 << 3);
    /* What is written while masked counts. */
    put(bench, 16 * 3 + 8, 4, 999);
    put(bench, 16 * 3 + 12, 4, 0);
    assert_int_equal(bench->sent, 1); /* Two notifications, one message. */
    assert_int_equal(bench->data, 999);
    assert_false(is_pending(bench, 3));
    put(bench, 16 * 3 + 12, 4, 0);
    assert_int_equal(bench->sent, 1);

    control(bench, ENABLE | MASK);
    notify(bench, 3);
    notify(bench, 39);
    assert_int_equal(bench->sent, 1);
    assert_int_equal(get(bench, PENDING, 8), 1 << 3 | UINT64_C(1) << 39);
    put(bench, 16 * 3 + 12, 4, 1); /* Both masks */
    control(bench, ENABLE);
    assert_int_equal(bench->sent, 2);
    assert_int_equal(bench->data, 139);
    assert_int_equal(get(bench, PENDING, 8), 1 << 3);
}

/* A driver that lets go of the function takes away its right to write anywhere. */
static void only_a_bus_master_sends(void **state)
{
    struct bench *bench = *state;
    control(bench, ENABLE);
    program(bench, 3, false);
    vmmp_pci_set_command(&bench->function, 0);
    notify(bench, 3);
    put(bench, 16 * 3 + 12, 4, 0);
    control(bench, ENABLE);
    assert_int_equal(bench->sent, 0);
    assert_true(is_pending(bench, 3));
    vmmp_pci_function_write(&bench->function, 4, 1, 2); /* Memory, not bus master */
    assert_int_equal(bench->sent, 0);
    vmmp_pci_function_write(&bench->function, 4, 4, 2 | MASTER);
    assert_int_equal(bench->sent, 1);
    assert_false(is_pending(bench, 3));
    vmmp_pci_function_write(&bench->function, 4, 2, MASTER);
    assert_int_equal(bench->sent, 1);
}

static void what_is_pending_can_be_forgotten(void **state)
{
    struct bench *bench = *state;
    control(bench, ENABLE);
    program(bench, 0, true);
    notify(bench, 0);
    vmmp_pci_msix_forget(&bench->msix);
    assert_false(is_pending(bench, 0));
    notify(bench, 0);
    control(bench, 0); /* Off forgets too. */
    control(bench, ENABLE);
    put(bench, 12, 4, 0);
    assert_int_equal(bench->sent, 0);
}

static void the_device_is_told_when_to_use_intx(void **state)
{
    struct bench *bench = *state;
    control(bench, MASK);
    assert_int_equal(bench->changes, 0);
    control(bench, ENABLE);
    control(bench, ENABLE | MASK);
    assert_int_equal(bench->changes, 1);
    assert_true(bench->enabled);
    control(bench, 0);
    assert_int_equal(bench->changes, 2);
    assert_false(bench->enabled);
}

/* A wide read is the row of its bytes; a write in parts is the whole, and only what may changes. */
static void every_access(void **state)
{
    static const unsigned widths[] = { 1, 2, 4, 8 };
    struct bench *bench = *state;
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(get(bench, 16 * i, 8), 0);
        assert_int_equal(get(bench, 16 * i + 8, 8), UINT64_C(1) << 32); /* Masked at first. */
        program(bench, i, i & 1);
    }
    for (unsigned w = 0; w < 4; w++) {
        for (uint64_t at = 0; at + widths[w] <= bench->msix.window.size; at++) {
            uint64_t expected = 0;
            for (unsigned i = 0; i < widths[w]; i++) {
                expected |= get(bench, at + i, 1) << (8 * i);
            }
            assert_int_equal(get(bench, at, widths[w]), expected);
        }
    }
    for (unsigned w = 0; w < 4; w++) {
        for (unsigned i = 0; i < 16; i++) {
            put(bench, 32 + i, 1, 0);
        }
        for (unsigned at = 0; at < 16; at += widths[w]) {
            put(bench, 32 + at, widths[w], UINT64_MAX);
        }
        assert_int_equal(get(bench, 32, 4), 0xfffffffc);
        assert_int_equal(get(bench, 36, 4), 0xffffffff);
        assert_int_equal(get(bench, 40, 4), 0xffffffff);
        assert_int_equal(get(bench, 44, 4), 1);
    }
    /* Unaligned, over two fields. */
    put(bench, 32 + 6, 4, 0xaabbccdd);
    assert_int_equal(get(bench, 36, 4), 0xccddffff);
    assert_int_equal(get(bench, 40, 4), 0xffffaabb);
    /* Between table and pending bits, and behind. */
    put(bench, 16 * COUNT, 8, UINT64_MAX);
    assert_int_equal(get(bench, 16 * COUNT, 8), 0);
    assert_int_equal(get(bench, bench->msix.window.size - 8, 8), 0);
    assert_int_equal(bench->sent, 0);
}

static void configurations_are_checked(void **state)
{
    static const struct vmmp_pci_identity identity = { .vendor = 1, .device = 2 };
    struct bench *bench = *state;
    struct vmmp_pci_function function;
    struct vmmp_pci_msix msix;
    for (unsigned i = 0; i < 9; i++) {
        struct vmmp_pci_msix_config config = configure(bench);
        const struct vmmp_msi none = { NULL, NULL };
        int expected = -EINVAL;
        vmmp_pci_function_init(&function, "msix", &identity, NULL, NULL);
        config.msi = i == 0 ? NULL : i == 1 ? &none : config.msi;
        config.vectors = i == 2 ? NULL : config.vectors;
        config.context = i == 3 ? NULL : config.context;
        config.count = i == 4 ? 0 : i == 5 ? VMMP_PCI_MSIX_VECTORS + 1 : config.count;
        config.bar = i == 6 ? VMMP_PCI_BARS : config.bar;
        if (i == 7) {
            assert_int_equal(vmmp_pci_add_bar(&function, 1, VMMP_PCI_BAR_MEM32, 4096, NULL), 0);
            expected = -EBUSY;
        }
        config.offset = i == 8 ? 4 : 0;
        assert_int_equal(vmmp_pci_msix_init(&msix, &function, &config), expected);
    }
}

/* In a BAR that the device has: the capability says where, and no BAR is made. */
static void a_shared_bar(void **state)
{
    static const struct vmmp_pci_identity identity = { .vendor = 1, .device = 2 };
    struct bench *bench = *state;
    struct vmmp_pci_function function;
    struct vmmp_pci_msix msix;
    struct vmmp_pci_msix_config config = configure(bench);
    config.shared = true;
    config.bar = 2;
    config.offset = 0x2000;
    vmmp_pci_function_init(&function, "msix", &identity, NULL, NULL);
    assert_int_equal(vmmp_pci_add_bar(&function, 2, VMMP_PCI_BAR_MEM32, 0x4000, NULL), 0);
    assert_int_equal(vmmp_pci_msix_init(&msix, &function, &config), 0);
    assert_int_equal(vmmp_pci_function_read(&function, 0x44, 4), 0x2002);
    assert_int_equal(vmmp_pci_function_read(&function, 0x48, 4), 0x2802);
    assert_int_equal(msix.window.ops->read(&msix, 12, 4), 1);
}

/* ---- somebody else delivers ---- */

struct carried {
    struct bench bench;
    bool live[COUNT];
    uint64_t address[COUNT];
    uint32_t data[COUNT];
    bool waits; /* Something is pending, of every vector. */
};

static void carry(void *cookie, unsigned vector, bool live, uint64_t address, uint32_t data)
{
    struct carried *carried = cookie;
    assert_int_equal(carried->bench.depth, 1);
    carried->live[vector] = live;
    carried->address[vector] = address;
    carried->data[vector] = data;
}

static bool waits(void *cookie, unsigned vector)
{
    const struct carried *carried = cookie;
    assert_int_equal(carried->bench.depth, 1);
    return carried->waits && vector != 1;
}

static const struct vmmp_pci_msix_carrier carrier = { carry, waits };

static void make_carried(struct carried *carried)
{
    static const struct vmmp_pci_identity identity = { .vendor = 1, .device = 2 };
    struct bench *bench = &carried->bench;
    struct vmmp_pci_msix_config config = configure(bench);
    config.msi = NULL;
    config.changed = NULL;
    config.cookie = carried;
    config.shared = true;
    config.offset = 0x4000;
    config.apart = true;
    config.pending_bar = 4;
    config.pending_offset = 0x88;
    vmmp_pci_function_init(&bench->function, "msix", &identity, NULL, NULL);
    assert_int_equal(vmmp_pci_msix_init(&bench->msix, &bench->function, &config), -EINVAL);
    config.carrier = &carrier;
    config.pending_offset = 0x84;
    assert_int_equal(vmmp_pci_msix_init(&bench->msix, &bench->function, &config), -EINVAL);
    config.pending_offset = 0x88;
    assert_int_equal(vmmp_pci_msix_init(&bench->msix, &bench->function, &config), 0);
}

static void a_carrier(void **state)
{
    struct carried *carried = calloc(1, sizeof(*carried));
    struct bench *bench = &carried->bench;
    (void)state;
    make_carried(carried);
    assert_int_equal(vmmp_pci_function_read(&bench->function, 0x44, 4), 0x4001);
    assert_int_equal(vmmp_pci_function_read(&bench->function, 0x48, 4), 0x8c);
    assert_int_equal(bench->msix.window.size, COUNT * 16);
    assert_int_equal(bench->msix.pending_window.size, 8);
    program(bench, 3, false);
    control(bench, ENABLE);
    assert_false(carried->live[3]); /* It is no bus master. */
    vmmp_pci_set_command(&bench->function, MASTER);
    assert_true(carried->live[3]);
    assert_int_equal(carried->address[3], 0x12345678000000c0);
    assert_int_equal(carried->data[3], 103);
    assert_false(carried->live[2]);
    put(bench, 16 * 3 + 8, 4, 7);
    assert_int_equal(carried->data[3], 7);
    control(bench, ENABLE | MASK);
    assert_false(carried->live[3]);
    control(bench, ENABLE);
    carried->waits = true;
    assert_int_equal(vmmp_window_read(&bench->msix.pending_window, 0, 8),
                     (UINT64_C(1) << COUNT) - 1 - (1 << 1) - (1 << 3));
    vmmp_window_write(&bench->msix.pending_window, 0, 8, 0);
    assert_int_equal(vmmp_window_read(&bench->msix.pending_window, 0, 1), 0xf5);
    notify(bench, 3); /* Is not how its vectors tell. */
    assert_int_equal(bench->sent, 0);
    control(bench, 0);
    assert_false(carried->live[3]);
    free(carried);
}

int test_pci_msix(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_capability),
        cmocka_unit_test(sizes),
        TEST(a_notification_is_a_message),
        TEST(masks_hold_messages_back),
        TEST(only_a_bus_master_sends),
        TEST(what_is_pending_can_be_forgotten),
        TEST(the_device_is_told_when_to_use_intx),
        TEST(every_access),
        TEST(configurations_are_checked),
        TEST(a_shared_bar),
        TEST(a_carrier),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
