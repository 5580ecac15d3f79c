/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/arm_exception.h>

#include <string.h>

#define BIT(number) (UINT32_C(1) << (number))

static uint32_t field(uint32_t value, unsigned low, unsigned bits)
{
    return value >> low & (BIT(bits) - 1);
}

static bool flag(uint32_t value, unsigned bit)
{
    return value >> bit & 1;
}

#define CLASS_BITS(ec) [VMMP_ARM_EC_##ec]

static const uint8_t forms[VMMP_ARM_EXCEPTION_CLASSES] = {
    CLASS_BITS(WFX) = VMMP_ARM_FORM_WFX,
    CLASS_BITS(CP15_MCR) = VMMP_ARM_FORM_SYSREG,
    CLASS_BITS(CP15_MCRR) = VMMP_ARM_FORM_SYSREG,
    CLASS_BITS(CP14_MCR) = VMMP_ARM_FORM_SYSREG,
    CLASS_BITS(CP14_LDC) = VMMP_ARM_FORM_CP_MEMORY,
    CLASS_BITS(FP) = VMMP_ARM_FORM_FP,
    CLASS_BITS(CP10_ID) = VMMP_ARM_FORM_SYSREG,
    CLASS_BITS(LS64) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(CP14_MCRR) = VMMP_ARM_FORM_SYSREG,
    CLASS_BITS(BTI) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(SVC32) = VMMP_ARM_FORM_IMMEDIATE,
    CLASS_BITS(HVC32) = VMMP_ARM_FORM_IMMEDIATE,
    CLASS_BITS(SMC32) = VMMP_ARM_FORM_NONE,
    CLASS_BITS(SYSREG128) = VMMP_ARM_FORM_SYSREG,
    CLASS_BITS(SVC64) = VMMP_ARM_FORM_IMMEDIATE,
    CLASS_BITS(HVC64) = VMMP_ARM_FORM_IMMEDIATE,
    CLASS_BITS(SMC64) = VMMP_ARM_FORM_IMMEDIATE,
    CLASS_BITS(SYSREG) = VMMP_ARM_FORM_SYSREG,
    CLASS_BITS(ERET) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(TSTART) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(PAC_FAIL) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(SME) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(IABT_LOWER) = VMMP_ARM_FORM_ABORT,
    CLASS_BITS(IABT_SAME) = VMMP_ARM_FORM_ABORT,
    CLASS_BITS(DABT_LOWER) = VMMP_ARM_FORM_ABORT,
    CLASS_BITS(DABT_SAME) = VMMP_ARM_FORM_ABORT,
    CLASS_BITS(MOPS) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(FP_TRAP32) = VMMP_ARM_FORM_FP_TRAP,
    CLASS_BITS(FP_TRAP64) = VMMP_ARM_FORM_FP_TRAP,
    CLASS_BITS(GCS) = VMMP_ARM_FORM_NUMBER,
    CLASS_BITS(SERROR) = VMMP_ARM_FORM_SERROR,
    CLASS_BITS(BREAKPOINT_LOWER) = VMMP_ARM_FORM_DEBUG,
    CLASS_BITS(BREAKPOINT_SAME) = VMMP_ARM_FORM_DEBUG,
    CLASS_BITS(STEP_LOWER) = VMMP_ARM_FORM_DEBUG,
    CLASS_BITS(STEP_SAME) = VMMP_ARM_FORM_DEBUG,
    CLASS_BITS(WATCHPOINT_LOWER) = VMMP_ARM_FORM_DEBUG,
    CLASS_BITS(WATCHPOINT_SAME) = VMMP_ARM_FORM_DEBUG,
    CLASS_BITS(BKPT32) = VMMP_ARM_FORM_IMMEDIATE,
    CLASS_BITS(BRK64) = VMMP_ARM_FORM_IMMEDIATE,
};

/* The classes of AArch32 instructions whose ISS begins with CV and COND. */
static bool has_condition(uint8_t ec)
{
    return (ec >= VMMP_ARM_EC_WFX && ec <= VMMP_ARM_EC_CP10_ID) || ec == VMMP_ARM_EC_CP14_MCRR ||
           ec == VMMP_ARM_EC_SMC32;
}

static void decode_sysreg(struct vmmp_arm_exception *e)
{
    uint32_t iss = e->iss;

    e->as.sysreg.read = flag(iss, 0);
    e->as.sysreg.rt = (uint8_t)field(iss, 5, 5);
    switch (e->ec) {
    case VMMP_ARM_EC_SYSREG128: /* Rt is even: its field has four bits, above a zero. */
    case VMMP_ARM_EC_SYSREG:
        e->as.sysreg.rt2 = (uint8_t)(e->ec == VMMP_ARM_EC_SYSREG128 ? e->as.sysreg.rt | 1 : 0);
        e->as.sysreg.id = VMMP_ARM_SYSREG(field(iss, 20, 2), field(iss, 14, 3), field(iss, 10, 4),
                                          field(iss, 1, 4), field(iss, 17, 3));
        break;
    case VMMP_ARM_EC_CP15_MCRR:
    case VMMP_ARM_EC_CP14_MCRR:
        e->as.sysreg.rt2 = (uint8_t)field(iss, 10, 5);
        e->as.sysreg.id = VMMP_ARM_CP64(e->ec == VMMP_ARM_EC_CP15_MCRR ? 15 : 14, field(iss, 16, 4),
                                        field(iss, 1, 4));
        break;
    default:
        e->as.sysreg.id = VMMP_ARM_CP32(e->ec == VMMP_ARM_EC_CP15_MCR   ? 15
                                        : e->ec == VMMP_ARM_EC_CP14_MCR ? 14
                                                                        : 10,
                                        field(iss, 14, 3), field(iss, 10, 4), field(iss, 1, 4),
                                        field(iss, 17, 3));
        break;
    }
}

static void decode_abort(struct vmmp_arm_exception *e)
{
    uint32_t iss = e->iss;
    bool data = e->ec == VMMP_ARM_EC_DABT_LOWER || e->ec == VMMP_ARM_EC_DABT_SAME;

    e->as.abort.fsc = (uint8_t)field(iss, 0, 6);
    e->as.abort.walk = flag(iss, 7);
    e->as.abort.external = flag(iss, 9);
    e->as.abort.address_valid = !flag(iss, 10);
    if (!data) {
        return;
    }
    e->as.abort.write = flag(iss, 6);
    e->as.abort.maintenance = flag(iss, 8);
    e->as.abort.syndrome_valid = flag(iss, 24);
    if (e->as.abort.syndrome_valid) {
        e->as.abort.size = (uint8_t)(1u << field(iss, 22, 2));
        e->as.abort.sign_extend = flag(iss, 21);
        e->as.abort.rt = (uint8_t)field(iss, 16, 5);
        e->as.abort.rt_is_64 = flag(iss, 15);
        e->as.abort.acquire_release = flag(iss, 14);
    }
}

static void decode_debug(struct vmmp_arm_exception *e)
{
    e->as.abort.fsc = (uint8_t)field(e->iss, 0, 6);
    e->as.abort.address_valid = e->ec >= VMMP_ARM_EC_WATCHPOINT_LOWER;
    if (e->as.abort.address_valid) {
        e->as.abort.write = flag(e->iss, 6);
        e->as.abort.maintenance = flag(e->iss, 8);
    }
}

static void decode_rest(struct vmmp_arm_exception *e)
{
    switch (e->form) {
    case VMMP_ARM_FORM_WFX:
        e->as.wfx.event = flag(e->iss, 0);
        e->as.wfx.timeout = flag(e->iss, 1);
        break;
    case VMMP_ARM_FORM_CP_MEMORY:
        e->as.memory.read = flag(e->iss, 0);
        e->as.memory.mode = (uint8_t)field(e->iss, 1, 3);
        e->as.memory.add = flag(e->iss, 4);
        e->as.memory.base = (uint8_t)field(e->iss, 5, 5);
        /* The literal forms, whose base is the pc. */
        e->as.memory.base_valid = (e->as.memory.mode & 3) != 2;
        e->as.memory.immediate = (uint8_t)field(e->iss, 12, 8);
        break;
    case VMMP_ARM_FORM_FP:
        e->as.fp.coprocessor = (uint8_t)field(e->iss, 0, 4);
        e->as.fp.simd = flag(e->iss, 5);
        break;
    case VMMP_ARM_FORM_IMMEDIATE:
        e->as.immediate = field(e->iss, 0, 16);
        break;
    case VMMP_ARM_FORM_FP_TRAP:
        /* Without TFV, bit 23, the bits below are not known. */
        e->as.immediate = flag(e->iss, 23) ? e->iss & 0x9f : 0;
        break;
    case VMMP_ARM_FORM_NUMBER:
        e->as.immediate = e->iss;
        break;
    case VMMP_ARM_FORM_SERROR:
        e->as.serror.implementation_defined = flag(e->iss, 24);
        e->as.serror.aet = (uint8_t)field(e->iss, 10, 3);
        e->as.serror.external = flag(e->iss, 9);
        e->as.serror.dfsc = (uint8_t)field(e->iss, 0, 6);
        break;
    default:
        break;
    }
}

void vmmp_arm_exception_decode(struct vmmp_arm_exception *exception, uint32_t syndrome)
{
    memset(exception, 0, sizeof(*exception));
    exception->syndrome = syndrome;
    exception->iss = field(syndrome, 0, 25);
    exception->ec = (uint8_t)field(syndrome, 26, 6);
    exception->length = flag(syndrome, 25) ? 4 : 2;
    exception->form = forms[exception->ec];
    exception->condition = 14;
    if (has_condition(exception->ec) && flag(exception->iss, 24)) {
        exception->condition_valid = true;
        exception->condition = (uint8_t)field(exception->iss, 20, 4);
    }
    switch (exception->form) {
    case VMMP_ARM_FORM_SYSREG:
        decode_sysreg(exception);
        break;
    case VMMP_ARM_FORM_ABORT:
        decode_abort(exception);
        break;
    case VMMP_ARM_FORM_DEBUG:
        decode_debug(exception);
        break;
    default:
        decode_rest(exception);
        break;
    }
}
