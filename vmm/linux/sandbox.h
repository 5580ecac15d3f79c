/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --sandbox: once everything is open the VMM gives up what it does not need any more, so that a
 * guest which takes it over has little to gain.
 *
 * From sandbox_enter() on, for all threads and for good (seccomp): system calls that a running VMM
 * has no use for end the process by SIGSYS; files cannot be opened (-EACCES), only Unix sockets be
 * made, and no memory be made executable.
 */
#pragma once

/** What the devices need beyond the rest. */
enum sandbox_need {
    SANDBOX_INTERNET = 1, /**< Sockets of IPv4 and IPv6. */
    SANDBOX_LISTEN = 2,   /**< To listen on a Unix socket that was not there before. */
};

/** Enters the sandbox. 0, or -1 (said): nothing has changed. */
int sandbox_enter(unsigned needs);
