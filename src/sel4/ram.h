/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM in the VMM's address space. Private to src/sel4, whose memory.h has the door.
 *
 * A stretch of guest RAM gets as much of the VMM's address space, once; frames are mapped into it
 * when they are first asked for and stay. Frames larger than 4 KiB are found by themselves, whoever
 * registered them, and are mapped whole: 256 MiB in frames of 2 MiB are 128 of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

/** vmmp_sys_map_ram() */
void *vmmp_ram_map(vm_t *vm, uint64_t start, uint64_t wanted, uint64_t *size);
/** vmmp_sys_clean_cache() */
void vmmp_ram_clean(vm_t *vm, uint64_t start, void *host, size_t size);
