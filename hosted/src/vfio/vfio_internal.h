/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of the host's that a guest has: what the guest sees of it (function.c, capabilities.c,
 * bars.c, interrupts.c), above what the host's kernel lets this program do with it (device.c,
 * container.c). Between the two are tables of functions, so that the upper half is tested with a
 * device that does not exist.
 *
 * The rule of the upper half: configuration space is a copy, made once. A guest's write changes the
 * copy, where a mask lets it; of all its bits the real device gets one, bus mastering. BARs are
 * where the host's firmware put them, whatever the guest writes into its own.
 *
 * `context` guards the function's interrupts, pieces and `gone`. It comes after the PCI host's
 * context and before everything of the VM's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/pci_msix.h>

#define VFIO_PAGE 4096u
/** Pieces of a BAR that are memory for the guest: holes are around MSI-X' table and pending bits.
 */
#define VFIO_PIECES 8
/** Vectors of MSI-X that a guest sees, at most. */
#define VFIO_VECTORS 128
/** Region of configuration space; those before are the BARs (linux/vfio.h). */
#define VFIO_CONFIG_REGION 7u

enum vfio_interrupts { VFIO_INTX, VFIO_MSI, VFIO_MSIX, VFIO_NO_INTERRUPTS };

/** A range of a region. */
struct vfio_range {
    uint64_t offset;
    uint64_t size;
};

struct vfio_region {
    uint64_t size; /**< 0: there is none. */
    unsigned range_count;
    struct vfio_range ranges[VFIO_PIECES]; /**< What can be mapped, in whole pages. */
};

/** The real device. Accesses have sizes of 1, 2, 4 or 8. Errors: -errno. */
struct vfio_physical_ops {
    /** BAR `index`, 0 to 5. */
    int (*region)(void *cookie, unsigned index, struct vfio_region *region);
    int (*read)(void *cookie, unsigned region, uint64_t offset, void *to, size_t size);
    int (*write)(void *cookie, unsigned region, uint64_t offset, const void *from, size_t size);
    /** Memory that shows a range of a region; NULL: it cannot be. */
    void *(*map)(void *cookie, unsigned region, const struct vfio_range *range);
    void (*unmap)(void *cookie, void *memory, uint64_t size);
    /** How many interrupts of the kind there are. */
    unsigned (*interrupt_count)(void *cookie, enum vfio_interrupts kind);
    /**
     * `count` of them signal these eventfds from now on; 0: none does. How many there are instead,
     * a positive number, if the host has fewer to give: then none does.
     */
    int (*interrupts)(void *cookie, enum vfio_interrupts kind, const int *fds, unsigned count);
    /** INTx, which masks itself when it is signalled, is unmasked by a signal of `fd`. */
    int (*unmask_by)(void *cookie, int fd);
    int (*reset)(void *cookie);
};

/** The VM. */
struct vfio_guest_ops {
    int (*map)(void *cookie, uint64_t gpa, void *memory, uint64_t size);
    void (*unmap)(void *cookie, uint64_t gpa);
    int (*message)(void *cookie, int fd, uint64_t address, uint32_t data);
    void (*message_off)(void *cookie, int fd);
    int (*line)(void *cookie, int irq, int fd, int resample);
    void (*line_off)(void *cookie, int irq, int fd, int resample);
};

struct vfio_piece {
    struct vfio_range range;
    void *memory;
    uint64_t gpa;
    bool mapped; /**< The guest has it at `gpa`. */
};

struct vfio_function;

struct vfio_bar {
    struct vfio_function *function;
    unsigned index;
    struct vmmp_window window; /**< What no piece is for. */
    unsigned piece_count;
    struct vfio_piece pieces[VFIO_PIECES];
};

struct vfio_function_config {
    const char *name; /**< For messages; outlives the function. */
    const struct vfio_physical_ops *physical;
    void *physical_cookie;
    const struct vfio_guest_ops *guest;
    void *guest_cookie;
    struct vmmp_host host;
    const struct vmmp_log *log; /**< May be NULL. */
};

/** Where MSI-X' table and pending bits are. */
struct vfio_msix_place {
    unsigned count; /**< Vectors of the guest's; 0: there is no MSI-X. */
    unsigned table_bar;
    unsigned pending_bar;
    uint32_t table;
    uint32_t pending;
    uint32_t table_size; /**< Of the device's, which may have more: none is the guest's to touch. */
    uint32_t pending_size;
};

struct vfio_function {
    struct vmmp_pci_function pci;
    struct vfio_function_config config;
    struct vmmp_context context;
    bool context_made;
    bool gone; /**< The host has taken the device away: all-ones. */
    struct vmmp_log_limit limit;
    struct vfio_bar bars[VMMP_PCI_BARS];

    /* interrupts.c */
    struct vfio_msix_place msix_place;
    struct vmmp_pci_msix msix;
    struct vmmp_pci_msix_vector vectors[VFIO_VECTORS];
    struct vmmp_pci_register msi_control;
    unsigned msi;               /**< Offset of the capability; 0: none. */
    int irq;                    /**< Of INTx, as the VM counts; -1: none. */
    enum vfio_interrupts kind;  /**< What is switched on. */
    int events[VFIO_VECTORS];   /**< eventfds, -1: not made; INTx and MSI use the first. */
    int resample;               /**< eventfd */
    bool carried[VFIO_VECTORS]; /**< The VM makes messages of it. */
};

/* function.c */

/**
 * Reads the device and makes the guest's function, not plugged in. 0; -EINVAL for what is no
 * ordinary function, -errno (said); nothing is left behind then.
 */
int vfio_function_init(struct vfio_function *function, const struct vfio_function_config *config);
/** It is plugged in, and INTx arrives at `irq` (-1: nowhere): the guest may begin. 0 or -errno. */
int vfio_function_start(struct vfio_function *function, int irq);
/** Takes the device from the guest: no interrupts, no bus mastering, reset. Not plugged in. */
void vfio_function_fini(struct vfio_function *function);
/** The host takes the device away: from now on the guest reads all-ones. Any thread. */
void vfio_function_gone(struct vfio_function *function);
/** A little-endian number of the real configuration space; all-ones if it cannot be read. */
uint32_t vfio_config_get(const struct vfio_function *function, unsigned offset, unsigned size);

/* capabilities.c */

/** Gives the guest the capabilities that it may have. 0 or -errno. */
int vfio_capabilities_add(struct vfio_function *function);
/** Finds where MSI-X is; before BARs are made. */
void vfio_msix_find(struct vfio_function *function);

/* bars.c */

int vfio_bars_add(struct vfio_function *function);
/** The pieces leave the guest, and this process. */
void vfio_bars_remove(struct vfio_function *function);
/** vmmp_pci_function_ops */
void vfio_bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped);

/* interrupts.c */

int vfio_interrupts_add_msix(struct vfio_function *function);
/** The capability at `offset` is MSI's, of one message. */
int vfio_interrupts_add_msi(struct vfio_function *function, unsigned offset, bool wide);
/** Inside the context: switches on what the guest wants now. */
void vfio_interrupts_update(struct vfio_function *function);
/** Inside the context: nothing interrupts any more. */
void vfio_interrupts_stop(struct vfio_function *function);
void vfio_interrupts_close(struct vfio_function *function);
