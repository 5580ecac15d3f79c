/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An access to a device by an instruction that the hardware does not describe: the instruction is
 * fetched from the guest's memory, taken apart, and carried out here.
 *
 * What keeps a guest's user from what its kernel does not let it: the hardware has checked the
 * instruction's access to one page, at the address that it reports. Only accesses inside of that
 * page and of that direction are carried out. An instruction that has changed since is executed
 * again; one that leaves the page is an alignment fault to the guest.
 */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/arm_inject.h>
#include <sel4vmmplatsupport/vmmp/arm_load_store.h>
#include <sel4vmmplatsupport/vmmp/arm_walk.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#include "arch/arm/registers.h"
#include "hosted.h"

#define PAGE_OFFSET   UINT64_C(0xfff)
#define FSC_TRANSLATE 0x07u /* Translation fault, level 3. */
#define ISS_WNR       (UINT32_C(1) << 6)
#define PSTATE_SP_EL1 5u
#define PSTATE_MODE   0xfu

struct emulation {
    struct hosted_vcpu *vcpu;
    hosted_context_t context;
    struct vmmp_arm_translation translation;
    struct vmmp_guest_memory memory;
    uint64_t va_page, ipa_page;  /**< Where accesses may go. */
    enum hosted_outcome outcome; /**< Of an access that failed. */
};

static void *resolve(void *cookie, vmmp_gpa_t gpa, size_t size)
{
    struct hosted_vm *hosted = cookie;
    uint64_t contiguous = 0;
    void *host = hosted_vm_memory(hosted->vm, gpa.gpa, &contiguous);
    return contiguous >= size ? host : NULL;
}

static uint64_t system_register(struct emulation *e, seL4_VCPUReg number)
{
    const struct hosted_engine *engine = e->vcpu->hosted->engine;
    uint64_t value = 0;
    if (engine->register_get) {
        (void)engine->register_get(e->vcpu, number, &value);
    }
    return value;
}

static void prepare(struct emulation *e)
{
    const struct hosted_vm *hosted = e->vcpu->hosted;
    e->translation.sctlr = system_register(e, seL4_VCPUReg_SCTLR);
    e->translation.ttbr0 = system_register(e, seL4_VCPUReg_TTBR0);
    e->translation.ttbr1 = system_register(e, seL4_VCPUReg_TTBR1);
#ifdef CONFIG_ARCH_AARCH64
    e->translation.tcr = system_register(e, seL4_VCPUReg_TCR);
    e->translation.aarch32 = hosted->engine->is_aarch32 && hosted->engine->is_aarch32(hosted);
#else
    e->translation.tcr = system_register(e, seL4_VCPUReg_TTBCR);
    e->translation.aarch32 = true;
    (void)hosted;
#endif
    vmmp_guest_memory_init(&e->memory, resolve, e->vcpu->hosted);
}

/* Reads the instruction, which may lie on two pages. */
static bool fetch(struct emulation *e, uint64_t address, unsigned size, uint32_t *instruction)
{
    uint8_t bytes[4] = { 0 };
    for (unsigned i = 0; i < size; i++) {
        uint64_t physical;
        if (!vmmp_arm_walk(&e->translation, &e->memory, address + i, &physical) ||
            !vmmp_guest_memory_read(&e->memory, vmmp_gpa(physical), &bytes[i], 1)) {
            return false;
        }
    }
    *instruction = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                   (uint32_t)bytes[3] << 24;
    return true;
}

static bool decode(struct emulation *e, struct vmmp_arm_load_store *ls)
{
    uint32_t instruction;
    if (!vmmp_arm_is_aarch32(&e->context)) {
        if (!fetch(e, e->context.pc, 4, &instruction)) {
            return false;
        }
        vmmp_arm_decode_a64(ls, instruction, HOSTED_ZVA_SIZE);
        return true;
    }
    if (!(vmmp_arm_status(&e->context) & VMMP_PSR_THUMB)) {
        if (!fetch(e, e->context.pc, 4, &instruction)) {
            return false;
        }
        vmmp_arm_decode_a32(ls, instruction);
        return true;
    }
    if (!fetch(e, e->context.pc, 2, &instruction)) {
        return false;
    }
    bool wide = instruction >> 11 >= 0x1d;
    if (wide) {
        uint32_t second;
        if (!fetch(e, e->context.pc + 2, 2, &second)) {
            return false;
        }
        instruction = instruction << 16 | second;
    }
    vmmp_arm_decode_t32(ls, instruction, wide);
    return true;
}

/* ---- the machine ----------------------------------------------------------------------------- */

static int get(void *cookie, unsigned reg, uint64_t *value)
{
    struct emulation *e = cookie;
#ifdef CONFIG_ARCH_AARCH64
    if (!vmmp_arm_is_aarch32(&e->context) && reg == VMMP_ARM_BASE_SP) {
        if ((e->context.spsr & PSTATE_MODE) == PSTATE_SP_EL1) {
            *value = system_register(e, seL4_VCPUReg_SP_EL1);
        } else {
            *value = e->context.sp;
        }
        return 0;
    }
#endif
    if (reg == VMMP_ARM_BASE_PC) {
        /* AArch32: two instructions on, rounded down. */
        *value = e->context.pc;
        if (vmmp_arm_is_aarch32(&e->context)) {
            bool thumb = vmmp_arm_status(&e->context) & VMMP_PSR_THUMB;
            *value = (*value + (thumb ? 4 : 8)) & ~UINT64_C(3);
        }
        return 0;
    }
    return vmmp_arm_register_get(&e->vcpu->base, &e->context, reg, value);
}

static int set(void *cookie, unsigned reg, uint64_t value)
{
    struct emulation *e = cookie;
#ifdef CONFIG_ARCH_AARCH64
    if (!vmmp_arm_is_aarch32(&e->context) && reg == VMMP_ARM_BASE_SP) {
        const struct hosted_engine *engine = e->vcpu->hosted->engine;
        if ((e->context.spsr & PSTATE_MODE) == PSTATE_SP_EL1) {
            return engine->register_set ? engine->register_set(e->vcpu, seL4_VCPUReg_SP_EL1, value)
                                        : -ENOTSUP;
        }
        e->context.sp = value;
        return 0;
    }
#endif
    return vmmp_arm_register_set(&e->vcpu->base, &e->context, reg, value);
}

static int get_vector(void *cookie, unsigned reg, uint64_t value[2])
{
    struct emulation *e = cookie;
    return e->vcpu->hosted->engine->vector_get(e->vcpu, reg, value);
}

static int set_vector(void *cookie, unsigned reg, const uint64_t value[2])
{
    struct emulation *e = cookie;
    return e->vcpu->hosted->engine->vector_set(e->vcpu, reg, value);
}

/* One naturally aligned access of up to a word. */
static int access_piece(struct emulation *e, uint64_t gpa, unsigned size, bool write,
                        uint64_t *value)
{
    struct hosted_mmio mmio = {
        .gpa = gpa,
        .size = size,
        .is_write = write,
        .reg = write ? *value : 0,
    };
    uint64_t bytes = mmio.reg;
    if (!hosted_memory_access(e->vcpu->hosted, gpa, &bytes, size, write)) {
        *value = bytes;
        return 0;
    }
    e->outcome = hosted_vcpu_mmio(e->vcpu, &mmio);
    *value = mmio.skipped ? 0 : mmio.reg;
    return e->outcome == HOSTED_DONE ? 0 : -ECANCELED;
}

/* The largest naturally aligned access at `address` of no more than `left` bytes. */
static unsigned piece_at(uint64_t address, unsigned left)
{
    unsigned piece = sizeof(seL4_Word);
    while (piece > left || (address & (piece - 1))) {
        piece /= 2;
    }
    return piece;
}

/* libsel4vm's data lanes have no room for what is misaligned: as a bus would, in pieces. */
static int access(void *cookie, uint64_t address, unsigned size, bool write, uint64_t *value)
{
    struct emulation *e = cookie;
    uint64_t gpa = e->ipa_page + (address - e->va_page);
    uint64_t whole = write ? *value : 0;
    int error = 0;
    for (unsigned shift = 0; shift < 64 && shift < 8 * size && !error;) {
        unsigned piece = piece_at(gpa + shift / 8, size - shift / 8);
        uint64_t part = whole >> shift;
        error = access_piece(e, gpa + shift / 8, piece, write, &part);
        if (!write) {
            whole |= (part & vmmp_all_ones(piece)) << shift;
        }
        shift += 8 * piece;
    }
    *value = whole;
    return error;
}

/* ---- one instruction ------------------------------------------------------------------------- */

static enum hosted_outcome inject(struct emulation *e, uint8_t fsc, bool write,
                                  const uint64_t *address)
{
    struct vmmp_arm_abort abort = {
        .fsc = fsc,
        .write = write,
        .address_valid = address,
        .address = address ? *address : 0,
    };
    const struct hosted_engine *engine = e->vcpu->hosted->engine;
    if (vmmp_arm_inject_abort(&e->vcpu->base, &abort) &&
        (!engine->external_abort || engine->external_abort(e->vcpu))) {
        hosted_say(e->vcpu->hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                   "vCPU %u: an abort cannot be injected", e->vcpu->base.vcpu_id);
        return HOSTED_FAILED;
    }
    return HOSTED_RESTART;
}

static void say_unknown(struct emulation *e, uint64_t gpa)
{
    struct hosted_vm *hosted = e->vcpu->hosted;
    vmmp_log_guest(
        hosted->log, &hosted->undecoded_limit,
        "vCPU %u: the instruction at 0x%jx, which accesses 0x%jx, where no memory is, is "
        "no load or store that is known here: an abort to the guest",
        e->vcpu->base.vcpu_id, (uintmax_t)e->context.pc, (uintmax_t)gpa);
}

/* Registers and the pc, after an instruction that is complete. */
static enum hosted_outcome finish(struct emulation *e, const struct vmmp_arm_load_store *ls)
{
    uint32_t status = vmmp_arm_status_after(vmmp_arm_status(&e->context));
#ifdef CONFIG_ARCH_AARCH64
    if (vmmp_arm_is_aarch32(&e->context)) {
        e->context.spsr = status;
    }
#else
    e->context.cpsr = status;
#endif
    e->context.pc += ls->length;
    return e->vcpu->hosted->engine->registers_set(e->vcpu, &e->context) ? HOSTED_FAILED
                                                                        : HOSTED_DONE;
}

static enum hosted_outcome carry_out(struct emulation *e, const struct vmmp_arm_load_store *ls,
                                     uint64_t gpa, bool write)
{
    const struct hosted_engine *engine = e->vcpu->hosted->engine;
    const struct vmmp_arm_machine machine = {
        .cookie = e,
        .get = get,
        .set = set,
        .get_vector = engine->vector_get ? get_vector : NULL,
        .set_vector = engine->vector_set ? set_vector : NULL,
        .access = access,
        .carry = vmmp_arm_status(&e->context) >> 29 & 1,
        .aarch32 = vmmp_arm_is_aarch32(&e->context),
    };
    uint64_t address;
    uint64_t bytes;
    uint64_t physical;
    if (vmmp_arm_load_store_span(ls, &machine, &address, &bytes)) {
        return HOSTED_FAILED;
    }
    if (ls->kind == VMMP_ARM_EXCLUSIVE) {
        return inject(e, VMMP_ARM_FSC_EXCLUSIVE, write, &address);
    }
    if (!vmmp_arm_walk(&e->translation, &e->memory, address, &physical)) {
        return inject(e, FSC_TRANSLATE, write, &address);
    }
    if ((address & PAGE_OFFSET) + bytes > PAGE_OFFSET + 1) {
        return inject(e, VMMP_ARM_FSC_ALIGNMENT, write, &address);
    }
    /* Not what the hardware has checked: the guest changed it meanwhile. */
    if (((physical ^ gpa) & ~PAGE_OFFSET) || ls->write != write) {
        return HOSTED_RESTART;
    }
    e->va_page = address & ~PAGE_OFFSET;
    e->ipa_page = physical & ~PAGE_OFFSET;
    int error = vmmp_arm_load_store_execute(ls, &machine);
    if (error == -ECANCELED) {
        return e->outcome;
    }
    if (error) {
        say_unknown(e, gpa);
        return inject(e, VMMP_ARM_FSC_EXTERNAL, write, NULL);
    }
    return finish(e, ls);
}

enum hosted_outcome hosted_vcpu_undecoded(struct hosted_vcpu *vcpu, uint64_t gpa, uint32_t iss)
{
    struct emulation e = { .vcpu = vcpu, .outcome = HOSTED_FAILED };
    struct vmmp_arm_load_store ls;
    if (hosted_vm_stopping(vcpu->hosted)) {
        return HOSTED_STOPPED;
    }
    if (vcpu->hosted->engine->registers_get(vcpu, &e.context)) {
        return HOSTED_FAILED;
    }
    prepare(&e);
    if (!decode(&e, &ls) || ls.kind == VMMP_ARM_NO_LOAD_STORE) {
        say_unknown(&e, gpa);
        return inject(&e, VMMP_ARM_FSC_EXTERNAL, iss & ISS_WNR, NULL);
    }
    if (ls.kind == VMMP_ARM_NO_ACCESS) {
        return finish(&e, &ls);
    }
    return carry_out(&e, &ls, gpa, iss & ISS_WNR);
}
