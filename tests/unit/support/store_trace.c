/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/store_trace.h"

#ifndef __x86_64__

bool store_trace_init(struct store_trace *trace, void *memory, size_t size)
{
    (void)trace, (void)memory, (void)size;
    return false;
}

void store_trace_fini(struct store_trace *trace)
{
    (void)trace;
}

void store_trace_begin(struct store_trace *trace)
{
    (void)trace;
}

void store_trace_end(struct store_trace *trace)
{
    (void)trace;
}

#else

#include "vmmp_test.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100

static struct store_trace *tracing;
static struct sigaction old_fault, old_trap;

static void faulted(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    const uint8_t *at = info->si_addr;
    (void)signal;
    if (at < tracing->memory || at >= tracing->memory + tracing->size) {
        sigaction(SIGSEGV, &old_fault, NULL); /* Not ours: it faults again. */
        return;
    }
    mprotect(tracing->memory, tracing->size, PROT_READ | PROT_WRITE);
    user->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void trapped(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    (void)signal, (void)info;
    user->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    if (tracing->count < STORE_TRACE_MOST) {
        memcpy(tracing->copies + tracing->count * tracing->size, tracing->memory, tracing->size);
    }
    tracing->count++;
    mprotect(tracing->memory, tracing->size, PROT_READ);
}

bool store_trace_init(struct store_trace *trace, void *memory, size_t size)
{
    *trace = (struct store_trace){ .memory = memory, .size = size };
    trace->copies = malloc(size * STORE_TRACE_MOST);
    assert_non_null(trace->copies);
    return true;
}

void store_trace_fini(struct store_trace *trace)
{
    free(trace->copies);
}

void store_trace_begin(struct store_trace *trace)
{
    const struct sigaction fault = { .sa_sigaction = faulted, .sa_flags = SA_SIGINFO };
    const struct sigaction trap = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
    assert_int_equal(sigaction(SIGSEGV, &fault, &old_fault), 0);
    assert_int_equal(sigaction(SIGTRAP, &trap, &old_trap), 0);
    trace->count = 0;
    tracing = trace;
    assert_int_equal(mprotect(trace->memory, trace->size, PROT_READ), 0);
}

void store_trace_end(struct store_trace *trace)
{
    assert_int_equal(mprotect(trace->memory, trace->size, PROT_READ | PROT_WRITE), 0);
    sigaction(SIGSEGV, &old_fault, NULL);
    sigaction(SIGTRAP, &old_trap, NULL);
    assert_true(trace->count <= STORE_TRACE_MOST);
}

#endif

const uint8_t *store_trace_copy(const struct store_trace *trace, unsigned index)
{
    return trace->copies + index * trace->size;
}
