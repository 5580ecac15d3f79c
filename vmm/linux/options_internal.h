/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files options*.c. */
#pragma once

#include "options.h"

struct options_parser {
    struct options *options; /**< The guest whose options are being read. */
    char *message;
    /* As given, for messages of what the machine does not allow; NULL: not given. */
    const char *memory;
    const char *cpus;
    bool serial_given;
};

/** Fills `message`. Always false. */
bool options_fail(struct options_parser *parser, const char *format, ...) VMMP_PRINTF(2, 3);

/** Whether the guest's options go together, and with its machine; may choose what was not said. */
bool options_check(struct options_parser *parser);
/** Whether the guests do. */
bool options_check_guests(struct options_parser *parser, const struct options_guests *guests);
