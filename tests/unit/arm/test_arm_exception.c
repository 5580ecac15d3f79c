/* SPDX-License-Identifier: BSD-2-Clause */
/* Syndromes taken apart and as text: src/arch/arm/exception*.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sel4vmmplatsupport/vmmp/arm_exception.h>

#define SYNDROME(ec, iss) ((uint32_t)(ec) << 26 | UINT32_C(1) << 25 | (uint32_t)(iss))
#define CONDITION(cond)   (UINT32_C(1) << 24 | (uint32_t)(cond) << 20)

static const struct {
    uint32_t syndrome;
    const char *text;
} lines[] = {
    { SYNDROME(0x00, 0), "undefined instruction (class 0x00, 4 bytes)" },
    { SYNDROME(0x01, 0), "wait (class 0x01, 4 bytes): WFI" },
    { SYNDROME(0x01, 1), "wait (class 0x01, 4 bytes): WFE" },
    { SYNDROME(0x01, 2), "wait (class 0x01, 4 bytes): WFIT" },
    { SYNDROME(0x01, 3), "wait (class 0x01, 4 bytes): WFET" },
    { UINT32_C(0x01) << 26 | CONDITION(1), "wait (class 0x01, 2 bytes): WFI, condition 1" },
    { SYNDROME(0x02, 5), "reserved (class 0x02, 4 bytes): ISS 0x5" },
    { SYNDROME(0x03, CONDITION(14) | 1u << 10 | 5u << 5 | 1),
      "CP15 access (class 0x03, 4 bytes): MRC R5, SCTLR" },
    { SYNDROME(0x03, CONDITION(0) | 7u << 17 | 3u << 14 | 15u << 10 | 2u << 5 | 9u << 1),
      "CP15 access (class 0x03, 4 bytes): MCR R2, p15 3, c15, c9, 7, condition 0" },
    { SYNDROME(0x04, CONDITION(14) | 3u << 16 | 7u << 10 | 6u << 5 | 14u << 1 | 1),
      "CP15 access, 64 bits (class 0x04, 4 bytes): MRRC R6, R7, CNTV_CVAL" },
    { SYNDROME(0x04, CONDITION(14) | 9u << 16 | 7u << 10 | 6u << 5 | 3u << 1),
      "CP15 access, 64 bits (class 0x04, 4 bytes): MCRR R6, R7, p15 9, c3" },
    { SYNDROME(0x05, CONDITION(14) | 15u << 5 | 1u << 1 | 1),
      "CP14 access (class 0x05, 4 bytes): MRC R15, DBGDSCRint" },
    { SYNDROME(0x06, CONDITION(14) | 3u << 12 | 4u << 5 | 1u << 4 | 1),
      "CP14 load or store (class 0x06, 4 bytes): LDC p14, base R4, +12" },
    { SYNDROME(0x06, CONDITION(14) | 2u << 12 | 4u << 5 | 2u << 1),
      "CP14 load or store (class 0x06, 4 bytes): STC p14, base pc, -8" },
    { SYNDROME(0x07, CONDITION(14)), "floating-point or SIMD access (class 0x07, 4 bytes)" },
    { SYNDROME(0x07, CONDITION(14) | 1u << 5 | 10),
      "floating-point or SIMD access (class 0x07, 4 bytes): p10, SIMD" },
    { SYNDROME(0x08, CONDITION(14) | 7u << 14 | 7u << 10 | 1u << 5 | 1),
      "floating-point ID register access (class 0x08, 4 bytes): MRC R1, MVFR0" },
    { SYNDROME(0x09, 0), "pointer authentication (class 0x09, 4 bytes)" },
    { SYNDROME(0x0a, 2), "64-byte load or store (class 0x0a, 4 bytes): 0x2" },
    { SYNDROME(0x0c, CONDITION(14) | 2u << 10 | 1u << 5 | 1u << 1 | 1),
      "CP14 access, 64 bits (class 0x0c, 4 bytes): MRRC R1, R2, DBGDRAR" },
    { SYNDROME(0x0d, 3), "branch target (class 0x0d, 4 bytes): 0x3" },
    { SYNDROME(0x0e, 0), "illegal execution state (class 0x0e, 4 bytes)" },
    { UINT32_C(0x11) << 26 | 0xab, "SVC, AArch32 (class 0x11, 2 bytes): #0xab" },
    { SYNDROME(0x12, 0x1234), "HVC, AArch32 (class 0x12, 4 bytes): #0x1234" },
    { SYNDROME(0x13, 0), "SMC, AArch32 (class 0x13, 4 bytes)" },
    { SYNDROME(0x14, 3u << 20 | 2u << 10 | 4u << 5 | 1),
      "system register access, 128 bits (class 0x14, 4 bytes): MRRS X4, X5, TTBR0_EL1" },
    { SYNDROME(0x15, 0xffff), "SVC (class 0x15, 4 bytes): #0xffff" },
    { SYNDROME(0x16, 0), "HVC (class 0x16, 4 bytes): #0x0" },
    { SYNDROME(0x17, 1), "SMC (class 0x17, 4 bytes): #0x1" },
    { SYNDROME(0x18, 3u << 20 | 1u << 10 | 5u << 5 | 1),
      "system register access (class 0x18, 4 bytes): MRS X5, SCTLR_EL1" },
    { SYNDROME(0x18, 3u << 20 | 1u << 14 | 15u << 10 | 31u << 5 | 2u << 1),
      "system register access (class 0x18, 4 bytes): MSR S3_1_C15_C2_0, X31" },
    { SYNDROME(0x18, 1u << 20 | 2u << 17 | 7u << 10 | 3u << 5 | 6u << 1),
      "system register access (class 0x18, 4 bytes): DC ISW, X3" },
    { SYNDROME(0x19, 0), "SVE access (class 0x19, 4 bytes)" },
    { SYNDROME(0x1a, 2), "ERET (class 0x1a, 4 bytes): 0x2" },
    { SYNDROME(0x1b, 0), "TSTART (class 0x1b, 4 bytes): 0x0" },
    { SYNDROME(0x1c, 1), "pointer authentication failure (class 0x1c, 4 bytes): 0x1" },
    { SYNDROME(0x1d, 3), "SME access (class 0x1d, 4 bytes): 0x3" },
    { SYNDROME(0x20, 0x87),
      "instruction abort from a lower level (class 0x20, 4 bytes): translation fault, level 3, "
      "table walk" },
    { SYNDROME(0x20, 0x610),
      "instruction abort from a lower level (class 0x20, 4 bytes): external abort, external, no "
      "address" },
    { SYNDROME(0x22, 0), "misaligned pc (class 0x22, 4 bytes)" },
    { SYNDROME(0x24, 1u << 24 | 2u << 22 | 5u << 16 | 1u << 6 | 6),
      "data abort from a lower level (class 0x24, 4 bytes): translation fault, level 2, write of 4 "
      "bytes, W5" },
    { SYNDROME(0x24, 1u << 24 | 1u << 21 | 31u << 16 | 1u << 15 | 5),
      "data abort from a lower level (class 0x24, 4 bytes): translation fault, level 1, read of 1 "
      "bytes, sign-extended, X31" },
    { SYNDROME(0x24, 1u << 24 | 3u << 22 | 1u << 15 | 1u << 14 | 15),
      "data abort from a lower level (class 0x24, 4 bytes): permission fault, level 3, read of 8 "
      "bytes, X0, ordered" },
    { SYNDROME(0x24, 7), "data abort from a lower level (class 0x24, 4 bytes): translation fault, "
                         "level 3, read, not decoded" },
    { SYNDROME(0x24, 1u << 8 | 7),
      "data abort from a lower level (class 0x24, 4 bytes): translation "
      "fault, level 3, cache maintenance" },
    { SYNDROME(0x24, 0x35), "data abort from a lower level (class 0x24, 4 bytes): unsupported "
                            "exclusive or atomic access, read, not decoded" },
    { SYNDROME(0x26, 0), "misaligned sp (class 0x26, 4 bytes)" },
    { SYNDROME(0x27, 1), "memory copy or set (class 0x27, 4 bytes): 0x1" },
    { SYNDROME(0x28, 1u << 23 | 0x81),
      "floating-point exception, AArch32 (class 0x28, 4 bytes): 0x81" },
    { SYNDROME(0x2c, 0x81), "floating-point exception (class 0x2c, 4 bytes): 0x0" },
    { SYNDROME(0x2d, 0), "guarded control stack (class 0x2d, 4 bytes): 0x0" },
    { SYNDROME(0x2f, 1u << 24 | 0x1234),
      "SError (class 0x2f, 4 bytes): implementation defined 0x1234" },
    { SYNDROME(0x2f, 0x11 | 1u << 10 | 1u << 9),
      "SError (class 0x2f, 4 bytes): asynchronous, error type 1, external" },
    { SYNDROME(0x30, 0x22),
      "breakpoint from a lower level (class 0x30, 4 bytes): debug exception" },
    { SYNDROME(0x32, 0x22), "step from a lower level (class 0x32, 4 bytes): debug exception" },
    { SYNDROME(0x34, 0x62),
      "watchpoint from a lower level (class 0x34, 4 bytes): debug exception, write" },
    { UINT32_C(0x38) << 26 | 7, "BKPT (class 0x38, 2 bytes): #0x7" },
    { SYNDROME(0x3a, 0), "vector catch (class 0x3a, 4 bytes)" },
    { SYNDROME(0x3c, 0x800), "BRK (class 0x3c, 4 bytes): #0x800" },
    { SYNDROME(0x3f, 0), "reserved (class 0x3f, 4 bytes)" },
};

static void every_class_has_a_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct vmmp_arm_exception e;
        char text[VMMP_ARM_TEXT];
        vmmp_arm_exception_decode(&e, lines[i].syndrome);
        size_t length = vmmp_arm_exception_format(&e, text, sizeof(text));
        assert_string_equal(text, lines[i].text);
        assert_int_equal(length, strlen(text));
    }
}

static void fields_are_where_they_belong(void **state)
{
    struct vmmp_arm_exception e;

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        vmmp_arm_exception_decode(&e, UINT32_C(1) << bit);
        assert_int_equal(e.syndrome, UINT32_C(1) << bit);
        assert_int_equal(e.iss, bit < 25 ? UINT32_C(1) << bit : 0);
        assert_int_equal(e.length, bit == 25 ? 4 : 2);
        assert_int_equal(e.ec, bit > 25 ? 1u << (bit - 26) : 0);
    }
    vmmp_arm_exception_decode(&e, SYNDROME(0x18, 0x1ffffffu));
    assert_int_equal(e.as.sysreg.id, VMMP_ARM_SYSREG(3, 7, 15, 15, 7));
    assert_int_equal(e.as.sysreg.rt, 31);
    assert_false(e.condition_valid);
    vmmp_arm_exception_decode(&e, SYNDROME(0x24, 0x1ffffffu));
    assert_int_equal(e.as.abort.size, 8);
    assert_int_equal(e.as.abort.rt, 31);
    assert_int_equal(e.as.abort.fsc, 0x3f);
    assert_true(e.as.abort.syndrome_valid && e.as.abort.sign_extend && e.as.abort.rt_is_64);
    assert_true(e.as.abort.write && e.as.abort.maintenance && e.as.abort.external);
    assert_false(e.as.abort.address_valid);
    /* Without ISV, the members that it is about say nothing. */
    vmmp_arm_exception_decode(&e, SYNDROME(0x24, 0x0ffffffu));
    assert_false(e.as.abort.syndrome_valid);
    assert_true(e.as.abort.size == 0 && e.as.abort.rt == 0);
}

static void texts_are_cut_where_room_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct vmmp_arm_exception e;
        char text[VMMP_ARM_TEXT];
        vmmp_arm_exception_decode(&e, lines[i].syndrome);
        for (size_t size = 1; size < 70; size++) {
            memset(text, 'z', sizeof(text));
            assert_int_equal(vmmp_arm_exception_format(&e, text, size), strlen(lines[i].text));
            assert_int_equal(text[size], 'z');
            assert_int_equal(strncmp(text, lines[i].text, size - 1), 0);
            assert_true(memchr(text, 0, size) != NULL);
        }
    }
}

static void every_syndrome_has_a_text(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 40000; n++) {
        struct vmmp_arm_exception e;
        char text[VMMP_ARM_TEXT];
        vmmp_arm_exception_decode(&e, n * UINT32_C(2654435761));
        assert_true(vmmp_arm_exception_format(&e, text, sizeof(text)) < sizeof(text));
    }
    assert_string_equal(vmmp_arm_class_name(0x80), "reserved");
    assert_string_equal(vmmp_arm_fault_name(0x80), "reserved fault");
}

static void registers_have_names(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(vmmp_arm_sysreg_format(VMMP_ARM_SYSREG(3, 0, 12, 0, 0), text, sizeof(text)),
                        "VBAR_EL1");
    assert_string_equal(
        vmmp_arm_sysreg_format(VMMP_ARM_SYSREG(3, 3, 14, 15, 7), text, sizeof(text)),
        "PMCCFILTR_EL0");
    assert_string_equal(vmmp_arm_sysreg_format(VMMP_ARM_CP32(15, 0, 12, 0, 0), text, sizeof(text)),
                        "VBAR");
    assert_string_equal(vmmp_arm_sysreg_format(VMMP_ARM_CP64(15, 1, 2), text, sizeof(text)),
                        "TTBR1");
    assert_string_equal(vmmp_arm_sysreg_format(VMMP_ARM_SYSREG(2, 0, 0, 0, 0), text, 6), "S2_0_");
}

int test_arm_exception(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_a_line),
        cmocka_unit_test(fields_are_where_they_belong),
        cmocka_unit_test(texts_are_cut_where_room_ends),
        cmocka_unit_test(every_syndrome_has_a_text),
        cmocka_unit_test(registers_have_names),
    };
    return cmocka_run_group_tests_name("arm_exception", tests, NULL, NULL);
}
