/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only place that knows libsel4vm's fault protocol: how the accessed bytes lie in the data and
 * the mask of a fault, and how an access is completed. Devices see offset, size and value.
 *
 * Conventions of libsel4vm, with lane = address & 3 and s = 8 * lane:
 *  - the mask is the access's width shifted by s;
 *  - a write's data is the source register as it is, neither shifted nor cut;
 *  - a read completes on ARM by handing over the value shifted by s, on x86 unshifted.
 */
#include <errno.h>
#include <stddef.h>

#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#include "sel4/memory.h"

static unsigned lane_shift(uintptr_t address)
{
    return 8u * (unsigned)(address & 3u);
}

static seL4_Word read_completion(uintptr_t address, uint64_t value)
{
#ifdef CONFIG_ARCH_ARM
    return (seL4_Word)value << lane_shift(address);
#else
    (void)address;
    return (seL4_Word)value;
#endif
}

static uint64_t written(vm_vcpu_t *vcpu, uintptr_t address)
{
    return get_vcpu_fault_data(vcpu) & (get_vcpu_fault_data_mask(vcpu) >> lane_shift(address));
}

void vmmp_vm_complete_access(const struct vmmp_window *window,
                             const struct vmmp_window_access *access, uint64_t value)
{
    vm_vcpu_t *vcpu = access->initiator;

    if (!access->is_write) {
        set_vcpu_fault_data(vcpu, read_completion((uintptr_t)(window->base + access->offset),
                                                  value & vmmp_all_ones(access->size)));
    }
    advance_vcpu_fault(vcpu);
}

static memory_fault_result_t window_begin(struct vmmp_window *window, vm_vcpu_t *vcpu,
                                          uintptr_t address, unsigned size)
{
    struct vmmp_window_access access = {
        .offset = address - window->base,
        .size = size,
        .is_write = !is_vcpu_read_fault(vcpu),
        .initiator = vcpu,
    };
    if (!vmmp_window_holds(window, access.offset, size)) {
        vmmp_vm_complete_access(window, &access, UINT64_MAX);
        return FAULT_HANDLED;
    }
    if (access.is_write) {
        access.value = written(vcpu, address);
    }
    __atomic_fetch_add(access.is_write ? &window->writes : &window->reads, 1, __ATOMIC_RELAXED);
    window->begin(window->device, &access);
    return FAULT_HANDLED;
}

static memory_fault_result_t window_fault(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t fault_addr,
                                          size_t fault_length, void *cookie)
{
    struct vmmp_window *window = cookie;
    uint64_t offset = fault_addr - window->base;
    unsigned size = (unsigned)fault_length;

    (void)vm;
    if (window->begin) {
        return window_begin(window, vcpu, fault_addr, size);
    }
    if (is_vcpu_read_fault(vcpu)) {
        uint64_t value = vmmp_window_read_by(window, offset, size, vcpu);
        set_vcpu_fault_data(vcpu, read_completion(fault_addr, value));
    } else {
        vmmp_window_write_by(window, offset, size, written(vcpu, fault_addr), vcpu);
    }
    if (__atomic_load_n(&window->failed, __ATOMIC_RELAXED)) {
        __atomic_store_n(&window->failed, false, __ATOMIC_RELAXED);
        return FAULT_ERROR;
    }
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

int vmmp_vm_attach_window(struct vmmp_vm *vmmp, struct vmmp_window *window, vmmp_gpa_t base)
{
    if (window->vm || window->size == 0 || base.gpa > UINTPTR_MAX ||
        window->size - 1 > UINTPTR_MAX - base.gpa) {
        return -EINVAL;
    }
    /* The base must stand before the first access can arrive. */
    window->base = base.gpa;
    vm_memory_reservation_t *reservation = vm_reserve_memory_at(
        vmmp->vm, (uintptr_t)base.gpa, (size_t)window->size, window_fault, window);
    if (!reservation) {
        return -EBUSY;
    }
    /* A device with a context of its own needs no VM-wide lock around its accesses. */
    if (vmmp->host.ops && vmmp->host.ops->context_init) {
        vmmp_sys_reservation_unserialised(vmmp->vm, reservation);
    }
    window->vm = vmmp;
    window->reservation = reservation;
    window->next = vmmp->windows;
    vmmp->windows = window;
    return 0;
}

void vmmp_vm_detach_window(struct vmmp_window *window)
{
    struct vmmp_vm *vmmp = window->vm;

    if (!vmmp) {
        return;
    }
    vm_free_reserved_memory(vmmp->vm, window->reservation);
    for (struct vmmp_window **link = &vmmp->windows; *link; link = &(*link)->next) {
        if (*link == window) {
            *link = window->next;
            break;
        }
    }
    window->vm = NULL;
    window->reservation = NULL;
    window->next = NULL;
}

uint64_t vmmp_vm_access_pc(const struct vmmp_window *window)
{
    return window->initiator ? get_vcpu_fault_ip(window->initiator) : 0;
}
