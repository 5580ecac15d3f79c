/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of the host that fail when a test wants it. The test programs are linked with --wrap for
 * each of them; where no fault is set the real one is called.
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
