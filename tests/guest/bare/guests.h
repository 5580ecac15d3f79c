/* SPDX-License-Identifier: BSD-2-Clause */
/* What bare guests and their test agree on; for C and assembly. */
#pragma once

#define RAM_BASE         0x40000000
#define LATE_MEMORY      0x50000000
#define READ_ONLY_MEMORY 0x60000000

#define GIC_DISTRIBUTOR    0x08000000
#define GIC_CPU_INTERFACE  0x08010000
#define GIC_REDISTRIBUTORS 0x080a0000

/* The test's device. 0 to 7: data of any width; the others: 8 bytes wide. */
#define DEVICE        0x0a000000
#define REG_REPORT    0x100 /* Takes values for the test. */
#define REG_SECOND    0x108 /* Likewise, from the second CPU. */
#define REG_READY     0x110 /* The guest is ready. */
#define REG_TAKEN     0x118 /* An interrupt was taken: its INTID. */
#define REG_ENOUGH    0x120 /* Reads 1 when there were enough interrupts. */
#define REG_EXCEPTION 0x128 /* An exception that was not expected. */
#define REG_PLAIN     0x140 /* Does nothing. */
#define REG_MEMORY    0x200 /* To 0x400: memory. */
#define REG_DOORBELL  0x148 /* May be an ioeventfd. */

#define TEST_INTID 40

#define LOAD_VALUE  0x8f8e8d8c7b7a7978
#define STORE_VALUE 0x1122334455667788
#define SMP_CONTEXT 0x5678

/* PSCI (Arm DEN0022), SMC32 and SMC64 calls. */
#define PSCI_VERSION       0x84000000
#define PSCI_CPU_OFF       0x84000002
#define PSCI_CPU_ON        0xc4000003
#define PSCI_AFFINITY_INFO 0xc4000004
#define PSCI_SYSTEM_OFF    0x84000008
#define PSCI_SYSTEM_RESET  0x84000009
