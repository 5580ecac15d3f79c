/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/window.h>

#include <stddef.h>

#include "bus/words.h"

bool vmmp_window_holds(const struct vmmp_window *window, uint64_t offset, unsigned size)
{
    bool legal_size = size == 1 || size == 2 || size == 4 || size == 8;
    return legal_size && offset < window->size && size <= window->size - offset;
}

static void enter(struct vmmp_window *window, void *initiator)
{
    if (window->context) {
        vmmp_context_enter(window->context);
        /* Without a context accesses may overlap, and nobody could rely on the initiator. */
        window->initiator = initiator;
    }
}

static void leave(struct vmmp_window *window)
{
    if (window->context) {
        window->initiator = NULL;
        vmmp_context_leave(window->context);
    }
}

uint64_t vmmp_window_read_by(struct vmmp_window *window, uint64_t offset, unsigned size,
                             void *initiator)
{
    if (!vmmp_window_holds(window, offset, size)) {
        return vmmp_all_ones(size);
    }
    __atomic_fetch_add(&window->reads, 1, __ATOMIC_RELAXED);
    enter(window, initiator);
    uint64_t value = window->words ? vmmp_words_read(window->words, window->device, offset, size)
                                   : window->ops->read(window->device, offset, size);
    leave(window);
    return value & vmmp_all_ones(size);
}

void vmmp_window_write_by(struct vmmp_window *window, uint64_t offset, unsigned size,
                          uint64_t value, void *initiator)
{
    if (!vmmp_window_holds(window, offset, size)) {
        return;
    }
    __atomic_fetch_add(&window->writes, 1, __ATOMIC_RELAXED);
    enter(window, initiator);
    value &= vmmp_all_ones(size);
    if (window->words) {
        vmmp_words_write(window->words, window->device, offset, size, value);
    } else {
        window->ops->write(window->device, offset, size, value);
    }
    leave(window);
}

uint64_t vmmp_window_read(struct vmmp_window *window, uint64_t offset, unsigned size)
{
    return vmmp_window_read_by(window, offset, size, NULL);
}

void vmmp_window_write(struct vmmp_window *window, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write_by(window, offset, size, value, NULL);
}
