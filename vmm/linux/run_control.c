/* SPDX-License-Identifier: BSD-2-Clause */
/* What the user can ask of a running guest: power off, statistics, a new terminal size. */
#include "run_state.h"

#include <stdlib.h>
#include <string.h>

#include <hosted/vm.h>

#include "message.h"
#include "terminal.h"

#define SECOND_NS UINT64_C(1000000000)
/* How long the power key is held, */
#define KEY_HELD_NS (SECOND_NS / 10)
/* and what a guest with a driver for it gets, before the kernel is told. */
#define KEY_DELAY_SECONDS 10
#define KEY_DELAY_NS      (KEY_DELAY_SECONDS * SECOND_NS)
/* Between syncing disks and powering off. */
#define POWER_OFF_DELAY_NS SECOND_NS
#define GIVE_UP_SECONDS    30

/*
 * Linux takes Ctrl-O and a letter on a virtio console that is its console for the SysRq key
 * (hvc_console.c): "s" syncs disks, "u" makes them read-only, "o" powers off. Debian's kernels
 * permit these three. It needs no program in the guest, which therefore is not asked either.
 */
static const char sync_and_remount[] = "\x0fs\x0fu";
static const char power_off[] = "\x0fo";

static uint64_t now(const struct run *run)
{
    struct vmmp_host host = hosted_event_loop_host(run->loop);
    return host.ops->now(host.cookie);
}

static void arm(const struct run *run, struct vmmp_timer *timer, uint64_t delay)
{
    struct vmmp_host host = hosted_event_loop_host(run->loop);
    host.ops->timer_arm(host.cookie, timer, now(run) + delay);
}

static void next_step(struct run *run, enum power_off_step step, uint64_t delay)
{
    run->power_off_step = step;
    arm(run, &run->power_off_timer, delay);
}

static void ask_power_off(void *cookie)
{
    struct run *run = cookie;
    switch (run->power_off_step) {
    case POWER_OFF_RELEASE:
        machine_power_key(&run->machine, false);
        if (run->config.console) {
            next_step(run, POWER_OFF_SYNC, run->power_key_heard ? KEY_DELAY_NS : 0);
        }
        break;
    case POWER_OFF_SYNC:
        backend_type(&run->console, sync_and_remount, sizeof(sync_and_remount) - 1);
        next_step(run, POWER_OFF_OFF, POWER_OFF_DELAY_NS);
        break;
    case POWER_OFF_OFF:
        backend_type(&run->console, power_off, sizeof(power_off) - 1);
        break;
    }
}

static void give_up(void *cookie)
{
    struct run *run = cookie;
    message_about(run->name);
    message_error("the guest did not power off within %u seconds of being asked: it was ended",
                  GIVE_UP_SECONDS);
    message_about(NULL);
    hosted_vm_stop(&run->vm, 0);
}

/* What is waited for, and what to do who will not. */
static void say_asked(const struct run *run)
{
    message_about(run->name);
    if (run->power_key_heard && run->config.console) {
        message_note("asking the guest to power off: by its power key, and in %u s by its console "
                     "(ask again: at once)",
                     KEY_DELAY_SECONDS);
    } else if (run->power_key_heard) {
        message_note("asking the guest to power off: by its power key, for %u s", GIVE_UP_SECONDS);
    } else {
        message_note("asking the guest to power off");
    }
    message_about(NULL);
}

void run_ask_power_off(struct run *run)
{
    if (run->power_off_asked) {
        if (run->power_off_step == POWER_OFF_SYNC) {
            /* Nothing in the guest has minded the key so far, and somebody is in a hurry. */
            next_step(run, POWER_OFF_SYNC, 0);
        }
        return;
    }
    run->power_off_asked = true;
    run->power_key_heard = machine_power_key(&run->machine, true);
    say_asked(run);
    next_step(run, POWER_OFF_RELEASE, KEY_HELD_NS);
    arm(run, &run->give_up_timer, GIVE_UP_SECONDS * SECOND_NS);
}

void run_terminate(struct run *run)
{
    run->ended_by = run->process->terminated_by;
    if (!hypervisor_started(run->hypervisor)) {
        /* There is nobody to ask yet. */
        hosted_vm_stop(&run->vm, 0);
        return;
    }
    run_ask_power_off(run);
}

void run_quit(struct run_process *process)
{
    process->quit = true;
    for (unsigned i = 0; i < process->count; i++) {
        if (process->guests[i].running) {
            hosted_vm_stop(&process->guests[i].vm, 0);
        }
    }
}

void run_resize(struct run *run)
{
    unsigned columns;
    unsigned rows;
    if (run->console.kind == CONSOLE_STDIO && terminal_size(&columns, &rows)) {
        machine_console_resize(&run->machine, (uint16_t)columns, (uint16_t)rows);
    }
}

void run_on_key(void *cookie, enum keys_command command)
{
    struct run *run = cookie;
    switch (command) {
    case KEYS_QUIT:
        run_quit(run->process);
        break;
    case KEYS_POWER_OFF:
        run_ask_power_off(run);
        break;
    case KEYS_STATS:
        run_print_stats(run);
        break;
    case KEYS_HELP:
        message_text(keys_help, strlen(keys_help));
        break;
    }
}

void run_control_begin(struct run *run)
{
    run->power_off_timer.work.run = ask_power_off;
    run->power_off_timer.work.cookie = run;
    run->give_up_timer.work.run = give_up;
    run->give_up_timer.work.cookie = run;
}

void run_control_end(struct run *run)
{
    struct vmmp_host host = hosted_event_loop_host(run->loop);
    host.ops->timer_cancel(host.cookie, &run->power_off_timer);
    host.ops->timer_cancel(host.cookie, &run->give_up_timer);
}

void run_each_window(const struct machine *machine,
                     void (*each)(const struct vmmp_window *window, void *cookie), void *cookie)
{
    for (const struct vmmp_window *w = machine->vmmp.windows; w; w = w->next) {
        each(w, cookie);
    }
    for (unsigned device = 0; device < VMMP_PCI_DEVICES; device++) {
        const struct vmmp_pci_function *function = vmmp_pci_host_function(&machine->pci, device, 0);
        for (unsigned bar = 0; function && bar < VMMP_PCI_BARS; bar++) {
            if (function->bars[bar].window) {
                each(function->bars[bar].window, cookie);
            }
        }
    }
}

static void print_window(const struct vmmp_window *window, void *out)
{
    uint64_t reads = __atomic_load_n(&window->reads, __ATOMIC_RELAXED);
    uint64_t writes = __atomic_load_n(&window->writes, __ATOMIC_RELAXED);
    if (reads || writes) {
        fprintf(out, "window %s reads %llu writes %llu\n", window->name, (unsigned long long)reads,
                (unsigned long long)writes);
    }
}

static void print_devices(const struct machine *machine, FILE *out)
{
    run_each_window(machine, print_window, out);
    for (unsigned i = 0; i < machine->intx_made; i++) {
        uint64_t raised = __atomic_load_n(&machine->intx[i].raised, __ATOMIC_RELAXED);
        if (raised) {
            fprintf(out, "interrupts pci-int%c %llu\n", 'a' + (int)i, (unsigned long long)raised);
        }
    }
    struct machine_counter counters[MACHINE_COUNTERS];
    unsigned kinds = machine_board_of(machine->config)->count(machine, counters);
    for (unsigned i = 0; i < kinds; i++) {
        fprintf(out, "interrupts %s %llu\n", counters[i].name,
                (unsigned long long)counters[i].count);
    }
}

void run_print_stats(struct run *run)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return;
    }
    if (run->name) {
        fprintf(out, "guest %s\n", run->name);
    }
    uint64_t started = hypervisor_started(run->hypervisor);
    if (started) {
        fprintf(out, "time start-to-first-run-ms %.3f\n",
                (double)(started - run->process->start_ns) / 1e6);
        fprintf(out, "time first-run-to-now-ms %.3f\n", (double)(now(run) - started) / 1e6);
    }
    hypervisor_print_stats(run->hypervisor, out);
    fprintf(out, "doorbells rung %lu\n", __atomic_load_n(&run->doorbells.rings, __ATOMIC_RELAXED));
    print_devices(&run->machine, out);
    for (unsigned i = 0; i < run->devices.count; i++) {
        const struct device *device = &run->devices.list[i];
        if (device->kind->print_stats) {
            device->kind->print_stats(device->state, device->name, out);
        }
    }
    if (fclose(out) == 0) {
        message_text(text, size);
    }
    free(text);
}
