/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fixture.h"
#include "support/image_file.h"

#include <dirent.h>
#include <unistd.h>

#include <libfdt.h>

#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/guest_image.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define BASE      ((uintptr_t)FIXTURE_RAM_BASE)
#define RAM_SIZE  ((size_t)FIXTURE_RAM_SIZE)
#define FILE_SIZE 0x2345u

static uint8_t bytes[0x10000];
static char path[64];

struct bench {
    struct fixture f;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    fixture_init(&b->f, NULL);
    assert_int_equal(vmmp_compat_set_log(&b->f.vm, &b->f.log), 0);
    *state = b;
    path[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    if (path[0]) {
        remove(path);
    }
    vmmp_compat_release(&b->f.vm);
    fixture_fini(&b->f);
    free(b);
    return 0;
}

static const char *save(size_t size)
{
    if (path[0]) {
        remove(path);
    }
    snprintf(path, sizeof(path), "/tmp/vmmp-image-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static unsigned open_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir)) {
        count++;
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

static bool allocated(const vm_t *vm, uintptr_t address)
{
    for (int i = 0; i < vm->mem.num_ram_regions; i++) {
        const struct vm_ram_region *region = &vm->mem.ram_regions[i];
        if (address >= region->start && address - region->start < region->size) {
            return region->allocated;
        }
    }
    return false;
}

static void a_raw_kernel_goes_to_the_entry(void **state)
{
    struct bench *b = *state;
    guest_kernel_image_t image;

    memset(&image, 0x77, sizeof(image));
    fill_pattern(bytes, FILE_SIZE);
    bytes[0] = 0;
    b->f.vm.entry = BASE + 0x8000;
    /* The address that is passed does not matter to a raw binary. */
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, save(FILE_SIZE), BASE + 0x300000, 0, &image),
                     0);
    assert_true(image.kernel_image.load_paddr == BASE + 0x8000);
    assert_int_equal(image.kernel_image.size, FILE_SIZE);
    assert_int_equal(image.kernel_image.alignment & 0xff, 0x77);
    assert_memory_equal(fixture_ram(&b->f, 0x8000, FILE_SIZE), bytes, FILE_SIZE);
    assert_true(allocated(&b->f.vm, BASE + 0x8000));
    assert_true(allocated(&b->f.vm, BASE + 0xafff)); /* Whole pages. */
    assert_false(allocated(&b->f.vm, BASE + 0xb000));
    assert_false(allocated(&b->f.vm, BASE + 0x7fff));
}

static void a_short_raw_kernel(void **state)
{
    struct bench *b = *state;
    guest_kernel_image_t image;

    memset(bytes, 0x12, 16);
    b->f.vm.entry = BASE;
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, save(12), 0, 0, &image), 0);
    assert_memory_equal(fixture_ram(&b->f, 0, 12), bytes, 12);
    assert_int_equal(image.kernel_image.size, 12);
}

static void an_arm64_image_keeps_its_bss(void **state)
{
    struct bench *b = *state;
    guest_kernel_image_t image;
    guest_image_t module;

    if (sizeof(seL4_Word) < 8) {
        skip();
    }
    make_arm64_image(bytes, FILE_SIZE, 0x80000, 0x100000);
    b->f.vm.entry = BASE + 0x80000;
    memset(fixture_ram(&b->f, 0x80000 + FILE_SIZE, 0x1000), 0xee, 0x1000);
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, save(FILE_SIZE), 0, 0, &image), 0);
    assert_true(image.kernel_image.load_paddr == BASE + 0x80000);
    assert_int_equal(image.kernel_image.size, FILE_SIZE);
    assert_memory_equal(fixture_ram(&b->f, 0x80000, FILE_SIZE), bytes, FILE_SIZE);
    assert_int_equal(*(uint8_t *)fixture_ram(&b->f, 0x80000 + FILE_SIZE, 1), 0);
    /* An initrd in the kernel's bss would be cleared by it. */
    assert_int_equal(vm_load_guest_module(&b->f.vm, save(100), BASE + 0x17f000, 0, &module), -1);
    assert_non_null(fixture_log_find(&b->f, "is in use already"));
    assert_int_equal(vm_load_guest_module(&b->f.vm, path, BASE + 0x180000, 0, &module), 0);
}

static void a_zimage_goes_where_it_says(void **state)
{
    struct bench *b = *state;
    guest_kernel_image_t image;

    make_zimage(bytes, 0x1000, 0);
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, save(0x1000), BASE, 0, &image), 0);
    assert_true(image.kernel_image.load_paddr == BASE + 0x8000);
    make_zimage(bytes, 0x1000, (uint32_t)BASE + 0x20000);
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, save(0x1000), BASE, 0, &image), 0);
    assert_true(image.kernel_image.load_paddr == BASE + 0x20000);
    assert_memory_equal(fixture_ram(&b->f, 0x20000, 0x1000), bytes, 0x1000);
}

/* Everything that is refused is one line, closes its file and marks nothing. */
static void refuse_kernel(struct bench *b, size_t size, const char *text)
{
    guest_kernel_image_t image;
    unsigned files = open_files();
    int regions = b->f.vm.mem.num_ram_regions;

    fixture_log_clear(&b->f);
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, save(size), BASE, 0, &image), -1);
    if (!fixture_log_find(&b->f, text)) {
        fail_msg("'%s' is not in the log: %s", text, b->f.lines[0].text);
    }
    assert_int_equal(b->f.line_count, 1);
    assert_int_equal(b->f.lines[0].origin, VMMP_LOG_CLIENT);
    assert_non_null(fixture_log_find(&b->f, path));
    assert_int_equal(open_files(), files);
    assert_int_equal(b->f.vm.mem.num_ram_regions, regions);
}

static void bad_kernels(void **state)
{
    static const struct elf_segment segment = { 1, 0x1000, BASE, BASE, 0x100, 0x100 };
    struct bench *b = *state;

    b->f.vm.entry = BASE + 0x8000;
    refuse_kernel(b, 0, "is empty");
    make_elf(bytes, sizeof(seL4_Word) == 8, sizeof(seL4_Word) == 8 ? 183 : 40, BASE, &segment, 1);
    refuse_kernel(b, 0x2000, "is an ELF, which this interface does not load");
    make_elf(bytes, true, 62, BASE, &segment, 1);
    refuse_kernel(b, 0x2000, "is an ELF for x86-64");
    memset(bytes, 0, 0x1000);
    memcpy(bytes + 0x202, "HdrS", 4);
    refuse_kernel(b, 0x1000, "is an x86 kernel");
    memcpy(bytes, "\x27\x05\x19\x56", 4);
    memset(bytes + 0x202, 0, 4);
    refuse_kernel(b, 0x1000, "U-Boot");
    memcpy(bytes, "\x1f\x8b", 2);
    refuse_kernel(b, 0x1000, "is compressed with gzip");
    make_zimage(bytes, 0x1000, 0);
    refuse_kernel(b, 0xfff, "is truncated");
    memset(bytes, 0x33, 0x1000);
    b->f.vm.entry = BASE + RAM_SIZE - 0x800;
    refuse_kernel(b, 0x1000, "goes beyond the free RAM");
    b->f.vm.entry = BASE + RAM_SIZE;
    refuse_kernel(b, 0x1000, "is not RAM of the guest");
    b->f.vm.entry = 0;
    refuse_kernel(b, 0x1000, "is not RAM of the guest");
    b->f.vm.entry = (seL4_Word)-0x800;
    refuse_kernel(b, 0x1000, "is not RAM of the guest");
    if (sizeof(seL4_Word) < 8) {
        make_arm64_image(bytes, 0x1000, 0, 0x2000);
        refuse_kernel(b, 0x1000, "is an arm64 kernel");
    }
}

static void bad_arguments(void **state)
{
    struct bench *b = *state;
    guest_kernel_image_t kernel;
    guest_image_t module;

    memset(bytes, 0x33, 64);
    save(64);
    b->f.vm.entry = BASE;
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, path, BASE, 0, NULL), -1);
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, NULL, BASE, 0, &kernel), -1);
    assert_int_equal(vm_load_guest_kernel(NULL, path, BASE, 0, &kernel), -1);
    assert_int_equal(vm_load_guest_module(&b->f.vm, path, BASE, 0, NULL), -1);
    assert_int_equal(vm_load_guest_module(&b->f.vm, NULL, BASE, 0, &module), -1);
    assert_int_equal(vm_load_guest_module(NULL, path, BASE, 0, &module), -1);
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, "/nonexistent/Image", BASE, 0, &kernel), -1);
    assert_non_null(fixture_log_find(&b->f, "/nonexistent/Image: cannot be opened: No such file"));
    assert_int_equal(vm_load_guest_module(&b->f.vm, "/nonexistent/initrd", BASE, 0, &module), -1);
    assert_non_null(fixture_log_find(&b->f, "/nonexistent/initrd: cannot be opened"));
}

static void initrds_of_any_format(void **state)
{
    static const char *const heads[] = { "\x1f\x8b", "\xfd\067zXZ",      "\x28\xb5\x2f\xfd",
                                         "070701",   "\x02\x21\x4c\x18", "what else" };
    struct bench *b = *state;
    uint64_t offset = 0x100000;

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++, offset += 0x4000) {
        guest_image_t module;
        fill_pattern(bytes, FILE_SIZE);
        memcpy(bytes, heads[i], strlen(heads[i]));
        assert_int_equal(
            vm_load_guest_module(&b->f.vm, save(FILE_SIZE), BASE + (uintptr_t)offset, 0, &module),
            0);
        assert_true(module.load_paddr == BASE + offset && module.size == FILE_SIZE);
        assert_memory_equal(fixture_ram(&b->f, offset, FILE_SIZE), bytes, FILE_SIZE);
        assert_true(allocated(&b->f.vm, module.load_paddr));
        /* Twice in the same place is an overlap, and so is a part of it. */
        fixture_log_clear(&b->f);
        assert_int_equal(vm_load_guest_module(&b->f.vm, path, module.load_paddr, 0, &module), -1);
        assert_non_null(fixture_log_find(&b->f, "is in use already"));
        assert_int_equal(
            vm_load_guest_module(&b->f.vm, path, module.load_paddr - 0x1000, 0, &module), -1);
        assert_non_null(fixture_log_find(&b->f, "goes beyond the free RAM"));
        assert_memory_equal(fixture_ram(&b->f, offset, FILE_SIZE), bytes, FILE_SIZE);
    }
    guest_image_t module;
    unsigned files = open_files();
    assert_int_equal(vm_load_guest_module(&b->f.vm, save(0), BASE, 0, &module), -1);
    assert_non_null(fixture_log_find(&b->f, "is empty; give an initrd"));
    assert_int_equal(open_files(), files);
}

static void device_trees_are_checked(void **state)
{
    struct bench *b = *state;
    guest_image_t module;

    memset(bytes, 0, 0x1000);
    assert_int_equal(fdt_create_empty_tree(bytes, 0x800), 0);
    assert_int_equal(vm_load_guest_module(&b->f.vm, save(0x800), BASE + 0x1000, 0, &module), 0);
    assert_true(module.load_paddr == BASE + 0x1000 && module.size == 0x800);
    assert_int_equal(fdt_check_header(fixture_ram(&b->f, 0x1000, 0x800)), 0);
    assert_int_equal(vm_load_guest_module(&b->f.vm, save(0x7ff), BASE + 0x2000, 0, &module), -1);
    assert_non_null(fixture_log_find(&b->f, "is truncated: a device tree"));
    bytes[8] = 0xff;
    assert_int_equal(vm_load_guest_module(&b->f.vm, save(0x800), BASE + 0x2000, 0, &module), -1);
    assert_non_null(fixture_log_find(&b->f, "is a damaged device tree"));
    assert_false(allocated(&b->f.vm, BASE + 0x2000));
}

static void caches_are_cleaned_if_asked(void **state)
{
    struct bench *b = *state;
    guest_kernel_image_t image;

    fill_pattern(bytes, FILE_SIZE);
    b->f.vm.entry = BASE + 0x10000;
    b->f.vm.mem.clean_cache = 1;
    assert_int_equal(vm_load_guest_kernel(&b->f.vm, save(FILE_SIZE), 0, 0, &image), 0);
    assert_memory_equal(fixture_ram(&b->f, 0x10000, FILE_SIZE), bytes, FILE_SIZE);
}

static void two_vms_and_again(void **state)
{
    struct bench *b = *state;
    struct fixture *other = calloc(1, sizeof(*other));

    fill_pattern(bytes, FILE_SIZE);
    bytes[0] = 0;
    save(FILE_SIZE);
    for (int round = 0; round < 2; round++) {
        guest_kernel_image_t image;
        fixture_init(other, NULL);
        assert_int_equal(vmmp_compat_set_log(&other->vm, &other->log), 0);
        other->vm.entry = BASE + 0x1000;
        assert_int_equal(vm_load_guest_kernel(&other->vm, path, 0, 0, &image), 0);
        assert_memory_equal(fixture_ram(other, 0x1000, FILE_SIZE), bytes, FILE_SIZE);
        assert_false(allocated(&b->f.vm, BASE + 0x1000));
        vmmp_compat_release(&other->vm);
        fixture_fini(other);
    }
    free(other);
}

int test_compat_guest_image(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_raw_kernel_goes_to_the_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(a_short_raw_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(an_arm64_image_keeps_its_bss, setup, teardown),
        cmocka_unit_test_setup_teardown(a_zimage_goes_where_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_kernels, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(initrds_of_any_format, setup, teardown),
        cmocka_unit_test_setup_teardown(device_trees_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(caches_are_cleaned_if_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(two_vms_and_again, setup, teardown),
    };
    return cmocka_run_group_tests_name("compat_guest_image", tests, NULL, NULL);
}
