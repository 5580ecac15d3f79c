/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What it costs to bring an exit to the device behind one of many windows, and its answer back.
 *
 *     exit [--windows N] [--exits N]
 *
 * Instructions are counted under callgrind from the engine's access to its outcome, once for each
 * exit, in hosted_vcpu_mmio_begin(); exits go to all windows in turn, far from the last one:
 *
 *     valgrind --tool=callgrind --collect-atstart=no --toggle-collect=hosted_vcpu_mmio_begin ./exit
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/boot.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#define MOST   512u
#define FIRST  UINT64_C(0x10000000)
#define STRIDE UINT64_C(0x10000)
#define SIZE   UINT64_C(0x1000)
#define STEP   197u /* Odd: in turn it leads to all of any power of two. */

static struct vmmp_window windows[MOST];

static uint64_t read_register(void *device, uint64_t offset, unsigned size)
{
    (void)size;
    return (uint64_t)((struct vmmp_window *)device - windows) << 16 | offset;
}

static void write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device, (void)offset, (void)size, (void)value;
}

static const struct vmmp_window_ops ops = { read_register, write_register };

static int attach(struct vmmp_vm *vmmp, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        windows[i] = (struct vmmp_window){
            .name = "window", .ops = &ops, .device = &windows[i], .size = SIZE
        };
        if (vmmp_vm_attach_window(vmmp, &windows[i], vmmp_gpa(FIRST + i * STRIDE)) != 0) {
            return -1;
        }
    }
    return 0;
}

static int run(vm_vcpu_t *vcpu, unsigned count, unsigned exits)
{
    for (unsigned i = 0; i < exits; i++) {
        uint64_t window = i * STEP % count;
        uint64_t offset = i % (SIZE / 8) * 8;
        if (script_get(vcpu, FIRST + window * STRIDE + offset, 4) != (window << 16 | offset)) {
            fprintf(stderr, "exit: window %u did not answer\n", (unsigned)window);
            return 1;
        }
    }
    printf("exits=%u windows=%u\n", exits, count);
    return 0;
}

static int measure(unsigned count, unsigned exits)
{
    static simple_t simple;
    static ps_io_ops_t io_ops;
    static vm_t vm;
    static struct vmmp_vm vmmp;
    static const struct vmmp_log log;
    vspace_t vspace = { NULL };

    hosted_io_ops_init(&io_ops);
    hosted_simple_script(&simple, NULL, &log);
    if (vm_init(&vm, NULL, &simple, vspace, &io_ops, 0, "bench") != 0 ||
        !vm_create_vcpu(&vm, 100) || vm_assign_vcpu_target(vm.vcpus[BOOT_VCPU], 0) != 0) {
        fprintf(stderr, "exit: no virtual machine\n");
        return 1;
    }
    struct vmmp_host host = script_host(&vm);
    if (vmmp_vm_init(&vmmp, &vm, &log, &host) != 0 || attach(&vmmp, count) != 0) {
        fprintf(stderr, "exit: no windows\n");
        return 1;
    }
    int result = run(vm.vcpus[BOOT_VCPU], count, exits);
    vmmp_vm_fini(&vmmp);
    hosted_vm_destroy(&vm);
    return result;
}

int main(int argc, char **argv)
{
    unsigned count = 1;
    unsigned exits = 8192;
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned value = (unsigned)strtoul(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--windows") == 0) {
            count = value;
        } else if (strcmp(argv[i], "--exits") == 0) {
            exits = value;
        } else {
            count = 0;
        }
    }
    if (argc % 2 == 0 || count < 1 || count > MOST || exits < 1) {
        fprintf(stderr, "usage: exit [--windows 1..512] [--exits N]\n");
        return 2;
    }
    return measure(count, exits);
}
