/* SPDX-License-Identifier: BSD-2-Clause */
/* bzImages and ELF kernels for x86: what they are, and what of them goes into memory. */
#include "support/image_x86.h"

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#define RAM_BASE UINT64_C(0xff0000)
#define RAM_SIZE 0x40000u
#define OLD      0xee

static const struct vmmp_decoder rle = RLE_DECODER;
static const struct vmmp_kernel_options both = {
    .machines = VMMP_MACHINE_X86_64 | VMMP_MACHINE_X86_32, .decoders = &rle, .decoder_count = 1
};

static uint8_t bytes[BZ_SIZE + 0x1000];
static uint8_t elf[VMLINUX_SIZE];
static uint8_t packed[0x3000];
static uint8_t ram[RAM_SIZE];
static struct vmmp_kernel kernel;
static struct vmmp_image_error error;
static struct vmmp_guest_memory memory;

static int setup(void **state)
{
    (void)state;
    memset(ram, OLD, sizeof(ram));
    vmmp_guest_memory_init(&memory, NULL, NULL);
    return vmmp_guest_memory_add(&memory, vmmp_gpa(RAM_BASE), sizeof(ram), ram);
}

static int probe(size_t size, const struct vmmp_kernel_options *options)
{
    static struct image_file f; /* The kernel refers to it. */

    f = image_file(bytes, size);
    int err = vmmp_kernel_probe(image_file_open(&f), options, &kernel, &error);
    assert_true(err ? strncmp(error.message, "test.img: ", 10) == 0 : error.message[0] == '\0');
    assert_null(strchr(error.message, '\n'));
    return err;
}

static void refuse(size_t size, const struct vmmp_kernel_options *options, int code,
                   const char *text)
{
    assert_int_equal(probe(size, options), code);
    if (!strstr(error.message, text)) {
        fail_msg("'%s' does not say '%s'", error.message, text);
    }
}

static void a_bzimage_that_unpacks_itself(void **state)
{
    (void)state;
    make_bzimage(bytes, true, NULL, 0);
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_int_equal(kernel.format, VMMP_KERNEL_BZIMAGE);
    assert_string_equal(vmmp_kernel_format_name(kernel.format), "bzImage");
    assert_int_equal(kernel.machine, VMMP_MACHINE_X86_64);
    assert_int_equal(kernel.x86.protocol, VMMP_X86_LINUX_64);
    assert_true(!kernel.fixed && !kernel.decoder && !kernel.packed_elf && kernel.size_known);
    assert_true(kernel.x86.preferred_address == BZ_PREFERRED && kernel.alignment == 0x200000);
    assert_true(kernel.memory_size == BZ_INIT_SIZE && kernel.entry_offset == 0x200);
    assert_true(kernel.x86.initrd_max == 0x7fffffff && kernel.x86.initrd_above_4g);
    assert_int_equal(kernel.x86.cmdline_max, 2047);
    assert_int_equal(kernel.x86.version, 0x20f);
    assert_int_equal(kernel.x86.setup_header_size, 0x26c - 0x1f1);
    assert_memory_equal(kernel.x86.setup_header, bytes + 0x1f1, 0x26c - 0x1f1);
    /* The protected-mode code goes to memory, cleared up to init_size. */
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, BZ_PREFERRED, &error), 0);
    assert_memory_equal(ram + 0x10000, bytes + BZ_SETUP, BZ_CODE);
    assert_int_equal(ram[0x10000 + BZ_CODE], 0);
    assert_int_equal(ram[0x10000 + BZ_INIT_SIZE - 1], 0);
    assert_int_equal(ram[0x10000 + BZ_INIT_SIZE], OLD);
    assert_int_equal(ram[0xffff], OLD);

    make_bzimage(bytes, false, NULL, 0);
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_int_equal(kernel.machine, VMMP_MACHINE_X86_32);
    assert_int_equal(kernel.x86.protocol, VMMP_X86_LINUX_32);
    assert_true(kernel.entry_offset == 0 && !kernel.x86.initrd_above_4g);
}

static void the_kernel_inside_is_unpacked(void **state)
{
    struct vmmp_kernel_options keep = both;

    (void)state;
    keep.keep_packed = true;
    for (int wide = 0; wide < 2; wide++) {
        setup(NULL);
        make_vmlinux(elf, wide, NULL);
        make_bzimage(bytes, wide, packed, pack_vmlinux(packed, elf));
        assert_int_equal(probe(BZ_SIZE, &both), 0);
        assert_int_equal(kernel.format, VMMP_KERNEL_BZIMAGE);
        assert_true(kernel.packed_elf && kernel.decoder == &rle && kernel.fixed);
        assert_true(kernel.fixed_address == 0x1000000 && kernel.memory_size == VMLINUX_MEMORY);
        assert_true(kernel.entry_offset == VMLINUX_ENTRY - 0x1000000);
        assert_int_equal(kernel.x86.protocol, wide ? VMMP_X86_LINUX_64 : VMMP_X86_LINUX_32);
        assert_true(kernel.x86.initrd_max == 0x7fffffff && kernel.x86.setup_header_size);
        assert_int_equal(vmmp_kernel_load(&memory, &kernel, 0x1000000, &error), 0);
        const uint8_t *at = ram + 0x10000;
        assert_int_equal(at[-1], OLD);
        for (size_t i = 0; i < VMLINUX_MEMORY; i++) {
            assert_int_equal(at[i], i < 0x800 ? 'T' : i >= 0x1000 && i < 0x1123 ? 'D' : 0);
        }
        assert_int_equal(at[VMLINUX_MEMORY], OLD);
        /* Without a decoder, or when told so, the guest does it. */
        assert_int_equal(probe(BZ_SIZE, &keep), 0);
        assert_true(!kernel.packed_elf && kernel.memory_size == BZ_INIT_SIZE);
    }
    struct vmmp_kernel_options none = both;
    none.decoder_count = 0;
    assert_int_equal(probe(BZ_SIZE, &none), 0);
    assert_true(!kernel.packed_elf && !kernel.fixed);
    /* What is inside is no ELF: the same. */
    elf[0] = 'x';
    make_bzimage(bytes, true, packed, pack_vmlinux(packed, elf));
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_true(!kernel.packed_elf && !kernel.fixed && kernel.payload_size == BZ_CODE);
}

static void what_is_inside_may_be_damaged(void **state)
{
    (void)state;
    make_vmlinux(elf, true, NULL);
    size_t size = pack_vmlinux(packed, elf);
    make_bzimage(bytes, true, packed, size);
    uint8_t *inside = bytes + BZ_SETUP + BZ_PAYLOAD;

    /* It ends early: found when it is loaded at the latest. */
    for (uint32_t less = 5; less < size; less++) {
        put32(bytes + 0x24c, (uint32_t)size - less);
        int err = probe(BZ_SIZE, &both);
        if (!err && kernel.packed_elf) {
            err = vmmp_kernel_load(&memory, &kernel, 0x1000000, &error);
        }
        assert_true(err < 0 || !kernel.packed_elf);
    }
    put32(bytes + 0x24c, (uint32_t)size);
    /* It unpacks to more than it says. */
    put32(inside + size - 4, VMLINUX_SIZE - 1);
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, 0x1000000, &error), -EFBIG);
    assert_non_null(strstr(error.message, "unpacks to more than the 0x2fff bytes"));
    put32(inside + size - 4, 0x2100);
    refuse(BZ_SIZE, &both, -ENODATA, "is truncated: an ELF of 8448 bytes");
    /* Segments that share bytes of the file: each goes to one place only. */
    put64(elf + 64 + 56 + 8, 0x1700);
    make_bzimage(bytes, true, packed, pack_vmlinux(packed, elf));
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, 0x1000000, &error), -EBADMSG);
    assert_non_null(strstr(error.message, "share bytes"));
    /* Program headers too far behind. */
    make_vmlinux(elf, true, NULL);
    put64(elf + 32, 0x2900);
    make_bzimage(bytes, true, packed, pack_vmlinux(packed, elf));
    refuse(BZ_SIZE, &both, -EBADMSG, "not at its beginning");
    /* Another machine's. */
    make_vmlinux(elf, true, NULL);
    put16(elf + 18, 183);
    make_bzimage(bytes, true, packed, pack_vmlinux(packed, elf));
    refuse(BZ_SIZE, &both, -ENOEXEC, "holds an ELF for arm64; this VM runs an x86 kernel");
    /* A decoder that does not like it. */
    make_vmlinux(elf, true, NULL);
    size = pack_vmlinux(packed, elf);
    put32(packed + 4, 0);
    make_bzimage(bytes, true, packed, size);
    refuse(BZ_SIZE, &both, -EBADMSG, "rle data is not valid");
}

static void headers_of_bzimages(void **state)
{
    static const struct vmmp_kernel_options arm = { .machines = VMMP_MACHINE_ARM64 };
    static const struct vmmp_kernel_options only32 = { .machines = VMMP_MACHINE_X86_32 };
    static const struct {
        unsigned at;
        unsigned size;
        uint32_t value;
        int code;
        const char *text;
    } rows[] = {
        { 0x206, 2, 0x201, -ENOTSUP, "boot protocol 2.01" },
        { 0x206, 2, 0, -ENOTSUP, "boot protocol 0.00" },
        { 0x211, 1, 0, -ENOTSUP, "loads low" },
        { 0x1f4, 4, 0, -EBADMSG, "no kernel" },
        { 0x1f4, 4, BZ_CODE / 16 + 1, -ENODATA, "is truncated: a bzImage with 17408 of 17424" },
        { 0x1f4, 4, 0xffffffff, -ENODATA, "is truncated" },
        { 0x1f1, 1, 255, -ENODATA, "is truncated" },
        { 0x230, 4, 0, -EBADMSG, "alignment of 0x0" },
        { 0x230, 4, 0x300000, -EBADMSG, "alignment of 0x300000" },
        { 0x24c, 4, BZ_CODE + 1, -EBADMSG, "places the packed kernel" },
        { 0x248, 4, 0xffffffff, -EBADMSG, "places the packed kernel" },
    };

    (void)state;
    make_vmlinux(elf, true, NULL);
    size_t size = pack_vmlinux(packed, elf);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_bzimage(bytes, true, packed, size);
        uint8_t value[4];
        put32(value, rows[i].value);
        memcpy(bytes + rows[i].at, value, rows[i].size);
        refuse(BZ_SIZE, &both, rows[i].code, rows[i].text);
    }
    make_bzimage(bytes, true, packed, size);
    for (size_t cut = 0; cut < BZ_SIZE; cut += cut < 0x400 ? 1 : 509) {
        assert_true(probe(cut, &both) < 0);
    }
    refuse(BZ_SIZE, &arm, -ENOEXEC, "is an x86 kernel (bzImage)");
    refuse(BZ_SIZE, &only32, -ENOEXEC, "is an x86-64 kernel; this VM runs a 32-bit x86 kernel");
    make_arm64_image(bytes, 4096, 0, 0x10000);
    refuse(4096, &both, -ENOEXEC, "is an arm64 kernel; this VM runs an x86 kernel");
    /* A bzImage inside something packed. */
    make_bzimage(bytes, true, NULL, 0);
    memset(bytes + 0x300, 0, BZ_SIZE - 0x300);
    size = rle_encode(packed, bytes, BZ_SIZE);
    memcpy(bytes, packed, size);
    refuse(size, &both, -ENOEXEC, "a compressed bzImage");
    struct vmmp_kernel_options small = both;
    small.max_size = BZ_INIT_SIZE - 1;
    make_bzimage(bytes, true, NULL, 0);
    refuse(BZ_SIZE, &small, -EFBIG, "needs 0x20000 bytes of memory");
}

static void older_protocols(void **state)
{
    (void)state;
    make_bzimage(bytes, true, NULL, 0);
    put16(bytes + 0x206, 0x202);
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_int_equal(kernel.machine, VMMP_MACHINE_X86_32);
    assert_true(kernel.fixed && kernel.fixed_address == 0x100000 && !kernel.size_known);
    assert_true(kernel.memory_size == 4 * BZ_CODE);
    assert_true(kernel.x86.initrd_max == 0x37ffffff && kernel.x86.cmdline_max == 255);
    put16(bytes + 0x206, 0x205);
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_true(!kernel.fixed && kernel.x86.initrd_max == 0x7fffffff);
    put16(bytes + 0x206, 0x20a);
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_true(kernel.size_known && kernel.x86.preferred_address == BZ_PREFERRED &&
                kernel.machine == VMMP_MACHINE_X86_32);
    /* No setup sectors: four. */
    make_bzimage(bytes, true, NULL, 0);
    bytes[0x1f1] = 0;
    put32(bytes + 0x1f4, 1);
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_true(kernel.payload_offset == 5 * 512);
    /* A header longer than its room is cut; one that ends before its fields has zeroes. */
    bytes[0x201] = 0xff;
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_int_equal(kernel.x86.setup_header_size, VMMP_X86_SETUP_HEADER_MAX);
    bytes[0x201] = 0x10;
    assert_int_equal(probe(BZ_SIZE, &both), 0);
    assert_true(kernel.fixed && kernel.x86.preferred_address == 0 && !kernel.x86.cmdline_max);
    assert_true(kernel.alignment == 1);
}

static void elf_kernels(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        setup(NULL);
        make_vmlinux(bytes, wide, NULL);
        assert_int_equal(probe(VMLINUX_SIZE, &both), 0);
        assert_int_equal(kernel.format, VMMP_KERNEL_ELF);
        assert_int_equal(kernel.machine, wide ? VMMP_MACHINE_X86_64 : VMMP_MACHINE_X86_32);
        assert_int_equal(kernel.x86.protocol, wide ? VMMP_X86_LINUX_64 : VMMP_X86_LINUX_32);
        assert_true(kernel.fixed && kernel.fixed_address == 0x1000000);
        assert_true(kernel.x86.initrd_max == (wide ? UINT32_MAX : 0x37ffffff));
        assert_int_equal(kernel.x86.cmdline_max, 2047);
        assert_int_equal(vmmp_kernel_load(&memory, &kernel, 0x1000000, &error), 0);
        assert_int_equal(ram[0x107ff], 'T');
        assert_int_equal(ram[0x11122], 'D');
        assert_int_equal(ram[0x10000 + VMLINUX_MEMORY - 1], 0);
        assert_int_equal(ram[0x10000 + VMLINUX_MEMORY], OLD);

        /* Packed by itself, as vmlinux.gz. */
        make_vmlinux(elf, wide, NULL);
        size_t size = rle_encode(bytes, elf, VMLINUX_SIZE);
        setup(NULL);
        assert_int_equal(probe(size, &both), 0);
        assert_true(kernel.format == VMMP_KERNEL_ELF && kernel.packed_elf);
        assert_int_equal(vmmp_kernel_load(&memory, &kernel, 0x1000000, &error), 0);
        assert_int_equal(ram[0x11122], 'D');
        assert_int_equal(ram[0x11123], 0);
    }
    /* A program that names its interpreter. */
    struct elf_segment interpreter = { 3, 0x2800, 0, 0, 0x10, 0x10 };
    make_vmlinux(bytes, true, &interpreter);
    refuse(VMLINUX_SIZE, &both, -ENOEXEC, "is a program for an operating system");
    /* An ELF of one class for a machine of the other. */
    make_vmlinux(bytes, true, NULL);
    put16(bytes + 18, 3);
    refuse(VMLINUX_SIZE, &both, -ENOEXEC, "is an ELF for 32-bit x86");
    make_vmlinux(bytes, true, NULL);
    struct vmmp_kernel_options only32 = both;
    only32.machines = VMMP_MACHINE_X86_32;
    refuse(VMLINUX_SIZE, &only32, -ENOEXEC, "is an ELF for x86-64; this VM runs a 32-bit x86");
}

static void pvh_entries(void **state)
{
    struct elf_segment notes = { 4, 0x2400, 0, 0, 0, 0 };
    struct vmmp_kernel_options linux_only = both;

    (void)state;
    linux_only.ignore_pvh = true;
    for (int wide = 0; wide < 2; wide++) {
        notes.filesz = 48;
        make_vmlinux(bytes, wide, &notes);
        notes.filesz = make_pvh_notes(bytes + 0x2400, wide ? 8 : 4, 0x1000100);
        assert_int_equal(probe(VMLINUX_SIZE, &both), 0);
        assert_int_equal(kernel.x86.protocol, VMMP_X86_PVH);
        assert_true(kernel.entry_offset == 0x100);
        assert_int_equal(probe(VMLINUX_SIZE, &linux_only), 0);
        assert_true(kernel.x86.protocol != VMMP_X86_PVH && kernel.entry_offset == 0x10);
        /* An entry outside of the kernel. */
        make_pvh_notes(bytes + 0x2400, wide ? 8 : 4, 0xffffff);
        refuse(VMLINUX_SIZE, &both, -EBADMSG, "PVH entry");
        /* Any size of any field: an entry, none, but never beyond the segment or the file. */
        for (size_t field = 0; field < 9; field += 4) {
            static const uint32_t values[] = { 0, 1, 3, 5, 0x7fffffff, 0xfffffffc, UINT32_MAX };
            for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                make_pvh_notes(bytes + 0x2400, 8, 0x1000100);
                put32(bytes + 0x2400 + field, values[i]);
                assert_int_equal(probe(VMLINUX_SIZE, &both), 0);
                make_pvh_notes(bytes + 0x2400, 8, 0x1000100);
                put32(bytes + 0x2418 + field, values[i]);
                assert_true(probe(VMLINUX_SIZE, &both) != -ENODATA);
            }
        }
        /* Notes that lie beyond the end are none. */
        notes.filesz = VMLINUX_SIZE;
        make_vmlinux(bytes, wide, &notes);
        assert_int_equal(probe(VMLINUX_SIZE, &both), 0);
        assert_true(kernel.x86.protocol != VMMP_X86_PVH);
    }
    /* A kernel with an interpreter's name is one all the same; in place of its second segment. */
    notes.filesz = 48;
    make_vmlinux(bytes, true, &notes);
    make_pvh_notes(bytes + 0x2400, 8, 0x1000100);
    put32(bytes + 64 + 56, 3);
    assert_int_equal(probe(VMLINUX_SIZE, &both), 0);
    assert_int_equal(kernel.x86.protocol, VMMP_X86_PVH);
    /* Behind many others, and across the reader's window. */
    static uint8_t large[0x10000];
    notes = (struct elf_segment){ 4, 0x3000, 0, 0, 0xc000, 0 };
    make_vmlinux(large, true, &notes);
    for (size_t at = 0x3000; at < 0x3000 + 0x9000; at += 24) {
        make_pvh_notes(large + at, 8, 0);
        put32(large + at + 24, 0);
    }
    make_pvh_notes(large + 0x3000 + 0x9000, 8, 0x1000200);
    struct image_file f = image_file(large, sizeof(large));
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &both, &kernel, &error), 0);
    assert_true(kernel.x86.protocol == VMMP_X86_PVH && kernel.entry_offset == 0x200);
}

int test_image_x86(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_bzimage_that_unpacks_itself, setup),
        cmocka_unit_test_setup(the_kernel_inside_is_unpacked, setup),
        cmocka_unit_test_setup(what_is_inside_may_be_damaged, setup),
        cmocka_unit_test(headers_of_bzimages),
        cmocka_unit_test(older_protocols),
        cmocka_unit_test_setup(elf_kernels, setup),
        cmocka_unit_test(pvh_entries),
    };
    return cmocka_run_group_tests_name("image_x86", tests, NULL, NULL);
}
