/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/image_file.h"

#define MIB UINT64_C(0x100000)
#define GIB (1024 * MIB)

static struct vmmp_kernel arm64_kernel(uint64_t size)
{
    struct vmmp_kernel kernel = { .format = VMMP_KERNEL_IMAGE,
                                  .machine = VMMP_MACHINE_ARM64,
                                  .memory_size = size,
                                  .alignment = 2 * MIB,
                                  .size_known = true };
    kernel.file.name = "Image";
    return kernel;
}

static struct vmmp_kernel zimage(uint64_t size, uint64_t scratch)
{
    struct vmmp_kernel kernel = { .format = VMMP_KERNEL_ZIMAGE,
                                  .machine = VMMP_MACHINE_ARM32,
                                  .memory_size = size,
                                  .scratch_size = scratch,
                                  .alignment = 2 * MIB,
                                  .offset = 0x8000,
                                  .size_known = scratch != 0 };
    kernel.file.name = "zImage";
    return kernel;
}

/* What must hold of every plan that is made. */
static void check(const struct vmmp_layout_request *request, const struct vmmp_layout *layout)
{
    const struct {
        uint64_t start;
        uint64_t size;
    } parts[] = { { layout->kernel, layout->kernel_size },
                  { layout->dtb, layout->dtb_size },
                  { layout->initrd, layout->initrd_size } };
    const struct vmmp_kernel *kernel = request->kernel;
    uint64_t end = request->ram_start + request->ram_size;

    for (int i = 0; i < 3; i++) {
        if (parts[i].size == 0) {
            continue;
        }
        assert_true(parts[i].start >= request->ram_start && parts[i].start <= end);
        assert_true(parts[i].size <= end - parts[i].start);
        for (int j = 0; j < i; j++) {
            assert_true(parts[j].size == 0 || parts[i].start >= parts[j].start + parts[j].size ||
                        parts[j].start >= parts[i].start + parts[i].size);
        }
    }
    assert_true(layout->dtb_size == request->dtb_size);
    assert_true(layout->initrd_size == request->initrd_size);
    assert_true(layout->kernel_size == kernel->memory_size + kernel->scratch_size);
    assert_true(layout->dtb % 8 == 0);
    assert_true(layout->dtb / (2 * MIB) == (layout->dtb + layout->dtb_size) / (2 * MIB) ||
                layout->dtb_size == 0 || (layout->dtb + layout->dtb_size) % (2 * MIB) == 0);
    assert_true(layout->entry == layout->kernel + kernel->entry_offset);
    if (kernel->fixed) {
        assert_true(layout->kernel == kernel->fixed_address);
    } else {
        assert_true((layout->kernel - kernel->offset) % kernel->alignment == 0);
    }
    if (kernel->machine == VMMP_MACHINE_ARM64 && layout->initrd_size) {
        uint64_t low = layout->kernel < layout->initrd ? layout->kernel : layout->initrd;
        uint64_t window = low - low % GIB;
        assert_true(layout->initrd + layout->initrd_size - window <= 32 * GIB);
        assert_true(layout->kernel + layout->kernel_size - window <= 32 * GIB);
    }
    if (kernel->machine == VMMP_MACHINE_ARM32) {
        assert_true(layout->initrd + layout->initrd_size <= 4 * GIB);
        assert_true(layout->dtb + layout->dtb_size <= 4 * GIB);
    }
}

static int plan(const struct vmmp_layout_request *request, struct vmmp_layout *layout,
                struct vmmp_image_error *error)
{
    int err = vmmp_layout_plan(request, layout, error);
    if (err == 0) {
        assert_string_equal(error->message, "");
        check(request, layout);
    } else {
        assert_true(error->message[0] != '\0');
    }
    return err;
}

static void debian_guest(void **state)
{
    struct vmmp_kernel kernel = arm64_kernel(0x1e70000);
    struct vmmp_layout_request request = { 0x40000000, 512 * MIB, &kernel,
                                           65536,      5 * MIB,   "initrd.img" };
    struct vmmp_layout layout;
    struct vmmp_image_error error;

    (void)state;
    assert_int_equal(plan(&request, &layout, &error), 0);
    assert_true(layout.kernel == 0x40000000 && layout.entry == 0x40000000);
    assert_true(layout.dtb == 0x42000000);
    assert_true(layout.initrd == 0x42010000);
    /* Old kernels: with their text offset, the device tree in the first 512 MiB. */
    kernel.offset = 0x80000;
    assert_int_equal(plan(&request, &layout, &error), 0);
    assert_true(layout.kernel == 0x40080000);
    assert_true(layout.dtb + layout.dtb_size <= 0x40000000 + 512 * MIB);
    request.initrd_size = 0;
    request.dtb_size = 0;
    assert_int_equal(plan(&request, &layout, &error), 0);
    assert_true(layout.dtb == 0 && layout.initrd == 0);
}

static void every_size_of_ram(void **state)
{
    struct vmmp_kernel kernel = arm64_kernel(16 * MIB);
    struct vmmp_layout layout;
    struct vmmp_image_error error;
    bool fitted = false;

    (void)state;
    for (uint64_t ram = 64 * 1024; ram <= 40 * MIB; ram += 64 * 1024) {
        struct vmmp_layout_request request = { 0x40000000, ram, &kernel, 0x10000, 4 * MIB, NULL };
        int err = plan(&request, &layout, &error);
        assert_true(err == 0 || (err == -ENOSPC && !fitted));
        fitted = fitted || err == 0;
        /* Nothing is wasted: 16 for the kernel, 4 and the device tree's. */
        assert_true(fitted == (ram >= 20 * MIB + 0x10000));
    }
    assert_true(fitted);
}

static void ram_at_odd_places(void **state)
{
    static const uint64_t starts[] = { 0,
                                       1,
                                       0x1000,
                                       0x40000001,
                                       0x401fffff,
                                       3 * GIB,
                                       UINT64_C(1) << 40,
                                       UINT64_MAX - 64 * MIB,
                                       UINT64_MAX - 32 * MIB,
                                       UINT64_MAX };
    static const uint64_t sizes[] = { 0, 1, 2 * MIB, 32 * MIB, 64 * MIB, 40 * GIB, UINT64_MAX };
    static const uint64_t offsets[] = { 0, 0x80000, 0x1ff000, 32 * MIB, UINT64_MAX };
    struct vmmp_layout layout;
    struct vmmp_image_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            for (size_t k = 0; k < sizeof(offsets) / sizeof(offsets[0]); k++) {
                for (size_t l = 0; l < sizeof(sizes) / sizeof(sizes[0]); l++) {
                    struct vmmp_kernel kernel = arm64_kernel(sizes[l]);
                    struct vmmp_layout_request request = { starts[i], sizes[j], &kernel,
                                                           2 * MIB,   sizes[l], "initrd" };
                    kernel.offset = offsets[k];
                    int err = plan(&request, &layout, &error);
                    assert_true(err == 0 || err == -ENOSPC || err == -EINVAL);
                    kernel.fixed = true;
                    kernel.fixed_address = starts[(i + k) % 10];
                    plan(&request, &layout, &error);
                    kernel = zimage(sizes[l], sizes[k]);
                    plan(&request, &layout, &error);
                }
            }
        }
    }
}

static void what_does_not_fit_is_said(void **state)
{
    struct vmmp_kernel kernel = arm64_kernel(64 * MIB);
    struct vmmp_layout_request request = {
        0x40000000, 32 * MIB, &kernel, 0x10000, 0, "initrd.img"
    };
    struct vmmp_layout layout;
    struct vmmp_image_error error;

    (void)state;
    assert_int_equal(plan(&request, &layout, &error), -ENOSPC);
    assert_non_null(strstr(error.message, "Image: a kernel of 65536 KiB does not fit into the "
                                          "32 MiB of RAM at 0x40000000"));
    request.ram_size = 64 * MIB;
    assert_int_equal(plan(&request, &layout, &error), -ENOSPC);
    assert_non_null(strstr(error.message, "device tree"));
    request.ram_size = 128 * MIB;
    request.initrd_size = 64 * MIB;
    assert_int_equal(plan(&request, &layout, &error), -ENOSPC);
    assert_non_null(strstr(error.message, "initrd.img: an initrd beside the kernel of 65536 KiB"));
    assert_non_null(strstr(error.message, "give the guest more memory"));
    request.initrd_size = 1;
    request.dtb_size = VMMP_DTB_MAX_SIZE + 1;
    assert_int_equal(plan(&request, &layout, &error), -EFBIG);
    request.dtb_size = VMMP_DTB_MAX_SIZE;
    assert_int_equal(plan(&request, &layout, &error), 0);
    request.kernel = NULL;
    assert_int_equal(plan(&request, &layout, &error), -EINVAL);
}

static void fixed_kernels_stay_where_they_are(void **state)
{
    struct vmmp_kernel kernel = arm64_kernel(1 * MIB);
    struct vmmp_layout_request request = { 0x40000000, 64 * MIB, &kernel, 0x10000, 4 * MIB, NULL };
    struct vmmp_layout layout;
    struct vmmp_image_error error;

    (void)state;
    kernel.fixed = true;
    kernel.fixed_address = 0x40123000;
    kernel.entry_offset = 0x40;
    assert_int_equal(plan(&request, &layout, &error), 0);
    assert_true(layout.kernel == 0x40123000 && layout.entry == 0x40123040);
    kernel.fixed_address = 0x80000000;
    assert_int_equal(plan(&request, &layout, &error), -ENOSPC);
    assert_non_null(strstr(error.message, "is linked to run at 0x80000000"));
}

static void thirty_two_bit_kernels(void **state)
{
    struct vmmp_kernel kernel = zimage(8 * MIB, 0);
    struct vmmp_layout_request request = {
        0x40000000, 2512 * MIB, &kernel, 0x10000, 16 * MIB, NULL
    };
    struct vmmp_layout layout;
    struct vmmp_image_error error;

    (void)state;
    assert_int_equal(plan(&request, &layout, &error), 0);
    assert_true(layout.kernel == 0x40008000);
    assert_true(layout.dtb == 0x48000000);
    assert_true(layout.initrd + layout.initrd_size <= 0x40000000 + 760 * MIB);
    request.ram_size = 64 * MIB;
    assert_int_equal(plan(&request, &layout, &error), 0);
    assert_true(layout.dtb == 0x42000000);
    /* It says what it needs. */
    kernel = zimage(8 * MIB, 24 * MIB);
    assert_int_equal(plan(&request, &layout, &error), 0);
    assert_true(layout.dtb >= 0x40008000 + 32 * MIB && layout.dtb < 0x40008000 + 36 * MIB);
    /* In memory that it maps all the time, and below 4 GiB. */
    request.ram_size = 3 * GIB;
    request.initrd_size = 800 * MIB;
    assert_int_equal(plan(&request, &layout, &error), -ENOSPC);
    assert_non_null(strstr(error.message, "that a 32-bit kernel can use"));
    request.ram_start = 4 * GIB;
    request.initrd_size = 1;
    assert_int_equal(plan(&request, &layout, &error), -ENOSPC);
}

int test_image_layout(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(debian_guest),
        cmocka_unit_test(every_size_of_ram),
        cmocka_unit_test(ram_at_odd_places),
        cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(fixed_kernels_stay_where_they_are),
        cmocka_unit_test(thirty_two_bit_kernels),
    };
    return cmocka_run_group_tests_name("image_layout", tests, NULL, NULL);
}
