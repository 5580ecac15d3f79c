/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that are the VMM's and not the guest's: Ctrl-A and what follows it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum keys_command {
    KEYS_QUIT,      /**< Ctrl-A x */
    KEYS_HELP,      /**< Ctrl-A h or ? */
    KEYS_STATS,     /**< Ctrl-A s */
    KEYS_POWER_OFF, /**< Ctrl-A p */
};

/** Zero it and set `command`, which is called for each command in the order of the input. */
struct keys {
    bool escaped; /**< The last byte was Ctrl-A. */
    void (*command)(void *cookie, enum keys_command command);
    void *cookie;
};

/** What Ctrl-A h prints. */
extern const char keys_help[];

/**
 * Takes the VMM's keys out of `bytes` and returns how many bytes are left for the guest, in place.
 * Ctrl-A Ctrl-A is one Ctrl-A for the guest; Ctrl-A and a key that is no command is nothing.
 */
size_t keys_filter(struct keys *keys, uint8_t *bytes, size_t size);
