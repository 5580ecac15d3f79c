/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers that hold what is written to them, 32 bits each, and do nothing: scratch registers,
 * switches of what is not modelled, small memories that are not worth a page; or, read-only,
 * identification.
 *
 * Hostile guest: changes the words, if it may. Threads: inside the device's context. Ownership: the
 * caller's memory, which must stay in place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_word_store_config {
    const char *name; /**< Of the window; static. */
    struct vmmp_host host;
    uint32_t *words; /**< With what they hold at first. */
    uint32_t count;  /**< Not 0. */
    bool read_only;
    /** Optional: that word has been written. Inside the context. */
    void (*written)(void *cookie, uint32_t index);
    void *cookie;
};

struct vmmp_word_store {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_word_store_config config;
    struct vmmp_context context;
};

/** Prepares the window. 0; -EINVAL without words; -ENOMEM (context). */
int vmmp_word_store_init(struct vmmp_word_store *store,
                         const struct vmmp_word_store_config *config);
/** The window is detached by then. */
void vmmp_word_store_fini(struct vmmp_word_store *store);

#ifdef __cplusplus
}
#endif
