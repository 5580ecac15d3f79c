/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../machine_board.h"
#include "../machine_screen.h"
#include "device_port.h"
#include "devices.h"

#define MIB         (UINT64_C(1) << 20)
#define MOST_BOARDS 8

struct parser {
    struct options *options;
    char *message;
    /* As given, for messages of what the machine does not allow; NULL: not given. */
    const char *memory;
    const char *cpus;
    bool serial_given;
};

/* Every setter says on its own what is wrong with `value`; false then. */
typedef bool option_set_fn(struct parser *parser, const char *name, const char *value);

struct option_row {
    const char *name;
    const char *value; /**< What --help calls it; NULL: the option takes none. */
    option_set_fn *set;
    const char *help;
};

static bool VMMP_PRINTF(2, 3) fail(struct parser *parser, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->message, OPTIONS_MESSAGE, format, arguments);
    va_end(arguments);
    return false;
}

bool options_parse_size(const char *text, uint64_t *size)
{
    static const char units[] = "kmgt";
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    unsigned shift = 20;
    if (*end) {
        const char *unit = strchr(units, *end | 0x20);
        if (!unit || !*unit) {
            return false;
        }
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
        if (strcmp(end, "") != 0 && strcmp(end, "B") != 0 && strcmp(end, "iB") != 0) {
            return false;
        }
    }
    if (errno || number > UINT64_MAX >> shift) {
        return false;
    }
    *size = (uint64_t)number << shift;
    return true;
}

bool options_parse_number(const char *text, unsigned long low, unsigned long high,
                          unsigned long *number)
{
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return !errno && !*end && *number >= low && *number <= high;
}

static bool set_file(struct parser *parser, const char *name, const char *value, const char **file)
{
    if (!value[0]) {
        return fail(parser, "%s: the file name is empty: give the path of a file", name);
    }
    *file = value;
    return true;
}

static bool set_kernel(struct parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->kernel);
}

static bool set_initrd(struct parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->initrd);
}

static bool set_dtb(struct parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->dtb);
}

static bool set_dump_dtb(struct parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->dump_dtb);
}

static bool set_trace(struct parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->trace);
}

static bool set_control(struct parser *parser, const char *name, const char *value)
{
    return set_file(parser, name, value, &parser->options->control);
}

static bool set_append(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    parser->options->append = value;
    return true;
}

static bool set_machine(struct parser *parser, const char *name, const char *value)
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
        return fail(parser, "%s %s: there is none of that name: did you mean %s?", name, value,
                    nearest);
    }
    return fail(parser, "%s %s: there is none of that name: 'vmm run --help' lists them", name,
                value);
}

static bool set_memory(struct parser *parser, const char *name, const char *value)
{
    uint64_t size;
    if (!options_parse_size(value, &size)) {
        return fail(parser, "%s %s: not a size: give a number with K, M or G, such as 512M", name,
                    value);
    }
    parser->memory = value;
    if (size % MIB) {
        return fail(parser, "%s %s: must be a multiple of 1M", name, value);
    }
    parser->options->memory = size;
    return true;
}

static bool set_cpus(struct parser *parser, const char *name, const char *value)
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

static bool set_gic(struct parser *parser, const char *name, const char *value)
{
    if (strcmp(value, "auto") == 0) {
        parser->options->gic = GIC_AUTO;
    } else if (strcmp(value, "2") == 0) {
        parser->options->gic = GIC_V2;
    } else if (strcmp(value, "3") == 0) {
        parser->options->gic = GIC_V3;
    } else {
        return fail(parser, "%s %s: must be auto, 2 or 3", name, value);
    }
    return true;
}

static bool set_transport(struct parser *parser, const char *name, const char *value)
{
    static const char *const names[] = { [MACHINE_TRANSPORT_PCI] = "pci",
                                         [MACHINE_TRANSPORT_PCI_MODERN] = "pci-modern",
                                         [MACHINE_TRANSPORT_PCI_LEGACY] = "pci-legacy",
                                         [MACHINE_TRANSPORT_MMIO] = "mmio" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            parser->options->transport = (enum machine_transport)i;
            return true;
        }
    }
    return fail(parser, "%s %s: must be pci, pci-modern, pci-legacy or mmio", name, value);
}

static bool set_rings(struct parser *parser, const char *name, const char *value)
{
    if (strcmp(value, "packed") != 0 && strcmp(value, "split") != 0) {
        return fail(parser, "%s %s: must be packed or split", name, value);
    }
    parser->options->split_rings = value[0] == 's';
    return true;
}

static bool set_screen(struct parser *parser, const char *name, const char *value)
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
        return fail(parser, "%s %s: must be WIDTHxHEIGHT from %dx%d to %dx%d, such as 1024x768",
                    name, value, MACHINE_SCREEN_WIDTH_MIN, MACHINE_SCREEN_HEIGHT_MIN,
                    MACHINE_SCREEN_WIDTH_MAX, MACHINE_SCREEN_HEIGHT_MAX);
    }
    parser->options->screen_width = (uint16_t)width;
    parser->options->screen_height = (uint16_t)height;
    return true;
}

static bool set_choice(struct parser *parser, const char *name, const char *value,
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
        return fail(parser, "%s %s: must be stdio, pty, file:PATH, socket:PATH or none", name,
                    value);
    }
    return true;
}

static bool add_device(struct parser *parser, const struct device_kind *kind, const char *value);

/* The first one is the guest's console, those that follow are ports of another. */
static bool set_console(struct parser *parser, const char *name, const char *value)
{
    struct options *options = parser->options;
    if (!options->console_given) {
        options->console_given = true;
        return set_choice(parser, name, value, &options->console);
    }
    return add_device(parser, &device_port, value);
}

static bool set_serial(struct parser *parser, const char *name, const char *value)
{
    parser->serial_given = true;
    return set_choice(parser, name, value, &parser->options->serial);
}

static bool set_stats(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    (void)value;
    parser->options->stats = true;
    return true;
}

static bool set_sandbox(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    (void)value;
    parser->options->sandbox = true;
    return true;
}

static bool set_no_reboot(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    (void)value;
    parser->options->no_reboot = true;
    return true;
}

static bool set_gdb(struct parser *parser, const char *name, const char *value)
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
        return fail(parser, "%s %s: must be a TCP port from 1 to 65535, or PORT,wait", name, value);
    }
    parser->options->gdb_port = (uint16_t)port;
    parser->options->gdb_wait = wait;
    return true;
}

static bool set_log_level(struct parser *parser, const char *name, const char *value)
{
    for (int level = VMMP_LOG_ERROR; level <= VMMP_LOG_DEBUG; level++) {
        if (strcmp(value, vmmp_log_level_name((enum vmmp_log_level)level)) == 0) {
            parser->options->log_level = (enum vmmp_log_level)level;
            return true;
        }
    }
    return fail(parser, "%s %s: must be error, warning, info or debug", name, value);
}

static const struct option_row rows[] = {
    { "--machine", "NAME", set_machine,
      "qemu-arm-virt (default), or exynos5422: an ODROID-XU4\n"
      "for 32-bit kernels that bring its --dtb" },
    { "--kernel", "FILE", set_kernel,
      "the guest's kernel: an arm64 Image (plain or gzip,\n"
      "lz4, zstd), a 32-bit zImage, or an ELF file (required)" },
    { "--initrd", "FILE", set_initrd, "initial RAM disk, in any format the kernel accepts" },
    { "--dtb", "FILE", set_dtb,
      "device tree blob to use instead of the generated one;\n"
      "only /chosen and the memory nodes are changed in it" },
    { "--append", "STRING", set_append,
      "kernel command line; console=hvc0 is added if it names\n"
      "no console" },
    { "--memory", "SIZE", set_memory,
      "guest RAM, e.g. 512M or 3G; without a unit MiB\n"
      "(default 512M, at least 64M)" },
    { "--cpus", "N", set_cpus, "virtual CPUs, 1 to 8 (default 1)" },
    { "--gic", "auto|2|3", set_gic, "interrupt controller (default auto: the host's best)" },
    { "--transport", "KIND", set_transport,
      "how the guest reaches its virtio devices: pci (default),\n"
      "pci-modern, pci-legacy or mmio" },
    { "--rings", "packed|split", set_rings,
      "the best rings that are offered to it (default packed)" },
    { "--console", "WHERE", set_console,
      "the virtio console, hvc0: stdio (default), pty,\n"
      "file:PATH, socket:PATH (listens there) or none.\n"
      "Every further one adds a port, /dev/vportNpM:\n"
      "WHERE[,name=NAME][,hvc]; with ,hvc a console, hvcN" },
    { "--serial", "WHERE", set_serial,
      "the UART, ttyAMA0 (ttySAC2 of exynos5422): as --console\n"
      "(default none, and then the guest sees no UART; stdio\n"
      "for a machine without virtio)" },
    { "--screen", "WxH", set_screen,
      "of a PC: a framebuffer of that many pixels, which\n"
      "'vmm ctl PATH screenshot FILE.png' shows" },
    { "--dump-dtb", "FILE", set_dump_dtb, "write the guest's device tree blob to FILE and exit" },
    { "--stats", NULL, set_stats, "print what the guest did at exit (SIGUSR1: at once)" },
    { "--no-reboot", NULL, set_no_reboot,
      "a guest that resets ends the VMM, with status 3; without\n"
      "it the guest starts again (never with --gdb)" },
    { "--trace", "FILE", set_trace, "write a line for every exit from the guest to FILE" },
    { "--gdb", "PORT[,wait]", set_gdb,
      "let gdb debug the guest on 127.0.0.1:PORT; with ,wait\n"
      "the guest starts when gdb says so" },
    { "--sandbox", NULL, set_sandbox,
      "once all is open, allow the VMM only what it still needs;\n"
      "implies --no-reboot" },
    { "--control", "PATH", set_control, "a Unix socket for 'vmm ctl PATH COMMAND'" },
    { "--log-level", "LEVEL", set_log_level, "error, warning (default), info or debug" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

#define MOST_KINDS 16

static bool unknown_option(struct parser *parser, const char *argument)
{
    const char *names[ROWS + MOST_KINDS + 3];
    size_t count = 0;
    while (count < ROWS) {
        names[count] = rows[count].name;
        count++;
    }
    for (size_t i = 0; device_kinds[i] && i < MOST_KINDS; i++) {
        names[count++] = device_kinds[i]->option;
    }
    names[count++] = "--help";
    names[count++] = "--version";
    names[count] = NULL;
    char name[32];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="), argument);
    const char *nearest = options_nearest(name, names);
    if (nearest) {
        return fail(parser, "unknown option '%s': did you mean %s?", name, nearest);
    }
    return fail(parser, "unknown option '%s': 'vmm run --help' lists them", name);
}

static bool add_device(struct parser *parser, const struct device_kind *kind, const char *value)
{
    struct options *options = parser->options;
    unsigned same = 0;
    for (unsigned i = 0; i < options->device_count; i++) {
        same += options->devices[i].kind == kind;
    }
    if (same == kind->most) {
        return kind->most == 1 ? fail(parser, "%s: once is enough: leave one out", kind->option)
                               : fail(parser, "%s: at most %u of them", kind->option, kind->most);
    }
    if (options->device_count == OPTIONS_DEVICES) {
        return fail(parser, "%s: too many devices: at most %d", kind->option, OPTIONS_DEVICES);
    }
    if (!kind->check(value, parser->message)) {
        return false;
    }
    options->devices[options->device_count++] = (struct device_option){ kind, value };
    return true;
}

/* One option as it stands in argv. */
struct argument {
    const char *text;
    size_t name_length;
    const char *value; /* Behind '='; NULL: none. */
    int argc;
    char *const *argv;
    int *index;
};

static bool is_named(const struct argument *argument, const char *name)
{
    return strlen(name) == argument->name_length &&
           strncmp(name, argument->text, argument->name_length) == 0;
}

/* The option's value, from the next argument if need be; `form` is what help calls it. */
static bool find_value(struct parser *parser, struct argument *argument, const char *name,
                       const char *form)
{
    if (argument->value) {
        return form || fail(parser, "%s takes no value", name);
    }
    if (!form) {
        return true;
    }
    if (*argument->index + 1 >= argument->argc) {
        return fail(parser, "%s needs a value: %s %s", name, name, form);
    }
    argument->value = argument->argv[++*argument->index];
    return true;
}

/* A device's option whose value may be left out does not take the next argument for one. */
static bool take_device(struct parser *parser, struct argument *argument,
                        const struct device_kind *kind)
{
    bool optional = kind->value && kind->value[0] == '[';
    return (optional || find_value(parser, argument, kind->option, kind->value)) &&
           add_device(parser, kind, argument->value);
}

/* Takes one option and its value; `*index` is left at the last argument used. */
static bool take_option(struct parser *parser, int argc, char *const argv[], int *index)
{
    struct argument argument = {
        .text = argv[*index],
        .name_length = strcspn(argv[*index], "="),
        .argc = argc,
        .argv = argv,
        .index = index,
    };
    argument.value =
        argument.text[argument.name_length] ? argument.text + argument.name_length + 1 : NULL;
    for (size_t i = 0; i < ROWS; i++) {
        if (is_named(&argument, rows[i].name)) {
            return find_value(parser, &argument, rows[i].name, rows[i].value) &&
                   rows[i].set(parser, rows[i].name, argument.value);
        }
    }
    for (size_t i = 0; device_kinds[i]; i++) {
        if (is_named(&argument, device_kinds[i]->option)) {
            return take_device(parser, &argument, device_kinds[i]);
        }
    }
    return unknown_option(parser, argument.text);
}

static bool check_amounts(struct parser *parser)
{
    const struct options *options = parser->options;
    const struct machine_board *board = options->board;
    if (parser->memory && options->memory < board->memory_minimum) {
        return fail(parser, "--memory %s: must be at least %lluM", parser->memory,
                    (unsigned long long)(board->memory_minimum / MIB));
    }
    if (parser->memory && options->memory > board->memory_maximum) {
        return fail(parser,
                    "--memory %s: must be at most %lluM, which is what the machine has room for",
                    parser->memory, (unsigned long long)(board->memory_maximum / MIB));
    }
    if (parser->cpus && (options->cpus < 1 || options->cpus > board->cpus)) {
        return fail(parser, "--cpus %s: must be a number from 1 to %u", parser->cpus, board->cpus);
    }
    return true;
}

static bool check_screen(struct parser *parser)
{
    const struct options *options = parser->options;
    return !options->screen_width || options->board->screen_memory ||
           fail(parser, "--screen: a %s has no screen: leave it out", options->board->name);
}

static bool check_fdt(struct parser *parser)
{
    const struct options *options = parser->options;
    const struct machine_board *board = options->board;
    if (!board->gic && options->gic != GIC_AUTO) {
        return fail(parser, "--gic: a %s has no GIC: leave it out", board->name);
    }
    if (!board->build_fdt && !board->own_fdt && (options->dtb || options->dump_dtb)) {
        return fail(parser, "%s: guests of a %s get no device tree: leave it out",
                    options->dtb ? "--dtb" : "--dump-dtb", board->name);
    }
    if (board->own_fdt && !options->dtb) {
        return fail(parser,
                    "--machine %s: no device tree: give the kernel's own, %s of its package, with "
                    "--dtb",
                    board->name, board->own_fdt);
    }
    if (!board->build_fdt && !board->own_fdt && (options->dtb || options->dump_dtb)) {
        return fail(parser, "%s: guests of a %s get no device tree: leave it out",
                    options->dtb ? "--dtb" : "--dump-dtb", board->name);
    }
    return true;
}

/* A machine without virtio devices: its UART is the console, unless the user says otherwise. */
static bool check_board(struct parser *parser)
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
        return fail(parser, "%s: the machine %s has no virtio devices: leave it out",
                    options->device_count ? options->devices[0].kind->option : "--console",
                    board->name);
    }
    return true;
}

/* What no single option can see. */
static bool check_together(struct parser *parser)
{
    if (!check_amounts(parser) || !check_screen(parser) || !check_fdt(parser) ||
        !check_board(parser)) {
        return false;
    }
    const struct options *options = parser->options;
    if (!options->kernel && !options->dump_dtb) {
        return fail(parser, "run: no kernel: give one with --kernel FILE");
    }
    if (options->console.kind == CONSOLE_STDIO && options->serial.kind == CONSOLE_STDIO) {
        return fail(parser, "--serial stdio: the console uses standard input and output already: "
                            "add --console none or another place");
    }
    return true;
}

static enum options_command parse_run(struct parser *parser, int argc, char *const argv[])
{
    for (int i = 2; i < argc; i++) {
        const char *argument = argv[i];
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            return OPTIONS_RUN_HELP;
        }
        if (argument[0] != '-') {
            fail(parser, "unexpected argument '%s': options begin with --, see 'vmm run --help'",
                 argument);
            return OPTIONS_ERROR;
        }
        if (!take_option(parser, argc, argv, &i)) {
            return OPTIONS_ERROR;
        }
    }
    return check_together(parser) ? OPTIONS_RUN : OPTIONS_ERROR;
}

static enum options_command parse_ctl(struct parser *parser, int argc, char *const argv[])
{
    if (argc < 4) {
        fail(parser, "ctl: %s is missing: vmm ctl PATH COMMAND, such as 'vmm ctl %s help'",
             argc < 3 ? "the path of a VMM's --control" : "a command", argc < 3 ? "PATH" : argv[2]);
        return OPTIONS_ERROR;
    }
    parser->options->control = argv[2];
    parser->options->word_count = argc - 3;
    parser->options->words = argv + 3;
    return OPTIONS_CTL;
}

enum options_command options_parse(int argc, char *const argv[], struct options *options,
                                   char message[OPTIONS_MESSAGE])
{
    static const char *const words[] = { "run", "ctl", "help", "--help", "--version", NULL };
    struct parser parser = { .options = options, .message = message };
    *options = (struct options){
        .board = machine_boards[0],
        .memory = 512 * MIB,
        .cpus = 1,
        .console = { CONSOLE_STDIO, NULL },
        .log_level = VMMP_LOG_WARNING,
    };
    message[0] = '\0';
    const char *command = argc > 1 ? argv[1] : NULL;
    if (!command) {
        fail(&parser, "no command: try 'vmm run --kernel FILE' or 'vmm --help'");
    } else if (strcmp(command, "run") == 0) {
        return parse_run(&parser, argc, argv);
    } else if (strcmp(command, "ctl") == 0) {
        return parse_ctl(&parser, argc, argv);
    } else if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
               strcmp(command, "help") == 0) {
        return OPTIONS_HELP;
    } else if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0) {
        return OPTIONS_VERSION;
    } else {
        const char *kind = command[0] == '-' ? "option" : "command";
        const char *nearest = options_nearest(command, words);
        if (nearest) {
            fail(&parser, "unknown %s '%s': did you mean 'vmm %s'?", kind, command, nearest);
        } else {
            fail(&parser, "unknown %s '%s': try 'vmm run --kernel FILE' or 'vmm --help'", kind,
                 command);
        }
    }
    return OPTIONS_ERROR;
}

void options_print_help(FILE *out)
{
    fputs("usage: vmm run --kernel FILE [OPTION]...\n"
          "       vmm ctl PATH COMMAND [WORD]...\n"
          "       vmm run --help | --help | --version\n"
          "\n"
          "Runs a Linux guest on this machine's KVM. 'vmm run --help' lists the options.\n"
          "ctl asks the VMM whose --control is PATH; 'vmm ctl PATH help' lists what for.\n"
          "\n"
          "Exit status: 0 the guest powered off, or Ctrl-A x; 1 error; 2 wrong usage;\n"
          "3 the guest asked for a reset (--no-reboot); 4 the guest crashed or cannot\n"
          "go on; 128 + number: ended by that signal.\n",
          out);
}

static void print_row(FILE *out, const char *name, const char *value, const char *help)
{
    /* "--rng[=PARTS]", but "--disk FILE[,PARTS]" */
    bool optional = value && value[0] == '[';
    char left[80];
    snprintf(left, sizeof(left), "%s%s%s", name, value && !optional ? " " : "", value ? value : "");
    fprintf(out, "  %-20s ", left);
    if (strlen(left) > 20) {
        fprintf(out, "\n%23s", "");
    }
    for (const char *c = help; *c; c++) {
        fputc(*c, out);
        if (*c == '\n') {
            fprintf(out, "%23s", "");
        }
    }
    fputc('\n', out);
}

void options_print_run_help(FILE *out)
{
    fputs("usage: vmm run --kernel FILE [OPTION]...\n\n", out);
    for (size_t i = 0; i < ROWS; i++) {
        print_row(out, rows[i].name, rows[i].value, rows[i].help);
    }
    for (size_t i = 0; device_kinds[i]; i++) {
        print_row(out, device_kinds[i]->option, device_kinds[i]->value, device_kinds[i]->help);
    }
    fputs("\nOn a terminal: Ctrl-A x ends the VMM, Ctrl-A h lists the other keys.\n"
          "SIGTERM asks the guest to power off, a second one ends the VMM at once.\n",
          out);
}
