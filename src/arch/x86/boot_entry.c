/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/boot_x86.h>

#include <errno.h>
#include <string.h>

/* boot.rst: __BOOT_CS and __BOOT_DS; a task register is only what VM entry wants. */
#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define BOOT_TR 0x20
/* Present; 4 KiB units; type; and for code either the default size or long mode (SDM 3A, 3.4.5). */
#define CODE_32 0xc09b
#define CODE_64 0xa09b
#define DATA    0xc093
#define TASK    0x008b
#define FLAT    0xffffffffu

#define CR0_PE   (1u << 0)
#define CR0_ET   (1u << 4)
#define CR0_PG   (1u << 31)
#define CR4_PAE  (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define RFLAGS_1 0x2

/* SDM 3A, 4.5: one top level, one of gigabytes, four of 2 MiB pages; behind them the descriptors.
 */
#define PAGE        0x1000u
#define PRESENT_RW  0x3u
#define LARGE       0x80u
#define ENTRIES     512u
#define GIGABYTES   4u
#define GDT_AT      (UINT64_C(6) * PAGE)
#define GDT_ENTRIES 5

_Static_assert(GDT_AT + PAGE == VMMP_X86_TABLES_SIZE, "tables fill their room");

static bool store(const struct vmmp_guest_memory *memory, uint64_t at, uint64_t value)
{
    vmmp_le64_t field = vmmp_le64(value);
    return vmmp_guest_memory_write(memory, vmmp_gpa(at), &field, sizeof(field));
}

static uint64_t descriptor(const struct vmmp_x86_segment *segment)
{
    bool pages = segment->attributes & 0x8000;
    uint64_t limit = pages ? segment->limit >> 12 : segment->limit;

    return (limit & 0xffff) | (segment->base & 0xffffff) << 16 |
           (uint64_t)segment->attributes << 40 | (limit >> 16 & 0xf) << 48 |
           (segment->base >> 24 & 0xff) << 56;
}

static bool write_gdt(const struct vmmp_guest_memory *memory, uint64_t gdt,
                      const struct vmmp_x86_entry *entry)
{
    return store(memory, gdt + BOOT_CS, descriptor(&entry->code)) &&
           store(memory, gdt + BOOT_DS, descriptor(&entry->data)) &&
           store(memory, gdt + BOOT_TR, descriptor(&entry->task));
}

static bool write_pages(const struct vmmp_guest_memory *memory, uint64_t tables)
{
    uint64_t gigabytes = tables + PAGE;
    uint64_t pages = tables + UINT64_C(2) * PAGE;
    bool good = store(memory, tables, gigabytes | PRESENT_RW);

    for (uint64_t i = 0; i < GIGABYTES; i++) {
        good = good && store(memory, gigabytes + 8 * i, (pages + i * PAGE) | PRESENT_RW);
    }
    for (uint64_t i = 0; i < (uint64_t)GIGABYTES * ENTRIES; i++) {
        good = good && store(memory, pages + 8 * i, i << 21 | LARGE | PRESENT_RW);
    }
    return good;
}

int vmmp_x86_prepare_entry(const struct vmmp_guest_memory *memory, enum vmmp_x86_mode mode,
                           uint64_t tables, uint64_t rip, uint64_t boot_params,
                           struct vmmp_x86_entry *entry)
{
    bool wide = mode == VMMP_X86_MODE_64;

    if (!memory || !entry || tables % PAGE || tables > UINT32_MAX - VMMP_X86_TABLES_SIZE ||
        (!wide && (rip > UINT32_MAX || boot_params > UINT32_MAX))) {
        return -EINVAL;
    }
    *entry = (struct vmmp_x86_entry){
        .rip = rip,
        .rsi = boot_params,
        .rflags = RFLAGS_1,
        .cr0 = CR0_PE | CR0_ET | (wide ? CR0_PG : 0),
        .cr3 = wide ? tables : 0,
        .cr4 = wide ? CR4_PAE : 0,
        .efer = wide ? EFER_LME | EFER_LMA : 0,
        .gdt_base = tables + GDT_AT,
        .gdt_limit = GDT_ENTRIES * 8 - 1,
        .code = { BOOT_CS, wide ? CODE_64 : CODE_32, FLAT, 0 },
        .data = { BOOT_DS, DATA, FLAT, 0 },
        .task = { BOOT_TR, TASK, 0x67, 0 },
    };
    if (!vmmp_guest_memory_zero(memory, vmmp_gpa(tables), VMMP_X86_TABLES_SIZE) ||
        (wide && !write_pages(memory, tables)) || !write_gdt(memory, entry->gdt_base, entry)) {
        return -EFAULT;
    }
    return 0;
}
