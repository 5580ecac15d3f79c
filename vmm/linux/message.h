/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMM says to its user: whole lines on standard error, each with "vmm: " in front, each
 * with one write so that lines of several threads do not mix. While the terminal is in raw mode a
 * line ends with carriage return and line feed.
 *
 * The terminal's state is the process's, and so is what is kept of it here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/log.h>

/** Longest line; longer ones are cut. */
#define MESSAGE_MAX 1024

/** Says that something is wrong and what would be right. Any thread. */
void message_error(const char *format, ...) VMMP_PRINTF(1, 2);
/** Says something worth knowing, such as the path of a new pseudo-terminal. Any thread. */
void message_note(const char *format, ...) VMMP_PRINTF(1, 2);
/** Writes text of several lines as it is, with raw mode's line ends. Any thread. */
void message_text(const char *text, size_t size);

/**
 * Of several guests, whose the calling thread's next lines are: "vmm: NAME: text", until the next
 * call. NULL: nobody's in particular. The name is not copied.
 */
void message_about(const char *name);

/** Lines end with "\r\n" from now on, or with "\n". Any thread. */
void message_set_raw(bool raw);

/** A vmmp_log_fn: "vmm: warning: guest: text"; the cookie is the guest's name, or NULL. */
void message_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message);
