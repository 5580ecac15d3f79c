/* SPDX-License-Identifier: BSD-2-Clause */
/* One guest, from its files to its end. */
#include "run_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hosted/vm.h>

#include "message.h"
#include "run.h"
#include "sandbox.h"
#include "terminal.h"

#define FOUR_GIB (UINT64_C(1) << 32)

static void console_notify(void *cookie)
{
    struct run *run = cookie;
    machine_console_notify(&run->machine);
}

static void console_resized(void *cookie, uint16_t columns, uint16_t rows)
{
    struct run *run = cookie;
    machine_console_resize(&run->machine, columns, rows);
}

static void serial_notify(void *cookie)
{
    struct run *run = cookie;
    machine_serial_notify(&run->machine);
}

/* The highest guest-physical address in use. */
static uint64_t address_limit(const struct options *options)
{
    struct machine_range ranges[2];
    unsigned count = machine_ram_ranges(options->board, options->memory, ranges);
    uint64_t end = count ? ranges[count - 1].base + ranges[count - 1].size : 0;
    /* Windows of devices are below 4 GiB everywhere. */
    return end > FOUR_GIB ? end : FOUR_GIB;
}

static int open_trace(struct run *run)
{
    if (!run->options->trace) {
        return 0;
    }
    run->trace_file = fopen(run->options->trace, "we");
    if (!run->trace_file) {
        message_error("--trace %s: cannot open it for writing (%s): give a path that you may write",
                      run->options->trace, strerror(errno));
        return -1;
    }
    hosted_trace_init(&run->trace, run->trace_file);
    return 0;
}

static int open_backend(struct run *run, struct backend *backend, const char *name,
                        const struct console_choice *choice, void (*notify)(void *cookie))
{
    backend->name = name;
    backend->loop = run->loop;
    backend->notify = notify;
    backend->cookie = run;
    backend->keys.command = run_on_key;
    backend->keys.cookie = run;
    return backend_open(backend, choice, run->is_terminal);
}

/* From a vCPU's thread. */
static void guest_ended(void *cookie, vm_t *vm, bool reset)
{
    struct run *run = cookie;
    (void)vm;
    hypervisor_end_guest(run->hypervisor, reset);
}

/* The guest's firmware, if it is not the kernel's. */
static int open_firmware(struct run *run)
{
    run->config.ended = guest_ended;
    run->config.ended_cookie = run;
    run->config.rtc_seconds = (uint32_t)time(NULL);
    if (run->config.firmware && !run->trng_open) {
        int error = hosted_entropy_open(&run->trng, NULL, run->loop, &run->log);
        if (error) {
            message_error("no random numbers from the kernel (%s)", strerror(-error));
            return -1;
        }
        run->trng_open = true;
        run->trng_source = hosted_entropy_backend(&run->trng);
        run->config.entropy = &run->trng_source;
    }
    return 0;
}

static int create_vm(struct run *run)
{
    struct gdb_target *gdb;
    if (run_gdb_prepare(run, &gdb) != 0) {
        return -1;
    }
    struct hypervisor_config config = {
        .board = run->options->board,
        .gic = run->options->gic,
        .split_irqchip = run->options->split_irqchip,
        .aarch32 = run->plan.kernel.machine == VMMP_MACHINE_ARM32,
        .address_limit = address_limit(run->options),
        .trace = &run->trace,
        .log = &run->log,
        .gdb = gdb,
    };
    if (hypervisor_create(&run->hypervisor, &config, &run->vm) != 0) {
        return -1;
    }
    hypervisor_configure(run->hypervisor, &run->config);
    return open_firmware(run);
}

static int load_guest(struct run *run)
{
    struct vmmp_image_error error;
    unsigned columns;
    unsigned rows;
    if (run->options->console.kind == CONSOLE_STDIO && terminal_size(&columns, &rows)) {
        run->config.console_columns = (uint16_t)columns;
        run->config.console_rows = (uint16_t)rows;
    } else if (run->options->console.kind == CONSOLE_PTY) {
        /* Until somebody gives it another. */
        run->config.console_columns = 80;
        run->config.console_rows = 24;
    }
    run->config.host = hosted_event_loop_host(run->loop);
    run->config.doorbells = hosted_doorbells_init(&run->doorbells, &run->vm, run->loop);
    if (machine_init(&run->machine, &run->vm, &run->config) != 0 || run_inputs_make_fdt(run) != 0) {
        return -1;
    }
    if (machine_load(&run->machine, &run->plan, run->fdt, run->fdt_size, &error) != 0) {
        message_error("%s", error.message);
        return -1;
    }
    return 0;
}

static bool restarts(const struct run *run)
{
    const struct options *options = run->options;
    /* Inside the sandbox /dev/kvm cannot be opened again. */
    return !options->no_reboot && !options->gdb_port && !run->process->sandbox;
}

/* A guest and the VM it is in. What is outside of both stays: files, sockets, the terminal. */
static int begin_guest(struct run *run)
{
    if (create_vm(run) != 0 || load_guest(run) != 0) {
        return -1;
    }
    if (!restarts(run)) {
        run_inputs_close(run);
    }
    return 0;
}

static void end_guest(struct run *run)
{
    machine_fini(&run->machine);
    hypervisor_destroy(run->hypervisor);
    run->hypervisor = NULL;
}

int run_guest_prepare(struct run *run)
{
    run->loop = run->process->loop;
    if (open_trace(run) != 0 ||
        devices_open(&run->devices, run->options, (unsigned)(run - run->process->guests), run->loop,
                     &run->log) != 0) {
        return -1;
    }
    run->config.devices = run->devices.models;
    run->config.device_count = run->devices.count;
    if (begin_guest(run) != 0 || run_gdb_begin(run) != 0) {
        return -1;
    }
    run_control_begin(run);
    return 0;
}

int run_guest_open(struct run *run)
{
    const struct options *options = run->options;
    run->control.command = run_command;
    run->control.cookie = run;
    if (options->control && control_open(&run->control, options->control, run->loop) != 0) {
        return -1;
    }
    bool on_stdio = options->console.kind == CONSOLE_STDIO || options->serial.kind == CONSOLE_STDIO;
    run->is_terminal = on_stdio && terminal_begin();
    run->console.resized = console_resized;
    return open_backend(run, &run->serial, "--serial", &options->serial, serial_notify) ||
                   open_backend(run, &run->console, "--console", &options->console, console_notify)
               ? -1
               : 0;
}

unsigned run_guest_needs(const struct run *run)
{
    unsigned needs = run->options->gdb_port ? SANDBOX_INTERNET : 0;
    for (unsigned i = 0; i < run->devices.count; i++) {
        needs |= run->devices.list[i].kind->sandbox_needs;
    }
    return needs;
}

static void *vm_main(void *cookie)
{
    struct run *run = cookie;
    run->vm_result = vm_run(&run->vm);
    atomic_store(&run->vm_ended, true);
    hosted_event_loop_stop(run->loop);
    return NULL;
}

/* The guest runs in threads of its own, from where they are told to. */
static bool start_thread(struct run *run)
{
    run->starts++;
    signals_block(true);
    int error = pthread_create(&run->vm_thread, NULL, vm_main, run);
    signals_block(false);
    if (error) {
        message_error("no thread (%s): raise the limit of processes", strerror(error));
        run->status = RUN_ERROR;
        return false;
    }
    run->running = true;
    return true;
}

bool run_guest_start(struct run *run)
{
    backend_start(&run->console);
    backend_start(&run->serial);
    return start_thread(run);
}

static int status_of_end(const struct run *run)
{
    switch (hypervisor_end(run->hypervisor, run->vm_result)) {
    case HYPERVISOR_POWER_OFF:
        return RUN_POWERED_OFF;
    case HYPERVISOR_RESET:
        return RUN_RESET;
    case HYPERVISOR_CRASH:
        return RUN_CRASHED;
    case HYPERVISOR_STOPPED:
        break;
    }
    if (run->reset_asked) {
        return RUN_RESET;
    }
    return run->ended_by ? 128 + run->ended_by : RUN_POWERED_OFF;
}

static void start_again(struct run *run)
{
    run->reset_asked = false;
    end_guest(run);
    if (begin_guest(run) != 0) {
        run->status = RUN_ERROR;
        return;
    }
    /* What was typed meanwhile: nobody tells of it again, and new devices do not know. */
    console_notify(run);
    serial_notify(run);
    start_thread(run);
}

void run_guest_ended(struct run *run)
{
    pthread_join(run->vm_thread, NULL);
    atomic_store(&run->vm_ended, false);
    run->running = false;
    run->status = status_of_end(run);
    if (run->options->stats) {
        run_print_stats(run);
    }
    if (run->status == RUN_RESET && !run->power_off_asked && !run->process->quit && restarts(run)) {
        start_again(run);
    }
}

/* Nothing is left behind. */
void run_guest_close(struct run *run)
{
    if (run->closed) {
        return;
    }
    run->closed = true;
    control_close(&run->control);
    if (run->loop) {
        run_control_end(run);
    }
    run_gdb_end(run, run->status);
    end_guest(run);
    if (run->trng_open) {
        hosted_entropy_close(&run->trng);
    }
    devices_close(&run->devices);
    backend_close(&run->console);
    backend_close(&run->serial);
    if (run->is_terminal) {
        terminal_restore();
    }
    if (run->trace_file && fclose(run->trace_file) != 0) {
        message_error("--trace %s: it could not be written to the end (%s)", run->options->trace,
                      strerror(errno));
    }
    run_inputs_close(run);
}
