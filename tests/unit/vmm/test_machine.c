/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine put together on the scripted engine: vmm/machine*.c. */
#include "machine.h"

#include "arm/board_qemu_arm_virt.h"

#include <errno.h>
#include <libfdt.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/boot.h>

#include "support/machine_talk.h"
#include "vmmp_test.h"

#define MIB      (UINT64_C(1) << 20)
#define KERNEL   0x20000 /* Bytes in the file, */
#define NEEDED   0x40000 /* and in memory. */
#define INITRD   5000
#define FDT_ROOM 65536

struct bytes {
    const uint8_t *bytes;
    uint64_t size;
};

struct fixture {
    vm_t vm;
    simple_t simple;
    struct script_config script;
    ps_io_ops_t io_ops;
    struct machine machine;
    struct machine_config config;
    struct machine_plan plan;
    struct vmmp_image_error error;
    uint8_t kernel[KERNEL];
    uint8_t initrd[INITRD];
    struct bytes kernel_bytes, initrd_bytes;
    struct vmmp_file kernel_file, initrd_file;
    struct machine_port console, serial;
    uint8_t seed[72];
    uint8_t fdt[FDT_ROOM];
    size_t fdt_size;
    struct talk talk;
    bool vm_made;
};

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    const struct bytes *file = cookie;
    if (offset >= file->size) {
        return 0;
    }
    size_t now = size < file->size - offset ? size : (size_t)(file->size - offset);
    memcpy(to, file->bytes + offset, now);
    return (int64_t)now;
}

static void make_vm(struct fixture *f)
{
    vspace_t vspace;
    memset(&vspace, 0, sizeof(vspace));
    hosted_simple_script(&f->simple, &f->script, &f->config.log);
    hosted_io_ops_init(&f->io_ops);
    assert_int_equal(vm_init(&f->vm, NULL, &f->simple, vspace, &f->io_ops, 0, "test"), 0);
    f->vm_made = true;
    f->config.host = script_host(&f->vm);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    /* Linux Documentation/arch/arm64/booting.rst: image_size at 16, flags at 24, magic at 56. */
    for (size_t i = 0; i < KERNEL; i++) {
        f->kernel[i] = (uint8_t)(i * 13 + i / 4096);
    }
    memset(f->kernel + 8, 0, 56);
    f->kernel[18] = NEEDED >> 16;
    f->kernel[24] = 0x0a;
    memcpy(f->kernel + 56, "ARM\x64", 4);
    memset(f->initrd, 'i', INITRD);
    f->kernel_bytes = (struct bytes){ f->kernel, KERNEL };
    f->initrd_bytes = (struct bytes){ f->initrd, INITRD };
    f->kernel_file = (struct vmmp_file){ "Image", KERNEL, read_at, &f->kernel_bytes };
    f->initrd_file = (struct vmmp_file){ "initrd", INITRD, read_at, &f->initrd_bytes };
    f->console = talk_port(&f->talk);
    f->serial = f->console;
    memset(f->seed, 0xa5, sizeof(f->seed));
    f->config = (struct machine_config){
        .memory = 64 * MIB,
        .cpus = 2,
        .gic = 3,
        .psci_hvc = true,
        .kernel = &f->kernel_file,
        .initrd = &f->initrd_file,
        .seed = f->seed,
        .seed_size = sizeof(f->seed),
        .console = &f->console,
        .serial = &f->serial,
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    machine_fini(&f->machine);
    if (f->vm_made) {
        assert_true(script_check(&f->vm));
        hosted_vm_destroy(&f->vm);
    }
    free(f);
    return 0;
}

static void plan(struct fixture *f)
{
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), 0);
}

static void build_fdt(struct fixture *f)
{
    assert_int_equal(machine_build_fdt(&f->config, &f->plan, f->fdt, FDT_ROOM, &f->fdt_size), 0);
    assert_int_equal(fdt_check_header(f->fdt), 0);
    assert_int_equal(fdt_totalsize(f->fdt), f->fdt_size);
}

static void load(struct fixture *f)
{
    plan(f);
    make_vm(f);
    assert_int_equal(machine_init(&f->machine, &f->vm, &f->config), 0);
    build_fdt(f);
    assert_int_equal(machine_load(&f->machine, &f->plan, f->fdt, f->fdt_size, &f->error), 0);
}

static const char *bootargs(struct fixture *f, const char *append)
{
    f->config.append = append;
    plan(f);
    return f->plan.bootargs;
}

static void test_command_line(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(bootargs(f, NULL), "console=hvc0 earlycon");
    assert_string_equal(bootargs(f, "quiet"), "console=hvc0 earlycon quiet");
    assert_string_equal(bootargs(f, "console=ttyAMA0 x"), "console=ttyAMA0 x");
    assert_string_equal(bootargs(f, "x console=tty0"), "x console=tty0");
    assert_string_equal(bootargs(f, "netconsole=1"), "console=hvc0 earlycon netconsole=1");
    f->config.serial = NULL;
    assert_string_equal(bootargs(f, ""), "console=hvc0");
    f->config.console = NULL;
    assert_string_equal(bootargs(f, "quiet"), "quiet");
    f->config.serial = &f->serial;
    assert_string_equal(bootargs(f, NULL), "console=ttyAMA0 earlycon");
    static char longest[MACHINE_BOOTARGS + 1];
    memset(longest, 'x', MACHINE_BOOTARGS);
    f->config.append = longest;
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -E2BIG);
    assert_non_null(strstr(f->error.message, "characters"));
}

static void test_bad_plans(void **state)
{
    struct fixture *f = *state;
    f->initrd_file.size = 100 * MIB;
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -ENOSPC);
    assert_non_null(strstr(f->error.message, "initrd"));
    f->initrd_file.size = INITRD;
    f->kernel[56] = 'X';
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -ENOEXEC);
    assert_non_null(strstr(f->error.message, "Image"));
    f->config.memory = 0;
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -EINVAL);
    assert_string_not_equal(f->error.message, "");
}

static void test_loaded_guest(void **state)
{
    struct fixture *f = *state;
    seL4_UserContext context;
    load(f);
    const struct vmmp_layout *layout = &f->plan.layout;
    assert_memory_equal(script_memory(&f->vm, layout->kernel, KERNEL), f->kernel, KERNEL);
    assert_memory_equal(script_memory(&f->vm, layout->initrd, INITRD), f->initrd, INITRD);
    assert_memory_equal(script_memory(&f->vm, layout->dtb, f->fdt_size), f->fdt, f->fdt_size);
    assert_int_equal(f->vm.num_vcpus, 2);
    assert_int_equal(vm_get_thread_context(f->vm.vcpus[0], &context), 0);
    assert_int_equal(context.pc, layout->entry);
    assert_int_equal(context.x0, layout->dtb);
    assert_int_equal(context.spsr, 0x3c5);
    assert_true(f->vm.vcpus[0]->vcpu_online);
}

static uint32_t config_read(struct fixture *f, unsigned device, unsigned offset)
{
    return (uint32_t)script_get(f->vm.vcpus[0], VIRT_PCI_CFG_BASE + (device << 11) + offset, 4);
}

static void test_devices_answer(void **state)
{
    struct fixture *f = *state;
    load(f);
    assert_int_equal(config_read(f, 0, 0), 0xffffffff);
    assert_int_equal(config_read(f, 1, 0), 0x10031af4);
    assert_int_equal(config_read(f, 2, 0), 0xffffffff);
    /* The interrupt line register holds the INTID of INTA of device 1. */
    assert_int_equal(config_read(f, 1, 0x3c) & 0xffff,
                     0x0100 | VIRT_SPI_INTID(VIRT_PCI_INTX_SPI + 1));
    /* The UART's identification, and its output to its port. */
    assert_int_equal(script_get(f->vm.vcpus[0], VIRT_PL011_BASE + 0xfe0, 4), 0x11);
    script_put(f->vm.vcpus[0], VIRT_PL011_BASE, 4, 'A');
    script_put(f->vm.vcpus[0], VIRT_PL011_BASE, 4, '\n');
    script_run_deferred(&f->vm);
    assert_string_equal(f->talk.output, "A\n");
    /* UARTCR: enabled for reception; input comes through the FIFO. */
    script_put(f->vm.vcpus[0], VIRT_PL011_BASE + 0x30, 4, 0x301);
    f->talk.input = "z";
    machine_serial_notify(&f->machine);
    assert_int_equal(script_get(f->vm.vcpus[0], VIRT_PL011_BASE, 4), 'z');
    /* No driver yet: the console's input waits, and nothing breaks. */
    f->talk.input = "typed";
    machine_console_notify(&f->machine);
    assert_int_equal(f->machine.console_pump.pending_size, 5);
    machine_console_resize(&f->machine, 100, 40);
}

/* A guest's access to what nobody has does not end it. */
static void test_nowhere_answers(void **state)
{
    struct fixture *f = *state;
    static const uint64_t holes[] = { 0x1000, VIRT_PL011_BASE + 0x1000, UINT64_C(0x7fffffffff8) };
    load(f);
    for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
        script_put(f->vm.vcpus[0], holes[i], 4, 1);
        assert_int_equal(script_get(f->vm.vcpus[0], holes[i], 1), 0xff);
        assert_int_equal(script_get(f->vm.vcpus[0], holes[i], 4), 0xffffffff);
        assert_int_equal(script_get(f->vm.vcpus[0], holes[i], 8), UINT64_MAX);
    }
    assert_int_equal(config_read(f, 1, 0), 0x10031af4);
}

static const void *property(const void *fdt, const char *path, const char *name, int *size)
{
    int node = fdt_path_offset(fdt, path);
    assert_true(node >= 0);
    return fdt_getprop(fdt, node, name, size);
}

/* The frame is there with either GIC, its interrupts are edges, and the tree tells of it. */
static void test_messages(void **state)
{
    struct fixture *f = *state;
    uint32_t first = VIRT_SPI_INTID(VIRT_GICV2M_SPI);
    load(f);
    assert_int_equal(script_get(f->vm.vcpus[0], VIRT_GICV2M_BASE + 8, 4),
                     first << 16 | VIRT_GICV2M_SPIS);
    for (unsigned i = 0; i < VIRT_GICV2M_SPIS; i++) {
        script_put(f->vm.vcpus[0], VIRT_GICV2M_BASE + 0x40, 4, first + i);
        struct script_irq irq = script_irq(f->vm.vcpus[0], (int)(first + i));
        assert_int_equal(irq.rises, 1);
        assert_false(irq.level);
    }
    assert_int_equal(((const struct virt *)f->machine.board_state)->msi.frame.messages,
                     VIRT_GICV2M_SPIS);
    /* The console has MSI-X: a capability list that begins with virtio's and ends with it. */
    uint32_t at = config_read(f, 1, 0x34) & 0xff;
    while (at && (config_read(f, 1, at) & 0xff) != 0x11) {
        at = config_read(f, 1, at) >> 8 & 0xff;
    }
    assert_int_not_equal(at, 0);
    for (f->config.gic = 2; f->config.gic <= 3; f->config.gic++) {
        int size;
        build_fdt(f);
        int node = fdt_node_offset_by_compatible(f->fdt, -1, "arm,gic-v2m-frame");
        assert_true(node > 0);
        const fdt32_t *map = property(f->fdt, "/pci@de000000", "msi-map", &size);
        assert_int_equal(size, 16);
        assert_int_equal(fdt32_to_cpu(map[1]), fdt_get_phandle(f->fdt, node));
    }
}

/* GPIO registers of DDI 0190: data of pin 3, both edges, enable, masked status, clear. */
#define KEY_DATA (VIRT_PL061_BASE + (8 << 2))
#define KEY_BOTH (VIRT_PL061_BASE + 0x408)
#define KEY_IE   (VIRT_PL061_BASE + 0x410)
#define KEY_MIS  (VIRT_PL061_BASE + 0x418)
#define KEY_IC   (VIRT_PL061_BASE + 0x41c)

static void test_power_key(void **state)
{
    struct fixture *f = *state;
    vm_vcpu_t *vcpu;
    int size;

    memset(&f->machine, 0, sizeof(f->machine));
    assert_false(machine_power_key(&f->machine, true)); /* There is no machine. */
    load(f);
    vcpu = f->vm.vcpus[0];
    const fdt32_t *pin = property(f->fdt, "/gpio-keys/key", "gpios", &size);
    assert_int_equal(size, 12);
    assert_int_equal(fdt32_to_cpu(pin[0]),
                     fdt_get_phandle(f->fdt, fdt_path_offset(f->fdt, "/gpio@9030000")));
    assert_int_equal(fdt32_to_cpu(pin[1]), 3);
    assert_false(machine_power_key(&f->machine, true)); /* The guest does not look, */
    assert_int_equal(script_get(vcpu, KEY_DATA, 4), 8); /* though it is pressed. */
    assert_false(machine_power_key(&f->machine, false));
    script_put(vcpu, KEY_BOTH, 4, 8);
    script_put(vcpu, KEY_IC, 4, 8);
    script_put(vcpu, KEY_IE, 4, 8);
    for (int press = 1; press >= 0; press--) {
        assert_true(machine_power_key(&f->machine, press));
        assert_true(script_irq(vcpu, VIRT_SPI_INTID(VIRT_PL061_SPI)).level);
        assert_int_equal(script_get(vcpu, KEY_MIS, 4), 8);
        assert_int_equal(script_get(vcpu, KEY_DATA, 4), press ? 8 : 0);
        script_put(vcpu, KEY_IC, 4, 8);
        assert_false(script_irq(vcpu, VIRT_SPI_INTID(VIRT_PL061_SPI)).level);
    }
}

static void test_without_console_and_uart(void **state)
{
    struct fixture *f = *state;
    f->config.console = NULL;
    f->config.serial = NULL;
    load(f);
    assert_int_equal(config_read(f, 1, 0), 0xffffffff);
    assert_true(fdt_path_offset(f->fdt, "/pl011@9000000") < 0);
    assert_int_equal(script_get(f->vm.vcpus[0], VIRT_PL011_BASE, 4), 0xffffffff);
    machine_console_notify(&f->machine);
    machine_serial_notify(&f->machine);
    machine_console_resize(&f->machine, 1, 1);
}

/* A device that the configuration names: a model of no use but to be counted. */
struct counted {
    struct vmmp_virtio_device virtio;
    struct vmmp_virtio_queue queue;
    unsigned created, destroyed;
    int error;
};

static int create_counted(void *cookie, const struct machine_device_environment *environment,
                          struct vmmp_virtio_device **virtio)
{
    static const struct vmmp_virtio_ops ops = { .name = "counted", .type = 4 };
    static const uint16_t size = 8;
    struct counted *counted = cookie;
    if (counted->error) {
        return counted->error;
    }
    counted->created++;
    *virtio = &counted->virtio;
    return vmmp_virtio_init(&counted->virtio, &ops, &counted->queue, &size, 1, environment->memory,
                            environment->log, environment->host);
}

static void destroy_counted(void *cookie)
{
    struct counted *counted = cookie;
    counted->destroyed++;
    /* A completion may come as late as this. */
    assert_non_null(
        vmmp_guest_memory_span(counted->virtio.memory, vmmp_gpa(VIRT_RAM_LOW_BASE), 4096));
    vmmp_virtio_fini(&counted->virtio);
}

static void test_devices_of_the_configuration(void **state)
{
    static const struct machine_device_ops ops = { create_counted, destroy_counted };
    struct fixture *f = *state;
    struct counted counted[3] = { 0 };
    struct machine_device devices[3];
    for (unsigned i = 0; i < 3; i++) {
        devices[i] =
            (struct machine_device){ .name = "counted", .ops = &ops, .cookie = &counted[i] };
    }
    f->config.devices = devices;
    f->config.device_count = 3;
    load(f);
    /* Behind the console, in their order. */
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(config_read(f, 2 + i, 0), 0x10051af4);
    }
    assert_int_equal(config_read(f, 5, 0), 0xffffffff);
    machine_fini(&f->machine);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(counted[i].created, 1);
        assert_int_equal(counted[i].destroyed, 1);
    }
    hosted_vm_destroy(&f->vm);
    /* One that fails takes those before it down again. */
    counted[1].error = -EIO;
    make_vm(f);
    assert_int_equal(machine_init(&f->machine, &f->vm, &f->config), -EIO);
    assert_int_equal(counted[0].created, 2);
    assert_int_equal(counted[0].destroyed, 2);
    assert_int_equal(counted[1].destroyed, 1);
    assert_int_equal(counted[2].created, 1);
    f->config.device_count = MACHINE_DEVICES + 1;
    hosted_vm_destroy(&f->vm);
    make_vm(f);
    assert_int_equal(machine_init(&f->machine, &f->vm, &f->config), -ENOSPC);
}

static int create_part(void *cookie, const struct machine_device_environment *environment,
                       struct vmmp_virtio_device **virtio)
{
    (void)environment;
    *virtio = NULL;
    ((struct counted *)cookie)->created++;
    return 0;
}

/* Numbers on a command line mean nothing to a guest with a device tree. */
static void test_mmio_on_the_command_line(void **state)
{
    struct fixture *f = *state;
    f->config.transport = MACHINE_TRANSPORT_MMIO;
    f->config.mmio_on_command_line = true;
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), -ENOTSUP);
    assert_non_null(strstr(f->error.message, "say --transport mmio"));
}

/* A guest that looks where the tree says there is a device finds one; parts of others have none. */
static void test_mmio_slots(void **state)
{
    static const struct machine_device_ops ops = { create_counted, destroy_counted };
    static const struct machine_device_ops part_ops = { create_part, destroy_counted };
    struct fixture *f = *state;
    struct counted counted[4] = { 0 };
    const struct machine_device devices[4] = {
        { .name = "counted", .ops = &ops, .cookie = &counted[0] },
        { .name = "part", .ops = &part_ops, .cookie = &counted[1], .part = true },
        { .name = "counted", .ops = &ops, .cookie = &counted[2] },
        { .name = "part", .ops = &part_ops, .cookie = &counted[3], .part = true },
    };
    unsigned nodes = 0;
    f->config.devices = devices;
    f->config.device_count = 4;
    f->config.transport = MACHINE_TRANSPORT_MMIO;
    load(f);
    for (int node = fdt_node_offset_by_compatible(f->fdt, -1, "virtio,mmio"); node >= 0;
         node = fdt_node_offset_by_compatible(f->fdt, node, "virtio,mmio")) {
        const void *reg = fdt_getprop(f->fdt, node, "reg", NULL);
        uint64_t magic = 0;
        assert_non_null(reg);
        assert_int_equal(script_read(f->vm.vcpus[0], fdt64_ld(reg), 4, &magic), SCRIPT_DONE);
        assert_int_equal(magic, 0x74726976);
        nodes++;
    }
    assert_int_equal(nodes, 3);
    machine_fini(&f->machine);
    assert_int_equal(counted[0].destroyed + counted[2].destroyed, 2);
    assert_int_equal(counted[1].destroyed + counted[3].destroyed, 0);
}

/* The same configuration on a new vm_t: a guest that starts again finds nothing of the old one. */
static void test_again(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++) {
        load(f);
        const struct vmmp_layout *layout = &f->plan.layout;
        uint8_t *end = script_memory(&f->vm, layout->initrd + INITRD, 1);
        assert_int_equal(*end, 0);
        *end = 1;
        script_put(f->vm.vcpus[0], VIRT_PCI_CFG_BASE + (1 << 11) + 4, 2, 7);
        assert_int_equal(config_read(f, 1, 4) & 0xffff, 7);
        machine_fini(&f->machine);
        machine_fini(&f->machine);
        assert_true(script_check(&f->vm));
        hosted_vm_destroy(&f->vm);
        f->vm_made = false;
    }
}

static void test_two_machines(void **state)
{
    struct fixture *f = *state;
    void *other;
    setup(&other);
    struct fixture *g = other;
    load(f);
    load(g);
    script_put(f->vm.vcpus[0], VIRT_PL011_BASE, 4, 'f');
    script_put(g->vm.vcpus[0], VIRT_PL011_BASE, 4, 'g');
    script_run_deferred(&f->vm);
    script_run_deferred(&g->vm);
    assert_string_equal(f->talk.output, "f");
    assert_string_equal(g->talk.output, "g");
    teardown(&other);
    assert_int_equal(config_read(f, 1, 0), 0x10031af4);
}

/* Whatever the host refuses, nothing of the machine is left. */
static void test_host_refuses(void **state)
{
    static const enum hosted_call calls[] = { HOSTED_CALL_RESERVE,      HOSTED_CALL_PAGES,
                                              HOSTED_CALL_MAP_RAM,      HOSTED_CALL_VCPU,
                                              HOSTED_CALL_IRQ_REGISTER, HOSTED_CALL_CONTEXT };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        bool succeeded = false;
        for (unsigned nth = 1; !succeeded; nth++) {
            assert_true(nth < 100);
            make_vm(f);
            script_fail(&f->vm, calls[i], nth);
            succeeded = machine_init(&f->machine, &f->vm, &f->config) == 0;
            if (!succeeded) {
                assert_null(f->machine.config);
            }
            assert_true(!succeeded || nth > 1);
            machine_fini(&f->machine);
            script_clear_errors(&f->vm);
            hosted_vm_destroy(&f->vm);
            f->vm_made = false;
        }
    }
}

static void test_tree(void **state)
{
    struct fixture *f = *state;
    int size;
    f->config.memory = 3072 * MIB;
    f->config.append = "quiet";
    plan(f);
    for (f->config.gic = 2; f->config.gic <= 3; f->config.gic++) {
        build_fdt(f);
        assert_string_equal(property(f->fdt, "/chosen", "bootargs", &size),
                            "console=hvc0 earlycon quiet");
        assert_string_equal(property(f->fdt, "/chosen", "stdout-path", &size), "serial0:115200n8");
        assert_non_null(property(f->fdt, "/memory@40000000", "reg", &size));
        assert_int_equal(size, 32);
        assert_non_null(property(f->fdt, "/chosen", "kaslr-seed", &size));
        assert_non_null(property(f->fdt, "/chosen", "rng-seed", &size));
        assert_int_equal(size, 64);
        assert_non_null(property(f->fdt, "/cpus/cpu@1", "reg", &size));
        assert_string_equal(property(f->fdt, "/psci", "method", &size), "hvc");
        assert_non_null(property(f->fdt, "/pl011@9000000", "interrupts", &size));
        assert_true(fdt_node_offset_by_compatible(
                        f->fdt, -1, f->config.gic == 2 ? "arm,cortex-a15-gic" : "arm,gic-v3") > 0);
    }
    assert_int_not_equal(machine_build_fdt(&f->config, &f->plan, f->fdt, 512, &f->fdt_size), 0);
}

/* Somebody else's tree: memory and /chosen are replaced, the rest is kept. */
static void test_adopted_tree(void **state)
{
    struct fixture *f = *state;
    int size;
    uint8_t given[4096];
    plan(f);
    for (int cells = 1; cells <= 3; cells++) {
        assert_int_equal(fdt_create_empty_tree(given, sizeof(given)), 0);
        fdt_setprop_u32(given, 0, "#address-cells", (uint32_t)cells);
        fdt_setprop_u32(given, 0, "#size-cells", (uint32_t)cells);
        for (int i = 0; i < 2; i++) {
            int node = fdt_add_subnode(given, 0, i ? "memory@1000" : "memory@2000");
            fdt_setprop_string(given, node, "device_type", "memory");
        }
        fdt_setprop_string(given, fdt_add_subnode(given, 0, "keep"), "me", "yes");
        fdt_pack(given);
        memcpy(f->fdt, given, fdt_totalsize(given));
        int result =
            machine_adopt_fdt(&f->config, &f->plan, f->fdt, FDT_ROOM, &f->fdt_size, &f->error);
        if (cells == 3) {
            assert_int_equal(result, -EINVAL);
            assert_non_null(strstr(f->error.message, "cells"));
            continue;
        }
        assert_int_equal(result, 0);
        assert_string_equal(property(f->fdt, "/keep", "me", &size), "yes");
        assert_true(fdt_path_offset(f->fdt, "/memory@1000") < 0);
        assert_true(fdt_path_offset(f->fdt, "/memory@2000") < 0);
        const uint8_t *reg = property(f->fdt, "/memory@40000000", "reg", &size);
        assert_int_equal(size, 8 * cells);
        assert_int_equal(reg[4 * cells - 4], 0x40);
        assert_non_null(property(f->fdt, "/chosen", "linux,initrd-end", &size));
        assert_string_equal(property(f->fdt, "/chosen", "bootargs", &size), f->plan.bootargs);
    }
    /* No room to edit it. */
    memcpy(f->fdt, given, fdt_totalsize(given));
    assert_int_not_equal(machine_adopt_fdt(&f->config, &f->plan, f->fdt, fdt_totalsize(given),
                                           &f->fdt_size, &f->error),
                         0);
}

int test_machine(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_command_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_plans, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loaded_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nowhere_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_console_and_uart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_of_the_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mmio_on_the_command_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mmio_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_machines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adopted_tree, setup, teardown),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
