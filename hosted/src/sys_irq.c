/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt lines on Linux (src/sel4/irq.h): levels, which every engine takes. The scripted engine
 * can ask for the binding that seL4 has on ARM instead, so that both are tested.
 */
#include <errno.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>

#include "hosted.h"
#include "sel4/irq.h"

struct irq_binding {
    vm_vcpu_t *vcpu;
    int irq;
};

static void binding_level(void *cookie, bool high)
{
    const struct irq_binding *binding = cookie;
    (void)vm_set_irq_level(binding->vcpu, binding->irq, high);
}

static void binding_edge(void *cookie)
{
    const struct irq_binding *binding = cookie;
    hosted_irq_edge(binding->vcpu, binding->irq);
}

static bool binding_inject(void *cookie)
{
    const struct irq_binding *binding = cookie;
    /* Refused while the guest has the input disabled: the acknowledgement when it enables it
     * finds the line high, or edges, and injects again. */
    return vm_inject_irq(binding->vcpu, binding->irq) == 0;
}

static void level_acknowledged(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    /* The controller looks at the level by itself. */
    (void)vcpu;
    (void)irq;
    (void)cookie;
}

static void inject_acknowledged(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    (void)vcpu;
    (void)irq;
    vmmp_irq_line_acknowledged(cookie);
}

static const struct vmmp_irq_line_ops level_ops = { .level = binding_level, .edge = binding_edge };
static const struct vmmp_irq_line_ops inject_ops = { .inject = binding_inject };

int vmmp_sys_irq_line_init(struct vmmp_vm *vmmp, struct vmmp_irq_line *line, int irq)
{
    vm_t *vm = vmmp->vm;
    struct hosted_vm *hosted = vm->hosted;
    if (vm->num_vcpus <= BOOT_VCPU || !hosted_arch_irq_valid(hosted_vm_of(vm), irq)) {
        return -EINVAL;
    }
    struct irq_binding *binding = hosted_block_allocate(hosted, sizeof(*binding));
    if (!binding) {
        return -ENOMEM;
    }
    binding->vcpu = vm->vcpus[BOOT_VCPU];
    binding->irq = irq;

    bool inject = hosted->inject_binding;
    int error = vmmp_irq_line_init(line, inject ? &inject_ops : &level_ops, binding, &vmmp->host);
    if (error) {
        return error;
    }
    if (vm_register_irq(binding->vcpu, irq, inject ? inject_acknowledged : level_acknowledged,
                        line)) {
        vmmp_irq_line_fini(line);
        return -EBUSY;
    }
    return 0;
}
