/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/cross_vm_connection.h> as its clients fill it in and call it. */
#include <sel4vmmplatsupport/drivers/cross_vm_connection.h>

#include "check.h"

CHECK_TYPE(event_callback_fn, void (*)(void *));
CHECK_TYPE(consume_callback_fn, int (*)(event_callback_fn, void *));
CHECK_TYPE(alloc_free_interrupt_fn, int (*)(void));
CHECK_TYPE(emit_fn, void (*)(void));
CHECK_MEMBER(crossvm_dataport_handle_t, frame_size_bits, size_t);
CHECK_MEMBER(crossvm_dataport_handle_t, num_frames, unsigned int);
CHECK_MEMBER(crossvm_dataport_handle_t, frames, seL4_CPtr *);
CHECK_ORDER(crossvm_dataport_handle_t, frame_size_bits, num_frames);
CHECK_ORDER(crossvm_dataport_handle_t, num_frames, frames);
CHECK_MEMBER(crossvm_handle_t, dataport, crossvm_dataport_handle_t *);
CHECK_MEMBER(crossvm_handle_t, emit_fn, emit_fn);
CHECK_MEMBER(crossvm_handle_t, consume_id, seL4_Word);
CHECK_MEMBER(crossvm_handle_t, connection_name, const char *);
CHECK_ORDER(crossvm_handle_t, dataport, emit_fn);
CHECK_ORDER(crossvm_handle_t, emit_fn, consume_id);
CHECK_ORDER(crossvm_handle_t, consume_id, connection_name);
CHECK_FUNCTION(cross_vm_connections_init_common, int(vm_t *, uintptr_t, crossvm_handle_t *, int,
                                                     vmm_pci_space_t *, alloc_free_interrupt_fn));
CHECK_FUNCTION(consume_connection_event, void(vm_t *, seL4_Word, bool));
