/* SPDX-License-Identifier: BSD-2-Clause */
#include "gdb_packet.h"

static enum gdb_event idle(struct gdb_packet *packet, uint8_t byte)
{
    switch (byte) {
    case '$':
        packet->state = GDB_DATA;
        packet->sum = 0;
        packet->size = 0;
        packet->too_long = false;
        return GDB_NOTHING;
    case '-':
        return GDB_RESEND;
    case 0x03:
        return GDB_INTERRUPT;
    default:
        return GDB_NOTHING;
    }
}

static void store(struct gdb_packet *packet, uint8_t byte)
{
    if (packet->size < GDB_PACKET_MAX) {
        packet->data[packet->size++] = (char)byte;
    } else {
        packet->too_long = true;
    }
}

static void data(struct gdb_packet *packet, uint8_t byte)
{
    if (byte == '$') {
        /* The rest of a packet was lost, and here is a new one. */
        idle(packet, byte);
    } else if (byte == '#') {
        packet->state = GDB_SUM_HIGH;
    } else {
        packet->sum = (uint8_t)(packet->sum + byte);
        if (packet->state == GDB_ESCAPED) {
            store(packet, byte ^ 0x20);
            packet->state = GDB_DATA;
        } else if (byte == '}') {
            packet->state = GDB_ESCAPED;
        } else {
            store(packet, byte);
        }
    }
}

static enum gdb_event finish(struct gdb_packet *packet)
{
    packet->state = GDB_IDLE;
    packet->data[packet->size] = '\0';
    if (!packet->claim_is_hex || packet->claimed != packet->sum) {
        return GDB_DAMAGED;
    }
    return packet->too_long ? GDB_TOO_LONG : GDB_PACKET;
}

enum gdb_event gdb_packet_take(struct gdb_packet *packet, uint8_t byte)
{
    int digit;
    switch (packet->state) {
    case GDB_IDLE:
        return idle(packet, byte);
    case GDB_DATA:
    case GDB_ESCAPED:
        data(packet, byte);
        return GDB_NOTHING;
    case GDB_SUM_HIGH:
        digit = gdb_hex_digit((char)byte);
        packet->claim_is_hex = digit >= 0;
        packet->claimed = (uint8_t)((unsigned)digit << 4);
        packet->state = GDB_SUM_LOW;
        return GDB_NOTHING;
    case GDB_SUM_LOW:
        digit = gdb_hex_digit((char)byte);
        packet->claim_is_hex = packet->claim_is_hex && digit >= 0;
        packet->claimed = (uint8_t)(packet->claimed | (unsigned)digit);
        return finish(packet);
    }
    return GDB_NOTHING;
}

size_t gdb_packet_frame(const char *bytes, size_t size, char *frame)
{
    static const char digits[] = "0123456789abcdef";
    char *to = frame;
    uint8_t sum = 0;
    *to++ = '$';
    for (size_t i = 0; i < size; i++) {
        char byte = bytes[i];
        if (byte == '$' || byte == '#' || byte == '}' || byte == '*') {
            *to++ = '}';
            sum = (uint8_t)(sum + '}');
            byte = (char)(byte ^ 0x20);
        }
        *to++ = byte;
        sum = (uint8_t)(sum + (uint8_t)byte);
    }
    *to++ = '#';
    *to++ = digits[sum >> 4];
    *to++ = digits[sum & 15];
    return (size_t)(to - frame);
}

int gdb_hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool gdb_hex_number(const char **text, uint64_t *number)
{
    const char *start = *text;
    uint64_t value = 0;
    for (int digit; (digit = gdb_hex_digit(**text)) >= 0; ++*text) {
        if (value >> 60) {
            return false;
        }
        value = value << 4 | (unsigned)digit;
    }
    *number = value;
    return *text != start;
}

bool gdb_hex_bytes(const char **text, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    for (size_t i = 0; i < size; i++) {
        int high = gdb_hex_digit((*text)[0]);
        int low = high < 0 ? -1 : gdb_hex_digit((*text)[1]);
        if (low < 0) {
            return false;
        }
        to[i] = (uint8_t)(high << 4 | low);
        *text += 2;
    }
    return true;
}

char *gdb_hex_write(char *text, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < size; i++) {
        *text++ = digits[from[i] >> 4];
        *text++ = digits[from[i] & 15];
    }
    return text;
}
