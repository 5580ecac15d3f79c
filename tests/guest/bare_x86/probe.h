/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this machine's KVM can do at all: the tests' guests run by KVM alone, without the engine,
 * each in a process that is killed when it takes too long. What KVM cannot do is no fault of the
 * engine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PROBE_REASON_MAX 160

enum probe_end {
    PROBE_ENDS,        /* The guest writes to PORT_END. */
    PROBE_SHUTS_DOWN,  /* It has a triple fault, and KVM says so. */
    PROBE_INTERRUPTED, /* It halts, and a signal gets its vCPU out. */
};

struct probe {
    const char *start, *end; /* The guest. */
    enum probe_end wanted;
    const char *handlers;  /* Within it, of interrupts, which are sent to it; NULL: none. */
    bool halted;           /* They wait until it has halted. */
    bool second_vcpu;      /* To be started by the guest. */
    unsigned milliseconds; /* What it may take; 0: 10 s. */
    bool split;            /* KVM has to offer a split interrupt controller as well. */
    bool bell;             /* A doorbell at PORT_BELL for the value 7 rings once. */
};

/* False: KVM cannot, and `reason` says why. */
bool probe_kvm(const struct probe *probe, char reason[PROBE_REASON_MAX]);
