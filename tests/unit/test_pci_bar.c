/* SPDX-License-Identifier: BSD-2-Clause */
/* BARs on a host: sizing, moving, enabling, overlapping, and who answers where. */
#include "vmmp_test.h"

#include <errno.h>
#include <pthread.h>

#include <sel4vmmplatsupport/vmmp/pci_host.h>

#define MEM_BASE  0x3f000000u
#define MEM_SIZE  0x1000000u
#define PORT_SIZE 0x10000u

/* A device that answers with its tag and the offset. */
struct device {
    struct vmmp_pci_function pci;
    struct vmmp_window windows[2];
    uint8_t tag;
    uint64_t last_offset;
    unsigned last_size;
    uint64_t last_value;
    unsigned events;
    struct {
        unsigned bar;
        uint64_t address;
        bool mapped;
    } log[16];
};

static uint64_t device_read(void *cookie, uint64_t offset, unsigned size)
{
    struct device *device = cookie;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)(uint8_t)(device->tag + offset + i) << (8 * i);
    }
    return value;
}

static void device_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct device *device = cookie;
    device->last_offset = offset;
    device->last_size = size;
    device->last_value = value;
}

static const struct vmmp_window_ops device_ops = { device_read, device_write };

static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    struct device *device = cookie;
    if (device->events < 16) {
        device->log[device->events].bar = bar;
        device->log[device->events].address = address;
        device->log[device->events].mapped = mapped;
    }
    device->events++;
}

static const struct vmmp_pci_function_ops function_ops = { .bar_mapped = bar_mapped };

static void make_device(struct device *device, uint8_t tag, uint64_t size)
{
    static const struct vmmp_pci_identity identity = { .vendor = 0x1af4, .device = 0x1000 };
    memset(device, 0, sizeof(*device));
    device->tag = tag;
    vmmp_pci_function_init(&device->pci, "dev", &identity, &function_ops, device);
    for (unsigned i = 0; i < 2; i++) {
        device->windows[i].name = "bar";
        device->windows[i].ops = &device_ops;
        device->windows[i].device = device;
        device->windows[i].size = size;
    }
}

static void make_host(struct vmmp_pci_host *pci)
{
    const struct vmmp_pci_host_config config = {
        .config_kind = VMMP_PCI_CONFIG_CAM,
        .memory_base = MEM_BASE,
        .memory_size = MEM_SIZE,
        .port_size = PORT_SIZE,
        .port_allocation_base = 0x1000,
    };
    assert_int_equal(vmmp_pci_host_init(pci, &config, NULL, NULL), 0);
}

static uint64_t mem(struct vmmp_pci_host *pci, uint64_t address, unsigned size)
{
    return vmmp_window_read(&pci->memory, address - MEM_BASE, size);
}

static struct vmmp_pci_host host;
static struct vmmp_pci_host other_host;

static void test_add_bar_checks(void **state)
{
    struct device d;
    (void)state;
    make_device(&d, 0, 0x100);
    struct vmmp_window *w = &d.windows[0];
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 6, VMMP_PCI_BAR_MEM32, 0x100, w), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 5, VMMP_PCI_BAR_MEM64, 0x100, w), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_NONE, 0x100, w), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM32, 0x180, w), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM32, 0, w), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM32, 0x80, w), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM32, 8, NULL), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_IO, 2, NULL), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_IO, 0x20000, NULL), -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM32, UINT64_C(1) << 32, NULL),
                     -EINVAL);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 1, VMMP_PCI_BAR_MEM64, 0x100, w), 0);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 1, VMMP_PCI_BAR_IO, 0x100, w), -EBUSY);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 2, VMMP_PCI_BAR_IO, 0x100, w), -EBUSY);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM64, 0x100, w), -EBUSY);
    assert_int_equal(vmmp_pci_set_bar_address(&d.pci, 2, 0), -EINVAL);
    assert_int_equal(vmmp_pci_set_bar_address(&d.pci, 9, 0), -EINVAL);
    assert_int_equal(vmmp_pci_bar_address(&d.pci, 0), 0);
    assert_int_equal(vmmp_pci_set_bar_address(&d.pci, 1, UINT64_C(0x1234567880)), 0);
    assert_true(vmmp_pci_bar_address(&d.pci, 1) == UINT64_C(0x1234567800));
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM32, 0x100, w), 0);
    assert_int_equal(vmmp_pci_set_bar_address(&d.pci, 0, UINT64_C(1) << 32), -EINVAL);
}

/* 6.2.5.1: write all-ones, read back the size; type bits never change. */
static void test_sizing(void **state)
{
    static const struct {
        enum vmmp_pci_bar_type type;
        uint64_t size;
        uint64_t sized;
    } rows[] = {
        { VMMP_PCI_BAR_IO, 4, 0xfffffffd },
        { VMMP_PCI_BAR_IO, 0x400, 0xfffffc01 },
        { VMMP_PCI_BAR_MEM32, 16, 0xfffffff0 },
        { VMMP_PCI_BAR_MEM32, 0x80000000, 0x80000000 },
        { VMMP_PCI_BAR_MEM32_PREFETCH, 0x1000, 0xfffff008 },
        { VMMP_PCI_BAR_MEM64, 0x4000, UINT64_C(0xffffffffffffc004) },
        { VMMP_PCI_BAR_MEM64_PREFETCH, UINT64_C(1) << 33, UINT64_C(0xfffffffe0000000c) },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct device d;
        make_device(&d, 0, 4);
        assert_int_equal(vmmp_pci_add_bar(&d.pci, 2, rows[i].type, rows[i].size, NULL), 0);
        uint64_t flags = rows[i].sized & (rows[i].type == VMMP_PCI_BAR_IO ? 3 : 15);
        assert_int_equal(vmmp_pci_function_read(&d.pci, 0x18, 4), flags);
        vmmp_pci_function_write(&d.pci, 0x18, 4, 0xffffffff);
        assert_int_equal(vmmp_pci_function_read(&d.pci, 0x18, 4), rows[i].sized & 0xffffffff);
        vmmp_pci_function_write(&d.pci, 0x1c, 4, 0xffffffff);
        assert_int_equal(vmmp_pci_function_read(&d.pci, 0x1c, 4), rows[i].sized >> 32);
        /* Byte by byte it is the same. */
        for (unsigned b = 0; b < 8; b++) {
            vmmp_pci_function_write(&d.pci, 0x18 + b, 1, 0);
        }
        assert_true(vmmp_pci_function_read(&d.pci, 0x18, 8) == flags);
        for (unsigned b = 0; b < 8; b++) {
            vmmp_pci_function_write(&d.pci, 0x18 + b, 1, 0xff);
        }
        assert_true(vmmp_pci_function_read(&d.pci, 0x18, 8) == rows[i].sized);
    }
}

static void test_window_follows_bar(void **state)
{
    struct device d;
    (void)state;
    make_host(&host);
    make_device(&d, 0x40, 0x1000);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 0, VMMP_PCI_BAR_MEM32, 0x1000, &d.windows[0]), 0);
    assert_int_equal(vmmp_pci_host_add(&host, &d.pci, VMMP_PCI_ANY_DEVICE, 0), 0);
    uint32_t top = MEM_BASE + MEM_SIZE - 0x1000;
    assert_int_equal(vmmp_pci_config_read(&host, 0, 0x10, 4), top);

    /* Nothing answers until memory decoding is on. */
    assert_int_equal(mem(&host, top, 4), 0xffffffff);
    vmmp_pci_config_write(&host, 0, 0x04, 2, 0x1);
    assert_int_equal(mem(&host, top, 4), 0xffffffff);
    assert_int_equal(d.events, 0);
    vmmp_pci_config_write(&host, 0, 0x04, 2, 0x2);
    assert_int_equal(mem(&host, top, 4), 0x43424140);
    assert_int_equal(d.events, 1);
    assert_true(d.log[0].mapped && d.log[0].bar == 0 && d.log[0].address == top);

    vmmp_window_write(&host.memory, top + 0x24 - MEM_BASE, 2, 0xabcd);
    assert_int_equal(d.last_offset, 0x24);
    assert_int_equal(d.last_size, 2);
    assert_int_equal(d.last_value, 0xabcd);

    /* Moved: the new place answers, the old one does not. */
    vmmp_pci_config_write(&host, 0, 0x10, 4, MEM_BASE + 0x5000);
    assert_int_equal(mem(&host, top, 4), 0xffffffff);
    assert_int_equal(mem(&host, MEM_BASE + 0x5ffc, 4), 0x3f3e3d3c);
    assert_int_equal(d.events, 3);
    assert_true(!d.log[1].mapped && d.log[1].address == top);
    assert_true(d.log[2].mapped && d.log[2].address == MEM_BASE + 0x5000);

    /* Out of the window, half out of it, and back by bytes. */
    vmmp_pci_config_write(&host, 0, 0x10, 4, MEM_BASE - 0x1000);
    assert_int_equal(d.events, 4);
    vmmp_pci_config_write(&host, 0, 0x10, 4, 0xffffffff);
    vmmp_pci_config_write(&host, 0, 0x10, 4, 0);
    assert_int_equal(d.events, 4);
    assert_int_equal(mem(&host, MEM_BASE + 0x5000, 4), 0xffffffff);
    vmmp_pci_config_write(&host, 0, 0x13, 1, MEM_BASE >> 24);
    assert_int_equal(mem(&host, MEM_BASE, 1), 0x40);
    vmmp_pci_config_write(&host, 0, 0x04, 2, 0);
    assert_int_equal(mem(&host, MEM_BASE, 1), 0xff);
    vmmp_pci_host_fini(&host);
}

static void test_ports_follow_bar(void **state)
{
    struct device d;
    (void)state;
    make_host(&host);
    make_device(&d, 0, 0x20);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 1, VMMP_PCI_BAR_IO, 0x40, &d.windows[0]), 0);
    vmmp_pci_set_command(&d.pci, 1);
    assert_int_equal(vmmp_pci_host_add(&host, &d.pci, 5, 0), 5 << 3);
    assert_int_equal(vmmp_pci_config_read(&host, 5 << 3, 0x14, 4), 0x1001);
    assert_int_equal(vmmp_window_read(&host.ports, 0x1010, 2), 0x1110);
    /* The window is smaller than its BAR; the rest is nobody's. */
    assert_int_equal(vmmp_window_read(&host.ports, 0x1020, 2), 0xffff);
    vmmp_pci_config_write(&host, 5 << 3, 0x14, 4, 0xffc1);
    assert_int_equal(vmmp_window_read(&host.ports, 0xffc4, 4), 0x07060504);
    vmmp_pci_config_write(&host, 5 << 3, 0x14, 4, 0x1ffc1);
    assert_int_equal(vmmp_window_read(&host.ports, 0xffc4, 4), 0xffffffff);
    vmmp_pci_host_fini(&host);
}

static void test_64_bit_bar(void **state)
{
    struct device d;
    (void)state;
    make_host(&host);
    make_device(&d, 0x10, 0x4000);
    assert_int_equal(vmmp_pci_add_bar(&d.pci, 4, VMMP_PCI_BAR_MEM64, 0x4000, &d.windows[0]), 0);
    vmmp_pci_set_command(&d.pci, 2);
    assert_int_equal(vmmp_pci_host_add(&host, &d.pci, 0, 0), 0);
    assert_int_equal(mem(&host, MEM_BASE + MEM_SIZE - 0x4000, 1), 0x10);
    vmmp_pci_config_write(&host, 0, 0x24, 4, 1); /* above 4 GiB: out of reach */
    assert_int_equal(mem(&host, MEM_BASE + MEM_SIZE - 0x4000, 1), 0xff);
    vmmp_pci_config_write(&host, 0, 0x20, 8, MEM_BASE + 0x8000);
    assert_int_equal(mem(&host, MEM_BASE + 0x8000, 1), 0x10);
    vmmp_pci_host_fini(&host);
}

/* The lower device number answers, byte for byte; what it leaves is the other's. */
static void test_overlaps(void **state)
{
    struct device d[4];
    static const uint32_t sizes[] = { 0x100, 0x1000, 0x400, 0x2000 };
    (void)state;
    make_host(&host);
    for (unsigned i = 0; i < 4; i++) {
        make_device(&d[i], (uint8_t)(0x40 * i), sizes[i]);
        assert_int_equal(
            vmmp_pci_add_bar(&d[i].pci, 0, VMMP_PCI_BAR_MEM32, sizes[i], &d[i].windows[0]), 0);
        vmmp_pci_set_command(&d[i].pci, 2);
        assert_int_equal(vmmp_pci_host_add(&host, &d[i].pci, VMMP_PCI_ANY_DEVICE, 0), i << 3);
    }
    static const uint32_t places[][4] = {
        { 0x800, 0, 0x400, 0 },      { 0, 0, 0, 0 },          { 0x1f00, 0x1000, 0x1c00, 0 },
        { 0x100, 0x1000, 0x400, 0 }, { 0x4000, 0, 0x400, 0 }, { 0x3f00, 0x3000, 0x3000, 0x2000 },
    };
    for (unsigned p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
        for (unsigned i = 0; i < 4; i++) {
            vmmp_pci_config_write(&host, i << 3, 0x10, 4, MEM_BASE + places[p][i]);
        }
        for (uint32_t offset = 0; offset < 0x5000; offset++) {
            uint64_t expected = 0xff;
            for (unsigned i = 4; i > 0; i--) {
                uint32_t start = places[p][i - 1];
                if (offset >= start && offset - start < sizes[i - 1]) {
                    expected = (uint8_t)(d[i - 1].tag + offset - start);
                }
            }
            assert_int_equal(mem(&host, MEM_BASE + offset, 1), expected);
        }
        /* Accesses that straddle pieces are the merge of the bytes. */
        for (uint32_t offset = 0; offset < 0x4ff8; offset++) {
            uint64_t expected = 0;
            for (unsigned b = 0; b < 8; b++) {
                expected |= mem(&host, MEM_BASE + offset + b, 1) << (8 * b);
            }
            assert_true(mem(&host, MEM_BASE + offset, 8) == expected);
        }
    }
    /* A straddling write reaches both, each with its byte. */
    vmmp_pci_config_write(&host, 0 << 3, 0x10, 4, MEM_BASE + 0x1000);
    vmmp_pci_config_write(&host, 2 << 3, 0x10, 4, MEM_BASE + 0xc00);
    vmmp_pci_config_write(&host, 1 << 3, 0x10, 4, MEM_BASE + 0x9000);
    vmmp_pci_config_write(&host, 3 << 3, 0x10, 4, MEM_BASE + 0xa000);
    vmmp_window_write(&host.memory, 0xfff, 2, 0x2211);
    assert_int_equal(d[2].last_offset, 0x3ff);
    assert_int_equal(d[2].last_value, 0x11);
    assert_int_equal(d[0].last_offset, 0);
    assert_int_equal(d[0].last_value, 0x22);
    vmmp_pci_host_fini(&host);
}

/* Many BARs everywhere: the table against a model, for pseudo-random places. */
static void test_table_against_model(void **state)
{
    enum { DEVICES = 16, BARS = 6, SPAN = 0x1000 };
    static struct device d[DEVICES];
    uint32_t random = 1;
    (void)state;
    make_host(&host);
    for (unsigned i = 0; i < DEVICES; i++) {
        make_device(&d[i], (uint8_t)i, 0x10);
        for (unsigned b = 0; b < BARS; b++) {
            uint64_t size = UINT64_C(0x10) << ((i + b) % 8);
            assert_int_equal(
                vmmp_pci_add_bar(&d[i].pci, b, VMMP_PCI_BAR_MEM32, size, &d[i].windows[b & 1]), 0);
        }
        d[i].windows[0].size = 0x10;
        d[i].windows[1].size = 0x10;
        vmmp_pci_set_command(&d[i].pci, 2);
        assert_int_equal(vmmp_pci_host_add(&host, &d[i].pci, VMMP_PCI_ANY_DEVICE, 0), i << 3);
    }
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < DEVICES; i++) {
            for (unsigned b = 0; b < BARS; b++) {
                random = random * 1664525u + 1013904223u;
                vmmp_pci_config_write(&host, i << 3, 0x10 + 4 * b, 4,
                                      MEM_BASE + ((random >> 12) & (SPAN - 1)));
            }
        }
        for (uint32_t offset = 0; offset < 2 * SPAN; offset += 4) {
            uint64_t expected = 0xff;
            for (unsigned n = DEVICES * BARS; n > 0; n--) {
                struct device *owner = &d[(n - 1) / BARS];
                const struct vmmp_pci_bar *bar = &owner->pci.bars[(n - 1) % BARS];
                uint64_t start = bar->address - MEM_BASE;
                if (offset >= start && offset - start < bar->size) {
                    bool inside = offset - start < 0x10;
                    expected = inside ? (uint8_t)(owner->tag + offset - start) : 0xff;
                }
            }
            assert_int_equal(mem(&host, MEM_BASE + offset, 1), expected);
        }
    }
    vmmp_pci_host_fini(&host);
}

/* Two BARs of one device that change places are never reported on top of each other. */
static void test_swap_leaves_first(void **state)
{
    struct device d;
    (void)state;
    make_host(&host);
    make_device(&d, 0, 0x100);
    for (unsigned b = 0; b < 2; b++) {
        assert_int_equal(vmmp_pci_add_bar(&d.pci, b, VMMP_PCI_BAR_MEM32, 0x100, &d.windows[b]), 0);
        vmmp_pci_set_bar_address(&d.pci, b, MEM_BASE + 0x100 * b);
    }
    vmmp_pci_set_command(&d.pci, 2);
    assert_int_equal(vmmp_pci_host_add(&host, &d.pci, 3, 0), 3 << 3);
    d.events = 0;
    vmmp_pci_config_write(&host, 3 << 3, 0x10, 8, (uint64_t)MEM_BASE << 32 | (MEM_BASE + 0x100));
    assert_int_equal(d.events, 4);
    assert_false(d.log[0].mapped || d.log[1].mapped);
    assert_true(d.log[2].mapped && d.log[3].mapped);
    assert_int_equal(d.log[2].address, MEM_BASE + 0x100);
    /* Taken out: both places go. */
    vmmp_pci_host_remove(&host, &d.pci);
    assert_int_equal(d.events, 6);
    assert_int_equal(mem(&host, MEM_BASE, 4), 0xffffffff);
    vmmp_pci_host_fini(&host);
}

/* Two hosts with the same addresses have nothing to do with each other. */
static void test_two_hosts(void **state)
{
    struct device a;
    struct device b;
    (void)state;
    make_host(&host);
    make_host(&other_host);
    make_device(&a, 1, 0x10);
    make_device(&b, 2, 0x10);
    assert_int_equal(vmmp_pci_add_bar(&a.pci, 0, VMMP_PCI_BAR_MEM32, 0x10, &a.windows[0]), 0);
    assert_int_equal(vmmp_pci_add_bar(&b.pci, 0, VMMP_PCI_BAR_MEM32, 0x10, &b.windows[0]), 0);
    vmmp_pci_set_command(&a.pci, 2);
    vmmp_pci_set_command(&b.pci, 2);
    assert_int_equal(vmmp_pci_host_add(&host, &a.pci, 0, 0), 0);
    assert_int_equal(vmmp_pci_host_add(&other_host, &b.pci, 0, 0), 0);
    uint32_t place = MEM_BASE + MEM_SIZE - 0x10;
    assert_int_equal(mem(&host, place, 1), 1);
    assert_int_equal(mem(&other_host, place, 1), 2);
    vmmp_pci_host_fini(&host);
    assert_int_equal(mem(&other_host, place, 1), 2);
    vmmp_pci_host_fini(&other_host);
}

/* ---- threads ------------------------------------------------------------------------------- */

static struct {
    struct device a;
    struct device b;
    bool stop;
} race;

static void *mover(void *cookie)
{
    (void)cookie;
    for (unsigned i = 0; i < 3000; i++) {
        vmmp_pci_config_write(&host, 0, 0x10, 4, MEM_BASE + (i & 7) * 0x100);
        vmmp_pci_config_write(&host, 8, 0x04, 2, i & 1 ? 2 : 0);
    }
    __atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Another vCPU's accesses see a device wholly or not at all, wherever its BAR is just now. */
static void test_moves_race_with_accesses(void **state)
{
    pthread_t thread;
    unsigned long wrong = 0;
    (void)state;
    memset(&race, 0, sizeof(race));
    make_host(&host);
    make_device(&race.a, 0, 0x100);
    make_device(&race.b, 0x80, 0x1000);
    assert_int_equal(
        vmmp_pci_add_bar(&race.a.pci, 0, VMMP_PCI_BAR_MEM32, 0x100, &race.a.windows[0]), 0);
    assert_int_equal(
        vmmp_pci_add_bar(&race.b.pci, 0, VMMP_PCI_BAR_MEM32, 0x1000, &race.b.windows[0]), 0);
    vmmp_pci_set_bar_address(&race.b.pci, 0, MEM_BASE + 0x1000);
    vmmp_pci_set_command(&race.a.pci, 2);
    assert_int_equal(vmmp_pci_host_add(&host, &race.a.pci, 0, 0), 0);
    assert_int_equal(vmmp_pci_host_add(&host, &race.b.pci, 1, 0), 8);
    assert_int_equal(pthread_create(&thread, NULL, mover, NULL), 0);
    while (!__atomic_load_n(&race.stop, __ATOMIC_ACQUIRE)) {
        for (unsigned i = 0; i < 8; i++) {
            uint64_t value = mem(&host, MEM_BASE + i * 0x100 + 0x10, 4);
            wrong += value != 0x13121110 && value != 0xffffffff;
        }
        uint64_t value = mem(&host, MEM_BASE + 0x1000 + 0x20, 4);
        wrong += value != 0xa3a2a1a0 && value != 0xffffffff;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wrong, 0);
    vmmp_pci_host_fini(&host);
}

int test_pci_bar(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_bar_checks),      cmocka_unit_test(test_sizing),
        cmocka_unit_test(test_window_follows_bar),  cmocka_unit_test(test_ports_follow_bar),
        cmocka_unit_test(test_64_bit_bar),          cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_table_against_model), cmocka_unit_test(test_swap_leaves_first),
        cmocka_unit_test(test_two_hosts),           cmocka_unit_test(test_moves_race_with_accesses),
    };
    return cmocka_run_group_tests_name("pci_bar", tests, NULL, NULL);
}
