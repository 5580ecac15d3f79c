/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_bool raw_mode;
static _Thread_local const char *about;

void message_about(const char *name)
{
    about = name;
}

void message_set_raw(bool raw)
{
    atomic_store(&raw_mode, raw);
}

static void write_all(const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(STDERR_FILENO, bytes, size);
        if (written < 0 && errno == EAGAIN) {
            /* Somebody else made the description non-blocking. Wait, but not for ever. */
            struct pollfd wait = { .fd = STDERR_FILENO, .events = POLLOUT };
            if (poll(&wait, 1, 1000) <= 0) {
                return;
            }
            continue;
        }
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        bytes += written;
        size -= (size_t)written;
    }
}

static void VMMP_PRINTF(1, 0) say(const char *format, va_list arguments)
{
    char line[MESSAGE_MAX];
    snprintf(line, sizeof(line) / 2, "vmm: %s%s", about ? about : "", about ? ": " : "");
    size_t length = strlen(line);
    /* Room for the line's end stays free. */
    if (vsnprintf(line + length, sizeof(line) - length - 2, format, arguments) > 0) {
        length = strlen(line);
    }
    if (atomic_load(&raw_mode)) {
        line[length++] = '\r';
    }
    line[length++] = '\n';
    write_all(line, length);
}

void message_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void message_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void message_text(const char *text, size_t size)
{
    if (!atomic_load(&raw_mode)) {
        write_all(text, size);
        return;
    }
    char out[MESSAGE_MAX];
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        if (used + 2 > sizeof(out)) {
            write_all(out, used);
            used = 0;
        }
        if (text[i] == '\n') {
            out[used++] = '\r';
        }
        out[used++] = text[i];
    }
    write_all(out, used);
}

void message_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    const char *before = about;
    about = cookie;
    message_note("%s: %s: %s", vmmp_log_level_name(level), vmmp_log_origin_name(origin), message);
    about = before;
}
