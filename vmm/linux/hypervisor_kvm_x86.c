/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <stdlib.h>

#include <hosted/kvm_x86.h>

#include "../machine.h"
#include "../x86/board_pc_map.h"
#include "hypervisor_kvm.h"
#include "message.h"

static_assert(PC_HYPERVISOR_BASE == HOSTED_KVM_X86_OWN_BASE &&
                  PC_HYPERVISOR_SIZE == HOSTED_KVM_X86_OWN_SIZE,
              "the engine's own pages are not where the guest is told");

int hypervisor_prepare(struct hypervisor *hypervisor, const struct hypervisor_config *config)
{
    struct hosted_kvm_x86_config *engine = malloc(sizeof(*engine));
    if (!engine) {
        message_error("no memory: close other programs");
        return -1;
    }
    *engine = (struct hosted_kvm_x86_config){
        .address_limit = config->address_limit,
        .trace = config->trace,
        .split_irqchip = config->split_irqchip,
    };
    hypervisor->engine = engine;
    hosted_simple_kvm_x86(&hypervisor->simple, engine, config->log);
    return 0;
}

void hypervisor_configure(const struct hypervisor *hypervisor, struct machine_config *machine)
{
    const struct hosted_kvm_x86_config *engine = hypervisor->engine;
    machine->interval_timer = engine->split_irqchip;
    machine->msi = hosted_kvm_x86_msi(hypervisor->vm);
    machine->made_by.enter = hosted_kvm_x86_enter;
}
