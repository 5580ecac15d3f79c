/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/ivshmem.h>

#include "support/connection_rig.h"

#define MASK     0x00u
#define STATUS   0x04u
#define POSITION 0x08u
#define DOORBELL 0x0cu

/* Of the MSI-X capability, the first one (PCI 3.0, 6.8.2). */
#define MSIX_CONTROL 0x42u
#define MSIX_ENABLE  0x8000u

int test_ivshmem(void);

struct rig {
    struct vmmp_ivshmem device;
    struct connection_rig around;
    struct vmmp_msi msi;
    unsigned position;
    unsigned rung;
    unsigned sent;
    uint64_t address;
    uint32_t data;
};

static unsigned position(void *cookie)
{
    return ((struct rig *)cookie)->position;
}

static void ring(void *cookie)
{
    ((struct rig *)cookie)->rung++;
}

static void record(void *cookie, uint64_t address, uint32_t data)
{
    struct rig *rig = cookie;
    rig->sent++;
    rig->address = address;
    rig->data = data;
}

static const struct vmmp_msi_ops msi_ops = { record };

static int make_sized(struct rig *rig, const struct vmmp_host_ops *host, bool msi, uint64_t size)
{
    memset(rig, 0, sizeof(*rig));
    connection_rig_init(&rig->around);
    rig->msi = (struct vmmp_msi){ msi ? &msi_ops : NULL, rig };
    const struct vmmp_ivshmem_config config = {
        .size = size,
        .position = position,
        .ring = ring,
        .cookie = rig,
        .msi = &rig->msi,
        .host = { host, &rig->around },
        .log = &rig->around.log,
    };
    return vmmp_ivshmem_init(&rig->device, &config);
}

static void make(struct rig *rig, const struct vmmp_host_ops *host, bool msi)
{
    assert_int_equal(make_sized(rig, host, msi, 0x10000), 0);
    connection_rig_wire(&rig->around, &rig->device.pci.irq, &connection_level);
}

static uint64_t get(struct rig *rig, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&rig->device.window, offset, size);
}

static void put(struct rig *rig, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&rig->device.window, offset, size, value);
}

static void the_function_is_qemus(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, NULL, true);
    struct vmmp_pci_function *pci = &rig.device.pci;
    assert_int_equal(vmmp_pci_peek(pci, 0x00, 4), 0x11101af4);
    assert_int_equal(vmmp_pci_peek(pci, 0x08, 4), 0x05000001);
    assert_int_equal(vmmp_pci_peek(pci, 0x2c, 4), 0x11001af4);
    assert_int_equal(vmmp_pci_peek(pci, 0x40, 1), 0x11); /* MSI-X, of one vector in BAR 1. */
    assert_int_equal(vmmp_pci_peek(pci, MSIX_CONTROL, 2), 0);
    assert_int_equal(vmmp_pci_peek(pci, 0x44, 4), 1);
    vmmp_pci_function_write(pci, 0x18, 4, UINT32_MAX);
    assert_int_equal(vmmp_pci_function_read(pci, 0x18, 4), 0xffff000c);
    vmmp_ivshmem_fini(&rig.device);
}

static void without_messages_there_is_no_msix(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, NULL, false);
    assert_int_equal(vmmp_pci_peek(&rig.device.pci, 0x34, 1), 0);
    assert_int_equal(vmmp_pci_peek(&rig.device.pci, 0x3d, 1), 1);
    vmmp_ivshmem_fini(&rig.device);
}

static void the_doorbell_rings_the_other_end(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, NULL, true);
    assert_int_equal(get(&rig, POSITION, 4), 0);
    put(&rig, DOORBELL, 4, 0x10000);
    assert_int_equal(rig.rung, 1);
    rig.position = 1;
    assert_int_equal(get(&rig, POSITION, 4), 1);
    put(&rig, DOORBELL, 4, 0);
    assert_int_equal(rig.rung, 2);
    assert_int_equal(get(&rig, DOORBELL, 4), 0);
    assert_int_equal(get(&rig, STATUS, 4), 0);
    vmmp_ivshmem_fini(&rig.device);
}

/* Vectors and ends that do not exist, widths that are no register's, registers that are none. */
static void what_is_no_doorbell_rings_nobody(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, NULL, true);
    put(&rig, DOORBELL, 4, 0x10001);
    put(&rig, DOORBELL, 4, 0x20000);
    put(&rig, DOORBELL, 4, UINT32_MAX);
    assert_int_equal(rig.around.guest_messages, 3);
    put(&rig, DOORBELL, 2, 0);
    put(&rig, DOORBELL + 2, 2, 1);
    put(&rig, POSITION, 4, 1);
    put(&rig, 0x10, 4, 0x10000);
    put(&rig, 0xffc, 4, 0x10000);
    assert_int_equal(rig.rung, 0);
    assert_int_equal(get(&rig, POSITION, 4), 0);
    assert_int_equal(get(&rig, 0x10, 8), 0);
    assert_int_equal(get(&rig, STATUS, 4), 0);
    vmmp_ivshmem_fini(&rig.device);
}

static void intx_is_status_and_mask(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, NULL, true);
    vmmp_ivshmem_interrupt(&rig.device);
    assert_false(rig.around.high); /* As drivers of revision 1 leave it. */
    put(&rig, MASK, 4, 1);
    assert_true(rig.around.high);
    assert_int_equal(get(&rig, STATUS, 4), 1);
    assert_false(rig.around.high);
    assert_int_equal(get(&rig, STATUS, 4), 0);
    vmmp_ivshmem_interrupt(&rig.device);
    vmmp_ivshmem_interrupt(&rig.device);
    assert_true(rig.around.high);
    put(&rig, STATUS, 4, 0);
    assert_false(rig.around.high);
    put(&rig, DOORBELL, 4, 0); /* Its own. */
    assert_true(rig.around.high);
    assert_int_equal(rig.rung, 0);
    put(&rig, MASK, 4, 0);
    assert_false(rig.around.high);
    vmmp_ivshmem_fini(&rig.device);
}

static void messages_take_the_place_of_intx(void **state)
{
    struct rig rig;
    (void)state;
    make(&rig, &connection_deferring, true);
    struct vmmp_pci_function *pci = &rig.device.pci;
    struct vmmp_window *table = pci->bars[VMMP_IVSHMEM_BAR_MSIX].window;
    put(&rig, MASK, 4, 1);
    vmmp_pci_set_command(pci, 6); /* Memory, bus master. */
    vmmp_window_write(table, 0, 8, 0x8020040);
    vmmp_window_write(table, 8, 8, 77);
    vmmp_pci_function_write(pci, MSIX_CONTROL, 2, MSIX_ENABLE);
    vmmp_ivshmem_interrupt(&rig.device);
    vmmp_ivshmem_interrupt(&rig.device);
    assert_int_equal(rig.sent, 0);
    connection_run(&rig.around);
    assert_int_equal(rig.sent, 1); /* For both. */
    assert_int_equal(rig.address, 0x8020040);
    assert_int_equal(rig.data, 77);
    assert_false(rig.around.high);
    assert_int_equal(get(&rig, STATUS, 4), 0);
    vmmp_pci_function_write(pci, MSIX_CONTROL, 2, 0);
    vmmp_ivshmem_interrupt(&rig.device);
    connection_run(&rig.around);
    assert_int_equal(rig.sent, 1);
    assert_true(rig.around.high);
    vmmp_ivshmem_fini(&rig.device);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    const uint64_t sizes[] = { 0, 2048, 4097, 0x3000, UINT64_C(1) << 31, UINT64_MAX };
    struct rig rig;
    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(make_sized(&rig, NULL, true, sizes[i]), -EINVAL);
        assert_int_equal(rig.around.client_errors, 1);
    }
    assert_int_equal(make_sized(&rig, NULL, true, 4096), 0);
    vmmp_ivshmem_fini(&rig.device);
}

int test_ivshmem(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_function_is_qemus),
        cmocka_unit_test(without_messages_there_is_no_msix),
        cmocka_unit_test(the_doorbell_rings_the_other_end),
        cmocka_unit_test(what_is_no_doorbell_rings_nobody),
        cmocka_unit_test(intx_is_status_and_mask),
        cmocka_unit_test(messages_take_the_place_of_intx),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("ivshmem", tests, NULL, NULL);
}
