/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a vCPU left the guest, beyond what kvm/exits.c deals with. */
#include "kvm_x86.h"

#include <string.h>

static bool handle_element(struct kvm_vcpu *vcpu, uint8_t *data)
{
    const struct kvm_run *run = vcpu->run;
    bool is_in = run->io.direction == KVM_EXIT_IO_IN;
    uint32_t value = 0;
    if (!is_in) {
        memcpy(&value, data, run->io.size);
    }
    struct hosted_exit exit = {
        .kind = is_in ? HOSTED_EXIT_PORT_READ : HOSTED_EXIT_PORT_WRITE,
        .size = run->io.size,
        .address = run->io.port,
        .value = value,
    };
    kvm_record(vcpu, &exit);
    enum hosted_outcome outcome =
        hosted_vcpu_ioport(vcpu->hosted, run->io.port, run->io.size, is_in, &value);
    if (is_in && outcome == HOSTED_DONE) {
        memcpy(data, &value, run->io.size);
        exit.value = value;
        hosted_stats_exit_value(&vcpu->stats, value);
    }
    kvm_trace(vcpu, &exit);
    if (outcome == HOSTED_FAILED) {
        kvm_vcpu_fail(vcpu, "its %s of port 0x%x failed", is_in ? "read" : "write", run->io.port);
    }
    return kvm_conclude(vcpu, outcome);
}

/* IN and OUT are one element; INS, OUTS and their REP forms come as many as KVM has at a time. */
static bool handle_ports(struct kvm_vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    uint8_t *data = (uint8_t *)vcpu->run + run->io.data_offset;
    while (vcpu->arch.ports_done < run->io.count) {
        if (!handle_element(vcpu, data + (size_t)vcpu->arch.ports_done * run->io.size)) {
            return false;
        }
        vcpu->arch.ports_done++;
    }
    vcpu->arch.ports_done = 0;
    return true;
}

bool kvm_arch_handle_exit(struct kvm_vcpu *vcpu)
{
    switch (vcpu->run->exit_reason) {
    case KVM_EXIT_IO:
        return handle_ports(vcpu);
    case KVM_EXIT_SHUTDOWN:
        /* A triple fault, which makes a PC's chip set reset the processor. */
        kvm_record_and_trace(vcpu, HOSTED_EXIT_SYSTEM_EVENT, KVM_EXIT_SHUTDOWN, 0);
        vmmp_log(hosted_vm_log(vcpu->vm->hosted), VMMP_LOG_INFO, VMMP_LOG_GUEST,
                 "vcpu%u: triple fault: reset", vcpu->index);
        kvm_vcpu_end(vcpu, HOSTED_KVM_END_RESET);
        return false;
    case KVM_EXIT_HLT:
        kvm_record_and_trace(vcpu, HOSTED_EXIT_HALT, 0, 0);
        return true;
    default:
        return kvm_handle_common_exit(vcpu);
    }
}
