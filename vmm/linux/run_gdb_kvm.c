/* SPDX-License-Identifier: BSD-2-Clause */
/* --gdb in a build with KVM. */
#include "run_state.h"

#include <stdlib.h>

#include <hosted/vm.h>

#include "gdb_server.h"
#include "gdb_target.h"
#include "message.h"

struct run_gdb {
    struct gdb_target target;
    struct gdb_server server;
    bool open;
};

static void end_guest(vm_t *vm)
{
    hosted_vm_stop(vm, 0);
}

int run_gdb_prepare(struct run *run, struct gdb_target **target)
{
    *target = NULL;
    if (!run->options->gdb_port) {
        return 0;
    }
    if (run->plan.kernel.machine == VMMP_MACHINE_ARM32) {
        message_error("--gdb: it can debug 64-bit guests only: leave it out for a 32-bit kernel");
        return -1;
    }
    run->gdb = calloc(1, sizeof(*run->gdb));
    if (!run->gdb) {
        message_error("no memory: close other programs");
        return -1;
    }
    run->gdb->target.vm = &run->vm;
    run->gdb->target.memory = &run->machine.vmmp.memory;
    run->gdb->target.host = hosted_event_loop_host(run->loop);
    run->gdb->target.stopped = gdb_server_stopped;
    run->gdb->target.cookie = &run->gdb->server;
    run->gdb->target.kill = end_guest;
    gdb_target_init(&run->gdb->target);
    *target = &run->gdb->target;
    return 0;
}

int run_gdb_begin(struct run *run)
{
    struct run_gdb *gdb = run->gdb;
    if (!gdb) {
        return 0;
    }
    gdb->server.loop = run->loop;
    gdb->server.target = &gdb->target;
    gdb->server.cpus = run->vm.num_vcpus;
    if (gdb_server_open(&gdb->server, run->options->gdb_port) != 0) {
        return -1;
    }
    gdb->open = true;
    if (run->options->gdb_wait) {
        message_note("waiting for gdb: target remote :%u", run->options->gdb_port);
        gdb_target_attach(&gdb->target);
    }
    return 0;
}

void run_gdb_end(struct run *run, int status)
{
    struct run_gdb *gdb = run->gdb;
    if (!gdb) {
        return;
    }
    if (gdb->open) {
        gdb_server_ended(&gdb->server, false, (unsigned)status);
        gdb_server_close(&gdb->server);
    }
    gdb_target_fini(&gdb->target);
    free(gdb);
    run->gdb = NULL;
}
