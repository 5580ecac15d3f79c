/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PC's pair of 8259A interrupt controllers, the second one on input 2 of the first, with the
 * edge/level registers of its ISA bridge. For hosts that have none of their own.
 *
 *     vmmp_i8259_set(&pic, 4, true);            a device
 *     if (vmmp_i8259_output(&pic))              whoever runs the boot processor
 *         vector = vmmp_i8259_acknowledge(&pic);
 *
 * A rising edge stays until it is acknowledged, although the input may have fallen again. The
 * trigger mode is the edge/level registers' alone (ICW1's bit is ignored), as in an ISA bridge.
 *
 * Hostile guest: any access does what the data sheet says; its own interrupts come too often or
 * never.
 *
 * Threads: any; all of it runs inside the device's context, the callbacks too, which do not call
 * back. Ownership: the caller's memory, which stays in place; nothing is allocated except the
 * host's context.
 * Sources: Intel 8259A data sheet (231468); Intel 82371AB (290562), 4.2 (edge/level).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_I8259_MASTER 0x20 /**< Ports, of two each. */
#define VMMP_I8259_SLAVE  0xa0
#define VMMP_I8259_ELCR   0x4d0
#define VMMP_I8259_INPUTS 16

struct vmmp_i8259_config {
    struct vmmp_host host;
    /** The processor's INTR rises or falls. Not NULL. */
    void (*output)(void *cookie, bool high);
    /**
     * The guest has finished this input's interrupt (EOI). Returns the input's level from now on;
     * `high` is the present one. NULL: nobody wants to know.
     */
    bool (*eoi)(void *cookie, unsigned input, bool high);
    void *cookie;
};

/** The model's own. */
struct vmmp_i8259_chip {
    uint8_t inputs;     /**< Levels. */
    uint8_t requests;   /**< IRR */
    uint8_t in_service; /**< ISR */
    uint8_t masked;     /**< IMR */
    uint8_t levels;     /**< ELCR: level-triggered inputs. */
    uint8_t base;       /**< Vector of input 0. */
    uint8_t lowest;     /**< The input of lowest priority. */
    uint8_t expected;   /**< The initialization word that comes next; 0: none. */
    bool wants_icw4;
    bool single;
    bool reads_in_service;
    bool polled;
    bool special_mask;
    bool fully_nested; /**< Special fully nested mode. */
    bool auto_eoi;
    bool rotates; /**< In automatic EOI. */
};

struct vmmp_i8259 {
    /** Two ports each, to be put at their places by the caller. */
    struct vmmp_window master;
    struct vmmp_window slave;
    struct vmmp_window elcr;

    /* All below belongs to the model. */
    struct vmmp_i8259_config config;
    struct vmmp_context context;
    struct vmmp_i8259_chip chips[2];
    bool high; /**< What `output` was told last. */
};

/** 0, -EINVAL (no `output`) or -ENOMEM (context). */
int vmmp_i8259_init(struct vmmp_i8259 *pic, const struct vmmp_i8259_config *config);
/** The windows are detached by then. */
void vmmp_i8259_fini(struct vmmp_i8259 *pic);
/** Drives an input, 0 to 15; 2, where the second controller is, and others are ignored. */
void vmmp_i8259_set(struct vmmp_i8259 *pic, unsigned input, bool high);
/** Whether INTR is high. */
bool vmmp_i8259_output(struct vmmp_i8259 *pic);
/** The processor takes an interrupt: its vector; with none to take, that of input 7 or 15. */
uint8_t vmmp_i8259_acknowledge(struct vmmp_i8259 *pic);

#ifdef __cplusplus
}
#endif
