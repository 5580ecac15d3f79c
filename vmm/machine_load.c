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

/* " virtio_mmio.device=…" for each device, if the guest is to find them so. */
static int name_devices(char text[MACHINE_BOOTARGS], const struct machine_config *config,
                        struct vmmp_image_error *error)
{
    const struct machine_mmio_place *place = &machine_board_of(config)->mmio;
    unsigned count = config->mmio_on_command_line ? machine_mmio_slots(config) : 0;
    unsigned first = machine_mmio_first(config);
    size_t used = 0;

    text[0] = '\0';
    if (config->mmio_on_command_line && first == 0) {
        snprintf(error->message, sizeof(error->message),
                 "this machine's guests learn of their virtio-mmio devices from the device tree: "
                 "say --transport mmio");
        return -ENOTSUP;
    }
    for (unsigned slot = first; slot < first + count; slot++) {
        if (slot == place->slots || used + 1 + VMMP_VIRTIO_MMIO_COMMAND_LINE > MACHINE_BOOTARGS) {
            snprintf(error->message, sizeof(error->message),
                     "the guest's command line can name %u virtio devices: leave %u out",
                     slot - first, first + count - slot);
            return -ENOSPC;
        }
        text[used++] = ' ';
        used += (size_t)vmmp_virtio_mmio_command_line(text + used, VMMP_VIRTIO_MMIO_COMMAND_LINE,
                                                      machine_mmio_base(config, slot),
                                                      (uint32_t)machine_mmio_irq(config, slot));
    }
    return 0;
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
    char devices[MACHINE_BOOTARGS];
    int result = name_devices(devices, config, error);
    if (result) {
        return result;
    }
    /* Before the user's words, among which may be "--". */
    bool space = append[0] && (!named || devices[0]);
    int size = snprintf(plan->bootargs, sizeof(plan->bootargs), "%s%s%s%s%s%s%s",
                        named ? "" : "console=", named ? "" : console, early ? " " : "",
                        early ? board->early_console : "",
                        named && devices[0] ? devices + 1 : devices, space ? " " : "", append);
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
