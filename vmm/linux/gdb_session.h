/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One conversation with gdb (GDB manual, appendix E) about an AArch64 guest: its threads are the
 * vCPUs, all of them stop together. Pure: bytes in, bytes out, and a target that does the rest.
 *
 * gdb is a program on the same machine, but what it sends is data all the same: every packet gets
 * an answer that fits, wrong ones an error. Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdb_packet.h"

#define GDB_CPUS_MAX 128

/** The registers of gdb's feature org.gnu.gdb.aarch64.core, in its order. */
struct gdb_registers {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint32_t cpsr;
};

/** System registers shown read-only as feature "vmm.system", from REGISTER_SYSTEM of gdb_data.c on.
 */
enum gdb_system_register {
    GDB_SCTLR_EL1,
    GDB_TCR_EL1,
    GDB_TTBR0_EL1,
    GDB_TTBR1_EL1,
    GDB_ESR_EL1,
    GDB_FAR_EL1,
    GDB_ELR_EL1,
    GDB_SPSR_EL1,
    GDB_VBAR_EL1,
    GDB_SP_EL0,
    GDB_SYSTEM_REGISTERS
};

/** The types of Z packets. */
enum gdb_point {
    GDB_SOFTWARE_BREAKPOINT,
    GDB_HARDWARE_BREAKPOINT,
    GDB_WRITE_WATCHPOINT,
    GDB_READ_WATCHPOINT,
    GDB_ACCESS_WATCHPOINT,
};

enum gdb_action {
    GDB_STAY, /**< Does not run. */
    GDB_CONTINUE,
    GDB_STEP,
};

/** What is debugged. All but `resume` and `interrupt` are called only while it is stopped. */
struct gdb_target_ops {
    bool (*registers_get)(void *cookie, unsigned cpu, struct gdb_registers *registers);
    bool (*registers_set)(void *cookie, unsigned cpu, const struct gdb_registers *registers);
    bool (*system_get)(void *cookie, unsigned cpu, enum gdb_system_register number,
                       uint64_t *value);
    /** At virtual addresses of `cpu`, and not across a multiple of 4 KiB. */
    bool (*memory_read)(void *cookie, unsigned cpu, uint64_t address, void *to, size_t size);
    bool (*memory_write)(void *cookie, unsigned cpu, uint64_t address, const void *from,
                         size_t size);
    /** False: there is no such point to be had. Inserting one twice changes nothing. */
    bool (*point_insert)(void *cookie, enum gdb_point type, uint64_t address, uint64_t size);
    bool (*point_remove)(void *cookie, enum gdb_point type, uint64_t address, uint64_t size);
    void (*points_clear)(void *cookie);
    /** Lets CPUs run; gdb_session_stopped() says when one of them has stopped all. */
    void (*resume)(void *cookie, const enum gdb_action *actions);
    /** Stops all CPUs; gdb_session_stopped() follows. */
    void (*interrupt)(void *cookie);
    /** Ends the guest; the conversation is over. */
    void (*kill)(void *cookie);
    /** gdb is leaving: the guest is to go on without it. */
    void (*detach)(void *cookie);
};

struct gdb_stop {
    unsigned cpu;
    unsigned signal; /**< gdb's numbering: 2 interrupt, 5 trap. */
    bool is_watch;
    enum gdb_point watch; /**< Which kind, */
    uint64_t address;     /**< and what was accessed. */
};

/** Longest answer. */
#define GDB_REPLY_MAX GDB_PACKET_MAX

struct gdb_session {
    const struct gdb_target_ops *ops;
    void *cookie;
    unsigned cpus;
    /** Sends bytes to gdb. */
    void (*send)(void *cookie, const char *bytes, size_t size);

    struct gdb_packet packet;
    bool running;
    bool acknowledge;  /**< Until QStartNoAckMode. */
    bool over;         /**< Killed or detached. */
    bool asked;        /**< gdb waits for a stop reply. */
    unsigned cpu;      /**< Whom g, m and the like are about (Hg). */
    unsigned step_cpu; /**< Whom s and c are about (Hc); `cpus`: all. */
    unsigned listed;   /**< Next CPU of qsThreadInfo. */
    struct gdb_stop stop;
    char reply[GDB_REPLY_MAX + 1];
    size_t reply_size;
    char frame[GDB_FRAME_MAX(GDB_REPLY_MAX)];
    size_t frame_size; /**< Of the last frame, to be sent again. */
};

/**
 * Begins a conversation with a target whose CPUs are being stopped: gdb_session_stopped() follows.
 */
void gdb_session_begin(struct gdb_session *session, const struct gdb_target_ops *ops, unsigned cpus,
                       void (*send)(void *cookie, const char *bytes, size_t size), void *cookie);
/** Takes bytes from gdb. */
void gdb_session_input(struct gdb_session *session, const uint8_t *bytes, size_t size);
/** All CPUs have stopped, and why. */
void gdb_session_stopped(struct gdb_session *session, const struct gdb_stop *stop);
/** The guest has ended by itself: with a status, or by a signal of gdb's numbering. */
void gdb_session_ended(struct gdb_session *session, bool by_signal, unsigned status);

/* Between the gdb_*.c files: commands append to the reply. */

/** Appends; what does not fit is left out. */
void gdb_reply(struct gdb_session *session, const char *text);
/** Appends a byte in hexadecimal. */
void gdb_reply_hex(struct gdb_session *session, const void *bytes, size_t size);
/** Replaces the reply by "E" and a number of errno.h. */
void gdb_reply_error(struct gdb_session *session, unsigned number);

/* gdb_data.c: g G p P m M X and the target description. `text` is what follows the letter. */
void gdb_registers_read(struct gdb_session *session);
void gdb_registers_write(struct gdb_session *session, const char *text);
void gdb_register_read(struct gdb_session *session, const char *text);
void gdb_register_write(struct gdb_session *session, const char *text);
void gdb_memory_read(struct gdb_session *session, const char *text);
void gdb_memory_write(struct gdb_session *session, const char *text);
void gdb_memory_write_binary(struct gdb_session *session, const char *text, size_t size);
void gdb_features_read(struct gdb_session *session, const char *text);
