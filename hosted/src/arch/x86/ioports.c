/* SPDX-License-Identifier: BSD-2-Clause */
/* x86: I/O ports. The first port of an access chooses the handler, as in libsel4vm. */
#include <stdlib.h>
#include <string.h>

#include <sel4vm/arch/ioports.h>

#include "hosted.h"
#include "sel4/ports_x86.h"

int vm_io_port_add_handler(vm_t *vm, vm_ioport_range_t ioport_range,
                           vm_ioport_interface_t ioport_interface)
{
    struct hosted_vm *hosted = vm->hosted;
    vm_io_port_list_t *list = &vm->arch.ioport_list;
    if (ioport_range.end < ioport_range.start) {
        return -1;
    }
    int result = -1;
    pthread_rwlock_wrlock(&hosted->tables);
    int i = 0;
    while (i < list->num_ioports && list->ioports[i].range.end < ioport_range.start) {
        i++;
    }
    bool taken = i < list->num_ioports && list->ioports[i].range.start <= ioport_range.end;
    vm_ioport_entry_t *table = NULL;
    if (!taken) {
        table = hosted_array_grow(list->ioports, (size_t)list->num_ioports, 1, sizeof(*table));
    }
    if (table) {
        list->ioports = table;
        memmove(&table[i + 1], &table[i], (size_t)(list->num_ioports - i) * sizeof(*table));
        table[i].range = ioport_range;
        table[i].interface = ioport_interface;
        list->num_ioports++;
        result = 0;
    }
    pthread_rwlock_unlock(&hosted->tables);
    if (taken) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "ports %#x to %#x overlap ones that have a handler", ioport_range.start,
                   ioport_range.end);
    }
    return result;
}

int vm_register_unhandled_ioport_callback(vm_t *vm, unhandled_ioport_callback_fn ioport_callback,
                                          void *cookie)
{
    if (!vm) {
        return -1;
    }
    vm->arch.unhandled_ioport_callback = ioport_callback;
    vm->arch.unhandled_ioport_callback_cookie = cookie;
    return 0;
}

void vmmp_sys_ports_unserialised(vm_t *vm)
{
    atomic_store(&vm->hosted->ports_unserialised, true);
}

int vm_enable_passthrough_ioport(vm_vcpu_t *vcpu, uint16_t port_start, uint16_t port_end)
{
    struct hosted_vcpu *hosted_vcpu = hosted_vcpu_of(vcpu);
    const struct hosted_engine *engine = hosted_vcpu->hosted->engine;
    if (!engine->ioport_passthrough ||
        engine->ioport_passthrough(hosted_vcpu, port_start, port_end)) {
        hosted_say(hosted_vcpu->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "ports %#x to %#x of the host cannot be passed through", port_start, port_end);
        return -1;
    }
    return 0;
}

static bool port_find(struct hosted_vm *hosted, uint16_t port, vm_ioport_interface_t *found)
{
    const vm_io_port_list_t *list = &hosted->vm->arch.ioport_list;
    bool is_found = false;
    pthread_rwlock_rdlock(&hosted->tables);
    int low = 0;
    int high = list->num_ioports;
    while (low < high) {
        int middle = (low + high) / 2;
        const vm_ioport_entry_t *entry = &list->ioports[middle];
        if (port < entry->range.start) {
            high = middle;
        } else if (port > entry->range.end) {
            low = middle + 1;
        } else {
            *found = entry->interface;
            is_found = true;
            break;
        }
    }
    pthread_rwlock_unlock(&hosted->tables);
    return is_found;
}

static ioport_fault_result_t call_handler(struct hosted_vcpu *vcpu,
                                          const vm_ioport_interface_t *handler, uint16_t port,
                                          unsigned size, bool is_in, unsigned *value)
{
    ioport_fault_result_t result = IO_FAULT_UNHANDLED;
    hosted_vm_lock(vcpu->hosted->vm);
    if (is_in && handler->port_in) {
        result = handler->port_in(&vcpu->base, handler->cookie, port, size, value);
    } else if (!is_in && handler->port_out) {
        result = handler->port_out(&vcpu->base, handler->cookie, port, size, *value);
    }
    hosted_vm_unlock(vcpu->hosted->vm);
    return result;
}

static ioport_fault_result_t call_unhandled(struct hosted_vcpu *vcpu, uint16_t port, unsigned size,
                                            bool is_in, unsigned *value)
{
    const struct vm_arch *arch = &vcpu->hosted->vm->arch;
    bool serialised = !atomic_load(&vcpu->hosted->ports_unserialised);
    ioport_fault_result_t result = IO_FAULT_UNHANDLED;
    if (serialised) {
        hosted_vm_lock(vcpu->hosted->vm);
    }
    if (arch->unhandled_ioport_callback) {
        result = arch->unhandled_ioport_callback(&vcpu->base, port, is_in, value, size,
                                                 arch->unhandled_ioport_callback_cookie);
    }
    if (serialised) {
        hosted_vm_unlock(vcpu->hosted->vm);
    }
    return result;
}

static ioport_fault_result_t port_access(struct hosted_vcpu *vcpu, uint16_t port, unsigned size,
                                         bool is_in, unsigned *value)
{
    ioport_fault_result_t result = IO_FAULT_UNHANDLED;
    vm_ioport_interface_t found;
    if (port_find(vcpu->hosted, port, &found)) {
        result = call_handler(vcpu, &found, port, size, is_in, value);
    }
    return result == IO_FAULT_UNHANDLED ? call_unhandled(vcpu, port, size, is_in, value) : result;
}

enum hosted_outcome hosted_vcpu_ioport(struct hosted_vcpu *vcpu, uint16_t port, unsigned size,
                                       bool is_in, uint32_t *value)
{
    struct hosted_vm *hosted = vcpu->hosted;
    uint32_t mask = size >= 4 ? UINT32_MAX : (UINT32_C(1) << (8 * size)) - 1;
    if (hosted_vm_stopping(hosted)) {
        return HOSTED_STOPPED;
    }
    unsigned data = is_in ? 0 : *value & mask;
    ioport_fault_result_t result = port_access(vcpu, port, size, is_in, &data);
    if (result == IO_FAULT_ERROR) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_GUEST, "%s: vCPU %u: %s of port %#x failed",
                   hosted->vm->vm_name, vcpu->base.vcpu_id, is_in ? "read" : "write", port);
        return HOSTED_FAILED;
    }
    if (result == IO_FAULT_UNHANDLED) {
        vmmp_log_guest(hosted->log, &hosted->unhandled_limit, "%s of port %#x, which is no device",
                       is_in ? "read" : "write", port);
        data = UINT32_MAX;
    }
    if (is_in) {
        *value = data & mask;
    }
    return HOSTED_DONE;
}
