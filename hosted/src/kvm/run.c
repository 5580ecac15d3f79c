/* SPDX-License-Identifier: BSD-2-Clause */
/* Running, stopping and pausing a VM. The rules of the game are in kvm.h. */
#include "kvm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* `gate` is held: whoever is in the guest cannot end its thread now. */
static void kick(struct kvm_vcpu *vcpu)
{
    if (atomic_load(&vcpu->in_guest)) {
        __atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        pthread_kill(vcpu->thread, vcpu->vm->kick_signal);
    }
}

void kvm_kick_boot_vcpu(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    for (struct kvm_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
        if (vcpu->index == 0) {
            kick(vcpu);
        }
    }
    pthread_mutex_unlock(&vm->gate);
}

bool kvm_gate(struct kvm_vcpu *vcpu)
{
    struct kvm_vm *vm = vcpu->vm;
    if (!atomic_load(&vm->attention)) {
        return true;
    }
    pthread_mutex_lock(&vm->gate);
    while (vm->paused && !atomic_load(&vm->stopping)) {
        pthread_cond_wait(&vm->changed, &vm->gate);
    }
    pthread_mutex_unlock(&vm->gate);
    return !atomic_load(&vm->stopping);
}

void kvm_await_stop(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    while (!atomic_load(&vm->stopping)) {
        pthread_cond_wait(&vm->changed, &vm->gate);
    }
    pthread_mutex_unlock(&vm->gate);
}

void kvm_gate_left_guest(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    pthread_cond_broadcast(&vm->changed);
    pthread_mutex_unlock(&vm->gate);
}

void kvm_pause(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    vm->paused++;
    atomic_store(&vm->attention, true);
    for (struct kvm_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
        kick(vcpu);
    }
    for (struct kvm_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
        while (atomic_load(&vcpu->in_guest)) {
            pthread_cond_wait(&vm->changed, &vm->gate);
        }
    }
    pthread_mutex_unlock(&vm->gate);
}

void kvm_resume(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    if (--vm->paused == 0) {
        atomic_store(&vm->attention, atomic_load(&vm->stopping));
        pthread_cond_broadcast(&vm->changed);
    }
    pthread_mutex_unlock(&vm->gate);
}

void hosted_kvm_pause(vm_t *vm)
{
    kvm_pause(kvm_vm_of(vm));
}

void hosted_kvm_resume(vm_t *vm)
{
    kvm_resume(kvm_vm_of(vm));
}

static void wake_run(const struct kvm_vm *vm)
{
    const uint64_t one = 1;
    ssize_t written = write(vm->wake, &one, sizeof one);
    (void)written; /* Full: it is awake. */
}

void kvm_stop(struct hosted_vm *hosted)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    pthread_mutex_lock(&vm->gate);
    atomic_store(&vm->stopping, true);
    atomic_store(&vm->attention, true);
    for (struct kvm_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
        kick(vcpu);
    }
    pthread_cond_broadcast(&vm->changed);
    pthread_mutex_unlock(&vm->gate);
}

void kvm_thread_ended(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    vm->threads_left--;
    wake_run(vm);
    pthread_mutex_unlock(&vm->gate);
}

static unsigned threads_left(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    unsigned left = vm->threads_left;
    pthread_mutex_unlock(&vm->gate);
    return left;
}

static int start_thread(struct kvm_vcpu *vcpu)
{
    struct kvm_vm *vm = vcpu->vm;
    char name[16] = "vcpu";
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* `thread` is written before anybody can kick: the thread passes the gate first. */
    pthread_mutex_lock(&vm->gate);
    int err = pthread_create(&vcpu->thread, NULL, kvm_vcpu_main, vcpu);
    if (!err) {
        vcpu->has_thread = true;
        vm->threads_left++;
        name[4] = (char)('0' + vcpu->index / 10 % 10);
        name[5] = (char)('0' + vcpu->index % 10);
        pthread_setname_np(vcpu->thread, name);
    }
    pthread_mutex_unlock(&vm->gate);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -err;
}

static int start_threads(struct kvm_vm *vm)
{
    for (struct kvm_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
        int err = start_thread(vcpu);
        if (err) {
            vmmp_log(hosted_vm_log(vm->hosted), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                     "no thread for vCPU %u: %s", vcpu->index, strerror(-err));
            return err;
        }
    }
    return 0;
}

static void wait_for_threads(struct kvm_vm *vm)
{
    struct epoll_event events[16];
    while (threads_left(vm)) {
        int count = epoll_wait(vm->events, events, 16, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 >= KVM_EVENT_GSI) {
                kvm_injection_resampled(vm, (unsigned)(events[i].data.u64 - KVM_EVENT_GSI));
            } else {
                uint64_t drained;
                ssize_t got = read(vm->wake, &drained, sizeof drained);
                (void)got;
            }
        }
    }
    for (struct kvm_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
        if (vcpu->has_thread) {
            pthread_join(vcpu->thread, NULL);
            vcpu->has_thread = false;
        }
    }
}

static void begin_running(struct kvm_vm *vm)
{
    atomic_store(&vm->failed, false);
    atomic_store(&vm->end, HOSTED_KVM_END_NONE);
    pthread_mutex_lock(&vm->gate);
    vm->running = true;
    pthread_mutex_unlock(&vm->gate);
}

/* The stop has had its effect: the VM may be run again. */
static void end_running(struct kvm_vm *vm)
{
    pthread_mutex_lock(&vm->gate);
    vm->running = false;
    atomic_store(&vm->stopping, false);
    atomic_store(&vm->attention, vm->paused != 0);
    pthread_mutex_unlock(&vm->gate);
}

int kvm_run(struct hosted_vm *hosted)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted);
    if (!vm->vcpus) {
        vmmp_log(hosted_vm_log(hosted), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "the VM has no vCPU: vm_create_vcpu() comes before vm_run()");
        return -1;
    }
    if (kvm_memory_commit(vm) || kvm_arch_prepare(vm)) {
        return -1;
    }
    begin_running(vm);
    if (start_threads(vm)) {
        atomic_store(&vm->failed, true);
        hosted_vm_stop(hosted_vm_public(hosted), -1);
    }
    wait_for_threads(vm);
    end_running(vm);
    return atomic_load(&vm->failed) ? -1 : 0;
}
