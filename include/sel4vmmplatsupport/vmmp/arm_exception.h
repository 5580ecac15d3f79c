/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the syndrome of an exception to the hypervisor says: ESR_EL2 of AArch64 and HSR of ARMv7,
 * taken apart, and as one line of text.
 *
 * Pure functions over numbers. Hostile guest: any syndrome is fine; what is reserved is shown as
 * numbers.
 * Sources: Arm ARM DDI 0487, ESR_EL2; DDI 0406, B3.13.6 "Hyp Syndrome Register".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_ARM_EXCEPTION_CLASSES 64

/** Exception classes that handlers name. */
enum vmmp_arm_class {
    VMMP_ARM_EC_UNKNOWN = 0x00,
    VMMP_ARM_EC_WFX = 0x01,
    VMMP_ARM_EC_CP15_MCR = 0x03,
    VMMP_ARM_EC_CP15_MCRR = 0x04,
    VMMP_ARM_EC_CP14_MCR = 0x05,
    VMMP_ARM_EC_CP14_LDC = 0x06,
    VMMP_ARM_EC_FP = 0x07,
    VMMP_ARM_EC_CP10_ID = 0x08,
    VMMP_ARM_EC_PAC = 0x09,
    VMMP_ARM_EC_LS64 = 0x0a,
    VMMP_ARM_EC_CP14_MCRR = 0x0c,
    VMMP_ARM_EC_BTI = 0x0d,
    VMMP_ARM_EC_ILLEGAL = 0x0e,
    VMMP_ARM_EC_SVC32 = 0x11,
    VMMP_ARM_EC_HVC32 = 0x12,
    VMMP_ARM_EC_SMC32 = 0x13,
    VMMP_ARM_EC_SYSREG128 = 0x14,
    VMMP_ARM_EC_SVC64 = 0x15,
    VMMP_ARM_EC_HVC64 = 0x16,
    VMMP_ARM_EC_SMC64 = 0x17,
    VMMP_ARM_EC_SYSREG = 0x18,
    VMMP_ARM_EC_SVE = 0x19,
    VMMP_ARM_EC_ERET = 0x1a,
    VMMP_ARM_EC_TSTART = 0x1b,
    VMMP_ARM_EC_PAC_FAIL = 0x1c,
    VMMP_ARM_EC_SME = 0x1d,
    VMMP_ARM_EC_IABT_LOWER = 0x20,
    VMMP_ARM_EC_IABT_SAME = 0x21,
    VMMP_ARM_EC_PC_ALIGNMENT = 0x22,
    VMMP_ARM_EC_DABT_LOWER = 0x24,
    VMMP_ARM_EC_DABT_SAME = 0x25,
    VMMP_ARM_EC_SP_ALIGNMENT = 0x26,
    VMMP_ARM_EC_MOPS = 0x27,
    VMMP_ARM_EC_FP_TRAP32 = 0x28,
    VMMP_ARM_EC_FP_TRAP64 = 0x2c,
    VMMP_ARM_EC_GCS = 0x2d,
    VMMP_ARM_EC_SERROR = 0x2f,
    VMMP_ARM_EC_BREAKPOINT_LOWER = 0x30,
    VMMP_ARM_EC_BREAKPOINT_SAME = 0x31,
    VMMP_ARM_EC_STEP_LOWER = 0x32,
    VMMP_ARM_EC_STEP_SAME = 0x33,
    VMMP_ARM_EC_WATCHPOINT_LOWER = 0x34,
    VMMP_ARM_EC_WATCHPOINT_SAME = 0x35,
    VMMP_ARM_EC_BKPT32 = 0x38,
    VMMP_ARM_EC_VECTOR32 = 0x3a,
    VMMP_ARM_EC_BRK64 = 0x3c,
};

/** Which member of struct vmmp_arm_exception says more. */
enum vmmp_arm_form {
    VMMP_ARM_FORM_NONE, /**< The class says it all. */
    VMMP_ARM_FORM_WFX,
    VMMP_ARM_FORM_SYSREG,    /**< `sysreg`: MSR/MRS, and MCR/MRC, MCRR/MRRC of CP14, CP15, CP10. */
    VMMP_ARM_FORM_CP_MEMORY, /**< `memory`: LDC, STC. */
    VMMP_ARM_FORM_FP,        /**< `fp`: access to FP, SIMD, SVE, SME. */
    VMMP_ARM_FORM_IMMEDIATE, /**< `immediate`: SVC, HVC, SMC, BRK, BKPT. */
    VMMP_ARM_FORM_NUMBER,    /**< `immediate`: a few bits (ERET, BTI, PAC, TSTART, LS64, SME). */
    VMMP_ARM_FORM_ABORT,     /**< `abort`: instruction and data aborts. */
    VMMP_ARM_FORM_DEBUG,     /**< `abort`: breakpoint, step, watchpoint. */
    VMMP_ARM_FORM_FP_TRAP,   /**< `immediate`: the cumulative exception bits. */
    VMMP_ARM_FORM_SERROR,    /**< `serror` */
};

/*
 * A system register's number: MRS and MSR's operands, or those of MRC and MCR (VMMP_ARM_CP32), or
 * of MRRC and MCRR (VMMP_ARM_CP64: only coprocessor, opc1 and CRm).
 */
#define VMMP_ARM_SYSREG(op0, op1, crn, crm, op2)                                                   \
    ((uint32_t)(op0) << 14 | (uint32_t)(op1) << 11 | (uint32_t)(crn) << 7 | (uint32_t)(crm) << 3 | \
     (uint32_t)(op2))
#define VMMP_ARM_CP_FLAG (UINT32_C(1) << 16)
#define VMMP_ARM_64_FLAG (UINT32_C(1) << 17)
#define VMMP_ARM_CP32(cp, opc1, crn, crm, opc2) \
    (VMMP_ARM_CP_FLAG | (uint32_t)((cp)&15) << 18 | VMMP_ARM_SYSREG(0, opc1, crn, crm, opc2))
#define VMMP_ARM_CP64(cp, opc1, crm) \
    (VMMP_ARM_64_FLAG | VMMP_ARM_CP32(cp, (opc1)&7, (opc1) >> 3, crm, 0))

struct vmmp_arm_exception {
    uint32_t syndrome;
    uint32_t iss;
    uint8_t ec;     /**< enum vmmp_arm_class, or a reserved one. */
    uint8_t length; /**< Of the instruction: 2 or 4 bytes. */
    uint8_t form;   /**< enum vmmp_arm_form */
    /** AArch32: the condition the instruction had, if the syndrome has it; 14: always. */
    bool condition_valid;
    uint8_t condition;
    union {
        struct {
            bool event;   /**< WFE, WFET; else WFI, WFIT. */
            bool timeout; /**< The T forms. */
        } wfx;
        struct {
            uint32_t id; /**< VMMP_ARM_SYSREG() and its like. */
            uint8_t rt;
            uint8_t rt2; /**< Of 64-bit accesses. */
            bool read;
        } sysreg;
        struct {
            bool read; /**< LDC: the coprocessor register is written. */
            uint8_t immediate;
            uint8_t base;
            bool base_valid; /**< Else the literal form. */
            uint8_t mode;
            bool add;
        } memory;
        struct {
            uint8_t coprocessor; /**< 10 or 11; 0: not said. */
            bool simd;
        } fp;
        struct {
            uint8_t fsc;         /**< Fault status code. */
            bool external;       /**< EA */
            bool address_valid;  /**< The fault address register holds something. */
            bool walk;           /**< S1PTW: during a walk of the guest's own tables. */
            bool write;          /**< Data: WnR. */
            bool maintenance;    /**< Data: by a cache or address instruction. */
            bool syndrome_valid; /**< Data: ISV; the members below mean something. */
            uint8_t size;        /**< Bytes. */
            bool sign_extend;
            uint8_t rt;
            bool rt_is_64;        /**< The register is an X register. */
            bool acquire_release; /**< Of the ordered instructions. */
        } abort;
        struct {
            bool implementation_defined;
            uint8_t dfsc;
            uint8_t aet;
            bool external;
        } serror;
        uint32_t immediate;
    } as;
};

/** Takes `syndrome` apart. */
void vmmp_arm_exception_decode(struct vmmp_arm_exception *exception, uint32_t syndrome);

/** "data abort from a lower level" and the like; "reserved" for what has no meaning. */
const char *vmmp_arm_class_name(uint8_t ec);
/** "translation fault, level 2" and the like; static. */
const char *vmmp_arm_fault_name(uint8_t fsc);

/** Enough for every text below. */
#define VMMP_ARM_TEXT 192

/**
 * The name of a system register ("SCTLR_EL1", "SCTLR"), else its encoding ("S3_0_C15_C2_0",
 * "p15 1, c9, c0, 2"). Returns `text`, which is cut to `size` (not 0) with a terminating zero.
 */
const char *vmmp_arm_sysreg_format(uint32_t id, char *text, size_t size);

/**
 * One line about the exception, for instance
 * "system register access (class 0x18, 4 bytes): MRS X5, SCTLR_EL1". Returns its whole length, as
 * snprintf() does.
 */
size_t vmmp_arm_exception_format(const struct vmmp_arm_exception *exception, char *text,
                                 size_t size);

#ifdef __cplusplus
}
#endif
