/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports 0xCF8 to 0xCFF of the compatible interface. */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>
#include <sel4vmmplatsupport/arch/ioport_defs.h>

static vmm_pci_space_t *space; /* lives for ever */

static struct {
    uint8_t bytes[256];
    int result;
} device;

static int device_read(void *cookie, int offset, int size, uint32_t *result)
{
    (void)cookie;
    assert_true(offset >= 0 && offset % size == 0 && offset + size <= 256);
    *result = 0;
    memcpy(result, &device.bytes[offset], (size_t)size);
    return device.result;
}

static int device_write(void *cookie, int offset, int size, uint32_t value)
{
    (void)cookie;
    assert_true(offset >= 0 && offset % size == 0 && offset + size <= 256);
    memcpy(&device.bytes[offset], &value, (size_t)size);
    return device.result;
}

static int setup(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        device.bytes[i] = (uint8_t)i;
    }
    device.bytes[0x0e] = 0x80;
    device.result = 0;
    if (!space) {
        const vmm_pci_entry_t entry = { &device, device_read, device_write };
        if (vmm_pci_init(&space) || vmm_pci_add_entry(space, entry, NULL)) {
            return -1;
        }
    }
    space->conf_port_addr = 0;
    return 0;
}

static unsigned in(unsigned port, unsigned size)
{
    unsigned value = 0x5a5a5a5a;
    assert_int_equal(vmm_pci_io_port_in(NULL, space, port, size, &value), IO_FAULT_HANDLED);
    return value;
}

static void out(unsigned port, unsigned size, unsigned value)
{
    assert_int_equal(vmm_pci_io_port_out(NULL, space, port, size, value), IO_FAULT_HANDLED);
}

static void test_address_register(void **state)
{
    (void)state;
    assert_int_equal(X86_IO_PCI_CONFIG_START, 0xcf8);
    assert_int_equal(X86_IO_PCI_CONFIG_END, 0xcff);
    out(0xcf8, 4, 0xffffffff);
    assert_int_equal(in(0xcf8, 4), 0xfffffffc);
    assert_int_equal(space->conf_port_addr, 0xfffffffc);
    out(0xcf8, 4, 0x80001234);
    assert_int_equal(in(0xcf8, 4), 0x80001234);
    assert_int_equal(in(0xcf9, 1), 0x12);
    assert_int_equal(in(0xcfa, 2), 0x8000);
    /* Bytes and halves: at their offset, without the two low bits of what is written. */
    out(0xcfb, 1, 0x47);
    assert_int_equal(in(0xcf8, 4), 0x44001234);
    out(0xcfa, 2, 0x8003);
    assert_int_equal(in(0xcf8, 4), 0x80001234);
    out(0xcf8, 1, 0xff);
    assert_int_equal(in(0xcf8, 4), 0x800012fc);
    /* A PC's reset register: not the address. */
    out(0xcf9, 1, 0x0e);
    assert_int_equal(in(0xcf8, 4), 0x800012fc);
}

static void test_data_register(void **state)
{
    (void)state;
    out(0xcf8, 4, 0x80000000 | 1 << 11 | 0x40);
    assert_int_equal(in(0xcfc, 4), 0x43424140);
    assert_int_equal(in(0xcfd, 1), 0x41);
    assert_int_equal(in(0xcfe, 2), 0x4342);
    assert_int_equal(in(0xcfd, 2), 0x4241);
    out(0xcfc, 4, 0x44332211);
    out(0xcff, 1, 0x99);
    assert_int_equal(in(0xcfc, 4), 0x99332211);
    /* The enable bit is not asked for; a multi-function bit is not shown. */
    out(0xcf8, 4, 1 << 11 | 0x0c);
    assert_int_equal(in(0xcfc, 4), 0x0f000d0c);
    assert_int_equal(in(0xcfe, 1), 0x00);
    out(0xcf8, 4, 0x80000000 | 1 << 11 | 0xfc);
    assert_int_equal(in(0xcfc, 4), 0xfffefdfc);
}

static void test_absent(void **state)
{
    static const unsigned absent[] = { 2 << 11, 1 << 11 | 1 << 8, 1 << 16 | 1 << 11 };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        out(0xcf8, 4, 0x80000000 | absent[i]);
        for (unsigned size = 1; size <= 4; size *= 2) {
            assert_int_equal(in(0xcfc, size), 0xffffffff);
            out(0xcfc, size, 0);
        }
    }
}

/* Accesses over the edges (defect 30): bytes of what is there, all-ones for the rest. */
static void test_straddling(void **state)
{
    (void)state;
    out(0xcf8, 4, 0x80000000 | 1 << 11 | 0x40);
    assert_int_equal(in(0xcfa, 4), 0x41408000);
    assert_int_equal(in(0xcf7, 2), 0x40ff);
    assert_int_equal(in(0xcff, 4), 0xffffff43);
    out(0xcff, 4, 0x04030201);
    assert_int_equal(device.bytes[0x43], 0x01);
    assert_int_equal(device.bytes[0x44], 0x44);
    out(0xcfb, 2, 0x5580);
    assert_int_equal(in(0xcf8, 4), 0x80000840);
    assert_int_equal(device.bytes[0x40], 0x55);
    /* Every size and place, also absurd ones: answered, and nothing outside is touched. */
    for (unsigned size = 0; size < 10; size++) {
        for (unsigned port = 0xcf0; port < 0xd08; port++) {
            out(port, size, 0xffffffff);
            in(port, size);
        }
    }
    in(0xfffffffe, 4);
    out(0xfffffffe, 4, 0);
}

static void test_entry_errors(void **state)
{
    unsigned value;
    (void)state;
    out(0xcf8, 4, 0x80000000 | 1 << 11);
    device.result = -1;
    assert_int_equal(vmm_pci_io_port_in(NULL, space, 0xcfc, 4, &value), IO_FAULT_ERROR);
    assert_int_equal(value, 0xffffffff);
    assert_int_equal(vmm_pci_io_port_out(NULL, space, 0xcfc, 4, 0), IO_FAULT_ERROR);
}

int test_pci_mechanism1(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_address_register, setup),
        cmocka_unit_test_setup(test_data_register, setup),
        cmocka_unit_test_setup(test_absent, setup),
        cmocka_unit_test_setup(test_straddling, setup),
        cmocka_unit_test_setup(test_entry_errors, setup),
    };
    return cmocka_run_group_tests_name("pci_mechanism1", tests, NULL, NULL);
}
