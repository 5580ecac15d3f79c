/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a running VMM is made of: a process, and guests in it. Private to vmm/linux/run*.c.
 *
 * One thread, the process's first, serves the event loop and does everything here; each guest has
 * one more for each vCPU, and one that waits for their end.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <sel4vm/guest_vm.h>

#include <hosted/doorbells.h>
#include <hosted/entropy.h>
#include <hosted/event_loop.h>
#include <hosted/trace.h>

#include "../machine.h"
#include "backend.h"
#include "control.h"
#include "devices.h"
#include "files.h"
#include "hypervisor.h"
#include "options.h"
#include "signals.h"

struct run_gdb;

/** Bytes of random numbers for the guest: KASLR, then its entropy pool. */
#define RUN_SEED_SIZE 72

/** What the power-off timer does next. */
enum power_off_step {
    POWER_OFF_RELEASE, /**< Lets the power key go. */
    POWER_OFF_SYNC,    /**< Has the kernel write what it has to disk, */
    POWER_OFF_OFF,     /**< and power off. */
};

struct run;

/** What the guests of a process share. */
struct run_process {
    uint64_t start_ns;
    struct hosted_event_loop *loop;
    struct signals signals;
    bool signals_begun;
    bool sandbox;      /**< Some guest wants it; it is for all. */
    bool quit;         /**< Nobody starts again. */
    int terminated_by; /**< The signal; 0: none. */
    struct run *guests;
    unsigned count;
};

/** A guest and the VMM's part for it. */
struct run {
    struct run_process *process;
    const struct options *options;
    const char *name; /**< For messages; NULL: the only guest, which has none. */
    char number[12];  /**< "guest 2", where the user gave no name. */
    struct vmmp_log log;

    /* run_inputs.c */
    struct input_file kernel;
    struct input_file initrd;
    uint8_t seed[RUN_SEED_SIZE];
    struct machine_config config;
    struct machine_plan plan;
    uint8_t *fdt;    /**< MACHINE_FDT_MAX bytes. */
    size_t fdt_size; /**< Of a tree given with --dtb, then of the guest's. */

    /* run_guest.c */
    struct hosted_event_loop *loop; /**< The process's. */
    struct hypervisor *hypervisor;
    vm_t vm;
    struct hosted_entropy trng; /**< For the guest's firmware; if `trng_open`. */
    struct vmmp_entropy trng_source;
    struct hosted_doorbells doorbells;
    struct machine machine;
    struct backend console;
    struct backend serial;
    struct devices devices;
    struct machine_port console_port;
    struct machine_port serial_port;
    struct hosted_trace trace;
    FILE *trace_file;
    struct run_gdb *gdb;
    pthread_t vm_thread;
    int vm_result;
    atomic_bool vm_ended; /**< The thread is to be joined. */
    bool running;         /**< There is one. */
    bool closed;          /**< run_guest_close() */
    int status;           /**< Exit status; of a guest that is not running. */
    bool is_terminal;
    bool trng_open;
    bool fdt_adopted;

    /* run_control.c */
    struct control control;
    struct vmmp_timer power_off_timer;
    struct vmmp_timer give_up_timer;
    enum power_off_step power_off_step;
    bool power_off_asked;
    bool power_key_heard; /**< The guest has a driver for the key. */
    bool reset_asked;     /**< By the control socket; until the guest has ended. */
    unsigned starts;      /**< Guests started, the running one included. */
    int ended_by;         /**< Signal whose time limit ended the VM; 0: none. */
};

/* run_guest.c */

/** What a guest is before it can run: everything that may go wrong quietly. 0, or -1 (said). */
int run_guest_prepare(struct run *run);
/** Its control socket, terminal and consoles. 0, or -1 (said). */
int run_guest_open(struct run *run);
/** Bits of enum sandbox_need. */
unsigned run_guest_needs(const struct run *run);
/** Starts the guest in threads of its own. False (said): `status` is RUN_ERROR. */
bool run_guest_start(struct run *run);
/** Its VM has ended: starts the guest again if it is to, else sets `status`. */
void run_guest_ended(struct run *run);
/** Closes everything of it, once; also when it was never prepared. It is not running. */
void run_guest_close(struct run *run);

/* run_inputs.c */

/** Opens and checks kernel, initrd and device tree, and plans the guest. 0, or -1 (said). */
int run_inputs_open(struct run *run);
/** Makes the guest's device tree, when `config` is final. 0, or -1 (said). */
int run_inputs_make_fdt(struct run *run);
/** Writes it to --dump-dtb's file. 0, or -1 (said). */
int run_inputs_dump_fdt(struct run *run);
void run_inputs_close(struct run *run);

/* run_control.c */

/** Asks a guest to power off because of the process's signal. */
void run_terminate(struct run *run);
/** The terminal has another size. */
void run_resize(struct run *run);
/** Ends all guests at once. */
void run_quit(struct run_process *process);
/** A terminal's keys; the cookie is the struct run. */
void run_on_key(void *cookie, enum keys_command command);
/** Asks the guest to power off and ends it if it does not in time; once. */
void run_ask_power_off(struct run *run);
/** Prepares the timers. */
void run_control_begin(struct run *run);
void run_control_end(struct run *run);
/** Statistics on standard error. */
void run_print_stats(struct run *run);
/** Calls `each` for every register window that the guest has. */
void run_each_window(const struct machine *machine,
                     void (*each)(const struct vmmp_window *window, void *cookie), void *cookie);

/* run_commands.c */

/** control.h's `command`; the cookie is the struct run. */
bool run_command(void *cookie, unsigned count, char *const words[], struct json *reply,
                 char message[OPTIONS_MESSAGE]);

/* run_gdb.c: --gdb in builds with KVM, an error in others. */

/** What the hypervisor tells about debugging; NULL without --gdb. 0, or -1 (said). */
int run_gdb_prepare(struct run *run, struct gdb_target **target);
/** Listens, once the VM exists. 0, or -1 (said). */
int run_gdb_begin(struct run *run);
/** The guest has ended; before it is destroyed. */
void run_gdb_end(struct run *run, int status);
