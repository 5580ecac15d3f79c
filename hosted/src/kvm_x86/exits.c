/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a vCPU left the guest, beyond what kvm/exits.c deals with. */
#include "split.h"

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
    struct kvm_split *split = vcpu->vm->arch.split;
    enum hosted_outcome outcome = HOSTED_DONE;
    if (!split || !kvm_split_port(split, run->io.port, run->io.size, is_in, &value)) {
        outcome = hosted_vcpu_ioport(vcpu->hosted, run->io.port, run->io.size, is_in, &value);
    }
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

/* False: the address is nothing of the interrupt controllers'. */
static bool handle_controller(struct kvm_vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    struct kvm_split *split = vcpu->vm->arch.split;
    unsigned size = run->mmio.len <= 8 ? run->mmio.len : 8;
    uint64_t value = 0;
    if (!split) {
        return false;
    }
    if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, size);
    }
    if (!kvm_split_memory(split, run->mmio.phys_addr, size, run->mmio.is_write, &value)) {
        return false;
    }
    struct hosted_exit exit = {
        .kind = run->mmio.is_write ? HOSTED_EXIT_MMIO_WRITE : HOSTED_EXIT_MMIO_READ,
        .size = (uint8_t)size,
        .address = run->mmio.phys_addr,
        .value = value,
    };
    if (!run->mmio.is_write) {
        memcpy(run->mmio.data, &value, sizeof run->mmio.data);
    }
    kvm_record(vcpu, &exit);
    kvm_trace(vcpu, &exit);
    return true;
}

bool kvm_arch_handle_exit(struct kvm_vcpu *vcpu)
{
    switch (vcpu->run->exit_reason) {
    case KVM_EXIT_MMIO:
        return handle_controller(vcpu) || kvm_handle_common_exit(vcpu);
    case KVM_EXIT_IOAPIC_EOI:
        kvm_record_and_trace(vcpu, HOSTED_EXIT_EOI, 0, vcpu->run->eoi.vector);
        kvm_split_eoi(vcpu->vm->arch.split, vcpu->run->eoi.vector);
        return true;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        kvm_record_and_trace(vcpu, HOSTED_EXIT_WINDOW, 0, 0);
        return true;
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
