/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for the reference VMM on seL4 (docs/sel4.md): its virtual timer expires before it enables
 * the timer's interrupt, then with the interrupt enabled. Prints a line per step on the PL011 and
 * powers off; a VMM that lets the interrupt come again at once stops it after "armed".
 */
#define UART  0x09000000
#define GICD  0x08000000
#define GICC  0x08010000
#define TIMER 27

#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICC_PMR       0x04
#define GICC_IAR       0x0c
#define GICC_EOIR      0x10

#define CTL_ENABLE  1
#define CTL_IMASK   2
#define CTL_ISTATUS 4

#define ROUNDS          1000
#define PSCI_SYSTEM_OFF 0x84000008

    .text
    .globl _start
/* The header of an arm64 Image (Linux, Documentation/arm64/booting.rst). */
_start:
    b begin
    .long 0
    .quad 0
    .quad _end - _start
    .quad 0xa
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

.macro say text
    adr x0, 1f
    bl print
    b 2f
1:  .asciz "\text\n"
    .balign 4
2:
.endm

begin:
    msr daifset, #0xf
    ldr x20, =UART
    ldr x21, =GICD
    ldr x22, =GICC
    mov w23, #(1 << TIMER)
    mov w0, #1
    str w0, [x21]
    str w0, [x22]
    mov w0, #0xff
    str w0, [x22, #GICC_PMR]

    /* 1. Expired, the interrupt disabled: the guest goes on, and sees that it has expired. */
    str w23, [x21, #GICD_ICENABLER]
    mov w24, #ROUNDS
early:
    msr cntv_cval_el0, xzr
    mov x0, #CTL_ENABLE
    msr cntv_ctl_el0, x0
    isb
    cmp w24, #ROUNDS
    b.ne 3f
    say "timer: armed"
3:  mrs x0, cntv_ctl_el0
    tbz x0, #2, failed
    subs w24, w24, #1
    b.ne early
    say "timer: goes on while its interrupt is disabled"

    /* 2. Enabled late: the interrupt comes then. */
    str w23, [x21, #GICD_ISENABLER]
    bl take
    say "timer: interrupt after it was enabled"

    /* 3. Enabled early: it comes when the timer expires, again and again. */
    mov w24, #ROUNDS
late:
    mov x0, #1000
    msr cntv_tval_el0, x0
    mov x0, #CTL_ENABLE
    msr cntv_ctl_el0, x0
    isb
    bl take
    subs w24, w24, #1
    b.ne late
    say "timer: interrupt while it is enabled"
    say "timer: ok"
    b off
failed:
    say "timer: failed"
off:
    ldr x0, =PSCI_SYSTEM_OFF
    smc #0
    b off

/* Waits for the timer's interrupt and finishes it, the timer masked by the guest. */
take:
    ldr w0, [x22, #GICC_IAR]
    and w1, w0, #0x3ff
    cmp w1, #TIMER
    b.ne take
    mov x2, #(CTL_ENABLE | CTL_IMASK)
    msr cntv_ctl_el0, x2
    isb
    str w0, [x22, #GICC_EOIR]
    ret

print:
    ldrb w1, [x0]
    cbz w1, 4f
    strb w1, [x20]
    add x0, x0, #1
    b print
4:  ret
    .ltorg
    .balign 4096
_end:
