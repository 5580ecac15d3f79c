/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions of any class and ISS, with any registers and status, dispatched; and instructions
 * without a syndrome, carried out on memory and on a device. Nothing may end the VM.
 */
#include "fuzz_input.h"

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vcpu_fault.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vmmplatsupport/vmmp/arm_exceptions.h>
#include <sel4vmmplatsupport/vmmp/arm_load_store.h>

#define RAM       0x40000000u
#define RAM_SIZE  0x200000u
#define DEVICE    0x10000000u
#define EC_WFX    1u
#define REGISTERS (sizeof(seL4_UserContext) / sizeof(seL4_Word))

static struct {
    vm_t vm;
    vm_vcpu_t *vcpu;
    struct vmmp_vm vmmp;
    struct vmmp_window window;
    ps_io_ops_t io_ops;
    simple_t simple;
} bench;

static uint64_t device_read(void *device, uint64_t offset, unsigned size)
{
    (void)device;
    FUZZ_CHECK(offset < 0x2000 && size <= 8);
    return offset * UINT64_C(0x0101010101010101);
}

static void device_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    (void)value;
    FUZZ_CHECK(offset < 0x2000 && size <= 8);
}

static const struct vmmp_window_ops device_ops = { device_read, device_write };

/* Calls of firmware have a fuzzer of their own. */
static int no_firmware(vm_vcpu_t *vcpu, seL4_UserContext *regs)
{
    (void)vcpu;
    regs->x0 = UINT64_MAX;
    return 0;
}

static void start(void)
{
    vspace_t vspace;

    memset(&vspace, 0, sizeof(vspace));
    hosted_io_ops_init(&bench.io_ops);
    hosted_simple_script(&bench.simple, NULL, NULL);
    FUZZ_CHECK(!vm_init(&bench.vm, NULL, &bench.simple, vspace, &bench.io_ops, 0, "fuzz"));
    bench.vcpu = vm_create_vcpu(&bench.vm, 0);
    FUZZ_CHECK(bench.vcpu && !vm_ram_register_at(&bench.vm, RAM, RAM_SIZE, false));
    FUZZ_CHECK(!vmmp_vm_init(&bench.vmmp, &bench.vm, NULL, NULL));
    FUZZ_CHECK(!vm_register_smc_handler_callback(&bench.vm, no_firmware));
    FUZZ_CHECK(!vmmp_arm_exceptions_attach(&bench.vmmp, bench.vcpu));
    bench.window = (struct vmmp_window){ .name = "device", .ops = &device_ops, .size = 0x2000 };
    FUZZ_CHECK(!vmmp_vm_attach_window(&bench.vmmp, &bench.window, vmmp_gpa(DEVICE)));
}

/* Registers that are small, near the device, near RAM, or anything. */
static void set_registers(struct fuzz_input *in)
{
    seL4_UserContext context;
    seL4_Word *words = (seL4_Word *)&context;

    memset(&context, 0, sizeof(context));
    for (size_t i = 0; i < REGISTERS; i++) {
        uint8_t kind = fuzz_u8(in);
        words[i] = kind & 1   ? DEVICE + (kind >> 1) * 0x20u
                   : kind & 2 ? RAM + (kind >> 2) * 0x40u
                   : kind & 4 ? fuzz_number(in, 8)
                              : kind;
    }
    context.spsr = fuzz_u32(in);
    FUZZ_CHECK(!vm_set_thread_context(bench.vcpu, context));
    vm_set_arm_vcpu_reg(bench.vcpu, seL4_VCPUReg_SCTLR, fuzz_u8(in) & 1);
    vm_set_arm_vcpu_reg(bench.vcpu, seL4_VCPUReg_TCR, fuzz_u16(in));
    vm_set_arm_vcpu_reg(bench.vcpu, seL4_VCPUReg_TTBR0, RAM);
    vm_set_arm_vcpu_reg(bench.vcpu, seL4_VCPUReg_SP_EL1, DEVICE + fuzz_u8(in) * 8u);
}

static void exception(struct fuzz_input *in)
{
    struct vmmp_arm_exception e;
    char text[VMMP_ARM_TEXT];
    uint32_t syndrome = fuzz_u32(in);

    vmmp_arm_exception_decode(&e, syndrome);
    FUZZ_CHECK(vmmp_arm_exception_format(&e, text, sizeof(text)) < sizeof(text));
    enum script_result result = script_exception(bench.vcpu, syndrome);
    if (result == SCRIPT_PENDING) {
        FUZZ_CHECK(e.ec == EC_WFX);
        advance_vcpu_fault(bench.vcpu);
        result = script_finish(bench.vcpu, NULL);
    }
    FUZZ_CHECK(result == SCRIPT_DONE);
}

static void undecoded(struct fuzz_input *in)
{
    seL4_UserContext context;
    uint32_t instruction = fuzz_u32(in);
    struct vmmp_arm_load_store ls;

    vmmp_arm_decode_a64(&ls, instruction, 64);
    vmmp_arm_decode_a32(&ls, instruction);
    vmmp_arm_decode_t32(&ls, instruction, instruction & 1);
    memcpy(script_memory(&bench.vm, RAM + 0x1000, 4), &instruction, 4);
    FUZZ_CHECK(!vm_get_thread_context(bench.vcpu, &context));
    context.pc = RAM + 0x1000;
    /* A kernel in AArch32 cannot be told of an abort: the engine makes no such guest. */
    context.spsr &= context.spsr & 0x10 ? ~UINT64_C(0xf) : ~UINT64_C(0);
    FUZZ_CHECK(!vm_set_thread_context(bench.vcpu, context));
    FUZZ_CHECK(script_undecoded(bench.vcpu, DEVICE + fuzz_u16(in) % 0x2000u, fuzz_u8(in) & 1) ==
               SCRIPT_DONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };

    if (!bench.vcpu) {
        start();
    }
    while (in.left > 0) {
        switch (fuzz_u8(&in) & 3) {
        case 0:
            set_registers(&in);
            break;
        case 1:
            exception(&in);
            break;
        default:
            undecoded(&in);
            break;
        }
    }
    FUZZ_CHECK(script_errors(&bench.vm) == 0);
    return 0;
}
