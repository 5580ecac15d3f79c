/* SPDX-License-Identifier: BSD-2-Clause */
/* vmm: runs Linux guests on the KVM of a Linux machine, or serves a device to another VMM. */
#include <stdio.h>
#include <time.h>

#include <sel4vmmplatsupport/vmmp/version.h>

#include "control.h"
#include "message.h"
#include "options.h"
#include "run.h"
#include "vhost_user.h"

/* A full disk or a closed pipe is worth an error even for help. */
static int finish_output(void)
{
    if (fflush(stdout) != 0) {
        message_error("cannot write to standard output");
        return RUN_ERROR;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct timespec start;
    struct options_guests guests;
    char message[OPTIONS_MESSAGE];
    clock_gettime(CLOCK_MONOTONIC, &start);
    switch (options_parse(argc, argv, &guests, message)) {
    case OPTIONS_RUN:
        return run_guests(&guests, (uint64_t)start.tv_sec * 1000000000u + (uint64_t)start.tv_nsec);
    case OPTIONS_CTL: {
        const struct options *options = &guests.list[0];
        int status = control_call(options->control, options->word_count, options->words, stdout);
        int flushed = finish_output();
        return flushed ? flushed : status;
    }
    case OPTIONS_VHOST_USER:
        return vhost_user_serve(&guests.list[0]);
    case OPTIONS_VHOST_USER_HELP:
        options_print_vhost_user_help(stdout);
        return finish_output();
    case OPTIONS_HELP:
        options_print_help(stdout);
        return finish_output();
    case OPTIONS_RUN_HELP:
        options_print_run_help(stdout);
        return finish_output();
    case OPTIONS_VERSION:
        printf("vmm %s\n", vmmp_version());
        return finish_output();
    case OPTIONS_ERROR:
        break;
    }
    message_error("%s", message);
    return RUN_USAGE;
}
