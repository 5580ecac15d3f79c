/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of memory on seL4, as capabilities: making them, and telling how large the one is that is
 * mapped somewhere. Private to src/sel4.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>
#include <vka/object.h>
#include <vka/vka.h>
#include <vspace/vspace.h>

#include "sel4/memory.h"

#define FRAME_PAGE_SIZE ((uint64_t)1 << seL4_PageBits)
#define FRAME_PAGE_MASK (FRAME_PAGE_SIZE - 1)

/**
 * A 4 KiB frame; `paddr` is its host-physical address for VMMP_SYS_FRAMES_PHYSICAL, else ignored.
 * What the client keeps as a capability (simple_get_frame_cap()) is asked for before untypeds.
 * 0 or -1.
 */
int vmmp_frame_make(vm_t *vm, enum vmmp_sys_frames frames, uintptr_t paddr, vka_object_t *frame);

/** Gives a frame back that vmmp_frame_make() made. */
void vmmp_frame_unmake(vm_t *vm, const vka_object_t *frame);

/** A second capability to the same frame, which can be mapped elsewhere. 0 or -1. */
int vmmp_frame_copy(vm_t *vm, seL4_CPtr cap, cspacepath_t *copy);

/** Deletes the capability that vmmp_frame_copy() made. */
void vmmp_frame_drop(vm_t *vm, cspacepath_t *copy);

/**
 * The size, as a power of two, of the frame that `vspace` has at `address`; 0 if there is none.
 * A frame's pages all carry its one capability in the vspace's book, and no other page does.
 * No kernel call.
 */
unsigned vmmp_frame_bits(vspace_t *vspace, uint64_t address);
