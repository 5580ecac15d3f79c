/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/pci_helper.h>: what a guest can reach of a passed-through device. */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/drivers/pci_helper.h>

/* The layers live for ever: kept here, so that nothing counts as lost. */
static void *kept[64];
static unsigned kept_count;

static vmm_pci_entry_t keep(vmm_pci_entry_t entry)
{
    assert_true(kept_count < 64);
    kept[kept_count++] = entry.cookie;
    return entry;
}

/* A real device: 256 bytes of hardware that remember every byte that was written. */
static struct {
    uint8_t bytes[256];
    unsigned writes[256]; /* how often each byte was */
    unsigned accesses;
    unsigned last_size;
} hardware;

static uint32_t hardware_read(unsigned offset, unsigned size)
{
    uint32_t value = 0;
    assert_true(offset + size <= 256);
    hardware.accesses++;
    hardware.last_size = size;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)hardware.bytes[offset + i] << (8 * i);
    }
    return value;
}

static void hardware_write(unsigned offset, unsigned size, uint32_t value)
{
    assert_true(offset + size <= 256);
    hardware.accesses++;
    hardware.last_size = size;
    for (unsigned i = 0; i < size; i++) {
        hardware.bytes[offset + i] = (uint8_t)(value >> (8 * i));
        hardware.writes[offset + i]++;
    }
}

static void check_address(void *cookie, vmm_pci_address_t addr)
{
    assert_ptr_equal(cookie, &hardware);
    assert_true(addr.bus == 1 && addr.dev == 2 && addr.fun == 3);
}

static uint8_t ioread8(void *cookie, vmm_pci_address_t addr, unsigned offset)
{
    check_address(cookie, addr);
    return (uint8_t)hardware_read(offset, 1);
}

static uint16_t ioread16(void *cookie, vmm_pci_address_t addr, unsigned offset)
{
    check_address(cookie, addr);
    return (uint16_t)hardware_read(offset, 2);
}

static uint32_t ioread32(void *cookie, vmm_pci_address_t addr, unsigned offset)
{
    check_address(cookie, addr);
    return hardware_read(offset, 4);
}

static void iowrite8(void *cookie, vmm_pci_address_t addr, unsigned offset, uint8_t value)
{
    check_address(cookie, addr);
    hardware_write(offset, 1, value);
}

static void iowrite16(void *cookie, vmm_pci_address_t addr, unsigned offset, uint16_t value)
{
    check_address(cookie, addr);
    hardware_write(offset, 2, value);
}

static void iowrite32(void *cookie, vmm_pci_address_t addr, unsigned offset, uint32_t value)
{
    check_address(cookie, addr);
    hardware_write(offset, 4, value);
}

static vmm_pci_entry_t passthrough(void)
{
    const vmm_pci_config_t config = {
        .cookie = &hardware,
        .ioread8 = ioread8,
        .ioread16 = ioread16,
        .ioread32 = ioread32,
        .iowrite8 = iowrite8,
        .iowrite16 = iowrite16,
        .iowrite32 = iowrite32,
    };
    return keep(vmm_pci_create_passthrough((vmm_pci_address_t){ 1, 2, 3 }, config));
}

static void reset_hardware(void)
{
    memset(&hardware, 0, sizeof(hardware));
    for (unsigned i = 0; i < 256; i++) {
        hardware.bytes[i] = (uint8_t)(0xa0 ^ i);
    }
    hardware.bytes[0x06] = 0; /* no capabilities */
    hardware.bytes[0x0e] = 0;
}

static uint32_t get(const vmm_pci_entry_t *entry, int offset, int size)
{
    uint32_t value = 0;
    assert_int_equal(entry->ioread(entry->cookie, offset, size, &value), 0);
    return value;
}

static void put(const vmm_pci_entry_t *entry, int offset, int size, uint32_t value)
{
    assert_int_equal(entry->iowrite(entry->cookie, offset, size, value), 0);
}

/* Reads of every offset and size are the merge of the byte reads. */
static void check_reads_are_bytes(const vmm_pci_entry_t *entry)
{
    for (int size = 1; size <= 4; size++) {
        for (int offset = 0; offset + size <= 256; offset++) {
            uint32_t expected = 0;
            for (int i = 0; i < size; i++) {
                expected |= get(entry, offset + i, 1) << (8 * i);
            }
            assert_int_equal(get(entry, offset, size), expected);
        }
    }
}

/* Sizes and offsets outside of the contract are errors, not crashes (defect 32). */
static void check_bad_accesses(const vmm_pci_entry_t *entry)
{
    uint32_t value;
    static const int sizes[] = { -1, 0, 5, 8, 1 << 20 };
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(entry->ioread(entry->cookie, 0, sizes[i], &value), -1);
        assert_int_equal(entry->iowrite(entry->cookie, 0, sizes[i], 0), -1);
    }
}

/* ---- header in memory ---------------------------------------------------------------------- */

static void test_mem_device(void **state)
{
    vmm_pci_device_def_t def;
    uint32_t value[2] = { 0, 0x5a5a5a5a };
    (void)state;
    assert_int_equal(PCI_BAR_OFFSET(0), 0x10);
    assert_int_equal(PCI_BAR_OFFSET(5), 0x24);
    assert_int_equal(offsetof(vmm_pci_device_def_t, interrupt_pin), 0x3d);
    assert_int_equal(offsetof(vmm_pci_device_def_t, caps_len), 0x40);
    memset(&def, 0x3c, sizeof(def));
    define_pci_host_bridge(&def);
    assert_int_equal(def.vendor_id, 0x5e14);
    assert_int_equal(def.device_id, 0x0042);
    assert_int_equal(def.class_code, 6);
    assert_int_equal(def.revision_id, 1);
    assert_int_equal(def.caps_len, 0);
    const vmm_pci_entry_t entry = { &def, vmm_pci_mem_device_read, vmm_pci_mem_device_write };
    check_bad_accesses(&entry);
    assert_int_equal(vmm_pci_mem_device_read(&def, -1, 1, value), -1);
    assert_int_equal(vmm_pci_mem_device_write(&def, -4, 4, 0), -1);
    /* No size writes more than the result (defect 9). */
    assert_int_equal(vmm_pci_mem_device_read(&def, 0, 8, value), -1);
    assert_int_equal(value[1], 0x5a5a5a5a);
    /* Behind the header, or over its end: 0, nothing stored, not even what is in the structure. */
    def.caps_len = 0x11111111;
    assert_int_equal(get(&entry, 0x40, 4), 0);
    assert_int_equal(get(&entry, 0x3e, 4), 0);
    assert_int_equal(get(&entry, 0x7ffffffe, 4), 0);
    put(&entry, 0x40, 4, 0xffffffff);
    put(&entry, 0x3e, 4, 0xffffffff);
    assert_int_equal(def.caps_len, 0x11111111);
    assert_int_equal(vmm_pci_entry_ignore_write(NULL, -1, 77, 0), 0);
}

/* A guest cannot make another device of it (defect 14). */
static void test_mem_device_is_mostly_read_only(void **state)
{
    (void)state;
    for (int size = 1; size <= 4; size++) {
        for (int offset = 0; offset + size <= 0x40; offset++) {
            uint8_t before[0x40];
            vmm_pci_device_def_t def;
            memset(&def, 0x5a, sizeof(def));
            memcpy(before, &def, 0x40);
            assert_int_equal(vmm_pci_mem_device_write(&def, offset, size, 0xffffffff), 0);
            for (int i = 0; i < 0x40; i++) {
                uint8_t mask = i == 0x04                             ? 0x07
                               : i == 0x05                           ? 0x04
                               : i == 0x0c || i == 0x0d || i == 0x3c ? 0xff
                                                                     : 0;
                bool written = i >= offset && i < offset + size;
                assert_int_equal(((uint8_t *)&def)[i], before[i] | (written ? mask : 0));
            }
        }
    }
}

/* ---- passthrough --------------------------------------------------------------------------- */

static void test_passthrough(void **state)
{
    uint32_t value;
    (void)state;
    reset_hardware();
    vmm_pci_entry_t entry = passthrough();
    for (int size = 1; size <= 4; size *= 2) {
        for (int offset = 0; offset < 256; offset += size) {
            assert_int_equal(get(&entry, offset, size),
                             hardware_read((unsigned)offset, (unsigned)size));
            put(&entry, offset, size, 0x12345678);
            assert_int_equal(hardware.last_size, size);
            assert_int_equal(hardware_read((unsigned)offset, (unsigned)size),
                             0x12345678 & (0xffffffffu >> (32 - 8 * size)));
        }
    }
    hardware.accesses = 0;
    assert_int_equal(entry.ioread(entry.cookie, 0, 3, &value), -1);
    assert_int_equal(entry.iowrite(entry.cookie, 0, 3, 0), -1);
    check_bad_accesses(&entry);
    assert_int_equal(hardware.accesses, 0);
}

/* ---- BARs ---------------------------------------------------------------------------------- */

static vmm_pci_bar_t bars[4] = {
    { NON_PREFETCH_MEM, 0xa0000000, 12 },
    { NON_MEM, 0xc040, 5 },
    { PREFETCH_MEM, 0xb0000000, 20 },
    { NON_PREFETCH_MEM, 0x80000000, 31 },
};

static void test_bar_emulation(void **state)
{
    static const uint32_t addresses[6] = { 0xa0000000, 0xc041, 0xb0000008, 0x80000000, 0, 0 };
    static const uint32_t sizes[6] = { 0xfffff000, 0xffffffe1, 0xfff00008, 0x80000000, 0, 0 };
    (void)state;
    reset_hardware();
    vmm_pci_entry_t entry = keep(vmm_pci_create_bar_emulation(passthrough(), 4, bars));
    check_reads_are_bytes(&entry);
    for (int i = 0; i < 6; i++) {
        int reg = 0x10 + 4 * i;
        assert_int_equal(get(&entry, reg, 4), addresses[i]);
        put(&entry, reg, 4, 0xffffffff);
        assert_int_equal(get(&entry, reg, 4), sizes[i]);
        assert_int_equal(get(&entry, reg + 1, 1), (sizes[i] >> 8) & 0xff);
        put(&entry, reg, 4, addresses[i]);
        assert_int_equal(get(&entry, reg, 4), addresses[i]);
        /* It cannot be moved, and says so instead of a mixture of both addresses. */
        put(&entry, reg, 4, 0x12345000);
        assert_int_equal(get(&entry, reg, 4), addresses[i]);
    }
    for (int i = 0x10; i < 0x28; i++) {
        assert_int_equal(hardware.writes[i], 0);
    }
    vmm_pci_entry_t none = keep(vmm_pci_create_bar_emulation(passthrough(), -3, NULL));
    assert_int_equal(get(&none, 0x10, 4), 0);
}

/* Every write of every size: nothing but the whitelist reaches the device (defect 13). */
static void test_bar_emulation_contains(void **state)
{
    (void)state;
    vmm_pci_entry_t entry = keep(vmm_pci_create_bar_emulation(passthrough(), 4, bars));
    for (int size = 1; size <= 4; size++) {
        for (int offset = 0; offset + size <= 0x40; offset++) {
            for (unsigned bits = 0; bits < 2; bits++) {
                reset_hardware();
                uint32_t value = bits ? 0xffffffff : 0;
                put(&entry, offset, size, value);
                for (int i = 0; i < 0x100; i++) {
                    uint8_t mask = i == 0x04                             ? 0x17
                                   : i == 0x05                           ? 0x04
                                   : i == 0x06 || i == 0x07              ? 0xff
                                   : i == 0x0c || i == 0x0d || i == 0x3c ? 0xff
                                                                         : 0;
                    uint8_t old = i == 0x06 || i == 0x0e ? (uint8_t)0 : (uint8_t)(0xa0 ^ i);
                    mask = i >= offset && i < offset + size ? mask : 0;
                    assert_int_equal(hardware.bytes[i], (old & ~mask) | (value & mask));
                }
            }
        }
    }
    /* The ROM BAR is not there. */
    assert_int_equal(get(&entry, 0x30, 4), 0);
    assert_int_equal(get(&entry, 0x2e, 4), hardware_read(0x2e, 2));
    /* Registers behind the header are the device's, at the width the guest used. */
    reset_hardware();
    put(&entry, 0x80, 4, 0x12345678);
    assert_int_equal(hardware.last_size, 4);
    assert_int_equal(hardware_read(0x80, 4), 0x12345678);
    check_bad_accesses(&entry);
}

static void write_capability(unsigned at, uint8_t id, uint8_t next)
{
    memset(&hardware.bytes[at], 0, 12);
    hardware.bytes[at] = id;
    hardware.bytes[at + 1] = next;
}

/* A guest can neither reset nor power down the function: its BARs would be gone. */
static void test_no_function_reset(void **state)
{
    (void)state;
    reset_hardware();
    vmm_pci_entry_t entry = keep(vmm_pci_create_bar_emulation(passthrough(), 0, NULL));
    hardware.bytes[0x06] = 0x10;
    hardware.bytes[0x34] = 0x43; /* the low bits are reserved */
    write_capability(0x40, 0x01, 0x50);
    write_capability(0x50, 0x10, 0x60);
    write_capability(0x60, 0x13, 0x50); /* a list without an end */
    put(&entry, 0x44, 4, 0xffffffff);
    assert_int_equal(hardware_read(0x44, 4), 0xfffffffc);
    put(&entry, 0x58, 2, 0xffff);
    assert_int_equal(hardware_read(0x58, 2), 0x7fff);
    put(&entry, 0x64, 1, 0xff);
    assert_int_equal(hardware_read(0x64, 1), 0xfe);
    put(&entry, 0x48, 4, 0xffffffff);
    assert_int_equal(hardware_read(0x48, 4), 0xffffffff);
}

/* ---- interrupt line ------------------------------------------------------------------------ */

static void test_irq_emulation(void **state)
{
    (void)state;
    vmm_pci_entry_t entry = keep(vmm_pci_create_irq_emulation(passthrough(), 0x15));
    for (int size = 1; size <= 4; size++) {
        for (int offset = 0; offset + size <= 256; offset++) {
            reset_hardware();
            hardware.bytes[0x3c] = 0x77;
            put(&entry, offset, size, 0xffffffff);
            /* Only the line is kept back, whatever the access (defect 31). */
            for (int i = 0; i < 256; i++) {
                bool written = i >= offset && i < offset + size && i != 0x3c;
                assert_int_equal(hardware.writes[i], written ? 1 : 0);
            }
            assert_int_equal(hardware.bytes[0x3c], 0x77);
        }
    }
    reset_hardware();
    assert_int_equal(get(&entry, 0x3c, 1), 0x15);
    assert_int_equal(get(&entry, 0x3c, 4) & 0xff, 0x15);
    assert_int_equal(get(&entry, 0x3a, 4), 0x9d159b9a);
    check_reads_are_bytes(&entry);
    check_bad_accesses(&entry);
}

/* ---- capabilities -------------------------------------------------------------------------- */

static void test_cap_emulation(void **state)
{
    uint8_t caps[] = { 0x60, 0x44 };
    uint8_t starts[] = { 0x50, 0xf8 };
    uint8_t ends[] = { 0x5a, 0x00 };
    (void)state;
    reset_hardware();
    vmm_pci_entry_t entry =
        keep(vmm_pci_create_cap_emulation(passthrough(), 2, caps, 2, starts, ends));
    memset(caps, 0, sizeof(caps)); /* copied */
    assert_int_equal(get(&entry, 0x06, 2), 0x10 | 0xa700);
    assert_int_equal(get(&entry, 0x34, 1), 0x60);
    assert_int_equal(get(&entry, 0x61, 1), 0x44);
    assert_int_equal(get(&entry, 0x60, 2), 0x4400 | (0xa0 ^ 0x60));
    assert_int_equal(get(&entry, 0x45, 1), 0);
    check_reads_are_bytes(&entry);
    for (int i = 0x40; i < 256; i++) {
        bool hidden = (i >= 0x50 && i < 0x5a) || i >= 0xf8;
        if (i != 0x61 && i != 0x45) {
            assert_int_equal(get(&entry, i, 1), hidden ? 0 : 0xa0 ^ i);
        }
    }
    /* Nothing that overlaps a hidden range gets through, of any size (defect 12). */
    for (int size = 1; size <= 4; size++) {
        for (int offset = 0; offset + size <= 256; offset++) {
            reset_hardware();
            put(&entry, offset, size, 0xffffffff);
            for (int i = 0; i < 256; i++) {
                bool owned =
                    (i >= 0x50 && i < 0x5a) || i >= 0xf8 || i == 0x34 || i == 0x61 || i == 0x45;
                bool written = i >= offset && i < offset + size && !owned;
                assert_int_equal(hardware.writes[i], written ? 1 : 0);
            }
        }
    }
    vmm_pci_entry_t empty =
        keep(vmm_pci_create_cap_emulation(passthrough(), 0, NULL, 0, NULL, NULL));
    hardware.bytes[0x06] = 0x18;
    assert_int_equal(get(&empty, 0x06, 1), 0x08);
    assert_int_equal(get(&empty, 0x34, 1), 0);
    check_bad_accesses(&entry);
}

static void test_no_msi(void **state)
{
    (void)state;
    reset_hardware();
    vmm_pci_entry_t device = passthrough();
    /* No list, or nothing in it to hide: the entry itself. */
    assert_ptr_equal(vmm_pci_no_msi_cap_emulation(device).cookie, device.cookie);
    hardware.bytes[0x06] = 0x10;
    hardware.bytes[0x34] = 0x40;
    write_capability(0x40, 0x01, 0);
    assert_ptr_equal(vmm_pci_no_msi_cap_emulation(device).cookie, device.cookie);

    /* PM, MSI, PCIe, MSI-X, vendor: the second and fourth go. */
    write_capability(0x40, 0x01, 0x50);
    write_capability(0x50, 0x05, 0x70);
    write_capability(0x70, 0x10, 0xb0);
    write_capability(0xb0, 0x11, 0xd0);
    write_capability(0xd0, 0x09, 0);
    vmm_pci_entry_t entry = keep(vmm_pci_no_msi_cap_emulation(device));
    unsigned ids[8];
    unsigned count = 0;
    for (unsigned at = get(&entry, 0x34, 1); at && count < 8; at = get(&entry, (int)at + 1, 1)) {
        ids[count++] = get(&entry, (int)at, 1);
    }
    assert_int_equal(count, 3);
    assert_true(ids[0] == 0x01 && ids[1] == 0x10 && ids[2] == 0x09);
    for (int size = 1; size <= 4; size++) {
        for (int offset = 0x40; offset + size <= 256; offset++) {
            memset(hardware.writes, 0, sizeof(hardware.writes));
            put(&entry, offset, size, 0);
            for (int i = 0; i < 256; i++) {
                if ((i >= 0x50 && i < 0x64) || (i >= 0xb0 && i < 0xb8)) {
                    assert_int_equal(hardware.writes[i], 0);
                    assert_int_equal(get(&entry, i, 1), 0);
                }
            }
        }
    }
}

/* A short MSI capability does not hide its neighbour; a list that loops ends. */
static void test_no_msi_odd_lists(void **state)
{
    (void)state;
    reset_hardware();
    hardware.bytes[0x06] = 0x10;
    hardware.bytes[0x34] = 0x40;
    write_capability(0x40, 0x05, 0x4c);
    write_capability(0x4c, 0x01, 0x40);
    vmm_pci_entry_t entry = keep(vmm_pci_no_msi_cap_emulation(passthrough()));
    assert_int_equal(get(&entry, 0x34, 1), 0x4c);
    assert_int_equal(get(&entry, 0x4c, 1), 0x01);
    assert_int_equal(get(&entry, 0x40, 4), 0);
    /* Pointers into the header end the list. */
    hardware.bytes[0x34] = 0x10;
    vmm_pci_entry_t device = passthrough();
    assert_ptr_equal(vmm_pci_no_msi_cap_emulation(device).cookie, device.cookie);
    /* MSI at the very end. */
    hardware.bytes[0x34] = 0xf0;
    write_capability(0xf0, 0x05, 0);
    entry = keep(vmm_pci_no_msi_cap_emulation(passthrough()));
    hardware.bytes[0xff] = 0x5a;
    assert_int_equal(get(&entry, 0xff, 1), 0);
    assert_int_equal(get(&entry, 0x06, 1), 0);
}

/* As clients stack them: every byte still answers, at every size. */
static void test_whole_stack(void **state)
{
    (void)state;
    reset_hardware();
    hardware.bytes[0x06] = 0x10;
    hardware.bytes[0x34] = 0x40;
    write_capability(0x40, 0x05, 0x60);
    write_capability(0x60, 0x01, 0);
    vmm_pci_entry_t entry = passthrough();
    entry = keep(vmm_pci_create_bar_emulation(entry, 4, bars));
    entry = keep(vmm_pci_create_irq_emulation(entry, 11));
    entry = keep(vmm_pci_no_msi_cap_emulation(entry));
    check_reads_are_bytes(&entry);
    assert_int_equal(get(&entry, 0x00, 4), hardware_read(0, 4));
    assert_int_equal(get(&entry, 0x10, 4), 0xa0000000);
    assert_int_equal(get(&entry, 0x3c, 1), 11);
    assert_int_equal(get(&entry, 0x34, 1), 0x60);
    memset(hardware.writes, 0, sizeof(hardware.writes));
    for (int size = 1; size <= 4; size++) {
        for (int offset = 0; offset + size <= 256; offset++) {
            put(&entry, offset, size, 0xffffffff);
        }
    }
    for (int i = 0; i < 0x80; i++) {
        bool contained = (i >= 0x10 && i < 0x40) || (i >= 0x40 && i < 0x54) || i < 0x04;
        assert_int_equal(hardware.writes[i] == 0,
                         contained || (i >= 8 && i < 0x10 && i != 0x0c && i != 0x0d) || i == 0x61);
    }
}

int test_compat_pci_helper(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem_device),
        cmocka_unit_test(test_mem_device_is_mostly_read_only),
        cmocka_unit_test(test_passthrough),
        cmocka_unit_test(test_bar_emulation),
        cmocka_unit_test(test_bar_emulation_contains),
        cmocka_unit_test(test_no_function_reset),
        cmocka_unit_test(test_irq_emulation),
        cmocka_unit_test(test_cap_emulation),
        cmocka_unit_test(test_no_msi),
        cmocka_unit_test(test_no_msi_odd_lists),
        cmocka_unit_test(test_whole_stack),
    };
    return cmocka_run_group_tests_name("compat_pci_helper", tests, NULL, NULL);
}
