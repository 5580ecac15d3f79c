/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that are no devices': what each does with its value, and what help says of it. */
#include "options_internal.h"

#include <string.h>

#include "../machine_board.h"
#include "../machine_screen.h"
#include "device_port.h"
#include "devices.h"

#define MIB         (UINT64_C(1) << 20)
#define MOST_BOARDS 8

static bool set_file(struct options_parser *parser, const char *name, const char *value,
                     const char **file)
{
    if (!value[0]) {
        return options_fail(parser, "%s: the file name is empty: give the path of a file", name);
    }
    *file = value;
    return true;
}

static bool set_name(struct options_parser *parser, const char *name, const char *value)
{
    if (!value[0]) {
        return options_fail(parser, "%s: the name is empty: give a word for messages", name);
    }
    parser->options->name = value;
    return true;
}

static bool set_kernel(struct options_parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->kernel);
}

static bool set_initrd(struct options_parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->initrd);
}

static bool set_dtb(struct options_parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->dtb);
}

static bool set_dump_dtb(struct options_parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->dump_dtb);
}

static bool set_trace(struct options_parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->trace);
}

static bool set_control(struct options_parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->control);
}

static bool set_append(struct options_parser *parser, const char *name, const char *value)
{
    (void)name;
    parser->options->append = value;
    return true;
}

static bool set_machine(struct options_parser *parser, const char *name, const char *value)
{
    const char *names[MOST_BOARDS + 1];
    size_t count = 0;
    parser->options->board = machine_board_find(value);
    if (parser->options->board) {
        return true;
    }
    while (machine_boards[count] && count < MOST_BOARDS) {
        names[count] = machine_boards[count]->name;
        count++;
    }
    names[count] = NULL;
    const char *nearest = options_nearest(value, names);
    if (nearest) {
        return options_fail(parser, "%s %s: there is none of that name: did you mean %s?", name,
                            value, nearest);
    }
    return options_fail(parser, "%s %s: there is none of that name: 'vmm run --help' lists them",
                        name, value);
}

static bool set_memory(struct options_parser *parser, const char *name, const char *value)
{
    uint64_t size;
    if (!options_parse_size(value, &size)) {
        return options_fail(parser, "%s %s: not a size: give a number with K, M or G, such as 512M",
                            name, value);
    }
    parser->memory = value;
    if (size % MIB) {
        return options_fail(parser, "%s %s: must be a multiple of 1M", name, value);
    }
    parser->options->memory = size;
    return true;
}

static bool set_cpus(struct options_parser *parser, const char *name, const char *value)
{
    unsigned long cpus;
    parser->cpus = value;
    /* What is no number is none of the machine's either. */
    if (!options_parse_number(value, 1, UINT16_MAX, &cpus)) {
        cpus = 0;
    }
    (void)name;
    parser->options->cpus = (unsigned)cpus;
    return true;
}

static bool set_gic(struct options_parser *parser, const char *name, const char *value)
{
    if (strcmp(value, "auto") == 0) {
        parser->options->gic = GIC_AUTO;
    } else if (strcmp(value, "2") == 0) {
        parser->options->gic = GIC_V2;
    } else if (strcmp(value, "3") == 0) {
        parser->options->gic = GIC_V3;
    } else {
        return options_fail(parser, "%s %s: must be auto, 2 or 3", name, value);
    }
    return true;
}

static bool set_irqchip(struct options_parser *parser, const char *name, const char *value)
{
    if (strcmp(value, "kernel") != 0 && strcmp(value, "split") != 0) {
        return options_fail(parser, "%s %s: must be kernel or split", name, value);
    }
    parser->options->split_irqchip = value[0] == 's';
    return true;
}

static bool set_transport(struct options_parser *parser, const char *name, const char *value)
{
    static const struct {
        const char *name;
        enum machine_transport transport;
        bool command_line;
    } kinds[] = { { "pci", MACHINE_TRANSPORT_PCI, false },
                  { "pci-modern", MACHINE_TRANSPORT_PCI_MODERN, false },
                  { "pci-legacy", MACHINE_TRANSPORT_PCI_LEGACY, false },
                  { "mmio", MACHINE_TRANSPORT_MMIO, false },
                  { "mmio-cmdline", MACHINE_TRANSPORT_MMIO, true } };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(value, kinds[i].name) == 0) {
            parser->options->transport = kinds[i].transport;
            parser->options->mmio_on_command_line = kinds[i].command_line;
            return true;
        }
    }
    return options_fail(parser, "%s %s: must be pci, pci-modern, pci-legacy, mmio or mmio-cmdline",
                        name, value);
}

static bool set_rings(struct options_parser *parser, const char *name, const char *value)
{
    if (strcmp(value, "packed") != 0 && strcmp(value, "split") != 0) {
        return options_fail(parser, "%s %s: must be packed or split", name, value);
    }
    parser->options->split_rings = value[0] == 's';
    return true;
}

static bool set_screen(struct options_parser *parser, const char *name, const char *value)
{
    char digits[8] = "";
    size_t length = strcspn(value, "x");
    unsigned long width;
    unsigned long height;
    if (length < sizeof(digits)) {
        memcpy(digits, value, length);
    }
    if (!value[length] ||
        !options_parse_number(digits, MACHINE_SCREEN_WIDTH_MIN, MACHINE_SCREEN_WIDTH_MAX, &width) ||
        !options_parse_number(value + length + 1, MACHINE_SCREEN_HEIGHT_MIN,
                              MACHINE_SCREEN_HEIGHT_MAX, &height)) {
        return options_fail(parser,
                            "%s %s: must be WIDTHxHEIGHT from %dx%d to %dx%d, such as 1024x768",
                            name, value, MACHINE_SCREEN_WIDTH_MIN, MACHINE_SCREEN_HEIGHT_MIN,
                            MACHINE_SCREEN_WIDTH_MAX, MACHINE_SCREEN_HEIGHT_MAX);
    }
    parser->options->screen_width = (uint16_t)width;
    parser->options->screen_height = (uint16_t)height;
    return true;
}

static bool set_choice(struct options_parser *parser, const char *name, const char *value,
                       struct console_choice *choice)
{
    choice->path = NULL;
    if (strcmp(value, "stdio") == 0) {
        choice->kind = CONSOLE_STDIO;
    } else if (strcmp(value, "pty") == 0) {
        choice->kind = CONSOLE_PTY;
    } else if (strcmp(value, "none") == 0) {
        choice->kind = CONSOLE_NONE;
    } else if (strncmp(value, "file:", 5) == 0 && value[5]) {
        choice->kind = CONSOLE_FILE;
        choice->path = value + 5;
    } else if (strncmp(value, "socket:", 7) == 0 && value[7]) {
        choice->kind = CONSOLE_SOCKET;
        choice->path = value + 7;
    } else {
        return options_fail(parser, "%s %s: must be stdio, pty, file:PATH, socket:PATH or none",
                            name, value);
    }
    return true;
}

/* The first one is the guest's console, those that follow are ports of another. */
static bool set_console(struct options_parser *parser, const char *name, const char *value)
{
    struct options *options = parser->options;
    if (!options->console_given && parser->command == OPTIONS_OF_RUN) {
        options->console_given = true;
        return set_choice(parser, name, value, &options->console);
    }
    return options_add_device(parser, &device_port, value);
}

static bool set_serial(struct options_parser *parser, const char *name, const char *value)
{
    parser->serial_given = true;
    return set_choice(parser, name, value, &parser->options->serial);
}

static bool set_device(struct options_parser *parser, const char *name, const char *value)
{
    parser->options->served = options_served_kind(value);
    return parser->options->served ||
           options_fail(parser, "%s %s: must be net, blk, console, rng or vsock", name, value);
}

static bool set_socket(struct options_parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->socket);
}

static bool set_stats(struct options_parser *parser, const char *name, const char *value)
{
    (void)name;
    (void)value;
    parser->options->stats = true;
    return true;
}

static bool set_sandbox(struct options_parser *parser, const char *name, const char *value)
{
    (void)name;
    (void)value;
    parser->options->sandbox = true;
    return true;
}

static bool set_no_reboot(struct options_parser *parser, const char *name, const char *value)
{
    (void)name;
    (void)value;
    parser->options->no_reboot = true;
    return true;
}

static bool set_gdb(struct options_parser *parser, const char *name, const char *value)
{
    char digits[8];
    size_t length = strcspn(value, ",");
    unsigned long port;
    bool wait = strcmp(value + length, ",wait") == 0;
    if (length < sizeof(digits)) {
        memcpy(digits, value, length);
        digits[length] = '\0';
    }
    if (length >= sizeof(digits) || (value[length] && !wait) ||
        !options_parse_number(digits, 1, 65535, &port)) {
        return options_fail(parser, "%s %s: must be a TCP port from 1 to 65535, or PORT,wait", name,
                            value);
    }
    parser->options->gdb_port = (uint16_t)port;
    parser->options->gdb_wait = wait;
    return true;
}

static bool set_log_level(struct options_parser *parser, const char *name, const char *value)
{
    for (int level = VMMP_LOG_ERROR; level <= VMMP_LOG_DEBUG; level++) {
        if (strcmp(value, vmmp_log_level_name((enum vmmp_log_level)level)) == 0) {
            parser->options->log_level = (enum vmmp_log_level)level;
            return true;
        }
    }
    return options_fail(parser, "%s %s: must be error, warning, info or debug", name, value);
}

const struct option_row options_rows[] = {
    { OPTIONS_OF_RUN, "--machine", "NAME", set_machine,
      "qemu-arm-virt (default), or exynos5422: an ODROID-XU4\n"
      "for 32-bit kernels that bring its --dtb" },
    { OPTIONS_OF_RUN, "--kernel", "FILE", set_kernel,
      "the guest's kernel: an arm64 Image (plain or gzip,\n"
      "lz4, zstd), a 32-bit zImage, or an ELF file (required)" },
    { OPTIONS_OF_RUN, "--initrd", "FILE", set_initrd,
      "initial RAM disk, in any format the kernel accepts" },
    { OPTIONS_OF_RUN, "--dtb", "FILE", set_dtb,
      "device tree blob to use instead of the generated one;\n"
      "only /chosen and the memory nodes are changed in it" },
    { OPTIONS_OF_RUN, "--append", "STRING", set_append,
      "kernel command line; console=hvc0 is added if it names\n"
      "no console" },
    { OPTIONS_OF_RUN, "--memory", "SIZE", set_memory,
      "guest RAM, e.g. 512M or 3G; without a unit MiB\n"
      "(default 512M, at least 64M)" },
    { OPTIONS_OF_RUN, "--cpus", "N", set_cpus, "virtual CPUs, 1 to 8, of a PC to 64 (default 1)" },
    { OPTIONS_OF_RUN, "--gic", "auto|2|3", set_gic,
      "interrupt controller (default auto: the host's best)" },
    { OPTIONS_OF_RUN, "--irqchip", "kernel|split", set_irqchip,
      "of a PC: whose 8259s, IOAPIC and timer are, KVM's\n"
      "(default) or the VMM's; local APICs are always KVM's" },
    { OPTIONS_OF_RUN, "--transport", "KIND", set_transport,
      "how the guest reaches its virtio devices: pci (default),\n"
      "pci-modern, pci-legacy, mmio or mmio-cmdline (PCs)" },
    { OPTIONS_OF_SERVE, "--device", "KIND", set_device,
      "what is served: net, blk, console, rng or vsock" },
    { OPTIONS_OF_SERVE, "--socket", "PATH", set_socket,
      "where the front-end connects to (listens there)" },
    { OPTIONS_OF_RUN | OPTIONS_OF_SERVE, "--rings", "packed|split", set_rings,
      "the best rings that are offered to it (default packed)" },
    { OPTIONS_OF_RUN | OPTIONS_OF_SERVE, "--console", "WHERE", set_console,
      "the virtio console, hvc0: stdio (default), pty,\n"
      "file:PATH, socket:PATH (listens there) or none.\n"
      "Every further one adds a port, /dev/vportNpM:\n"
      "WHERE[,name=NAME][,hvc]; with ,hvc a console, hvcN" },
    { OPTIONS_OF_RUN, "--serial", "WHERE", set_serial,
      "the UART, ttyAMA0 (ttySAC2 of exynos5422): as --console\n"
      "(default none, and then the guest sees no UART; stdio\n"
      "for a machine without virtio)" },
    { OPTIONS_OF_RUN, "--screen", "WxH", set_screen,
      "of a PC: a framebuffer of that many pixels, which\n"
      "'vmm ctl PATH screenshot FILE.png' shows" },
    { OPTIONS_OF_RUN, "--dump-dtb", "FILE", set_dump_dtb,
      "write the guest's device tree blob to FILE and exit" },
    { OPTIONS_OF_RUN | OPTIONS_OF_SERVE, "--stats", NULL, set_stats,
      "print what the guest did at exit (SIGUSR1: at once)" },
    { OPTIONS_OF_RUN, "--no-reboot", NULL, set_no_reboot,
      "a guest that resets ends the VMM, with status 3; without\n"
      "it the guest starts again (never with --gdb)" },
    { OPTIONS_OF_RUN, "--trace", "FILE", set_trace,
      "write a line for every exit from the guest to FILE" },
    { OPTIONS_OF_RUN, "--gdb", "PORT[,wait]", set_gdb,
      "let gdb debug the guest on 127.0.0.1:PORT; with ,wait\n"
      "the guest starts when gdb says so" },
    { OPTIONS_OF_RUN, "--sandbox", NULL, set_sandbox,
      "once all is open, allow the VMM only what it still needs;\n"
      "implies --no-reboot" },
    { OPTIONS_OF_RUN, "--control", "PATH", set_control,
      "a Unix socket for 'vmm ctl PATH COMMAND'" },
    { OPTIONS_OF_RUN, "--name", "NAME", set_name, "what messages and statistics call this guest" },
    { OPTIONS_OF_RUN | OPTIONS_OF_SERVE, "--log-level", "LEVEL", set_log_level,
      "error, warning (default), info or debug" },
    { 0, NULL, NULL, NULL, NULL },
};
