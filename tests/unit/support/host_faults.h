/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of the host that fail when a test wants it. Test programs are linked with --wrap for each
 * of them (cmake/vmmp_flavour.cmake); where no fault is set the real one is called.
 */
#pragma once

enum host_call {
    HOST_CALL_SENDMSG,
    HOST_CALL_RECVMSG,
    HOST_CALL_URING_SUBMIT,
    HOST_CALLS,
};

/** From now on `call` fails with `error` (an errno) `times` times. */
void host_fault_set(enum host_call call, int error, unsigned times);
/** How often it is still to fail. */
unsigned host_fault_left(enum host_call call);

/**
 * Sets call number `n` (from 0) of those that make something (memory, descriptors, threads,
 * mappings) to fail, counting this thread's from now on.
 */
void host_fault_sweep(unsigned n);
/** Takes that back. The name of the call that failed; NULL: there were not so many. */
const char *host_fault_end(void);

/** A thing that is made and undone. */
struct host_fault_subject {
    const char *name;
    /** 0, or what went wrong. After an error there is nothing to undo. */
    int (*make)(void *cookie);
    void (*undo)(void *cookie);
    void *cookie;
};

/**
 * Makes the subject with each of its calls failing in turn, until none is left to fail. Each time
 * it is made after all (the call could be done without) and undone, or says so by an error; no
 * descriptor stays open, and the sanitizers see to the memory. Fails the test otherwise, and if no
 * call was seen at all.
 */
void host_fault_each(const struct host_fault_subject *subject);
