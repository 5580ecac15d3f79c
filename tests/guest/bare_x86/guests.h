/* SPDX-License-Identifier: BSD-2-Clause */
/* What bare guests and their tests agree on; also for the assembler. */
#pragma once

#define RAM_SIZE     0x200000
#define CODE         0x8000 /* Where a guest is copied to and entered: below 1 MiB, for SIPIs. */
#define TABLES       0x10000
#define BUFFER       0x20000
#define STACK        0x7000
#define MMIO         0x10000000
#define PORT         0x500 /* The test's: 4 ports, each of which remembers what it is given. */
#define PORT_EMPTY   0x600
#define PORT_BELL    0x700
#define TEST_IRQ     20
#define EDGE_IRQ     5
#define VECTOR       0x40
#define HANDLER_SIZE 32 /* Of each interrupt's handler. */
#define LOCAL_APIC   0xfee00000
#define IOAPIC       0xfec00000

#define PORT_REPORT (PORT + 4) /* 32 bits */
#define PORT_END    (PORT + 8) /* A byte: ends the test. */

#define REPORT_INTERRUPT 0x100 /* And which of the three. */
