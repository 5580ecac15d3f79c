/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bare PC guests, one property each, in 32-bit protected mode without paging. Each is copied to
 * CODE and entered there; labels are used relative to it. They talk to the test by ports.
 */
#include "guests.h"

    .macro guest name
    .balign 16
    .global guest_\name
guest_\name:
    .endm

    .macro end_guest name
    movb    $0, %al
    movw    $PORT_END, %dx
    outb    %al, %dx
1:  hlt
    jmp     1b
    .global guest_\name\()_end
guest_\name\()_end:
    .endm

    .macro report register=%eax
    .ifnc   \register, %eax
    movl    \register, %eax
    .endif
    movw    $PORT_REPORT, %dx
    outl    %eax, %dx
    .endm

    /* Address of a label of the guest. */
#define AT(guest, label) (CODE + label - guest_##guest)

    .section .rodata.guests, "a"
    .code32

/* Every size, both ways; a port that nobody has. */
    guest   ports
    movw    $PORT, %dx
    movb    $0x11, %al
    outb    %al, %dx
    movw    $0x2233, %ax
    outw    %ax, %dx
    movl    $0x44556677, %eax
    outl    %eax, %dx
    xorl    %eax, %eax
    inb     %dx, %al
    report
    movw    $PORT, %dx
    xorl    %eax, %eax
    inw     %dx, %ax
    report
    movw    $PORT, %dx
    inl     %dx, %eax
    report
    movw    $PORT_EMPTY, %dx
    inl     %dx, %eax
    report
    end_guest ports

/* REP OUTSB of 64 bytes, REP INSW of 8 words, which are reported. */
    guest   strings
    cld
    movl    $BUFFER, %esi
    movl    $64, %ecx
    movw    $PORT, %dx
    rep outsb
    movl    $(BUFFER + 0x100), %edi
    movl    $8, %ecx
    movw    $PORT, %dx
    rep insw
    movl    $(BUFFER + 0x100), %esi
    movl    $4, %ebx
1:  lodsl
    report
    decl    %ebx
    jnz     1b
    end_guest strings

/* Reads and writes of a device in memory. */
    guest   mmio
    movl    $MMIO, %ebx
    movb    $0x5a, 1(%ebx)
    movw    $0x1234, 2(%ebx)
    movl    $0x89abcdef, 4(%ebx)
    xorl    %eax, %eax
    movb    1(%ebx), %al
    report
    movl    4(%ebx), %eax
    report
    end_guest mmio

/*
 * Two IOAPIC inputs and a message, each of which wakes it once. Interrupts are enabled in the
 * instruction before HLT alone: none can come between the look at what has come and the sleep, and
 * none into the handler's way back.
 */
    guest   interrupts
    lidt    AT(interrupts, 3f)
    movb    $0xff, %al                      /* EDGE_IRQ reaches the 8259s too: they are masked, */
    outb    %al, $0x21                      /* or it came as their vector as well. */
    outb    %al, $0xa1
    movl    $LOCAL_APIC, %ebx
    movl    $0x1ff, 0xf0(%ebx)              /* Spurious vector; enabled. */
    movl    $IOAPIC, %ebx
    movl    $(0x10 + 2 * TEST_IRQ), (%ebx)
    movl    $(VECTOR | 1 << 15), 0x10(%ebx) /* Level, to processor 0. */
    movl    $(0x10 + 2 * EDGE_IRQ), (%ebx)
    movl    $(VECTOR + 2), 0x10(%ebx)       /* Edge. */
    movl    $1, %eax
    report
    jmp     2f
1:  movl    $STACK, %esp
    sti
    hlt
    .global interrupts_halted
interrupts_halted:
    cli                                     /* Not reached: the handler does not return here. */
2:  cmpl    $7, BUFFER
    jne     1b
    end_guest interrupts
    /* Not reached by falling through; copied with the guest: see guest_interrupts_code_end. */
    .balign 4
3:  .word   (VECTOR + 3) * 8 - 1
    .long   BUFFER + 0x1000
    /* One handler every HANDLER_SIZE bytes. */
    .balign HANDLER_SIZE
    .global interrupt_handlers
interrupt_handlers:
    .irp    number, 0, 1, 2
    .balign HANDLER_SIZE
    movl    $(REPORT_INTERRUPT + \number), %eax
    movl    $(1 << \number), %ebx
    jmp     4f
    .endr
4:  report
    orl     %ebx, BUFFER
    movl    $0, LOCAL_APIC + 0xb0           /* EOI */
    /* No IRET, which a KVM that emulates cannot do in protected mode: interrupts stay disabled. */
    jmp     2b
    .global guest_interrupts_code_end
guest_interrupts_code_end:

/* Takes EDGE_IRQ from the 8259s, by the local APIC's LINT0, while it sleeps. */
    guest   pic
    lidt    AT(pic, 3f)
    movb    $0x11, %al                      /* ICW1 to ICW4: vectors from VECTOR on. */
    outb    %al, $0x20
    movb    $VECTOR, %al
    outb    %al, $0x21
    movb    $4, %al
    outb    %al, $0x21
    movb    $1, %al
    outb    %al, $0x21
    movb    $(0xff & ~(1 << EDGE_IRQ)), %al
    outb    %al, $0x21
    movb    $0xff, %al
    outb    %al, $0xa1
    movl    $LOCAL_APIC, %ebx
    movl    $0x1ff, 0xf0(%ebx)
    movl    $0x700, 0x350(%ebx)             /* LINT0: ExtINT */
    movl    $1, %eax
    report
    movl    $STACK, %esp
    sti
1:  hlt
    jmp     1b
    .balign 4
3:  .word   (VECTOR + EDGE_IRQ + 1) * 8 - 1
    .long   BUFFER + 0x1000
    .balign HANDLER_SIZE
    .global pic_handler
pic_handler:
    movl    $REPORT_INTERRUPT, %eax
    report
    movb    $0x20, %al                      /* EOI */
    outb    %al, $0x20
    end_guest pic

/* Starts processor 1 by INIT and SIPI, which writes to memory in real mode. */
    guest   sipi
    movl    $LOCAL_APIC, %ebx
    movl    $0x1ff, 0xf0(%ebx)
    movl    $(1 << 24), 0x310(%ebx)
    movl    $0x00004500, 0x300(%ebx)        /* INIT */
    movl    $(1 << 24), 0x310(%ebx)
    movl    $(0x00004600 | BUFFER >> 12), 0x300(%ebx)
1:  pause
    cmpl    $0x600d, BUFFER + 0x100
    jne     1b
    movl    BUFFER + 0x100, %eax
    report
    end_guest sipi

/* At BUFFER, in real mode: cs is BUFFER >> 4. */
    .code16
    .global trampoline
trampoline:
    movl    $0x600d, %cs:0x100
1:  hlt
    jmp     1b
    .global trampoline_end
trampoline_end:
    .code32

/* No interrupt table, and an exception. */
    guest   triple_fault
    lidt    AT(triple_fault, 1f)
    ud2
    .balign 4
1:  .word   0
    .long   0
    end_guest triple_fault

/* Rings the bell. */
    guest   bell
    movw    $PORT_BELL, %dx
    movw    $7, %ax
    outw    %ax, %dx
    movw    $8, %ax
    outw    %ax, %dx
    end_guest bell

/* A million turns: what a processor does in a millisecond. */
    guest   spin
    movl    $1000000, %ecx
1:  decl    %ecx
    jnz     1b
    end_guest spin

/* Sleeps for ever. */
    guest   sleep
    movl    $1, %eax
    report
1:  hlt
    jmp     1b
    end_guest sleep

/* What CPUID says: signature's first word, local APIC identifier, hypervisor bit. */
    guest   cpuid
    xorl    %eax, %eax
    cpuid
    report  %ebx
    movl    $1, %eax
    cpuid
    movl    %ecx, %edi
    shrl    $24, %ebx
    report  %ebx
    movl    %edi, %eax
    shrl    $31, %eax
    report
    movl    %edi, %eax
    shrl    $5, %eax
    andl    $1, %eax
    report
    end_guest cpuid
    .section .note.GNU-stack, "", @progbits
