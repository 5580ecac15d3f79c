/* SPDX-License-Identifier: BSD-2-Clause */
#include <hosted/stats.h>

#include <inttypes.h>

/* One writer, many readers: plain words that must not tear, nothing to order. */
#define LOAD(place)         __atomic_load_n(&(place), __ATOMIC_RELAXED)
#define STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)

void hosted_stats_count(struct hosted_vcpu_stats *stats, enum hosted_exit_kind kind)
{
    STORE(stats->exits[kind], stats->exits[kind] + 1);
}

void hosted_stats_exit(struct hosted_vcpu_stats *stats, const struct hosted_exit *exit)
{
    struct hosted_exit *place = &stats->last[stats->recorded % HOSTED_LAST_EXITS];
    STORE(place->kind, exit->kind);
    STORE(place->size, exit->size);
    STORE(place->has_pc, exit->has_pc);
    STORE(place->address, exit->address);
    STORE(place->value, exit->value);
    STORE(place->pc, exit->pc);
    STORE(stats->recorded, stats->recorded + 1);
    hosted_stats_count(stats, (enum hosted_exit_kind)exit->kind);
}

void hosted_stats_exit_value(struct hosted_vcpu_stats *stats, uint64_t value)
{
    if (stats->recorded) {
        STORE(stats->last[(stats->recorded - 1) % HOSTED_LAST_EXITS].value, value);
    }
}

uint64_t hosted_stats_exits(const struct hosted_vcpu_stats *stats, enum hosted_exit_kind kind)
{
    return LOAD(stats->exits[kind]);
}

uint64_t hosted_stats_exits_total(const struct hosted_vcpu_stats *stats)
{
    uint64_t total = 0;
    for (unsigned kind = 0; kind < HOSTED_EXIT_KINDS; kind++) {
        total += LOAD(stats->exits[kind]);
    }
    return total;
}

unsigned hosted_stats_last_exits(const struct hosted_vcpu_stats *stats,
                                 struct hosted_exit last[HOSTED_LAST_EXITS])
{
    uint64_t recorded = LOAD(stats->recorded);
    unsigned count = recorded < HOSTED_LAST_EXITS ? (unsigned)recorded : HOSTED_LAST_EXITS;
    for (unsigned i = 0; i < count; i++) {
        const struct hosted_exit *from = &stats->last[(recorded - count + i) % HOSTED_LAST_EXITS];
        last[i].kind = LOAD(from->kind);
        last[i].size = LOAD(from->size);
        last[i].has_pc = LOAD(from->has_pc);
        last[i].address = LOAD(from->address);
        last[i].value = LOAD(from->value);
        last[i].pc = LOAD(from->pc);
    }
    return count;
}

const char *hosted_exit_kind_name(enum hosted_exit_kind kind)
{
    static const char *const names[HOSTED_EXIT_KINDS] = {
        [HOSTED_EXIT_MMIO_READ] = "mmio-read", [HOSTED_EXIT_MMIO_WRITE] = "mmio-write",
        [HOSTED_EXIT_PORT_READ] = "port-read", [HOSTED_EXIT_PORT_WRITE] = "port-write",
        [HOSTED_EXIT_HYPERCALL] = "hypercall", [HOSTED_EXIT_SYSTEM_EVENT] = "system-event",
        [HOSTED_EXIT_DEBUG] = "debug",         [HOSTED_EXIT_INTERRUPTED] = "interrupted",
        [HOSTED_EXIT_HALT] = "halt",           [HOSTED_EXIT_EOI] = "eoi",
        [HOSTED_EXIT_WINDOW] = "window",       [HOSTED_EXIT_UNDECODED] = "undecoded",
        [HOSTED_EXIT_FAILURE] = "failure",     [HOSTED_EXIT_OTHER] = "other",
    };
    return (unsigned)kind < HOSTED_EXIT_KINDS ? names[kind] : "unknown";
}

void hosted_exit_format(const struct hosted_exit *exit, char text[HOSTED_EXIT_TEXT])
{
    const char *name = hosted_exit_kind_name((enum hosted_exit_kind)exit->kind);
    char size[16] = "";
    char pc[32] = "";
    if (exit->size) {
        snprintf(size, sizeof size, " size %u", exit->size);
    }
    if (exit->has_pc) {
        snprintf(pc, sizeof pc, " pc 0x%" PRIx64, exit->pc);
    }
    snprintf(text, HOSTED_EXIT_TEXT, "%s 0x%" PRIx64 "%s value 0x%" PRIx64 "%s", name,
             exit->address, size, exit->value, pc);
}

void hosted_stats_print(const struct hosted_vcpu_stats *stats, unsigned vcpu, FILE *out)
{
    for (unsigned kind = 0; kind < HOSTED_EXIT_KINDS; kind++) {
        uint64_t count = hosted_stats_exits(stats, (enum hosted_exit_kind)kind);
        if (count) {
            fprintf(out, "vcpu%u exits %s %" PRIu64 "\n", vcpu,
                    hosted_exit_kind_name((enum hosted_exit_kind)kind), count);
        }
    }
    fprintf(out, "vcpu%u exits total %" PRIu64 "\n", vcpu, hosted_stats_exits_total(stats));
}

void hosted_stats_print_last(const struct hosted_vcpu_stats *stats, unsigned vcpu, FILE *out)
{
    struct hosted_exit last[HOSTED_LAST_EXITS];
    unsigned count = hosted_stats_last_exits(stats, last);
    for (unsigned i = 0; i < count; i++) {
        char text[HOSTED_EXIT_TEXT];
        hosted_exit_format(&last[i], text);
        fprintf(out, "vcpu%u -%u %s\n", vcpu, count - i, text);
    }
}
