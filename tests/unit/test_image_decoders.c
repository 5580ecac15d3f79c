/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hosted decoders, on streams that gzip, lz4 and zstd made: 64 KiB of a kernel whose first 256
 * bytes are a header and whose rest is one repeated line.
 */
#include "support/image_file.h"

#include <hosted/decoders.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#define IMAGE_SIZE 0x10000u
#define RAM_BASE   UINT64_C(0x40000000)

static uint8_t image[IMAGE_SIZE];
static uint8_t ram[IMAGE_SIZE + 0x3000];

/* Packs `image` with a program of the machine's; 0 if it is not there. */
static size_t pack(const char *command, uint8_t *to, size_t size)
{
    char in[] = "/tmp/vmmp-decoders-XXXXXX";
    char line[128];
    int fd = mkstemp(in);

    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image, 1, sizeof(image), file), sizeof(image));
    assert_int_equal(fclose(file), 0);
    snprintf(line, sizeof(line), "%s < %s 2>/dev/null", command, in);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t got = fread(to, 1, size, pipe);
    int status = pclose(pipe);
    remove(in);
    return status == 0 ? got : 0;
}

static const struct vmmp_decoder *find(const char *name)
{
    size_t count = 0;
    const struct vmmp_decoder *decoders = hosted_decoders(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(decoders[i].name, name) == 0) {
            return &decoders[i];
        }
    }
    return NULL;
}

static void try_format(const char *name, const char *command)
{
    static uint8_t packed[IMAGE_SIZE];
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct vmmp_guest_memory memory;
    struct vmmp_kernel_options options = { .machines = VMMP_MACHINE_ARM64 };

    if (!find(name)) {
        print_message("skipped: this build has no %s\n", name);
        skip();
    }
    options.decoders = hosted_decoders(&options.decoder_count);
    make_arm64_image(image, 256, 0, IMAGE_SIZE);
    for (size_t i = 256; i < sizeof(image); i++) {
        image[i] =
            (uint8_t)((uint8_t) "a line of the kernel, many times over\n"[i % 38] + (i >> 11));
    }
    size_t size = pack(command, packed, sizeof(packed) / 2);
    if (size == 0) {
        print_message("skipped: there is no program '%s'\n", command);
        skip();
    }

    /* Trailing bytes are not its business: zboot adds some. */
    for (size_t extra = 0; extra <= 4; extra += 4) {
        struct image_file f = image_file(packed, size + extra);
        f.chunk = extra ? 0 : 1000;
        memset(ram, 0xee, sizeof(ram));
        vmmp_guest_memory_init(&memory, NULL, NULL);
        assert_int_equal(vmmp_guest_memory_add(&memory, vmmp_gpa(RAM_BASE), sizeof(ram), ram), 0);
        assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
        assert_string_equal(kernel.decoder->name, name);
        assert_true(kernel.memory_size == IMAGE_SIZE);
        assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), 0);
        assert_memory_equal(ram + 0x1000, image, IMAGE_SIZE);
        assert_int_equal(ram[0xfff], 0xee);
        assert_int_equal(ram[0x1000 + IMAGE_SIZE], 0xee);
    }

    /* Cut at every byte: never taken for whole. */
    for (size_t cut = 0; cut < size; cut++) {
        struct image_file f = image_file(packed, cut);
        int err = vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error);
        if (err == 0) {
            err = vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error);
        }
        assert_true(err < 0);
        assert_non_null(strstr(error.message, "test.img"));
    }
    assert_non_null(strstr(error.message, "is truncated"));

    /* Every bit of the stream wrong: an error or other bytes, but inside the kernel's memory. */
    for (size_t at = 0; at < size; at += size / 400 + 1) {
        struct image_file f = image_file(packed, size);
        packed[at] ^= 0x10;
        int err = vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error);
        if (err == 0 && kernel.memory_size <= IMAGE_SIZE) {
            vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error);
        }
        packed[at] ^= 0x10;
        assert_int_equal(ram[0xfff], 0xee);
        assert_int_equal(ram[0x1000 + IMAGE_SIZE], 0xee);
    }

    /* More than the header says: refused when the room is full. */
    make_arm64_image(image, 256, 0, IMAGE_SIZE / 2);
    size = pack(command, packed, sizeof(packed) / 2);
    struct image_file f = image_file(packed, size);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), -EFBIG);
    assert_non_null(strstr(error.message, "unpacks to more"));
    /* Without a size in the header it is measured first. */
    make_arm64_image(image, 256, 0, 0);
    size = pack(command, packed, sizeof(packed) / 2);
    f = image_file(packed, size);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_true(kernel.memory_size == 2 * IMAGE_SIZE);
}

static void gzip_kernels(void **state)
{
    (void)state;
    try_format("gzip", "gzip -c");
}

static void lz4_kernels(void **state)
{
    (void)state;
    try_format("lz4", "lz4 -c -B4");
}

static void zstd_kernels(void **state)
{
    (void)state;
    try_format("zstd", "zstd -c --zstd=wlog=17");
}

static void the_table_is_well_formed(void **state)
{
    size_t count = 0;
    const struct vmmp_decoder *decoders = hosted_decoders(&count);

    (void)state;
    assert_true(count <= 3);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(decoders[i].name);
        assert_non_null(decoders[i].decode);
        assert_true(decoders[i].magic_size >= 2 && decoders[i].magic_size <= 8);
    }
}

int test_image_decoders(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_kernels),
        cmocka_unit_test(lz4_kernels),
        cmocka_unit_test(zstd_kernels),
        cmocka_unit_test(the_table_is_well_formed),
    };
    return cmocka_run_group_tests_name("image_decoders", tests, NULL, NULL);
}
