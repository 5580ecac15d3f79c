/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI host: bus 0 with 32 devices of 8 functions, the ways a guest reaches their configuration
 * space, and the memory and port windows in which their BARs answer.
 *
 * The host offers register windows; the VMM attaches those its machine has:
 *  - `config`: the configuration window, CAM or ECAM;
 *  - `config_ports`: ports 0xCF8 to 0xCFF, configuration mechanism #1 (PCI 3.0, 3.2.2.3.2). Only
 *    whole doublewords at 0xCF8 are CONFIG_ADDRESS: bytes there belong to whom
 *    vmmp_pci_host_set_port() says, as the reset register at 0xCF9 of a PC;
 *  - `memory` and `ports`: one window each, in which every BAR is found. An access to a device
 *    costs a table look-up, usually answered by the entry that answered last.
 *
 *     struct vmmp_pci_host_config config = {
 *         .config_kind = VMMP_PCI_CONFIG_ECAM, .buses = 1,
 *         .memory_base = 0x3f000000, .memory_size = 0x1000000, .port_size = 0x10000,
 *         .lines = lines, .line_count = 4,
 *     };
 *     vmmp_pci_host_init(&pci, &config, &vm->host, &vm->log);
 *     vmmp_vm_attach_window(vm, &pci.config, vmmp_gpa(0x3e000000));
 *     vmmp_vm_attach_window(vm, &pci.memory, vmmp_gpa(0x3f000000));
 *     vmmp_pci_host_add(&pci, &rng->pci, VMMP_PCI_ANY_DEVICE, 0);
 *
 * Ownership: the caller owns the host and every function in it; the structure must stay in place.
 *
 * Threads: configuration accesses run in the host's context, one at a time. Accesses to BARs take
 * no lock of the host: the table of BARs is replaced under readers' eyes, and a reader sees the
 * table before or after the change. An access that races with a move may reach the device at its
 * old place, as on hardware.
 *
 * Hostile guest: see vmmp/pci.h. Where BARs overlap, the one of the lower device (then function,
 * then BAR) number answers. Rebuilding the table costs at most the square of VMMP_PCI_HOST_BARS.
 * What nobody answers reads all-ones, silently: guests probe.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_PCI_DEVICES   32
#define VMMP_PCI_FUNCTIONS 8
/** BARs one host can have. */
#define VMMP_PCI_HOST_BARS    128
#define VMMP_PCI_ANY_DEVICE   (-1) /**< The first free device number. */
#define VMMP_PCI_PINS         4
#define VMMP_PCI_CONFIG_PORTS 0xcf8 /**< First port of `config_ports`. */

enum vmmp_pci_config_kind {
    VMMP_PCI_CONFIG_CAM,  /**< bus << 16 | device << 11 | function << 8 | register */
    VMMP_PCI_CONFIG_ECAM, /**< bus << 20 | device << 15 | function << 12 | register */
};

/** An interrupt input of the guest's controller that PCI pins can be wired to. */
struct vmmp_pci_line {
    struct vmmp_irq_line *line;
    uint32_t number; /**< As the guest's device tree or tables call it: on ARM an INTID. */
};

struct vmmp_pci_host_config {
    enum vmmp_pci_config_kind config_kind;
    unsigned buses; /**< The configuration window has room for these (1 to 256); 0: 1. */
    /** Bus address (the same as the guest-physical one) and size of `memory`; at most 4 GiB. */
    uint64_t memory_base;
    uint64_t memory_size; /**< 0: BARs of memory are out of reach. */
    /** First port and number of ports of `ports`. */
    uint32_t port_base;
    uint32_t port_size; /**< 0: BARs of ports are out of reach. At most 65536 - port_base. */
    /** Ports are given to BARs from here on; below is room for fixed ones. */
    uint32_t port_allocation_base;
    /** Copied pointers: the lines must outlive the host. NULL: no INTx. */
    const struct vmmp_pci_line *lines;
    unsigned line_count;
};

/** A piece of a window in which one BAR answers. Written and read with atomic operations. */
struct vmmp_pci_segment {
    uint32_t start; /**< Offset in the window. */
    uint32_t last;  /**< Last byte; a segment in use is never empty. */
    uint32_t bar_start;
    struct vmmp_window *window; /**< NULL: not in use. */
};

/** The BARs of one window, sorted and disjoint: two overlapping BARs make up to three pieces. */
struct vmmp_pci_table {
    uint32_t count;
    struct vmmp_pci_segment segments[2 * VMMP_PCI_HOST_BARS];
};

/** Table number `generation & 1` is current; the other one is rebuilt, then made current. */
struct vmmp_pci_decoder {
    uint32_t generation;
    uint32_t hint; /**< Index that matched last. */
    struct vmmp_pci_table tables[2];
};

struct vmmp_pci_host {
    struct vmmp_window config;
    struct vmmp_window config_ports;
    struct vmmp_window memory;
    struct vmmp_window ports;

    /* The host's own. */
    struct vmmp_pci_host_config settings;
    struct vmmp_host host;
    const struct vmmp_log *log;
    struct vmmp_context context;
    struct vmmp_pci_function *functions[VMMP_PCI_DEVICES][VMMP_PCI_FUNCTIONS];
    uint8_t wiring[VMMP_PCI_DEVICES][VMMP_PCI_PINS]; /**< Indices into `settings.lines`. */
    unsigned bar_count;
    uint32_t config_address;              /**< The latch of mechanism #1. */
    struct vmmp_window *address_ports[4]; /**< Who has the bytes at 0xCF8 to 0xCFB. */
    uint64_t memory_top;                  /**< BARs of memory are allocated below. */
    uint32_t port_next;                   /**< BARs of ports are allocated from here on. */
    struct vmmp_pci_decoder memory_decoder;
    struct vmmp_pci_decoder port_decoder;
};

/**
 * Prepares a host without functions; `config`'s content is copied. The caller attaches the windows
 * it wants: `config`, `memory` and `ports` have the sizes the configuration says. Pins are wired
 * the usual way (pin p of device d to line (d + p - 1) mod line_count) until
 * vmmp_pci_host_wire_pin() says otherwise. `log` (may be NULL) and the lines must outlive the host.
 * 0; -EINVAL for windows that are too large or wrap; -ENOMEM if the host's context could not be
 * made.
 */
int vmmp_pci_host_init(struct vmmp_pci_host *pci, const struct vmmp_pci_host_config *config,
                       const struct vmmp_host *host, const struct vmmp_log *log);

/** Removes every function. The windows must be detached before. */
void vmmp_pci_host_fini(struct vmmp_pci_host *pci);

/**
 * Accesses of `config_ports` to the byte at `port` (0xCF8 to 0xCFB) that are no whole doubleword go
 * to `window`, a byte wide; NULL: nobody has it. They are made inside the host's context. Before
 * the guest runs. 0 or -EINVAL.
 */
int vmmp_pci_host_set_port(struct vmmp_pci_host *pci, unsigned port, struct vmmp_window *window);

/** Wires a pin (1 to 4) of a device to line `line`; before the device is added. 0 or -EINVAL. */
int vmmp_pci_host_wire_pin(struct vmmp_pci_host *pci, unsigned device, unsigned pin, unsigned line);

/**
 * Plugs a function in at (`device`, `number`) or, with VMMP_PCI_ANY_DEVICE, as function 0 of the
 * first free device. Function 0 of a device comes first, and says that there are more only if
 * there are. BARs without an address (0) get one: memory downwards from the top of the memory
 * window, ports upwards from `port_allocation_base`, both naturally aligned; a BAR for which there
 * is no room stays at 0, which is said in the log. The function's line is the one its pin is wired
 * to, and its interrupt line register says the line's number where it fits in a byte.
 *
 * Returns device << 3 | function number; -EINVAL for a bad number, a missing function 0 or a
 * function that is plugged in already; -EBUSY if the place is taken; -ENOSPC if devices, BARs or
 * the line's sources are exhausted.
 */
int vmmp_pci_host_add(struct vmmp_pci_host *pci, struct vmmp_pci_function *function, int device,
                      unsigned number);

/**
 * Takes a function out; its BARs answer no more. The VMM must know that no vCPU is inside the
 * function's windows. A function that is not in this host is left alone.
 */
void vmmp_pci_host_remove(struct vmmp_pci_host *pci, struct vmmp_pci_function *function);

/**
 * A configuration access, as software on the guest would make it: `bdf` is bus << 8 | device << 3 |
 * function; absent functions read all-ones. Enters the host's context.
 */
uint64_t vmmp_pci_config_read(struct vmmp_pci_host *pci, unsigned bdf, unsigned offset,
                              unsigned size);
void vmmp_pci_config_write(struct vmmp_pci_host *pci, unsigned bdf, unsigned offset, unsigned size,
                           uint64_t value);

/** The function at (device, number) or NULL. For writers of device trees and tables. */
struct vmmp_pci_function *vmmp_pci_host_function(const struct vmmp_pci_host *pci, unsigned device,
                                                 unsigned number);

/** The line a pin (1 to 4) of a device is wired to; NULL if there is none. */
const struct vmmp_pci_line *vmmp_pci_host_line(const struct vmmp_pci_host *pci, unsigned device,
                                               unsigned pin);

/** One row of an interrupt map. Other than 0 ends the iteration. */
typedef int vmmp_pci_interrupt_fn(void *cookie, unsigned device, unsigned pin,
                                  const struct vmmp_pci_line *line);

/**
 * Calls `each` for every (device, pin) that some function has and that is wired, once per pair, in
 * ascending order. Returns what `each` returned last, or 0.
 */
int vmmp_pci_host_each_interrupt(const struct vmmp_pci_host *pci, vmmp_pci_interrupt_fn *each,
                                 void *cookie);

#ifdef __cplusplus
}
#endif
