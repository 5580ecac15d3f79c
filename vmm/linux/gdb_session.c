/* SPDX-License-Identifier: BSD-2-Clause */
#include "gdb_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIGNAL_TRAP 5

void gdb_reply(struct gdb_session *session, const char *text)
{
    size_t size = strlen(text);
    if (size > GDB_REPLY_MAX - session->reply_size) {
        size = GDB_REPLY_MAX - session->reply_size;
    }
    memcpy(session->reply + session->reply_size, text, size);
    session->reply_size += size;
}

void gdb_reply_hex(struct gdb_session *session, const void *bytes, size_t size)
{
    if (size * 2 <= GDB_REPLY_MAX - session->reply_size) {
        gdb_hex_write(session->reply + session->reply_size, bytes, size);
        session->reply_size += size * 2;
    }
}

void gdb_reply_error(struct gdb_session *session, unsigned number)
{
    uint8_t byte = (uint8_t)number;
    session->reply_size = 0;
    gdb_reply(session, "E");
    gdb_reply_hex(session, &byte, 1);
}

static void send_reply(struct gdb_session *session)
{
    session->frame_size = gdb_packet_frame(session->reply, session->reply_size, session->frame);
    session->send(session->cookie, session->frame, session->frame_size);
    session->reply_size = 0;
}

static void reply_stop(struct gdb_session *session)
{
    static const char *const watches[] = {
        [GDB_WRITE_WATCHPOINT] = "watch",
        [GDB_READ_WATCHPOINT] = "rwatch",
        [GDB_ACCESS_WATCHPOINT] = "awatch",
    };
    char text[64];
    const struct gdb_stop *stop = &session->stop;
    snprintf(text, sizeof(text), "T%02xthread:%x;", stop->signal & 0xff, stop->cpu + 1);
    gdb_reply(session, text);
    if (stop->is_watch) {
        snprintf(text, sizeof(text), "%s:%llx;", watches[stop->watch],
                 (unsigned long long)stop->address);
        gdb_reply(session, text);
    }
}

void gdb_session_begin(struct gdb_session *session, const struct gdb_target_ops *ops, unsigned cpus,
                       void (*send)(void *cookie, const char *bytes, size_t size), void *cookie)
{
    memset(session, 0, sizeof(*session));
    session->ops = ops;
    session->cookie = cookie;
    session->cpus = cpus < GDB_CPUS_MAX ? cpus : GDB_CPUS_MAX;
    session->send = send;
    session->acknowledge = true;
    session->running = true;
    session->step_cpu = session->cpus;
    session->stop.signal = SIGNAL_TRAP;
}

void gdb_session_stopped(struct gdb_session *session, const struct gdb_stop *stop)
{
    session->running = false;
    session->stop = *stop;
    session->cpu = stop->cpu;
    if (session->asked) {
        session->asked = false;
        reply_stop(session);
        send_reply(session);
    }
}

void gdb_session_ended(struct gdb_session *session, bool by_signal, unsigned status)
{
    uint8_t byte = (uint8_t)status;
    if (session->asked && !session->over) {
        gdb_reply(session, by_signal ? "X" : "W");
        gdb_reply_hex(session, &byte, 1);
        send_reply(session);
    }
    session->over = true;
}

static void resume(struct gdb_session *session, const enum gdb_action *actions)
{
    session->running = true;
    session->asked = true;
    session->ops->resume(session->cookie, actions);
}

/* c, s, C and S: everybody runs; with Hc naming a thread that one steps. */
static void run(struct gdb_session *session, const char *text, bool step, bool has_signal)
{
    enum gdb_action actions[GDB_CPUS_MAX];
    uint64_t address;
    if (has_signal) {
        /* Signals mean nothing to a machine; an address may follow the number. */
        text += strcspn(text, ";");
        text += *text == ';';
    }
    if (*text) {
        struct gdb_registers registers;
        if (!gdb_hex_number(&text, &address) || *text ||
            !session->ops->registers_get(session->cookie, session->cpu, &registers)) {
            gdb_reply_error(session, EINVAL);
            return;
        }
        registers.pc = address;
        session->ops->registers_set(session->cookie, session->cpu, &registers);
    }
    for (unsigned i = 0; i < session->cpus; i++) {
        actions[i] = GDB_CONTINUE;
    }
    if (step) {
        actions[session->step_cpu < session->cpus ? session->step_cpu : session->cpu] = GDB_STEP;
    }
    resume(session, actions);
}

/* A thread: -1 for all, 0 for any, else a CPU's number plus one. False if there is none such. */
static bool thread_number(const struct gdb_session *session, const char **text, unsigned *cpu,
                          bool *all)
{
    uint64_t number;
    *all = false;
    if (strncmp(*text, "-1", 2) == 0) {
        *text += 2;
        *all = true;
        return true;
    }
    if (!gdb_hex_number(text, &number) || number > session->cpus) {
        return false;
    }
    *cpu = number ? (unsigned)number - 1 : session->cpu;
    return true;
}

/* vCont;action[:thread]…: the first action that names a thread, or none, is the thread's. */
static void vcont(struct gdb_session *session, const char *text)
{
    enum gdb_action actions[GDB_CPUS_MAX];
    bool decided[GDB_CPUS_MAX] = { false };
    for (unsigned i = 0; i < session->cpus; i++) {
        actions[i] = GDB_STAY;
    }
    while (*text == ';') {
        char letter = *++text;
        text += letter != '\0';
        if (letter == 'C' || letter == 'S') {
            uint64_t number;
            if (!gdb_hex_number(&text, &number)) {
                break;
            }
        } else if (letter != 'c' && letter != 's') {
            break;
        }
        unsigned cpu = 0;
        bool all = true;
        if (*text == ':') {
            text++;
            if (!thread_number(session, &text, &cpu, &all)) {
                break;
            }
        }
        for (unsigned i = 0; i < session->cpus; i++) {
            if ((all || i == cpu) && !decided[i]) {
                actions[i] = letter == 's' || letter == 'S' ? GDB_STEP : GDB_CONTINUE;
                decided[i] = true;
            }
        }
        if (!*text) {
            resume(session, actions);
            return;
        }
    }
    gdb_reply_error(session, EINVAL);
}

static void set_thread(struct gdb_session *session, const char *text)
{
    char letter = *text;
    unsigned cpu = session->cpu;
    bool all;
    text += letter != '\0';
    if ((letter != 'g' && letter != 'c') || !thread_number(session, &text, &cpu, &all) || *text) {
        gdb_reply_error(session, EINVAL);
        return;
    }
    if (letter == 'g') {
        session->cpu = all ? session->cpu : cpu;
    } else {
        session->step_cpu = all ? session->cpus : cpu;
    }
    gdb_reply(session, "OK");
}

static void point(struct gdb_session *session, const char *text, bool insert)
{
    uint64_t type;
    uint64_t address;
    uint64_t size;
    if (!gdb_hex_number(&text, &type) || *text++ != ',' || !gdb_hex_number(&text, &address) ||
        *text++ != ',' || !gdb_hex_number(&text, &size)) {
        gdb_reply_error(session, EINVAL);
    } else if (type > GDB_ACCESS_WATCHPOINT) {
        /* An empty reply says that this type is not supported. */
        session->reply_size = 0;
    } else if (insert ? session->ops->point_insert(session->cookie, (enum gdb_point)type, address,
                                                   size)
                      : session->ops->point_remove(session->cookie, (enum gdb_point)type, address,
                                                   size)) {
        gdb_reply(session, "OK");
    } else {
        gdb_reply_error(session, ENOSPC);
    }
}

static void list_threads(struct gdb_session *session)
{
    char text[16];
    if (session->listed >= session->cpus) {
        gdb_reply(session, "l");
        return;
    }
    gdb_reply(session, "m");
    for (bool first = true; session->listed < session->cpus; first = false) {
        snprintf(text, sizeof(text), "%s%x", first ? "" : ",", ++session->listed);
        gdb_reply(session, text);
    }
}

static bool starts_with(const char *text, const char *start, const char **rest)
{
    size_t size = strlen(start);
    *rest = text + size;
    return strncmp(text, start, size) == 0;
}

static void query(struct gdb_session *session, const char *text)
{
    char answer[160];
    const char *rest;
    unsigned cpu;
    bool all;
    if (starts_with(text, "Supported", &rest)) {
        snprintf(answer, sizeof(answer),
                 "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;"
                 "swbreak-;hwbreak-;multiprocess-",
                 GDB_PACKET_MAX);
        gdb_reply(session, answer);
    } else if (starts_with(text, "Xfer:features:read:", &rest)) {
        gdb_features_read(session, rest);
    } else if (starts_with(text, "fThreadInfo", &rest)) {
        session->listed = 0;
        list_threads(session);
    } else if (starts_with(text, "sThreadInfo", &rest)) {
        list_threads(session);
    } else if (starts_with(text, "ThreadExtraInfo,", &rest)) {
        if (thread_number(session, &rest, &cpu, &all) && !all) {
            int size = snprintf(answer, sizeof(answer), "vCPU %u", cpu);
            gdb_reply_hex(session, answer, (size_t)size);
        } else {
            gdb_reply_error(session, EINVAL);
        }
    } else if (strcmp(text, "C") == 0) {
        snprintf(answer, sizeof(answer), "QC%x", session->cpu + 1);
        gdb_reply(session, answer);
    } else if (starts_with(text, "Attached", &rest)) {
        gdb_reply(session, "1");
    }
}

static void finish(struct gdb_session *session, void (*how)(void *cookie))
{
    session->ops->points_clear(session->cookie);
    session->over = true;
    how(session->cookie);
}

/* vCont, vKill and others with words for names. Returns whether an answer is due now. */
static bool verbose(struct gdb_session *session, const char *text)
{
    const char *rest;
    if (strcmp(text, "Cont?") == 0) {
        gdb_reply(session, "vCont;c;C;s;S");
    } else if (starts_with(text, "Cont", &rest)) {
        vcont(session, rest);
        return !session->running;
    } else if (starts_with(text, "Kill", &rest)) {
        finish(session, session->ops->kill);
        gdb_reply(session, "OK");
    }
    return true;
}

/* Carries out what is in `packet`; true if an answer is due now. */
static bool command(struct gdb_session *session)
{
    const char *text = session->packet.data;
    char letter = *text;
    text += letter != '\0';
    switch (letter) {
    case '?':
        reply_stop(session);
        break;
    case 'c':
    case 'C':
    case 's':
    case 'S':
        run(session, text, letter == 's' || letter == 'S', letter == 'C' || letter == 'S');
        return !session->running;
    case 'v':
        return verbose(session, text);
    case 'D':
        finish(session, session->ops->detach);
        gdb_reply(session, "OK");
        break;
    case 'k':
        finish(session, session->ops->kill);
        return false;
    case 'H':
        set_thread(session, text);
        break;
    case 'T': {
        unsigned cpu;
        bool all;
        if (thread_number(session, &text, &cpu, &all) && !all && !*text) {
            gdb_reply(session, "OK");
        } else {
            gdb_reply_error(session, EINVAL);
        }
        break;
    }
    case 'q':
        query(session, text);
        break;
    case 'Q':
        if (strcmp(text, "StartNoAckMode") == 0) {
            session->acknowledge = false;
            gdb_reply(session, "OK");
        }
        break;
    case 'g':
        gdb_registers_read(session);
        break;
    case 'G':
        gdb_registers_write(session, text);
        break;
    case 'p':
        gdb_register_read(session, text);
        break;
    case 'P':
        gdb_register_write(session, text);
        break;
    case 'm':
        gdb_memory_read(session, text);
        break;
    case 'M':
        gdb_memory_write(session, text);
        break;
    case 'X':
        gdb_memory_write_binary(session, text, session->packet.size - 1);
        break;
    case 'Z':
    case 'z':
        point(session, text, letter == 'Z');
        break;
    default:
        /* An empty reply: not supported. */
        break;
    }
    return true;
}

/* While the guest runs there is no state to be read; a question for it waits for the stop. */
static void packet_while_running(struct gdb_session *session)
{
    const char *text = session->packet.data;
    if (text[0] == '?') {
        session->asked = true;
        return;
    }
    /* What gdb says before it asks for the state, and its farewells. */
    bool harmless = strchr("qQHTvDk", text[0]) && strncmp(text, "vCont;", 6) != 0;
    if (!harmless) {
        gdb_reply_error(session, EBUSY);
    } else if (!command(session)) {
        return;
    }
    send_reply(session);
}

static void event(struct gdb_session *session, enum gdb_event event)
{
    switch (event) {
    case GDB_NOTHING:
        break;
    case GDB_INTERRUPT:
        if (session->running) {
            session->ops->interrupt(session->cookie);
        }
        break;
    case GDB_RESEND:
        session->send(session->cookie, session->frame, session->frame_size);
        break;
    case GDB_DAMAGED:
        if (session->acknowledge) {
            session->send(session->cookie, "-", 1);
        }
        break;
    case GDB_TOO_LONG:
    case GDB_PACKET:
        /* The packet that ends acknowledgements is acknowledged itself. */
        if (session->acknowledge) {
            session->send(session->cookie, "+", 1);
        }
        if (event == GDB_TOO_LONG) {
            gdb_reply_error(session, E2BIG);
            send_reply(session);
        } else if (session->running) {
            packet_while_running(session);
        } else if (command(session)) {
            send_reply(session);
        }
        break;
    }
}

void gdb_session_input(struct gdb_session *session, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && !session->over; i++) {
        event(session, gdb_packet_take(&session->packet, bytes[i]));
    }
}
