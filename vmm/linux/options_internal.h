/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files options*.c. */
#pragma once

#include "options.h"

/** What an option belongs to; bits. */
enum options_of {
    OPTIONS_OF_RUN = 1,
    OPTIONS_OF_SERVE = 2, /**< vmm vhost-user */
};

struct options_parser {
    struct options *options; /**< The guest whose options are being read. */
    char *message;
    enum options_of command;
    /* As given, for messages of what the machine does not allow; NULL: not given. */
    const char *memory;
    const char *cpus;
    bool serial_given;
};

/** Says on its own what is wrong with `value`; false then. */
typedef bool option_set_fn(struct options_parser *parser, const char *name, const char *value);

struct option_row {
    unsigned commands; /**< Of enum options_of. */
    const char *name;  /**< "--kernel"; NULL ends the table. */
    const char *value; /**< What --help calls it; NULL: the option takes none. */
    option_set_fn *set;
    const char *help;
};

extern const struct option_row options_rows[];

/** Whether there may be one more device of that kind; adds it. */
bool options_add_device(struct options_parser *parser, const struct device_kind *kind,
                        const char *value);

/** Fills `message`. Always false. */
bool options_fail(struct options_parser *parser, const char *format, ...) VMMP_PRINTF(2, 3);

/** Whether the guest's options go together, and with its machine; may choose what was not said. */
bool options_check(struct options_parser *parser);
/** Whether the guests do. */
bool options_check_guests(struct options_parser *parser, const struct options_guests *guests);
