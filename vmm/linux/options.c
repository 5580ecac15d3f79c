/* SPDX-License-Identifier: BSD-2-Clause */
#include "options_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../machine_board.h"
#include "devices.h"

#define MIB (UINT64_C(1) << 20)

bool options_fail(struct options_parser *parser, const char *format, ...)
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

static bool belongs(const struct option_row *row, unsigned command)
{
    return row->commands & command;
}

#define MOST_ROWS  40
#define MOST_KINDS 16

static const char *command_name(const struct options_parser *parser)
{
    return parser->command == OPTIONS_OF_RUN ? "run" : "vhost-user";
}

static bool unknown_option(struct options_parser *parser, const char *argument)
{
    const char *names[MOST_ROWS + MOST_KINDS + 3];
    size_t count = 0;
    for (const struct option_row *row = options_rows; row->name && count < MOST_ROWS; row++) {
        if (belongs(row, parser->command)) {
            names[count++] = row->name;
        }
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
        return options_fail(parser, "unknown option '%s': did you mean %s?", name, nearest);
    }
    return options_fail(parser, "unknown option '%s': 'vmm %s --help' lists them", name,
                        command_name(parser));
}

bool options_add_device(struct options_parser *parser, const struct device_kind *kind,
                        const char *value)
{
    struct options *options = parser->options;
    unsigned same = 0;
    for (unsigned i = 0; i < options->device_count; i++) {
        same += options->devices[i].kind == kind;
    }
    if (same == kind->most) {
        return kind->most == 1
                   ? options_fail(parser, "%s: once is enough: leave one out", kind->option)
                   : options_fail(parser, "%s: at most %u of them", kind->option, kind->most);
    }
    if (options->device_count == OPTIONS_DEVICES) {
        return options_fail(parser, "%s: too many devices: at most %d", kind->option,
                            OPTIONS_DEVICES);
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
static bool find_value(struct options_parser *parser, struct argument *argument, const char *name,
                       const char *form)
{
    if (argument->value) {
        return form || options_fail(parser, "%s takes no value", name);
    }
    if (!form) {
        return true;
    }
    if (*argument->index + 1 >= argument->argc) {
        return options_fail(parser, "%s needs a value: %s %s", name, name, form);
    }
    argument->value = argument->argv[++*argument->index];
    return true;
}

/* A device's option whose value may be left out does not take the next argument for one. */
static bool take_device(struct options_parser *parser, struct argument *argument,
                        const struct device_kind *kind)
{
    bool optional = kind->value && kind->value[0] == '[';
    return (optional || find_value(parser, argument, kind->option, kind->value)) &&
           options_add_device(parser, kind, argument->value);
}

/* Takes one option and its value; `*index` is left at the last argument used. */
static bool take_option(struct options_parser *parser, int argc, char *const argv[], int *index)
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
    for (const struct option_row *row = options_rows; row->name; row++) {
        if (belongs(row, parser->command) && is_named(&argument, row->name)) {
            return find_value(parser, &argument, row->name, row->value) &&
                   row->set(parser, row->name, argument.value);
        }
    }
    for (size_t i = 0; device_kinds[i]; i++) {
        if (is_named(&argument, device_kinds[i]->option)) {
            return take_device(parser, &argument, device_kinds[i]);
        }
    }
    return unknown_option(parser, argument.text);
}

/*
 * Options from `*index` to "--" or the end: `done`, unless it is help that is asked for or
 * something is wrong.
 */
static enum options_command take_options(struct options_parser *parser, int argc,
                                         char *const argv[], int *index, enum options_command done,
                                         enum options_command help)
{
    for (; *index < argc && strcmp(argv[*index], "--") != 0; ++*index) {
        const char *argument = argv[*index];
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            return help;
        }
        if (argument[0] != '-') {
            options_fail(parser,
                         "unexpected argument '%s': options begin with --, see 'vmm %s --help'",
                         argument, command_name(parser));
            return OPTIONS_ERROR;
        }
        if (!take_option(parser, argc, argv, index)) {
            return OPTIONS_ERROR;
        }
    }
    return done;
}

/* One guest's. */
static enum options_command parse_guest(struct options_parser *parser, int argc, char *const argv[],
                                        int *index)
{
    enum options_command command =
        take_options(parser, argc, argv, index, OPTIONS_RUN, OPTIONS_RUN_HELP);
    return command != OPTIONS_RUN || options_check(parser) ? command : OPTIONS_ERROR;
}

static void set_defaults(struct options *options)
{
    *options = (struct options){
        .board = machine_boards[0],
        .memory = 512 * MIB,
        .cpus = 1,
        .console = { CONSOLE_STDIO, NULL },
        .log_level = VMMP_LOG_WARNING,
    };
}

/* Of several guests a message says which. */
static void name_guest(struct options_parser *parser, unsigned number)
{
    char message[OPTIONS_MESSAGE];
    memcpy(message, parser->message, sizeof(message));
    options_fail(parser, "guest %u: %.480s", number, message);
}

static enum options_command parse_run(struct options_parser *parser, struct options_guests *guests,
                                      int argc, char *const argv[])
{
    int index = 2;
    do {
        if (guests->count == OPTIONS_GUESTS) {
            options_fail(parser, "too many guests: at most %d", OPTIONS_GUESTS);
            return OPTIONS_ERROR;
        }
        struct options *options = &guests->list[guests->count++];
        set_defaults(options);
        *parser = (struct options_parser){ .options = options,
                                           .message = parser->message,
                                           .command = OPTIONS_OF_RUN };
        enum options_command command = parse_guest(parser, argc, argv, &index);
        if (command == OPTIONS_ERROR && guests->count > 1) {
            name_guest(parser, guests->count);
        }
        if (command != OPTIONS_RUN) {
            return command;
        }
    } while (index++ < argc);
    return options_check_guests(parser, guests) ? OPTIONS_RUN : OPTIONS_ERROR;
}

static bool check_serve(struct options_parser *parser)
{
    struct options *options = parser->options;
    if (!options->served) {
        return options_fail(parser,
                            "vhost-user: no device: give one with --device net, blk, console, rng "
                            "or vsock");
    }
    if (!options->socket) {
        return options_fail(parser, "vhost-user: no socket: give a path with --socket PATH");
    }
    /* One whose option can be given without a value can be left out. */
    if (options->device_count == 0 && options->served->value[0] == '[' &&
        !options_add_device(parser, options->served, NULL)) {
        return false;
    }
    return options_check_served(options, parser->message);
}

static enum options_command parse_serve(struct options_parser *parser, int argc, char *const argv[])
{
    int index = 2;
    parser->command = OPTIONS_OF_SERVE;
    enum options_command command =
        take_options(parser, argc, argv, &index, OPTIONS_VHOST_USER, OPTIONS_VHOST_USER_HELP);
    if (index < argc && command == OPTIONS_VHOST_USER) {
        options_fail(parser, "--: one device is served: leave it out");
        return OPTIONS_ERROR;
    }
    return command != OPTIONS_VHOST_USER || check_serve(parser) ? command : OPTIONS_ERROR;
}

static enum options_command parse_ctl(struct options_parser *parser, int argc, char *const argv[])
{
    if (argc < 4) {
        options_fail(parser, "ctl: %s is missing: vmm ctl PATH COMMAND, such as 'vmm ctl %s help'",
                     argc < 3 ? "the path of a VMM's --control" : "a command",
                     argc < 3 ? "PATH" : argv[2]);
        return OPTIONS_ERROR;
    }
    parser->options->control = argv[2];
    parser->options->word_count = argc - 3;
    parser->options->words = argv + 3;
    return OPTIONS_CTL;
}

enum options_command options_parse(int argc, char *const argv[], struct options_guests *guests,
                                   char message[OPTIONS_MESSAGE])
{
    static const char *const words[] = { "run",    "ctl",       "vhost-user", "help",
                                         "--help", "--version", NULL };
    struct options_parser parser = { .options = &guests->list[0], .message = message };
    set_defaults(&guests->list[0]);
    guests->count = 0;
    message[0] = '\0';
    const char *command = argc > 1 ? argv[1] : NULL;
    if (!command) {
        options_fail(&parser, "no command: try 'vmm run --kernel FILE' or 'vmm --help'");
    } else if (strcmp(command, "run") == 0) {
        return parse_run(&parser, guests, argc, argv);
    } else if (strcmp(command, "ctl") == 0) {
        return parse_ctl(&parser, argc, argv);
    } else if (strcmp(command, "vhost-user") == 0) {
        return parse_serve(&parser, argc, argv);
    } else if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
               strcmp(command, "help") == 0) {
        return OPTIONS_HELP;
    } else if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0) {
        return OPTIONS_VERSION;
    } else {
        const char *kind = command[0] == '-' ? "option" : "command";
        const char *nearest = options_nearest(command, words);
        if (nearest) {
            options_fail(&parser, "unknown %s '%s': did you mean 'vmm %s'?", kind, command,
                         nearest);
        } else {
            options_fail(&parser, "unknown %s '%s': try 'vmm run --kernel FILE' or 'vmm --help'",
                         kind, command);
        }
    }
    return OPTIONS_ERROR;
}

void options_print_help(FILE *out)
{
    fputs("usage: vmm run --kernel FILE [OPTION]... [-- --kernel FILE [OPTION]...]...\n"
          "       vmm ctl PATH COMMAND [WORD]...\n"
          "       vmm vhost-user --device KIND --socket PATH [OPTION]...\n"
          "       vmm run --help | vhost-user --help | --help | --version\n"
          "\n"
          "Runs a Linux guest on this machine's KVM. 'vmm run --help' lists the options.\n"
          "ctl asks the VMM whose --control is PATH; 'vmm ctl PATH help' lists what for.\n"
          "vhost-user serves one device to a VMM of another kind; it needs no KVM.\n"
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

static void print_rows(FILE *out, unsigned command)
{
    for (const struct option_row *row = options_rows; row->name; row++) {
        if (belongs(row, command)) {
            print_row(out, row->name, row->value, row->help);
        }
    }
}

void options_print_vhost_user_help(FILE *out)
{
    fputs("usage: vmm vhost-user --device KIND --socket PATH [OPTION]...\n\n", out);
    print_rows(out, OPTIONS_OF_SERVE);
    fputs("\nand the device's own option, as 'vmm run --help' has it: --net, --disk (blk),\n"
          "--console, --rng or --vsock. Consoles are ports: pty, file:PATH or socket:PATH.\n"
          "It serves one front-end after the other until SIGTERM ends it.\n",
          out);
}

void options_print_run_help(FILE *out)
{
    fputs("usage: vmm run --kernel FILE [OPTION]... [-- --kernel FILE [OPTION]...]...\n\n"
          "-- begins another guest beside the first, in the same process.\n\n",
          out);
    print_rows(out, OPTIONS_OF_RUN);
    for (size_t i = 0; device_kinds[i]; i++) {
        print_row(out, device_kinds[i]->option, device_kinds[i]->value, device_kinds[i]->help);
    }
    fputs("\nOn a terminal: Ctrl-A x ends the VMM, Ctrl-A h lists the other keys.\n"
          "SIGTERM asks the guest to power off, a second one ends the VMM at once.\n",
          out);
}
