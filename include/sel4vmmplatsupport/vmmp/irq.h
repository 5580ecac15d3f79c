/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt lines.
 *
 * There is one `struct vmmp_irq_line` per interrupt input of the guest's interrupt controller, and
 * one `struct vmmp_irq_source` per device on it. The line is high while any source is: PCI devices
 * that share a line cannot lose each other's interrupts.
 *
 * How a line reaches the guest is its binding:
 *  - level: the host takes levels (KVM's KVM_IRQ_LINE, libsel4vm on x86);
 *  - inject: the host takes "set pending" only and reports the guest's EOI (libsel4vm on ARM): the
 *    line injects when it rises, and again at every acknowledgement that finds it still high, or
 *    edges that came meanwhile;
 *  - pulse: a client's callback injects and no acknowledgement reaches us: it is called once for
 *    every time a source is raised, even if it was high already.
 *
 * Threads: sources of one line may be set from different device contexts; the line serialises them
 * in its own context, which comes after a device's in the lock order.
 * Hostile guest: can make its own interrupts come too often or never, and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sources one line can have. */
#define VMMP_IRQ_LINE_SOURCES 32

/** Exactly one of the first three is set. */
struct vmmp_irq_line_ops {
    void (*level)(void *cookie, bool high);
    /** False: refused, as the guest has the input disabled. */
    bool (*inject)(void *cookie);
    void (*pulse)(void *cookie);
    /** With `level`: how an edge is made in one call. NULL: by raising and lowering the level. */
    void (*edge)(void *cookie);
};

struct vmmp_irq_line {
    const struct vmmp_irq_line_ops *ops;
    void *cookie;
    struct vmmp_host host;
    struct vmmp_context context;
    uint32_t asserted; /**< A bit per source. */
    uint32_t sources;  /**< Bits in use. */
    bool in_flight;    /**< With `inject`: an edge the guest has not acknowledged, */
    bool again;        /**< and one that waits for that, or for the input to be enabled. */
    uint64_t raised; /**< How often the guest was interrupted (or a level rose), for statistics. */
};

/** `line` NULL: the device has no interrupt; setting it does nothing. */
struct vmmp_irq_source {
    struct vmmp_irq_line *line;
    uint32_t bit;
};

/** 0, or -ENOMEM if the host could not make the line's context. */
int vmmp_irq_line_init(struct vmmp_irq_line *line, const struct vmmp_irq_line_ops *ops,
                       void *cookie, const struct vmmp_host *host);
void vmmp_irq_line_fini(struct vmmp_irq_line *line);

/** Takes a place on the line, low at first. 0, or -ENOSPC if the line has 32 sources already. */
int vmmp_irq_source_init(struct vmmp_irq_source *source, struct vmmp_irq_line *line);
/** Lowers the source and gives its place back. */
void vmmp_irq_source_fini(struct vmmp_irq_source *source);

/** Drives the source; see the bindings above for what a repeated `true` does. */
void vmmp_irq_source_set(struct vmmp_irq_source *source, bool high);

/**
 * One edge, for an input that the guest uses edge-triggered (an MSI, an edge-configured device) and
 * whose level nobody drives. With an `inject` binding, edges that come before the guest has
 * acknowledged one, or while it has the input disabled, are made one when it acknowledges or
 * enables it. `line` NULL: nothing happens.
 */
void vmmp_irq_line_pulse(struct vmmp_irq_line *line);

/** For bindings with `inject`: the guest finished the interrupt (EOI) or enabled it. */
void vmmp_irq_line_acknowledged(struct vmmp_irq_line *line);

#ifdef __cplusplus
}
#endif
