/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of one's own, and a guest that uses it: the scripted engine plays the guest, so this
 * runs anywhere. docs/writing-a-device.md explains it.
 *
 * The doorbell has one 32-bit register. Writing stores a word and interrupts; reading returns the
 * word and lowers the interrupt.
 */
#include <stdio.h>
#include <string.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#define DOORBELL     0x0b000000
#define DOORBELL_IRQ 40

/* ---- the device ----------------------------------------------------------------------------- */

struct doorbell {
    struct vmmp_window window;
    struct vmmp_context context;
    struct vmmp_irq_source irq;
    uint32_t value;
};

static uint64_t doorbell_read(void *device, uint64_t offset, unsigned size)
{
    struct doorbell *bell = device;

    if (offset != 0 || size != 4) {
        return vmmp_all_ones(size); /* nothing answers here */
    }
    vmmp_irq_source_set(&bell->irq, false); /* reading acknowledges */
    return bell->value;
}

static void doorbell_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct doorbell *bell = device;

    if (offset == 0 && size == 4) {
        bell->value = (uint32_t)value;
        vmmp_irq_source_set(&bell->irq, true);
    }
}

static int doorbell_init(struct doorbell *bell, struct vmmp_irq_line *line)
{
    static const struct vmmp_window_ops ops = { doorbell_read, doorbell_write };

    memset(bell, 0, sizeof(*bell));
    bell->window = (struct vmmp_window){
        .name = "doorbell", .ops = &ops, .device = bell, .size = 0x1000, .context = &bell->context
    };
    return vmmp_irq_source_init(&bell->irq, line);
}

/* ---- a VM with it ---------------------------------------------------------------------------- */

static int run(vm_t *vm)
{
    struct vmmp_host host = script_host(vm);
    struct vmmp_vm vmmp;
    struct vmmp_irq_line line;
    struct doorbell bell;
    vm_vcpu_t *vcpu = vm_create_vcpu(vm, 0);

    if (!vcpu || vm_create_default_irq_controller(vm) || vmmp_vm_init(&vmmp, vm, NULL, &host) ||
        vmmp_vm_irq_line_init(&vmmp, &line, DOORBELL_IRQ) || doorbell_init(&bell, &line) ||
        vmmp_vm_attach_window(&vmmp, &bell.window, vmmp_gpa(DOORBELL))) {
        fprintf(stderr, "my_device: the VM cannot be made\n");
        return 1;
    }

    /* What a guest would do. */
    script_put(vcpu, DOORBELL, 4, 0xcafe);
    bool raised = script_irq(vcpu, DOORBELL_IRQ).level;
    uint64_t value = script_get(vcpu, DOORBELL, 4);
    bool lowered = !script_irq(vcpu, DOORBELL_IRQ).level;
    uint64_t nothing = script_get(vcpu, DOORBELL + 8, 2);
    printf("wrote 0xcafe, interrupt %d; read 0x%llx, lowered %d; elsewhere 0x%llx\n", raised,
           (unsigned long long)value, lowered, (unsigned long long)nothing);

    vmmp_irq_source_fini(&bell.irq);
    vmmp_vm_fini(&vmmp);
    vmmp_irq_line_fini(&line);
    return raised && value == 0xcafe && lowered && nothing == 0xffff && script_check(vm) ? 0 : 1;
}

int main(void)
{
    static vm_t vm;
    simple_t simple;
    ps_io_ops_t io_ops;
    vspace_t vspace;

    memset(&vspace, 0, sizeof(vspace));
    hosted_simple_script(&simple, NULL, NULL);
    hosted_io_ops_init(&io_ops);
    if (vm_init(&vm, NULL, &simple, vspace, &io_ops, 0, "example")) {
        return 1;
    }
    int result = run(&vm);
    hosted_vm_destroy(&vm);
    return result;
}
