/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vm/...> and registers on ARM. */
#include <stdint.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/arch/guest_memory_arch.h>
#include <sel4vm/arch/processor.h>
#include <sel4vm/guest_vm.h>
#include <sel4vm/sel4_arch/processor.h>

#include "../check.h"

#define REGISTER(name, index)                        \
    CHECK_MEMBER(seL4_UserContext, name, seL4_Word); \
    CHECK_VALUE(offsetof(seL4_UserContext, name), (index) * sizeof(seL4_Word))

REGISTER(pc, 0);
REGISTER(sp, 1);
#ifdef CONFIG_ARCH_AARCH64
REGISTER(spsr, 2);
REGISTER(x0, 3);
REGISTER(x7, 10);
REGISTER(x8, 11);
REGISTER(x16, 12);
REGISTER(x18, 14);
REGISTER(x29, 15);
REGISTER(x30, 16);
REGISTER(x9, 17);
REGISTER(x15, 23);
REGISTER(x19, 24);
REGISTER(x28, 33);
REGISTER(tpidr_el0, 34);
REGISTER(tpidrro_el0, 35);
CHECK_VALUE(PMODE_EL1h, 5);
CHECK_VALUE(HSR_HVC_64_EXCEPTION, 0x16);
CHECK_VALUE(HSR_SMC_64_EXCEPTION, 0x17);
CHECK_VALUE(HSR_SYSREG_64_EXCEPTION, 0x18);
CHECK_VALUE(HSR_SWBRK_64_EXCEPTION, 0x3c);
#else
REGISTER(cpsr, 2);
REGISTER(r0, 3);
REGISTER(r1, 4);
REGISTER(r8, 5);
REGISTER(r12, 9);
REGISTER(r2, 10);
REGISTER(r7, 15);
REGISTER(r14, 16);
CHECK_VALUE(MODE_SUPERVISOR, 0x13);
CHECK_VALUE(PMODE_SUPERVISOR, 0x13);
CHECK_VALUE(HSR_HVC_EXCEPTION, 0x12);
CHECK_VALUE(HSR_SMC_EXCEPTION, 0x13);
#endif

CHECK_VALUE(HSR_MAX_EXCEPTION, 0x3f);
CHECK_VALUE(HSR_EXCEPTION_CLASS(0x5e000000u), 0x17);
CHECK_VALUE(HSR_IL(0x02000000), 1);
CHECK_VALUE(HSR_ISS_MASK, 0x01ffffff);
CHECK_VALUE(HSR_WFx_EXCEPTION, 1);

CHECK_TYPE(smc_handler_callback_fn, int (*)(vm_vcpu_t *, seL4_UserContext *));
CHECK_TYPE(unhandled_vcpu_fault_callback_fn, int (*)(vm_vcpu_t *, uint32_t, void *));
CHECK_MEMBER(struct vm_arch, vm_smc_handler, smc_handler_callback_fn);
CHECK_MEMBER(struct vm_vcpu_arch, unhandled_vcpu_callback, unhandled_vcpu_fault_callback_fn);
CHECK_MEMBER(struct vm_vcpu_arch, unhandled_vcpu_callback_cookie, void *);
CHECK_VALUE(VM_CSPACE_SIZE_BITS, 4);
CHECK_VALUE(VM_FAULT_EP_SLOT, 1);
CHECK_VALUE(VM_CSPACE_SLOT, 1 + CONFIG_MAX_NUM_NODES);
CHECK_FUNCTION(vm_register_unhandled_vcpu_fault_callback,
               int(vm_vcpu_t *, unhandled_vcpu_fault_callback_fn, void *));
CHECK_FUNCTION(vm_register_smc_handler_callback, int(vm_t *, smc_handler_callback_fn));
CHECK_FUNCTION(vm_set_thread_context, int(vm_vcpu_t *, seL4_UserContext));
CHECK_FUNCTION(vm_get_thread_context, int(vm_vcpu_t *, seL4_UserContext *));
CHECK_FUNCTION(vm_set_thread_context_reg, int(vm_vcpu_t *, unsigned int, uintptr_t));
CHECK_FUNCTION(vm_get_thread_context_reg, int(vm_vcpu_t *, unsigned int, uintptr_t *));
CHECK_FUNCTION(vm_set_arm_vcpu_reg, int(vm_vcpu_t *, seL4_Word, uintptr_t));
CHECK_FUNCTION(vm_get_arm_vcpu_reg, int(vm_vcpu_t *, seL4_Word, uintptr_t *));
CHECK_FUNCTION(vm_arm_ipa_to_pa, uintptr_t(vm_t *, uintptr_t, size_t));
