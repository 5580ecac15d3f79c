/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions to PL1 modes (DDI 0406, B1.8.4 "Processor mode for taking exceptions" and on). */
#include <sel4vmmplatsupport/vmmp/arm_inject.h>

#include <errno.h>
#include <stddef.h>

#include <sel4vm/sel4_arch/processor.h>

#include "arch/arm/registers.h"

#define CPSR_E           UINT32_C(0x200)
#define CPSR_A           UINT32_C(0x100)
#define CPSR_I           UINT32_C(0x080)
#define CPSR_JAZELLE     UINT32_C(0x1000000)
#define SCTLR_V          UINT32_C(0x2000)
#define SCTLR_EE         UINT32_C(0x2000000)
#define SCTLR_TE         UINT32_C(0x40000000)
#define HIGH_VECTORS     UINT32_C(0xffff0000)
#define VECTOR_UNDEFINED 0x04u
#define VECTOR_PREFETCH  0x0cu
#define VECTOR_DATA      0x10u
#define TTBCR_EAE        UINT32_C(0x80000000)
#define FSR_LPAE         UINT32_C(0x200)
#define FSR_WNR          UINT32_C(0x800)

struct entry {
    uint32_t mode;
    seL4_Word lr, spsr; /* The kernel's numbers. */
    uint32_t vector;
    uint32_t mask; /* Added to the CPSR. */
    uint32_t lr_offset;
};

static uint32_t status_inside(uint32_t cpsr, uint32_t sctlr, const struct entry *entry)
{
    cpsr &= ~(VMMP_PSR_MODE | VMMP_PSR_IT_HIGH | VMMP_PSR_IT_LOW | VMMP_PSR_THUMB | CPSR_E |
              CPSR_JAZELLE);
    return cpsr | entry->mode | entry->mask | (sctlr & SCTLR_TE ? VMMP_PSR_THUMB : 0) |
           (sctlr & SCTLR_EE ? CPSR_E : 0);
}

static int take(vm_vcpu_t *vcpu, const struct entry *entry)
{
    seL4_UserContext context;
    uintptr_t sctlr;

    if (vm_get_thread_context(vcpu, &context)) {
        return -EIO;
    }
    if (vm_get_arm_vcpu_reg(vcpu, seL4_VCPUReg_SCTLR, &sctlr) ||
        vm_set_arm_vcpu_reg(vcpu, entry->lr, context.pc + entry->lr_offset) ||
        vm_set_arm_vcpu_reg(vcpu, entry->spsr, context.cpsr)) {
        return -ENOTSUP;
    }
    context.cpsr = status_inside(context.cpsr, (uint32_t)sctlr, entry);
    context.pc = (sctlr & SCTLR_V ? HIGH_VECTORS : 0) + entry->vector;
    return vm_set_thread_context(vcpu, context) ? -EIO : 0;
}

static bool is_thumb(vm_vcpu_t *vcpu)
{
    seL4_UserContext context;
    return vm_get_thread_context(vcpu, &context) == 0 && (context.cpsr & VMMP_PSR_THUMB);
}

int vmmp_arm_inject_undefined(vm_vcpu_t *vcpu)
{
    struct entry entry = {
        .mode = MODE_UNDEFINED,
        .lr = seL4_VCPUReg_LRund,
        .spsr = seL4_VCPUReg_SPSRund,
        .vector = VECTOR_UNDEFINED,
        .mask = CPSR_I,
        .lr_offset = is_thumb(vcpu) ? 2 : 4,
    };
    return take(vcpu, &entry);
}

/* Fault status: the codes of the long format are AArch64's, the short one has some of its own. */
static uint32_t fault_status(uint32_t fsc, bool long_format)
{
    if (long_format) {
        return FSR_LPAE | fsc;
    }
    switch (fsc) {
    case VMMP_ARM_FSC_ALIGNMENT:
        return 0x001;
    case VMMP_ARM_FSC_EXCLUSIVE:
        return 0x405; /* FS 10101 */
    case VMMP_ARM_FSC_EXTERNAL:
        return 0x008;
    default: /* Translation faults: of a section for the upper levels, else of a page. */
        return (fsc & 3) == 3 ? 0x007 : 0x005;
    }
}

int vmmp_arm_inject_abort(vm_vcpu_t *vcpu, const struct vmmp_arm_abort *abort)
{
    uintptr_t ttbcr;
    struct entry entry = {
        .mode = MODE_ABORT,
        .lr = seL4_VCPUReg_LRabt,
        .spsr = seL4_VCPUReg_SPSRabt,
        .vector = abort->fetch ? VECTOR_PREFETCH : VECTOR_DATA,
        .mask = CPSR_I | CPSR_A,
        .lr_offset = abort->fetch ? 4 : 8,
    };
    if (vm_get_arm_vcpu_reg(vcpu, seL4_VCPUReg_TTBCR, &ttbcr)) {
        return -ENOTSUP;
    }
    uint32_t status =
        fault_status(abort->fsc, ttbcr & TTBCR_EAE) | (!abort->fetch && abort->write ? FSR_WNR : 0);
    if (vm_set_arm_vcpu_reg(vcpu, abort->fetch ? seL4_VCPUReg_IFSR : seL4_VCPUReg_DFSR, status) ||
        (abort->address_valid &&
         vm_set_arm_vcpu_reg(vcpu, abort->fetch ? seL4_VCPUReg_IFAR : seL4_VCPUReg_DFAR,
                             (uint32_t)abort->address))) {
        return -ENOTSUP;
    }
    return take(vcpu, &entry);
}

int vmmp_arm_inject_syndrome(vm_vcpu_t *vcpu, uint32_t syndrome)
{
    (void)syndrome;
    return vmmp_arm_inject_undefined(vcpu);
}
