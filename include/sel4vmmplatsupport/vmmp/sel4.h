/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client on seL4 can set and a client elsewhere has no use for.
 *
 * Guest RAM is mapped into the VMM once. A client that registers it in large frames
 * (vm_ram_register_at_custom_iterator() with an iterator of frames of seL4_LargePageBits) has all
 * of it mapped at once with two kernel calls a frame; RAM in 4 KiB pages is mapped when a page is
 * first touched, and stays.
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * At most how many 4 KiB pages of guest RAM, of all VMs of the process together, are mapped into
 * the VMM: each costs a capability slot. 0, and without a call: no bound but the guests' RAM. What
 * lies beyond the bound is to devices like an address without RAM. Large frames do not count.
 */
void vmmp_sel4_limit_ram_pages(size_t pages);

#ifdef __cplusplus
}
#endif
