/* SPDX-License-Identifier: BSD-2-Clause */
/* Which BAR answers at an offset of a window: see struct vmmp_pci_decoder. */
#pragma once

#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/pci_host.h>

void vmmp_pci_decoder_init(struct vmmp_pci_decoder *decoder);

/*
 * Rebuilds the table: begin, add every BAR in the order of precedence, publish. One writer at a
 * time; readers see the old table until vmmp_pci_decoder_publish().
 */
void vmmp_pci_decoder_begin(struct vmmp_pci_decoder *decoder);
void vmmp_pci_decoder_add(struct vmmp_pci_decoder *decoder, uint32_t start, uint32_t last,
                          struct vmmp_window *window);
void vmmp_pci_decoder_publish(struct vmmp_pci_decoder *decoder);

/* An access to the window; any thread. What no BAR answers reads all-ones. */
uint64_t vmmp_pci_decoder_read(struct vmmp_pci_decoder *decoder, uint64_t offset, unsigned size);
void vmmp_pci_decoder_write(struct vmmp_pci_decoder *decoder, uint64_t offset, unsigned size,
                            uint64_t value);
