/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the PCI bus share. */
#pragma once

#include <sel4vmmplatsupport/vmmp/pci.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>

/** Where a configuration byte is kept, or NULL outside of the function's space. */
static inline struct vmmp_pci_byte *vmmp_pci_byte_at(struct vmmp_pci_function *function,
                                                     unsigned offset)
{
    if (offset < VMMP_PCI_CONFIG_SIZE) {
        return &function->config[offset];
    }
    if (function->extended && offset < VMMP_PCI_EXTENDED_SIZE) {
        return &function->extended[offset - VMMP_PCI_CONFIG_SIZE];
    }
    return 0;
}

/** Bytes of configuration space the function has. */
static inline unsigned vmmp_pci_config_limit(const struct vmmp_pci_function *function)
{
    return function->extended ? VMMP_PCI_EXTENDED_SIZE : VMMP_PCI_CONFIG_SIZE;
}

/** As vmmp_pci_function_read() and _write(), in a space of at most `limit` bytes. */
uint64_t vmmp_pci_function_read_within(struct vmmp_pci_function *function, unsigned limit,
                                       unsigned offset, unsigned size);
void vmmp_pci_function_write_within(struct vmmp_pci_function *function, unsigned limit,
                                    unsigned offset, unsigned size, uint64_t value);

/** Moves the BARs to where the registers say, and tells the bus and the device. */
void vmmp_pci_update_decode(struct vmmp_pci_function *function);

/** Sets up the windows `config` and `config_ports` of a host whose settings are in place. */
void vmmp_pci_config_windows_init(struct vmmp_pci_host *pci);
