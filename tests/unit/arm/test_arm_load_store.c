/* SPDX-License-Identifier: BSD-2-Clause */
/* What loads and stores are taken apart into: src/arch/arm/load_store_*.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sel4vmmplatsupport/vmmp/arm_load_store.h>

enum set { A64, A32, T32, T16 };

static const struct {
    enum set set;
    uint32_t instruction;
    const char *assembly;
    const char *meaning;
} cases[] = {
    { A64, 0xa9400a81, "ldp x1, x2, [x20]", "load [20] r1:8@0 r2:8@8" },
    { A64, 0x29c10a81, "ldp w1, w2, [x20, #8]!", "load [20+8]! r1:4@0 r2:4@4" },
    { A64, 0x68c20a81, "ldpsw x1, x2, [x20], #16", "load [20]+16! r1:4@0s r2:4@4s" },
    { A64, 0xa9011283, "stp x3, x4, [x20, #16]", "store [20+16] r3:8@0 r4:8@8" },
    { A64, 0x28bf7e83, "stp w3, wzr, [x20], #-8", "store [20]-8! r3:4@0 zero:4@4" },
    { A64, 0xf8408681, "ldr x1, [x20], #8", "load [20]+8! r1:8@0" },
    { A64, 0x38401e81, "ldrb w1, [x20, #1]!", "load [20+1]! r1:1@0" },
    { A64, 0x38803681, "ldrsb x1, [x20], #3", "load [20]+3! r1:1@0s" },
    { A64, 0x78c02681, "ldrsh w1, [x20], #2", "load [20]+2! r1:2@0sw" },
    { A64, 0xb8804e81, "ldrsw x1, [x20, #4]!", "load [20+4]! r1:4@0s" },
    { A64, 0xb81fce83, "str w3, [x20, #-4]!", "store [20-4]! r3:4@0" },
    { A64, 0x78002683, "strh w3, [x20], #2", "store [20]+2! r3:2@0" },
    { A64, 0x3dc00285, "ldr q5, [x20]", "load [20] v5.0c:8@0 v5.8:8@8" },
    { A64, 0xfd400685, "ldr d5, [x20, #8]", "load [20+8] v5.0c:8@0" },
    { A64, 0xbc667a85, "ldr s5, [x20, x6, lsl #2]", "load [20+x6<<2] v5.0c:4@0" },
    { A64, 0x7c67da85, "ldr h5, [x20, w7, sxtw #1]", "load [20+s7<<1] v5.0c:2@0" },
    { A64, 0x3c401685, "ldr b5, [x20], #1", "load [20]+1! v5.0c:1@0" },
    { A64, 0x3d800686, "str q6, [x20, #16]", "store [20+16] v6.0c:8@0 v6.8:8@8" },
    { A64, 0xbc004e86, "str s6, [x20, #4]!", "store [20+4]! v6.0c:4@0" },
    { A64, 0xad001e86, "stp q6, q7, [x20]", "store [20] v6.0c:8@0 v6.8:8@8 v7.0c:8@16 v7.8:8@24" },
    { A64, 0x6cc11a85, "ldp d5, d6, [x20], #16", "load [20]+16! v5.0c:8@0 v6.0c:8@8" },
    { A64, 0x2d409a85, "ldp s5, s6, [x20, #4]", "load [20+4] v5.0c:4@0 v6.0c:4@4" },
    { A64, 0x4c407285, "ld1 {v5.16b}, [x20]",
      "load [20] v5.0c:1@0 v5.1:1@1 v5.2:1@2 v5.3:1@3 v5.4:1@4 v5.5:1@5 v5.6:1@6 v5.7:1@7 to "
      "16@15" },
    { A64, 0x0cdfa285, "ld1 {v5.8b, v6.8b}, [x20], #16",
      "load [20]+16! v5.0c:1@0 v5.1:1@1 v5.2:1@2 v5.3:1@3 v5.4:1@4 v5.5:1@5 v5.6:1@6 v5.7:1@7 to "
      "16@15" },
    { A64, 0x0c408685, "ld2 {v5.4h, v6.4h}, [x20]",
      "load [20] v5.0c:2@0 v6.0c:2@2 v5.2:2@4 v6.2:2@6 v5.4:2@8 v6.4:2@10 v5.6:2@12 v6.6:2@14" },
    { A64, 0x0cc64a85, "ld3 {v5.2s, v6.2s, v7.2s}, [x20], x6",
      "load [20]+x6<<0! v5.0c:4@0 v6.0c:4@4 v7.0c:4@8 v5.4:4@12 v6.4:4@16 v7.4:4@20" },
    { A64, 0x4c000a84, "st4 {v4.4s, v5.4s, v6.4s, v7.4s}, [x20]",
      "store [20] v4.0c:4@0 v5.0c:4@4 v6.0c:4@8 v7.0c:4@12 v4.4:4@16 v5.4:4@20 v6.4:4@24 v7.4:4@28 "
      "to 16@60" },
    { A64, 0x0d400e85, "ld1 {v5.b}[3], [x20]", "load [20] v5.3:1@0" },
    { A64, 0x4ddf4a85, "ld1 {v5.h}[5], [x20], #2", "load [20]+2! v5.10:2@0" },
    { A64, 0x0d609285, "ld2 {v5.s, v6.s}[1], [x20]", "load [20] v5.4:4@0 v6.4:4@4" },
    { A64, 0x4d9f8686, "st1 {v6.d}[1], [x20], #8", "store [20]+8! v6.8:8@0" },
    { A64, 0x4d40c685, "ld1r {v5.8h}, [x20]", "load [20] v5.0c*16:2@0" },
    { A64, 0x0dffca85, "ld2r {v5.2s, v6.2s}, [x20], #8", "load [20]+8! v5.0c*8:4@0 v6.0c*8:4@4" },
    { A64, 0xa8408a81, "ldnp x1, x2, [x20, #8]", "load [20+8] r1:8@0 r2:8@8" },
    { A64, 0xf9800280, "prfm pldl1keep, [x20]", "no access" },
    { A64, 0xd50b7e34, "dc civac, x20", "no access" },
    { A64, 0xd50b7434, "dc zva, x20",
      "store [20] align 64 zero:8@0 zero:8@8 zero:8@16 zero:8@24 zero:8@32 zero:8@40 zero:8@48 "
      "zero:8@56" },
    { A64, 0xc85f7e81, "ldxr x1, [x20]", "exclusive" },
    { A64, 0xc8017e82, "stxr w1, x2, [x20]", "exclusive" },
    { A64, 0xf8210282, "ldadd x1, x2, [x20]", "exclusive" },
    { A64, 0x48207e82, "casp x0, x1, x2, x3, [x20]", "exclusive" },
    { A64, 0x88dffe81, "ldar w1, [x20]", "load [20] r1:4@0" },
    { A64, 0x889ffe83, "stlr w3, [x20]", "store [20] r3:4@0" },
    { A64, 0xf8bfc281, "ldapr x1, [x20]", "load [20] r1:8@0" },
    { A64, 0xb8404a81, "ldtr w1, [x20, #4]", "load [20+4] r1:4@0" },
    { A64, 0xf8403281, "ldur x1, [x20, #3]", "load [20+3] r1:8@0" },
    { A64, 0x8b030041, "add x1, x2, x3", "none" },
    { A64, 0xd9200a81, "stg x1, [x20]", "none" },
    { A64, 0xf8200681, "ldraa x1, [x20]", "none" },
    { A64, 0xd503201f, "nop", "none" },
    { A32, 0xe1c420d0, "ldrd r2, r3, [r4]", "load [4] r2:4@0 r3:4@4" },
    { A32, 0xe1e420f8, "strd r2, r3, [r4, #8]!", "store [4+8]! r2:4@0 r3:4@4" },
    { A32, 0xe04420d8, "ldrd r2, r3, [r4], #-8", "load [4]-8! r2:4@0 r3:4@4" },
    { A32, 0xe18420d5, "ldrd r2, r3, [r4, r5]", "load [4+w5<<0] r2:4@0 r3:4@4" },
    { A32, 0xe8940086, "ldm r4, {r1, r2, r7}", "load [4] r1:4@0 r2:4@4 r7:4@8" },
    { A32, 0xe8b44006, "ldm r4!, {r1, r2, lr}", "load [4]!+12 r1:4@0 r2:4@4 r14:4@8" },
    { A32, 0xe9240007, "stmdb r4!, {r0, r1, r2}", "store [4]!-12 r0:4@-12 r1:4@-8 r2:4@-4" },
    { A32, 0xe9840003, "stmib r4, {r0, r1}", "store [4] r0:4@4 r1:4@8" },
    { A32, 0xe8340006, "ldmda r4!, {r1, r2}", "load [4]!-8 r1:4@-4 r2:4@0" },
    { A32, 0xe4941004, "ldr r1, [r4], #4", "load [4]+4! r1:4@0" },
    { A32, 0xe5b41004, "ldr r1, [r4, #4]!", "load [4+4]! r1:4@0" },
    { A32, 0xe7941105, "ldr r1, [r4, r5, lsl #2]", "load [4+w5<<2] r1:4@0" },
    { A32, 0xe73410a5, "ldr r1, [r4, -r5, lsr #1]!", "load [4-w5>>1]! r1:4@0" },
    { A32, 0xe7941465, "ldr r1, [r4, r5, ror #8]", "load [4+w5ror8] r1:4@0" },
    { A32, 0xe4c41001, "strb r1, [r4], #1", "store [4]+1! r1:1@0" },
    { A32, 0xe1f410b2, "ldrh r1, [r4, #2]!", "load [4+2]! r1:2@0" },
    { A32, 0xe17410d1, "ldrsb r1, [r4, #-1]!", "load [4-1]! r1:1@0sw" },
    { A32, 0xe0d410f2, "ldrsh r1, [r4], #2", "load [4]+2! r1:2@0sw" },
    { A32, 0xed945b02, "vldr d5, [r4, #8]", "load [4+8] v2.8:8@0" },
    { A32, 0xedc42a00, "vstr s5, [r4]", "store [4] v1.4:4@0" },
    { A32, 0xecb42b04, "vldmia r4!, {d2-d3}", "load [4]!+16 v1.0:8@0 v1.8:8@8" },
    { A32, 0xed640a03, "vstmdb r4!, {s1-s3}", "store [4]!-12 v0.4:4@-12 v0.8:4@-8 v0.12:4@-4" },
    { A32, 0xe1941f9f, "ldrex r1, [r4]", "exclusive" },
    { A32, 0xe1041092, "swp r1, r2, [r4]", "exclusive" },
    { A32, 0xf5d4f000, "pld [r4]", "no access" },
    { A32, 0xe594f000, "ldr pc, [r4]", "none" },
    { A32, 0xe0821003, "add r1, r2, r3", "none" },
    { T32, 0xe9d42300, "ldrd r2, r3, [r4]", "load [4] r2:4@0 r3:4@4" },
    { T32, 0xe9e42302, "strd r2, r3, [r4, #8]!", "store [4+8]! r2:4@0 r3:4@4" },
    { T32, 0xe8742802, "ldrd r2, r8, [r4], #-8", "load [4]-8! r2:4@0 r8:4@4" },
    { T16, 0x0000cc06, "ldm r4!, {r1, r2}", "load [4]!+8 r1:4@0 r2:4@4" },
    { T16, 0x0000c406, "stm r4!, {r1, r2}", "store [4]!+8 r1:4@0 r2:4@4" },
    { T16, 0x0000cc14, "ldm r4, {r2, r4}", "load [4] r2:4@0 r4:4@4" },
    { T16, 0x0000b502, "push {r1, lr}", "store [13]!-8 r1:4@-8 r14:4@-4" },
    { T16, 0x0000bc06, "pop {r1, r2}", "load [13]!+8 r1:4@0 r2:4@4" },
    { T32, 0xe9340106, "ldmdb.w r4!, {r1, r2, r8}", "load [4]!-12 r1:4@-12 r2:4@-8 r8:4@-4" },
    { T32, 0xf8541b04, "ldr.w r1, [r4], #4", "load [4]+4! r1:4@0" },
    { T32, 0xf8541d04, "ldr.w r1, [r4, #-4]!", "load [4-4]! r1:4@0" },
    { T32, 0xf9141b01, "ldrsb r1, [r4], #1", "load [4]+1! r1:1@0sw" },
    { T32, 0xf8241f02, "strh r1, [r4, #2]!", "store [4+2]! r1:2@0" },
    { T32, 0xf8541025, "ldr.w r1, [r4, r5, lsl #2]", "load [4+w5<<2] r1:4@0" },
    { T16, 0x00005f61, "ldrsh r1, [r4, r5]", "load [4+w5<<0] r1:2@0sw" },
    { T16, 0x000068a1, "ldr r1, [r4, #8]", "load [4+8] r1:4@0" },
    { T16, 0x000070e1, "strb r1, [r4, #3]", "store [4+3] r1:1@0" },
    { T16, 0x000088e1, "ldrh r1, [r4, #6]", "load [4+6] r1:2@0" },
    { T16, 0x00009902, "ldr r1, [sp, #8]", "load [13+8] r1:4@0" },
    { T32, 0xed945b02, "vldr d5, [r4, #8]", "load [4+8] v2.8:8@0" },
    { T32, 0xe8541f00, "ldrex r1, [r4]", "exclusive" },
    { T32, 0xe8d41faf, "lda r1, [r4]", "load [4] r1:4@0" },
    { T32, 0xf894f000, "pld [r4]", "no access" },
    { T32, 0xe8d4f005, "tbb [r4, r5]", "none" },
};

/* As the table has it: "load [x20+8]!: x1 4@0, x2 4@4". */
static void describe(const struct vmmp_arm_load_store *ls, char *text, size_t size)
{
    static const char *const kinds[] = { "none", "", "no access", "exclusive" };
    static const char *const rotations[] = { "<<", ">>", ">>>", "ror" };
    size_t at = (size_t)snprintf(text, size, "%s", kinds[ls->kind]);

#define ADD(...) at += (size_t)snprintf(text + at, size - at, __VA_ARGS__)
    if (ls->kind != VMMP_ARM_LOAD_STORE) {
        return;
    }
    ADD("%s [", ls->write ? "store" : "load");
    ADD(ls->base == VMMP_ARM_BASE_PC ? "pc" : "%u", ls->base);
    if (ls->post) {
        ADD("]");
    }
    if (ls->indexed) {
        ADD("%c%s%u%s%u", ls->index_subtract ? '-' : '+',
            ls->index_bits == 64 ? "x"
            : ls->index_signed   ? "s"
                                 : "w",
            ls->index, rotations[ls->index_rotate], ls->index_shift);
    }
    if (ls->offset) {
        ADD("%+d", ls->offset);
    }
    if (!ls->post) {
        ADD("]");
    }
    if (ls->align) {
        ADD(" align %u", ls->align);
    }
    if (ls->writeback) {
        ADD("!");
        if (ls->writeback_by) {
            ADD("%+d", ls->writeback_by);
        }
    }
    unsigned shown = ls->count > 8 ? 8 : ls->count;
    for (unsigned i = 0; i < shown; i++) {
        const struct vmmp_arm_transfer *t = &ls->transfers[i];
        ADD(t->reg == VMMP_ARM_ZERO ? " zero" : t->vector ? " v%u" : " r%u", t->reg);
        if (t->vector) {
            ADD(".%u%s", t->lane, t->clears ? "c" : "");
            if (t->repeat) {
                ADD("*%u", t->repeat);
            }
        }
        ADD(":%u@%d%s%s", t->size, t->offset, t->sign_extend ? "s" : "",
            t->sign_extend && t->width == 4 ? "w" : "");
    }
    if (shown < ls->count) {
        ADD(" to %u@%d", ls->count, ls->transfers[ls->count - 1].offset);
    }
}

static void decode(struct vmmp_arm_load_store *ls, enum set set, uint32_t instruction)
{
    if (set == A64) {
        vmmp_arm_decode_a64(ls, instruction, 64);
    } else if (set == A32) {
        vmmp_arm_decode_a32(ls, instruction);
    } else {
        vmmp_arm_decode_t32(ls, instruction, set == T32);
    }
}

static void meanings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vmmp_arm_load_store ls;
        char text[400];
        decode(&ls, cases[i].set, cases[i].instruction);
        describe(&ls, text, sizeof(text));
        if (strcmp(text, cases[i].meaning)) {
            print_error("%s\n", cases[i].assembly);
        }
        assert_string_equal(text, cases[i].meaning);
        assert_int_equal(ls.length, cases[i].set == T16 ? 2 : 4);
    }
}

/* Any instruction: the list is bounded, and its members are. */
static void anything(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 200000; n++) {
        struct vmmp_arm_load_store ls;
        decode(&ls, n & 3, n * UINT32_C(2654435761));
        assert_true(ls.count <= VMMP_ARM_TRANSFERS);
        for (unsigned i = 0; i < ls.count; i++) {
            const struct vmmp_arm_transfer *t = &ls.transfers[i];
            assert_true(t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8);
            assert_true(t->reg <= VMMP_ARM_ZERO && (!t->vector || t->reg < 32));
            assert_true(!t->vector || t->lane + t->size <= 16);
            assert_true(t->repeat <= 16);
        }
    }
}

int test_arm_load_store(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(meanings),
        cmocka_unit_test(anything),
    };
    return cmocka_run_group_tests_name("arm_load_store", tests, NULL, NULL);
}
