/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X of the PCI transport (virtio 1.2, 4.1.4.10, 4.1.5.1.2, 4.1.5.3). */
#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_spec.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define ALL       (~BIT(VIRTIO_F_EVENT_IDX))
#define NO_VECTOR 0xffff
#define PAGE(n)   ((n)*MODERN_PAGE)
#define TX        1u

int test_virtio_pci_msix(void);

struct bench {
    struct virtio_rig rig;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_pci pci;
    struct virtio_driver driver;
    struct vmmp_msi msi;
    unsigned capability;
    unsigned sent[8]; /* By the message's data. */
    unsigned total;
    uint16_t resize_to; /* In the midst of output; 0: not. */
};

static size_t take_output(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct bench *bench = cookie;
    size_t bytes = 0;
    if (bench->resize_to) {
        vmmp_virtio_console_resize(&bench->console, bench->resize_to, 1);
    }
    for (unsigned i = 0; i < count; i++) {
        bytes += iov[i].len;
    }
    return bytes;
}

static void record(void *cookie, uint64_t address, uint32_t data)
{
    struct bench *bench = cookie;
    assert_int_equal(address, 0x8020040);
    assert_in_range(data, 0, 7);
    bench->sent[data]++;
    bench->total++;
}

static const struct vmmp_msi_ops msi_ops = { record };

static unsigned find_msix(struct bench *bench)
{
    struct vmmp_pci_function *function = &bench->pci.function;
    unsigned at = (unsigned)vmmp_pci_function_read(function, 0x34, 1);
    while (at && vmmp_pci_function_read(function, at, 1) != 0x11) {
        at = (unsigned)vmmp_pci_function_read(function, at + 1, 1);
    }
    return at;
}

static void make(struct bench *bench, bool with_msi, uint16_t vectors)
{
    const struct vmmp_virtio_console_backend backend = { .write = take_output, .cookie = bench };
    const struct vmmp_virtio_console_options size = { .cols = 80, .rows = 25 };
    memset(bench, 0, sizeof(*bench));
    bench->msi = (struct vmmp_msi){ &msi_ops, bench };
    const struct vmmp_virtio_pci_options options = { .msi = with_msi ? &bench->msi : NULL,
                                                     .vectors = vectors };
    virtio_rig_init(&bench->rig, true, false);
    assert_int_equal(vmmp_virtio_console_init(&bench->console, &backend, &size, &bench->rig.memory,
                                              &bench->rig.log, &bench->rig.host),
                     0);
    assert_int_equal(vmmp_virtio_pci_init(&bench->pci, &bench->console.virtio, &options), 0);
    virtio_rig_plug(&bench->rig, &bench->pci);
    vmmp_pci_set_command(&bench->pci.function, 7); /* Ports, memory, bus master: as drivers do. */
    virtio_driver_init(&bench->driver, &virtio_driver_pci_modern, &bench->pci.modern,
                       &bench->rig.memory, VIRTIO_RIG_RAM, VIRTIO_RIG_RAM_SIZE);
    bench->capability = find_msix(bench);
}

static int setup(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, true, 0);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    vmmp_virtio_pci_fini(&bench->pci);
    vmmp_virtio_console_fini(&bench->console);
    virtio_rig_fini(&bench->rig);
    free(bench);
    return 0;
}

static uint64_t modern(struct bench *bench, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&bench->pci.modern, offset, size);
}

static void modern_put(struct bench *bench, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&bench->pci.modern, offset, size, value);
}

static uint64_t legacy(struct bench *bench, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&bench->pci.legacy, offset, size);
}

static void legacy_put(struct bench *bench, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&bench->pci.legacy, offset, size, value);
}

/* Message n of the table has data n. */
static void enable(struct bench *bench)
{
    for (unsigned i = 0; i < 3; i++) {
        vmmp_window_write(&bench->pci.msix.window, 16 * i, 8, 0x8020040);
        vmmp_window_write(&bench->pci.msix.window, 16 * i + 8, 8, i);
    }
    vmmp_pci_function_write(&bench->pci.function, bench->capability + 2, 2, 0x8000);
}

static void disable(struct bench *bench)
{
    vmmp_pci_function_write(&bench->pci.function, bench->capability + 2, 2, 0);
}

static uint64_t set_config_vector(struct bench *bench, unsigned vector)
{
    modern_put(bench, VIRTIO_PCI_COMMON_MSIX, 2, vector);
    return modern(bench, VIRTIO_PCI_COMMON_MSIX, 2);
}

static uint64_t set_queue_vector(struct bench *bench, unsigned queue, unsigned vector)
{
    modern_put(bench, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
    modern_put(bench, VIRTIO_PCI_COMMON_Q_MSIX, 2, vector);
    return modern(bench, VIRTIO_PCI_COMMON_Q_MSIX, 2);
}

static void output(struct bench *bench)
{
    const struct virtio_driver_buffer out = { VIRTIO_RIG_RAM + 0x100000, 1, false };
    virtio_driver_add(&bench->driver, TX, &out, 1);
    assert_true(virtio_driver_kick(&bench->driver, TX));
}

static void resize(struct bench *bench, uint16_t columns)
{
    vmmp_context_enter(&bench->console.virtio.context);
    vmmp_virtio_console_resize(&bench->console, columns, 1);
    vmmp_context_leave(&bench->console.virtio.context);
}

static void without_a_destination_there_is_no_msix(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, false, 0);
    assert_int_equal(bench->capability, 0);
    assert_int_equal(set_config_vector(bench, 0), NO_VECTOR);
    assert_int_equal(set_queue_vector(bench, 0, 0), NO_VECTOR);
    vmmp_pci_function_write(&bench->pci.function, 0x14, 4, UINT32_MAX);
    assert_int_equal(vmmp_pci_function_read(&bench->pci.function, 0x14, 4), 0);
    *state = bench;
    teardown(state);
}

static void a_vector_for_each_queue_and_one_more(void **state)
{
    struct bench *bench = *state;
    assert_int_not_equal(bench->capability, 0);
    assert_int_equal(vmmp_pci_function_read(&bench->pci.function, bench->capability + 2, 2), 2);
    assert_int_equal(vmmp_pci_function_read(&bench->pci.function, bench->capability + 4, 4), 1);
    vmmp_pci_function_write(&bench->pci.function, 0x14, 4, UINT32_MAX);
    assert_int_equal(vmmp_pci_function_read(&bench->pci.function, 0x14, 4), 0xfffff000);
}

/* 4.1.5.1.2: what cannot be mapped reads back NO_VECTOR. */
static void vectors_read_back(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_MSIX, 2), NO_VECTOR);
    for (unsigned vector = 0; vector < 0x10000; vector++) {
        unsigned expected = vector < 3 ? vector : NO_VECTOR;
        assert_int_equal(set_config_vector(bench, vector), expected);
        assert_int_equal(set_queue_vector(bench, 1, vector), expected);
        assert_int_equal(set_queue_vector(bench, 2, vector), NO_VECTOR); /* No such queue */
    }
    assert_int_equal(set_queue_vector(bench, 1, 2), 2);
    assert_int_equal(set_queue_vector(bench, 0, 1), 1);
    modern_put(bench, VIRTIO_PCI_COMMON_Q_MSIX, 1, 0); /* A part of it */
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_MSIX, 2), 1);
    modern_put(bench, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_MSIX, 2), 2);
    /* Across a reset of the device: none. */
    set_config_vector(bench, 0);
    modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_MSIX, 2), NO_VECTOR);
    for (unsigned queue = 0; queue < 2; queue++) {
        modern_put(bench, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
        assert_int_equal(modern(bench, VIRTIO_PCI_COMMON_Q_MSIX, 2), NO_VECTOR);
    }
}

static void notifications_go_to_their_vectors(void **state)
{
    struct bench *bench = *state;
    enable(bench);
    assert_true(virtio_driver_start(&bench->driver, ALL, 2));
    assert_int_equal(set_config_vector(bench, 0), 0);
    assert_int_equal(set_queue_vector(bench, TX, 2), 2);
    output(bench);
    assert_int_equal(bench->sent[2], 1);
    resize(bench, 3);
    assert_int_equal(bench->sent[0], 1);
    assert_int_equal(bench->total, 2);
    /* INTx is silent, and ISR tells of the configuration only. */
    assert_false(bench->rig.high);
    assert_int_equal(bench->rig.pulses, 0);
    assert_int_equal(modern(bench, PAGE(MODERN_ISR), 1), VMMP_VIRTIO_ISR_CONFIG);
    /* One vector for both. */
    set_queue_vector(bench, TX, 0);
    output(bench);
    assert_int_equal(bench->sent[0], 2);
    /* None: no interrupt. */
    set_queue_vector(bench, TX, NO_VECTOR);
    set_config_vector(bench, NO_VECTOR);
    output(bench);
    resize(bench, 4);
    assert_int_equal(bench->total, 3);
    assert_int_equal(bench->rig.pulses, 0);
}

static void masked_vectors_wait_and_a_reset_forgets(void **state)
{
    struct bench *bench = *state;
    enable(bench);
    assert_true(virtio_driver_start(&bench->driver, ALL, 2));
    set_queue_vector(bench, TX, 1);
    vmmp_window_write(&bench->pci.msix.window, 16 + 12, 4, 1);
    output(bench);
    assert_int_equal(bench->total, 0);
    vmmp_window_write(&bench->pci.msix.window, 16 + 12, 4, 0);
    assert_int_equal(bench->sent[1], 1);
    vmmp_window_write(&bench->pci.msix.window, 16 + 12, 4, 1);
    output(bench);
    modern_put(bench, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    vmmp_window_write(&bench->pci.msix.window, 16 + 12, 4, 0);
    assert_int_equal(bench->total, 1);
    /* The table is the function's and stays. */
    assert_int_equal(vmmp_window_read(&bench->pci.msix.window, 16, 4), 0x8020040);
}

static void from_intx_to_messages_and_back(void **state)
{
    struct bench *bench = *state;
    assert_true(virtio_driver_start(&bench->driver, ALL, 2));
    set_queue_vector(bench, TX, 1);
    output(bench);
    assert_true(bench->rig.high);
    enable(bench);
    assert_false(bench->rig.high); /* 6.8.3.3: never both. */
    output(bench);
    assert_int_equal(bench->total, 1);
    assert_false(bench->rig.high);
    resize(bench, 5);
    disable(bench);
    assert_true(bench->rig.high); /* The configuration's, which nobody has read. */
    assert_int_equal(modern(bench, PAGE(MODERN_ISR), 1), VMMP_VIRTIO_ISR_CONFIG);
    assert_false(bench->rig.high);
    output(bench);
    assert_true(bench->rig.high);
    assert_int_equal(bench->total, 1);
}

/* 4.1.4.10: with MSI-X enabled configuration begins four bytes later. */
static void the_legacy_header_grows(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(legacy(bench, 20, 4), 80 | 25 << 16);
    enable(bench);
    assert_int_equal(legacy(bench, 20, 4), 0xffffffff); /* Two vectors: none */
    assert_int_equal(legacy(bench, 24, 4), 80 | 25 << 16);
    assert_int_equal(legacy(bench, 22, 4), 0xffff | 80 << 16);
    legacy_put(bench, 14, 2, TX);
    legacy_put(bench, 20, 4, 0 | 1 << 16); /* Both vectors in one access */
    assert_int_equal(legacy(bench, 20, 2), 0);
    assert_int_equal(legacy(bench, 22, 2), 1);
    legacy_put(bench, 22, 2, 3);
    assert_int_equal(legacy(bench, 22, 2), NO_VECTOR);
    bench->driver.transport = &virtio_driver_pci_legacy;
    bench->driver.device = &bench->pci.legacy;
    disable(bench); /* The driver's helper resets, and knows the short header only. */
    assert_true(virtio_driver_start(&bench->driver, 0, 2));
    enable(bench);
    legacy_put(bench, 14, 2, TX);
    legacy_put(bench, 20, 2, 0);
    legacy_put(bench, 22, 2, 2);
    output(bench);
    assert_int_equal(bench->sent[2], 1);
    legacy_put(bench, 18, 1, 0);
    assert_int_equal(legacy(bench, 20, 4), 0xffffffff);
    disable(bench);
    assert_int_equal(legacy(bench, 20, 4), 80 | 25 << 16);
}

static const struct vmmp_virtio_ops many_ops = { .name = "many", .type = 42 };

/* More queues than vectors: the driver learns it from the capability and shares. */
static void more_queues_than_vectors(void **state)
{
    static struct vmmp_virtio_queue queues[200];
    uint16_t sizes[200];
    struct bench *bench = *state;
    struct vmmp_virtio_device device;
    struct vmmp_virtio_pci *pci = malloc(sizeof(*pci));
    const struct vmmp_virtio_pci_options options = { .msi = &bench->msi };
    for (unsigned i = 0; i < 200; i++) {
        sizes[i] = 1;
    }
    assert_int_equal(
        vmmp_virtio_init(&device, &many_ops, queues, sizes, 200, &bench->rig.memory, NULL, NULL),
        0);
    assert_int_equal(vmmp_virtio_pci_init(pci, &device, &options), 0);
    assert_int_equal(pci->msix.count, VMMP_VIRTIO_PCI_VECTORS);
    vmmp_window_write(&pci->modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, 199);
    vmmp_window_write(&pci->modern, VIRTIO_PCI_COMMON_Q_MSIX, 2, VMMP_VIRTIO_PCI_VECTORS - 1);
    assert_int_equal(queues[199].vector, VMMP_VIRTIO_PCI_VECTORS - 1);
    vmmp_virtio_pci_fini(pci);
    vmmp_virtio_fini(&device);
    free(pci);
}

/* Few vectors by choice; a driver finds it in the capability, and all queues in one. */
static void fewer_vectors_than_queues_by_choice(void **state)
{
    struct bench *bench = *state;
    struct vmmp_virtio_pci *pci = malloc(sizeof(*pci));
    struct vmmp_virtio_queue queues[2];
    const uint16_t sizes[2] = { 1, 1 };
    struct vmmp_virtio_device device;
    static const struct {
        uint16_t asked;
        unsigned got;
    } rows[] = { { 0, 3 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 4, 3 }, { UINT16_MAX, 3 } };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vmmp_virtio_pci_options options = { .msi = &bench->msi,
                                                         .vectors = rows[i].asked };
        assert_int_equal(
            vmmp_virtio_init(&device, &many_ops, queues, sizes, 2, &bench->rig.memory, NULL, NULL),
            0);
        assert_int_equal(vmmp_virtio_pci_init(pci, &device, &options), 0);
        assert_int_equal(pci->msix.count, rows[i].got);
        for (uint16_t queue = 0; queue < 2; queue++) {
            vmmp_window_write(&pci->modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
            vmmp_window_write(&pci->modern, VIRTIO_PCI_COMMON_Q_MSIX, 2, rows[i].got);
            assert_int_equal(queues[queue].vector, NO_VECTOR);
            vmmp_window_write(&pci->modern, VIRTIO_PCI_COMMON_Q_MSIX, 2, rows[i].got - 1);
            assert_int_equal(queues[queue].vector, rows[i].got - 1);
        }
        vmmp_virtio_pci_fini(pci);
        vmmp_virtio_fini(&device);
    }
    free(pci);
}

/* Two things told in the midst of one notification, by one vector and by two. */
static void few_vectors_tell_once_for_a_notification(void **state)
{
    static const struct {
        uint16_t vectors;
        unsigned config;
        unsigned told[2];
    } rows[] = { { 0, 0, { 2, 0 } }, { 2, 0, { 1, 0 } }, { 2, 1, { 1, 1 } } };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench *bench = malloc(sizeof(*bench));
        make(bench, true, rows[i].vectors);
        for (unsigned vector = 0; vector < 2; vector++) {
            vmmp_window_write(&bench->pci.msix.window, 16 * vector, 8, 0x8020040);
            vmmp_window_write(&bench->pci.msix.window, 16 * vector + 8, 8, vector);
        }
        vmmp_pci_function_write(&bench->pci.function, bench->capability + 2, 2, 0x8000);
        assert_true(virtio_driver_start(&bench->driver, ALL, 2));
        assert_int_equal(set_config_vector(bench, rows[i].config), rows[i].config);
        assert_int_equal(set_queue_vector(bench, TX, 0), 0);
        bench->resize_to = 3;
        output(bench);
        assert_int_equal(bench->sent[0], rows[i].told[0]);
        assert_int_equal(bench->sent[1], rows[i].told[1]);
        /* Not in a notification: at once. */
        bench->resize_to = 0;
        resize(bench, 4);
        assert_int_equal(bench->total, rows[i].told[0] + rows[i].told[1] + 1);
        *state = bench;
        teardown(state);
    }
}

int test_virtio_pci_msix(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_destination_there_is_no_msix),
        TEST(a_vector_for_each_queue_and_one_more),
        TEST(vectors_read_back),
        TEST(notifications_go_to_their_vectors),
        TEST(masked_vectors_wait_and_a_reset_forgets),
        TEST(from_intx_to_messages_and_back),
        TEST(the_legacy_header_grows),
        TEST(more_queues_than_vectors),
        TEST(fewer_vectors_than_queues_by_choice),
        cmocka_unit_test(few_vectors_tell_once_for_a_notification),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
