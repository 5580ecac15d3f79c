/* SPDX-License-Identifier: BSD-2-Clause */
/* A passed-through device's BARs: vmm_pci_helper_map_bars(). */
#include "support/fixture.h"

#include "vmmp_test.h"

#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define ANON      0xc0000000u
#define ANON_SIZE 0x400000u

static vmm_pci_bar_t bars[6];
static libpci_device_iocfg_t cfg;

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    fixture_init(f, NULL);
    assert_int_equal(vmmp_compat_set_log(&f->vm, &f->log), 0);
    assert_int_equal(vm_memory_make_anon(&f->vm, ANON, ANON_SIZE), 0);
    memset(&cfg, 0, sizeof(cfg));
    memset(bars, 0xee, sizeof(bars));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    vmmp_compat_release(&f->vm);
    fixture_fini(f);
    free(f);
    return 0;
}

static void memory_bar(unsigned index, uint32_t base, uint32_t size)
{
    cfg.base_addr[index] = base;
    cfg.base_addr_size[index] = size;
    cfg.base_addr_space[index] = PCI_BASE_ADDRESS_SPACE_MEMORY;
}

static void port_bar(unsigned index, uint32_t base, uint32_t size)
{
    cfg.base_addr[index] = base;
    cfg.base_addr_size[index] = size;
    cfg.base_addr_space[index] = PCI_BASE_ADDRESS_SPACE_IO;
}

/* The guest and the device see the same memory. */
static void check_mapped(struct fixture *f, const vmm_pci_bar_t *bar, uint64_t host, uint32_t at)
{
    uint8_t *device = script_physical(&f->vm, host + at, 4);

    assert_non_null(device);
    script_put(f->vcpu, bar->address + at, 4, 0x12340000 + at);
    assert_int_equal(device[0], at & 0xff);
    assert_int_equal(device[3], 0x12);
}

static uint32_t read32(const vmm_pci_entry_t *entry, int offset)
{
    uint32_t value = 0;

    assert_int_equal(entry->ioread(entry->cookie, offset, 4, &value), 0);
    return value;
}

static void bars_keep_their_numbers(void **state)
{
    struct fixture *f = *state;

    memory_bar(0, 0xfe000000, 0x20000);
    memory_bar(2, 0xfd000000, 0x1000);
    cfg.base_addr_prefetchable[2] = 1;
    port_bar(4, 0xe000, 0x20);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), 5);
    assert_int_equal(bars[0].mem_type, NON_PREFETCH_MEM);
    assert_int_equal(bars[0].size_bits, 17);
    assert_true(bars[0].address % 0x20000 == 0 && bars[0].address >= ANON);
    assert_int_equal(bars[2].mem_type, PREFETCH_MEM);
    assert_int_equal(bars[2].size_bits, 12);
    assert_int_equal(bars[4].mem_type, NON_MEM);
    assert_true(bars[4].address == 0xe000 && bars[4].size_bits == 5);
    assert_true(bars[1].size_bits == 0 && bars[3].size_bits == 0 && bars[5].size_bits == 0);
    check_mapped(f, &bars[0], 0xfe000000, 0);
    check_mapped(f, &bars[0], 0xfe000000, 0x1fffc);
    check_mapped(f, &bars[2], 0xfd000000, 0x40);
    /* As the guest then sees them, those that are not there as well. */
    vmm_pci_device_def_t header = { .vendor_id = 0x8086 };
    vmm_pci_entry_t below = { &header, vmm_pci_mem_device_read, vmm_pci_mem_device_write };
    vmm_pci_entry_t entry = vmm_pci_create_bar_emulation(below, 5, bars);
    assert_true(read32(&entry, 0x10) == (uint32_t)bars[0].address);
    assert_int_equal(read32(&entry, 0x14), 0);
    assert_true(read32(&entry, 0x18) == ((uint32_t)bars[2].address | 8));
    assert_int_equal(read32(&entry, 0x20), 0xe001);
    assert_int_equal(entry.iowrite(entry.cookie, 0x14, 4, UINT32_MAX), 0);
    assert_int_equal(read32(&entry, 0x14), 0);
    free(entry.cookie);
}

static void a_64_bit_bar_becomes_a_32_bit_one(void **state)
{
    struct fixture *f = *state;

    memory_bar(0, 0xfe000000, 0x4000);
    cfg.base_addr_type[0] = PCI_BASE_ADDRESS_MEM_TYPE_64;
    cfg.base_addr_64H[1] = true;
    memory_bar(2, 0xfd000000, 0x1000);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), 3);
    assert_true(bars[0].size_bits == 14 && bars[1].size_bits == 0 && bars[2].size_bits == 12);
    if (sizeof(uintptr_t) == 8) {
        cfg.base_addr[0] = 0;
        cfg.base_addr[1] = 0x38;
        assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), 3);
        check_mapped(f, &bars[0], UINT64_C(0x3800000000), 0x20);
    } else {
        cfg.base_addr[1] = 0x38;
        assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), -1);
        assert_non_null(fixture_log_find(f, "beyond the VMM's reach"));
    }
}

static void a_bar_smaller_than_a_page(void **state)
{
    struct fixture *f = *state;

    memory_bar(0, 0xfe000400, 0x400);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), 1);
    assert_int_equal(bars[0].size_bits, 10);
    assert_int_equal(bars[0].address % 0x1000, 0x400);
    check_mapped(f, &bars[0], 0xfe000400, 8);
    assert_non_null(fixture_log_find(f, "shares its page"));
}

static void mistakes_and_failures(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), 0);
    assert_int_equal(vmm_pci_helper_map_bars(NULL, &cfg, bars), -1);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, NULL, bars), -1);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, NULL), -1);
    memory_bar(3, 0xfe000000, 0x3000);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), -1);
    assert_non_null(fixture_log_find(f, "BAR 3 of 0x3000 bytes at 0xfe000000 has a size"));
    memory_bar(3, 0xfe000000, 0);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), -1);
    memory_bar(3, 0xfe001000, 0x2000);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), -1);
    assert_non_null(fixture_log_find(f, "not aligned"));
    memory_bar(3, 0xfe000000, 2 * ANON_SIZE);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), -1);
    assert_non_null(fixture_log_find(f, "finds no room"));
    port_bar(3, 0xfff0, 0x20);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), -1);
    assert_non_null(fixture_log_find(f, "beyond the last I/O port"));
    port_bar(3, 0xfff0, 0x10);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), 4);
    memset(&cfg, 0, sizeof(cfg));
    memory_bar(0, 0xfe000000, 0x1000);
    script_fail(&f->vm, HOSTED_CALL_PHYSICAL, 1);
    assert_int_equal(vmm_pci_helper_map_bars(&f->vm, &cfg, bars), -1);
    assert_non_null(fixture_log_find(f, "cannot be mapped"));
}

int test_compat_pci_bars(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bars_keep_their_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_64_bit_bar_becomes_a_32_bit_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bar_smaller_than_a_page, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_and_failures, setup, teardown),
    };
    return cmocka_run_group_tests_name("compat_pci_bars", tests, NULL, NULL);
}
