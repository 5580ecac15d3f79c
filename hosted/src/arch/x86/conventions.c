/* SPDX-License-Identifier: BSD-2-Clause */
/* x86: data conventions of faults, and what a VM has of this architecture. */
#include <stdlib.h>

#include <sel4vm/arch/vmcall.h>
#include <sel4vm/arch/vmcs_fields.h>

#include "hosted.h"

#define PIC_INPUTS 16u

const bool hosted_arch_can_restart = false;
const bool hosted_arch_irq_last_wins = true;

int hosted_arch_vm_init(struct hosted_vm *hosted)
{
    (void)hosted;
    return 0;
}

void hosted_arch_vm_free(struct hosted_vm *hosted)
{
    free(hosted->vm->arch.ioport_list.ioports);
    free(hosted->vm->arch.vmcall_handlers);
}

void hosted_arch_vcpu_init(struct hosted_vcpu *vcpu)
{
    (void)vcpu;
}

void hosted_arch_set_data(struct fault *fault, seL4_Word data)
{
    fault->reg = data;
}

seL4_Word hosted_arch_get_data(const struct fault *fault)
{
    return fault->reg;
}

seL4_Word hosted_arch_read_result(const struct fault *fault)
{
    return fault->reg;
}

seL4_Word hosted_arch_ip(struct hosted_vcpu *vcpu)
{
    const struct hosted_engine *engine = vcpu->hosted->engine;
    uint64_t ip = 0;
    if (engine->register_get) {
        (void)engine->register_get(vcpu, VMX_GUEST_RIP, &ip);
    }
    return (seL4_Word)ip;
}

void hosted_arch_complete_exception(struct fault *fault, bool advanced)
{
    (void)fault;
    (void)advanced;
}

void hosted_arch_wake(struct hosted_vcpu *vcpu)
{
    (void)vcpu;
}

bool hosted_arch_irq_valid(const struct hosted_vm *hosted, int irq)
{
    unsigned inputs = hosted->irq_inputs ? hosted->irq_inputs : PIC_INPUTS;
    return irq >= 0 && (unsigned)irq < inputs;
}

bool hosted_arch_irq_private(int irq)
{
    (void)irq;
    return false;
}

int vm_reg_new_vmcall_handler(vm_t *vm, vmcall_handler func, int token)
{
    struct vm_arch *arch = &vm->arch;
    for (unsigned i = 0; i < arch->vmcall_num_handlers; i++) {
        if (arch->vmcall_handlers[i].token == token) {
            return -1;
        }
    }
    vmcall_handler_t *table =
        hosted_array_grow(arch->vmcall_handlers, arch->vmcall_num_handlers, 1, sizeof(*table));
    if (!table) {
        return -1;
    }
    arch->vmcall_handlers = table;
    table[arch->vmcall_num_handlers].token = token;
    table[arch->vmcall_num_handlers].func = func;
    arch->vmcall_num_handlers++;
    return 0;
}
