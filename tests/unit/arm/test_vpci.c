/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual PCI bus of ARM guests, through the windows of this platform. */
#include "vmmp_test.h"

#include <libfdt.h>

#include <sel4vmmplatsupport/arch/vpci.h>
#include <sel4vmmplatsupport/drivers/pci_helper.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#include "support/fixture.h"

/* Buses and lists live for ever: kept here, so that nothing counts as lost. */
static void *kept[64];
static unsigned kept_count;

struct rig {
    struct fixture f;
    vmm_pci_space_t *pci;
    vmm_io_port_list_t *list;
};

static struct rig *new_rig(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    const struct fixture_options options = { .no_vmmp = true };
    fixture_init(&rig->f, &options);
    assert_int_equal(vmmp_compat_set_log(&rig->f.vm, &rig->f.log), 0);
    assert_int_equal(vmm_pci_init(&rig->pci), 0);
    assert_int_equal(vmm_io_port_init(&rig->list, 0x1000), 0);
    assert_true(kept_count + 2 <= 64);
    kept[kept_count++] = rig->pci;
    kept[kept_count++] = rig->list;
    return rig;
}

static void free_rig(struct rig *rig)
{
    vmmp_compat_release(&rig->f.vm);
    fixture_fini(&rig->f);
    free(rig);
}

static int setup(void **state)
{
    struct rig *rig = new_rig();
    assert_int_equal(vm_install_vpci(&rig->f.vm, rig->list, rig->pci), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    free_rig(*state);
    return 0;
}

static uint64_t config_get(struct rig *rig, unsigned dev, unsigned fun, unsigned reg, unsigned size)
{
    return script_get(rig->f.vcpu, PCI_CFG_REGION_ADDR + (dev << 11 | fun << 8) + reg, size);
}

static void config_put(struct rig *rig, unsigned dev, unsigned reg, unsigned size, uint64_t value)
{
    script_put(rig->f.vcpu, PCI_CFG_REGION_ADDR + (dev << 11) + reg, size, value);
}

/* A device with 256 bytes of registers, all writable. */
struct device {
    uint8_t bytes[256];
};

static int device_read(void *cookie, int offset, int size, uint32_t *result)
{
    *result = 0;
    memcpy(result, &((struct device *)cookie)->bytes[offset], (size_t)size);
    return 0;
}

static int device_write(void *cookie, int offset, int size, uint32_t value)
{
    memcpy(&((struct device *)cookie)->bytes[offset], &value, (size_t)size);
    return 0;
}

static void add_device(struct rig *rig, struct device *device, uint8_t pin, uint8_t line)
{
    const vmm_pci_entry_t entry = { device, device_read, device_write };
    for (unsigned i = 0; i < 256; i++) {
        device->bytes[i] = (uint8_t)i;
    }
    device->bytes[0x0e] = 0;
    device->bytes[0x3c] = line;
    device->bytes[0x3d] = pin;
    assert_int_equal(vmm_pci_add_entry(rig->pci, entry, NULL), 0);
}

static void test_host_bridge(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(config_get(rig, 0, 0, 0, 4), 0x00425e14);
    assert_int_equal(config_get(rig, 0, 0, 0, 2), 0x5e14);
    assert_int_equal(config_get(rig, 0, 0, 2, 2), 0x0042);
    assert_int_equal(config_get(rig, 0, 0, 0x0b, 1), 0x06);
}

/*
 * Every lane and size: nothing is lost and nothing leaks (defects 9 and 10). Accesses to device
 * memory are aligned, or they never reach a hypervisor.
 */
static void test_config_lanes(void **state)
{
    struct rig *rig = *state;
    static struct device device;
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    add_device(rig, &device, 1, 50);
    for (unsigned s = 0; s < (sizeof(seL4_Word) == 8 ? 4 : 3); s++) {
        for (unsigned reg = 0x40; reg + sizes[s] <= 256; reg += sizes[s]) {
            uint64_t value = 0;
            for (unsigned i = 0; i < sizes[s]; i++) {
                value |= (uint64_t)(uint8_t)(reg + i) << (8 * i);
            }
            assert_true(config_get(rig, 1, 0, reg, sizes[s]) == value);
        }
        for (unsigned reg = 0x40; reg + sizes[s] <= 256; reg += sizes[s]) {
            struct device before = device;
            uint64_t value = UINT64_C(0xf1e2d3c4b5a69788);
            config_put(rig, 1, reg, sizes[s], value);
            for (unsigned i = 0; i < 256; i++) {
                bool written = i >= reg && i < reg + sizes[s];
                uint8_t expected = written ? (uint8_t)(value >> (8 * (i - reg))) : before.bytes[i];
                assert_int_equal(device.bytes[i], expected);
            }
            device = before;
        }
    }
}

/* Absent devices, functions and buses read all-ones without a word (defect 40). */
static void test_absent(void **state)
{
    struct rig *rig = *state;
    static struct device device;
    add_device(rig, &device, 1, 50);
    for (unsigned dev = 0; dev < 32; dev++) {
        for (unsigned fun = dev < 2 ? 1 : 0; fun < 8; fun++) {
            assert_int_equal(config_get(rig, dev, fun, 0, 4), 0xffffffff);
            assert_int_equal(config_get(rig, dev, fun, 2, 2), 0xffff);
        }
    }
    for (unsigned bus = 1; bus < 256; bus++) {
        uint64_t gpa = PCI_CFG_REGION_ADDR + (bus << 16);
        assert_int_equal(script_get(rig->f.vcpu, gpa, 1), 0xff);
        script_put(rig->f.vcpu, gpa, 4, 0);
    }
    assert_int_equal(rig->f.line_count, 0);
}

static unsigned port_value;
static unsigned port_size;
static unsigned port_number;
static int port_result;

static int port_in(void *cookie, unsigned int port_no, unsigned int size, unsigned int *result)
{
    (void)cookie;
    port_number = port_no;
    port_size = size;
    *result = port_value + port_no;
    return port_result;
}

static int port_out(void *cookie, unsigned int port_no, unsigned int size, unsigned int value)
{
    (void)cookie;
    port_number = port_no;
    port_size = size;
    port_value = value;
    return port_result;
}

static void test_ports(void **state)
{
    struct rig *rig = *state;
    const ioport_interface_t interface = { NULL, port_in, port_out, "test" };
    vm_vcpu_t *vcpu = rig->f.vcpu;
    port_result = 0;
    port_value = 0x44332200;
    ioport_entry_t *entry =
        vmm_io_port_add_handler(rig->list, (ioport_range_t){ 0, 0, 0x400 }, interface, IOPORT_FREE);
    assert_non_null(entry);
    uint64_t base = PCI_IO_REGION_ADDR + entry->range.start;
    assert_int_equal(script_get(vcpu, base, 4), 0x44333200);
    assert_int_equal(script_get(vcpu, base + 0x13, 1), 0x13);
    assert_int_equal(port_size, 1);
    assert_int_equal(port_number, 0x1013);
    assert_int_equal(script_get(vcpu, base + 0x12, 2), 0x3212);
    script_put(vcpu, base + 0x12, 1, 0x0f);
    assert_int_equal(port_value, 0x0f);
    script_put(vcpu, base + 0x0e, 2, 0xbeef);
    assert_int_equal(port_value, 0xbeef);
    assert_int_equal(port_size, 2);
    /* Two doublewords, each with its ports. */
    if (sizeof(seL4_Word) == 8) {
        port_value = 0;
        assert_true(script_get(vcpu, base + 8, 8) == UINT64_C(0x0000100c00001008));
        script_put(vcpu, base + 8, 8, UINT64_C(0x1122334455667788));
        assert_int_equal(port_value, 0x11223344);
        assert_int_equal(port_number, 0x100c);
    }
    /* Nobody, and a handler that fails: all-ones. */
    assert_int_equal(script_get(vcpu, PCI_IO_REGION_ADDR, 4), 0xffffffff);
    script_put(vcpu, PCI_IO_REGION_ADDR, 4, 0);
    port_result = -1;
    assert_int_equal(script_get(vcpu, base, 2), 0xffff);
    script_put(vcpu, base, 2, 0);
    assert_true(script_check(&rig->f.vm));
}

static void test_install_checks(void **state)
{
    struct rig *rig = new_rig();
    (void)state;
    assert_int_equal(vm_install_vpci(NULL, rig->list, rig->pci), -1);
    assert_int_equal(vm_install_vpci(&rig->f.vm, NULL, rig->pci), -1);
    assert_int_equal(vm_install_vpci(&rig->f.vm, rig->list, NULL), -1);
    assert_int_equal(fixture_log_matches(&rig->f, "vm_install_vpci"), 2);
    /* One of the windows is taken: neither answers, and it can be tried again. */
    struct vmmp_window taken = { .name = "taken", .size = 0x1000 };
    struct vmmp_vm *native = vmmp_compat_vm(&rig->f.vm);
    assert_int_equal(vmmp_vm_attach_window(native, &taken, vmmp_gpa(PCI_IO_REGION_ADDR)), 0);
    assert_int_equal(vm_install_vpci(&rig->f.vm, rig->list, rig->pci), -1);
    assert_non_null(fixture_log_find(&rig->f, "port window"));
    vmmp_vm_detach_window(&taken);
    assert_int_equal(vm_install_vpci(&rig->f.vm, rig->list, rig->pci), 0);
    assert_int_equal(config_get(rig, 0, 0, 0, 4), 0x00425e14);
    assert_int_equal(vm_install_vpci(&rig->f.vm, rig->list, rig->pci), -1);
    assert_non_null(fixture_log_find(&rig->f, "configuration window"));
    free_rig(rig);
}

/* Each VM has its own bus; a VM that is gone makes room. */
static void test_two_vms_and_again(void **state)
{
    static struct device device;
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        struct rig *a = new_rig();
        struct rig *b = new_rig();
        assert_int_equal(vm_install_vpci(&a->f.vm, a->list, a->pci), 0);
        assert_int_equal(vm_install_vpci(&b->f.vm, b->list, b->pci), 0);
        add_device(b, &device, 1, 50);
        assert_int_equal(config_get(a, 1, 0, 0, 4), 0xffffffff);
        assert_int_equal(config_get(b, 1, 0, 0, 4), 0x03020100);
        free_rig(a);
        assert_int_equal(config_get(b, 1, 0, 0, 4), 0x03020100);
        free_rig(b);
    }
}

/* ---- device tree --------------------------------------------------------------------------- */

static _Alignas(8) char tree[8192];

static void new_tree(unsigned address_cells, unsigned size_cells)
{
    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    assert_int_equal(fdt_setprop_u32(tree, 0, "#address-cells", address_cells), 0);
    assert_int_equal(fdt_setprop_u32(tree, 0, "#size-cells", size_cells), 0);
}

static void check_cells(const char *name, const uint32_t *cells, unsigned count)
{
    int len;
    int node = fdt_path_offset(tree, "/pci");
    assert_true(node > 0);
    const fdt32_t *value = fdt_getprop(tree, node, name, &len);
    assert_non_null(value);
    assert_int_equal(len, (int)(4 * count));
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(fdt32_to_cpu(value[i]), cells[i]);
    }
}

#define CHECK_CELLS(name, ...)                                      \
    do {                                                            \
        const uint32_t cells[] = { __VA_ARGS__ };                   \
        check_cells(name, cells, sizeof(cells) / sizeof(cells[0])); \
    } while (0)

#define HIGH(x) ((uint32_t)((uint64_t)(x) >> 32))
#define LOW(x)  ((uint32_t)(x))

static void test_node(void **state)
{
    struct rig *rig = *state;
    static struct device devices[3];
    int len;
    add_device(rig, &devices[0], 1, 82);
    add_device(rig, &devices[1], 0, 0); /* no interrupt */
    add_device(rig, &devices[2], 2, 124);
    rig->pci->bus0[5][0] = rig->pci->bus0[3][0]; /* behind an empty slot */
    rig->pci->bus0[3][0] = NULL;
    new_tree(2, 2);
    assert_int_equal(fdt_generate_vpci_node(&rig->f.vm, rig->pci, tree, 0x8001), 0);
    int node = fdt_path_offset(tree, "/pci");
    assert_true(node > 0);
    CHECK_CELLS("#address-cells", 3);
    CHECK_CELLS("#size-cells", 2);
    CHECK_CELLS("#interrupt-cells", 1);
    CHECK_CELLS("bus-range", 0, 1);
    CHECK_CELLS("reg", HIGH(PCI_CFG_REGION_ADDR), LOW(PCI_CFG_REGION_ADDR), 0, PCI_CFG_REGION_SIZE);
    CHECK_CELLS("ranges", 0x01000000, 0, 0, HIGH(PCI_IO_REGION_ADDR), LOW(PCI_IO_REGION_ADDR), 0,
                PCI_IO_REGION_SIZE, 0x02000000, HIGH(PCI_MEM_REGION_ADDR), LOW(PCI_MEM_REGION_ADDR),
                HIGH(PCI_MEM_REGION_ADDR), LOW(PCI_MEM_REGION_ADDR), 0, PCI_MEM_REGION_SIZE);
#if GIC_ADDRESS_CELLS == 2
    CHECK_CELLS("interrupt-map", 1 << 11, 0, 0, 1, 0x8001, 0, 0, 0, 50, 4, 5 << 11, 0, 0, 2, 0x8001,
                0, 0, 0, 92, 4);
#else
    CHECK_CELLS("interrupt-map", 1 << 11, 0, 0, 1, 0x8001, 0, 50, 4, 5 << 11, 0, 0, 2, 0x8001, 0,
                92, 4);
#endif
    CHECK_CELLS("interrupt-map-mask", 0xf800, 0, 0, 7);
    assert_string_equal(fdt_getprop(tree, node, "compatible", NULL), "pci-host-cam-generic");
    assert_string_equal(fdt_getprop(tree, node, "device_type", NULL), "pci");
    assert_non_null(fdt_getprop(tree, node, "dma-coherent", &len));
    assert_int_equal(len, 0);
    assert_int_equal(fdt_generate_vpci_node(&rig->f.vm, rig->pci, tree, 0x8001), -FDT_ERR_EXISTS);
    rig->pci->bus0[3][0] = rig->pci->bus0[5][0];
    rig->pci->bus0[5][0] = NULL;
}

static void test_node_without_devices(void **state)
{
    struct rig *rig = *state;
    new_tree(2, 1);
    assert_int_equal(fdt_generate_vpci_node(&rig->f.vm, rig->pci, tree, 1), 0);
    CHECK_CELLS("reg", HIGH(PCI_CFG_REGION_ADDR), LOW(PCI_CFG_REGION_ADDR), PCI_CFG_REGION_SIZE);
    int node = fdt_path_offset(tree, "/pci");
    assert_null(fdt_getprop(tree, node, "interrupt-map", NULL));
    assert_null(fdt_getprop(tree, node, "interrupt-map-mask", NULL));
}

static void test_node_one_address_cell(void **state)
{
    struct rig *rig = *state;
    new_tree(1, 1);
    int err = fdt_generate_vpci_node(&rig->f.vm, rig->pci, tree, 1);
    if (HIGH(PCI_CFG_REGION_ADDR)) {
        assert_int_equal(err, -FDT_ERR_BADNCELLS);
        assert_true(fdt_path_offset(tree, "/pci") < 0);
    } else {
        assert_int_equal(err, 0);
        CHECK_CELLS("reg", LOW(PCI_CFG_REGION_ADDR), PCI_CFG_REGION_SIZE);
        CHECK_CELLS("ranges", 0x01000000, 0, 0, LOW(PCI_IO_REGION_ADDR), 0, PCI_IO_REGION_SIZE,
                    0x02000000, 0, LOW(PCI_MEM_REGION_ADDR), LOW(PCI_MEM_REGION_ADDR), 0,
                    PCI_MEM_REGION_SIZE);
    }
}

/* Errors come back, at whatever point, and leave no half of a node (defect 39). */
static void test_node_errors(void **state)
{
    struct rig *rig = *state;
    static struct device device;
    new_tree(2, 2);
    assert_int_equal(fdt_generate_vpci_node(NULL, rig->pci, tree, 1), -1);
    assert_int_equal(fdt_generate_vpci_node(&rig->f.vm, NULL, tree, 1), -1);
    assert_int_equal(fdt_generate_vpci_node(&rig->f.vm, rig->pci, NULL, 1), -1);
    add_device(rig, &device, 1, 31);
    assert_int_equal(fdt_generate_vpci_node(&rig->f.vm, rig->pci, tree, 1), -FDT_ERR_BADVALUE);
    assert_non_null(fixture_log_find(&rig->f, "interrupt line of device 1 is 31"));
    assert_true(fdt_path_offset(tree, "/pci") < 0);
    device.bytes[0x3c] = 32;
    int err = -1;
    for (int size = 64; err; size += 4) {
        assert_true(size < 1024);
        if (fdt_create_empty_tree(tree, size)) {
            continue;
        }
        err = fdt_generate_vpci_node(&rig->f.vm, rig->pci, tree, 1);
        assert_true(err == 0 || err == -FDT_ERR_NOSPACE);
        assert_int_equal(fdt_path_offset(tree, "/pci") > 0, err == 0);
    }
    assert_int_equal(fdt_check_header(tree), 0);
}

int test_vpci(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_host_bridge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_config_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
        cmocka_unit_test(test_install_checks),
        cmocka_unit_test(test_two_vms_and_again),
        cmocka_unit_test_setup_teardown(test_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_node_without_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_node_one_address_cell, setup, teardown),
        cmocka_unit_test_setup_teardown(test_node_errors, setup, teardown),
    };
    return cmocka_run_group_tests_name("vpci", tests, NULL, NULL);
}
