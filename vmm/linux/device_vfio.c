/* SPDX-License-Identifier: BSD-2-Clause */
/* --vfio: a PCI device of this machine (hosted/vfio.h). */
#include "device.h"

#include <errno.h>
#include <string.h>

#include <hosted/irqfd.h>
#include <hosted/vfio.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include "message.h"

#define OPTION        "--vfio"
#define INTERRUPT_PIN 0x3du /* PCI Local Bus 3.0, 6.1 */

struct vfio {
    char address[HOSTED_VFIO_ADDRESS];
    char name[sizeof(OPTION) + HOSTED_VFIO_ADDRESS]; /* For messages. */
    struct hosted_vfio_space *space;                 /* The first one's, for all. */
    bool owns_space;
    struct hosted_vfio *device;
    struct vmmp_pci_host *pci;
    struct vmmp_pci_function *function;
};

/* ---- the option ---- */

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    char address[HOSTED_VFIO_ADDRESS];
    if (hosted_vfio_address(value, address)) {
        return true;
    }
    snprintf(message, OPTIONS_MESSAGE,
             OPTION " %.40s: must be the address of a PCI device, such as 0000:00:04.0", value);
    return false;
}

/* ---- the device ---- */

static void close_device(void *state)
{
    struct vfio *vfio = state;
    hosted_vfio_close(vfio->device);
    if (vfio->owns_space) {
        hosted_vfio_space_close(vfio->space);
    }
}

static int open_device(void *state, const char *value, const struct device_context *context)
{
    struct vfio *vfio = state;
    const struct vfio *first = context->first;
    char error[HOSTED_VFIO_ERROR];
    int status = 0;

    (void)hosted_vfio_address(value, vfio->address);
    snprintf(vfio->name, sizeof(vfio->name), OPTION " %s", vfio->address);
    vfio->owns_space = !first;
    if (first) {
        vfio->space = first->space;
    } else {
        status = hosted_vfio_space_open(&vfio->space, NULL, context->log, error);
    }
    const struct hosted_vfio_options options = {
        .name = vfio->name,
        .address = vfio->address,
        .loop = context->loop,
    };
    if (!status) {
        status = hosted_vfio_open(&vfio->device, vfio->space, &options, error);
    }
    if (status) {
        message_error("%s: %s", vfio->name, error);
        close_device(vfio);
        return -1;
    }
    return 0;
}

/* ---- the guest's ---- */

static int interrupt_of(const struct vfio *vfio)
{
    unsigned pin = (unsigned)vmmp_pci_peek(vfio->function, INTERRUPT_PIN, 1);
    const struct vmmp_pci_line *line =
        pin ? vmmp_pci_host_line(vfio->pci, vfio->function->device_number, pin) : NULL;
    return line ? (int)line->number : -1;
}

static int plug(struct vfio *vfio, const struct vmmp_log *log)
{
    int at = machine_pci_plug(vfio->pci, vfio->function);
    if (at < 0) {
        return at;
    }
    int bar = machine_pci_unplaced(vfio->function);
    int error = 0;
    if (bar >= 0) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "%s: its BAR %d of %llu KiB does not fit into the guest's PCI windows", vfio->name,
                 bar, (unsigned long long)(vfio->function->bars[bar].size >> 10));
        error = -ENOSPC;
    } else {
        error = hosted_vfio_start(vfio->device, interrupt_of(vfio));
    }
    if (error) {
        vmmp_pci_host_remove(vfio->pci, vfio->function);
    }
    return error;
}

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct vfio *vfio = cookie;
    const struct hosted_vfio_guest guest = {
        .vm = environment->vm,
        .memory = environment->memory,
        .host = environment->host,
        .log = environment->log,
    };
    (void)virtio;
    if (!hosted_vm_has_irqfd(environment->vm)) {
        vmmp_log(environment->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "%s: only PCs can have devices of the host's yet: leave it out", vfio->name);
        return -EOPNOTSUPP;
    }
    vfio->pci = environment->pci;
    int error = hosted_vfio_give(vfio->device, &guest, &vfio->function);
    if (error) {
        return error;
    }
    error = plug(vfio, environment->log);
    if (error) {
        hosted_vfio_take(vfio->device);
        vfio->function = NULL;
    }
    return error;
}

static void destroy(void *cookie)
{
    struct vfio *vfio = cookie;
    vmmp_pci_host_remove(vfio->pci, vfio->function);
    hosted_vfio_take(vfio->device);
    vfio->function = NULL;
}

static const struct machine_device_ops model = { create, destroy };

/* ---- what can be seen of it ---- */

static void print_stats(void *state, const char *name, FILE *out)
{
    const struct vfio *vfio = state;
    struct hosted_vfio_status status = hosted_vfio_status(vfio->device);
    fprintf(out, "device %s address %s interrupts %s dma-bytes %llu gone %d\n", name, vfio->address,
            status.interrupts, (unsigned long long)status.mapped, status.gone);
}

static void status(void *state, struct json *json)
{
    const struct vfio *vfio = state;
    struct hosted_vfio_status status = hosted_vfio_status(vfio->device);
    char identity[sizeof("0000:0000")];
    snprintf(identity, sizeof(identity), "%04x:%04x", status.vendor, status.device);
    json_string(json, "address", vfio->address);
    json_string(json, "device", identity);
    json_string(json, "interrupts", status.interrupts);
    json_number(json, "dma_bytes", status.mapped);
    json_bool(json, "gone", status.gone);
}

const struct device_kind device_vfio = {
    .name = "vfio",
    .option = OPTION,
    .value = "ADDRESS",
    .help = "a PCI device of this machine, bound to vfio-pci, such as\n"
            "0000:00:04.0; it reaches the guest's memory and no other",
    .most = 8,
    .check = check,
    .state_size = sizeof(struct vfio),
    .open = open_device,
    .close = close_device,
    .model = &model,
    .function = true,
    .of_host = true,
    .print_stats = print_stats,
    .status = status,
};
