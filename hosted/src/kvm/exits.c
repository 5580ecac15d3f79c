/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a vCPU left the guest, and what is done about it: what is the same for every architecture. */
#include "kvm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "kvm_run.mmio.data is in host order");

static const struct vmmp_log *log_of(const struct kvm_vcpu *vcpu)
{
    return hosted_vm_log(vcpu->vm->hosted);
}

/* ---- failures ------------------------------------------------------------------------------- */

void kvm_vcpu_fail(struct kvm_vcpu *vcpu, const char *format, ...)
{
    char text[VMMP_LOG_MAX];
    struct hosted_exit last[HOSTED_LAST_EXITS];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    vmmp_log(log_of(vcpu), VMMP_LOG_ERROR, VMMP_LOG_GUEST, "vcpu%u: %s", vcpu->index, text);
    kvm_arch_format_registers(vcpu, text);
    vmmp_log(log_of(vcpu), VMMP_LOG_ERROR, VMMP_LOG_GUEST, "vcpu%u: %s", vcpu->index, text);
    unsigned count = hosted_stats_last_exits(&vcpu->stats, last);
    for (unsigned i = 0; i < count; i++) {
        hosted_exit_format(&last[i], text);
        vmmp_log(log_of(vcpu), VMMP_LOG_ERROR, VMMP_LOG_GUEST, "vcpu%u: exit -%u %s", vcpu->index,
                 count - i, text);
    }
    atomic_store(&vcpu->vm->failed, true);
    hosted_vm_stop(hosted_vm_public(vcpu->vm->hosted), -1);
}

void kvm_vcpu_end(struct kvm_vcpu *vcpu, enum hosted_kvm_end end)
{
    int none = HOSTED_KVM_END_NONE;
    atomic_compare_exchange_strong(&vcpu->vm->end, &none, (int)end);
    hosted_vm_stop(hosted_vm_public(vcpu->vm->hosted), 0);
}

void hosted_kvm_vcpu_print(vm_vcpu_t *vcpu, FILE *out)
{
    struct kvm_vcpu *kvm = kvm_vcpu_of(vcpu);
    char text[KVM_REGISTERS_TEXT];
    kvm_pause(kvm->vm);
    kvm_arch_format_registers(kvm, text);
    fprintf(out, "vcpu%u %s\n", kvm->index, text);
    hosted_stats_print_last(&kvm->stats, kvm->index, out);
    kvm_resume(kvm->vm);
}

/* ---- records -------------------------------------------------------------------------------- */

void kvm_record(struct kvm_vcpu *vcpu, struct hosted_exit *exit)
{
    if (hosted_trace_enabled(vcpu->vm->options.trace)) {
        exit->has_pc = kvm_arch_pc(vcpu, &exit->pc) == 0;
    }
    hosted_stats_exit(&vcpu->stats, exit);
}

void kvm_trace(const struct kvm_vcpu *vcpu, const struct hosted_exit *exit)
{
    hosted_trace_exit(vcpu->vm->options.trace, vcpu->index, exit);
}

void kvm_record_and_trace(struct kvm_vcpu *vcpu, enum hosted_exit_kind kind, uint64_t address,
                          uint64_t value)
{
    struct hosted_exit exit = { .kind = (uint8_t)kind, .address = address, .value = value };
    kvm_record(vcpu, &exit);
    kvm_trace(vcpu, &exit);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

bool kvm_conclude(struct kvm_vcpu *vcpu, enum hosted_outcome outcome)
{
    if (outcome == HOSTED_STOPPED) {
        /* Not answered; if the VM is run again it begins here. */
        vcpu->unfinished = true;
        kvm_await_stop(vcpu->vm);
    }
    return outcome == HOSTED_DONE || outcome == HOSTED_RESTART;
}

static bool handle_mmio(struct kvm_vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    struct hosted_mmio access = {
        .gpa = run->mmio.phys_addr,
        .size = run->mmio.len <= 8 ? run->mmio.len : 8,
        .is_write = run->mmio.is_write,
    };
    if (access.is_write) {
        memcpy(&access.reg, run->mmio.data, access.size);
    }
    struct hosted_exit exit = {
        .kind = access.is_write ? HOSTED_EXIT_MMIO_WRITE : HOSTED_EXIT_MMIO_READ,
        .size = (uint8_t)access.size,
        .address = access.gpa,
        .value = access.reg,
    };
    kvm_record(vcpu, &exit);
    enum hosted_outcome outcome = hosted_vcpu_mmio(vcpu->hosted, &access);
    if (!access.is_write) {
        /* KVM always writes the destination register: what was skipped reads as zero. It does the
         * sign extension and the zeroing of the upper bits. */
        uint64_t value = access.skipped ? 0 : access.reg;
        memcpy(run->mmio.data, &value, sizeof run->mmio.data);
        exit.value = access.size < 8 ? value & ((UINT64_C(1) << access.size * 8) - 1) : value;
        hosted_stats_exit_value(&vcpu->stats, exit.value);
    }
    kvm_trace(vcpu, &exit);
    if (outcome == HOSTED_FAILED) {
        kvm_vcpu_fail(vcpu, "its %s of %u bytes at 0x%" PRIx64 " failed",
                      access.is_write ? "write" : "read", access.size, access.gpa);
    }
    return kvm_conclude(vcpu, outcome);
}

static bool handle_failure(struct kvm_vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    if (run->exit_reason == KVM_EXIT_FAIL_ENTRY) {
        uint64_t reason = run->fail_entry.hardware_entry_failure_reason;
        kvm_record_and_trace(vcpu, HOSTED_EXIT_FAILURE, reason, 0);
        kvm_vcpu_fail(vcpu, "the hardware refuses to enter the guest, reason 0x%" PRIx64, reason);
    } else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
        kvm_record_and_trace(vcpu, HOSTED_EXIT_FAILURE, run->internal.suberror, 0);
        kvm_vcpu_fail(vcpu, "KVM had an internal error %u", run->internal.suberror);
    } else {
        kvm_record_and_trace(vcpu, HOSTED_EXIT_OTHER, run->exit_reason, 0);
        kvm_vcpu_fail(vcpu, "KVM gives an unexpected reason %u for leaving the guest",
                      run->exit_reason);
    }
    return false;
}

bool kvm_handle_common_exit(struct kvm_vcpu *vcpu)
{
    switch (vcpu->run->exit_reason) {
    case KVM_EXIT_MMIO:
        return handle_mmio(vcpu);
    case KVM_EXIT_INTR:
        hosted_stats_count(&vcpu->stats, HOSTED_EXIT_INTERRUPTED);
        return true;
    default:
        return handle_failure(vcpu);
    }
}
