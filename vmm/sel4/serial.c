/* SPDX-License-Identifier: BSD-2-Clause */
#include "serial.h"

#include <stdio.h>

#include <arch_stdio.h>

#include "arm/board_qemu_arm_virt_map.h"

/* Registers of a PL011 (ARM DDI 0183, 3.2), as indices of 32-bit words. */
#define DATA            (0x00 / 4)
#define FLAGS           (0x18 / 4)
#define INTERRUPT_MASK  (0x38 / 4)
#define INTERRUPT_CLEAR (0x44 / 4)

#define FLAGS_RX_EMPTY (1u << 4)
#define FLAGS_TX_FULL  (1u << 5)
/* Bits of the interrupt registers: a filled receive FIFO, and input that has waited. */
#define INTERRUPT_RX         (1u << 4)
#define INTERRUPT_RX_TIMEOUT (1u << 6)

static void put(const struct serial *serial, uint8_t byte)
{
    if (!serial->registers) {
#if defined(CONFIG_PRINTING)
        seL4_DebugPutChar((char)byte);
#endif
        return;
    }
    while (serial->registers[FLAGS] & FLAGS_TX_FULL) {
    }
    serial->registers[DATA] = byte;
}

static const struct serial *said_by;

static size_t say(void *bytes, size_t size)
{
    const char *text = bytes;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            put(said_by, '\r');
        }
        put(said_by, (uint8_t)text[i]);
    }
    return size;
}

void serial_own_output(const struct serial *serial)
{
    said_by = serial;
    sel4muslcsys_register_stdio_write_fn(say);
}

void serial_init(struct serial *serial, struct root_task *root)
{
    int irq = VIRT_SPI_INTID(VIRT_PL011_SPI);

    serial->registers =
        ps_io_map(&root->io_ops.io_mapper, VIRT_PL011_BASE, VIRT_PL011_SIZE, 0, PS_MEM_NORMAL);
    if (!serial->registers || root_task_interrupt(root, irq, &serial->interrupt)) {
        printf("vmm: the UART cannot be had: the console has no input\n");
        serial->registers = NULL;
        return;
    }
    serial->registers[INTERRUPT_CLEAR] = INTERRUPT_RX | INTERRUPT_RX_TIMEOUT;
    serial->registers[INTERRUPT_MASK] = INTERRUPT_RX | INTERRUPT_RX_TIMEOUT;
}

static size_t serial_write(void *cookie, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        put(cookie, bytes[i]);
    }
    return size;
}

static size_t serial_read(void *cookie, uint8_t *bytes, size_t size)
{
    const struct serial *serial = cookie;
    size_t got = 0;

    if (!serial->registers) {
        return 0;
    }
    /* Before reading: what arrives after the last byte read interrupts again. */
    serial->registers[INTERRUPT_CLEAR] = INTERRUPT_RX | INTERRUPT_RX_TIMEOUT;
    while (got < size && !(serial->registers[FLAGS] & FLAGS_RX_EMPTY)) {
        bytes[got++] = (uint8_t)serial->registers[DATA];
    }
    return got;
}

static size_t read_nothing(void *cookie, uint8_t *bytes, size_t size)
{
    (void)cookie;
    (void)bytes;
    (void)size;
    return 0;
}

struct machine_port serial_port(struct serial *serial)
{
    return (struct machine_port){ serial_write, serial_read, serial };
}

struct machine_port serial_output(struct serial *serial)
{
    return (struct machine_port){ serial_write, read_nothing, serial };
}

void serial_acknowledge(struct serial *serial)
{
    if (serial->registers) {
        (void)seL4_IRQHandler_Ack(serial->interrupt);
    }
}
