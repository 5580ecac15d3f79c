/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O ports, compatible interface. Native: vmmp/io_port.h.
 *
 * Single-threaded, like everything that takes a `vm_t`. What is allocated lives as long as the
 * program: there is no call to free it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Handlers of IN and OUT. `size` is 1, 2 or 4; the value is in the low bytes. 0: done; other
 * values: error, which emulate_io_handler() reports as -1.
 */
typedef int (*ioport_in_fn)(void *cookie, unsigned int port_no, unsigned int size,
                            unsigned int *result);
typedef int (*ioport_out_fn)(void *cookie, unsigned int port_no, unsigned int size,
                             unsigned int value);

typedef enum ioport_type {
    IOPORT_FREE, /**< The list chooses the ports; only `size` of the range is read. */
    IOPORT_ADDR, /**< At the ports given. */
} ioport_type_t;

typedef struct ioport_range {
    uint16_t start;
    uint16_t end; /**< Inclusive. */
    uint16_t size;
} ioport_range_t;

typedef struct ioport_interface {
    void *cookie;
    ioport_in_fn port_in;
    ioport_out_fn port_out;
    const char *desc;
} ioport_interface_t;

typedef struct ioport_entry {
    ioport_range_t range;
    ioport_interface_t interface;
} ioport_entry_t;

/** Made by vmm_io_port_init() only: there is more behind it. */
typedef struct vmm_io_list {
    int num_ioports;
    ioport_entry_t **ioports; /**< Sorted by port. */
    uint16_t alloc_addr;      /**< Where the next IOPORT_FREE range starts. */
} vmm_io_port_list_t;

/**
 * Makes an empty list that gives out ports from `ioport_alloc_addr` on. 0, or -1 if `io_list` is
 * NULL or memory is short.
 */
int vmm_io_port_init(vmm_io_port_list_t **io_list, uint16_t ioport_alloc_addr);

/**
 * Adds a handler. IOPORT_FREE takes `ioport_range.size` ports from the list; IOPORT_ADDR takes
 * [start, end], whatever `size` says. The range is copied; what is returned stays valid for ever.
 * NULL, with nothing changed: no list, no handler functions, an empty range, ports taken already,
 * no ports left below 65536, or no memory.
 */
ioport_entry_t *vmm_io_port_add_handler(vmm_io_port_list_t *io_list, ioport_range_t ioport_range,
                                        ioport_interface_t ioport_interface,
                                        ioport_type_t port_type);

/**
 * Does a guest's access. IN leaves the value in the low `size` bytes of `*data` (the rest is 0);
 * ports without a handler read all-ones. An access that leaves a handler's range is done byte by
 * byte. 0: done; 1: no port of it has a handler, or `size` is not 1, 2 or 4; -1: a handler failed,
 * or a NULL argument.
 */
int emulate_io_handler(vmm_io_port_list_t *io_port, unsigned int port_no, bool is_in, size_t size,
                       unsigned int *data);

#ifdef __cplusplus
}
#endif
