/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests on the KVM of this machine, whatever its architecture. */
#include "hypervisor_kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sel4vm/boot.h>

#include <hosted/kvm.h>
#include <hosted/vm.h>

#include "message.h"

#define DEVICE "/dev/kvm"

int hypervisor_check(void)
{
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    switch (errno) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
        message_error(DEVICE
                      ": this machine has no KVM: run on one with virtualization extensions, "
                      "or on an emulated one with 'make run'");
        break;
    case EACCES:
    case EPERM:
        message_error(DEVICE ": no permission: join the group kvm ('usermod -aG kvm USER' as root, "
                             "then log in again)");
        break;
    default:
        message_error(DEVICE ": %s: see that KVM works on this machine", strerror(errno));
        break;
    }
    return -1;
}

int hypervisor_create(struct hypervisor **result, const struct hypervisor_config *config, vm_t *vm)
{
    *result = NULL;
    struct hypervisor *hypervisor = calloc(1, sizeof(*hypervisor));
    if (!hypervisor) {
        message_error("no memory: close other programs");
        return -1;
    }
    if (hypervisor_prepare(hypervisor, config) != 0) {
        free(hypervisor);
        return -1;
    }
    hypervisor->vm = vm;
    hosted_io_ops_init(&hypervisor->io_ops);
    vspace_t vspace;
    memset(&vspace, 0, sizeof(vspace));
    if (vm_init(vm, NULL, &hypervisor->simple, vspace, &hypervisor->io_ops, 0, "guest")) {
        free(hypervisor->engine);
        free(hypervisor);
        return -1;
    }
    *result = hypervisor;
    return 0;
}

void hypervisor_destroy(struct hypervisor *hypervisor)
{
    if (hypervisor) {
        hosted_vm_destroy(hypervisor->vm);
        free(hypervisor->engine);
        free(hypervisor);
    }
}

void hypervisor_end_guest(struct hypervisor *hypervisor, bool reset)
{
    hosted_kvm_end_vm(hypervisor->vm, reset ? HOSTED_KVM_END_RESET : HOSTED_KVM_END_SHUTDOWN);
}

enum hypervisor_end hypervisor_end(const struct hypervisor *hypervisor, int result)
{
    switch (hosted_kvm_end(hypervisor->vm)) {
    case HOSTED_KVM_END_SHUTDOWN:
        return HYPERVISOR_POWER_OFF;
    case HOSTED_KVM_END_RESET:
        return HYPERVISOR_RESET;
    case HOSTED_KVM_END_CRASH:
        return HYPERVISOR_CRASH;
    case HOSTED_KVM_END_NONE:
        break;
    }
    return result ? HYPERVISOR_CRASH : HYPERVISOR_STOPPED;
}

uint64_t hypervisor_started(const struct hypervisor *hypervisor)
{
    return hosted_kvm_started_ns(hypervisor->vm);
}

const struct hosted_vcpu_stats *hypervisor_vcpu_stats(const struct hypervisor *hypervisor,
                                                      unsigned vcpu)
{
    const vm_t *vm = hypervisor->vm;
    return vcpu < vm->num_vcpus ? hosted_kvm_vcpu_stats(vm->vcpus[vcpu]) : NULL;
}

void hypervisor_print_stats(const struct hypervisor *hypervisor, FILE *out)
{
    const vm_t *vm = hypervisor->vm;
    for (unsigned i = 0; i < vm->num_vcpus; i++) {
        hosted_stats_print(hosted_kvm_vcpu_stats(vm->vcpus[i]), i, out);
    }
    fprintf(out, "interrupts total %llu\n", (unsigned long long)hosted_kvm_interrupts(vm));
}
