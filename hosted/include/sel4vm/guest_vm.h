/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsel4vm: a VM and its vCPUs. Clients read and write members of these structures: names and
 * order are part of the interface. Members named `hosted` are ours.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4/sel4.h>

#include <vka/vka.h>
#include <simple/simple.h>
#include <vspace/vspace.h>
#include <platsupport/io.h>

#include <sel4vm/arch/guest_vm_arch.h>
#include <sel4vm/guest_memory.h>

#include <hosted/handles.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vm_mem vm_mem_t;
typedef struct vm_ram_region vm_ram_region_t;
typedef struct vm_run vm_run_t;
typedef struct vm_arch vm_arch_t;

typedef memory_fault_result_t (*unhandled_mem_fault_callback_fn)(vm_t *vm, vm_vcpu_t *vcpu,
                                                                 uintptr_t paddr, size_t len,
                                                                 void *cookie);
typedef int (*notification_callback_fn)(vm_t *vm, seL4_Word badge, seL4_MessageInfo_t tag,
                                        void *cookie);

struct vm_ram_region {
    uintptr_t start;
    size_t size;
    int allocated;
};

struct vm_mem {
    vspace_t vm_vspace;
    vka_object_t vm_vspace_root;
    vspace_t vmm_vspace;
    int num_ram_regions;
    struct vm_ram_region *ram_regions; /**< Ascending; adjacent free ones are one. */
    vm_memory_reservation_cookie_t *reservation_cookie;
    unhandled_mem_fault_callback_fn unhandled_mem_fault_handler;
    void *unhandled_mem_fault_cookie;
    int clean_cache;
    int map_one_to_one;
};

struct vm_tcb {
    vka_object_t tcb;
    vka_object_t sc;
    vka_object_t sched_ctrl;
    int priority;
};

struct vm_vcpu {
    struct vm *vm;
    vka_object_t vcpu;
    struct vm_tcb tcb;
    unsigned int vcpu_id;
    int target_cpu;
    bool vcpu_online;
    struct vm_vcpu_arch vcpu_arch;
};

struct vm_run {
    int exit_reason;
    notification_callback_fn notification_callback;
    void *notification_callback_cookie;
};

struct vm_cspace {
    vka_object_t cspace_obj;
    seL4_Word cspace_root_data;
};

struct vm {
    struct vm_arch arch;
    unsigned int num_vcpus;
    struct vm_vcpu *vcpus[CONFIG_MAX_NUM_NODES];
    struct vm_mem mem;
    struct vm_run run;
    struct vm_cspace cspace;
    seL4_CPtr host_endpoint;
    vka_t *vka;
    ps_io_ops_t *io_ops;
    simple_t *simple;
    seL4_Word entry;
    char *vm_name;
    unsigned int vm_id;
    bool vm_initialised;
    struct hosted_vm *hosted;
};

int vm_run(vm_t *vm);
int vcpu_start(vm_vcpu_t *vcpu);

int vm_register_unhandled_mem_fault_callback(vm_t *vm,
                                             unhandled_mem_fault_callback_fn fault_handler,
                                             void *cookie);
int vm_register_notification_callback(vm_t *vm, notification_callback_fn notification_callback,
                                      void *cookie);

#ifdef __cplusplus
}
#endif
