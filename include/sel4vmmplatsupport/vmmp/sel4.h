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

struct vm;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * At most how many 4 KiB pages of guest RAM, of all VMs of the process together, are mapped into
 * the VMM: each costs a capability slot. 0, and without a call: no bound but the guests' RAM. What
 * lies beyond the bound is to devices like an address without RAM. Large frames do not count.
 */
void vmmp_sel4_limit_ram_pages(size_t pages);

/**
 * ARM only: to be called whenever vm_run() has returned 0, which it does at every interrupt of a
 * virtual timer; then vm_run() again.
 *
 * libsel4vm drops the interrupt while the guest has it disabled, and the kernel raises it again
 * before the guest's next instruction, for ever. A guest that arms its timer before it enables the
 * interrupt, as Linux does, stops there when the machine is slow. This masks the timer
 * (CNTV_CTL.IMASK) until the guest enables the interrupt or writes the register. What a guest can
 * see of it is IMASK; ISTATUS still says that the timer has expired. Also held is the timer of a
 * guest whose interrupt is enabled and whose distributor is not: it has to write the register, or
 * enable the interrupt, after it has enabled the distributor.
 *
 * For vCPUs made by create_vmm_plat_vcpu(), all on the core of the calling thread. No kernel call
 * for a VM's only vCPU and one for each of several; where the interrupt was dropped, two.
 */
void vmmp_sel4_timer_expired(struct vm *vm);

#ifdef __cplusplus
}
#endif
