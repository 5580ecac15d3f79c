/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/arch/acpi.h> */
#include <sel4vmmplatsupport/arch/acpi.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sel4/sel4.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vmmplatsupport/gen_config.h>
#include <sel4vmmplatsupport/vmmp/acpi.h>

#include "compat/compat_vm.h"
#include "sel4/memory.h"

#define PAGE      0x1000u
#define AREA_SIZE 0x10000u
#define PM1A      0x600
#define HPET      0xfed00000u

static int fail(struct vmmp_vm *native, const char *what)
{
    vmmp_log(&native->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "ACPI tables: %s", what);
    return -1;
}

/* What libsel4vm and its clients have on a PC. */
static struct vmmp_acpi_config compat_machine(const vm_t *vm)
{
    return (struct vmmp_acpi_config){
        .cpus = vm->num_vcpus ? vm->num_vcpus : 1,
        .dual_8259 = true,
        .no_ioapic = true,
        .no_soft_off = !vmmp_compat_soft_off(vm),
        .pm1a_base = PM1A,
        .i8042 = true,
        .cmos_rtc = true,
        .vga = true,
#ifdef CONFIG_VMM_USE_HPET
        .hpet_base = HPET,
#endif
        .spcr_uart = -1,
    };
}

/* Fresh pages, mapped on both sides. */
static bool write_pages(vm_t *vm, const uint8_t *tables)
{
    for (unsigned at = 0; at < AREA_SIZE; at += PAGE) {
        void *page =
            vmmp_sys_shared_page(vm, ACPI_START + at, seL4_AllRights, VMMP_SYS_FRAMES_ANONYMOUS,
                                 default_error_fault_callback, NULL);
        if (!page) {
            return false;
        }
        memcpy(page, tables + at, PAGE);
    }
    return true;
}

int make_guest_acpi_tables(vm_t *vm)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    size_t used = 0;

    if (!native) {
        return -1;
    }
    const struct vmmp_acpi_config config = compat_machine(vm);
    uint8_t *tables = calloc(1, AREA_SIZE);
    if (!tables) {
        return fail(native, "out of memory");
    }
    int result = 0;
    if (vmmp_acpi_build(&config, ACPI_START, tables, AREA_SIZE, &used)) {
        result = fail(native, "more vCPUs than can be described");
    } else if (!vmmp_guest_memory_write(&native->memory, vmmp_gpa(ACPI_START), tables, AREA_SIZE) &&
               !write_pages(vm, tables)) {
        result = fail(native, "0xe0000 to 0xeffff are neither RAM nor free; leave them to the "
                              "library");
    }
    free(tables);
    return result;
}
