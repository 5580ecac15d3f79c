/* SPDX-License-Identifier: BSD-2-Clause */
#include <hosted/trace.h>

#include <inttypes.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void hosted_trace_init(struct hosted_trace *trace, FILE *file)
{
    trace->file = file;
    trace->start_ns = now_ns();
}

void hosted_trace_exit(const struct hosted_trace *trace, unsigned vcpu,
                       const struct hosted_exit *exit)
{
    if (!hosted_trace_enabled(trace)) {
        return;
    }
    uint64_t ns = now_ns() - trace->start_ns;
    char text[HOSTED_EXIT_TEXT];
    hosted_exit_format(exit, text);
    /* One call, so that stdio's lock keeps lines of different vCPUs apart. */
    fprintf(trace->file, "%" PRIu64 ".%09" PRIu64 " vcpu%u %s\n", ns / NS_PER_S, ns % NS_PER_S,
            vcpu, text);
}
