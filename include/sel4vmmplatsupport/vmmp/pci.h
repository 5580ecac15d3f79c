/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function: its configuration space, its base address registers (BARs) and its INTx
 * interrupt.
 *
 * Configuration space is a row of bytes with masks. A byte's bits are read-only, writable or
 * write-1-to-clear; whatever needs more is a register with hooks. Accesses of any size at any
 * alignment are split into bytes and merged again in one place, so that no device has to think of
 * them. Everything else of a PCI function hangs on that row: a BAR is a register whose low bits are
 * read-only (which is how a guest learns its size), and the device's window answers where the BAR
 * and the command register say (PCI Local Bus 3.0, 6.2.5.1).
 *
 *     vmmp_pci_function_init(&dev->pci, "rng", &identity, &my_ops, dev);
 *     vmmp_pci_add_bar(&dev->pci, 0, VMMP_PCI_BAR_MEM32, 0x4000, &dev->window);
 *     vmmp_pci_add_capability(&dev->pci, 0x09, body, sizeof(body), NULL);
 *     vmmp_pci_host_add(host, &dev->pci, VMMP_PCI_ANY_DEVICE, 0);
 *
 * Ownership: the device owns the function, usually as a member, and everything given to it by
 * pointer. Nothing here allocates.
 *
 * Threads: set a function up before its host can be reached by a guest. Configuration accesses,
 * and with them every hook below, then run one at a time in the host's context; a hook that
 * touches the device enters the device's context itself. A host's context comes before a device's
 * in the lock order, therefore a device never makes a configuration access from inside its own.
 * vmmp_pci_intx_set() and vmmp_pci_command() may be called from anywhere.
 *
 * Hostile guest: any access. It can put BARs anywhere, on top of each other or out of reach, and
 * make its own device unreachable; nothing else follows from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/irq.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_PCI_CONFIG_SIZE   256  /**< Bytes every function has. */
#define VMMP_PCI_EXTENDED_SIZE 4096 /**< Bytes with vmmp_pci_extend(). */
#define VMMP_PCI_BARS          6

struct vmmp_pci_function;

/** One byte of configuration space. Bits in neither mask are read-only. */
struct vmmp_pci_byte {
    uint8_t value;
    uint8_t writable; /**< Bits that take what is written. */
    uint8_t clear;    /**< Bits that a written 1 clears. */
};

/**
 * A register with hooks, in addition to (or in place of) its bytes. The device owns the memory.
 * A hook gets offsets relative to `offset`, sizes of 1, 2 or 4, and accesses naturally aligned in
 * configuration space that lie inside the register: a guest access is cut into such pieces.
 */
struct vmmp_pci_register {
    uint16_t offset;
    uint16_t size;
    /** The value read; bits above `size` bytes are ignored. NULL: the stored bytes. */
    uint32_t (*read)(void *cookie, unsigned offset, unsigned size);
    /** Called after the bytes took what their masks let through. NULL: nothing more happens. */
    void (*write)(void *cookie, unsigned offset, unsigned size, uint32_t value);
    void *cookie;
    struct vmmp_pci_register *next; /**< The function's own. */
};

enum vmmp_pci_bar_type {
    VMMP_PCI_BAR_NONE = 0,
    VMMP_PCI_BAR_IO,             /**< At least 4 bytes, at most 256 (6.2.5.1), more if you must. */
    VMMP_PCI_BAR_MEM32,          /**< At least 16 bytes. */
    VMMP_PCI_BAR_MEM32_PREFETCH, /**< Reads have no side effects, writes may be merged. */
    VMMP_PCI_BAR_MEM64,          /**< Takes the next BAR too. */
    VMMP_PCI_BAR_MEM64_PREFETCH,
};

struct vmmp_pci_bar {
    enum vmmp_pci_bar_type type;
    uint64_t size;              /**< In bytes, a power of two. */
    struct vmmp_window *window; /**< Answers; NULL if something else does (see `bar_mapped`). */
    bool mapped;                /**< Reachable at `address`. */
    uint64_t address;           /**< A bus address (of memory: guest-physical) or a port. */
};

/** What a device wants to hear of its function. Each may be NULL. */
struct vmmp_pci_function_ops {
    /** The command register took a new value. Decoding and INTx are looked after already. */
    void (*command_changed)(void *cookie, uint16_t before, uint16_t after);
    /**
     * A BAR became reachable at `address` (a guest-physical address or a port), or is no longer.
     * Moving is "no longer" at the old place, then the new place. For hosts that let the kernel
     * answer a part of a BAR (ioeventfd) or map memory behind it. BARs a guest has put on top of
     * each other are all reported: the host keeps whichever it can map.
     */
    void (*bar_mapped)(void *cookie, unsigned bar, uint64_t address, bool mapped);
};

/** The bus a function is plugged into: for implementers of hosts. */
struct vmmp_pci_bus_ops {
    /** Whether the whole of `bar` could be reached at `address`. */
    bool (*reachable)(void *bus, const struct vmmp_pci_bar *bar, uint64_t address);
    /** The `mapped` or `address` of some BAR of `function` is new. */
    void (*decode_changed)(void *bus, struct vmmp_pci_function *function);
    /** As vmmp_pci_cpu_address(). NULL: bus addresses are what CPUs use. */
    void (*cpu_address)(void *bus, const struct vmmp_pci_bar *bar, uint64_t *address, bool *port);
};

struct vmmp_pci_function {
    const char *name; /**< For logs; static. */
    const struct vmmp_pci_function_ops *ops;
    void *cookie;

    struct vmmp_pci_byte config[VMMP_PCI_CONFIG_SIZE];
    struct vmmp_pci_byte *extended;      /**< The rest of 4096 bytes, or NULL. */
    struct vmmp_pci_register *registers; /**< Ascending, disjoint. */
    uint16_t capability_end;             /**< First byte no capability has. */
    uint8_t last_capability;             /**< 0: none. */
    struct vmmp_pci_bar bars[VMMP_PCI_BARS];

    struct vmmp_irq_source irq; /**< INTx; set by the host, `line` NULL: none. */
    uint16_t command;           /**< Copy that any thread may read (atomic). */
    bool intx;                  /**< The device wants its interrupt (atomic). */

    const struct vmmp_pci_bus_ops *bus_ops; /**< Set by the host; NULL: not plugged in. */
    void *bus;
    uint8_t device_number;
    uint8_t function_number;
};

/** Who the function says it is: the read-only part of a type 0 header. */
struct vmmp_pci_identity {
    uint16_t vendor;
    uint16_t device;
    uint32_t class_code; /**< 24 bits: base class, sub-class, programming interface. */
    uint8_t revision;
    uint16_t subsystem_vendor;
    uint16_t subsystem;
    uint8_t interrupt_pin; /**< 1 to 4: INTA# to INTD#; 0: none. */
};

/**
 * Fills in a type 0 header: the command register with IO, memory, bus master and INTx-disable
 * writable and off, cache line size, latency timer and interrupt line writable, everything else
 * read-only. `ops` may be NULL. Initialising again starts over.
 */
void vmmp_pci_function_init(struct vmmp_pci_function *function, const char *name,
                            const struct vmmp_pci_identity *identity,
                            const struct vmmp_pci_function_ops *ops, void *cookie);

/**
 * Gives the function 4096 bytes of configuration space. `bytes` are the ones from 256 on; they are
 * zeroed (read-only 0).
 */
void vmmp_pci_extend(struct vmmp_pci_function *function,
                     struct vmmp_pci_byte bytes[VMMP_PCI_EXTENDED_SIZE - VMMP_PCI_CONFIG_SIZE]);

/**
 * Sets value and masks of `size` (1 to 8) bytes, little-endian, for registers no other function
 * here knows of. Not for BARs. Returns 0, or -EINVAL if they are not inside configuration space.
 */
int vmmp_pci_define(struct vmmp_pci_function *function, unsigned offset, unsigned size,
                    uint64_t value, uint64_t writable, uint64_t clear);

/**
 * The stored value of `size` (1 to 8) bytes, without hooks and side effects; all-ones outside. From
 * another thread than the host's it may be torn.
 */
uint64_t vmmp_pci_peek(const struct vmmp_pci_function *function, unsigned offset, unsigned size);

/**
 * Adds a register with hooks. 0; -EINVAL if it is empty or not inside configuration space; -EBUSY
 * if it overlaps another one.
 */
int vmmp_pci_add_register(struct vmmp_pci_function *function, struct vmmp_pci_register *reg);

/**
 * Appends a capability to the list (PCI 3.0, 6.7), in the order of the calls, and sets the status
 * register's capabilities bit. `body` is what follows the identifier and the next pointer, `len`
 * its length; `writable` has a mask for each of those bytes, NULL: all read-only. Returns the
 * capability's offset (0x40 or above, a multiple of 4; the body is at offset + 2); -EINVAL for a
 * NULL body that has a length; -ENOSPC if the 256 bytes are full.
 */
int vmmp_pci_add_capability(struct vmmp_pci_function *function, uint8_t id, const void *body,
                            size_t len, const uint8_t *writable);

/**
 * Makes BAR `index` of `size` bytes, a power of two. `window` answers at it once a guest has
 * enabled decoding; what the window's size leaves of the BAR reads all-ones. With a NULL window
 * only `bar_mapped` is called. A 64-bit BAR takes `index` + 1 too. Before the function is plugged
 * in. 0; -EINVAL for a bad index, type or size, a window larger than the BAR, or a function that is
 * plugged in already; -EBUSY if the register has a use.
 */
int vmmp_pci_add_bar(struct vmmp_pci_function *function, unsigned index,
                     enum vmmp_pci_bar_type type, uint64_t size, struct vmmp_window *window);

/** Whether a type is one of ports. */
static inline bool vmmp_pci_bar_is_io(enum vmmp_pci_bar_type type)
{
    return type == VMMP_PCI_BAR_IO;
}

/** Whether a type takes two registers. */
static inline bool vmmp_pci_bar_is_64(enum vmmp_pci_bar_type type)
{
    return type == VMMP_PCI_BAR_MEM64 || type == VMMP_PCI_BAR_MEM64_PREFETCH;
}

/** What the BAR's register holds now, without its type bits. 0 for a BAR that does not exist. */
uint64_t vmmp_pci_bar_address(const struct vmmp_pci_function *function, unsigned index);

/**
 * Puts a BAR where firmware would have put it. Bits below its size are dropped. Decoding is not
 * switched on by this (vmmp_pci_set_command() does). Both are for set-up, before a guest runs. 0,
 * or -EINVAL if there is no such BAR or the address does not fit in its register.
 */
int vmmp_pci_set_bar_address(struct vmmp_pci_function *function, unsigned index, uint64_t address);

/**
 * Where CPUs reach a BAR that is mapped: a guest-physical address or, with `*port`, a port. (BARs
 * of ports are in memory where a window shows them there.) For `bar_mapped` hooks. False: it is not
 * mapped.
 */
bool vmmp_pci_cpu_address(const struct vmmp_pci_function *function, unsigned index,
                          uint64_t *address, bool *port);

/** Sets the command register as a guest's write would: read-only bits stay. */
void vmmp_pci_set_command(struct vmmp_pci_function *function, uint16_t command);

/** The command register. Any thread. Bits: 0 ports, 1 memory, 2 bus master, 10 INTx disabled. */
uint16_t vmmp_pci_command(const struct vmmp_pci_function *function);

/**
 * Drives the function's INTx: shown in the status register (bit 3) and, unless the guest has
 * disabled it, on the function's line. Any thread; a device calls it inside its own context.
 */
void vmmp_pci_intx_set(struct vmmp_pci_function *function, bool high);

/**
 * A configuration access to this function, as the host that owns the function makes it inside its
 * context. `size` is 1, 2, 4 or 8, at any alignment; bytes outside configuration space read
 * all-ones and drop what is written to them.
 */
uint64_t vmmp_pci_function_read(struct vmmp_pci_function *function, unsigned offset, unsigned size);
void vmmp_pci_function_write(struct vmmp_pci_function *function, unsigned offset, unsigned size,
                             uint64_t value);

/** Drops the function's bus: unmaps its BARs (`bar_mapped` is called) and releases its line. */
void vmmp_pci_unplug(struct vmmp_pci_function *function);

#ifdef __cplusplus
}
#endif
