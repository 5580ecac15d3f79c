/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include <hosted/kvm_arm64.h>

#include "../arm/board_arm.h"
#include "gdb_target.h"
#include "hypervisor_kvm.h"
#include "message.h"

int hypervisor_prepare(struct hypervisor *hypervisor, const struct hypervisor_config *config)
{
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
    struct hosted_kvm_arm64_config *engine = malloc(sizeof(*engine));
    if (!engine) {
        message_error("no memory: close other programs");
        return -1;
    }
    *engine = (struct hosted_kvm_arm64_config){
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
    hypervisor->engine = engine;
    hosted_simple_kvm_arm64(&hypervisor->simple, engine, config->log);
    return 0;
}

void hypervisor_configure(const struct hypervisor *hypervisor, struct machine_config *machine)
{
    machine->gic = hosted_kvm_gic_version(hypervisor->vm);
    machine->firmware = hosted_kvm_firmware(hypervisor->vm);
}
