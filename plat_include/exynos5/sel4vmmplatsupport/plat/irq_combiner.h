/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt combiner: the VMM handles the real one; the guest sees one of its own. */
#pragma once

#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/device.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const struct device dev_irq_combiner;

/** The combiner of vmmp/exynos_combiner.h at its address, without inputs. 0 or -1 with a message.
 */
int vm_install_vcombiner(vm_t *vm);

/**
 * From the VMM's handler of the host's interrupt `irq` (32 to 63, a group each): disables the
 * lowest input that is pending and calls who registered for it. Others are left alone.
 */
void vm_combiner_irq_handler(vm_t *vm, int irq);

struct combiner_irq {
    int group;
    int index;
    void *priv; /**< Of the registration. */
    void *combiner_priv;
};

typedef void (*combiner_irq_handler_fn)(struct combiner_irq *irq);

/** For input `index` (0 to 7) of `group` (0 to 31), which is enabled. 0 or -1. */
int vmm_register_combiner_irq(int group, int index, combiner_irq_handler_fn cb, void *priv);
/** Enables the input again: once for each call of the handler, whose `irq` is not used after. */
void combiner_irq_ack(struct combiner_irq *irq);

#ifdef __cplusplus
}
#endif
