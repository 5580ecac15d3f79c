/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/image_file.h"

#include <libfdt.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE 0x20000u
#define OLD      0xee /* What RAM holds before. */

static const struct vmmp_decoder rle = RLE_DECODER;
static const struct vmmp_kernel_options options = { .machines =
                                                        VMMP_MACHINE_ARM64 | VMMP_MACHINE_ARM32,
                                                    .allow_raw = true,
                                                    .decoders = &rle,
                                                    .decoder_count = 1 };

static _Alignas(8) uint8_t bytes[0x8000];
static uint8_t packed[5 * sizeof(bytes) + 16];
static uint8_t ram[RAM_SIZE];
static struct vmmp_guest_memory memory;

static int fresh(void **state)
{
    (void)state;
    memset(ram, OLD, sizeof(ram));
    vmmp_guest_memory_init(&memory, NULL, NULL);
    return vmmp_guest_memory_add(&memory, vmmp_gpa(RAM_BASE), RAM_SIZE, ram);
}

/* RAM that the VMM maps page by page, at unrelated addresses. */
static uint8_t pages[8][0x1000];
static void *resolve_page(void *cookie, vmmp_gpa_t gpa, size_t len)
{
    uint64_t offset = gpa.gpa - RAM_BASE;

    (void)cookie;
    if (offset >= sizeof(pages) || len > 0x1000 - offset % 0x1000) {
        return NULL;
    }
    return pages[7 - offset / 0x1000] + offset % 0x1000;
}

static void expect(const uint8_t *at, const uint8_t *content, size_t loaded, size_t total)
{
    assert_memory_equal(at, content, loaded);
    for (size_t i = loaded; i < total; i++) {
        assert_int_equal(at[i], 0);
    }
    assert_int_equal(at[-1], OLD);
    assert_int_equal(at[total], OLD);
}

static void an_image_is_written_and_its_bss_cleared(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct image_file f = image_file(bytes, 0x2345);

    (void)state;
    make_arm64_image(bytes, 0x2345, 0, 0x5000);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), 0);
    expect(ram + 0x1000, bytes, 0x2345, 0x5000);
    /* Few large reads: the header, and everything. */
    assert_true(f.reads <= 4);

    fresh(NULL);
    f.chunk = 999;
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, NULL), 0);
    expect(ram + 0x1000, bytes, 0x2345, 0x5000);
}

static void a_packed_image_is_unpacked_in_place(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;

    (void)state;
    make_arm64_image(bytes, 0x2345, 0, 0x5000);
    size_t size = rle_encode(packed, bytes, 0x2345);
    struct image_file f = image_file(packed, size);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), 0);
    expect(ram + 0x1000, bytes, 0x2345, 0x5000);

    /* More than its own header announces: stopped there, and nothing behind is touched. */
    fresh(NULL);
    make_arm64_image(bytes, 0x2345, 0, 0x1000);
    size = rle_encode(packed, bytes, 0x2345);
    f = image_file(packed, size);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), -EFBIG);
    assert_non_null(strstr(error.message, "test.img: unpacks to more than the 0x1000"));
    assert_int_equal(ram[0x2000], OLD);

    /* Cut while it was read. */
    f.ends_at = size - 300;
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), -EFBIG);
    f.ends_at = 3000;
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), -ENODATA);
    assert_non_null(strstr(error.message, "is truncated"));
}

static void elf_segments_go_to_their_places(void **state)
{
    static const struct elf_segment segments[] = {
        { 1, 0x1000, RAM_BASE + 0x2000, RAM_BASE + 0x2000, 0x1001, 0x1800 },
        { 1, 0x2800, RAM_BASE + 0x8000, RAM_BASE + 0x8000, 0x10, 0x10 },
        { 1, 0x3000, RAM_BASE + 0x9000, RAM_BASE + 0x9000, 0, 0x40 },
    };
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct image_file f = image_file(bytes, 0x3000);

    (void)state;
    fill_pattern(bytes, 0x3000);
    make_elf(bytes, true, 183, RAM_BASE + 0x8000, segments, 3);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x4000, &error), -EINVAL);
    assert_non_null(strstr(error.message, "can only be loaded at 0x40002000"));
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x2000, &error), 0);
    expect(ram + 0x2000, bytes + 0x1000, 0x1001, 0x1800);
    expect(ram + 0x8000, bytes + 0x2800, 0x10, 0x10);
    expect(ram + 0x9000, bytes, 0, 0x40);
    assert_true(kernel.entry_offset == 0x6000);

    /* Changed after it was looked at. */
    for (unsigned field = 8; field <= 40; field += 8) {
        make_elf(bytes, true, 183, RAM_BASE + 0x8000, segments, 3);
        put64(bytes + 64 + field, UINT64_C(0xfffffffffffff000));
        int err = vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x2000, &error);
        assert_true(field == 16 ? err == 0 : err < 0);
    }
}

static void a_moved_linux_elf(void **state)
{
    static const struct elf_segment segment = {
        1, 0x1000, UINT64_C(0xffff800008000000), UINT64_C(0xffff800008000000), 0x800, 0x1000
    };
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct image_file f = image_file(bytes, 0x2000);

    (void)state;
    make_elf(bytes, true, 183, segment.vaddr, &segment, 1);
    make_arm64_image(bytes + 0x1000, 0x1000, 0, 0x1000);
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x3000, &error), 0);
    expect(ram + 0x3000, bytes + 0x1000, 0x800, 0x1000);
}

static void nothing_is_written_outside_ram(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct image_file f = image_file(bytes, 0x1000);
    static const uint64_t addresses[] = {
        0,          RAM_BASE - 1,      RAM_BASE + RAM_SIZE - 0xfff, RAM_BASE + RAM_SIZE,
        UINT64_MAX, UINT64_MAX - 0xfff
    };

    (void)state;
    fill_pattern(bytes, 0x1000);
    bytes[0] = 0;
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        assert_int_equal(vmmp_kernel_load(&memory, &kernel, addresses[i], &error), -EFAULT);
        assert_non_null(strstr(error.message, "are not all RAM"));
        assert_int_equal(vmmp_file_load(&memory, &f.file, addresses[i], &error), -EFAULT);
    }
    for (size_t i = 0; i < RAM_SIZE; i++) {
        assert_int_equal(ram[i], OLD);
    }
    assert_int_equal(vmmp_file_load(&memory, &f.file, RAM_BASE + RAM_SIZE - 0x1000, &error), 0);
    vmmp_guest_memory_init(&memory, NULL, NULL);
    assert_int_equal(vmmp_file_load(&memory, &f.file, RAM_BASE, &error), -EFAULT);
}

static void ram_that_is_mapped_page_by_page(void **state)
{
    struct vmmp_kernel kernel;
    struct vmmp_image_error error;
    struct image_file f = image_file(bytes, 0x4321);

    (void)state;
    make_arm64_image(bytes, 0x4321, 0, 0x6000);
    vmmp_guest_memory_init(&memory, resolve_page, NULL);
    memset(pages, OLD, sizeof(pages));
    assert_int_equal(vmmp_kernel_probe(image_file_open(&f), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), 0);
    for (size_t i = 0; i < 0x6000; i++) {
        assert_int_equal(pages[6 - i / 0x1000][i % 0x1000], i < 0x4321 ? bytes[i] : 0);
    }
    assert_int_equal(pages[7][0xfff], OLD);
    assert_int_equal(pages[0][0], OLD);

    size_t size = rle_encode(packed, bytes, 0x4321);
    struct image_file g = image_file(packed, size);
    memset(pages, OLD, sizeof(pages));
    assert_int_equal(vmmp_kernel_probe(image_file_open(&g), &options, &kernel, &error), 0);
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x1000, &error), 0);
    for (size_t i = 0; i < 0x4321; i++) {
        assert_int_equal(pages[6 - i / 0x1000][i % 0x1000], bytes[i]);
    }
    assert_int_equal(vmmp_kernel_load(&memory, &kernel, RAM_BASE + 0x3000, &error), -EFAULT);
}

static void initrds_of_any_format(void **state)
{
    static const char *const heads[] = { "\x1f\x8b",         "\xfd\067zXZ", "\x28\xb5\x2f\xfd",
                                         "\x02\x21\x4c\x18", "BZh",         "070701",
                                         "anything" };
    struct vmmp_image_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        fill_pattern(bytes, 0x777);
        memcpy(bytes, heads[i], strlen(heads[i]));
        struct image_file f = image_file(bytes, 0x777);
        assert_int_equal(vmmp_initrd_check(image_file_open(&f), &error), 0);
        assert_int_equal(vmmp_file_load(&memory, &f.file, RAM_BASE + 0x123, &error), 0);
        assert_memory_equal(ram + 0x123, bytes, 0x777);
        assert_int_equal(ram[0x123 + 0x777], OLD);
    }
    struct image_file empty = image_file(bytes, 0);
    assert_int_equal(vmmp_initrd_check(image_file_open(&empty), &error), -ENODATA);
    assert_non_null(strstr(error.message, "test.img: is empty; give an initrd"));
    assert_int_equal(vmmp_file_load(&memory, &empty.file, RAM_BASE, &error), -ENODATA);
    struct image_file shrunk = image_file(bytes, 0x777);
    shrunk.ends_at = 0x700;
    assert_int_equal(vmmp_file_load(&memory, image_file_open(&shrunk), RAM_BASE, &error), -ENODATA);
    assert_non_null(strstr(error.message, "ends at byte 1792 of 1911"));
    shrunk.error = -EACCES;
    assert_int_equal(vmmp_file_load(&memory, &shrunk.file, RAM_BASE, &error), -EACCES);
}

static int make_dtb(uint8_t *at, int size)
{
    assert_int_equal(fdt_create(at, size), 0);
    assert_int_equal(fdt_finish_reservemap(at), 0);
    assert_int_equal(fdt_begin_node(at, ""), 0);
    assert_int_equal(fdt_property_string(at, "compatible", "test"), 0);
    assert_int_equal(fdt_begin_node(at, "child"), 0);
    assert_int_equal(fdt_property_u32(at, "value", 7), 0);
    assert_int_equal(fdt_end_node(at), 0);
    assert_int_equal(fdt_end_node(at), 0);
    assert_int_equal(fdt_finish(at), 0);
    return (int)fdt_totalsize(at);
}

static void device_trees_are_checked(void **state)
{
    static _Alignas(8) uint8_t buffer[4096];
    struct vmmp_image_error error;
    size_t size = 0;

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    size_t total = (size_t)make_dtb(bytes, 4096);
    struct image_file f = image_file(bytes, total + 100); /* Padding behind is fine. */
    assert_int_equal(vmmp_dtb_read(image_file_open(&f), buffer, sizeof(buffer), &size, &error), 0);
    assert_true(size == total);
    assert_memory_equal(buffer, bytes, total);
    assert_int_equal(vmmp_dtb_read(&f.file, buffer, total - 1, &size, &error), -EFBIG);
    for (size_t cut = 0; cut < total; cut++) {
        f = image_file(bytes, cut);
        assert_int_equal(vmmp_dtb_read(image_file_open(&f), buffer, sizeof(buffer), &size, &error),
                         -ENODATA);
    }
    assert_non_null(strstr(error.message, "is truncated"));
    /* Every byte of the header and the structure changed: refused or still a tree. */
    for (size_t at = 0; at < total; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            f = image_file(bytes, total);
            bytes[at] ^= (uint8_t)(1u << bit);
            int err = vmmp_dtb_read(image_file_open(&f), buffer, total, &size, &error);
            assert_true(at >= 4 || err == -EBADMSG);
            if (!err) {
                assert_int_equal(fdt_check_full(buffer, size), 0);
            }
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    bytes[0] = 'x';
    assert_int_equal(vmmp_dtb_read(&f.file, buffer, sizeof(buffer), &size, &error), -EBADMSG);
    assert_non_null(strstr(error.message, "is not a device tree blob"));
}

int test_image_load(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_image_is_written_and_its_bss_cleared, fresh),
        cmocka_unit_test_setup(a_packed_image_is_unpacked_in_place, fresh),
        cmocka_unit_test_setup(elf_segments_go_to_their_places, fresh),
        cmocka_unit_test_setup(a_moved_linux_elf, fresh),
        cmocka_unit_test_setup(nothing_is_written_outside_ram, fresh),
        cmocka_unit_test_setup(ram_that_is_mapped_page_by_page, fresh),
        cmocka_unit_test_setup(initrds_of_any_format, fresh),
        cmocka_unit_test_setup(device_trees_are_checked, fresh),
    };
    return cmocka_run_group_tests_name("image_load", tests, NULL, NULL);
}
