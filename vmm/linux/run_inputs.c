/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of `vmm run`, and what follows from them before there is a VM. */
#include "run_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysinfo.h>

#include <hosted/decoders.h>

#include "message.h"

#define MIB (UINT64_C(1) << 20)

/* Guest RAM is taken as the guest touches it, but more than there is cannot end well. */
static int check_memory(const struct options *options)
{
    struct sysinfo info;
    if (sysinfo(&info) != 0) {
        return 0;
    }
    uint64_t host = (uint64_t)info.mem_unit * ((uint64_t)info.totalram + info.totalswap);
    if (options->memory <= host) {
        return 0;
    }
    message_error("--memory %lluM: this machine has %lluM: give less",
                  (unsigned long long)(options->memory / MIB), (unsigned long long)(host / MIB));
    return -1;
}

/* Also for a guest that starts again, whose tree is made from what stands in the file. */
static int read_dtb(struct run *run)
{
    struct input_file dtb = { .fd = -1 };
    struct vmmp_image_error error;
    if (input_file_open(&dtb, "--dtb", run->options->dtb) != 0) {
        return -1;
    }
    int result = vmmp_dtb_read(&dtb.file, run->fdt, MACHINE_FDT_MAX, &run->fdt_size, &error);
    if (result) {
        message_error("%s", error.message);
    }
    input_file_close(&dtb);
    return result ? -1 : 0;
}

static void configure(struct run *run)
{
    const struct options *options = run->options;
    struct machine_config *config = &run->config;
    config->board = options->board;
    config->memory = options->memory;
    config->cpus = options->cpus;
    config->gic = options->gic == GIC_V2 ? 2 : 3;
    config->psci_hvc = true;
    config->aarch32 = true;
    config->transport = options->transport;
    config->mmio_on_command_line = options->mmio_on_command_line;
    config->split_rings = options->split_rings;
    config->screen_width = options->screen_width;
    config->screen_height = options->screen_height;
    config->append = options->append;
    config->kernel = options->kernel ? &run->kernel.file : NULL;
    config->initrd = options->initrd ? &run->initrd.file : NULL;
    config->decoders = hosted_decoders(&config->decoder_count);
    config->log = run->log;
    run->console_port = (struct machine_port){ backend_write, backend_read, &run->console };
    run->serial_port = (struct machine_port){ backend_write, backend_read, &run->serial };
    config->console = options->console.kind == CONSOLE_NONE ? NULL : &run->console_port;
    config->serial = options->serial.kind == CONSOLE_NONE ? NULL : &run->serial_port;
}

int run_inputs_open(struct run *run)
{
    const struct options *options = run->options;
    struct vmmp_image_error error;
    if (check_memory(options) != 0) {
        return -1;
    }
    run->fdt = malloc(MACHINE_FDT_MAX);
    if (!run->fdt) {
        message_error("no memory: close other programs");
        return -1;
    }
    if ((options->kernel && input_file_open(&run->kernel, "--kernel", options->kernel) != 0) ||
        (options->initrd && input_file_open(&run->initrd, "--initrd", options->initrd) != 0) ||
        (options->dtb && read_dtb(run) != 0)) {
        return -1;
    }
    configure(run);
    if (options->kernel && machine_plan(&run->plan, &run->config, MACHINE_FDT_MAX, &error) != 0) {
        message_error("%s", error.message);
        return -1;
    }
    return 0;
}

/* Every guest has random numbers of its own. */
static void make_seed(struct run *run)
{
    if (getrandom(run->seed, sizeof(run->seed), GRND_NONBLOCK) == (ssize_t)sizeof(run->seed)) {
        run->config.seed = run->seed;
        run->config.seed_size = sizeof(run->seed);
    }
}

int run_inputs_make_fdt(struct run *run)
{
    make_seed(run);
    const struct machine_plan *plan = run->options->kernel ? &run->plan : NULL;
    if (!run->options->dtb) {
        return machine_build_fdt(&run->config, plan, run->fdt, MACHINE_FDT_MAX, &run->fdt_size) ? -1
                                                                                                : 0;
    }
    struct vmmp_image_error error;
    if (run->fdt_adopted && read_dtb(run) != 0) {
        return -1;
    }
    run->fdt_adopted = true;
    if (machine_adopt_fdt(&run->config, plan, run->fdt, MACHINE_FDT_MAX, &run->fdt_size, &error)) {
        message_error("--dtb %s: %s", run->options->dtb, error.message);
        return -1;
    }
    return 0;
}

int run_inputs_dump_fdt(struct run *run)
{
    return output_file_write("--dump-dtb", run->options->dump_dtb, run->fdt, run->fdt_size);
}

void run_inputs_close(struct run *run)
{
    input_file_close(&run->kernel);
    input_file_close(&run->initrd);
    free(run->fdt);
    run->fdt = NULL;
}
