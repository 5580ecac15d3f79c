/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/device_utils.h>

#include <stdbool.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/guest_memory_util.h>
#include <sel4vmmplatsupport/vmmp/access_control.h>

#include "compat/compat_vm.h"
#include "sel4/memory.h"

#define GUEST_PAGE_SIZE 4096u

/* 0 if rounding up would wrap around. */
static size_t whole_pages(const struct device *device)
{
    size_t size = (size_t)device->size;
    return size > SIZE_MAX - GUEST_PAGE_SIZE
               ? 0
               : (size + GUEST_PAGE_SIZE - 1) & ~(size_t)(GUEST_PAGE_SIZE - 1);
}

static int install_backed(vm_t *vm, const struct device *device,
                          int (*back)(vm_t *vm, vm_memory_reservation_t *reservation),
                          const char *cannot_back)
{
    if (!vm || !device) {
        return -1;
    }
    if (device->size == 0) {
        return 0;
    }
    vm_memory_reservation_t *reservation = NULL;
    size_t size = whole_pages(device);
    if (size) {
        reservation =
            vm_reserve_memory_at(vm, device->pstart, size, default_error_fault_callback, NULL);
    }
    if (!reservation) {
        return vmmp_compat_device_error(vm, device,
                                        "the guest-physical range is taken or out of bounds");
    }
    if (back(vm, reservation)) {
        vm_free_reserved_memory(vm, reservation);
        return vmmp_compat_device_error(vm, device, cannot_back);
    }
    return 0;
}

int vm_install_passthrough_device(vm_t *vm, const struct device *device)
{
    return install_backed(vm, device, map_ut_alloc_reservation,
                          "its frames are not available (does the kernel or another component "
                          "own the device?)");
}

int vm_install_ram_only_device(vm_t *vm, const struct device *device)
{
    return install_backed(vm, device, map_frame_alloc_reservation, "no memory to put there");
}

/* A real device whose accesses are watched. Lives as long as the VM. */
struct listener {
    struct vmmp_vm *native;
    struct vmmp_window window;
    struct vmmp_context context;
    const char *name;
    void *registers;
};

static void report(const struct listener *listener, const char *what, uint64_t offset,
                   uint64_t value)
{
    vmmp_log(&listener->native->log, VMMP_LOG_INFO, VMMP_LOG_GUEST,
             "[Listener/%s] %s 0x%llx address 0x%llx @ pc 0x%llx", listener->name, what,
             (unsigned long long)value, (unsigned long long)(listener->window.base + offset),
             (unsigned long long)vmmp_vm_access_pc(&listener->window));
}

/* The bus below takes aligned accesses only; what the guest's own bus would refuse is not done. */
static uint64_t listener_read(void *device, uint64_t offset, unsigned size)
{
    struct listener *listener = device;
    uint64_t value = vmmp_all_ones(size);

    if (offset % size == 0) {
        value = vmmp_mapped_registers.read(listener->registers, offset, size);
    }
    report(listener, "read", offset, value);
    return value;
}

static void listener_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct listener *listener = device;

    report(listener, "write", offset, value);
    if (offset % size == 0) {
        vmmp_mapped_registers.write(listener->registers, offset, size, value);
    }
}

static const struct vmmp_window_ops listener_ops = { listener_read, listener_write };

int vm_install_listening_device(vm_t *vm, const struct device *device)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);

    if (!native || !device) {
        return -1;
    }
    if (device->size == 0) {
        return 0;
    }
    size_t size = whole_pages(device);
    volatile void *registers = size ? vmmp_sys_map_registers(vm, device->pstart, size) : NULL;
    if (!registers) {
        return vmmp_compat_device_error(vm, device, "its registers cannot be mapped");
    }
    struct listener *listener = vmmp_compat_calloc(vm, sizeof(*listener));
    if (!listener) {
        return vmmp_compat_device_error(vm, device, "out of memory");
    }
    listener->native = native;
    listener->name = device->name ? device->name : "";
    listener->registers = (void *)(uintptr_t)registers;
    listener->window = (struct vmmp_window){ .name = listener->name,
                                             .ops = &listener_ops,
                                             .device = listener,
                                             .size = size,
                                             .context = &listener->context };
    if (vmmp_vm_attach_window(native, &listener->window, vmmp_gpa(device->pstart))) {
        vmmp_compat_free(vm, listener);
        return vmmp_compat_device_error(vm, device,
                                        "the guest-physical range is taken or out of bounds");
    }
    return 0;
}
