/* SPDX-License-Identifier: BSD-2-Clause */
/* A build for a machine that has no KVM for arm64 guests: everything works up to there. */
#include "hypervisor.h"

#include "../machine.h"
#include "message.h"

int hypervisor_check(void)
{
    message_error("this build of the VMM cannot run arm64 guests: build it for an arm64 machine "
                  "(cmake/toolchain-aarch64.cmake), or let 'make run' do so");
    return -1;
}

int hypervisor_create(struct hypervisor **hypervisor, const struct hypervisor_config *config,
                      vm_t *vm)
{
    (void)config;
    (void)vm;
    *hypervisor = NULL;
    return hypervisor_check();
}

void hypervisor_destroy(struct hypervisor *hypervisor)
{
    (void)hypervisor;
}

/* For a device tree that is only written. */
void hypervisor_configure(const struct hypervisor *hypervisor, struct machine_config *machine)
{
    (void)hypervisor;
    machine->gic = 3;
    machine->firmware = false;
}

void hypervisor_end_guest(struct hypervisor *hypervisor, bool reset)
{
    (void)hypervisor;
    (void)reset;
}

enum hypervisor_end hypervisor_end(const struct hypervisor *hypervisor, int result)
{
    (void)hypervisor;
    (void)result;
    return HYPERVISOR_CRASH;
}

uint64_t hypervisor_started(const struct hypervisor *hypervisor)
{
    (void)hypervisor;
    return 0;
}

const struct hosted_vcpu_stats *hypervisor_vcpu_stats(const struct hypervisor *hypervisor,
                                                      unsigned vcpu)
{
    (void)hypervisor;
    (void)vcpu;
    return NULL;
}

void hypervisor_print_stats(const struct hypervisor *hypervisor, FILE *out)
{
    (void)hypervisor;
    (void)out;
}
