/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/device.h>

#include <stdlib.h>
#include <string.h>

#include "compat/compat_vm.h"

int device_list_init(device_list_t *list)
{
    if (!list) {
        return -1;
    }
    list->devices = NULL;
    list->num_devices = 0;
    return 0;
}

int add_device(device_list_t *dev_list, const struct device *d)
{
    if (!dev_list || !d) {
        return -1;
    }
    size_t count = (size_t)dev_list->num_devices;
    struct device *devices = realloc(dev_list->devices, (count + 1) * sizeof(*devices));
    if (!devices) {
        return -1;
    }
    size_t at = count;
    while (at > 0 && devices[at - 1].pstart > d->pstart) {
        at--;
    }
    memmove(&devices[at + 1], &devices[at], (count - at) * sizeof(*devices));
    devices[at] = *d;
    dev_list->devices = devices;
    dev_list->num_devices++;
    return 0;
}

struct device *find_device_by_pa(device_list_t *dev_list, uintptr_t addr)
{
    for (int i = 0; dev_list && i < dev_list->num_devices; i++) {
        struct device *device = &dev_list->devices[i];
        if (addr >= device->pstart && addr - device->pstart < device->size) {
            return device;
        }
    }
    return NULL;
}

int vmmp_compat_device_error(vm_t *vm, const struct device *device, const char *what)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);

    vmmp_log(native ? &native->log : NULL, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
             "device %s at 0x%llx, 0x%llx bytes: %s", device->name ? device->name : "(no name)",
             (unsigned long long)device->pstart, (unsigned long long)device->size, what);
    return -1;
}
