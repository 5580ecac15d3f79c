/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's command line; where its files go, and putting them there, is the board's. */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine_board.h"

/* Whether the command line names a console: "console=" at the start of a word. */
static bool names_console(const char *text)
{
    static const char name[] = "console=";
    for (const char *at = text; (at = strstr(at, name)) != NULL; at++) {
        if (at == text || at[-1] == ' ') {
            return true;
        }
    }
    return false;
}

/* The guest's console is the virtio one, unless there is none or the user says otherwise. */
static int make_bootargs(struct machine_plan *plan, const struct machine_config *config,
                         struct vmmp_image_error *error)
{
    const struct machine_board *board = machine_board_of(config);
    const char *append = config->append ? config->append : "";
    bool named = names_console(append) || (!config->console && !config->serial);
    bool early = !named && config->serial;
    const char *console = config->console ? "hvc0" : board->serial_console;
    int size = snprintf(plan->bootargs, sizeof(plan->bootargs), "%s%s%s%s%s%s",
                        named ? "" : "console=", named ? "" : console, early ? " " : "",
                        early ? board->early_console : "", !named && append[0] ? " " : "", append);
    if (size < 0 || (size_t)size >= sizeof(plan->bootargs)) {
        snprintf(error->message, sizeof(error->message),
                 "the kernel command line has %d characters: a kernel takes at most %zu", size,
                 sizeof(plan->bootargs) - 1);
        return -E2BIG;
    }
    return 0;
}

int machine_plan(struct machine_plan *plan, const struct machine_config *config, size_t fdt_size,
                 struct vmmp_image_error *error)
{
    const struct machine_board *board = machine_board_of(config);
    struct machine_range ram[2];
    memset(plan, 0, sizeof(*plan));
    error->message[0] = '\0';
    if (!machine_ram_ranges(board, config->memory, ram)) {
        snprintf(error->message, sizeof(error->message),
                 "the machine cannot have %llu bytes of RAM", (unsigned long long)config->memory);
        return -EINVAL;
    }
    int result = make_bootargs(plan, config, error);
    return result ? result : board->plan(plan, config, fdt_size, error);
}

int machine_load(struct machine *machine, const struct machine_plan *plan, const void *fdt,
                 size_t fdt_size, struct vmmp_image_error *error)
{
    error->message[0] = '\0';
    return machine_board_of(machine->config)->load(machine, plan, fdt, fdt_size, error);
}
