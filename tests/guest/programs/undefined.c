/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   undefined     instructions that the processor has not, or keeps for others
 *
 * Executes each of them and expects the signal that Linux makes of an undefined instruction. Prints
 * "NAME ill" or what happened instead; status 0 if all of them were undefined.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static sigjmp_buf back;

static void caught(int signal)
{
    siglongjmp(back, signal);
}

/* Implementation-defined registers trap to the hypervisor (HCR_EL2.TIDCP), from user space as well.
 */
static void implementation_read(void)
{
    unsigned long value;
    __asm__ volatile("mrs %0, S3_1_C15_C2_0" : "=r"(value));
}

static void implementation_write(void)
{
    __asm__ volatile("msr S3_0_C11_C0_0, %0" : : "r"(1ul));
}

static void implementation_operation(void)
{
    __asm__ volatile("sys #3, c15, c0, #0");
}

static void unallocated(void)
{
    __asm__ volatile(".inst 0x00000000");
}

static void supervisor_register(void)
{
    unsigned long value;
    __asm__ volatile("mrs %0, TTBR0_EL1" : "=r"(value));
}

static void hypervisor_call(void)
{
    __asm__ volatile("hvc #0");
}

static void monitor_call(void)
{
    __asm__ volatile(".inst 0xd4000003"); /* smc #0 */
}

static const struct {
    const char *name;
    void (*execute)(void);
} instructions[] = {
    { "implementation-read", implementation_read },
    { "implementation-write", implementation_write },
    { "implementation-operation", implementation_operation },
    { "unallocated", unallocated },
    { "supervisor-register", supervisor_register },
    { "hvc", hypervisor_call },
    { "smc", monitor_call },
};

/* The signal it gets, 0 if none. */
static int execute(void (*instruction)(void))
{
    int got = sigsetjmp(back, 1);

    if (got == 0) {
        instruction();
    }
    return got;
}

int main(void)
{
    int failed = 0;

    signal(SIGILL, caught);
    signal(SIGSEGV, caught);
    for (unsigned i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
        int got = execute(instructions[i].execute);
        const char *what = got == SIGILL ? "ill" : got ? strsignal(got) : "nothing";
        printf("%s %s\n", instructions[i].name, what);
        failed |= got != SIGILL;
    }
    return failed;
}
