/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference VMM as an seL4 root task: the machine `qemu-arm-virt` with the guest that is linked
 * into the program (guest_files.h). Its console is the UART of the host's machine.
 */
#include <stdio.h>
#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vmmplatsupport/vmmp/sel4.h>

#include "clock.h"
#include "devices.h"
#include "guest_files.h"
#include "host.h"
#include "machine.h"
#include "restart.h"
#include "root_task.h"
#include "serial.h"

#define GUEST_MEMORY (UINT64_C(256) << 20)

static struct root_task root;
static struct serial serial;
static struct machine machine;
static struct machine_plan plan;
static struct machine_port console_port;
static struct machine_port uart_port;
static struct machine_config config;
static uint8_t device_tree[64 * 1024];
static char command_line[MACHINE_BOOTARGS];
static vm_t vm;

static void print_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    (void)cookie;
    printf("vmm: %s (%s): %s\n", vmmp_log_level_name(level), vmmp_log_origin_name(origin), message);
}

/* A root task has nowhere to return to. */
static _Noreturn void end(void)
{
    fflush(stdout);
    for (;;) {
        (void)seL4_TCB_Suspend(simple_get_tcb(&root.simple));
    }
}

static void guest_ended(void *cookie, vm_t *which, bool reset)
{
    (void)cookie;
    (void)which;
    devices_report();
    printf("vmm: the guest has %s\n", reset ? "reset" : "powered off");
    fflush(stdout);
    if (reset) {
        restart();
        printf("vmm: the machine cannot be made anew\n");
    }
    end();
}

static int notified(vm_t *which, seL4_Word badge, seL4_MessageInfo_t tag, void *cookie)
{
    (void)which;
    (void)tag;
    (void)cookie;
    if (badge & ROOT_TASK_INTERRUPT_BADGE) {
        clock_interrupt();
        machine_console_notify(&machine);
        serial_acknowledge(&serial);
    }
    return 0;
}

static void configure(const struct guest_file *kernel, const struct guest_file *initrd,
                      const struct guest_file *disk)
{
    console_port = serial_port(&serial);
    uart_port = serial_output(&serial);
    config.memory = GUEST_MEMORY;
    config.cpus = 1;
    config.gic = 2;
    config.firmware = true;
    config.ended = guest_ended;
    config.append = command_line;
    config.kernel = &kernel->file;
    config.initrd = initrd->bytes ? &initrd->file : NULL;
    config.made_by = host_functions();
    config.host = clock_host();
    config.rtc_seconds = clock_seconds();
    config.log = (struct vmmp_log){ print_log, NULL, VMMP_LOG_INFO };
    config.transport = MACHINE_TRANSPORT_PCI;
    config.console = &console_port;
    config.serial = &uart_port;
    config.devices = devices_make(disk->bytes, (size_t)disk->file.size);
    config.device_count = DEVICES;
}

static int open_files(struct guest_file *kernel, struct guest_file *initrd, struct guest_file *disk)
{
    static struct guest_file arguments;

    if (!guest_file_open(kernel, "kernel")) {
        printf("vmm: the archive has no member \"kernel\"\n");
        return -1;
    }
    guest_file_open(initrd, "initrd");
    guest_file_open(disk, "disk");
    if (guest_file_open(&arguments, "cmdline") && arguments.file.size < sizeof(command_line)) {
        memcpy(command_line, arguments.bytes, (size_t)arguments.file.size);
    }
    return 0;
}

static int prepare(struct vmmp_image_error *error)
{
    static struct guest_file kernel;
    static struct guest_file initrd;
    static struct guest_file disk;
    size_t size = 0;

    if (open_files(&kernel, &initrd, &disk)) {
        return -1;
    }
    configure(&kernel, &initrd, &disk);
    if (machine_plan(&plan, &config, sizeof(device_tree), error) ||
        machine_build_fdt(&config, &plan, device_tree, sizeof(device_tree), &size)) {
        return -1;
    }
    if (vm_init(&vm, &root.vka, &root.simple, root.vspace, &root.io_ops, root.endpoint.cptr,
                "guest")) {
        printf("vmm: libsel4vm does not make a VM\n");
        return -1;
    }
    if (machine_init(&machine, &vm, &config)) {
        return -1;
    }
    vm_register_notification_callback(&vm, notified, NULL);
    return machine_load(&machine, &plan, device_tree, size, error);
}

int main(void)
{
    struct vmmp_image_error error = { "" };

    serial_own_output(&serial);
    if (!root_task_init(&root)) {
        serial_init(&serial, &root);
        clock_init(&root);
        if (!prepare(&error)) {
            printf("vmm: the guest starts\n");
            /* On seL4 it returns 0 at every interrupt of the virtual timer. */
            while (vm_run(&vm) == 0) {
                vmmp_sel4_timer_expired(&vm);
                clock_run();
            }
            printf("vmm: the guest has ended in an error\n");
        } else if (error.message[0]) {
            printf("vmm: %s\n", error.message);
        }
    }
    end();
}
