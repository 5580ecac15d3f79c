/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening KVM and making a VM; how a VM ended. */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define API_VERSION 12

int kvm_call(int fd, unsigned long request, unsigned long argument)
{
    int result;
    do {
        result = ioctl(fd, request, argument);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

int kvm_has(const struct kvm_vm *vm, unsigned long extension)
{
    int result = kvm_call(vm->system, KVM_CHECK_EXTENSION, extension);
    return result < 0 ? 0 : result;
}

static const struct vmmp_log *log_of(const struct kvm_vm *vm)
{
    return hosted_vm_log(vm->hosted);
}

static const char *device_of(const struct kvm_vm *vm)
{
    return vm->options.device ? vm->options.device : "/dev/kvm";
}

int kvm_system_open(struct kvm_vm *vm)
{
    const char *device = device_of(vm);
    vm->system = open(device, O_RDWR | O_CLOEXEC);
    if (vm->system >= 0) {
        return 0;
    }
    int err = -errno;
    if (err == -ENOENT || err == -ENODEV || err == -ENXIO) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "%s is missing: this machine has no hardware virtualization, or its kernel "
                 "no KVM",
                 device);
    } else if (err == -EACCES || err == -EPERM) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "no permission for %s: add the user to group kvm: usermod -aG kvm USER", device);
    } else {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST, "cannot open %s: %s", device,
                 strerror(-err));
    }
    return err;
}

int kvm_system_check(const struct kvm_vm *vm, const struct kvm_needed *needed)
{
    int version = kvm_call(vm->system, KVM_GET_API_VERSION, 0);
    if (version != API_VERSION) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 version < 0 ? "%s is not KVM" : "%s has an API version other than 12",
                 device_of(vm));
        return -ENODEV;
    }
    for (; needed->what; needed++) {
        if (!kvm_has(vm, needed->extension)) {
            vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                     "this kernel's KVM lacks %s: use Linux 5.4 or newer", needed->what);
            return -ENODEV;
        }
    }
    return 0;
}

int kvm_create(struct kvm_vm *vm, unsigned long type)
{
    vm->fd = kvm_call(vm->system, KVM_CREATE_VM, type);
    if (vm->fd < 0) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST, "KVM cannot make a VM: %s",
                 strerror(-vm->fd));
        return vm->fd;
    }
    vm->run_size = (size_t)kvm_call(vm->system, KVM_GET_VCPU_MMAP_SIZE, 0);
    vm->slot_limit = (uint32_t)kvm_has(vm, KVM_CAP_NR_MEMSLOTS);
    return 0;
}

static void ignore_signal(int signal)
{
    (void)signal;
}

int kvm_install_kick(struct kvm_vm *vm)
{
    struct sigaction present;
    vm->kick_signal = vm->options.kick_signal ? vm->options.kick_signal : SIGRTMIN;
    bool known = sigaction(vm->kick_signal, NULL, &present) == 0;
    if (known && present.sa_handler == ignore_signal) {
        return 0;
    }
    /* Without SA_RESTART: it is there to interrupt. */
    struct sigaction action = { .sa_handler = ignore_signal };
    sigemptyset(&action.sa_mask);
    if (!known || present.sa_handler != SIG_DFL || sigaction(vm->kick_signal, &action, NULL) != 0) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "signal %d is in use or none: set another kick_signal", vm->kick_signal);
        return -EBUSY;
    }
    return 0;
}

int kvm_open_events(struct kvm_vm *vm)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0 };
    vm->events = epoll_create1(EPOLL_CLOEXEC);
    vm->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (vm->events < 0 || vm->wake < 0 ||
        epoll_ctl(vm->events, EPOLL_CTL_ADD, vm->wake, &event) != 0) {
        int err = -errno;
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST, "cannot make an eventfd: %s",
                 strerror(-err));
        return err;
    }
    return 0;
}

void kvm_vm_free(struct kvm_vm *vm)
{
    kvm_arch_vm_free(vm);
    for (unsigned i = 0; vm->injections && i < vm->options.gsis; i++) {
        if (vm->injections[i].trigger >= 0) {
            close(vm->injections[i].trigger);
            close(vm->injections[i].resample);
        }
    }
    const int fds[] = { vm->wake, vm->events, vm->fd, vm->system };
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    pthread_mutex_destroy(&vm->memory_lock);
    pthread_mutex_destroy(&vm->irq_lock);
    pthread_mutex_destroy(&vm->gate);
    pthread_cond_destroy(&vm->changed);
    free(vm->injections);
    free(vm->slots);
    free(vm);
}

struct kvm_vm *kvm_vm_alloc(struct hosted_vm *hosted, const struct kvm_options *options)
{
    struct kvm_vm *vm = calloc(1, sizeof *vm);
    struct injection *injections = calloc(options->gsis, sizeof *injections);
    if (!vm || !injections) {
        free(vm);
        free(injections);
        return NULL;
    }
    vm->hosted = hosted;
    vm->options = *options;
    vm->address_limit = options->address_limit ? options->address_limit : UINT64_C(1) << 32;
    vm->system = vm->fd = vm->events = vm->wake = -1;
    vm->injections = injections;
    for (unsigned i = 0; i < options->gsis; i++) {
        injections[i].trigger = injections[i].resample = -1;
    }
    pthread_mutex_init(&vm->memory_lock, NULL);
    pthread_mutex_init(&vm->irq_lock, NULL);
    pthread_mutex_init(&vm->gate, NULL);
    pthread_cond_init(&vm->changed, NULL);
    return vm;
}

enum hosted_kvm_end hosted_kvm_end(const vm_t *vm)
{
    return (enum hosted_kvm_end)atomic_load(&kvm_vm_of(vm)->end);
}

void hosted_kvm_end_vm(vm_t *vm, enum hosted_kvm_end end)
{
    int none = HOSTED_KVM_END_NONE;
    atomic_compare_exchange_strong(&kvm_vm_of(vm)->end, &none, (int)end);
    hosted_vm_stop(vm, end == HOSTED_KVM_END_CRASH ? -1 : 0);
}

uint64_t hosted_kvm_interrupts(const vm_t *vm)
{
    return atomic_load_explicit(&kvm_vm_of(vm)->interrupts, memory_order_relaxed);
}

uint64_t hosted_kvm_started_ns(const vm_t *vm)
{
    return atomic_load(&kvm_vm_of(vm)->started_ns);
}
