/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ports by which a PC's software resets the machine, and one by which tests end it.
 *
 *  - `port_a`: system control port A, 0x92. A rising bit 0 resets; bit 1 (A20) is stored.
 *  - `control`: the reset control register, 0xCF9 (Intel ICH9 data sheet, 13.7.5). A rising RST_CPU
 *    (bit 2) resets; SYS_RST (bit 1) and FULL_RST (bit 3) are stored. A PCI host's `config_ports`
 *    (0xCF8 to 0xCFF) cover it: vmmp_pci_host_set_port() has them pass it on.
 *  - `keyboard_data`, `keyboard_command`: ports 0x60 and 0x64 of an 8042 without keyboard or mouse:
 *    self-test, command byte, output port, and the pulse on its bit 0 that resets (command 0xFE).
 *    A probe for a mouse is answered at once, in the negative.
 *  - `debug_exit`: a write ends the machine with the value written.
 *
 * Hostile guest: ends its own machine, nothing else. The callbacks may come more than once.
 *
 * Threads: inside the device's context; the callbacks too. They only take note, and do not call
 * back. Ownership: the caller's memory, which stays in place; nothing is allocated except the
 * host's context.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_PC_RESET_PORT_A           0x92
#define VMMP_PC_RESET_CONTROL          0xcf9
#define VMMP_PC_RESET_KEYBOARD_DATA    0x60
#define VMMP_PC_RESET_KEYBOARD_COMMAND 0x64

struct vmmp_pc_reset_config {
    struct vmmp_host host;
    void (*reset)(void *cookie);                     /**< Not NULL. */
    void (*debug_exit)(void *cookie, uint32_t code); /**< NULL: writes there do nothing. */
    void *cookie;
};

struct vmmp_pc_reset {
    /** A byte each (debug_exit: four), to be put at their ports by the caller, all or some. */
    struct vmmp_window port_a;
    struct vmmp_window control;
    struct vmmp_window keyboard_data;
    struct vmmp_window keyboard_command;
    struct vmmp_window debug_exit;

    /* All below belongs to the model. */
    struct vmmp_pc_reset_config config;
    struct vmmp_context context;
    uint8_t port_a_value;
    uint8_t control_value;
    uint8_t command_byte;
    uint8_t output_port;
    uint8_t answer;   /**< What the 8042 has for the guest, if `answered`. */
    uint8_t expected; /**< The command that waits for its byte; 0: none. */
    bool answered;
    bool tested; /**< The self-test has passed: status bit 2. */
};

/** 0, -EINVAL (no `reset`) or -ENOMEM (context). */
int vmmp_pc_reset_init(struct vmmp_pc_reset *device, const struct vmmp_pc_reset_config *config);
/** The windows are detached by then. */
void vmmp_pc_reset_fini(struct vmmp_pc_reset *device);
/** All registers as after init; for a machine that starts again. */
void vmmp_pc_reset_restart(struct vmmp_pc_reset *device);

#ifdef __cplusplus
}
#endif
