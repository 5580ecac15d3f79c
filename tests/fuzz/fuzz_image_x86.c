/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of any content as a PC's kernel: bzImage, what is packed in it, ELF, PVH. */
#include "fuzz_file.h"

#include <hosted/decoders.h>
#include <sel4vmmplatsupport/vmmp/load_x86.h>

#define RAM_SIZE (UINT64_C(18) << 20)
#define GUARD    0xa5

static uint8_t ram[RAM_SIZE];
static void make_map(struct vmmp_e820 *map, uint8_t how)
{
    vmmp_e820_init(map);
    vmmp_e820_add(map, 0, RAM_SIZE, VMMP_E820_RAM);
    vmmp_e820_add(map, 0xa0000, 0x60000, VMMP_E820_RESERVED);
    if (how & 8) {
        vmmp_e820_add(map, 0x1000000, 0x1000, VMMP_E820_ACPI);
    }
    if (how & 16) {
        vmmp_e820_add(map, UINT64_C(1) << 32, 1 << 30, VMMP_E820_RAM); /* Not there. */
    }
}

/* All of it is RAM by the map, and apart from all before it. */
static void check_piece(const struct vmmp_e820 *map, uint64_t pieces[][2], unsigned index)
{
    uint64_t start = pieces[index][0];
    uint64_t size = pieces[index][1];
    bool is_ram = size == 0;

    for (unsigned i = 0; i < map->count; i++) {
        const struct vmmp_e820_entry *e = &map->entries[i];
        is_ram = is_ram || (e->type == VMMP_E820_RAM && start >= e->start &&
                            start - e->start <= e->size && size <= e->size - (start - e->start));
    }
    FUZZ_CHECK(is_ram);
    for (unsigned i = 0; i < index; i++) {
        FUZZ_CHECK(!size || !pieces[i][1] || start + size <= pieces[i][0] ||
                   pieces[i][0] + pieces[i][1] <= start);
    }
}

static uint8_t *guard(uint64_t at)
{
    if (at >= RAM_SIZE) {
        return NULL;
    }
    ram[at] = GUARD;
    return &ram[at];
}

static void try_load(const struct vmmp_x86_load_request *request, const struct vmmp_x86_plan *plan)
{
    struct vmmp_guest_memory memory;
    struct vmmp_x86_entry entry;
    const struct vmmp_kernel *kernel = request->kernel;

    vmmp_guest_memory_init(&memory, NULL, NULL);
    FUZZ_CHECK(!vmmp_guest_memory_add(&memory, vmmp_gpa(0), RAM_SIZE, ram));
    /* What is not the kernel's stays as it was. */
    const uint8_t *before = plan->kernel ? guard(plan->kernel - 1) : NULL;
    const uint8_t *after = guard(plan->kernel + plan->kernel_size);
    bool loaded = done(vmmp_kernel_load(&memory, kernel, plan->kernel, &error));
    FUZZ_CHECK((!before || *before == GUARD) && (!after || *after == GUARD));
    if (loaded && done(vmmp_x86_load(&memory, request, plan, &entry, &error))) {
        FUZZ_CHECK(entry.rip == plan->entry);
        FUZZ_CHECK(entry.rsi + entry.rbx == plan->boot_params);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t how = fuzz_u8(&in);
    struct content content = { in.at, in.left, how & 64 ? 509 : SIZE_MAX, 0 };
    struct vmmp_file file = { "fuzzed", in.left, read_at, &content };
    struct vmmp_kernel kernel;
    struct vmmp_e820 map;
    struct vmmp_x86_plan plan;
    struct vmmp_kernel_options options = { .machines = VMMP_MACHINE_X86_64 | VMMP_MACHINE_X86_32,
                                           .max_size = RAM_SIZE,
                                           .keep_packed = how & 1,
                                           .ignore_pvh = how & 2 };

    memset(&error, 0, sizeof(error));
    options.decoders = hosted_decoders(&options.decoder_count);
    if (!done(vmmp_kernel_probe(&file, &options, &kernel, &error))) {
        return 0;
    }
    FUZZ_CHECK(kernel.memory_size > 0 && kernel.memory_size <= RAM_SIZE && kernel.alignment);
    FUZZ_CHECK(kernel.payload_offset + kernel.payload_size <= file.size);
    FUZZ_CHECK(kernel.x86.setup_header_size <= VMMP_X86_SETUP_HEADER_MAX);
    make_map(&map, how);
    struct vmmp_x86_load_request request = { .kernel = &kernel,
                                             .e820 = &map,
                                             .cmdline = how & 4 ? "quiet" : NULL,
                                             .initrd = how & 32 ? &file : NULL,
                                             .seed = how & 4 ? "seed" : NULL,
                                             .seed_size = how & 4 ? 4 : 0 };
    if (!done(vmmp_x86_plan(&request, &plan, &error))) {
        return 0;
    }
    uint64_t pieces[6][2] = { { plan.kernel, plan.kernel_size },
                              { plan.initrd, plan.initrd_size },
                              { plan.boot_params, VMMP_X86_BOOT_PARAMS_SIZE },
                              { plan.tables, VMMP_X86_TABLES_SIZE },
                              { plan.cmdline, plan.cmdline_size },
                              { plan.setup_data, plan.setup_data_size } };
    for (unsigned i = 0; i < 6; i++) {
        check_piece(&map, pieces, i);
    }
    FUZZ_CHECK(!kernel.fixed || plan.kernel == kernel.fixed_address);
    try_load(&request, &plan);
    return 0;
}
