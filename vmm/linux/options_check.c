/* SPDX-License-Identifier: BSD-2-Clause */
/* What no single option can see: whether the options of a guest, and of several, go together. */
#include "options_internal.h"

#include "../machine_board.h"
#include "device.h"

#define MIB (UINT64_C(1) << 20)

static bool check_amounts(struct options_parser *parser)
{
    const struct options *options = parser->options;
    const struct machine_board *board = options->board;
    if (parser->memory && options->memory < board->memory_minimum) {
        return options_fail(parser, "--memory %s: must be at least %lluM", parser->memory,
                            (unsigned long long)(board->memory_minimum / MIB));
    }
    if (parser->memory && options->memory > board->memory_maximum) {
        return options_fail(
            parser, "--memory %s: must be at most %lluM, which is what the machine has room for",
            parser->memory, (unsigned long long)(board->memory_maximum / MIB));
    }
    if (parser->cpus && (options->cpus < 1 || options->cpus > board->cpus)) {
        return options_fail(parser, "--cpus %s: must be a number from 1 to %u", parser->cpus,
                            board->cpus);
    }
    return true;
}

static bool check_screen(struct options_parser *parser)
{
    const struct options *options = parser->options;
    return !options->screen_width || options->board->screen_memory ||
           options_fail(parser, "--screen: a %s has no screen: leave it out", options->board->name);
}

static bool check_irqchip(struct options_parser *parser)
{
    const struct options *options = parser->options;
    return !options->split_irqchip || options->board->split_irqchip ||
           options_fail(parser, "--irqchip split: a %s has no IOAPIC: leave it out",
                        options->board->name);
}

static bool check_fdt(struct options_parser *parser)
{
    const struct options *options = parser->options;
    const struct machine_board *board = options->board;
    if (!board->gic && options->gic != GIC_AUTO) {
        return options_fail(parser, "--gic: a %s has no GIC: leave it out", board->name);
    }
    if (!board->build_fdt && !board->own_fdt && (options->dtb || options->dump_dtb)) {
        return options_fail(parser, "%s: guests of a %s get no device tree: leave it out",
                            options->dtb ? "--dtb" : "--dump-dtb", board->name);
    }
    if (board->own_fdt && !options->dtb) {
        return options_fail(
            parser,
            "--machine %s: no device tree: give the kernel's own, %s of its package, with "
            "--dtb",
            board->name, board->own_fdt);
    }
    return true;
}

/* A machine without virtio devices: its UART is the console, unless the user says otherwise. */
static bool check_board(struct options_parser *parser)
{
    struct options *options = parser->options;
    const struct machine_board *board = options->board;
    if (board->pci || board->mmio.slots) {
        return true;
    }
    if (!options->console_given) {
        options->console.kind = CONSOLE_NONE;
        options->serial.kind = parser->serial_given ? options->serial.kind : CONSOLE_STDIO;
    }
    if (options->console.kind != CONSOLE_NONE || options->device_count) {
        return options_fail(parser, "%s: the machine %s has no virtio devices: leave it out",
                            options->device_count ? options->devices[0].kind->option : "--console",
                            board->name);
    }
    return true;
}

/* A device of the host's reaches the guest's memory and interrupts it past this program. */
static bool check_devices(struct options_parser *parser)
{
    const struct options *options = parser->options;
    const struct device_kind *host = NULL;
    const struct device_kind *takes = NULL;
    for (unsigned i = 0; i < options->device_count; i++) {
        const struct device_kind *kind = options->devices[i].kind;
        host = kind->of_host ? kind : host;
        takes = kind->takes_memory ? kind : takes;
    }
    if (host && takes) {
        return options_fail(parser,
                            "%s: all of the guest's memory is in use by the device of %s: leave "
                            "one of them out",
                            takes->option, host->option);
    }
    return !host || !options->split_irqchip ||
           options_fail(parser,
                        "--irqchip split: the device of %s interrupts by the kernel's: "
                        "leave one of them out",
                        host->option);
}

bool options_check(struct options_parser *parser)
{
    if (!check_amounts(parser) || !check_screen(parser) || !check_irqchip(parser) ||
        !check_fdt(parser) || !check_board(parser) || !check_devices(parser)) {
        return false;
    }
    const struct options *options = parser->options;
    if (!options->kernel && !options->dump_dtb) {
        return options_fail(parser, "run: no kernel: give one with --kernel FILE");
    }
    if (options->console.kind == CONSOLE_STDIO && options->serial.kind == CONSOLE_STDIO) {
        return options_fail(parser,
                            "--serial stdio: the console uses standard input and output already: "
                            "add --console none or another place");
    }
    return true;
}

static bool uses_stdio(const struct options *options)
{
    return options->console.kind == CONSOLE_STDIO || options->serial.kind == CONSOLE_STDIO;
}

bool options_check_guests(struct options_parser *parser, const struct options_guests *guests)
{
    unsigned on_stdio = OPTIONS_GUESTS;
    for (unsigned i = 0; i < guests->count; i++) {
        const struct options *options = &guests->list[i];
        if (guests->count > 1 && options->dump_dtb) {
            return options_fail(parser,
                                "--dump-dtb: it runs nothing: give it with one guest alone");
        }
        if (uses_stdio(options) && on_stdio < OPTIONS_GUESTS) {
            return options_fail(
                parser,
                "guest %u: guest %u uses standard input and output already: give one of "
                "them --console none or another place",
                i + 1, on_stdio + 1);
        }
        on_stdio = uses_stdio(options) ? i : on_stdio;
    }
    return true;
}
