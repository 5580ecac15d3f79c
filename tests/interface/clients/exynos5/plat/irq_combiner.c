/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/plat/irq_combiner.h>

const struct device *const client_combiner[] = { &dev_irq_combiner };

static void handler(struct combiner_irq *irq)
{
    if (irq->priv && irq->group == 7 && irq->index == 3) {
        combiner_irq_ack(irq);
    }
}

combiner_irq_handler_fn client_combiner_handler = handler;

int client_irq_combiner(vm_t *vm)
{
    vm_combiner_irq_handler(vm, 32 + 7);
    return vm_install_vcombiner(vm) || vmm_register_combiner_irq(7, 3, handler, vm);
}
