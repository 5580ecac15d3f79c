/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a PC's kernel, initrd and boot information go, and what is then in memory. */
#include "support/image_x86.h"

#include <sel4vmmplatsupport/vmmp/load_x86.h>

#define MIB     UINT64_C(0x100000)
#define GIB     (MIB * 1024)
#define LOW     0x20000u /* RAM there is in the test, from 0 on. */
#define RAM_AT  UINT64_C(0xff0000)
#define RAM     0x220000u
#define OLD     0xee
#define CMDLINE "console=ttyS0 quiet"

static const struct vmmp_decoder rle = RLE_DECODER;
static const struct vmmp_kernel_options options = {
    .machines = VMMP_MACHINE_X86_64 | VMMP_MACHINE_X86_32, .decoders = &rle, .decoder_count = 1
};

static uint8_t bytes[BZ_SIZE + VMLINUX_SIZE];
static uint8_t elf[VMLINUX_SIZE];
static uint8_t packed[0x3000];
static uint8_t low[LOW];
static uint8_t ram[RAM];
static uint8_t initrd_bytes[0x1234];
static struct image_file file;
static struct image_file initrd;
static struct vmmp_kernel kernel;
static struct vmmp_e820 map;
static struct vmmp_guest_memory memory;
static struct vmmp_x86_load_request request;
static struct vmmp_x86_plan plan;
static struct vmmp_x86_entry entry;
static struct vmmp_image_error error;

static uint64_t get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* A PC with 64 MiB below the windows and `high` bytes from 4 GiB on. */
static void make_map(uint64_t below, uint64_t high)
{
    vmmp_e820_init(&map);
    vmmp_e820_add(&map, 0, below, VMMP_E820_RAM);
    vmmp_e820_add(&map, 0xa0000, 0x60000, VMMP_E820_RESERVED);
    if (high) {
        vmmp_e820_add(&map, 4 * GIB, high, VMMP_E820_RAM);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(low, OLD, sizeof(low));
    memset(ram, OLD, sizeof(ram));
    fill_pattern(initrd_bytes, sizeof(initrd_bytes));
    make_map(64 * MIB, 0);
    vmmp_guest_memory_init(&memory, NULL, NULL);
    vmmp_guest_memory_add(&memory, vmmp_gpa(0), sizeof(low), low);
    vmmp_guest_memory_add(&memory, vmmp_gpa(RAM_AT), sizeof(ram), ram);
    initrd = image_file(initrd_bytes, sizeof(initrd_bytes));
    initrd.file.name = "initrd.gz";
    request = (struct vmmp_x86_load_request){ .kernel = &kernel,
                                              .e820 = &map,
                                              .cmdline = CMDLINE,
                                              .initrd = image_file_open(&initrd),
                                              .rsdp = 0xe0000 };
    return 0;
}

static void probe(size_t size)
{
    file = image_file(bytes, size);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&file), &options, &kernel, &error), 0);
}

static void probe_bzimage(bool wide, bool with_elf)
{
    make_vmlinux(elf, wide, NULL);
    make_bzimage(bytes, wide, packed, with_elf ? pack_vmlinux(packed, elf) : 0);
    probe(BZ_SIZE);
}

static void refuse(int code, const char *text)
{
    assert_int_equal(vmmp_x86_plan(&request, &plan, &error), code);
    assert_null(strchr(error.message, '\n'));
    if (!strstr(error.message, text)) {
        fail_msg("'%s' does not say '%s'", error.message, text);
    }
}

static void accept(void)
{
    if (vmmp_x86_plan(&request, &plan, &error)) {
        fail_msg("refused: %s", error.message);
    }
}

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a + a_size <= b || b + b_size <= a;
}

/* Everything in RAM, and nothing on anything else. */
static void check_plan(void)
{
    const uint64_t pieces[][2] = { { plan.kernel, plan.kernel_size },
                                   { plan.initrd, plan.initrd_size },
                                   { plan.boot_params, VMMP_X86_BOOT_PARAMS_SIZE },
                                   { plan.tables, VMMP_X86_TABLES_SIZE },
                                   { plan.cmdline, plan.cmdline_size },
                                   { plan.setup_data, plan.setup_data_size } };
    for (unsigned i = 0; i < 6; i++) {
        bool in_ram = pieces[i][1] == 0;
        for (unsigned j = 0; j < map.count; j++) {
            const struct vmmp_e820_entry *e = &map.entries[j];
            in_ram = in_ram || (e->type == VMMP_E820_RAM && pieces[i][0] >= e->start &&
                                pieces[i][0] + pieces[i][1] <= e->start + e->size);
        }
        assert_true(in_ram);
        for (unsigned j = 0; j < i; j++) {
            assert_true(apart(pieces[i][0], pieces[i][1], pieces[j][0], pieces[j][1]));
        }
    }
    assert_true(plan.boot_params >= 0x1000 && plan.tables % 0x1000 == 0);
}

static void a_linux_kernel_is_loaded_and_entered(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        bool wide = how & 1;
        bool unpacked = how & 2;
        setup(NULL);
        make_map(0x1200000, 0);
        probe_bzimage(wide, unpacked);
        request.seed = "random";
        request.seed_size = 6;
        accept();
        check_plan();
        assert_true(plan.kernel == BZ_PREFERRED);
        assert_true(plan.initrd == 0x11fe000 && plan.initrd_size == sizeof(initrd_bytes));
        assert_int_equal(vmmp_x86_load(&memory, &request, &plan, &entry, &error), 0);
        assert_true(entry.rip == (unpacked ? VMLINUX_ENTRY : BZ_PREFERRED + (wide ? 0x200 : 0)));
        assert_true(entry.rsi == plan.boot_params && entry.rbx == 0);
        assert_true((entry.efer != 0) == wide && (entry.cr3 != 0) == wide);
        assert_int_equal(ram[BZ_PREFERRED - RAM_AT], unpacked ? 'T' : bytes[BZ_SETUP]);
        assert_memory_equal(ram + (plan.initrd - RAM_AT), initrd_bytes, sizeof(initrd_bytes));
        assert_string_equal(low + plan.cmdline, CMDLINE);
        const uint8_t *page = low + plan.boot_params;
        assert_memory_equal(page + 0x1fe, bytes + 0x1fe, 0x12); /* The file's own header. */
        assert_true(get(page + 0x214, 4) == BZ_PREFERRED);
        assert_true(get(page + 0x218, 4) == plan.initrd && get(page + 0x21c, 4) == 0x1234);
        assert_true(get(page + 0x228, 4) == plan.cmdline && get(page + 0x070, 8) == 0xe0000);
        assert_true(get(page + 0x250, 8) == plan.setup_data && page[0x1e8] == map.count);
        const uint8_t *data = low + plan.setup_data;
        assert_true(get(data, 8) == 0 && get(data + 8, 4) == 9 && get(data + 12, 4) == 6);
        assert_memory_equal(data + 16, "random", 6);
    }
}

static void a_pvh_kernel_is_given_a_start_info(void **state)
{
    struct elf_segment notes = { 4, 0x2400, 0, 0, 48, 0 };

    (void)state;
    make_map(0x1200000, 0);
    make_vmlinux(bytes, true, &notes);
    make_pvh_notes(bytes + 0x2400, 8, 0x1000100);
    probe(VMLINUX_SIZE);
    request.seed = "random";
    request.seed_size = 6;
    accept();
    check_plan();
    assert_true(plan.setup_data_size == 0);
    assert_int_equal(vmmp_x86_load(&memory, &request, &plan, &entry, &error), 0);
    assert_true(entry.rip == 0x1000100 && entry.rbx == plan.boot_params && entry.rsi == 0);
    assert_true(entry.cr0 == 0x11 && entry.cr4 == 0 && entry.efer == 0);
    const uint8_t *info = low + plan.boot_params;
    assert_true(get(info, 4) == 0x336ec578 && get(info + 4, 4) == 1 && get(info + 8, 4) == 0);
    assert_true(get(info + 12, 4) == 1 && get(info + 24, 8) == plan.cmdline);
    assert_true(get(info + 32, 8) == 0xe0000 && get(info + 48, 4) == map.count);
    const uint8_t *module = low + get(info + 16, 8);
    assert_true(get(module, 8) == plan.initrd && get(module + 8, 8) == 0x1234);
    const uint8_t *memmap = low + get(info + 40, 8);
    for (unsigned i = 0; i < map.count; i++, memmap += 24) {
        assert_true(get(memmap, 8) == map.entries[i].start);
        assert_true(get(memmap + 8, 8) == map.entries[i].size);
        assert_true(get(memmap + 16, 8) == map.entries[i].type);
    }
    request.initrd = NULL;
    request.cmdline = NULL;
    accept();
    assert_int_equal(vmmp_x86_load(&memory, &request, &plan, &entry, &error), 0);
    info = low + plan.boot_params;
    assert_true(get(info + 12, 4) == 0 && get(info + 16, 8) == 0 && get(info + 24, 8) == 0);
}

static void placement_keeps_to_the_limits(void **state)
{
    (void)state;
    /* The preferred place is no RAM: the next multiple of the alignment. */
    probe_bzimage(true, false);
    vmmp_e820_add(&map, BZ_PREFERRED + 0x1000, 0x1000, VMMP_E820_ACPI);
    accept();
    check_plan();
    assert_true(plan.kernel == BZ_PREFERRED + 2 * MIB && plan.entry == plan.kernel + 0x200);
    /* One that cannot be moved says so. */
    bytes[0x234] = 0;
    probe(BZ_SIZE);
    refuse(-ENOSPC, "has to lie at 0x1000000 with 0x20000 bytes");
    /* The initrd stays below its limit, and moves above 4 GiB only if it has to and may. */
    make_map(3 * GIB, 2 * GIB);
    probe_bzimage(true, false);
    accept();
    check_plan();
    assert_true(plan.initrd == 0x80000000 - 0x2000);
    initrd.file.size = 2 * GIB - 16 * MIB;
    accept();
    check_plan();
    assert_true(plan.initrd >= 4 * GIB);
    probe_bzimage(false, false);
    refuse(-ENOSPC, "does not fit below 0x80000000, the kernel's limit");
    initrd.file.size = 7 * GIB;
    probe_bzimage(true, false);
    refuse(-ENOSPC, "initrd.gz: an initrd");
    initrd.file.size = 0;
    refuse(-ENODATA, "initrd.gz: is empty");
    /* RAM that begins at 0x500, with a hole up to 256 MiB. */
    setup(NULL);
    vmmp_e820_init(&map);
    vmmp_e820_add(&map, 0x500, 0x9f700, VMMP_E820_RAM);
    vmmp_e820_add(&map, 0x10003000, 64 * MIB, VMMP_E820_RAM);
    probe_bzimage(true, false);
    accept();
    check_plan();
    assert_true(plan.kernel == 0x10200000 && plan.boot_params == 0x1000);
    /* No low memory at all. */
    vmmp_e820_init(&map);
    vmmp_e820_add(&map, 0x10003000, 64 * MIB, VMMP_E820_RAM);
    accept();
    check_plan();
}

static void too_little_and_too_much(void **state)
{
    char line[2100];

    (void)state;
    probe_bzimage(true, true);
    make_map(16 * MIB, 0);
    refuse(-ENOSPC, "has to lie at 0x1000000 with 0x9000 bytes, which are not all RAM below 4 GiB; "
                    "the guest has 15 MiB there: give it more memory");
    probe_bzimage(true, false);
    refuse(-ENOSPC, "test.img: a kernel of 128 KiB does not fit into the guest's 15 MiB");
    make_map(BZ_PREFERRED + BZ_INIT_SIZE, 0);
    initrd.file.size = 15 * MIB + 1;
    refuse(-ENOSPC, "initrd.gz: an initrd beside the kernel of 15361 KiB does not fit");
    /* Above 4 GiB there is room, which a kernel's own place is not. */
    make_map(16 * MIB, GIB);
    probe_bzimage(true, true);
    refuse(-ENOSPC, "RAM below 4 GiB");
    setup(NULL);
    memset(line, 'x', sizeof(line));
    line[2047] = '\0';
    request.cmdline = line;
    accept();
    line[2047] = 'x';
    line[2048] = '\0';
    refuse(-E2BIG, "takes a command line of at most 2047 characters; this one has 2048");
    /* Boot information without a place. */
    setup(NULL);
    vmmp_e820_init(&map);
    vmmp_e820_add(&map, BZ_PREFERRED, BZ_INIT_SIZE + 0x2000, VMMP_E820_RAM);
    probe_bzimage(true, false);
    refuse(-ENOSPC, "boot information of");
    setup(NULL);
    request.seed = line;
    request.seed_size = VMMP_X86_SEED_MAX + 1;
    refuse(-EINVAL, "seed");
    setup(NULL);
    map.count = 0;
    refuse(-ENOSPC, "0 MiB");
    kernel.machine = VMMP_MACHINE_ARM64;
    refuse(-EINVAL, "no x86 kernel");
}

static void a_map_that_promises_too_much(void **state)
{
    (void)state;
    probe_bzimage(true, false);
    make_map(32 * MIB, 0);
    accept();
    assert_int_equal(vmmp_x86_load(&memory, &request, &plan, &entry, &error), -EFAULT);
    assert_non_null(strstr(error.message, "are not all RAM"));
    request.initrd = NULL;
    vmmp_e820_add(&map, 0, LOW, VMMP_E820_RESERVED);
    accept();
    assert_int_equal(vmmp_x86_load(&memory, &request, &plan, &entry, &error), -EFAULT);
    assert_non_null(strstr(error.message, "is not RAM, against what the memory map says"));
    /* A file that shrank meanwhile. */
    setup(NULL);
    make_map(0x1200000, 0);
    accept();
    initrd.ends_at = 0x1000;
    assert_int_equal(vmmp_x86_load(&memory, &request, &plan, &entry, &error), -ENODATA);
    assert_non_null(strstr(error.message, "initrd.gz: is truncated"));
}

int test_load_x86(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_linux_kernel_is_loaded_and_entered, setup),
        cmocka_unit_test_setup(a_pvh_kernel_is_given_a_start_info, setup),
        cmocka_unit_test_setup(placement_keeps_to_the_limits, setup),
        cmocka_unit_test_setup(too_little_and_too_much, setup),
        cmocka_unit_test_setup(a_map_that_promises_too_much, setup),
    };
    return cmocka_run_group_tests_name("load_x86", tests, NULL, NULL);
}
