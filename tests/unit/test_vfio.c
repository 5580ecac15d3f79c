/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest sees of a device of the host's, and what it can do to it: hosted/src/vfio. */
#include "vmmp_test.h"

#include <errno.h>
#include <unistd.h>

#include "support/vfio_fake.h"

int test_vfio(void);

#define COMMAND      4u
#define MEMORY       2u /* Bits of the command register. */
#define PORTS        1u
#define MASTER       4u
#define INTX_OFF     0x400u
#define MSIX_CONTROL (FAKE_MSIX + 2)
#define MSIX_ENABLE  0x8000u
#define MSIX_MASK    0x4000u
#define BAR(index)   (0x10u + 4 * (index))

static struct vfio_fake *fake;

static uint32_t config(unsigned offset, unsigned size)
{
    return (uint32_t)vmmp_pci_function_read(&fake->function.pci, offset, size);
}

static void set_config(unsigned offset, unsigned size, uint64_t value)
{
    vmmp_pci_function_write(&fake->function.pci, offset, size, value);
}

static uint64_t bar_of(unsigned index)
{
    return vmmp_pci_bar_address(&fake->function.pci, index);
}

static uint64_t get(uint64_t gpa, unsigned size)
{
    return vmmp_window_read(&fake->host.memory, gpa - FAKE_MEMORY_BASE, size);
}

static void set(uint64_t gpa, unsigned size, uint64_t value)
{
    vmmp_window_write(&fake->host.memory, gpa - FAKE_MEMORY_BASE, size, value);
}

static void start(void)
{
    assert_int_equal(vfio_fake_start(fake), 0);
}

static void stop(void)
{
    vfio_fake_stop(fake);
    if (fake->broken) {
        fail_msg("%s", fake->broken);
    }
}

static int make(void **state)
{
    fake = calloc(1, sizeof(*fake));
    *state = fake;
    return fake ? 0 : -1;
}

static int unmake(void **state)
{
    vfio_fake_free(*state);
    free(*state);
    return 0;
}

/* ---- configuration space ---- */

static void the_header_is_the_devices(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    assert_int_equal(config(0, 4), 0x10d38086);
    assert_int_equal(config(8, 4), 0x02000003);
    assert_int_equal(config(0x2c, 4), 0x11001af4);
    assert_int_equal(config(0x3d, 1), 2);
    assert_int_equal(config(0x0e, 1), 0);
    assert_int_equal(config(0x30, 4), 0); /* No option ROM. */
    stop();
}

static void capabilities_are_those_that_are_emulated(void **state)
{
    static const struct {
        unsigned at;
        unsigned id;
    } expected[] = { { FAKE_MSIX, 0x11 }, { FAKE_PM, 1 }, { FAKE_MSI, 5 }, { FAKE_PCIE, 0x10 } };
    (void)state;
    vfio_fake_card(fake);
    start();
    unsigned at = config(0x34, 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(at, expected[i].at);
        assert_int_equal(config(at, 1), expected[i].id);
        at = config(at + 1, 1);
    }
    assert_int_equal(at, 0);
    assert_int_equal(config(FAKE_VENDOR, 4), 0);
    assert_int_equal(config(0x100, 4), UINT32_MAX);
    /* Power management without wake-up; one message without masks; an endpoint on the root complex,
     * without link and reset; table and pending bits where they are. */
    assert_int_equal(config(FAKE_PM + 2, 2), 3);
    assert_int_equal(config(FAKE_PM + 4, 4), 8);
    assert_int_equal(config(FAKE_MSI + 2, 2), 0x80);
    assert_int_equal(config(FAKE_PCIE + 2, 2), 0x91);
    assert_int_equal(config(FAKE_PCIE + 4, 4), 0x8001);
    assert_int_equal(config(FAKE_PCIE + 12, 4), 0);
    assert_int_equal(config(FAKE_MSIX + 2, 2), 4);
    assert_int_equal(config(FAKE_MSIX + 4, 4), 3);
    assert_int_equal(config(FAKE_MSIX + 8, 4), 0x2003);
    stop();
}

/* Bits that a guest may change, by the documentation. */
static uint8_t may_change(unsigned offset)
{
    static const struct {
        unsigned first, last;
        uint8_t bits;
    } writable[] = {
        { 0x04, 0x04, 7 },
        { 0x05, 0x05, 4 },
        { 0x0c, 0x0d, 0xff },
        { 0x10, 0x27, 0xff },
        { 0x3c, 0x3c, 0xff },
        { FAKE_MSIX + 3, FAKE_MSIX + 3, 0xc0 },
        { FAKE_PM + 4, FAKE_PM + 4, 3 },
        { FAKE_MSI + 2, FAKE_MSI + 2, 1 },
        { FAKE_MSI + 4, FAKE_MSI + 4, 0xfc },
        { FAKE_MSI + 5, FAKE_MSI + 13, 0xff },
        { FAKE_PCIE + 8, FAKE_PCIE + 8, 0xff },
        { FAKE_PCIE + 9, FAKE_PCIE + 9, 0x7f },
    };
    for (unsigned i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
        if (offset >= writable[i].first && offset <= writable[i].last) {
            return writable[i].bits;
        }
    }
    return 0;
}

/* Every offset, every width, several values; the fake looks after the device. */
static void hostile_writes_change_nothing_else(void **state)
{
    static const uint64_t values[] = { 0, UINT64_MAX, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa };
    uint8_t before[256];
    uint8_t real[256];
    (void)state;
    vfio_fake_card(fake);
    memcpy(real, fake->config, sizeof(real));
    start();
    for (unsigned i = 0; i < 256; i++) {
        before[i] = (uint8_t)config(i, 1);
    }
    for (unsigned v = 0; v < 4; v++) {
        for (unsigned offset = 0; offset < 0x110; offset++) {
            for (unsigned size = 1; size <= 8; size *= 2) {
                set_config(offset, size, values[v]);
                assert_null(fake->broken);
            }
        }
        for (unsigned i = 0; i < 256; i++) {
            uint8_t kept = (uint8_t)~may_change(i);
            assert_int_equal(config(i, 1) & kept, before[i] & kept);
        }
    }
    assert_memory_equal(fake->config, real, sizeof(real));
    stop();
}

static void of_the_command_bus_mastering_is_the_devices(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    assert_int_equal(fake->command, 3);
    set_config(COMMAND, 2, MASTER);
    assert_int_equal(fake->command, 7);
    set_config(COMMAND, 2, MEMORY);
    assert_int_equal(fake->command, 3);
    set_config(COMMAND, 2, MASTER);
    stop();
    assert_int_equal(fake->command, 3);
    assert_int_equal(fake->resets, 1);
}

/* ---- BARs ---- */

static void bars_have_the_devices_sizes(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    for (unsigned offset = BAR(0); offset < BAR(6); offset += 4) {
        set_config(offset, 4, UINT32_MAX);
    }
    assert_int_equal(config(BAR(0), 4), 0xfffe0000);
    assert_int_equal(config(BAR(2), 4), 0xffffffe1);
    assert_int_equal(config(BAR(3), 4), 0xffffc000);
    assert_int_equal(config(BAR(4), 4), 0);
    stop();
}

static void registers_are_memory_but_for_msix(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    assert_null(vfio_fake_mapped(fake, bar_of(0)));
    set_config(COMMAND, 2, MEMORY);
    assert_ptr_equal(vfio_fake_mapped(fake, bar_of(0)), fake->memory[0]);
    assert_ptr_equal(vfio_fake_mapped(fake, bar_of(0) + 0x1ffff), fake->memory[0] + 0x1ffff);
    assert_null(vfio_fake_mapped(fake, bar_of(3)));
    assert_ptr_equal(vfio_fake_mapped(fake, bar_of(3) + 0x1000), fake->memory[3] + 0x1000);
    assert_null(vfio_fake_mapped(fake, bar_of(3) + 0x2000));
    assert_ptr_equal(vfio_fake_mapped(fake, bar_of(3) + 0x3000), fake->memory[3] + 0x3000);
    uint64_t old = bar_of(0);
    set_config(BAR(0), 4, FAKE_MEMORY_BASE + 0x800000);
    assert_null(vfio_fake_mapped(fake, old));
    assert_ptr_equal(vfio_fake_mapped(fake, FAKE_MEMORY_BASE + 0x800000), fake->memory[0]);
    set_config(COMMAND, 2, 0);
    assert_null(vfio_fake_mapped(fake, FAKE_MEMORY_BASE + 0x800000));
    stop();
}

static void bars_on_top_of_each_other_harm_nobody(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    set_config(COMMAND, 2, MEMORY);
    set_config(BAR(1), 4, bar_of(0));
    assert_int_equal(get(bar_of(0), 1), 0x50);
    set_config(BAR(0), 4, FAKE_MEMORY_BASE + 0x800000);
    set_config(BAR(0), 4, UINT32_MAX);
    set_config(BAR(3), 4, 0);
    stop();
}

static void ports_are_accesses(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    set_config(COMMAND, 2, PORTS);
    vmmp_window_write(&fake->host.ports, bar_of(2) + 4, 4, 0x01020304);
    assert_int_equal(fake->memory[2][4], 4);
    assert_int_equal(fake->memory[2][7], 1);
    assert_int_equal(vmmp_window_read(&fake->host.ports, bar_of(2), 2), 0x5252);
    stop();
}

/* The pages around MSI-X, of every width at every place: the fake says if the table is reached. */
static void accesses_around_msix_do_not_reach_it(void **state)
{
    (void)state;
    vfio_fake_disk(fake, 65);
    start();
    set_config(COMMAND, 2, MEMORY);
    uint64_t bar = bar_of(0);
    for (uint64_t offset = 0x1ff0; offset < 0x2440; offset++) {
        for (unsigned size = 1; size <= 8; size *= 2) {
            (void)get(bar + offset, size);
            set(bar + offset, size, UINT64_MAX);
        }
    }
    assert_null(fake->broken);
    /* What is beside it does reach the device. */
    assert_int_equal(fake->memory[0][0x1fff], 0xff);
    assert_int_equal(fake->memory[0][fake->pending + fake->pending_size], 0xff);
    assert_int_equal(fake->memory[0][fake->table], 0x50);
    assert_int_equal(get(bar + fake->pending + fake->pending_size + 8, 8), 0xffffffffffffffff);
    stop();
}

/* ---- interrupts ---- */

static void intx_comes_and_goes(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    assert_int_equal(fake->kind, VFIO_INTX);
    assert_int_equal(fake->line_fd, fake->fds[0]);
    assert_int_not_equal(fake->unmask, fake->fds[0]);
    set_config(COMMAND, 2, INTX_OFF);
    assert_int_equal(fake->kind, VFIO_NO_INTERRUPTS);
    assert_int_equal(fake->line_fd, 0);
    set_config(COMMAND, 2, 0);
    assert_int_equal(fake->kind, VFIO_INTX);
    stop();
}

static void msi_is_a_message(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    set_config(COMMAND, 2, MASTER);
    set_config(FAKE_MSI + 4, 4, 0xfee01003);
    set_config(FAKE_MSI + 8, 4, 1);
    set_config(FAKE_MSI + 12, 2, 0x4021);
    assert_null(vfio_fake_message(fake, 0));
    set_config(FAKE_MSI + 2, 2, 0xffff);
    assert_int_equal(fake->kind, VFIO_MSI);
    assert_int_equal(fake->count, 1);
    assert_int_equal(fake->line_fd, 0);
    assert_int_equal(vfio_fake_message(fake, 0)->address, 0x1fee01000);
    assert_int_equal(vfio_fake_message(fake, 0)->data, 0x4021);
    set_config(FAKE_MSI + 12, 2, 0x22); /* Moved to another vector. */
    assert_int_equal(vfio_fake_message(fake, 0)->data, 0x22);
    set_config(COMMAND, 2, 0); /* A message is a write to memory. */
    assert_null(vfio_fake_message(fake, 0));
    set_config(FAKE_MSI + 2, 2, 0);
    assert_int_equal(fake->kind, VFIO_INTX);
    stop();
}

static void program(unsigned vector, uint64_t address, uint32_t data, bool masked)
{
    uint64_t entry = bar_of(3) + 16 * vector;
    set(entry, 8, address);
    set(entry + 8, 8, (uint64_t)masked << 32 | data);
}

static void signal_vector(unsigned vector)
{
    const uint64_t one = 1;
    assert_int_equal(write(fake->fds[vector], &one, sizeof(one)), sizeof(one));
}

static bool is_pending(unsigned vector)
{
    return get(bar_of(3) + 0x2000, 8) >> vector & 1;
}

static void msix_is_a_message_for_each_vector(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    set_config(COMMAND, 2, MEMORY | MASTER);
    program(0, 0xfee00000, 0x30, false);
    program(3, 0xfee02000, 0x33, false);
    assert_int_equal(fake->kind, VFIO_INTX);
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    assert_int_equal(fake->kind, VFIO_MSIX);
    assert_int_equal(fake->count, 5);
    assert_int_equal(vfio_fake_message(fake, 0)->data, 0x30);
    assert_int_equal(vfio_fake_message(fake, 3)->address, 0xfee02000);
    assert_null(vfio_fake_message(fake, 1));
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE | MSIX_MASK);
    assert_null(vfio_fake_message(fake, 0));
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    assert_non_null(vfio_fake_message(fake, 0));
    set_config(MSIX_CONTROL, 2, 0);
    assert_int_equal(fake->kind, VFIO_INTX);
    stop();
}

static void a_host_with_fewer_interrupts_gives_those(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    fake->most = 2;
    set_config(COMMAND, 2, MEMORY | MASTER);
    program(1, 0xfee00000, 0x31, false);
    program(3, 0xfee00000, 0x33, false);
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    assert_int_equal(fake->kind, VFIO_MSIX);
    assert_int_equal(fake->count, 2);
    assert_int_equal(vfio_fake_message(fake, 1)->data, 0x31);
    set_config(MSIX_CONTROL, 2, 0);
    assert_int_equal(fake->kind, VFIO_INTX);
    stop();
}

static void what_is_masked_is_pending(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    set_config(COMMAND, 2, MEMORY | MASTER);
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    program(2, 0xfee00000, 0x32, true);
    assert_false(is_pending(2));
    signal_vector(2);
    assert_true(is_pending(2));
    assert_false(is_pending(1));
    set(bar_of(3) + 0x2000, 8, 0); /* It cannot be written to. */
    assert_true(is_pending(2));
    program(2, 0xfee00000, 0x32, false);
    assert_false(is_pending(2)); /* The VM takes it from the event. */
    assert_int_equal(vfio_fake_message(fake, 2)->data, 0x32);
    /* Switched off and on again it is forgotten. */
    signal_vector(1);
    assert_true(is_pending(1));
    set_config(MSIX_CONTROL, 2, 0);
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    assert_false(is_pending(1));
    stop();
}

static void a_large_table_is_cut_off(void **state)
{
    (void)state;
    vfio_fake_disk(fake, 2048);
    start();
    assert_int_equal(config(MSIX_CONTROL, 2), VFIO_VECTORS - 1);
    set_config(COMMAND, 2, MEMORY | MASTER);
    uint64_t rest = bar_of(0) + fake->table + VFIO_VECTORS * 16;
    assert_null(vfio_fake_mapped(fake, bar_of(0) + fake->table + 2047 * 16));
    set(rest, 8, UINT64_MAX);
    assert_int_equal(get(rest, 8), 0);
    assert_null(fake->broken);
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    assert_int_equal(fake->count, VFIO_VECTORS);
    stop();
}

/* ---- a device that goes, and devices that are none ---- */

static void a_device_that_is_gone_reads_all_ones(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    start();
    set_config(COMMAND, 2, MEMORY | MASTER);
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    program(0, 0xfee00000, 0x30, false);
    vfio_function_gone(&fake->function);
    assert_int_equal(fake->kind, VFIO_NO_INTERRUPTS);
    assert_int_equal(fake->command, 3);
    fake->dead = true;
    assert_null(vfio_fake_mapped(fake, bar_of(0)));
    assert_int_equal(get(bar_of(0), 4), UINT32_MAX);
    set(bar_of(0), 4, 0);
    set_config(BAR(0), 4, FAKE_MEMORY_BASE + 0x800000);
    assert_int_equal(get(bar_of(0), 2), UINT16_MAX);
    set_config(COMMAND, 2, 0);
    set_config(MSIX_CONTROL, 2, 0);
    set_config(FAKE_MSI + 2, 2, 1);
    assert_null(vfio_fake_message(fake, 0));
    vfio_function_gone(&fake->function);
    stop();
}

static void what_is_no_ordinary_function_is_refused(void **state)
{
    (void)state;
    vfio_fake_card(fake);
    fake->config[0x0e] = 0x81; /* A bridge, of several functions. */
    assert_int_equal(vfio_fake_start(fake), -EINVAL);
    vmmp_pci_host_fini(&fake->host);
    fake->config[0x0e] = 0x80;
    fake->config[0] = fake->config[1] = 0xff;
    assert_int_equal(vfio_fake_start(fake), -ENODEV);
    vmmp_pci_host_fini(&fake->host);
    fake->config[0] = 0x86;
    start();
    assert_int_equal(config(0x0e, 1), 0);
    stop();
}

static void odd_capabilities_are_left_out(void **state)
{
    (void)state;
    /* A list that bites its tail. */
    vfio_fake_card(fake);
    fake->config[FAKE_MSIX + 1] = FAKE_VENDOR;
    start();
    assert_int_equal(config(0x34, 1), FAKE_MSIX);
    stop();
    vfio_fake_free(fake);
    /* A table outside of its BAR; another in ports; pending bits in the table. */
    static const uint32_t tables[] = { 0x4000 | 3, 2, 0x2000 | 3 };
    for (unsigned i = 0; i < 3; i++) {
        vfio_fake_card(fake);
        memcpy(&fake->config[FAKE_MSIX + 4], &tables[i], 4);
        fake->table_size = fake->pending_size = 0;
        start();
        assert_int_equal(config(0x34, 1), FAKE_PM);
        stop();
        vfio_fake_free(fake);
    }
    /* MSI in the middle of power management. */
    vfio_fake_card(fake);
    fake->config[FAKE_PM + 1] = FAKE_PM + 4;
    fake->config[FAKE_PM + 4] = 5;
    fake->config[FAKE_PM + 5] = FAKE_MSIX;
    start();
    assert_int_equal(config(FAKE_PM + 1, 1), 0);
    assert_int_equal(fake->function.msi, 0);
    stop();
}

static void a_guest_that_left_everything_on(void **state)
{
    (void)state;
    vfio_fake_disk(fake, 65);
    start();
    set_config(COMMAND, 2, MEMORY | MASTER);
    set_config(MSIX_CONTROL, 2, MSIX_ENABLE);
    for (unsigned i = 0; i < 65; i++) {
        set(bar_of(0) + 0x2000 + 16 * i, 8, 0xfee00000);
        set(bar_of(0) + 0x2008 + 16 * i, 8, i);
    }
    assert_int_equal(vfio_fake_message(fake, 64)->data, 64);
    stop();
    /* And the next one has it as new. */
    start();
    assert_int_equal(config(COMMAND, 2), 0);
    assert_int_equal(config(MSIX_CONTROL, 2), 64);
    stop();
}

int test_vfio(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make, unmake)
    const struct CMUnitTest tests[] = {
        TEST(the_header_is_the_devices),
        TEST(capabilities_are_those_that_are_emulated),
        TEST(hostile_writes_change_nothing_else),
        TEST(of_the_command_bus_mastering_is_the_devices),
        TEST(bars_have_the_devices_sizes),
        TEST(registers_are_memory_but_for_msix),
        TEST(bars_on_top_of_each_other_harm_nobody),
        TEST(ports_are_accesses),
        TEST(accesses_around_msix_do_not_reach_it),
        TEST(intx_comes_and_goes),
        TEST(msi_is_a_message),
        TEST(msix_is_a_message_for_each_vector),
        TEST(a_host_with_fewer_interrupts_gives_those),
        TEST(what_is_masked_is_pending),
        TEST(a_large_table_is_cut_off),
        TEST(a_device_that_is_gone_reads_all_ones),
        TEST(what_is_no_ordinary_function_is_refused),
        TEST(odd_capabilities_are_left_out),
        TEST(a_guest_that_left_everything_on),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
