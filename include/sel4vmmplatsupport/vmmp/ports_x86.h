/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O ports of a PC's guest: a vmmp_io_port_space answers what libsel4vm has no handler for.
 *
 *     vmmp_io_port_space_init(&ports, ranges, 16, 0x1000, &log);
 *     vmmp_vm_attach_ports(&vmmp, &ports);
 *     vmmp_io_port_add(&ports, &uart.window, 0x3f8);
 *
 * Handlers of vm_io_port_add_handler() are asked first. What neither has reads all-ones.
 *
 * Threads: accesses arrive from any vCPU's thread, at once where the host of `vmmp` has contexts:
 * the windows then have theirs.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/io_port.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * `space`, the caller's, answers from now on and for the VM's life; one for a VM. 0; -EBUSY if the
 * VM has a callback for unhandled ports already; -EIO if libsel4vm does not take ours. A hostile
 * guest reads and writes any port in any order; what that does is the windows' matter.
 */
int vmmp_vm_attach_ports(struct vmmp_vm *vmmp, struct vmmp_io_port_space *space);

#ifdef __cplusplus
}
#endif
