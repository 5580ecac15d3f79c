/* SPDX-License-Identifier: BSD-2-Clause */
#include "sel4/ram.h"

#include <stdbool.h>
#include <stdlib.h>

#include <utils/util.h>

#include <sel4vmmplatsupport/vmmp/sel4.h>

#include "sel4/frame.h"

/* How often a failure is said: a guest can provoke it as often as it likes. */
#define SAID_MAX 8

#define BITS_PER_WORD 32

/*
 * Guest RAM [start, start + size) and its place in the VMM. In .bss and the heap: a client that
 * zeroes both and starts again starts afresh.
 */
static struct ram_window {
    struct ram_window *next;
    vm_t *vm;
    uint64_t start;
    uint64_t size;
    uint8_t *host;
    reservation_t reservation;
    bool in_pages;     /* Begins with a frame of 4 KiB: nothing is mapped ahead. */
    uint32_t mapped[]; /* A bit per 4 KiB page. */
} * windows;

static size_t page_limit;   /* 0: none. */
static size_t pages_mapped; /* In frames of 4 KiB. */
static unsigned said;

void vmmp_sel4_limit_ram_pages(size_t pages)
{
    page_limit = pages;
}

static void say(const char *what, uint64_t gpa)
{
    if (said < SAID_MAX) {
        said++;
        ZF_LOGE("guest RAM at 0x%llx: %s", (unsigned long long)gpa, what);
    }
}

static struct ram_window *window_of(const vm_t *vm, uint64_t gpa)
{
    struct ram_window *window = windows;
    while (window && (window->vm != vm || gpa - window->start >= window->size)) {
        window = window->next;
    }
    return window;
}

static bool is_mapped(const struct ram_window *window, uint64_t gpa)
{
    uint64_t page = (gpa - window->start) >> seL4_PageBits;
    return window->mapped[page / BITS_PER_WORD] >> (page % BITS_PER_WORD) & 1;
}

static void set_mapped(struct ram_window *window, uint64_t from, uint64_t to)
{
    for (uint64_t gpa = from; gpa < to; gpa += FRAME_PAGE_SIZE) {
        uint64_t page = (gpa - window->start) >> seL4_PageBits;
        window->mapped[page / BITS_PER_WORD] |= UINT32_C(1) << (page % BITS_PER_WORD);
    }
}

/* The end of what may become a window at `start`: where another one begins. */
static uint64_t window_end(const vm_t *vm, uint64_t start, uint64_t end)
{
    for (const struct ram_window *window = windows; window; window = window->next) {
        if (window->vm == vm && window->start >= start && window->start < end) {
            end = window->start;
        }
    }
    return end;
}

static struct ram_window *window_make(vm_t *vm, uint64_t start, uint64_t size)
{
    uint64_t first = start & ~FRAME_PAGE_MASK;
    uint64_t end = window_end(vm, first, (start + size + FRAME_PAGE_MASK) & ~FRAME_PAGE_MASK);
    unsigned bits = vmmp_frame_bits(&vm->mem.vm_vspace, first);

    if (!bits) {
        say("libsel4vm has no frame there", start);
        return NULL;
    }
    bool in_pages = bits == seL4_PageBits;
    /* So that frames lie as they must: what is aligned for the guest is aligned here. */
    if (bits < seL4_LargePageBits && end - first >= (uint64_t)1 << seL4_LargePageBits) {
        bits = seL4_LargePageBits;
    }
    uint64_t offset = first & (((uint64_t)1 << bits) - 1);
    uint64_t room = offset + (end - first);
    size_t words = (size_t)(((end - first) >> seL4_PageBits) / BITS_PER_WORD + 1);
    struct ram_window *window =
        room > SIZE_MAX ? NULL : calloc(1, sizeof(*window) + words * sizeof(window->mapped[0]));
    if (!window) {
        say("out of memory", start);
        return NULL;
    }
    void *address = NULL;
    window->reservation = vspace_reserve_range_aligned(&vm->mem.vmm_vspace, (size_t)room, bits,
                                                       seL4_AllRights, 1, &address);
    if (!window->reservation.res) {
        say("the VMM has no room left in its address space", start);
        free(window);
        return NULL;
    }
    window->vm = vm;
    window->in_pages = in_pages;
    window->start = first;
    window->size = end - first;
    window->host = (uint8_t *)address + offset;
    window->next = windows;
    windows = window;
    return window;
}

/* Maps the frame at `gpa`; the first address behind it, or 0 if that failed. */
static uint64_t map_frame(struct ram_window *window, uint64_t gpa)
{
    vm_t *vm = window->vm;
    unsigned bits = vmmp_frame_bits(&vm->mem.vm_vspace, gpa);
    uint64_t size = (uint64_t)1 << bits;
    uint64_t first = gpa & ~(size - 1);
    cspacepath_t copy;

    if (!bits) {
        say("libsel4vm has no frame there", gpa);
        return 0;
    }
    if (first < window->start || size > window->size - (first - window->start)) {
        say("a frame is only partly RAM; register RAM in whole frames", gpa);
        return 0;
    }
    if (bits == seL4_PageBits && page_limit && pages_mapped >= page_limit) {
        say("the bound of vmmp_sel4_limit_ram_pages() is reached", gpa);
        return 0;
    }
    seL4_CPtr cap = vspace_get_cap(&vm->mem.vm_vspace, (void *)(uintptr_t)first);
    if (vmmp_frame_copy(vm, cap, &copy)) {
        say("no capability slot for its frame", gpa);
        return 0;
    }
    if (vspace_map_pages_at_vaddr(&vm->mem.vmm_vspace, &copy.capPtr, NULL,
                                  window->host + (first - window->start), 1, bits,
                                  window->reservation)) {
        vmmp_frame_drop(vm, &copy);
        say("its frame cannot be mapped into the VMM", gpa);
        return 0;
    }
    pages_mapped += bits == seL4_PageBits;
    set_mapped(window, first, first + size);
    return first + size;
}

/*
 * Maps [from, to) as far as it goes: where it ends. RAM in pages of 4 KiB is not mapped ahead, but
 * only up to `wanted`.
 */
static uint64_t map_range(struct ram_window *window, uint64_t from, uint64_t wanted, uint64_t to)
{
    uint64_t gpa = from & ~FRAME_PAGE_MASK;

    while (gpa < to) {
        if (gpa >= wanted && window->in_pages) {
            break;
        }
        uint64_t next = is_mapped(window, gpa) ? gpa + FRAME_PAGE_SIZE : map_frame(window, gpa);
        if (!next) {
            break;
        }
        gpa = next;
    }
    return gpa < to ? gpa : to;
}

void *vmmp_ram_map(vm_t *vm, uint64_t start, uint64_t wanted, uint64_t *size)
{
    if (!*size || *size - 1 > UINTPTR_MAX - start || start > UINTPTR_MAX - FRAME_PAGE_SIZE) {
        return NULL;
    }
    struct ram_window *window = window_of(vm, start);
    if (!window) {
        window = window_make(vm, start, *size);
    }
    if (!window) {
        return NULL;
    }
    uint64_t room = window->size - (start - window->start);
    uint64_t end = start + (*size < room ? *size : room);
    end = map_range(window, start, start + wanted, end);
    if (end <= start) {
        return NULL;
    }
    *size = end - start;
    return window->host + (start - window->start);
}

void vmmp_ram_clean(vm_t *vm, uint64_t start, void *host, size_t size)
{
#if defined(CONFIG_ARCH_ARM)
    uintptr_t at = (uintptr_t)host;
    uintptr_t end = at + size;

    while (at < end) {
        unsigned bits = vmmp_frame_bits(&vm->mem.vmm_vspace, at);
        if (!bits) {
            say("what is to be cleaned from the caches is not mapped", start);
            return;
        }
        uintptr_t frame = at & ~(((uintptr_t)1 << bits) - 1);
        uintptr_t frame_end = frame + ((uintptr_t)1 << bits);
        uintptr_t stop = end < frame_end ? end : frame_end;
        seL4_CPtr cap = vspace_get_cap(&vm->mem.vmm_vspace, (void *)frame);
        if (seL4_ARM_Page_CleanInvalidate_Data(cap, at - frame, stop - frame)) {
            say("the caches cannot be cleaned", start);
        }
        at = stop;
    }
#else
    /* Caches of these machines are coherent with their guests'. */
    (void)vm;
    (void)start;
    (void)host;
    (void)size;
#endif
}
