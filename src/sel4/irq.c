/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt lines on seL4: injected and acknowledged on ARM, levels on x86. */
#include "sel4/irq.h"

#include <errno.h>
#include <stdlib.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>

/* Lives as long as libsel4vm's registration, which cannot be taken back. */
struct irq_binding {
    vm_vcpu_t *vcpu;
    int irq;
};

#if defined(CONFIG_ARCH_ARM)

static bool binding_inject(void *cookie)
{
    const struct irq_binding *binding = cookie;
    /* Refused while the guest has the input disabled: the acknowledgement when it enables it
     * finds the line high, or edges, and injects again. */
    return vm_inject_irq(binding->vcpu, binding->irq) == 0;
}

static void acknowledged(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    (void)vcpu;
    (void)irq;
    vmmp_irq_line_acknowledged(cookie);
}

static const struct vmmp_irq_line_ops binding_ops = { .inject = binding_inject };

#else

static void binding_level(void *cookie, bool high)
{
    const struct irq_binding *binding = cookie;
    (void)vm_set_irq_level(binding->vcpu, binding->irq, high);
}

static void acknowledged(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    /* The controller looks at the level by itself. */
    (void)vcpu;
    (void)irq;
    (void)cookie;
}

static const struct vmmp_irq_line_ops binding_ops = { .level = binding_level };

#endif

int vmmp_sys_irq_line_init(struct vmmp_vm *vmmp, struct vmmp_irq_line *line, int irq)
{
    vm_t *vm = vmmp->vm;

    if (vm->num_vcpus <= BOOT_VCPU || irq < 0) {
        return -EINVAL;
    }
    struct irq_binding *binding = calloc(1, sizeof(*binding));
    if (!binding) {
        return -ENOMEM;
    }
    binding->vcpu = vm->vcpus[BOOT_VCPU];
    binding->irq = irq;
    int error = vmmp_irq_line_init(line, &binding_ops, binding, &vmmp->host);
    if (error) {
        free(binding);
        return error;
    }
    if (vm_register_irq(binding->vcpu, irq, acknowledged, line)) {
        vmmp_irq_line_fini(line);
        free(binding);
        return -EBUSY;
    }
    return 0;
}
