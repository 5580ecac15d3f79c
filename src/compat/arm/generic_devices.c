/* SPDX-License-Identifier: BSD-2-Clause */
/* Access-controlled and forwarding devices of the compatible interface. */
#include <sel4vmmplatsupport/arch/ac_device.h>
#include <sel4vmmplatsupport/arch/generic_forward_device.h>
#include <sel4vmmplatsupport/vmmp/access_control.h>
#include <sel4vmmplatsupport/vmmp/forward.h>

#include "compat/compat_vm.h"
#include "sel4/memory.h"

/* Both live as long as the VM. */
struct controlled {
    struct vmmp_access_control control;
    struct vmmp_context context;
    struct vmmp_vm *native;
    struct vmmp_log_limit limit;
};

static void report(void *cookie, const struct vmmp_access_report *report)
{
    struct controlled *controlled = cookie;

    vmmp_log_guest(&controlled->native->log, &controlled->limit,
                   "[ac/%s] pc 0x%llx: denied bits 0x%llx of 0x%llx at address 0x%llx%s",
                   report->window->name, (unsigned long long)vmmp_vm_access_pc(report->window),
                   (unsigned long long)report->denied, (unsigned long long)report->value,
                   (unsigned long long)(report->window->base + report->offset),
                   report->masked ? ", masked" : ", passed");
}

static int attach(vm_t *vm, struct vmmp_window *window, const struct device *d, void *block)
{
    if (vmmp_vm_attach_window(vmmp_compat_vm(vm), window, vmmp_gpa(d->pstart))) {
        vmmp_compat_free(vm, block);
        return vmmp_compat_device_error(vm, d,
                                        "the guest-physical range is taken or out of bounds");
    }
    return 0;
}

int vm_install_generic_ac_device(vm_t *vm, const struct device *d, void *mask, size_t size,
                                 enum vacdev_action action)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);

    if (!native || !d) {
        return -1;
    }
    if (d->size == 0 || (size && !mask)) {
        return vmmp_compat_device_error(vm, d,
                                        "it needs a size, and a mask of the size that is given");
    }
    struct controlled *controlled = vmmp_compat_calloc(vm, sizeof(*controlled));
    volatile void *registers = vmmp_sys_map_registers(vm, d->pstart, d->size);
    if (!registers || !controlled) {
        vmmp_compat_free(vm, controlled);
        return vmmp_compat_device_error(
            vm, d, registers ? "out of memory" : "its registers cannot be mapped");
    }
    controlled->native = native;
    controlled->control = (struct vmmp_access_control){
        .window = { .name = d->name ? d->name : "",
                    .size = d->size,
                    .context = &controlled->context },
        .registers = &vmmp_mapped_registers,
        .device = (void *)(uintptr_t)registers,
        .mask = mask,
        .mask_size = size,
        .mask_denied = action != VACDEV_REPORT_ONLY,
        .report = action != VACDEV_MASK_ONLY ? report : NULL,
        .cookie = controlled,
    };
    vmmp_access_control_init(&controlled->control);
    return attach(vm, &controlled->control.window, d, controlled);
}

struct forwarded {
    struct vmmp_window window;
    struct generic_forward_cfg cfg;
};

static uint64_t forwarded_read(void *device, uint64_t offset, unsigned size)
{
    const struct forwarded *forwarded = device;

    (void)size;
    return forwarded->cfg.read_fn
               ? (uint64_t)forwarded->cfg.read_fn((uint32_t)offset) >> (8 * (offset & 3))
               : 0;
}

static void forwarded_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    const struct forwarded *forwarded = device;

    (void)size;
    if (forwarded->cfg.write_fn) {
        forwarded->cfg.write_fn((uint32_t)offset, (uint32_t)value);
    }
}

static const struct vmmp_window_ops forwarded_ops = { forwarded_read, forwarded_write };

int vm_install_generic_forward_device(vm_t *vm, const struct device *d,
                                      struct generic_forward_cfg cfg)
{
    if (!vmmp_compat_vm(vm) || !d) {
        return -1;
    }
    if (d->size == 0) {
        return vmmp_compat_device_error(vm, d, "it needs a size");
    }
    struct forwarded *forwarded = vmmp_compat_calloc(vm, sizeof(*forwarded));
    if (!forwarded) {
        return vmmp_compat_device_error(vm, d, "out of memory");
    }
    forwarded->cfg = cfg;
    forwarded->window = (struct vmmp_window){
        .name = d->name ? d->name : "", .ops = &forwarded_ops, .device = forwarded, .size = d->size
    };
    return attach(vm, &forwarded->window, d, forwarded);
}
