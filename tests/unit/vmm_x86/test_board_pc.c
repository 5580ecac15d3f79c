/* SPDX-License-Identifier: BSD-2-Clause */
/* The board `pc` put together on the scripted engine: vmm/x86. */
#include "x86/board_pc.h"

#include <errno.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/boot.h>

#include "support/iasl.h"
#include "support/image_x86.h"
#include "support/machine_talk.h"
#include "vmmp_test.h"
#include "machine_screen.h"

#define MIB UINT64_C(0x100000)

struct fixture {
    vm_t vm;
    simple_t simple;
    struct script_config script;
    ps_io_ops_t io_ops;
    struct machine machine;
    struct machine_config config;
    struct machine_plan plan;
    struct vmmp_image_error error;
    struct vmmp_file kernel;
    struct machine_port serial;
    uint8_t image[BZ_SIZE];
    struct talk talk;
    struct vmmp_x86_entry entry;
    unsigned entered;
    unsigned messages;
    uint64_t message_address;
    uint32_t message_data;
    unsigned offs, resets;
    bool vm_made;
};

static struct fixture *the; /* For functions that get no cookie. */

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    const struct fixture *f = cookie;
    if (offset >= BZ_SIZE) {
        return 0;
    }
    size_t now = size < BZ_SIZE - offset ? size : (size_t)(BZ_SIZE - offset);
    memcpy(to, f->image + offset, now);
    return (int64_t)now;
}

static void ended(void *cookie, vm_t *vm, bool reset)
{
    struct fixture *f = cookie;
    assert_ptr_equal(vm, &f->vm);
    f->resets += reset;
    f->offs += !reset;
}

static int enter(vm_vcpu_t *vcpu, const struct vmmp_x86_entry *entry)
{
    assert_ptr_equal(vcpu, the->vm.vcpus[0]);
    the->entry = *entry;
    the->entered++;
    return 0;
}

static void send(void *cookie, uint64_t address, uint32_t data)
{
    struct fixture *f = cookie;
    f->messages++;
    f->message_address = address;
    f->message_data = data;
}

static int setup(void **state)
{
    static const struct vmmp_msi_ops ops = { send };
    struct fixture *f = calloc(1, sizeof(*f));
    the = f;
    make_bzimage(f->image, true, NULL, 0);
    f->kernel = (struct vmmp_file){ "bzImage", BZ_SIZE, read_at, f };
    f->serial = talk_port(&f->talk);
    f->script.irq_inputs = 24;
    f->config = (struct machine_config){
        .memory = 64 * MIB,
        .cpus = 2,
        .kernel = &f->kernel,
        .serial = &f->serial,
        .ended = ended,
        .ended_cookie = f,
        .made_by = { .enter = enter },
        .msi = { &ops, f },
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    machine_fini(&f->machine);
    if (f->vm_made) {
        hosted_vm_destroy(&f->vm);
    }
    free(f);
    return 0;
}

static void load(struct fixture *f)
{
    vspace_t vspace;
    memset(&vspace, 0, sizeof(vspace));
    int planned = machine_plan(&f->plan, &f->config, 0, &f->error);
    assert_string_equal(f->error.message, "");
    assert_int_equal(planned, 0);
    hosted_simple_script(&f->simple, &f->script, &f->config.log);
    hosted_io_ops_init(&f->io_ops);
    assert_int_equal(vm_init(&f->vm, NULL, &f->simple, vspace, &f->io_ops, 0, "test"), 0);
    f->vm_made = true;
    f->config.host = script_host(&f->vm);
    assert_int_equal(machine_init(&f->machine, &f->vm, &f->config), 0);
    assert_int_equal(machine_load(&f->machine, &f->plan, NULL, 0, &f->error), 0);
}

static uint32_t in(struct fixture *f, uint16_t port, unsigned size)
{
    uint32_t value = 0;
    assert_int_equal(script_in(f->vm.vcpus[0], port, size, &value), SCRIPT_DONE);
    return value;
}

static void out(struct fixture *f, uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(script_out(f->vm.vcpus[0], port, size, value), SCRIPT_DONE);
}

static void test_map(void **state)
{
    struct machine_range ranges[2];
    struct vmmp_e820 map;
    struct fixture *f = *state;
    assert_int_equal(machine_ram_ranges(&machine_board_pc, 3072 * MIB, ranges), 1);
    assert_int_equal(machine_ram_ranges(&machine_board_pc, 5120 * MIB, ranges), 2);
    assert_true(ranges[0].base == 0 && ranges[0].size == 3072 * MIB);
    assert_true(ranges[1].base == 4096 * MIB && ranges[1].size == 2048 * MIB);
    assert_int_equal(machine_ram_ranges(&machine_board_pc, 0, ranges), 0);
    assert_int_equal(machine_ram_ranges(&machine_board_pc, UINT64_MAX, ranges), 0);
    f->config.memory = 5120 * MIB;
    assert_int_equal(pc_memory_map(&f->config, &map), 0);
    uint64_t ram = 0;
    for (unsigned i = 0; i < map.count; i++) {
        const struct vmmp_e820_entry *entry = &map.entries[i];
        ram += entry->type == VMMP_E820_RAM ? entry->size : 0;
        bool windows = entry->start < PC_RAM_HIGH_BASE && entry->start + entry->size > 0xc0000000;
        assert_false(windows && entry->type == VMMP_E820_RAM);
    }
    assert_true(ram == 5120 * MIB - (PC_ADAPTERS_END - PC_ADAPTERS_BASE));
}

static void test_loaded(void **state)
{
    struct fixture *f = *state;
    load(f);
    assert_string_equal(f->plan.bootargs, "console=ttyS0 earlyprintk=ttyS0");
    assert_int_equal(f->entered, 1);
    assert_true(f->entry.rip == f->plan.x86.entry);
    assert_true(f->entry.rsi == f->plan.x86.boot_params);
    assert_memory_equal(script_memory(&f->vm, VMMP_ACPI_AREA, 8), "RSD PTR ", 8);
    const uint8_t *entry = script_memory(&f->vm, VMMP_SMBIOS_AREA, VMMP_SMBIOS_AREA_SIZE);
    assert_memory_equal(entry, "_SM3_", 5);
    assert_non_null(memmem(entry, VMMP_SMBIOS_AREA_SIZE, "libsel4vmmplatsupport", 22));
    assert_memory_equal(script_memory(&f->vm, f->plan.x86.cmdline, 13), "console=ttyS0", 13);
    assert_true(f->vm.vcpus[0]->vcpu_online);
    assert_false(f->vm.vcpus[1]->vcpu_online);
}

/* As many as a VM can have: each is described, and the boot vCPU alone runs. */
static void test_many_cpus(void **state)
{
    struct fixture *f = *state;
    f->config.cpus = PC_CPUS;
    load(f);
    const uint8_t *area = script_memory(&f->vm, VMMP_ACPI_AREA, VMMP_ACPI_AREA_SIZE);
    const uint8_t *madt = memmem(area, VMMP_ACPI_AREA_SIZE, "APIC", 4);
    unsigned apics = 0;
    while (madt && madt[8] != 3) { /* Not the table, but a text. */
        madt = memmem(madt + 1, (size_t)(area + VMMP_ACPI_AREA_SIZE - madt - 1), "APIC", 4);
    }
    assert_non_null(madt);
    const uint8_t *entry = madt + 44;
    for (; entry[0] == 0; entry += entry[1]) {
        assert_int_equal(entry[3], apics++);
    }
    assert_int_equal(apics, PC_CPUS);
    assert_true(f->vm.vcpus[0]->vcpu_online);
    assert_false(f->vm.vcpus[PC_CPUS - 1]->vcpu_online);
}

static void test_too_many_cpus(void **state)
{
    struct fixture *f = *state;
    vspace_t vspace;
    memset(&vspace, 0, sizeof(vspace));
    f->config.cpus = PC_CPUS + 1;
    hosted_simple_script(&f->simple, &f->script, &f->config.log);
    hosted_io_ops_init(&f->io_ops);
    assert_int_equal(vm_init(&f->vm, NULL, &f->simple, vspace, &f->io_ops, 0, "test"), 0);
    f->vm_made = true;
    f->config.host = script_host(&f->vm);
    assert_int_equal(machine_init(&f->machine, &f->vm, &f->config), -EINVAL);
}

/* The zero page says what the screen is; it is memory of its own, of which the map says nothing. */
static void test_screen(void **state)
{
    static const uint8_t colours[] = { 8, 16, 8, 8, 8, 0, 8, 24 };
    static const uint8_t pixels[] = { 1, 2, 3, 99, 4, 5, 6, 99 };
    struct fixture *f = *state;
    struct machine_screen screen;
    struct vmmp_e820 map;
    uint8_t rgb[3 * 642];
    f->config.screen_width = 642;
    f->config.screen_height = 480;
    load(f);
    const uint8_t *page = script_memory(&f->vm, f->plan.x86.boot_params, 4096);
    assert_int_equal(page[0x0f], 0x23);
    assert_int_equal(page[0x12] | page[0x13] << 8, 642);
    assert_int_equal(page[0x14] | page[0x15] << 8, 480);
    assert_int_equal(page[0x16], 32);
    assert_int_equal(page[0x1b], PC_SCREEN_BASE >> 24);
    /* 642 * 480 * 4 bytes are 18.8 units of 64 KiB. */
    assert_int_equal(page[0x1c], 19);
    assert_int_equal(page[0x24] | page[0x25] << 8, 642 * 4);
    assert_memory_equal(page + 0x26, colours, sizeof(colours));
    assert_int_equal(pc_memory_map(&f->config, &map), 0);
    for (unsigned i = 0; i < map.count; i++) {
        assert_true(map.entries[i].start + map.entries[i].size <= PC_SCREEN_BASE ||
                    map.entries[i].start >= PC_SCREEN_END);
    }

    assert_true(machine_screen(&f->machine, &screen));
    uint8_t *line = script_memory(&f->vm, PC_SCREEN_BASE + UINT64_C(479) * 642 * 4, 642 * 4);
    memcpy(line, pixels, sizeof(pixels));
    memcpy(line + 641 * 4, pixels + 4, 4);
    machine_screen_line(&screen, 479, rgb);
    assert_memory_equal(rgb, "\3\2\1\6\5\4", 6);
    assert_memory_equal(rgb + 3 * 641, "\6\5\4", 3);
    /* Nothing is there behind it. */
    assert_int_equal(script_get(f->vm.vcpus[0], PC_SCREEN_BASE + 19 * 0x10000, 4), 0xffffffff);
}

static void test_no_screen(void **state)
{
    struct fixture *f = *state;
    struct machine_screen screen;
    load(f);
    assert_false(machine_screen(&f->machine, &screen));
    const uint8_t *page = script_memory(&f->vm, f->plan.x86.boot_params, 64);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(page[i], 0);
    }
    assert_int_equal(script_get(f->vm.vcpus[0], PC_SCREEN_BASE, 4), 0xffffffff);
}

static void test_ports(void **state)
{
    struct fixture *f = *state;
    load(f);
    /* Nobody, neither at ports nor in memory: all-ones. */
    assert_int_equal(in(f, 0x2f8, 1), 0xff);
    assert_int_equal(in(f, 0xe0, 4), 0xffffffff);
    assert_int_equal(script_get(f->vm.vcpus[0], 0xfed40000, 4), 0xffffffff);
    script_put(f->vm.vcpus[0], 0xfed40000, 4, 1);
    /* The UART. */
    out(f, PC_UART_PORT, 1, 'A');
    script_run_deferred(&f->vm);
    assert_int_equal(f->talk.output_size, 1);
    assert_int_equal(f->talk.output[0], 'A');
    /* Configuration space by both ways: the host bridge. */
    out(f, 0xcf8, 4, 0x80000000);
    assert_int_equal(in(f, 0xcf8, 4), 0x80000000);
    assert_int_equal(in(f, 0xcfc, 4), 0x00081b36);
    assert_int_equal(script_get(f->vm.vcpus[0], PC_PCI_ECAM_BASE + 8, 4), 0x06000000);
    assert_int_equal(script_get(f->vm.vcpus[0], PC_PCI_ECAM_BASE + 0x8000, 4), 0xffffffff);
    /* The clock: 1970-01-01, BCD, its century in byte 0x32. */
    out(f, 0x70, 1, 0x32);
    assert_int_equal(in(f, 0x71, 1), 0x19);
    out(f, 0x70, 1, 0x09);
    assert_int_equal(in(f, 0x71, 1), 0x70);
    /* ACPI mode. */
    assert_int_equal(in(f, PC_PM_PORT + 4, 2) & 1, 1);
}

static void test_ends(void **state)
{
    struct fixture *f = *state;
    load(f);
    out(f, PC_PM_PORT + 4, 2, 0x2000 | 1 << 10); /* Another sleep than soft-off. */
    assert_int_equal(f->offs, 0);
    out(f, PC_PM_PORT + 4, 2, 0x2000 | VMMP_ACPI_S5_TYPE << 10);
    assert_int_equal(f->offs, 1);
    /* CONFIG_ADDRESS is no reset, whatever is written to its second byte. */
    out(f, 0xcf8, 4, 0x80000600);
    assert_int_equal(f->resets, 0);
    out(f, 0xcf9, 1, 0x06);
    assert_int_equal(f->resets, 1);
    out(f, 0x64, 1, 0xfe);
    assert_int_equal(f->resets, 2);
    out(f, 0x92, 1, 1);
    assert_int_equal(f->resets, 3);
    assert_int_equal(f->offs, 1);
}

/* Where the host has no timer the machine makes one. */
static void test_interval_timer(void **state)
{
    struct fixture *f = *state;
    f->config.interval_timer = true;
    load(f);
    out(f, 0x43, 1, 0x30);
    out(f, 0x40, 1, 0x10);
    out(f, 0x40, 1, 0x00);
    script_advance_time(&f->vm, 5000);
    assert_int_equal(script_irq(f->vm.vcpus[0], 0).rises, 0);
    script_advance_time(&f->vm, 1000000);
    assert_int_equal(script_irq(f->vm.vcpus[0], 0).rises, 1);
    assert_false(script_irq(f->vm.vcpus[0], 0).level);
    assert_int_equal(in(f, 0x61, 1) & 0x21, 0);
    out(f, 0x61, 1, 1);
    assert_int_equal(in(f, 0x61, 1) & 0x21, 1);
}

static void test_no_interval_timer(void **state)
{
    struct fixture *f = *state;
    load(f);
    assert_int_equal(in(f, 0x61, 1), 0xff);
    assert_int_equal(in(f, 0x40, 1), 0xff);
}

static void test_power_button(void **state)
{
    struct fixture *f = *state;
    assert_false(machine_power_key(&f->machine, true)); /* There is none yet. */
    load(f);
    assert_false(machine_power_key(&f->machine, true)); /* The guest does not look. */
    out(f, PC_PM_PORT, 2, 0x100);
    out(f, PC_PM_PORT + 2, 2, 0x100);
    assert_true(machine_power_key(&f->machine, true));
    assert_int_equal(in(f, PC_PM_PORT, 2), 0x100);
    assert_true(script_irq(f->vm.vcpus[0], PC_SCI_IRQ).level);
    out(f, PC_PM_PORT, 2, 0x100);
    assert_false(script_irq(f->vm.vcpus[0], PC_SCI_IRQ).level);
    machine_power_key(&f->machine, false);
    assert_false(script_irq(f->vm.vcpus[0], PC_SCI_IRQ).level);
}

static void test_messages(void **state)
{
    struct fixture *f = *state;
    struct machine_counter counters[MACHINE_COUNTERS];
    load(f);
    assert_non_null(f->machine.msi);
    f->machine.msi->ops->send(f->machine.msi->cookie, 0xfee01000, 0x41);
    assert_int_equal(f->messages, 1);
    assert_true(f->message_address == 0xfee01000);
    assert_int_equal(f->message_data, 0x41);
    assert_int_equal(machine_board_pc.count(&f->machine, counters), 2);
    assert_string_equal(counters[0].name, "msi");
    assert_int_equal(counters[0].count, 1);
}

static void test_described(void **state)
{
    struct fixture *f = *state;
    struct vmmp_acpi_config acpi;
    pc_describe(&f->config, &acpi);
    assert_int_equal(acpi.cpus, 2);
    assert_int_equal(acpi.uart_count, 1);
    assert_int_equal(acpi.spcr_uart, 0);
    assert_int_equal(acpi.virtio_mmio_count, 0);
    f->config.serial = NULL;
    f->config.transport = MACHINE_TRANSPORT_MMIO;
    struct machine_port console = { 0 };
    f->config.console = &console;
    pc_describe(&f->config, &acpi);
    assert_int_equal(acpi.uart_count, 0);
    assert_int_equal(acpi.spcr_uart, -1);
    assert_int_equal(acpi.virtio_mmio_count, 1);
    assert_true(acpi.virtio_mmio[0].window.base == PC_VIRTIO_MMIO_BASE);
    assert_int_equal(acpi.virtio_mmio[0].gsi, 20);
}

/* The tables of the smallest machine, of one with a console at its UART, and of the largest. */
static void test_iasl_finds_nothing(void **state)
{
    struct fixture *f = *state;
    static uint8_t tables[VMMP_ACPI_AREA_SIZE];
    struct machine_port console = { 0 };
    for (unsigned which = 0; which < 3; which++) {
        struct vmmp_acpi_config acpi;
        size_t used = 0;
        f->config.cpus = which == 2 ? PC_CPUS : 1;
        f->config.serial = which == 0 ? NULL : &f->serial;
        f->config.console = which == 1 ? NULL : &console;
        f->config.transport = which == 2 ? MACHINE_TRANSPORT_MMIO : MACHINE_TRANSPORT_PCI;
        pc_describe(&f->config, &acpi);
        assert_int_equal(vmmp_acpi_build(&acpi, VMMP_ACPI_AREA, tables, sizeof(tables), &used), 0);
        iasl_judge(&(struct iasl_area){ tables, VMMP_ACPI_AREA, used });
    }
}

/* For kernels with CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES: words on the command line, nothing in ACPI,
 * and interrupts that a PC has without being told of. */
static void test_devices_on_the_command_line(void **state)
{
    struct fixture *f = *state;
    struct vmmp_acpi_config acpi;
    const struct machine_device devices[8] = { { .name = "device" } };
    uint64_t magic = 0;
    f->config.transport = MACHINE_TRANSPORT_MMIO;
    f->config.mmio_on_command_line = true;
    f->config.console = &f->serial;
    f->config.serial = NULL;
    f->config.append = "quiet";
    load(f);
    assert_string_equal(f->plan.bootargs,
                        "console=hvc0 virtio_mmio.device=0x200@0xfeb00800:10 quiet");
    pc_describe(&f->config, &acpi);
    assert_int_equal(acpi.virtio_mmio_count, 0);
    assert_int_equal(script_read(f->vm.vcpus[0], 0xfeb00800, 4, &magic), SCRIPT_DONE);
    assert_int_equal(magic, 0x74726976);
    f->config.devices = devices;
    f->config.device_count = 8;
    for (unsigned slot = PC_VIRTIO_MMIO_ISA_SLOT; slot < PC_VIRTIO_MMIO_SLOTS; slot++) {
        assert_in_range(pc_virtio_mmio_gsis[slot], 3, 15);
    }
    assert_int_equal(machine_plan(&f->plan, &f->config, 0, &f->error), -ENOSPC);
    assert_non_null(strstr(f->error.message, "can name 8 virtio devices: leave 1 out"));
    f->config.device_count = 7;
    assert_int_equal(machine_plan(&f->plan, &f->config, 0, &f->error), 0);
    assert_non_null(strstr(f->plan.bootargs, " virtio_mmio.device=0x200@0xfeb01600:14 quiet"));
    f->config.append = "console=ttyS0 -- single";
    f->config.device_count = 0;
    assert_int_equal(machine_plan(&f->plan, &f->config, 0, &f->error), 0);
    assert_string_equal(f->plan.bootargs,
                        "virtio_mmio.device=0x200@0xfeb00800:10 console=ttyS0 -- single");
}

static void test_mistakes(void **state)
{
    struct fixture *f = *state;
    memcpy(f->image + 0x202, "XXXX", 4);
    assert_int_equal(machine_plan(&f->plan, &f->config, 0, &f->error), -ENOEXEC);
    assert_string_not_equal(f->error.message, "");
    f->config.memory = 0;
    assert_int_equal(machine_plan(&f->plan, &f->config, 0, &f->error), -EINVAL);
    assert_string_not_equal(f->error.message, "");
}

int test_board_pc(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_cpus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_cpus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_screen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_screen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interval_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_interval_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_button, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_described, setup, teardown),
        cmocka_unit_test_setup_teardown(test_iasl_finds_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_on_the_command_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
    };
    return cmocka_run_group_tests_name("board_pc", tests, NULL, NULL);
}
