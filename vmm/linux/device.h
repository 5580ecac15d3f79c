/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kind of device that `vmm run` can give a guest: everything that a user sees of it, in one
 * table. Each kind is a file, device_<name>.c, and a row in devices.c.
 *
 * A device of the command line lives as long as the VMM: opened before the guest runs, closed
 * after. Its model lives as long as the machine, and is made anew when the guest starts again.
 *
 * Threads: everything here is called by the thread that runs the event loop, or that sets the VMM
 * up before and takes it down after; never inside a device's context. What touches the model enters
 * its context: vmmp_context_enter(&virtio->context).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <hosted/event_loop.h>
#include <sel4vmmplatsupport/vmmp/log.h>

#include "../machine_virtio.h"
#include "json.h"
#include "options.h"
#include "sandbox.h"
#include "suboptions.h"

/** What a device's outside is opened with; all of it outlives the device. */
struct device_context {
    struct hosted_event_loop *loop;
    const struct vmmp_log *log;
    const char *name; /**< "net0"; for messages. */
    unsigned number;  /**< The how-many-eth of its kind, from 0. */
    unsigned guest;   /**< Which of the process's guests it is for, from 0. */
    void *first;      /**< State of the first device of the kind; NULL: this is it. */
};

struct device_kind {
    const char *name; /**< "net"; where there may be several, a device is called net0, net1, … */
    const char *option; /**< "--net". */
    /** What help calls the option's value; NULL: it takes none. "[=…]": it may be left out. */
    const char *value;
    const char *help;       /**< As the rows of options.c. */
    unsigned most;          /**< How often the option may be given. */
    unsigned sandbox_needs; /**< Bits of enum sandbox_need. */

    /** Whether `value` (NULL without one) will do; pure. On false `message` says what would. */
    bool (*check)(const char *value, char message[OPTIONS_MESSAGE]);

    size_t state_size; /**< `state` below: zeroed memory of this size. */
    /** Opens files, sockets and so on. `value` has passed `check`. 0, or -1 (said, undone). */
    int (*open)(void *state, const char *value, const struct device_context *context);
    /** Undoes it; the model is gone already. NULL: nothing to undo. */
    void (*close)(void *state);
    /** Makes the model; the cookie is `state`. */
    const struct machine_device_ops *model;
    bool one_model;    /**< The first device's, of which the others are parts. */
    bool function;     /**< It is a PCI function, no virtio device. */
    bool of_host;      /**< It reaches the guest's memory, and its interrupts, past this program. */
    bool takes_memory; /**< It gives parts of the guest's memory back to the host. */

    /** Lines "device NAME …" for --stats. May be NULL. */
    void (*print_stats)(void *state, const char *name, FILE *out);
    /** Members of the object that `vmm ctl … status` shows for it. May be NULL. */
    void (*status)(void *state, struct json *json);
    /**
     * `vmm ctl SOCKET NAME WORD…`: carries out what the words say and adds members to the reply.
     * False: `message` says what is wrong and what would be right. NULL: it has no commands.
     */
    bool (*command)(void *state, unsigned count, char *const words[], struct json *reply,
                    char message[OPTIONS_MESSAGE]);
    const char *command_help; /**< The words, one form a line: "link up|down". */
};
