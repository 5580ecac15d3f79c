/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ARM boards share. Private to vmm/arm, but for machine_gic. */
#pragma once

#include <sel4vmmplatsupport/vmmp/arm_firmware.h>

#include "../machine.h"

extern const struct machine_board machine_board_qemu_arm_virt;
extern const struct machine_board machine_board_exynos5422;
extern const struct machine_board machine_board_jetson_tk1;

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

/** For boards of 32-bit guests only, as they are: machine_board's `plan` and `load`. */
int arm_plan_aarch32(struct machine_plan *plan, const struct machine_config *config,
                     size_t fdt_size, struct vmmp_image_error *error);
int arm_load(struct machine *machine, const struct machine_plan *plan, const void *fdt,
             size_t fdt_size, struct vmmp_image_error *error);

/* pin_name.c: what users call pins. */

#define ARM_PIN_BANK 16
/** "gpx0-3": a bank, and a pin from 0 to 7. False if `name` is nothing of the kind. */
bool arm_pin_name(const char *name, char bank[ARM_PIN_BANK], unsigned *pin);

/* trim_fdt.c: trees that kernels bring. */

/** What a board has; the lists end with NULL. */
struct arm_trim {
    const char *bus;             /**< Path of the node with the devices beside the root; or NULL. */
    const char *const *modelled; /**< What children of both that stay are compatible with. */
    const char *const *removed;  /**< Paths of nodes. */
    const char *const *dropped;  /**< Names of properties, of any node. */
};

/** machine_board's `trim_fdt`. 0 or libfdt's error. */
int arm_trim_fdt(const struct machine_config *config, void *fdt, const struct arm_trim *trim);
