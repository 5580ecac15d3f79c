/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A board of 32-bit guests that bring their own tree, on the scripted engine: what its tests share.
 * Before it is included: BENCH_BOARD, its struct machine_board.
 */
#pragma once

#include "machine.h"

#include <errno.h>
#include <libfdt.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/boot.h>

#include "support/machine_talk.h"
#include "vmmp_test.h"

#define MIB      (UINT64_C(1) << 20)
#define KERNEL   4096
#define FDT_ROOM 65536
#define SPI(n)   (32 + (n))

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
    struct vmmp_file file;
    struct machine_port serial;
    uint8_t fdt[FDT_ROOM];
    size_t fdt_size;
    struct talk talk;
    unsigned offs, resets;
    bool made;
};

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    const struct fixture *f = cookie;
    size_t now = offset < KERNEL ? KERNEL - (size_t)offset : 0;
    now = now < size ? now : size;
    memcpy(to, f->kernel + offset, now);
    return (int64_t)now;
}

static void ended(void *cookie, vm_t *vm, bool reset)
{
    struct fixture *f = cookie;
    (void)vm;
    f->offs += !reset;
    f->resets += reset;
}

static void put_word(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static int add_node(void *fdt, int parent, const char *name, const char *compatible)
{
    int node = fdt_add_subnode(fdt, parent, name);
    assert_true(node >= 0);
    if (compatible) {
        int size = (int)strlen(compatible) + 1;
        assert_int_equal(fdt_setprop(fdt, node, "compatible", compatible, size), 0);
    }
    return node;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    vspace_t vspace;
    /* A zImage's header: magic, start and end (arch/arm/boot/compressed/head.S). */
    put_word(f->kernel + 0x24, 0x016f2818);
    put_word(f->kernel + 0x2c, KERNEL);
    f->file = (struct vmmp_file){ "zImage", KERNEL, read_at, f };
    f->serial = talk_port(&f->talk);
    f->config = (struct machine_config){
        .board = &BENCH_BOARD,
        .memory = 64 * MIB,
        .cpus = 2,
        .gic = 2,
        .aarch32 = true,
        .kernel = &f->file,
        .serial = &f->serial,
        .ended = ended,
        .ended_cookie = f,
    };
    memset(&vspace, 0, sizeof(vspace));
    hosted_simple_script(&f->simple, &f->script, &f->config.log);
    hosted_io_ops_init(&f->io_ops);
    assert_int_equal(vm_init(&f->vm, NULL, &f->simple, vspace, &f->io_ops, 0, "test"), 0);
    f->config.host = script_host(&f->vm);
    assert_int_equal(machine_plan(&f->plan, &f->config, FDT_ROOM, &f->error), 0);
    assert_int_equal(machine_init(&f->machine, &f->vm, &f->config), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    machine_fini(&f->machine);
    assert_true(script_check(&f->vm));
    hosted_vm_destroy(&f->vm);
    free(f);
    return 0;
}

static uint32_t get(struct fixture *f, uint64_t address)
{
    return (uint32_t)script_get(f->vm.vcpus[0], address, 4);
}

static void put(struct fixture *f, uint64_t address, uint32_t value)
{
    script_put(f->vm.vcpus[0], address, 4, value);
}

static const char *status_of(const struct fixture *f, const char *path)
{
    int node = fdt_path_offset(f->fdt, path);
    const char *status = node < 0 ? "gone" : fdt_getprop(f->fdt, node, "status", NULL);
    return status ? status : "on";
}

/* Each row: a node's path, and "on", "disabled" or "gone". */
static void check_trimmed(const struct fixture *f, const char *const wanted[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(status_of(f, wanted[i][0]), wanted[i][1]) != 0) {
            fail_msg("%s is %s", wanted[i][0], status_of(f, wanted[i][0]));
        }
    }
}

/* A tree with a root of `cells` address and size cells, memory, and CPUs of these numbers. */
static void begin_tree(struct fixture *f, uint32_t cells, const char *memory_name,
                       const uint32_t *regs, size_t count)
{
    void *fdt = f->fdt;
    assert_int_equal(fdt_create_empty_tree(fdt, FDT_ROOM), 0);
    assert_int_equal(fdt_setprop_u32(fdt, 0, "#address-cells", cells), 0);
    assert_int_equal(fdt_setprop_u32(fdt, 0, "#size-cells", cells), 0);
    int timer = add_node(fdt, 0, "timer", "arm,armv7-timer");
    assert_int_equal(fdt_setprop_u32(fdt, timer, "clock-frequency", 24000000), 0);
    int memory = add_node(fdt, 0, memory_name, NULL);
    assert_int_equal(fdt_setprop_string(fdt, memory, "device_type", "memory"), 0);
    add_node(fdt, 0, "chosen", NULL);
    add_node(fdt, 0, "cpus", NULL);
    for (size_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "cpu@%x", regs[i]);
        int cpu = add_node(fdt, fdt_path_offset(fdt, "/cpus"), name, "arm,cortex-a15");
        assert_int_equal(fdt_setprop_u32(fdt, cpu, "reg", regs[i]), 0);
    }
}
