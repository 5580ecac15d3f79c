/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vm/...>, what all architectures have. */
#include <stdbool.h>
#include <stdint.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_iospace.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_memory_helpers.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vm/guest_vm.h>
#include <sel4vm/guest_vm_exits.h>
#include <sel4vm/guest_vm_util.h>

#include "check.h"

/* struct vm */
CHECK_TYPE(vm_t, struct vm);
CHECK_MEMBER(vm_t, arch, struct vm_arch);
CHECK_MEMBER(vm_t, num_vcpus, unsigned int);
CHECK_MEMBER(vm_t, vcpus, struct vm_vcpu *[CONFIG_MAX_NUM_NODES]);
CHECK_MEMBER(vm_t, mem, struct vm_mem);
CHECK_MEMBER(vm_t, run, struct vm_run);
CHECK_MEMBER(vm_t, cspace, struct vm_cspace);
CHECK_MEMBER(vm_t, cspace.cspace_obj.cptr, seL4_CPtr);
CHECK_MEMBER(vm_t, host_endpoint, seL4_CPtr);
CHECK_MEMBER(vm_t, vka, vka_t *);
CHECK_MEMBER(vm_t, io_ops, ps_io_ops_t *);
CHECK_MEMBER(vm_t, simple, simple_t *);
CHECK_MEMBER(vm_t, entry, seL4_Word);
CHECK_MEMBER(vm_t, vm_name, char *);
CHECK_MEMBER(vm_t, vm_id, unsigned int);
CHECK_MEMBER(vm_t, vm_initialised, bool);
CHECK_ORDER(vm_t, arch, num_vcpus);
CHECK_ORDER(vm_t, num_vcpus, vcpus);
CHECK_ORDER(vm_t, vcpus, mem);
CHECK_ORDER(vm_t, mem, run);
CHECK_ORDER(vm_t, run, cspace);
CHECK_ORDER(vm_t, cspace, host_endpoint);
CHECK_ORDER(vm_t, host_endpoint, vka);
CHECK_ORDER(vm_t, vka, io_ops);
CHECK_ORDER(vm_t, io_ops, simple);
CHECK_ORDER(vm_t, simple, entry);
CHECK_ORDER(vm_t, entry, vm_name);
CHECK_ORDER(vm_t, vm_name, vm_id);
CHECK_ORDER(vm_t, vm_id, vm_initialised);

/* struct vm_mem */
CHECK_TYPE(vm_mem_t, struct vm_mem);
CHECK_MEMBER(vm_mem_t, vm_vspace, vspace_t);
CHECK_MEMBER(vm_mem_t, vm_vspace_root, vka_object_t);
CHECK_MEMBER(vm_mem_t, vmm_vspace, vspace_t);
CHECK_MEMBER(vm_mem_t, num_ram_regions, int);
CHECK_MEMBER(vm_mem_t, ram_regions, struct vm_ram_region *);
CHECK_MEMBER(vm_mem_t, reservation_cookie, vm_memory_reservation_cookie_t *);
CHECK_MEMBER(vm_mem_t, unhandled_mem_fault_handler, unhandled_mem_fault_callback_fn);
CHECK_MEMBER(vm_mem_t, unhandled_mem_fault_cookie, void *);
CHECK_MEMBER(vm_mem_t, clean_cache, int);
CHECK_MEMBER(vm_mem_t, map_one_to_one, int);
CHECK_ORDER(vm_mem_t, vm_vspace, vm_vspace_root);
CHECK_ORDER(vm_mem_t, vm_vspace_root, vmm_vspace);
CHECK_ORDER(vm_mem_t, vmm_vspace, num_ram_regions);
CHECK_ORDER(vm_mem_t, num_ram_regions, ram_regions);
CHECK_ORDER(vm_mem_t, ram_regions, reservation_cookie);
CHECK_ORDER(vm_mem_t, clean_cache, map_one_to_one);

CHECK_TYPE(vm_ram_region_t, struct vm_ram_region);
CHECK_MEMBER(struct vm_ram_region, start, uintptr_t);
CHECK_MEMBER(struct vm_ram_region, size, size_t);
CHECK_MEMBER(struct vm_ram_region, allocated, int);
CHECK_ORDER(struct vm_ram_region, start, size);
CHECK_ORDER(struct vm_ram_region, size, allocated);

/* struct vm_vcpu */
CHECK_TYPE(vm_vcpu_t, struct vm_vcpu);
CHECK_MEMBER(vm_vcpu_t, vm, struct vm *);
CHECK_MEMBER(vm_vcpu_t, vcpu, vka_object_t);
CHECK_MEMBER(vm_vcpu_t, tcb, struct vm_tcb);
CHECK_MEMBER(vm_vcpu_t, tcb.tcb.cptr, seL4_CPtr);
CHECK_MEMBER(vm_vcpu_t, tcb.priority, int);
CHECK_MEMBER(vm_vcpu_t, vcpu_id, unsigned int);
CHECK_MEMBER(vm_vcpu_t, target_cpu, int);
CHECK_MEMBER(vm_vcpu_t, vcpu_online, bool);
CHECK_MEMBER(vm_vcpu_t, vcpu_arch, struct vm_vcpu_arch);
CHECK_ORDER(vm_vcpu_t, vm, vcpu);
CHECK_ORDER(vm_vcpu_t, vcpu, tcb);
CHECK_ORDER(vm_vcpu_t, tcb, vcpu_id);
CHECK_ORDER(vm_vcpu_t, vcpu_id, target_cpu);
CHECK_ORDER(vm_vcpu_t, target_cpu, vcpu_online);
CHECK_ORDER(vm_vcpu_t, vcpu_online, vcpu_arch);

CHECK_MEMBER(struct vm_run, exit_reason, int);
CHECK_MEMBER(struct vm_run, notification_callback, notification_callback_fn);
CHECK_MEMBER(struct vm_run, notification_callback_cookie, void *);

/* Memory */
CHECK_MEMBER(vm_frame_t, cptr, seL4_CPtr);
CHECK_MEMBER(vm_frame_t, rights, seL4_CapRights_t);
CHECK_MEMBER(vm_frame_t, vaddr, uintptr_t);
CHECK_MEMBER(vm_frame_t, size_bits, size_t);
CHECK_ORDER(vm_frame_t, cptr, rights);
CHECK_ORDER(vm_frame_t, rights, vaddr);
CHECK_ORDER(vm_frame_t, vaddr, size_bits);
CHECK_VALUE(FAULT_HANDLED, 0);
CHECK_VALUE(FAULT_UNHANDLED, 1);
CHECK_VALUE(FAULT_RESTART, 2);
CHECK_VALUE(FAULT_IGNORE, 3);
CHECK_VALUE(FAULT_ERROR, 4);
CHECK_TYPE(memory_fault_callback_fn,
           memory_fault_result_t (*)(vm_t *, vm_vcpu_t *, uintptr_t, size_t, void *));
CHECK_TYPE(unhandled_mem_fault_callback_fn,
           memory_fault_result_t (*)(vm_t *, vm_vcpu_t *, uintptr_t, size_t, void *));
CHECK_TYPE(memory_map_iterator_fn, vm_frame_t (*)(uintptr_t, void *));
CHECK_FUNCTION(vm_reserve_memory_at, vm_memory_reservation_t *(vm_t *, uintptr_t, size_t,
                                                               memory_fault_callback_fn, void *));
CHECK_FUNCTION(vm_reserve_anon_memory,
               vm_memory_reservation_t *(vm_t *, size_t, size_t, memory_fault_callback_fn, void *,
                                         uintptr_t *));
CHECK_FUNCTION(vm_memory_make_anon, int(vm_t *, uintptr_t, size_t));
CHECK_FUNCTION(vm_free_reserved_memory, int(vm_t *, vm_memory_reservation_t *));
CHECK_FUNCTION(vm_map_reservation,
               int(vm_t *, vm_memory_reservation_t *, memory_map_iterator_fn, void *));
CHECK_FUNCTION(vm_map_reservation_frames,
               int(vm_t *, vm_memory_reservation_t *, seL4_CPtr *, size_t, size_t));
CHECK_FUNCTION(vm_get_reservation_memory_region,
               void(vm_memory_reservation_t *, uintptr_t *, size_t *));
CHECK_FUNCTION(default_error_fault_callback,
               memory_fault_result_t(vm_t *, vm_vcpu_t *, uintptr_t, size_t, void *));

/* RAM */
CHECK_TYPE(ram_touch_callback_fn, int (*)(vm_t *, uintptr_t, void *, size_t, size_t, void *));
CHECK_FUNCTION(vm_guest_ram_read_callback, int(vm_t *, uintptr_t, void *, size_t, size_t, void *));
CHECK_FUNCTION(vm_guest_ram_write_callback, int(vm_t *, uintptr_t, void *, size_t, size_t, void *));
CHECK_FUNCTION(vm_ram_touch, int(vm_t *, uintptr_t, size_t, ram_touch_callback_fn, void *));
CHECK_FUNCTION(vm_ram_find_largest_free_region, int(vm_t *, uintptr_t *, size_t *));
CHECK_FUNCTION(vm_ram_register, uintptr_t(vm_t *, size_t));
CHECK_FUNCTION(vm_ram_register_at, int(vm_t *, uintptr_t, size_t, bool));
CHECK_FUNCTION(vm_ram_register_at_custom_iterator,
               int(vm_t *, uintptr_t, size_t, memory_map_iterator_fn, void *));
CHECK_FUNCTION(vm_ram_mark_allocated, void(vm_t *, uintptr_t, size_t));
CHECK_FUNCTION(vm_ram_allocate, uintptr_t(vm_t *, size_t));
CHECK_FUNCTION(vm_ram_free, void(vm_t *, uintptr_t, size_t));

/* Faults */
CHECK_FUNCTION(get_vcpu_fault_address, seL4_Word(vm_vcpu_t *));
CHECK_FUNCTION(get_vcpu_fault_ip, seL4_Word(vm_vcpu_t *));
CHECK_FUNCTION(get_vcpu_fault_data, seL4_Word(vm_vcpu_t *));
CHECK_FUNCTION(get_vcpu_fault_data_mask, seL4_Word(vm_vcpu_t *));
CHECK_FUNCTION(get_vcpu_fault_size, size_t(vm_vcpu_t *));
CHECK_FUNCTION(is_vcpu_read_fault, bool(vm_vcpu_t *));
CHECK_FUNCTION(set_vcpu_fault_data, int(vm_vcpu_t *, seL4_Word));
CHECK_FUNCTION(emulate_vcpu_fault, seL4_Word(vm_vcpu_t *, seL4_Word));
CHECK_FUNCTION(advance_vcpu_fault, void(vm_vcpu_t *));
CHECK_FUNCTION(restart_vcpu_fault, void(vm_vcpu_t *));

/* Interrupts */
CHECK_TYPE(irq_ack_fn_t, void (*)(vm_vcpu_t *, int, void *));
CHECK_FUNCTION(vm_inject_irq, int(vm_vcpu_t *, int));
CHECK_FUNCTION(vm_set_irq_level, int(vm_vcpu_t *, int, int));
CHECK_FUNCTION(vm_register_irq, int(vm_vcpu_t *, int, irq_ack_fn_t, void *));
CHECK_FUNCTION(vm_create_default_irq_controller, int(vm_t *));

/* Making and running */
CHECK_VALUE(BOOT_VCPU, 0);
CHECK_VALUE(VM_GUEST_ERROR_EXIT, -1);
CHECK_FUNCTION(vm_init,
               int(vm_t *, vka_t *, simple_t *, vspace_t, ps_io_ops_t *, seL4_CPtr, const char *));
CHECK_FUNCTION(vm_create_vcpu, vm_vcpu_t *(vm_t *, int));
CHECK_FUNCTION(vm_assign_vcpu_target, int(vm_vcpu_t *, int));
CHECK_FUNCTION(vcpu_start, int(vm_vcpu_t *));
CHECK_FUNCTION(vm_run, int(vm_t *));
CHECK_TYPE(notification_callback_fn, int (*)(vm_t *, seL4_Word, seL4_MessageInfo_t, void *));
CHECK_FUNCTION(vm_register_unhandled_mem_fault_callback,
               int(vm_t *, unhandled_mem_fault_callback_fn, void *));
CHECK_FUNCTION(vm_register_notification_callback, int(vm_t *, notification_callback_fn, void *));
CHECK_FUNCTION(vm_guest_add_iospace, int(vm_t *, vspace_t *, seL4_CPtr));
CHECK_FUNCTION(vm_get_vcpu_tcb, seL4_CPtr(vm_vcpu_t *));
CHECK_FUNCTION(vm_get_vcpu, seL4_CPtr(vm_t *, int));
CHECK_FUNCTION(vm_vcpu_for_target_cpu, vm_vcpu_t *(vm_t *, int));
CHECK_FUNCTION(vm_find_free_unassigned_vcpu, vm_vcpu_t *(vm_t *));
CHECK_FUNCTION(is_vcpu_online, bool(vm_vcpu_t *));
CHECK_FUNCTION(vm_get_vspace, vspace_t *(vm_t *));
CHECK_FUNCTION(vm_get_vmm_vspace, vspace_t *(vm_t *));
