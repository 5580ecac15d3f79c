/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the machine, which is the same everywhere (RAM, vCPUs, a PCI host, virtio devices, a
 * console, the steps in which a guest is loaded), and its board: where things are, which devices
 * belong to it, what its firmware is and how its guests are entered.
 *
 * A board is one constant table. Which boards a program has is decided when it is built, by
 * architecture (vmm/arm, vmm/x86); which of them a machine is, by `board` of its configuration.
 * A board's state lives in memory of its own that the machine allocates: `machine->board_state`.
 *
 * Private to vmm/. Errors: 0 or -errno; what is wrong has been said in the log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vm/guest_vm.h>

#include <sel4vmmplatsupport/vmmp/image.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>

struct machine;
struct machine_config;
struct machine_plan;
struct machine_gic;

#define MACHINE_PCI_INTX_PINS 4
/** Kinds of interrupts that a board counts for statistics. */
#define MACHINE_COUNTERS 4

/** A piece of guest-physical memory. */
struct machine_range {
    const char *name;
    uint64_t base;
    uint64_t size;
};

/** The board's PCI host. */
struct machine_pci_place {
    struct vmmp_pci_host_config config; /**< Its lines are filled in by the machine. */
    int intx[MACHINE_PCI_INTX_PINS];    /**< Interrupts of INTA to INTD, as libsel4vm counts. */
};

/** The board's slots for virtio-mmio devices, used from the first on. */
struct machine_mmio_place {
    uint64_t base;
    uint64_t stride;
    unsigned slots;      /**< 0: it has none. */
    int irq;             /**< Of the first slot; the others follow, */
    const uint8_t *irqs; /**< unless they are here, one for each slot. */
    /** The slots from here on have interrupts that a guest knows by number without any firmware, so
     * that it can be told of them on its command line. 0: there are none. */
    unsigned command_line_slot;
};

/** What is done to a pin from outside. */
enum machine_pin_action {
    MACHINE_PIN_LOOK, /**< Nothing. */
    MACHINE_PIN_LOW,  /**< It is driven, */
    MACHINE_PIN_HIGH,
    MACHINE_PIN_RELEASE, /**< or not any longer. */
};

struct machine_counter {
    const char *name;
    uint64_t count;
};

struct machine_board {
    const char *name;
    /** Command line for a guest without a virtio console, and what it needs to show early output.
     */
    const char *serial_console;
    const char *early_console;
    unsigned cpus; /**< At most. */
    uint64_t memory_minimum;
    uint64_t memory_maximum;
    size_t state_size;
    bool nowhere_is_zero; /**< What reads at addresses that nobody has give; else all-ones. */
    /** Its guests bring their device tree, a file of this name; NULL: see build_fdt. */
    const char *own_fdt;
    const struct machine_pci_place *pci; /**< NULL: it has none. */
    struct machine_mmio_place mmio;
    bool split_irqchip;            /**< x86: the host need have no more than local APICs. */
    const struct machine_gic *gic; /**< ARM: arm/board_arm.h. */

    /** Memory of the chip's own beside the guest's RAM, of size 0 if it has none. */
    struct machine_range chip_memory;

    /**
     * How `memory` bytes, at most memory_maximum, are split: at most two ranges, the one that holds
     * the guest's image first. Returns how many; 0: that cannot be.
     */
    unsigned (*ram_ranges)(uint64_t memory, struct machine_range ranges[2]);

    /* In the order in which machine_init() calls them; the state is zeroed before. On an error
     * `remove` undoes whatever was made. */

    /** Optional: what vCPUs call when they trap. */
    int (*add_firmware)(struct machine *machine);
    /** Optional: a vCPU has been made. */
    int (*add_cpu)(struct machine *machine, vm_vcpu_t *vcpu);
    /** Optional: vCPUs and interrupt controller exist. Sets `machine->msi` if there are MSIs. */
    int (*add_controllers)(struct machine *machine);
    /** The PCI host exists: attaches its windows. Not without `pci`. */
    int (*attach_pci)(struct machine *machine);
    /** The virtio devices exist: UART (if the configuration has a `serial`), clock and the like. */
    int (*add_devices)(struct machine *machine);
    /** Undoes all of them. Windows are detached, virtio devices and PCI host are gone. */
    void (*remove)(struct machine *machine);

    /**
     * Optional: where the pixels of the screen that `config` wants are, machine_screen.h; of size 0
     * if it wants none. Without it the machine has no screen.
     */
    struct machine_range (*screen_memory)(const struct machine_config *config);

    /** See machine_plan(); the command line has been made. */
    int (*plan)(struct machine_plan *plan, const struct machine_config *config, size_t fdt_size,
                struct vmmp_image_error *error);
    /** See machine_build_fdt(). NULL: the board's guests get no device tree. */
    int (*build_fdt)(const struct machine_config *config, const struct machine_plan *plan,
                     void *buffer, size_t buffer_size, size_t *size);
    /**
     * Optional: makes the tree in `fdt`, which somebody else wrote, fit the board; for
     * machine_adopt_fdt(), before it does its part. 0 or libfdt's error.
     */
    int (*trim_fdt)(const struct machine_config *config, void *fdt);
    /** See machine_load(). */
    int (*load)(struct machine *machine, const struct machine_plan *plan, const void *fdt,
                size_t fdt_size, struct vmmp_image_error *error);

    /** The UART's port has input, or takes output. Any thread. */
    void (*serial_notify)(struct machine *machine);
    /** Optional: the power key is pressed or released. See machine_power_key(). */
    bool (*power_key)(struct machine *machine, bool pressed);
    const char *pin_example; /**< What a pin is called; NULL: the board has no `pin`. */
    /**
     * Optional: does that to the pin of this name, then says its level. -ENOENT: there is none.
     * Any thread.
     */
    int (*pin)(struct machine *machine, const char *name, enum machine_pin_action action,
               bool *high);
    /** Interrupts sent so far, by kind; returns how many kinds. Any thread. */
    unsigned (*count)(const struct machine *machine,
                      struct machine_counter counters[MACHINE_COUNTERS]);
};

/** The boards of this program; the first is the default. NULL ends them. */
extern const struct machine_board *const machine_boards[];

/** The board of that name, or NULL. */
const struct machine_board *machine_board_find(const char *name);
/** The configuration's board. */
const struct machine_board *machine_board_of(const struct machine_config *config);
/** Says in the log that `what` failed, and returns `error`. */
int machine_said(const struct machine *machine, int error, const char *what);
