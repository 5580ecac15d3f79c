/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted engine on x86: ports, and where the instruction pointer is. */
#include <sel4vm/arch/vmcs_fields.h>

#include "script/script.h"

const int script_arch_private_irqs = 0;
const bool script_arch_has_gic = false;

uint64_t script_arch_pc(const struct script_vcpu *vcpu)
{
    return vcpu->pc;
}

void script_arch_set_pc(struct script_vcpu *vcpu, uint64_t pc)
{
    vcpu->pc = (seL4_Word)pc;
}

bool script_arch_field_get(const struct script_vcpu *vcpu, uint32_t number, uint64_t *value)
{
    *value = vcpu->pc;
    return number == VMX_GUEST_RIP;
}

bool script_arch_field_set(struct script_vcpu *vcpu, uint32_t number, uint64_t value)
{
    if (number == VMX_GUEST_RIP) {
        vcpu->pc = value;
        return true;
    }
    return false;
}

static enum script_result port_access(vm_vcpu_t *vcpu, uint16_t port, unsigned size, bool is_in,
                                      uint32_t *value)
{
    struct script_vcpu *state = script_vcpu_of(vcpu);
    if (size != 1 && size != 2 && size != 4) {
        script_record_text(state->script, "no instruction accesses %u bytes of a port", size);
        return SCRIPT_FAILED;
    }
    if (!script_ready(vcpu)) {
        return SCRIPT_FAILED;
    }
    enum hosted_outcome outcome =
        hosted_vcpu_ioport(hosted_vcpu_of(vcpu), port, size, is_in, value);
    if (outcome == HOSTED_DONE) {
        pthread_mutex_lock(&state->script->lock);
        state->pc += SCRIPT_INSTRUCTION;
        pthread_mutex_unlock(&state->script->lock);
    }
    return script_result_of(outcome, false);
}

enum script_result script_in(vm_vcpu_t *vcpu, uint16_t port, unsigned size, uint32_t *value)
{
    return port_access(vcpu, port, size, true, value);
}

enum script_result script_out(vm_vcpu_t *vcpu, uint16_t port, unsigned size, uint32_t value)
{
    return port_access(vcpu, port, size, false, &value);
}
