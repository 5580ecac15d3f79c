/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's PL011 UART as the terminal of the guest's console: QEMU's machine `virt` has it where
 * the guest's machine has its own. Polls for room, so that nothing is lost; input comes by
 * interrupt. Without it (its frame or interrupt is another's) output goes to the kernel's debug
 * output.
 */
#pragma once

#include "console_pump.h"
#include "root_task.h"

struct serial {
    volatile uint32_t *registers; /**< NULL: there is none. */
    seL4_CPtr interrupt;
};

/** From now on the program's own output goes where the guest's does. Before serial_init(). */
void serial_own_output(const struct serial *serial);
void serial_init(struct serial *serial, struct root_task *root);
/** The console's outer end. */
struct machine_port serial_port(struct serial *serial);
/** Output only: for a second device on the same terminal. */
struct machine_port serial_output(struct serial *serial);
/** After input was read. */
void serial_acknowledge(struct serial *serial);
