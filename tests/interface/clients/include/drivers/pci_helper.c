/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include <sel4vmmplatsupport/drivers/pci.h>
#include <sel4vmmplatsupport/drivers/pci_helper.h>

extern vmm_pci_config_t client_pci_config;

/* A real device, as it is put together for a guest. */
int client_pci_passthrough(vmm_pci_space_t *space)
{
    vmm_pci_bar_t bars[6];
    vmm_pci_address_t addr = { 1, 2, 3 };

    bars[0] = (vmm_pci_bar_t){ NON_PREFETCH_MEM, 0x10000000, 12 };
    bars[1].mem_type = PREFETCH_MEM;
    bars[1].address = 0x20000000;
    bars[1].size_bits = 20;
    bars[2] = (vmm_pci_bar_t){ .mem_type = NON_MEM, .address = 0x9000, .size_bits = 10 };

    vmm_pci_entry_t entry = vmm_pci_create_passthrough(addr, client_pci_config);
    entry = vmm_pci_create_bar_emulation(entry, 3, bars);
    entry = vmm_pci_create_irq_emulation(entry, 6);
    entry = vmm_pci_no_msi_cap_emulation(entry);
    return vmm_pci_add_entry(space, entry, NULL);
}

static vmm_pci_device_def_t header = {
    .vendor_id = 0x1af4,
    .device_id = 0x1000,
    .command = 3,
    .header_type = 0,
    .subsystem_vendor_id = 0x1af4,
    .interrupt_pin = 1,
    .interrupt_line = 82,
    .bar0 = 1,
    .cache_line_size = 64,
    .latency_timer = 64,
    .prog_if = 0,
    .subclass = 0,
    .class_code = 2,
};

int client_pci_memory(vmm_pci_space_t *space)
{
    uint8_t caps[] = { 0x40 };
    uint8_t start[] = { 0x50 };
    uint8_t end[] = { 0x58 };
    vmm_pci_entry_t entry = { .cookie = &header,
                              .ioread = vmm_pci_mem_device_read,
                              .iowrite = vmm_pci_mem_device_write };

    define_pci_host_bridge(&header);
    header.caps_len = 0;
    header.caps = NULL;
    if (vmm_pci_add_entry(space, vmm_pci_create_cap_emulation(entry, 1, caps, 1, start, end),
                          NULL)) {
        return -1;
    }
    entry.iowrite = vmm_pci_entry_ignore_write;
    return vmm_pci_add_entry(space, entry, NULL) + (int)PCI_BAR_OFFSET(5);
}

/* Their states, which some build by themselves. */
struct client_pci_layers {
    pci_bar_emulation_t bar;
    pci_irq_emulation_t irq;
    pci_passthrough_device_t device;
    pci_cap_emulation_t cap;
};

uint32_t client_pci_layers(struct client_pci_layers *layers)
{
    layers->irq.passthrough = layers->bar.passthrough;
    layers->cap.passthrough = layers->irq.passthrough;
    layers->device.config = client_pci_config;
    return layers->bar.bar_writes[0] + (uint32_t)layers->bar.num_bars + (uint32_t)layers->irq.irq +
           layers->device.addr.dev + layers->cap.caps[0] + layers->cap.ignore_start[0] +
           layers->cap.ignore_end[layers->cap.num_ignore] + (uint32_t)layers->cap.num_caps;
}
