/* SPDX-License-Identifier: BSD-2-Clause */
/* What a debugger wants of a vCPU (Arm ARM: DBGBCR_EL1, DBGWCR_EL1). */
#include "kvm_arm64.h"

#include <errno.h>

#define DBG_ENABLE        (UINT64_C(1) << 0)
#define DBG_EL0_AND_EL1   (UINT64_C(3) << 1)
#define DBGBCR_BAS_A64    (UINT64_C(0xf) << 5)
#define DBGWCR_LOAD       (UINT64_C(1) << 3)
#define DBGWCR_STORE      (UINT64_C(1) << 4)
#define DBGWCR_BAS_SHIFT  5
#define DBGWCR_BAS_ALL    (UINT64_C(0xff) << DBGWCR_BAS_SHIFT)
#define DBGWCR_MASK_SHIFT 24
#define DBGWCR_MASK_MAX   31u

static int encode_watchpoint(const struct hosted_kvm_watchpoint *watchpoint, __u64 *control,
                             __u64 *value)
{
    uint64_t address = watchpoint->address;
    uint64_t size = watchpoint->size;
    unsigned offset = (unsigned)(address & 7);
    if (!size || !(watchpoint->read || watchpoint->write)) {
        return -EINVAL;
    }
    *control = DBG_ENABLE | DBG_EL0_AND_EL1 | (watchpoint->read ? DBGWCR_LOAD : 0) |
               (watchpoint->write ? DBGWCR_STORE : 0);
    *value = address - offset;
    if (offset + size <= 8) {
        *control |= ((UINT64_C(1) << size) - 1) << offset << DBGWCR_BAS_SHIFT;
        return 0;
    }
    unsigned bits = (unsigned)__builtin_ctzll(size);
    if ((size & (size - 1)) || (address & (size - 1)) || bits > DBGWCR_MASK_MAX) {
        return -EINVAL;
    }
    *control |= DBGWCR_BAS_ALL | (uint64_t)bits << DBGWCR_MASK_SHIFT;
    return 0;
}

int hosted_kvm_vcpu_debug(vm_vcpu_t *vcpu, const struct hosted_kvm_debug *debug)
{
    struct kvm_vcpu *kvm = kvm_vcpu_of(vcpu);
    struct kvm_guest_debug request = { 0 };
    if (debug->breakpoints > hosted_kvm_breakpoints(vcpu->vm) ||
        debug->watchpoints > hosted_kvm_watchpoints(vcpu->vm)) {
        return -ENOSPC;
    }
    if (!kvm_vcpu_at_rest(kvm)) {
        return -EBUSY;
    }
    for (unsigned i = 0; i < debug->breakpoints; i++) {
        request.arch.dbg_bcr[i] = DBG_ENABLE | DBG_EL0_AND_EL1 | DBGBCR_BAS_A64;
        request.arch.dbg_bvr[i] = debug->breakpoint[i] & ~UINT64_C(3);
    }
    for (unsigned i = 0; i < debug->watchpoints; i++) {
        int err = encode_watchpoint(&debug->watchpoint[i], &request.arch.dbg_wcr[i],
                                    &request.arch.dbg_wvr[i]);
        if (err) {
            return err;
        }
    }
    request.control |= debug->step ? KVM_GUESTDBG_SINGLESTEP : 0u;
    request.control |= debug->software_breakpoints ? KVM_GUESTDBG_USE_SW_BP : 0u;
    request.control |= debug->breakpoints || debug->watchpoints ? KVM_GUESTDBG_USE_HW : 0u;
    request.control |= request.control ? KVM_GUESTDBG_ENABLE : 0u;
    int err = kvm_call(kvm->fd, KVM_SET_GUEST_DEBUG, (unsigned long)&request);
    return err < 0 ? err : 0;
}
