/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions as text. */
#include <sel4vmmplatsupport/vmmp/arm_exception.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <sel4vmmplatsupport/vmmp/log.h>

#define NAME(ec) [VMMP_ARM_EC_##ec]

static const char *const class_names[VMMP_ARM_EXCEPTION_CLASSES] = {
    NAME(UNKNOWN) = "undefined instruction",
    NAME(WFX) = "wait",
    NAME(CP15_MCR) = "CP15 access",
    NAME(CP15_MCRR) = "CP15 access, 64 bits",
    NAME(CP14_MCR) = "CP14 access",
    NAME(CP14_LDC) = "CP14 load or store",
    NAME(FP) = "floating-point or SIMD access",
    NAME(CP10_ID) = "floating-point ID register access",
    NAME(PAC) = "pointer authentication",
    NAME(LS64) = "64-byte load or store",
    NAME(CP14_MCRR) = "CP14 access, 64 bits",
    NAME(BTI) = "branch target",
    NAME(ILLEGAL) = "illegal execution state",
    NAME(SVC32) = "SVC, AArch32",
    NAME(HVC32) = "HVC, AArch32",
    NAME(SMC32) = "SMC, AArch32",
    NAME(SYSREG128) = "system register access, 128 bits",
    NAME(SVC64) = "SVC",
    NAME(HVC64) = "HVC",
    NAME(SMC64) = "SMC",
    NAME(SYSREG) = "system register access",
    NAME(SVE) = "SVE access",
    NAME(ERET) = "ERET",
    NAME(TSTART) = "TSTART",
    NAME(PAC_FAIL) = "pointer authentication failure",
    NAME(SME) = "SME access",
    [0x1e] = "granule protection check",
    [0x1f] = "implementation defined, to EL3",
    NAME(IABT_LOWER) = "instruction abort from a lower level",
    NAME(IABT_SAME) = "instruction abort from the same level",
    NAME(PC_ALIGNMENT) = "misaligned pc",
    NAME(DABT_LOWER) = "data abort from a lower level",
    NAME(DABT_SAME) = "data abort from the same level",
    NAME(SP_ALIGNMENT) = "misaligned sp",
    NAME(MOPS) = "memory copy or set",
    NAME(FP_TRAP32) = "floating-point exception, AArch32",
    NAME(FP_TRAP64) = "floating-point exception",
    NAME(GCS) = "guarded control stack",
    NAME(SERROR) = "SError",
    NAME(BREAKPOINT_LOWER) = "breakpoint from a lower level",
    NAME(BREAKPOINT_SAME) = "breakpoint from the same level",
    NAME(STEP_LOWER) = "step from a lower level",
    NAME(STEP_SAME) = "step from the same level",
    NAME(WATCHPOINT_LOWER) = "watchpoint from a lower level",
    NAME(WATCHPOINT_SAME) = "watchpoint from the same level",
    NAME(BKPT32) = "BKPT",
    NAME(VECTOR32) = "vector catch",
    NAME(BRK64) = "BRK",
};

const char *vmmp_arm_class_name(uint8_t ec)
{
    const char *name = ec < VMMP_ARM_EXCEPTION_CLASSES ? class_names[ec] : NULL;
    return name ? name : "reserved";
}

#define LEVELS(first, name)                                       \
    [first] = name ", level 0", [(first) + 1] = name ", level 1", \
    [(first) + 2] = name ", level 2", [(first) + 3] = name ", level 3"

static const char *const fault_names[64] = {
    LEVELS(0x00, "address size fault"),
    LEVELS(0x04, "translation fault"),
    LEVELS(0x08, "access flag fault"),
    LEVELS(0x0c, "permission fault"),
    [0x10] = "external abort",
    [0x11] = "tag check fault",
    [0x13] = "external abort on a table walk, level -1",
    LEVELS(0x14, "external abort on a table walk"),
    [0x18] = "parity or ECC error",
    [0x1b] = "parity or ECC error on a table walk, level -1",
    LEVELS(0x1c, "parity or ECC error on a table walk"),
    [0x21] = "alignment fault",
    [0x22] = "debug exception",
    [0x29] = "address size fault, level -1",
    [0x2b] = "translation fault, level -1",
    [0x30] = "TLB conflict",
    [0x31] = "unsupported atomic hardware update",
    [0x34] = "lockdown fault",
    [0x35] = "unsupported exclusive or atomic access",
};

const char *vmmp_arm_fault_name(uint8_t fsc)
{
    const char *name = fsc < 64 ? fault_names[fsc] : NULL;
    return name ? name : "reserved fault";
}

/* A text being written: whole lengths are counted, what does not fit is not written. */
struct text {
    char *at;
    size_t size;
    size_t length;
};

static void VMMP_PRINTF(2, 3) add(struct text *text, const char *format, ...)
{
    va_list arguments;
    size_t used = text->length < text->size ? text->length : text->size;

    va_start(arguments, format);
    int more = vsnprintf(text->at + used, text->size - used, format, arguments);
    va_end(arguments);
    if (more > 0) {
        text->length += (size_t)more;
    }
}

static void add_sysreg(struct text *text, const struct vmmp_arm_exception *e)
{
    char name[32];
    bool read = e->as.sysreg.read;
    unsigned rt = e->as.sysreg.rt;
    unsigned rt2 = e->as.sysreg.rt2;

    vmmp_arm_sysreg_format(e->as.sysreg.id, name, sizeof(name));
    if (e->as.sysreg.id & VMMP_ARM_64_FLAG) {
        add(text, ": %s R%u, R%u, %s", read ? "MRRC" : "MCRR", rt, rt2, name);
    } else if (e->as.sysreg.id & VMMP_ARM_CP_FLAG) {
        add(text, ": %s R%u, %s", read ? "MRC" : "MCR", rt, name);
    } else if (e->ec == VMMP_ARM_EC_SYSREG128) {
        add(text, ": %s X%u, X%u, %s", read ? "MRRS" : "MSRR", rt, rt2, name);
    } else if (e->as.sysreg.id >> 14 == 1) {
        add(text, ": %s, X%u", name, rt);
    } else if (read) {
        add(text, ": MRS X%u, %s", rt, name);
    } else {
        add(text, ": MSR %s, X%u", name, rt);
    }
}

static void add_abort(struct text *text, const struct vmmp_arm_exception *e)
{
    bool data = e->ec == VMMP_ARM_EC_DABT_LOWER || e->ec == VMMP_ARM_EC_DABT_SAME;

    add(text, ": %s%s%s%s", vmmp_arm_fault_name(e->as.abort.fsc),
        e->as.abort.external ? ", external" : "", e->as.abort.walk ? ", table walk" : "",
        e->as.abort.address_valid ? "" : ", no address");
    if (!data) {
        return;
    }
    if (e->as.abort.maintenance) {
        add(text, ", cache maintenance");
    } else if (!e->as.abort.syndrome_valid) {
        add(text, ", %s, not decoded", e->as.abort.write ? "write" : "read");
    } else {
        add(text, ", %s of %u bytes%s, %c%u%s", e->as.abort.write ? "write" : "read",
            e->as.abort.size, e->as.abort.sign_extend ? ", sign-extended" : "",
            e->as.abort.rt_is_64 ? 'X' : 'W', e->as.abort.rt,
            e->as.abort.acquire_release ? ", ordered" : "");
    }
}

static void add_rest(struct text *text, const struct vmmp_arm_exception *e)
{
    switch (e->form) {
    case VMMP_ARM_FORM_WFX:
        add(text, ": WF%c%s", e->as.wfx.event ? 'E' : 'I', e->as.wfx.timeout ? "T" : "");
        break;
    case VMMP_ARM_FORM_CP_MEMORY:
        add(text, ": %s p14, base ", e->as.memory.read ? "LDC" : "STC");
        if (e->as.memory.base_valid) {
            add(text, "R%u", e->as.memory.base);
        } else {
            add(text, "pc");
        }
        add(text, ", %c%u", e->as.memory.add ? '+' : '-', 4u * e->as.memory.immediate);
        break;
    case VMMP_ARM_FORM_FP:
        if (e->as.fp.coprocessor) {
            add(text, ": p%u%s", e->as.fp.coprocessor, e->as.fp.simd ? ", SIMD" : "");
        }
        break;
    case VMMP_ARM_FORM_IMMEDIATE:
        add(text, ": #0x%" PRIx32, e->as.immediate);
        break;
    case VMMP_ARM_FORM_DEBUG:
        add(text, ": %s", vmmp_arm_fault_name(e->as.abort.fsc));
        if (e->as.abort.address_valid) {
            add(text, ", %s",
                e->as.abort.maintenance ? "cache maintenance"
                : e->as.abort.write     ? "write"
                                        : "read");
        }
        break;
    case VMMP_ARM_FORM_FP_TRAP:
    case VMMP_ARM_FORM_NUMBER:
        add(text, ": 0x%" PRIx32, e->as.immediate);
        break;
    case VMMP_ARM_FORM_SERROR:
        if (e->as.serror.implementation_defined) {
            add(text, ": implementation defined 0x%" PRIx32, e->iss & 0xffffff);
        } else {
            add(text, ": %s, error type %u%s",
                e->as.serror.dfsc == 0x11 ? "asynchronous" : "uncategorized", e->as.serror.aet,
                e->as.serror.external ? ", external" : "");
        }
        break;
    default:
        if (e->iss) {
            add(text, ": ISS 0x%" PRIx32, e->iss);
        }
        break;
    }
}

size_t vmmp_arm_exception_format(const struct vmmp_arm_exception *exception, char *text,
                                 size_t size)
{
    struct text out = { .at = text, .size = size };

    add(&out, "%s (class 0x%02x, %u bytes)", vmmp_arm_class_name(exception->ec), exception->ec,
        exception->length);
    switch (exception->form) {
    case VMMP_ARM_FORM_SYSREG:
        add_sysreg(&out, exception);
        break;
    case VMMP_ARM_FORM_ABORT:
        add_abort(&out, exception);
        break;
    default:
        add_rest(&out, exception);
        break;
    }
    if (exception->condition_valid && exception->condition < 14) {
        add(&out, ", condition %u", exception->condition);
    }
    return out.length;
}
