/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the node writers. */
#pragma once

#include <sel4vmmplatsupport/vmmp/addr.h>
#include <sel4vmmplatsupport/vmmp/fdt.h>

/* Interrupt specifiers of a GIC (Linux interrupt-controller/arm,gic.yaml). */
#define GIC_SPI         0u
#define GIC_PPI         1u
#define IRQ_EDGE_RISING 1u
#define IRQ_LEVEL_HIGH  4u

/** Room for a property of `size` bytes, to be filled before the next call; NULL after an error. */
uint8_t *vmmp_fdt_space(struct vmmp_fdt *fdt, const char *name, size_t size);
/** Big-endian values; return where the next one goes. */
uint8_t *vmmp_fdt_put32(uint8_t *at, uint32_t value);
uint8_t *vmmp_fdt_put64(uint8_t *at, uint64_t value);
/** The caller asked for something impossible. */
void vmmp_fdt_fail(struct vmmp_fdt *fdt);
