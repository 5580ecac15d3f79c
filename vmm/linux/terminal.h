/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user's terminal: raw while the guest has it, and as it was before on every way out.
 *
 * A terminal belongs to the process, and a signal handler gets no cookie: the saved state is the
 * one global of the VMM besides the signal counter.
 */
#pragma once

#include <stdbool.h>

/**
 * Makes the terminal on standard input raw, if it is one, and sees to its restoration at exit and
 * on deadly signals. True if there is a terminal. Call it once, before threads exist.
 */
bool terminal_begin(void);
/** Puts everything back. Any number of times; safe in signal handlers. */
void terminal_restore(void);
/** Raw again, after the process was stopped and continued in the foreground. Signal-safe. */
void terminal_resume(void);

/** Columns and rows of the terminal on standard output; false if there is none. */
bool terminal_size(unsigned *columns, unsigned *rows);
