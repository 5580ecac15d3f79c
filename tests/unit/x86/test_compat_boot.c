/* SPDX-License-Identifier: BSD-2-Clause */
/* The compatible interface on a PC: kernels with relocations, boot parameters, ACPI, entry. */
#include "support/fixture.h"
#include "support/iasl.h"
#include "support/image_x86.h"

#include <errno.h>
#include <unistd.h>

#include <sel4/arch/bootinfo_types.h>
#include <sel4vm/arch/guest_x86_context.h>
#include <sel4vm/arch/vmcs_fields.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/arch/acpi.h>
#include <sel4vmmplatsupport/arch/guest_boot_info.h>
#include <sel4vmmplatsupport/arch/guest_boot_init.h>
#include <sel4vmmplatsupport/guest_image.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#include "compat/x86/screen.h"

#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
#define WIDE         true
#define LINK_VIRTUAL UINT64_C(0xffffffff81000000)
#else
#define WIDE         false
#define LINK_VIRTUAL UINT64_C(0xc1000000)
#endif
#define LINK     0x1000000u
#define FOUR_MIB 0x400000u
#define LOAD     0x100000u /* Rounded up to 4 MiB. */
#define CMDLINE  "console=ttyS0 root=/dev/ram0"
#define PARAMS   sizeof(struct boot_params)

static uint8_t bytes[0x10000];
static char paths[2][64];

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    fixture_init(f, NULL);
    assert_int_equal(vmmp_compat_set_log(&f->vm, &f->log), 0);
    memset(paths, 0, sizeof(paths));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 2; i++) {
        if (paths[i][0]) {
            remove(paths[i]);
        }
    }
    vmmp_compat_release(&f->vm);
    fixture_fini(f);
    free(f);
    return 0;
}

static const char *save(unsigned which, const void *from, size_t size)
{
    char *path = paths[which];

    if (path[0]) {
        remove(path);
    }
    snprintf(path, sizeof(paths[0]), "/tmp/vmmp-boot-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "wb");
    assert_int_equal(fwrite(from, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static uint64_t peek(struct fixture *f, uint64_t at, unsigned size)
{
    vmmp_le64_t value = { 0 };

    assert_true(
        vmmp_guest_memory_read(&vmmp_compat_vm(&f->vm)->memory, vmmp_gpa(at), &value, size));
    return vmmp_le64_get(value);
}

/* A kernel with places to correct at 0x20, 0x28 and 0x1008. */
static const char *save_kernel(void)
{
    make_vmlinux(bytes, WIDE, NULL);
    put64(bytes + 0x1020, 0xc1234567);
    put64(bytes + 0x1028, 0x1000);
    put64(bytes + 0x2008, UINT64_C(0xffffffff81000123));
    return save(0, bytes, VMLINUX_SIZE);
}

static const char *save_relocations(const uint32_t *words, unsigned count)
{
    uint8_t file[64];

    for (unsigned i = 0; i < count; i++) {
        put32(file + 4 * i, words[i]);
    }
    return save(1, file, 4u * count);
}

#define V(offset) ((uint32_t)LINK_VIRTUAL + (offset))

static void a_kernel_is_moved_and_corrected(void **state)
{
    struct fixture *f = *state;
    guest_kernel_image_t image = { .kernel_image_arch = { .is_reloc_enabled = true } };
    const uint32_t delta = FOUR_MIB - LINK;
#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
    const uint32_t words[] = { 0, V(0x1008), 0, V(0x28), 0, V(0x20) };
#else
    const uint32_t words[] = { 0, V(0x20) };
#endif

    image.kernel_image_arch.relocs_file = save_relocations(words, sizeof(words) / sizeof(words[0]));
    assert_int_equal(vm_load_guest_kernel(&f->vm, save_kernel(), LOAD, FOUR_MIB, &image), 0);
    assert_true(image.kernel_image.load_paddr == FOUR_MIB);
    assert_true(image.kernel_image.alignment == FOUR_MIB);
    assert_true(image.kernel_image.size == VMLINUX_MEMORY);
    assert_true(image.kernel_image_arch.entry == FOUR_MIB + 0x10);
    assert_true(image.kernel_image_arch.relocation_offset == (int)delta);
    assert_true(image.kernel_image_arch.link_paddr == LINK);
    assert_true(image.kernel_image_arch.link_vaddr == (uintptr_t)LINK_VIRTUAL);
    assert_true(peek(f, FOUR_MIB, 1) == 'T' && peek(f, FOUR_MIB + 0x1122, 1) == 'D');
    assert_true(peek(f, FOUR_MIB + 0x1123, 8) == 0);
    assert_true(peek(f, FOUR_MIB + 0x20, 4) == (uint32_t)(0xc1234567 + delta));
#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
    assert_true(peek(f, FOUR_MIB + 0x24, 4) == 0);
    assert_true(peek(f, FOUR_MIB + 0x28, 4) == (uint32_t)(0x1000 - delta));
    assert_true(peek(f, FOUR_MIB + 0x1008, 8) ==
                UINT64_C(0xffffffff81000123) + (uint64_t)(int64_t)(int32_t)delta);
#else
    assert_true(peek(f, FOUR_MIB + 0x28, 8) == 0x1000);
#endif
    /* Its memory is taken now. */
    assert_int_equal(vm_load_guest_kernel(&f->vm, paths[0], LOAD, FOUR_MIB, &image), -1);
    assert_true(fixture_log_find(f, "is in use already"));
}

static void a_kernel_without_relocations(void **state)
{
    struct fixture *f = *state;
    guest_kernel_image_t image = { .kernel_image_arch = { .is_reloc_enabled = false } };

    assert_int_equal(vm_load_guest_kernel(&f->vm, save_kernel(), LOAD, 0, &image), 0);
    assert_true(image.kernel_image.load_paddr == LOAD);
    assert_true(peek(f, LOAD + 0x20, 4) == 0xc1234567);
    /* Asked for, but it lies where it was linked: the file is not even needed. */
    image.kernel_image_arch.is_reloc_enabled = true;
    image.kernel_image_arch.relocs_file = "/nonexistent";
    assert_int_equal(vm_load_guest_kernel(&f->vm, paths[0], LINK, 0, &image), 0);
    assert_true(image.kernel_image_arch.relocation_offset == 0);
}

static void refuse(struct fixture *f, guest_kernel_image_t *image, const char *text)
{
    assert_int_equal(vm_load_guest_kernel(&f->vm, paths[0], LOAD, FOUR_MIB, image), -1);
    if (!fixture_log_find(f, text)) {
        fail_msg("nothing says '%s'", text);
    }
}

static void bad_kernels_and_relocations(void **state)
{
    struct fixture *f = *state;
    guest_kernel_image_t image = { .kernel_image_arch = { .is_reloc_enabled = true } };
    const struct {
        uint32_t words[6];
        unsigned count;
        const char *text;
    } rows[] = {
        { { V(0x20), 0 }, 2, "does not begin with a zero" },
        { { 0, 0, 0, 0, V(0x20) }, 5, "too many sections" },
        { { 0, V(VMLINUX_MEMORY) }, 2, "outside of the kernel" },
        { { 0, V(VMLINUX_MEMORY - 3) }, 2, "outside of the kernel" },
        { { 0, V(0) - 1 }, 2, "outside of the kernel" },
        { { 0, 1 }, 2, "outside of the kernel" },
        { { 0 }, 0, "does not consist of 32-bit words" },
    };

    save_kernel();
    refuse(f, &image, "name its file of relocations");
    image.kernel_image_arch.relocs_file = "/nonexistent";
    refuse(f, &image, "/nonexistent: cannot be opened");
    image.kernel_image_arch.relocs_file = paths[1];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        save_relocations(rows[i].words, rows[i].count);
        refuse(f, &image, rows[i].text);
    }
    save(1, "\0\0\0\0\0", 5);
    refuse(f, &image, "does not consist of 32-bit words");
    /* Nothing was taken by any of these. */
    image.kernel_image_arch.is_reloc_enabled = false;
    assert_int_equal(vm_load_guest_kernel(&f->vm, paths[0], UINTPTR_MAX - 5, FOUR_MIB, &image), -1);
    assert_true(fixture_log_find(f, "cannot be rounded up"));
    assert_int_equal(vm_load_guest_kernel(&f->vm, paths[0], 64 * FOUR_MIB, 0, &image), -1);
    assert_true(fixture_log_find(f, "is not RAM of the guest"));
    make_vmlinux(bytes, !WIDE, NULL);
    save(0, bytes, VMLINUX_SIZE);
    refuse(f, &image, "this VM runs");
    make_bzimage(bytes, WIDE, NULL, 0);
    save(0, bytes, BZ_SIZE);
    refuse(f, &image, "is a bzImage, which this interface does not load");
    save(0, "short", 5);
    refuse(f, &image, "is truncated");
    assert_int_equal(vm_load_guest_kernel(&f->vm, "/nonexistent", LOAD, 0, &image), -1);
    assert_int_equal(vm_load_guest_kernel(&f->vm, paths[0], LOAD, 0, NULL), -1);
}

static void modules_of_any_kind(void **state)
{
    struct fixture *f = *state;
    guest_image_t image = { 0 };

    fill_pattern(bytes, 0x2345);
    assert_int_equal(vm_load_guest_module(&f->vm, save(0, bytes, 0x2345), 2 * FOUR_MIB, 0, &image),
                     0);
    assert_true(image.load_paddr == 2 * FOUR_MIB && image.size == 0x2345);
    assert_true(peek(f, 2 * FOUR_MIB + 0x2344, 1) == bytes[0x2344]);
    assert_int_equal(vm_load_guest_module(&f->vm, paths[0], 2 * FOUR_MIB, 0, &image), -1);
}

static struct boot_params boot(struct fixture *f, guest_image_t initrd, uintptr_t *at)
{
    struct boot_params params;
    guest_kernel_image_t kernel = {
        .kernel_image = { .load_paddr = FOUR_MIB, .alignment = FOUR_MIB, .size = 0x1000 }
    };

    assert_int_equal(vmm_plat_init_guest_boot_structure(&f->vm, CMDLINE, kernel, initrd, at), 0);
    assert_true(
        vmmp_guest_memory_read(&vmmp_compat_vm(&f->vm)->memory, vmmp_gpa(*at), &params, PARAMS));
    return params;
}

static void boot_parameters_and_tables(void **state)
{
    struct fixture *f = *state;
    uintptr_t at = 0;
    guest_image_t initrd = { .load_paddr = 3 * FOUR_MIB, .size = 0x12345 };

    /* An odd piece of RAM is in use: the page does not cross a border all the same. */
    vm_ram_mark_allocated(&f->vm, FIXTURE_RAM_BASE, 0x123);
    struct boot_params params = boot(f, initrd, &at);
    char line[sizeof(CMDLINE)] = "";
    assert_true(at % 0x1000 == 0 && params.hdr.cmd_line_ptr % 0x1000 == 0);
    assert_true(vmmp_guest_memory_read(&vmmp_compat_vm(&f->vm)->memory,
                                       vmmp_gpa(params.hdr.cmd_line_ptr), line, sizeof(line)));
    assert_string_equal(line, CMDLINE);
    assert_int_equal(params.hdr.header, 0x53726448);
    assert_int_equal(params.hdr.boot_flag, 0xaa55);
    assert_int_equal(params.hdr.type_of_loader, 0xff);
    assert_int_equal(params.hdr.loadflags, LOADED_HIGH);
    assert_int_equal(params.hdr.code32_start, FOUR_MIB);
    assert_int_equal(params.hdr.kernel_alignment, FOUR_MIB);
    assert_int_equal(params.hdr.relocatable_kernel, 1);
    assert_int_equal(params.hdr.cmdline_size, 2047); /* The most, not this one's. */
    assert_int_equal(params.hdr.ramdisk_image, 3 * FOUR_MIB);
    assert_int_equal(params.hdr.ramdisk_size, 0x12345);
    assert_int_equal(params.hdr.root_dev, 0x100);
    /* Reserved up to RAM, RAM whether allocated or not, and on 32-bit hosts reserved above. */
    assert_int_equal(params.e820_entries, sizeof(uintptr_t) == 4 ? 3 : 2);
    assert_true(params.e820_map[0].addr == 0 && params.e820_map[0].size == FIXTURE_RAM_BASE);
    assert_int_equal(params.e820_map[0].type, 2);
    assert_true(params.e820_map[1].addr == FIXTURE_RAM_BASE &&
                params.e820_map[1].size == FIXTURE_RAM_SIZE);
    assert_int_equal(params.e820_map[1].type, 1);
    if (sizeof(uintptr_t) == 4) {
        assert_true(params.e820_map[2].addr + params.e820_map[2].size == UINT64_C(0x100000000));
    }
}

/* Guest memory that is no RAM, as the guest reads it. */
static uint64_t guest_read(struct fixture *f, uint64_t at, unsigned size)
{
    return script_get(f->vcpu, at, size);
}

static unsigned sum(struct fixture *f, uint64_t at, unsigned size)
{
    unsigned total = 0;

    for (unsigned i = 0; i < size; i++) {
        total += (unsigned)guest_read(f, at + i, 1);
    }
    return total & 0xff;
}

/* Whether the tables have an \_S5 that says how a guest powers off. */
static bool has_soft_off(struct fixture *f)
{
    bool found = false;
    for (unsigned at = 0; at + 4 <= 0x1000; at++) {
        found = found || guest_read(f, ACPI_START + at, 4) == 0x5f35535f;
    }
    return found;
}

/* For clients with PM1 ports; of those without, a guest would write to nobody and wait. */
static void soft_off_for_clients_that_have_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(vmmp_compat_set_soft_off(&f->vm, true), 0);
    assert_int_equal(make_guest_acpi_tables(&f->vm), 0);
    assert_true(has_soft_off(f));
    assert_int_equal(vmmp_compat_set_soft_off(NULL, true), -ENOSPC);
}

static void acpi_tables_are_in_the_bios_area(void **state)
{
    struct fixture *f = *state;
    bool found_madt = false;

    assert_int_equal(make_guest_acpi_tables(&f->vm), 0);
    assert_true(guest_read(f, ACPI_START, 4) == 0x20445352); /* "RSD " */
    assert_int_equal(sum(f, ACPI_START, 36), 0);
    uint64_t xsdt = guest_read(f, ACPI_START + 24, 4);
    assert_true(guest_read(f, xsdt, 4) == 0x54445358); /* "XSDT" */
    uint64_t length = guest_read(f, xsdt + 4, 4);
    assert_int_equal(sum(f, xsdt, (unsigned)length), 0);
    for (uint64_t entry = xsdt + 36; entry < xsdt + length; entry += 8) {
        uint64_t table = guest_read(f, entry, 4);
        uint64_t signature = guest_read(f, table, 4);
        assert_true(table % 8 == 0 && table < ACPI_START + 0x10000);
        assert_true(signature != 0x54445344); /* "DSDT" is the FADT's business alone. */
        assert_int_equal(sum(f, table, (unsigned)guest_read(f, table + 4, 4)), 0);
        if (signature == 0x43495041) { /* "APIC" */
            found_madt = true;
            assert_true(guest_read(f, table + 36, 4) == 0xfee00000);
            assert_true(guest_read(f, table + 40, 4) == 1);
            assert_true(guest_read(f, table + 44, 2) == 0x0800);
            assert_true(guest_read(f, table + 52, 1) != 1); /* No IOAPIC. */
        }
    }
    assert_true(found_madt);
    assert_false(has_soft_off(f));
    /* A second time there is no place. */
    assert_int_equal(make_guest_acpi_tables(&f->vm), -1);
    assert_true(fixture_log_find(f, "neither RAM nor free"));
}

static void iasl_finds_nothing(void **state)
{
    struct fixture *f = *state;
    static uint8_t tables[0x10000];
    assert_int_equal(make_guest_acpi_tables(&f->vm), 0);
    for (unsigned at = 0; at < sizeof(tables); at += 4) {
        put32(tables + at, (uint32_t)guest_read(f, ACPI_START + at, 4));
    }
    iasl_judge(&(struct iasl_area){ tables, ACPI_START, sizeof(tables) });
}

static void clients_mistakes_are_said(void **state)
{
    struct fixture *f = *state;
    guest_kernel_image_t kernel = { 0 };
    guest_image_t initrd = { .load_paddr = UINTPTR_MAX - 5, .size = 0x1000 };
    uintptr_t at = 0;
    char line[2100];

    memset(line, 'x', sizeof(line));
    line[2048] = '\0';
    assert_int_equal(vmm_plat_init_guest_boot_structure(&f->vm, line, kernel, initrd, &at), -1);
    assert_true(fixture_log_find(f, "2047 characters"));
    if (sizeof(uintptr_t) == 8) {
        assert_int_equal(vmm_plat_init_guest_boot_structure(&f->vm, "", kernel, initrd, &at), -1);
        assert_true(fixture_log_find(f, "the initrd goes beyond"));
    }
    assert_int_equal(vmm_plat_init_guest_boot_structure(&f->vm, NULL, kernel, initrd, &at), -1);
    assert_int_equal(vmm_plat_init_guest_boot_structure(&f->vm, "", kernel, initrd, NULL), -1);
    assert_int_equal(vmm_plat_init_guest_boot_structure(NULL, "", kernel, initrd, &at), -1);
    initrd.load_paddr = 0;
    vm_ram_mark_allocated(&f->vm, FIXTURE_RAM_BASE, FIXTURE_RAM_SIZE);
    assert_int_equal(vmm_plat_init_guest_boot_structure(&f->vm, "", kernel, initrd, &at), -1);
    assert_true(fixture_log_find(f, "is free for the command line"));
}

static void the_boot_vcpu_knows_where_to_start(void **state)
{
    struct fixture *f = *state;
    seL4_Word value = 1;

    vm_set_thread_context_reg(f->vcpu, VCPU_CONTEXT_EBX, 7);
    vm_set_thread_context_reg(f->vcpu, VCPU_CONTEXT_EDI, 8);
    assert_int_equal(vmm_plat_init_guest_thread_state(f->vcpu, FOUR_MIB + 16, 0x12000), 0);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, VCPU_CONTEXT_ESI, &value), 0);
    assert_true(value == 0x12000);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, VCPU_CONTEXT_EBX, &value), 0);
    assert_true(value == 0);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, VCPU_CONTEXT_EDI, &value), 0);
    assert_true(value == 8);
    assert_int_equal(vm_get_vmcs_field(f->vcpu, VMX_GUEST_RIP, &value), 0);
    assert_true(value == FOUR_MIB + 16);
    assert_int_equal(vmm_plat_init_guest_thread_state(NULL, 0, 0), -1);
}

/* ---- the host's VESA framebuffer ------------------------------------------------------------ */

#define ANON        0xd0000000u
#define ANON_SIZE   0x1000000u
#define FRAMEBUFFER 0xfd000000u

/* A boot loader's block: 640x480, 32 bits a pixel. */
static seL4_X86_BootInfo_VBE vbe;
static ssize_t vbe_size;

static ssize_t tell_vbe(void *data, seL4_Word type, void *dest, ssize_t max_len)
{
    (void)data;
    assert_int_equal(type, SEL4_BOOTINFO_HEADER_X86_VBE);
    assert_true(max_len >= vbe_size);
    memcpy(dest, &vbe, vbe_size > 0 ? (size_t)vbe_size : 0);
    return vbe_size;
}

static int setup_vbe(void **state)
{
    static const uint8_t colours[] = { 8, 16, 8, 8, 8, 0, 8, 24 };
    setup(state);
    struct fixture *f = *state;
    f->simple.extended_bootinfo = tell_vbe;
    memset(&vbe, 0, sizeof(vbe));
    vbe_size = sizeof(vbe);
    vbe.mode[0] = 0x9b; /* Supported, colour, graphics, linear. */
    vbe.mode[0x10] = 2560 & 0xff;
    vbe.mode[0x11] = 2560 >> 8;
    vbe.mode[0x12] = 640 & 0xff;
    vbe.mode[0x13] = 640 >> 8;
    vbe.mode[0x14] = 480 & 0xff;
    vbe.mode[0x15] = 480 >> 8;
    vbe.mode[0x18] = 1;
    vbe.mode[0x19] = 32;
    memcpy(vbe.mode + 0x1f, colours, sizeof(colours));
    vbe.mode[0x2b] = FRAMEBUFFER >> 24;
    vbe.words[0] = 0x4112;
    vbe.words[1] = 0xc000; /* The protected mode interface: 0xc5c00 to 0xc6e00. */
    vbe.words[2] = 0x5c00;
    vbe.words[3] = 0x1200;
    return 0;
}

static uintptr_t boot_with_screen(struct fixture *f)
{
    const guest_kernel_image_t kernel = { .kernel_image = { .load_paddr = LOAD } };
    const guest_image_t none = { 0 };
    uintptr_t at = 0;
    assert_int_equal(vmm_plat_init_guest_boot_structure(&f->vm, CMDLINE, kernel, none, &at), 0);
    return at;
}

static bool has_screen(struct fixture *f, struct vmmp_x86_framebuffer *screen)
{
    return vmmp_compat_screen_make(vmmp_compat_vm(&f->vm), screen);
}

static void the_hosts_framebuffer(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(vm_memory_make_anon(&f->vm, ANON, ANON_SIZE), 0);
    uintptr_t at = boot_with_screen(f);
    assert_int_equal(peek(f, at + 0x0f, 1), 0x23);
    assert_int_equal(peek(f, at + 0x12, 2), 640);
    assert_int_equal(peek(f, at + 0x14, 2), 480);
    assert_int_equal(peek(f, at + 0x16, 2), 32);
    uint32_t base = (uint32_t)peek(f, at + 0x18, 4);
    assert_in_range(base, ANON, ANON + ANON_SIZE - 1);
    assert_int_equal(peek(f, at + 0x1c, 4), 19); /* 1228800 bytes in units of 64 KiB. */
    assert_int_equal(peek(f, at + 0x24, 2), 2560);
    assert_true(peek(f, at + 0x26, 8) == UINT64_C(0x1808000808081008));
    assert_int_equal(peek(f, at + 0x2e, 2), 0xc000);
    assert_int_equal(peek(f, at + 0x30, 2), 0x5c00);
    assert_int_equal(peek(f, at + 0x32, 2), 1);
    /* What the guest draws is in the host's memory, to the last line; the interface is at its
     * place. */
    const uint8_t *pixels = script_physical(&f->vm, FRAMEBUFFER, 19 * 0x10000);
    script_put(f->vcpu, base, 4, 0x00112233);
    script_put(f->vcpu, base + 479 * 2560 + 639 * 4, 4, 0x00445566);
    assert_int_equal(pixels[0], 0x33);
    assert_int_equal(pixels[479 * 2560 + 639 * 4], 0x66);
    const uint8_t *interface = script_physical(&f->vm, 0xc5000, 0x2000);
    script_put(f->vcpu, 0xc5c00, 4, 0xcb);
    assert_int_equal(interface[0xc00], 0xcb);
}

static void no_framebuffer(void **state)
{
    struct fixture *f = *state;
    struct vmmp_x86_framebuffer screen;
    assert_int_equal(vm_memory_make_anon(&f->vm, ANON, ANON_SIZE), 0);
    vbe_size = -1;
    assert_false(has_screen(f, &screen));
    vbe_size = sizeof(vbe) - 1; /* Cut short. */
    assert_false(has_screen(f, &screen));
    vbe_size = sizeof(vbe);
    vbe.words[0] = UINT32_MAX; /* The loader knew no mode. */
    assert_false(has_screen(f, &screen));
    vbe.words[0] = 3;
    vbe.mode[0] = 0x1b; /* A mode without a linear framebuffer. */
    assert_false(has_screen(f, &screen));
    f->simple.extended_bootinfo = NULL;
    assert_false(has_screen(f, &screen));
    assert_null(fixture_log_find(f, "VESA"));
}

static void a_framebuffer_without_room(void **state)
{
    struct fixture *f = *state;
    struct vmmp_x86_framebuffer screen;
    assert_false(has_screen(f, &screen)); /* No anonymous memory at all. */
    assert_non_null(fixture_log_find(f, "give vm_memory_make_anon() more"));
    vbe.mode[0x29] = 0x08;
    assert_false(has_screen(f, &screen));
    assert_non_null(fixture_log_find(f, "does not begin a page"));
}

/* Its place may be taken, or none. */
static void a_framebuffer_without_interface(void **state)
{
    static const uint32_t none[][3] = { { 0, 0, 0 },
                                        { 0xc00, 0, 0x1000 },
                                        { 0x10000, 0, 0x1000 },
                                        { 0xc000, UINT32_MAX, 0x1000 },
                                        { 0xc000, 0, UINT32_MAX } };
    struct fixture *f = *state;
    struct vmmp_x86_framebuffer screen;
    assert_int_equal(vm_memory_make_anon(&f->vm, ANON, ANON_SIZE), 0);
    assert_non_null(
        vm_reserve_memory_at(&f->vm, 0xc6000, 0x1000, default_error_fault_callback, NULL));
    assert_true(has_screen(f, &screen));
    assert_int_equal(screen.interface_segment | screen.interface_offset, 0);
    assert_non_null(fixture_log_find(f, "the guest does without"));
    for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        memcpy(&vbe.words[1], none[i], sizeof(none[i]));
        assert_true(has_screen(f, &screen));
        assert_int_equal(screen.interface_segment | screen.interface_offset, 0);
    }
}

int test_compat_boot(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_kernel_is_moved_and_corrected, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kernel_without_relocations, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_kernels_and_relocations, setup, teardown),
        cmocka_unit_test_setup_teardown(modules_of_any_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(boot_parameters_and_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(acpi_tables_are_in_the_bios_area, setup, teardown),
        cmocka_unit_test_setup_teardown(iasl_finds_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(soft_off_for_clients_that_have_it, setup, teardown),
        cmocka_unit_test_setup_teardown(clients_mistakes_are_said, setup, teardown),
        cmocka_unit_test_setup_teardown(the_boot_vcpu_knows_where_to_start, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hosts_framebuffer, setup_vbe, teardown),
        cmocka_unit_test_setup_teardown(no_framebuffer, setup_vbe, teardown),
        cmocka_unit_test_setup_teardown(a_framebuffer_without_room, setup_vbe, teardown),
        cmocka_unit_test_setup_teardown(a_framebuffer_without_interface, setup_vbe, teardown),
    };
    return cmocka_run_group_tests_name("compat_boot", tests, NULL, NULL);
}
