/* SPDX-License-Identifier: BSD-2-Clause */
#include "compat/virtio_pci_emul.h"

#include "bus/pci_regs.h"
#include "compat/compat_pci.h"
#include "compat/compat_vm.h"

/* What the header of such a function has always said; legacy drivers do not care. */
#define CACHE_LINE_SIZE 64
#define LATENCY_TIMER   64

/* The smallest legacy BAR. */
#define PORTS_MINIMUM 64u

/* Once for every batch: the client has no way to tell us that the guest has acknowledged it. */
static void pulse(void *cookie)
{
    const struct vmmp_compat_virtio *virtio = cookie;
    if (virtio->inject) {
        virtio->inject(virtio->inject_cookie);
    }
}

static const struct vmmp_irq_line_ops line_ops = { .pulse = pulse };

static uint32_t bar_size(uint32_t ports)
{
    uint32_t size = PORTS_MINIMUM;
    while (size < ports) {
        size *= 2;
    }
    return size;
}

static void fill_header(struct vmmp_pci_function *function,
                        const struct vmmp_compat_virtio_place *place)
{
    vmmp_pci_define(function, PCICFG_CACHE_LINE_SIZE, 1, CACHE_LINE_SIZE, 0xff, 0);
    vmmp_pci_define(function, PCICFG_LATENCY_TIMER, 1, LATENCY_TIMER, 0xff, 0);
    vmmp_pci_define(function, PCICFG_INTERRUPT_LINE, 1, place->interrupt_line & 0xff, 0xff, 0);
    vmmp_pci_define(function, PCICFG_INTERRUPT_PIN, 1, place->interrupt_pin & 0xff, 0, 0);
    vmmp_pci_set_command(function, place->command);
}

int vmmp_compat_virtio_plug(struct vmmp_compat_virtio *virtio, vm_t *vm,
                            struct vmmp_virtio_device *device,
                            const struct vmmp_compat_virtio_place *place,
                            void (*inject)(void *cookie), void *inject_cookie)
{
    const struct vmmp_virtio_pci_options options = {
        .face = VMMP_VIRTIO_PCI_LEGACY,
        .legacy_size = bar_size(place->range.size),
        .class_code = place->class_code,
    };
    const char *name = device->ops->name;

    virtio->emul.vm = vm;
    virtio->emul.internal = virtio;
    virtio->inject = inject;
    virtio->inject_cookie = inject_cookie;
    if (place->range.size < PORTS_MINIMUM || !place->pci || !place->ports ||
        vmmp_virtio_pci_init(&virtio->pci, device, &options)) {
        vmmp_log(device->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "%s: give a bus, a list of ports and a range of at least %u ports", name,
                 PORTS_MINIMUM);
        return -1;
    }
    struct vmmp_pci_function *function = &virtio->pci.function;
    fill_header(function, place);
    int first =
        vmmp_compat_pci_add_ports(place->pci, function, VMMP_VIRTIO_PCI_BAR_LEGACY, place->ports,
                                  place->range, place->type, &virtio->pci.legacy);
    if (first < 0) {
        vmmp_log(device->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "%s: the ports from 0x%x on or a place on the bus cannot be had: give other ports",
                 name, place->range.start);
        vmmp_virtio_pci_fini(&virtio->pci);
        return -1;
    }
    vmmp_irq_line_init(&virtio->line, &line_ops, virtio, NULL);
    vmmp_irq_source_init(&function->irq, &virtio->line);
    return first;
}
