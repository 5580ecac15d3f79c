/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm on x86: what a VM and a vCPU have of this architecture. */
#pragma once

#include <sel4/sel4.h>
#include <sel4vm/arch/ioports.h>
#include <sel4vm/arch/vmexit_reasons.h>

#include <hosted/handles.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IO_APIC_DEFAULT_PHYS_BASE 0xfec00000
#define APIC_DEFAULT_PHYS_BASE    0xfee00000

typedef struct vm_lapic vm_lapic_t;
typedef struct i8259 i8259_t;
typedef struct guest_state guest_state_t;

typedef int (*vmexit_handler_ptr)(vm_vcpu_t *vcpu);
typedef int (*vmcall_handler)(vm_vcpu_t *vcpu);

/* C++ allows no structure tag with the name of the function type above. */
typedef struct vmcall_handler_entry {
    int token;
    vmcall_handler func;
} vmcall_handler_t;

struct vm_arch {
    vmexit_handler_ptr vmexit_handlers[VM_EXIT_REASON_NUM];
    vmcall_handler_t *vmcall_handlers;
    unsigned int vmcall_num_handlers;
    uintptr_t guest_pd;
    unhandled_ioport_callback_fn unhandled_ioport_callback;
    void *unhandled_ioport_callback_cookie;
    vm_io_port_list_t ioport_list;
    i8259_t *i8259_gs;
};

struct vm_vcpu_arch {
    guest_state_t *guest_state;
    vm_lapic_t *lapic;
};

#ifdef __cplusplus
}
#endif
