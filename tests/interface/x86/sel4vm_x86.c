/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vm/...> and registers on x86. */
#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/arch/guest_x86_context.h>
#include <sel4vm/arch/ioports.h>
#include <sel4vm/arch/vmcall.h>
#include <sel4vm/arch/vmcs_fields.h>
#include <sel4vm/guest_vm.h>

#include "../check.h"

#define REGISTER(name, index, number)                                           \
    CHECK_MEMBER(seL4_VCPUContext, name, seL4_Word);                            \
    CHECK_VALUE(offsetof(seL4_VCPUContext, name), (index) * sizeof(seL4_Word)); \
    CHECK_VALUE(number, index)

REGISTER(eax, 0, VCPU_CONTEXT_EAX);
REGISTER(ebx, 1, VCPU_CONTEXT_EBX);
REGISTER(ecx, 2, VCPU_CONTEXT_ECX);
REGISTER(edx, 3, VCPU_CONTEXT_EDX);
REGISTER(esi, 4, VCPU_CONTEXT_ESI);
REGISTER(edi, 5, VCPU_CONTEXT_EDI);
REGISTER(ebp, 6, VCPU_CONTEXT_EBP);
#ifdef CONFIG_X86_64_VTX_64BIT_GUESTS
REGISTER(r8, 7, VCPU_CONTEXT_R8);
REGISTER(r15, 14, VCPU_CONTEXT_R15);
#endif

CHECK_VALUE(VMX_GUEST_RIP, 0x681e);
CHECK_VALUE(APIC_DEFAULT_PHYS_BASE, 0xfee00000);
CHECK_VALUE(IO_APIC_DEFAULT_PHYS_BASE, 0xfec00000);
CHECK_VALUE(IO_FAULT_HANDLED, 0);
CHECK_VALUE(IO_FAULT_UNHANDLED, 1);
CHECK_VALUE(IO_FAULT_ERROR, 2);

CHECK_MEMBER(vm_ioport_range_t, start, uint16_t);
CHECK_MEMBER(vm_ioport_range_t, end, uint16_t);
CHECK_ORDER(vm_ioport_range_t, start, end);
CHECK_MEMBER(vm_ioport_interface_t, cookie, void *);
CHECK_MEMBER(vm_ioport_interface_t, port_in, vm_ioport_in_fn);
CHECK_MEMBER(vm_ioport_interface_t, port_out, vm_ioport_out_fn);
CHECK_MEMBER(vm_ioport_interface_t, desc, const char *);
CHECK_ORDER(vm_ioport_interface_t, cookie, port_in);
CHECK_ORDER(vm_ioport_interface_t, port_in, port_out);
CHECK_ORDER(vm_ioport_interface_t, port_out, desc);
CHECK_MEMBER(vm_ioport_entry_t, range, vm_ioport_range_t);
CHECK_MEMBER(vm_ioport_entry_t, interface, vm_ioport_interface_t);
CHECK_MEMBER(vm_io_port_list_t, num_ioports, int);
CHECK_MEMBER(vm_io_port_list_t, ioports, vm_ioport_entry_t *);
CHECK_TYPE(vm_ioport_in_fn, ioport_fault_result_t (*)(vm_vcpu_t *, void *, unsigned int,
                                                      unsigned int, unsigned int *));
CHECK_TYPE(vm_ioport_out_fn, ioport_fault_result_t (*)(vm_vcpu_t *, void *, unsigned int,
                                                       unsigned int, unsigned int));
CHECK_TYPE(unhandled_ioport_callback_fn, ioport_fault_result_t (*)(vm_vcpu_t *, unsigned int, bool,
                                                                   unsigned int *, size_t, void *));
CHECK_MEMBER(struct vm_arch, unhandled_ioport_callback, unhandled_ioport_callback_fn);
CHECK_MEMBER(struct vm_arch, unhandled_ioport_callback_cookie, void *);
CHECK_MEMBER(struct vm_arch, ioport_list, vm_io_port_list_t);
CHECK_MEMBER(struct vm_arch, guest_pd, uintptr_t);
CHECK_MEMBER(vmcall_handler_t, token, int);
CHECK_MEMBER(vmcall_handler_t, func, vmcall_handler);

CHECK_FUNCTION(vm_io_port_add_handler, int(vm_t *, vm_ioport_range_t, vm_ioport_interface_t));
CHECK_FUNCTION(vm_register_unhandled_ioport_callback,
               int(vm_t *, unhandled_ioport_callback_fn, void *));
CHECK_FUNCTION(vm_enable_passthrough_ioport, int(vm_vcpu_t *, uint16_t, uint16_t));
CHECK_FUNCTION(vm_reg_new_vmcall_handler, int(vm_t *, vmcall_handler, int));
CHECK_FUNCTION(vm_set_thread_context, int(vm_vcpu_t *, seL4_VCPUContext));
CHECK_FUNCTION(vm_get_thread_context, int(vm_vcpu_t *, seL4_VCPUContext *));
CHECK_FUNCTION(vm_set_thread_context_reg, int(vm_vcpu_t *, vcpu_context_reg_t, seL4_Word));
CHECK_FUNCTION(vm_get_thread_context_reg, int(vm_vcpu_t *, vcpu_context_reg_t, seL4_Word *));
CHECK_FUNCTION(vm_set_vmcs_field, int(vm_vcpu_t *, seL4_Word, seL4_Word));
CHECK_FUNCTION(vm_get_vmcs_field, int(vm_vcpu_t *, seL4_Word, seL4_Word *));
