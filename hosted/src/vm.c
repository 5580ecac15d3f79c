/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM: making, running, stopping and destroying it. Locks: see hosted.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_iospace.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#include "hosted.h"

void hosted_simple_init(simple_t *simple, const struct hosted_engine *engine, void *config,
                        const struct vmmp_log *log)
{
    memset(simple, 0, sizeof(*simple));
    simple->data = config;
    simple->engine = engine;
    simple->log = log;
}

void hosted_say(const struct hosted_vm *hosted, enum vmmp_log_level level,
                enum vmmp_log_origin origin, const char *format, ...)
{
    char text[VMMP_LOG_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    vmmp_log(hosted->log, level, origin, "%s", text);
}

bool hosted_permit(struct hosted_vm *hosted, enum hosted_call call)
{
    return !hosted->engine->permit || hosted->engine->permit(hosted, call) >= 0;
}

void *hosted_block_allocate(struct hosted_vm *hosted, size_t size)
{
    struct hosted_block *block = calloc(1, sizeof(*block) + size);
    if (!block) {
        return NULL;
    }
    pthread_rwlock_wrlock(&hosted->tables);
    block->next = hosted->blocks;
    hosted->blocks = block;
    pthread_rwlock_unlock(&hosted->tables);
    return block->data;
}

static struct hosted_vm *hosted_vm_create(vm_t *vm, const simple_t *simple)
{
    struct hosted_vm *hosted = calloc(1, sizeof(*hosted));
    if (!hosted) {
        return NULL;
    }
    hosted->vm = vm;
    hosted->engine = simple->engine;
    hosted->log = simple->log;
    hosted->memory_fd = -1;

    /* Taking the client lock inside a callback is a mistake that must not pass as a hang. */
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&hosted->client, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pthread_rwlock_init(&hosted->tables, NULL);
    return hosted;
}

static void hosted_vm_free(struct hosted_vm *hosted)
{
    while (hosted->blocks) {
        struct hosted_block *block = hosted->blocks;
        hosted->blocks = block->next;
        free(block);
    }
    free(hosted->irqs);
    pthread_rwlock_destroy(&hosted->tables);
    pthread_mutex_destroy(&hosted->client);
    free(hosted);
}

int vm_init(vm_t *vm, vka_t *vka, simple_t *host_simple, vspace_t host_vspace, ps_io_ops_t *io_ops,
            seL4_CPtr host_endpoint, const char *name)
{
    if (!vm || !host_simple || !host_simple->engine) {
        return -1;
    }
    memset(vm, 0, sizeof(*vm));

    struct hosted_vm *hosted = hosted_vm_create(vm, host_simple);
    if (!hosted) {
        return -1;
    }
    vm->hosted = hosted;
    vm->vka = vka;
    vm->simple = host_simple;
    vm->io_ops = io_ops;
    vm->host_endpoint = host_endpoint;
    vm->mem.vmm_vspace = host_vspace;
    vm->mem.reservation_cookie = (vm_memory_reservation_cookie_t *)hosted;
    vm->run.exit_reason = -1;
    vm->vm_name = strdup(name ? name : "");

    int error = vm->vm_name ? hosted->engine->vm_open(hosted, host_simple->data) : -ENOMEM;
    if (!error) {
        error = hosted_arch_vm_init(hosted);
        if (error) {
            hosted->engine->vm_close(hosted);
        }
    }
    if (error) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST, "%s: the %s engine cannot make a VM: %s",
                   name ? name : "", hosted->engine->name, strerror(-error));
        free(vm->vm_name);
        hosted_vm_free(hosted);
        memset(vm, 0, sizeof(*vm));
        return -1;
    }
    vm->vm_initialised = true;
    return 0;
}

static void vcpu_destroy(struct hosted_vcpu *vcpu)
{
    if (hosted_fault_phase(vcpu) == FAULT_ACTIVE) {
        hosted_misuse(vcpu, HOSTED_MISUSE_NEVER_COMPLETED, "the VM is destroyed");
    }
    vcpu->hosted->engine->vcpu_close(vcpu);
    hosted_fault_fini(&vcpu->fault);
    free(vcpu);
}

void hosted_vm_destroy(vm_t *vm)
{
    struct hosted_vm *hosted = vm->hosted;
    if (!hosted) {
        return;
    }
    /* A client of the compatible interface knows nothing of its native side; the next vm_t at this
     * address must not inherit it. */
    vmmp_compat_release(vm);
    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        vcpu_destroy(hosted_vcpu_of(vm->vcpus[i]));
    }
    hosted->engine->vm_close(hosted);
    hosted_arch_vm_free(hosted);
    hosted_mappings_free(hosted);
    hosted_reservations_free(hosted);
    hosted_pages_free(hosted);
    free(vm->mem.ram_regions);
    free(vm->vm_name);
    hosted_vm_free(hosted);
    memset(vm, 0, sizeof(*vm));
}

int vm_run(vm_t *vm)
{
    struct hosted_vm *hosted = vm->hosted;
    int result = hosted->engine->run(hosted);
    /* Whoever stopped it has let go of it: the caller may destroy the VM now. */
    pthread_rwlock_wrlock(&hosted->tables);
    pthread_rwlock_unlock(&hosted->tables);
    if (atomic_load(&hosted->stopping)) {
        result = atomic_load(&hosted->stop_result);
        atomic_store(&hosted->stopping, false);
    }
    return result;
}

void hosted_vm_stop(vm_t *vm, int result)
{
    struct hosted_vm *hosted = vm->hosted;
    pthread_rwlock_wrlock(&hosted->tables);
    bool first = !atomic_load(&hosted->stopping);
    if (first) {
        atomic_store(&hosted->stop_result, result);
        atomic_store(&hosted->stopping, true);
        hosted->engine->stop(hosted);
        for (unsigned i = 0; i < vm->num_vcpus; i++) {
            hosted_fault_wake(hosted_vcpu_of(vm->vcpus[i]));
        }
    }
    pthread_rwlock_unlock(&hosted->tables);
}

bool hosted_vm_stopping(const struct hosted_vm *hosted)
{
    return atomic_load(&hosted->stopping);
}

void hosted_vm_lock(vm_t *vm)
{
    int error = pthread_mutex_lock(&vm->hosted->client);
    if (error) {
        hosted_say(vm->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                   "the client lock was taken inside a callback, which has it already");
        abort();
    }
}

void hosted_vm_unlock(vm_t *vm)
{
    int error = pthread_mutex_unlock(&vm->hosted->client);
    assert(!error);
    (void)error;
}

int hosted_vm_notify(vm_t *vm, seL4_Word badge)
{
    seL4_MessageInfo_t tag = { { 0 } };
    hosted_vm_lock(vm);
    int result = 0;
    if (vm->run.notification_callback) {
        result =
            vm->run.notification_callback(vm, badge, tag, vm->run.notification_callback_cookie);
    }
    hosted_vm_unlock(vm);
    return result;
}

int vm_register_unhandled_mem_fault_callback(vm_t *vm,
                                             unhandled_mem_fault_callback_fn fault_handler,
                                             void *cookie)
{
    if (!vm) {
        return -1;
    }
    vm->mem.unhandled_mem_fault_handler = fault_handler;
    vm->mem.unhandled_mem_fault_cookie = cookie;
    return 0;
}

int vm_register_notification_callback(vm_t *vm, notification_callback_fn notification_callback,
                                      void *cookie)
{
    if (!vm) {
        return -1;
    }
    vm->run.notification_callback = notification_callback;
    vm->run.notification_callback_cookie = cookie;
    return 0;
}

int vm_guest_add_iospace(vm_t *vm, vspace_t *loader, seL4_CPtr iospace)
{
    (void)loader;
    (void)iospace;
    hosted_say(vm->hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "there is no IOMMU space to add");
    return -1;
}

int vm_memory_init(vm_t *vm)
{
    /* vm_init() has done it. */
    return vm && vm->hosted ? 0 : -1;
}

const struct vmmp_log *hosted_vm_log(const struct hosted_vm *hosted)
{
    return hosted->log;
}

void *hosted_vm_engine_state(const struct hosted_vm *hosted)
{
    return hosted->engine_state;
}

void hosted_vm_set_engine_state(struct hosted_vm *hosted, void *state)
{
    hosted->engine_state = state;
}

void hosted_vm_set_irq_inputs(struct hosted_vm *hosted, unsigned inputs)
{
    hosted->irq_inputs = inputs;
}

void hosted_vm_set_inject_binding(struct hosted_vm *hosted)
{
    hosted->inject_binding = true;
}

vm_t *hosted_vm_public(const struct hosted_vm *hosted)
{
    return hosted->vm;
}

struct hosted_vm *hosted_vm_of(const vm_t *vm)
{
    return vm->hosted;
}
