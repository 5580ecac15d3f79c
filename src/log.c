/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/log.h>

#include <stdio.h>

/* Occurrences of one kind of guest mistake that are logged before only powers of two are. */
#define GUEST_LOG_BURST 8u

static bool wanted(const struct vmmp_log *log, enum vmmp_log_level level)
{
    return log && log->sink && level <= log->level;
}

void vmmp_log(const struct vmmp_log *log, enum vmmp_log_level level, enum vmmp_log_origin origin,
              const char *format, ...)
{
    if (!wanted(log, level)) {
        return;
    }
    char message[VMMP_LOG_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    log->sink(log->cookie, level, origin, message);
}

void vmmp_log_guest(const struct vmmp_log *log, struct vmmp_log_limit *limit, const char *format,
                    ...)
{
    uint32_t count = __atomic_add_fetch(&limit->count, 1, __ATOMIC_RELAXED);
    if (count > GUEST_LOG_BURST && (count & (count - 1)) != 0) {
        return;
    }
    if (!wanted(log, VMMP_LOG_WARNING)) {
        return;
    }
    char message[VMMP_LOG_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (count > GUEST_LOG_BURST && length >= 0 && (size_t)length < sizeof(message)) {
        snprintf(message + length, sizeof(message) - (size_t)length, " (%u times so far)", count);
    }
    log->sink(log->cookie, VMMP_LOG_WARNING, VMMP_LOG_GUEST, message);
}

const char *vmmp_log_level_name(enum vmmp_log_level level)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    return (unsigned)level < sizeof(names) / sizeof(names[0]) ? names[level] : "unknown";
}

const char *vmmp_log_origin_name(enum vmmp_log_origin origin)
{
    static const char *const names[] = { "host", "client", "guest" };
    return (unsigned)origin < sizeof(names) / sizeof(names[0]) ? names[origin] : "unknown";
}
