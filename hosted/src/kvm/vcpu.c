/* SPDX-License-Identifier: BSD-2-Clause */
/* Making vCPUs, and the thread of each. */
#include "kvm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int open_vcpu(struct kvm_vcpu *vcpu)
{
    vcpu->fd = kvm_call(vcpu->vm->fd, KVM_CREATE_VCPU, vcpu->index);
    if (vcpu->fd < 0) {
        return vcpu->fd;
    }
    void *run = mmap(NULL, vcpu->vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (run == MAP_FAILED) {
        return -errno;
    }
    vcpu->run = run;
    return kvm_arch_vcpu_open(vcpu);
}

static void free_vcpu(struct kvm_vcpu *vcpu)
{
    if (vcpu->run) {
        munmap(vcpu->run, vcpu->vm->run_size);
    }
    if (vcpu->fd >= 0) {
        close(vcpu->fd);
    }
    free(vcpu);
}

int kvm_vcpu_open(struct hosted_vcpu *hosted)
{
    struct kvm_vm *vm = hosted_vm_engine_state(hosted_vcpu_vm(hosted));
    const struct vmmp_log *log = hosted_vm_log(vm->hosted);
    pthread_mutex_lock(&vm->gate);
    bool late = vm->running;
    pthread_mutex_unlock(&vm->gate);
    if (late || vm->slots_live) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "vCPUs are made before vm_run()");
        return -EBUSY;
    }
    int limit = kvm_has(vm, KVM_CAP_MAX_VCPUS);
    if (limit > 0 && vm->vcpu_count >= (unsigned)limit) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "this machine's KVM gives a VM at most %d vCPUs: ask for fewer", limit);
        return -E2BIG;
    }
    struct kvm_vcpu *vcpu = calloc(1, sizeof *vcpu);
    if (!vcpu) {
        return -ENOMEM;
    }
    vcpu->hosted = hosted;
    vcpu->vm = vm;
    vcpu->index = vm->vcpu_count;
    int err = open_vcpu(vcpu);
    if (err < 0) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_HOST, "KVM cannot make vCPU %u%s: %s", vcpu->index,
                 kvm_arch_vcpu_hint(vm), strerror(-err));
        free_vcpu(vcpu);
        return err;
    }
    pthread_mutex_lock(&vm->gate);
    vcpu->next = vm->vcpus;
    vm->vcpus = vcpu;
    vm->vcpu_count++;
    pthread_mutex_unlock(&vm->gate);
    hosted_vcpu_set_engine_state(hosted, vcpu);
    return 0;
}

void kvm_vcpu_close(struct hosted_vcpu *hosted)
{
    struct kvm_vcpu *vcpu = hosted_vcpu_engine_state(hosted);
    pthread_mutex_t *gate = &vcpu->vm->gate;
    pthread_mutex_lock(gate);
    struct kvm_vcpu **link = &vcpu->vm->vcpus;
    while (*link != vcpu) {
        link = &(*link)->next;
    }
    *link = vcpu->next;
    pthread_mutex_unlock(gate);
    free_vcpu(vcpu);
    hosted_vcpu_set_engine_state(hosted, NULL);
}

int kvm_vcpu_set_state(struct kvm_vcpu *vcpu, uint32_t state)
{
    struct kvm_mp_state mp_state = { .mp_state = state };
    /* A vCPU that is off sleeps inside KVM_RUN and would keep the call below waiting. */
    kvm_pause(vcpu->vm);
    int err = kvm_call(vcpu->fd, KVM_SET_MP_STATE, (unsigned long)&mp_state);
    kvm_resume(vcpu->vm);
    return err < 0 ? err : 0;
}

static void note_start(struct kvm_vm *vm)
{
    struct timespec now;
    uint_fast64_t never = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    atomic_compare_exchange_strong(&vm->started_ns, &never, ns);
}

/* One visit to the guest: 0 for an exit to be handled, 1 for none, -errno. */
static int enter_guest(struct kvm_vcpu *vcpu)
{
    struct kvm_vm *vm = vcpu->vm;
    int result = 1;
    atomic_store(&vcpu->in_guest, true);
    if (!atomic_load(&vm->attention)) {
        kvm_arch_before_entry(vcpu);
        result = ioctl(vcpu->fd, KVM_RUN, 0) < 0 ? -errno : 0;
    }
    atomic_store(&vcpu->in_guest, false);
    if (result == -EINTR) {
        /* Before `attention` is looked at again: see kvm.h. */
        __atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        hosted_stats_count(&vcpu->stats, HOSTED_EXIT_INTERRUPTED);
    }
    if (atomic_load(&vm->attention)) {
        kvm_gate_left_guest(vm);
    }
    return result == -EINTR || result == -EAGAIN ? 1 : result;
}

/* Whose thread this is; NULL: no vCPU's. */
static _Thread_local const struct kvm_vcpu *own;

bool kvm_vcpu_at_rest(struct kvm_vcpu *vcpu)
{
    struct kvm_vm *vm = vcpu->vm;
    if (own == vcpu) {
        return true;
    }
    /* Not being inside just now is not enough: only `attention` keeps it from entering. */
    pthread_mutex_lock(&vm->gate);
    bool at_rest = !vm->running || (atomic_load(&vm->attention) && !atomic_load(&vcpu->in_guest));
    pthread_mutex_unlock(&vm->gate);
    return at_rest;
}

void *kvm_vcpu_main(void *cookie)
{
    struct kvm_vcpu *vcpu = cookie;
    struct kvm_vm *vm = vcpu->vm;
    sigset_t kick;
    own = vcpu;
    /* Every other signal is blocked already: run() made the thread so. */
    sigemptyset(&kick);
    sigaddset(&kick, vm->kick_signal);
    pthread_sigmask(SIG_UNBLOCK, &kick, NULL);

    note_start(vm);
    while (kvm_gate(vcpu)) {
        int result = vcpu->unfinished ? 0 : enter_guest(vcpu);
        vcpu->unfinished = false;
        if (result < 0) {
            kvm_vcpu_fail(vcpu, "KVM cannot run it: %s", strerror(-result));
            break;
        }
        if (result == 0 && !kvm_arch_handle_exit(vcpu)) {
            break;
        }
    }
    kvm_thread_ended(vm);
    return NULL;
}

const struct hosted_vcpu_stats *hosted_kvm_vcpu_stats(const vm_vcpu_t *vcpu)
{
    return &kvm_vcpu_of(vcpu)->stats;
}
