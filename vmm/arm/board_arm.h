/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ARM boards share. Private to vmm/arm, but for machine_gic. */
#pragma once

#include <sel4vmmplatsupport/vmmp/arm_firmware.h>

#include "../machine.h"

extern const struct machine_board machine_board_qemu_arm_virt;
extern const struct machine_board machine_board_exynos5422;

/** Where the host is to put the interrupt controller; for struct machine_board. */
struct machine_gic {
    uint64_t distributor;
    uint64_t cpu_interface;       /**< GICv2 */
    uint64_t redistributors;      /**< GICv3; 0: the board has none, */
    uint64_t redistributors_size; /**< and its GIC is a GICv2. */
    unsigned interrupts;          /**< A multiple of 32. */
};

/* firmware.c: PSCI and TRNG, if the configuration says that they are the machine's own. */
struct arm_firmware {
    struct vmmp_arm_firmware firmware;
    bool made;
};

int arm_firmware_add(struct arm_firmware *firmware, struct machine *machine);
/** Has `vcpu` call it. */
int arm_firmware_add_cpu(struct arm_firmware *firmware, struct machine *machine, vm_vcpu_t *vcpu);
void arm_firmware_remove(struct arm_firmware *firmware);

/* load.c: kernels of a kind and their device tree. */

/** machine_board's `plan`, for kernels of `machines` (VMMP_MACHINE_*). */
int arm_plan(struct machine_plan *plan, const struct machine_config *config, unsigned machines,
             size_t fdt_size, struct vmmp_image_error *error);
/** Writes kernel, initrd and device tree. */
int arm_load_files(struct machine *machine, const struct machine_plan *plan, const void *fdt,
                   size_t fdt_size, struct vmmp_image_error *error);
/** Starts the boot vCPU at the kernel's entry as a kernel of its kind wants it. */
int arm_enter(struct machine *machine, const struct machine_plan *plan,
              struct vmmp_image_error *error);
