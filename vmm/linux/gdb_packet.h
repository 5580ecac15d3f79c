/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of GDB's remote serial protocol (GDB manual, appendix E.1): "$data#checksum", with
 * acknowledgements, escapes and the interrupt byte. Pure: bytes in, events out.
 *
 * Whatever arrives is data: a packet longer than the buffer is swallowed to its end and reported,
 * never stored past it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest packet taken, told to gdb as PacketSize (without '$', '#' and checksum). */
#define GDB_PACKET_MAX 4096

enum gdb_event {
    GDB_NOTHING,   /**< More bytes are needed. */
    GDB_PACKET,    /**< A packet with a good checksum is in `data`. */
    GDB_DAMAGED,   /**< A packet with a bad checksum: to be asked for again. */
    GDB_TOO_LONG,  /**< A packet with a good checksum that did not fit. */
    GDB_RESEND,    /**< '-': the last packet sent arrived damaged. */
    GDB_INTERRUPT, /**< 0x03: stop the program. */
};

/** Start it zeroed. */
struct gdb_packet {
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPED, GDB_SUM_HIGH, GDB_SUM_LOW } state;
    uint8_t sum;
    uint8_t claimed;
    bool claim_is_hex;
    bool too_long;
    size_t size;
    char data[GDB_PACKET_MAX + 1]; /**< Escapes resolved, and a terminating zero. */
};

/** Takes one byte. `data` and `size` are valid after GDB_PACKET until the next call. */
enum gdb_event gdb_packet_take(struct gdb_packet *packet, uint8_t byte);

/** Room that the framed form of `size` bytes of data can need. */
#define GDB_FRAME_MAX(size) (2 * (size) + 4)

/** Frames `data`, escaping what needs it, into `frame`; returns the frame's size. */
size_t gdb_packet_frame(const char *data, size_t size, char *frame);

/* Hexadecimal, as the protocol uses it. */

/** Value of a hexadecimal digit, or -1. */
int gdb_hex_digit(char digit);
/** Reads digits up to the first other character; false if there is none or more than 64 bits. */
bool gdb_hex_number(const char **text, uint64_t *number);
/** Reads exactly `size` bytes of two digits each. */
bool gdb_hex_bytes(const char **text, void *bytes, size_t size);
/** Writes two digits for each byte and no terminating zero; returns the end. */
char *gdb_hex_write(char *text, const void *bytes, size_t size);
