/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening KVM and making a VM; what the engine offers; doorbells. */
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

/* Fewer address bits no hardware offers. */
#define MIN_ADDRESS_BITS     32u
#define DEFAULT_ADDRESS_BITS 40u

int kvm_call(int fd, unsigned long request, unsigned long argument)
{
    int result;
    do {
        result = ioctl(fd, request, argument);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

static int has_extension(const struct kvm_vm *vm, unsigned long extension)
{
    int result = kvm_call(vm->system, KVM_CHECK_EXTENSION, extension);
    return result < 0 ? 0 : result;
}

static const struct vmmp_log *log_of(const struct kvm_vm *vm)
{
    return hosted_vm_log(vm->hosted);
}

static int open_system(struct kvm_vm *vm)
{
    const char *device = vm->config->device ? vm->config->device : "/dev/kvm";
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

static int check_system(struct kvm_vm *vm)
{
    static const struct {
        unsigned long extension;
        const char *what;
    } needed[] = {
        { KVM_CAP_USER_MEMORY, "user memory" },
        { KVM_CAP_ONE_REG, "register access" },
        { KVM_CAP_READONLY_MEM, "read-only memory" },
        { KVM_CAP_IMMEDIATE_EXIT, "immediate exits" },
        { KVM_CAP_ARM_PSCI_0_2, "PSCI" },
        { KVM_CAP_MP_STATE, "power states" },
        { KVM_CAP_DEVICE_CTRL, "devices" },
    };
    int version = kvm_call(vm->system, KVM_GET_API_VERSION, 0);
    if (version != API_VERSION) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 version < 0 ? "%s is not KVM" : "%s has an API version other than 12",
                 vm->config->device ? vm->config->device : "/dev/kvm");
        return -ENODEV;
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!has_extension(vm, needed[i].extension)) {
            vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                     "this kernel's KVM lacks %s: use Linux 5.4 or newer", needed[i].what);
            return -ENODEV;
        }
    }
    if (vm->config->aarch32 && !has_extension(vm, KVM_CAP_ARM_EL1_32BIT)) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "this machine's CPUs cannot run 32-bit guests: use a 64-bit one, or a machine "
                 "whose EL1 has AArch32 (such as Cortex-A53, A57 or A72)");
        return -ENOTSUP;
    }
    return 0;
}

/* The type argument of KVM_CREATE_VM: how many bits a guest-physical address has. */
static int address_bits(struct kvm_vm *vm)
{
    unsigned offered = (unsigned)has_extension(vm, KVM_CAP_ARM_VM_IPA_SIZE);
    unsigned needed = MIN_ADDRESS_BITS;
    while (needed < 64 && (vm->address_limit - 1) >> needed) {
        needed++;
    }
    unsigned limit = offered ? offered : DEFAULT_ADDRESS_BITS;
    if (needed > limit) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "the guest's memory map needs addresses of %u bits, this machine's KVM offers "
                 "%u: give the guest less memory",
                 needed, limit);
        return -E2BIG;
    }
    return offered ? (int)needed : 0;
}

static int create_vm(struct kvm_vm *vm)
{
    int type = address_bits(vm);
    if (type < 0) {
        return type;
    }
    vm->fd = kvm_call(vm->system, KVM_CREATE_VM, (unsigned long)type);
    if (vm->fd < 0) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_HOST, "KVM cannot make a VM: %s",
                 strerror(-vm->fd));
        return vm->fd;
    }
    vm->run_size = (size_t)kvm_call(vm->system, KVM_GET_VCPU_MMAP_SIZE, 0);
    vm->slot_limit = (uint32_t)has_extension(vm, KVM_CAP_NR_MEMSLOTS);
    /* Else KVM_RUN fails with -ENOSYS and tells neither syndrome nor address. */
    struct kvm_enable_cap undecoded = { .cap = KVM_CAP_ARM_NISV_TO_USER };
    (void)kvm_call(vm->fd, KVM_ENABLE_CAP, (unsigned long)&undecoded);
    return 0;
}

static void ignore_signal(int signal)
{
    (void)signal;
}

static int install_kick(struct kvm_vm *vm)
{
    struct sigaction present;
    vm->kick_signal = vm->config->kick_signal ? vm->config->kick_signal : SIGRTMIN;
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

static int open_events(struct kvm_vm *vm)
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

static void vm_free(struct kvm_vm *vm)
{
    kvm_gic_close(vm);
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
    free(vm->slots);
    free(vm);
}

static struct kvm_vm *vm_alloc(struct hosted_vm *hosted,
                               const struct hosted_kvm_arm64_config *config)
{
    struct kvm_vm *vm = calloc(1, sizeof *vm);
    if (!vm) {
        return NULL;
    }
    vm->hosted = hosted;
    vm->config = config;
    vm->address_limit = config->address_limit ? config->address_limit : UINT64_C(1) << 32;
    vm->system = vm->fd = vm->gic = vm->events = vm->wake = -1;
    for (unsigned i = 0; i < SPI_COUNT; i++) {
        vm->injections[i].trigger = vm->injections[i].resample = -1;
    }
    pthread_mutex_init(&vm->memory_lock, NULL);
    pthread_mutex_init(&vm->irq_lock, NULL);
    pthread_mutex_init(&vm->gate, NULL);
    pthread_cond_init(&vm->changed, NULL);
    return vm;
}

static int kvm_vm_open(struct hosted_vm *hosted, void *config)
{
    static const struct hosted_kvm_arm64_config defaults;
    static int (*const steps[])(struct kvm_vm *) = {
        open_system,    check_system, create_vm,   kvm_firmware_choose,
        kvm_gic_choose, install_kick, open_events,
    };
    struct kvm_vm *vm = vm_alloc(hosted, config ? config : &defaults);
    if (!vm) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int err = steps[i](vm);
        if (err) {
            vm_free(vm);
            return err;
        }
    }
    hosted_vm_set_engine_state(hosted, vm);
    return 0;
}

static void kvm_vm_close(struct hosted_vm *hosted)
{
    vm_free(hosted_vm_engine_state(hosted));
    hosted_vm_set_engine_state(hosted, NULL);
}

/* ---- doorbells ------------------------------------------------------------------------------ */

static int ioeventfd(const struct kvm_vm *vm, const struct hosted_kvm_doorbell *doorbell,
                     uint32_t flags)
{
    struct kvm_ioeventfd request = {
        .datamatch = doorbell->value,
        .addr = doorbell->gpa,
        .len = doorbell->size,
        .fd = doorbell->fd,
        .flags = flags | (doorbell->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0u),
    };
    return kvm_call(vm->fd, KVM_IOEVENTFD, (unsigned long)&request);
}

static int kvm_doorbell(struct hosted_vm *hosted, const struct vmmp_doorbell *doorbell, int fd,
                        bool add)
{
    const struct hosted_kvm_doorbell request = {
        .gpa = doorbell->address,
        .size = doorbell->size,
        .match = doorbell->match,
        .value = doorbell->value,
        .fd = fd,
    };
    if (doorbell->port) {
        return -EOPNOTSUPP; /* This architecture has no ports. */
    }
    return ioeventfd(hosted_vm_engine_state(hosted), &request,
                     add ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN);
}

void hosted_simple_kvm_arm64(simple_t *simple, struct hosted_kvm_arm64_config *config,
                             const struct vmmp_log *log)
{
    static const struct hosted_engine engine = {
        .name = "kvm_arm64",
        .memory_is_real = true,
        .vm_open = kvm_vm_open,
        .vm_close = kvm_vm_close,
        .memory_map = kvm_memory_map,
        .memory_unmap = kvm_memory_unmap,
        .irq_controller_create = kvm_irq_controller_create,
        .irq_register = kvm_irq_register,
        .irq_level = kvm_irq_level,
        .irq_edge = kvm_irq_edge,
        .irq_inject = kvm_irq_inject,
        .doorbell = kvm_doorbell,
        .vcpu_open = kvm_vcpu_open,
        .vcpu_close = kvm_vcpu_close,
        .vcpu_start = kvm_vcpu_start,
        .vcpu_restart = kvm_vcpu_restart,
        .vcpu_stop = kvm_vcpu_stop,
        .vcpu_suspend = kvm_vcpu_suspend,
        .can_suspend = kvm_can_suspend,
        .run = kvm_run,
        .stop = kvm_stop,
        .registers_get = kvm_registers_get,
        .registers_set = kvm_registers_set,
        .register_get = kvm_register_get,
        .register_set = kvm_register_set,
        .vector_get = kvm_vector_get,
        .vector_set = kvm_vector_set,
    };
    hosted_simple_init(simple, &engine, config, log);
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

unsigned hosted_kvm_breakpoints(const vm_t *vm)
{
    return (unsigned)has_extension(kvm_vm_of(vm), KVM_CAP_GUEST_DEBUG_HW_BPS);
}

unsigned hosted_kvm_watchpoints(const vm_t *vm)
{
    return (unsigned)has_extension(kvm_vm_of(vm), KVM_CAP_GUEST_DEBUG_HW_WPS);
}

int hosted_kvm_ioeventfd(vm_t *vm, const struct hosted_kvm_doorbell *doorbell)
{
    return ioeventfd(kvm_vm_of(vm), doorbell, 0);
}

int hosted_kvm_ioeventfd_remove(vm_t *vm, const struct hosted_kvm_doorbell *doorbell)
{
    return ioeventfd(kvm_vm_of(vm), doorbell, KVM_IOEVENTFD_FLAG_DEASSIGN);
}
