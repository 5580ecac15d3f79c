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

/* An access that has no syndrome. */
    guest   pair
    ldp     x1, x2, [x20]
    power_off
    end_guest pair

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

    .section .note.GNU-stack, "", %progbits
