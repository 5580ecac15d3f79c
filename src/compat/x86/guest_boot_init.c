/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/arch/guest_boot_init.h> */
#include <sel4vmmplatsupport/arch/guest_boot_init.h>

#include <string.h>

#include <sel4vm/arch/guest_x86_context.h>
#include <sel4vm/arch/vmcs_fields.h>
#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/arch/acpi.h>
#include <sel4vmmplatsupport/vmmp/boot_x86.h>

#include "compat/compat_vm.h"
#include "compat/x86/screen.h"

#define BELOW_4G UINT64_C(0x100000000)

/* boot.rst, counted from the header's first byte at 0x1f1. */
#define SETUP_HEADER_SIZE  0x67
#define ROOT_DEV           0x0b
#define BOOT_FLAG          0x0d
#define HEADER             0x11
#define HEADER_VALUE       0x53726448u /* "HdrS" */
#define VERSION            0x15
#define CODE32_START       0x23
#define KERNEL_ALIGNMENT   0x3f
#define RELOCATABLE_KERNEL 0x43
#define CMDLINE_SIZE       0x47
#define LOADFLAGS          0x20
#define VERSION_2_12       0x020c
#define LOADED_HIGH        0x01
#define ROOT_RAM0          0x0100

/* COMMAND_LINE_SIZE of x86, less its NUL. */
#define LINUX_CMDLINE_MAX 2047u
#define PAGE              0x1000u

static int fail(struct vmmp_vm *native, const char *what)
{
    vmmp_log(&native->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "boot parameters: %s", what);
    return -1;
}

static void set(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* RAM as it is registered, and what is below, between and on 32-bit hosts above it as reserved. */
static int make_map(const vm_t *vm, struct vmmp_e820 *map)
{
    uint64_t end = sizeof(uintptr_t) == 4 ? BELOW_4G : 0;
    int err = 0;

    for (int i = 0; i < vm->mem.num_ram_regions; i++) {
        const struct vm_ram_region *region = &vm->mem.ram_regions[i];
        uint64_t region_end = (uint64_t)region->start + region->size;
        end = region_end > end ? region_end : end;
    }
    vmmp_e820_init(map);
    if (vm->mem.num_ram_regions < 1 || end == 0) {
        return -1;
    }
    err = vmmp_e820_add(map, 0, end, VMMP_E820_RESERVED);
    for (int i = 0; i < vm->mem.num_ram_regions && !err; i++) {
        const struct vm_ram_region *region = &vm->mem.ram_regions[i];
        if (region->size) {
            err = vmmp_e820_add(map, region->start, region->size, VMMP_E820_RAM);
        }
    }
    return err;
}

/* RAM for `size` bytes, filled, from a page's beginning on; 0 if there is none below 4 GiB. */
static uintptr_t put(struct vmmp_vm *native, const void *from, size_t size)
{
    uintptr_t at = vm_ram_allocate(native->vm, size + PAGE - 1);
    uintptr_t rest = at % PAGE;

    at += at && rest ? PAGE - rest : 0;
    if (at == 0 || at > BELOW_4G - size ||
        !vmmp_guest_memory_write(&native->memory, vmmp_gpa(at), from, size)) {
        return 0;
    }
    return at;
}

static void make_header(uint8_t header[SETUP_HEADER_SIZE], const guest_image_t *kernel, bool initrd)
{
    memset(header, 0, SETUP_HEADER_SIZE);
    set(header + BOOT_FLAG, 0xaa55, 2);
    set(header + HEADER, HEADER_VALUE, 4);
    set(header + VERSION, VERSION_2_12, 2);
    set(header + LOADFLAGS, LOADED_HIGH, 1);
    set(header + ROOT_DEV, initrd ? ROOT_RAM0 : 0, 2);
    set(header + CODE32_START, kernel->load_paddr, 4);
    set(header + KERNEL_ALIGNMENT, kernel->alignment, 4);
    set(header + RELOCATABLE_KERNEL, 1, 1);
    set(header + CMDLINE_SIZE, LINUX_CMDLINE_MAX, 4); /* Of the kernel, not of this line. */
}

int vmm_plat_init_guest_boot_structure(vm_t *vm, const char *cmdline,
                                       guest_kernel_image_t guest_kernel_image,
                                       guest_image_t guest_ramdisk_image,
                                       uintptr_t *guest_boot_info_addr)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    uint8_t page[VMMP_X86_BOOT_PARAMS_SIZE];
    uint8_t header[SETUP_HEADER_SIZE];
    struct vmmp_e820 map;
    struct vmmp_x86_framebuffer screen;

    if (!native || !cmdline || !guest_boot_info_addr) {
        return -1;
    }
    size_t length = strlen(cmdline);
    if (length > LINUX_CMDLINE_MAX) {
        return fail(native, "the command line has more than the 2047 characters that Linux takes");
    }
    bool initrd = guest_ramdisk_image.load_paddr != 0;
    if (initrd && guest_ramdisk_image.size > UINTPTR_MAX - guest_ramdisk_image.load_paddr) {
        return fail(native, "the initrd goes beyond the end of the address space");
    }
    make_header(header, &guest_kernel_image.kernel_image, initrd);
    if (make_map(vm, &map)) {
        return fail(native, "no RAM is registered, or more regions than a map can hold");
    }
    uintptr_t line = put(native, cmdline, length + 1);
    if (!line) {
        return fail(native, "no RAM below 4 GiB is free for the command line");
    }
    struct vmmp_x86_boot_params params = {
        .setup_header = header,
        .setup_header_size = sizeof(header),
        .cmdline = (uint32_t)line,
        .cmdline_size = (uint32_t)length + 1,
        .initrd = initrd ? guest_ramdisk_image.load_paddr : 0,
        .initrd_size = initrd ? guest_ramdisk_image.size : 0,
        .rsdp = ACPI_START,
        .e820 = &map,
        .framebuffer = vmmp_compat_screen_make(native, &screen) ? &screen : NULL,
    };
    uintptr_t at = vmmp_x86_boot_params(&params, page) ? 0 : put(native, page, sizeof(page));
    if (!at) {
        return fail(native, "no RAM below 4 GiB is free for them");
    }
    *guest_boot_info_addr = at;
    return make_guest_acpi_tables(vm);
}

int vmm_plat_init_guest_thread_state(vm_vcpu_t *vcpu, uintptr_t guest_entry_addr,
                                     uintptr_t guest_boot_info_addr)
{
    static const vcpu_context_reg_t zero[] = { VCPU_CONTEXT_EAX, VCPU_CONTEXT_EBX, VCPU_CONTEXT_ECX,
                                               VCPU_CONTEXT_EDX };

    if (!vcpu || guest_boot_info_addr > UINT32_MAX) {
        return -1;
    }
    for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
        if (vm_set_thread_context_reg(vcpu, zero[i], 0)) {
            return -1;
        }
    }
    if (vm_set_thread_context_reg(vcpu, VCPU_CONTEXT_ESI, guest_boot_info_addr) ||
        vm_set_vmcs_field(vcpu, VMX_GUEST_RIP, guest_entry_addr)) {
        return -1;
    }
    return 0;
}
