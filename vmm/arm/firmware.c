/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "board_arm.h"

/* From a vCPU's thread. */
static int system_event(void *cookie, vm_t *vm, const struct vmmp_psci_event *event)
{
    const struct machine_config *config = ((const struct machine *)cookie)->config;
    if (event->kind == VMMP_PSCI_SYSTEM_SUSPEND) {
        return 0;
    }
    if (event->kind == VMMP_PSCI_SYSTEM_RESET2 && event->reset_type) {
        return -EINVAL;
    }
    config->ended(config->ended_cookie, vm, event->kind != VMMP_PSCI_SYSTEM_OFF);
    return 0;
}

int arm_firmware_add(struct arm_firmware *firmware, struct machine *machine)
{
    const struct machine_config *config = machine->config;
    const struct vmmp_arm_firmware_config wanted = {
        .smccc = { .entropy = config->entropy },
        .system_event = system_event,
        .cookie = machine,
    };
    if (!config->firmware) {
        return 0;
    }
    int error = vmmp_arm_firmware_init(&firmware->firmware, machine->vmmp.vm, &wanted,
                                       &config->host, &config->log);
    firmware->made = !error;
    return error ? machine_said(machine, error, "making the firmware") : 0;
}

int arm_firmware_add_cpu(struct arm_firmware *firmware, struct machine *machine, vm_vcpu_t *vcpu)
{
    if (firmware->made && vm_register_unhandled_vcpu_fault_callback(
                              vcpu, vmmp_arm_firmware_exception, &firmware->firmware)) {
        return machine_said(machine, -EIO, "registering the firmware");
    }
    return 0;
}

void arm_firmware_remove(struct arm_firmware *firmware)
{
    if (firmware->made) {
        vmmp_arm_firmware_fini(&firmware->firmware);
    }
}
