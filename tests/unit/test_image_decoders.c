/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hosted decoders, on streams that gzip, lz4, xz and zstd made: 64 KiB of a kernel whose first
 * 256 bytes are a header and whose rest is one repeated line.
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

/* A kernel packed by `command`, and what it is read with and loaded to. */
struct packed_kernel {
    uint8_t bytes[IMAGE_SIZE];
    size_t size;
    struct vmmp_kernel_options options;
    struct vmmp_guest_memory memory;
};

static struct packed_kernel packed_kernel;

/* Packs a kernel and loads it whole. */
static struct packed_kernel *try_whole(const char *name, const char *command)
{
    struct packed_kernel *packed = &packed_kernel;
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    if (!find(name)) {
        print_message("skipped: this build has no %s\n", name);
        skip();
    }
    packed->options = (struct vmmp_kernel_options){ .machines = VMMP_MACHINE_ARM64 };
    packed->options.decoders = hosted_decoders(&packed->options.decoder_count);
    make_arm64_image(image, 256, 0, IMAGE_SIZE);
    for (size_t i = 256; i < sizeof(image); i++) {
        image[i] =
            (uint8_t)((uint8_t) "a line of the kernel, many times over\n"[i % 38] + (i >> 11));
    }
    packed->size = pack(command, packed->bytes, sizeof(packed->bytes) / 2);
    if (packed->size == 0) {
        print_message("skipped: there is no program '%s'\n", command);
        skip();
    }

    /* Trailing bytes are not its business: zboot adds some. */
    for (size_t extra = 0; extra <= 4; extra += 4) {
        struct image_file f = image_file(packed->bytes, packed->size + extra);
        f.chunk = extra ? 0 : 1000;
        memset(ram, 0xee, sizeof(ram));
        vmmp_guest_memory_init(&packed->memory, NULL, NULL);
        assert_int_equal(
            vmmp_guest_memory_add(&packed->memory, vmmp_gpa(RAM_BASE), sizeof(ram), ram), 0);
        assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &packed->options, &kernel, &error),
                         0);
        assert_string_equal(kernel.decoder->name, name);
        assert_true(kernel.memory_size == IMAGE_SIZE);
        assert_int_equal(vmmp_kernel_load(&packed->memory, &kernel, RAM_BASE + 0x1000, &error), 0);
        assert_memory_equal(ram + 0x1000, image, IMAGE_SIZE);
        assert_int_equal(ram[0xfff], 0xee);
        assert_int_equal(ram[0x1000 + IMAGE_SIZE], 0xee);
    }
    return packed;
}

static void try_format(const char *name, const char *command)
{
    struct packed_kernel *whole = try_whole(name, command);
    uint8_t *packed = whole->bytes;
    size_t size = whole->size;
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct vmmp_guest_memory memory = whole->memory;
    struct vmmp_kernel_options options = whole->options;

    /* Cut anywhere, at every byte of headers and trailers: never taken for whole. */
    for (size_t cut = 0; cut < size; cut += cut < 128 || size - cut <= 128 ? 1 : 13) {
        struct image_file f = image_file(packed, cut);
        int err = vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error);
        if (err == 0) {
            err = vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error);
        }
        assert_true(err < 0);
        assert_non_null(strstr(error.message, "test.img"));
    }
    assert_non_null(strstr(error.message, "is truncated"));

    /* A hundred bytes of the stream wrong, one at a time: an error or other bytes, but inside the
     * kernel's memory. */
    for (size_t at = 0; at < size; at += size / 100 + 1) {
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
    size = pack(command, packed, IMAGE_SIZE / 2);
    struct image_file f = image_file(packed, size);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), -EFBIG);
    assert_non_null(strstr(error.message, "unpacks to more"));
    /* Without a size in the header it is measured first. */
    make_arm64_image(image, 256, 0, 0);
    size = pack(command, packed, IMAGE_SIZE / 2);
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

static void lz4_legacy_kernels(void **state)
{
    (void)state;
    try_format("lz4 (legacy frames)", "lz4 -c -l");
}

struct words {
    struct vmmp_source source;
    const uint8_t *at;
    size_t left;
};

static int64_t read_words(struct vmmp_source *source, void *to, size_t size)
{
    struct words *words = (struct words *)source;
    size = size < words->left ? size : words->left;
    memcpy(to, words->at, size);
    words->at += size;
    words->left -= size;
    return (int64_t)size;
}

struct counter {
    struct vmmp_sink sink;
    uint8_t buffer[4096];
    size_t total;
    uint8_t all; /* An OR of the bytes. */
};

static uint8_t *counter_space(struct vmmp_sink *sink, size_t *size)
{
    *size = sizeof(((struct counter *)sink)->buffer);
    return ((struct counter *)sink)->buffer;
}

static void counter_advance(struct vmmp_sink *sink, size_t size)
{
    struct counter *counter = (struct counter *)sink;
    for (size_t i = 0; i < size; i++) {
        counter->all |= counter->buffer[i];
    }
    counter->total += size;
}

/* Legacy frames end with the file, with a short block, or with a word that is no block's size. */
static void lz4_blocks_of_8_mib(void **state)
{
    static uint8_t frame[128 * 1024];
    const struct vmmp_decoder *decoder = find("lz4 (legacy frames)");
    uint8_t *at = frame;
    size_t block = 0;

    (void)state;
    if (!decoder) {
        skip();
    }
    put32(at, 0x184c2102);
    at += 4;
    /* A literal 'a', repeated 8 MiB - 6 times by one match, and five literals (lz4_Block_format).
     */
    size_t repeats = (8u << 20) - 6 - 19;
    uint8_t *from = at + 4;
    uint8_t *to = from;
    *to++ = 0x1f;
    *to++ = 'a';
    *to++ = 1;
    *to++ = 0;
    for (; repeats >= 255; repeats -= 255) {
        *to++ = 255;
    }
    *to++ = (uint8_t)repeats;
    *to++ = 0x50;
    memcpy(to, "aaaaa", 5);
    to += 5;
    block = (size_t)(to - from);
    put32(at, (uint32_t)block);
    memcpy(to, at, 4 + block);
    to += 4 + block;
    put32(to, 16u << 20); /* What Linux's build adds: the size of the whole. */
    size_t size = (size_t)(to + 4 - frame);
    static const struct {
        size_t less;
        int result;
        size_t total;
    } cuts[] = { { 0, 0, 16 << 20 }, { 4, 0, 16 << 20 }, { 5, -ENODATA, 8 << 20 } };
    for (unsigned i = 0; i < 3; i++) {
        struct words words = { { read_words }, frame, size - cuts[i].less };
        struct counter counter = { .sink = { counter_space, counter_advance } };
        assert_int_equal(decoder->decode(&words.source, &counter.sink), cuts[i].result);
        assert_int_equal(counter.total, cuts[i].total);
        assert_int_equal(counter.all, 'a');
    }
}

static void xz_kernels(void **state)
{
    (void)state;
    /* As Linux is packed, and with a dictionary that takes no time to clear. */
    try_whole("xz", "xz -c --check=crc32 --x86 --lzma2=dict=32MiB");
    try_format("xz", "xz -c --check=crc32 --x86 --lzma2=dict=64KiB");
}

static void lzma_kernels(void **state)
{
    (void)state;
    try_whole("lzma", "xz -c --format=lzma");
    try_format("lzma", "xz -c --format=lzma --lzma1=dict=64KiB");
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
    assert_true(count <= 6);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(decoders[i].name);
        assert_non_null(decoders[i].decode);
        assert_true(decoders[i].magic_size >= 2 && decoders[i].magic_size <= 8);
    }
}

int test_image_decoders(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_kernels),       cmocka_unit_test(lz4_kernels),
        cmocka_unit_test(lz4_legacy_kernels), cmocka_unit_test(lz4_blocks_of_8_mib),
        cmocka_unit_test(xz_kernels),         cmocka_unit_test(lzma_kernels),
        cmocka_unit_test(zstd_kernels),       cmocka_unit_test(the_table_is_well_formed),
    };
    return cmocka_run_group_tests_name("image_decoders", tests, NULL, NULL);
}
