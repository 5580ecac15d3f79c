/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's virtio console and UART: between devices and ports. Private to the machine and
 * its boards. */
#pragma once

#include "machine.h"

/** Makes the virtio console and plugs it into the PCI host. */
int machine_console_add(struct machine *machine);
void machine_console_remove(struct machine *machine);

/* The UART's backend; the cookie is the machine. */
size_t machine_uart_write(void *cookie, const uint8_t *bytes, size_t size);
size_t machine_uart_read(void *cookie, uint8_t *bytes, size_t size);
