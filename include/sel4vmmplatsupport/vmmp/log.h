/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the library's messages go.
 *
 * A client gives every VM a `struct vmmp_log`; devices are handed a pointer to it. Each message is
 * one line without a newline, marked by who is at fault. What a guest causes is limited by count,
 * so that no guest can fill a log or slow the VMM down with it.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vmmp_log_level {
    VMMP_LOG_ERROR,   /**< Something does not work and will not by itself. */
    VMMP_LOG_WARNING, /**< It works, but hardly as intended. */
    VMMP_LOG_INFO,
    VMMP_LOG_DEBUG, /**< May hold data of the guest. */
};

/** Who has to mend what the message is about. */
enum vmmp_log_origin {
    VMMP_LOG_HOST,   /**< The library itself or the machine it runs on. */
    VMMP_LOG_CLIENT, /**< The program that uses the library. */
    VMMP_LOG_GUEST,  /**< The software in the VM. */
};

/** Longest message, with its terminating zero; longer ones are cut. */
#define VMMP_LOG_MAX 256

/**
 * Takes one message. Called from whichever thread has something to say, possibly inside a
 * device's context: it must not call back into the library.
 */
typedef void vmmp_log_fn(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                         const char *message);

struct vmmp_log {
    vmmp_log_fn *sink; /**< NULL: messages are dropped. */
    void *cookie;
    enum vmmp_log_level level; /**< Messages above this level never reach the sink. */
};

/** Counts what a guest provoked, one per kind of message. Start it zeroed. */
struct vmmp_log_limit {
    uint32_t count;
};

#if defined(__GNUC__)
#define VMMP_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define VMMP_PRINTF(string, first)
#endif

/** Says something whose origin is the host or the client. `log` may be NULL. */
void vmmp_log(const struct vmmp_log *log, enum vmmp_log_level level, enum vmmp_log_origin origin,
              const char *format, ...) VMMP_PRINTF(4, 5);

/**
 * Says something that the guest caused, at level WARNING: the first eight times, then whenever the
 * count reaches a power of two (the message then carries the count). The cost of a suppressed
 * message is one increment.
 */
void vmmp_log_guest(const struct vmmp_log *log, struct vmmp_log_limit *limit, const char *format,
                    ...) VMMP_PRINTF(3, 4);

/** "error", "warning", "info", "debug". */
const char *vmmp_log_level_name(enum vmmp_log_level level);
/** "host", "client", "guest". */
const char *vmmp_log_origin_name(enum vmmp_log_origin origin);

#ifdef __cplusplus
}
#endif
