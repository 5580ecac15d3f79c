/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb's packets about registers and memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gdb_session.h"

#define REGISTER_SP     31
#define REGISTER_PC     32
#define REGISTER_CPSR   33
#define REGISTER_SYSTEM 34
#define PAGE            4096

/* Registers travel as the target's memory would hold them: little-endian. */
static void store_le(uint8_t *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t load_le(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static size_t register_size(uint64_t number)
{
    return number == REGISTER_CPSR ? 4 : 8;
}

static uint64_t core_get(const struct gdb_registers *registers, uint64_t number)
{
    switch (number) {
    case REGISTER_SP:
        return registers->sp;
    case REGISTER_PC:
        return registers->pc;
    case REGISTER_CPSR:
        return registers->cpsr;
    default:
        return registers->x[number];
    }
}

static void core_set(struct gdb_registers *registers, uint64_t number, uint64_t value)
{
    switch (number) {
    case REGISTER_SP:
        registers->sp = value;
        break;
    case REGISTER_PC:
        registers->pc = value;
        break;
    case REGISTER_CPSR:
        registers->cpsr = (uint32_t)value;
        break;
    default:
        registers->x[number] = value;
        break;
    }
}

void gdb_registers_read(struct gdb_session *session)
{
    struct gdb_registers registers;
    if (!session->ops->registers_get(session->cookie, session->cpu, &registers)) {
        gdb_reply_error(session, EIO);
        return;
    }
    for (unsigned i = 0; i < REGISTER_SYSTEM; i++) {
        uint8_t bytes[8];
        size_t size = register_size(i);
        store_le(bytes, core_get(&registers, i), size);
        gdb_reply_hex(session, bytes, size);
    }
}

void gdb_registers_write(struct gdb_session *session, const char *text)
{
    struct gdb_registers registers;
    for (unsigned i = 0; i < REGISTER_SYSTEM; i++) {
        uint8_t bytes[8];
        size_t size = register_size(i);
        if (!gdb_hex_bytes(&text, bytes, size)) {
            gdb_reply_error(session, EINVAL);
            return;
        }
        core_set(&registers, i, load_le(bytes, size));
    }
    if (session->ops->registers_set(session->cookie, session->cpu, &registers)) {
        gdb_reply(session, "OK");
    } else {
        gdb_reply_error(session, EIO);
    }
}

void gdb_register_read(struct gdb_session *session, const char *text)
{
    struct gdb_registers registers;
    uint64_t number;
    uint64_t value = 0;
    uint8_t bytes[8];
    if (!gdb_hex_number(&text, &number) || *text ||
        number >= REGISTER_SYSTEM + GDB_SYSTEM_REGISTERS) {
        gdb_reply_error(session, EINVAL);
        return;
    }
    bool good;
    if (number >= REGISTER_SYSTEM) {
        good =
            session->ops->system_get(session->cookie, session->cpu,
                                     (enum gdb_system_register)(number - REGISTER_SYSTEM), &value);
    } else {
        good = session->ops->registers_get(session->cookie, session->cpu, &registers);
        value = good ? core_get(&registers, number) : 0;
    }
    if (!good) {
        gdb_reply_error(session, EIO);
        return;
    }
    store_le(bytes, value, register_size(number));
    gdb_reply_hex(session, bytes, register_size(number));
}

void gdb_register_write(struct gdb_session *session, const char *text)
{
    struct gdb_registers registers;
    uint64_t number;
    uint8_t bytes[8];
    if (!gdb_hex_number(&text, &number) || *text++ != '=' || number >= REGISTER_SYSTEM ||
        !gdb_hex_bytes(&text, bytes, register_size(number)) || *text) {
        gdb_reply_error(session, EINVAL);
        return;
    }
    if (!session->ops->registers_get(session->cookie, session->cpu, &registers)) {
        gdb_reply_error(session, EIO);
        return;
    }
    core_set(&registers, number, load_le(bytes, register_size(number)));
    if (session->ops->registers_set(session->cookie, session->cpu, &registers)) {
        gdb_reply(session, "OK");
    } else {
        gdb_reply_error(session, EIO);
    }
}

/* Bytes from `address` up to the end of its page, at most `size`. */
static size_t in_page(uint64_t address, size_t size)
{
    size_t left = PAGE - (size_t)(address % PAGE);
    return size < left ? size : left;
}

void gdb_memory_read(struct gdb_session *session, const char *text)
{
    uint8_t bytes[PAGE];
    uint64_t address;
    uint64_t size;
    if (!gdb_hex_number(&text, &address) || *text++ != ',' || !gdb_hex_number(&text, &size) ||
        *text) {
        gdb_reply_error(session, EINVAL);
        return;
    }
    /* An answer may be shorter than was asked for. */
    if (size > GDB_REPLY_MAX / 2) {
        size = GDB_REPLY_MAX / 2;
    }
    bool any = size == 0;
    while (size) {
        size_t now = in_page(address, (size_t)size);
        if (!session->ops->memory_read(session->cookie, session->cpu, address, bytes, now)) {
            break;
        }
        gdb_reply_hex(session, bytes, now);
        any = true;
        address += now;
        size -= now;
    }
    if (!any) {
        gdb_reply_error(session, EFAULT);
    }
}

/* Writes all of `bytes` and answers. */
static void write_memory(struct gdb_session *session, uint64_t address, const uint8_t *bytes,
                         size_t size)
{
    while (size) {
        size_t now = in_page(address, size);
        if (!session->ops->memory_write(session->cookie, session->cpu, address, bytes, now)) {
            gdb_reply_error(session, EFAULT);
            return;
        }
        address += now;
        bytes += now;
        size -= now;
    }
    gdb_reply(session, "OK");
}

void gdb_memory_write(struct gdb_session *session, const char *text)
{
    uint8_t bytes[GDB_PACKET_MAX / 2];
    uint64_t address;
    uint64_t size;
    if (!gdb_hex_number(&text, &address) || *text++ != ',' || !gdb_hex_number(&text, &size) ||
        *text++ != ':' || size > sizeof(bytes) || !gdb_hex_bytes(&text, bytes, (size_t)size) ||
        *text) {
        gdb_reply_error(session, EINVAL);
        return;
    }
    write_memory(session, address, bytes, (size_t)size);
}

void gdb_memory_write_binary(struct gdb_session *session, const char *text, size_t left)
{
    const char *start = text;
    uint64_t address;
    uint64_t size;
    if (!gdb_hex_number(&text, &address) || *text++ != ',' || !gdb_hex_number(&text, &size) ||
        *text++ != ':' || size != left - (size_t)(text - start)) {
        gdb_reply_error(session, EINVAL);
        return;
    }
    write_memory(session, address, (const uint8_t *)text, (size_t)size);
}

/* The target description: which registers there are, in the order of their numbers. */
static size_t describe(char *xml, size_t room)
{
    static const char *const system_names[GDB_SYSTEM_REGISTERS] = {
        [GDB_SCTLR_EL1] = "SCTLR_EL1", [GDB_TCR_EL1] = "TCR_EL1",   [GDB_TTBR0_EL1] = "TTBR0_EL1",
        [GDB_TTBR1_EL1] = "TTBR1_EL1", [GDB_ESR_EL1] = "ESR_EL1",   [GDB_FAR_EL1] = "FAR_EL1",
        [GDB_ELR_EL1] = "ELR_EL1",     [GDB_SPSR_EL1] = "SPSR_EL1", [GDB_VBAR_EL1] = "VBAR_EL1",
        [GDB_SP_EL0] = "SP_EL0",
    };
    size_t size = 0;
#define ADD(...) size += (size_t)snprintf(xml + size, room - size, __VA_ARGS__)
    ADD("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
        "<architecture>aarch64</architecture><feature name=\"org.gnu.gdb.aarch64.core\">");
    for (unsigned i = 0; i < REGISTER_SP; i++) {
        ADD("<reg name=\"x%u\" bitsize=\"64\"/>", i);
    }
    ADD("<reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\"/>"
        "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/>"
        "<reg name=\"cpsr\" bitsize=\"32\"/></feature><feature name=\"vmm.system\">");
    for (unsigned i = 0; i < GDB_SYSTEM_REGISTERS; i++) {
        ADD("<reg name=\"%s\" bitsize=\"64\" group=\"system\" save-restore=\"no\"/>",
            system_names[i]);
    }
    ADD("</feature></target>");
#undef ADD
    return size;
}

void gdb_features_read(struct gdb_session *session, const char *text)
{
    char xml[GDB_REPLY_MAX];
    uint64_t offset;
    uint64_t size;
    static const char name[] = "target.xml:";
    if (strncmp(text, name, sizeof(name) - 1) != 0) {
        gdb_reply_error(session, ENOENT);
        return;
    }
    text += sizeof(name) - 1;
    if (!gdb_hex_number(&text, &offset) || *text++ != ',' || !gdb_hex_number(&text, &size) ||
        *text) {
        gdb_reply_error(session, EINVAL);
        return;
    }
    size_t whole = describe(xml, sizeof(xml));
    if (offset >= whole) {
        gdb_reply(session, "l");
        return;
    }
    size_t left = whole - (size_t)offset;
    size_t now = size < left ? (size_t)size : left;
    now = now < GDB_REPLY_MAX - 1 ? now : GDB_REPLY_MAX - 1;
    xml[(size_t)offset + now] = '\0';
    gdb_reply(session, now < left ? "m" : "l");
    gdb_reply(session, xml + offset);
}
