/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bare arm64 guests, one property each. Every one is position-independent, is copied to the start
 * of RAM by the test, and begins at EL1 with the MMU off, its argument in x0.
 *
 * They talk to the test by a window of registers at DEVICE (guests.h).
 */
#include "guests.h"

    .macro guest name
    .balign 4096
    .global guest_\name
guest_\name:
    mov     x20, #DEVICE
    adr     x9, vectors_\name
    msr     vbar_el1, x9
    isb
    .endm

    .macro psci function
    mov     w0, #(\function & 0xffff)
    movk    w0, #(\function >> 16), lsl #16
    hvc     #0
    .endm

    .macro power_off
    psci    PSCI_SYSTEM_OFF
    b       .
    .endm

    .macro report register
    str     \register, [x20, #REG_REPORT]
    .endm

    /* Whatever was not expected ends the guest with its syndrome; interrupts go to `irq`. */
    .macro end_guest name, irq=0
    .balign 2048
vectors_\name:
    .rept 5
    .balign 128
    mrs     x5, esr_el1
    str     x5, [x20, #REG_EXCEPTION]
    mrs     x5, elr_el1
    str     x5, [x20, #REG_EXCEPTION]
    power_off
    .endr
    .balign 128
    .ifc    \irq, 0
    str     xzr, [x20, #REG_EXCEPTION]
    power_off
    .else
    b       \irq
    .endif
    .balign 128
    .global guest_\name\()_end
guest_\name\()_end:
    .endm

    .section .rodata.guests, "a"

/* Every width, lane and extension of loads, then every width and lane of stores. */
    .macro load instruction, register, offset
    mov     x1, #-1
    \instruction \register, [x20, #\offset]
    report  x1
    .endm
    guest   mmio
    .irp offset, 0, 1, 2, 3, 4, 5, 6, 7
    load    ldrb, w1, \offset
    load    ldrsb, w1, \offset
    load    ldrsb, x1, \offset
    .endr
    .irp offset, 0, 2, 4, 6
    load    ldrh, w1, \offset
    load    ldrsh, w1, \offset
    load    ldrsh, x1, \offset
    .endr
    .irp offset, 0, 4
    load    ldr, w1, \offset
    load    ldrsw, x1, \offset
    .endr
    load    ldr, x1, 0
    ldr     x2, =STORE_VALUE
    .irp offset, 0, 1, 2, 3, 4, 5, 6, 7
    strb    w2, [x20, #\offset]
    .endr
    .irp offset, 0, 2, 4, 6
    strh    w2, [x20, #\offset]
    .endr
    .irp offset, 0, 4
    str     w2, [x20, #\offset]
    .endr
    str     x2, [x20, #0]
    str     wzr, [x20, #4]
    power_off
    .ltorg
    end_guest mmio

/* Enables INTID TEST_INTID of GICv<x0>, says so, and serves it until REG_ENOUGH reads other than 0. */
    guest   irq
    mov     x21, x0
    mov     x22, #GIC_DISTRIBUTOR
    /* The distributor is on before an interrupt is enabled, and the interrupt is made a level, as
     * KVM wants it: it begins as an edge. */
    str     wzr, [x22, #(0xc00 + TEST_INTID / 16 * 4)]  /* GICD_ICFGR */
    mov     w4, #0x80
    strb    w4, [x22, #(0x400 + TEST_INTID)]            /* GICD_IPRIORITYR */
    cmp     x21, #3
    b.eq    irq_v3
    mov     w4, #1
    strb    w4, [x22, #(0x800 + TEST_INTID)]            /* GICD_ITARGETSR */
    str     w4, [x22]                                   /* GICD_CTLR: enable */
    mov     x23, #GIC_CPU_INTERFACE
    mov     w4, #0xff
    str     w4, [x23, #4]                               /* GICC_PMR */
    mov     w4, #1
    str     w4, [x23]                                   /* GICC_CTLR */
    b       irq_enable
irq_v3:
    mov     w4, #(1 << (TEST_INTID % 32))
    str     w4, [x22, #(0x80 + TEST_INTID / 32 * 4)]    /* GICD_IGROUPR: group 1 */
    mov     w4, #0x12
    str     w4, [x22]                                   /* GICD_CTLR: ARE, group 1 */
    mov     x5, #0x6000
    add     x5, x5, x22
    str     xzr, [x5, #(8 * TEST_INTID)]                /* GICD_IROUTER: affinity 0 */
    mov     x4, #1
    msr     S3_0_C12_C12_5, x4                          /* ICC_SRE_EL1 */
    isb
    mov     x4, #0xff
    msr     S3_0_C4_C6_0, x4                            /* ICC_PMR_EL1 */
    mov     x4, #1
    msr     S3_0_C12_C12_7, x4                          /* ICC_IGRPEN1_EL1 */
    isb
irq_enable:
    mov     w4, #(1 << (TEST_INTID % 32))
    str     w4, [x22, #(0x100 + TEST_INTID / 32 * 4)]   /* GICD_ISENABLER */
irq_ready:
    str     xzr, [x20, #REG_READY]
    msr     daifclr, #2
1:  wfi
    b       1b
irq_taken:
    cmp     x21, #3
    b.eq    2f
    ldr     w5, [x23, #0xc]                             /* GICC_IAR */
    b       3f
2:  mrs     x5, S3_0_C12_C12_0                          /* ICC_IAR1_EL1 */
3:  str     x5, [x20, #REG_TAKEN]
    cmp     x21, #3
    b.eq    4f
    str     w5, [x23, #0x10]                            /* GICC_EOIR */
    b       5f
4:  msr     S3_0_C12_C12_1, x5                          /* ICC_EOIR1_EL1 */
    isb
5:  ldr     x6, [x20, #REG_ENOUGH]
    cbnz    x6, 6f
    eret
6:  power_off
    end_guest irq, irq_taken

/* Powers a second CPU on, and off again, and looks at what PSCI says meanwhile. */
    guest   smp
    psci    PSCI_VERSION
    report  x0
    mrs     x1, mpidr_el1
    report  x1
    mov     x1, #1
    adr     x2, smp_second
    mov     x3, #SMP_CONTEXT
    psci    PSCI_CPU_ON
    report  x0
    adr     x9, smp_flag
1:  ldr     w10, [x9]
    cbz     w10, 1b
    mov     x1, #1
    adr     x2, smp_second
    psci    PSCI_CPU_ON
    report  x0
    str     wzr, [x9]
2:  mov     x1, #1
    mov     x2, #0
    psci    PSCI_AFFINITY_INFO
    cmp     x0, #1
    b.ne    2b
    report  x0
    power_off
smp_second:
    mov     x20, #DEVICE
    str     x0, [x20, #REG_SECOND]
    mrs     x1, mpidr_el1
    str     x1, [x20, #REG_SECOND]
    adr     x9, smp_flag
    mov     w10, #1
    str     w10, [x9]
3:  ldr     w10, [x9]
    cbnz    w10, 3b
    psci    PSCI_CPU_OFF
    b       .
    .balign 8
smp_flag:
    .word   0
    end_guest smp

    guest   off
    power_off
    end_guest off

    guest   reset
    psci    PSCI_SYSTEM_RESET
    b       .
    end_guest reset

/* Says that it runs, then never leaves by itself. */
    guest   spin
    str     xzr, [x20, #REG_READY]
1:  add     x1, x1, #1
    b       1b
    end_guest spin

    guest   sleep
    str     xzr, [x20, #REG_READY]
1:  wfi
    b       1b
    end_guest sleep

/*
 * Instructions that have no syndrome (and some that have), each once on memory and once on a device
 * that behaves like memory: registers and memory must be the same. Reports the number of each that
 * differs, then how many there were, then the syndrome of an exclusive on the device. Memory is
 * mapped, as Normal, so that the processor allows all of them.
 */
#define UNDECODED_TABLE   0x10000
#define UNDECODED_BUFFER  0x20000
#define UNDECODED_RECORDS 0x30000
    .macro attempt instruction:vararg
    mov     x19, x24
    bl      undecoded_fill
    \instruction
    sub     x19, x19, x24
    mov     x9, x26
    bl      undecoded_record
    mov     x19, x25
    bl      undecoded_fill
    \instruction
    sub     x19, x19, x25
    add     x9, x26, #128
    bl      undecoded_record
    bl      undecoded_compare
    .endm

    guest   undecoded
    mov     x21, #RAM_BASE
    mov     x9, #UNDECODED_TABLE
    add     x9, x21, x9
    mov     x10, #0x701                                 /* Block, AF, inner shareable, index 0. */
    str     x10, [x9]
    add     x10, x10, x21
    str     x10, [x9, #8]
    mov     x10, #0x44                                  /* Normal, not cacheable. */
    msr     mair_el1, x10
    msr     ttbr0_el1, x9
    ldr     x10, =0x100800019                           /* T0SZ 25, EPD1, 36 bits. */
    msr     tcr_el1, x10
    mov     x10, #(3 << 20)                             /* FPEN */
    msr     cpacr_el1, x10
    isb
    tlbi    vmalle1
    dsb     sy
    mrs     x10, sctlr_el1
    orr     x10, x10, #1
    bic     x10, x10, #2                                /* No alignment checks. */
    msr     sctlr_el1, x10
    isb
    mov     x24, #UNDECODED_BUFFER
    add     x24, x24, x21
    add     x24, x24, #64
    add     x25, x20, #(REG_MEMORY + 64)
    mov     x26, #UNDECODED_RECORDS
    add     x26, x26, x21
    mov     x28, #0
    attempt ldp x1, x2, [x19]
    attempt ldp w1, w2, [x19, #8]!
    attempt ldpsw x1, x2, [x19], #16
    attempt stp x3, x4, [x19, #16]
    attempt stp w3, wzr, [x19], #-8
    attempt ldnp x1, x2, [x19, #8]
    attempt ldr x1, [x19], #8
    attempt ldr w1, [x19, #12]!
    attempt ldrb w1, [x19, #1]!
    attempt ldrsb x1, [x19], #3
    attempt ldrsb w1, [x19], #3
    attempt ldrsh w1, [x19], #2
    attempt ldrsh x1, [x19, #6]!
    attempt ldrsw x1, [x19, #4]!
    attempt str w3, [x19, #4]!
    attempt strh w3, [x19], #2
    attempt strb w3, [x19], #1
    attempt str x3, [x19], #-8
    attempt ldr q5, [x19]
    attempt ldr d5, [x19, #8]
    attempt ldr s5, [x19, x10, lsl #2]
    attempt ldr h5, [x19, w10, sxtw #1]
    attempt ldr b5, [x19], #1
    attempt ldur q5, [x19, #3]
    attempt str q6, [x19, #16]
    attempt str d6, [x19, #8]
    attempt str s6, [x19, #4]!
    attempt str b6, [x19, x10]
    attempt stp q6, q7, [x19]
    attempt ldp q5, q6, [x19, #32]
    attempt ldp d5, d6, [x19], #16
    attempt ldp s5, s6, [x19, #4]
    attempt ld1 {v5.16b}, [x19]
    attempt ld1 {v5.8b, v6.8b}, [x19], #16
    attempt ld1 {v5.2d, v6.2d, v7.2d}, [x19]
    attempt ld2 {v5.4h, v6.4h}, [x19]
    attempt ld3 {v5.2s, v6.2s, v7.2s}, [x19], x10
    attempt ld3 {v5.16b, v6.16b, v7.16b}, [x19]
    attempt st2 {v6.2d, v7.2d}, [x19], #32
    attempt st3 {v5.8h, v6.8h, v7.8h}, [x19]
    attempt st1 {v5.4s, v6.4s}, [x19], x10
    attempt ld1 {v5.b}[3], [x19]
    attempt ld1 {v5.h}[5], [x19], #2
    attempt ld1 {v5.d}[1], [x19], #8
    attempt ld2 {v5.s, v6.s}[1], [x19]
    attempt ld3 {v5.b, v6.b, v7.b}[15], [x19], x10
    attempt st1 {v6.d}[1], [x19], #8
    attempt st2 {v6.h, v7.h}[2], [x19]
    attempt ld1r {v5.8h}, [x19]
    attempt ld1r {v5.1d}, [x19]
    attempt ld2r {v5.2s, v6.2s}, [x19], #8
    attempt ld3r {v5.16b, v6.16b, v7.16b}, [x19], #3
    attempt ldp x1, x2, [x19, #24]!
    attempt stur q6, [x19, #5]
    attempt dc zva, x19
    attempt dc civac, x19
    attempt prfm pldl1keep, [x19]
    attempt ldar w1, [x19]
    attempt stlrh w3, [x19]
    add     x28, x28, #1000
    report  x28
    mov     x22, #1                                     /* Exceptions are expected. */
    ldxr    x1, [x25]
    .inst   0xf8210321                                  /* ldadd x1, x1, [x25] */
    .inst   0xd9600321                                  /* A load with tags. */
    mov     x22, #0
    power_off
    .ltorg

/* 256 bytes around x19 - 64, x1 to x4, x10, q5 to q7. */
undecoded_fill:
    sub     x9, x19, #64
    mov     x11, #32
    ldr     x12, =0x8796a5b4c3d2e1f0
1:  str     x12, [x9]
    add     x9, x9, #8
    ror     x12, x12, #5
    add     x12, x12, x11
    subs    x11, x11, #1
    b.ne    1b
    mov     x1, #-1
    mov     x2, #-2
    ldr     x3, =0x0123456789abcdef
    ror     x4, x3, #20
    mov     x10, #3
    fmov    d5, x3
    mov     v5.d[1], x4
    fmov    d6, x4
    mov     v6.d[1], x1
    fmov    d7, x12
    mov     v7.d[1], x3
    ret
undecoded_record:
    stp     x1, x2, [x9]
    stp     x3, x4, [x9, #16]
    stp     x19, x10, [x9, #32]
    stp     q5, q6, [x9, #48]
    str     q7, [x9, #80]
    ret
undecoded_compare:
    add     x28, x28, #1
    mov     x9, #0
1:  ldr     x11, [x26, x9]
    add     x13, x9, #128
    ldr     x12, [x26, x13]
    cmp     x11, x12
    b.ne    3f
    add     x9, x9, #8
    cmp     x9, #96
    b.ne    1b
    sub     x13, x24, #64
    sub     x14, x25, #64
    mov     x9, #0
2:  ldr     x11, [x13, x9]
    ldr     x12, [x14, x9]
    cmp     x11, x12
    b.ne    3f
    add     x9, x9, #8
    cmp     x9, #256
    b.ne    2b
    ret
3:  report  x28
    ret
undecoded_trap:
    mrs     x5, esr_el1
    report  x5
    mrs     x5, elr_el1
    add     x5, x5, #4
    msr     elr_el1, x5
    eret
    .balign 2048
vectors_undecoded:
    .rept 4
    .balign 128
    str     xzr, [x20, #REG_EXCEPTION]
    power_off
    .endr
    .balign 128
    cbnz    x22, undecoded_trap
    mrs     x5, esr_el1
    str     x5, [x20, #REG_EXCEPTION]
    mrs     x5, elr_el1
    str     x5, [x20, #REG_EXCEPTION]
    power_off
    .balign 128
    str     xzr, [x20, #REG_EXCEPTION]
    power_off
    .balign 128
    .global guest_undecoded_end
guest_undecoded_end:

/* Reads a register again and again; reports the last value. */
    guest   poll
1:  ldr     w1, [x20, #REG_READY]
    cbz     w1, 1b
    report  x1
    power_off
    end_guest poll

/* Memory that appears when it is touched, and memory that only the test can write. */
    guest   memory
    mov     x9, #LATE_MEMORY
    ldr     x1, [x9]
    report  x1
    str     x1, [x9, #8]
    ldr     x1, [x9, #8]
    report  x1
    mov     x9, #READ_ONLY_MEMORY
    ldr     x1, [x9, #16]
    report  x1
    mov     w2, #0x5a
    strb    w2, [x9, #17]
    ldr     x1, [x9, #16]
    report  x1
    power_off
    end_guest memory

/* What a debugger looks at. The test finds the instructions by their offsets from the start. */
    guest   debug
    .global debug_first, debug_brk, debug_store, debug_bp, debug_data
    mov     x9, #(3 << 20)
    msr     cpacr_el1, x9                               /* FPEN */
    isb
debug_first:
    mov     x1, #1
    mov     x1, #2
    mov     x1, #3
debug_brk:
    brk     #7
    mov     x1, #4
    adr     x9, debug_data
debug_store:
    str     x1, [x9]
    mov     x1, #5
debug_bp:
    mov     x1, #6
    fmov    d3, x1
    report  x1
    power_off
    .balign 8
debug_data:
    .quad   0
    end_guest debug

/* x0 writes to the register at DEVICE + x1, timed by the virtual counter. */
    guest   knock
    add     x3, x20, x1
    isb
    mrs     x4, cntvct_el0
1:  str     w0, [x3]
    subs    x0, x0, #1
    b.ne    1b
    isb
    mrs     x5, cntvct_el0
    sub     x5, x5, x4
    report  x5
    mrs     x5, cntfrq_el0
    report  x5
    power_off
    end_guest knock

/* An SMC that the test refuses; the vector reports syndrome, address and state, and goes on behind. */
    guest   refused
    adr     x9, refused_vectors
    msr     vbar_el1, x9
    isb
    cmp     x20, x20
    mov     w0, #(PSCI_VERSION & 0xffff)
    movk    w0, #(PSCI_VERSION >> 16), lsl #16
refused_smc:
    .inst   0xd4000003                                  /* smc #0 */
    adr     x5, refused_smc
    report  x5
    power_off
    .balign 2048
refused_vectors:
    .skip   512
    mrs     x5, esr_el1
    report  x5
    mrs     x5, elr_el1
    report  x5
    add     x5, x5, #4
    msr     elr_el1, x5
    mrs     x5, spsr_el1
    report  x5
    eret
    end_guest refused

/*
 * AArch32, in A32 by hand: the assembler knows A64 only. Reports r0 and CPSR, loads with sign
 * extension, by LDM, and by IRQ mode's stack pointer with writeback; starts CPU 1, which reports its
 * context and stops; powers off with stack pointers of two modes set.
 */
    .balign 4096
    .global guest_aarch32
guest_aarch32:
    .inst   0xe3a0440a      // mov   r4, #0x0a000000 (DEVICE)
    .inst   0xe5840100      // str   r0, [r4, #REG_REPORT]
    .inst   0xe10f1000      // mrs   r1, cpsr
    .inst   0xe5841100      // str   r1, [r4, #REG_REPORT]
    .inst   0xe1d410d3      // ldrsb r1, [r4, #3]
    .inst   0xe5841100      // str   r1, [r4, #REG_REPORT]
    .inst   0xe894000c      // ldm   r4, {r2, r3}
    .inst   0xe5842100      // str   r2, [r4, #REG_REPORT]
    .inst   0xe5843100      // str   r3, [r4, #REG_REPORT]
    .inst   0xf1020012      // cps   #0x12 (IRQ)
    .inst   0xe1a0d004      // mov   sp, r4
    .inst   0xe49d1004      // ldr   r1, [sp], #4
    .inst   0xe5841100      // str   r1, [r4, #REG_REPORT]
    .inst   0xe1a0100d      // mov   r1, sp (QEMU's syndrome of a store of sp names User mode's)
    .inst   0xe5841100      // str   r1, [r4, #REG_REPORT]
    .inst   0xf1020013      // cps   #0x13 (Supervisor)
    .inst   0xe3a00321      // mov   r0, #0x84000000
    .inst   0xe3800003      // orr   r0, r0, #3 (CPU_ON)
    .inst   0xe3a01001      // mov   r1, #1
    .inst   0xe28f203c      // add   r2, pc, #0x3c (2f)
    .inst   0xe3a03056      // mov   r3, #0x56
    .inst   0xe1400070      // hvc   #0
    .inst   0xe5840100      // str   r0, [r4, #REG_REPORT]
    .inst   0xe3a00321      // 1: mov r0, #0x84000000
    .inst   0xe3800004      // orr   r0, r0, #4 (AFFINITY_INFO)
    .inst   0xe3a01001      // mov   r1, #1
    .inst   0xe3a02000      // mov   r2, #0
    .inst   0xe1400070      // hvc   #0
    .inst   0xe3500001      // cmp   r0, #1
    .inst   0x1afffff8      // bne   1b
    .inst   0xe3a0d031      // mov   sp, #0x31
    .inst   0xe3a0e032      // mov   lr, #0x32
    .inst   0xe3a00321      // mov   r0, #0x84000000
    .inst   0xe3800008      // orr   r0, r0, #8 (SYSTEM_OFF)
    .inst   0xe1400070      // hvc   #0
    .inst   0xeafffffe      // b     .
    .inst   0xe3a0440a      // 2: mov r4, #0x0a000000
    .inst   0xe5840108      // str   r0, [r4, #REG_SECOND]
    .inst   0xe10f1000      // mrs   r1, cpsr
    .inst   0xe5841108      // str   r1, [r4, #REG_SECOND]
    .inst   0xe3a00321      // mov   r0, #0x84000000
    .inst   0xe3800002      // orr   r0, r0, #2 (CPU_OFF)
    .inst   0xe1400070      // hvc   #0
    .inst   0xeafffffe      // b     .
    .global guest_aarch32_end
guest_aarch32_end:

/*
 * AArch32: an exclusive load, which the device does not support, becomes a data abort, which reports
 * its DFSR and where it goes on, and powers off.
 */
    .balign 4096
    .global guest_aarch32_abort
guest_aarch32_abort:
    .inst   0xe3a0440a      // mov   r4, #DEVICE
    .inst   0xe28f0034      // add   r0, pc, #0x34 (the vectors)
    .inst   0xee0c0f10      // mcr   p15, 0, r0, c12, c0, 0 (VBAR)
    .inst   0xe3a0540a      // mov   r5, #DEVICE
    .inst   0xe1951f9f      // ldrex r1, [r5]
    .rept   11              // The vectors are at a multiple of 32.
    .inst   0xeafffffe      // b     .
    .endr
    .rept   4
    .inst   0xeafffffe      // b     .
    .endr
    .inst   0xee151f10      // mrc   p15, 0, r1, c5, c0, 0 (DFSR)
    .inst   0xe5841100      // str   r1, [r4, #REG_REPORT]
    .inst   0xe1a0100e      // mov   r1, lr
    .inst   0xe5841100      // str   r1, [r4, #REG_REPORT]
    .inst   0xe3a00321      // mov   r0, #0x84000000
    .inst   0xe3800008      // orr   r0, r0, #8 (SYSTEM_OFF)
    .inst   0xe1400070      // hvc   #0
    .inst   0xeafffffe      // b     .
    .global guest_aarch32_abort_end
guest_aarch32_abort_end:

/*
 * AArch32: sets the SPSR of Supervisor mode, reports that, and what it reads of it after that exit;
 * powers off.
 */
    .balign 4096
    .global guest_aarch32_spsr
guest_aarch32_spsr:
    .inst   0xe3a0440a      // mov   r4, #DEVICE
    .inst   0xe3a000d2      // mov   r0, #0xd2 (IRQ mode; I and F masked)
    .inst   0xe16ff000      // msr   spsr_fsxc, r0
    .inst   0xe5840100      // str   r0, [r4, #REG_REPORT]
    .inst   0xe14f1000      // mrs   r1, spsr
    .inst   0xe5841100      // str   r1, [r4, #REG_REPORT]
    .inst   0xe3a00321      // mov   r0, #0x84000000
    .inst   0xe3800008      // orr   r0, r0, #8 (SYSTEM_OFF)
    .inst   0xe1400070      // hvc   #0
    .inst   0xeafffffe      // b     .
    .global guest_aarch32_spsr_end
guest_aarch32_spsr_end:

    .section .note.GNU-stack, "", %progbits
