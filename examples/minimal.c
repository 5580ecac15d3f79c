/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMM in under 150 lines: one vCPU, 256 MiB and a UART, for an arm64 machine with KVM.
 *
 *     minimal Image
 *
 * Everything below the line "the VM" would be the same on seL4.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include <hosted/decoders.h>
#include <hosted/kvm_arm64.h>
#include <hosted/vm.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/vmmp/boot_arm.h>
#include <sel4vmmplatsupport/vmmp/fdt.h>
#include <sel4vmmplatsupport/vmmp/image.h>
#include <sel4vmmplatsupport/vmmp/pl011.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#define GIC_DIST   UINT64_C(0x08000000)
#define GIC_REDIST UINT64_C(0x080a0000)
#define UART       UINT64_C(0x09000000)
#define UART_SPI   1
#define RAM        UINT64_C(0x40000000)
#define RAM_SIZE   (UINT64_C(256) << 20)

static void print_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    (void)cookie;
    fprintf(stderr, "%s (%s): %s\n", vmmp_log_level_name(level), vmmp_log_origin_name(origin),
            message);
}

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    return pread(*(int *)cookie, to, size, (off_t)offset);
}

static size_t uart_write(void *cookie, const uint8_t *bytes, size_t size)
{
    (void)cookie;
    ssize_t written = write(STDOUT_FILENO, bytes, size);
    return written > 0 ? (size_t)written : size;
}

static size_t write_device_tree(void *buffer, size_t size, uint64_t mpidr,
                                const struct vmmp_log *log)
{
    struct vmmp_fdt fdt;
    struct vmmp_fdt_range ram = { RAM, RAM_SIZE };
    struct vmmp_fdt_cpus cpus = { "arm,armv8", &mpidr, 1, true };
    struct vmmp_fdt_gic gic = { .phandle = 1,
                                .distributor = { GIC_DIST, 0x10000 },
                                .redistributors = { GIC_REDIST, 0x20000 } };
    struct vmmp_fdt_chosen chosen = { .bootargs = "console=ttyAMA0 earlycon",
                                      .stdout_path = "/pl011@9000000" };

    vmmp_fdt_init(&fdt, buffer, size);
    vmmp_fdt_begin_root(&fdt, "linux,dummy-virt", "minimal", gic.phandle);
    vmmp_fdt_chosen(&fdt, &chosen);
    vmmp_fdt_memory(&fdt, &ram, 1);
    vmmp_fdt_cpus(&fdt, &cpus);
    vmmp_fdt_psci(&fdt, true);
    vmmp_fdt_timer(&fdt, true, 0);
    vmmp_fdt_gic_v3(&fdt, &gic);
    vmmp_fdt_fixed_clock(&fdt, "apb-pclk", 2, 24000000);
    vmmp_fdt_pl011(&fdt, UART, UART_SPI, 2);
    vmmp_fdt_end(&fdt);
    return vmmp_fdt_finish(&fdt, &size, log) ? 0 : size;
}

int main(int argc, char **argv)
{
    static uint8_t tree[16 * 1024];
    struct vmmp_log log = { print_log, NULL, VMMP_LOG_INFO };
    struct vmmp_image_error error = { "" };
    struct vmmp_kernel_options options = { .machines = VMMP_MACHINE_ARM64, .max_size = RAM_SIZE };
    struct vmmp_kernel kernel;
    struct vmmp_layout layout;
    struct stat status;
    const char *name = argc == 2 ? argv[1] : "(no kernel was named)";
    int fd = open(name, O_RDONLY);

    if (fd < 0 || fstat(fd, &status) != 0) {
        fprintf(stderr, "usage: minimal Image; cannot open %s\n", name);
        return 2;
    }
    struct vmmp_file image = { name, (uint64_t)status.st_size, read_at, &fd };
    options.decoders = hosted_decoders(&options.decoder_count);
    struct vmmp_layout_request request = { RAM, RAM_SIZE, &kernel, sizeof(tree), 0, NULL };
    if (vmmp_kernel_probe(&image, &options, &kernel, &error) ||
        vmmp_layout_plan(&request, &layout, &error)) {
        fprintf(stderr, "minimal: %s\n", error.message);
        return 1;
    }

    /* The host. */
    struct hosted_kvm_arm64_config kvm = { .gic = HOSTED_KVM_GIC_V3,
                                           .gic_distributor = GIC_DIST,
                                           .gic_redistributors = GIC_REDIST };
    simple_t simple;
    ps_io_ops_t io_ops;
    vspace_t vspace;
    memset(&vspace, 0, sizeof(vspace));
    hosted_simple_kvm_arm64(&simple, &kvm, &log);
    hosted_io_ops_init(&io_ops);

    /* The VM. */
    static vm_t vm;
    static struct vmmp_vm vmmp;
    static struct vmmp_irq_line line;
    static struct vmmp_pl011 pl011;
    static const struct vmmp_serial_backend backend = { .write = uart_write };
    struct vmmp_uart_config uart_config = { .irq = &line, .backend = &backend, .log = &log };
    if (vm_init(&vm, NULL, &simple, vspace, &io_ops, 0, "minimal") ||
        vm_ram_register_at(&vm, RAM, RAM_SIZE, true) || vmmp_vm_init(&vmmp, &vm, &log, NULL) ||
        vmmp_vm_map_ram(&vmmp) || !vm_create_vcpu(&vm, 0) ||
        vm_create_default_irq_controller(&vm) ||
        vmmp_vm_irq_line_init(&vmmp, &line, 32 + UART_SPI) ||
        vmmp_pl011_init(&pl011, &uart_config) ||
        vmmp_vm_attach_window(&vmmp, &pl011.uart.window, vmmp_gpa(UART)) ||
        vmmp_kernel_load(&vmmp.memory, &kernel, layout.kernel, &error)) {
        fprintf(stderr, "minimal: the VM cannot be made %s\n", error.message);
        return 1;
    }
    size_t tree_size =
        write_device_tree(tree, sizeof(tree), hosted_kvm_vcpu_affinity(vm.vcpus[BOOT_VCPU]), &log);
    struct vmmp_arm_entry entry = { .interrupts_masked = true,
                                    .pc = layout.entry,
                                    .registers = { layout.dtb } };
    if (!tree_size ||
        !vmmp_guest_memory_write(&vmmp.memory, vmmp_gpa(layout.dtb), tree, tree_size) ||
        vmmp_arm_enter(vm.vcpus[BOOT_VCPU], &entry) || vcpu_start(vm.vcpus[BOOT_VCPU])) {
        return 1;
    }
    int result = vm_run(&vm) ? 1 : 0;
    vmmp_vm_fini(&vmmp);
    hosted_vm_destroy(&vm);
    return result;
}
