/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/pci.h>: the bus of the compatible interface. */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/drivers/pci_helper.h>

#include "compat/compat_pci.h"

/* What is made lives for ever: kept here, so that nothing counts as lost. */
static void *kept[64];
static unsigned kept_count;

static void *keep(void *memory)
{
    assert_true(kept_count < 64);
    kept[kept_count++] = memory;
    return memory;
}

static vmm_pci_space_t *new_space(void)
{
    vmm_pci_space_t *space = NULL;
    assert_int_equal(vmm_pci_init(&space), 0);
    return keep(space);
}

static uint64_t get(vmm_pci_space_t *space, unsigned dev, unsigned fun, unsigned offset,
                    unsigned size)
{
    bool failed = false;
    vmm_pci_address_t addr = { 0, (uint8_t)dev, (uint8_t)fun };
    uint64_t value = vmmp_compat_pci_read(space, addr, offset, size, &failed);
    assert_false(failed);
    return value;
}

static void put(vmm_pci_space_t *space, unsigned dev, unsigned offset, unsigned size,
                uint64_t value)
{
    bool failed = false;
    vmmp_compat_pci_write(space, (vmm_pci_address_t){ 0, (uint8_t)dev, 0 }, offset, size, value,
                          &failed);
    assert_false(failed);
}

static void test_host_bridge(void **state)
{
    (void)state;
    assert_int_equal(vmm_pci_init(NULL), -1);
    vmm_pci_space_t *space = new_space();
    assert_int_equal(space->conf_port_addr, 0);
    static const uint32_t header[16] = { 0x00425e14, 0, 0x06000001 };
    for (unsigned offset = 0; offset < 0x40; offset += 4) {
        put(space, 0, offset, 4, 0xffffffff);
        assert_int_equal(get(space, 0, 0, offset, 4), header[offset / 4]);
    }
    assert_int_equal(get(space, 0, 0, 0x40, 4), 0);
    assert_int_equal(get(space, 0, 1, 0, 4), 0xffffffff);
    assert_int_equal(get(space, 1, 0, 0, 4), 0xffffffff);
}

static void test_addresses(void **state)
{
    vmm_pci_address_t addr;
    uint8_t reg;
    (void)state;
    make_addr_reg_from_config(0x80ffffff, &addr, &reg);
    assert_true(addr.bus == 0xff && addr.dev == 31 && addr.fun == 7 && reg == 0xff);
    make_addr_reg_from_config(2u << 16 | 3 << 11 | 4 << 8 | 5, &addr, &reg);
    assert_true(addr.bus == 2 && addr.dev == 3 && addr.fun == 4 && reg == 5);

    vmm_pci_space_t *space = new_space();
    assert_non_null(find_device(space, (vmm_pci_address_t){ 0, 0, 0 }));
    assert_null(find_device(space, (vmm_pci_address_t){ 1, 0, 0 }));
    assert_null(find_device(space, (vmm_pci_address_t){ 0, 32, 0 }));
    assert_null(find_device(space, (vmm_pci_address_t){ 0, 0, 8 }));
    assert_null(find_device(space, (vmm_pci_address_t){ 0, 255, 255 }));
}

/* An entry that answers with its offset, and notes the piece it was asked for. */
static struct {
    unsigned count;
    int offset[16];
    int size[16];
    uint32_t value[16];
    int result;
} seen;

static int seen_read(void *cookie, int offset, int size, uint32_t *result)
{
    (void)cookie;
    seen.offset[seen.count % 16] = offset;
    seen.size[seen.count++ % 16] = size;
    *result = (uint32_t)offset * 0x01010101u + 0x03020100u;
    return seen.result;
}

static int seen_write(void *cookie, int offset, int size, uint32_t value)
{
    (void)cookie;
    seen.offset[seen.count % 16] = offset;
    seen.size[seen.count % 16] = size;
    seen.value[seen.count++ % 16] = value;
    return seen.result;
}

static const vmm_pci_entry_t seen_entry = { &seen, seen_read, seen_write };

static void test_add_entries(void **state)
{
    vmm_pci_address_t addr = { 9, 9, 9 };
    (void)state;
    vmm_pci_space_t *space = new_space();
    assert_int_equal(vmm_pci_add_entry(NULL, seen_entry, &addr), -1);
    for (unsigned dev = 1; dev < 32; dev++) {
        assert_int_equal(vmm_pci_add_entry(space, seen_entry, dev == 1 ? NULL : &addr), 0);
        assert_true(dev == 1 || (addr.bus == 0 && addr.dev == dev && addr.fun == 0));
    }
    assert_int_equal(vmm_pci_add_entry(space, seen_entry, NULL), -1);
}

/* Any access becomes aligned pieces of 1, 2 or 4 bytes inside the 256 (defect 9). */
static void test_every_access(void **state)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    (void)state;
    vmm_pci_space_t *space = new_space();
    assert_int_equal(vmm_pci_add_entry(space, seen_entry, NULL), 0);
    for (unsigned s = 0; s < 4; s++) {
        for (unsigned offset = 0; offset < 0x100; offset++) {
            uint64_t expected = 0;
            for (unsigned i = 0; i < sizes[s]; i++) {
                uint64_t byte = offset + i < 0x100 ? offset + i : 0xff;
                byte = offset + i == 0x0e ? 0x0e : byte;
                expected |= byte << (8 * i);
            }
            seen.count = 0;
            assert_true(get(space, 1, 0, offset, sizes[s]) == expected);
            for (unsigned i = 0; i < seen.count; i++) {
                assert_true(seen.size[i] == 1 || seen.size[i] == 2 || seen.size[i] == 4);
                assert_int_equal(seen.offset[i] % seen.size[i], 0);
                assert_true(seen.offset[i] + seen.size[i] <= 0x100);
            }
        }
    }
    seen.count = 0;
    put(space, 1, 0x43, 8, UINT64_C(0x8877665544332211));
    assert_int_equal(seen.count, 4);
    assert_true(seen.offset[0] == 0x43 && seen.size[0] == 1 && seen.value[0] == 0x11);
    assert_true(seen.offset[1] == 0x44 && seen.size[1] == 4 && seen.value[1] == 0x55443322);
    assert_true(seen.offset[2] == 0x48 && seen.size[2] == 2 && seen.value[2] == 0x7766);
    assert_true(seen.offset[3] == 0x4a && seen.size[3] == 1 && seen.value[3] == 0x88);
    seen.count = 0;
    put(space, 1, 0xff, 4, 0);
    assert_int_equal(seen.count, 1);
}

static void test_entry_errors(void **state)
{
    bool failed = false;
    vmm_pci_address_t addr = { 0, 1, 0 };
    (void)state;
    vmm_pci_space_t *space = new_space();
    assert_int_equal(vmm_pci_add_entry(space, seen_entry, NULL), 0);
    seen.result = -5;
    assert_int_equal(vmmp_compat_pci_read(space, addr, 0x40, 4, &failed), 0xffffffff);
    assert_true(failed);
    failed = false;
    vmmp_compat_pci_write(space, addr, 0x40, 4, 0, &failed);
    assert_true(failed);
    seen.result = 0;
    failed = false;
    vmmp_compat_pci_read(space, addr, 0x40, 4, &failed);
    assert_false(failed);
}

static int multi_read(void *cookie, int offset, int size, uint32_t *result)
{
    (void)cookie;
    (void)offset;
    (void)size;
    *result = 0xffffffff;
    return 0;
}

/* A passed-through device that has siblings at home has none here. */
static void test_multifunction_is_hidden(void **state)
{
    const vmm_pci_entry_t entry = { NULL, multi_read, vmm_pci_entry_ignore_write };
    (void)state;
    vmm_pci_space_t *space = new_space();
    assert_int_equal(vmm_pci_add_entry(space, entry, NULL), 0);
    assert_int_equal(get(space, 1, 0, 0x0c, 4), 0xff7fffff);
    assert_int_equal(get(space, 1, 0, 0x0e, 1), 0x7f);
    assert_int_equal(get(space, 1, 0, 0x0e, 2), 0xff7f);
    assert_int_equal(get(space, 1, 0, 0x0d, 1), 0xff);
    vmm_pci_entry_t sibling = entry;
    space->bus0[1][3] = &sibling;
    assert_int_equal(get(space, 1, 0, 0x0e, 1), 0xff);
    assert_int_equal(get(space, 1, 3, 0x0e, 1), 0xff);
    space->bus0[1][3] = NULL;
}

/* ---- native functions on a client's bus ---------------------------------------------------- */

struct native {
    struct vmmp_pci_function pci;
    struct vmmp_window window;
    uint8_t tag;
    uint64_t written;
};

static uint64_t native_read(void *device, uint64_t offset, unsigned size)
{
    (void)size;
    return ((struct native *)device)->tag + offset;
}

static void native_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)offset;
    (void)size;
    ((struct native *)device)->written = value;
}

static const struct vmmp_window_ops native_ops = { native_read, native_write };

static void make_native(struct native *native, uint8_t tag, uint64_t size)
{
    static const struct vmmp_pci_identity identity = { .vendor = 0x1af4, .device = 0x1000 };
    memset(native, 0, sizeof(*native));
    vmmp_pci_function_init(&native->pci, "native", &identity, NULL, NULL);
    vmmp_pci_set_command(&native->pci, 3);
    native->tag = tag;
    native->window.name = "native";
    native->window.ops = &native_ops;
    native->window.device = native;
    native->window.size = size;
}

static int port(vmm_io_port_list_t *list, unsigned number)
{
    unsigned data = 0;
    int result = emulate_io_handler(list, number, true, 1, &data);
    return result ? -1 : (int)data;
}

static void test_native_function(void **state)
{
    static struct native n;
    vmm_pci_address_t addr;
    uint32_t value;
    (void)state;
    vmm_pci_space_t *space = new_space();
    make_native(&n, 0, 0x10);
    assert_int_equal(vmmp_compat_pci_add(space, &n.pci, &addr), 0);
    keep(n.pci.bus);
    assert_int_equal(addr.dev, 1);
    assert_int_equal(get(space, 1, 0, 0, 8), UINT64_C(0x0000000310001af4));
    put(space, 1, 0x3c, 1, 0x2a);
    assert_int_equal(get(space, 1, 0, 0x3c, 1), 0x2a);
    vmm_pci_entry_t *entry = find_device(space, addr);
    assert_int_equal(entry->ioread(entry->cookie, -1, 4, &value), -1);
    assert_int_equal(entry->ioread(entry->cookie, 0, 8, &value), -1);
    assert_int_equal(entry->iowrite(entry->cookie, 0, 3, 0), -1);
}

static void test_ports_follow_bar(void **state)
{
    static struct native a;
    static struct native b;
    vmm_io_port_list_t *list;
    (void)state;
    vmm_pci_space_t *space = new_space();
    assert_int_equal(vmm_io_port_init(&list, 0x1000), 0);
    keep(list);
    make_native(&a, 0x10, 0x40);
    make_native(&b, 0x80, 0x400);
    ioport_range_t blk = { 0x8000, 0x8040, 0x40 };
    ioport_range_t net = { 0, 0, 0x400 };
    assert_int_equal(vmmp_compat_pci_add_ports(space, &a.pci, 0, list, blk, IOPORT_ADDR, &a.window),
                     0x8000);
    assert_int_equal(vmmp_compat_pci_add_ports(space, &b.pci, 0, list, net, IOPORT_FREE, &b.window),
                     0x1000);
    assert_int_equal(get(space, 1, 0, 0x10, 4), 0x8001);
    assert_int_equal(get(space, 2, 0, 0x10, 4), 0x1001);
    assert_int_equal(port(list, 0x8005), 0x15);
    assert_int_equal(port(list, 0x8040), -1);
    assert_int_equal(port(list, 0x1001), 0x81);
    unsigned data = 0x77;
    assert_int_equal(emulate_io_handler(list, 0x1002, false, 1, &data), 0);
    assert_int_equal(b.written, 0x77);

    /* Sizing while decoding is on does no harm; the old address comes back. */
    put(space, 1, 0x10, 4, 0xffffffff);
    assert_int_equal(get(space, 1, 0, 0x10, 4), 0xffffffc1);
    assert_int_equal(port(list, 0x8000), -1);
    put(space, 1, 0x10, 4, 0x8000);
    assert_int_equal(port(list, 0x8000), 0x10);

    /* Exchanged, one after the other: on top of each other in between. */
    put(space, 2, 0x10, 4, 0x8000);
    assert_int_equal(port(list, 0x8000), 0x10); /* the lower device number */
    put(space, 1, 0x10, 4, 0x1000);
    assert_int_equal(port(list, 0x8000), 0x80);
    assert_int_equal(port(list, 0x1000), 0x10);
    assert_int_equal(port(list, 0x1040), -1);

    put(space, 2, 0x04, 2, 2);
    assert_int_equal(port(list, 0x8000), -1);
    put(space, 2, 0x04, 2, 1);
    assert_int_equal(port(list, 0x8000), 0x80);
    put(space, 2, 0x10, 4, 0x18000);
    assert_int_equal(port(list, 0x8000), -1);
    keep(a.pci.bus);
    keep(b.pci.bus);
}

static void test_add_ports_errors(void **state)
{
    static struct native n;
    vmm_io_port_list_t *list;
    (void)state;
    vmm_pci_space_t *space = new_space();
    assert_int_equal(vmm_io_port_init(&list, 0x1000), 0);
    keep(list);
    make_native(&n, 0, 0x40);
    const struct {
        unsigned bar;
        ioport_range_t range;
        ioport_type_t type;
    } bad[] = {
        { 0, { 0x8010, 0x804f, 0x40 }, IOPORT_ADDR }, /* not a multiple of the size */
        { 0, { 0xffff, 0, 2 }, IOPORT_ADDR },         { 0, { 0, 0, 0 }, IOPORT_FREE },
        { 0, { 0x8000, 0x8000, 0 }, IOPORT_ADDR },    { 6, { 0, 0, 0x40 }, IOPORT_FREE },
        { 0, { 0, 0, 0x20 }, IOPORT_FREE }, /* smaller than the window */
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(vmmp_compat_pci_add_ports(space, &n.pci, bad[i].bar, list, bad[i].range,
                                                   bad[i].type, &n.window),
                         -1);
        assert_int_equal(list->num_ioports, 0);
        assert_null(space->bus0[1][0]);
    }
    for (unsigned dev = 1; dev < 32; dev++) {
        assert_int_equal(vmm_pci_add_entry(space, seen_entry, NULL), 0);
    }
    ioport_range_t good = { 0, 0, 0x40 };
    assert_int_equal(
        vmmp_compat_pci_add_ports(space, &n.pci, 0, list, good, IOPORT_FREE, &n.window), -1);
    assert_int_equal(vmmp_compat_pci_add(space, &n.pci, NULL), -1);
    assert_int_equal(n.pci.bars[0].type, VMMP_PCI_BAR_NONE);
    assert_int_equal(vmmp_pci_function_read(&n.pci, 0x10, 4), 0);
    assert_int_equal(list->num_ioports, 0);
}

int test_compat_pci(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_bridge),      cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_add_entries),      cmocka_unit_test(test_every_access),
        cmocka_unit_test(test_entry_errors),     cmocka_unit_test(test_multifunction_is_hidden),
        cmocka_unit_test(test_native_function),  cmocka_unit_test(test_ports_follow_bar),
        cmocka_unit_test(test_add_ports_errors),
    };
    return cmocka_run_group_tests_name("compat_pci", tests, NULL, NULL);
}
