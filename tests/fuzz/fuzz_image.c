/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of any content as a kernel, packed or not, and as a device tree. */
#include "fuzz_file.h"

#include <errno.h>
#include <libfdt.h>

#include <hosted/decoders.h>
#include <sel4vmmplatsupport/vmmp/image.h>

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE (UINT64_C(8) << 20)

static uint8_t ram[RAM_SIZE];
static bool inside(uint64_t start, uint64_t size)
{
    return start >= RAM && start - RAM <= RAM_SIZE && size <= RAM_SIZE - (start - RAM);
}

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a + a_size <= b || b + b_size <= a;
}

static void try_kernel(const struct vmmp_file *file, uint8_t how)
{
    struct vmmp_guest_memory memory;
    struct vmmp_kernel kernel;
    struct vmmp_layout at;
    struct vmmp_kernel_options options = {
        .machines = (how & 3) ? (how & 3) : 3,
        .allow_raw = how & 4,
        .raw_offset = how & 8 ? 0x1234 : 0x80000,
        .max_size = RAM_SIZE,
    };
    options.decoders = hosted_decoders(&options.decoder_count);
    if (!done(vmmp_kernel_probe(file, &options, &kernel, &error))) {
        return;
    }
    FUZZ_CHECK(kernel.memory_size > 0 && kernel.memory_size <= RAM_SIZE);
    FUZZ_CHECK(kernel.payload_offset + kernel.payload_size <= file->size);
    FUZZ_CHECK(strlen(vmmp_kernel_format_name(kernel.format)) > 0);
    struct vmmp_layout_request request = { .ram_start = RAM,
                                           .ram_size = RAM_SIZE,
                                           .kernel = &kernel,
                                           .dtb_size = how & 16 ? VMMP_DTB_MAX_SIZE : 0,
                                           .initrd_size = how & 32 ? 0x123456 : 0 };
    if (!done(vmmp_layout_plan(&request, &at, &error))) {
        return;
    }
    FUZZ_CHECK(inside(at.kernel, at.kernel_size) && at.kernel_size >= kernel.memory_size);
    FUZZ_CHECK(at.entry >= at.kernel && at.entry - at.kernel < kernel.memory_size);
    FUZZ_CHECK(!at.dtb_size || (inside(at.dtb, at.dtb_size) &&
                                apart(at.dtb, at.dtb_size, at.kernel, at.kernel_size)));
    FUZZ_CHECK(!at.initrd_size || (inside(at.initrd, at.initrd_size) &&
                                   apart(at.initrd, at.initrd_size, at.kernel, at.kernel_size) &&
                                   apart(at.initrd, at.initrd_size, at.dtb, at.dtb_size)));
    vmmp_guest_memory_init(&memory, NULL, NULL);
    FUZZ_CHECK(!vmmp_guest_memory_add(&memory, vmmp_gpa(RAM), RAM_SIZE, ram));
    /* What is not the kernel's stays as it was. */
    uint8_t *before = at.kernel > RAM ? ram + (at.kernel - RAM) - 1 : NULL;
    uint8_t *after = inside(at.kernel, kernel.memory_size + 1)
                         ? ram + (at.kernel - RAM) + kernel.memory_size
                         : NULL;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *guard = i ? after : before;
        if (guard) {
            *guard = 0xa5;
        }
    }
    done(vmmp_kernel_load(&memory, &kernel, at.kernel, &error));
    FUZZ_CHECK((!before || *before == 0xa5) && (!after || *after == 0xa5));
}

static void try_dtb(const struct vmmp_file *file)
{
    static _Alignas(8) uint8_t buffer[0x4000];
    size_t size = 0;
    if (done(vmmp_dtb_read(file, buffer, sizeof(buffer), &size, &error))) {
        FUZZ_CHECK(size <= file->size && size <= sizeof(buffer));
        FUZZ_CHECK(fdt_check_full(buffer, size) == 0 && fdt_totalsize(buffer) == size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t how = fuzz_u8(&in);
    struct content content = { in.at, in.left, how & 64 ? 509 : SIZE_MAX, 0 };
    struct vmmp_file file = { "fuzzed", in.left, read_at, &content };

    memset(&error, 0, sizeof(error));
    if (how & 128) {
        try_dtb(&file);
    } else {
        try_kernel(&file, how);
    }
    return 0;
}
