/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line. Parsing is pure: it reads argv and writes a structure or one line that says
 * what is wrong and what would be right; it opens nothing and prints nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sel4vmmplatsupport/vmmp/log.h>

#include "../machine_board.h"
#include "../machine_virtio.h"

/** Where a guest's console or serial port ends. */
enum console_kind {
    CONSOLE_NONE,   /**< Nowhere: output is dropped, there is no input. */
    CONSOLE_STDIO,  /**< Standard input and output of the VMM. */
    CONSOLE_PTY,    /**< A new pseudo-terminal whose path is printed. */
    CONSOLE_FILE,   /**< Output into a file; no input. */
    CONSOLE_SOCKET, /**< A Unix socket that is listened on. */
};

struct console_choice {
    enum console_kind kind;
    const char *path; /**< Of a file or socket. */
};

enum gic_choice {
    GIC_AUTO,
    GIC_V2,
    GIC_V3,
};

/** Devices beside consoles that one command line can ask for. */
#define OPTIONS_DEVICES 24

struct device_kind;

/** One device; `kind` has found its value good. */
struct device_option {
    const struct device_kind *kind;
    const char *value; /**< NULL: none was given. */
};

/** What one guest is to be. Strings point into argv. */
struct options {
    const char *name; /**< For messages; NULL: none was given. */
    const char *kernel;
    const char *initrd;
    const char *dtb;
    const char *append;
    const char *dump_dtb;
    const char *trace;
    const char *control; /**< Of `vmm ctl`, too. */
    const struct machine_board *board;
    uint64_t memory; /**< Bytes. */
    unsigned cpus;
    enum gic_choice gic;
    bool split_irqchip; /**< Of a PC: 8259s, IOAPIC and timer are the VMM's. */
    enum machine_transport transport;
    bool mmio_on_command_line;
    uint16_t screen_width; /**< 0: no screen. */
    uint16_t screen_height;
    bool split_rings;              /**< Packed ones are not offered. */
    struct console_choice console; /**< The first --console; the others are devices. */
    bool console_given;
    struct console_choice serial;
    enum vmmp_log_level log_level;
    bool stats;
    bool sandbox;
    bool no_reboot;    /**< A reset by the guest ends the VMM. */
    uint16_t gdb_port; /**< 0: no gdb. */
    bool gdb_wait;     /**< Do not run before gdb says so. */
    struct device_option devices[OPTIONS_DEVICES];
    unsigned device_count;

    /* vmm vhost-user */
    const char *socket;
    const struct device_kind *served; /**< What `devices` are. */

    /* vmm ctl */
    int word_count;
    char *const *words;
};

/** Guests that one command line can ask for. */
#define OPTIONS_GUESTS 8

struct options_guests {
    struct options list[OPTIONS_GUESTS]; /**< The first one's also for commands but `run`. */
    unsigned count;
};

enum options_command {
    OPTIONS_RUN,
    OPTIONS_CTL,
    OPTIONS_VHOST_USER,
    OPTIONS_HELP,
    OPTIONS_RUN_HELP,
    OPTIONS_VHOST_USER_HELP,
    OPTIONS_VERSION,
    OPTIONS_ERROR, /**< `message` says what is wrong. */
};

#define OPTIONS_MESSAGE 512

/**
 * Parses a whole command line, which "--" divides into guests. An option takes its value as the
 * next argument or after '='; the last one of a kind counts. On OPTIONS_ERROR `message` holds one
 * line without a newline.
 */
enum options_command options_parse(int argc, char *const argv[], struct options_guests *guests,
                                   char message[OPTIONS_MESSAGE]);

void options_print_help(FILE *out);
void options_print_run_help(FILE *out);
void options_print_vhost_user_help(FILE *out);

/** What `vmm vhost-user --device NAME` serves, or NULL. */
const struct device_kind *options_served_kind(const char *name);
/** Whether the devices of the command line are what is served. */
bool options_check_served(const struct options *options, char message[OPTIONS_MESSAGE]);

/**
 * A size such as 512M, 2G, 65536K; a number without a unit counts MiB. False if it is none or does
 * not fit 64 bits.
 */
bool options_parse_size(const char *text, uint64_t *size);
/** A decimal number from `low` to `high`, nothing before or after it. */
bool options_parse_number(const char *text, unsigned long low, unsigned long high,
                          unsigned long *number);

/**
 * Those of `words` (ended by NULL) that `word` probably means, or NULL: the nearest one by
 * insertions, deletions, changes and swaps of neighbours, if no more than a third of it is wrong.
 */
const char *options_nearest(const char *word, const char *const words[]);
