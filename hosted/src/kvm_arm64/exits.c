/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a vCPU left the guest, and what is done about it. */
#include "kvm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sel4vm/sel4_arch/processor.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "kvm_run.mmio.data is in host order");

/* KVM_EXIT_HYPERCALL's flag for the conduit; newer than some kernels' headers. */
#define HYPERCALL_SMC 1u

/* Exception classes of ESR_EL2 that KVM_EXIT_DEBUG has (Arm ARM, ESR_ELx). */
#define EC_BREAKPOINT 0x30u
#define EC_STEP       0x32u
#define EC_WATCHPOINT 0x34u
#define EC_BKPT32     0x38u
#define EC_BRK64      0x3cu

static const struct vmmp_log *log_of(const struct kvm_vcpu *vcpu)
{
    return hosted_vm_log(vcpu->vm->hosted);
}

/* ---- failures ------------------------------------------------------------------------------- */

static const struct {
    enum hosted_kvm_reg reg;
    const char *name;
} told[] = {
    { HOSTED_KVM_REG_PC, "pc" },           { HOSTED_KVM_REG_PSTATE, "pstate" },
    { HOSTED_KVM_REG_SP, "sp" },           { HOSTED_KVM_REG_LR, "lr" },
    { HOSTED_KVM_REG_ESR_EL1, "esr_el1" }, { HOSTED_KVM_REG_FAR_EL1, "far_el1" },
    { HOSTED_KVM_REG_ELR_EL1, "elr_el1" },
};

#define REGISTERS_TEXT 200

static void format_registers(const struct kvm_vcpu *vcpu, char text[REGISTERS_TEXT])
{
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        uint64_t value;
        if (kvm_reg_get(vcpu, told[i].reg, &value) == 0) {
            int more = snprintf(text + length, REGISTERS_TEXT - length, "%s%s 0x%" PRIx64,
                                length ? " " : "", told[i].name, value);
            length += (size_t)more;
        }
    }
}

void kvm_vcpu_fail(struct kvm_vcpu *vcpu, const char *format, ...)
{
    char text[VMMP_LOG_MAX];
    struct hosted_exit last[HOSTED_LAST_EXITS];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    vmmp_log(log_of(vcpu), VMMP_LOG_ERROR, VMMP_LOG_GUEST, "vcpu%u: %s", vcpu->index, text);
    format_registers(vcpu, text);
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

void hosted_kvm_vcpu_print(vm_vcpu_t *vcpu, FILE *out)
{
    struct kvm_vcpu *kvm = kvm_vcpu_of(vcpu);
    char text[REGISTERS_TEXT];
    kvm_pause(kvm->vm);
    format_registers(kvm, text);
    fprintf(out, "vcpu%u %s\n", kvm->index, text);
    hosted_stats_print_last(&kvm->stats, kvm->index, out);
    kvm_resume(kvm->vm);
}

/* ---- records -------------------------------------------------------------------------------- */

static void record(struct kvm_vcpu *vcpu, struct hosted_exit *exit)
{
    if (hosted_trace_enabled(vcpu->vm->config->trace)) {
        exit->has_pc = kvm_reg_get(vcpu, HOSTED_KVM_REG_PC, &exit->pc) == 0;
    }
    hosted_stats_exit(&vcpu->stats, exit);
}

static void trace(const struct kvm_vcpu *vcpu, const struct hosted_exit *exit)
{
    hosted_trace_exit(vcpu->vm->config->trace, vcpu->index, exit);
}

static void record_and_trace(struct kvm_vcpu *vcpu, enum hosted_exit_kind kind, uint64_t address,
                             uint64_t value)
{
    struct hosted_exit exit = { .kind = (uint8_t)kind, .address = address, .value = value };
    record(vcpu, &exit);
    trace(vcpu, &exit);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

/* True if the vCPU may go on. */
static bool conclude(struct kvm_vcpu *vcpu, enum hosted_outcome outcome)
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
    record(vcpu, &exit);
    enum hosted_outcome outcome = hosted_vcpu_mmio(vcpu->hosted, &access);
    if (!access.is_write) {
        /* KVM always writes the destination register: what was skipped reads as zero. It does the
         * sign extension and the zeroing of the upper bits. */
        uint64_t value = access.skipped ? 0 : access.reg;
        memcpy(run->mmio.data, &value, sizeof run->mmio.data);
        exit.value = access.size < 8 ? value & ((UINT64_C(1) << access.size * 8) - 1) : value;
        hosted_stats_exit_value(&vcpu->stats, exit.value);
    }
    trace(vcpu, &exit);
    if (outcome == HOSTED_FAILED) {
        kvm_vcpu_fail(vcpu, "its %s of %u bytes at 0x%" PRIx64 " failed",
                      access.is_write ? "write" : "read", access.size, access.gpa);
    }
    return conclude(vcpu, outcome);
}

static bool handle_hypercall(struct kvm_vcpu *vcpu)
{
    static const uint32_t classes[2][2] = {
        { HSR_HVC_64_EXCEPTION, HSR_SMC_64_EXCEPTION },
        { HSR_HVC_32_EXCEPTION, HSR_SMC_32_EXCEPTION },
    };
    bool smc = vcpu->run->hypercall.longmode & HYPERCALL_SMC;
    struct hosted_exception exception = {
        /* All four have 32 bits, T32's too. */
        .hsr = classes[vcpu->vm->config->aarch32][smc] << HSR_EXCEPTION_CLASS_SHIFT | HSR_IL_MASK,
        /* HVC's preferred return address is past it anyway (Arm ARM, D1.3.2). */
        .pc_is_past = smc,
    };
    record_and_trace(vcpu, HOSTED_EXIT_HYPERCALL, vcpu->run->hypercall.nr, smc);
    enum hosted_outcome outcome = hosted_vcpu_exception(vcpu->hosted, &exception);
    if (outcome == HOSTED_FAILED) {
        kvm_vcpu_fail(vcpu, "nobody answers its %s 0x%llx", smc ? "SMC" : "HVC",
                      vcpu->run->hypercall.nr);
    }
    int error = outcome == HOSTED_STOPPED ? 0 : kvm_power_settle(vcpu);
    if (error) {
        kvm_vcpu_fail(vcpu, "KVM cannot switch it: %s", strerror(-error));
        return false;
    }
    return conclude(vcpu, outcome);
}

static bool handle_system_event(struct kvm_vcpu *vcpu)
{
    uint32_t type = vcpu->run->system_event.type;
    int end = type == KVM_SYSTEM_EVENT_SHUTDOWN ? HOSTED_KVM_END_SHUTDOWN
              : type == KVM_SYSTEM_EVENT_RESET  ? HOSTED_KVM_END_RESET
                                                : HOSTED_KVM_END_CRASH;
    int none = HOSTED_KVM_END_NONE;
    record_and_trace(vcpu, HOSTED_EXIT_SYSTEM_EVENT, type, 0);
    if (type == KVM_SYSTEM_EVENT_WAKEUP) {
        int error = kvm_woken(vcpu);
        if (error) {
            kvm_vcpu_fail(vcpu, "KVM cannot wake it: %s", strerror(-error));
        }
        return !error;
    }
    atomic_compare_exchange_strong(&vcpu->vm->end, &none, end);
    if (end == HOSTED_KVM_END_CRASH) {
        kvm_vcpu_fail(vcpu, "the kernel reports system event %u", type);
    } else {
        hosted_vm_stop(hosted_vm_public(vcpu->vm->hosted), 0);
    }
    return false;
}

static enum hosted_kvm_debug_cause debug_cause(uint32_t syndrome)
{
    switch (syndrome >> HSR_EXCEPTION_CLASS_SHIFT) {
    case EC_STEP:
        return HOSTED_KVM_DEBUG_STEP;
    case EC_BRK64:
    case EC_BKPT32:
        return HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT;
    case EC_BREAKPOINT:
        return HOSTED_KVM_DEBUG_BREAKPOINT;
    case EC_WATCHPOINT:
        return HOSTED_KVM_DEBUG_WATCHPOINT;
    default:
        return HOSTED_KVM_DEBUG_UNKNOWN;
    }
}

static bool handle_debug(struct kvm_vcpu *vcpu)
{
    const struct hosted_kvm_arm64_config *config = vcpu->vm->config;
    struct hosted_kvm_debug_event event = {
        .cause = debug_cause(vcpu->run->debug.arch.hsr),
        .syndrome = vcpu->run->debug.arch.hsr,
        .address = vcpu->run->debug.arch.far,
    };
    record_and_trace(vcpu, HOSTED_EXIT_DEBUG, event.address, event.syndrome);
    (void)kvm_reg_get(vcpu, HOSTED_KVM_REG_PC, &event.pc);
    if (config->debug) {
        config->debug(config->cookie, hosted_vcpu_public(vcpu->hosted), &event);
    }
    return true;
}

static bool handle_undecoded(struct kvm_vcpu *vcpu)
{
    uint64_t address = vcpu->run->arm_nisv.fault_ipa;
    uint64_t syndrome = vcpu->run->arm_nisv.esr_iss;
    record_and_trace(vcpu, HOSTED_EXIT_UNDECODED, address, syndrome);
    enum hosted_outcome outcome = hosted_vcpu_undecoded(vcpu->hosted, address, (uint32_t)syndrome);
    if (outcome == HOSTED_FAILED) {
        kvm_vcpu_fail(vcpu, "its access to 0x%" PRIx64 " failed; syndrome 0x%" PRIx64, address,
                      syndrome);
    }
    return conclude(vcpu, outcome);
}

static bool handle_failure(struct kvm_vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    if (run->exit_reason == KVM_EXIT_FAIL_ENTRY) {
        uint64_t reason = run->fail_entry.hardware_entry_failure_reason;
        record_and_trace(vcpu, HOSTED_EXIT_FAILURE, reason, 0);
        kvm_vcpu_fail(vcpu, "the hardware refuses to enter the guest, reason 0x%" PRIx64, reason);
    } else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
        record_and_trace(vcpu, HOSTED_EXIT_FAILURE, run->internal.suberror, 0);
        kvm_vcpu_fail(vcpu, "KVM had an internal error %u", run->internal.suberror);
    } else {
        record_and_trace(vcpu, HOSTED_EXIT_OTHER, run->exit_reason, 0);
        kvm_vcpu_fail(vcpu, "KVM gives an unexpected reason %u for leaving the guest",
                      run->exit_reason);
    }
    return false;
}

bool kvm_handle_exit(struct kvm_vcpu *vcpu)
{
    switch (vcpu->run->exit_reason) {
    case KVM_EXIT_MMIO:
        return handle_mmio(vcpu);
    case KVM_EXIT_HYPERCALL:
        return handle_hypercall(vcpu);
    case KVM_EXIT_SYSTEM_EVENT:
        return handle_system_event(vcpu);
    case KVM_EXIT_DEBUG:
        return handle_debug(vcpu);
    case KVM_EXIT_ARM_NISV:
        return handle_undecoded(vcpu);
    case KVM_EXIT_INTR:
        hosted_stats_count(&vcpu->stats, HOSTED_EXIT_INTERRUPTED);
        return true;
    default:
        return handle_failure(vcpu);
    }
}
