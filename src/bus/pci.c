/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI function's configuration space; BARs are in pci_bar.c. */
#include <sel4vmmplatsupport/vmmp/pci.h>

#include <errno.h>
#include <string.h>

#include "bus/pci_access.h"
#include "bus/pci_internal.h"
#include "bus/pci_regs.h"

#define COMMAND_WRITABLE                                                 \
    (PCICFG_COMMAND_IO | PCICFG_COMMAND_MEMORY | PCICFG_COMMAND_MASTER | \
     PCICFG_COMMAND_INTX_DISABLE)

void vmmp_pci_function_init(struct vmmp_pci_function *function, const char *name,
                            const struct vmmp_pci_identity *identity,
                            const struct vmmp_pci_function_ops *ops, void *cookie)
{
    memset(function, 0, sizeof(*function));
    function->name = name;
    function->ops = ops;
    function->cookie = cookie;
    function->capability_end = PCICFG_HEADER_END;

    vmmp_pci_define(function, PCICFG_VENDOR_ID, 2, identity->vendor, 0, 0);
    vmmp_pci_define(function, PCICFG_DEVICE_ID, 2, identity->device, 0, 0);
    vmmp_pci_define(function, PCICFG_COMMAND, 2, 0, COMMAND_WRITABLE, 0);
    vmmp_pci_define(function, PCICFG_REVISION_ID, 1, identity->revision, 0, 0);
    vmmp_pci_define(function, PCICFG_CLASS_CODE, 3, identity->class_code, 0, 0);
    vmmp_pci_define(function, PCICFG_CACHE_LINE_SIZE, 1, 0, 0xff, 0);
    vmmp_pci_define(function, PCICFG_LATENCY_TIMER, 1, 0, 0xff, 0);
    vmmp_pci_define(function, PCICFG_SUBSYSTEM_VENDOR_ID, 2, identity->subsystem_vendor, 0, 0);
    vmmp_pci_define(function, PCICFG_SUBSYSTEM_ID, 2, identity->subsystem, 0, 0);
    vmmp_pci_define(function, PCICFG_INTERRUPT_LINE, 1, 0, 0xff, 0);
    vmmp_pci_define(function, PCICFG_INTERRUPT_PIN, 1, identity->interrupt_pin, 0, 0);
}

void vmmp_pci_extend(struct vmmp_pci_function *function,
                     struct vmmp_pci_byte bytes[VMMP_PCI_EXTENDED_SIZE - VMMP_PCI_CONFIG_SIZE])
{
    memset(bytes, 0, sizeof(*bytes) * (VMMP_PCI_EXTENDED_SIZE - VMMP_PCI_CONFIG_SIZE));
    function->extended = bytes;
}

static bool inside(const struct vmmp_pci_function *function, unsigned offset, size_t size)
{
    unsigned limit = vmmp_pci_config_limit(function);
    return size > 0 && size <= limit && offset <= limit - size;
}

int vmmp_pci_define(struct vmmp_pci_function *function, unsigned offset, unsigned size,
                    uint64_t value, uint64_t writable, uint64_t clear)
{
    if (size > 8 || !inside(function, offset, size)) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < size; i++) {
        struct vmmp_pci_byte *byte = vmmp_pci_byte_at(function, offset + i);
        if (!byte) {
            return -EINVAL;
        }
        byte->value = (uint8_t)(value >> (8 * i));
        byte->writable = (uint8_t)(writable >> (8 * i));
        byte->clear = (uint8_t)(clear >> (8 * i));
    }
    return 0;
}

uint64_t vmmp_pci_peek(const struct vmmp_pci_function *function, unsigned offset, unsigned size)
{
    if (size > 8 || !inside(function, offset, size)) {
        return vmmp_all_ones(size);
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = offset + i;
        const struct vmmp_pci_byte *byte = at < VMMP_PCI_CONFIG_SIZE
                                               ? &function->config[at]
                                               : &function->extended[at - VMMP_PCI_CONFIG_SIZE];
        value |= (uint64_t)byte->value << (8 * i);
    }
    return value;
}

int vmmp_pci_add_register(struct vmmp_pci_function *function, struct vmmp_pci_register *reg)
{
    if (!inside(function, reg->offset, reg->size)) {
        return -EINVAL;
    }
    struct vmmp_pci_register **link = &function->registers;
    while (*link && (*link)->offset < reg->offset) {
        if ((*link)->offset + (*link)->size > reg->offset) {
            return -EBUSY;
        }
        link = &(*link)->next;
    }
    if (*link && reg->offset + reg->size > (*link)->offset) {
        return -EBUSY;
    }
    reg->next = *link;
    *link = reg;
    return 0;
}

int vmmp_pci_add_capability(struct vmmp_pci_function *function, uint8_t id, const void *body,
                            size_t len, const uint8_t *writable)
{
    unsigned offset = (function->capability_end + 3u) & ~3u;
    if (!body && len) {
        return -EINVAL;
    }
    if (offset > VMMP_PCI_CONFIG_SIZE - 2 || len > VMMP_PCI_CONFIG_SIZE - 2 - offset) {
        return -ENOSPC;
    }
    struct vmmp_pci_byte *config = function->config;
    config[offset + PCICFG_CAP_ID] = (struct vmmp_pci_byte){ .value = id };
    config[offset + PCICFG_CAP_NEXT] = (struct vmmp_pci_byte){ .value = 0 };
    for (size_t i = 0; i < len; i++) {
        config[offset + 2 + i] = (struct vmmp_pci_byte){
            .value = ((const uint8_t *)body)[i],
            .writable = writable ? writable[i] : (uint8_t)0,
        };
    }
    unsigned link = function->last_capability ? function->last_capability + PCICFG_CAP_NEXT
                                              : PCICFG_CAPABILITIES;
    config[link].value = (uint8_t)offset;
    config[PCICFG_STATUS].value |= PCICFG_STATUS_CAPABILITIES;
    function->last_capability = (uint8_t)offset;
    function->capability_end = (uint16_t)(offset + 2 + len);
    return (int)offset;
}

/* ---- INTx ---------------------------------------------------------------------------------- */

static bool intx_asserted(struct vmmp_pci_function *function)
{
    return __atomic_load_n(&function->intx, __ATOMIC_SEQ_CST) &&
           !(__atomic_load_n(&function->command, __ATOMIC_SEQ_CST) & PCICFG_COMMAND_INTX_DISABLE);
}

/*
 * The device (in its context) and the command register (in the host's) both change what the line
 * should be, and neither may wait for the other. Whoever drives the source looks again afterwards:
 * the last one to drive it has then seen the last change.
 */
static void intx_drive(struct vmmp_pci_function *function)
{
    bool high;
    do {
        high = intx_asserted(function);
        vmmp_irq_source_set(&function->irq, high);
    } while (high != intx_asserted(function));
}

void vmmp_pci_intx_set(struct vmmp_pci_function *function, bool high)
{
    __atomic_store_n(&function->intx, high, __ATOMIC_SEQ_CST);
    intx_drive(function);
}

uint16_t vmmp_pci_command(const struct vmmp_pci_function *function)
{
    return __atomic_load_n(&function->command, __ATOMIC_SEQ_CST);
}

static void command_update(struct vmmp_pci_function *function)
{
    uint16_t before = vmmp_pci_command(function);
    uint16_t after = (uint16_t)vmmp_pci_peek(function, PCICFG_COMMAND, 2);
    if (before == after) {
        return;
    }
    __atomic_store_n(&function->command, after, __ATOMIC_SEQ_CST);
    if ((before ^ after) & PCICFG_COMMAND_INTX_DISABLE) {
        intx_drive(function);
    }
    vmmp_pci_update_decode(function);
    if (function->ops && function->ops->command_changed) {
        function->ops->command_changed(function->cookie, before, after);
    }
}

void vmmp_pci_set_command(struct vmmp_pci_function *function, uint16_t command)
{
    vmmp_pci_function_write(function, PCICFG_COMMAND, 2, command);
}

/* ---- accesses ------------------------------------------------------------------------------ */

static bool legal_size(unsigned size)
{
    return size == 1 || size == 2 || size == 4 || size == 8;
}

static uint32_t stored_read(void *cookie, unsigned offset, unsigned size)
{
    struct vmmp_pci_function *function = cookie;
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        const struct vmmp_pci_byte *stored = vmmp_pci_byte_at(function, offset + i);
        if (!stored) {
            return UINT32_MAX;
        }
        uint8_t byte = stored->value;
        if (offset + i == PCICFG_STATUS && __atomic_load_n(&function->intx, __ATOMIC_SEQ_CST)) {
            byte |= PCICFG_STATUS_INTERRUPT;
        }
        value |= (uint32_t)byte << (8 * i);
    }
    return value;
}

static void stored_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++) {
        struct vmmp_pci_byte *byte = vmmp_pci_byte_at(cookie, offset + i);
        if (!byte) {
            return;
        }
        uint8_t written = (uint8_t)(value >> (8 * i));
        uint8_t kept = (uint8_t)(byte->value & ~byte->writable & ~(written & byte->clear));
        byte->value = (uint8_t)(kept | (written & byte->writable));
    }
}

static uint32_t hook_read(void *cookie, unsigned offset, unsigned size)
{
    const struct vmmp_pci_register *reg = cookie;
    return reg->read(reg->cookie, offset - reg->offset, size);
}

static void hook_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    const struct vmmp_pci_register *reg = cookie;
    reg->write(reg->cookie, offset - reg->offset, size, value);
}

/* The bytes of an access that a register has: from `*from` on (counted in the access), `*size`. */
static bool register_part(const struct vmmp_pci_register *reg, unsigned offset, unsigned size,
                          unsigned *from, unsigned *part)
{
    unsigned start = offset > reg->offset ? offset : reg->offset;
    unsigned end = offset + size;
    if (end > (unsigned)reg->offset + reg->size) {
        end = (unsigned)reg->offset + reg->size;
    }
    *from = start - offset;
    *part = start < end ? end - start : 0;
    return *part > 0;
}

uint64_t vmmp_pci_function_read_within(struct vmmp_pci_function *function, unsigned limit,
                                       unsigned offset, unsigned size)
{
    if (!legal_size(size) || offset >= limit) {
        return vmmp_all_ones(size);
    }
    uint64_t value = vmmp_pci_split_read(limit, offset, size, stored_read, function);
    for (struct vmmp_pci_register *reg = function->registers; reg; reg = reg->next) {
        unsigned from;
        unsigned part;
        if (reg->read && register_part(reg, offset, size, &from, &part)) {
            uint64_t mask = vmmp_all_ones(part) << (8 * from);
            uint64_t bytes = vmmp_pci_split_read(limit, offset + from, part, hook_read, reg);
            value = (value & ~mask) | ((bytes << (8 * from)) & mask);
        }
    }
    return value;
}

static bool touches(unsigned offset, unsigned size, unsigned first, unsigned end)
{
    return offset < end && offset + size > first;
}

void vmmp_pci_function_write_within(struct vmmp_pci_function *function, unsigned limit,
                                    unsigned offset, unsigned size, uint64_t value)
{
    if (!legal_size(size) || offset >= limit) {
        return;
    }
    vmmp_pci_split_write(limit, offset, size, value, stored_write, function);
    if (touches(offset, size, PCICFG_BAR0, PCICFG_BARS_END)) {
        vmmp_pci_update_decode(function);
    }
    if (touches(offset, size, PCICFG_COMMAND, PCICFG_STATUS)) {
        command_update(function);
    }
    for (struct vmmp_pci_register *reg = function->registers; reg; reg = reg->next) {
        unsigned from;
        unsigned part;
        if (reg->write && register_part(reg, offset, size, &from, &part)) {
            vmmp_pci_split_write(limit, offset + from, part, value >> (8 * from), hook_write, reg);
        }
    }
}

uint64_t vmmp_pci_function_read(struct vmmp_pci_function *function, unsigned offset, unsigned size)
{
    return vmmp_pci_function_read_within(function, vmmp_pci_config_limit(function), offset, size);
}

void vmmp_pci_function_write(struct vmmp_pci_function *function, unsigned offset, unsigned size,
                             uint64_t value)
{
    vmmp_pci_function_write_within(function, vmmp_pci_config_limit(function), offset, size, value);
}
