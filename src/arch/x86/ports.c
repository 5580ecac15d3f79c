/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's I/O ports, which libsel4vm hands over one access at a time. */
#include <sel4vmmplatsupport/vmmp/ports_x86.h>

#include <errno.h>

#include <sel4vm/arch/ioports.h>

#include "sel4/ports_x86.h"

static ioport_fault_result_t access_port(vm_vcpu_t *vcpu, unsigned port, bool is_in,
                                         unsigned *value, size_t size, void *cookie)
{
    struct vmmp_io_port_space *space = cookie;
    (void)vcpu;
    if (is_in) {
        *value = (unsigned)vmmp_io_port_read(space, port, (unsigned)size, NULL);
    } else {
        vmmp_io_port_write(space, port, (unsigned)size, *value, NULL);
    }
    return IO_FAULT_HANDLED;
}

int vmmp_vm_attach_ports(struct vmmp_vm *vmmp, struct vmmp_io_port_space *space)
{
    if (vmmp->vm->arch.unhandled_ioport_callback) {
        return -EBUSY;
    }
    /* Devices with contexts of their own need no VM-wide lock around their accesses. */
    if (vmmp->host.ops && vmmp->host.ops->context_init) {
        vmmp_sys_ports_unserialised(vmmp->vm);
    }
    return vm_register_unhandled_ioport_callback(vmmp->vm, access_port, space) ? -EIO : 0;
}
