/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests on the KVM of an arm64 machine. */
#include "hypervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sel4vm/boot.h>

#include <hosted/kvm_arm64.h>
#include <hosted/vm.h>

#include "../arm/board_arm.h"
#include "gdb_target.h"
#include "message.h"

#define DEVICE "/dev/kvm"

struct hypervisor {
    vm_t *vm;
    simple_t simple;
    ps_io_ops_t io_ops;
    struct hosted_kvm_arm64_config config;
};

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
    static const enum hosted_kvm_gic gics[] = {
        [GIC_AUTO] = HOSTED_KVM_GIC_AUTO,
        [GIC_V2] = HOSTED_KVM_GIC_V2,
        [GIC_V3] = HOSTED_KVM_GIC_V3,
    };
    const struct machine_gic *gic = config->board->gic;
    bool only_v2 = gic->redistributors == 0;
    if (only_v2 && config->gic == GIC_V3) {
        message_error("--gic 3: the machine %s has a GICv2: leave it out", config->board->name);
        return -1;
    }
    hypervisor->vm = vm;
    hypervisor->config = (struct hosted_kvm_arm64_config){
        .address_limit = config->address_limit,
        .gic = only_v2 ? HOSTED_KVM_GIC_V2 : gics[config->gic],
        .gic_distributor = gic->distributor,
        .gic_cpu_interface = gic->cpu_interface,
        .gic_redistributors = gic->redistributors,
        .gic_redistributors_size = gic->redistributors_size,
        .gic_interrupts = gic->interrupts,
        .aarch32 = config->aarch32,
        .firmware = true,
        .trace = config->trace,
        .debug = config->gdb ? gdb_target_event : NULL,
        .cookie = config->gdb,
    };
    hosted_simple_kvm_arm64(&hypervisor->simple, &hypervisor->config, config->log);
    hosted_io_ops_init(&hypervisor->io_ops);
    vspace_t vspace;
    memset(&vspace, 0, sizeof(vspace));
    if (vm_init(vm, NULL, &hypervisor->simple, vspace, &hypervisor->io_ops, 0, "guest")) {
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
        free(hypervisor);
    }
}

unsigned hypervisor_gic(const struct hypervisor *hypervisor)
{
    return hosted_kvm_gic_version(hypervisor->vm);
}

bool hypervisor_firmware(const struct hypervisor *hypervisor)
{
    return hosted_kvm_firmware(hypervisor->vm);
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
