/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a vCPU. */
#include "kvm_x86.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sel4vm/arch/vmcs_fields.h>

/* Intel SDM 4, table 2-2. */
#define MSR_MISC_ENABLE          0x1a0u
#define MISC_ENABLE_FAST_STRINGS UINT64_C(1)
#define MSR_MTRR_DEFAULT         0x2ffu
#define MTRR_ENABLED             UINT64_C(0x800)
#define MTRR_WRITE_BACK          UINT64_C(6)

#define RFLAGS_ONE UINT64_C(2) /* Bit 1 is always set. */

int kvm_msrs_set(const struct kvm_vcpu *vcpu)
{
    union {
        struct kvm_msrs list;
        uint8_t room[sizeof(struct kvm_msrs) + 2 * sizeof(struct kvm_msr_entry)];
    } msrs;
    memset(&msrs, 0, sizeof msrs);
    msrs.list.nmsrs = 2;
    msrs.list.entries[0].index = MSR_MISC_ENABLE;
    msrs.list.entries[0].data = MISC_ENABLE_FAST_STRINGS;
    msrs.list.entries[1].index = MSR_MTRR_DEFAULT;
    msrs.list.entries[1].data = MTRR_ENABLED | MTRR_WRITE_BACK;
    /* A KVM that does not know one of them does without. */
    int err = kvm_call(vcpu->fd, KVM_SET_MSRS, (unsigned long)&msrs.list);
    return err < 0 ? err : 0;
}

static int get_regs(const struct kvm_vcpu *vcpu, struct kvm_regs *regs)
{
    int err = kvm_call(vcpu->fd, KVM_GET_REGS, (unsigned long)regs);
    return err < 0 ? err : 0;
}

static int get_sregs(const struct kvm_vcpu *vcpu, struct kvm_sregs *sregs)
{
    int err = kvm_call(vcpu->fd, KVM_GET_SREGS, (unsigned long)sregs);
    return err < 0 ? err : 0;
}

int kvm_arch_pc(const struct kvm_vcpu *vcpu, uint64_t *pc)
{
    struct kvm_regs regs;
    int err = get_regs(vcpu, &regs);
    *pc = err ? 0 : regs.rip;
    return err;
}

void kvm_arch_format_registers(const struct kvm_vcpu *vcpu, char text[KVM_REGISTERS_TEXT])
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    text[0] = 0;
    if (get_regs(vcpu, &regs) == 0 && get_sregs(vcpu, &sregs) == 0) {
        snprintf(text, KVM_REGISTERS_TEXT,
                 "rip 0x%" PRIx64 " rsp 0x%" PRIx64 " rflags 0x%" PRIx64 " cs 0x%x cr0 0x%" PRIx64
                 " cr2 0x%" PRIx64 " cr3 0x%" PRIx64 " cr4 0x%" PRIx64 " efer 0x%" PRIx64,
                 (uint64_t)regs.rip, (uint64_t)regs.rsp, (uint64_t)regs.rflags, sregs.cs.selector,
                 (uint64_t)sregs.cr0, (uint64_t)sregs.cr2, (uint64_t)sregs.cr3, (uint64_t)sregs.cr4,
                 (uint64_t)sregs.efer);
    }
}

/* ---- entry ---------------------------------------------------------------------------------- */

/* `attributes`: a descriptor's bits 40 to 55 (SDM 3A, 3.4.5). */
static struct kvm_segment segment(const struct vmmp_x86_segment *from)
{
    return (struct kvm_segment){
        .base = from->base,
        .limit = from->limit,
        .selector = from->selector,
        .type = from->attributes & 0xf,
        .s = from->attributes >> 4 & 1,
        .dpl = from->attributes >> 5 & 3,
        .present = from->attributes >> 7 & 1,
        .avl = from->attributes >> 12 & 1,
        .l = from->attributes >> 13 & 1,
        .db = from->attributes >> 14 & 1,
        .g = from->attributes >> 15 & 1,
    };
}

int hosted_kvm_x86_enter(vm_vcpu_t *public, const struct vmmp_x86_entry *entry)
{
    struct kvm_vcpu *vcpu = kvm_vcpu_of(public);
    struct kvm_sregs sregs;
    struct kvm_regs regs = {
        .rip = entry->rip,
        .rsi = entry->rsi,
        .rbx = entry->rbx,
        .rflags = entry->rflags | RFLAGS_ONE,
    };
    if (!kvm_vcpu_at_rest(vcpu)) {
        return -EBUSY;
    }
    int err = get_sregs(vcpu, &sregs);
    if (err) {
        return err;
    }
    sregs.cr0 = entry->cr0;
    sregs.cr3 = entry->cr3;
    sregs.cr4 = entry->cr4;
    sregs.efer = entry->efer;
    sregs.gdt.base = entry->gdt_base;
    sregs.gdt.limit = entry->gdt_limit;
    sregs.idt.base = 0;
    sregs.idt.limit = 0;
    sregs.cs = segment(&entry->code);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment(&entry->data);
    sregs.tr = segment(&entry->task);
    err = kvm_call(vcpu->fd, KVM_SET_SREGS, (unsigned long)&sregs);
    if (err >= 0) {
        err = kvm_call(vcpu->fd, KVM_SET_REGS, (unsigned long)&regs);
    }
    return err < 0 ? err : 0;
}

/* ---- libsel4vm's registers ------------------------------------------------------------------ */

#define CONTEXT_REGISTERS(EACH) \
    EACH(eax, rax)              \
    EACH(ebx, rbx)              \
    EACH(ecx, rcx)              \
    EACH(edx, rdx)              \
    EACH(esi, rsi)              \
    EACH(edi, rdi)              \
    EACH(ebp, rbp)

int kvm_registers_get(struct hosted_vcpu *hosted, hosted_context_t *context)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    struct kvm_regs regs;
    int err = kvm_vcpu_at_rest(vcpu) ? get_regs(vcpu, &regs) : -EBUSY;
    if (!err) {
#define GET(ours, theirs) context->ours = (seL4_Word)regs.theirs;
        CONTEXT_REGISTERS(GET)
#undef GET
    }
    return err;
}

int kvm_registers_set(struct hosted_vcpu *hosted, const hosted_context_t *context)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    struct kvm_regs regs;
    int err = kvm_vcpu_at_rest(vcpu) ? get_regs(vcpu, &regs) : -EBUSY;
    if (err) {
        return err;
    }
#define SET(ours, theirs) regs.theirs = context->ours;
    CONTEXT_REGISTERS(SET)
#undef SET
    err = kvm_call(vcpu->fd, KVM_SET_REGS, (unsigned long)&regs);
    return err < 0 ? err : 0;
}

/* Where the VMCS field `number` is; NULL: it is not shown. `*special`: in sregs. */
static __u64 *field(uint32_t number, struct kvm_regs *regs, struct kvm_sregs *sregs, bool *special)
{
    *special = true;
    switch (number) {
    case VMX_GUEST_CR0:
        return &sregs->cr0;
    case VMX_GUEST_CR3:
        return &sregs->cr3;
    case VMX_GUEST_CR4:
        return &sregs->cr4;
    default:
        break;
    }
    *special = false;
    switch (number) {
    case VMX_GUEST_RSP:
        return &regs->rsp;
    case VMX_GUEST_RIP:
        return &regs->rip;
    case VMX_GUEST_RFLAGS:
        return &regs->rflags;
    default:
        return NULL;
    }
}

static int read_field(struct kvm_vcpu *vcpu, uint32_t number, struct kvm_regs *regs,
                      struct kvm_sregs *sregs, __u64 **value, bool *special)
{
    *value = field(number, regs, sregs, special);
    if (!*value) {
        return -ENOTSUP;
    }
    if (!kvm_vcpu_at_rest(vcpu)) {
        return -EBUSY;
    }
    return *special ? get_sregs(vcpu, sregs) : get_regs(vcpu, regs);
}

int kvm_register_get(struct hosted_vcpu *hosted, uint32_t number, uint64_t *value)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    __u64 *at;
    bool special;
    int err = read_field(hosted_vcpu_engine_state(hosted), number, &regs, &sregs, &at, &special);
    *value = err ? 0 : *at;
    return err;
}

int kvm_register_set(struct hosted_vcpu *hosted, uint32_t number, uint64_t value)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    __u64 *at;
    bool special;
    int err = read_field(vcpu, number, &regs, &sregs, &at, &special);
    if (err) {
        return err;
    }
    *at = value;
    err = special ? kvm_call(vcpu->fd, KVM_SET_SREGS, (unsigned long)&sregs)
                  : kvm_call(vcpu->fd, KVM_SET_REGS, (unsigned long)&regs);
    return err < 0 ? err : 0;
}
