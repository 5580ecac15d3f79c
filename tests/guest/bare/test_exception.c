/* SPDX-License-Identifier: BSD-2-Clause */
/* An exception that the library gives to a guest on real KVM. */
#include "bare_vm.h"

#include <sel4vm/arch/guest_vm_arch.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/vmmp/arm_inject.h>

BARE_GUEST(refused);

#define EC(hsr) ((hsr) >> 26)
#define EC_HVC  0x16u
#define EC_SMC  0x17u

/* The guest's SMC is undefined to it; by HVC it powers off. */
static int refuse(vm_vcpu_t *vcpu, uint32_t hsr, void *cookie)
{
    struct bare_vm *bare = cookie;

    if (EC(hsr) == EC_SMC) {
        CHECK_EQUAL(vmmp_arm_inject_undefined(vcpu), 0);
        restart_vcpu_fault(vcpu);
        return 0;
    }
    CHECK_EQUAL(EC(hsr), EC_HVC);
    hosted_kvm_end_vm(&bare->vm, HOSTED_KVM_END_SHUTDOWN);
    advance_vcpu_fault(vcpu);
    return 0;
}

static void test_undefined(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    bare.config.firmware = true;
    if (!bare_try_start(&bare, &refused_guest, 0, 0)) {
        return;
    }
    if (!hosted_kvm_firmware(&bare.vm)) {
        printf("    skipped: this kernel keeps firmware calls to itself\n");
        bare_end(&bare);
        return;
    }
    CHECK_EQUAL(vm_register_unhandled_vcpu_fault_callback(bare.vcpu, refuse, &bare), 0);
    CHECK_EQUAL(vm_run(&bare.vm), 0);
    /* What the guest's vector saw: class 0 with IL, at the instruction. */
    CHECK_EQUAL(bare.report_count, 4);
    CHECK_EQUAL(bare.reports[0], 0x2000000);
    CHECK_EQUAL(bare.reports[1], bare.reports[3]);
    /* Where it came from: EL1h with everything masked, and the condition flags it had. */
    CHECK_EQUAL(bare.reports[2] & 0xf00003cfu, 0x600003c5);
    CHECK_EQUAL(bare.exception_count, 0);
    bare_end(&bare);
}

const struct bare_test bare_exception_tests[] = {
    { "undefined", test_undefined },
    { NULL, NULL },
};
