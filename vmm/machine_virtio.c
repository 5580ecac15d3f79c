/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_virtio.h"

#include <errno.h>
#include <string.h>

#include "machine.h"

#define VIRTIO_F_RING_PACKED (UINT64_C(1) << 34) /* virtio 1.2, 6 */

int machine_pci_plug(struct vmmp_pci_host *pci, struct vmmp_pci_function *function)
{
    /* Device 0 is where a host bridge would be; some guests skip it. */
    int device = 1;
    while (device < VMMP_PCI_DEVICES && vmmp_pci_host_function(pci, (unsigned)device, 0)) {
        device++;
    }
    return vmmp_pci_host_add(pci, function, device, 0);
}

int machine_pci_unplaced(const struct vmmp_pci_function *function)
{
    for (int bar = 0; bar < VMMP_PCI_BARS; bar++) {
        if (function->bars[bar].type != VMMP_PCI_BAR_NONE &&
            vmmp_pci_bar_address(function, (unsigned)bar) == 0) {
            return bar;
        }
    }
    return -1;
}

static int plug_pci(struct machine *machine, struct machine_virtio *place,
                    struct vmmp_virtio_device *virtio)
{
    static const enum vmmp_virtio_pci_face faces[] = {
        [MACHINE_TRANSPORT_PCI] = VMMP_VIRTIO_PCI_TRANSITIONAL,
        [MACHINE_TRANSPORT_PCI_MODERN] = VMMP_VIRTIO_PCI_MODERN,
        [MACHINE_TRANSPORT_PCI_LEGACY] = VMMP_VIRTIO_PCI_LEGACY,
    };
    const struct vmmp_virtio_pci_options options = {
        .face = faces[machine->config->transport],
        .msi = machine->msi,
        .doorbells = &machine->config->doorbells,
        .vectors = place->vectors,
    };
    int error = vmmp_virtio_pci_init(&place->pci, virtio, &options);
    if (error) {
        return error;
    }
    int at = machine_pci_plug(&machine->pci, &place->pci.function);
    if (at < 0) {
        vmmp_virtio_pci_fini(&place->pci);
        return at;
    }
    return 0;
}

static int attach_mmio(struct machine *machine, struct machine_virtio *place,
                       struct vmmp_virtio_device *virtio, unsigned slot)
{
    const struct vmmp_virtio_mmio_options options = { .doorbells = &machine->config->doorbells };
    int error = vmmp_virtio_mmio_init(&place->mmio, virtio, &place->line, &options);
    if (error) {
        return error;
    }
    uint64_t base = machine_mmio_base(machine->config, slot);
    error = vmmp_vm_attach_window(&machine->vmmp, &place->mmio.window, vmmp_gpa(base));
    if (error) {
        vmmp_virtio_mmio_fini(&place->mmio);
    }
    return error;
}

static int plug_mmio(struct machine *machine, struct machine_virtio *place,
                     struct vmmp_virtio_device *virtio)
{
    const struct machine_config *config = machine->config;
    unsigned slot = machine_mmio_first(config) + machine->mmio_slots;
    if (slot == machine_board_of(config)->mmio.slots) {
        return -ENOSPC;
    }
    int error = vmmp_vm_irq_line_init(&machine->vmmp, &place->line, machine_mmio_irq(config, slot));
    if (error) {
        return error;
    }
    error = attach_mmio(machine, place, virtio, slot);
    if (error) {
        vmmp_irq_line_fini(&place->line);
        return error;
    }
    machine->mmio_slots++;
    return 0;
}

int machine_virtio_plug(struct machine *machine, struct machine_virtio *place,
                        struct vmmp_virtio_device *virtio)
{
    bool mmio = machine->config->transport == MACHINE_TRANSPORT_MMIO;
    virtio->features_off |= machine->config->split_rings ? VIRTIO_F_RING_PACKED : 0;
    int error = mmio ? plug_mmio(machine, place, virtio) : plug_pci(machine, place, virtio);
    if (!error) {
        place->virtio = virtio;
    }
    return error;
}

void machine_virtio_unplug(struct machine *machine, struct machine_virtio *place)
{
    if (!place->virtio) {
        return;
    }
    if (machine->config->transport == MACHINE_TRANSPORT_MMIO) {
        vmmp_vm_detach_window(&place->mmio.window);
        vmmp_virtio_mmio_fini(&place->mmio);
        vmmp_irq_line_fini(&place->line);
    } else {
        vmmp_virtio_pci_fini(&place->pci);
    }
    place->virtio = NULL;
}

unsigned machine_mmio_slots(const struct machine_config *config)
{
    if (config->transport != MACHINE_TRANSPORT_MMIO) {
        return 0;
    }
    unsigned slots = config->console ? 1u : 0u;
    for (unsigned i = 0; i < config->device_count; i++) {
        slots += !config->devices[i].part && !config->devices[i].function;
    }
    return slots;
}

unsigned machine_mmio_first(const struct machine_config *config)
{
    return config->mmio_on_command_line ? machine_board_of(config)->mmio.command_line_slot : 0;
}

uint64_t machine_mmio_base(const struct machine_config *config, unsigned slot)
{
    const struct machine_mmio_place *place = &machine_board_of(config)->mmio;
    return place->base + slot * place->stride;
}

int machine_mmio_irq(const struct machine_config *config, unsigned slot)
{
    const struct machine_mmio_place *place = &machine_board_of(config)->mmio;
    return place->irqs ? place->irqs[slot] : place->irq + (int)slot;
}

static int add(struct machine *machine, const struct machine_device *device,
               struct machine_virtio *place)
{
    const struct machine_config *config = machine->config;
    struct machine_device_environment environment = {
        .vm = machine->vmmp.vm,
        .memory = &machine->vmmp.memory,
        .log = &config->log,
        .host = &config->host,
        .pci = &machine->pci,
        .msi = machine->msi,
        .doorbells = &config->doorbells,
    };
    struct vmmp_virtio_device *virtio = NULL;
    int error = device->ops->create(device->cookie, &environment, &virtio);
    place->function_made = device->function && !error;
    if (error || !virtio) {
        return error;
    }
    place->vectors = device->vectors;
    error = machine_virtio_plug(machine, place, virtio);
    if (error) {
        device->ops->destroy(device->cookie);
    }
    return error;
}

int machine_devices_add(struct machine *machine)
{
    const struct machine_config *config = machine->config;
    if (config->device_count > MACHINE_DEVICES) {
        vmmp_log(&config->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "%u devices are too many: at most %u fit", config->device_count, MACHINE_DEVICES);
        return -ENOSPC;
    }
    for (unsigned i = 0; i < config->device_count; i++) {
        int error = add(machine, &config->devices[i], &machine->devices[i]);
        if (error) {
            vmmp_log(&config->log, VMMP_LOG_ERROR, VMMP_LOG_HOST, "making the %s failed: %s",
                     config->devices[i].name, strerror(-error));
            return error;
        }
    }
    return 0;
}

void machine_devices_remove(struct machine *machine)
{
    const struct machine_config *config = machine->config;
    for (unsigned i = 0; i < config->device_count && i < MACHINE_DEVICES; i++) {
        if (machine->devices[i].virtio) {
            machine_virtio_unplug(machine, &machine->devices[i]);
            config->devices[i].ops->destroy(config->devices[i].cookie);
        } else if (machine->devices[i].function_made) {
            machine->devices[i].function_made = false;
            config->devices[i].ops->destroy(config->devices[i].cookie);
        }
    }
}
