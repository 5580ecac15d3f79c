/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 65536 I/O ports of a machine, and who answers at them.
 *
 * A handler is a register window (vmmp/window.h) of as many bytes as it has ports. The space finds
 * it by binary search and gives it offsets, not ports. An access that leaves a handler's ports is
 * done byte by byte; ports nobody has read all-ones.
 *
 * Ownership: the caller owns the space, the memory of its table and the windows.
 *
 * Threads: handlers are added before a guest runs, or where accesses are serialised with the
 * change; look-ups happen in any thread. The handlers' own contexts do the rest.
 *
 * Hostile guest: any port, any size; bytes beyond port 0xFFFF are nobody's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_IO_PORTS 0x10000u

struct vmmp_io_port_range {
    uint32_t first;
    uint32_t last; /**< Inclusive. */
    struct vmmp_window *window;
};

struct vmmp_io_port_space {
    struct vmmp_io_port_range *ranges; /**< Ascending, disjoint. */
    unsigned capacity;
    unsigned count;
    uint32_t next; /**< vmmp_io_port_allocate() looks from here on. */
    const struct vmmp_log *log;
    struct vmmp_log_limit unclaimed;
};

/**
 * An empty space whose table has room for `capacity` handlers. Ports are given out from
 * `allocation_base` on. `log` may be NULL and is kept.
 */
void vmmp_io_port_space_init(struct vmmp_io_port_space *space, struct vmmp_io_port_range *ranges,
                             unsigned capacity, uint16_t allocation_base,
                             const struct vmmp_log *log);

/**
 * Makes `window` answer at ports `first` to `first` + window->size - 1. 0; -EINVAL if the window is
 * empty or ends beyond port 0xFFFF; -EBUSY if one of the ports is taken; -ENOSPC if the table is
 * full.
 */
int vmmp_io_port_add(struct vmmp_io_port_space *space, struct vmmp_window *window, uint32_t first);

/**
 * As vmmp_io_port_add(), at the lowest multiple of `align` (a power of two) from the last
 * allocation on; taken ports are not looked for: -EBUSY then. Returns the first port. On an error
 * nothing was allocated.
 */
int vmmp_io_port_allocate(struct vmmp_io_port_space *space, struct vmmp_window *window,
                          uint32_t align);

/** Takes a handler out; one that is not in the space is left alone. */
void vmmp_io_port_remove(struct vmmp_io_port_space *space, const struct vmmp_window *window);

/** Who answers at `port`, or NULL. The pointer is good until the next change. */
const struct vmmp_io_port_range *vmmp_io_port_find(const struct vmmp_io_port_space *space,
                                                   uint32_t port);

/**
 * An access of 1, 2, 4 or 8 bytes (others: all-ones, dropped). `claimed`, unless NULL, says whether
 * any of the ports had a handler; if none had, it is said in the log (rate limited).
 */
uint64_t vmmp_io_port_read(struct vmmp_io_port_space *space, uint32_t port, unsigned size,
                           bool *claimed);
void vmmp_io_port_write(struct vmmp_io_port_space *space, uint32_t port, unsigned size,
                        uint64_t value, bool *claimed);

#ifdef __cplusplus
}
#endif
