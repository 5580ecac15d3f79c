/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine, put together: RAM, interrupt controller, vCPUs, PCI host with a virtio console and
 * other virtio devices, what its board has beside them (machine_board.h), and a guest loaded into
 * it with its device tree.
 *
 * Nothing here knows what host it runs on: the caller has made the `vm_t` with vm_init(), brings
 * files, host operations and the outer ends of console and UART, and runs the VM afterwards. The
 * steps, in order:
 *
 *     machine_init()         devices, RAM, vCPUs
 *     machine_plan()         reads the headers of kernel and initrd, decides where everything goes
 *     machine_build_fdt()    or machine_adopt_fdt(): the guest's device tree
 *     machine_load()         writes all of it into RAM and sets the boot vCPU's registers
 *     vm_run()
 *     machine_fini()
 *
 * machine_plan() needs no VM, so that mistakes in files are found before one is made.
 *
 * A guest that is started again gets a new machine: machine_fini() and the steps anew, on a new
 * vm_t and with the same configuration, leave nothing of the old guest behind.
 *
 * Errors: 0 or -errno; what is wrong has been said in the log, or in `error` where there is one.
 * Threads: one, while the VM does not run; machine_console_*() and machine_serial_*() any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/entropy.h>
#include <sel4vmmplatsupport/vmmp/image.h>
#include <sel4vmmplatsupport/vmmp/load_x86.h>
#include <sel4vmmplatsupport/vmmp/msi.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>
#include <sel4vmmplatsupport/vmmp/virtio_console.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#include "console_pump.h"
#include "machine_board.h"
#include "machine_virtio.h"

/** Room for the device tree, generated or given. */
#define MACHINE_FDT_MAX  VMMP_DTB_MAX_SIZE
#define MACHINE_BOOTARGS 2048 /* COMMAND_LINE_SIZE of Linux on arm64 and x86. */

/** How a host makes what libsel4vm's own functions do not make as it should be there. */
struct machine_host {
    /** Registers RAM with libsel4vm. 0 or -1. NULL: vm_ram_register_at(). */
    int (*add_ram)(vm_t *vm, uintptr_t base, size_t size);
    /** Makes a vCPU, after the interrupt controller. NULL: vm_create_vcpu(), before it. */
    vm_vcpu_t *(*add_cpu)(vm_t *vm, int priority);
    /** x86: sets all of a vCPU's state. 0 or -errno. */
    int (*enter)(vm_vcpu_t *vcpu, const struct vmmp_x86_entry *entry);
};

struct machine_config {
    const struct machine_board *board; /**< NULL: the program's first. */
    uint64_t memory;       /**< Bytes, from the board's memory_minimum to its memory_maximum. */
    unsigned cpus;         /**< 1 to the board's `cpus`. */
    unsigned gic;          /**< ARM, 2 or 3: what vm_create_default_irq_controller() makes. */
    bool firmware;         /**< ARM: PSCI and TRNG are the machine's own, not the host's. */
    bool psci_hvc;         /**< ARM: PSCI is called by HVC, not SMC. */
    bool aarch32;          /**< ARM: the host may have 32-bit guests. */
    uint16_t screen_width; /**< In pixels; 0: no screen. Boards that can have one. */
    uint16_t screen_height;
    const char *append; /**< Kernel command line; NULL or without "console=": hvc0 is added. */

    const struct vmmp_file *kernel;
    const struct vmmp_file *initrd; /**< NULL: none. */
    const struct vmmp_decoder *decoders;
    size_t decoder_count;
    const uint8_t *seed; /**< Random bytes for the guest's entropy pool; NULL: none. */
    size_t seed_size;    /**< 40 or more: the first 8 are for KASLR. */

    /** The guest has powered off or (`reset`) wants a reset. From a vCPU's thread. */
    void (*ended)(void *cookie, vm_t *vm, bool reset);
    void *ended_cookie;
    const struct vmmp_entropy *entropy; /**< With `firmware`, for TRNG; NULL: none. */
    uint32_t rtc_seconds;               /**< What the clock shows at first. */

    struct machine_host made_by; /**< Zeroed: libsel4vm. */
    bool interval_timer;         /**< x86: an 8254 has to be made: the host has none. */
    struct vmmp_msi msi;         /**< x86: takes messages of PCI functions; zeroed: nobody does. */
    struct vmmp_log log;
    struct vmmp_host host;
    struct vmmp_doorbells doorbells; /**< Takes devices' notifications; zeroed: nobody does. */
    enum machine_transport transport;
    /** MMIO: the guest finds its devices on its command line, not in its tables or tree. */
    bool mmio_on_command_line;
    bool split_rings; /**< Packed ones are not offered. */

    const struct machine_port *console; /**< The virtio console; NULL: the guest has none. */
    uint16_t console_columns;           /**< 0: unknown. */
    uint16_t console_rows;
    const struct machine_port *serial; /**< The UART; NULL: the guest has none. */

    const struct machine_device *devices; /**< In the order the guest finds them. */
    unsigned device_count;                /**< At most MACHINE_DEVICES. */
};

/** Where the guest's pieces go. */
struct machine_plan {
    struct vmmp_kernel kernel;
    union {
        struct vmmp_layout layout; /**< ARM */
        struct vmmp_x86_plan x86;
    };
    char bootargs[MACHINE_BOOTARGS];
};

struct machine {
    const struct machine_config *config;
    struct vmmp_vm vmmp;
    struct vmmp_irq_line intx[MACHINE_PCI_INTX_PINS];
    struct vmmp_pci_line pci_lines[MACHINE_PCI_INTX_PINS];
    const struct vmmp_msi *msi; /**< Where PCI functions send messages; NULL: nowhere. */
    struct vmmp_pci_host pci;
    struct vmmp_virtio_console console;
    struct machine_virtio console_place;
    struct machine_virtio devices[MACHINE_DEVICES];
    struct console_pump console_pump;
    unsigned mmio_slots; /**< In use. */
    unsigned intx_made;  /**< What machine_fini() has to undo. */
    bool pci_made;
    bool console_made;
    void *board_state; /**< Of board->state_size bytes. */
    struct vmmp_log_limit nowhere;
};

/** How a board splits `memory` bytes: at most two ranges. Returns how many, 0 if out of range. */
unsigned machine_ram_ranges(const struct machine_board *board, uint64_t memory,
                            struct machine_range ranges[2]);

/**
 * Reads what has to be known of the files and places everything. `fdt_size`: room for the device
 * tree.
 */
int machine_plan(struct machine_plan *plan, const struct machine_config *config, size_t fdt_size,
                 struct vmmp_image_error *error);

/**
 * Puts the machine together on `vm`. `config` must outlive it. On an error everything is undone,
 * except what was registered with `vm`, which is then of no more use than to be destroyed.
 */
int machine_init(struct machine *machine, vm_t *vm, const struct machine_config *config);
/** Undoes machine_init(); the vm_t is the caller's to destroy. A zeroed machine is left alone. */
void machine_fini(struct machine *machine);

/**
 * Writes the machine's device tree; `*size` is its size, 0 if the board's guests get none. `plan`
 * may be NULL: no guest yet.
 */
int machine_build_fdt(const struct machine_config *config, const struct machine_plan *plan,
                      void *buffer, size_t buffer_size, size_t *size);
/**
 * Makes the tree of `size` bytes in `buffer`, which somebody else wrote, one for this guest: sets
 * /chosen and replaces the memory nodes, and nothing else unless the board has a `trim_fdt`.
 */
int machine_adopt_fdt(const struct machine_config *config, const struct machine_plan *plan,
                      void *buffer, size_t buffer_size, size_t *size,
                      struct vmmp_image_error *error);

/** Writes kernel, initrd and device tree into RAM and makes the boot vCPU ready to run. */
int machine_load(struct machine *machine, const struct machine_plan *plan, const void *fdt,
                 size_t fdt_size, struct vmmp_image_error *error);

/** Input has come for the port, or it can take output. Any thread, in no device's context. */
void machine_console_notify(struct machine *machine);
void machine_serial_notify(struct machine *machine);
/**
 * Presses the machine's power key, or lets it go. Whether the guest has a driver for it that wants
 * to know; false as well if the board has no such key. Any thread, in no device's context.
 */
bool machine_power_key(struct machine *machine, bool pressed);
/** The terminal behind the console has a new size. Any thread. */
void machine_console_resize(struct machine *machine, uint16_t columns, uint16_t rows);
