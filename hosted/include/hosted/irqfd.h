/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of a VM that the kernel makes of eventfds, without a thread of this process: KVM's
 * irqfd. For devices whose interrupts come from the kernel (hosted/vfio.h).
 *
 * Threads: any, also inside a device's context. Descriptors stay the caller's, and outlive what is
 * made of them. Errors: 0 or -errno; -EOPNOTSUPP where the engine has none (all but kvm_x86,
 * with the kernel's interrupt controllers), -ENOSPC beyond 1024 messages of a VM. Nothing is
 * allocated.
 *
 * Hostile guest: address and data may be whatever it programmed; a message to where nobody takes
 * messages is lost, as on hardware.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whether the VM's engine can. */
bool hosted_vm_has_irqfd(const vm_t *vm);

/**
 * From now on each signal of `fd` is the message `data` to `address`; one that came before is sent
 * at once. Calling it again for the same descriptor changes the message.
 */
int hosted_vm_message_fd(vm_t *vm, int fd, uint64_t address, uint32_t data);
/** What `fd` tells is nobody's any more: the descriptor keeps it. */
void hosted_vm_message_fd_remove(vm_t *vm, int fd);

/**
 * A signal of `fd` raises the input `irq` (counted as vm_set_irq_level() does), beside others that
 * may hold it high, until the guest's EOI, which lowers it and signals `resample`.
 */
int hosted_vm_irq_fd(vm_t *vm, int irq, int fd, int resample);
/** Undoes it, and lowers the input. */
void hosted_vm_irq_fd_remove(vm_t *vm, int irq, int fd, int resample);

#ifdef __cplusplus
}
#endif
