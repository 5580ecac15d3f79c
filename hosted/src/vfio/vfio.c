/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted/vfio.h: a device from its opening to its end, and the guests that have it meanwhile. */
#include <hosted/vfio.h>

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <hosted/irqfd.h>
#include <hosted/vm.h>

#include "hosted.h"
#include "vfio/device.h"
#include "vfio/space.h"

struct hosted_vfio {
    struct hosted_vfio_space *space;
    struct vfio_group *group;
    const char *name;
    struct vfio_device device;
    struct hosted_event_source farewell; /**< Its `fd` -1: nobody hears of it. */
    bool gone;
    struct vfio_function *function; /**< NULL: no guest has it. */
    vm_t *vm;                       /**< Its guest's. */
};

/* ---- the device ---- */

/* The kernel waits until it is closed. */
static void farewell(void *cookie, uint32_t events)
{
    struct hosted_vfio *vfio = cookie;
    (void)events;
    hosted_event_source_remove(&vfio->farewell);
    vmmp_log(vfio->space->log, VMMP_LOG_WARNING, VMMP_LOG_HOST,
             "%s: the host has taken the device away, or it has failed: the guest goes on without",
             vfio->name);
    vfio->gone = true;
    if (vfio->function) {
        vfio_function_gone(vfio->function);
    }
    vfio_device_close(&vfio->device);
}

static void hear(struct hosted_vfio *vfio, struct hosted_event_loop *loop)
{
    vfio->farewell = (struct hosted_event_source){
        .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .ready = farewell,
        .cookie = vfio,
    };
    if (vfio->farewell.fd < 0 || vfio_device_events(&vfio->device, vfio->farewell.fd) ||
        hosted_event_loop_add(loop, &vfio->farewell, EPOLLIN)) {
        vmmp_log(vfio->space->log, VMMP_LOG_WARNING, VMMP_LOG_HOST,
                 "%s: the kernel will not say when the device is to go away", vfio->name);
    }
}

static int open_device(struct hosted_vfio *vfio, const struct hosted_vfio_options *options,
                       char error[HOSTED_VFIO_ERROR])
{
    int status;
    vfio->group = vfio_group_get(vfio->space, options->address, &status, error);
    if (!vfio->group) {
        return status;
    }
    int fd = ioctl(vfio->group->fd, VFIO_GROUP_GET_DEVICE_FD, options->address);
    if (fd < 0) {
        return vfio_wrong(error, errno, "the kernel does not hand it out: %s", strerror(errno));
    }
    status = vfio_device_init(&vfio->device, fd);
    if (status) {
        return vfio_wrong(error, -status, "the kernel does not describe it: %s", strerror(-status));
    }
    hear(vfio, options->loop);
    return 0;
}

int hosted_vfio_open(struct hosted_vfio **device, struct hosted_vfio_space *space,
                     const struct hosted_vfio_options *options, char error[HOSTED_VFIO_ERROR])
{
    struct hosted_vfio *vfio = calloc(1, sizeof(*vfio));
    if (!vfio) {
        return vfio_wrong(error, ENOMEM, "no memory: close other programs");
    }
    vfio->space = space;
    vfio->name = options->name;
    vfio->device.fd = -1;
    vfio->farewell.fd = -1;
    int status = open_device(vfio, options, error);
    if (status) {
        hosted_vfio_close(vfio);
        return status;
    }
    *device = vfio;
    return 0;
}

void hosted_vfio_close(struct hosted_vfio *device)
{
    if (!device) {
        return;
    }
    hosted_event_source_remove(&device->farewell);
    vfio_device_close(&device->device);
    if (device->farewell.fd >= 0) {
        close(device->farewell.fd);
    }
    if (device->group) {
        vfio_group_put(device->space, device->group);
    }
    free(device);
}

/* ---- a guest ---- */

static int guest_map(void *cookie, uint64_t gpa, void *memory, uint64_t size)
{
    return hosted_vm_map(cookie, gpa, memory, size);
}

static void guest_unmap(void *cookie, uint64_t gpa)
{
    hosted_vm_unmap(cookie, gpa);
}

static int guest_message(void *cookie, int fd, uint64_t address, uint32_t data)
{
    return hosted_vm_message_fd(cookie, fd, address, data);
}

static void guest_message_off(void *cookie, int fd)
{
    hosted_vm_message_fd_remove(cookie, fd);
}

static int guest_line(void *cookie, int irq, int fd, int resample)
{
    return hosted_vm_irq_fd(cookie, irq, fd, resample);
}

static void guest_line_off(void *cookie, int irq, int fd, int resample)
{
    hosted_vm_irq_fd_remove(cookie, irq, fd, resample);
}

static const struct vfio_guest_ops guest_ops = {
    guest_map, guest_unmap, guest_message, guest_message_off, guest_line, guest_line_off,
};

/* The VM's engine hears of a group with its first device, and until its last one. */
static void announce(struct hosted_vfio *device, bool add)
{
    const struct hosted_vm *hosted = hosted_vm_of(device->vm);
    unsigned others = add ? device->group->given++ : --device->group->given;
    if (others || !hosted->engine->device_group) {
        return;
    }
    int error = hosted->engine->device_group(device->vm->hosted, device->group->fd, add);
    if (error && add) {
        vmmp_log(device->space->log, VMMP_LOG_WARNING, VMMP_LOG_HOST,
                 "%s: KVM does not hear of the device (%s): if its DMA does not see what is in "
                 "caches, it may read old data",
                 device->name, strerror(-error));
    }
}

static int make(struct hosted_vfio *device, const struct hosted_vfio_guest *guest)
{
    const struct vfio_function_config config = {
        .name = device->name,
        .physical = &vfio_device_ops,
        .physical_cookie = &device->device,
        .guest = &guest_ops,
        .guest_cookie = guest->vm,
        .host = *guest->host,
        .log = guest->log,
    };
    struct vfio_function *function = calloc(1, sizeof(*function));
    int error = function ? vfio_function_init(function, &config) : -ENOMEM;
    if (error) {
        free(function);
        return error;
    }
    device->function = function;
    device->vm = guest->vm;
    announce(device, true);
    return 0;
}

int hosted_vfio_give(struct hosted_vfio *device, const struct hosted_vfio_guest *guest,
                     struct vmmp_pci_function **function)
{
    if (device->function) {
        return -EBUSY;
    }
    if (device->gone) {
        vmmp_log(guest->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "%s: the host has taken the device away: leave it out, or give it back",
                 device->name);
        return -ENODEV;
    }
    int error = vfio_memory_map(device->space, guest->memory);
    if (error) {
        return error;
    }
    error = make(device, guest);
    if (error) {
        vfio_memory_unmap(device->space);
        return error;
    }
    *function = &device->function->pci;
    return 0;
}

int hosted_vfio_start(struct hosted_vfio *device, int irq)
{
    return vfio_function_start(device->function, irq);
}

void hosted_vfio_take(struct hosted_vfio *device)
{
    vfio_function_fini(device->function);
    free(device->function);
    device->function = NULL;
    announce(device, false);
    vfio_memory_unmap(device->space);
}

struct hosted_vfio_status hosted_vfio_status(const struct hosted_vfio *device)
{
    static const char *const names[] = { "intx", "msi", "msix", "none" };
    struct hosted_vfio_status status = { .gone = device->gone, .interrupts = "none" };
    const struct vfio_function *function = device->function;
    if (function) {
        vmmp_context_enter(&function->context);
        status.interrupts = names[function->kind];
        vmmp_context_leave(&function->context);
        status.vendor = (uint16_t)vmmp_pci_peek(&function->pci, 0, 2);
        status.device = (uint16_t)vmmp_pci_peek(&function->pci, 2, 2);
        for (unsigned i = 0; i < device->space->memory.region_count; i++) {
            status.mapped += device->space->memory.regions[i].size;
        }
    }
    return status;
}
