/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/image_file.h"

#define KIB 1024u
#define MIB (1024u * KIB)

static const struct vmmp_decoder rle = RLE_DECODER;
static const struct vmmp_kernel_options arm64 = { .machines = VMMP_MACHINE_ARM64,
                                                  .decoders = &rle,
                                                  .decoder_count = 1 };
static const struct vmmp_kernel_options arm32 = { .machines = VMMP_MACHINE_ARM32 };
static const struct vmmp_kernel_options raw = { .machines = VMMP_MACHINE_ARM64,
                                                .allow_raw = true,
                                                .raw_offset = 0x80000,
                                                .decoders = &rle,
                                                .decoder_count = 1 };

static uint8_t bytes[64 * KIB];
static uint8_t packed[5 * sizeof(bytes) + 16];

static int probe(const void *data, size_t size, const struct vmmp_kernel_options *options,
                 struct vmmp_kernel *kernel, struct vmmp_image_error *error)
{
    struct image_file f = image_file(data, size);
    struct vmmp_kernel dummy;

    int err = vmmp_kernel_probe(image_file_open(&f), options, kernel ? kernel : &dummy, error);
    if (err) {
        /* Every refusal is one line that names the file. */
        assert_true(strncmp(error->message, "test.img: ", 10) == 0);
        assert_null(strchr(error->message, '\n'));
    } else {
        assert_string_equal(error->message, "");
    }
    return err;
}

static void refuse(const void *data, size_t size, const struct vmmp_kernel_options *options,
                   int code, const char *text)
{
    struct vmmp_image_error error;

    assert_int_equal(probe(data, size, options, NULL, &error), code);
    if (!strstr(error.message, text)) {
        fail_msg("'%s' does not say '%s'", error.message, text);
    }
}

static void arm64_image_header_is_honoured(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_arm64_image(bytes, 8192, 0x80000, 0x345000);
    assert_int_equal(probe(bytes, 8192, &arm64, &kernel, &error), 0);
    assert_int_equal(kernel.format, VMMP_KERNEL_IMAGE);
    assert_int_equal(kernel.machine, VMMP_MACHINE_ARM64);
    assert_true(kernel.memory_size == 0x345000);
    assert_true(kernel.offset == 0x80000);
    assert_true(kernel.alignment == 2 * MIB);
    assert_true(kernel.payload_size == 8192 && kernel.payload_offset == 0);
    assert_true(kernel.entry_offset == 0 && !kernel.fixed && kernel.size_known);
    assert_null(kernel.decoder);

    /* An image_size below the file's cannot be: the file is loaded whole. */
    make_arm64_image(bytes, 8192, 0, 100);
    assert_int_equal(probe(bytes, 8192, &arm64, &kernel, &error), 0);
    assert_true(kernel.memory_size == 8192);

    /* Before 3.17: no size, and a text offset that means nothing. */
    make_arm64_image(bytes, 8192, UINT64_C(0x0000080000000000), 0);
    assert_int_equal(probe(bytes, 8192, &arm64, &kernel, &error), 0);
    assert_true(!kernel.size_known && kernel.offset == 0x80000 && kernel.memory_size == 16384);
}

static void arm64_image_fields_at_extremes(void **state)
{
    static const uint64_t values[] = { 0,
                                       1,
                                       4095,
                                       4096,
                                       UINT64_C(1) << 31,
                                       UINT64_C(1) << 32,
                                       UINT64_C(1) << 63,
                                       UINT64_MAX - 1,
                                       UINT64_MAX };
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct vmmp_kernel_options limited = arm64;

    (void)state;
    limited.max_size = 1 * MIB;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
            make_arm64_image(bytes, 256, values[i], values[j]);
            put64(bytes + 24, 0);
            int err = probe(bytes, 256, &limited, &kernel, &error);
            assert_int_equal(err, values[j] > 1 * MIB ? -EFBIG : 0);
        }
    }
    make_arm64_image(bytes, 256, 0, 4096);
    put64(bytes + 24, 1);
    refuse(bytes, 256, &arm64, -ENOEXEC, "big-endian");
}

static void truncated_efi_images_are_found_out(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_efi_image(bytes, 4096, 0x10000);
    assert_int_equal(probe(bytes, 4096, &arm64, &kernel, &error), 0);
    assert_true(kernel.memory_size == 0x10000);
    for (size_t size = 0; size < 4096; size++) {
        assert_int_equal(probe(bytes, size, &arm64, &kernel, &error), -ENODATA);
    }
    refuse(bytes, 4095, &arm64, -ENODATA, "is truncated: an arm64 Image with 4095 of 4096 bytes");
    /* Section tables that lead anywhere. */
    for (unsigned count = 0; count < 0x10000; count += 251) {
        for (unsigned optional = 0; optional < 0x10000; optional += 4093) {
            put16(bytes + 64 + 6, count);
            put16(bytes + 64 + 20, optional);
            probe(bytes, 4096, &arm64, &kernel, &error);
        }
    }
    put32(bytes + 60, UINT32_MAX);
    refuse(bytes, 4096, &arm64, -ENODATA, "is truncated");
}

static void compressed_images(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_arm64_image(bytes, 4096, 0x1000, 0x20000);
    size_t size = rle_encode(packed, bytes, 4096);
    assert_int_equal(probe(packed, size, &arm64, &kernel, &error), 0);
    assert_ptr_equal(kernel.decoder, &rle);
    assert_int_equal(kernel.format, VMMP_KERNEL_IMAGE);
    assert_true(kernel.memory_size == 0x20000 && kernel.offset == 0x1000);
    assert_true(kernel.payload_size == size);

    /* One that does not say its size is unpacked to be measured. */
    make_arm64_image(bytes, 4096, 0, 0);
    size = rle_encode(packed, bytes, 4096);
    assert_int_equal(probe(packed, size, &arm64, &kernel, &error), 0);
    assert_true(kernel.memory_size == 8192);
    for (size_t cut = 5; cut < size; cut += 97) {
        int err = probe(packed, cut, &arm64, &kernel, &error);
        assert_int_equal(err, -ENODATA);
    }
    packed[size - 1] = 1;
    refuse(packed, size, &arm64, -EBADMSG, "is damaged: its rle data is not valid");

    /* A bomb is measured no further than the guest's RAM. */
    struct vmmp_kernel_options limited = raw;
    limited.max_size = 1 * MIB;
    memcpy(packed, "RLE!\xff\xff\xff\xff\x07", 9);
    refuse(packed, 9, &limited, -EFBIG, "unpacks to more than");

    /* What is inside must be a kernel. */
    memset(bytes, 0, 4096);
    memcpy(bytes + 0x202, "HdrS", 4);
    size = rle_encode(packed, bytes, 4096);
    refuse(packed, size, &arm64, -ENOEXEC, "holds an x86 kernel");
    memset(bytes, 0, 4096);
    memcpy(bytes,
           "\x7f"
           "ELF",
           4);
    size = rle_encode(packed, bytes, 4096);
    refuse(packed, size, &arm64, -ENOEXEC, "unpacked first");
    memcpy(bytes, "\x1f\x8b\x08\x00", 4);
    size = rle_encode(packed, bytes, 4096);
    refuse(packed, size, &arm64, -ENOEXEC, "compressed twice");
}

static void without_a_decoder_the_message_names_the_format(void **state)
{
    static const struct {
        const char *magic;
        const char *name;
    } formats[] = { { "\x1f\x8b\x08", "gzip" },    { "\x28\xb5\x2f\xfd", "zstd" },
                    { "\x04\x22\x4d\x18", "lz4" }, { "\x02\x21\x4c\x18", "lz4 (legacy" },
                    { "\xfd\067zXZ", "xz" },       { "BZh9", "bzip2" },
                    { "\x5d\0\0", "lzma" },        { "\x89LZO", "lzop" } };

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char text[64];
        memset(bytes, 0, 128);
        memcpy(bytes, formats[i].magic, strlen(formats[i].magic));
        snprintf(text, sizeof(text), "is compressed with %s", formats[i].name);
        refuse(bytes, 128, &arm64, -ENOTSUP, text);
        refuse(bytes, 128, &arm64, -ENOTSUP, "unpack it first");
    }
}

static void zboot_kernels(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_arm64_image(bytes, 4096, 0, 0x20000);
    memset(packed, 0, 512);
    memcpy(packed, "MZ\0\0zimg", 8);
    uint32_t size = (uint32_t)rle_encode(packed + 512, bytes, 4096);
    put32(packed + 8, 512);
    put32(packed + 12, size);
    assert_int_equal(probe(packed, 512 + size, &arm64, &kernel, &error), 0);
    assert_true(kernel.payload_offset == 512 && kernel.payload_size == size);
    assert_true(kernel.memory_size == 0x20000);
    refuse(packed, 511 + size, &arm64, -ENODATA, "EFI zboot kernel with");

    put32(packed + 8, 32);
    refuse(packed, 512 + size, &arm64, -EBADMSG, "damaged");
    static const uint32_t extremes[] = { 0, 1, 63, 64, 512, INT32_MAX, UINT32_MAX - 1, UINT32_MAX };
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < 8; j++) {
            put32(packed + 8, extremes[i]);
            put32(packed + 12, extremes[j]);
            assert_true(probe(packed, 512 + size, &arm64, &kernel, &error) < 0);
        }
    }
    /* An uncompressed payload is taken as it is. */
    make_arm64_image(packed + 512, 4096, 0, 0x20000);
    put32(packed + 8, 512);
    put32(packed + 12, 4096);
    assert_int_equal(probe(packed, 512 + 4096, &arm64, &kernel, &error), 0);
    assert_true(kernel.payload_offset == 512 && !kernel.decoder);
}

static void zimages(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_zimage(bytes, 4096, 0);
    assert_int_equal(probe(bytes, 4096, &arm32, &kernel, &error), 0);
    assert_int_equal(kernel.format, VMMP_KERNEL_ZIMAGE);
    assert_int_equal(kernel.machine, VMMP_MACHINE_ARM32);
    assert_true(kernel.offset == 0x8000 && !kernel.fixed && !kernel.size_known);
    assert_true(kernel.memory_size == 4096);

    make_zimage(bytes, 4096, 0x60008000);
    assert_int_equal(probe(bytes, 4096, &arm32, &kernel, &error), 0);
    assert_true(kernel.fixed && kernel.fixed_address == 0x60008000);
    refuse(bytes, 4095, &arm32, -ENODATA, "a zImage with 4095 of 4096 bytes");
    refuse(bytes, 4096, &arm64, -ENOEXEC, "is a 32-bit ARM kernel; this VM runs an arm64 kernel");

    /* An appended device tree is a part of it. */
    put32(bytes + 0x2c, 0x60008000 + 4000);
    assert_int_equal(probe(bytes, 4096, &arm32, &kernel, &error), 0);
    assert_true(kernel.memory_size == 4096);

    put32(bytes + 0x2c, 0x60008000 - 4);
    refuse(bytes, 4096, &arm32, -EBADMSG, "is damaged");
    make_zimage(bytes, 4096, 0);
    put32(bytes + 0x24, 0x18286f01);
    refuse(bytes, 4096, &arm32, -ENOEXEC, "big-endian zImage");
}

static void a_zimage_may_say_how_large_it_unpacks(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_zimage(bytes, 4096, 0);
    put32(bytes + 0x34, 0x45454545);
    put32(bytes + 0x38, 0x100);
    put32(bytes + 0x100, 6);
    put32(bytes + 0x104, 0x5a534c4b);
    put32(bytes + 0x108, 0x200);    /* where the size is */
    put32(bytes + 0x10c, 0x100000); /* bss */
    put32(bytes + 0x110, 0x8000);   /* text offset */
    put32(bytes + 0x114, 0x10000);  /* heap */
    put32(bytes + 0x200, 0x800000);
    assert_int_equal(probe(bytes, 4096, &arm32, &kernel, &error), 0);
    assert_true(kernel.size_known);
    assert_true(kernel.scratch_size >= 0x800000 + 0x100000 + 0x8000 + 0x10000);
    /* Tables that lie elsewhere or are none are not believed. */
    for (uint64_t at = 0; at <= UINT32_MAX; at = at * 3 + 1) {
        put32(bytes + 0x38, (uint32_t)at);
        assert_int_equal(probe(bytes, 4096, &arm32, &kernel, &error), 0);
        put32(bytes + 0x38, 0x100);
        put32(bytes + 0x108, (uint32_t)at);
        assert_int_equal(probe(bytes, 4096, &arm32, &kernel, &error), 0);
    }
}

static void elf_kernels(void **state)
{
    static const struct elf_segment segments[] = {
        { 1, 0x1000, 0x80200000, 0x40200000, 0x1000, 0x1000 },
        { 4, 0, 0, 0, 1, 0 },
        { 1, 0x2000, 0x80100000, 0x40100000, 0x800, 0x4000 },
        { 1, 0, 0, 0, 0, 0 },
    };
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        const struct vmmp_kernel_options *options = wide ? &arm64 : &arm32;
        fill_pattern(bytes, 0x3000);
        make_elf(bytes, wide, wide ? 183 : 40, 0x80200010, segments, 4);
        assert_int_equal(probe(bytes, 0x3000, options, &kernel, &error), 0);
        assert_int_equal(kernel.format, VMMP_KERNEL_ELF);
        assert_true(kernel.fixed && kernel.fixed_address == 0x40100000);
        assert_true(kernel.memory_size == 0x101000);
        assert_true(kernel.entry_offset == 0x100010);
        /* Cut anywhere, it is refused. */
        for (size_t size = 1; size < 0x2800; size++) {
            assert_true(probe(bytes, size, options, &kernel, &error) < 0);
        }
        refuse(bytes, 0x2000, options, -ENODATA, "is truncated");
    }
    make_elf(bytes, true, 62, 0x80200010, segments, 4);
    refuse(bytes, 0x3000, &arm64, -ENOEXEC, "is an ELF for x86-64; this VM runs an arm64 kernel");
    make_elf(bytes, false, 3, 0x80200010, segments, 4);
    refuse(bytes, 0x3000, &arm32, -ENOEXEC, "32-bit x86");
    make_elf(bytes, true, 183, 0x100, segments, 4);
    refuse(bytes, 0x3000, &arm64, -EBADMSG, "entry point");
    make_elf(bytes, true, 183, 0x40200010, segments, 4);
    assert_int_equal(probe(bytes, 0x3000, &arm64, &kernel, &error), 0);
    assert_true(kernel.entry_offset == 0x100010);
    refuse(bytes, 0x3000, &arm32, -ENOEXEC, "is an ELF for arm64");
    put16(bytes + 16, 1);
    refuse(bytes, 0x3000, &arm64, -ENOEXEC, "type 1");
    bytes[5] = 2;
    refuse(bytes, 0x3000, &arm64, -ENOEXEC, "big-endian ELF");
    make_elf(bytes, true, 183, 0, segments, 0);
    refuse(bytes, 0x3000, &arm64, -EBADMSG, "program headers make no sense");
    make_elf(bytes, true, 183, 0, segments + 1, 1);
    refuse(bytes, 0x3000, &arm64, -EBADMSG, "nothing in it");
}

static void elf_fields_at_extremes(void **state)
{
    static const uint64_t values[] = {
        0,         1, 0x1000, 0x3000, UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX - 0xfff,
        UINT64_MAX
    };
    const size_t count = sizeof(values) / sizeof(values[0]);
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct vmmp_kernel_options limited = arm64;

    (void)state;
    limited.max_size = 16 * MIB;
    for (size_t i = 0; i < count * count * count * count; i++) {
        struct elf_segment segment = { 1,
                                       values[i % count],
                                       0,
                                       values[i / count % count],
                                       values[i / count / count % count],
                                       values[i / count / count / count] };
        segment.vaddr = segment.paddr;
        make_elf(bytes, true, 183, segment.vaddr, &segment, 1);
        if (probe(bytes, 0x3000, &limited, &kernel, &error) == 0) {
            assert_true(segment.filesz <= segment.memsz && segment.memsz <= 16 * MIB);
            assert_true(segment.offset + segment.filesz <= 0x3000);
            assert_true(segment.paddr + segment.memsz >= segment.paddr);
        }
    }
    struct elf_segment small = { 1, 0x1000, 0x1000, 0x1000, 16, 16 };
    for (size_t i = 0; i < count; i++) {
        make_elf(bytes, true, 183, 0x1000, &small, 1);
        put64(bytes + 32, values[i]);
        probe(bytes, 0x3000, &arm64, &kernel, &error);
        make_elf(bytes, true, 183, 0x1000, &small, 1);
        put16(bytes + 54, (uint32_t)values[i]);
        put16(bytes + 56, 128);
        probe(bytes, 0x3000, &arm64, &kernel, &error);
    }
    make_elf(bytes, true, 183, 0x1000, &small, 1);
    put16(bytes + 56, 129);
    refuse(bytes, 0x3000, &arm64, -EBADMSG, "program headers");
}

static void linux_elf_may_be_moved(void **state)
{
    static const struct elf_segment segment = {
        1, 0x1000, UINT64_C(0xffff800008000000), UINT64_C(0xffff800008000000), 0x1000, 0x2000
    };
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_elf(bytes, true, 183, segment.vaddr, &segment, 1);
    make_arm64_image(bytes + 0x1000, 0x1000, 0x80000, 0x8000);
    assert_int_equal(probe(bytes, 0x2000, &arm64, &kernel, &error), 0);
    assert_int_equal(kernel.format, VMMP_KERNEL_ELF);
    assert_true(!kernel.fixed && kernel.offset == 0x80000 && kernel.memory_size == 0x8000);
    assert_true(kernel.alignment == 2 * MIB && kernel.entry_offset == 0);
}

static void what_is_no_kernel_is_named(void **state)
{
    (void)state;
    memset(bytes, 0, 4096);
    memcpy(bytes + 0x202, "HdrS", 4);
    memcpy(bytes, "MZ", 2);
    refuse(bytes, 4096, &arm64, -ENOEXEC, "is an x86 kernel (bzImage); this VM runs an arm64");
    refuse(bytes, 4096, &raw, -ENOEXEC, "is an x86 kernel");
    static const struct {
        const char *magic;
        size_t offset;
        const char *name;
    } files[] = { { "\x27\x05\x19\x56", 0, "U-Boot" },
                  { "\xd0\x0d\xfe\xed", 0, "device tree" },
                  { "ANDROID!", 0, "Android" },
                  { "070701", 0, "cpio" },
                  { "#!/bin/sh", 0, "script" },
                  { "RISCV", 0x30, "RISC-V" },
                  { "MZ", 0, "EFI program" },
                  { "PK\x03\x04", 0, "zip" },
                  { "!<arch>\n", 0, "Debian package" },
                  { "hsqs", 0, "squashfs" },
                  { "QFI\xfb", 0, "qcow2" },
                  { "\xcd\x23\x82\x81", 0x38, "LoongArch" } };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        memset(bytes, 0, 4096);
        memcpy(bytes + files[i].offset, files[i].magic, strlen(files[i].magic));
        refuse(bytes, 4096, &arm64, -ENOEXEC, files[i].name);
    }
    memset(bytes, 0x5a, 4096);
    refuse(bytes, 4096, &arm64, -ENOEXEC, "is no kernel of a known format");
    refuse(bytes, 0, &arm64, -ENODATA, "is empty; give an arm64 kernel");
    refuse(bytes, 0, &raw, -ENODATA, "is empty");
    static const struct vmmp_kernel_options both = { .machines =
                                                         VMMP_MACHINE_ARM64 | VMMP_MACHINE_ARM32 };
    refuse(bytes, 4096, &both, -ENOEXEC, "zImage");
}

static void raw_binaries_where_allowed(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    memset(bytes, 0x5a, sizeof(bytes));
    for (size_t size = 1; size < 200; size++) { /* Shorter than any header, too. */
        assert_int_equal(probe(bytes, size, &raw, &kernel, &error), 0);
        assert_int_equal(kernel.format, VMMP_KERNEL_RAW);
        assert_int_equal(kernel.machine, VMMP_MACHINE_ARM64);
        assert_true(kernel.memory_size == size && kernel.offset == 0x80000);
    }
    size_t size = rle_encode(packed, bytes, 5000);
    assert_int_equal(probe(packed, size, &raw, &kernel, &error), 0);
    assert_true(kernel.memory_size == 5000 && kernel.decoder == &rle);

    /* There is nothing to enter in a well-formed file of nothing. */
    size = rle_encode(packed, bytes, 0);
    refuse(packed, size, &raw, -ENODATA, "holds nothing; give an arm64 kernel");
}

static void files_that_cannot_be_read(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct image_file f = image_file(bytes, 4096);

    (void)state;
    make_arm64_image(bytes, 4096, 0, 0x8000);
    f.error = -EIO;
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &arm64, &kernel, &error), -EIO);
    assert_non_null(strstr(error.message, "test.img: cannot be read"));
    f.error = 0;
    f.ends_at = 500;
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &arm64, &kernel, &error), -ENODATA);
    f.ends_at = 0;
    f.chunk = 7;
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &arm64, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_probe(NULL, &arm64, &kernel, &error), -EINVAL);
    assert_int_equal(vmmp_kernel_probe(&f.file, NULL, &kernel, &error), -EINVAL);
    assert_int_equal(vmmp_kernel_probe(&f.file, &arm64, NULL, NULL), -EINVAL);
}

static void messages_are_one_line_whatever_the_name(void **state)
{
    char name[1000];
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct image_file f = image_file(bytes, 0);

    (void)state;
    memset(name, 'n', sizeof(name));
    strcpy(name + 900, "a\nb\033c.img");
    f.file.name = name;
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &arm64, &kernel, &error), -ENODATA);
    assert_non_null(strstr(error.message, "a?b?c.img: is empty"));
    assert_true(strlen(error.message) < VMMP_IMAGE_MESSAGE_MAX);
    assert_true(strncmp(error.message, "...", 3) == 0);
    assert_string_equal(vmmp_kernel_format_name(VMMP_KERNEL_IMAGE), "arm64 Image");
    assert_string_equal(vmmp_kernel_format_name(VMMP_KERNEL_ZIMAGE), "zImage");
    assert_string_equal(vmmp_kernel_format_name(VMMP_KERNEL_ELF), "ELF");
    assert_string_equal(vmmp_kernel_format_name(VMMP_KERNEL_RAW), "raw binary");
}

static void noise_is_never_more_than_noise(void **state)
{
    static const size_t interesting[] = { 0,    4,    5,    8,  12, 16, 24, 28, 32, 0x24, 0x28,
                                          0x2c, 0x34, 0x38, 54, 56, 60, 64, 68, 70, 84 };
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    uint32_t seed = 1;
    struct vmmp_kernel_options limited = raw;

    (void)state;
    limited.machines |= VMMP_MACHINE_ARM32;
    limited.max_size = 1 * MIB;
    for (int round = 0; round < 20000; round++) {
        switch (round % 4) {
        case 0:
            make_efi_image(bytes, 4096, 0x8000);
            break;
        case 1:
            make_zimage(bytes, 4096, 0);
            put32(bytes + 0x34, 0x45454545);
            break;
        case 2: {
            struct elf_segment segment = { 1, 0x100, 0x1000, 0x1000, 0x100, 0x200 };
            make_elf(bytes, round & 4, round & 4 ? 183 : 40, 0x1000, &segment, 1);
            break;
        }
        default:
            memset(bytes, 0, 4096);
            memcpy(bytes, "MZ\0\0zimg", 8);
            put32(bytes + 8, 64);
            put32(bytes + 12, 64);
        }
        for (int i = 0; i < 3; i++) {
            seed = seed * 1103515245 + 12345;
            size_t at = interesting[(seed >> 16) % (sizeof(interesting) / sizeof(interesting[0]))];
            seed = seed * 1103515245 + 12345;
            put32(bytes + at, seed & 0x10000000 ? seed : seed >> 20);
        }
        if (probe(bytes, 4096, &limited, &kernel, &error) == 0) {
            assert_true(kernel.memory_size <= 1 * MIB);
            assert_true(kernel.payload_offset + kernel.payload_size <= 4096);
        }
    }
}

int test_image_probe(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(arm64_image_header_is_honoured),
        cmocka_unit_test(arm64_image_fields_at_extremes),
        cmocka_unit_test(truncated_efi_images_are_found_out),
        cmocka_unit_test(compressed_images),
        cmocka_unit_test(without_a_decoder_the_message_names_the_format),
        cmocka_unit_test(zboot_kernels),
        cmocka_unit_test(zimages),
        cmocka_unit_test(a_zimage_may_say_how_large_it_unpacks),
        cmocka_unit_test(elf_kernels),
        cmocka_unit_test(elf_fields_at_extremes),
        cmocka_unit_test(linux_elf_may_be_moved),
        cmocka_unit_test(what_is_no_kernel_is_named),
        cmocka_unit_test(raw_binaries_where_allowed),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(messages_are_one_line_whatever_the_name),
        cmocka_unit_test(noise_is_never_more_than_noise),
    };
    return cmocka_run_group_tests_name("image_probe", tests, NULL, NULL);
}
