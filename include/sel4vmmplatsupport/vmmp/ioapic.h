/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An I/O APIC with 24 inputs (version 0x20, with the EOI register), for hosts whose local APICs
 * take messages but who have none of their own: KVM with a split interrupt controller.
 *
 * A message is an MSI: its address says which local APICs, its data vector and trigger mode. A
 * level-triggered input sends one while it is high and the last one is not finished; whoever has
 * the local APICs reports that by vmmp_ioapic_eoi(). Inputs are taken as asserted or not: the
 * polarity bit is stored and means nothing.
 *
 * Hostile guest: any access does what the data sheet says; its own interrupts come too often or
 * never.
 *
 * Threads: any; all of it runs inside the device's context, the callbacks too, which do not call
 * back. Ownership: the caller's memory, which stays in place; nothing is allocated except the
 * host's context.
 * Sources: Intel 82093AA data sheet (290566); Intel ICH9 data sheet (316972), 13.5 (EOI register);
 * Intel SDM 3A, 11.11 (messages).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_IOAPIC_BASE UINT64_C(0xfec00000) /**< Where PCs have it. */
#define VMMP_IOAPIC_SIZE 0x1000
#define VMMP_IOAPIC_PINS 24

struct vmmp_ioapic_message {
    uint32_t address;
    uint32_t data;
};

struct vmmp_ioapic_config {
    struct vmmp_host host;
    uint8_t id;
    /** To be sent now. Not NULL. */
    void (*deliver)(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message);
    /**
     * What the pin's messages will be, before any of them and whenever its entry is written: where
     * the host has to know whose EOI to report. NULL: nobody wants to know.
     */
    void (*route)(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message);
    /**
     * The guest has finished the pin's interrupt. Returns the input's level from now on; `high` is
     * the present one. NULL: nobody wants to know.
     */
    bool (*eoi)(void *cookie, unsigned pin, bool high);
    void *cookie;
};

struct vmmp_ioapic {
    struct vmmp_window window; /**< To be attached by the caller. */

    /* All below belongs to the model. */
    struct vmmp_ioapic_config config;
    struct vmmp_context context;
    uint64_t entries[VMMP_IOAPIC_PINS];
    uint32_t inputs; /**< Levels. */
    uint32_t observed;
    uint8_t index;
    uint8_t id;
};

/** All entries masked. 0, -EINVAL (no `deliver`) or -ENOMEM (context). */
int vmmp_ioapic_init(struct vmmp_ioapic *ioapic, const struct vmmp_ioapic_config *config);
/** The window is detached by then. */
void vmmp_ioapic_fini(struct vmmp_ioapic *ioapic);
/** Drives an input; those that are not there are ignored. */
void vmmp_ioapic_set(struct vmmp_ioapic *ioapic, unsigned pin, bool high);
/** A local APIC has finished an interrupt with this vector that was sent as level-triggered. */
void vmmp_ioapic_eoi(struct vmmp_ioapic *ioapic, uint8_t vector);
/**
 * From now on this pin's messages are sent as level-triggered even where the guest has set it to
 * edges, which a guest does not notice, so that their end is reported too.
 */
void vmmp_ioapic_observe(struct vmmp_ioapic *ioapic, unsigned pin);

#ifdef __cplusplus
}
#endif
