/* SPDX-License-Identifier: BSD-2-Clause */
#include "restart.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include <sel4/sel4.h>

/* What is kept of .data; it has some 10 KiB. */
#define DATA_MAX (64u << 10)

struct range {
    uint8_t *start;
    size_t size;
};

/* In .bss, and left out when that is zeroed. */
static struct {
    unsigned count;
    size_t size; /* Of .data, 0: not kept. */
    const seL4_BootInfo *info;
    struct range keeps[RESTART_KEEPS + 1]; /* The last is this structure itself. */
    unsigned keep_count;
    uint8_t stack[4096] __attribute__((aligned(16)));
    uint8_t data[DATA_MAX];
} kept;

/* The linker's: all that is written and has contents, and the program's ELF header. */
extern uint8_t __init_array_start[] __attribute__((visibility("hidden")));
extern uint8_t _edata[];
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

void __real___sel4_start_root(seL4_BootInfo *info);
void __wrap___sel4_start_root(seL4_BootInfo *info);

void __wrap___sel4_start_root(seL4_BootInfo *info)
{
    size_t size = (size_t)(_edata - __init_array_start);

    if (!kept.count && size <= sizeof(kept.data)) {
        memcpy(kept.data, __init_array_start, size);
        kept.size = size;
    }
    kept.info = info;
    __real___sel4_start_root(info);
}

bool restart_keep(void *address, size_t size)
{
    for (unsigned i = 0; i < kept.keep_count; i++) {
        if (kept.keeps[i].start == address) {
            return true;
        }
    }
    if (!size || kept.keep_count == RESTART_KEEPS) {
        return false;
    }
    kept.keeps[kept.keep_count++] = (struct range){ address, size };
    return true;
}

unsigned restart_count(void)
{
    return kept.count;
}

/* Everything made of the kernel's memory, and the interrupts, go back; so does the guest. */
static void revoke_all(void)
{
    const seL4_BootInfo *info = kept.info;

    (void)seL4_CNode_Revoke(seL4_CapInitThreadCNode, seL4_CapIRQControl, seL4_WordBits);
    for (seL4_CPtr slot = info->untyped.start; slot < info->untyped.end; slot++) {
        (void)seL4_CNode_Revoke(seL4_CapInitThreadCNode, slot, seL4_WordBits);
    }
}

/* The next kept range in [from, end), NULL: none. */
static const struct range *next_keep(const uint8_t *from, const uint8_t *end)
{
    const struct range *next = NULL;

    for (unsigned i = 0; i <= RESTART_KEEPS; i++) {
        const struct range *keep = &kept.keeps[i];
        if (keep->start >= from && keep->start < end && (!next || keep->start < next->start)) {
            next = keep;
        }
    }
    return next;
}

static void zero(uint8_t *from, uint8_t *end)
{
    const struct range *keep;

    while ((keep = next_keep(from, end)) != NULL) {
        memset(from, 0, (size_t)(keep->start - from));
        from = keep->start + keep->size;
    }
    memset(from, 0, (size_t)(end - from));
}

/* On the kept stack: the program's own is in .bss. */
static __attribute__((used)) void begin_again(void)
{
    const Elf64_Phdr *headers =
        (const Elf64_Phdr *)((const uint8_t *)&__ehdr_start + __ehdr_start.e_phoff);

    memcpy(__init_array_start, kept.data, kept.size);
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (headers[i].p_type == PT_LOAD && headers[i].p_memsz > headers[i].p_filesz) {
            uint8_t *start = (uint8_t *)(uintptr_t)headers[i].p_vaddr;
            zero(start + headers[i].p_filesz, start + headers[i].p_memsz);
        }
    }
    __asm__ volatile("mov x0, %0\n"
                     "b _sel4_start\n"
                     :
                     : "r"(kept.info)
                     : "x0");
    __builtin_unreachable();
}

void restart(void)
{
    if (!kept.size) {
        return;
    }
    kept.count++;
    kept.keeps[RESTART_KEEPS] = (struct range){ (uint8_t *)&kept, sizeof(kept) };
    revoke_all();
    __asm__ volatile("mov sp, %0\n"
                     "b begin_again\n"
                     :
                     : "r"(kept.stack + sizeof(kept.stack)));
    __builtin_unreachable();
}
