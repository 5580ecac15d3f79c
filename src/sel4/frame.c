/* SPDX-License-Identifier: BSD-2-Clause */
#include "sel4/frame.h"

#include <simple/simple.h>
#include <vka/capops.h>
#include <vka/kobject_t.h>
#include <vka/object.h>

/* Sizes of frames, largest first (seL4 reference manual, "Page table objects"). */
static const uint8_t frame_sizes[] = {
#if defined(CONFIG_ARCH_AARCH64) || defined(CONFIG_ARCH_X86_64)
    seL4_HugePageBits,
    seL4_LargePageBits,
#elif defined(CONFIG_ARCH_ARM)
    seL4_SuperSectionBits,
    seL4_SectionBits,
    seL4_LargePageBits,
#else
    seL4_LargePageBits,
#endif
};

static int frame_at(vm_t *vm, uintptr_t paddr, vka_object_t *frame)
{
    seL4_Word type = kobject_get_type(KOBJECT_FRAME, seL4_PageBits);
    cspacepath_t path;
    seL4_Word untyped = 0;

    if (vka_cspace_alloc_path(vm->vka, &path)) {
        return -1;
    }
    if (simple_get_frame_cap(vm->simple, (void *)paddr, seL4_PageBits, &path) &&
        vka_utspace_alloc_at(vm->vka, &path, type, seL4_PageBits, paddr, &untyped)) {
        vka_cspace_free_path(vm->vka, path);
        return -1;
    }
    frame->cptr = path.capPtr;
    frame->ut = untyped;
    frame->type = type;
    frame->size_bits = seL4_PageBits;
    return 0;
}

int vmmp_frame_make(vm_t *vm, enum vmmp_sys_frames frames, uintptr_t paddr, vka_object_t *frame)
{
    if (frames == VMMP_SYS_FRAMES_PHYSICAL) {
        return frame_at(vm, paddr, frame);
    }
    return vka_alloc_frame_maybe_device(vm->vka, seL4_PageBits,
                                        frames == VMMP_SYS_FRAMES_MAYBE_DEVICE, frame)
               ? -1
               : 0;
}

void vmmp_frame_unmake(vm_t *vm, const vka_object_t *frame)
{
    cspacepath_t path;

    vka_cspace_make_path(vm->vka, frame->cptr, &path);
    vmmp_frame_drop(vm, &path);
    /* The client's own are made from no untyped of ours. */
    if (frame->ut) {
        vka_utspace_free(vm->vka, frame->type, frame->size_bits, frame->ut);
    }
}

int vmmp_frame_copy(vm_t *vm, seL4_CPtr cap, cspacepath_t *copy)
{
    cspacepath_t from;

    if (vka_cspace_alloc_path(vm->vka, copy)) {
        return -1;
    }
    vka_cspace_make_path(vm->vka, cap, &from);
    if (vka_cnode_copy(copy, &from, seL4_AllRights)) {
        vka_cspace_free_path(vm->vka, *copy);
        return -1;
    }
    return 0;
}

void vmmp_frame_drop(vm_t *vm, cspacepath_t *copy)
{
    (void)vka_cnode_delete(copy);
    vka_cspace_free_path(vm->vka, *copy);
}

static seL4_CPtr cap_at(vspace_t *vspace, uint64_t address)
{
    return address > UINTPTR_MAX ? seL4_CapNull
                                 : vspace_get_cap(vspace, (void *)(uintptr_t)address);
}

unsigned vmmp_frame_bits(vspace_t *vspace, uint64_t address)
{
    uint64_t page = address & ~FRAME_PAGE_MASK;
    seL4_CPtr cap = cap_at(vspace, page);

    if (!cap) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(frame_sizes); i++) {
        uint64_t size = (uint64_t)1 << frame_sizes[i];
        uint64_t first = page & ~(size - 1);
        if (cap_at(vspace, first) == cap && cap_at(vspace, first + size - FRAME_PAGE_SIZE) == cap) {
            return frame_sizes[i];
        }
    }
    return seL4_PageBits;
}
