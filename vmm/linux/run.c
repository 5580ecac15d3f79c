/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guests of a process have in common: their beginning, the event loop, and their end. */
#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "run_state.h"
#include "sandbox.h"

/* Calls `step` for every guest until one fails; messages are about that guest. */
static int each_guest(struct run_process *process, int (*step)(struct run *run))
{
    int result = 0;
    for (unsigned i = 0; i < process->count && result == 0; i++) {
        message_about(process->guests[i].name);
        result = step(&process->guests[i]);
    }
    message_about(NULL);
    return result;
}

static void each_running(struct run_process *process, void (*act)(struct run *run))
{
    for (unsigned i = 0; i < process->count; i++) {
        if (process->guests[i].running) {
            act(&process->guests[i]);
        }
    }
}

static void on_terminate(void *cookie, int number)
{
    struct run_process *process = cookie;
    process->terminated_by = number;
    each_running(process, run_terminate);
}

static void on_statistics(void *cookie)
{
    each_running(cookie, run_print_stats);
}

static void on_resized(void *cookie)
{
    each_running(cookie, run_resize);
}

static int begin_signals(struct run_process *process)
{
    process->signals.terminate = on_terminate;
    process->signals.statistics = on_statistics;
    process->signals.resized = on_resized;
    process->signals.cookie = process;
    if (signals_begin(&process->signals, process->loop) != 0) {
        message_error("no event for signals: raise the limit of open files");
        return -1;
    }
    process->signals_begun = true;
    return 0;
}

static int enter_sandbox(const struct run_process *process)
{
    unsigned needs = 0;
    for (unsigned i = 0; i < process->count; i++) {
        needs |= run_guest_needs(&process->guests[i]);
    }
    return process->sandbox ? sandbox_enter(needs) : 0;
}

/* Nearly everything that can go wrong comes before the terminal changes its mode. */
static int prepare(struct run_process *process)
{
    int error = hosted_event_loop_create(&process->loop);
    if (error) {
        message_error("no event loop (%s): raise the limit of open files", strerror(-error));
        return -1;
    }
    return each_guest(process, run_guest_prepare) != 0 || begin_signals(process) != 0 ||
                   each_guest(process, run_guest_open) != 0 || enter_sandbox(process) != 0
               ? -1
               : 0;
}

static bool any_running(const struct run_process *process)
{
    bool any = false;
    for (unsigned i = 0; i < process->count; i++) {
        any = any || process->guests[i].running;
    }
    return any;
}

/* What a guest had open is closed as soon as it has ended: its peers are not to wait for it. */
static void collect_ended(struct run_process *process)
{
    for (unsigned i = 0; i < process->count; i++) {
        struct run *run = &process->guests[i];
        if (atomic_load(&run->vm_ended)) {
            message_about(run->name);
            run_guest_ended(run);
            if (!run->running) {
                run_guest_close(run);
            }
            message_about(NULL);
        }
    }
}

static void mark_ended(struct run *run)
{
    atomic_store(&run->vm_ended, true);
}

/* Without an event loop there is no going on. */
static void give_up(struct run_process *process)
{
    message_error("the event loop has failed: the guests were ended");
    run_quit(process);
    each_running(process, mark_ended);
}

static void run_all(struct run_process *process)
{
    bool all = true;
    for (unsigned i = 0; i < process->count && all; i++) {
        message_about(process->guests[i].name);
        all = run_guest_start(&process->guests[i]);
        message_about(NULL);
    }
    if (!all) {
        run_quit(process);
    }
    while (any_running(process)) {
        if (hosted_event_loop_run(process->loop) != 0) {
            give_up(process);
        }
        collect_ended(process);
    }
}

/* --dump-dtb, which is given with one guest alone. */
static int dump_fdt(struct run *run)
{
    return run_inputs_make_fdt(run) == 0 && run_inputs_dump_fdt(run) == 0 ? RUN_POWERED_OFF
                                                                          : RUN_ERROR;
}

static int run_to_status(struct run_process *process)
{
    if (each_guest(process, run_inputs_open) != 0) {
        return RUN_ERROR;
    }
    if (process->guests[0].options->dump_dtb) {
        return dump_fdt(&process->guests[0]);
    }
    /* Before anything is created that would have to be removed again. */
    if (hypervisor_check() != 0 || prepare(process) != 0) {
        return RUN_ERROR;
    }
    run_all(process);
    for (unsigned i = 0; i < process->count; i++) {
        if (process->guests[i].status != RUN_POWERED_OFF) {
            return process->guests[i].status;
        }
    }
    return RUN_POWERED_OFF;
}

/* After all guests have ended or could not begin. */
static void clean_up(struct run_process *process)
{
    for (unsigned i = 0; i < process->count; i++) {
        message_about(process->guests[i].name);
        run_guest_close(&process->guests[i]);
        message_about(NULL);
    }
    if (process->signals_begun) {
        signals_end(&process->signals);
    }
    if (process->loop) {
        hosted_event_loop_destroy(process->loop);
    }
}

static void name_guest(struct run *run, unsigned number)
{
    run->name = run->options->name;
    if (!run->name && run->process->count > 1) {
        snprintf(run->number, sizeof(run->number), "guest %u", number);
        run->name = run->number;
    }
    run->log = (struct vmmp_log){ message_log, (void *)run->name, run->options->log_level };
}

int run_guests(const struct options_guests *guests, uint64_t start_ns)
{
    struct run_process process = { .start_ns = start_ns };
    process.guests = calloc(guests->count, sizeof(*process.guests));
    if (!process.guests) {
        message_error("no memory: close other programs");
        return RUN_ERROR;
    }
    process.count = guests->count;
    for (unsigned i = 0; i < process.count; i++) {
        struct run *run = &process.guests[i];
        run->process = &process;
        run->options = &guests->list[i];
        process.sandbox |= run->options->sandbox;
        name_guest(run, i + 1);
    }
    int status = run_to_status(&process);
    clean_up(&process);
    if (status == RUN_RESET) {
        message_note("the guest asked for a reset (exit status %d)", status);
    }
    free(process.guests);
    return status;
}
