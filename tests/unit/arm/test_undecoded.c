/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads and stores without a syndrome, carried out: hosted/src/arch/arm/undecoded.c. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <sel4vm/arch/guest_arm_context.h>

#define DEVICE 0x10040000
#define CODE   (FIXTURE_RAM_BASE + 0x1000)

struct bench {
    struct fixture *f;
    struct vmmp_window window;
    uint8_t memory[0x2000];
    unsigned reads, writes;
};

static uint64_t device_read(void *device, uint64_t offset, unsigned size)
{
    struct bench *b = device;
    uint64_t value = 0;

    b->reads++;
    memcpy(&value, b->memory + offset, size);
    return value;
}

static void device_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct bench *b = device;

    b->writes++;
    memcpy(b->memory + offset, &value, size);
}

static const struct vmmp_window_ops device_ops = { device_read, device_write };

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    void *f;

    fixture_setup(&f);
    b->f = f;
    for (size_t i = 0; i < sizeof(b->memory); i++) {
        b->memory[i] = (uint8_t)(0x81 + i * 14);
    }
    b->window = (struct vmmp_window){
        .name = "device", .ops = &device_ops, .device = b, .size = sizeof(b->memory)
    };
    assert_int_equal(vmmp_vm_attach_window(&b->f->vmmp, &b->window, vmmp_gpa(DEVICE)), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    void *f = b->f;

    vmmp_vm_detach_window(&b->window);
    free(b);
    return fixture_teardown(&f);
}

static enum script_result execute(struct bench *b, seL4_UserContext *context, uint32_t instruction,
                                  uint64_t gpa, bool write)
{
    memcpy(fixture_ram(b->f, 0x1000, 4), &instruction, 4);
    context->pc = CODE;
    assert_int_equal(vm_set_thread_context(b->f->vcpu, *context), 0);
    enum script_result result = script_undecoded(b->f->vcpu, gpa, write);
    assert_int_equal(vm_get_thread_context(b->f->vcpu, context), 0);
    return result;
}

static uint64_t at(const struct bench *b, unsigned offset, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, b->memory + offset, size);
    return value;
}

static uintptr_t reg(struct bench *b, seL4_VCPUReg number)
{
    uintptr_t value;
    assert_int_equal(vm_get_arm_vcpu_reg(b->f->vcpu, number, &value), 0);
    return value;
}

#ifdef CONFIG_ARCH_AARCH64

static void pairs_and_writeback(void **state)
{
    struct bench *b = *state;
    seL4_UserContext c = { .spsr = 5, .x20 = DEVICE };

    /* ldp x1, x2, [x20] */
    assert_int_equal(execute(b, &c, 0xa9400a81, DEVICE, false), SCRIPT_DONE);
    assert_true(c.x1 == at(b, 0, 8) && c.x2 == at(b, 8, 8) && c.pc == CODE + 4);
    assert_int_equal(b->reads, 2);
    /* ldpsw x1, x2, [x20], #16 */
    assert_int_equal(execute(b, &c, 0x68c20a81, DEVICE, false), SCRIPT_DONE);
    assert_true(c.x1 == (uint64_t)(int64_t)(int32_t)at(b, 0, 4) && c.x20 == DEVICE + 16);
    /* ldrsb w1, [x20, #1]!: 38c01e81 */
    c.x20 = DEVICE;
    assert_int_equal(execute(b, &c, 0x38c01e81, DEVICE + 1, false), SCRIPT_DONE);
    assert_true(c.x1 == (uint32_t)(int32_t)(int8_t)at(b, 1, 1) && c.x20 == DEVICE + 1);
    /* stp w3, wzr, [x20], #-8 */
    c.x20 = DEVICE + 8;
    c.x3 = UINT64_C(0x1122334455667788);
    assert_int_equal(execute(b, &c, 0x28bf7e83, DEVICE + 8, true), SCRIPT_DONE);
    assert_true(at(b, 8, 8) == 0x55667788 && c.x20 == DEVICE);
    assert_int_equal(b->writes, 2);
    /* ldr x1, [sp], #8 at EL1 and at EL0: f84087e1 */
    assert_int_equal(vm_set_arm_vcpu_reg(b->f->vcpu, seL4_VCPUReg_SP_EL1, DEVICE + 16), 0);
    assert_int_equal(execute(b, &c, 0xf84087e1, DEVICE + 16, false), SCRIPT_DONE);
    assert_true(c.x1 == at(b, 16, 8) && reg(b, seL4_VCPUReg_SP_EL1) == DEVICE + 24);
    c.spsr = 0;
    c.sp = DEVICE + 32;
    assert_int_equal(execute(b, &c, 0xf84087e1, DEVICE + 32, false), SCRIPT_DONE);
    assert_true(c.x1 == at(b, 32, 8) && c.sp == DEVICE + 40);
}

static void vectors_and_blocks(void **state)
{
    struct bench *b = *state;
    seL4_UserContext c = { .spsr = 5, .x20 = DEVICE };
    uint64_t *v5 = script_vector(b->f->vcpu, 5);

    v5[0] = v5[1] = UINT64_MAX;
    assert_int_equal(execute(b, &c, 0x3dc00285, DEVICE, false), SCRIPT_DONE); /* ldr q5, [x20] */
    assert_true(v5[0] == at(b, 0, 8) && v5[1] == at(b, 8, 8));
    /* ldur q5, [x20, #3]: misaligned, in pieces. */
    assert_int_equal(execute(b, &c, 0x3cc03285, DEVICE + 3, false), SCRIPT_DONE);
    assert_true(v5[0] == at(b, 3, 8) && v5[1] == at(b, 11, 8));
    /* ldr b5, [x20], #1 */
    assert_int_equal(execute(b, &c, 0x3c401685, DEVICE, false), SCRIPT_DONE);
    assert_true(v5[0] == at(b, 0, 1) && v5[1] == 0);
    /* ld1r {v5.8h}, [x20] */
    c.x20 = DEVICE + 2;
    assert_int_equal(execute(b, &c, 0x4d40c685, DEVICE + 2, false), SCRIPT_DONE);
    assert_true(v5[0] == at(b, 2, 2) * UINT64_C(0x0001000100010001) && v5[1] == v5[0]);
    /* ld1 {v5.b}[3], [x20] keeps the others. */
    assert_int_equal(execute(b, &c, 0x0d400e85, DEVICE + 2, false), SCRIPT_DONE);
    assert_true((v5[0] >> 24 & 0xff) == at(b, 2, 1) && (v5[0] & 0xffff) == at(b, 2, 2));
    /* st4 {v4.4s - v7.4s}, [x20] */
    for (unsigned i = 0; i < 8; i++) {
        script_vector(b->f->vcpu, 4 + i / 2)[i & 1] =
            UINT64_C(0x0000000100000000) * (i * 2 + 1) + i * 2;
    }
    c.x20 = DEVICE + 64;
    assert_int_equal(execute(b, &c, 0x4c000a84, DEVICE + 64, true), SCRIPT_DONE);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(at(b, 64 + 4 * i, 4), (i & 3) * 4 + i / 4);
    }
    /* dc zva, x20 */
    c.x20 = DEVICE + 64 + 13;
    assert_int_equal(execute(b, &c, 0xd50b7434, DEVICE + 64 + 13, true), SCRIPT_DONE);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(b->memory[64 + i], 0);
    }
    assert_true(b->memory[63] && b->memory[128]);
    /* dc civac, x20: nothing. */
    unsigned accesses = b->reads + b->writes;
    assert_int_equal(execute(b, &c, 0xd50b7e34, DEVICE, false), SCRIPT_DONE);
    assert_int_equal(c.pc, CODE + 4);
    assert_int_equal(b->reads + b->writes, accesses);
}

/** What became an abort: its fault status. */
static unsigned aborted(struct bench *b, seL4_UserContext *c, uint32_t instruction, uint64_t gpa,
                        bool write)
{
    unsigned accesses = b->reads + b->writes;

    c->spsr = 5;
    assert_int_equal(vm_set_arm_vcpu_reg(b->f->vcpu, seL4_VCPUReg_VBAR, 0x80000), 0);
    assert_int_equal(execute(b, c, instruction, gpa, write), SCRIPT_DONE);
    assert_int_equal(c->pc, 0x80200);
    assert_int_equal(reg(b, seL4_VCPUReg_ELR_EL1), CODE);
    assert_int_equal(reg(b, seL4_VCPUReg_ESR) >> 26, 0x25);
    assert_int_equal(b->reads + b->writes, accesses);
    return reg(b, seL4_VCPUReg_ESR) & 0x3f;
}

static void what_is_not_done(void **state)
{
    struct bench *b = *state;
    seL4_UserContext c = { .spsr = 5, .x20 = DEVICE };

    assert_int_equal(aborted(b, &c, 0xc85f7e81, DEVICE, false), 0x35); /* ldxr */
    assert_int_equal(reg(b, seL4_VCPUReg_FAR), DEVICE);
    assert_int_equal(aborted(b, &c, 0xf8210282, DEVICE, true), 0x35);  /* ldadd */
    assert_int_equal(aborted(b, &c, 0x8b030041, DEVICE, false), 0x10); /* add */
    assert_non_null(fixture_log_find(b->f, "no load or store that is known here"));
    c.x20 = DEVICE + 0xff8; /* Onto a page that nobody has checked. */
    assert_int_equal(aborted(b, &c, 0xa9400a81, DEVICE + 0xff8, false), 0x21);
    assert_int_equal(c.x1, 0);
    /* Changed since: again. */
    c.x20 = DEVICE;
    assert_int_equal(execute(b, &c, 0xa9400a81, DEVICE, true), SCRIPT_DONE);
    assert_int_equal(c.pc, CODE);
    assert_int_equal(execute(b, &c, 0xa9400a81, DEVICE + 0x1000, false), SCRIPT_DONE);
    assert_int_equal(c.pc, CODE);
    assert_int_equal(b->reads, 0);
}

/* AArch32 at EL0 under an AArch64 kernel. */
static void aarch32_users(void **state)
{
    struct bench *b = *state;
    seL4_UserContext c = { .spsr = 0x10, .x4 = DEVICE };

    assert_int_equal(execute(b, &c, 0xe1c420d0, DEVICE, false),
                     SCRIPT_DONE); /* ldrd r2, r3, [r4] */
    assert_true(c.x2 == at(b, 0, 4) && c.x3 == at(b, 4, 4) && c.pc == CODE + 4);
    c.spsr = 0x30;
    assert_int_equal(execute(b, &c, 0x0000cc06, DEVICE, false),
                     SCRIPT_DONE); /* ldm r4!, {r1, r2} */
    assert_true(c.x1 == at(b, 0, 4) && c.x2 == at(b, 4, 4) && c.x4 == DEVICE + 8);
    assert_int_equal(c.pc, CODE + 2);
}

#else

static void multiples_and_doubles(void **state)
{
    struct bench *b = *state;
    seL4_UserContext c = { .cpsr = 0x13, .r4 = DEVICE };

    assert_int_equal(execute(b, &c, 0xe1c420d0, DEVICE, false),
                     SCRIPT_DONE); /* ldrd r2, r3, [r4] */
    assert_true(c.r2 == at(b, 0, 4) && c.r3 == at(b, 4, 4) && c.pc == CODE + 4);
    /* ldm r4!, {r1, r2, lr}: the lr of this mode. */
    assert_int_equal(execute(b, &c, 0xe8b44006, DEVICE, false), SCRIPT_DONE);
    assert_true(c.r1 == at(b, 0, 4) && c.r4 == DEVICE + 12 && c.r14 == 0);
    assert_true(reg(b, seL4_VCPUReg_LRsvc) == at(b, 8, 4));
    /* stmdb r4!, {r0, r1, r2} */
    c.r0 = 0x11111111;
    c.r1 = 0x22222222;
    c.r2 = 0x33333333;
    assert_int_equal(execute(b, &c, 0xe9240007, DEVICE, true), SCRIPT_DONE);
    assert_true(at(b, 0, 4) == 0x11111111 && at(b, 8, 4) == 0x33333333 && c.r4 == DEVICE);
    /* ldrsb r1, [r4, #-1]! and ldrsh r1, [r4], #2 */
    c.r4 = DEVICE + 17;
    assert_int_equal(execute(b, &c, 0xe17410d1, DEVICE + 16, false), SCRIPT_DONE);
    assert_true(c.r1 == (uint32_t)(int8_t)at(b, 16, 1) && c.r4 == DEVICE + 16);
    assert_int_equal(execute(b, &c, 0xe0d410f2, DEVICE + 16, false), SCRIPT_DONE);
    assert_true(c.r1 == (uint32_t)(int16_t)at(b, 16, 2) && c.r4 == DEVICE + 18);
    /* vldr d5, [r4, #8]: in q2's upper half, as two words. */
    c.r4 = DEVICE + 8;
    assert_int_equal(execute(b, &c, 0xed945b02, DEVICE + 16, false), SCRIPT_DONE);
    assert_true(script_vector(b->f->vcpu, 2)[1] == at(b, 16, 8));
    /* Thumb: push {r1, lr} with the stack in the device; IT blocks go on. */
    assert_int_equal(vm_set_arm_vcpu_reg(b->f->vcpu, seL4_VCPUReg_SPsvc, DEVICE + 0x40), 0);
    c.cpsr = 0x33 | 0xe400;
    assert_int_equal(execute(b, &c, 0xb502, DEVICE + 0x38, true), SCRIPT_DONE);
    assert_true(c.pc == CODE + 2 && c.cpsr == (0x33 | 0xe800));
    assert_true(at(b, 0x38, 4) == c.r1 && at(b, 0x3c, 4) == reg(b, seL4_VCPUReg_LRsvc));
    assert_int_equal(reg(b, seL4_VCPUReg_SPsvc), DEVICE + 0x38);
}

static void what_is_not_done(void **state)
{
    struct bench *b = *state;
    seL4_UserContext c = { .cpsr = 0x13, .r4 = DEVICE };

    assert_int_equal(vm_set_arm_vcpu_reg(b->f->vcpu, seL4_VCPUReg_SCTLR, 0x2000), 0);
    assert_int_equal(execute(b, &c, 0xe1941f9f, DEVICE, false), SCRIPT_DONE); /* ldrex */
    assert_int_equal(c.pc, 0xffff0010);
    assert_int_equal(reg(b, seL4_VCPUReg_DFSR), 0x405);
    assert_int_equal(reg(b, seL4_VCPUReg_DFAR), DEVICE);
    c.cpsr = 0x13;
    assert_int_equal(execute(b, &c, 0xe0821003, DEVICE, false), SCRIPT_DONE); /* add */
    assert_int_equal(c.pc, 0xffff0010);
    assert_int_equal(reg(b, seL4_VCPUReg_DFSR), 0x008);
    assert_int_equal(b->reads, 0);
}

#endif

int test_undecoded(void)
{
    static const struct CMUnitTest tests[] = {
#ifdef CONFIG_ARCH_AARCH64
        cmocka_unit_test_setup_teardown(pairs_and_writeback, setup, teardown),
        cmocka_unit_test_setup_teardown(vectors_and_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(aarch32_users, setup, teardown),
#else
        cmocka_unit_test_setup_teardown(multiples_and_doubles, setup, teardown),
#endif
        cmocka_unit_test_setup_teardown(what_is_not_done, setup, teardown),
    };
    return cmocka_run_group_tests_name("undecoded", tests, NULL, NULL);
}
