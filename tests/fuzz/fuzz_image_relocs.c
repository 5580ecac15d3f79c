/* SPDX-License-Identifier: BSD-2-Clause */
/* A relocation file of any content, for a kernel that is moved. */
#include "fuzz_input.h"

#include <sel4vmmplatsupport/vmmp/image.h>

#define LINK     UINT64_C(0x1000000)
#define LOAD     UINT64_C(0x400000)
#define MEMORY   0x3000u
#define GUARD    0xa5
#define ELF_SIZE 0x400u

static uint8_t elf[ELF_SIZE];
static uint8_t ram[MEMORY + 0x2000]; /* A page before and one behind. */
static struct vmmp_image_error error;

struct content {
    const uint8_t *bytes;
    size_t size;
};

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    const struct content *content = cookie;
    if (offset >= content->size) {
        return 0;
    }
    size_t left = content->size - (size_t)offset;
    size = size < left ? size : left;
    memcpy(to, content->bytes + offset, size);
    return (int64_t)size;
}

static void put(size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        elf[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static void make_elf(bool wide)
{
    uint64_t virtual_address = wide ? UINT64_C(0xffffffff81000000) : 0xc1000000;
    const uint64_t fields[] = { 0x200, virtual_address, LINK, 0x200, MEMORY };

    memset(elf, 0, sizeof(elf));
    memcpy(elf,
           "\x7f"
           "ELF",
           4);
    elf[4] = wide ? 2 : 1;
    elf[5] = 1;
    put(16, 2, 2);
    put(18, wide ? 62 : 3, 2);
    put(24, LINK, wide ? 8 : 4);
    put(wide ? 32 : 28, 64, 4);
    put(wide ? 54 : 42, wide ? 56 : 32, 2);
    put(wide ? 56 : 44, 1, 2);
    put(64, 1, 4);
    for (unsigned i = 0; i < 5; i++) {
        put(64 + (wide ? 8 + 8 * i : 4 + 4 * i), fields[i], wide ? 8 : 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    bool wide = fuzz_u8(&in) & 1;
    struct content kernel_content = { elf, sizeof(elf) };
    struct content relocs_content = { in.at, in.left };
    struct vmmp_file file = { "kernel", sizeof(elf), read_at, &kernel_content };
    struct vmmp_file relocs = { "relocs", in.left, read_at, &relocs_content };
    struct vmmp_kernel_options options = { .machines =
                                               wide ? VMMP_MACHINE_X86_64 : VMMP_MACHINE_X86_32 };
    struct vmmp_guest_memory memory;
    struct vmmp_kernel kernel;

    make_elf(wide);
    FUZZ_CHECK(vmmp_kernel_probe(&file, &options, &kernel, &error) == 0);
    memset(ram, GUARD, sizeof(ram));
    vmmp_guest_memory_init(&memory, NULL, NULL);
    FUZZ_CHECK(!vmmp_guest_memory_add(&memory, vmmp_gpa(LOAD - 0x1000), sizeof(ram), ram));
    int err = vmmp_kernel_load_moved(&memory, &kernel, LOAD, &relocs, &error);
    FUZZ_CHECK(err <= 0 && (err == 0) == (error.message[0] == '\0'));
    /* Only the kernel was corrected. */
    for (unsigned i = 0; i < 0x1000; i++) {
        FUZZ_CHECK(ram[i] == GUARD && ram[0x1000 + MEMORY + i] == GUARD);
    }
    return 0;
}
